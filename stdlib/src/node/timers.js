// node:timers: the globals, with what they give as objects. See node.rs.
(native) => {
  "use strict";

  const { aborted, checkBoolean, checkFunction } = native.load("internal/errors");
  const { hold, restart } = native;
  const { setTimeout: start, clearTimeout: stop, setInterval: repeat, setImmediate: startSoon } = globalThis;
  const promisified = Symbol.for("nodejs.util.promisify.custom");

  let stopTimer, stopImmediate;

  class Timeout {
    #id = 0;
    #start;
    #delay;
    #holds = true;
    #isOver = false;
    constructor(start, callback, delay, values) {
      this.#delay = delay;
      this.#start = () => start(callback, delay, ...values);
      this.#id = this.#start();
    }
    hasRef() {
      return this.#holds;
    }
    ref() {
      return this.#hold(true);
    }
    unref() {
      return this.#hold(false);
    }
    #hold(holds) {
      this.#holds = holds;
      hold(this.#id, holds);
      return this;
    }
    refresh() {
      if (!this.#isOver && !restart(this.#id, this.#delay)) {
        this.#id = this.#start();
        hold(this.#id, this.#holds);
      }
      return this;
    }
    close() {
      this.#isOver = true;
      stop(this.#id);
      return this;
    }
    [Symbol.toPrimitive]() {
      return this.#id;
    }
    [Symbol.dispose]() {
      this.close();
    }
    static {
      stopTimer = (timer) => {
        if (typeof timer === "object" && timer !== null && #id in timer) timer.close();
        else stop(timer);
      };
    }
  }

  class Immediate {
    #id;
    #holds = true;
    constructor(callback, values) {
      this.#id = startSoon(callback, ...values);
    }
    hasRef() {
      return this.#holds;
    }
    ref() {
      return this.#hold(true);
    }
    unref() {
      return this.#hold(false);
    }
    #hold(holds) {
      this.#holds = holds;
      hold(this.#id, holds);
      return this;
    }
    [Symbol.dispose]() {
      stop(this.#id);
    }
    static {
      stopImmediate = (immediate) => {
        const isOurs = typeof immediate === "object" && immediate !== null && #id in immediate;
        stop(isOurs ? immediate.#id : immediate);
      };
    }
  }

  // As the globals take it: what is no positive number is nothing.
  const milliseconds = (delay) => (+delay > 0 ? +delay : 0);
  const timer = (start) =>
    function (callback, delay, ...values) {
      checkFunction("callback", callback);
      return new Timeout(start, callback, milliseconds(delay), values);
    };
  const setTimeout = named("setTimeout", timer(start));
  const setInterval = named("setInterval", timer(repeat));
  const setImmediate = named("setImmediate", function (callback, ...values) {
    checkFunction("callback", callback);
    return new Immediate(callback, values);
  });
  const clearTimeout = named("clearTimeout", (timer) => stopTimer(timer));
  const clearInterval = named("clearInterval", (timer) => stopTimer(timer));
  const clearImmediate = named("clearImmediate", (immediate) => stopImmediate(immediate));
  function named(name, made) {
    return Object.defineProperty(made, "name", { value: name });
  }

  // A promise that comes in time, unless the signal is aborted before.
  const later = (start, stop, value, options) => {
    const signal = options?.signal;
    if (options?.ref !== undefined) checkBoolean("options.ref", options.ref);
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        stop(timer);
        reject(aborted(signal));
      };
      const timer = start(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve(value);
      });
      if (options?.ref === false) timer.unref();
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  };
  const wait = (delay, options) => later((done) => setTimeout(done, delay), clearTimeout, undefined, options);

  async function* every(delay, value, options) {
    for (;;) {
      await wait(delay, options);
      yield value;
    }
  }

  const promises = {
    setTimeout: (delay, value, options) => later((done) => setTimeout(done, delay), clearTimeout, value, options),
    setImmediate: (value, options) => later((done) => setImmediate(done), clearImmediate, value, options),
    setInterval: every,
    scheduler: { wait, yield: () => later((done) => setImmediate(done), clearImmediate) },
  };
  for (const given of [setTimeout, start]) {
    Object.defineProperty(given, promisified, { value: promises.setTimeout, configurable: true });
  }
  for (const given of [setImmediate, startSoon]) {
    Object.defineProperty(given, promisified, { value: promises.setImmediate, configurable: true });
  }
  return { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, promises };
};
