// stream.Writable: see node.rs and stream.js.
(native) => (common) => {
  "use strict";

  const { Stream, EventEmitter, tick, destroy, failWith, construct, highWaterMarkOf } = common;
  const { coded, invalidType, unknownEncoding, aborted } = native.load("internal/errors");
  const { Buffer } = native.load("buffer");

  const destroyedError = (what) => coded(Error, "ERR_STREAM_DESTROYED", `Cannot call ${what} after a stream was destroyed`);

  class WritableState {
    constructor(options, isDuplex) {
      this.objectMode = Boolean(options?.objectMode || (isDuplex && options?.writableObjectMode));
      this.highWaterMark = highWaterMarkOf(options, "writableHighWaterMark", isDuplex, this.objectMode);
      for (const name of ["needDrain", "ending", "ended", "finished", "destroyed", "closed", "closeEmitted", "errorEmitted"]) this[name] = false;
      for (const name of ["writing", "bufferProcessing", "prefinished", "finalCalled", "afterWriteScheduled"]) this[name] = false;
      this.isWritable = true;
      this.constructed = true;
      this.sync = true;
      this.decodeStrings = options?.decodeStrings !== false;
      this.defaultEncoding = options?.defaultEncoding || "utf8";
      this.length = 0;
      this.corked = 0;
      this.writelen = 0;
      this.writecb = null;
      this.buffered = [];
      // Callbacks that are still to be called.
      this.pending = 0;
      this.errored = null;
      this.emitClose = options?.emitClose !== false;
      this.autoDestroy = options?.autoDestroy !== false;
      this.onfinish = [];
    }
    getBuffer() {
      return [...this.buffered];
    }
    get bufferedRequestCount() {
      return this.buffered.length;
    }
  }

  function Writable(options, isDuplex) {
    const both = isDuplex === true;
    if (!(this instanceof Writable) && !both) return new Writable(options);
    this._writableState = new WritableState(options, both);
    if (options) {
      if (typeof options.write === "function") this._write = options.write;
      if (typeof options.writev === "function") this._writev = options.writev;
      if (typeof options.destroy === "function") this._destroy = options.destroy;
      if (typeof options.final === "function") this._final = options.final;
      if (typeof options.construct === "function") this._construct = options.construct;
    }
    if (!both) Stream.call(this, options);
    if (options?.signal) native.load("stream").addAbortSignal(options.signal, this);
    construct(this, () => {
      const state = this._writableState;
      if (!state.writing) flush(this, state);
      finishMaybe(this, state);
    });
    return undefined;
  }
  Object.setPrototypeOf(Writable.prototype, Stream.prototype);
  Object.setPrototypeOf(Writable, Stream);
  Writable.WritableState = WritableState;
  Object.defineProperty(Writable, Symbol.hasInstance, {
    value(object) {
      if (Function.prototype[Symbol.hasInstance].call(this, object)) return true;
      // A duplex stream inherits from Readable alone.
      return this === Writable && object?._writableState instanceof WritableState;
    },
  });

  Writable.prototype.pipe = function () {
    failWith(this, coded(Error, "ERR_STREAM_CANNOT_PIPE", "Cannot pipe, not readable"));
  };

  const written = (stream, chunk, encoding, callback) => {
    const state = stream._writableState;
    if (typeof encoding === "function") [callback, encoding] = [encoding, state.defaultEncoding];
    else {
      if (!encoding) encoding = state.defaultEncoding;
      else if (encoding !== "buffer" && !Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
      if (typeof callback !== "function") callback = () => {};
    }
    if (chunk === null) throw coded(TypeError, "ERR_STREAM_NULL_VALUES", "May not write null values to stream");
    if (!state.objectMode) {
      if (typeof chunk === "string") {
        if (state.decodeStrings !== false) {
          chunk = Buffer.from(chunk, encoding);
          encoding = "buffer";
        }
      } else if (Buffer.isBuffer(chunk)) encoding = "buffer";
      else if (ArrayBuffer.isView(chunk)) {
        chunk = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
        encoding = "buffer";
      } else throw invalidType('"chunk" argument', "of type string or an instance of Buffer, TypedArray, or DataView", chunk);
    }
    let failure;
    if (state.ending) failure = coded(Error, "ERR_STREAM_WRITE_AFTER_END", "write after end");
    else if (state.destroyed) failure = destroyedError("write");
    if (failure) {
      tick(callback, failure);
      failWith(stream, failure);
      return failure;
    }
    state.pending++;
    const size = state.objectMode ? 1 : chunk.length;
    state.length += size;
    const hasRoom = state.length < state.highWaterMark;
    if (!hasRoom) state.needDrain = true;
    if (state.writing || state.corked || state.errored || !state.constructed) {
      state.buffered.push({ chunk, encoding, callback });
    } else {
      state.writelen = size;
      state.writecb = callback;
      state.writing = true;
      state.sync = true;
      begin(stream, () => stream._write(chunk, encoding, (error) => afterWrite(stream, error)));
      state.sync = false;
    }
    return hasRoom && !state.errored && !state.destroyed;
  };
  // What a stream throws while it writes is its failure.
  const begin = (stream, write) => {
    try {
      write();
    } catch (error) {
      afterWrite(stream, error ?? new Error(`${error}`));
    }
  };

  Writable.prototype.write = function (chunk, encoding, callback) {
    return written(this, chunk, encoding, callback) === true;
  };
  Writable.prototype._write = function (chunk, encoding, callback) {
    if (this._writev) this._writev([{ chunk, encoding }], callback);
    else throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "The _write() method is not implemented");
  };
  Writable.prototype._writev = null;

  Writable.prototype.cork = function () {
    this._writableState.corked++;
  };
  Writable.prototype.uncork = function () {
    const state = this._writableState;
    if (state.corked) {
      state.corked--;
      if (!state.writing) flush(this, state);
    }
  };
  Writable.prototype.setDefaultEncoding = function (encoding) {
    if (typeof encoding === "string") encoding = encoding.toLowerCase();
    if (!Buffer.isEncoding(encoding)) throw unknownEncoding(encoding);
    this._writableState.defaultEncoding = encoding;
    return this;
  };

  const afterWrite = (stream, error) => {
    const state = stream._writableState;
    const { sync, writecb: callback } = state;
    if (typeof callback !== "function") {
      failWith(stream, coded(Error, "ERR_MULTIPLE_CALLBACK", "Callback called multiple times"));
      return;
    }
    state.writing = false;
    state.writecb = null;
    state.length -= state.writelen;
    state.writelen = 0;
    if (error) {
      state.errored ??= error;
      if (stream._readableState) stream._readableState.errored ??= error;
      const fail = () => {
        state.pending--;
        callback(error);
        errorBuffered(state);
        failWith(stream, error);
      };
      if (sync) tick(fail);
      else fail();
      return;
    }
    if (state.buffered.length > 0) flush(stream, state);
    const done = () => afterEach(stream, state, callback);
    if (sync) tick(done);
    else done();
  };
  const afterEach = (stream, state, callback) => {
    const mustDrain = !state.ending && !stream.destroyed && state.length === 0 && state.needDrain;
    if (mustDrain) {
      state.needDrain = false;
      stream.emit("drain");
    }
    state.pending--;
    callback(null);
    if (state.destroyed) errorBuffered(state);
    finishMaybe(stream, state);
  };
  const errorBuffered = (state) => {
    if (state.writing) return;
    const buffered = state.buffered.splice(0);
    for (const { chunk, callback } of buffered) {
      state.length -= state.objectMode ? 1 : chunk.length;
      state.pending--;
      callback(state.errored ?? destroyedError("write"));
    }
    for (const callback of state.onfinish.splice(0)) callback(state.errored ?? destroyedError("end"));
  };

  const flush = (stream, state) => {
    if (state.corked || state.bufferProcessing || state.destroyed || !state.constructed || state.buffered.length === 0) return;
    state.bufferProcessing = true;
    if (state.buffered.length > 1 && stream._writev) {
      const all = state.buffered.splice(0);
      state.pending -= all.length - 1;
      state.writelen = state.length;
      state.writing = true;
      state.sync = true;
      state.writecb = (error) => all.forEach(({ callback }) => callback(error));
      const chunks = all.map(({ chunk, encoding }) => ({ chunk, encoding }));
      chunks.allBuffers = chunks.every(({ encoding }) => encoding === "buffer");
      begin(stream, () => stream._writev(chunks, (error) => afterWrite(stream, error)));
      state.sync = false;
    } else {
      while (state.buffered.length > 0 && !state.writing) {
        const { chunk, encoding, callback } = state.buffered.shift();
        state.writelen = state.objectMode ? 1 : chunk.length;
        state.writecb = callback;
        state.writing = true;
        state.sync = true;
        begin(stream, () => stream._write(chunk, encoding, (error) => afterWrite(stream, error)));
        state.sync = false;
      }
    }
    state.bufferProcessing = false;
  };

  Writable.prototype.end = function (chunk, encoding, callback) {
    const state = this._writableState;
    if (typeof chunk === "function") [callback, chunk, encoding] = [chunk, null, null];
    else if (typeof encoding === "function") [callback, encoding] = [encoding, null];
    let failure;
    if (chunk !== undefined && chunk !== null) {
      const result = written(this, chunk, encoding);
      if (result instanceof Error) failure = result;
    }
    if (state.corked) {
      state.corked = 1;
      this.uncork();
    }
    if (!failure) {
      if (!state.errored && !state.ending) {
        state.ending = true;
        finishMaybe(this, state, true);
        state.ended = true;
      } else if (state.finished) failure = coded(Error, "ERR_STREAM_ALREADY_FINISHED", "Cannot call end after a stream was finished");
      else if (state.destroyed) failure = destroyedError("end");
    }
    if (typeof callback === "function") {
      if (failure) tick(callback, failure);
      else if (state.finished) tick(callback);
      else state.onfinish.push(callback);
    }
    return this;
  };

  const canFinish = (state) =>
    state.ending && !state.destroyed && state.constructed && state.length === 0 && !state.errored && state.buffered.length === 0 && !state.finished && !state.writing && !state.errorEmitted && !state.closeEmitted;

  const finishMaybe = (stream, state, isSync) => {
    if (!canFinish(state)) return;
    if (!state.prefinished && !state.finalCalled) {
      if (typeof stream._final === "function" && !state.destroyed) {
        state.finalCalled = true;
        state.pending++;
        let isCalled = false;
        const done = (error) => {
          if (isCalled) {
            failWith(stream, error ?? coded(Error, "ERR_MULTIPLE_CALLBACK", "Callback called multiple times"));
            return;
          }
          isCalled = true;
          state.pending--;
          if (error) {
            for (const callback of state.onfinish.splice(0)) callback(error);
            failWith(stream, error);
          } else {
            state.prefinished = true;
            stream.emit("prefinish");
            state.pending++;
            tick(() => finish(stream, state));
          }
        };
        try {
          stream._final(done);
        } catch (error) {
          done(error);
        }
      } else {
        state.prefinished = true;
        stream.emit("prefinish");
      }
    }
    if (state.pending !== 0) return;
    if (isSync) {
      state.pending++;
      tick(() => {
        if (canFinish(state)) finish(stream, state);
        else state.pending--;
      });
    } else {
      state.pending++;
      finish(stream, state);
    }
  };
  const finish = (stream, state) => {
    state.pending--;
    if (state.finished || state.destroyed) return;
    state.finished = true;
    for (const callback of state.onfinish.splice(0)) callback(null);
    stream.emit("finish");
    if (state.autoDestroy) {
      const read = stream._readableState;
      if (!read || (read.autoDestroy && (read.endEmitted || read.isReadable === false))) stream.destroy();
    }
  };

  Writable.prototype.destroy = function (error, callback) {
    const state = this._writableState;
    if (!state.destroyed && (state.buffered.length > 0 || state.onfinish.length > 0)) tick(errorBuffered, state);
    destroy.call(this, error, callback);
    return this;
  };
  Writable.prototype._destroy = (error, callback) => callback(error);
  Writable.prototype[EventEmitter.captureRejectionSymbol] = function (error) {
    this.destroy(error);
  };
  Writable.prototype[Symbol.asyncDispose] = function () {
    const error = this.destroyed || this.writableFinished ? undefined : aborted();
    if (error) this.destroy(error);
    return new Promise((resolve, reject) => native.load("stream").finished(this, (failure) => (failure && failure.name !== "AbortError" ? reject(failure) : resolve())));
  };
  Writable.fromWeb = (stream, options) => {
    const writer = stream.getWriter();
    return new Writable({
      ...options,
      write: (chunk, _encoding, callback) => void writer.write(chunk).then(() => callback(), callback),
      final: (callback) => void writer.close().then(() => callback(), callback),
      destroy: (error, callback) => void (error ? writer.abort(error) : Promise.resolve()).then(() => callback(error), () => callback(error)),
    });
  };
  Writable.toWeb = (stream) =>
    new WritableStream({
      write: (chunk) => new Promise((resolve, reject) => stream.write(chunk, (error) => (error ? reject(error) : resolve()))),
      close: () => new Promise((resolve, reject) => stream.end((error) => (error ? reject(error) : resolve()))),
      abort: (reason) => void stream.destroy(reason),
    });

  // ---- what can be asked

  const property = (name, get, set) => Object.defineProperty(Writable.prototype, name, { configurable: true, get, set });
  property(
    "writable",
    function () {
      const state = this._writableState;
      return Boolean(state) && state.isWritable !== false && !state.destroyed && !state.errored && !state.ending && !state.ended;
    },
    function (value) {
      if (this._writableState) this._writableState.isWritable = Boolean(value);
    },
  );
  property(
    "destroyed",
    function () {
      return this._writableState?.destroyed ?? false;
    },
    function (value) {
      if (this._writableState) this._writableState.destroyed = value;
    },
  );
  for (const [name, get] of Object.entries({
    writableFinished: (state) => state.finished,
    writableObjectMode: (state) => state.objectMode,
    writableBuffer: (state) => state.getBuffer(),
    writableEnded: (state) => state.ending,
    writableNeedDrain: (state) => !state.destroyed && !state.ending && state.needDrain,
    writableHighWaterMark: (state) => state.highWaterMark,
    writableCorked: (state) => state.corked,
    writableLength: (state) => state.length,
    writableAborted: (state) => Boolean((state.destroyed || state.errored) && !state.finished),
    errored: (state) => state.errored,
    closed: (state) => state.closed,
  })) {
    property(name, function () {
      return this._writableState ? get(this._writableState) : undefined;
    });
  }

  return Writable;
};
