/** `cla/semaphore/no-op`: semaphores that let everybody in. */

import type { ISemaphoreAdapter, ISemaphoreAdapterState } from "cla/semaphore/contracts";

/** Says yes to everything and keeps nothing, for tests and for switching semaphores off. */
export class NoOpSemaphoreAdapter implements ISemaphoreAdapter {
  async acquire(): Promise<boolean> {
    return true;
  }

  async release(): Promise<boolean> {
    return true;
  }

  async forceReleaseAll(): Promise<boolean> {
    return true;
  }

  async refresh(): Promise<boolean> {
    return true;
  }

  async getState(): Promise<ISemaphoreAdapterState | null> {
    return null;
  }
}
