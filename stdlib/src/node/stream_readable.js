// stream.Readable: see node.rs and stream.js.
(native) => (common) => {
  "use strict";

  const { Stream, EventEmitter, tick, destroy, failWith, construct, highWaterMarkOf, isDestroyed } = common;
  const { coded, invalidType, unknownEncoding, aborted } = native.load("internal/errors");
  const { Buffer } = native.load("buffer");
  const { StringDecoder } = native.load("string_decoder");

  // How much may wait at most, however much is asked for at once.
  const MOST_WAITING = 1024 ** 3;

  class ReadableState {
    constructor(options, isDuplex) {
      this.objectMode = Boolean(options?.objectMode || (isDuplex && options?.readableObjectMode));
      this.highWaterMark = highWaterMarkOf(options, "readableHighWaterMark", isDuplex, this.objectMode);
      this.buffer = [];
      this.length = 0;
      this.pipes = [];
      this.flowing = null;
      this.isReadable = true;
      for (const name of ["ended", "endEmitted", "reading", "needReadable", "emittedReadable", "readableListening", "resumeScheduled"]) this[name] = false;
      for (const name of ["errorEmitted", "destroyed", "closed", "closeEmitted", "readingMore", "dataEmitted", "multiAwaitDrain"]) this[name] = false;
      this.constructed = true;
      this.sync = true;
      this.errored = null;
      this.emitClose = options?.emitClose !== false;
      this.autoDestroy = options?.autoDestroy !== false;
      this.defaultEncoding = options?.defaultEncoding || "utf8";
      this.awaitDrainWriters = new Set();
      this.decoder = null;
      this.encoding = null;
      if (options?.encoding) {
        this.decoder = new StringDecoder(options.encoding);
        this.encoding = options.encoding;
      }
    }
  }

  function Readable(options, isDuplex) {
    if (!(this instanceof Readable)) return new Readable(options);
    this._readableState = new ReadableState(options, isDuplex === true);
    if (options) {
      if (typeof options.read === "function") this._read = options.read;
      if (typeof options.destroy === "function") this._destroy = options.destroy;
      if (typeof options.construct === "function") this._construct = options.construct;
    }
    Stream.call(this, options);
    if (options?.signal && isDuplex !== true) native.load("stream").addAbortSignal(options.signal, this);
    construct(this, () => this._readableState.needReadable && moreMaybe(this, this._readableState));
    return undefined;
  }
  Object.setPrototypeOf(Readable.prototype, Stream.prototype);
  Object.setPrototypeOf(Readable, Stream);
  Readable.ReadableState = ReadableState;

  Readable.prototype.destroy = destroy;
  Readable.prototype._destroy = (error, callback) => callback(error);
  Readable.prototype[EventEmitter.captureRejectionSymbol] = function (error) {
    this.destroy(error);
  };
  Readable.prototype[Symbol.asyncDispose] = function () {
    const error = this.destroyed || this.readableEnded ? undefined : aborted();
    if (error) this.destroy(error);
    return new Promise((resolve, reject) => native.load("stream").finished(this, (failure) => (failure && failure !== error ? reject(failure) : resolve())));
  };

  // ---- what comes in

  Readable.prototype.push = function (chunk, encoding) {
    return take(this, chunk, encoding, false);
  };
  Readable.prototype.unshift = function (chunk, encoding) {
    return take(this, chunk, encoding, true);
  };

  const take = (stream, chunk, encoding, isFirst) => {
    const state = stream._readableState;
    let failure;
    if (!state.objectMode) {
      if (typeof chunk === "string") {
        encoding ||= state.defaultEncoding;
        if (state.encoding !== encoding) {
          if (isFirst && state.encoding) chunk = Buffer.from(chunk, encoding).toString(state.encoding);
          else {
            chunk = Buffer.from(chunk, encoding);
            encoding = "";
          }
        }
      } else if (Buffer.isBuffer(chunk)) encoding = "";
      else if (chunk instanceof Uint8Array) {
        chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        encoding = "";
      } else if (chunk !== undefined && chunk !== null) {
        failure = invalidType('"chunk" argument', "of type string or an instance of Buffer or Uint8Array", chunk);
      }
    }
    if (failure) failWith(stream, failure);
    else if (chunk === null || (chunk === undefined && !state.objectMode)) {
      if (chunk === null) {
        state.reading = false;
        atEnd(stream, state);
      } else {
        state.reading = false;
        moreMaybe(stream, state);
      }
    } else if (state.objectMode || chunk.length > 0) {
      if (isFirst) {
        if (state.endEmitted) failWith(stream, coded(Error, "ERR_STREAM_UNSHIFT_AFTER_END_EVENT", "stream.unshift() after end event"));
        else if (state.destroyed || state.errored) return false;
        else add(stream, state, chunk, true);
      } else if (state.ended) failWith(stream, coded(Error, "ERR_STREAM_PUSH_AFTER_EOF", "stream.push() after EOF"));
      else if (state.destroyed || state.errored) return false;
      else {
        state.reading = false;
        if (state.decoder && !encoding) {
          chunk = state.decoder.write(chunk);
          if (state.objectMode || chunk.length !== 0) add(stream, state, chunk, false);
          else moreMaybe(stream, state);
        } else add(stream, state, chunk, false);
      }
    } else if (!isFirst) {
      state.reading = false;
      moreMaybe(stream, state);
    }
    return !state.ended && (state.length < state.highWaterMark || state.length === 0);
  };

  const add = (stream, state, chunk, isFirst) => {
    if (state.flowing && state.length === 0 && !state.sync && stream.listenerCount("data") > 0) {
      state.awaitDrainWriters.clear();
      state.dataEmitted = true;
      stream.emit("data", chunk);
    } else {
      state.length += state.objectMode ? 1 : chunk.length;
      if (isFirst) state.buffer.unshift(chunk);
      else state.buffer.push(chunk);
      if (state.needReadable) announce(stream);
    }
    moreMaybe(stream, state);
  };

  const atEnd = (stream, state) => {
    if (state.ended) return;
    const rest = state.decoder?.end();
    if (rest?.length > 0) {
      state.buffer.push(rest);
      state.length += state.objectMode ? 1 : rest.length;
    }
    state.ended = true;
    if (state.sync) announce(stream);
    else {
      state.needReadable = false;
      state.emittedReadable = true;
      announced(stream);
    }
  };

  const announce = (stream) => {
    const state = stream._readableState;
    state.needReadable = false;
    if (!state.emittedReadable) {
      state.emittedReadable = true;
      tick(announced, stream);
    }
  };
  const announced = (stream) => {
    const state = stream._readableState;
    if (!state.destroyed && !state.errored && (state.length > 0 || state.ended)) {
      stream.emit("readable");
      state.emittedReadable = false;
    }
    state.needReadable = !state.flowing && !state.ended && state.length <= state.highWaterMark;
    flow(stream);
  };

  // Reads ahead as long as there is room.
  const moreMaybe = (stream, state) => {
    if (state.readingMore || !state.constructed) return;
    state.readingMore = true;
    tick(() => {
      while (!state.reading && !state.ended && (state.length < state.highWaterMark || (state.flowing && state.length === 0))) {
        const { length } = state;
        stream.read(0);
        if (length === state.length) break;
      }
      state.readingMore = false;
    });
  };

  // ---- what goes out

  Readable.prototype.isPaused = function () {
    const state = this._readableState;
    return state.paused === true || state.flowing === false;
  };
  Readable.prototype.setEncoding = function (encoding) {
    if (!Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
    const state = this._readableState;
    state.decoder = new StringDecoder(encoding);
    state.encoding = state.decoder.encoding;
    const text = state.buffer.map((chunk) => state.decoder.write(chunk)).join("");
    state.buffer = text === "" ? [] : [text];
    state.length = text.length;
    return this;
  };

  const amount = (wanted, state) => {
    if (wanted <= 0 || (state.length === 0 && state.ended)) return 0;
    if (state.objectMode) return 1;
    if (Number.isNaN(wanted)) return state.flowing && state.length > 0 ? state.buffer[0].length : state.length;
    if (wanted <= state.length) return wanted;
    return state.ended ? state.length : 0;
  };

  const taken = (size, state) => {
    if (state.length === 0) return null;
    const { buffer } = state;
    if (state.objectMode) return buffer.shift();
    if (!size || size >= state.length) {
      const all = state.decoder ? buffer.join("") : buffer.length === 1 ? buffer[0] : Buffer.concat(buffer);
      state.buffer = [];
      return all;
    }
    const parts = [];
    while (size > 0) {
      const [first] = buffer;
      if (first.length <= size) {
        parts.push(buffer.shift());
        size -= first.length;
      } else {
        parts.push(first.slice(0, size));
        buffer[0] = first.slice(size);
        size = 0;
      }
    }
    return state.decoder ? parts.join("") : parts.length === 1 ? parts[0] : Buffer.concat(parts);
  };

  Readable.prototype.read = function (size) {
    const state = this._readableState;
    let wanted = size === undefined ? NaN : Number.isInteger(size) ? size : Math.trunc(+size);
    const asked = wanted;
    if (wanted > state.highWaterMark) {
      if (wanted > MOST_WAITING) throw coded(RangeError, "ERR_OUT_OF_RANGE", `The value of "size" is out of range. It must be <= 1GiB. Received ${wanted}`);
      state.highWaterMark = 2 ** Math.ceil(Math.log2(wanted));
    }
    if (wanted !== 0) state.emittedReadable = false;
    if (wanted === 0 && state.needReadable && ((state.highWaterMark !== 0 ? state.length >= state.highWaterMark : state.length > 0) || state.ended)) {
      if (state.length === 0 && state.ended) endSoon(this);
      else announce(this);
      return null;
    }
    wanted = amount(wanted, state);
    if (wanted === 0 && state.ended) {
      if (state.length === 0) endSoon(this);
      return null;
    }
    let mustRead = state.needReadable || state.length === 0 || state.length - wanted < state.highWaterMark;
    if (state.ended || state.reading || state.destroyed || state.errored || !state.constructed) mustRead = false;
    else if (mustRead) {
      state.reading = true;
      state.sync = true;
      if (state.length === 0) state.needReadable = true;
      try {
        this._read(state.highWaterMark);
      } catch (error) {
        failWith(this, error);
      }
      state.sync = false;
      if (!state.reading) wanted = amount(asked, state);
    }
    const chunk = wanted > 0 ? taken(wanted, state) : null;
    if (chunk === null) {
      state.needReadable = state.length <= state.highWaterMark;
      wanted = 0;
    } else {
      state.length -= wanted;
      state.awaitDrainWriters.clear();
    }
    if (state.length === 0) {
      if (!state.ended) state.needReadable = true;
      if (asked !== wanted && state.ended) endSoon(this);
    }
    if (chunk !== null && !state.errored && !state.closeEmitted) {
      state.dataEmitted = true;
      this.emit("data", chunk);
    }
    return chunk;
  };
  Readable.prototype._read = function () {
    throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "The _read() method is not implemented");
  };

  const endSoon = (stream) => {
    const state = stream._readableState;
    if (state.endEmitted) return;
    state.ended = true;
    tick(() => {
      if (state.errored || state.closeEmitted || state.endEmitted || state.length !== 0) return;
      state.endEmitted = true;
      stream.emit("end");
      const written = stream._writableState;
      if (written && stream.allowHalfOpen === false) tick(() => stream.writable && !stream.writableEnded && !stream.destroyed && stream.end());
      else if (state.autoDestroy && (!written || (written.autoDestroy && (written.finished || written.isWritable === false)))) stream.destroy();
    });
  };

  // ---- into other streams

  Readable.prototype.pipe = function (destination, options) {
    const state = this._readableState;
    if (state.pipes.length === 1 && !state.multiAwaitDrain) {
      state.multiAwaitDrain = true;
    }
    state.pipes.push(destination);
    const atTheEnd = options?.end !== false && !destination._isStdio ? () => destination.end() : () => this.unpipe(destination);
    if (state.endEmitted) tick(atTheEnd);
    else this.once("end", atTheEnd);
    let isCleaned = false;
    let onDrain;
    const cleanup = () => {
      for (const [name, listener] of [
        ["close", onClose],
        ["finish", onFinish],
        ["error", onError],
        ["unpipe", onUnpipe],
      ]) {
        destination.removeListener(name, listener);
      }
      if (onDrain) destination.removeListener("drain", onDrain);
      this.removeListener("end", atTheEnd);
      this.removeListener("data", onData);
      isCleaned = true;
      if (onDrain && state.awaitDrainWriters.size > 0 && (!destination._writableState || destination._writableState.needDrain)) onDrain();
    };
    const onData = (chunk) => {
      if (destination.write(chunk) !== false) return;
      if (!isCleaned && state.pipes.includes(destination)) state.awaitDrainWriters.add(destination);
      this.pause();
      if (!onDrain) {
        onDrain = () => {
          state.awaitDrainWriters.delete(destination);
          if (state.awaitDrainWriters.size === 0 && this.listenerCount("data") > 0) this.resume();
        };
        destination.on("drain", onDrain);
      }
    };
    const onUnpipe = (source, details) => {
      if (source === this && details && !details.hasUnpiped) {
        details.hasUnpiped = true;
        cleanup();
      }
    };
    const onError = (error) => {
      this.unpipe(destination);
      destination.removeListener("error", onError);
      if (destination.listenerCount("error") === 0) {
        const written = destination._writableState ?? destination._readableState;
        if (written && !written.errorEmitted) failWith(destination, error);
        else destination.emit("error", error);
      }
    };
    const onClose = () => {
      destination.removeListener("finish", onFinish);
      this.unpipe(destination);
    };
    const onFinish = () => {
      destination.removeListener("close", onClose);
      this.unpipe(destination);
    };
    this.on("data", onData);
    destination.on("unpipe", onUnpipe);
    destination.prependListener("error", onError);
    destination.once("close", onClose);
    destination.once("finish", onFinish);
    destination.emit("pipe", this);
    if (destination.writableNeedDrain === true) {
      state.awaitDrainWriters.add(destination);
      this.pause();
      onDrain = () => {
        state.awaitDrainWriters.delete(destination);
        if (state.awaitDrainWriters.size === 0 && this.listenerCount("data") > 0) this.resume();
      };
      destination.on("drain", onDrain);
    } else if (!state.flowing) this.resume();
    return destination;
  };

  Readable.prototype.unpipe = function (destination) {
    const state = this._readableState;
    const details = () => ({ hasUnpiped: false });
    if (state.pipes.length === 0) return this;
    if (!destination) {
      const all = state.pipes;
      state.pipes = [];
      this.pause();
      for (const one of all) one.emit("unpipe", this, details());
      return this;
    }
    const at = state.pipes.indexOf(destination);
    if (at < 0) return this;
    state.pipes.splice(at, 1);
    if (state.pipes.length === 0) this.pause();
    destination.emit("unpipe", this, details());
    return this;
  };

  // ---- flowing or not

  Readable.prototype.on = function (name, listener) {
    const result = Stream.prototype.on.call(this, name, listener);
    const state = this._readableState;
    if (name === "data") {
      state.readableListening = this.listenerCount("readable") > 0;
      if (state.flowing !== false) this.resume();
    } else if (name === "readable" && !state.endEmitted && !state.readableListening) {
      state.readableListening = state.needReadable = true;
      state.flowing = false;
      state.emittedReadable = false;
      if (state.length) announce(this);
      else if (!state.reading) tick(() => this.read(0));
    }
    return result;
  };
  Readable.prototype.addListener = Readable.prototype.on;
  const updateListening = (stream) => {
    const state = stream._readableState;
    state.readableListening = stream.listenerCount("readable") > 0;
    if (state.resumeScheduled && state.paused === false) state.flowing = true;
    else if (stream.listenerCount("data") > 0) stream.resume();
    else if (!state.readableListening) state.flowing = null;
  };
  Readable.prototype.removeListener = function (name, listener) {
    const result = Stream.prototype.removeListener.call(this, name, listener);
    if (name === "readable") tick(updateListening, this);
    return result;
  };
  Readable.prototype.off = Readable.prototype.removeListener;
  Readable.prototype.removeAllListeners = function (...names) {
    const result = Stream.prototype.removeAllListeners.apply(this, names);
    if (names.length === 0 || names[0] === "readable") tick(updateListening, this);
    return result;
  };

  Readable.prototype.resume = function () {
    const state = this._readableState;
    if (!state.flowing) {
      // With a listener for "readable", it decides when to read.
      state.flowing = !state.readableListening;
      if (!state.resumeScheduled) {
        state.resumeScheduled = true;
        tick(() => {
          if (!state.reading) this.read(0);
          state.resumeScheduled = false;
          this.emit("resume");
          flow(this);
          if (state.flowing && !state.reading) this.read(0);
        });
      }
    }
    state.paused = false;
    return this;
  };
  Readable.prototype.pause = function () {
    const state = this._readableState;
    if (state.flowing !== false) {
      state.flowing = false;
      this.emit("pause");
    }
    state.paused = true;
    return this;
  };
  const flow = (stream) => {
    const state = stream._readableState;
    while (state.flowing && stream.read() !== null);
  };

  // A stream of the oldest kind, as a source.
  Readable.prototype.wrap = function (old) {
    let isPaused = false;
    old.on("data", (chunk) => {
      if (!this.push(chunk) && old.pause) {
        isPaused = true;
        old.pause();
      }
    });
    old.on("end", () => this.push(null));
    old.on("error", (error) => failWith(this, error));
    old.on("close", () => this.destroy());
    old.on("destroy", () => this.destroy());
    this._read = () => {
      if (isPaused && old.resume) {
        isPaused = false;
        old.resume();
      }
    };
    return this;
  };

  // ---- as an iterable

  const iterate = (stream, options) => {
    const items = async function* () {
      let wake = () => {};
      const onReadable = () => wake();
      stream.on("readable", onReadable);
      let failure;
      let isOver = false;
      const cleanup = native.load("stream").finished(stream, { writable: false }, (error) => {
        failure = error ? { error } : undefined;
        isOver = true;
        wake();
      });
      try {
        for (;;) {
          const chunk = isDestroyed(stream) ? null : stream.read();
          if (chunk !== null) yield chunk;
          else if (failure) throw failure.error;
          else if (isOver) return;
          else {
            await new Promise((resolve) => {
              wake = resolve;
            });
          }
        }
      } catch (error) {
        failure = { error };
        throw error;
      } finally {
        if ((failure || options?.destroyOnReturn !== false) && (isOver === false || stream._readableState.autoDestroy)) stream.destroy(failure?.error);
        else {
          stream.off("readable", onReadable);
          cleanup();
        }
      }
    };
    return items();
  };
  Readable.prototype[Symbol.asyncIterator] = function () {
    return iterate(this);
  };
  Readable.prototype.iterator = function (options) {
    return iterate(this, options);
  };

  Readable.from = (iterable, options) => {
    if (typeof iterable === "string" || iterable instanceof Buffer) {
      return new Readable({
        objectMode: true,
        ...options,
        read() {
          this.push(iterable);
          this.push(null);
        },
      });
    }
    const isAsync = typeof iterable?.[Symbol.asyncIterator] === "function";
    const iterator = isAsync ? iterable[Symbol.asyncIterator]() : iterable?.[Symbol.iterator]?.();
    if (iterator === undefined) throw invalidType('"iterable" argument', "an instance of Iterable", iterable);
    const readable = new Readable({ objectMode: true, highWaterMark: 1, ...options });
    let isReading = false;
    readable._read = function () {
      if (isReading) return;
      isReading = true;
      next();
    };
    readable._destroy = (error, callback) => {
      const close = async () => {
        if (error && typeof iterator.throw === "function") {
          const { done } = await iterator.throw(error);
          if (done) return;
        }
        if (typeof iterator.return === "function") await iterator.return();
      };
      close().then(
        () => tick(callback, error),
        (failure) => tick(callback, failure ?? error),
      );
    };
    const next = async () => {
      for (;;) {
        try {
          const { value, done } = isAsync ? await iterator.next() : iterator.next();
          if (done) {
            readable.push(null);
            return;
          }
          const chunk = typeof value?.then === "function" ? await value : value;
          if (chunk === null) {
            isReading = false;
            throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "May not write null values to stream");
          }
          if (!readable.push(chunk)) {
            isReading = false;
            return;
          }
        } catch (error) {
          readable.destroy(error);
          return;
        }
      }
    };
    return readable;
  };
  Readable.fromWeb = (stream, options) => Readable.from(stream, { ...options });
  Readable.toWeb = (stream) =>
    new ReadableStream({
      start(controller) {
        stream.on("data", (chunk) => {
          controller.enqueue(typeof chunk === "string" ? chunk : new Uint8Array(chunk));
          if (controller.desiredSize <= 0) stream.pause();
        });
        stream.on("end", () => controller.close());
        stream.on("error", (error) => controller.error(error));
      },
      pull: () => void stream.resume(),
      cancel: (reason) => void stream.destroy(reason),
    });

  // Functions like those of arrays.
  Readable.prototype.toArray = async function () {
    const all = [];
    for await (const chunk of this) all.push(chunk);
    return all;
  };
  Readable.prototype.forEach = async function (work) {
    for await (const chunk of this) await work(chunk, {});
  };
  Readable.prototype.map = function (work) {
    return Readable.from(mapped(this, work));
  };
  Readable.prototype.filter = function (isWanted) {
    return Readable.from(filtered(this, isWanted));
  };
  Readable.prototype.take = function (count) {
    return Readable.from(first(this, count));
  };
  Readable.prototype.reduce = async function (work, ...initial) {
    let isFirst = initial.length === 0;
    let [value] = initial;
    for await (const chunk of this) {
      value = isFirst ? chunk : await work(value, chunk, {});
      isFirst = false;
    }
    if (isFirst) throw coded(TypeError, "ERR_INVALID_ARG_VALUE", "Reduce of an empty stream requires an initial value");
    return value;
  };
  async function* mapped(stream, work) {
    for await (const chunk of stream) yield await work(chunk, {});
  }
  async function* filtered(stream, isWanted) {
    for await (const chunk of stream) if (await isWanted(chunk, {})) yield chunk;
  }
  async function* first(stream, count) {
    if (count <= 0) return;
    for await (const chunk of stream) {
      yield chunk;
      if (--count <= 0) return;
    }
  }

  // ---- what can be asked

  const property = (name, get, set) => Object.defineProperty(Readable.prototype, name, { configurable: true, get, set });
  property(
    "readable",
    function () {
      const state = this._readableState;
      return Boolean(state) && state.isReadable !== false && !state.destroyed && !state.errorEmitted && !state.endEmitted;
    },
    function (value) {
      if (this._readableState) this._readableState.isReadable = Boolean(value);
    },
  );
  property(
    "destroyed",
    function () {
      return this._readableState?.destroyed ?? false;
    },
    function (value) {
      if (this._readableState) this._readableState.destroyed = value;
    },
  );
  property(
    "readableFlowing",
    function () {
      return this._readableState.flowing;
    },
    function (value) {
      this._readableState.flowing = value;
    },
  );
  for (const [name, get] of Object.entries({
    readableDidRead: (state) => state.dataEmitted,
    readableAborted: (state) => Boolean((state.destroyed || state.errored) && !state.endEmitted),
    readableHighWaterMark: (state) => state.highWaterMark,
    readableBuffer: (state) => state.buffer,
    readableLength: (state) => state.length,
    readableObjectMode: (state) => state.objectMode,
    readableEncoding: (state) => state.encoding,
    readableEnded: (state) => state.endEmitted,
    errored: (state) => state.errored,
    closed: (state) => state.closed,
  })) {
    property(name, function () {
      return this._readableState ? get(this._readableState) : undefined;
    });
  }

  return Readable;
};
