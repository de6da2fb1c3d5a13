// Made of semaphore/redis.ts by `cargo xtask types --write`.

/** `cla/semaphore/redis`: semaphores on a Redis or Valkey server, for many machines. */
declare module "cla/semaphore/redis" {
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
    constructor(settings: RedisConnection | RedisSemaphoreAdapterSettings | string);
  }
}

interface ClaModules {
  "cla/semaphore/redis": typeof import("cla/semaphore/redis");
}
