// Made of semaphore/store.ts by `cargo xtask types --write`.

/**
 * `cla/semaphore/store`: semaphores of a store of `cla`.
 *
 * They are those of `cla/sem`: in line with whoever uses `sem.take` on the same store, and seen and steered by
 * administrators.
 */
declare module "cla/semaphore/store" {
  import type { ISemaphoreAdapter, ISemaphoreAdapterState, SemaphoreAcquireSettings } from "cla/semaphore/contracts";
  import type { TimeSpan } from "cla/time-span";
  /**
   * Semaphores of a store of `cla`. Without a URL, that of the run.
   *
   * What a run holds is given back when it ends, as everything that it takes.
   */
  export class StoreSemaphoreAdapter implements ISemaphoreAdapter {
    #private;
    /**
     * @param url `sqlite:PATH`, `redis://HOST:PORT/DB`, ... Nothing is opened before it is used, and a run opens it once.
     * @throws TypeError if it names no store.
     */
    constructor(url?: string);
    acquire({ key, slotId, limit, ttl }: SemaphoreAcquireSettings): Promise<boolean>;
    release(key: string, slotId: string): Promise<boolean>;
    forceReleaseAll(key: string): Promise<boolean>;
    refresh(key: string, slotId: string, ttl: TimeSpan): Promise<boolean>;
    getState(key: string): Promise<ISemaphoreAdapterState | null>;
  }
}
