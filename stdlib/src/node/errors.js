// Errors as Node words them, for the other modules: see node.rs.
(native) => {
  "use strict";

  const inspect = (value, depth = 2) => native.inspect(value, { depth });

  // What was received, in the words of Node's messages.
  const shown = (value) => {
    if (value === null || value === undefined) return `Received ${value}`;
    if (typeof value === "function") return `Received function ${value.name}`;
    if (typeof value === "object") {
      const name = value.constructor?.name;
      return name ? `Received an instance of ${name}` : `Received ${inspect(value, 0)}`;
    }
    let text = inspect(value);
    if (text.length > 28) text = `${text.slice(0, 25)}...`;
    return `Received type ${typeof value} (${text})`;
  };

  // With underscores between groups of three digits, from 2 ** 32 on.
  const digits = (value) => {
    const isLarge = typeof value === "bigint" ? value > 2n ** 32n || value < -(2n ** 32n) : Number.isInteger(value) && Math.abs(value) > 2 ** 32;
    if (!isLarge) return inspect(value);
    const text = String(value).replace(/\B(?=(\d{3})+$)/g, "_");
    return typeof value === "bigint" ? `${text}n` : text;
  };

  const coded = (Class, code, message) => {
    const error = new Class(message);
    error.code = code;
    return error;
  };

  const invalidType = (what, expected, value) => coded(TypeError, "ERR_INVALID_ARG_TYPE", `The ${what} must be ${expected}. ${shown(value)}`);

  const invalidValue = (what, value, reason = "is invalid") => {
    const name = what.includes(".") ? "property" : "argument";
    return coded(TypeError, "ERR_INVALID_ARG_VALUE", `The ${name} '${what}' ${reason}. Received ${inspect(value)}`);
  };

  const outOfRange = (name, range, value) =>
    coded(RangeError, "ERR_OUT_OF_RANGE", `The value of "${name}" is out of range. It must be ${range}. Received ${digits(value)}`);

  const unknownEncoding = (encoding) => coded(TypeError, "ERR_UNKNOWN_ENCODING", `Unknown encoding: ${encoding}`);

  const aborted = (signal) => {
    const error = new Error("The operation was aborted", signal?.reason === undefined ? undefined : { cause: signal.reason });
    error.name = "AbortError";
    error.code = "ABORT_ERR";
    return error;
  };

  const checkString = (name, value) => {
    if (typeof value !== "string") throw invalidType(`"${name}" argument`, "of type string", value);
  };
  const checkFunction = (name, value) => {
    if (typeof value !== "function") throw invalidType(`"${name}" argument`, "of type function", value);
  };
  const checkNumber = (name, value) => {
    if (typeof value !== "number") throw invalidType(`"${name}" argument`, "of type number", value);
  };
  const checkInteger = (name, value, least = -(2 ** 53) + 1, most = 2 ** 53 - 1) => {
    checkNumber(name, value);
    if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
    if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value);
  };
  const checkObject = (name, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw invalidType(`"${name}" argument`, "of type object", value);
  };
  const checkBoolean = (name, value) => {
    if (typeof value !== "boolean") throw invalidType(`"${name}" argument`, "of type boolean", value);
  };

  // A function that is not there, which says what to use instead. By the symbol, a test tells it from those that are there.
  const leftOut = (name, instead) => {
    const refuse = {
      [name]() {
        throw coded(Error, "ERR_FEATURE_UNAVAILABLE_ON_PLATFORM", `${name} is not for rules: ${instead}`);
      },
    }[name];
    return Object.defineProperty(refuse, Symbol.for("cla.leftOut"), { value: instead });
  };

  // Globals that are made when they are first named: they are so here as well.
  const withGlobals = (exports, names) => {
    for (const name of names) {
      Object.defineProperty(exports, name, { enumerable: true, configurable: true, get: () => globalThis[name] });
    }
    return exports;
  };

  return {
    withGlobals,
    inspect,
    shown,
    coded,
    invalidType,
    invalidValue,
    outOfRange,
    unknownEncoding,
    aborted,
    checkString,
    checkFunction,
    checkNumber,
    checkInteger,
    checkObject,
    checkBoolean,
    leftOut,
  };
};
