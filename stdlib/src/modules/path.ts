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

import { currentFolder, matches } from "cla/path/native";

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
export function join(...paths: string[]): string {
  const joined = paths.filter((part) => text("join", part) !== "").join("/");
  return joined === "" ? "." : normalize(joined);
}

/** The absolute path to which the paths lead, one after the other, from the current folder. */
export function resolve(...paths: string[]): string {
  let whole = "";
  for (const part of paths.toReversed()) {
    if (text("resolve", part) !== "" && !whole.startsWith("/")) {
      whole = `${part}/${whole}`;
    }
  }
  if (!whole.startsWith("/")) {
    whole = `${currentFolder()}/${whole}`;
  }
  return `/${names(whole, true).join("/")}`;
}

/** The path that leads from the folder `from` to `to`. */
export function relative(from: string, to: string): string {
  const start = names(resolve(text("relative", from)), true);
  const end = names(resolve(text("relative", to)), true);
  let common = 0;
  while (common < start.length && start[common] === end[common]) {
    common += 1;
  }
  return [...start.slice(common).map(() => ".."), ...end.slice(common)].join("/");
}

/** A path without `.`, without `..` where a name stands before it, and without empty names. */
export function normalize(path: string): string {
  const isRooted = isAbsolute(text("normalize", path));
  const normal = names(path, isRooted).join("/");
  const tail = path.endsWith("/") ? "/" : "";
  if (isRooted) {
    return normal === "" ? "/" : `/${normal}${tail}`;
  }
  return `${normal === "" ? "." : normal}${tail}`;
}

/** Whether a path begins at the root. */
export function isAbsolute(path: string): boolean {
  return text("isAbsolute", path).startsWith("/");
}

/** The path without its last name. */
export function dirname(path: string): string {
  const start = withoutTail(text("dirname", path)).lastIndexOf("/");
  if (start > 0) {
    // Of `//name`, both slashes are left, as in Node.
    return start === 1 && path.startsWith("//") ? "//" : path.slice(0, start);
  }
  return isAbsolute(path) ? "/" : ".";
}

/** The last name of a path, without `suffix` if it ends in that. */
export function basename(path: string, suffix = ""): string {
  text("basename", suffix);
  const whole = withoutTail(text("basename", path));
  const base = whole.slice(whole.lastIndexOf("/") + 1);
  if (path !== suffix && base === suffix) {
    return base;
  }
  return base.endsWith(suffix) ? base.slice(0, base.length - suffix.length) : base;
}

/** The extension of a path's last name, with its dot; `""` if there is none. */
export function extname(path: string): string {
  const base = basename(text("extname", path));
  const dot = base.lastIndexOf(".");
  return dot <= 0 || base === ".." ? "" : base.slice(dot);
}

/** The parts of a path. */
export function parse(path: string): ParsedPath {
  const root = isAbsolute(text("parse", path)) ? "/" : "";
  const base = basename(path);
  const ext = extname(path);
  const slash = withoutTail(path).lastIndexOf("/");
  return {
    root,
    dir: slash > 0 ? path.slice(0, slash) : root,
    base,
    ext,
    name: base.slice(0, base.length - ext.length),
  };
}

/** The path that has these parts. `dir` counts before `root`, and `base` before `name` and `ext`. */
export function format(parts: Partial<ParsedPath>): string {
  if (typeof parts !== "object" || parts === null) {
    throw new TypeError("path.format: the parts must be an object");
  }
  const { root = "", name = "", ext = "" } = parts;
  const dir = parts.dir || root;
  const base = parts.base || `${name}${ext === "" || ext.startsWith(".") ? ext : `.${ext}`}`;
  if (dir === "") {
    return base;
  }
  return dir === root ? `${dir}${base}` : `${dir}/${base}`;
}

/**
 * Whether a path matches a pattern: `*` and `?` stand for characters of one name, `**` for any number of names, `[a-z]` for
 * one of these characters, `{a,b}` for one of these texts.
 */
export function matchesGlob(path: string, pattern: string): boolean {
  return matches(text("matchesGlob", pattern), text("matchesGlob", path));
}

/** The argument, which must be a text. */
function text(method: string, value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError(`path.${method}: a path must be a string, not ${value === null ? "null" : typeof value}`);
  }
  return value;
}

/** The path without slashes at its end. */
function withoutTail(path: string): string {
  let end = path.length;
  while (end > 0 && path[end - 1] === "/") {
    end -= 1;
  }
  return path.slice(0, end);
}

/** The names in a path. Above the root there is nothing. */
function names(path: string, isRooted: boolean): string[] {
  const left: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") {
      if (left.length > 0 && left.at(-1) !== "..") {
        left.pop();
      } else if (!isRooted) {
        left.push(name);
      }
    } else if (name !== "" && name !== ".") {
      left.push(name);
    }
  }
  return left;
}

const path = {
  sep,
  delimiter,
  join,
  resolve,
  relative,
  normalize,
  isAbsolute,
  dirname,
  basename,
  extname,
  parse,
  format,
  matchesGlob,
};

export default path;
