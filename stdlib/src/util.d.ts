/**
 * `cla/util`: sleeping, YAML and JSON, accents, benchmarks.
 *
 * ```js
 * import util, { sleep } from "cla/util";
 * // or: var util = require("cla/util");
 * ```
 */
declare module "cla/util" {
  /**
   * Blocks the rule, and no thread, for a while.
   *
   * @param seconds A number of seconds, fractions included, or a duration such as `"250ms"`, `"5m"`, `"1h30m"`
   *   or `"2 days"`. At most a hundred years.
   * @param options `signal`: wakes the rule when its time is up (`AbortSignal.timeout`), and throws its reason.
   * @throws TypeError if it is negative, not finite, or no duration.
   */
  export function sleep(seconds: number | string, options?: { signal?: AbortSignal | null }): void;

  /**
   * Writes a value as YAML, with a line feed at the end.
   *
   * `undefined`, functions and symbols are left out of objects and become `null` in arrays, as with
   * `JSON.stringify`; `toJSON` is called, so a `Date` becomes its ISO string. A `Map` becomes a mapping, a `Set`
   * a sequence, a BigInt an integer, `NaN` and `Infinity` become `.nan` and `.inf`. Strings that could be taken
   * for something else are quoted, those of several lines become blocks. Keys keep their order.
   *
   * @throws TypeError if the value contains itself or a `Map` has objects as keys.
   * @throws RangeError if it is nested more than 1,000 levels deep, or makes more than 32 MiB.
   */
  export function dumpYAML(value: unknown): string;

  /**
   * Reads a YAML document (YAML 1.2, core schema; also anchors, aliases and `<<`).
   *
   * Keys are strings and keep their order; an alias gives the very same object as its anchor. An empty text gives
   * `null`.
   *
   * @throws SyntaxError with line and column: for what is no YAML, a second document, a key that is there twice,
   *   nesting beyond 1,000 levels (255 in brackets), aliases that stand for more than a million values.
   */
  export function loadYAML<T = any>(text: string): T;

  /**
   * Writes a value as JSON, by the rules of `JSON.stringify`; what JSON has no word for gives `"null"`.
   *
   * @param indent How many spaces (0 to 10), or which text, each level is further in. On one line without.
   * @throws TypeError if the value contains itself or a BigInt.
   */
  export function dumpJSON(value: unknown, indent?: number | string): string;

  /**
   * Reads JSON.
   *
   * @throws SyntaxError with line and column.
   */
  export function loadJSON<T = any>(text: string): T;

  /**
   * Takes the accents off letters: `unaccent("résumé")` is `"resume"`.
   *
   * Letters of the Latin, Greek and Cyrillic scripts lose every mark that Unicode can take off them. Letters of
   * their own (`ß`, `ø`, `ł`, `æ`), ligatures and other scripts stay as they are.
   */
  export function unaccent(text: string): string;

  /** What {@link benchmark} found out. */
  export interface Benchmark {
    /** How often the function ran. */
    count: number;
    /** Seconds that passed. */
    wall: number;
    /** Seconds of processor time in user mode. */
    user: number;
    /** Seconds of processor time in the kernel. */
    system: number;
    /** Runs per second of `wall`. */
    rate: number;
  }

  /**
   * Runs a function many times, prints how long it took, and returns that.
   *
   * Processor time is that of the worker thread (on systems other than Linux, of the process; `NaN` where the
   * system does not tell), which other rules use while this one is blocked or has had its turn.
   *
   * @param n How often: a whole number of at least 1.
   */
  export function benchmark(n: number, fn: () => unknown): Benchmark;

  const util: {
    sleep: typeof sleep;
    dumpYAML: typeof dumpYAML;
    loadYAML: typeof loadYAML;
    dumpJSON: typeof dumpJSON;
    loadJSON: typeof loadJSON;
    unaccent: typeof unaccent;
    benchmark: typeof benchmark;
  };
  export default util;
}

interface ClaModules {
  "cla/util": typeof import("cla/util").default;
}
