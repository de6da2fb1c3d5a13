// node:crypto: see node.rs and crypto.rs.
(native) => {
  "use strict";

  const { Buffer } = native.load("buffer");
  const { Transform } = native.load("stream");
  const { coded, invalidType, outOfRange, checkString, checkFunction, checkInteger, leftOut } = native.load("internal/errors");
  const web = globalThis.crypto;
  const tick = globalThis.queueMicrotask;

  const buffered = (bytes) => Buffer.from(bytes.buffer);
  const VIEWS = "Buffer, TypedArray, or DataView";
  const bytesOf = (name, value, encoding, expected = `ArrayBuffer, ${VIEWS}`) => {
    if (typeof value === "string") return Buffer.from(value, encoding === "buffer" ? "utf8" : encoding);
    if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return Buffer.from(value);
    throw invalidType(`"${name}" argument`, `of type string or an instance of ${expected}`, value);
  };
  // As the interpreter of Node takes them: SHA256, RSA-SHA256, sha-256.
  const algorithmOf = (name) => {
    const plain = `${name}`.toLowerCase().replace(/^rsa-/, "").replace(/^sha-(?=\d)/, "sha").replace(/^sha512[/_](?=\d)/, "sha512-");
    return native.algorithms.includes(plain) ? plain : undefined;
  };
  const encoded = (bytes, encoding) => (encoding === undefined || encoding === null || encoding === "buffer" ? bytes : bytes.toString(encoding));

  const summing = (name, start) =>
    class extends Transform {
      #state;
      #isDone = false;
      constructor(algorithm, options, key) {
        super(options);
        checkString(name === "Hash" ? "algorithm" : "hmac", algorithm);
        const known = algorithmOf(algorithm);
        if (known === undefined) {
          throw name === "Hash" ? coded(Error, "ERR_CRYPTO_INVALID_DIGEST", `Digest method not supported: ${algorithm}; there are ${native.algorithms.join(", ")}`) : coded(Error, "ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${algorithm}`);
        }
        this.#state = start(known, key);
      }
      static {
        Object.defineProperty(this, "name", { value: name });
      }
      update(data, encoding) {
        if (this.#isDone) throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "Digest already called");
        native.update(this.#state, bytesOf("data", data, encoding, VIEWS));
        return this;
      }
      digest(encoding) {
        if (this.#isDone) {
          // One of a key gives nothing more, and one without says so.
          if (name === "Hmac") return encoded(Buffer.alloc(0), encoding);
          throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "Digest already called");
        }
        this.#isDone = true;
        return encoded(buffered(native.finish(this.#state)), encoding);
      }
      copy() {
        if (name === "Hmac") throw new TypeError("hmac.copy is not a function");
        if (this.#isDone) throw coded(Error, "ERR_CRYPTO_HASH_FINALIZED", "Digest already called");
        const copy = new Hash("sha256");
        copy.#state = native.copy(this.#state);
        return copy;
      }
      _transform(chunk, encoding, callback) {
        this.update(chunk, encoding);
        callback();
      }
      _flush(callback) {
        this.push(this.digest());
        callback();
      }
    };
  const Hash = summing("Hash", (algorithm) => native.newHash(algorithm));
  const Hmac = summing("Hmac", (algorithm, key) => native.newHmac(algorithm, key));

  const keyOf = (key) => {
    if (key === undefined || key === null) throw invalidType('"key" argument', "of type string or an instance of ArrayBuffer, Buffer, TypedArray, DataView, KeyObject, or CryptoKey", key);
    return bytesOf("key", key);
  };

  const MOST_RANDOM = 2 ** 31 - 1;
  const randomBytes = (size, callback) => {
    checkInteger("size", size, 0, MOST_RANDOM);
    if (callback === undefined) return buffered(native.random(size));
    checkFunction("callback", callback);
    const bytes = buffered(native.random(size));
    tick(() => callback(null, bytes));
    return undefined;
  };
  const randomFillSync = (target, offset = 0, size) => {
    if (!ArrayBuffer.isView(target) && !(target instanceof ArrayBuffer)) throw invalidType('"buf" argument', "an instance of ArrayBuffer or ArrayBufferView", target);
    const bytes = ArrayBuffer.isView(target) ? new Uint8Array(target.buffer, target.byteOffset, target.byteLength) : new Uint8Array(target);
    const unit = target.BYTES_PER_ELEMENT ?? 1;
    checkInteger("offset", offset, 0, bytes.length / unit);
    size ??= bytes.length / unit - offset;
    checkInteger("size", size, 0, bytes.length / unit - offset);
    bytes.set(native.random(size * unit), offset * unit);
    return target;
  };
  const randomFill = (target, offset, size, callback) => {
    if (typeof offset === "function") [callback, offset, size] = [offset, 0, undefined];
    else if (typeof size === "function") [callback, size] = [size, undefined];
    checkFunction("callback", callback);
    randomFillSync(target, offset, size);
    tick(() => callback(null, target));
  };
  const randomInt = (least, most, callback) => {
    if (most === undefined || typeof most === "function") [callback, most, least] = [most, least, 0];
    for (const [name, value] of [["min", least], ["max", most]]) {
      if (!Number.isSafeInteger(value)) throw invalidType(`"${name}" argument`, "a safe integer", value);
    }
    if (most <= least) throw outOfRange("max", `greater than the value of "min" (${least})`, most);
    const range = most - least;
    if (range > 2 ** 48 - 1) throw outOfRange("max - min", `<= ${2 ** 48 - 1}`, range);
    // What lies beyond the last whole range would make some numbers likelier.
    const end = 2 ** 48 - (2 ** 48 % range);
    let number;
    do number = buffered(native.random(6)).readUIntBE(0, 6);
    while (number >= end);
    const chosen = least + (number % range);
    if (callback === undefined) return chosen;
    checkFunction("callback", callback);
    tick(() => callback(null, chosen));
    return undefined;
  };

  const timingSafeEqual = (a, b) => {
    const parts = [["buf1", a], ["buf2", b]].map(([name, value]) => {
      if (typeof value === "string") throw invalidType(`"${name}" argument`, "an instance of ArrayBuffer, Buffer, TypedArray, or DataView", value);
      return bytesOf(name, value);
    });
    if (parts[0].length !== parts[1].length) throw coded(RangeError, "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH", "Input buffers must have the same byte length");
    return native.isEqual(...parts);
  };

  const digestOf = (digest) => {
    checkString("digest", digest);
    const algorithm = algorithmOf(digest);
    if (algorithm === undefined) throw coded(TypeError, "ERR_CRYPTO_INVALID_DIGEST", `Invalid digest: ${digest}`);
    return algorithm;
  };
  const pbkdf2Sync = (password, salt, iterations, size, digest) => {
    const algorithm = digestOf(digest);
    const [key, with_] = [bytesOf("password", password), bytesOf("salt", salt)];
    checkInteger("iterations", iterations, 1, 2 ** 31 - 1);
    checkInteger("keylen", size, 0, 2 ** 31 - 1);
    return buffered(native.pbkdf2(algorithm, key, with_, iterations, size));
  };
  const hkdfSync = (digest, key, salt, info, size) => {
    const algorithm = digestOf(digest);
    const parts = [bytesOf("ikm", key), bytesOf("salt", salt), bytesOf("info", info)];
    checkInteger("length", size, 0, 2 ** 31 - 1);
    const bytes = native.hkdf(algorithm, ...parts, size);
    if (bytes === undefined) throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
    return bytes.buffer;
  };
  // The same with a callback.
  const later =
    (work, count) =>
    (...values) => {
      const callback = values[count];
      checkFunction("callback", callback);
      const result = work(...values.slice(0, count));
      tick(() => callback(null, result));
    };

  // ---- AES-GCM: `update` gives nothing, and `final` everything, as nothing of it counts before its tag.

  const CIPHERS = { __proto__: null, "aes-128-gcm": 16, "aes-256-gcm": 32 };
  const TAG = 16;
  const ciphering = (name, finish) =>
    class extends Transform {
      #key;
      #iv;
      #parts = [];
      #more = Buffer.alloc(0);
      #tag;
      #isDone = false;
      constructor(algorithm, key, iv, options) {
        super(options);
        checkString("cipher", algorithm);
        const size = CIPHERS[algorithm.toLowerCase()];
        if (size === undefined) {
          throw coded(Error, "ERR_CRYPTO_UNKNOWN_CIPHER", `Unknown cipher: ${algorithm}; there are ${Object.keys(CIPHERS).join(" and ")}`);
        }
        const bytes = keyOf(key);
        if (bytes.length !== size) throw coded(RangeError, "ERR_CRYPTO_INVALID_KEYLEN", "Invalid key length");
        this.#iv = bytesOf("iv", iv);
        if (this.#iv.length !== 12) throw coded(TypeError, "ERR_CRYPTO_INVALID_IV", "Invalid initialization vector: one of AES-GCM has 12 bytes here");
        const tag = options?.authTagLength;
        if (tag !== undefined && tag !== TAG) throw coded(TypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", `Invalid authentication tag length: ${tag}; here it is 16`);
        this.#key = native.newKey(bytes);
      }
      static {
        Object.defineProperty(this, "name", { value: name });
      }
      #open(operation) {
        if (this.#isDone) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", `Invalid state for operation ${operation}`);
      }
      update(data, encoding, shown) {
        this.#open("update");
        // A copy: what is given may change before the end.
        this.#parts.push(Buffer.from(bytesOf("data", data, encoding, VIEWS)));
        return encoded(Buffer.alloc(0), shown);
      }
      final(encoding) {
        this.#open("final");
        this.#isDone = true;
        const made = finish(this.#key, this.#iv, Buffer.concat(this.#parts), this.#more, this.#tag);
        this.#parts = [];
        this.#tag = made.tag;
        return encoded(made.bytes, encoding);
      }
      setAAD(bytes, options) {
        this.#open("setAAD");
        this.#more = Buffer.from(bytesOf("buffer", bytes, options?.encoding));
        return this;
      }
      setAutoPadding() {
        return this;
      }
      _tag(operation, tag) {
        if (tag === undefined) {
          if (this.#tag === undefined || !this.#isDone) throw coded(Error, "ERR_CRYPTO_INVALID_STATE", `Invalid state for operation ${operation}`);
          return this.#tag;
        }
        this.#open(operation);
        if (tag.length !== TAG) throw coded(TypeError, "ERR_CRYPTO_INVALID_AUTH_TAG", `Invalid authentication tag length: ${tag.length}`);
        this.#tag = Buffer.from(tag);
        return this;
      }
      _transform(chunk, encoding, callback) {
        this.update(chunk, encoding);
        callback();
      }
      _flush(callback) {
        let bytes;
        try {
          bytes = this.final();
        } catch (error) {
          callback(error);
          return;
        }
        this.push(bytes);
        callback();
      }
    };
  class Cipheriv extends ciphering("Cipheriv", (key, iv, data, more) => {
    const sealed = Buffer.from(native.seal(key, iv, data, more));
    return { bytes: sealed.subarray(0, -TAG), tag: sealed.subarray(-TAG) };
  }) {
    getAuthTag() {
      return this._tag("getAuthTag");
    }
  }
  class Decipheriv extends ciphering("Decipheriv", (key, iv, data, more, tag) => {
    const opened = tag === undefined ? undefined : native.open(key, iv, Buffer.concat([data, tag]), more);
    if (opened === undefined) throw new Error("Unsupported state or unable to authenticate data");
    return { bytes: Buffer.from(opened), tag };
  }) {
    setAuthTag(tag, encoding) {
      return this._tag("setAuthTag", bytesOf("buffer", tag, encoding));
    }
  }

  const keys = "crypto.subtle has HMAC and AES-GCM; a program such as openssl has the rest";
  return {
    Hash,
    Hmac,
    createHash: (algorithm, options) => new Hash(algorithm, options),
    createHmac: (algorithm, key, options) => new Hmac(algorithm, options, keyOf(key)),
    hash: (algorithm, data, encoding = "hex") => new Hash(algorithm).update(data).digest(encoding),
    getHashes: () => [...native.algorithms],
    Cipheriv,
    Decipheriv,
    createCipheriv: (algorithm, key, iv, options) => new Cipheriv(algorithm, key, iv, options),
    createDecipheriv: (algorithm, key, iv, options) => new Decipheriv(algorithm, key, iv, options),
    getCiphers: () => Object.keys(CIPHERS),
    getCurves: () => [],
    randomBytes,
    pseudoRandomBytes: randomBytes,
    randomFill,
    randomFillSync,
    randomInt,
    randomUUID: () => web.randomUUID(),
    getRandomValues: (view) => web.getRandomValues(view),
    timingSafeEqual,
    pbkdf2: later(pbkdf2Sync, 5),
    pbkdf2Sync,
    hkdf: later(hkdfSync, 5),
    hkdfSync,
    scrypt: leftOut("crypto.scrypt", "crypto.pbkdf2 derives keys"),
    scryptSync: leftOut("crypto.scryptSync", "crypto.pbkdf2Sync derives keys"),
    createSign: leftOut("crypto.createSign", keys),
    createVerify: leftOut("crypto.createVerify", keys),
    sign: leftOut("crypto.sign", keys),
    verify: leftOut("crypto.verify", keys),
    createPrivateKey: leftOut("crypto.createPrivateKey", keys),
    createPublicKey: leftOut("crypto.createPublicKey", keys),
    createSecretKey: leftOut("crypto.createSecretKey", "give the bytes of the key"),
    generateKeyPair: leftOut("crypto.generateKeyPair", keys),
    generateKeyPairSync: leftOut("crypto.generateKeyPairSync", keys),
    publicEncrypt: leftOut("crypto.publicEncrypt", keys),
    privateDecrypt: leftOut("crypto.privateDecrypt", keys),
    createECDH: leftOut("crypto.createECDH", keys),
    createDiffieHellman: leftOut("crypto.createDiffieHellman", keys),
    webcrypto: web,
    subtle: web?.subtle,
    constants: Object.freeze({}),
  };
};
