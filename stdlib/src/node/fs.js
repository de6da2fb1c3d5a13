// node:fs: Node's names for what cla/fs does. See node.rs and files.rs; `fs_streams.js` has the streams.
(native) => {
  "use strict";

  const EventEmitter = native.load("events");
  const { Buffer } = native.load("buffer");
  const { coded, invalidType, invalidValue, checkFunction, checkInteger, aborted, leftOut } = native.load("internal/errors");
  const own = native.module("cla/fs");
  const all = native.load("constants");
  const tick = globalThis.queueMicrotask;
  const constants = Object.freeze(
    Object.fromEntries(Object.keys(all).filter((name) => /^(?:[FRWX]_OK|O_|S_I|COPYFILE_|UV_FS_)/.test(name)).map((name) => [name, all[name]])),
  );

  // ---- arguments

  const pathOf = (value, name = "path") => {
    if (typeof value === "string") {
      if (value.includes("\0")) throw invalidValue(name, value, "must be a string, Uint8Array, or URL without null bytes");
      return value;
    }
    if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString();
    if (typeof value?.href === "string" && typeof value.protocol === "string") return native.load("url").fileURLToPath(value);
    throw invalidType(`"${name}" argument`, "of type string or an instance of Buffer or URL", value);
  };
  const optionsOf = (options, defaults = {}) => {
    if (options === undefined || options === null || typeof options === "function") return { ...defaults };
    if (typeof options === "string") return { ...defaults, encoding: options };
    if (typeof options !== "object") throw invalidType('"options" argument', "one of type string or object", options);
    if (options.signal?.aborted) throw aborted(options.signal);
    return { ...defaults, ...options };
  };
  const checkEncoding = (encoding) => {
    if (encoding !== undefined && encoding !== null && encoding !== "buffer" && !Buffer.isEncoding(encoding)) {
      throw invalidValue("encoding", encoding, "is invalid encoding");
    }
    return encoding === "buffer" ? null : encoding;
  };
  const bytesOf = (data, encoding) => {
    if (typeof data === "string") return encoding === undefined || encoding === null || /^utf-?8$/i.test(encoding) ? data : Buffer.from(data, encoding);
    if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    throw invalidType('"data" argument', "of type string or an instance of Buffer, TypedArray, or DataView", data);
  };
  const shown = (bytes, encoding) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return encoding ? buffer.toString(encoding) : buffer;
  };
  const nameAs = (name, encoding) => (encoding === "buffer" ? Buffer.from(name) : name);
  const modeOf = (mode) => (typeof mode === "string" ? parseInt(mode, 8) : mode);
  const failed = (code, message, path, syscall) => new own.FileError(message, { code, path, syscall });

  // ---- what there is

  const KINDS = { file: "S_IFREG", folder: "S_IFDIR", link: "S_IFLNK", pipe: "S_IFIFO", socket: "S_IFSOCK", device: "S_IFCHR" };
  const ofKind = {
    isFile: (mode) => mode === constants.S_IFREG,
    isDirectory: (mode) => mode === constants.S_IFDIR,
    isSymbolicLink: (mode) => mode === constants.S_IFLNK,
    isFIFO: (mode) => mode === constants.S_IFIFO,
    isSocket: (mode) => mode === constants.S_IFSOCK,
    isCharacterDevice: (mode) => mode === constants.S_IFCHR,
    isBlockDevice: (mode) => mode === constants.S_IFBLK,
  };

  class Stats {
    constructor(facts, big) {
      const mode = (facts.mode & ~constants.S_IFMT) | constants[KINDS[facts.kind]];
      const numbers = { dev: facts.dev, mode, nlink: facts.nlink, uid: facts.uid, gid: facts.gid, ino: facts.ino, size: facts.size };
      for (const name of ["atimeMs", "mtimeMs", "ctimeMs"]) numbers[name] = facts[name];
      // When it was made is not known: the last change of anything of it is no earlier.
      numbers.birthtimeMs = Math.min(facts.ctimeMs, facts.mtimeMs);
      for (const [name, value] of Object.entries(numbers)) this[name] = big ? BigInt(Math.trunc(value)) : value;
      if (big) for (const name of ["atime", "mtime", "ctime", "birthtime"]) this[`${name}Ns`] = this[`${name}Ms`] * 1000000n;
    }
    get atime() {
      return new Date(Number(this.atimeMs));
    }
    get mtime() {
      return new Date(Number(this.mtimeMs));
    }
    get ctime() {
      return new Date(Number(this.ctimeMs));
    }
    get birthtime() {
      return new Date(Number(this.birthtimeMs));
    }
  }
  class Dirent {
    #kind;
    constructor(entry, parentPath, encoding) {
      this.name = nameAs(entry.name, encoding);
      this.parentPath = parentPath;
      this.path = parentPath;
      this.#kind = constants[KINDS[entry.kind]];
    }
    static {
      for (const [name, is] of Object.entries(ofKind)) {
        Object.defineProperty(this.prototype, name, { configurable: true, writable: true, value: { [name]() { return is(this.#kind); } }[name] });
      }
    }
  }
  for (const [name, is] of Object.entries(ofKind)) {
    Object.defineProperty(Stats.prototype, name, { configurable: true, writable: true, value: { [name]() { return is(Number(this.mode) & constants.S_IFMT); } }[name] });
  }

  // ---- what is done, once for all forms: `yield` waits for what cla/fs gives, which blocks the rule or does not

  const parentOf = (path) => {
    const cut = path.replace(/\/+$/, "");
    const at = cut.lastIndexOf("/");
    return at < 0 ? "." : cut.slice(0, at) || "/";
  };
  const FLAGS = { r: "r", rs: "r", "r+": "r+", "rs+": "r+", w: "w", wx: "wx", xw: "wx", a: "a", as: "a" };
  const flagOf = (flags) => {
    if (typeof flags !== "number") return `${flags}`;
    const { O_WRONLY, O_RDWR, O_APPEND, O_CREAT, O_EXCL, O_TRUNC } = constants;
    if (flags & O_APPEND) return flags & O_RDWR ? "a+" : "a";
    if (flags & O_CREAT && flags & O_EXCL) return flags & O_RDWR ? "wx+" : "wx";
    if (flags & O_TRUNC) return flags & O_RDWR ? "w+" : "w";
    return flags & (O_RDWR | O_WRONLY) ? "r+" : "r";
  };

  const operations = {
    *readFile(io, path, options) {
      const { encoding } = optionsOf(options);
      const known = checkEncoding(encoding);
      if (typeof path === "number" || path === "/dev/stdin") return shown(yield* wholeOf(io, path), known);
      if (path instanceof FileHandle) return path.readFile(options);
      return shown(yield io.readFile(pathOf(path), "bytes"), known);
    },
    *writeFile(io, path, data, options) {
      const { encoding, mode, flag = "w" } = optionsOf(options);
      checkEncoding(encoding);
      const bytes = bytesOf(data, encoding);
      if (typeof path === "number") return yield* writeTo(io, path, bytes);
      if (path instanceof FileHandle) return path.writeFile(data, options);
      const name = pathOf(path);
      const flags = flagOf(flag);
      if (flags.startsWith("a")) yield io.appendFile(name, bytes, mode === undefined ? {} : { mode: modeOf(mode) });
      else if (flags.includes("x")) {
        const file = yield io.open(name, "wx");
        try {
          yield file.write(bytes);
        } finally {
          yield file.close();
        }
      } else yield io.writeFile(name, bytes, mode === undefined ? {} : { mode: modeOf(mode) });
      return undefined;
    },
    *appendFile(io, path, data, options) {
      return yield* operations.writeFile(io, path, data, { flag: "a", ...optionsOf(options) });
    },
    *stat(io, path, options) {
      try {
        return new Stats(yield io.stat(pathOf(path)), options?.bigint);
      } catch (error) {
        if (options?.throwIfNoEntry === false && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    *lstat(io, path, options) {
      try {
        return new Stats(yield io.lstat(pathOf(path)), options?.bigint);
      } catch (error) {
        if (options?.throwIfNoEntry === false && error.code === "ENOENT") return undefined;
        throw error;
      }
    },
    *readdir(io, path, options) {
      const { encoding, withFileTypes, recursive } = optionsOf(options);
      const folder = pathOf(path);
      if (!recursive) {
        if (!withFileTypes) return (yield io.readDir(folder)).map((name) => nameAs(name, encoding));
        return (yield io.readDir(folder, { withKinds: true })).map((entry) => new Dirent(entry, folder, encoding));
      }
      const entries = yield io.walk(folder);
      if (withFileTypes) return entries.map((entry) => new Dirent(entry, parentOf(entry.path), encoding));
      const start = folder.replace(/\/+$/, "").length + 1;
      return entries.map((entry) => nameAs(folder === "." ? entry.path.replace(/^\.\//, "") : entry.path.slice(start), encoding));
    },
    *mkdir(io, path, options) {
      const { recursive = false, mode } = typeof options === "number" || typeof options === "string" ? { mode: options } : optionsOf(options);
      const name = pathOf(path);
      const given = mode === undefined ? {} : { mode: modeOf(mode) };
      if (!recursive) return yield io.mkdir(name, given);
      let first;
      for (let folder = name; folder !== "." && folder !== "/" && !(yield io.exists(folder)); folder = parentOf(folder)) first = folder;
      yield io.mkdir(name, { ...given, recursive: true });
      return first === undefined ? undefined : native.load("path").resolve(first);
    },
    *rm(io, path, options) {
      const { recursive = false, force = false } = optionsOf(options);
      const name = pathOf(path);
      if (!recursive) {
        let facts;
        try {
          facts = yield io.lstat(name);
        } catch (error) {
          if (force && error.code === "ENOENT") return undefined;
          throw error;
        }
        if (facts.isDirectory()) throw coded(Error, "ERR_FS_EISDIR", `Path is a directory: rm returned EISDIR (is a directory) ${name}`);
      }
      return yield io.rm(name, { recursive, force });
    },
    *rmdir(io, path, options) {
      return yield io.deleteDir(pathOf(path), options?.recursive ? { recursive: true } : {});
    },
    *unlink(io, path) {
      return yield io.deleteFile(pathOf(path));
    },
    *rename(io, from, to) {
      return yield io.move(pathOf(from, "oldPath"), pathOf(to, "newPath"));
    },
    *copyFile(io, from, to, mode = 0) {
      return yield io.copy(pathOf(from, "src"), pathOf(to, "dest"), { overwrite: (mode & constants.COPYFILE_EXCL) === 0 });
    },
    *cp(io, from, to, options) {
      const { recursive = false, force = true, errorOnExist = false, filter } = optionsOf(options);
      if (filter !== undefined) throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", "fs.cp with a filter is not for rules: walk of cla/fs gives what is in a folder, and copy copies it");
      const [source, target] = [pathOf(from, "src"), pathOf(to, "dest")];
      if (!force && !errorOnExist && (yield io.isFile(target))) return undefined;
      return yield io.copy(source, target, { recursive, overwrite: force });
    },
    *readlink(io, path, options) {
      return nameAs(yield io.readLink(pathOf(path)), optionsOf(options).encoding);
    },
    *symlink(io, target, path) {
      return yield io.symlink(pathOf(target, "target"), pathOf(path));
    },
    *chmod(io, path, mode) {
      return yield io.chmod(pathOf(path), modeOf(mode));
    },
    *utimes(io, path, _accessed, modified) {
      const name = pathOf(path);
      const time = modified instanceof Date ? modified.getTime() : Number(modified) * 1000;
      if (!Number.isFinite(time)) throw invalidType('"mtime" argument', "one of type number or string or an instance of Date", modified);
      yield io.stat(name);
      return yield io.touch(name, { time });
    },
    *access(io, path, mode = constants.F_OK) {
      checkInteger("mode", mode, 0, 7);
      const name = pathOf(path);
      yield io.stat(name);
      if (!native.mayAccess(name, mode)) throw failed("EACCES", `EACCES: permission denied, access '${name}'`, name, "access");
      return undefined;
    },
    *realpath(io, path, options) {
      const name = pathOf(path);
      yield io.stat(name);
      return nameAs(native.place(name), optionsOf(options).encoding);
    },
    *mkdtemp(io, prefix, options) {
      const start = pathOf(prefix, "prefix");
      for (;;) {
        const name = start + Array.from({ length: 6 }, () => "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[Math.floor(Math.random() * 62)]).join("");
        try {
          yield io.mkdir(name, { mode: 0o700 });
          return nameAs(name, optionsOf(options).encoding);
        } catch (error) {
          if (error.code !== "EEXIST") throw error;
        }
      }
    },
    *truncate(io, path, length = 0) {
      checkInteger("len", length, 0);
      const name = pathOf(path);
      const bytes = yield io.readFile(name, "bytes");
      const kept = new Uint8Array(length);
      kept.set(bytes.subarray(0, length));
      return yield io.writeFile(name, kept, { atomic: false });
    },
    *glob(io, pattern, options) {
      const { cwd, withFileTypes } = optionsOf(options);
      const patterns = Array.isArray(pattern) ? pattern : [pattern];
      const found = [];
      for (const one of patterns) found.push(...(yield io.glob(one, cwd === undefined ? { withKinds: true } : { cwd: pathOf(cwd, "options.cwd"), withKinds: true })));
      return withFileTypes ? found.map((entry) => new Dirent(entry, parentOf(entry.path))) : found.map((entry) => entry.path);
    },
    *opendir(io, path) {
      const folder = pathOf(path);
      return new Dir(folder, (yield io.readDir(folder, { withKinds: true })).map((entry) => new Dirent(entry, folder)));
    },
    *open(io, path, flags = "r", mode = undefined) {
      const name = pathOf(path);
      const wanted = flagOf(flags ?? "r");
      let known = FLAGS[wanted];
      if (known === undefined && (wanted === "w+" || wanted === "wx+" || wanted === "xw+")) {
        // What is read and written is made first.
        const file = yield io.open(name, wanted === "w+" ? "w" : "wx");
        yield file.close();
        known = "r+";
      }
      if (known === undefined) throw invalidValue("flags", flags, `must be one of ${Object.keys(FLAGS).join(", ")}, w+, wx+`);
      const file = yield io.open(name, known);
      if (mode !== undefined && known !== "r" && known !== "r+") yield io.chmod(name, modeOf(mode));
      return file;
    },
  };

  // ---- open files by number

  const files = new Map();
  const fileOf = (number) => {
    checkInteger("fd", number, 0, 2 ** 31 - 1);
    const file = files.get(number);
    if (file === undefined) throw failed("EBADF", "EBADF: bad file descriptor", undefined, "read");
    return file;
  };
  const isStream = (number) => number === 1 || number === 2;
  function* wholeOf(_io, number) {
    if (number === 0 || number === "/dev/stdin") return native.readAllInput();
    const file = fileOf(number);
    const parts = [];
    for (let part; (part = file.read(1 << 20)) !== null; ) parts.push(part);
    return Buffer.concat(parts);
  }
  function* writeTo(_io, number, bytes) {
    if (isStream(number)) native.load("process")[number === 1 ? "stdout" : "stderr"].write(bytes);
    else fileOf(number).write(bytes);
  }

  const place = (buffer, offset, length) => {
    if (typeof offset === "object" && offset !== null) ({ offset = 0, length = buffer.byteLength - offset } = offset);
    offset ??= 0;
    length ??= buffer.byteLength - offset;
    checkInteger("offset", offset, 0, buffer.byteLength);
    checkInteger("length", length, 0, buffer.byteLength - offset);
    return [offset, length];
  };
  const view = (buffer) => {
    if (!ArrayBuffer.isView(buffer)) throw invalidType('"buffer" argument', "an instance of Buffer, TypedArray, or DataView", buffer);
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  };

  function readSync(number, buffer, offset, length, position) {
    if (typeof offset === "object" && offset !== null) position = offset.position;
    const [start, size] = place(buffer, offset, length);
    const file = fileOf(number);
    if (size === 0) return 0;
    let before;
    if (position !== undefined && position !== null && position >= 0) {
      before = file.seek(0, "current");
      file.seek(Number(position));
    }
    const bytes = file.read(size);
    if (before !== undefined) file.seek(before);
    if (bytes === null) return 0;
    view(buffer).set(bytes, start);
    return bytes.length;
  }
  function writeSync(number, data, offset, length, position) {
    let bytes;
    if (typeof data === "string") {
      // writeSync(fd, text, position, encoding)
      [position, bytes] = [offset, Buffer.from(data, typeof length === "string" ? length : "utf8")];
    } else {
      if (typeof offset === "object" && offset !== null) position = offset.position;
      const [start, size] = place(data, offset, length);
      bytes = view(data).subarray(start, start + size);
    }
    if (isStream(number)) native.load("process")[number === 1 ? "stdout" : "stderr"].write(bytes);
    else {
      const file = fileOf(number);
      if (typeof position === "number" && position >= 0) file.seek(position);
      file.write(bytes);
    }
    return bytes.length;
  }
  const openSync = (...values) => {
    const file = blocking(operations.open(own, ...values));
    const number = file.fileno();
    files.set(number, file);
    return number;
  };
  const closeSync = (number) => {
    fileOf(number).close();
    files.delete(number);
  };
  const fstatSync = (number, options) => new Stats(own.stat(fileOf(number).path), options?.bigint);
  const readvSync = (number, views, position) => {
    let total = 0;
    for (const one of views) {
      const size = readSync(number, one, 0, one.byteLength, typeof position === "number" ? position + total : null);
      total += size;
      if (size < one.byteLength) break;
    }
    return total;
  };
  const writevSync = (number, views, position) =>
    views.reduce((total, one) => total + writeSync(number, one, 0, one.byteLength, typeof position === "number" ? position + total : null), 0);

  // ---- open files as objects

  class FileHandle extends EventEmitter {
    #file;
    #path;
    #isOpen = true;
    constructor(file, path) {
      super();
      this.#file = file;
      this.#path = path;
    }
    get fd() {
      return this.#isOpen ? this.#file.fileno() : -1;
    }
    get file() {
      return this.#file;
    }
    async read(buffer, offset, length, position) {
      if (buffer === undefined || !ArrayBuffer.isView(buffer)) {
        const given = buffer ?? {};
        buffer = given.buffer ?? Buffer.alloc(16384);
        ({ offset, length, position } = given);
      } else if (typeof offset === "object" && offset !== null) ({ offset, length, position } = offset);
      const [start, size] = place(buffer, offset ?? 0, length);
      if (typeof position === "number" && position >= 0) await this.#file.seek(position);
      const bytes = size === 0 ? null : await this.#file.read(size);
      if (bytes !== null) view(buffer).set(bytes, start);
      return { bytesRead: bytes?.length ?? 0, buffer };
    }
    async write(data, offset, length, position) {
      let bytes;
      if (typeof data === "string") [position, bytes] = [offset, Buffer.from(data, typeof length === "string" ? length : "utf8")];
      else {
        if (typeof offset === "object" && offset !== null) ({ offset, length, position } = offset);
        const [start, size] = place(data, offset, length);
        bytes = view(data).subarray(start, start + size);
      }
      if (typeof position === "number" && position >= 0) await this.#file.seek(position);
      await this.#file.write(bytes);
      return { bytesWritten: bytes.length, buffer: data };
    }
    async readFile(options) {
      const encoding = checkEncoding(optionsOf(options).encoding);
      const parts = [];
      for (let part; (part = await this.#file.read(1 << 20)) !== null; ) parts.push(part);
      return shown(Buffer.concat(parts), encoding);
    }
    async writeFile(data, options) {
      const { encoding } = optionsOf(options);
      if (typeof data !== "string" && !ArrayBuffer.isView(data)) {
        for await (const chunk of data) await this.#file.write(bytesOf(chunk, encoding));
      } else await this.#file.write(bytesOf(data, encoding));
    }
    appendFile(data, options) {
      return this.writeFile(data, options);
    }
    stat(options) {
      return promises.stat(this.#path, options);
    }
    chmod(mode) {
      return promises.chmod(this.#path, mode);
    }
    utimes(accessed, modified) {
      return promises.utimes(this.#path, accessed, modified);
    }
    async *readLines() {
      for await (const line of this.#file) yield line;
      await this.close();
    }
    async close() {
      if (!this.#isOpen) return;
      this.#isOpen = false;
      await this.#file.close();
      this.emit("close");
    }
    [Symbol.asyncDispose]() {
      return this.close();
    }
  }

  class Dir {
    #entries;
    #at = 0;
    constructor(path, entries) {
      this.path = path;
      this.#entries = entries;
    }
    readSync() {
      return this.#entries[this.#at++] ?? null;
    }
    read(callback) {
      const entry = this.readSync();
      if (callback === undefined) return Promise.resolve(entry);
      tick(() => callback(null, entry));
      return undefined;
    }
    closeSync() {
      this.#at = this.#entries.length;
    }
    close(callback) {
      this.closeSync();
      if (callback === undefined) return Promise.resolve();
      tick(() => callback(null));
      return undefined;
    }
    async *entries() {
      for (let entry; (entry = this.readSync()) !== null; ) yield entry;
    }
    [Symbol.asyncIterator]() {
      return this.entries();
    }
  }

  // ---- the forms

  const blocking = (steps) => {
    let step = steps.next();
    while (!step.done) step = steps.next(step.value);
    return step.value;
  };
  const later = async (steps) => {
    let step = steps.next();
    while (!step.done) {
      let value;
      try {
        value = await step.value;
      } catch (error) {
        step = steps.throw(error);
        continue;
      }
      step = steps.next(value);
    }
    return step.value;
  };
  const told = (promise, callback) => {
    promise.then(
      (value) => tick(() => (value === undefined ? callback(null) : callback(null, value))),
      (error) => tick(() => callback(error)),
    );
  };
  const withCallback = (name, work) =>
    ({
      [name](...values) {
        const at = values.findLastIndex((value) => typeof value === "function");
        if (at < 0) throw invalidType('"cb" argument', "of type function", values.at(-1));
        const [callback] = values.splice(at);
        told(work(...values), callback);
      },
    })[name];

  const exports = {};
  const promises = { constants };
  for (const [name, operation] of Object.entries(operations)) {
    if (name === "open") continue;
    exports[`${name}Sync`] = { [`${name}Sync`]: (...values) => blocking(operation(own, ...values)) }[`${name}Sync`];
    promises[name] = { [name]: (...values) => later(operation(own.promises, ...values)) }[name];
    exports[name] = withCallback(name, promises[name]);
  }
  promises.open = async (path, flags, mode) => new FileHandle(await later(operations.open(own.promises, path, flags, mode)), pathOf(path));
  promises.watch = async function* (path, options) {
    const { signal, recursive = false } = optionsOf(options);
    const watcher = own.watch(pathOf(path), { recursive });
    const onAbort = () => watcher.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    for await (const change of watcher) yield changed(change, pathOf(path));
    if (signal?.aborted) throw aborted(signal);
  };
  {
    const glob = promises.glob;
    promises.glob = async function* (pattern, options) {
      yield* await glob(pattern, options);
    };
  }

  const numbered = {
    open: async (...values) => {
      const file = await later(operations.open(own, ...values));
      const number = file.fileno();
      files.set(number, file);
      return number;
    },
    close: async (number) => closeSync(number),
    fstat: async (number, options) => fstatSync(number, options),
    read: async (number, buffer, ...rest) => {
      if (!ArrayBuffer.isView(buffer)) [buffer, ...rest] = [buffer?.buffer ?? Buffer.alloc(16384), buffer ?? {}];
      return [readSync(number, buffer, ...rest), buffer];
    },
    write: async (number, data, ...rest) => [writeSync(number, data, ...rest), data],
  };
  for (const name of ["open", "close", "fstat"]) exports[name] = withCallback(name, numbered[name]);
  for (const name of ["read", "write"]) {
    exports[name] = (...values) => {
      const callback = values.pop();
      checkFunction("cb", callback);
      numbered[name](...values).then(
        ([size, data]) => tick(() => callback(null, size, data)),
        (error) => tick(() => callback(error)),
      );
    };
    Object.defineProperty(exports[name], Symbol.for("nodejs.util.promisify.customArgs"), { value: [name === "read" ? "bytesRead" : "bytesWritten", "buffer"] });
  }

  const existsSync = (path) => {
    try {
      return own.exists(pathOf(path));
    } catch (error) {
      // What may not be looked at is no file that is not there.
      if (error?.name === "PermissionError") throw error;
      return false;
    }
  };
  const exists = (path, callback) => {
    checkFunction("cb", callback);
    promises.access(path).then(
      () => tick(() => callback(true)),
      () => tick(() => callback(false)),
    );
  };
  Object.defineProperty(exists, Symbol.for("nodejs.util.promisify.custom"), { value: (path) => promises.access(path).then(() => true, () => false) });

  const changed = (change, folder) => ({
    eventType: change.kind === "changed" ? "change" : "rename",
    filename: change.path.startsWith(`${folder}/`) ? change.path.slice(folder.length + 1) : change.path.slice(change.path.lastIndexOf("/") + 1),
  });
  class FSWatcher extends EventEmitter {
    #watcher;
    constructor(path, options) {
      super();
      const folder = pathOf(path);
      this.#watcher = own.watch(folder, { recursive: options.recursive ?? false });
      options.signal?.addEventListener("abort", () => this.close(), { once: true });
      this.#follow(folder);
    }
    async #follow(folder) {
      try {
        for await (const change of this.#watcher) {
          const { eventType, filename } = changed(change, folder);
          this.emit("change", eventType, filename);
        }
        this.emit("close");
      } catch (error) {
        this.emit("error", error);
      }
    }
    close() {
      this.#watcher.close();
    }
    ref() {
      return this;
    }
    unref() {
      return this;
    }
  }
  const watch = (path, options, listener) => {
    if (typeof options === "function") [listener, options] = [options, {}];
    const watcher = new FSWatcher(path, optionsOf(options));
    if (listener !== undefined) watcher.on("change", listener);
    return watcher;
  };

  let streamClasses;
  const streams = () => (streamClasses ??= native.load("internal/fs_streams")({ own, pathOf, later, open: operations.open }));

  exports.realpathSync.native = exports.realpathSync;
  exports.realpath.native = exports.realpath;

  const noLinks = leftOut("fs.link", "fs.symlink makes a link, and fs.copyFile a copy");
  Object.assign(exports, {
    constants,
    ...Object.fromEntries(["F_OK", "R_OK", "W_OK", "X_OK"].map((name) => [name, constants[name]])),
    promises,
    Stats,
    Dirent,
    Dir,
    FSWatcher,
    existsSync,
    exists,
    openSync,
    closeSync,
    readSync,
    writeSync,
    readvSync,
    writevSync,
    fstatSync,
    watch,
    createReadStream: (path, options) => new (streams().ReadStream)(path, options),
    createWriteStream: (path, options) => new (streams().WriteStream)(path, options),
    link: noLinks,
    linkSync: noLinks,
    chown: leftOut("fs.chown", "use sh.run(\"chown\", [owner, path]) of cla/shell"),
    chownSync: leftOut("fs.chownSync", "use sh.run(\"chown\", [owner, path]) of cla/shell"),
    fsync: leftOut("fs.fsync", "fs.writeFile puts a whole file in its place in one step"),
    fsyncSync: leftOut("fs.fsyncSync", "fs.writeFile puts a whole file in its place in one step"),
    ftruncate: leftOut("fs.ftruncate", "fs.truncate shortens a file by its path"),
    ftruncateSync: leftOut("fs.ftruncateSync", "fs.truncateSync shortens a file by its path"),
    watchFile: leftOut("fs.watchFile", "fs.watch tells what changes"),
    unwatchFile: leftOut("fs.unwatchFile", "close() of what fs.watch gives ends it"),
  });
  for (const name of ["ReadStream", "WriteStream"]) {
    Object.defineProperty(exports, name, { enumerable: true, configurable: true, get: () => streams()[name] });
  }
  return exports;
};
