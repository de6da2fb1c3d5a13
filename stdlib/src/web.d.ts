interface SymbolConstructor {
  /** The method by which `using` ends what it holds. */
  readonly dispose: unique symbol;
  /** The method by which `await using` ends what it holds. */
  readonly asyncDispose: unique symbol;
}

/** What `using` can hold. */
interface Disposable {
  [Symbol.dispose](): void;
}

/** What `await using` can hold. */
interface AsyncDisposable {
  [Symbol.asyncDispose](): PromiseLike<void>;
}

/** What {@link Event} takes. */
interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}

/** Something that happened, for those who listen. */
interface Event {
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly eventPhase: number;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly defaultPrevented: boolean;
  /** Whether the engine made it, and not the rule. */
  readonly isTrusted: boolean;
  /** When it was made, as `performance.now()` says it. */
  readonly timeStamp: number;
  composedPath(): EventTarget[];
  preventDefault(): void;
  stopPropagation(): void;
  stopImmediatePropagation(): void;
}
declare var Event: {
  prototype: Event;
  new (type: string, init?: EventInit): Event;
};

/** An event with a value of any kind. */
interface CustomEvent<T = any> extends Event {
  readonly detail: T;
}
declare var CustomEvent: {
  prototype: CustomEvent;
  new <T>(type: string, init?: EventInit & { detail?: T }): CustomEvent<T>;
};

/** An event of an error. */
interface ErrorEvent extends Event {
  readonly error: any;
  readonly message: string;
}
declare var ErrorEvent: {
  prototype: ErrorEvent;
  new (type: string, init?: EventInit & { error?: any; message?: string }): ErrorEvent;
};

/** What an event is given to. */
type EventListenerOrObject<E extends Event = Event> = ((event: E) => void) | { handleEvent(event: E): void };

/** What {@link EventTarget.addEventListener} takes. */
interface AddEventListenerOptions {
  capture?: boolean;
  /** Whether the listener is called once at most. */
  once?: boolean;
  passive?: boolean;
  /** Removes the listener. */
  signal?: AbortSignal;
}

/** Something that has events. What a listener throws fails the run. */
interface EventTarget {
  addEventListener(type: string, listener: EventListenerOrObject<any> | null, options?: boolean | AddEventListenerOptions): void;
  removeEventListener(type: string, listener: EventListenerOrObject<any> | null, options?: boolean | { capture?: boolean }): void;
  /** Calls the listeners. `false` if one of them prevented what follows by default. */
  dispatchEvent(event: Event): boolean;
}
declare var EventTarget: {
  prototype: EventTarget;
  new (): EventTarget;
};

/** Says that something is to end early: a request, a wait, a sleep. */
interface AbortSignal extends EventTarget {
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((this: AbortSignal, event: Event) => any) | null;
  /** Throws the reason, if it is aborted. */
  throwIfAborted(): void;
}
declare var AbortSignal: {
  prototype: AbortSignal;
  /** A signal that is aborted. */
  abort(reason?: any): AbortSignal;
  /** A signal that is aborted after so many milliseconds, also while the rule blocks. It keeps no run from ending. */
  timeout(milliseconds: number): AbortSignal;
  /** A signal that is aborted with the first of these. */
  any(signals: Iterable<AbortSignal>): AbortSignal;
};

/** Makes a signal, and aborts it. */
interface AbortController {
  readonly signal: AbortSignal;
  /** @param reason What those who are aborted throw; default: a `DOMException` `AbortError`. */
  abort(reason?: any): void;
}
declare var AbortController: {
  prototype: AbortController;
  new (): AbortController;
};

/** Reports an error as one that nothing has caught: the run fails. */
declare function reportError(error: unknown): void;

/** What a stream of its own is made of. */
interface UnderlyingSource<R = any> {
  start?(controller: ReadableStreamDefaultController<R>): any;
  /** Called when the stream wants more. */
  pull?(controller: ReadableStreamDefaultController<R>): void | PromiseLike<void>;
  cancel?(reason?: any): void | PromiseLike<void>;
  type?: "bytes";
}
/** How much a stream keeps. */
interface QueuingStrategy<T = any> {
  highWaterMark?: number;
  size?: (chunk: T) => number;
}
interface StreamPipeOptions {
  preventAbort?: boolean;
  preventCancel?: boolean;
  preventClose?: boolean;
  signal?: AbortSignal;
}
interface ReadableStreamDefaultController<R = any> {
  readonly desiredSize: number | null;
  enqueue(chunk?: R): void;
  close(): void;
  error(error?: any): void;
}
declare var ReadableStreamDefaultController: { prototype: ReadableStreamDefaultController };
interface ReadableStreamDefaultReader<R = any> {
  readonly closed: Promise<void>;
  read(): Promise<{ done: false; value: R } | { done: true; value: undefined }>;
  cancel(reason?: any): Promise<void>;
  releaseLock(): void;
}
declare var ReadableStreamDefaultReader: {
  prototype: ReadableStreamDefaultReader;
  new <R = any>(stream: ReadableStream<R>): ReadableStreamDefaultReader<R>;
};

/** Chunks that come one after the other. There are no readers with a mode (`byob`). */
interface ReadableStream<R = any> {
  readonly locked: boolean;
  cancel(reason?: any): Promise<void>;
  getReader(): ReadableStreamDefaultReader<R>;
  tee(): [ReadableStream<R>, ReadableStream<R>];
  pipeThrough<T>(pair: { readable: ReadableStream<T>; writable: WritableStream<R> }, options?: StreamPipeOptions): ReadableStream<T>;
  pipeTo(writable: WritableStream<R>, options?: StreamPipeOptions): Promise<void>;
  values(options?: { preventCancel?: boolean }): AsyncIterableIterator<R>;
  [Symbol.asyncIterator](options?: { preventCancel?: boolean }): AsyncIterableIterator<R>;
}
declare var ReadableStream: {
  prototype: ReadableStream;
  new <R = any>(source?: UnderlyingSource<R>, strategy?: QueuingStrategy<R>): ReadableStream<R>;
  from<R>(values: Iterable<R> | AsyncIterable<R>): ReadableStream<R>;
};

interface UnderlyingSink<W = any> {
  start?(controller: WritableStreamDefaultController): any;
  write?(chunk: W, controller: WritableStreamDefaultController): void | PromiseLike<void>;
  close?(): void | PromiseLike<void>;
  abort?(reason?: any): void | PromiseLike<void>;
}
interface WritableStreamDefaultController {
  readonly signal: AbortSignal;
  error(error?: any): void;
}
declare var WritableStreamDefaultController: { prototype: WritableStreamDefaultController };
interface WritableStreamDefaultWriter<W = any> {
  readonly closed: Promise<void>;
  readonly ready: Promise<void>;
  readonly desiredSize: number | null;
  write(chunk?: W): Promise<void>;
  close(): Promise<void>;
  abort(reason?: any): Promise<void>;
  releaseLock(): void;
}
declare var WritableStreamDefaultWriter: {
  prototype: WritableStreamDefaultWriter;
  new <W = any>(stream: WritableStream<W>): WritableStreamDefaultWriter<W>;
};

/** Where chunks go. */
interface WritableStream<W = any> {
  readonly locked: boolean;
  getWriter(): WritableStreamDefaultWriter<W>;
  close(): Promise<void>;
  abort(reason?: any): Promise<void>;
}
declare var WritableStream: {
  prototype: WritableStream;
  new <W = any>(sink?: UnderlyingSink<W>, strategy?: QueuingStrategy<W>): WritableStream<W>;
};

interface TransformStreamDefaultController<O = any> {
  readonly desiredSize: number | null;
  enqueue(chunk?: O): void;
  error(error?: any): void;
  terminate(): void;
}
declare var TransformStreamDefaultController: { prototype: TransformStreamDefaultController };
interface Transformer<I = any, O = any> {
  start?(controller: TransformStreamDefaultController<O>): any;
  transform?(chunk: I, controller: TransformStreamDefaultController<O>): void | PromiseLike<void>;
  flush?(controller: TransformStreamDefaultController<O>): void | PromiseLike<void>;
  cancel?(reason?: any): void | PromiseLike<void>;
}
/** Changes what goes through it. */
interface TransformStream<I = any, O = any> {
  readonly readable: ReadableStream<O>;
  readonly writable: WritableStream<I>;
}
declare var TransformStream: {
  prototype: TransformStream;
  new <I = any, O = any>(
    transformer?: Transformer<I, O>,
    writableStrategy?: QueuingStrategy<I>,
    readableStrategy?: QueuingStrategy<O>,
  ): TransformStream<I, O>;
};
interface TextEncoderStream extends TransformStream<string, Uint8Array> {
  readonly encoding: string;
}
declare var TextEncoderStream: { prototype: TextEncoderStream; new (): TextEncoderStream };
interface TextDecoderStream extends TransformStream<ArrayBufferLike | ArrayBufferView, string> {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
}
declare var TextDecoderStream: {
  prototype: TextDecoderStream;
  new (label?: string, options?: TextDecoderOptions): TextDecoderStream;
};
type CompressionFormat = "gzip" | "deflate" | "deflate-raw";
interface CompressionStream extends TransformStream<ArrayBufferLike | ArrayBufferView, Uint8Array> {}
declare var CompressionStream: { prototype: CompressionStream; new (format: CompressionFormat): CompressionStream };
interface DecompressionStream extends TransformStream<ArrayBufferLike | ArrayBufferView, Uint8Array> {}
declare var DecompressionStream: { prototype: DecompressionStream; new (format: CompressionFormat): DecompressionStream };
interface CountQueuingStrategy extends QueuingStrategy {
  readonly highWaterMark: number;
  readonly size: (chunk?: any) => number;
}
declare var CountQueuingStrategy: {
  prototype: CountQueuingStrategy;
  new (init: { highWaterMark: number }): CountQueuingStrategy;
};
interface ByteLengthQueuingStrategy extends QueuingStrategy<ArrayBufferView> {
  readonly highWaterMark: number;
  readonly size: (chunk: ArrayBufferView) => number;
}
declare var ByteLengthQueuingStrategy: {
  prototype: ByteLengthQueuingStrategy;
  new (init: { highWaterMark: number }): ByteLengthQueuingStrategy;
};

type BlobPart = string | Blob | ArrayBufferLike | ArrayBufferView;

/** Bytes that do not change, with a type. */
interface Blob {
  readonly size: number;
  readonly type: string;
  slice(start?: number, end?: number, type?: string): Blob;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  stream(): ReadableStream<Uint8Array>;
}
declare var Blob: {
  prototype: Blob;
  new (parts?: readonly BlobPart[], options?: { type?: string }): Blob;
};

/** A blob with a name. */
interface File extends Blob {
  readonly name: string;
  readonly lastModified: number;
}
declare var File: {
  prototype: File;
  new (parts: readonly BlobPart[], name: string, options?: { type?: string; lastModified?: number }): File;
};

/** The names and values of a form. */
interface FormData {
  append(name: string, value: string | Blob, file?: string): void;
  delete(name: string): void;
  get(name: string): string | File | null;
  getAll(name: string): (string | File)[];
  has(name: string): boolean;
  set(name: string, value: string | Blob, file?: string): void;
  forEach(callback: (value: string | File, name: string, form: FormData) => void, self?: unknown): void;
  entries(): IterableIterator<[string, string | File]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string | File>;
  [Symbol.iterator](): IterableIterator<[string, string | File]>;
}
declare var FormData: { prototype: FormData; new (): FormData };

type HeadersInit = Headers | Record<string, string> | Iterable<readonly [string, string]>;

/** The headers of a request or an answer. */
interface Headers {
  append(name: string, value: string): void;
  delete(name: string): void;
  /** The values, with `", "` between them; `null` if there are none. */
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void, self?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}
declare var Headers: { prototype: Headers; new (init?: HeadersInit): Headers };

type BodyInit = string | Blob | FormData | URLSearchParams | ArrayBufferLike | ArrayBufferView | ReadableStream;

/** What requests and answers have in common: a body, which is read once. */
interface Body {
  readonly body: ReadableStream<Uint8Array> | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array>;
  formData(): Promise<FormData>;
  json(): Promise<any>;
  text(): Promise<string>;
}

/** How a request is made. */
interface RequestInit {
  /** Default: `"GET"`. */
  method?: string;
  headers?: HeadersInit;
  /** A stream is read in whole before anything is sent. */
  body?: BodyInit | null;
  /** `"manual"` gives the answer that redirects; `"error"` refuses it. Default: `"follow"`, 20 times at most. */
  redirect?: "follow" | "error" | "manual";
  /** Ends the request, and the reading of its answer. There is no time limit but that of `AbortSignal.timeout`. */
  signal?: AbortSignal | null;
  duplex?: "half";
  /** These change nothing here. */
  cache?: string;
  credentials?: string;
  integrity?: string;
  keepalive?: boolean;
  mode?: string;
  referrer?: string;
  referrerPolicy?: string;
}

/** A request. */
interface Request extends Body {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly redirect: "follow" | "error" | "manual";
  readonly signal: AbortSignal;
  readonly cache: string;
  readonly credentials: string;
  readonly integrity: string;
  readonly keepalive: boolean;
  readonly mode: string;
  readonly referrer: string;
  readonly referrerPolicy: string;
  clone(): Request;
}
declare var Request: { prototype: Request; new (input: string | URL | Request, init?: RequestInit): Request };

interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
}

/** What a server answered. */
interface Response extends Body {
  readonly status: number;
  /** Whether the status is one of success, from 200 to 299. */
  readonly ok: boolean;
  readonly statusText: string;
  readonly headers: Headers;
  /** Where it came from, after redirects. */
  readonly url: string;
  readonly redirected: boolean;
  readonly type: "basic" | "default" | "error";
  clone(): Response;
}
declare var Response: {
  prototype: Response;
  new (body?: BodyInit | null, init?: ResponseInit): Response;
  json(value: unknown, init?: ResponseInit): Response;
  error(): Response;
  redirect(url: string | URL, status?: number): Response;
};

/**
 * Makes a request. Others go on meanwhile.
 *
 * The promise is fulfilled as soon as the headers are there, whatever the status. It is rejected with a `TypeError` if there
 * is no answer (its `code` is as that of an `HttpError` of `cla/http`), with the reason of its signal, or with a
 * {@link PermissionError}. A body that does not fit the run's memory is a `RangeError` where it is read.
 */
declare function fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;

/** Who runs this. */
declare var navigator: { readonly userAgent: string };

type AlgorithmName = string | { name: string };
type KeyUsage = "sign" | "verify" | "encrypt" | "decrypt" | "wrapKey" | "unwrapKey";
type BufferSource = ArrayBufferLike | ArrayBufferView;

/** A key, of which nothing can be seen but what it is for. */
interface CryptoKey {
  readonly type: "secret";
  readonly extractable: boolean;
  readonly algorithm: { name: string; length: number; hash?: { name: string } };
  readonly usages: KeyUsage[];
}
declare var CryptoKey: { prototype: CryptoKey };

interface AesGcmParams {
  name: string;
  /** 12 bytes, never the same twice for one key. */
  iv: BufferSource;
  additionalData?: BufferSource;
  tagLength?: 128;
}

/** Digests, HMAC and AES-GCM. What goes wrong is a `DOMException`; its `name` says what. */
interface SubtleCrypto {
  /** @param algorithm `"SHA-1"`, `"SHA-256"`, `"SHA-384"` or `"SHA-512"`. */
  digest(algorithm: AlgorithmName, data: BufferSource): Promise<ArrayBuffer>;
  importKey(
    format: "raw",
    data: BufferSource,
    algorithm: "AES-GCM" | { name: string; hash?: AlgorithmName },
    extractable: boolean,
    usages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  generateKey(
    algorithm: { name: string; hash?: AlgorithmName; length?: number },
    extractable: boolean,
    usages: readonly KeyUsage[],
  ): Promise<CryptoKey>;
  exportKey(format: "raw", key: CryptoKey): Promise<ArrayBuffer>;
  sign(algorithm: AlgorithmName, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  verify(algorithm: AlgorithmName, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean>;
  encrypt(algorithm: AesGcmParams, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  decrypt(algorithm: AesGcmParams, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
}
declare var SubtleCrypto: { prototype: SubtleCrypto };

interface Crypto {
  readonly subtle: SubtleCrypto;
  randomUUID(): string;
  /** Fills a typed array of whole numbers, of 65536 bytes at most; returns it. */
  getRandomValues<T extends ArrayBufferView>(view: T): T;
}
declare var Crypto: { prototype: Crypto };
declare var crypto: Crypto;

/** Something in the time of the run: what `performance.mark` and `performance.measure` give. */
interface PerformanceEntry {
  readonly name: string;
  /** `"mark"` or `"measure"`. */
  readonly entryType: string;
  /** Milliseconds from the start of the run. */
  readonly startTime: number;
  /** Milliseconds; 0 for a mark. */
  readonly duration: number;
  toJSON(): any;
}
declare var PerformanceEntry: { prototype: PerformanceEntry };

/** What {@link Performance.mark} takes. */
interface PerformanceMarkOptions {
  /** Data to keep with it. */
  detail?: any;
  /** Milliseconds from the start of the run (default: now). */
  startTime?: number;
}

/** A moment. */
interface PerformanceMark extends PerformanceEntry {
  readonly detail: any;
}
declare var PerformanceMark: {
  prototype: PerformanceMark;
  new (name: string, options?: PerformanceMarkOptions): PerformanceMark;
};

/** What {@link Performance.measure} takes: two of `start`, `end` and `duration` at most. */
interface PerformanceMeasureOptions {
  detail?: any;
  /** Milliseconds from the start of the run, or the name of a mark. */
  start?: string | number;
  end?: string | number;
  duration?: number;
}

/** What lies between two moments. */
interface PerformanceMeasure extends PerformanceEntry {
  readonly detail: any;
}
declare var PerformanceMeasure: { prototype: PerformanceMeasure };

/** Measures time. */
interface Performance extends EventTarget {
  /** Milliseconds since the run started, with fractions. */
  now(): number;
  /** When that was, in milliseconds since 1970. */
  readonly timeOrigin: number;
  /** Notes this moment. */
  mark(name: string, options?: PerformanceMarkOptions): PerformanceMark;
  /** Measures from a mark, or the start of the run, to another one, or now. */
  measure(name: string, startMark?: string, endMark?: string): PerformanceMeasure;
  measure(name: string, options: PerformanceMeasureOptions): PerformanceMeasure;
  /** All that was noted, in the order of time. */
  getEntries(): PerformanceEntry[];
  getEntriesByName(name: string, type?: string): PerformanceEntry[];
  getEntriesByType(type: string): PerformanceEntry[];
  /** Forgets the marks of a name, or all. */
  clearMarks(name?: string): void;
  clearMeasures(name?: string): void;
  toJSON(): any;
}
declare var Performance: { prototype: Performance };

/** What {@link MessageEvent} takes. */
interface MessageEventInit<T = any> extends EventInit {
  data?: T;
  origin?: string;
  lastEventId?: string;
  source?: MessagePort | null;
  ports?: MessagePort[];
}

/** A message that has come. */
interface MessageEvent<T = any> extends Event {
  readonly data: T;
  readonly origin: string;
  readonly lastEventId: string;
  readonly source: MessagePort | null;
  readonly ports: readonly MessagePort[];
}
declare var MessageEvent: {
  prototype: MessageEvent;
  new <T>(type: string, init?: MessageEventInit<T>): MessageEvent<T>;
};

/** One end of a channel. It keeps no run from ending; what was posted does. */
interface MessagePort extends EventTarget {
  /** Sends a copy to the other end, as `structuredClone` makes it. */
  postMessage(message: any, transfer?: any[] | { transfer?: any[] }): void;
  /** Lets messages come. Setting `onmessage` does it as well. */
  start(): void;
  /** Ends the channel. */
  close(): void;
  onmessage: ((this: MessagePort, event: MessageEvent) => any) | null;
  onmessageerror: ((this: MessagePort, event: MessageEvent) => any) | null;
}
declare var MessagePort: { prototype: MessagePort };

/** Two ends that send messages to each other, within one run. */
interface MessageChannel {
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}
declare var MessageChannel: {
  prototype: MessageChannel;
  new (): MessageChannel;
};
