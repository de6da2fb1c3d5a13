// node:util: see node.rs and text.rs.
(native) => {
  "use strict";

  const { coded, invalidType, invalidValue, checkString, checkFunction, checkObject, withGlobals } = native.load("internal/errors");
  const { apply } = Reflect;
  const custom = Symbol.for("nodejs.util.inspect.custom");
  const promisified = Symbol.for("nodejs.util.promisify.custom");

  // ---- what a value is

  // Whether a method or getter of a class works on the value, which it does on real instances alone.
  const branded =
    (method, ...values) =>
    (value) => {
      if (typeof value !== "object" || value === null) return false;
      try {
        apply(method, value, values);
        return true;
      } catch {
        return false;
      }
    };
  const getter = (prototype, name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const tagged = (value) => apply(Object.prototype.toString, value, []);
  const hasTag = (...tags) => (value) => value !== null && (typeof value === "object" || typeof value === "function") && tags.includes(tagged(value).slice(8, -1));
  const typedTag = getter(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag);
  const typedName = (value) => (typeof value === "object" && value !== null ? apply(typedTag, value, []) : undefined);
  const isTyped = (name) => (value) => typedName(value) === name;
  const types = {
    isExternal: () => false,
    isDate: branded(Date.prototype.getTime),
    isArgumentsObject: hasTag("Arguments"),
    isBigIntObject: branded(BigInt.prototype.valueOf),
    isBooleanObject: branded(Boolean.prototype.valueOf),
    isNumberObject: branded(Number.prototype.valueOf),
    isStringObject: branded(String.prototype.valueOf),
    isSymbolObject: branded(Symbol.prototype.valueOf),
    isBoxedPrimitive: (value) =>
      types.isNumberObject(value) || types.isStringObject(value) || types.isBooleanObject(value) || types.isBigIntObject(value) || types.isSymbolObject(value),
    isNativeError: native.isError,
    isRegExp: hasTag("RegExp"),
    isAsyncFunction: hasTag("AsyncFunction", "AsyncGeneratorFunction"),
    isGeneratorFunction: hasTag("GeneratorFunction", "AsyncGeneratorFunction"),
    isGeneratorObject: hasTag("Generator", "AsyncGenerator"),
    isPromise: native.isPromise,
    isMap: branded(getter(Map.prototype, "size")),
    isSet: branded(getter(Set.prototype, "size")),
    isMapIterator: hasTag("Map Iterator"),
    isSetIterator: hasTag("Set Iterator"),
    isWeakMap: branded(WeakMap.prototype.has, {}),
    isWeakSet: branded(WeakSet.prototype.has, {}),
    isArrayBuffer: branded(getter(ArrayBuffer.prototype, "byteLength")),
    isDataView: (value) => ArrayBuffer.isView(value) && typedName(value) === undefined,
    isSharedArrayBuffer: branded(getter(SharedArrayBuffer.prototype, "byteLength")),
    isProxy: native.isProxy,
    isModuleNamespaceObject: hasTag("Module"),
    isAnyArrayBuffer: (value) => types.isArrayBuffer(value) || types.isSharedArrayBuffer(value),
    isArrayBufferView: (value) => ArrayBuffer.isView(value),
    isTypedArray: (value) => typedName(value) !== undefined,
    isUint8Array: isTyped("Uint8Array"),
    isUint8ClampedArray: isTyped("Uint8ClampedArray"),
    isUint16Array: isTyped("Uint16Array"),
    isUint32Array: isTyped("Uint32Array"),
    isInt8Array: isTyped("Int8Array"),
    isInt16Array: isTyped("Int16Array"),
    isInt32Array: isTyped("Int32Array"),
    isFloat32Array: isTyped("Float32Array"),
    isFloat64Array: isTyped("Float64Array"),
    isBigInt64Array: isTyped("BigInt64Array"),
    isBigUint64Array: isTyped("BigUint64Array"),
    isCryptoKey: hasTag("CryptoKey"),
    isKeyObject: () => false,
  };

  // ---- inspect, format

  const COUNTS = ["depth", "maxArrayLength", "maxStringLength", "breakLength"];
  const FLAGS = ["colors", "showHidden", "sorted"];
  const count = (value, most) => (value === null || value === Infinity ? most : Math.min(Math.max(Number(value) || 0, 0), most));

  function inspect(value, options, depth, colors) {
    // The oldest form: inspect(value, showHidden, depth, colors).
    let given = typeof options === "object" && options !== null ? options : {};
    if (typeof options === "boolean" || depth !== undefined || colors !== undefined) given = { ...given, showHidden: options === true, depth, colors };
    const option = (name) => (given[name] === undefined ? inspect.defaultOptions[name] : given[name]);
    const chosen = {};
    for (const name of COUNTS) {
      if (option(name) !== undefined) chosen[name] = count(option(name), 2 ** 31);
    }
    for (const name of FLAGS) chosen[name] = Boolean(option(name));
    // `true` is as many levels as there are.
    const compact = option("compact");
    chosen.compact = compact === true ? 2 ** 31 : count(compact, 2 ** 31);
    if (!option("customInspect")) return native.inspect(value, chosen);
    return native.inspect(value, chosen, custom, (object, own, left) => {
      if (own === inspect || (object.constructor && object.constructor.prototype === object)) return object;
      const shown = apply(own, object, [
        option("depth") === null ? null : left,
        { ...inspect.defaultOptions, ...given, stylize: chosen.colors ? coloured : plain },
        inspect,
      ]);
      return typeof shown === "object" ? shown : `${shown}`;
    });
  }
  const plain = (text) => `${text}`;
  // A text in the colour of a kind of values, as `options.stylize` gives it.
  const coloured = (text, kind) => {
    const codes = inspect.colors[inspect.styles[kind]];
    return codes === undefined ? `${text}` : `\u001b[${codes[0]}m${text}\u001b[${codes[1]}m`;
  };
  Object.assign(inspect, {
    custom,
    defaultOptions: {
      showHidden: false,
      depth: 2,
      colors: false,
      customInspect: true,
      showProxy: false,
      maxArrayLength: 100,
      maxStringLength: 10000,
      breakLength: 80,
      compact: 3,
      sorted: false,
      getters: false,
      numericSeparator: false,
    },
    colors: Object.assign(Object.create(null), native.styles()),
    styles: Object.assign(Object.create(null), {
      special: "cyan",
      number: "yellow",
      bigint: "yellow",
      boolean: "yellow",
      undefined: "grey",
      null: "bold",
      string: "green",
      symbol: "green",
      date: "magenta",
      regexp: "red",
      module: "underline",
    }),
  });
  for (const [alias, name] of Object.entries({ grey: "gray", blackBright: "gray", bgGrey: "bgGray", bgBlackBright: "bgGray", faint: "dim" })) {
    Object.defineProperty(inspect.colors, alias, { value: inspect.colors[name], writable: true, configurable: true });
  }
  Object.defineProperty(inspect, "length", { value: 2 });

  // One that has a way of its own to be shown is shown so where it stands for itself.
  const hasOwnWay = (value) => value !== null && typeof value === "object" && !types.isProxy(value) && typeof value[custom] === "function";
  // Whether an object has a `toString` that is not the language's.
  const saysItself = (value) =>
    value !== null &&
    typeof value === "object" &&
    !types.isProxy(value) &&
    typeof value.toString === "function" &&
    !apply(Function.prototype.toString, value.toString, []).includes("[native code]");
  const format = (...values) => formatted(undefined, values);
  const formatted = (options, values) => {
    const pattern = typeof values[0] === "string" && values.length > 1 ? values[0] : undefined;
    const specifiers = pattern?.replaceAll("%%", "").match(/%[sdifjoOc]/g) ?? [];
    let isShown = false;
    for (let at = pattern === undefined ? 0 : 1; at < values.length; at++) {
      const specifier = pattern === undefined ? undefined : specifiers[at - 1];
      if (specifier === "%s" && saysItself(values[at])) values[at] = `${values[at]}`;
      if (specifier !== undefined && specifier !== "%O" && !(hasOwnWay(values[at]) && ["%s", "%o"].includes(specifier))) continue;
      // Something in it may have a way of its own as well.
      const isObject = typeof values[at] === "object" && values[at] !== null;
      if (typeof values[at] === "string" || (options === undefined && !isObject)) continue;
      values[at] = inspect(values[at], options);
      if (specifier !== undefined) values[0] = withSpecifier(values[0], at - 1, "%s");
      isShown ||= at === 0;
    }
    // What an object says of itself is no pattern.
    return isShown ? native.format("%s", ...values) : native.format(...values);
  };
  const withSpecifier = (pattern, nth, specifier) => {
    let seen = -1;
    return pattern.replace(/%%|%[sdifjoOc]/g, (found) => (found !== "%%" && ++seen === nth ? specifier : found));
  };
  const formatWithOptions = (options, ...values) => {
    checkObject("inspectOptions", options);
    return formatted(options, values);
  };

  // ---- functions

  const promisify = (original) => {
    checkFunction("original", original);
    // They say themselves how, once their module is there.
    if (original === globalThis.setTimeout || original === globalThis.setImmediate) native.load("timers");
    const own = original[promisified];
    if (own !== undefined) {
      checkFunction("util.promisify.custom", own);
      return Object.defineProperty(own, promisified, { value: own, configurable: true });
    }
    const names = original[Symbol.for("nodejs.util.promisify.customArgs")];
    function later(...values) {
      return new Promise((resolve, reject) => {
        apply(original, this, [
          ...values,
          (error, ...results) => {
            if (error) reject(error);
            else if (names !== undefined && results.length > 1) resolve(Object.fromEntries(names.map((name, at) => [name, results[at]])));
            else resolve(results[0]);
          },
        ]);
      });
    }
    Object.setPrototypeOf(later, Object.getPrototypeOf(original));
    Object.defineProperty(later, promisified, { value: later, configurable: true });
    return Object.defineProperties(later, Object.getOwnPropertyDescriptors(original));
  };
  promisify.custom = promisified;

  const callbackify = (original) => {
    checkFunction("original", original);
    function called(...values) {
      const callback = values.pop();
      if (typeof callback !== "function") throw invalidType("last argument", "of type function", callback);
      // What the callback throws is caught by nobody, and no failure of the promise.
      const tell = (...results) => queueMicrotask(() => apply(callback, this, results));
      apply(original, this, values).then(
        (value) => tell(null, value),
        (reason) => {
          if (!reason) {
            reason = Object.assign(coded(Error, "ERR_FALSY_VALUE_REJECTION", "Promise was rejected with falsy value"), { reason });
          }
          tell(reason);
        },
      );
    }
    const descriptors = Object.getOwnPropertyDescriptors(original);
    if (typeof descriptors.length?.value === "number") descriptors.length.value++;
    if (typeof descriptors.name?.value === "string") descriptors.name.value += "Callbackified";
    delete descriptors.prototype;
    return Object.defineProperties(called, descriptors);
  };

  const inherits = (constructor, parent) => {
    checkFunction("ctor", constructor);
    if (parent === undefined || parent === null) throw invalidType('"superCtor" argument', "of type function", parent);
    if (parent.prototype === undefined) throw invalidType('"superCtor.prototype" property', "of type object", parent.prototype);
    Object.defineProperty(constructor, "super_", { value: parent, writable: true, configurable: true });
    Object.setPrototypeOf(constructor.prototype, parent.prototype);
  };

  const warned = new Set();
  const deprecate = (original, message, code) => {
    checkFunction("fn", original);
    let isTold = false;
    function deprecated(...values) {
      if (!isTold && !native.load("process").noDeprecation) {
        isTold = true;
        if (code === undefined || !warned.has(code)) {
          warned.add(code);
          native.load("process").emitWarning(message, "DeprecationWarning", code);
        }
      }
      return new.target ? Reflect.construct(original, values, new.target) : apply(original, this, values);
    }
    Object.setPrototypeOf(deprecated, original);
    if (original.prototype) deprecated.prototype = original.prototype;
    return deprecated;
  };

  const debuglog = (section) => {
    const wanted = `${native.load("process").env.NODE_DEBUG ?? ""}`.toUpperCase().split(",");
    const isOn = wanted.includes(`${section}`.toUpperCase());
    const log = (...values) => {
      const process = native.load("process");
      if (isOn) process.stderr.write(`${`${section}`.toUpperCase()} ${process.pid}: ${format(...values)}\n`);
    };
    log.enabled = isOn;
    return log;
  };

  // ---- equality: that of assert.deepStrictEqual

  const isDeepStrictEqual = (a, b) => native.load("internal/comparisons").isDeepEqual(a, b, true);

  // ---- texts

  // As Node, and the package ansi-regex, find them.
  const ESCAPES =
    /[\u001b\u009b][[\]()#;?]*(?:(?:(?:(?:;[-a-zA-Z\d/#&.:=?%@~_]+)*|[a-zA-Z\d]+(?:;[-a-zA-Z\d/#&.:=?%@~_]*)*)?(?:\u0007|\u001b\u005c|\u009c))|(?:(?:\d{1,4}(?:;\d{0,4})*)?[\dA-PR-TZcf-ntqry=><~]))/g;
  const stripVTControlCharacters = (text) => {
    checkString("str", text);
    return text.includes("\u001b") || text.includes("\u009b") ? text.replace(ESCAPES, "") : text;
  };
  const styleText = (styles, text, { validateStream = true, stream = native.load("process").stdout } = {}) => {
    checkString("text", text);
    const isShown = !validateStream || stream.isTTY === true;
    const list = Array.isArray(styles) ? styles : [styles];
    let [before, after] = ["", ""];
    for (const style of list) {
      if (style === "none") continue;
      const codes = inspect.colors[style];
      if (codes === undefined) {
        const known = Object.keys(inspect.colors).map((name) => `'${name}'`);
        throw invalidValue("format", style, `must be one of: ${known.join(", ")}`);
      }
      before += `\u001b[${codes[0]}m`;
      after = `\u001b[${codes[1]}m${after}`;
    }
    return isShown ? `${before}${text}${after}` : text;
  };
  const toUSVString = (text) => `${text}`.toWellFormed();

  // ---- the arguments of a program

  const parseArgs = (config = {}) => native.load("internal/arguments").parseArgs(config);

  const parseEnv = (text) => {
    checkString("content", text);
    const variables = {};
    const LINE = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*'|`[^`]*`|[^#\n]*)?.*$/gm;
    for (const [, name, given = ""] of text.matchAll(LINE)) {
      const value = given.trim();
      const quote = value[0];
      if (value.length > 1 && (quote === '"' || quote === "'" || quote === "`") && value.endsWith(quote)) {
        const inner = value.slice(1, -1);
        variables[name] = quote === '"' ? inner.replaceAll("\\n", "\n") : inner;
      } else variables[name] = value;
    }
    return variables;
  };

  const SYSTEM_ERRORS = native.load("constants");
  const getSystemErrorName = (number) => Object.keys(SYSTEM_ERRORS).find((name) => /^E[A-Z0-9]+$/.test(name) && SYSTEM_ERRORS[name] === -number);

  // A signal that is aborted, as a promise.
  const abortedLater = (signal, resource) => {
    if (signal === undefined) return Promise.reject(invalidType('"signal" argument', "an instance of AbortSignal", signal));
    checkObject("resource", resource);
    return signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };

  const exports = {
    aborted: abortedLater,
    callbackify,
    debug: debuglog,
    debuglog,
    deprecate,
    format,
    formatWithOptions,
    getSystemErrorName,
    inherits,
    inspect,
    isArray: Array.isArray,
    isDeepStrictEqual,
    parseArgs,
    parseEnv,
    promisify,
    stripVTControlCharacters,
    styleText,
    toUSVString,
    types,
    _extend: (target, source) => (source !== null && typeof source === "object" ? Object.assign(target, source) : target),
    isBoolean: (value) => typeof value === "boolean",
    isBuffer: (value) => native.load("buffer").Buffer.isBuffer(value),
    isDate: types.isDate,
    isError: (value) => types.isNativeError(value) || value instanceof Error,
    isFunction: (value) => typeof value === "function",
    isNull: (value) => value === null,
    isNullOrUndefined: (value) => value === null || value === undefined,
    isNumber: (value) => typeof value === "number",
    isObject: (value) => value !== null && typeof value === "object",
    isPrimitive: (value) => value === null || (typeof value !== "object" && typeof value !== "function"),
    isRegExp: types.isRegExp,
    isString: (value) => typeof value === "string",
    isSymbol: (value) => typeof value === "symbol",
    isUndefined: (value) => value === undefined,
  };
  return withGlobals(exports, ["TextDecoder", "TextEncoder"]);
};
