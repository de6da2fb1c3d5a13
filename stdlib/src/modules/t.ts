/**
 * `cla/t`: checks in a test, with the names that tests for Clarive use. It prints what the Test Anything Protocol says.
 *
 * ```js
 * import t from "cla/t";
 * t.is(price(2, 10), 20, "two for ten each");
 * t.subtest("discounts", () => t.cmpDeeply(discounts(), [{ code: "A", percent: t.ignore() }]));
 * t.doneTesting();
 * ```
 *
 * A test is a rule like others: `cla run price.test.js` ends with the code 1 if a check failed. {@link doneTesting} says so at
 * the end; a test that leaves it out fails as soon as it has run to its end, or first waits for a promise, after a failed check.
 */

/** What is known of a test or of a part of it. */
interface Group {
  /** How far its lines are further in. */
  indent: string;
  count: number;
  failed: number;
  /** How many checks there are to be. */
  planned: number | undefined;
  /** Whether nothing of it counts. */
  skipped: boolean;
  done: boolean;
}

function group(indent: string): Group {
  return { indent, count: 0, failed: 0, planned: undefined, skipped: false, done: false };
}

const main = group("");
let current = main;
const names = new Set<string>();
let watched = false;

/** Prints lines of the group that is running. */
function say(text: string): void {
  for (const line of text.split("\n")) {
    print(`${current.indent}${line}`);
  }
}

/** Counts a check, and says how it went. */
function check(passed: boolean, name: string | undefined, why: () => string, directive = ""): boolean {
  if (main.done) {
    throw new Error("t: testing is done, so there can be no more checks");
  }
  if (current.skipped) {
    return true;
  }
  current.count += 1;
  const label = name === undefined ? "" : ` - ${String(name).replaceAll("\n", " ")}`;
  say(`${passed ? "ok" : "not ok"} ${current.count}${label}${directive}`);
  if (!passed) {
    current.failed += 1;
    say(why().replace(/^/gm, "#   "));
    watch();
  }
  return passed;
}

/** Fails the run if nothing else does. */
function watch(): void {
  if (!watched) {
    watched = true;
    queueMicrotask(() => {
      if (!main.done && main.failed > 0) {
        throw new Error(outcome());
      }
    });
  }
}

function outcome(): string {
  return `${main.failed} of ${main.count} ${main.count === 1 ? "check" : "checks"} failed`;
}

/** A value in a message. */
function shown(value: unknown): string {
  if (typeof value === "string") {
    return JSON.stringify(value);
  }
  if (value instanceof Expected) {
    return value.describe();
  }
  if (typeof value === "object" && value !== null && !(value instanceof RegExp)) {
    try {
      return JSON.stringify(value, (_, part) =>
        part instanceof Expected ? part.describe() : typeof part === "bigint" ? `${part}n` : part,
      );
    } catch {
      return "an object that contains itself";
    }
  }
  return typeof value === "bigint" ? `${value}n` : String(value);
}

/** Passes if the value is true, or counts as true. */
export function ok(value: unknown, name?: string): boolean {
  return check(Boolean(value), name, () => `got: ${shown(value)}\nexpected: something true`);
}

/** Passes if both are the same value. */
export function is(got: unknown, expected: unknown, name?: string): boolean {
  const same = got === expected || Object.is(got, expected);
  return check(same, name, () => `got: ${shown(got)}\nexpected: ${shown(expected)}`);
}

/** Passes if they are different values. */
export function isnt(got: unknown, unexpected: unknown, name?: string): boolean {
  const same = got === unexpected || Object.is(got, unexpected);
  return check(!same, name, () => `got: ${shown(got)}\nexpected: anything else`);
}

/** Passes if the text matches a regular expression. */
export function like(got: unknown, pattern: RegExp | string, name?: string): boolean {
  const expression = new RegExp(pattern);
  return check(expression.test(String(got)), name, () => `got: ${shown(got)}\nexpected: like ${expression}`);
}

/** Passes if the text does not match a regular expression. */
export function unlike(got: unknown, pattern: RegExp | string, name?: string): boolean {
  const expression = new RegExp(pattern);
  return check(!expression.test(String(got)), name, () => `got: ${shown(got)}\nexpected: not like ${expression}`);
}

/** Passes. */
export function pass(name?: string): boolean {
  return check(true, name, () => "");
}

/** Fails. */
export function fail(name?: string): boolean {
  return check(false, name, () => "t.fail was called");
}

/**
 * Says how many checks there are to be: `plan("tests", 3)`; or that the test, or the part of it that is running, is to be skipped:
 * `plan("skip_all", "no network")`.
 */
export function plan(what: "tests" | "skip_all", value: number | string): void {
  if (what === "skip_all") {
    current.skipped = true;
    say(`1..0 # SKIP ${value}`);
  } else if (what === "tests" && Number.isInteger(value) && Number(value) > 0) {
    current.planned = Number(value);
    say(`1..${value}`);
  } else {
    throw new TypeError('t.plan: write t.plan("tests", 3) or t.plan("skip_all", "why")');
  }
}

/** Passes for so many checks that cannot be made now. */
export function skip(why: string, count = 1): void {
  for (let at = 0; at < count; at += 1) {
    check(true, undefined, () => "", ` # SKIP ${why}`);
  }
}

/** Runs a part of the test, which passes if all its checks pass. What it throws fails it. Its name must be its own. */
export function subtest(name: string, body: () => void): boolean {
  if (names.has(name)) {
    throw new Error(`t.subtest: there are two of the name ${JSON.stringify(name)}`);
  }
  names.add(name);
  if (current.skipped) {
    return true;
  }
  const outer = current;
  const inner = group(`${outer.indent}    `);
  say(`# Subtest: ${name}`);
  current = inner;
  let problem = "";
  try {
    const result: unknown = body();
    if (result instanceof Promise) {
      throw new TypeError("t.subtest: a part of a test gives no promise; await before it");
    }
  } catch (error) {
    problem = `it threw ${error instanceof Error ? `${error.name}: ${error.message}` : shown(error)}`;
  }
  problem ||= missing(inner);
  if (inner.planned === undefined && !inner.skipped) {
    say(`1..${inner.count}`);
  }
  current = outer;
  const failed = inner.failed > 0 ? `${inner.failed} of ${inner.count} checks failed` : "";
  return check(problem === "" && failed === "", name, () => problem || failed);
}

/** What is wrong with the number of checks. */
function missing(of: Group): string {
  if (of.skipped) {
    return "";
  }
  if (of.planned !== undefined && of.planned !== of.count) {
    return `${of.planned} checks were planned, and there were ${of.count}`;
  }
  return of.count === 0 ? "there was no check" : "";
}

/** Ends the test: no more checks can follow. Throws if one failed, so that the run fails. */
export function doneTesting(): void {
  if (main.done) {
    throw new Error("t.doneTesting: testing is done already");
  }
  if (current !== main) {
    throw new Error("t.doneTesting: a part of the test is still running");
  }
  main.done = true;
  if (main.planned === undefined && !main.skipped) {
    say(`1..${main.count}`);
  }
  const problem = missing(main) || (main.failed > 0 ? outcome() : "");
  if (problem !== "") {
    throw new Error(problem);
  }
}

/** Something that a value is compared with in its own way. */
export abstract class Expected {
  /** Whether a value is as expected. */
  abstract matches(value: unknown): boolean;
  /** What is expected. */
  abstract describe(): string;
}

class Matcher extends Expected {
  readonly #description: string;
  readonly #matches: (value: unknown) => boolean;

  constructor(description: string, matches: (value: unknown) => boolean) {
    super();
    this.#description = description;
    this.#matches = matches;
  }

  override matches(value: unknown): boolean {
    return this.#matches(value);
  }

  override describe(): string {
    return this.#description;
  }
}

function list(name: string, items: readonly unknown[]): string {
  return `${name}(${items.map(shown).join(", ")})`;
}

/** Anything. */
export function ignore(): Expected {
  return new Matcher("anything", () => true);
}

/** A text that matches a regular expression. */
export function re(pattern: RegExp | string): Expected {
  const expression = new RegExp(pattern);
  return new Matcher(`like ${expression}`, (value) => expression.test(String(value)));
}

/** Whether each of `some` is matched by one of its own of `all`. */
function pairs(some: readonly unknown[], all: readonly unknown[], match: (one: unknown, other: unknown) => boolean): boolean {
  const left = [...all];
  return some.every((one) => {
    const at = left.findIndex((other) => match(one, other));
    if (at >= 0) {
      left.splice(at, 1);
    }
    return at >= 0;
  });
}

const equals = (got: unknown, expected: unknown) => difference(got, expected, "") === undefined;
const isIn = (got: unknown, expected: readonly unknown[]) => expected.some((one) => equals(got, one));
const allIn = (got: readonly unknown[], expected: readonly unknown[]) => got.every((one) => isIn(one, expected));
const allThere = (got: readonly unknown[], expected: readonly unknown[]) =>
  expected.every((one) => got.some((item) => equals(item, one)));

function ofArray(name: string, expected: readonly unknown[], matches: (got: unknown[]) => boolean): Expected {
  return new Matcher(list(name, expected), (got) => Array.isArray(got) && matches(got));
}

/** An array with these items, in any order and any number. */
export function set(...items: unknown[]): Expected {
  return ofArray("set", items, (got) => allIn(got, items) && allThere(got, items));
}

/** An array with these items, in any order, each as often as it is named. */
export function bag(...items: unknown[]): Expected {
  return ofArray("bag", items, (got) => got.length === items.length && pairs(got, items, equals));
}

/** An array that has at least these items, each as often as it is named. */
export function superbagof(...items: unknown[]): Expected {
  return ofArray("superbagof", items, (got) => pairs(items, got, (expected, one) => equals(one, expected)));
}

/** An array that has none but these items, each at most as often as it is named. */
export function subbagof(...items: unknown[]): Expected {
  return ofArray("subbagof", items, (got) => pairs(got, items, equals));
}

/** An array that has at least these items. */
export function supersetof(...items: unknown[]): Expected {
  return ofArray("supersetof", items, (got) => allThere(got, items));
}

/** An array that has none but these items. */
export function subsetof(...items: unknown[]): Expected {
  return ofArray("subsetof", items, (got) => allIn(got, items));
}

/** An array that has none of these items, or another value that is none of them. */
export function noneof(...items: unknown[]): Expected {
  return new Matcher(list("noneof", items), (got) =>
    Array.isArray(got) ? !got.some((one) => isIn(one, items)) : !isIn(got, items),
  );
}

/** What is as all of these say. */
export function all(...expected: unknown[]): Expected {
  return new Matcher(list("all", expected), (got) => expected.every((one) => equals(got, one)));
}

/** What is as one of these says. */
export function any(...expected: unknown[]): Expected {
  return new Matcher(list("any", expected), (got) => isIn(got, expected));
}

/** Where two values differ; `undefined` if they do not. */
function difference(got: unknown, expected: unknown, path: string, above: readonly unknown[] = []): string | undefined {
  const differs = () => `at ${path || "the top"}:\ngot: ${shown(got)}\nexpected: ${shown(expected)}`;
  if (expected instanceof Expected) {
    return expected.matches(got) ? undefined : differs();
  }
  if (got === expected || Object.is(got, expected)) {
    return undefined;
  }
  if (typeof got !== "object" || typeof expected !== "object" || got === null || expected === null) {
    return differs();
  }
  if (Object.getPrototypeOf(got) !== Object.getPrototypeOf(expected)) {
    return differs();
  }
  if (got instanceof Date || got instanceof RegExp) {
    return Number(got) === Number(expected) && String(got) === String(expected) ? undefined : differs();
  }
  if (above.includes(got)) {
    // What contains itself is compared once.
    return undefined;
  }
  if (got instanceof Map || got instanceof Set) {
    return difference([...got], [...(expected as Map<unknown, unknown>)], path, [...above, got]);
  }
  const keys = new Set([...Object.keys(got), ...Object.keys(expected)]);
  for (const key of keys) {
    const place = Array.isArray(got) ? `${path}[${key}]` : path === "" ? key : `${path}.${key}`;
    if (!Object.hasOwn(got, key) || !Object.hasOwn(expected, key)) {
      return `at ${place}:\n${Object.hasOwn(got, key) ? "it is there, and not expected" : "it is not there"}`;
    }
    const found = difference((got as any)[key], (expected as any)[key], place, [...above, got]);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/**
 * Passes if both are the same data: arrays and objects are compared part by part. A part of `expected` may be one of
 * {@link ignore}, {@link re}, {@link set}, {@link bag}, {@link all}, {@link any} and their like.
 */
export function cmpDeeply(got: unknown, expected: unknown, name?: string): boolean {
  const found = difference(got, expected, "");
  return check(found === undefined, name, () => found ?? "");
}

const t = {
  ok, is, isnt, like, unlike, pass, fail, plan, skip, subtest, doneTesting, cmpDeeply, ignore, re, set, bag, superbagof, subbagof,
  supersetof, subsetof, noneof, all, any,
};

export default t;
