// Made of semaphore/sqlite.ts by `cargo xtask types --write`.

/** `cla/semaphore/sqlite`: semaphores in a file, for all processes of a machine. */
declare module "cla/semaphore/sqlite" {
  import { StoreSemaphoreAdapter } from "cla/semaphore/store";
  /** Where the file is. */
  export interface SqliteSemaphoreAdapterSettings {
    /** Its path, relative to where `cla` was started; the file is made if there is none. */
    path: string;
  }
  /** Semaphores in an SQLite file. */
  export class SqliteSemaphoreAdapter extends StoreSemaphoreAdapter {
    /** @param settings The file's path, also as `sqlite:PATH`; or an object with the path. */
    constructor(settings: string | SqliteSemaphoreAdapterSettings);
  }
}

interface ClaModules {
  "cla/semaphore/sqlite": typeof import("cla/semaphore/sqlite");
}
