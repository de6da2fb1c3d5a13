// Made of t.ts by `cargo xtask types --write`.

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
declare module "cla/t" {
  /** Passes if the value is true, or counts as true. */
  export function ok(value: unknown, name?: string): boolean;
  /** Passes if both are the same value. */
  export function is(got: unknown, expected: unknown, name?: string): boolean;
  /** Passes if they are different values. */
  export function isnt(got: unknown, unexpected: unknown, name?: string): boolean;
  /** Passes if the text matches a regular expression. */
  export function like(got: unknown, pattern: RegExp | string, name?: string): boolean;
  /** Passes if the text does not match a regular expression. */
  export function unlike(got: unknown, pattern: RegExp | string, name?: string): boolean;
  /** Passes. */
  export function pass(name?: string): boolean;
  /** Fails. */
  export function fail(name?: string): boolean;
  /**
   * Says how many checks there are to be: `plan("tests", 3)`; or that the test, or the part of it that is running, is to be skipped:
   * `plan("skip_all", "no network")`.
   */
  export function plan(what: "tests" | "skip_all", value: number | string): void;
  /** Passes for so many checks that cannot be made now. */
  export function skip(why: string, count?: number): void;
  /** Runs a part of the test, which passes if all its checks pass. What it throws fails it. Its name must be its own. */
  export function subtest(name: string, body: () => void): boolean;
  /** Ends the test: no more checks can follow. Throws if one failed, so that the run fails. */
  export function doneTesting(): void;
  /** Something that a value is compared with in its own way. */
  export abstract class Expected {
    /** Whether a value is as expected. */
    abstract matches(value: unknown): boolean;
    /** What is expected. */
    abstract describe(): string;
  }
  /** Anything. */
  export function ignore(): Expected;
  /** A text that matches a regular expression. */
  export function re(pattern: RegExp | string): Expected;
  /** An array with these items, in any order and any number. */
  export function set(...items: unknown[]): Expected;
  /** An array with these items, in any order, each as often as it is named. */
  export function bag(...items: unknown[]): Expected;
  /** An array that has at least these items, each as often as it is named. */
  export function superbagof(...items: unknown[]): Expected;
  /** An array that has none but these items, each at most as often as it is named. */
  export function subbagof(...items: unknown[]): Expected;
  /** An array that has at least these items. */
  export function supersetof(...items: unknown[]): Expected;
  /** An array that has none but these items. */
  export function subsetof(...items: unknown[]): Expected;
  /** An array that has none of these items, or another value that is none of them. */
  export function noneof(...items: unknown[]): Expected;
  /** What is as all of these say. */
  export function all(...expected: unknown[]): Expected;
  /** What is as one of these says. */
  export function any(...expected: unknown[]): Expected;
  /**
   * Passes if both are the same data: arrays and objects are compared part by part. A part of `expected` may be one of
   * {@link ignore}, {@link re}, {@link set}, {@link bag}, {@link all}, {@link any} and their like.
   */
  export function cmpDeeply(got: unknown, expected: unknown, name?: string): boolean;
  const t: {
    ok: typeof ok;
    is: typeof is;
    isnt: typeof isnt;
    like: typeof like;
    unlike: typeof unlike;
    pass: typeof pass;
    fail: typeof fail;
    plan: typeof plan;
    skip: typeof skip;
    subtest: typeof subtest;
    doneTesting: typeof doneTesting;
    cmpDeeply: typeof cmpDeeply;
    ignore: typeof ignore;
    re: typeof re;
    set: typeof set;
    bag: typeof bag;
    superbagof: typeof superbagof;
    subbagof: typeof subbagof;
    supersetof: typeof supersetof;
    subsetof: typeof subsetof;
    noneof: typeof noneof;
    all: typeof all;
    any: typeof any;
  };
  export default t;
}

interface ClaModules {
  "cla/t": typeof import("cla/t");
}
