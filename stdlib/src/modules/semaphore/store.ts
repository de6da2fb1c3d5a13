/**
 * `cla/semaphore/store`: semaphores of a store of `cla`.
 *
 * They are those of `cla/sem`: in line with whoever uses `sem.take` on the same store, and seen and steered by
 * administrators.
 */

import type { ISemaphoreAdapter, ISemaphoreAdapterState, SemaphoreAcquireSettings } from "cla/semaphore/contracts";
import { connect, type NativeSlot, type NativeStore, own } from "cla/semaphore/native";
import type { TimeSpan } from "cla/time-span";

/**
 * The methods of an adapter.
 *
 * @internal
 */
export const ADAPTER_METHODS = ["acquire", "release", "forceReleaseAll", "refresh", "getState"] as const;

/**
 * Semaphores of a store of `cla`. Without a URL, that of the run.
 *
 * What a run holds is given back when it ends, as everything that it takes.
 */
export class StoreSemaphoreAdapter implements ISemaphoreAdapter {
  readonly #store: NativeStore;

  /**
   * @param url `sqlite:PATH`, `redis://HOST:PORT/DB`, ... Nothing is opened before it is used, and a run opens it once.
   * @throws TypeError if it names no store.
   */
  constructor(url?: string);
  /** @internal */
  constructor(store: NativeStore);
  constructor(store?: string | NativeStore) {
    if (typeof store === "object" && store !== null) {
      this.#store = store;
    } else {
      this.#store = store === undefined ? own() : connect("StoreSemaphoreAdapter: the URL", store);
    }
  }

  /**
   * Whether it does all as the store does: a class made of this one may do something in another way.
   *
   * @internal
   */
  get isPlain(): boolean {
    const { prototype } = StoreSemaphoreAdapter;
    return ADAPTER_METHODS.every((name) => this[name] === prototype[name]);
  }

  /** @internal */
  slot(key: string, slotId: string, limit: number, ttl: TimeSpan | null): NativeSlot {
    return this.#store.slot(key, slotId, limit, ttl === null ? null : ttl.toMilliseconds());
  }

  async acquire({ key, slotId, limit, ttl }: SemaphoreAcquireSettings): Promise<boolean> {
    return this.slot(key, slotId, limit, ttl).acquire();
  }

  async release(key: string, slotId: string): Promise<boolean> {
    return this.slot(key, slotId, 1, null).release();
  }

  async forceReleaseAll(key: string): Promise<boolean> {
    return this.#store.forceReleaseAll(key);
  }

  async refresh(key: string, slotId: string, ttl: TimeSpan): Promise<boolean> {
    return this.slot(key, slotId, 1, null).refresh(ttl.toMilliseconds());
  }

  async getState(key: string): Promise<ISemaphoreAdapterState | null> {
    const { limit, taken } = await this.#store.state(key);
    if (taken.length === 0) {
      return null;
    }
    const now = Date.now();
    const expiry = (left: number | null) => (left === null ? null : new Date(now + left));
    return { limit, acquiredSlots: new Map(taken.map(({ id, remaining }) => [id, expiry(remaining)])) };
  }
}
