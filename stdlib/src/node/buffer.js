// node:buffer: see node.rs and buffer.rs.
(native) => {
  "use strict";

  const { encode, decode, byteLengthOf, compareBytes, find, isAscii, isUtf8 } = native;
  const { coded, invalidType, invalidValue, outOfRange, unknownEncoding, checkNumber, inspect, shown, withGlobals } = native.load("internal/errors");

  // As much as an ArrayBuffer, and a string, can have.
  const MAX_LENGTH = 2 ** 31 - 1;
  const MAX_STRING_LENGTH = 2 ** 30 - 1;

  const ENCODINGS = {
    __proto__: null,
    utf8: "utf8",
    "utf-8": "utf8",
    ucs2: "utf16le",
    "ucs-2": "utf16le",
    utf16le: "utf16le",
    "utf-16le": "utf16le",
    latin1: "latin1",
    binary: "latin1",
    ascii: "ascii",
    base64: "base64",
    base64url: "base64url",
    hex: "hex",
  };

  // The encoding that a name stands for; undefined for an unknown one.
  const encodingOf = (name) => {
    if (name === undefined || name === null || name === "") return "utf8";
    return ENCODINGS[name] ?? ENCODINGS[`${name}`.toLowerCase()];
  };
  const knownEncoding = (name) => {
    const encoding = encodingOf(name);
    if (encoding === undefined) throw unknownEncoding(name);
    return encoding;
  };

  class FastBuffer extends Uint8Array {}

  const isBytes = (value) => value instanceof Uint8Array;
  const isBuffer = (value) => value instanceof FastBuffer;
  const isAnyBuffer = (value) => value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
  const view = (value) => (isBytes(value) ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));

  const ofSize = (size) => {
    checkNumber("size", size);
    if (!(size >= 0 && size <= MAX_LENGTH)) throw outOfRange("size", `>= 0 && <= ${MAX_LENGTH}`, size);
    return new FastBuffer(size);
  };

  // UTF-16 of a text with half a surrogate pair is made here: no text of Rust's holds one.
  const bytesOfText = (text, encoding) => {
    if (encoding === "utf16le" && !text.isWellFormed()) {
      const bytes = new Uint8Array(text.length * 2);
      for (let at = 0; at < text.length; at++) {
        const unit = text.charCodeAt(at);
        bytes[at * 2] = unit;
        bytes[at * 2 + 1] = unit >> 8;
      }
      return bytes.buffer;
    }
    return encode(text, encoding);
  };
  const textOfBytes = (bytes, encoding, start, end) => {
    const text = decode(bytes, encoding, start, end);
    if (text !== undefined) return text;
    let units = "";
    for (let at = start; at + 1 < end; at += 2) units += String.fromCharCode(bytes[at] | (bytes[at + 1] << 8));
    return units;
  };

  const EXPECTED = "of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object";

  const ofArrayLike = (list) => {
    if (!(list.length > 0)) return new FastBuffer(0);
    const buffer = ofSize(Math.trunc(list.length));
    for (let at = 0; at < buffer.length; at++) buffer[at] = list[at];
    return buffer;
  };

  function from(value, encodingOrOffset, length) {
    if (typeof value === "string") return new FastBuffer(bytesOfText(value, knownEncoding(encodingOrOffset)));
    if (typeof value === "object" && value !== null) {
      if (isAnyBuffer(value)) {
        let offset = encodingOrOffset === undefined ? 0 : +encodingOrOffset;
        if (Number.isNaN(offset)) offset = 0;
        const most = value.byteLength - offset;
        if (most < 0) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", '"offset" is outside of buffer bounds');
        if (length === undefined) length = most;
        else {
          length = +length;
          if (!(length > 0)) length = 0;
          else if (length > most) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", '"length" is outside of buffer bounds');
        }
        return new FastBuffer(value, offset, length);
      }
      if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
        if (!isBytes(value)) return ofArrayLike(value);
        const copy = new FastBuffer(value.length);
        copy.set(value);
        return copy;
      }
      const primitive = value.valueOf?.();
      if (primitive !== undefined && primitive !== null && primitive !== value && (typeof primitive === "string" || typeof primitive === "object")) {
        return from(primitive, encodingOrOffset, length);
      }
      if (value.length !== undefined || isAnyBuffer(value.buffer)) {
        return typeof value.length === "number" ? ofArrayLike(value) : new FastBuffer(0);
      }
      if (value.type === "Buffer" && Array.isArray(value.data)) return ofArrayLike(value.data);
      if (typeof value[Symbol.toPrimitive] === "function") {
        const text = value[Symbol.toPrimitive]("string");
        if (typeof text === "string") return from(text, encodingOrOffset);
      }
    }
    throw coded(TypeError, "ERR_INVALID_ARG_TYPE", `The first argument must be ${EXPECTED}. ${shown(value)}`);
  }

  function Buffer(value, encodingOrOffset, length) {
    if (typeof value === "number") {
      if (typeof encodingOrOffset === "string") throw invalidType('"string" argument', "of type string", value);
      return ofSize(value);
    }
    return from(value, encodingOrOffset, length);
  }

  const fillWith = (buffer, value, offset, end, encodingName) => {
    if (typeof offset === "string") {
      encodingName = offset;
      offset = undefined;
    } else if (typeof end === "string") {
      encodingName = end;
      end = undefined;
    }
    offset = offset === undefined ? 0 : checkedPlace("offset", offset, buffer.length);
    end = end === undefined ? buffer.length : checkedPlace("end", end, buffer.length);
    if (typeof value === "string") {
      if (encodingName !== undefined && typeof encodingName !== "string") throw invalidType('"encoding" argument', "of type string", encodingName);
      const bytes = new Uint8Array(bytesOfText(value, knownEncoding(encodingName)));
      if (bytes.length === 0 && value !== "") throw invalidValue("value", value);
      value = bytes.length === 0 ? 0 : bytes;
    } else if (typeof value === "boolean") value = +value;
    if (offset >= end) return buffer;
    if (typeof value !== "object" || value === null) {
      Uint8Array.prototype.fill.call(buffer, value & 255, offset, end);
      return buffer;
    }
    const pattern = view(value);
    if (pattern.length === 0) throw invalidValue("value", value);
    // What is there already is copied behind itself, so that it doubles each time.
    let done = Math.min(pattern.length, end - offset);
    buffer.set(Uint8Array.prototype.subarray.call(pattern, 0, done), offset);
    while (done < end - offset) {
      const more = Math.min(done - (done % pattern.length), end - offset - done);
      Uint8Array.prototype.copyWithin.call(buffer, offset + done, offset, offset + more);
      done += more;
    }
    return buffer;
  };
  const checkedPlace = (name, value, most) => {
    checkNumber(name, value);
    if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
    if (value < 0 || value > most) throw outOfRange(name, `>= 0 && <= ${most}`, value);
    return value;
  };

  const byteLength = (value, encodingName) => {
    if (typeof value === "string") {
      const encoding = encodingOf(encodingName) ?? "utf8";
      return encoding === "latin1" || encoding === "ascii"
        ? value.length
        : encoding === "utf16le"
          ? value.length * 2
          : encoding === "hex"
            ? value.length >>> 1
            : byteLengthOf(value, encoding);
    }
    if (ArrayBuffer.isView(value) || isAnyBuffer(value)) return value.byteLength;
    throw invalidType('"string" argument', "of type string or an instance of Buffer or ArrayBuffer", value);
  };

  const checkBytes = (name, value) => {
    if (!isBytes(value)) throw invalidType(`"${name}" argument`, "an instance of Buffer or Uint8Array", value);
  };

  const concat = (list, total) => {
    if (!Array.isArray(list)) throw invalidType('"list" argument', "an instance of Array", list);
    list.forEach((part, at) => {
      if (!isBytes(part)) throw invalidType(`"list[${at}]" argument`, "an instance of Buffer or Uint8Array", part);
    });
    if (total === undefined) total = list.reduce((sum, part) => sum + part.length, 0);
    else checkedPlace("length", total, MAX_LENGTH);
    const buffer = ofSize(total);
    let at = 0;
    for (const part of list) {
      if (at + part.length > total) {
        buffer.set(Uint8Array.prototype.subarray.call(part, 0, total - at), at);
        break;
      }
      buffer.set(part, at);
      at += part.length;
    }
    return buffer;
  };

  Object.setPrototypeOf(Buffer, Uint8Array);
  const hidden = (object, members) => {
    for (const name of Reflect.ownKeys(members)) {
      const member = Object.getOwnPropertyDescriptor(members, name);
      Object.defineProperty(object, name, { ...member, enumerable: false });
    }
  };
  Object.assign(Buffer, {
    poolSize: 8192,
    from,
    alloc(size, fill, encoding) {
      const buffer = ofSize(size);
      return fill === undefined || fill === 0 || size === 0 ? buffer : fillWith(buffer, fill, encoding);
    },
    // Nothing that another one has left is in them either.
    allocUnsafe: (size) => ofSize(size),
    allocUnsafeSlow: (size) => ofSize(size),
    isBuffer,
    isEncoding: (name) => typeof name === "string" && name.length !== 0 && encodingOf(name) !== undefined,
    byteLength,
    compare(a, b) {
      checkBytes("buf1", a);
      checkBytes("buf2", b);
      return compareBytes(a, b);
    },
    concat,
    copyBytesFrom(source, offset = 0, length = source.length - offset) {
      if (!ArrayBuffer.isView(source) || source instanceof DataView) throw invalidType('"view" argument', "an instance of TypedArray", source);
      checkedPlace("offset", offset, 2 ** 53 - 1);
      checkedPlace("length", length, 2 ** 53 - 1);
      const part = source.subarray(offset, offset + length);
      return from(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    },
    of: (...values) => ofArrayLike(values),
  });
  Object.defineProperty(Buffer, Symbol.species, { configurable: true, get: () => FastBuffer });
  Buffer.prototype = FastBuffer.prototype;
  Object.defineProperty(Buffer, "prototype", { writable: false, enumerable: false });

  // A place from the start, or from the end if it is negative.
  const within = (value, missing, length) => {
    if (value === undefined) return missing;
    value = Math.trunc(+value) || 0;
    return value < 0 ? Math.max(value + length, 0) : Math.min(value, length);
  };
  const bounded = (value, missing, length) => {
    if (value === undefined) return missing;
    value = Math.trunc(+value) || 0;
    return Math.min(Math.max(value, 0), length);
  };

  const search = (buffer, value, offset, encodingName, isLast) => {
    if (typeof offset === "string") {
      encodingName = offset;
      offset = undefined;
    }
    offset = +offset;
    if (Number.isNaN(offset)) offset = isLast ? buffer.length : 0;
    offset = Math.trunc(Math.max(Math.min(offset, 2 ** 31 - 1), -(2 ** 31)));
    if (offset < 0) offset += buffer.length;
    if (typeof value === "number") {
      if (offset < 0 && isLast) return -1;
      offset = Math.max(offset, 0);
      const at = isLast
        ? Uint8Array.prototype.lastIndexOf.call(buffer, value & 255, offset)
        : Uint8Array.prototype.indexOf.call(buffer, value & 255, offset);
      return at;
    }
    let wanted = value;
    let step = 1;
    if (typeof value === "string") {
      const encoding = knownEncoding(encodingName);
      wanted = new Uint8Array(bytesOfText(value, encoding));
      if (encoding === "utf16le") step = 2;
    } else if (!isBytes(value)) {
      throw invalidType('"value" argument', "one of type number or string or an instance of Buffer or Uint8Array", value);
    } else if (encodingOf(encodingName) === "utf16le") step = 2;
    if (offset < 0) {
      if (isLast) return -1;
      offset = 0;
    }
    if (wanted.length === 0) return Math.min(offset, buffer.length);
    return isLast || step > 1 ? find(buffer, wanted, offset, isLast, step) : scan(buffer, wanted, offset);
  };
  // Looks at some places by itself, for which no bytes need to be copied; many are found faster in Rust.
  const MOST_TRIES = 32;
  const scan = (buffer, wanted, offset) => {
    let at = offset;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      at = Uint8Array.prototype.indexOf.call(buffer, wanted[0], at);
      if (at < 0 || at + wanted.length > buffer.length) return -1;
      let same = 1;
      while (same < wanted.length && buffer[at + same] === wanted[same]) same++;
      if (same === wanted.length) return at;
      at++;
    }
    return find(buffer, wanted, at, false, 1);
  };

  const writeText = (buffer, text, offset, length, encodingName) => {
    if (typeof text !== "string") throw invalidType('"string" argument', "of type string", text);
    if (offset === undefined) return put(buffer, text, 0, buffer.length, "utf8");
    if (typeof offset === "string") return put(buffer, text, 0, buffer.length, knownEncoding(offset));
    if (!(offset >= 0 && offset <= buffer.length) || !Number.isInteger(offset)) checkedPlace("offset", offset, buffer.length);
    const room = buffer.length - offset;
    if (length === undefined) return put(buffer, text, offset, room, "utf8");
    if (typeof length === "string") return put(buffer, text, offset, room, knownEncoding(length));
    checkedPlace("length", length, buffer.length);
    return put(buffer, text, offset, Math.min(length, room), knownEncoding(encodingName));
  };
  const put = (buffer, text, offset, room, encoding) => {
    // No character of UTF-16 has more than three bytes, or it is one of two.
    if (text.length > room) text = text.slice(0, encoding === "base64" || encoding === "base64url" || encoding === "hex" ? room * 2 + 4 : room);
    const bytes = new Uint8Array(bytesOfText(text, encoding));
    let size = Math.min(bytes.length, room);
    if (size < bytes.length) {
      // Half a character is not written.
      if (encoding === "utf8") while (size > 0 && (bytes[size] & 0xc0) === 0x80) size--;
      else if (encoding === "utf16le") size -= size % 2;
    }
    buffer.set(size === bytes.length ? bytes : bytes.subarray(0, size), offset);
    return size;
  };

  const alphabet = "0123456789abcdef";

  hidden(FastBuffer.prototype, {
    constructor: Buffer,
    get parent() {
      return isBuffer(this) ? this.buffer : undefined;
    },
    get offset() {
      return isBuffer(this) ? this.byteOffset : undefined;
    },
    toString(encodingName, start, end) {
      if (arguments.length === 0) return textOfBytes(this, "utf8", 0, this.length);
      const encoding = knownEncoding(encodingName);
      const length = this.length;
      start = bounded(start, 0, length);
      end = bounded(end, length, length);
      return end <= start ? "" : textOfBytes(this, encoding, start, end);
    },
    toLocaleString(encodingName, start, end) {
      return this.toString(encodingName, start, end);
    },
    toJSON() {
      return { type: "Buffer", data: Array.from(this) };
    },
    equals(other) {
      checkBytes("otherBuffer", other);
      return this === other || (this.length === other.length && compareBytes(this, other) === 0);
    },
    compare(target, targetStart, targetEnd, sourceStart, sourceEnd) {
      checkBytes("target", target);
      if (arguments.length === 1) return compareBytes(this, target);
      const place = (name, value, missing, most) => (value === undefined ? missing : checkedPlace(name, value, most));
      targetStart = place("targetStart", targetStart, 0, 2 ** 53 - 1);
      targetEnd = place("targetEnd", targetEnd, target.length, target.length);
      sourceStart = place("sourceStart", sourceStart, 0, 2 ** 53 - 1);
      sourceEnd = place("sourceEnd", sourceEnd, this.length, this.length);
      if (sourceStart >= sourceEnd) return targetStart >= targetEnd ? 0 : -1;
      if (targetStart >= targetEnd) return 1;
      const part = Uint8Array.prototype.subarray;
      return compareBytes(part.call(this, sourceStart, sourceEnd), part.call(target, targetStart, targetEnd));
    },
    copy(target, targetStart, sourceStart, sourceEnd) {
      if (!isBytes(target)) checkBytes("target", target);
      const place = (name, value, missing) => {
        if (value === undefined) return missing;
        value = Math.trunc(+value) || 0;
        if (value < 0) throw outOfRange(name, ">= 0", value);
        return value;
      };
      targetStart = place("targetStart", targetStart, 0);
      sourceStart = place("sourceStart", sourceStart, 0);
      if (sourceStart > this.length) throw outOfRange("sourceStart", `>= 0 && <= ${this.length}`, sourceStart);
      sourceEnd = Math.min(place("sourceEnd", sourceEnd, this.length), this.length);
      if (targetStart >= target.length || sourceStart >= sourceEnd) return 0;
      const size = Math.min(sourceEnd - sourceStart, target.length - targetStart);
      Uint8Array.prototype.set.call(target, Uint8Array.prototype.subarray.call(this, sourceStart, sourceStart + size), targetStart);
      return size;
    },
    slice(start, end) {
      const length = this.length;
      start = within(start, 0, length);
      end = within(end, length, length);
      return new FastBuffer(this.buffer, this.byteOffset + start, Math.max(end - start, 0));
    },
    subarray(start, end) {
      const length = this.length;
      start = within(start, 0, length);
      end = within(end, length, length);
      return new FastBuffer(this.buffer, this.byteOffset + start, Math.max(end - start, 0));
    },
    fill(value, offset, end, encoding) {
      return fillWith(this, value, offset, end, encoding);
    },
    write(text, offset, length, encoding) {
      return writeText(this, text, offset, length, encoding);
    },
    indexOf(value, offset, encoding) {
      return search(this, value, offset, encoding, false);
    },
    lastIndexOf(value, offset, encoding) {
      return search(this, value, offset, encoding, true);
    },
    includes(value, offset, encoding) {
      return search(this, value, offset, encoding, false) !== -1;
    },
    inspect(_depth, options) {
      return shortened(this, options);
    },
    [Symbol.for("nodejs.util.inspect.custom")](_depth, options) {
      return shortened(this, options);
    },
    swap16() {
      return swapped(this, 2);
    },
    swap32() {
      return swapped(this, 4);
    },
    swap64() {
      return swapped(this, 8);
    },
  });

  let inspectMaxBytes = 50;
  const shortened = (buffer, options) => {
    const shownBytes = Math.min(inspectMaxBytes, buffer.length);
    let text = "";
    for (let at = 0; at < shownBytes; at++) text += `${at ? " " : ""}${alphabet[buffer[at] >> 4]}${alphabet[buffer[at] & 15]}`;
    const left = buffer.length - shownBytes;
    if (left > 0) text += ` ... ${left} more byte${left > 1 ? "s" : ""}`;
    const extras = Object.keys(buffer).filter((key) => !/^\d+$/.test(key));
    for (const key of extras) text += `${text === "" ? "" : ", "}${key}: ${inspect(buffer[key], options?.depth)}`;
    return `<${buffer.constructor?.name ?? "Buffer"}${text === "" ? "" : ` ${text}`}>`;
  };

  const swapped = (buffer, size) => {
    if (buffer.length % size !== 0) throw coded(RangeError, "ERR_INVALID_BUFFER_SIZE", `Buffer size must be a multiple of ${size * 8}-bits`);
    for (let at = 0; at < buffer.length; at += size) Uint8Array.prototype.subarray.call(buffer, at, at + size).reverse();
    return buffer;
  };

  // Texts of one encoding.
  for (const [suffix, encoding] of [
    ["ascii", "ascii"],
    ["base64", "base64"],
    ["base64url", "base64url"],
    ["hex", "hex"],
    ["latin1", "latin1"],
    ["ucs2", "utf16le"],
    ["utf8", "utf8"],
  ]) {
    hidden(FastBuffer.prototype, {
      [`${suffix}Slice`](start = 0, end = this.length) {
        return end <= start ? "" : textOfBytes(this, encoding, start, Math.min(end, this.length));
      },
      [`${suffix}Write`](text, offset = 0, length = this.length - offset) {
        checkedPlace("offset", offset, this.length);
        return put(this, text, offset, Math.min(length, this.length - offset), encoding);
      },
    });
  }

  // Numbers. All are read and written through one view of each kind, whose bytes are those of the number.
  const cell = new DataView(new ArrayBuffer(8));
  const cellBytes = new Uint8Array(cell.buffer);

  const checkOffset = (buffer, offset, size) => {
    checkNumber("offset", offset);
    if (buffer[offset] !== undefined && buffer[offset + size - 1] !== undefined) return;
    if (!Number.isInteger(offset)) throw outOfRange("offset", "an integer", offset);
    if (buffer.length < size) throw coded(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", "Attempt to access memory outside buffer bounds");
    throw outOfRange("offset", `>= 0 and <= ${buffer.length - size}`, offset);
  };
  const load = (buffer, offset, size) => {
    checkOffset(buffer, offset, size);
    for (let at = 0; at < size; at++) cellBytes[at] = buffer[offset + at];
  };
  const store = (buffer, offset, size) => {
    for (let at = 0; at < size; at++) buffer[offset + at] = cellBytes[at];
    return offset + size;
  };
  const checkValue = (value, least, most, size, isSigned) => {
    if (!(value < least || value > most)) return;
    const end = typeof value === "bigint" ? "n" : "";
    if (size > 4) {
      const bits = size * 8;
      const range = isSigned ? `>= -(2${end} ** ${bits - 1}${end}) and < 2${end} ** ${bits - 1}${end}` : `>= 0${end} and < 2${end} ** ${bits}${end}`;
      throw outOfRange("value", range, value);
    }
    throw outOfRange("value", `>= ${least} and <= ${most}`, value);
  };

  const members = {};
  const both = (name, make) => {
    for (const [suffix, isLittle] of [
      ["LE", true],
      ["BE", false],
    ]) {
      for (const [key, member] of Object.entries(make(isLittle))) members[`${key}${name}${suffix}`] = member;
    }
  };
  for (const [name, size, isSigned] of [
    ["UInt16", 2, false],
    ["Int16", 2, true],
    ["UInt32", 4, false],
    ["Int32", 4, true],
  ]) {
    const kind = name.replace("UInt", "Uint");
    const least = isSigned ? -(2 ** (size * 8 - 1)) : 0;
    const most = isSigned ? 2 ** (size * 8 - 1) - 1 : 2 ** (size * 8) - 1;
    both(name, (isLittle) => ({
      read(offset = 0) {
        load(this, offset, size);
        return cell[`get${kind}`](0, isLittle);
      },
      write(value, offset = 0) {
        value = +value;
        checkValue(value, least, most, size, isSigned);
        checkOffset(this, offset, size);
        cell[`set${kind}`](0, value, isLittle);
        return store(this, offset, size);
      },
    }));
  }
  for (const [name, size] of [
    ["Float", 4],
    ["Double", 8],
  ]) {
    const kind = `Float${size * 8}`;
    both(name, (isLittle) => ({
      read(offset = 0) {
        load(this, offset, size);
        return cell[`get${kind}`](0, isLittle);
      },
      write(value, offset = 0) {
        checkOffset(this, offset, size);
        cell[`set${kind}`](0, +value, isLittle);
        return store(this, offset, size);
      },
    }));
  }
  for (const [name, isSigned] of [
    ["BigUInt64", false],
    ["BigInt64", true],
  ]) {
    const kind = name.replace("UInt", "Uint");
    const least = isSigned ? -(2n ** 63n) : 0n;
    const most = isSigned ? 2n ** 63n - 1n : 2n ** 64n - 1n;
    both(name, (isLittle) => ({
      read(offset = 0) {
        load(this, offset, 8);
        return cell[`get${kind}`](0, isLittle);
      },
      write(value, offset = 0) {
        if (typeof value !== "bigint") throw invalidType('"value" argument', "of type bigint", value);
        checkValue(value, least, most, 8, isSigned);
        checkOffset(this, offset, 8);
        cell[`set${kind}`](0, value, isLittle);
        return store(this, offset, 8);
      },
    }));
  }
  const checkSize = (size) => {
    if (size === undefined) throw invalidType('"byteLength" argument', "of type number", size);
    checkNumber("byteLength", size);
    if (!Number.isInteger(size)) throw outOfRange("byteLength", "an integer", size);
    if (size < 1 || size > 6) throw outOfRange("byteLength", ">= 1 and <= 6", size);
  };
  for (const [name, isSigned] of [
    ["UInt", false],
    ["Int", true],
  ]) {
    both(name, (isLittle) => ({
      read(offset, size) {
        if (offset === undefined) throw invalidType('"offset" argument', "of type number", offset);
        checkSize(size);
        checkOffset(this, offset, size);
        let value = 0;
        for (let at = 0; at < size; at++) value = value * 256 + this[isLittle ? offset + size - 1 - at : offset + at];
        return isSigned && value >= 2 ** (size * 8 - 1) ? value - 2 ** (size * 8) : value;
      },
      write(value, offset, size) {
        checkSize(size);
        value = +value;
        const most = isSigned ? 2 ** (size * 8 - 1) - 1 : 2 ** (size * 8) - 1;
        checkValue(value, isSigned ? -(2 ** (size * 8 - 1)) : 0, most, size, isSigned);
        checkOffset(this, offset, size);
        value = Math.trunc(value) || 0;
        if (value < 0) value += 2 ** (size * 8);
        for (let at = 0; at < size; at++) {
          this[isLittle ? offset + at : offset + size - 1 - at] = value % 256;
          value = Math.floor(value / 256);
        }
        return offset + size;
      },
    }));
  }
  for (const [name, isSigned] of [
    ["UInt8", false],
    ["Int8", true],
  ]) {
    members[`read${name}`] = function (offset = 0) {
      checkOffset(this, offset, 1);
      const value = this[offset];
      return isSigned && value > 127 ? value - 256 : value;
    };
    members[`write${name}`] = function (value, offset = 0) {
      value = +value;
      checkValue(value, isSigned ? -128 : 0, isSigned ? 127 : 255, 1, isSigned);
      checkOffset(this, offset, 1);
      this[offset] = value;
      return offset + 1;
    };
  }
  for (const [name, member] of Object.entries(members)) {
    Object.defineProperty(member, "name", { value: name });
    hidden(FastBuffer.prototype, { [name]: member });
    // Both spellings are Node's.
    if (name.includes("UInt")) hidden(FastBuffer.prototype, { [name.replace("UInt", "Uint")]: member });
  }

  const checkedBytes = (value) => {
    if (ArrayBuffer.isView(value)) return view(value);
    if (isAnyBuffer(value)) return new Uint8Array(value);
    throw invalidType('"input" argument', "an instance of ArrayBuffer, Buffer, or TypedArray", value);
  };
  const transcode = (source, fromEncoding, toEncoding) => {
    checkBytes("source", source);
    const known = (name) => {
      const encoding = encodingOf(name);
      if (!["utf8", "utf16le", "latin1", "ascii"].includes(encoding)) throw coded(Error, "U_ILLEGAL_ARGUMENT_ERROR", `Unable to transcode Buffer [U_ILLEGAL_ARGUMENT_ERROR]`);
      return encoding;
    };
    const text = textOfBytes(source, known(fromEncoding), 0, source.length);
    const to = known(toEncoding);
    const most = to === "ascii" ? 127 : to === "latin1" ? 255 : Infinity;
    const fitting = most === Infinity ? text : Array.from(text, (character) => (character.codePointAt(0) > most ? "?" : character)).join("");
    return from(fitting, to);
  };

  const constants = Object.freeze({ MAX_LENGTH, MAX_STRING_LENGTH });
  const exports = {
    Buffer,
    transcode,
    isUtf8: (input) => isUtf8(checkedBytes(input)),
    isAscii: (input) => isAscii(checkedBytes(input)),
    kMaxLength: MAX_LENGTH,
    kStringMaxLength: MAX_STRING_LENGTH,
    constants,
    SlowBuffer: Buffer.allocUnsafeSlow,
  };
  Object.defineProperty(exports, "INSPECT_MAX_BYTES", {
    enumerable: true,
    configurable: true,
    get: () => inspectMaxBytes,
    set: (count) => {
      checkNumber("INSPECT_MAX_BYTES", count);
      inspectMaxBytes = count;
    },
  });
  return withGlobals(exports, ["atob", "btoa", "Blob", "File"]);
};
