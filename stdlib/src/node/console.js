// node:console: see node.rs.
(native) => {
  "use strict";

  const { invalidType } = native.load("internal/errors");
  const { format } = native.load("util");

  // A console that writes to other streams.
  class Console {
    #out;
    #error;
    #indent = "";
    #counts = new Map();
    #times = new Map();
    constructor(options, error) {
      const { stdout, stderr = stdout } = typeof options?.write === "function" ? { stdout: options, stderr: error ?? options } : (options ?? {});
      for (const [name, stream] of Object.entries({ stdout, stderr })) {
        if (typeof stream?.write !== "function") throw invalidType(`"${name}" argument`, "an instance of stream.Writable", stream);
      }
      this.#out = stdout;
      this.#error = stderr;
      for (const name of Object.getOwnPropertyNames(Console.prototype)) {
        if (name !== "constructor") this[name] = this[name].bind(this);
      }
    }
    #write(stream, values) {
      stream.write(`${this.#indent}${format(...values).replaceAll("\n", `\n${this.#indent}`)}\n`);
    }
    log(...values) {
      this.#write(this.#out, values);
    }
    info(...values) {
      this.#write(this.#out, values);
    }
    debug(...values) {
      this.#write(this.#out, values);
    }
    dir(value, options) {
      this.#write(this.#out, [native.load("util").inspect(value, { customInspect: false, ...options })]);
    }
    warn(...values) {
      this.#write(this.#error, values);
    }
    error(...values) {
      this.#write(this.#error, values);
    }
    trace(...values) {
      const { stack } = new Error();
      this.#write(this.#error, [`Trace${values.length > 0 ? `: ${format(...values)}` : ""}\n${stack.split("\n").slice(1).join("\n")}`.trimEnd()]);
    }
    assert(condition, ...values) {
      if (!condition) this.#write(this.#error, [`Assertion failed${values.length > 0 ? `: ${format(...values)}` : ""}`]);
    }
    group(...values) {
      if (values.length > 0) this.log(...values);
      this.#indent += "  ";
    }
    groupEnd() {
      this.#indent = this.#indent.slice(2);
    }
    count(label = "default") {
      const count = (this.#counts.get(`${label}`) ?? 0) + 1;
      this.#counts.set(`${label}`, count);
      this.log(`${label}: ${count}`);
    }
    countReset(label = "default") {
      this.#counts.delete(`${label}`);
    }
    time(label = "default") {
      this.#times.set(`${label}`, performance.now());
    }
    timeEnd(label = "default") {
      const start = this.#times.get(`${label}`);
      if (start === undefined) return;
      this.#times.delete(`${label}`);
      this.log(`${label}: ${(performance.now() - start).toFixed(3)}ms`);
    }
  }

  const console = globalThis.console;
  return Object.assign(Object.create(console), Object.fromEntries(Object.keys(console).map((name) => [name, console[name]])), { Console });
};
