// Node's names for files: what is done is done by `cla/fs`, with its permissions and bounds.

declare module "node:fs" {
  import { Readable, Writable } from "node:stream";
  export type PathLike = string | Uint8Array | URL;
  type Data = string | ArrayBufferView;
  type Encoding = BufferEncoding | { encoding: BufferEncoding; flag?: string };
  type Bytes = null | undefined | { encoding?: null; flag?: string };
  type WriteOptions = BufferEncoding | { encoding?: BufferEncoding | null; mode?: number | string; flag?: string } | null;

  /** What the system knows of a file or folder. */
  export interface Stats {
    readonly dev: number;
    readonly ino: number;
    readonly mode: number;
    readonly nlink: number;
    readonly uid: number;
    readonly gid: number;
    readonly size: number;
    readonly atimeMs: number;
    readonly mtimeMs: number;
    readonly ctimeMs: number;
    readonly birthtimeMs: number;
    readonly atime: Date;
    readonly mtime: Date;
    readonly ctime: Date;
    readonly birthtime: Date;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
    isFIFO(): boolean;
    isSocket(): boolean;
  }
  /** An entry of a folder. */
  export interface Dirent {
    readonly name: string;
    readonly parentPath: string;
    isFile(): boolean;
    isDirectory(): boolean;
    isSymbolicLink(): boolean;
  }
  export interface Dir extends AsyncIterable<Dirent> {
    readonly path: string;
    readSync(): Dirent | null;
    closeSync(): void;
  }
  type ReadDirOptions = { encoding?: BufferEncoding; recursive?: boolean; withFileTypes?: false } | BufferEncoding | null;

  export function readFileSync(path: PathLike | number, options?: Bytes): Buffer;
  export function readFileSync(path: PathLike | number, options: Encoding): string;
  export function writeFileSync(path: PathLike | number, data: Data, options?: WriteOptions): void;
  export function appendFileSync(path: PathLike | number, data: Data, options?: WriteOptions): void;
  export function existsSync(path: PathLike): boolean;
  export function statSync(path: PathLike): Stats;
  export function statSync(path: PathLike, options: { throwIfNoEntry: false }): Stats | undefined;
  export function lstatSync(path: PathLike): Stats;
  export function readdirSync(path: PathLike, options?: ReadDirOptions): string[];
  export function readdirSync(path: PathLike, options: { withFileTypes: true; recursive?: boolean }): Dirent[];
  /** With `recursive`, gives the first folder that was made. */
  export function mkdirSync(path: PathLike, options?: { recursive?: boolean; mode?: number | string } | number): string | undefined;
  export function rmSync(path: PathLike, options?: { recursive?: boolean; force?: boolean }): void;
  export function rmdirSync(path: PathLike): void;
  export function unlinkSync(path: PathLike): void;
  export function renameSync(from: PathLike, to: PathLike): void;
  export function copyFileSync(from: PathLike, to: PathLike, mode?: number): void;
  export function cpSync(from: PathLike, to: PathLike, options?: { recursive?: boolean; force?: boolean; errorOnExist?: boolean }): void;
  export function readlinkSync(path: PathLike): string;
  export function symlinkSync(target: PathLike, path: PathLike): void;
  export function chmodSync(path: PathLike, mode: number | string): void;
  /** Sets both times to the second one. */
  export function utimesSync(path: PathLike, accessed: number | Date, modified: number | Date): void;
  export function accessSync(path: PathLike, mode?: number): void;
  export function realpathSync(path: PathLike): string;
  /** Makes a folder, which stays when the run ends. */
  export function mkdtempSync(prefix: string): string;
  export function truncateSync(path: PathLike, length?: number): void;
  export function globSync(pattern: string | readonly string[], options?: { cwd?: string }): string[];
  export function opendirSync(path: PathLike): Dir;
  export function openSync(path: PathLike, flags?: string | number, mode?: number): number;
  export function closeSync(fd: number): void;
  export function readSync(fd: number, buffer: ArrayBufferView, offset?: number, length?: number, position?: number | null): number;
  export function writeSync(fd: number, data: ArrayBufferView, offset?: number, length?: number, position?: number | null): number;
  export function writeSync(fd: number, text: string, position?: number | null, encoding?: BufferEncoding): number;
  export function fstatSync(fd: number): Stats;

  type Callback<T> = (error: (Error & { code?: string }) | null, value: T) => void;
  type Done = (error: (Error & { code?: string }) | null) => void;
  export function readFile(path: PathLike, callback: Callback<Buffer>): void;
  export function readFile(path: PathLike, options: Encoding, callback: Callback<string>): void;
  export function writeFile(path: PathLike, data: Data, callback: Done): void;
  export function writeFile(path: PathLike, data: Data, options: WriteOptions, callback: Done): void;
  export function appendFile(path: PathLike, data: Data, callback: Done): void;
  export function stat(path: PathLike, callback: Callback<Stats>): void;
  export function lstat(path: PathLike, callback: Callback<Stats>): void;
  export function readdir(path: PathLike, callback: Callback<string[]>): void;
  export function mkdir(path: PathLike, options: { recursive?: boolean }, callback: Done): void;
  export function mkdir(path: PathLike, callback: Done): void;
  export function rm(path: PathLike, options: { recursive?: boolean; force?: boolean }, callback: Done): void;
  export function unlink(path: PathLike, callback: Done): void;
  export function rename(from: PathLike, to: PathLike, callback: Done): void;
  export function copyFile(from: PathLike, to: PathLike, callback: Done): void;
  export function access(path: PathLike, callback: Done): void;

  export class ReadStream extends Readable {
    readonly path: string;
    readonly bytesRead: number;
    close(callback?: () => void): void;
  }
  export class WriteStream extends Writable {
    readonly path: string;
    readonly bytesWritten: number;
    close(callback?: () => void): void;
  }
  export function createReadStream(path: PathLike, options?: BufferEncoding | { encoding?: BufferEncoding; start?: number; end?: number; highWaterMark?: number; signal?: AbortSignal }): ReadStream;
  export function createWriteStream(path: PathLike, options?: BufferEncoding | { encoding?: BufferEncoding; flags?: string; mode?: number; start?: number; signal?: AbortSignal }): WriteStream;
  export interface FSWatcher extends NodeEventEmitter {
    close(): void;
  }
  /** Tells what changes in a folder, or of a file. On Linux. */
  export function watch(path: PathLike, options?: { recursive?: boolean; signal?: AbortSignal }, listener?: (event: "change" | "rename", name: string) => void): FSWatcher;
  export const constants: Readonly<Record<string, number>>;

  export const promises: {
    readFile(path: PathLike, options?: Bytes): Promise<Buffer>;
    readFile(path: PathLike, options: Encoding): Promise<string>;
    writeFile(path: PathLike, data: Data, options?: WriteOptions): Promise<void>;
    appendFile(path: PathLike, data: Data, options?: WriteOptions): Promise<void>;
    stat(path: PathLike): Promise<Stats>;
    lstat(path: PathLike): Promise<Stats>;
    readdir(path: PathLike, options?: ReadDirOptions): Promise<string[]>;
    readdir(path: PathLike, options: { withFileTypes: true; recursive?: boolean }): Promise<Dirent[]>;
    mkdir(path: PathLike, options?: { recursive?: boolean; mode?: number | string }): Promise<string | undefined>;
    rm(path: PathLike, options?: { recursive?: boolean; force?: boolean }): Promise<void>;
    rmdir(path: PathLike): Promise<void>;
    unlink(path: PathLike): Promise<void>;
    rename(from: PathLike, to: PathLike): Promise<void>;
    copyFile(from: PathLike, to: PathLike, mode?: number): Promise<void>;
    cp(from: PathLike, to: PathLike, options?: { recursive?: boolean; force?: boolean }): Promise<void>;
    readlink(path: PathLike): Promise<string>;
    symlink(target: PathLike, path: PathLike): Promise<void>;
    chmod(path: PathLike, mode: number | string): Promise<void>;
    utimes(path: PathLike, accessed: number | Date, modified: number | Date): Promise<void>;
    access(path: PathLike, mode?: number): Promise<void>;
    realpath(path: PathLike): Promise<string>;
    mkdtemp(prefix: string): Promise<string>;
    truncate(path: PathLike, length?: number): Promise<void>;
    glob(pattern: string | readonly string[], options?: { cwd?: string }): AsyncIterableIterator<string>;
    opendir(path: PathLike): Promise<Dir>;
    open(path: PathLike, flags?: string | number, mode?: number): Promise<FileHandle>;
    watch(path: PathLike, options?: { recursive?: boolean; signal?: AbortSignal }): AsyncIterableIterator<{ eventType: "change" | "rename"; filename: string }>;
    readonly constants: Readonly<Record<string, number>>;
  };
  /** An open file. */
  export interface FileHandle extends NodeEventEmitter {
    readonly fd: number;
    read(buffer?: ArrayBufferView, offset?: number, length?: number, position?: number | null): Promise<{ bytesRead: number; buffer: ArrayBufferView }>;
    write(data: string | ArrayBufferView, offset?: number | null, length?: number | string, position?: number | null): Promise<{ bytesWritten: number }>;
    readFile(options?: Bytes): Promise<Buffer>;
    readFile(options: Encoding): Promise<string>;
    writeFile(data: Data, options?: WriteOptions): Promise<void>;
    readLines(): AsyncIterableIterator<string>;
    stat(): Promise<Stats>;
    close(): Promise<void>;
  }
  const all: typeof import("node:fs");
  export default all;
}
declare module "node:fs/promises" {
  import { promises } from "node:fs";
  export const readFile: typeof promises.readFile;
  export const writeFile: typeof promises.writeFile;
  export const appendFile: typeof promises.appendFile;
  export const stat: typeof promises.stat;
  export const lstat: typeof promises.lstat;
  export const readdir: typeof promises.readdir;
  export const mkdir: typeof promises.mkdir;
  export const rm: typeof promises.rm;
  export const rmdir: typeof promises.rmdir;
  export const unlink: typeof promises.unlink;
  export const rename: typeof promises.rename;
  export const copyFile: typeof promises.copyFile;
  export const cp: typeof promises.cp;
  export const readlink: typeof promises.readlink;
  export const symlink: typeof promises.symlink;
  export const chmod: typeof promises.chmod;
  export const utimes: typeof promises.utimes;
  export const access: typeof promises.access;
  export const realpath: typeof promises.realpath;
  export const mkdtemp: typeof promises.mkdtemp;
  export const truncate: typeof promises.truncate;
  export const glob: typeof promises.glob;
  export const opendir: typeof promises.opendir;
  export const open: typeof promises.open;
  export const watch: typeof promises.watch;
  export const constants: typeof promises.constants;
  export default promises;
}
