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

import { shown } from "cla/redis/native";

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
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisError";
  }
}

/** What a URL says, as it is written there. */
interface Address {
  scheme: string;
  username: string | undefined;
  password: string | undefined;
  hosts: string;
  path: string;
  query: string;
}

/** Options that choose another server or other keys, or trust others: ignoring them would be wrong. */
const REFUSED: Record<string, string> = {
  path: "Unix sockets are not supported: give a host",
  sentinels: "give a URL: redis-sentinel://HOST:PORT,HOST:PORT/NAME",
  keyPrefix: "give a URL with ?prefix=PREFIX, or namespaces to what uses the server",
};

/** Options of TLS of this kind. */
const REFUSED_TLS = ["ca", "cert", "key", "pfx", "rejectUnauthorized"];

let addRelease: (redis: Redis, release: () => void) => void;

/**
 * Names a server. It opens nothing: adapters do, when they need it.
 *
 * Made of a URL (`redis://`, `rediss://` with TLS, `redis-cluster://`, `redis-sentinel://`), of a port and a host, or of
 * options; what comes first counts.
 */
export class Redis {
  /** The URL without the password. */
  readonly address: string;
  readonly #url: string;
  readonly #releases = new Set<() => void>();

  static {
    addRelease = (redis, release) => redis.#releases.add(release);
  }

  constructor(port: number | string, host: string, options?: RedisOptions);
  constructor(url: string, options?: RedisOptions);
  constructor(port: number, options?: RedisOptions);
  constructor(options?: RedisOptions);
  constructor(...settings: (number | string | RedisOptions | null | undefined)[]) {
    this.#url = urlOf(settings);
    this.address = shown(this.#url);
  }

  /** The URL, with the password. */
  get url(): string {
    return this.#url;
  }

  /** Another one of the same server, apart from what these options say. */
  duplicate(options: RedisOptions = {}): Redis {
    return new Redis(change(parse(this.#url), checkOptions(options), true));
  }

  /**
   * Closes what adapters have opened, and ends their subscriptions at once. Used again, they open it again.
   */
  disconnect(): void {
    for (const release of this.#releases) {
      release();
    }
  }

  /** As `disconnect`. */
  async quit(): Promise<"OK"> {
    this.disconnect();
    return "OK";
  }

  toString(): string {
    return this.address;
  }
}

export default Redis;

/**
 * Has something called by `disconnect()`.
 *
 * @internal
 */
export function onDisconnect(redis: Redis, release: () => void): void {
  addRelease(redis, release);
}

function urlOf(settings: readonly unknown[]): string {
  let address: Address | undefined;
  const first: RedisOptions = {};
  const given: RedisOptions[] = [first];
  settings.forEach((setting, at) => {
    if (typeof setting === "object" && setting !== null) {
      given.push(checkOptions(setting));
    } else if (at === 0 && (typeof setting === "number" || (typeof setting === "string" && /^\d+$/.test(setting)))) {
      first.port = setting;
    } else if (at === 0 && typeof setting === "string") {
      address = parse(setting);
    } else if (at === 1 && typeof setting === "string" && address === undefined) {
      first.host = setting;
    } else if (setting !== undefined && setting !== null) {
      throw new TypeError("Redis: give a URL, a port and a host, or options");
    }
  });
  const options = given.reduceRight((later, earlier) => ({ ...later, ...defined(earlier) }), {});
  if (address !== undefined) {
    return change(address, options, false);
  }
  const { host = "127.0.0.1", port = 6379 } = options;
  checkText("host", host);
  const number = wholeNumber(port);
  if (number === undefined || number < 1 || number > 65535) {
    throw new TypeError(`Redis: ${show(port)} is no port: give a number from 1 to 65535`);
  }
  const hosts = `${host.includes(":") ? `[${host}]` : encodeURIComponent(host)}:${number}`;
  const server = { scheme: "redis", username: undefined, password: undefined, hosts, path: "", query: "" };
  return change(server, options, false);
}

/** What options say, without what they leave open. */
function defined(options: RedisOptions): RedisOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null));
}

function checkOptions(options: object): RedisOptions {
  for (const [name, remedy] of Object.entries(REFUSED)) {
    if ((options as RedisOptions)[name] !== undefined && (options as RedisOptions)[name] !== null) {
      throw new TypeError(`Redis: the option \`${name}\` is not supported; ${remedy}`);
    }
  }
  const { tls } = options as RedisOptions;
  for (const name of REFUSED_TLS) {
    if (typeof tls === "object" && (tls as RedisOptions | null)?.[name] !== undefined) {
      throw new TypeError(`Redis: the option \`tls.${name}\` is not supported; give a URL: rediss://HOST?ca=FILE`);
    }
  }
  return options as RedisOptions;
}

function parse(url: string): Address {
  if (url.startsWith("/")) {
    throw new TypeError(`Redis: ${REFUSED["path"]}`);
  }
  const [, scheme = "redis", rest = url] = /^([^:/@]*):\/\/(.*)$/s.exec(url) ?? [];
  const [server, query = ""] = split(rest, "?");
  const at = server.lastIndexOf("@");
  const [username, password] = at < 0 ? [undefined, undefined] : split(server.slice(0, at), ":");
  const [hosts, path = ""] = split(server.slice(at + 1), "/");
  return { scheme, username: username || undefined, password: password || undefined, hosts, path, query };
}

/** What is in front of the first separator, and what is behind it. */
function split(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** The URL with what options say: in place of what it says itself, if they `win`, or where it says nothing. */
function change(address: Address, options: RedisOptions, win: boolean): string {
  let { scheme, username, password, hosts, path } = address;
  const wanted = (own: string | undefined, name: "username" | "password"): string | undefined => {
    const value = options[name] ?? undefined;
    if (value === undefined || (own !== undefined && !win)) {
      return own;
    }
    checkText(name, value);
    return encodeURIComponent(value) || undefined;
  };
  username = wanted(username, "username");
  password = wanted(password, "password");
  if (win && ((options.host ?? undefined) !== undefined || (options.port ?? undefined) !== undefined)) {
    const { hosts: other } = parse(urlOf([{ ...splitHost(hosts), ...defined({ host: options.host, port: options.port }) }]));
    hosts = other;
  }
  const { db, tls } = options;
  if ((db ?? undefined) !== undefined) {
    const database = wholeNumber(db);
    if (database === undefined) {
      throw new TypeError(`Redis: the option \`db\` must be the number of a database, not ${show(db)}`);
    }
    // In front of the database of a server that Sentinels know, there is its name.
    const parts = path.split("/").filter((part) => part !== "");
    const place = scheme.endsWith("-sentinel") && !/(^|&)service=/.test(address.query) ? 1 : 0;
    if (parts.length === place || (win && parts.length > place)) {
      path = [...parts.slice(0, place), String(database)].join("/");
    }
  }
  if (tls !== undefined && tls !== null && tls !== false) {
    scheme = scheme.replace(/^(redis|valkey)(?=$|-)/, "$1s");
  }
  const user = username === undefined && password === undefined ? "" : `${username ?? ""}${secret(password)}@`;
  const tail = `${path === "" ? "" : `/${path}`}${address.query === "" ? "" : `?${address.query}`}`;
  return `${scheme}://${user}${hosts}${tail}`;
}

function secret(password: string | undefined): string {
  return password === undefined ? "" : `:${password}`;
}

/** One host and its port. */
function splitHost(hosts: string): RedisOptions {
  const [, host, port] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(hosts) ?? [];
  return defined({ host: host && decodeURIComponent(host), port });
}

/** A number, which may be given as the text of one: settings often come from the environment. */
function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 0 ? number : undefined;
}

function checkText(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw new TypeError(`Redis: the option \`${name}\` must be a string, not of type ${typeof value}`);
  }
}

/** A value in an error message. */
function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
