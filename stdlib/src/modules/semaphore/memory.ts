/** `cla/semaphore/memory`: semaphores of this run alone. */

import { memory } from "cla/semaphore/native";
import { StoreSemaphoreAdapter } from "cla/semaphore/store";

/** Semaphores in memory, apart from those of every other adapter: nobody else sees them. */
export class MemorySemaphoreAdapter extends StoreSemaphoreAdapter {
  constructor() {
    super(memory());
  }
}
