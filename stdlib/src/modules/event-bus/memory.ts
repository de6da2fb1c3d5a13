/** `cla/event-bus/memory`: events within one run. */

import type { BaseEvent, EventListenerFn, IEventBusAdapter } from "cla/event-bus";

/** Brings events to all buses of this run that have this very adapter. */
export class MemoryEventBusAdapter implements IEventBusAdapter {
  readonly #listeners = new Map<string, Set<EventListenerFn<BaseEvent>>>();

  async addListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void> {
    const listeners = this.#listeners.get(eventName);
    if (listeners === undefined) {
      this.#listeners.set(eventName, new Set([listener]));
    } else {
      listeners.add(listener);
    }
  }

  async removeListener(eventName: string, listener: EventListenerFn<BaseEvent>): Promise<void> {
    const listeners = this.#listeners.get(eventName);
    listeners?.delete(listener);
    if (listeners?.size === 0) {
      this.#listeners.delete(eventName);
    }
  }

  async dispatch(eventName: string, event: BaseEvent): Promise<void> {
    // Those who are added meanwhile get the next one.
    for (const listener of [...(this.#listeners.get(eventName) ?? [])]) {
      listener(event);
    }
  }
}
