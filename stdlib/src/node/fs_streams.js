// The streams of node:fs: see fs.js.
(native) => (common) => {
  "use strict";

  const { own, pathOf, later, open } = common;
  const { Readable, Writable } = native.load("stream");
  const { Buffer } = native.load("buffer");
  const { checkInteger, outOfRange } = native.load("internal/errors");

  const optionsOf = (options) => (typeof options === "string" ? { encoding: options } : { ...options });
  const openLater = (stream, path, flags, mode, callback) => {
    later(open(own.promises, path, flags, mode)).then(
      (file) => {
        stream.file = file;
        callback();
        stream.emit("open", file.fileno());
        stream.emit("ready");
      },
      (error) => callback(error),
    );
  };
  const closeLater = (stream, error, callback) => {
    const { file } = stream;
    stream.file = undefined;
    if (file === undefined || !stream.autoClose) callback(error);
    else file.close().then(() => callback(error), (failure) => callback(error ?? failure));
  };
  const hidden = (stream, names) => {
    for (const name of names) Object.defineProperty(stream, name, { writable: true, configurable: true, enumerable: false });
  };

  class ReadStream extends Readable {
    constructor(path, given) {
      const options = optionsOf(given);
      const { start = 0, end = Infinity } = options;
      checkInteger("start", start, 0);
      if (end !== Infinity) checkInteger("end", end, 0);
      if (start > end) throw outOfRange("start", `<= "end" (here: ${end})`, start);
      super({ highWaterMark: 64 * 1024, ...options });
      hidden(this, ["file", "left"]);
      this.path = pathOf(path);
      this.flags = options.flags ?? "r";
      this.start = options.start;
      this.end = end;
      this.autoClose = options.autoClose !== false;
      this.bytesRead = 0;
      this.left = end - start + 1;
    }
    _construct(callback) {
      openLater(this, this.path, this.flags, undefined, (error) => {
        if (error || !this.start) callback(error);
        else this.file.seek(this.start).then(() => callback(), callback);
      });
    }
    _read(size) {
      const wanted = Math.min(size, this.left);
      if (wanted <= 0) {
        this.push(null);
        return;
      }
      this.file.read(wanted).then(
        (bytes) => {
          if (bytes === null) this.push(null);
          else {
            this.left -= bytes.length;
            this.bytesRead += bytes.length;
            this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
          }
        },
        (error) => this.destroy(error),
      );
    }
    _destroy(error, callback) {
      closeLater(this, error, callback);
    }
    get fd() {
      return this.file?.fileno() ?? null;
    }
    get pending() {
      return this.file === undefined;
    }
    close(callback) {
      if (callback) native.load("stream").finished(this, { writable: false }, () => callback());
      this.destroy();
    }
  }

  class WriteStream extends Writable {
    constructor(path, given) {
      const options = optionsOf(given);
      super({ decodeStrings: true, ...options });
      hidden(this, ["file"]);
      this.path = pathOf(path);
      this.flags = options.flags ?? (options.start === undefined ? "w" : "r+");
      this.mode = options.mode;
      this.start = options.start;
      this.autoClose = options.autoClose !== false;
      this.bytesWritten = 0;
      if (options.encoding) this.setDefaultEncoding(options.encoding);
    }
    _construct(callback) {
      openLater(this, this.path, this.flags, this.mode, (error) => {
        if (error || !this.start) callback(error);
        else this.file.seek(this.start).then(() => callback(), callback);
      });
    }
    _write(chunk, _encoding, callback) {
      this.file.write(chunk).then(
        () => {
          this.bytesWritten += chunk.length;
          callback();
        },
        (error) => callback(error),
      );
    }
    _destroy(error, callback) {
      closeLater(this, error, callback);
    }
    get fd() {
      return this.file?.fileno() ?? null;
    }
    get pending() {
      return this.file === undefined;
    }
    close(callback) {
      if (callback) native.load("stream").finished(this, { readable: false }, () => callback());
      this.end();
    }
  }
  WriteStream.prototype.destroySoon = WriteStream.prototype.end;

  return { ReadStream, WriteStream };
};
