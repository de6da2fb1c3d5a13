// node:string_decoder: see node.rs.
(native) => {
  "use strict";

  const { Buffer } = native.load("buffer");
  const { invalidType, unknownEncoding } = native.load("internal/errors");

  const NAMES = { "utf-8": "utf8", ucs2: "utf16le", "ucs-2": "utf16le", "utf-16le": "utf16le", binary: "latin1" };

  // How many of the last bytes begin a character, or a group, whose end is still to come.
  const unfinished = (bytes, encoding) => {
    const length = bytes.length;
    if (encoding === "utf16le") {
      if (length % 2 !== 0) return 1;
      // The first half of a surrogate pair waits for the second.
      return length > 0 && (bytes[length - 1] & 0xfc) === 0xd8 ? 2 : 0;
    }
    if (encoding === "base64" || encoding === "base64url") return length % 3;
    if (encoding !== "utf8") return 0;
    for (let back = 1; back <= Math.min(3, length); back++) {
      const byte = bytes[length - back];
      if ((byte & 0xc0) === 0x80) continue;
      const needed = byte >= 0xf0 && byte < 0xf5 ? 4 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xc2 && byte < 0xe0 ? 2 : 1;
      if (needed <= back) return 0;
      // What cannot go on as it has begun is finished, if not well.
      if (back > 1) {
        const next = bytes[length - back + 1];
        const least = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
        const most = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
        if (next < least || next > most) return 0;
      }
      return back;
    }
    return 0;
  };

  function StringDecoder(encoding) {
    const name = encoding === undefined || encoding === null || encoding === "" ? "utf8" : `${encoding}`.toLowerCase();
    if (!Buffer.isEncoding(name)) throw unknownEncoding(encoding);
    this.encoding = NAMES[name] ?? name;
    this.lastChar = Buffer.alloc(0);
  }
  StringDecoder.prototype.write = function write(chunk) {
    if (typeof chunk === "string") return chunk;
    if (!ArrayBuffer.isView(chunk)) throw invalidType('"buf" argument', "an instance of Buffer, TypedArray, or DataView", chunk);
    const given = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.lastChar.length === 0 ? given : Buffer.concat([this.lastChar, given]);
    const end = bytes.length - unfinished(bytes, this.encoding);
    // A copy: the chunk may be used again.
    this.lastChar = Buffer.from(bytes.subarray(end));
    return bytes.toString(this.encoding, 0, end);
  };
  StringDecoder.prototype.end = function end(chunk) {
    let text = chunk === undefined ? "" : this.write(chunk);
    // One half of UTF-16 is left out, as the second byte of it never came.
    const { lastChar } = this;
    this.lastChar = Buffer.alloc(0);
    if (lastChar.length > 0) text += this.encoding === "utf16le" ? lastChar.toString("utf16le", 0, lastChar.length - (lastChar.length % 2)) : lastChar.toString(this.encoding);
    return text;
  };
  StringDecoder.prototype.text = function text(bytes, offset) {
    this.lastChar = Buffer.alloc(0);
    return this.write(bytes.subarray(offset));
  };
  Object.defineProperties(StringDecoder.prototype, {
    lastNeed: {
      configurable: true,
      get() {
        const { lastChar, encoding } = this;
        if (lastChar.length === 0) return 0;
        if (encoding === "utf8") return (lastChar[0] >= 0xf0 ? 4 : lastChar[0] >= 0xe0 ? 3 : 2) - lastChar.length;
        return encoding === "utf16le" ? 2 - (lastChar.length % 2) : 3 - lastChar.length;
      },
    },
    lastTotal: {
      configurable: true,
      get() {
        return this.lastChar.length === 0 ? 0 : this.lastChar.length + this.lastNeed;
      },
    },
  });
  return { StringDecoder };
};
