// node:url: see node.rs.
(native) => {
  "use strict";

  const { coded, invalidType } = native.load("internal/errors");
  const querystring = native.load("querystring");
  const { URL, URLSearchParams } = globalThis;

  // ---- files

  const ESCAPED = { "%": "%25", "\\": "%5C", "\n": "%0A", "\r": "%0D", "\t": "%09", "?": "%3F", "#": "%23" };
  const pathToFileURL = (path) => {
    if (typeof path !== "string") throw invalidType('"path" argument', "of type string", path);
    let resolved = native.load("path").resolve(path);
    if (path.endsWith("/") && resolved !== "/") resolved += "/";
    return new URL(`file://${resolved.replace(/[%\\\n\r\t?#]/g, (character) => ESCAPED[character])}`);
  };
  const fileURLToPath = (given) => {
    let url = given;
    if (typeof url === "string") url = new URL(url);
    else if (typeof url?.href !== "string" || typeof url.protocol !== "string") throw invalidType('"path" argument', "of type string or an instance of URL", given);
    if (url.protocol !== "file:") throw coded(TypeError, "ERR_INVALID_URL_SCHEME", "The URL must be of scheme file");
    if (url.hostname !== "") throw coded(TypeError, "ERR_INVALID_FILE_URL_HOST", `File URL host must be "localhost" or empty on ${native.load("process").platform}`);
    if (/%2f/i.test(url.pathname)) throw coded(TypeError, "ERR_INVALID_FILE_URL_PATH", "File URL path must not include encoded / characters");
    return decodeURIComponent(url.pathname);
  };
  const urlToHttpOptions = (url) => {
    const { hostname, pathname, search, port, username, password } = url;
    const options = { __proto__: null, ...url, protocol: url.protocol, hostname: hostname?.startsWith("[") ? hostname.slice(1, -1) : hostname, hash: url.hash, search, pathname, path: `${pathname || ""}${search || ""}`, href: url.href };
    if (port !== "") options.port = Number(port);
    if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return options;
  };

  // ---- the older interface

  function Url() {
    this.protocol = null;
    this.slashes = null;
    this.auth = null;
    this.host = null;
    this.port = null;
    this.hostname = null;
    this.hash = null;
    this.search = null;
    this.query = null;
    this.pathname = null;
    this.path = null;
    this.href = null;
  }

  const WITH_SLASHES = ["http", "https", "ftp", "gopher", "file", "ws", "wss"];
  const isSpecial = (protocol) => WITH_SLASHES.includes((protocol ?? "").replace(/:$/, ""));
  // What must not stand in a URL as it is.
  const ESCAPE = /[\t\n\r "'<>\\^`{|}]/g;
  const escaped = (text) => text.replace(ESCAPE, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);

  Url.prototype.parse = function (given, parseQuery, slashesDenoteHost) {
    if (typeof given !== "string") throw invalidType('"url" argument', "of type string", given);
    let rest = given.trim();
    // Backslashes before the query stand for slashes.
    const queryAt = rest.search(/[?#]/);
    const before = queryAt < 0 ? rest : rest.slice(0, queryAt);
    if (!/^(?:javascript):/i.test(rest)) rest = before.replaceAll("\\", "/") + (queryAt < 0 ? "" : rest.slice(queryAt));
    const scheme = /^[a-z0-9.+-]+:/i.exec(rest)?.[0];
    let protocol;
    if (scheme) {
      protocol = scheme.toLowerCase();
      this.protocol = protocol;
      rest = rest.slice(scheme.length);
    }
    const isScript = protocol === "javascript:";
    if (slashesDenoteHost || scheme || /^\/\/[^@/]+@[^@/]+/.test(rest)) {
      const slashes = rest.startsWith("//");
      if (slashes && !isScript) {
        rest = rest.slice(2);
        this.slashes = true;
      }
      if (!isScript && (slashes || (protocol && !isSpecial(protocol)))) {
        // The host ends at the first of these; what is before the last @ in it is the user.
        let end = rest.search(/[/?#]/);
        if (end < 0) end = rest.length;
        const at = rest.lastIndexOf("@", end - 1);
        if (at >= 0) {
          this.auth = decodeURIComponent(rest.slice(0, at));
          rest = rest.slice(at + 1);
          end -= at + 1;
        }
        const stop = rest.slice(0, end).search(/[\t\n\r "%';<>\\^`{|}]/);
        if (stop >= 0) end = stop;
        this.host = rest.slice(0, end);
        rest = rest.slice(end);
        const port = /:[0-9]*$/.exec(this.host)?.[0];
        let hostname = this.host;
        if (port) {
          if (port !== ":") this.port = port.slice(1);
          hostname = hostname.slice(0, -port.length);
        }
        hostname = hostname.length > 255 ? "" : hostname.toLowerCase();
        const isAddress = hostname.startsWith("[") && hostname.endsWith("]");
        // What cannot be in a name belongs to the path.
        const wrong = isAddress ? -1 : hostname.search(/[^\w.+\x80-\uffff-]/);
        if (wrong >= 0) {
          rest = `/${hostname.slice(wrong)}${rest}`;
          hostname = hostname.slice(0, wrong);
        }
        if (!isAddress && /[^\x00-\x7f]/.test(hostname)) {
          const ascii = URL.canParse(`http://${hostname}`) ? new URL(`http://${hostname}`).hostname : undefined;
          if (ascii === undefined) throw coded(TypeError, "ERR_INVALID_URL", "Invalid URL");
          hostname = ascii;
        }
        this.host = hostname + (this.port === null ? "" : `:${this.port}`);
        this.hostname = isAddress ? hostname.slice(1, -1) : hostname;
        if (rest !== "" && !/^[/?#]/.test(rest)) rest = `/${rest}`;
      }
    }
    if (!isScript) rest = escaped(rest);
    const hash = rest.indexOf("#");
    if (hash >= 0) {
      this.hash = rest.slice(hash);
      rest = rest.slice(0, hash);
    }
    const question = rest.indexOf("?");
    if (question >= 0) {
      this.search = rest.slice(question);
      this.query = rest.slice(question + 1);
      if (parseQuery) this.query = querystring.parse(this.query);
      rest = rest.slice(0, question);
    } else if (parseQuery) {
      this.search = null;
      this.query = { __proto__: null };
    }
    if (rest !== "") this.pathname = rest;
    if (isSpecial(protocol) && this.hostname && !this.pathname) this.pathname = "/";
    if (this.pathname || this.search) this.path = (this.pathname ?? "") + (this.search ?? "");
    this.href = this.format();
    return this;
  };

  Url.prototype.format = function () {
    let auth = this.auth || "";
    if (auth) auth = `${encodeURIComponent(auth).replace(/%3A/i, ":")}@`;
    let protocol = this.protocol || "";
    let pathname = this.pathname || "";
    let hash = this.hash || "";
    let host = "";
    if (this.host) host = auth + this.host;
    else if (this.hostname) {
      host = auth + (this.hostname.includes(":") && !this.hostname.startsWith("[") ? `[${this.hostname}]` : this.hostname);
      if (this.port) host += `:${this.port}`;
    }
    let query = "";
    if (this.query !== null && typeof this.query === "object") query = querystring.stringify(this.query);
    let search = this.search || (query && `?${query}`) || "";
    if (protocol && !protocol.endsWith(":")) protocol += ":";
    pathname = pathname.replace(/[?#]/g, (character) => (character === "?" ? "%3F" : "%23"));
    if (this.slashes || isSpecial(protocol)) {
      if (this.slashes || host) {
        if (pathname && !pathname.startsWith("/")) pathname = `/${pathname}`;
        host = `//${host}`;
      } else if (protocol === "file:") host = "//";
    }
    if (hash && !hash.startsWith("#")) hash = `#${hash}`;
    if (search && !search.startsWith("?")) search = `?${search}`;
    return protocol + host + pathname + search.replaceAll("#", "%23") + hash;
  };

  const parse = (url, parseQuery, slashesDenoteHost) => (url instanceof Url ? url : new Url().parse(url, parseQuery, slashesDenoteHost));
  const format = (given, options) => {
    if (typeof given === "string") return parse(given).format();
    if (given === null || typeof given !== "object") throw invalidType('"urlObject" argument', "one of type object or string", given);
    if (given instanceof URL) {
      const { fragment = true, search = true, auth = true } = options ?? {};
      const url = new URL(given.href);
      if (!fragment) url.hash = "";
      if (!search) url.search = "";
      if (!auth) [url.username, url.password] = ["", ""];
      return url.href;
    }
    return Url.prototype.format.call(given);
  };
  Url.prototype.resolve = function (relative) {
    return resolve(this.format(), relative);
  };
  // By the rules of the standard, with a base that is removed where the URL has none itself.
  const resolve = (from, to) => {
    const BASE = "resolve://";
    const resolved = new URL(to, new URL(from, `${BASE}-/`));
    if (resolved.protocol === "resolve:") {
      const { pathname, search, hash } = resolved;
      return (from.startsWith("/") || to.startsWith("/") ? pathname : pathname.replace(/^\//, "")) + search + hash;
    }
    return resolved.href;
  };
  Url.prototype.resolveObject = function (relative) {
    return parse(resolve(this.format(), typeof relative === "string" ? relative : format(relative)));
  };
  const resolveObject = (from, to) => parse(from).resolveObject(to);

  const ascii = (domain) => (URL.canParse(`http://${domain}`) ? new URL(`http://${domain}`).hostname : "");
  return { Url, parse, resolve, resolveObject, format, URL, URLSearchParams, domainToASCII: (domain) => ascii(`${domain}`), pathToFileURL, fileURLToPath, urlToHttpOptions };
};
