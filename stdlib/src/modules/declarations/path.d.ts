// Made of path.ts by `cargo xtask types --write`.

/**
 * `cla/path`: paths as texts. Nothing here looks at a file.
 *
 * ```js
 * import path from "cla/path";
 * path.join("logs", "../data", "a.csv"); // "data/a.csv"
 * path.parse("/srv/data/a.csv").name; // "a"
 * ```
 *
 * The functions mean what Node's `path.posix` means.
 */
declare module "cla/path" {
  /** The parts of a path. */
  export interface ParsedPath {
    /** `"/"`, or `""` for a relative path. */
    root: string;
    /** The folder. */
    dir: string;
    /** The last name, with its extension. */
    base: string;
    /** The extension, with its dot. */
    ext: string;
    /** The last name, without its extension. */
    name: string;
  }
  /** What stands between two names of a path. */
  export const sep = "/";
  /** What stands between two paths of a list, such as `PATH`. */
  export const delimiter = ":";
  /** Joins texts to one path, and normalizes it. */
  export function join(...paths: string[]): string;
  /** The absolute path to which the paths lead, one after the other, from the current folder. */
  export function resolve(...paths: string[]): string;
  /** The path that leads from the folder `from` to `to`. */
  export function relative(from: string, to: string): string;
  /** A path without `.`, without `..` where a name stands before it, and without empty names. */
  export function normalize(path: string): string;
  /** Whether a path begins at the root. */
  export function isAbsolute(path: string): boolean;
  /** The path without its last name. */
  export function dirname(path: string): string;
  /** The last name of a path, without `suffix` if it ends in that. */
  export function basename(path: string, suffix?: string): string;
  /** The extension of a path's last name, with its dot; `""` if there is none. */
  export function extname(path: string): string;
  /** The parts of a path. */
  export function parse(path: string): ParsedPath;
  /** The path that has these parts. `dir` counts before `root`, and `base` before `name` and `ext`. */
  export function format(parts: Partial<ParsedPath>): string;
  /**
   * Whether a path matches a pattern: `*` and `?` stand for characters of one name, `**` for any number of names, `[a-z]` for
   * one of these characters, `{a,b}` for one of these texts.
   */
  export function matchesGlob(path: string, pattern: string): boolean;
  const path: {
    sep: string;
    delimiter: string;
    join: typeof join;
    resolve: typeof resolve;
    relative: typeof relative;
    normalize: typeof normalize;
    isAbsolute: typeof isAbsolute;
    dirname: typeof dirname;
    basename: typeof basename;
    extname: typeof extname;
    parse: typeof parse;
    format: typeof format;
    matchesGlob: typeof matchesGlob;
  };
  export default path;
}

interface ClaModules {
  "cla/path": typeof import("cla/path");
}
