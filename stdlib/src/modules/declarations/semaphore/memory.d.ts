// Made of semaphore/memory.ts by `cargo xtask types --write`.

/** `cla/semaphore/memory`: semaphores of this run alone. */
declare module "cla/semaphore/memory" {
  import { StoreSemaphoreAdapter } from "cla/semaphore/store";
  /** Semaphores in memory, apart from those of every other adapter: nobody else sees them. */
  export class MemorySemaphoreAdapter extends StoreSemaphoreAdapter {
    constructor();
  }
}

interface ClaModules {
  "cla/semaphore/memory": typeof import("cla/semaphore/memory");
}
