// `performance`: the time of the run, and marks in it. `native` has what is done in Rust.
//
// As in `events.js`, nothing here calls a method of a built-in class.
(native) => {
  "use strict";
  const { tag, now, clone, domException, EventTarget } = native;
  const origin = native.origin();

  // Who has it may make entries.
  const secret = {};

  let showEntry, startOf;

  const optional = (what, options) => {
    if (options === undefined || options === null) return {};
    if (typeof options !== "object" && typeof options !== "function") throw new TypeError(`${what}: the options must be an object`);
    return options;
  };
  const copied = (detail) => (detail === undefined || detail === null ? null : clone(detail));
  const time = (what, value) => {
    const number = +value;
    if (number - number !== 0) throw new TypeError(`${what}: the time must be a finite number of milliseconds`);
    if (number < 0) throw new TypeError(`${what}: the time must not be negative`);
    return number;
  };

  class PerformanceEntry {
    #name;
    #type;
    #start;
    #duration;
    #detail;
    constructor(mine, name, type, start, duration, detail) {
      if (mine !== secret) throw new TypeError("Illegal constructor: performance.mark and performance.measure make entries");
      this.#name = name;
      this.#type = type;
      this.#start = start;
      this.#duration = duration;
      this.#detail = detail;
    }
    get name() {
      return this.#name;
    }
    get entryType() {
      return this.#type;
    }
    get startTime() {
      return this.#start;
    }
    get duration() {
      return this.#duration;
    }
    get detail() {
      return this.#detail;
    }
    toJSON() {
      return { name: this.#name, entryType: this.#type, startTime: this.#start, duration: this.#duration, detail: this.#detail };
    }
    static {
      showEntry = (object) =>
        #type in object
          ? { name: object.#name, entryType: object.#type, startTime: object.#start, duration: object.#duration, detail: object.#detail }
          : undefined;
      startOf = (entry) => entry.#start;
    }
  }

  class PerformanceMark extends PerformanceEntry {
    constructor(name, options) {
      if (arguments.length === 0) throw new TypeError("PerformanceMark: the name is missing");
      const what = "performance.mark";
      const { startTime, detail } = optional(what, options);
      super(secret, `${name}`, "mark", startTime === undefined ? now() : time(what, startTime), 0, copied(detail));
    }
  }

  class PerformanceMeasure extends PerformanceEntry {}

  let isPerformance;

  class Performance extends EventTarget {
    // In the order of their times; what began at the same time, in the order of the calls.
    #entries = [];

    constructor(mine) {
      if (mine !== secret) throw new TypeError("Illegal constructor: there is one, performance");
      super();
    }

    get timeOrigin() {
      return origin;
    }

    now() {
      return now();
    }

    mark(name, options) {
      if (arguments.length === 0) throw new TypeError("performance.mark: the name is missing");
      return this.#add(new PerformanceMark(name, options));
    }

    measure(name, start, endMark) {
      const what = "performance.measure";
      if (arguments.length === 0) throw new TypeError(`${what}: the name is missing`);
      name = `${name}`;
      const isObject = typeof start === "object" && start !== null;
      const given = isObject ? start : {};
      const { start: from, end: to, duration, detail } = given;
      if (isObject && (from !== undefined || to !== undefined || duration !== undefined || detail !== undefined)) {
        if (endMark !== undefined) throw new TypeError(`${what}: either the options say the end, or the third argument`);
        if (from === undefined && to === undefined) throw new TypeError(`${what}: start or end is needed`);
        if (from !== undefined && to !== undefined && duration !== undefined) {
          throw new TypeError(`${what}: two of start, end and duration are enough`);
        }
      }
      const length = duration === undefined ? undefined : time(what, duration);
      let end, begin;
      if (endMark !== undefined) end = this.#time(what, endMark);
      else if (to !== undefined) end = this.#time(what, to);
      else if (from !== undefined && length !== undefined) end = this.#time(what, from) + length;
      else end = now();
      if (from !== undefined) begin = this.#time(what, from);
      else if (to !== undefined && length !== undefined) begin = end - length;
      else begin = isObject || start === undefined || start === null ? 0 : this.#time(what, start);
      return this.#add(new PerformanceMeasure(secret, name, "measure", begin, end - begin, copied(detail)));
    }

    // A time, or that of the last mark of a name.
    #time(what, mark) {
      if (typeof mark === "number") return time(what, mark);
      const name = `${mark}`;
      const entries = this.#entries;
      for (let i = entries.length - 1; i >= 0; i--) {
        if (entries[i].entryType === "mark" && entries[i].name === name) return startOf(entries[i]);
      }
      throw domException(`${what}: there is no mark ${native.shown(name)}`, "SyntaxError");
    }

    #add(entry) {
      const entries = this.#entries;
      // Nearly always it is the last one.
      let at = entries.length;
      while (at > 0 && startOf(entries[at - 1]) > startOf(entry)) {
        entries[at] = entries[at - 1];
        at--;
      }
      entries[at] = entry;
      return entry;
    }

    #those(isWanted) {
      const found = [];
      for (let i = 0; i < this.#entries.length; i++) {
        if (isWanted(this.#entries[i])) found[found.length] = this.#entries[i];
      }
      return found;
    }

    getEntries() {
      return this.#those(() => true);
    }

    getEntriesByName(name, type) {
      name = `${name}`;
      return this.#those((entry) => entry.name === name && (type === undefined || entry.entryType === `${type}`));
    }

    getEntriesByType(type) {
      type = `${type}`;
      return this.#those((entry) => entry.entryType === type);
    }

    clearMarks(name) {
      this.#clear("mark", name);
    }

    clearMeasures(name) {
      this.#clear("measure", name);
    }

    #clear(type, name) {
      if (name !== undefined) name = `${name}`;
      this.#entries = this.#those((entry) => entry.entryType !== type || (name !== undefined && entry.name !== name));
    }

    toJSON() {
      return { timeOrigin: origin };
    }

    static {
      isPerformance = (object) => #entries in object;
    }
  }

  tag(PerformanceEntry, "PerformanceEntry");
  tag(PerformanceMark, "PerformanceMark");
  tag(PerformanceMeasure, "PerformanceMeasure");
  tag(Performance, "Performance");
  const performance = new Performance(secret);

  return {
    Performance,
    PerformanceEntry,
    PerformanceMark,
    PerformanceMeasure,
    performance,
    standIn: (object) => showEntry(object) ?? (isPerformance(object) ? { timeOrigin: origin } : null),
    owns: (object) => showEntry(object) !== undefined,
  };
};
