// node:assert: see node.rs.
(native) => {
  "use strict";

  const { coded, invalidType, inspect: shownOf, checkFunction } = native.load("internal/errors");
  const { isDeepEqual } = native.load("internal/comparisons");
  const inspect = (value) => native.load("util").inspect(value, { depth: 1000, maxArrayLength: Infinity, breakLength: 1 });
  const brief = (value) => native.load("util").inspect(value, { depth: 1000, maxArrayLength: Infinity, breakLength: Infinity });

  const TITLES = {
    deepStrictEqual: "Expected values to be strictly deep-equal:",
    strictEqual: "Expected values to be strictly equal:",
    strictEqualObject: 'Expected "actual" to be reference-equal to "expected":',
    deepEqual: "Expected values to be loosely deep-equal:",
    notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
    notStrictEqual: 'Expected "actual" to be strictly unequal to:',
    notStrictEqualObject: 'Expected "actual" not to be reference-equal to "expected":',
    notDeepEqual: 'Expected "actual" not to be loosely deep-equal to:',
    notIdentical: "Values have same structure but are not reference-equal:",
    };

  // The most lines of a side that are compared with each other one by one.
  const MOST_LINES = 1000;
  const MOST_SHOWN = 50;
  // Two values of together so many characters stand in one line.
  const MOST_OF_A_LINE = 12;
  const WIDTH = 80;

  // The lines of both, those that only one has with a mark.
  const difference = (actual, expected) => {
    let start = 0;
    while (start < actual.length && start < expected.length && actual[start] === expected[start]) start++;
    let end = 0;
    while (end < actual.length - start && end < expected.length - start && actual.at(-1 - end) === expected.at(-1 - end)) end++;
    const [a, b] = [actual.slice(start, actual.length - end), expected.slice(start, expected.length - end)];
    const lines = actual.slice(0, start).map((line) => `  ${line}`);
    if (a.length > MOST_LINES || b.length > MOST_LINES) {
      lines.push(...a.map((line) => `+ ${line}`), ...b.map((line) => `- ${line}`));
    } else {
      // For each place in both, how many lines from there on they can have in common.
      const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
      for (let i = a.length - 1; i >= 0; i--) {
        for (let j = b.length - 1; j >= 0; j--) common[i][j] = a[i] === b[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
      }
      let [i, j] = [0, 0];
      while (i < a.length || j < b.length) {
        if (i < a.length && j < b.length && a[i] === b[j]) {
          lines.push(`  ${a[i++]}`);
          j++;
        } else if (j >= b.length || (i < a.length && common[i + 1][j] >= common[i][j + 1])) lines.push(`+ ${a[i++]}`);
        else lines.push(`- ${b[j++]}`);
      }
    }
    lines.push(...actual.slice(actual.length - end).map((line) => `  ${line}`));
    return lines;
  };

  // Leaves out what is far from any difference.
  const shortenedLines = (lines) => {
    if (lines.length <= MOST_SHOWN) return { lines, isShortened: false };
    const isNear = (at) => lines.slice(Math.max(at - 2, 0), at + 3).some((line) => line[0] !== " ");
    const kept = [];
    let isShortened = false;
    lines.forEach((line, at) => {
      if (isNear(at)) kept.push(line);
      else if (kept.at(-1) !== "...") {
        kept.push("...");
        isShortened = true;
      }
    });
    return { lines: kept.slice(0, 500), isShortened };
  };

  const isSimple = (value) => (typeof value !== "object" || value === null) && typeof value !== "function";

  const differenceMessage = (actual, expected, operator) => {
    const [left, right] = [inspect(actual).split("\n"), inspect(expected).split("\n")];
    let title = operator;
    if (operator === "strictEqual" && !isSimple(actual) && !isSimple(expected)) title = "strictEqualObject";
    if (left.length === 1 && right.length === 1 && left[0] !== right[0] && isSimple(actual) && isSimple(expected) && (actual !== 0 || expected !== 0)) {
      if (left[0].length + right[0].length <= MOST_OF_A_LINE) {
        return `${TITLES[operator]}\n\n${left[0]} !== ${right[0]}\n`;
      }
    }
    if (left.join("\n") === right.join("\n") && operator !== "deepEqual") {
      return `${TITLES.notIdentical}\n\n${left.join("\n")}\n`;
    }
    // Points at the first character that is not the same.
    let pointer = "";
    if (left.length === 1 && right.length === 1 && title !== "strictEqualObject" && left[0].length + right[0].length < WIDTH) {
      let same = 0;
      while (left[0][same] === right[0][same]) same++;
      if (same > 2) pointer = `\n  ${" ".repeat(same)}^`;
    }
    const { lines, isShortened } = shortenedLines(difference(left, right));
    return `${TITLES[title]}\n+ actual - expected${isShortened ? " ... Lines skipped" : ""}\n\n${lines.join("\n")}${pointer}`;
  };

  const messageOf = (actual, expected, operator) => {
    if (operator === "deepStrictEqual" || operator === "strictEqual") return differenceMessage(actual, expected, operator);
    if (operator === "notDeepStrictEqual" || operator === "notStrictEqual") {
      const title = operator === "notStrictEqual" && !isSimple(actual) ? "notStrictEqualObject" : operator;
      const lines = inspect(actual).split("\n");
      return lines.length === 1 ? `${TITLES[title]}${lines[0].length > 5 ? "\n\n" : " "}${lines[0]}` : `${TITLES[title]}\n\n${lines.join("\n")}\n`;
    }
    const cut = (text) => (text.length > 512 ? `${text.slice(0, 509)}...` : text);
    const [left, right] = [cut(inspect(actual)), cut(inspect(expected))];
    if (operator === "deepEqual") return left === right ? `${TITLES.notIdentical}\n\n${left}\n` : `${TITLES.deepEqual}\n\n${left}\n\nshould loosely deep-equal\n\n${right}`;
    if (operator === "notDeepEqual") return `${TITLES.notDeepEqual}\n\n${left}${left === right ? "" : `\n\nshould not loosely deep-equal\n\n${right}`}`;
    return `${left} ${operator} ${right}`;
  };

  class AssertionError extends Error {
    constructor(options) {
      if (typeof options !== "object" || options === null) throw invalidType('"options" argument', "of type object", options);
      const { message, operator, stackStartFn, actual, expected } = options;
      super(message === undefined || message === null ? messageOf(actual, expected, operator) : `${message}`);
      Object.defineProperty(this, "name", { value: "AssertionError", enumerable: false, writable: true, configurable: true });
      this.generatedMessage = message === undefined || message === null;
      this.code = "ERR_ASSERTION";
      this.actual = actual;
      this.expected = expected;
      this.operator = operator;
      Error.captureStackTrace?.(this, stackStartFn);
    }
    toString() {
      return `${this.name} [${this.code}]: ${this.message}`;
    }
  }

  const fail = (details) => {
    if (details.message instanceof Error) throw details.message;
    throw new AssertionError(details);
  };
  const needTwo = (count) => {
    if (count < 2) throw coded(TypeError, "ERR_MISSING_ARGS", 'The "actual" and "expected" arguments must be specified');
  };

  // What is neither true nor like it.
  const checkTruth = (start, count, value, message) => {
    if (value) return;
    let isGenerated = false;
    if (count === 0) {
      isGenerated = true;
      message = "No value argument passed to `assert.ok()`";
    } else if (message === undefined || message === null) {
      isGenerated = true;
      message = "The expression evaluated to a falsy value";
    } else if (message instanceof Error) throw message;
    const error = new AssertionError({ actual: value, expected: true, message, operator: "==", stackStartFn: start });
    error.generatedMessage = isGenerated;
    throw error;
  };

  function assert(...values) {
    checkTruth(assert, values.length, ...values);
  }
  const ok = function ok(...values) {
    checkTruth(ok, values.length, ...values);
  };

  const compared = (operator, isWrong) =>
    ({
      [operator](actual, expected, message) {
        needTwo(arguments.length);
        if (isWrong(actual, expected)) fail({ actual, expected, message, operator: NAMES[operator] ?? operator, stackStartFn: assert[operator] });
      },
    })[operator];
  const NAMES = { equal: "==", notEqual: "!=" };
  const isLoose = (a, b) => a == b || (Number.isNaN(a) && Number.isNaN(b));

  // Stands in messages for the properties that are looked at.
  class Comparison {}

  // What an error must be: a class, a pattern, a function that says so, or an object with its properties.
  const expectedError = (actual, expected, message, name) => {
    const wrong = (text, generated) => {
      const error = new AssertionError({ actual, expected, message: text, operator: name });
      error.generatedMessage = generated;
      throw error;
    };
    if (typeof expected !== "function") {
      if (native.load("util").types.isRegExp(expected)) {
        const text = `${actual}`;
        if (expected.exec(text) !== null) return;
        if (message instanceof Error) throw message;
        wrong(message ?? `The input did not match the regular expression ${brief(expected)}. Input:\n\n${brief(text)}\n`, message === undefined);
      }
      if (typeof actual !== "object" || actual === null) {
        fail({ actual, expected, message: message ?? messageOf(actual, expected, "deepStrictEqual"), operator: name });
      }
      const keys = Object.keys(expected);
      if (expected instanceof Error) keys.push("name", "message");
      else if (keys.length === 0) {
        throw coded(TypeError, "ERR_INVALID_ARG_VALUE", `The argument 'error' may not be an empty object. Received ${brief(expected)}`);
      }
      for (const key of keys) {
        if (typeof actual[key] === "string" && native.load("util").types.isRegExp(expected[key]) && expected[key].exec(actual[key]) !== null) continue;
        if (!(key in actual) || !isDeepEqual(actual[key], expected[key], true)) {
          if (message instanceof Error) throw message;
          const pick = (source) => {
            const picked = new Comparison();
            for (const one of keys) if (one in source) picked[one] = source[one];
            return picked;
          };
          wrong(message ?? messageOf(pick(actual), pick(expected), "deepStrictEqual"), message === undefined);
        }
      }
      return;
    }
    if (expected.prototype !== undefined && actual instanceof expected) return;
    if (Object.prototype.isPrototypeOf.call(Error, expected) || expected === Error) {
      if (message instanceof Error) throw message;
      let text = `The error is expected to be an instance of "${expected.name}". Received `;
      if (actual instanceof Error) text += `"${actual.constructor?.name ?? actual.name}"\n\nError message:\n\n${actual.message}`;
      else text += `"${brief(actual)}"`;
      wrong(message ?? text, message === undefined);
    }
    const verdict = Reflect.apply(expected, {}, [actual]);
    if (verdict !== true) {
      if (message instanceof Error) throw message;
      const shownName = expected.name ? `"${expected.name}" ` : "";
      wrong(message ?? `The ${shownName}validation function is expected to return "true". Received ${brief(verdict)}\n\nCaught error:\n\n${actual instanceof Error ? `${actual}` : brief(actual)}`, message === undefined);
    }
  };
  const expectThrown = (name, outcome, expected, message) => {
    if (typeof expected === "string") {
      if (message !== undefined) throw invalidType('"error" argument', "of type function or an instance of Error, RegExp, or Object", expected);
      if (outcome !== undefined && (outcome.error === expected || outcome.error?.message === expected)) {
        throw coded(TypeError, "ERR_AMBIGUOUS_ARGUMENT", `The "error/message" argument is ambiguous. The error ${outcome.error === expected ? "" : "message "}"${expected}" is identical to the message.`);
      }
      [message, expected] = [expected, undefined];
    } else if (expected !== undefined && expected !== null && typeof expected !== "object" && typeof expected !== "function") {
      throw invalidType('"error" argument', "of type function or an instance of Error, RegExp, or Object", expected);
    }
    if (outcome === undefined) {
      const of = expected?.name ? ` (${expected.name})` : "";
      const kind = name === "rejects" ? "rejection" : "exception";
      fail({ actual: undefined, expected, operator: name, message: message instanceof Error ? message : `Missing expected ${kind}${of}${message ? `: ${message}` : "."}` });
    }
    if (expected !== undefined && expected !== null) expectedError(outcome.error, expected, message, name);
  };
  const expectNothing = (name, outcome, expected, message) => {
    if (outcome === undefined) return;
    if (typeof expected === "string") [message, expected] = [expected, undefined];
    const isMeant = expected === undefined || (typeof expected === "function" ? outcome.error instanceof expected : expected.exec?.(`${outcome.error}`));
    if (!isMeant) throw outcome.error;
    const kind = name === "doesNotReject" ? "rejection" : "exception";
    fail({ actual: outcome.error, expected, operator: name, message: `Got unwanted ${kind}${message ? `: ${message}` : "."}\nActual message: "${outcome.error?.message}"` });
  };
  const outcomeOf = (work) => {
    checkFunction("fn", work);
    try {
      work();
    } catch (error) {
      return { error };
    }
    return undefined;
  };
  const outcomeLater = async (work) => {
    let promise = work;
    if (typeof work === "function") {
      promise = work();
      if (typeof promise?.then !== "function") {
        throw coded(TypeError, "ERR_INVALID_RETURN_VALUE", `Expected instance of Promise to be returned from the "promiseFn" function but got ${typeof promise}.`);
      }
    } else if (typeof promise?.then !== "function") throw invalidType('"promiseFn" argument', "of type function or an instance of Promise", promise);
    try {
      await promise;
    } catch (error) {
      return { error };
    }
    return undefined;
  };
  const matching = (name, isWanted) =>
    function (text, pattern, message) {
      if (!native.load("util").types.isRegExp(pattern)) throw invalidType('"regexp" argument', "an instance of RegExp", pattern);
      if (typeof text === "string" && (pattern.exec(text) !== null) === isWanted) return;
      if (message instanceof Error) throw message;
      const problem =
        typeof text !== "string"
          ? `The "string" argument must be of type string. Received type ${typeof text} (${shownOf(text)})`
          : `${isWanted ? "The input did not match the regular expression " : "The input was expected to not match the regular expression "}${brief(pattern)}. Input:\n\n${brief(text)}\n`;
      const error = new AssertionError({ actual: text, expected: pattern, message: message ?? problem, operator: name });
      error.generatedMessage = message === undefined;
      throw error;
    };

  Object.assign(assert, {
    AssertionError,
    ok,
    fail(message) {
      if (message instanceof Error) throw message;
      const error = new AssertionError({ message: message ?? "Failed", operator: "fail" });
      error.generatedMessage = message === undefined;
      throw error;
    },
    equal: compared("equal", (a, b) => !isLoose(a, b)),
    notEqual: compared("notEqual", isLoose),
    deepEqual: compared("deepEqual", (a, b) => !isDeepEqual(a, b, false)),
    notDeepEqual: compared("notDeepEqual", (a, b) => isDeepEqual(a, b, false)),
    deepStrictEqual: compared("deepStrictEqual", (a, b) => !isDeepEqual(a, b, true)),
    notDeepStrictEqual: compared("notDeepStrictEqual", (a, b) => isDeepEqual(a, b, true)),
    strictEqual: compared("strictEqual", (a, b) => !Object.is(a, b)),
    notStrictEqual: compared("notStrictEqual", (a, b) => Object.is(a, b)),
    throws: (work, expected, message) => expectThrown("throws", outcomeOf(work), expected, message),
    rejects: async (work, expected, message) => expectThrown("rejects", await outcomeLater(work), expected, message),
    doesNotThrow: (work, expected, message) => expectNothing("doesNotThrow", outcomeOf(work), expected, message),
    doesNotReject: async (work, expected, message) => expectNothing("doesNotReject", await outcomeLater(work), expected, message),
    ifError(value) {
      if (value === null || value === undefined) return;
      let text = "ifError got unwanted exception: ";
      if (typeof value === "object" && typeof value.message === "string") {
        text += value.message.length === 0 && value.constructor ? value.constructor.name : value.message;
      } else text += brief(value);
      const error = new AssertionError({ actual: value, expected: null, operator: "ifError", message: text });
      throw error;
    },
    match: matching("match", true),
    doesNotMatch: matching("doesNotMatch", false),
  });
  const strict = function strict(...values) {
    checkTruth(strict, values.length, ...values);
  };
  assert.strict = Object.assign(strict, assert, {
    equal: assert.strictEqual,
    deepEqual: assert.deepStrictEqual,
    notEqual: assert.notStrictEqual,
    notDeepEqual: assert.notDeepStrictEqual,
  });
  assert.strict.strict = assert.strict;
  return assert;
};
