// `Date` and `performance` of a run whose clock a test moves. `date` gives the date in milliseconds since 1970, `passed` the
// milliseconds since the start of the run, which was at `origin`.
(date, passed, origin) => {
  "use strict";
  const Machine = globalThis.Date;
  const { construct } = Reflect;
  function Date(...parts) {
    if (!new.target) return new Machine(date()).toString();
    return construct(Machine, parts.length === 0 ? [date()] : parts, new.target);
  }
  Object.defineProperties(Date, Object.getOwnPropertyDescriptors(Machine));
  const hidden = (object, name, value) =>
    Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
  hidden(Date, "now", function now() {
    return date();
  });
  hidden(Date.prototype, "constructor", Date);
  hidden(globalThis, "Date", Date);
  if ("performance" in globalThis) {
    globalThis.performance = {
      now() {
        return passed();
      },
      timeOrigin: origin,
    };
  }
};
