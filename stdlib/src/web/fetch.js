// `fetch`, and what it takes and gives. `native` has what is done in Rust.
//
// As in events.js, nothing here calls a method of a built-in class.
(native) => {
  "use strict";
  const {
    apply, tag, failure, handled, part, loaded, iterator,
    headerName, headerValue, methodName, httpUrl, anyUrl, searchParams, statusText,
    encode, bytesOf, byteLength, concat, slice, bufferOf, textOf, wellFormed, parseJson, parseForm,
    send, readChunk, readAll, cancelBody,
  } = native;

  const secret = {};
  const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";
  // What there is of another part, if anything was ever made of it.
  const is = (name, check, value) => {
    const found = loaded(name);
    return found !== undefined && found[check](value);
  };

  let listOf, freeze, isHeaders, showHeaders, showRequest, showResponse;

  class Headers {
    // Names in lower case and values in turn, in the order in which they were added.
    #list = [];
    #frozen = false;

    constructor(init) {
      if (init === undefined) return;
      if (!isObject(init)) throw new TypeError("Headers: an object or a list of names and values is needed");
      if (isHeaders(init)) {
        for (let i = 0; i < init.#list.length; i++) this.#list[i] = init.#list[i];
        return;
      }
      if (init[iterator] !== undefined && init[iterator] !== null) {
        for (const pair of init) {
          if (!isObject(pair)) throw new TypeError("Headers: each must be a pair of name and value");
          let name, value;
          let count = 0;
          for (const one of pair) {
            if (count === 0) name = one;
            else if (count === 1) value = one;
            if (++count > 2) break;
          }
          if (count !== 2) throw new TypeError("Headers: each must be a pair of name and value");
          this.append(name, value);
        }
        return;
      }
      for (const name in init) this.append(name, init[name]);
    }

    static {
      isHeaders = (value) => isObject(value) && #list in value;
      listOf = (headers) => headers.#list;
      showHeaders = (headers) => {
        const shown = { __proto__: null };
        const list = headers.#list;
        for (let i = 0; i < list.length; i += 2) {
          shown[list[i]] = list[i] in shown ? `${shown[list[i]]}, ${list[i + 1]}` : list[i + 1];
        }
        return shown;
      };
      freeze = (headers, list) => {
        headers.#list = list;
        headers.#frozen = true;
        return headers;
      };
    }

    #change() {
      if (this.#frozen) throw new TypeError("Headers: those of an answer cannot be changed; make others of them");
    }

    append(name, value) {
      name = headerName(`${name}`);
      value = headerValue(`${value}`);
      this.#change();
      const list = this.#list;
      list[list.length] = name;
      list[list.length] = value;
    }
    set(name, value) {
      name = headerName(`${name}`);
      value = headerValue(`${value}`);
      this.#change();
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
    }
    delete(name) {
      name = headerName(`${name}`);
      this.#change();
      const before = this.#list;
      const after = [];
      for (let i = 0; i < before.length; i += 2) {
        if (before[i] === name) continue;
        after[after.length] = before[i];
        after[after.length] = before[i + 1];
      }
      this.#list = after;
    }
    get(name) {
      name = headerName(`${name}`);
      let value = null;
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] === name) value = value === null ? this.#list[i + 1] : `${value}, ${this.#list[i + 1]}`;
      }
      return value;
    }
    has(name) {
      return this.get(name) !== null;
    }
    getSetCookie() {
      const cookies = [];
      for (let i = 0; i < this.#list.length; i += 2) {
        if (this.#list[i] === "set-cookie") cookies[cookies.length] = this.#list[i + 1];
      }
      return cookies;
    }

    // By name; cookies stay apart.
    #sorted() {
      const names = [];
      const values = [];
      const list = this.#list;
      for (let i = 0; i < list.length; i += 2) {
        const name = list[i];
        let at = names.length;
        while (at > 0 && names[at - 1] > name) at--;
        if (at > 0 && names[at - 1] === name && name !== "set-cookie") {
          values[at - 1] = `${values[at - 1]}, ${list[i + 1]}`;
          continue;
        }
        for (let j = names.length; j > at; j--) {
          names[j] = names[j - 1];
          values[j] = values[j - 1];
        }
        names[at] = name;
        values[at] = list[i + 1];
      }
      return { __proto__: null, names, values };
    }
    *entries() {
      const { names, values } = this.#sorted();
      for (let i = 0; i < names.length; i++) yield [names[i], values[i]];
    }
    *keys() {
      const { names } = this.#sorted();
      for (let i = 0; i < names.length; i++) yield names[i];
    }
    *values() {
      const { values } = this.#sorted();
      for (let i = 0; i < values.length; i++) yield values[i];
    }
    forEach(callback, self) {
      if (typeof callback !== "function") throw new TypeError("Headers.forEach: the callback must be a function");
      const { names, values } = this.#sorted();
      for (let i = 0; i < names.length; i++) apply(callback, self, values[i], names[i], this);
    }
  }
  Headers.prototype[iterator] = Headers.prototype.entries;

  // What a rule gives as a body: { bytes, stream, type }.
  const bodyOf = (given) => {
    const body = (bytes, type) => ({ __proto__: null, bytes, stream: null, handle: null, used: false, type });
    if (typeof given === "object" && given !== null) {
      if (is("bodies", "isBlob", given)) return body(loaded("bodies").bytesIn(given), given.type === "" ? null : given.type);
      if (is("bodies", "isForm", given)) {
        const { bytes, type } = loaded("bodies").encodeForm(given);
        return body(bytes, type);
      }
      if (is("streams", "isReadable", given)) {
        if (given.locked || loaded("streams").isDisturbed(given)) throw new TypeError("the body is a stream that is locked, or was read already");
        return { __proto__: null, bytes: null, stream: given, handle: null, used: false, type: null };
      }
      const bytes = bytesOf(given);
      if (bytes !== undefined) return body(bytes, null);
      const query = searchParams(given);
      if (query !== undefined) return body(encode(query), "application/x-www-form-urlencoded;charset=UTF-8");
    }
    return body(encode(`${given}`), "text/plain;charset=UTF-8");
  };

  const noBytes = encode("");
  const readStream = async (stream) => {
    const chunks = [];
    await part("streams").readAll(stream, (chunk) => {
      const bytes = bytesOf(chunk);
      if (bytes === undefined) throw failure("TypeError", "the body's stream gave what are no bytes");
      chunks[chunks.length] = bytes;
    });
    return concat(chunks);
  };
  const isRead = (body) =>
    body.used || (body.stream !== null && (body.stream.locked || loaded("streams").isDisturbed(body.stream)));

  let bytesOfBody, bodyState, setBody, cloneBody;

  class Body {
    #body = null;

    static {
      setBody = (target, body) => {
        target.#body = body;
      };
      bodyState = (target) => target.#body;
      bytesOfBody = async (target) => {
        const body = target.#body;
        if (body === null) return noBytes;
        if (isRead(body)) throw failure("TypeError", "the body was read already; clone() gives another to read");
        body.used = true;
        if (body.stream !== null) return await readStream(body.stream);
        if (body.handle !== null) return await readAll(body.handle);
        return body.bytes;
      };
      cloneBody = (target) => {
        const body = target.#body;
        if (body === null) return null;
        if (isRead(body)) throw new TypeError("clone: the body was read already");
        if (body.bytes !== null) return { ...body, stream: null };
        const streams = part("streams").tee(target.body);
        body.stream = streams[0];
        body.handle = null;
        return { ...body, stream: streams[1] };
      };
    }

    get body() {
      const body = this.#body;
      if (body === null) return null;
      if (body.stream === null) {
        const { makeReadable, enqueue, close } = part("streams");
        const { handle, bytes } = body;
        body.stream =
          handle !== null
            ? makeReadable(
                async (r) => {
                  const chunk = await readChunk(handle);
                  if (chunk === null) close(r);
                  else enqueue(r, chunk);
                },
                () => cancelBody(handle),
              )
            : makeReadable((r) => {
                if (byteLength(bytes) > 0) enqueue(r, slice(bytes, 0, byteLength(bytes)));
                close(r);
              }, undefined);
      }
      return body.stream;
    }

    get bodyUsed() {
      const body = this.#body;
      return body !== null && (body.used || (body.stream !== null && loaded("streams").isDisturbed(body.stream)));
    }

    async arrayBuffer() {
      return bufferOf(await bytesOfBody(this));
    }
    async bytes() {
      const bytes = await bytesOfBody(this);
      return slice(bytes, 0, byteLength(bytes));
    }
    async text() {
      return textOf(await bytesOfBody(this));
    }
    async json() {
      return parseJson(textOf(await bytesOfBody(this)));
    }
    async blob() {
      const type = this.headers.get("content-type") ?? "";
      return part("bodies").blobOf(await bytesOfBody(this), type);
    }
    async formData() {
      const type = this.headers.get("content-type") ?? "";
      const bytes = await bytesOfBody(this);
      return part("bodies").formOf(parseForm(bytes, type));
    }
  }

  const withType = (headers, type) => {
    if (type !== null && !headers.has("content-type")) headers.append("content-type", type);
  };
  const oneOf = (what, value, values) => {
    value = `${value}`;
    for (let i = 0; i < values.length; i++) {
      if (values[i] === value) return value;
    }
    throw new TypeError(`${what} must not be ${value}`);
  };

  let signalOf;

  class Request extends Body {
    #url;
    #method = "GET";
    #headers;
    #redirect = "follow";
    #signal = null;
    #keepalive = false;
    #cache = "default";
    #credentials = "same-origin";
    #integrity = "";
    #mode = "cors";
    #referrer = "about:client";
    #referrerPolicy = "";

    constructor(input, init) {
      if (arguments.length === 0) throw new TypeError("Request: the URL is missing");
      super();
      if (init === undefined || init === null) init = {};
      if (!isObject(init)) throw new TypeError("Request: the options must be an object");
      const other = isObject(input) && #url in input ? input : null;
      this.#url = other === null ? httpUrl(`${input}`) : other.#url;
      let signal = null;
      if (other !== null) {
        this.#method = other.#method;
        this.#redirect = other.#redirect;
        this.#keepalive = other.#keepalive;
        this.#cache = other.#cache;
        this.#credentials = other.#credentials;
        this.#mode = other.#mode;
        signal = other.#signal;
      }
      if (init.method !== undefined) this.#method = methodName(`${init.method}`);
      if (init.redirect !== undefined) this.#redirect = oneOf("Request: redirect", init.redirect, ["follow", "error", "manual"]);
      if (init.keepalive !== undefined) this.#keepalive = !!init.keepalive;
      if (init.cache !== undefined) this.#cache = `${init.cache}`;
      if (init.credentials !== undefined) this.#credentials = `${init.credentials}`;
      if (init.integrity !== undefined) this.#integrity = `${init.integrity}`;
      if (init.mode !== undefined) this.#mode = `${init.mode}`;
      if (init.referrer !== undefined) this.#referrer = `${init.referrer}`;
      if (init.referrerPolicy !== undefined) this.#referrerPolicy = `${init.referrerPolicy}`;
      if (init.signal !== undefined) signal = init.signal;
      if (signal !== null) {
        if (!is("events", "isSignal", signal)) throw new TypeError("Request: option signal must be an AbortSignal");
        this.#signal = loaded("events").follow(signal);
      }
      this.#headers = new Headers(init.headers ?? (other === null ? undefined : other.#headers));
      const given = init.body ?? null;
      if (given !== null) {
        if (this.#method === "GET" || this.#method === "HEAD") throw new TypeError(`Request: a request with ${this.#method} has no body`);
        const body = bodyOf(given);
        withType(this.#headers, body.type);
        setBody(this, body);
      } else if (other !== null && bodyState(other) !== null) {
        const body = bodyState(other);
        if (isRead(body)) throw new TypeError("Request: the body of the other request was read already");
        setBody(this, { ...body });
        body.used = true;
      }
    }

    static {
      signalOf = (request) => request.#signal;
      showRequest = (request) => {
        if (!(#url in request)) return undefined;
        const body = bodyState(request);
        const shown = {
          method: request.#method, url: request.#url, headers: request.#headers, redirect: request.#redirect,
          mode: request.#mode, bodyUsed: body !== null && body.used,
        };
        if (request.#signal !== null) shown.signal = request.#signal;
        return shown;
      };
    }

    get url() {
      return this.#url;
    }
    get method() {
      return this.#method;
    }
    get headers() {
      return this.#headers;
    }
    get redirect() {
      return this.#redirect;
    }
    get signal() {
      this.#signal ??= part("events").newSignal();
      return this.#signal;
    }
    get keepalive() {
      return this.#keepalive;
    }
    get cache() {
      return this.#cache;
    }
    get credentials() {
      return this.#credentials;
    }
    get integrity() {
      return this.#integrity;
    }
    get mode() {
      return this.#mode;
    }
    get referrer() {
      return this.#referrer;
    }
    get referrerPolicy() {
      return this.#referrerPolicy;
    }
    get destination() {
      return "";
    }
    get duplex() {
      return "half";
    }
    clone() {
      const body = cloneBody(this);
      const copy = new Request(this.#url, {
        __proto__: null,
        method: this.#method,
        headers: this.#headers,
        redirect: this.#redirect,
        keepalive: this.#keepalive,
        cache: this.#cache,
        credentials: this.#credentials,
        mode: this.#mode,
        signal: this.#signal,
      });
      setBody(copy, body);
      return copy;
    }
  }

  const noBody = (status) => status === 101 || status === 103 || status === 204 || status === 205 || status === 304;

  class Response extends Body {
    #status = 200;
    #statusText = "";
    #headers;
    #url = "";
    #redirected = false;
    #type = "default";

    constructor(body, init, mine) {
      super();
      if (mine === secret) {
        this.#status = init.status;
        this.#statusText = init.statusText;
        this.#url = init.url;
        this.#redirected = init.redirected;
        this.#type = init.type;
        this.#headers = freeze(new Headers(), init.headers);
        setBody(this, body);
        return;
      }
      if (init === undefined || init === null) init = {};
      if (!isObject(init)) throw new TypeError("Response: the options must be an object");
      if (init.status !== undefined) {
        const status = +init.status;
        if (!(status >= 200 && status <= 599) || status % 1 !== 0) throw new RangeError("Response: the status must be from 200 to 599");
        this.#status = status;
      }
      if (init.statusText !== undefined) this.#statusText = statusText(`${init.statusText}`);
      this.#headers = new Headers(init.headers);
      if (body === undefined || body === null) return;
      if (noBody(this.#status)) throw new TypeError(`Response: one with status ${this.#status} has no body`);
      const made = bodyOf(body);
      withType(this.#headers, made.type);
      setBody(this, made);
    }

    static json(value, init) {
      const text = native.toJson(value);
      const response = new Response(text, init);
      if (!isObject(init) || !new Headers(init.headers).has("content-type")) response.#headers.set("content-type", "application/json");
      return response;
    }
    static error() {
      return new Response(null, { __proto__: null, status: 0, statusText: "", url: "", redirected: false, type: "error", headers: [] }, secret);
    }
    static redirect(url, status = 302) {
      status = +status;
      if (status !== 301 && status !== 302 && status !== 303 && status !== 307 && status !== 308) {
        throw new RangeError("Response.redirect: the status must be one that redirects, such as 302");
      }
      const headers = ["location", anyUrl(`${url}`)];
      return new Response(null, { __proto__: null, status, statusText: "", url: "", redirected: false, type: "default", headers }, secret);
    }

    static {
      showResponse = (response) => {
        if (!(#redirected in response)) return undefined;
        const body = bodyState(response);
        return {
          status: response.#status, statusText: response.#statusText, headers: response.#headers,
          bodyUsed: body !== null && body.used, ok: response.#status >= 200 && response.#status <= 299,
          redirected: response.#redirected, type: response.#type, url: response.#url,
        };
      };
    }
    get status() {
      return this.#status;
    }
    get ok() {
      return this.#status >= 200 && this.#status <= 299;
    }
    get statusText() {
      return this.#statusText;
    }
    get headers() {
      return this.#headers;
    }
    get url() {
      return this.#url;
    }
    get redirected() {
      return this.#redirected;
    }
    get type() {
      return this.#type;
    }
    clone() {
      const body = cloneBody(this);
      const copy = new Response(
        body,
        {
          __proto__: null,
          status: this.#status,
          statusText: this.#statusText,
          url: this.#url,
          redirected: this.#redirected,
          type: this.#type,
          headers: listOf(new Headers(this.#headers)),
        },
        secret,
      );
      return copy;
    }
  }

  async function fetch(input, init) {
    if (arguments.length === 0) throw failure("TypeError", "fetch: the URL is missing");
    const request = new Request(input, init);
    const signal = signalOf(request);
    if (signal !== null) signal.throwIfAborted();
    const bytes = bodyState(request) === null ? undefined : await bytesOfBody(request);
    const answer = await send(request.method, request.url, listOf(request.headers), bytes, request.redirect, signal);
    const { handle } = answer;
    answer.type = "basic";
    const body = handle === null ? null : { __proto__: null, bytes: null, stream: null, handle, used: false, type: null };
    return new Response(body, answer, secret);
  }

  tag(Headers, "Headers");
  tag(Request, "Request");
  tag(Response, "Response");

  // What print and console show in place of an object.
  const standIn = (object) => (isHeaders(object) ? showHeaders(object) : (showRequest(object) ?? showResponse(object) ?? null));
  const owns = (object) => isHeaders(object) || showRequest(object) !== undefined || showResponse(object) !== undefined;

  return { Headers, Request, Response, fetch, listOf, standIn, owns };
};
