// cla/fs and cla/path

import fs, { type Entry, FileError, move, promises, readFile } from "cla/fs";
import path, { join, type ParsedPath } from "cla/path";
import { exactly } from "./assert.ts";

exactly<string>()(readFile("a"));
exactly<Uint8Array>()(fs.readFile("a", "bytes"));
exactly<Uint8Array>()(fs.readFile("a", null));
exactly<string[]>()(fs.readDir("."));
exactly<Entry[]>()(fs.readDir(".", { withKinds: true }));
exactly<Promise<string>>()(promises.readFile("a"));
exactly<Promise<void>>()(promises.move("a", "b"));
move("a", "b", { overwrite: false });
for (const line of fs.open("a").lines()) line.trim();
for await (const line of await fs.promises.open("a")) line.trim();
exactly<Date>()(fs.stat("a").mtime);
exactly<string | null>()(fs.openFile("a").readLine());
const failed = new FileError("no", { code: "ENOENT" });
exactly<string | undefined>()(failed.code);
// @ts-expect-error no such mode
fs.open("a", "q");
// @ts-expect-error no number
fs.writeFile("a", 1);

exactly<string>()(join("a", "b"));
exactly<ParsedPath>()(path.parse("a"));
// @ts-expect-error no number
path.join(1);
