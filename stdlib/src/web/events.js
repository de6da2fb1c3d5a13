// Events, and signals to abort. `native` has what is done in Rust.
//
// A rule may overwrite what the language has built in before this is loaded. So nothing here calls a method of a built-in
// class: lists are indexed, promises are awaited, and what needs more is done in Rust.
(native) => {
  "use strict";
  const { apply, tag, now, report, domException, newCore, endCore, isDue, dueIn, weak } = native;

  // Who has it may make events that are trusted, and signals.
  const secret = {};

  let setTarget, setCurrent, isStopped, clearFlags, isDispatched;

  let showEvent, showSignal, showController, isTarget;

  class Event {
    #type;
    #bubbles = false;
    #cancelable = false;
    #composed = false;
    #canceled = false;
    #stopped = false;
    #stoppedNow = false;
    #dispatched = false;
    #passive = false;
    #target = null;
    #current = null;
    #trusted = false;
    #time = now();

    constructor(type, init, trusted) {
      if (arguments.length === 0) throw new TypeError("Event: the type is missing");
      this.#type = `${type}`;
      this.#trusted = trusted === secret;
      if (init !== undefined && init !== null) {
        if (typeof init !== "object" && typeof init !== "function") {
          throw new TypeError("Event: the options must be an object");
        }
        this.#bubbles = !!init.bubbles;
        this.#cancelable = !!init.cancelable;
        this.#composed = !!init.composed;
      }
    }

    static {
      setTarget = (event, target) => {
        event.#target = target;
        event.#dispatched = target !== null || event.#dispatched;
      };
      setCurrent = (event, current, passive) => {
        event.#current = current;
        event.#passive = passive;
      };
      isStopped = (event) => event.#stoppedNow;
      isDispatched = (event) => event.#dispatched;
      showEvent = (event) =>
        #type in event
          ? { type: event.#type, defaultPrevented: event.#canceled, cancelable: event.#cancelable, timeStamp: event.#time }
          : undefined;
      clearFlags = (event) => {
        event.#stopped = event.#stoppedNow = event.#dispatched = false;
        event.#current = null;
        return !event.#canceled;
      };
    }

    get type() {
      return this.#type;
    }
    get bubbles() {
      return this.#bubbles;
    }
    get cancelable() {
      return this.#cancelable;
    }
    get composed() {
      return this.#composed;
    }
    get defaultPrevented() {
      return this.#canceled;
    }
    get returnValue() {
      return !this.#canceled;
    }
    get cancelBubble() {
      return this.#stopped;
    }
    set cancelBubble(stop) {
      if (stop) this.#stopped = true;
    }
    get target() {
      return this.#target;
    }
    get srcElement() {
      return this.#target;
    }
    get currentTarget() {
      return this.#current;
    }
    get eventPhase() {
      return this.#current === null ? 0 : 2;
    }
    get isTrusted() {
      return this.#trusted;
    }
    get timeStamp() {
      return this.#time;
    }
    composedPath() {
      return this.#current === null ? [] : [this.#current];
    }
    preventDefault() {
      if (this.#cancelable && !this.#passive) this.#canceled = true;
    }
    stopPropagation() {
      this.#stopped = true;
    }
    stopImmediatePropagation() {
      this.#stopped = this.#stoppedNow = true;
    }
    static NONE = 0;
    static CAPTURING_PHASE = 1;
    static AT_TARGET = 2;
    static BUBBLING_PHASE = 3;
  }

  class CustomEvent extends Event {
    #detail = null;

    constructor(type, init) {
      if (arguments.length === 0) throw new TypeError("CustomEvent: the type is missing");
      super(type, init);
      if (init !== undefined && init !== null && init.detail !== undefined) this.#detail = init.detail;
    }

    get detail() {
      return this.#detail;
    }
  }

  class ErrorEvent extends Event {
    #error = undefined;
    #message = "";

    constructor(type, init) {
      if (arguments.length === 0) throw new TypeError("ErrorEvent: the type is missing");
      super(type, init);
      if (init !== undefined && init !== null) {
        this.#error = init.error;
        if (init.message !== undefined) this.#message = `${init.message}`;
      }
    }

    get error() {
      return this.#error;
    }
    get message() {
      return this.#message;
    }
    get filename() {
      return "";
    }
    get lineno() {
      return 0;
    }
    get colno() {
      return 0;
    }
  }

  // What a listener is added or removed with.
  const flag = (options, name) => {
    if (options === undefined || options === null) return false;
    if (typeof options !== "object" && typeof options !== "function") return name === "capture" && !!options;
    return !!options[name];
  };

  let dispatch, listen;

  class EventTarget {
    // In the order in which they were added: { type, callback, capture, once, passive, removed }.
    #listeners = [];

    addEventListener(type, callback, options) {
      if (arguments.length < 2) throw new TypeError("addEventListener: the type and the listener are needed");
      type = `${type}`;
      const capture = flag(options, "capture");
      const once = flag(options, "once");
      const passive = flag(options, "passive");
      let signal;
      if (options !== null && typeof options === "object" && options.signal !== undefined) {
        signal = options.signal;
        if (!isSignal(signal)) throw new TypeError("addEventListener: option signal must be an AbortSignal");
      }
      // Getters of the rule's are through.
      const listeners = this.#listeners;
      if (callback === null || callback === undefined) return;
      if (typeof callback !== "object" && typeof callback !== "function") {
        throw new TypeError("addEventListener: the listener must be a function or an object with handleEvent");
      }
      if (signal !== undefined && signal.aborted) return;
      for (let i = 0; i < listeners.length; i++) {
        const known = listeners[i];
        if (known.type === type && known.callback === callback && known.capture === capture) return;
      }
      const listener = { __proto__: null, type, callback, capture, once, passive, removed: false };
      listeners[listeners.length] = listener;
      if (type === "abort" && isSignal(this)) pin(this);
      if (signal !== undefined) onAbort(signal, () => EventTarget.#remove(this, listener));
    }

    removeEventListener(type, callback, options) {
      if (arguments.length < 2) throw new TypeError("removeEventListener: the type and the listener are needed");
      type = `${type}`;
      const capture = flag(options, "capture");
      const listeners = this.#listeners;
      for (let i = 0; i < listeners.length; i++) {
        const known = listeners[i];
        if (known.type === type && known.callback === callback && known.capture === capture) {
          EventTarget.#remove(this, known);
          return;
        }
      }
    }

    dispatchEvent(event) {
      if (typeof event !== "object" || event === null || !(event instanceof Event)) {
        throw new TypeError("dispatchEvent: the event must be an Event");
      }
      if (isDispatched(event)) {
        throw domException("the event is being dispatched already", "InvalidStateError");
      }
      return EventTarget.#dispatch(this, event);
    }

    static #remove(target, listener) {
      listener.removed = true;
      const before = target.#listeners;
      const after = [];
      for (let i = 0; i < before.length; i++) {
        if (before[i] !== listener) after[after.length] = before[i];
      }
      target.#listeners = after;
    }

    static #dispatch(target, event) {
      setTarget(event, target);
      const type = event.type;
      // Those that are added meanwhile are not called; those that are removed are not either.
      const listeners = target.#listeners;
      const count = listeners.length;
      for (let i = 0; i < count; i++) {
        const listener = listeners[i];
        if (listener.removed || listener.type !== type) continue;
        if (listener.once) EventTarget.#remove(target, listener);
        setCurrent(event, target, listener.passive);
        try {
          const { callback } = listener;
          if (typeof callback === "function") apply(callback, target, event);
          else {
            const handle = callback.handleEvent;
            if (typeof handle !== "function") throw new TypeError("the listener has no method handleEvent");
            apply(handle, callback, event);
          }
        } catch (error) {
          report(error);
        }
        if (isStopped(event)) break;
      }
      setCurrent(event, null, false);
      return clearFlags(event);
    }

    static {
      dispatch = EventTarget.#dispatch;
      isTarget = (object) => #listeners in object;
      listen = (target, type, callback) => {
        const listeners = target.#listeners;
        listeners[listeners.length] = { __proto__: null, type, callback, capture: false, once: false, passive: false, removed: false };
      };
    }
  }

  let isSignal, pin, onAbort, abort, coreOf, reasonOf, expire, newSignal, follow;

  class AbortSignal extends EventTarget {
    // What waits in Rust looks at this.
    #core;
    #aborted = false;
    #reason = undefined;
    // Functions that are called before the event.
    #steps = null;
    // The signals that this one follows, and those that follow it, as { weak, strong }.
    #sources = null;
    #followers = null;
    #handler = null;
    #handled = false;

    constructor(mine) {
      if (mine !== secret) throw new TypeError("Illegal constructor: AbortController and AbortSignal.timeout make signals");
      super();
      this.#core = newCore({ __proto__: null });
    }

    static abort(reason) {
      const signal = new AbortSignal(secret);
      abort(signal, reason);
      return signal;
    }

    static timeout(milliseconds) {
      const signal = new AbortSignal(secret);
      // Keeps no run from ending, as a timer would.
      dueIn(signal.#core, milliseconds, () => expire(signal));
      return signal;
    }

    static any(signals) {
      const result = new AbortSignal(secret);
      const list = [];
      for (const signal of signals) {
        if (!isSignal(signal)) throw new TypeError("AbortSignal.any: each must be an AbortSignal");
        list[list.length] = signal;
      }
      for (let i = 0; i < list.length; i++) {
        if (list[i].aborted) {
          result.#aborted = true;
          result.#reason = list[i].#reason;
          endCore(result.#core);
          return result;
        }
      }
      for (let i = 0; i < list.length; i++) AbortSignal.#follow(result, list[i]);
      return result;
    }

    // Those that follow a signal that follows others follow these.
    static #follow(result, signal) {
      if (signal.#sources !== null) {
        for (let i = 0; i < signal.#sources.length; i++) AbortSignal.#follow(result, signal.#sources[i]);
        return;
      }
      result.#sources ??= [];
      result.#sources[result.#sources.length] = signal;
      dueIn(result.#core, signal.#core);
      // Those that are gone make room.
      const before = signal.#followers ?? [];
      const after = [];
      for (let i = 0; i < before.length; i++) {
        if (before[i].strong !== null || before[i].weak.deref() !== undefined) after[after.length] = before[i];
      }
      after[after.length] = { __proto__: null, weak: weak(result), strong: null, of: result.#core };
      signal.#followers = after;
    }

    get aborted() {
      // The time may be up while the rule blocks, and no timer's turn has come.
      if (!this.#aborted) expire(this);
      return this.#aborted;
    }

    get reason() {
      return this.aborted ? this.#reason : undefined;
    }

    throwIfAborted() {
      if (this.aborted) throw this.#reason;
    }

    get onabort() {
      return this.#handler;
    }

    set onabort(handler) {
      this.#handler = typeof handler === "function" || (typeof handler === "object" && handler !== null) ? handler : null;
      if (this.#handler !== null && !this.#handled) {
        this.#handled = true;
        pin(this);
        listen(this, "abort", (event) => {
          if (typeof this.#handler === "function") return apply(this.#handler, this, event);
        });
      }
    }

    static {
      isSignal = (value) => typeof value === "object" && value !== null && #core in value;
      coreOf = (value) => (isSignal(value) ? value.#core : undefined);
      reasonOf = (signal) => signal.#reason;
      showSignal = (signal) => {
        if (!(#core in signal)) return undefined;
        return signal.#aborted ? { aborted: true, reason: signal.#reason } : { aborted: false };
      };
      newSignal = () => new AbortSignal(secret);
      follow = (signal) => {
        const result = new AbortSignal(secret);
        if (signal.aborted) {
          result.#aborted = true;
          result.#reason = signal.#reason;
          endCore(result.#core);
        } else {
          AbortSignal.#follow(result, signal);
        }
        return result;
      };
      onAbort = (signal, step) => {
        if (signal.aborted) return step();
        signal.#steps ??= [];
        signal.#steps[signal.#steps.length] = step;
        pin(signal);
      };
      // A signal that others listen to lives as long as those that it follows.
      pin = (signal) => {
        if (signal.#sources === null) return;
        for (let i = 0; i < signal.#sources.length; i++) {
          const followers = signal.#sources[i].#followers ?? [];
          for (let j = 0; j < followers.length; j++) {
            if (followers[j].of === signal.#core) followers[j].strong = signal;
          }
        }
      };
      // Aborts a signal whose time is up, or that of one that it follows.
      expire = (signal) => {
        if (signal.#aborted || !isDue(signal.#core)) return;
        if (signal.#sources === null) {
          abort(signal, domException("The operation was aborted due to timeout", "TimeoutError"));
          return;
        }
        for (let i = 0; i < signal.#sources.length && !signal.#aborted; i++) expire(signal.#sources[i]);
      };
      abort = (signal, reason) => {
        if (signal.#aborted) return;
        const ended = [signal];
        signal.#aborted = true;
        signal.#reason = reason === undefined ? domException("This operation was aborted", "AbortError") : reason;
        const followers = signal.#followers;
        signal.#followers = null;
        if (followers !== null) {
          for (let i = 0; i < followers.length; i++) {
            const follower = followers[i].strong ?? followers[i].weak.deref();
            if (follower === undefined || follower.#aborted) continue;
            follower.#aborted = true;
            follower.#reason = signal.#reason;
            ended[ended.length] = follower;
          }
        }
        // All have their reason before any code of the rule's looks at one of them.
        for (let i = 0; i < ended.length; i++) endCore(ended[i].#core);
        for (let i = 0; i < ended.length; i++) {
          const steps = ended[i].#steps ?? [];
          ended[i].#steps = null;
          for (let j = 0; j < steps.length; j++) {
            try {
              steps[j]();
            } catch (error) {
              report(error);
            }
          }
          dispatch(ended[i], new Event("abort", undefined, secret));
        }
      };
    }
  }

  class AbortController {
    #signal = newSignal();

    get signal() {
      return this.#signal;
    }

    abort(reason) {
      abort(this.#signal, reason);
    }

    static {
      showController = (controller) => (#signal in controller ? { signal: controller.#signal } : undefined);
    }
  }

  tag(Event, "Event");
  tag(CustomEvent, "CustomEvent");
  tag(ErrorEvent, "ErrorEvent");
  tag(EventTarget, "EventTarget");
  tag(AbortSignal, "AbortSignal");
  tag(AbortController, "AbortController");

  return {
    Event, CustomEvent, ErrorEvent, EventTarget, AbortSignal, AbortController,
    isSignal, coreOf, reasonOf, expire, abort, newSignal, follow, onAbort, dispatch, listen,
    // What print and console show in place of an object.
    standIn: (object) => showEvent(object) ?? showSignal(object) ?? showController(object) ?? null,
    owns: (object) => showEvent(object) !== undefined || isTarget(object) || showController(object) !== undefined,
  };
};
