// node:path: Node's `path.posix`, which is cla/path. See node.rs.
(native) => {
  "use strict";

  const { coded, invalidType, checkString } = native.load("internal/errors");
  // At the first call: no module is loaded while another one is being linked.
  let path;
  const own = () => (path ??= native.module("cla/path"));

  const onTexts = (name, ...names) =>
    ({
      [name](...values) {
        if (names.length === 0) for (const value of values) checkString(name === "join" ? "path" : "paths[0]", value);
        names.forEach((one, at) => {
          if (!(one === "suffix" && values[at] === undefined)) checkString(one, values[at]);
        });
        return own()[name](...values);
      },
    })[name];

  const posix = {
    resolve: onTexts("resolve"),
    normalize: onTexts("normalize", "path"),
    isAbsolute: onTexts("isAbsolute", "path"),
    join: onTexts("join"),
    relative: onTexts("relative", "from", "to"),
    toNamespacedPath: (value) => value,
    dirname: onTexts("dirname", "path"),
    basename: onTexts("basename", "path", "suffix"),
    extname: onTexts("extname", "path"),
    format(parts) {
      if (parts === null || typeof parts !== "object") throw invalidType('"pathObject" argument', "of type object", parts);
      return own().format(parts);
    },
    parse: onTexts("parse", "path"),
    matchesGlob: onTexts("matchesGlob", "path", "pattern"),
    sep: "/",
    delimiter: ":",
    get win32() {
      throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", "path.win32 is not for rules: paths are those of POSIX");
    },
    _makeLong: (value) => value,
  };
  Object.defineProperty(posix, "win32", { enumerable: false });
  posix.posix = posix;
  return posix;
};
