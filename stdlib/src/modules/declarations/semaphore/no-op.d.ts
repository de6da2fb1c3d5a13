// Made of semaphore/no-op.ts by `cargo xtask types --write`.

/** `cla/semaphore/no-op`: semaphores that let everybody in. */
declare module "cla/semaphore/no-op" {
  import type { ISemaphoreAdapter, ISemaphoreAdapterState } from "cla/semaphore/contracts";
  /** Says yes to everything and keeps nothing, for tests and for switching semaphores off. */
  export class NoOpSemaphoreAdapter implements ISemaphoreAdapter {
    acquire(): Promise<boolean>;
    release(): Promise<boolean>;
    forceReleaseAll(): Promise<boolean>;
    refresh(): Promise<boolean>;
    getState(): Promise<ISemaphoreAdapterState | null>;
  }
}

interface ClaModules {
  "cla/semaphore/no-op": typeof import("cla/semaphore/no-op");
}
