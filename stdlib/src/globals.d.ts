/** The built-in modules, by name, as `require` gives them. Each module's declarations add theirs. */
interface ClaModules {}

/**
 * Gives what a module exports: a built-in one (`cla/util`), or a file relative to this one (`./lib.js`).
 */
declare function require<Name extends keyof ClaModules>(name: Name): ClaModules[Name];
declare function require(path: string): any;

/** What a module knows of itself. */
interface ImportMeta {
  /** Where the file is, as a `file:` URL. */
  readonly url: string;
  /** The path of the file. */
  readonly filename: string;
  /** The path of its folder. */
  readonly dirname: string;
  /** Whether it is the rule itself, and not a module that the rule imports. */
  readonly main: boolean;
}

/** The run itself: its data, and text with data in it. */
declare namespace cla {
  /** The whole stash: the data that the host gave this run, and what the rule put there. */
  function stash(): Record<string, any>;
  /**
   * What is at a path of the stash; `undefined` if nothing is.
   *
   * @param path A JSON pointer such as `"/servers/0/name"` (`~0` stands for `~`, `~1` for `/`), or the name of a
   *   top-level key.
   */
  function stash<T = any>(path: string): T;
  /**
   * Puts a value at a path of the stash, and returns it.
   *
   * What is missing on the way is made: an array where the next part is `-` or `0`, an object elsewhere. The part
   * `-` stands for the end of an array.
   *
   * @throws TypeError if something on the way is no object; RangeError for an index beyond the end of an array.
   */
  function stash<T>(path: string, value: T): T;

  /**
   * Replaces `${name}` in strings, also in those inside of arrays and plain objects, which are copied.
   *
   * `name` is a key, a way (`server.name`, `list.0`) or a JSON pointer (`/server/name`) into `vars`. A string that
   * is nothing but one variable becomes its value, whatever its type; elsewhere, objects are inserted as JSON.
   * Unknown variables stay as they are; `$${name}` gives `${name}`; what is inserted is not looked through again.
   *
   * @param vars Where to look (default: the stash).
   */
  function parseVars<T>(value: T, vars?: object): T;

  /**
   * Adds a filter for rulebooks of this run: `${name|NAME}` is what `fn` makes of the value of `name`, and `${name|NAME(1, 'a')}`
   * gives it more arguments. A filter that the language has itself stays as it is.
   *
   * @param name 1 to 100 letters, digits and `_`.
   * @throws TypeError for another name, for what is no function, and for more than 1,000 filters.
   */
  function filter(name: string, fn: (value: any, ...args: any[]) => unknown): void;

  /**
   * Formats values as C's `sprintf` does.
   *
   * `%s` any value, `%d %i %u` whole numbers (BigInts too), `%f %e %g` (`%F %E %G`) numbers, `%x %X %o %b` other
   * bases, `%c` a character, `%j` JSON, `%%` a percent sign. Between: an argument's position (`%2$s`), the flags
   * `- + 0 #` and space, a width and a precision (`%-10.2f`), either of them `*`.
   *
   * @throws TypeError if an argument is missing; SyntaxError for an unknown format; RangeError for a width above
   *   100,000 or a precision above 100.
   */
  function sprintf(format: string, ...values: unknown[]): string;

  /** Prints values formatted by {@link sprintf}, without a line feed at the end. */
  function printf(format: string, ...values: unknown[]): void;

  /** Prints a value as YAML. */
  function dump(value: unknown): void;

  /**
   * The secret of this name, which `cla run --secret NAME` or the host gives. Wherever text leaves the run, `***` stands
   * in its place. Throws an `Error` if there is none.
   */
  function secret(name: string): string;

  /** The settings of this rule, as a copy: what stands under `[config]` in `cla.toml`, or what the host gives. See `cla/config`. */
  function config(): Record<string, any>;
  /**
   * What is at a path of the settings, as a copy.
   *
   * @param path Names with dots (`"deploy.host"`, `"hosts.0"`), or a JSON pointer (`"/deploy/host"`).
   * @param otherwise What to give if nothing is there. Default: `undefined`.
   */
  function config<T = any>(path: string): T | undefined;
  function config<T>(path: string, otherwise: T): T;
  /** The same as `cla/config`'s `get`: a first name `config` in the path may be there or not. */
  function configTable<T = any>(path: string, otherwise?: T): T;

  /** A regular expression of a text: `new RegExp(pattern, flags)`. */
  function regex(pattern: string, flags?: string): RegExp;

  /**
   * A text with values in place of `%1`, `%2`, ...
   *
   * @param language For instance `"es"`: the setting `loc.es` may have a translation of the text, by the text itself.
   */
  function loc(language: string, text: string, ...values: unknown[]): string;

  /** The message of the last error that a function of a `cla/*` module threw in this run, or `null`. */
  function lastError(): string | null;
}

/** Prints values with spaces between them: strings as they are, others as Node's `util.inspect` shows them. */
declare function print(...values: unknown[]): void;

/** What {@link Console.dir} takes. */
interface InspectOptions {
  /** How deep to go into nested objects (default 2); `null` for all of it, up to 200 levels. */
  depth?: number | null;
  /** Colours by ANSI escapes. */
  colors?: boolean;
}

/**
 * Prints for people.
 *
 * The first string may have `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O` and `%c` in it for the values that follow.
 */
interface Console {
  /** Prints to the standard output. */
  log(...values: unknown[]): void;
  /** The same as {@link log}. */
  info(...values: unknown[]): void;
  /** The same as {@link log}. */
  debug(...values: unknown[]): void;
  /** Prints to the standard error. */
  warn(...values: unknown[]): void;
  /** Prints to the standard error. */
  error(...values: unknown[]): void;
  /** Prints where it was called from, to the standard error. */
  trace(...values: unknown[]): void;
  /** Prints to the standard error unless the condition holds; never throws. */
  assert(condition?: unknown, ...values: unknown[]): void;
  /** Prints how often it was called with this label. */
  count(label?: string): void;
  /** Starts the count of a label anew. */
  countReset(label?: string): void;
  /** Starts a timer. */
  time(label?: string): void;
  /** Prints how long a timer has been running. */
  timeLog(label?: string, ...values: unknown[]): void;
  /** Prints how long a timer has been running, and ends it. */
  timeEnd(label?: string): void;
  /** Prints, and puts what follows two columns further in. */
  group(...values: unknown[]): void;
  /** The same as {@link group}. */
  groupCollapsed(...values: unknown[]): void;
  /** Ends the innermost group. */
  groupEnd(): void;
  /** Prints a value with options. */
  dir(value: unknown, options?: InspectOptions): void;
  /** Prints the rows of an array or object as a table. */
  table(rows: unknown, columns?: readonly string[]): void;
}
declare var console: Console;

/** What {@link structuredClone} takes. */
interface StructuredSerializeOptions {
  /** Buffers to move rather than to copy; they are empty afterwards. */
  transfer?: readonly ArrayBuffer[];
}

/**
 * Copies a value with everything in it, circles included.
 *
 * Dates, regular expressions, maps, sets, errors, buffers and typed arrays stay what they are; instances of other
 * classes become plain objects.
 *
 * @throws DOMException `DataCloneError` for functions, symbols, proxies, promises and weak collections.
 */
declare function structuredClone<T>(value: T, options?: StructuredSerializeOptions): T;

/** A URL, by the WHATWG standard. */
interface URL {
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toString(): string;
  toJSON(): string;
}
declare var URL: {
  prototype: URL;
  /** @throws TypeError if it is no URL. */
  new (url: string | URL, base?: string | URL): URL;
  /** Whether it is a URL. */
  canParse(url: string | URL, base?: string | URL): boolean;
  /** The URL, or `null` if it is none. */
  parse(url: string | URL, base?: string | URL): URL | null;
};

/** The parameters of a URL's query. */
interface URLSearchParams {
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
  toString(): string;
}
declare var URLSearchParams: {
  prototype: URLSearchParams;
  new (init?: string | Iterable<readonly [string, string]> | Record<string, string> | URLSearchParams): URLSearchParams;
};

/** Encodes strings as UTF-8. */
interface TextEncoder {
  readonly encoding: string;
  encode(text?: string): Uint8Array;
  /** Encodes as much as fits; says how many UTF-16 units were read and how many bytes written. */
  encodeInto(text: string, bytes: Uint8Array): { read: number; written: number };
}
declare var TextEncoder: {
  prototype: TextEncoder;
  new (): TextEncoder;
};

/** What {@link TextDecoder} takes. */
interface TextDecoderOptions {
  /** Whether bytes that are not valid throw a `TypeError` rather than become U+FFFD. */
  fatal?: boolean;
  /** Whether a byte order mark is kept. */
  ignoreBOM?: boolean;
}

/** Decodes bytes in any encoding of the WHATWG Encoding Standard. */
interface TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  /** @param options `stream: true` if more bytes follow, which may continue a character. */
  decode(bytes?: ArrayBufferLike | ArrayBufferView, options?: { stream?: boolean }): string;
}
declare var TextDecoder: {
  prototype: TextDecoder;
  /**
   * @param label For instance `"utf-8"` (the default), `"utf-16le"`, `"latin1"`.
   * @throws RangeError if no encoding has that label.
   */
  new (label?: string, options?: TextDecoderOptions): TextDecoder;
};

/** Calls a function once, after a delay in milliseconds. */
declare function setTimeout<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): number;
/** Calls a function again and again, with a delay in milliseconds between. */
declare function setInterval<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): number;
/** Calls a function as soon as what runs now is done. */
declare function setImmediate<A extends unknown[]>(callback: (...values: A) => void, ...values: A): number;
/** Forgets a timer. */
declare function clearTimeout(id?: number): void;
/** Forgets a timer. */
declare function clearInterval(id?: number): void;
/** Forgets a timer. */
declare function clearImmediate(id?: number): void;
/** Calls a function before anything else that waits. */
declare function queueMicrotask(callback: () => void): void;

/** Decodes base64 into a string of bytes. */
declare function atob(text: string): string;
/** Encodes a string of bytes as base64. */
declare function btoa(bytes: string): string;

/** Measures time. */
declare var performance: Performance;

/** A rule may not do what it tries to do: the host, or an option such as `--sandbox`, has not permitted it. */
interface PermissionError extends Error {
  /** What would be needed: `"read"`, `"write"`, `"net"`, `"run"`, `"env"`, `"import"`, `"store"` or `"steer"`. */
  readonly permission: string;
  /** For what it would be needed: a path, a host with its port, a program, a name. */
  readonly resource: string;
  /** The option of `cla run` that gives it. There is none where the resource is denied by name. */
  readonly flag?: string;
}
declare var PermissionError: {
  prototype: PermissionError;
  new (message?: string, details?: { permission?: string; resource?: string; flag?: string }): PermissionError;
};

/** An error of the web's interfaces; `name` says which. */
interface DOMException extends Error {
  readonly code: number;
}
declare var DOMException: {
  prototype: DOMException;
  new (message?: string, name?: string): DOMException;
};
