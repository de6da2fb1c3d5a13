// node:process and the global process: see node.rs and process.rs.
(native) => {
  "use strict";

  const EventEmitter = native.load("events");
  const { invalidType, outOfRange, checkFunction, leftOut } = native.load("internal/errors");
  const { facts, exit, setExitCode, write, atEnd } = native;
  const { apply } = Reflect;
  const clock = globalThis.performance;
  const now = clock.now;
  const milliseconds = () => apply(now, clock, []);
  const tick = globalThis.queueMicrotask;

  const known = facts();

  class process extends EventEmitter {}
  const self = Object.create(process.prototype);
  EventEmitter.call(self);
  Object.defineProperty(process.prototype, Symbol.toStringTag, { value: "process", configurable: true });

  // ---- its end

  const codeOf = (value, name = "code") => {
    if (value === undefined || value === null) return undefined;
    const number = typeof value === "string" && value !== "" ? Number(value) : value;
    if (typeof number !== "number") throw invalidType(`"${name}" argument`, "of type number", value);
    if (!Number.isInteger(number)) throw outOfRange(name, "an integer", value);
    return number;
  };
  let exitCode;
  let isExiting = false;
  const leave = (code) => {
    if (code !== undefined && code !== null) self.exitCode = code;
    if (!isExiting) {
      isExiting = true;
      self.emit("exit", exitCode ?? 0);
    }
    exit(exitCode ?? 0);
  };
  // "beforeExit" and "exit" are told at the end of a run that nothing has stopped.
  let hears = false;
  const hear = (name) => {
    if (hears || (name !== "exit" && name !== "beforeExit")) return;
    hears = true;
    atEnd((isLast) => {
      if (!isLast) self.emit("beforeExit", exitCode ?? 0);
      else if (!isExiting) {
        isExiting = true;
        self.emit("exit", exitCode ?? 0);
      }
    });
  };
  for (const method of ["on", "once", "addListener", "prependListener", "prependOnceListener"]) {
    const original = EventEmitter.prototype[method];
    Object.defineProperty(process.prototype, method, {
      configurable: true,
      writable: true,
      value(name, listener) {
        hear(name);
        return apply(original, this, [name, listener]);
      },
    });
  }

  // ---- its streams, each made when it is first named

  const streams = {};
  const output = (number) => {
    const { Writable } = native.load("stream");
    const { StringDecoder } = native.load("string_decoder");
    const decoder = new StringDecoder("utf8");
    const stream = new Writable({
      decodeStrings: false,
      emitClose: false,
      write(chunk, encoding, callback) {
        write(number, typeof chunk === "string" && (encoding === "utf8" || encoding === "utf-8") ? chunk : decoder.write(typeof chunk === "string" ? native.load("buffer").Buffer.from(chunk, encoding) : chunk));
        callback();
      },
      // It stays open as long as the run goes on.
      destroy(error, callback) {
        callback(error);
      },
    });
    return Object.assign(stream, { fd: number, isTTY: false, _isStdio: true, hasColors: () => false, getColorDepth: () => 1 });
  };
  const input = () => {
    const { Readable } = native.load("stream");
    const stream = new Readable({
      read() {
        native.readInput().then(
          (bytes) => this.push(bytes === null ? null : native.load("buffer").Buffer.from(bytes.buffer)),
          (error) => this.destroy(error),
        );
      },
    });
    return Object.assign(stream, { fd: 0, isTTY: known.isTyped });
  };
  const made = (name, make) =>
    Object.defineProperty(self, name, {
      configurable: true,
      enumerable: true,
      get: () => (streams[name] ??= make()),
    });
  made("stdout", () => output(1));
  made("stderr", () => output(2));
  made("stdin", input);

  // ---- what it knows

  const hrtime = (before) => {
    const time = milliseconds();
    let [seconds, nanoseconds] = [Math.floor(time / 1000), Math.floor((time % 1000) * 1e6)];
    if (before !== undefined) {
      if (!Array.isArray(before)) throw invalidType('"time" argument', "an instance of Array", before);
      if (before.length !== 2) throw outOfRange("time", "2", before.length);
      seconds -= before[0];
      nanoseconds -= before[1];
      if (nanoseconds < 0) [seconds, nanoseconds] = [seconds - 1, nanoseconds + 1e9];
    }
    return [seconds, nanoseconds];
  };
  hrtime.bigint = () => BigInt(Math.floor(milliseconds() * 1e6));

  const nextTick = (work, ...values) => {
    checkFunction("callback", work);
    tick(() => work(...values));
  };

  const emitWarning = (given, type, code) => {
    let detail;
    if (type !== null && typeof type === "object") ({ type, code, detail } = type);
    else if (typeof type === "function") type = undefined;
    if (typeof code === "function") code = undefined;
    let warning = given;
    if (typeof given === "string") {
      warning = new Error(given);
      warning.name = `${type ?? "Warning"}`;
      if (code !== undefined) warning.code = code;
      if (detail !== undefined) warning.detail = detail;
    } else if (!(given instanceof Error)) throw invalidType('"warning" argument', "of type string or an instance of Error", given);
    if (warning.name === "DeprecationWarning" && self.noDeprecation) return;
    tick(() => {
      self.emit("warning", warning);
      const shownCode = warning.code === undefined ? "" : `[${warning.code}] `;
      write(2, `(cla) ${shownCode}${warning.name}: ${warning.message}\n${warning.detail === undefined ? "" : `${warning.detail}\n`}`);
    });
  };

  Object.assign(self, {
    title: known.title,
    version: known.version,
    versions: Object.freeze({ ...known.versions }),
    arch: known.arch,
    platform: known.platform,
    release: Object.freeze({ name: "cla" }),
    argv: known.argv,
    argv0: known.title,
    execArgv: [],
    execPath: known.title,
    env: native.environment(),
    pid: known.pid,
    ppid: known.ppid,
    debugPort: 0,
    features: Object.freeze({ typescript: "strip", require_module: true }),
    config: Object.freeze({ target_defaults: {}, variables: {} }),
    noDeprecation: false,
    exit: leave,
    reallyExit: leave,
    abort: leftOut("process.abort", "process.exit(code) ends the run"),
    chdir: leftOut("process.chdir", "all rules share one current folder; give the folder to what needs one (cwd of a command, path.join)"),
    kill: leftOut("process.kill", "use sh.run(\"kill\", [\"-TERM\", pid]) of cla/shell, or .kill() of a command"),
    dlopen: leftOut("process.dlopen", "rules load no native code"),
    binding: leftOut("process.binding", "import the module"),
    umask: leftOut("process.umask", "give a mode to what makes a file"),
    getuid: leftOut("process.getuid", "use $`id -u` of cla/shell"),
    getgid: leftOut("process.getgid", "use $`id -g` of cla/shell"),
    setUncaughtExceptionCaptureCallback: leftOut("process.setUncaughtExceptionCaptureCallback", "an error that nothing catches fails the run"),
    cwd: native.currentFolder,
    hrtime,
    uptime: () => milliseconds() / 1000,
    memoryUsage: Object.assign(() => native.memory(), { rss: () => native.memory().rss }),
    cpuUsage: leftOut("process.cpuUsage", "util.benchmark of cla/util measures"),
    resourceUsage: leftOut("process.resourceUsage", "process.memoryUsage() tells the memory"),
    nextTick,
    emitWarning,
    hasUncaughtExceptionCaptureCallback: () => false,
    getBuiltinModule: (name) => {
      const { isBuiltin } = native.load("module");
      return isBuiltin(name) ? native.load(`${name}`.replace(/^node:/, "")) : undefined;
    },
    loadEnvFile: (path = ".env") => {
      const variables = native.load("util").parseEnv(native.load("fs").readFileSync(path, "utf8"));
      for (const [name, value] of Object.entries(variables)) if (self.env[name] === undefined) self.env[name] = value;
    },
  });
  Object.defineProperty(self, "exitCode", {
    configurable: true,
    enumerable: true,
    get: () => exitCode,
    set: (value) => {
      exitCode = codeOf(value, "exitCode");
      setExitCode(exitCode ?? 0);
    },
  });
  return self;
};
