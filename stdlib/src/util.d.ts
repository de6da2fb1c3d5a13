/**
 * `cla/util`: sleeping; YAML, JSON, TOML, INI and XML; accents, benchmarks.
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
   * A number that would not be printed as it was written is a string: `3.10`, `02142`, `61e9540`, `12345678901234567891`,
   * `0x1F`. The tags `!!int` and `!!float` make a number of it.
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
   * @param options `bigints`: an integer whose digits a number does not keep, such as 12345678901234567891, is a BigInt
   *   (default: it is the nearest number, as with `JSON.parse`). At most 1,000 levels then.
   * @throws SyntaxError with line and column.
   */
  export function loadJSON<T = any>(text: string, options?: { bigints?: boolean }): T;

  /**
   * Writes an object as TOML.
   *
   * What stands in lines comes first, then the tables by their headers. `undefined` is left out of objects; a `Date` becomes a
   * date-time, a BigInt an integer, a `Map` with texts as keys a table, and `toJSON` is called on what else has one.
   *
   * @throws TypeError for `null`, an integer of more than 64 bits, an invalid date, a document that is no object.
   * @throws RangeError if it is nested more than 80 levels deep.
   */
  export function dumpTOML(value: object): string;

  /**
   * Reads a TOML document (TOML 1.1).
   *
   * Keys keep their order. An integer that a number cannot hold exactly is a BigInt. A date-time with its offset is a `Date`; dates
   * and times without one are texts, as they were written.
   *
   * @throws SyntaxError with line and column, also for nesting beyond 80 levels.
   */
  export function loadTOML<T = any>(text: string): T;

  /**
   * Writes an object as INI: first what is no object, then each object as a section.
   *
   * An array is one line per value, and an array of objects one section per object. `null` is an empty text.
   *
   * @throws TypeError for what INI has no word for, such as objects in sections and texts of several lines.
   */
  export function dumpINI(value: object): string;

  /**
   * Reads INI: `key = value` or `key: value`, sections in `[brackets]`, comments in lines that begin with `;` or `#`.
   *
   * All values are texts; quotes around one are taken off. A key that is there several times, or is written `key[]`, is an array of
   * texts; a section that is there several times is an array of objects. Nothing is an escape, and no comment begins within a value.
   *
   * @throws SyntaxError with line and column.
   */
  export function loadINI<T = Record<string, any>>(text: string): T;

  /** An element, with all that is in it. */
  export interface XmlNode {
    name: string;
    attributes?: Record<string, string>;
    /** Texts and elements, in their order. */
    children: (string | XmlNode)[];
  }

  /** How {@link loadXML} makes a value. */
  export interface LoadXmlOptions {
    /** Gives the root element as an {@link XmlNode}, with all white space: for documents that mix texts and elements. */
    nodes?: boolean;
    /** The names of elements that are always in an array, also if there is one of them. */
    lists?: readonly string[];
    /**
     * What stands before the name of an attribute. Default: `"@"`. With `""`, an attribute and an element of one name within an
     * element are an error.
     */
    attributes?: "@" | "";
  }

  /**
   * Reads an XML document.
   *
   * The value is an object with one key, the name of the root element. An element that has nothing but text is that text, without
   * the white space around it. Any other is an object: its attributes by `@name`, its elements by their names (several of one name
   * are an array), its text, if there is any, by `#text`. Names are as they are written, with their prefix. All values are texts.
   *
   * ```js
   * loadXML(`<hosts site="b"><host>web1</host><host up="no">web2</host></hosts>`);
   * // { hosts: { "@site": "b", host: ["web1", { "@up": "no", "#text": "web2" }] } }
   * ```
   *
   * Entities are XML's own five and numbers. A document type is skipped: nothing is loaded, and nothing expanded.
   *
   * @throws SyntaxError with line and column, also for nesting beyond 1,000 levels.
   */
  export function loadXML(text: string, options: LoadXmlOptions & { nodes: true }): XmlNode;
  export function loadXML<T = any>(text: string, options?: LoadXmlOptions): T;

  /** How {@link dumpXML} writes. */
  export interface DumpXmlOptions {
    /** How many spaces (0 to 10) each level is further in. Default: 2; on one line with 0. Nodes are written as they are. */
    indent?: number;
    /** Whether it begins with `<?xml version="1.0" encoding="UTF-8"?>`. Default: `true`. */
    declaration?: boolean;
  }

  /**
   * Writes an XML document: an object as {@link loadXML} gives it, or an {@link XmlNode}.
   *
   * Numbers and the like become texts, `null` an element without content. What is `undefined` is left out.
   *
   * @throws TypeError for several roots, a name or a character that XML does not have, an array in an array.
   */
  export function dumpXML(value: object, options?: DumpXmlOptions): string;

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
    dumpTOML: typeof dumpTOML;
    loadTOML: typeof loadTOML;
    dumpINI: typeof dumpINI;
    loadINI: typeof loadINI;
    dumpXML: typeof dumpXML;
    loadXML: typeof loadXML;
    unaccent: typeof unaccent;
    benchmark: typeof benchmark;
  };
  export default util;
}

interface ClaModules {
  "cla/util": typeof import("cla/util").default;
}
