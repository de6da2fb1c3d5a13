/**
 * `cla/fs`: files and folders.
 *
 * ```js
 * const fs = require("cla/fs");
 * const config = JSON.parse(fs.readFile("config.json")); // blocks the rule
 * const [a, b] = await Promise.all([fs.promises.readFile("a.txt"), fs.promises.readFile("b.txt")]);
 * ```
 *
 * A relative path begins at the current folder of the process. A rule needs the permission `read` for what it looks at, and
 * `write` for what it makes, changes or removes; else a call throws a `PermissionError`. What the system refuses is a
 * {@link FileError}.
 */
declare module "cla/fs" {
  /** What can be written: a text, or bytes. */
  export type Contents = string | Uint8Array | ArrayBuffer;

  /** What an entry of a folder is. */
  export type EntryKind = "file" | "folder" | "link" | "pipe" | "socket" | "device";

  /** A file could not be used. */
  export class FileError extends Error {
    constructor(message: string, details?: { code?: string; path?: string; syscall?: string; dest?: string });
    /** Why, as Node names it: `"ENOENT"`, `"EACCES"`, `"EEXIST"`, `"ENOTEMPTY"`, `"EFBIG"`, ... */
    code?: string;
    /** Which file. */
    path?: string;
    /** What was tried: `"open"`, `"stat"`, `"rename"`, ... */
    syscall?: string;
    /** The second path of a call that has two. */
    dest?: string;
  }

  /** An entry of a folder. */
  export interface Entry {
    /** Its name in its folder. */
    readonly name: string;
    /** Its path, which begins as the path of the call does. */
    readonly path: string;
    readonly kind: EntryKind;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
  }

  /** What the system knows of a file or folder. */
  export interface Stats {
    readonly kind: EntryKind;
    /** How much it holds, in bytes. */
    readonly size: number;
    /** Who may do what with it: `(mode & 0o777).toString(8)`. */
    readonly mode: number;
    /** When its contents were changed. */
    readonly mtime: Date;
    /** When it was read. */
    readonly atime: Date;
    /** When anything of it was changed. */
    readonly ctime: Date;
    /** The same, in milliseconds since 1970. */
    readonly mtimeMs: number;
    readonly atimeMs: number;
    readonly ctimeMs: number;
    /** Its owner's number. */
    readonly uid: number;
    /** Its group's number. */
    readonly gid: number;
    /** The number of its names. */
    readonly nlink: number;
    readonly ino: number;
    readonly dev: number;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
  }

  export interface WriteOptions {
    /**
     * Whether the file gets its new contents in one step: they are written to another file of the same folder, which then
     * takes its name. Default: true. What is no regular file or has several names is written in place anyway, and so is a
     * file beside which the rule may not make another one.
     */
    atomic?: boolean;
    /** The mode of the file: `0o600` or `"600"`. Default: the one that it has; for a new file, what the process's mask leaves. */
    mode?: number | string;
  }

  export interface GlobOptions {
    /** The folder in which the pattern begins. Default: the current one. */
    cwd?: string;
    /** Whether names that begin with a dot are found as well. Default: only if the pattern has such a name. */
    hidden?: boolean;
  }

  export interface TemporaryOptions {
    /** The folder. Default: the system's folder for temporary files. */
    dir?: string;
    /** How its name begins. Default: `"cla-"`. */
    prefix?: string;
    /** How its name ends. */
    suffix?: string;
  }

  /** How a file is opened: to read, write anew, append, read and write, or make it; as Node and Perl name it. */
  export type OpenMode = "r" | "w" | "a" | "r+" | "wx" | "<" | ">" | ">>" | "+<";

  /** An open file. It is closed at the latest with the run, which may have 256 open files. */
  export interface File extends Iterable<string> {
    /** Its path, as the rule wrote it. */
    readonly path: string;
    /** The next line, without its end; `null` at the end of the file. What is not valid UTF-8 becomes `U+FFFD`. */
    readLine(): string | null;
    /** The next characters, at most so many bytes (default: 64 KiB; an eighth of the run's memory at most); `null` at the end of the file. */
    readChunk(size?: number): string | null;
    /** The next bytes, at most so many (default: 64 KiB); `null` at the end of the file. */
    read(size?: number): Uint8Array | null;
    /** Writes at its place, or behind what it holds if it was opened to append. */
    write(contents: Contents): void;
    /** Whether all of it has been read. */
    eof(): boolean;
    /** Goes to another place, in bytes, and gives that. */
    seek(offset: number, from?: "start" | "current" | "end"): number;
    /** The lines that are left. */
    lines(): IterableIterator<string>;
    /** The number by which the system knows it. */
    fileno(): number;
    close(): void;
  }

  /** An open file whose methods give promises. */
  export interface AsyncFile extends AsyncIterable<string> {
    readonly path: string;
    readLine(): Promise<string | null>;
    readChunk(size?: number): Promise<string | null>;
    read(size?: number): Promise<Uint8Array | null>;
    write(contents: Contents): Promise<void>;
    eof(): Promise<boolean>;
    seek(offset: number, from?: "start" | "current" | "end"): Promise<number>;
    lines(): AsyncIterableIterator<string>;
    fileno(): number;
    close(): Promise<void>;
  }

  /** Something has changed. */
  export interface Change {
    /** `"lost"`: so much has changed that the system has not kept all of it. */
    readonly kind: "created" | "changed" | "removed" | "lost";
    readonly path: string;
  }

  /** What changes, one after the other: a loop waits for the next change; `for await` does so without blocking the rule. */
  export interface Watcher extends Iterable<Change>, AsyncIterable<Change> {
    /** Ends the loops over it. */
    close(): void;
  }

  /**
   * What a file holds: a text, or bytes if the encoding is `"bytes"` or `null`.
   *
   * @throws {FileError} There is no such file, it is not valid UTF-8 (`"EILSEQ"`), or the run's memory has no room for it
   *   (`"EFBIG"`).
   */
  export function readFile(path: string, encoding?: "utf8" | "utf-8" | "latin1" | { encoding?: "utf8" | "utf-8" | "latin1" }): string;
  export function readFile(path: string, encoding: "bytes" | null | { encoding: "bytes" | null }): Uint8Array;
  /** Writes a file, which is made if there is none. */
  export function writeFile(path: string, contents: Contents, options?: WriteOptions): void;
  /** Writes behind what a file holds, which is made if there is none. */
  export function appendFile(path: string, contents: Contents, options?: { mode?: number | string }): void;
  /** The names in a folder, sorted. */
  export function readDir(path: string, options?: { withKinds?: false }): string[];
  /** What is in a folder, sorted by name. */
  export function readDir(path: string, options: { withKinds: true }): Entry[];
  /**
   * What is in a folder and in the folders below it, each folder before what it holds. Links are not followed.
   *
   * @param options.depth How many levels are looked at. Default: all.
   * @param options.hidden Whether names that begin with a dot are found as well. Default: true.
   */
  export function walk(path: string, options?: { depth?: number; hidden?: boolean }): Entry[];
  /**
   * The paths of what matches a pattern, sorted within each folder: `*` and `?` stand for characters of one name, `**` for
   * any number of names, `[a-z]` for one of these characters, `{a,b}` for one of these texts. Links are not followed.
   */
  export function glob(pattern: string, options?: GlobOptions & { withKinds?: false }): string[];
  export function glob(pattern: string, options: GlobOptions & { withKinds: true }): Entry[];
  /** What the system knows of a file or folder. */
  export function stat(path: string): Stats;
  /** The same; of a link itself. */
  export function lstat(path: string): Stats;
  /** Whether there is something, links followed. */
  export function exists(path: string): boolean;
  /** Whether there is a file, links followed. */
  export function isFile(path: string): boolean;
  /** Whether there is a folder, links followed. */
  export function isDir(path: string): boolean;
  /** Makes a folder. With `recursive`, also those above it, and it may be there already. */
  export function mkdir(path: string, options?: { recursive?: boolean; mode?: number | string }): void;
  /**
   * Removes a file, a link or an empty folder; with `recursive`, a folder with all in it. With `force`, there may be nothing.
   * What a link leads to stays.
   */
  export function rm(path: string, options?: { recursive?: boolean; force?: boolean }): void;
  /** Copies a file with its mode; with `recursive`, a folder with all in it. Default of `overwrite`: true. */
  export function copy(from: string, to: string, options?: { recursive?: boolean; overwrite?: boolean }): void;
  /** Gives a file or folder another name, also in another file system. Default of `overwrite`: true. */
  function moveTo(from: string, to: string, options?: { overwrite?: boolean }): void;
  export { moveTo as move };
  /** Where a link leads, as it is written. */
  export function readLink(path: string): string;
  /** Makes a link at `path`. The rule needs `read` and `write` for what it leads to as well. */
  export function symlink(target: string, path: string): void;
  /** Changes who may do what with a file: `0o644` or `"644"`. */
  export function chmod(path: string, mode: number | string): void;
  /** Sets when a file was changed and read: now, or at `time`. Makes an empty file if there is none. */
  export function touch(path: string, options?: { time?: Date | number }): void;
  /** Makes an empty file that is removed when the run ends. Gives its path. */
  export function tempFile(options?: TemporaryOptions): string;
  /** Makes a folder that is removed, with all in it, when the run ends. Gives its path. */
  export function tempDir(options?: TemporaryOptions): string;
  /** Opens a file. Default of `mode`: `"r"`. */
  export function open(path: string, mode?: OpenMode): File;

  /**
   * Tells what changes in a folder, with `recursive` also below it, or of a file. On Linux only. What changed before the loop
   * began is told as well; a watcher for which nothing waits does not keep the run going.
   */
  export function watch(path: string, options?: { recursive?: boolean }): Watcher;

  /** Writes a file, as {@link writeFile}; an empty one without contents. */
  export function createFile(path: string, contents?: Contents, options?: WriteOptions): void;
  /** What a file holds, as {@link readFile}. */
  export const slurp: typeof readFile;
  /** Opens a file, as {@link open}. */
  export const openFile: typeof open;
  /** Calls a function for each entry of a folder, until it gives `false`. */
  export function iterateDir(path: string, fn: (name: string, path: string) => unknown): void;
  /** Removes a file or a link, and no folder. */
  export function deleteFile(path: string): void;
  /** Makes a folder, as {@link mkdir}. */
  export const createDir: typeof mkdir;
  /** Makes a folder and those above it. It may be there already. */
  export function createPath(path: string, options?: { mode?: number | string }): void;
  /** Removes an empty folder; with `recursive`, with all in it. */
  export function deleteDir(path: string, options?: { recursive?: boolean }): void;

  /** The same functions; each gives a promise. */
  export const promises: {
    readFile(path: string, encoding?: "utf8" | "utf-8" | "latin1" | { encoding?: "utf8" | "utf-8" | "latin1" }): Promise<string>;
    readFile(path: string, encoding: "bytes" | null | { encoding: "bytes" | null }): Promise<Uint8Array>;
    readDir(path: string, options?: { withKinds?: false }): Promise<string[]>;
    readDir(path: string, options: { withKinds: true }): Promise<Entry[]>;
    glob(pattern: string, options?: GlobOptions & { withKinds?: false }): Promise<string[]>;
    glob(pattern: string, options: GlobOptions & { withKinds: true }): Promise<Entry[]>;
    open(path: string, mode?: OpenMode): Promise<AsyncFile>;
    openFile(path: string, mode?: OpenMode): Promise<AsyncFile>;
    slurp(path: string): Promise<string>;
    writeFile: Later<typeof writeFile>;
    appendFile: Later<typeof appendFile>;
    walk: Later<typeof walk>;
    stat: Later<typeof stat>;
    lstat: Later<typeof lstat>;
    exists: Later<typeof exists>;
    isFile: Later<typeof isFile>;
    isDir: Later<typeof isDir>;
    mkdir: Later<typeof mkdir>;
    rm: Later<typeof rm>;
    copy: Later<typeof copy>;
    move: Later<typeof moveTo>;
    readLink: Later<typeof readLink>;
    symlink: Later<typeof symlink>;
    chmod: Later<typeof chmod>;
    touch: Later<typeof touch>;
    tempFile: Later<typeof tempFile>;
    tempDir: Later<typeof tempDir>;
    createFile: Later<typeof createFile>;
    deleteFile: Later<typeof deleteFile>;
    createDir: Later<typeof mkdir>;
    createPath: Later<typeof createPath>;
    deleteDir: Later<typeof deleteDir>;
  };

  type Later<F extends (...args: any[]) => unknown> = (...args: Parameters<F>) => Promise<ReturnType<F>>;

  const fs: {
    readonly FileError: typeof FileError;
    readonly promises: typeof promises;
    readFile: typeof readFile;
    writeFile: typeof writeFile;
    appendFile: typeof appendFile;
    readDir: typeof readDir;
    walk: typeof walk;
    glob: typeof glob;
    stat: typeof stat;
    lstat: typeof lstat;
    exists: typeof exists;
    isFile: typeof isFile;
    isDir: typeof isDir;
    mkdir: typeof mkdir;
    rm: typeof rm;
    copy: typeof copy;
    move: typeof moveTo;
    readLink: typeof readLink;
    symlink: typeof symlink;
    chmod: typeof chmod;
    touch: typeof touch;
    tempFile: typeof tempFile;
    tempDir: typeof tempDir;
    open: typeof open;
    watch: typeof watch;
    createFile: typeof createFile;
    slurp: typeof slurp;
    openFile: typeof openFile;
    iterateDir: typeof iterateDir;
    deleteFile: typeof deleteFile;
    createDir: typeof createDir;
    createPath: typeof createPath;
    deleteDir: typeof deleteDir;
  };
  export default fs;
}

interface ClaModules {
  "cla/fs": typeof import("cla/fs").default;
}
