// The classes of web.rs. `native` has the functions that do the work.
(native) => {
  "use strict";

  const PARTS = ["protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  const { parse, part, withPart, parseQuery, writeQuery, encode, encodingName, decoder } = native;

  const invalid = (url) => Object.assign(new TypeError(`Invalid URL: ${JSON.stringify(String(url).slice(0, 100))}`), { code: "ERR_INVALID_URL" });

  class URLSearchParams {
    // Names and values in turn.
    #list = [];
    #url = null;

    constructor(init = "") {
      if (init === null || (typeof init !== "object" && typeof init !== "function")) {
        const query = String(init);
        this.#list = parseQuery(query.startsWith("?") ? query.slice(1) : query);
      } else if (init[Symbol.iterator] !== undefined && init[Symbol.iterator] !== null) {
        for (const pair of init) {
          const both = [...pair];
          if (both.length !== 2) {
            throw new TypeError("URLSearchParams: each pair must be an iterable [name, value]");
          }
          this.#list.push(`${both[0]}`, `${both[1]}`);
        }
      } else {
        for (const name of Reflect.ownKeys(init)) {
          if (Object.getOwnPropertyDescriptor(init, name)?.enumerable) {
            this.#list.push(`${name}`, `${init[name]}`);
          }
        }
      }
    }

    static of(url, query) {
      const params = new URLSearchParams();
      params.#list = parseQuery(query);
      params.#url = url;
      return params;
    }

    static list(params) {
      return #list in params ? params.#list : undefined;
    }

    static reset(params, query) {
      params.#list = parseQuery(query);
    }

    #changed() {
      this.#url?.(writeQuery(this.#list));
    }

    append(name, value) {
      this.#list.push(`${name}`, `${value}`);
      this.#changed();
    }

    delete(name, value) {
      name = `${name}`;
      value = value === undefined ? undefined : `${value}`;
      const list = this.#list;
      this.#list = [];
      for (let i = 0; i < list.length; i += 2) {
        if (list[i] !== name || (value !== undefined && list[i + 1] !== value)) {
          this.#list.push(list[i], list[i + 1]);
        }
      }
      this.#changed();
    }

    get(name) {
      name = `${name}`;
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] === name) return this.#list[i + 1];
      }
      return null;
    }

    getAll(name) {
      name = `${name}`;
      const values = [];
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] === name) values.push(this.#list[i + 1]);
      }
      return values;
    }

    has(name, value) {
      const values = this.getAll(name);
      return value === undefined ? values.length > 0 : values.includes(`${value}`);
    }

    set(name, value) {
      name = `${name}`;
      value = `${value}`;
      const list = this.#list;
      this.#list = [];
      let found = false;
      for (let i = 0; i < list.length; i += 2) {
        if (list[i] !== name) {
          this.#list.push(list[i], list[i + 1]);
        } else if (!found) {
          found = true;
          this.#list.push(name, value);
        }
      }
      if (!found) this.#list.push(name, value);
      this.#changed();
    }

    sort() {
      const pairs = [...this];
      pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
      this.#list = pairs.flat();
      this.#changed();
    }

    forEach(callback, self) {
      if (typeof callback !== "function") {
        throw new TypeError("URLSearchParams.forEach: the callback must be a function");
      }
      for (const [name, value] of this) callback.call(self, value, name, this);
    }

    *entries() {
      for (let i = 0; i < this.#list.length; i += 2) yield [this.#list[i], this.#list[i + 1]];
    }

    *keys() {
      for (let i = 0; i < this.#list.length; i += 2) yield this.#list[i];
    }

    *values() {
      for (let i = 0; i < this.#list.length; i += 2) yield this.#list[i + 1];
    }

    get size() {
      return this.#list.length / 2;
    }

    toString() {
      return writeQuery(this.#list);
    }
  }

  // Not the rule's business.
  const { of, list, reset } = URLSearchParams;
  delete URLSearchParams.of;
  delete URLSearchParams.list;
  delete URLSearchParams.reset;

  class URL {
    #href;
    #params;

    constructor(url, base) {
      this.#href = parse(url, base);
      if (this.#href === null) throw invalid(url);
    }

    static canParse(url, base) {
      return parse(url, base) !== null;
    }

    static parse(url, base) {
      return parse(url, base) === null ? null : new URL(url, base);
    }

    static parts(url) {
      if (!(#href in url)) return undefined;
      const parts = { href: url.#href, origin: part(url.#href, "origin") };
      for (const name of PARTS) parts[name] = part(url.#href, name);
      parts.searchParams = url.#query();
      return parts;
    }

    #query() {
      this.#params ??= of((query) => {
        this.#href = withPart(this.#href, "search", query);
      }, part(this.#href, "query"));
      return this.#params;
    }

    static set(url, name, value) {
      url.#href = withPart(url.#href, name, value);
      if (name === "search" && url.#params) reset(url.#params, part(url.#href, "query"));
    }

    static get(url, name) {
      return part(url.#href, name);
    }

    get href() {
      return this.#href;
    }

    set href(value) {
      const href = parse(value);
      if (href === null) throw invalid(value);
      this.#href = href;
      if (this.#params) reset(this.#params, part(href, "query"));
    }

    get origin() {
      return part(this.#href, "origin");
    }

    get searchParams() {
      return this.#query();
    }

    toString() {
      return this.#href;
    }

    toJSON() {
      return this.#href;
    }
  }

  const { parts, get, set } = URL;
  delete URL.parts;
  delete URL.get;
  delete URL.set;
  for (const name of PARTS) {
    Object.defineProperty(URL.prototype, name, {
      get() {
        return get(this, name);
      },
      set(value) {
        set(this, name, value);
      },
      enumerable: true,
      configurable: true,
    });
  }

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }

    encode(string = "") {
      return encode(string);
    }

    encodeInto(string, bytes) {
      if (!(bytes instanceof Uint8Array)) {
        throw new TypeError("TextEncoder.encodeInto: the destination must be a Uint8Array");
      }
      let read = 0;
      let written = 0;
      for (const character of `${string}`) {
        const code = character.codePointAt(0);
        const size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        if (written + size > bytes.length) break;
        read += character.length;
        written += size;
      }
      bytes.set(encode(`${string}`.slice(0, read)));
      return { read, written };
    }
  }

  const noBytes = () => new TypeError("TextDecoder.decode: the input must be an ArrayBuffer or a view of one");

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #decode;

    constructor(label = "utf-8", options = {}) {
      const encoding = encodingName(label);
      if (encoding === null) {
        throw new RangeError(`The "${String(label).slice(0, 100)}" encoding is not supported`);
      }
      this.#encoding = encoding;
      this.#fatal = Boolean(options?.fatal);
      this.#ignoreBOM = Boolean(options?.ignoreBOM);
      this.#decode = decoder(encoding, this.#fatal, this.#ignoreBOM);
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

    decode(input, options) {
      const last = !options?.stream;
      if (input === undefined) return this.#decode(undefined, last);
      let bytes;
      if (ArrayBuffer.isView(input)) {
        bytes = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
      } else if (input instanceof ArrayBuffer || input instanceof SharedArrayBuffer) {
        bytes = new Uint8Array(input);
      } else {
        throw noBytes();
      }
      return this.#decode(bytes, last);
    }
  }

  for (const Class of [URL, URLSearchParams, TextEncoder, TextDecoder]) {
    const { prototype } = Class;
    Object.defineProperty(prototype, Symbol.toStringTag, { value: Class.name, configurable: true });
    // Members of web classes are enumerable, unlike those of other classes.
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
    }
  }
  Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, {
    value: URLSearchParams.prototype.entries,
    writable: true,
    configurable: true,
  });

  // What print and console show in place of an object; no code of the rule's runs.
  const standIn = (object) => parts(object) ?? list(object) ?? null;

  return { URL, URLSearchParams, TextEncoder, TextDecoder, standIn };
};
