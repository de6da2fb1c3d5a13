// Methods of strings that search for a long text in a long text, in time that grows with the sum of their lengths
// rather than the product.
(function (native) {
  "use strict";
  const { find, fail } = native;

  // What `$1`, `$&` and their like in a replacement stand for. A text to search for has no groups.
  const expand = (template, matched, at, string) => {
    let result = "";
    for (let k = 0; k < template.length; k++) {
      const c = template[k];
      const next = template[k + 1];
      if (c !== "$" || next === undefined) result += c;
      else if (next === "$") (result += "$"), k++;
      else if (next === "&") (result += matched), k++;
      else if (next === "`") (result += string.slice(0, at)), k++;
      else if (next === "'") (result += string.slice(at + matched.length)), k++;
      else result += c;
    }
    return result;
  };

  const replaced = (string, pattern, replacement, all) => {
    if (typeof replacement !== "function") replacement = `${replacement}`;
    let result = "";
    let end = 0;
    for (let at = find(string, pattern, 0); at >= 0; at = all ? find(string, pattern, end) : -1) {
      const by =
        typeof replacement === "function"
          ? `${replacement(pattern, at, string)}`
          : expand(replacement, pattern, at, string);
      result += string.slice(end, at) + by;
      end = at + pattern.length;
    }
    return result + string.slice(end);
  };

  return {
    // `this` and the pattern are strings; the pattern is not empty.
    split(separator, limit) {
      const most = limit === undefined ? 4294967295 : limit >>> 0;
      const parts = [];
      let from = 0;
      while (parts.length < most) {
        const at = find(this, separator, from);
        native.define(parts, parts.length, at < 0 ? this.slice(from) : this.slice(from, at));
        if (at < 0) break;
        from = at + separator.length;
      }
      return parts;
    },
    replace(pattern, replacement) {
      return replaced(this, pattern, replacement, false);
    },
    replaceAll(pattern, replacement) {
      return replaced(this, pattern, replacement, true);
    },
    raw(template, ...values) {
      if (template === undefined || template === null) fail("TypeError", "cannot convert to object");
      const raw = Object(template).raw;
      if (raw === undefined || raw === null) fail("TypeError", "cannot convert to object");
      const parts = Object(raw);
      let length = +parts.length;
      length = length !== length || length <= 0 ? 0 : length - (length === Infinity ? 0 : length % 1);
      let result = "";
      for (let k = 0; k < length; k++) {
        result += `${parts[k]}`;
        if (k + 1 < length && k < values.length) result += `${values[k]}`;
      }
      return result;
    },
    // Whether more than `most` combining marks follow each other.
    isMarked(text, most) {
      return new RegExp(`\\p{M}{${most + 1}}`, "u").test(text);
    },
  };
});
