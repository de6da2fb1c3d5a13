// `crypto`: random numbers, digests, HMAC and AES-GCM. `native` has what is done in Rust; keys never leave it but by exportKey.
(native) => {
  "use strict";
  const { tag, domException, failure, bytesOf, canonical, fillRandom, uuid, digest, newKey, randomKey, keyBytes, hmac, isHmac, seal, open } = native;

  const secret = {};
  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

  // The name of an algorithm, which is given alone or as the property of an object.
  const nameOf = (given) => {
    const name = isObject(given) ? given.name : given;
    if (name === undefined) throw failure("TypeError", "crypto.subtle: the algorithm must be a name, or an object with one");
    const known = canonical(`${name}`);
    if (known === undefined) throw domException(`there is no ${name} here: there are SHA-1, SHA-256, SHA-384, SHA-512, HMAC and AES-GCM`, "NotSupportedError");
    return known;
  };
  const isHash = (name) => name === "SHA-1" || name === "SHA-256" || name === "SHA-384" || name === "SHA-512";
  const hashOf = (given) => {
    const name = nameOf(given);
    if (!isHash(name)) throw domException(`${name} is no digest`, "NotSupportedError");
    return name;
  };
  const input = (what, value) => {
    const bytes = bytesOf(value);
    if (bytes === undefined) throw failure("TypeError", `crypto.subtle: ${what} must be an ArrayBuffer or a view of one`);
    return bytes;
  };
  const usagesOf = (name, given) => {
    const may = name === "HMAC" ? ["sign", "verify"] : ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
    const usages = [];
    if (!isObject(given)) throw failure("TypeError", "crypto.subtle: the usages must be an array");
    for (const one of given) {
      const usage = `${one}`;
      let fits = false;
      for (let i = 0; i < may.length; i++) fits ||= may[i] === usage;
      if (!fits) throw domException(`a key of ${name} is not for ${usage}`, "SyntaxError");
      usages[usages.length] = usage;
    }
    if (usages.length === 0) throw domException("a key needs a usage", "SyntaxError");
    return usages;
  };

  let keyOf, makeKey, detailsOf;

  class CryptoKey {
    // In Rust: its bytes.
    #key;
    #extractable;
    #algorithm;
    #usages;

    constructor(mine, key, extractable, algorithm, usages) {
      if (mine !== secret) throw new TypeError("Illegal constructor: crypto.subtle makes keys");
      this.#key = key;
      this.#extractable = !!extractable;
      this.#algorithm = algorithm;
      this.#usages = usages;
    }

    static {
      makeKey = (key, extractable, algorithm, usages) => new CryptoKey(secret, key, extractable, algorithm, usages);
      detailsOf = (key) => {
        if (!isObject(key) || !(#key in key)) throw failure("TypeError", "crypto.subtle: the key must be a CryptoKey");
        return { __proto__: null, key: key.#key, extractable: key.#extractable, algorithm: key.#algorithm };
      };
      keyOf = (name, usage, key) => {
        const { key: found, algorithm } = detailsOf(key);
        if (algorithm.name !== name) throw domException(`the key is one of ${algorithm.name}, not of ${name}`, "InvalidAccessError");
        for (let i = 0; i < key.#usages.length; i++) {
          if (key.#usages[i] === usage) return found;
        }
        throw domException(`the key is not for ${usage}`, "InvalidAccessError");
      };
    }

    get type() {
      return "secret";
    }
    get extractable() {
      return this.#extractable;
    }
    get algorithm() {
      const { name, length, hash } = this.#algorithm;
      return hash === undefined ? { name, length } : { name, length, hash: { name: hash } };
    }
    get usages() {
      const usages = [];
      for (let i = 0; i < this.#usages.length; i++) usages[i] = this.#usages[i];
      return usages;
    }
  }

  // The parameters of AES-GCM. The key's methods allow one length each.
  const sealing = (given) => {
    const iv = input("the iv", isObject(given) ? given.iv : undefined);
    if (native.byteLength(iv) !== 12) throw domException("the iv of AES-GCM must have 12 bytes", "NotSupportedError");
    if (given.tagLength !== undefined && given.tagLength !== 128) throw domException("the tag of AES-GCM must have 128 bits", "NotSupportedError");
    const more = given.additionalData === undefined ? undefined : input("the additional data", given.additionalData);
    return { __proto__: null, iv, more };
  };

  class SubtleCrypto {
    constructor(mine) {
      if (mine !== secret) throw new TypeError("Illegal constructor");
    }

    async digest(algorithm, data) {
      const name = hashOf(algorithm);
      return digest(name, input("the data", data));
    }

    async importKey(format, data, algorithm, extractable, usages) {
      format = `${format}`;
      if (format !== "raw" && format !== "raw-secret") throw domException('a key can be imported as "raw" alone', "NotSupportedError");
      const name = nameOf(algorithm);
      const bytes = input("the key's data", data);
      const size = native.byteLength(bytes);
      if (name === "HMAC") {
        const hash = hashOf(algorithm.hash);
        const wanted = usagesOf(name, usages);
        if (size === 0) throw domException("a key must not be empty", "DataError");
        return makeKey(newKey(bytes), extractable, { __proto__: null, name, length: size * 8, hash }, wanted);
      }
      if (name !== "AES-GCM") throw domException(`${name} has no keys`, "NotSupportedError");
      const wanted = usagesOf(name, usages);
      if (size !== 16 && size !== 32) throw domException("a key of AES-GCM must have 128 or 256 bits", size === 24 ? "NotSupportedError" : "DataError");
      return makeKey(newKey(bytes), extractable, { __proto__: null, name, length: size * 8 }, wanted);
    }

    async generateKey(algorithm, extractable, usages) {
      const name = nameOf(algorithm);
      if (name === "HMAC") {
        const hash = hashOf(algorithm.hash);
        const wanted = usagesOf(name, usages);
        const usual = hash === "SHA-1" || hash === "SHA-256" ? 512 : 1024;
        const length = algorithm.length === undefined ? usual : +algorithm.length;
        if (!(length >= 8 && length <= 65536) || length % 8 !== 0) throw domException("the key's length must be from 8 to 65536 bits, in whole bytes", "OperationError");
        return makeKey(randomKey(length / 8), extractable, { __proto__: null, name, length, hash }, wanted);
      }
      if (name !== "AES-GCM") throw domException(`${name} has no keys`, "NotSupportedError");
      const wanted = usagesOf(name, usages);
      const length = +algorithm.length;
      if (length !== 128 && length !== 256) throw domException("a key of AES-GCM must have 128 or 256 bits", length === 192 ? "NotSupportedError" : "OperationError");
      return makeKey(randomKey(length / 8), extractable, { __proto__: null, name, length }, wanted);
    }

    async exportKey(format, key) {
      const { key: found, extractable } = detailsOf(key);
      if (`${format}` !== "raw" && `${format}` !== "raw-secret") throw domException('a key can be exported as "raw" alone', "NotSupportedError");
      if (!extractable) throw domException("the key is not extractable", "InvalidAccessError");
      return keyBytes(found);
    }

    async sign(algorithm, key, data) {
      const name = nameOf(algorithm);
      if (name !== "HMAC") throw domException(`${name} signs nothing`, "NotSupportedError");
      const found = keyOf(name, "sign", key);
      return hmac(detailsOf(key).algorithm.hash, found, input("the data", data));
    }

    async verify(algorithm, key, signature, data) {
      const name = nameOf(algorithm);
      if (name !== "HMAC") throw domException(`${name} signs nothing`, "NotSupportedError");
      const found = keyOf(name, "verify", key);
      return isHmac(detailsOf(key).algorithm.hash, found, input("the signature", signature), input("the data", data));
    }

    async encrypt(algorithm, key, data) {
      const name = nameOf(algorithm);
      if (name !== "AES-GCM") throw domException(`${name} encrypts nothing`, "NotSupportedError");
      const { iv, more } = sealing(algorithm);
      return seal(keyOf(name, "encrypt", key), iv, input("the data", data), more);
    }

    async decrypt(algorithm, key, data) {
      const name = nameOf(algorithm);
      if (name !== "AES-GCM") throw domException(`${name} encrypts nothing`, "NotSupportedError");
      const { iv, more } = sealing(algorithm);
      const opened = open(keyOf(name, "decrypt", key), iv, input("the data", data), more);
      if (opened === undefined) throw domException("the data was not encrypted with this key and iv, or has been changed", "OperationError");
      return opened;
    }
  }

  const subtle = new SubtleCrypto(secret);

  class Crypto {
    #real = true;
    constructor(mine) {
      if (mine !== secret) throw new TypeError("Illegal constructor");
    }
    get subtle() {
      this.#real;
      return subtle;
    }
    randomUUID() {
      this.#real;
      return uuid();
    }
    getRandomValues(view) {
      this.#real;
      const problem = fillRandom(view);
      if (problem === "type") throw domException("getRandomValues: a typed array of whole numbers is needed", "TypeMismatchError");
      if (problem === "size") throw domException("getRandomValues: more than 65536 bytes at once", "QuotaExceededError");
      return view;
    }
  }

  tag(CryptoKey, "CryptoKey");
  tag(SubtleCrypto, "SubtleCrypto");
  tag(Crypto, "Crypto");

  return { Crypto, CryptoKey, SubtleCrypto, crypto: new Crypto(secret) };
};
