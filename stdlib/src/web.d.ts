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
