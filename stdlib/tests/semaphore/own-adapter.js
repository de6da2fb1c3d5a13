// An adapter as a rule's author may write one: semaphores in a `Map`. Some of it answers at once, some later.
class MapSemaphoreAdapter {
  #semaphores = new Map();

  async acquire({ key, slotId, limit, ttl }) {
    let semaphore = this.#live(key);
    if (semaphore === undefined) {
      semaphore = { limit, slots: new Map() };
      this.#semaphores.set(key, semaphore);
    }
    const { slots } = semaphore;
    if (slots.size >= semaphore.limit) {
      return false;
    }
    if (!slots.has(slotId)) {
      slots.set(slotId, ttl === null ? null : ttl.toEndDate());
    }
    return true;
  }

  release(key, slotId) {
    return this.#live(key)?.slots.delete(slotId) ?? false;
  }

  async forceReleaseAll(key) {
    const held = this.#live(key) !== undefined;
    return this.#semaphores.delete(key) && held;
  }

  refresh(key, slotId, ttl) {
    const slots = this.#live(key)?.slots;
    if (!slots?.get(slotId)) {
      return false;
    }
    slots.set(slotId, ttl.toEndDate());
    return true;
  }

  async getState(key) {
    const semaphore = this.#live(key);
    return semaphore === undefined ? null : { limit: semaphore.limit, acquiredSlots: new Map(semaphore.slots) };
  }

  /** The semaphore without what has expired, if a slot of it is held. */
  #live(key) {
    const semaphore = this.#semaphores.get(key);
    for (const [slotId, expires] of semaphore?.slots ?? []) {
      if (expires !== null && expires <= new Date()) {
        semaphore.slots.delete(slotId);
      }
    }
    return semaphore?.slots.size ? semaphore : undefined;
  }
}
