// Streams: readable, writable, and what is between them. `native` has what is done in Rust.
//
// As in events.js, nothing here calls a method of a built-in class. Queues are linked lists, since an array gives its first
// element only by such a method, or in time that grows with its length. An async function awaits the promise that it returns:
// otherwise the interpreter would call its method `then`, which a rule may have overwritten.
(native) => {
  "use strict";
  const { apply, tag, failure, deferred, handled, part, iterator, asyncIterator, bytesOf, byteLength, encode, decoderFor, squeezer } = native;

  const secret = {};
  const illegal = (name) => new TypeError(`Illegal constructor: ${name}`);

  const newQueue = () => ({ __proto__: null, first: null, last: null });
  const push = (queue, item) => {
    const link = { __proto__: null, item, next: null };
    if (queue.last === null) queue.first = link;
    else queue.last.next = link;
    queue.last = link;
  };
  const shift = (queue) => {
    const { item, next } = queue.first;
    queue.first = next;
    if (next === null) queue.last = null;
    return item;
  };

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  const methodOf = (object, name) => {
    const method = isObject(object) ? object[name] : undefined;
    if (method !== undefined && typeof method !== "function") throw new TypeError(`${name} must be a function`);
    return method;
  };
  const highWaterMark = (strategy, usual) => {
    const mark = isObject(strategy) ? strategy.highWaterMark : undefined;
    if (mark === undefined) return usual;
    const number = +mark;
    if (!(number >= 0)) throw new RangeError("highWaterMark must be a number of at least 0");
    return number;
  };
  // How large a chunk counts; what is no size is an error.
  const sizeOf = (measure, chunk) => {
    if (measure === undefined) return 1;
    const size = +measure(chunk);
    if (!(size >= 0) || size === Infinity) throw new RangeError("the size of a chunk must be a number of at least 0");
    return size;
  };
  const resolved = async (value) => value;
  const rejected = async (error) => {
    throw error;
  };

  // Readable streams. `r` is the state of one.

  const newReadable = (source, measure, mark) => ({
    __proto__: null,
    state: "readable",
    error: undefined,
    queue: newQueue(),
    size: 0,
    mark,
    measure,
    source,
    pull: undefined,
    cancel: undefined,
    controller: undefined,
    started: false,
    pulling: false,
    again: false,
    closing: false,
    disturbed: false,
    reader: null,
  });

  const wantsMore = (r) =>
    r.state === "readable" && !r.closing && r.started && ((r.reader !== null && r.reader.requests.first !== null) || r.mark - r.size > 0);

  const pullIfNeeded = async (r) => {
    if (r.pull === undefined || !wantsMore(r)) return;
    if (r.pulling) {
      r.again = true;
      return;
    }
    r.pulling = true;
    try {
      do {
        r.again = false;
        await apply(r.pull, r.source, r.controller);
      } while (r.again && wantsMore(r));
    } catch (error) {
      failReadable(r, error);
    }
    r.pulling = false;
  };

  const finishReadable = (r) => {
    if (r.state !== "readable") return;
    r.state = "closed";
    r.pull = undefined;
    if (r.reader === null) return;
    const { requests, closed } = r.reader;
    closed.resolve(undefined);
    while (requests.first !== null) shift(requests).resolve({ value: undefined, done: true });
  };

  const failReadable = (r, error) => {
    if (r.state !== "readable") return;
    r.state = "errored";
    r.error = error;
    r.queue = newQueue();
    r.size = 0;
    r.pull = r.cancel = undefined;
    if (r.reader === null) return;
    const { requests, closed } = r.reader;
    handled(closed.promise);
    closed.reject(error);
    while (requests.first !== null) shift(requests).reject(error);
  };

  const enqueue = (r, chunk) => {
    if (r.closing || r.state !== "readable") throw new TypeError("the stream takes no more chunks: it is closed, or has failed");
    if (r.reader !== null && r.reader.requests.first !== null) {
      shift(r.reader.requests).resolve({ value: chunk, done: false });
    } else {
      let size;
      try {
        size = sizeOf(r.measure, chunk);
      } catch (error) {
        failReadable(r, error);
        throw error;
      }
      push(r.queue, { __proto__: null, chunk, size });
      r.size += size;
    }
    pullIfNeeded(r);
  };

  const closeReadable = (r) => {
    if (r.closing || r.state !== "readable") throw new TypeError("the stream is closed already, or has failed");
    r.closing = true;
    if (r.queue.first === null) finishReadable(r);
  };

  const read = (r) => {
    r.disturbed = true;
    if (r.state === "errored") return rejected(r.error);
    if (r.queue.first !== null) {
      const { chunk, size } = shift(r.queue);
      r.size = r.queue.first === null ? 0 : r.size - size;
      if (r.closing && r.queue.first === null) finishReadable(r);
      else pullIfNeeded(r);
      return resolved({ value: chunk, done: false });
    }
    if (r.state === "closed") return resolved({ value: undefined, done: true });
    const request = deferred();
    push(r.reader.requests, request);
    pullIfNeeded(r);
    return request.promise;
  };

  const cancel = async (r, reason) => {
    r.disturbed = true;
    if (r.state === "closed") return;
    if (r.state === "errored") throw r.error;
    const { cancel, source } = r;
    r.queue = newQueue();
    r.size = 0;
    finishReadable(r);
    r.cancel = undefined;
    if (cancel !== undefined) await apply(cancel, source, reason);
  };

  const lock = (r, reader) => {
    if (r.reader !== null) throw new TypeError("the stream is locked: it has a reader");
    const closed = deferred();
    r.reader = { __proto__: null, requests: newQueue(), closed, of: reader };
    if (r.state === "closed") closed.resolve(undefined);
    else if (r.state === "errored") {
      handled(closed.promise);
      closed.reject(r.error);
    }
    return r.reader;
  };

  const unlock = (r) => {
    const { requests, closed } = r.reader;
    const error = failure("TypeError", "the reader has let go of its stream");
    while (requests.first !== null) shift(requests).reject(error);
    handled(closed.promise);
    closed.reject(error);
    r.reader = null;
  };

  const start = async (r, begin) => {
    try {
      await begin;
      r.started = true;
      await pullIfNeeded(r);
    } catch (error) {
      failReadable(r, error);
    }
  };

  let readableOf, makeReadable, isReadable;

  class ReadableStreamDefaultController {
    #r;
    constructor(mine, r) {
      if (mine !== secret) throw illegal("a stream makes its controller");
      this.#r = r;
    }
    get desiredSize() {
      const r = this.#r;
      return r.state === "errored" ? null : r.state === "closed" ? 0 : r.mark - r.size;
    }
    enqueue(chunk) {
      enqueue(this.#r, chunk);
    }
    close() {
      closeReadable(this.#r);
    }
    error(error) {
      failReadable(this.#r, error);
    }
  }

  class ReadableStreamDefaultReader {
    #r = null;
    #closed;
    constructor(stream) {
      if (!isReadable(stream)) throw new TypeError("ReadableStreamDefaultReader: a ReadableStream is needed");
      const r = readableOf(stream);
      this.#closed = lock(r, this).closed.promise;
      this.#r = r;
    }
    get closed() {
      return this.#closed;
    }
    async read() {
      if (this.#r === null) throw failure("TypeError", "the reader has let go of its stream");
      return await read(this.#r);
    }
    async cancel(reason) {
      if (this.#r === null) throw failure("TypeError", "the reader has let go of its stream");
      return await cancel(this.#r, reason);
    }
    releaseLock() {
      if (this.#r === null) return;
      unlock(this.#r);
      this.#r = null;
    }
  }

  class ReadableStream {
    #r;

    constructor(source, strategy, mine) {
      if (mine === secret) {
        this.#r = source;
        return;
      }
      if (source === undefined) source = {};
      if (!isObject(source)) throw new TypeError("ReadableStream: the source must be an object");
      const type = source.type;
      if (type !== undefined && `${type}` !== "bytes") throw new TypeError('ReadableStream: the type must be "bytes", or left out');
      const measure = methodOf(strategy, "size");
      const begin = methodOf(source, "start");
      const r = newReadable(source, measure, highWaterMark(strategy, type === undefined ? 1 : 0));
      r.pull = methodOf(source, "pull");
      r.cancel = methodOf(source, "cancel");
      r.controller = new ReadableStreamDefaultController(secret, r);
      this.#r = r;
      start(r, begin === undefined ? undefined : apply(begin, source, r.controller));
    }

    static {
      isReadable = (value) => isObject(value) && #r in value;
      readableOf = (stream) => stream.#r;
    }

    static from(values) {
      const method = values === null || values === undefined ? undefined : (values[asyncIterator] ?? values[iterator]);
      if (typeof method !== "function") throw new TypeError("ReadableStream.from: the values must be iterable");
      const list = apply(method, values);
      return makeReadable(
        async (r) => {
          const step = await apply(list.next, list);
          if (!isObject(step)) throw new TypeError("ReadableStream.from: next() gave no object");
          if (step.done) closeReadable(r);
          else enqueue(r, await step.value);
        },
        async (reason) => {
          const end = list.return;
          if (end !== undefined) await apply(end, list, reason);
        },
      );
    }

    get locked() {
      return this.#r.reader !== null;
    }

    async cancel(reason) {
      if (this.#r.reader !== null) throw failure("TypeError", "the stream is locked: its reader can cancel it");
      return await cancel(this.#r, reason);
    }

    getReader(options) {
      const mode = isObject(options) ? options.mode : undefined;
      if (mode !== undefined) throw new TypeError("getReader: there are no readers with a mode; leave it out");
      return new ReadableStreamDefaultReader(this);
    }

    async *values(options) {
      const keep = isObject(options) && !!options.preventCancel;
      const r = this.#r;
      lock(r, null);
      let through = false;
      try {
        for (;;) {
          const { value, done } = await read(r);
          if (done) break;
          yield value;
        }
        through = true;
      } catch (error) {
        through = true;
        throw error;
      } finally {
        if (!through && !keep) await cancel(r, undefined);
        unlock(r);
      }
    }

    tee() {
      return tee(this.#r);
    }

    pipeThrough(pair, options) {
      if (!isObject(pair) || !isReadable(pair.readable) || !isWritable(pair.writable)) {
        throw new TypeError("pipeThrough: an object with a readable and a writable stream is needed");
      }
      if (this.locked) throw new TypeError("pipeThrough: the stream is locked");
      if (pair.writable.locked) throw new TypeError("pipeThrough: the writable stream is locked");
      const { readable, writable } = pair;
      handled(pipe(this.#r, writableOf(writable), options));
      return readable;
    }

    async pipeTo(writable, options) {
      if (!isWritable(writable)) throw failure("TypeError", "pipeTo: a WritableStream is needed");
      if (this.locked || writable.locked) throw failure("TypeError", "pipeTo: one of the streams is locked");
      return await pipe(this.#r, writableOf(writable), options);
    }
  }
  ReadableStream.prototype[asyncIterator] = ReadableStream.prototype.values;

  // A stream of the library's own: `pull` is given the stream's state.
  makeReadable = (pull, whenCancelled) => {
    const r = newReadable(undefined, undefined, 0);
    r.started = true;
    r.pull = () => pull(r);
    r.cancel = whenCancelled;
    return new ReadableStream(r, undefined, secret);
  };

  const tee = (r) => {
    lock(r, null);
    const branches = [null, null];
    const ended = [false, false];
    const reasons = [undefined, undefined];
    const done = deferred();
    let reading = false;
    const pull = async () => {
      if (reading) return;
      reading = true;
      try {
        const { value, done: end } = await read(r);
        for (let i = 0; i < 2; i++) {
          const branch = branches[i];
          if (ended[i] || branch.state !== "readable" || branch.closing) continue;
          if (end) closeReadable(branch);
          else enqueue(branch, value);
        }
        if (end) done.resolve(undefined);
      } catch (error) {
        for (let i = 0; i < 2; i++) failReadable(branches[i], error);
        done.resolve(undefined);
      }
      reading = false;
      // One of them asked while this read was under way.
      for (let i = 0; i < 2; i++) pullIfNeeded(branches[i]);
    };
    const streams = [];
    for (let i = 0; i < 2; i++) {
      const stream = makeReadable(pull, async (reason) => {
        ended[i] = true;
        reasons[i] = reason;
        if (ended[0] && ended[1]) {
          try {
            await cancel(r, reasons);
            done.resolve(undefined);
          } catch (error) {
            done.reject(error);
          }
        }
        return await done.promise;
      });
      branches[i] = readableOf(stream);
      streams[i] = stream;
    }
    return streams;
  };

  const pipe = async (r, w, options) => {
    let keepOpen, keepAlive, keepGoing, signal;
    if (isObject(options)) {
      keepAlive = !!options.preventAbort;
      keepGoing = !!options.preventCancel;
      keepOpen = !!options.preventClose;
      signal = options.signal;
    }
    if (signal !== undefined && !part("events").isSignal(signal)) throw failure("TypeError", "pipeTo: option signal must be an AbortSignal");
    lock(r, null);
    lockWriter(w);
    let stopped = null;
    const stop = () => {
      stopped = { __proto__: null, reason: signal.reason };
      // What is being waited for ends.
      if (!keepGoing) handled(cancel(r, signal.reason));
      else finishWaits(r);
      if (!keepAlive) handled(abortWritable(w, signal.reason));
      else w.writer.ready.resolve(undefined);
    };
    try {
      if (signal !== undefined) part("events").onAbort(signal, stop);
      for (;;) {
        if (stopped !== null) throw stopped.reason;
        if (w.state === "writable") {
          try {
            await w.writer.ready.promise;
          } catch {
            // Looked at below.
          }
        }
        if (stopped !== null) throw stopped.reason;
        if (w.state !== "writable" || w.closing !== null) {
          const error = w.state === "errored" ? w.error : failure("TypeError", "pipeTo: the writable stream is closed");
          if (!keepGoing && r.state === "readable") await cancel(r, error);
          throw error;
        }
        let step;
        try {
          step = await read(r);
        } catch (error) {
          if (!keepAlive) await abortWritable(w, error);
          throw error;
        }
        if (stopped !== null) throw stopped.reason;
        if (step.done) {
          if (!keepOpen) await closeWritable(w);
          return;
        }
        handled(write(w, step.value));
      }
    } finally {
      unlock(r);
      unlockWriter(w);
    }
  };

  // Reads that are waited for end, and the stream goes on.
  const finishWaits = (r) => {
    const { requests } = r.reader;
    while (requests.first !== null) shift(requests).resolve({ value: undefined, done: true });
  };

  // Writable streams. `w` is the state of one.

  const updateReady = (w) => {
    if (w.writer === null || w.state !== "writable") return;
    const full = w.closing === null && w.mark - w.size <= 0;
    if (full && !w.writer.full) {
      w.writer.ready = deferred();
      w.writer.full = true;
    } else if (!full && w.writer.full) {
      w.writer.full = false;
      w.writer.ready.resolve(undefined);
    }
  };

  const failWritable = (w, error) => {
    if (w.state !== "writable") return;
    w.state = "errored";
    w.error = error;
    while (w.queue.first !== null) shift(w.queue).done.reject(error);
    w.size = 0;
    if (w.closing !== null) w.closing.reject(error);
    if (w.writer !== null) {
      const { ready, closed } = w.writer;
      if (!w.writer.full) w.writer.ready = deferred();
      handled(w.writer.ready.promise);
      w.writer.ready.reject(error);
      handled(ready.promise);
      handled(closed.promise);
      closed.reject(error);
    }
  };

  const advance = async (w) => {
    if (w.busy || !w.started) return;
    w.busy = true;
    while (w.state === "writable" && w.queue.first !== null) {
      const { chunk, size, done } = shift(w.queue);
      try {
        await (w.write === undefined ? undefined : apply(w.write, w.sink, chunk, w.controller));
        done.resolve(undefined);
      } catch (error) {
        failWritable(w, error);
        done.reject(error);
      }
      w.size = w.queue.first === null ? 0 : w.size - size;
      updateReady(w);
    }
    if (w.state === "writable" && w.closing !== null) {
      const { closing } = w;
      try {
        if (w.close !== undefined) await apply(w.close, w.sink);
        if (w.state === "writable") {
          w.state = "closed";
          if (w.writer !== null) w.writer.closed.resolve(undefined);
        }
        closing.resolve(undefined);
      } catch (error) {
        failWritable(w, error);
      }
    }
    w.busy = false;
  };

  const write = (w, chunk) => {
    if (w.state === "errored") return rejected(w.error);
    if (w.state === "closed" || w.closing !== null) return rejected(failure("TypeError", "the stream is closed"));
    let size;
    try {
      size = sizeOf(w.measure, chunk);
    } catch (error) {
      failWritable(w, error);
      return rejected(error);
    }
    const done = deferred();
    push(w.queue, { __proto__: null, chunk, size, done });
    w.size += size;
    updateReady(w);
    advance(w);
    return done.promise;
  };

  const closeWritable = (w) => {
    if (w.state === "errored") return rejected(w.error);
    if (w.state === "closed" || w.closing !== null) return rejected(failure("TypeError", "the stream is closed already"));
    w.closing = deferred();
    updateReady(w);
    advance(w);
    return w.closing.promise;
  };

  const abortWritable = async (w, reason) => {
    if (w.state !== "writable") return;
    if (w.control !== null) w.control.abort(reason);
    failWritable(w, reason);
    if (w.abort !== undefined) await apply(w.abort, w.sink, reason);
  };

  const lockWriter = (w) => {
    if (w.writer !== null) throw new TypeError("the stream is locked: it has a writer");
    const writer = { __proto__: null, ready: deferred(), closed: deferred(), full: true };
    w.writer = writer;
    if (w.state === "errored") {
      handled(writer.ready.promise);
      handled(writer.closed.promise);
      writer.ready.reject(w.error);
      writer.closed.reject(w.error);
    } else if (w.state === "closed") {
      writer.ready.resolve(undefined);
      writer.closed.resolve(undefined);
    } else {
      updateReady(w);
    }
    return writer;
  };

  const unlockWriter = (w) => {
    const { ready, closed } = w.writer;
    const error = failure("TypeError", "the writer has let go of its stream");
    handled(ready.promise);
    handled(closed.promise);
    ready.reject(error);
    closed.reject(error);
    w.writer = null;
  };

  const startWriting = async (w, begin) => {
    try {
      await begin;
      w.started = true;
      await advance(w);
    } catch (error) {
      failWritable(w, error);
    }
  };

  let writableOf, isWritable, makeWritable;

  class WritableStreamDefaultController {
    #w;
    constructor(mine, w) {
      if (mine !== secret) throw illegal("a stream makes its controller");
      this.#w = w;
    }
    get signal() {
      this.#w.control ??= new (part("events").AbortController)();
      return this.#w.control.signal;
    }
    error(error) {
      failWritable(this.#w, error);
    }
  }

  class WritableStreamDefaultWriter {
    #w = null;
    #writer;
    constructor(stream) {
      if (!isWritable(stream)) throw new TypeError("WritableStreamDefaultWriter: a WritableStream is needed");
      this.#writer = lockWriter(writableOf(stream));
      this.#w = writableOf(stream);
    }
    get closed() {
      return this.#writer.closed.promise;
    }
    get ready() {
      return this.#writer.ready.promise;
    }
    get desiredSize() {
      const w = this.#w;
      if (w === null) throw new TypeError("the writer has let go of its stream");
      return w.state === "errored" ? null : w.state === "closed" ? 0 : w.mark - w.size;
    }
    async write(chunk) {
      if (this.#w === null) throw failure("TypeError", "the writer has let go of its stream");
      return await write(this.#w, chunk);
    }
    async close() {
      if (this.#w === null) throw failure("TypeError", "the writer has let go of its stream");
      return await closeWritable(this.#w);
    }
    async abort(reason) {
      if (this.#w === null) throw failure("TypeError", "the writer has let go of its stream");
      return await abortWritable(this.#w, reason);
    }
    releaseLock() {
      if (this.#w === null) return;
      unlockWriter(this.#w);
      this.#w = null;
    }
  }

  class WritableStream {
    #w;

    constructor(sink, strategy) {
      if (sink === undefined) sink = {};
      if (!isObject(sink)) throw new TypeError("WritableStream: the sink must be an object");
      if (sink.type !== undefined) throw new RangeError("WritableStream: the sink must have no type");
      const measure = methodOf(strategy, "size");
      const begin = methodOf(sink, "start");
      const w = {
        __proto__: null,
        state: "writable",
        error: undefined,
        queue: newQueue(),
        size: 0,
        mark: highWaterMark(strategy, 1),
        measure,
        sink,
        write: methodOf(sink, "write"),
        close: methodOf(sink, "close"),
        abort: methodOf(sink, "abort"),
        controller: undefined,
        control: null,
        started: false,
        busy: false,
        closing: null,
        writer: null,
      };
      w.controller = new WritableStreamDefaultController(secret, w);
      this.#w = w;
      startWriting(w, begin === undefined ? undefined : apply(begin, sink, w.controller));
    }

    static {
      isWritable = (value) => isObject(value) && #w in value;
      writableOf = (stream) => stream.#w;
    }

    get locked() {
      return this.#w.writer !== null;
    }
    getWriter() {
      return new WritableStreamDefaultWriter(this);
    }
    async close() {
      if (this.locked) throw failure("TypeError", "the stream is locked: its writer can close it");
      return await closeWritable(this.#w);
    }
    async abort(reason) {
      if (this.locked) throw failure("TypeError", "the stream is locked: its writer can abort it");
      return await abortWritable(this.#w, reason);
    }
  }

  // Streams that change what goes through them.

  class TransformStreamDefaultController {
    #t;
    constructor(mine, t) {
      if (mine !== secret) throw illegal("a stream makes its controller");
      this.#t = t;
    }
    get desiredSize() {
      const { r } = this.#t;
      return r.state === "errored" ? null : r.state === "closed" ? 0 : r.mark - r.size;
    }
    enqueue(chunk) {
      enqueue(this.#t.r, chunk);
    }
    error(error) {
      failReadable(this.#t.r, error);
      failWritable(this.#t.w, error);
    }
    terminate() {
      const { r, w } = this.#t;
      if (r.state === "readable" && !r.closing) closeReadable(r);
      failWritable(w, failure("TypeError", "the stream was terminated"));
    }
  }

  class TransformStream {
    #readable;
    #writable;

    constructor(transformer, writableStrategy, readableStrategy) {
      if (transformer === undefined) transformer = {};
      if (!isObject(transformer)) throw new TypeError("TransformStream: the transformer must be an object");
      if (transformer.readableType !== undefined || transformer.writableType !== undefined) {
        throw new RangeError("TransformStream: the transformer must have no types");
      }
      const transform = methodOf(transformer, "transform");
      const flush = methodOf(transformer, "flush");
      const begin = methodOf(transformer, "start");
      const ended = methodOf(transformer, "cancel");
      const t = { __proto__: null, r: undefined, w: undefined, changed: null };
      const controller = new TransformStreamDefaultController(secret, t);
      const tell = () => {
        if (t.changed !== null) t.changed.resolve(undefined);
      };
      this.#readable = makeReadable(tell, async (reason) => {
        tell();
        failWritable(t.w, reason);
        if (ended !== undefined) await apply(ended, transformer, reason);
      });
      t.r = readableOf(this.#readable);
      t.r.mark = highWaterMark(readableStrategy, 0);
      t.r.measure = methodOf(readableStrategy, "size");
      this.#writable = new WritableStream(
        {
          __proto__: null,
          start: begin === undefined ? undefined : () => apply(begin, transformer, controller),
          write: async (chunk) => {
            // What is made of it has somebody to go to.
            while (t.r.state === "readable" && !wantsMore(t.r)) {
              t.changed = deferred();
              await t.changed.promise;
            }
            if (t.r.state === "errored") throw t.r.error;
            try {
              if (transform === undefined) enqueue(t.r, chunk);
              else await apply(transform, transformer, chunk, controller);
            } catch (error) {
              failReadable(t.r, error);
              throw error;
            }
          },
          close: async () => {
            try {
              if (flush !== undefined) await apply(flush, transformer, controller);
            } catch (error) {
              failReadable(t.r, error);
              throw error;
            }
            if (t.r.state === "errored") throw t.r.error;
            if (t.r.state === "readable" && !t.r.closing) closeReadable(t.r);
          },
          abort: async (reason) => {
            failReadable(t.r, reason);
            if (ended !== undefined) await apply(ended, transformer, reason);
          },
        },
        writableStrategy,
      );
      t.w = writableOf(this.#writable);
    }

    get readable() {
      return this.#readable;
    }
    get writable() {
      return this.#writable;
    }
  }

  const bytes = (what, chunk) => {
    const found = bytesOf(chunk);
    if (found === undefined) throw new TypeError(`${what}: a chunk must be an ArrayBuffer or a view of one`);
    return found;
  };

  class TextEncoderStream {
    #pair = new TransformStream({
      __proto__: null,
      transform: (chunk, controller) => {
        const made = encode(`${chunk}`);
        if (byteLength(made) > 0) controller.enqueue(made);
      },
    });
    get encoding() {
      return "utf-8";
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  class TextDecoderStream {
    #pair;
    #encoding;
    #fatal;
    #ignoreBOM;
    constructor(label = "utf-8", options = {}) {
      this.#fatal = !!options?.fatal;
      this.#ignoreBOM = !!options?.ignoreBOM;
      const { encoding, decode } = decoderFor(`${label}`, this.#fatal, this.#ignoreBOM);
      this.#encoding = encoding;
      const give = (text, controller) => {
        if (text !== "") controller.enqueue(text);
      };
      this.#pair = new TransformStream({
        __proto__: null,
        transform: (chunk, controller) => give(decode(bytes("TextDecoderStream", chunk), false), controller),
        flush: (controller) => give(decode(undefined, true), controller),
      });
    }
    get encoding() {
      return this.#encoding;
    }
    get fatal() {
      return this.#fatal;
    }
    get ignoreBOM() {
      return this.#ignoreBOM;
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  const squeezing = (name, format, expand) => {
    if (format !== "gzip" && format !== "deflate" && format !== "deflate-raw") {
      throw new TypeError(`${name}: the format must be "gzip", "deflate" or "deflate-raw"`);
    }
    const squeeze = squeezer(format, expand);
    const give = (made, controller) => {
      if (byteLength(made) > 0) controller.enqueue(made);
    };
    return new TransformStream({
      __proto__: null,
      transform: (chunk, controller) => give(squeeze(bytes(name, chunk)), controller),
      flush: (controller) => give(squeeze(undefined), controller),
    });
  };

  class CompressionStream {
    #pair;
    constructor(format) {
      this.#pair = squeezing("CompressionStream", `${format}`, false);
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  class DecompressionStream {
    #pair;
    constructor(format) {
      this.#pair = squeezing("DecompressionStream", `${format}`, true);
    }
    get readable() {
      return this.#pair.readable;
    }
    get writable() {
      return this.#pair.writable;
    }
  }

  class CountQueuingStrategy {
    #mark;
    constructor(init) {
      this.#mark = init.highWaterMark;
    }
    get highWaterMark() {
      return this.#mark;
    }
    get size() {
      return count;
    }
  }
  class ByteLengthQueuingStrategy {
    #mark;
    constructor(init) {
      this.#mark = init.highWaterMark;
    }
    get highWaterMark() {
      return this.#mark;
    }
    get size() {
      return length;
    }
  }
  const count = function size() {
    return 1;
  };
  const length = function size(chunk) {
    return chunk.byteLength;
  };

  const classes = {
    ReadableStream,
    ReadableStreamDefaultReader,
    ReadableStreamDefaultController,
    WritableStream,
    WritableStreamDefaultWriter,
    WritableStreamDefaultController,
    TransformStream,
    TransformStreamDefaultController,
    TextEncoderStream,
    TextDecoderStream,
    CompressionStream,
    DecompressionStream,
    CountQueuingStrategy,
    ByteLengthQueuingStrategy,
  };
  for (const name in classes) tag(classes[name], name);

  return {
    ...classes,
    isReadable,
    isDisturbed: (stream) => readableOf(stream).disturbed,
    makeReadable,
    enqueue,
    close: closeReadable,
    tee: (stream) => tee(readableOf(stream)),
    // All of a stream, chunk by chunk.
    readAll: async (stream, give) => {
      const r = readableOf(stream);
      lock(r, null);
      try {
        for (;;) {
          const { value, done } = await read(r);
          if (done) return;
          give(value);
        }
      } catch (error) {
        if (r.state === "readable") handled(cancel(r, error));
        throw error;
      } finally {
        unlock(r);
      }
    },
  };
};
