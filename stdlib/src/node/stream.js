// node:stream: see node.rs. What all streams have in common, and the functions of the module; `stream_readable.js` and
// `stream_writable.js` have the two halves.
(native) => {
  "use strict";

  const EventEmitter = native.load("events");
  const { coded, invalidType, aborted, checkFunction } = native.load("internal/errors");
  const { apply } = Reflect;
  const tick = (work, ...values) => queueMicrotask(() => work(...values));
  const kDestroyed = Symbol("destroyed");

  // ---- the oldest class

  function Stream(options) {
    EventEmitter.call(this, options);
  }
  Object.setPrototypeOf(Stream.prototype, EventEmitter.prototype);
  Object.setPrototypeOf(Stream, EventEmitter);

  // ---- the end of a stream, whichever half it is

  const states = (stream) => [stream._readableState, stream._writableState].filter(Boolean);
  const isDestroyed = (stream) => Boolean(stream.destroyed || states(stream).some((state) => state.destroyed));

  const closeEmitted = (stream) => {
    for (const state of states(stream)) state.closeEmitted = true;
    if (states(stream).some((state) => state.emitClose)) stream.emit("close");
  };
  const errorEmitted = (stream, error) => {
    if (states(stream).some((state) => state.errorEmitted)) return;
    for (const state of states(stream)) state.errorEmitted = true;
    stream.emit("error", error);
  };
  const noteError = (stream, error) => {
    for (const state of states(stream)) state.errored ??= error;
  };

  function destroy(error, callback) {
    const all = states(this);
    if (all.some((state) => state.destroyed)) {
      if (typeof callback === "function") callback();
      return this;
    }
    if (error) noteError(this, error);
    for (const state of all) state.destroyed = true;
    const go = (first) => {
      let isDone = false;
      const done = (second) => {
        if (isDone) return;
        isDone = true;
        const failure = second ?? first;
        if (failure) noteError(this, failure);
        for (const state of all) state.closed = true;
        if (typeof callback === "function") callback(failure);
        tick(() => {
          if (failure) errorEmitted(this, failure);
          closeEmitted(this);
        });
      };
      try {
        this._destroy(first ?? null, done);
      } catch (thrown) {
        done(thrown);
      }
    };
    // One that is being constructed is destroyed afterwards.
    if (all.every((state) => state.constructed)) go(error);
    else this.once(kDestroyed, (failure) => go(failure ?? error));
    return this;
  }

  const failWith = (stream, error) => {
    if (states(stream).some((state) => state.destroyed)) return;
    if (states(stream).some((state) => state.autoDestroy)) stream.destroy(error);
    else {
      noteError(stream, error);
      tick(errorEmitted, stream, error);
    }
  };

  // What begins once a stream is constructed.
  const beginnings = new WeakMap();
  const construct = (stream, begin) => {
    if (typeof stream._construct !== "function") return;
    for (const state of states(stream)) state.constructed = false;
    // Both halves of a duplex stream are constructed at once.
    if (beginnings.has(stream)) {
      beginnings.get(stream).push(begin);
      return;
    }
    beginnings.set(stream, [begin]);
    tick(() => {
      let isCalled = false;
      const done = (error) => {
        if (isCalled) return failWith(stream, coded(Error, "ERR_MULTIPLE_CALLBACK", "Callback called multiple times"));
        isCalled = true;
        const all = states(stream);
        for (const state of all) state.constructed = true;
        if (all.some((state) => state.destroyed)) stream.emit(kDestroyed, error);
        else if (error) failWith(stream, error);
        else for (const start of beginnings.get(stream)) tick(start);
        return undefined;
      };
      try {
        stream._construct((error) => tick(done, error));
      } catch (error) {
        tick(done, error);
      }
    });
  };

  // ---- options that both halves have

  const highWaterMarks = { false: 64 * 1024, true: 16 };
  const highWaterMarkOf = (options, name, isDuplex, objectMode) => {
    const own = options?.highWaterMark ?? (isDuplex ? options?.[name] : undefined);
    if (own === undefined || own === null) return highWaterMarks[objectMode];
    if (!Number.isInteger(own) || own < 0) {
      throw coded(TypeError, "ERR_INVALID_ARG_VALUE", `The property 'options.${options?.highWaterMark === own ? "highWaterMark" : name}' is invalid. Received ${own}`);
    }
    return own;
  };

  const common = { Stream, EventEmitter, tick, destroy, failWith, errorEmitted, construct, highWaterMarkOf, kDestroyed, isDestroyed };
  const Readable = native.load("internal/stream_readable")(common);
  const Writable = native.load("internal/stream_writable")(common);

  Stream.prototype.pipe = function pipe(destination, options) {
    const onData = (chunk) => {
      if (destination.writable && destination.write(chunk) === false && this.pause) this.pause();
    };
    const onDrain = () => {
      if (this.readable && this.resume) this.resume();
    };
    this.on("data", onData);
    destination.on("drain", onDrain);
    if (!destination._isStdio && options?.end !== false) {
      let isOver = false;
      const once = (work) => () => {
        if (isOver) return;
        isOver = true;
        work();
      };
      this.on("end", once(() => destination.end()));
      this.on("close", once(() => destination.destroy?.()));
    }
    destination.emit("pipe", this);
    return destination;
  };

  // ---- both halves

  function Duplex(options) {
    if (!(this instanceof Duplex)) return new Duplex(options);
    Readable.call(this, options, true);
    Writable.call(this, options, true);
    if (options) {
      this.allowHalfOpen = options.allowHalfOpen !== false;
      if (options.readable === false) {
        Object.assign(this._readableState, { ended: true, endEmitted: true, isReadable: false });
      }
      if (options.writable === false) {
        Object.assign(this._writableState, { ending: true, ended: true, finished: true, isWritable: false });
      }
    } else this.allowHalfOpen = true;
    if (!this.allowHalfOpen) this.once("end", () => !this.writableEnded && this.end());
    return undefined;
  }
  Object.setPrototypeOf(Duplex.prototype, Readable.prototype);
  Object.setPrototypeOf(Duplex, Readable);
  for (const key of Reflect.ownKeys(Writable.prototype)) {
    if (!Object.hasOwn(Readable.prototype, key) && key !== "constructor") {
      Object.defineProperty(Duplex.prototype, key, Object.getOwnPropertyDescriptor(Writable.prototype, key));
    }
  }
  Object.defineProperty(Duplex.prototype, "destroyed", {
    configurable: true,
    get() {
      return states(this).length > 0 && states(this).every((state) => state.destroyed);
    },
    set(value) {
      for (const state of states(this)) state.destroyed = value;
    },
  });
  Duplex.from = (source) => {
    if (source?.readable !== undefined && source?.writable !== undefined && typeof source.on !== "function") {
      const { readable, writable } = source;
      const duplex = new Duplex({
        objectMode: true,
        read: () => reader.resume(),
        write: (chunk, encoding, callback) => (writable.write(chunk, encoding) ? callback() : writable.once("drain", callback)),
        final: (callback) => writable.end(callback),
      });
      const reader = readable;
      reader.on("data", (chunk) => duplex.push(chunk) || reader.pause());
      reader.on("end", () => duplex.push(null));
      for (const one of [readable, writable]) one.on("error", (error) => duplex.destroy(error));
      return duplex;
    }
    return Readable.from(source);
  };

  function Transform(options) {
    if (!(this instanceof Transform)) return new Transform(options);
    const readableMark = options ? (options.readableHighWaterMark ?? options.highWaterMark) : undefined;
    Duplex.call(this, readableMark === 0 ? { ...options, highWaterMark: undefined, readableHighWaterMark: 0, writableHighWaterMark: options.writableHighWaterMark || 0 } : options);
    this._readableState.sync = false;
    this._waiting = null;
    if (options) {
      if (typeof options.transform === "function") this._transform = options.transform;
      if (typeof options.flush === "function") this._flush = options.flush;
    }
    this.on("prefinish", finishTransform);
    return undefined;
  }
  Object.setPrototypeOf(Transform.prototype, Duplex.prototype);
  Object.setPrototypeOf(Transform, Duplex);
  const flushed = (stream, callback) => {
    if (typeof stream._flush === "function" && !stream.destroyed) {
      stream._flush((error, chunk) => {
        if (error) {
          if (callback) callback(error);
          else stream.destroy(error);
          return;
        }
        if (chunk !== undefined && chunk !== null) stream.push(chunk);
        stream.push(null);
        callback?.();
      });
    } else {
      stream.push(null);
      callback?.();
    }
  };
  function finishTransform() {
    if (this._final !== Transform.prototype._final) flushed(this);
  }
  Transform.prototype._final = function (callback) {
    flushed(this, callback);
  };
  Transform.prototype._transform = function () {
    throw coded(Error, "ERR_METHOD_NOT_IMPLEMENTED", "The _transform() method is not implemented");
  };
  Transform.prototype._write = function (chunk, encoding, callback) {
    const state = this._readableState;
    const length = state.length;
    this._transform(chunk, encoding, (error, value) => {
      if (error) {
        callback(error);
        return;
      }
      if (value !== undefined && value !== null) this.push(value);
      // The next chunk waits until there is room for what comes of it.
      if (this._writableState.ended || length === state.length || state.length < state.highWaterMark) callback();
      else this._waiting = callback;
    });
  };
  Transform.prototype._read = function () {
    if (this._waiting) {
      const callback = this._waiting;
      this._waiting = null;
      callback();
    }
  };

  function PassThrough(options) {
    if (!(this instanceof PassThrough)) return new PassThrough(options);
    Transform.call(this, options);
    return undefined;
  }
  Object.setPrototypeOf(PassThrough.prototype, Transform.prototype);
  Object.setPrototypeOf(PassThrough, Transform);
  PassThrough.prototype._transform = (chunk, _encoding, callback) => callback(null, chunk);

  // ---- the functions of the module

  const isNodeStream = (value) => Boolean(value && (value._readableState || value._writableState || (typeof value.write === "function" && typeof value.on === "function") || (typeof value.pipe === "function" && typeof value.on === "function")));
  const isReadableOne = (stream) => typeof stream.pipe === "function" && (!stream._writableState || stream._readableState?.isReadable !== false) && (stream._readableState !== undefined || stream.readable);
  const isWritableOne = (stream) => typeof stream.write === "function" && stream._writableState?.isWritable !== false;

  const premature = () => coded(Error, "ERR_STREAM_PREMATURE_CLOSE", "Premature close");

  const finished = (stream, options, callback) => {
    if (typeof options === "function") [callback, options] = [options, {}];
    options ??= {};
    checkFunction("callback", callback);
    if (!isNodeStream(stream)) throw invalidType('"stream" argument', "an instance of ReadableStream, WritableStream, or Stream", stream);
    const readable = options.readable ?? isReadableOne(stream);
    const writable = options.writable ?? isWritableOne(stream);
    const [read, written] = [stream._readableState, stream._writableState];
    let isCalled = false;
    const tell = (error) => {
      if (isCalled) return;
      isCalled = true;
      if (options.cleanup) cleanup();
      callback.call(stream, error);
    };
    const isRead = () => !readable || (read ? read.endEmitted : stream.readableEnded === true) || read?.isReadable === false;
    const isWritten = () => !writable || (written ? written.finished : stream.writableFinished === true);
    const willClose = states(stream).some((state) => state.autoDestroy && state.emitClose) && Boolean(stream._readableState || stream._writableState);
    const check = () => {
      if (isRead() && isWritten() && !(willClose && !states(stream).some((state) => state.closed))) tell();
    };
    const onClose = () => {
      const error = states(stream).find((state) => state.errored)?.errored;
      if (error && typeof error !== "boolean") return tell(error);
      return tell(isRead() && isWritten() ? undefined : premature());
    };
    const onError = (error) => tell(error);
    const onAbort = () => tell(aborted(options.signal));
    const listeners = { end: check, finish: check, close: onClose, ...(options.error === false ? {} : { error: onError }) };
    const cleanup = () => {
      for (const [name, listener] of Object.entries(listeners)) stream.removeListener(name, listener);
      options.signal?.removeEventListener("abort", onAbort);
    };
    for (const [name, listener] of Object.entries(listeners)) stream.on(name, listener);
    if (options.signal) {
      if (options.signal.aborted) tick(onAbort);
      else options.signal.addEventListener("abort", onAbort, { once: true });
    }
    if (states(stream).some((state) => state.closeEmitted || state.closed)) tick(onClose);
    else if (states(stream).some((state) => state.errorEmitted)) tick(onClose);
    else if (isRead() && isWritten()) tick(check);
    return cleanup;
  };

  const isIterable = (value) => typeof value?.[Symbol.asyncIterator] === "function" || (typeof value?.[Symbol.iterator] === "function" && typeof value !== "string");

  // Writes what comes of an iterable into a stream, and waits for room.
  const pump = async (iterable, writable, end, signal) => {
    let failure;
    const onError = (error) => {
      failure ??= { error };
      wake?.();
    };
    let wake;
    const onDrain = () => wake?.();
    writable.on("error", onError);
    writable.on("drain", onDrain);
    writable.on("close", onDrain);
    try {
      for await (const chunk of iterable) {
        if (failure) throw failure.error;
        if (signal?.aborted) throw aborted(signal);
        if (isDestroyed(writable)) throw premature();
        if (!writable.write(chunk)) {
          await new Promise((resolve) => {
            wake = resolve;
          });
          wake = undefined;
        }
      }
      if (failure) throw failure.error;
      if (end) writable.end();
    } finally {
      writable.removeListener("drain", onDrain);
      writable.removeListener("close", onDrain);
      // Later errors are told by `finished`.
      writable.removeListener("error", onError);
    }
  };

  const pipelined = (streams, options, callback) => {
    if (streams.length === 1 && Array.isArray(streams[0])) [streams] = streams;
    if (streams.length < 2) throw coded(TypeError, "ERR_MISSING_ARGS", 'The "streams" argument must be specified');
    const { signal, end = true } = options;
    let failure;
    let isTold = false;
    let result;
    let left = 0;
    const destroyers = [];
    const tell = () => {
      if (isTold) return;
      isTold = true;
      signal?.removeEventListener("abort", onAbort);
      callback(failure?.error, result);
    };
    const done = (error) => {
      left -= 1;
      if (error && (failure === undefined || failure.error?.code === "ERR_STREAM_PREMATURE_CLOSE")) failure = { error };
      if (failure !== undefined) {
        while (destroyers.length > 0) destroyers.shift()(failure.error);
        if (left <= 0) tick(tell);
        else tick(() => left <= 0 && tell());
      } else if (left <= 0) tick(tell);
    };
    const onAbort = () => {
      left += 1;
      done(aborted(signal));
    };
    if (signal?.aborted) tick(onAbort);
    else signal?.addEventListener("abort", onAbort, { once: true });
    const watch = (stream, reading, writing) => {
      left += 1;
      let isOver = false;
      destroyers.push((error) => {
        if (!isOver && !isDestroyed(stream)) stream.destroy?.(error);
      });
      finished(stream, { readable: reading, writable: writing }, (error) => {
        isOver = !error;
        done(error);
      });
    };
    let current;
    streams.forEach((stream, at) => {
      const [isFirst, isLast] = [at === 0, at === streams.length - 1];
      if (isNodeStream(stream)) {
        if (end || !isLast) watch(stream, !isLast, !isFirst);
        if (!isFirst) {
          if (isNodeStream(current)) {
            if (end || !isLast) current.pipe(stream);
            else {
              left += 1;
              current.pipe(stream, { end: false });
              finished(current, { readable: true, writable: false }, done);
            }
          } else {
            left += 1;
            pump(current, stream, end || !isLast, signal).then(() => done(), done);
          }
        }
        current = stream;
      } else if (typeof stream === "function") {
        const given = isFirst ? undefined : current;
        current = stream(given, { signal });
        if (isLast && typeof current?.then === "function") {
          left += 1;
          current.then((value) => {
            result = value;
            done();
          }, done);
        } else if (!isIterable(current) && !isNodeStream(current)) {
          throw coded(TypeError, "ERR_INVALID_RETURN_VALUE", `Expected an iterable, AsyncIterable or Stream to be returned from the "transform[${at - 1}]" function but got ${typeof current}.`);
        } else if (isLast) {
          const out = new PassThrough({ objectMode: true });
          left += 1;
          pump(current, out, true, signal).then(() => done(), done);
          current = out;
        }
      } else if (isIterable(stream) && isFirst) current = stream;
      else throw invalidType(isFirst ? '"source" argument' : `"transform[${at - 1}]" argument`, "of type function or an instance of Stream, Iterable, or AsyncIterable", stream);
    });
    return current;
  };
  const pipeline = (...streams) => {
    const callback = streams.pop();
    checkFunction("callback", callback);
    let isCalled = false;
    return pipelined(streams, {}, (error, value) => {
      if (!isCalled) callback(error, value);
      isCalled = true;
    });
  };

  const addAbortSignal = (signal, stream) => {
    if (typeof signal !== "object" || !("aborted" in signal)) throw invalidType('"signal" argument', "an instance of AbortSignal", signal);
    if (!isNodeStream(stream)) throw invalidType('"stream" argument', "an instance of ReadableStream, WritableStream, or Stream", stream);
    const onAbort = () => stream.destroy(aborted(signal));
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      finished(stream, () => signal.removeEventListener("abort", onAbort));
    }
    return stream;
  };

  const promises = {
    finished: (stream, options) => new Promise((resolve, reject) => finished(stream, { ...options, cleanup: options?.cleanup ?? false }, (error) => (error ? reject(error) : resolve()))),
    pipeline: (...streams) =>
      new Promise((resolve, reject) => {
        const last = streams.at(-1);
        const options = last && typeof last === "object" && !isNodeStream(last) && !isIterable(last) ? streams.pop() : {};
        pipelined(streams, options, (error, value) => (error ? reject(error) : resolve(value)));
      }),
  };
  const custom = Symbol.for("nodejs.util.promisify.custom");
  Object.defineProperty(pipeline, custom, { value: promises.pipeline });
  Object.defineProperty(finished, custom, { value: promises.finished });

  Object.assign(Stream, {
    Stream,
    Readable,
    Writable,
    Duplex,
    Transform,
    PassThrough,
    pipeline,
    finished,
    addAbortSignal,
    promises,
    destroy: (stream, error) => apply(stream.destroy, stream, [error ?? aborted()]),
    isDisturbed: (stream) => Boolean(stream?._readableState?.dataEmitted || stream?.readableDidRead),
    isErrored: (stream) => Boolean(stream && states(stream).some((state) => state.errored)),
    isReadable: (stream) => (isNodeStream(stream) ? Boolean(stream.readable) : null),
    isWritable: (stream) => (isNodeStream(stream) ? Boolean(stream.writable) : null),
    getDefaultHighWaterMark: (objectMode) => highWaterMarks[Boolean(objectMode)],
    setDefaultHighWaterMark: (objectMode, value) => {
      highWaterMarks[Boolean(objectMode)] = value;
    },
    _isUint8Array: (value) => value instanceof Uint8Array,
    _uint8ArrayToBuffer: (value) => native.load("buffer").Buffer.from(value.buffer, value.byteOffset, value.byteLength),
  });
  return Stream;
};
