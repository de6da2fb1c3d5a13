// The classes of web.rs. `native` has the functions that do the work.
//
// No method of a built-in class is called, since a rule may have overwritten it.
(native) => {
  "use strict";

  const PARTS = ["protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  const { apply, tag, getter, iterator, ownKeys, parse, part, withPart, parseQuery, writeQuery, sortPairs, encode, encodeInto, encodingName, decoder } = native;

  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  const invalid = (url) => {
    const error = new TypeError(`Invalid URL: ${native.shown(url)}`);
    error.code = "ERR_INVALID_URL";
    return error;
  };

  // For the library's own use.
  let of, listOf, reset;

  class URLSearchParams {
    // Names and values in turn.
    #list = [];
    #url = null;

    constructor(init = "") {
      if (!isObject(init)) {
        this.#list = parseQuery(`${init}`, true);
        return;
      }
      const list = this.#list;
      if (init[iterator] !== undefined && init[iterator] !== null) {
        for (const pair of init) {
          let name, value;
          let count = 0;
          if (isObject(pair)) {
            for (const one of pair) {
              if (count === 0) name = one;
              else if (count === 1) value = one;
              if (++count > 2) break;
            }
          }
          if (count !== 2) throw new TypeError("URLSearchParams: each pair must be an iterable [name, value]");
          list[list.length] = `${name}`;
          list[list.length] = `${value}`;
        }
      } else {
        const names = ownKeys(init);
        for (let i = 0; i < names.length; i++) {
          list[list.length] = `${names[i]}`;
          list[list.length] = `${init[names[i]]}`;
        }
      }
    }

    static {
      of = (url, query) => {
        const params = new URLSearchParams();
        params.#list = parseQuery(query, false);
        params.#url = url;
        return params;
      };
      listOf = (params) => (#list in params ? params.#list : undefined);
      reset = (params, query) => {
        params.#list = parseQuery(query, false);
      };
    }

    #changed() {
      this.#url?.(writeQuery(this.#list));
    }

    append(name, value) {
      const list = this.#list;
      name = `${name}`;
      value = `${value}`;
      list[list.length] = name;
      list[list.length] = value;
      this.#changed();
    }

    delete(name, value) {
      name = `${name}`;
      value = value === undefined ? undefined : `${value}`;
      const before = this.#list;
      const after = [];
      for (let i = 0; i < before.length; i += 2) {
        if (before[i] !== name || (value !== undefined && before[i + 1] !== value)) {
          after[after.length] = before[i];
          after[after.length] = before[i + 1];
        }
      }
      this.#list = after;
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
        if (this.#list[i] === name) values[values.length] = this.#list[i + 1];
      }
      return values;
    }

    has(name, value) {
      name = `${name}`;
      value = value === undefined ? undefined : `${value}`;
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] === name && (value === undefined || this.#list[i + 1] === value)) return true;
      }
      return false;
    }

    set(name, value) {
      name = `${name}`;
      value = `${value}`;
      const before = this.#list;
      const after = [];
      let found = false;
      for (let i = 0; i < before.length; i += 2) {
        const same = before[i] === name;
        if (same && found) continue;
        after[after.length] = before[i];
        after[after.length] = same ? value : before[i + 1];
        found ||= same;
      }
      if (!found) {
        after[after.length] = name;
        after[after.length] = value;
      }
      this.#list = after;
      this.#changed();
    }

    sort() {
      this.#list = sortPairs(this.#list);
      this.#changed();
    }

    forEach(callback, self) {
      if (typeof callback !== "function") {
        throw new TypeError("URLSearchParams.forEach: the callback must be a function");
      }
      for (let i = 0; i < this.#list.length; i += 2) apply(callback, self, this.#list[i + 1], this.#list[i], this);
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

  let partsOf, get, set;

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

    static {
      partsOf = (url) => {
        if (!(#href in url)) return undefined;
        const parts = { href: url.#href, origin: part(url.#href, "origin") };
        for (let i = 0; i < PARTS.length; i++) parts[PARTS[i]] = part(url.#href, PARTS[i]);
        parts.searchParams = url.#query();
        return parts;
      };
      get = (url, name) => part(url.#href, name);
      set = (url, name, value) => {
        url.#href = withPart(url.#href, name, value);
        if (name === "search" && url.#params) reset(url.#params, part(url.#href, "query"));
      };
    }

    #query() {
      this.#params ??= of((query) => {
        this.#href = withPart(this.#href, "search", query);
      }, part(this.#href, "query"));
      return this.#params;
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

  for (let i = 0; i < PARTS.length; i++) {
    const name = PARTS[i];
    const accessor = {
      get [name]() {
        return get(this, name);
      },
      set [name](value) {
        set(this, name, value);
      },
    };
    getter(URL.prototype, name, accessor);
  }

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }

    encode(string = "") {
      return encode(string);
    }

    encodeInto(string, bytes) {
      const done = encodeInto(`${string}`, bytes);
      return { read: done[0], written: done[1] };
    }
  }

  class TextDecoder {
    #encoding;
    #fatal;
    #ignoreBOM;
    #decode;

    constructor(label = "utf-8", options = {}) {
      const encoding = encodingName(label);
      if (encoding === null) {
        throw new RangeError(`The ${native.shown(`${label}`)} encoding is not supported`);
      }
      this.#encoding = encoding;
      this.#fatal = !!options?.fatal;
      this.#ignoreBOM = !!options?.ignoreBOM;
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
      return this.#decode(input, !options?.stream);
    }
  }

  tag(URL, "URL");
  tag(URLSearchParams, "URLSearchParams");
  tag(TextEncoder, "TextEncoder");
  tag(TextDecoder, "TextDecoder");
  URLSearchParams.prototype[iterator] = URLSearchParams.prototype.entries;
  native.enumerable(URL.prototype);
  native.enumerable(URLSearchParams.prototype);
  native.enumerable(TextEncoder.prototype);
  native.enumerable(TextDecoder.prototype);

  // What print and console show in place of an object; no code of the rule's runs.
  const standIn = (object) => partsOf(object) ?? listOf(object) ?? null;

  return { URL, URLSearchParams, TextEncoder, TextDecoder, standIn };
};
