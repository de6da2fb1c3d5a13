// node:events: see node.rs.
(native) => {
  "use strict";

  const { apply, ownKeys } = Reflect;
  const kCapture = Symbol.for("nodejs.rejection");
  const errorMonitor = Symbol("events.errorMonitor");
  const { coded, invalidType, outOfRange, aborted, inspect } = native.load("internal/errors");

  const checkListener = (listener) => {
    if (typeof listener !== "function") throw invalidType('"listener" argument', "of type function", listener);
  };
  const checkCount = (name, count) => {
    if (typeof count !== "number" || !(count >= 0)) throw outOfRange(name, ">= 0", count);
  };

  function EventEmitter(options) {
    EventEmitter.init.call(this, options);
  }

  EventEmitter.prototype._events = undefined;
  EventEmitter.prototype._eventsCount = 0;
  EventEmitter.prototype._maxListeners = undefined;
  let defaultMaxListeners = 10;

  EventEmitter.init = function (options) {
    if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
      this._events = Object.create(null);
      this._eventsCount = 0;
    }
    this._maxListeners = this._maxListeners || undefined;
    if (options?.captureRejections) {
      Object.defineProperty(this, "captureRejections", { value: true, writable: true, configurable: true });
    }
  };

  const most = (emitter) => emitter._maxListeners ?? defaultMaxListeners;

  // A list of listeners does not change while it is called: what adds or removes one makes a new list.
  const add = (emitter, type, listener, first) => {
    checkListener(listener);
    let events = emitter._events;
    if (events === undefined) {
      events = emitter._events = Object.create(null);
      emitter._eventsCount = 0;
    } else if (events.newListener !== undefined) {
      emitter.emit("newListener", type, listener.listener ?? listener);
      events = emitter._events;
    }
    const known = events[type];
    if (known === undefined) {
      events[type] = listener;
      emitter._eventsCount++;
      return emitter;
    }
    const list = typeof known === "function" ? [known] : known;
    const next = first ? [listener, ...list] : [...list, listener];
    events[type] = next;
    const limit = most(emitter);
    if (limit > 0 && next.length > limit && !list.warned) {
      const name = typeof type === "symbol" ? type.toString() : type;
      const message =
        `Possible EventEmitter memory leak detected. ${next.length} ${name} listeners added to ${emitter.constructor?.name ?? "an emitter"}. ` +
        `MaxListeners is ${limit}. Use emitter.setMaxListeners() to increase limit`;
      native.load("process").emitWarning(message, "MaxListenersExceededWarning");
      next.warned = true;
    }
    if (list.warned) next.warned = true;
    return emitter;
  };

  const wrapped = (emitter, type, listener) => {
    checkListener(listener);
    let fired = false;
    const once = function (...values) {
      if (fired) return undefined;
      fired = true;
      emitter.removeListener(type, once);
      return apply(listener, emitter, values);
    };
    once.listener = listener;
    return once;
  };

  const rejected = (emitter, type, values, error) => {
    if (typeof emitter[kCapture] === "function") {
      emitter[kCapture](error, type, ...values);
    } else {
      emitter.emit("error", error);
    }
  };
  const called = (emitter, listener, type, values) => {
    const result = apply(listener, emitter, values);
    if (emitter.captureRejections && typeof result?.then === "function") {
      result.then(undefined, (error) => queueMicrotask(() => rejected(emitter, type, values, error)));
    }
  };

  EventEmitter.prototype.emit = function emit(type, ...values) {
    const events = this._events;
    if (type === "error" && events?.[errorMonitor] !== undefined) this.emit(errorMonitor, ...values);
    const listeners = events?.[type];
    if (listeners === undefined) {
      if (type !== "error") return false;
      const [error] = values;
      if (error instanceof Error) throw error;
      let text;
      try {
        text = inspect(error);
      } catch {
        text = error;
      }
      throw Object.assign(coded(Error, "ERR_UNHANDLED_ERROR", `Unhandled error. (${text})`), { context: error });
    }
    if (typeof listeners === "function") {
      called(this, listeners, type, values);
    } else {
      for (const listener of listeners) called(this, listener, type, values);
    }
    return true;
  };

  EventEmitter.prototype.addListener = function addListener(type, listener) {
    return add(this, type, listener, false);
  };
  EventEmitter.prototype.on = EventEmitter.prototype.addListener;
  EventEmitter.prototype.prependListener = function prependListener(type, listener) {
    return add(this, type, listener, true);
  };
  EventEmitter.prototype.once = function once(type, listener) {
    return add(this, type, wrapped(this, type, listener), false);
  };
  EventEmitter.prototype.prependOnceListener = function prependOnceListener(type, listener) {
    return add(this, type, wrapped(this, type, listener), true);
  };

  EventEmitter.prototype.removeListener = function removeListener(type, listener) {
    checkListener(listener);
    const events = this._events;
    const known = events?.[type];
    if (known === undefined) return this;
    const list = typeof known === "function" ? [known] : known;
    const at = list.findLastIndex((one) => one === listener || one.listener === listener);
    if (at < 0) return this;
    if (list.length === 1) {
      delete events[type];
      this._eventsCount--;
    } else {
      const next = list.toSpliced(at, 1);
      events[type] = next.length === 1 ? next[0] : Object.assign(next, list.warned && { warned: true });
    }
    if (events.removeListener !== undefined) this.emit("removeListener", type, list[at].listener ?? list[at]);
    return this;
  };
  EventEmitter.prototype.off = EventEmitter.prototype.removeListener;

  EventEmitter.prototype.removeAllListeners = function removeAllListeners(type) {
    const events = this._events;
    if (events === undefined) return this;
    if (events.removeListener !== undefined) {
      for (const key of arguments.length === 0 ? ownKeys(events) : [type]) {
        if (arguments.length === 0 && key === "removeListener") continue;
        for (const listener of this.rawListeners(key).toReversed()) this.removeListener(key, listener);
      }
      if (arguments.length !== 0) return this;
    }
    if (arguments.length === 0) {
      this._events = Object.create(null);
      this._eventsCount = 0;
    } else if (events[type] !== undefined) {
      delete events[type];
      this._eventsCount--;
    }
    return this;
  };

  EventEmitter.prototype.setMaxListeners = function setMaxListeners(count) {
    checkCount("setMaxListeners", count);
    this._maxListeners = count;
    return this;
  };
  EventEmitter.prototype.getMaxListeners = function getMaxListeners() {
    return most(this);
  };
  const raw = (emitter, type) => {
    const known = emitter._events?.[type];
    return known === undefined ? [] : typeof known === "function" ? [known] : [...known];
  };
  EventEmitter.prototype.rawListeners = function rawListeners(type) {
    return raw(this, type);
  };
  EventEmitter.prototype.listeners = function listeners(type) {
    return raw(this, type).map((listener) => listener.listener ?? listener);
  };
  EventEmitter.prototype.listenerCount = function listenerCount(type, listener) {
    const list = raw(this, type);
    return listener === undefined ? list.length : list.filter((one) => one === listener || one.listener === listener).length;
  };
  EventEmitter.prototype.eventNames = function eventNames() {
    return this._events === undefined ? [] : ownKeys(this._events);
  };

  // Functions of the module: those of any emitter or event target.

  const isTarget = (emitter) => typeof emitter?.addEventListener === "function" && typeof emitter.on !== "function";
  const listen = (emitter, type, listener, isOnce) => {
    if (isTarget(emitter)) emitter.addEventListener(type, listener, { once: isOnce });
    else if (typeof emitter?.on === "function") isOnce ? emitter.once(type, listener) : emitter.on(type, listener);
    else throw invalidType('"emitter" argument', "an instance of EventEmitter or EventTarget", emitter);
  };
  const unlisten = (emitter, type, listener) => {
    if (isTarget(emitter)) emitter.removeEventListener(type, listener);
    else emitter.removeListener(type, listener);
  };

  const once = (emitter, type, options = {}) =>
    new Promise((resolve, reject) => {
      const signal = options?.signal;
      if (signal?.aborted) throw aborted(signal);
      const done = () => {
        unlisten(emitter, type, resolver);
        if (type !== "error" && !isTarget(emitter)) unlisten(emitter, "error", failed);
        signal?.removeEventListener("abort", onAbort);
      };
      const resolver = (...values) => {
        done();
        resolve(values);
      };
      const failed = (error) => {
        done();
        reject(error);
      };
      const onAbort = () => failed(aborted(signal));
      listen(emitter, type, resolver, true);
      if (type !== "error" && !isTarget(emitter)) listen(emitter, "error", failed, true);
      signal?.addEventListener("abort", onAbort, { once: true });
    });

  const on = (emitter, type, options = {}) => {
    const { signal, close = [] } = options ?? {};
    if (signal?.aborted) throw aborted(signal);
    const events = [];
    const waiting = [];
    let failure;
    let isOver = false;
    const settle = () => {
      while (waiting.length > 0 && (events.length > 0 || failure !== undefined || isOver)) {
        const { resolve, reject } = waiting.shift();
        if (events.length > 0) resolve({ value: events.shift(), done: false });
        else if (failure !== undefined) {
          const { error } = failure;
          failure = undefined;
          reject(error);
        } else resolve({ value: undefined, done: true });
      }
    };
    const arrived = (...values) => {
      events.push(values);
      settle();
    };
    const end = () => {
      isOver = true;
      unlisten(emitter, type, arrived);
      if (type !== "error" && !isTarget(emitter)) unlisten(emitter, "error", failed);
      for (const name of close) unlisten(emitter, name, end);
      signal?.removeEventListener("abort", onAbort);
      settle();
    };
    const failed = (error) => {
      failure = { error };
      end();
    };
    const onAbort = () => failed(aborted(signal));
    listen(emitter, type, arrived, false);
    if (type !== "error" && !isTarget(emitter)) listen(emitter, "error", failed, false);
    for (const name of close) listen(emitter, name, end, true);
    signal?.addEventListener("abort", onAbort, { once: true });
    return {
      next: () =>
        new Promise((resolve, reject) => {
          waiting.push({ resolve, reject });
          settle();
        }),
      return: () => {
        end();
        return Promise.resolve({ value: undefined, done: true });
      },
      throw: (error) => {
        failed(error);
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  };

  const addAbortListener = (signal, listener) => {
    if (signal === undefined) throw invalidType('"signal" argument', "an instance of AbortSignal", signal);
    checkListener(listener);
    if (signal.aborted) queueMicrotask(() => listener());
    else signal.addEventListener("abort", listener, { once: true });
    return { [Symbol.dispose]: () => signal.removeEventListener("abort", listener) };
  };

  Object.assign(EventEmitter, {
    once,
    on,
    addAbortListener,
    getEventListeners: (emitter, type) => (typeof emitter?.listeners === "function" ? emitter.listeners(type) : []),
    getMaxListeners: (emitter) => (typeof emitter?.getMaxListeners === "function" ? emitter.getMaxListeners() : defaultMaxListeners),
    listenerCount: (emitter, type) => (typeof emitter?.listenerCount === "function" ? emitter.listenerCount(type) : 0),
    setMaxListeners: (count = defaultMaxListeners, ...emitters) => {
      checkCount("setMaxListeners", count);
      if (emitters.length === 0) defaultMaxListeners = count;
      for (const emitter of emitters) emitter.setMaxListeners?.(count);
    },
    EventEmitter,
    errorMonitor,
    captureRejectionSymbol: kCapture,
    captureRejections: false,
    usingDomains: false,
  });
  Object.defineProperty(EventEmitter, "defaultMaxListeners", {
    enumerable: true,
    configurable: true,
    get: () => defaultMaxListeners,
    set: (count) => {
      checkCount("defaultMaxListeners", count);
      defaultMaxListeners = count;
    },
  });
  // Who only inherits from it may never have called it.
  Object.defineProperty(EventEmitter.prototype, "constructor", { value: EventEmitter, writable: true, configurable: true });

  return EventEmitter;
};
