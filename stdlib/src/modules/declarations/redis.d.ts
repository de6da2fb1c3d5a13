// Made of redis.ts by `cargo xtask types --write`.

/**
 * `cla/redis`: which Redis or Valkey server, for the adapters that use one.
 *
 * ```js
 * import Redis from "cla/redis";
 * import { RedisPubSubEventBusAdapter } from "cla/event-bus/redis";
 * const redis = new Redis("redis://me:secret@example.org:6379/0");
 * const adapter = new RedisPubSubEventBusAdapter({ client: redis, serde });
 * ```
 *
 * What a server sends at once may take 16 MB. More closes the connection, with a `RedisError` that names the limit.
 */
declare module "cla/redis" {
  /** Which server, and who we are to it. Other options of a client are ignored: how to connect is ours to know. */
  export interface RedisOptions {
    /** Default: `127.0.0.1`. */
    host?: string;
    /** Default: 6379. */
    port?: number | string;
    username?: string;
    password?: string;
    /** The number of the database. Default: 0. */
    db?: number | string;
    /** Whether to speak TLS, with the certificates that the system trusts. Those of a file: `rediss://HOST?ca=FILE`. */
    tls?: boolean | object;
    [other: string]: unknown;
  }
  /** What cannot be reached, refuses what is asked of it, or sends more than it may. */
  export class RedisError extends Error {
    constructor(message: string, options?: ErrorOptions);
  }
  /**
   * Names a server. It opens nothing: adapters do, when they need it.
   *
   * Made of a URL (`redis://`, `rediss://` with TLS, `redis-cluster://`, `redis-sentinel://`), of a port and a host, or of
   * options; what comes first counts.
   */
  export class Redis {
    #private;
    /** The URL without the password. */
    readonly address: string;
    constructor(port: number | string, host: string, options?: RedisOptions);
    constructor(url: string, options?: RedisOptions);
    constructor(port: number, options?: RedisOptions);
    constructor(options?: RedisOptions);
    /** The URL, with the password. */
    get url(): string;
    /** Another one of the same server, apart from what these options say. */
    duplicate(options?: RedisOptions): Redis;
    /**
     * Closes what adapters have opened, and ends their subscriptions at once. Used again, they open it again.
     */
    disconnect(): void;
    /** As `disconnect`. */
    quit(): Promise<"OK">;
    toString(): string;
  }
  export default Redis;
}

interface ClaModules {
  "cla/redis": typeof import("cla/redis");
}
