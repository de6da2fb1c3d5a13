/** `cla/semaphore/sqlite`: semaphores in a file, for all processes of a machine. */

import { connect } from "cla/semaphore/native";
import { StoreSemaphoreAdapter } from "cla/semaphore/store";

/** Where the file is. */
export interface SqliteSemaphoreAdapterSettings {
  /** Its path, relative to where `cla` was started; the file is made if there is none. */
  path: string;
}

/** Semaphores in an SQLite file. */
export class SqliteSemaphoreAdapter extends StoreSemaphoreAdapter {
  /** @param settings The file's path, also as `sqlite:PATH`; or an object with the path. */
  constructor(settings: string | SqliteSemaphoreAdapterSettings) {
    const path = typeof settings === "string" ? settings : settings?.path;
    if (typeof path !== "string" || path === "") {
      throw new TypeError("SqliteSemaphoreAdapter: give it the path of a file");
    }
    super(connect("SqliteSemaphoreAdapter: the path", path.startsWith("sqlite:") ? path : `sqlite:${path}`));
  }
}
