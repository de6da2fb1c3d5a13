// Node's names, as far as rules have them: docs/node.md says which there are and what differs.

/** A text's encoding. */
type BufferEncoding = "utf8" | "utf-8" | "utf16le" | "utf-16le" | "ucs2" | "ucs-2" | "latin1" | "binary" | "ascii" | "base64" | "base64url" | "hex";

/** Bytes, with Node's methods: a `Uint8Array`. */
interface Buffer extends Uint8Array<ArrayBuffer> {
  /** The bytes from `start` to `end` as a text. Default of `encoding`: `"utf8"`. */
  toString(encoding?: BufferEncoding, start?: number, end?: number): string;
  toJSON(): { type: "Buffer"; data: number[] };
  /** Whether both have the same bytes. */
  equals(other: Uint8Array): boolean;
  /** Which comes first: -1, 0 or 1. */
  compare(target: Uint8Array, targetStart?: number, targetEnd?: number, sourceStart?: number, sourceEnd?: number): -1 | 0 | 1;
  /** Copies bytes into `target`; gives how many. */
  copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number;
  /** A part that has its bytes in the same place. */
  slice(start?: number, end?: number): Buffer;
  /** A part that has its bytes in the same place. */
  subarray(start?: number, end?: number): Buffer;
  /** Writes a text; gives how many bytes that are. */
  write(text: string, encoding?: BufferEncoding): number;
  write(text: string, offset: number, encoding?: BufferEncoding): number;
  write(text: string, offset: number, length: number, encoding?: BufferEncoding): number;
  fill(value: string | Uint8Array | number, offset?: number, end?: number, encoding?: BufferEncoding): this;
  indexOf(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): number;
  lastIndexOf(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): number;
  includes(value: string | number | Uint8Array, offset?: number, encoding?: BufferEncoding): boolean;
  /** Exchanges the bytes of each two. */
  swap16(): this;
  swap32(): this;
  swap64(): this;
  readUInt8(offset?: number): number;
  readInt8(offset?: number): number;
  readUInt16LE(offset?: number): number;
  readUInt16BE(offset?: number): number;
  readInt16LE(offset?: number): number;
  readInt16BE(offset?: number): number;
  readUInt32LE(offset?: number): number;
  readUInt32BE(offset?: number): number;
  readInt32LE(offset?: number): number;
  readInt32BE(offset?: number): number;
  readUIntLE(offset: number, byteLength: number): number;
  readUIntBE(offset: number, byteLength: number): number;
  readIntLE(offset: number, byteLength: number): number;
  readIntBE(offset: number, byteLength: number): number;
  readFloatLE(offset?: number): number;
  readFloatBE(offset?: number): number;
  readDoubleLE(offset?: number): number;
  readDoubleBE(offset?: number): number;
  readBigUInt64LE(offset?: number): bigint;
  readBigUInt64BE(offset?: number): bigint;
  readBigInt64LE(offset?: number): bigint;
  readBigInt64BE(offset?: number): bigint;
  writeUInt8(value: number, offset?: number): number;
  writeInt8(value: number, offset?: number): number;
  writeUInt16LE(value: number, offset?: number): number;
  writeUInt16BE(value: number, offset?: number): number;
  writeInt16LE(value: number, offset?: number): number;
  writeInt16BE(value: number, offset?: number): number;
  writeUInt32LE(value: number, offset?: number): number;
  writeUInt32BE(value: number, offset?: number): number;
  writeInt32LE(value: number, offset?: number): number;
  writeInt32BE(value: number, offset?: number): number;
  writeUIntLE(value: number, offset: number, byteLength: number): number;
  writeUIntBE(value: number, offset: number, byteLength: number): number;
  writeIntLE(value: number, offset: number, byteLength: number): number;
  writeIntBE(value: number, offset: number, byteLength: number): number;
  writeFloatLE(value: number, offset?: number): number;
  writeFloatBE(value: number, offset?: number): number;
  writeDoubleLE(value: number, offset?: number): number;
  writeDoubleBE(value: number, offset?: number): number;
  writeBigUInt64LE(value: bigint, offset?: number): number;
  writeBigUInt64BE(value: bigint, offset?: number): number;
  writeBigInt64LE(value: bigint, offset?: number): number;
  writeBigInt64BE(value: bigint, offset?: number): number;
}

interface BufferConstructor {
  readonly prototype: Buffer;
  /** The bytes of a text. */
  from(text: string, encoding?: BufferEncoding): Buffer;
  /** A view of the bytes of a buffer. */
  from(buffer: ArrayBuffer | SharedArrayBuffer, offset?: number, length?: number): Buffer;
  /** A copy of bytes. */
  from(bytes: Uint8Array | ArrayLike<number> | { type: "Buffer"; data: number[] }): Buffer;
  of(...bytes: number[]): Buffer;
  /** So many bytes, which are 0 or what fills them. */
  alloc(size: number, fill?: string | Uint8Array | number, encoding?: BufferEncoding): Buffer;
  allocUnsafe(size: number): Buffer;
  allocUnsafeSlow(size: number): Buffer;
  /** All bytes, one after the other. */
  concat(list: readonly Uint8Array[], total?: number): Buffer;
  compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
  isBuffer(value: unknown): value is Buffer;
  isEncoding(name: string): name is BufferEncoding;
  byteLength(value: string | ArrayBuffer | ArrayBufferView, encoding?: BufferEncoding): number;
  copyBytesFrom(view: ArrayBufferView, offset?: number, length?: number): Buffer;
}

/** Bytes, with Node's methods. */
declare var Buffer: BufferConstructor;

/** Tells its listeners what happens. */
interface NodeEventEmitter {
  on(name: string | symbol, listener: (...values: any[]) => void): this;
  once(name: string | symbol, listener: (...values: any[]) => void): this;
  off(name: string | symbol, listener: (...values: any[]) => void): this;
  addListener(name: string | symbol, listener: (...values: any[]) => void): this;
  prependListener(name: string | symbol, listener: (...values: any[]) => void): this;
  prependOnceListener(name: string | symbol, listener: (...values: any[]) => void): this;
  removeListener(name: string | symbol, listener: (...values: any[]) => void): this;
  removeAllListeners(name?: string | symbol): this;
  /** Calls the listeners; gives whether there are any. An `"error"` that has none is thrown. */
  emit(name: string | symbol, ...values: any[]): boolean;
  listeners(name: string | symbol): Function[];
  rawListeners(name: string | symbol): Function[];
  listenerCount(name: string | symbol, listener?: Function): number;
  eventNames(): (string | symbol)[];
  setMaxListeners(count: number): this;
  getMaxListeners(): number;
}

/** The run, by the names that Node has for its process. */
interface NodeProcess extends NodeEventEmitter {
  /** `"cla"`, the path of the rule, and its arguments. */
  argv: string[];
  argv0: string;
  execArgv: string[];
  execPath: string;
  title: string;
  /** The variables of the environment that the rule may see. Values that are assigned become texts, and stay in the rule. */
  env: Record<string, string | undefined>;
  readonly pid: number;
  readonly ppid: number;
  readonly platform: string;
  readonly arch: string;
  /** The version of Node whose interfaces these are. */
  readonly version: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly release: { readonly name: string };
  /** With what `cla run` exits when the run has ended. */
  exitCode: number | undefined;
  /** Ends the run, and no other. What it holds is given back. */
  exit(code?: number | string | null): never;
  cwd(): string;
  /** Calls a function as soon as the code that is running is through. */
  nextTick(work: (...values: any[]) => void, ...values: any[]): void;
  hrtime: ((before?: [number, number]) => [number, number]) & { bigint(): bigint };
  /** How long the run goes on, in seconds. */
  uptime(): number;
  /** What the run takes, in bytes; `heapTotal` is its limit. */
  memoryUsage: (() => { rss: number; heapTotal: number; heapUsed: number; external: number; arrayBuffers: number }) & { rss(): number };
  emitWarning(warning: string | Error, type?: string | { type?: string; code?: string; detail?: string }, code?: string): void;
  getBuiltinModule(name: string): any;
  loadEnvFile(path?: string): void;
  readonly stdout: import("node:stream").Writable & { readonly fd: 1; readonly isTTY: false };
  readonly stderr: import("node:stream").Writable & { readonly fd: 2; readonly isTTY: false };
  readonly stdin: import("node:stream").Readable & { readonly fd: 0; readonly isTTY: boolean };
}

/** The run, by the names that Node has for its process. */
declare var process: NodeProcess;

/** The global object, by Node's name. */
declare var global: typeof globalThis;

declare module "node:buffer" {
  const ownBuffer: typeof globalThis.Buffer;
  const ownBlob: typeof globalThis.Blob;
  const ownFile: typeof globalThis.File;
  export { ownBuffer as Buffer, ownBlob as Blob, ownFile as File };
  export function atob(text: string): string;
  export function btoa(text: string): string;
  export function isUtf8(bytes: ArrayBuffer | ArrayBufferView): boolean;
  export function isAscii(bytes: ArrayBuffer | ArrayBufferView): boolean;
  export function transcode(bytes: Uint8Array, from: string, to: string): Buffer;
  export const constants: { readonly MAX_LENGTH: number; readonly MAX_STRING_LENGTH: number };
  export const kMaxLength: number;
  const all: typeof import("node:buffer");
  export default all;
}

declare module "node:events" {
  class EventEmitter {
    constructor(options?: { captureRejections?: boolean });
    static EventEmitter: typeof EventEmitter;
    static defaultMaxListeners: number;
    static readonly errorMonitor: unique symbol;
    static readonly captureRejectionSymbol: unique symbol;
    /** The values of the next such event, as a promise. */
    static once(emitter: NodeEventEmitter | EventTarget, name: string | symbol, options?: { signal?: AbortSignal }): Promise<any[]>;
    /** A loop over the values of such events. */
    static on(emitter: NodeEventEmitter | EventTarget, name: string | symbol, options?: { signal?: AbortSignal; close?: string[] }): AsyncIterableIterator<any[]>;
    static listenerCount(emitter: NodeEventEmitter, name: string | symbol): number;
    static getEventListeners(emitter: NodeEventEmitter, name: string | symbol): Function[];
    static setMaxListeners(count?: number, ...emitters: NodeEventEmitter[]): void;
  }
  interface EventEmitter extends NodeEventEmitter {}
  export const once: typeof EventEmitter.once;
  export const on: typeof EventEmitter.on;
  export const errorMonitor: typeof EventEmitter.errorMonitor;
  export { EventEmitter };
  export default EventEmitter;
}

declare module "node:stream" {
  import { EventEmitter } from "node:events";
  export interface StreamOptions {
    highWaterMark?: number;
    objectMode?: boolean;
    autoDestroy?: boolean;
    emitClose?: boolean;
    signal?: AbortSignal;
    construct?(callback: (error?: Error | null) => void): void;
    destroy?(error: Error | null, callback: (error?: Error | null) => void): void;
  }
  export class Stream extends EventEmitter {
    pipe<T extends NodeEventEmitter>(destination: T, options?: { end?: boolean }): T;
  }
  /** Something to read, piece by piece. */
  export class Readable extends Stream implements AsyncIterable<any> {
    constructor(options?: StreamOptions & { encoding?: BufferEncoding; read?(this: Readable, size: number): void });
    /** What an iterable gives, one after the other. */
    static from(iterable: Iterable<any> | AsyncIterable<any>, options?: StreamOptions): Readable;
    static fromWeb(stream: ReadableStream, options?: StreamOptions): Readable;
    static toWeb(stream: Readable): ReadableStream;
    readonly readable: boolean;
    readonly readableEnded: boolean;
    readonly readableFlowing: boolean | null;
    readonly readableLength: number;
    readonly destroyed: boolean;
    readonly errored: Error | null;
    push(chunk: any, encoding?: BufferEncoding): boolean;
    unshift(chunk: any, encoding?: BufferEncoding): void;
    read(size?: number): any;
    setEncoding(encoding: BufferEncoding): this;
    pause(): this;
    resume(): this;
    isPaused(): boolean;
    unpipe(destination?: NodeEventEmitter): this;
    destroy(error?: Error): this;
    toArray(): Promise<any[]>;
    map(work: (chunk: any) => any): Readable;
    filter(isWanted: (chunk: any) => any): Readable;
    forEach(work: (chunk: any) => any): Promise<void>;
    take(count: number): Readable;
    [Symbol.asyncIterator](): AsyncIterableIterator<any>;
    _read(size: number): void;
  }
  /** Something to write to. */
  export class Writable extends Stream {
    constructor(
      options?: StreamOptions & {
        decodeStrings?: boolean;
        defaultEncoding?: BufferEncoding;
        write?(this: Writable, chunk: any, encoding: BufferEncoding, callback: (error?: Error | null) => void): void;
        writev?(this: Writable, chunks: { chunk: any; encoding: BufferEncoding }[], callback: (error?: Error | null) => void): void;
        final?(this: Writable, callback: (error?: Error | null) => void): void;
      },
    );
    readonly writable: boolean;
    readonly writableEnded: boolean;
    readonly writableFinished: boolean;
    readonly writableLength: number;
    readonly writableNeedDrain: boolean;
    readonly destroyed: boolean;
    readonly errored: Error | null;
    /** Gives whether there is room for more: if not, `"drain"` tells when there is. */
    write(chunk: any, callback?: (error?: Error | null) => void): boolean;
    write(chunk: any, encoding: BufferEncoding, callback?: (error?: Error | null) => void): boolean;
    end(chunk?: any, callback?: () => void): this;
    end(chunk: any, encoding: BufferEncoding, callback?: () => void): this;
    cork(): void;
    uncork(): void;
    destroy(error?: Error): this;
    _write(chunk: any, encoding: BufferEncoding, callback: (error?: Error | null) => void): void;
  }
  export interface Duplex extends Readable, Writable {}
  export class Duplex extends Readable {
    constructor(options?: ConstructorParameters<typeof Readable>[0] & ConstructorParameters<typeof Writable>[0] & { allowHalfOpen?: boolean });
    destroy(error?: Error): this;
  }
  export class Transform extends Duplex {
    constructor(
      options?: ConstructorParameters<typeof Duplex>[0] & {
        transform?(this: Transform, chunk: any, encoding: BufferEncoding, callback: (error?: Error | null, chunk?: any) => void): void;
        flush?(this: Transform, callback: (error?: Error | null, chunk?: any) => void): void;
      },
    );
  }
  export class PassThrough extends Transform {}
  /** Connects streams, iterables and functions; the last argument is called when all have ended. */
  export function pipeline(...streams: any[]): any;
  export function finished(stream: NodeEventEmitter, callback: (error?: Error | null) => void): () => void;
  export function addAbortSignal<T extends NodeEventEmitter>(signal: AbortSignal, stream: T): T;
  export const promises: { pipeline(...streams: any[]): Promise<any>; finished(stream: NodeEventEmitter): Promise<void> };
  const stream: typeof Stream & {
    Readable: typeof Readable;
    Writable: typeof Writable;
    Duplex: typeof Duplex;
    Transform: typeof Transform;
    PassThrough: typeof PassThrough;
    pipeline: typeof pipeline;
    finished: typeof finished;
    promises: typeof promises;
  };
  export default stream;
}
declare module "node:stream/promises" {
  export const pipeline: typeof import("node:stream").promises.pipeline;
  export const finished: typeof import("node:stream").promises.finished;
  const all: typeof import("node:stream/promises");
  export default all;
}
declare module "node:stream/consumers" {
  export function text(stream: AsyncIterable<any>): Promise<string>;
  export function json(stream: AsyncIterable<any>): Promise<any>;
  export function buffer(stream: AsyncIterable<any>): Promise<Buffer>;
  export function arrayBuffer(stream: AsyncIterable<any>): Promise<ArrayBuffer>;
  const all: typeof import("node:stream/consumers");
  export default all;
}

declare module "node:path" {
  const path: typeof import("cla/path").default & { readonly posix: typeof path; toNamespacedPath(path: string): string };
  export const join: typeof path.join;
  export const resolve: typeof path.resolve;
  export const relative: typeof path.relative;
  export const normalize: typeof path.normalize;
  export const parse: typeof path.parse;
  export const format: typeof path.format;
  export const dirname: typeof path.dirname;
  export const basename: typeof path.basename;
  export const extname: typeof path.extname;
  export const isAbsolute: typeof path.isAbsolute;
  export const matchesGlob: typeof path.matchesGlob;
  export const sep: "/";
  export const delimiter: ":";
  export const posix: typeof path;
  export default path;
}
declare module "node:path/posix" {
  export * from "node:path";
  export { default } from "node:path";
}

declare module "node:url" {
  const ownURL: typeof globalThis.URL;
  const ownParams: typeof globalThis.URLSearchParams;
  export { ownURL as URL, ownParams as URLSearchParams };
  /** The path of a file's URL. */
  export function fileURLToPath(url: string | URL): string;
  /** The URL of a file. */
  export function pathToFileURL(path: string): URL;
  /** The parts of a URL; {@link URL} is the better way. */
  export function parse(url: string, parseQuery?: boolean, slashesDenoteHost?: boolean): any;
  export function format(url: URL | object | string, options?: { auth?: boolean; fragment?: boolean; search?: boolean }): string;
  export function resolve(from: string, to: string): string;
  export function domainToASCII(domain: string): string;
  export function urlToHttpOptions(url: URL): any;
  const all: typeof import("node:url");
  export default all;
}

declare module "node:querystring" {
  export function parse(text: string, separator?: string, equals?: string, options?: { maxKeys?: number }): Record<string, string | string[]>;
  export function stringify(object: object, separator?: string, equals?: string): string;
  export function escape(text: string): string;
  export function unescape(text: string): string;
  const all: typeof import("node:querystring");
  export default all;
}

declare module "node:string_decoder" {
  /** Makes text of bytes that come in pieces. */
  export class StringDecoder {
    constructor(encoding?: BufferEncoding);
    readonly encoding: BufferEncoding;
    write(bytes: ArrayBufferView): string;
    end(bytes?: ArrayBufferView): string;
  }
  const all: typeof import("node:string_decoder");
  export default all;
}

declare module "node:util" {
  export interface InspectOptions {
    depth?: number | null;
    colors?: boolean;
    customInspect?: boolean;
    maxArrayLength?: number | null;
    maxStringLength?: number | null;
    breakLength?: number;
  }
  /** Shows a value for people. */
  export const inspect: ((value: unknown, options?: InspectOptions) => string) & { readonly custom: unique symbol; defaultOptions: InspectOptions };
  /** A text with values in place of `%s`, `%d`, `%i`, `%f`, `%j`, `%o` and `%O`. */
  export function format(...values: unknown[]): string;
  /** A function that gives a promise, of one that takes a callback. */
  export function promisify(work: Function): (...values: any[]) => Promise<any>;
  /** A function that takes a callback, of one that gives a promise. */
  export function callbackify(work: (...values: any[]) => Promise<any>): (...values: any[]) => void;
  export function inherits(constructor: Function, parent: Function): void;
  export function deprecate<T extends Function>(work: T, message: string, code?: string): T;
  export function debuglog(section: string): ((...values: unknown[]) => void) & { enabled: boolean };
  export function isDeepStrictEqual(a: unknown, b: unknown): boolean;
  export function stripVTControlCharacters(text: string): string;
  export function styleText(style: string | string[], text: string, options?: { validateStream?: boolean; stream?: object }): string;
  export function toUSVString(text: string): string;
  export interface ParseArgsOption {
    type: "string" | "boolean";
    short?: string;
    multiple?: boolean;
    default?: string | boolean | string[] | boolean[];
  }
  /** The arguments of a program: by default those of the rule. */
  export function parseArgs(config?: {
    args?: readonly string[];
    options?: Record<string, ParseArgsOption>;
    strict?: boolean;
    allowPositionals?: boolean;
    allowNegative?: boolean;
    tokens?: boolean;
  }): { values: Record<string, any>; positionals: string[]; tokens?: any[] };
  export function parseEnv(text: string): Record<string, string>;
  export const types: Record<string, (value: unknown) => boolean>;
  const ownDecoder: typeof globalThis.TextDecoder;
  const ownEncoder: typeof globalThis.TextEncoder;
  export { ownDecoder as TextDecoder, ownEncoder as TextEncoder };
  const all: typeof import("node:util");
  export default all;
}
declare module "node:util/types" {
  export const isDate: (value: unknown) => value is Date;
  export const isRegExp: (value: unknown) => value is RegExp;
  export const isPromise: (value: unknown) => value is Promise<any>;
  export const isProxy: (value: unknown) => boolean;
  export const isMap: (value: unknown) => value is Map<any, any>;
  export const isSet: (value: unknown) => value is Set<any>;
  export const isTypedArray: (value: unknown) => boolean;
  export const isUint8Array: (value: unknown) => value is Uint8Array;
  export const isNativeError: (value: unknown) => value is Error;
  export const isAsyncFunction: (value: unknown) => boolean;
  const all: typeof import("node:util/types");
  export default all;
}

declare module "node:assert" {
  /** What a failed assertion throws. */
  class AssertionError extends Error {
    constructor(options: { message?: string; actual?: unknown; expected?: unknown; operator?: string });
    code: "ERR_ASSERTION";
    actual: unknown;
    expected: unknown;
    operator: string;
    generatedMessage: boolean;
  }
  type Expected = RegExp | Function | object | Error;
  interface Assert {
    (value: unknown, message?: string | Error): asserts value;
    AssertionError: typeof AssertionError;
    strict: Assert;
    ok(value: unknown, message?: string | Error): asserts value;
    fail(message?: string | Error): never;
    equal(actual: unknown, expected: unknown, message?: string | Error): void;
    notEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    strictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    notStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    deepEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    notDeepEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    deepStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    notDeepStrictEqual(actual: unknown, expected: unknown, message?: string | Error): void;
    throws(work: () => unknown, expected?: Expected | string, message?: string): void;
    doesNotThrow(work: () => unknown, expected?: Expected | string, message?: string): void;
    rejects(work: Promise<unknown> | (() => Promise<unknown>), expected?: Expected | string, message?: string): Promise<void>;
    doesNotReject(work: Promise<unknown> | (() => Promise<unknown>), expected?: Expected | string, message?: string): Promise<void>;
    match(text: string, pattern: RegExp, message?: string | Error): void;
    doesNotMatch(text: string, pattern: RegExp, message?: string | Error): void;
    ifError(value: unknown): void;
  }
  const assert: Assert;
  export { AssertionError };
  export const strict: Assert;
  export const ok: Assert["ok"];
  export const equal: Assert["equal"];
  export const strictEqual: Assert["strictEqual"];
  export const deepEqual: Assert["deepEqual"];
  export const deepStrictEqual: Assert["deepStrictEqual"];
  export const notEqual: Assert["notEqual"];
  export const notStrictEqual: Assert["notStrictEqual"];
  export const notDeepEqual: Assert["notDeepEqual"];
  export const notDeepStrictEqual: Assert["notDeepStrictEqual"];
  export const throws: Assert["throws"];
  export const rejects: Assert["rejects"];
  export const match: Assert["match"];
  export const fail: Assert["fail"];
  export default assert;
}
declare module "node:assert/strict" {
  export * from "node:assert";
  export { strict as default } from "node:assert";
}

declare module "node:os" {
  export const EOL: "\n";
  export const devNull: "/dev/null";
  export function arch(): string;
  export function platform(): string;
  export function type(): string;
  export function machine(): string;
  export function endianness(): "LE" | "BE";
  export function availableParallelism(): number;
  export function homedir(): string;
  export function tmpdir(): string;
  export const constants: { readonly signals: Record<string, number>; readonly errno: Record<string, number>; readonly priority: Record<string, number> };
  const all: typeof import("node:os");
  export default all;
}

declare module "node:process" {
  const ownProcess: NodeProcess;
  export const env: NodeProcess["env"];
  export const argv: string[];
  export const exit: NodeProcess["exit"];
  export const cwd: NodeProcess["cwd"];
  export const nextTick: NodeProcess["nextTick"];
  export const platform: string;
  export const arch: string;
  export const pid: number;
  export const stdout: NodeProcess["stdout"];
  export const stderr: NodeProcess["stderr"];
  export const stdin: NodeProcess["stdin"];
  export default ownProcess;
}

declare module "node:timers" {
  /** What `setImmediate` of this module gives. */
  export class Immediate {
    /** Whether the run goes on until it was called. */
    hasRef(): boolean;
    /** Lets the run go on until it was called, as it does at first. */
    ref(): this;
    /** Lets the run end before. */
    unref(): this;
    [Symbol.dispose](): void;
  }
  /** A timer: what `setTimeout` and `setInterval` of this module give. The globals of that name give numbers, as in browsers. */
  export class Timeout {
    /** Whether the run goes on until its time has come. */
    hasRef(): boolean;
    /** Lets the run go on until its time has come, as it does at first. */
    ref(): this;
    /** Lets the run end before. */
    unref(): this;
    /** Begins its time anew. */
    refresh(): this;
    /** The same as `clearTimeout`. */
    close(): this;
    /** The number that the global `clearTimeout` takes. */
    [Symbol.toPrimitive](): number;
    [Symbol.dispose](): void;
  }
  /** Calls `callback` after so many milliseconds. */
  export function setTimeout<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): Timeout;
  export function clearTimeout(timer?: Timeout | number | null): void;
  /** Calls `callback` again and again, every so many milliseconds. */
  export function setInterval<A extends unknown[]>(callback: (...values: A) => void, delay?: number, ...values: A): Timeout;
  export function clearInterval(timer?: Timeout | number | null): void;
  /** Calls `callback` as soon as nothing else runs. */
  export function setImmediate<A extends unknown[]>(callback: (...values: A) => void, ...values: A): Immediate;
  export function clearImmediate(immediate?: Immediate | number | null): void;
  const all: typeof import("node:timers");
  export default all;
}
declare module "node:timers/promises" {
  export function setTimeout<T = void>(delay?: number, value?: T, options?: { signal?: AbortSignal; ref?: boolean }): Promise<T>;
  export function setImmediate<T = void>(value?: T, options?: { signal?: AbortSignal; ref?: boolean }): Promise<T>;
  export function setInterval<T = void>(delay?: number, value?: T, options?: { signal?: AbortSignal; ref?: boolean }): AsyncIterableIterator<T>;
  export const scheduler: { wait(delay: number, options?: { signal?: AbortSignal }): Promise<void>; yield(): Promise<void> };
  const all: typeof import("node:timers/promises");
  export default all;
}

declare module "node:readline" {
  export interface Interface extends NodeEventEmitter, AsyncIterable<string> {
    question(query: string, callback: (answer: string) => void): void;
    setPrompt(prompt: string): void;
    prompt(): void;
    pause(): this;
    resume(): this;
    close(): void;
  }
  /** The lines of a stream: `"line"` events, or a loop. */
  export function createInterface(options: { input: NodeEventEmitter; output?: NodeEventEmitter; crlfDelay?: number; signal?: AbortSignal }): Interface;
  const all: typeof import("node:readline");
  export default all;
}
declare module "node:readline/promises" {
  export interface Interface extends NodeEventEmitter, AsyncIterable<string> {
    question(query: string, options?: { signal?: AbortSignal }): Promise<string>;
    close(): void;
  }
  export function createInterface(options: { input: NodeEventEmitter; output?: NodeEventEmitter; signal?: AbortSignal }): Interface;
  const all: typeof import("node:readline/promises");
  export default all;
}

declare module "node:crypto" {
  import { Transform } from "node:stream";
  type Data = string | ArrayBuffer | ArrayBufferView;
  export class Hash extends Transform {
    update(data: Data, encoding?: BufferEncoding): this;
    digest(): Buffer;
    digest(encoding: BufferEncoding): string;
    copy(): Hash;
  }
  /** What `createCipheriv` gives. `update` gives nothing, and `final` all of it: nothing counts before the tag is known. */
  export class Cipheriv extends Transform {
    update(data: Data, inputEncoding?: BufferEncoding): Buffer;
    update(data: Data, inputEncoding: BufferEncoding | undefined, outputEncoding: BufferEncoding): string;
    final(): Buffer;
    final(encoding: BufferEncoding): string;
    /** What is not encrypted, and not to be changed either. */
    setAAD(bytes: Data): this;
    setAutoPadding(padding?: boolean): this;
    /** The tag, 16 bytes, after `final`. */
    getAuthTag(): Buffer;
  }
  /** What `createDecipheriv` gives. `final` throws unless everything is as it was encrypted. */
  export class Decipheriv extends Transform {
    update(data: Data, inputEncoding?: BufferEncoding): Buffer;
    update(data: Data, inputEncoding: BufferEncoding | undefined, outputEncoding: BufferEncoding): string;
    final(): Buffer;
    final(encoding: BufferEncoding): string;
    setAAD(bytes: Data): this;
    setAutoPadding(padding?: boolean): this;
    /** The tag that `getAuthTag` gave. Without it, `final` throws. */
    setAuthTag(tag: Data, encoding?: BufferEncoding): this;
  }
  /** AES-GCM with a key of 16 or 32 bytes and an `iv` of 12, which must never be used twice with one key. */
  export function createCipheriv(algorithm: "aes-128-gcm" | "aes-256-gcm", key: Data, iv: Data, options?: { authTagLength?: 16 }): Cipheriv;
  export function createDecipheriv(algorithm: "aes-128-gcm" | "aes-256-gcm", key: Data, iv: Data, options?: { authTagLength?: 16 }): Decipheriv;
  export class Hmac extends Transform {
    update(data: Data, encoding?: BufferEncoding): this;
    digest(): Buffer;
    digest(encoding: BufferEncoding): string;
  }
  /** A hash that is made piece by piece: `"sha256"` and what {@link getHashes} lists. */
  export function createHash(algorithm: string): Hash;
  /** A signature with a key that both sides know. */
  export function createHmac(algorithm: string, key: Data): Hmac;
  export function hash(algorithm: string, data: Data, encoding?: BufferEncoding): string;
  export function getHashes(): string[];
  export function randomBytes(size: number): Buffer;
  export function randomBytes(size: number, callback: (error: Error | null, bytes: Buffer) => void): void;
  export function randomInt(most: number): number;
  export function randomInt(least: number, most: number): number;
  export function randomUUID(): string;
  export function randomFillSync<T extends ArrayBufferView>(view: T, offset?: number, size?: number): T;
  export function getRandomValues<T extends ArrayBufferView>(view: T): T;
  /** Whether both have the same bytes, in a time that does not tell where they differ. */
  export function timingSafeEqual(a: ArrayBufferView, b: ArrayBufferView): boolean;
  export function pbkdf2Sync(password: Data, salt: Data, iterations: number, size: number, digest: string): Buffer;
  export function pbkdf2(password: Data, salt: Data, iterations: number, size: number, digest: string, callback: (error: Error | null, key: Buffer) => void): void;
  export function hkdfSync(digest: string, key: Data, salt: Data, info: Data, size: number): ArrayBuffer;
  export const webcrypto: typeof globalThis.crypto;
  export const subtle: typeof globalThis.crypto.subtle;
  const all: typeof import("node:crypto");
  export default all;
}

declare module "node:child_process" {
  import { Readable, Writable } from "node:stream";
  export interface ProgramOptions {
    cwd?: string | URL;
    env?: Record<string, string | undefined>;
    shell?: boolean | string;
    /** Milliseconds. */
    timeout?: number;
    stdio?: "pipe" | "inherit" | "ignore" | readonly ("pipe" | "inherit" | "ignore" | number | null)[];
    signal?: AbortSignal;
    killSignal?: string;
    maxBuffer?: number;
    encoding?: BufferEncoding | "buffer";
    /** What a program reads that is run with one of the `Sync` functions. */
    input?: string | ArrayBufferView;
  }
  export interface ChildProcess extends NodeEventEmitter {
    readonly stdin: Writable | null;
    readonly stdout: Readable | null;
    readonly stderr: Readable | null;
    readonly pid: number | undefined;
    readonly exitCode: number | null;
    readonly signalCode: string | null;
    readonly killed: boolean;
    kill(signal?: string | number): boolean;
  }
  type Told = (error: (Error & { code?: number | string | null; stdout: any; stderr: any }) | null, stdout: any, stderr: any) => void;
  export function spawn(program: string, args?: readonly string[], options?: ProgramOptions): ChildProcess;
  export function execFile(program: string, args?: readonly string[], options?: ProgramOptions | Told, callback?: Told): ChildProcess;
  export function exec(command: string, options?: ProgramOptions | Told, callback?: Told): ChildProcess;
  export function spawnSync(
    program: string,
    args?: readonly string[],
    options?: ProgramOptions,
  ): { pid: number; status: number | null; signal: string | null; stdout: any; stderr: any; output: any[]; error?: Error };
  export function execFileSync(program: string, args?: readonly string[], options?: ProgramOptions): any;
  export function execSync(command: string, options?: ProgramOptions): any;
  const all: typeof import("node:child_process");
  export default all;
}

declare module "node:async_hooks" {
  export class AsyncResource {
    constructor(type: string);
    static bind<T extends Function>(work: T, type?: string, self?: unknown): T;
    bind<T extends Function>(work: T, self?: unknown): T;
    runInAsyncScope<T>(work: (...values: any[]) => T, self?: unknown, ...values: any[]): T;
  }
  const all: typeof import("node:async_hooks");
  export default all;
}
declare module "node:perf_hooks" {
  export const performance: typeof globalThis.performance;
  const ownPerformance: typeof globalThis.Performance;
  const ownEntry: typeof globalThis.PerformanceEntry;
  const ownMark: typeof globalThis.PerformanceMark;
  const ownMeasure: typeof globalThis.PerformanceMeasure;
  export { ownPerformance as Performance, ownEntry as PerformanceEntry, ownMark as PerformanceMark, ownMeasure as PerformanceMeasure };
  const all: typeof import("node:perf_hooks");
  export default all;
}
declare module "node:tty" {
  /** Always false. */
  export function isatty(fd: number): boolean;
  const all: typeof import("node:tty");
  export default all;
}
declare module "node:console" {
  const ownConsole: typeof globalThis.console;
  export default ownConsole;
}
declare module "node:constants" {
  const constants: Readonly<Record<string, number>>;
  export default constants;
}
declare module "node:module" {
  export const builtinModules: readonly string[];
  export function isBuiltin(name: string): boolean;
  /** A `require` that begins at a file. */
  export function createRequire(file: string | URL): (name: string) => any;
  const all: typeof import("node:module");
  export default all;
}
declare module "node:stream/web" {
  const ownReadable: typeof globalThis.ReadableStream;
  const ownWritable: typeof globalThis.WritableStream;
  const ownTransform: typeof globalThis.TransformStream;
  export { ownReadable as ReadableStream, ownWritable as WritableStream, ownTransform as TransformStream };
  const all: typeof import("node:stream/web");
  export default all;
}
declare module "node:sys" {
  export * from "node:util";
  export { default } from "node:util";
}
