// node:querystring: see node.rs.
(native) => {
  "use strict";

  const { coded } = native.load("internal/errors");

  // Letters, digits and these are not escaped.
  const escape = (value) => {
    let text = value;
    if (typeof text !== "string") text = typeof text === "object" ? String(text) : `${text}`;
    if (!text.isWellFormed()) throw coded(URIError, "ERR_INVALID_URI", "URI malformed");
    return encodeURIComponent(text);
  };

  // Bytes that are no UTF-8 are replaced, and what is no escape stays as it is.
  const unescapeBuffer = (text) => {
    const { Buffer } = native.load("buffer");
    const bytes = Buffer.alloc(text.length);
    let length = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text[at] === "%" && /^[\da-f]{2}$/i.test(text.slice(at + 1, at + 3)) ? parseInt(text.slice(at + 1, at + 3), 16) : undefined;
      bytes[length++] = code ?? text.charCodeAt(at);
      if (code !== undefined) at += 2;
    }
    return bytes.subarray(0, length);
  };
  const unescape = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return unescapeBuffer(text).toString();
    }
  };

  const primitive = (value) => {
    if (typeof value === "string") return value;
    if (typeof value === "number" && Number.isFinite(value)) return `${value}`;
    return typeof value === "bigint" || typeof value === "boolean" ? `${value}` : "";
  };

  const stringify = (object, separator, equals, options) => {
    const [between, is] = [separator || "&", equals || "="];
    const encode = typeof options?.encodeURIComponent === "function" ? options.encodeURIComponent : exports.escape;
    if (object === null || typeof object !== "object") return "";
    const pairs = [];
    for (const key of Object.keys(object)) {
      const value = object[key];
      const name = encode(primitive(key)) + is;
      if (Array.isArray(value)) pairs.push(...value.map((one) => name + encode(primitive(one))));
      else pairs.push(name + encode(primitive(value)));
    }
    return pairs.join(between);
  };

  const parse = (text, separator, equals, options) => {
    const object = { __proto__: null };
    if (typeof text !== "string" || text.length === 0) return object;
    const [between, is] = [separator ? `${separator}` : "&", equals ? `${equals}` : "="];
    const most = typeof options?.maxKeys === "number" ? options.maxKeys : 1000;
    const decode = typeof options?.decodeURIComponent === "function" ? options.decodeURIComponent : exports.unescape;
    const decoded = (part) => {
      if (decode === unescape && !/[%+]/.test(part)) return part;
      const spaced = part.replaceAll("+", decode === unescape ? " " : "%20");
      try {
        return decode(spaced);
      } catch {
        return unescape(spaced);
      }
    };
    let pairs = text.split(between);
    if (most > 0) pairs = pairs.slice(0, most);
    for (const pair of pairs) {
      if (pair === "") continue;
      const at = pair.indexOf(is);
      const key = decoded(at < 0 ? pair : pair.slice(0, at));
      const value = at < 0 ? "" : decoded(pair.slice(at + is.length));
      if (!(key in object)) object[key] = value;
      else if (Array.isArray(object[key])) object[key].push(value);
      else object[key] = [object[key], value];
    }
    return object;
  };

  const exports = { unescapeBuffer, unescape, escape, stringify, encode: stringify, parse, decode: parse };
  return exports;
};
