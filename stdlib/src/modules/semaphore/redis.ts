/** `cla/semaphore/redis`: semaphores on a Redis or Valkey server, for many machines. */

import { connect } from "cla/semaphore/native";
import { StoreSemaphoreAdapter } from "cla/semaphore/store";

/** What names a server: a `Redis` of `ioredis` (`cla/redis`), or anything else that has its URL. */
export interface RedisConnection {
  readonly url: string;
}

/** Where the semaphores are. */
export interface RedisSemaphoreAdapterSettings {
  database: RedisConnection | string;
  /** Not needed: what is kept there are no values of the rule's. */
  serde?: unknown;
}

/** Semaphores on a server. */
export class RedisSemaphoreAdapter extends StoreSemaphoreAdapter {
  /** @param settings The server: a `Redis`, its URL, or an object with one of them as `database`. */
  constructor(settings: RedisConnection | RedisSemaphoreAdapterSettings | string) {
    const { database = settings } = (settings ?? {}) as Partial<RedisSemaphoreAdapterSettings>;
    const url = typeof database === "string" ? database : (database as RedisConnection | undefined)?.url;
    if (typeof url !== "string") {
      throw new TypeError("RedisSemaphoreAdapter: give it a Redis, as in new RedisSemaphoreAdapter(new Redis(url))");
    }
    if (/^\s*(memory|sqlite):/.test(url)) {
      throw new TypeError(`RedisSemaphoreAdapter: the URL: ${JSON.stringify(url)} is no server; write redis://HOST:PORT/DB`);
    }
    super(connect("RedisSemaphoreAdapter: the URL", url));
  }
}
