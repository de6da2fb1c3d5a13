// node:timers: the globals. See node.rs.
(native) => {
  "use strict";

  const { aborted, checkBoolean } = native.load("internal/errors");
  const { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate } = globalThis;

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
  Object.defineProperty(setTimeout, Symbol.for("nodejs.util.promisify.custom"), { value: promises.setTimeout, configurable: true });
  Object.defineProperty(setImmediate, Symbol.for("nodejs.util.promisify.custom"), { value: promises.setImmediate, configurable: true });
  return { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate, promises };
};
