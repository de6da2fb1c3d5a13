// node:child_process: programs, started by the code that starts those of cla/shell. See node.rs.
(native) => {
  "use strict";

  const EventEmitter = native.load("events");
  const { Buffer } = native.load("buffer");
  const { Readable, Writable } = native.load("stream");
  const { coded, invalidType, checkString, checkFunction, aborted, leftOut } = native.load("internal/errors");
  const tick = globalThis.queueMicrotask;
  const MOST_KEPT = 1024 * 1024;

  // ---- arguments

  const checkArguments = (args) => {
    if (args === undefined || args === null) return [];
    if (!Array.isArray(args)) throw invalidType('"args" argument', "an instance of Array", args);
    return args.map((one) => `${one}`);
  };
  const normalized = (file, args, options) => {
    checkString("file", file);
    if (args !== undefined && args !== null && !Array.isArray(args) && typeof args === "object") [args, options] = [undefined, args];
    if (options !== undefined && options !== null && typeof options !== "object") throw invalidType('"options" argument', "of type object", options);
    return { file, args: checkArguments(args), options: { ...options } };
  };

  // The variables of a program are those that it is given, or those of process.env: what else the rule sees is taken away.
  const variables = (given) => {
    const wanted = given ?? native.load("process").env;
    const seen = new Map(native.visible());
    const env = {};
    for (const name of seen.keys()) if (!Object.hasOwn(wanted, name)) env[name] = null;
    for (const [name, value] of Object.entries(wanted)) if (value !== undefined && `${value}` !== seen.get(name)) env[name] = `${value}`;
    return env;
  };

  const folderOf = (cwd) => (typeof cwd?.href === "string" ? native.load("url").fileURLToPath(cwd) : (cwd ?? undefined));
  const plan = (what, { file, args, options }, more) => {
    const stage = { cwd: folderOf(options.cwd), env: variables(options.env) };
    if (options.shell) {
      // As in Node, the words are joined as they are.
      stage.command = [file, ...args].join(" ");
      if (typeof options.shell === "string") Object.assign(stage, { command: undefined, program: options.shell, args: ["-c", stage.command] });
    } else Object.assign(stage, { program: file, args });
    const timeout = options.timeout > 0 ? `${options.timeout}ms` : undefined;
    return { what: `child_process.${what}`, stages: [stage], timeout, ...more };
  };

  // What is to become of the three streams.
  const stdioOf = (stdio) => {
    if (stdio === undefined || stdio === null) return ["pipe", "pipe", "pipe"];
    const list = Array.isArray(stdio) ? stdio : [stdio, stdio, stdio];
    return [0, 1, 2].map((at) => {
      const one = list[at] ?? "pipe";
      if (one === "pipe" || one === "overlapped") return "pipe";
      if (one === "ignore") return "ignore";
      if (one === "inherit" || one === at || one?._isStdio || one === 1 || one === 2) return "inherit";
      throw coded(TypeError, "ERR_INVALID_ARG_VALUE", `The argument 'stdio' is invalid: there are 'pipe', 'ignore' and 'inherit'. Received ${native.load("util").inspect(one)}`);
    });
  };

  const started = (spec) => native.start(spec);
  // The error of a program that does not start.
  const notStarted = (error, syscall, { file, args }) => {
    if (error?.name === "PermissionError" || typeof error?.code !== "string") return error;
    return Object.assign(coded(Error, error.code, `${syscall} ${file} ${error.code}`), { errno: -(native.load("constants")[error.code] ?? 0), syscall: `${syscall} ${file}`, path: file, spawnargs: args });
  };
  const signalOf = (signal) => (typeof signal === "number" ? Object.entries(native.load("os").constants.signals).find(([, number]) => number === signal)?.[0] : signal);
  // 128 + N is what a shell says of a program that signal N has ended.
  const codeOf = (ended) => (ended.signal === "" ? ended.rc : null);

  // ---- blocking

  const runSync = (what, given, defaults) => {
    const { options } = given;
    const stdio = stdioOf(options.stdio ?? defaults);
    const input = options.input === undefined || stdio[0] !== "pipe" ? undefined : typeof options.input === "string" ? options.input : new Uint8Array(options.input.buffer, options.input.byteOffset, options.input.byteLength);
    let job;
    try {
      job = started(plan(what, given, { stdin: input, output: "keep" }));
    } catch (error) {
      const failure = notStarted(error, "spawnSync", given);
      if (failure === error) throw error;
      return { error: failure, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null };
    }
    const { pid } = job;
    const ended = job.wait();
    const [stdout, stderr] = ["output", "error"].map((which) => Buffer.from(job.bytes(which).buffer));
    const process = native.load("process");
    if (stdio[1] === "inherit") process.stdout.write(stdout);
    if (stdio[2] === "inherit") process.stderr.write(stderr);
    const encoding = options.encoding && options.encoding !== "buffer" ? options.encoding : undefined;
    const shown = (bytes, at) => (stdio[at] === "pipe" ? (encoding ? bytes.toString(encoding) : bytes) : null);
    const result = { pid, output: [null, shown(stdout, 1), shown(stderr, 2)], stdout: shown(stdout, 1), stderr: shown(stderr, 2), status: codeOf(ended), signal: ended.signal || null };
    const most = options.maxBuffer ?? MOST_KEPT;
    if (ended.problem !== undefined) result.error = coded(Error, "ENOBUFS", `spawnSync ${given.file}: ${ended.problem}`);
    else if (ended.timedOut) result.error = Object.assign(coded(Error, "ETIMEDOUT", `spawnSync ${given.file} ETIMEDOUT`), { syscall: `spawnSync ${given.file}`, path: given.file, spawnargs: given.args });
    else if (stdout.length > most || stderr.length > most) result.error = coded(Error, "ENOBUFS", `spawnSync ${given.file} ENOBUFS`);
    return result;
  };
  const spawnSync = (file, args, options) => runSync("spawnSync", normalized(file, args, options));

  // What execSync and execFileSync give, or throw.
  const outputSync = (given, command, result) => {
    if (given.options.stdio === undefined && result.stderr?.length > 0) native.load("process").stderr.write(result.stderr);
    if (!result.error && result.status === 0) return result.stdout;
    let { error } = result;
    if (!error) {
      const text = result.stderr ? `\n${result.stderr}` : "";
      error = new Error(`Command failed: ${command}${text}`);
    }
    throw Object.assign(error, result, { error: undefined });
  };
  const execFileSync = (file, args, options) => {
    const given = normalized(file, args, options);
    return outputSync(given, [given.file, ...given.args].join(" "), runSync("execFileSync", given));
  };
  const execSync = (command, options) => {
    checkString("command", command);
    const given = { file: command, args: [], options: { ...options, shell: options?.shell ?? true } };
    return outputSync(given, command, runSync("execSync", given));
  };

  // ---- beside the rule

  class ChildProcess extends EventEmitter {
    #job;
    #given;
    #spec;
    #what;
    #input = [];
    #room = {};
    #isBegun = false;

    constructor(what, given) {
      super();
      const { file, args, options } = given;
      const stdio = stdioOf(options.stdio);
      this.#what = what;
      this.#given = given;
      this.connected = false;
      this.killed = false;
      this.exitCode = null;
      this.signalCode = null;
      this.spawnfile = options.shell ? "/bin/sh" : file;
      this.spawnargs = options.shell ? ["/bin/sh", "-c", [file, ...args].join(" ")] : [options.argv0 ?? file, ...args];
      this.stdin = stdio[0] === "pipe" ? this.#inputStream() : null;
      this.stdout = stdio[1] === "pipe" ? this.#outputStream("stdout") : null;
      this.stderr = stdio[2] === "pipe" ? this.#outputStream("stderr") : null;
      this.stdio = [this.stdin, this.stdout, this.stderr];
      this.#spec = { stdio };
      // What is written in this turn is read from the start; then it begins.
      if (this.stdin === null) this.#begin();
      else tick(() => tick(() => this.#input.length === 0 && this.#begin()));
      const { signal } = options;
      if (signal) {
        const onAbort = () => {
          this.kill(options.killSignal);
          this.emit("error", aborted(signal));
        };
        if (signal.aborted) tick(onAbort);
        else {
          signal.addEventListener("abort", onAbort, { once: true });
          this.once("exit", () => signal.removeEventListener("abort", onAbort));
        }
      }
    }

    #inputStream() {
      return new Writable({
        write: (chunk, _encoding, callback) => {
          if (this.#isBegun) {
            callback(coded(Error, "EPIPE", "the program has begun: what it is to read must be written before the next turn, or in one go until end()"));
            return;
          }
          this.#input.push(chunk);
          callback();
        },
        final: (callback) => {
          this.#begin();
          callback();
        },
      });
    }
    #outputStream(name) {
      return new Readable({
        read: () => {
          this.#room[name]?.();
          this.#room[name] = undefined;
        },
      });
    }

    #begin() {
      if (this.#isBegun) return;
      this.#isBegun = true;
      const input = this.#input.length > 0 ? Buffer.concat(this.#input) : undefined;
      try {
        this.#job = started(plan(this.#what, this.#given, { stdin: input, output: "pieces" }));
      } catch (error) {
        const failure = notStarted(error, "spawn", this.#given);
        this.#end(undefined);
        tick(() => {
          this.emit("error", failure);
          this.emit("close", -2, null);
        });
        return;
      }
      tick(() => this.emit("spawn"));
      this.#follow();
    }

    async #follow() {
      const process = native.load("process");
      const [, output, errors] = this.#spec.stdio;
      let ended;
      try {
        for (let piece; (piece = await this.#job.nextPiece()) !== null; ) {
          const [name, stream, stdio] = piece.isError ? ["stderr", this.stderr, errors] : ["stdout", this.stdout, output];
          const bytes = Buffer.from(piece.bytes.buffer);
          if (stdio === "inherit") process[name].write(bytes);
          // The program waits until what it wrote is read.
          else if (stream !== null && !stream.destroyed && !stream.push(bytes)) {
            await new Promise((resolve) => {
              this.#room[name] = resolve;
              stream.once("close", resolve);
            });
          }
        }
        ended = await this.#job.ended();
      } catch (error) {
        this.#end(undefined);
        this.emit("error", error);
        return;
      }
      this.#end(ended);
    }

    #end(ended) {
      const open = [this.stdout, this.stderr].filter((stream) => stream !== null);
      if (ended !== undefined) {
        this.exitCode = codeOf(ended);
        this.signalCode = ended.signal || null;
        this.timedOut = ended.timedOut;
        Object.defineProperty(this, "timedOut", { enumerable: false });
        this.emit("exit", this.exitCode, this.signalCode);
      }
      let left = open.length;
      const closed = () => {
        if (left-- <= 1 && ended !== undefined) this.emit("close", this.exitCode, this.signalCode);
      };
      if (open.length === 0) tick(closed);
      for (const stream of open) {
        stream.once("close", closed);
        stream.push(null);
        // What nobody reads keeps nothing from its end.
        if (stream.readableFlowing === null && stream.listenerCount("readable") === 0) stream.resume();
      }
      this.stdin?.destroy();
    }

    get pid() {
      if (!this.#isBegun) this.#begin();
      return this.#job?.pid;
    }
    kill(signal = "SIGTERM") {
      if (this.exitCode !== null || this.signalCode !== null) return false;
      if (!this.#isBegun) this.#begin();
      if (this.#job === undefined) return false;
      const name = signalOf(signal);
      if (name !== 0 && signal !== 0) this.#job.kill(name);
      this.killed = signal !== 0;
      return true;
    }
    [Symbol.dispose]() {
      this.kill();
    }
    ref() {}
    unref() {}
    send() {
      throw coded(Error, "ERR_IPC_CHANNEL_CLOSED", "there is no channel to the program: write to its stdin");
    }
    disconnect() {}
  }

  const spawn = (file, args, options) => new ChildProcess("spawn", normalized(file, args, options));

  const collected = (what, given, command, callback) => {
    const { encoding = "utf8", maxBuffer = MOST_KEPT } = given.options;
    const child = new ChildProcess(what, given);
    const texts = { stdout: [], stderr: [] };
    let failure;
    let isTold = false;
    for (const name of ["stdout", "stderr"]) {
      let size = 0;
      child[name]?.on("data", (chunk) => {
        size += chunk.length;
        if (size > maxBuffer) {
          failure ??= coded(RangeError, "ERR_CHILD_PROCESS_STDIO_MAXBUFFER", `${name} maxBuffer length exceeded`);
          child.kill(given.options.killSignal);
        } else texts[name].push(chunk);
      });
    }
    const tell = () => {
      if (isTold) return;
      isTold = true;
      const [stdout, stderr] = ["stdout", "stderr"].map((name) => {
        const bytes = Buffer.concat(texts[name]);
        return encoding && encoding !== "buffer" && Buffer.isEncoding(encoding) ? bytes.toString(encoding) : bytes;
      });
      if (!failure && child.exitCode === 0 && child.signalCode === null) {
        callback?.(null, stdout, stderr);
        return;
      }
      failure ??= Object.assign(new Error(`Command failed: ${command}\n${stderr}`), { code: child.exitCode, killed: child.killed || child.timedOut === true, signal: child.signalCode });
      callback?.(Object.assign(failure, { cmd: command, stdout, stderr }), stdout, stderr);
    };
    child.on("close", tell);
    child.on("error", (error) => {
      failure ??= error;
      // One that did not start is closed as well.
      if (error.syscall === undefined) tell();
    });
    return child;
  };
  const execFile = (file, ...rest) => {
    const callback = typeof rest.at(-1) === "function" ? rest.pop() : undefined;
    if (callback !== undefined) checkFunction("callback", callback);
    const given = normalized(file, ...rest);
    return collected("execFile", given, [given.file, ...given.args].join(" "), callback);
  };
  const exec = (command, options, callback) => {
    if (typeof options === "function") [callback, options] = [options, undefined];
    checkString("command", command);
    const given = { file: command, args: [], options: { ...options, shell: options?.shell ?? true } };
    return collected("exec", given, command, callback);
  };
  // As a promise, with the child as its property.
  const later = (start) =>
    (...values) => {
      let child;
      const promise = new Promise((resolve, reject) => {
        child = start(...values, (error, stdout, stderr) => (error ? reject(error) : resolve({ stdout, stderr })));
      });
      return Object.assign(promise, { child });
    };
  for (const start of [exec, execFile]) Object.defineProperty(start, Symbol.for("nodejs.util.promisify.custom"), { value: later(start) });

  return { ChildProcess, exec, execFile, execFileSync, execSync, fork: leftOut("child_process.fork", "cla/rule runs another rule; spawn starts a program"), spawn, spawnSync };
};
