// Node's names

import assert from "node:assert";
import { Buffer as SameBuffer } from "node:buffer";
import { execFileSync, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import EventEmitter, { once } from "events";
import fs, { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "path";
import { Readable, Transform, pipeline } from "node:stream";
import { text } from "node:stream/consumers";
import { setTimeout as later } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import util, { parseArgs, promisify } from "node:util";
import { exactly } from "./assert.ts";

exactly<string>()(readFileSync("a.txt", "utf8"));
exactly<Buffer>()(readFileSync("a.txt"));
exactly<string>()(await readFile("a.txt", { encoding: "utf8" }));
exactly<string[]>()(fs.readdirSync("."));
exactly<boolean>()(fs.statSync(".").isDirectory());
exactly<string>()(path.join("a", "b"));
exactly<string>()(Buffer.from("a").toString("hex"));
exactly<number>()(SameBuffer.alloc(4).readUInt32BE());
exactly<string>()(createHash("sha256").update("a").digest("hex"));
exactly<Buffer>()(randomBytes(4));
exactly<string>()(fileURLToPath("file:///a"));
exactly<string>()(util.inspect({}));
exactly<string>()(await text(Readable.from(["a"])));
exactly<string>()(await later(1, "x"));
exactly<number>()(process.pid);
exactly<string | undefined>()(process.env.HOME);
assert.strictEqual(1, 1);
const emitter = new EventEmitter();
emitter.on("x", () => {}).emit("x");
await once(emitter, "x");
const { values } = parseArgs({ options: { file: { type: "string", short: "f" } } });
process.stdout.write(`${values.file}\n`);
const child = spawn("cat", [], { stdio: ["pipe", "pipe", "inherit"] });
child.stdin?.end("text");
execFileSync("echo", ["a"]);
pipeline(Readable.from(["a"]), new Transform({ transform: (chunk, _encoding, callback) => callback(null, chunk) }), (error: unknown) => error);
await promisify(fs.readFile)("a.txt");
if (values.file === undefined) process.exit(2);
// @ts-expect-error there is no such encoding
Buffer.from("a", "utf7");
// @ts-expect-error a rule has no sockets
import net from "node:net";
net;

import { setTimeout as startTimer, setImmediate as soon, clearTimeout as stop } from "node:timers";
import { createCipheriv } from "node:crypto";

const timer = startTimer((n: number) => n.toFixed(1), 5, 1).unref().refresh();
stop(timer);
const isHeld: boolean = soon(() => {}).hasRef();
const sealed: string = createCipheriv("aes-256-gcm", new Uint8Array(32), new Uint8Array(12)).update("x", "utf8", "hex");
// @ts-expect-error there is no such cipher
createCipheriv("aes-256-cbc", new Uint8Array(32), new Uint8Array(16));
const measured: number = performance.measure("all", { start: 0 }).duration;
const { port1 } = new MessageChannel();
port1.onmessage = (event) => event.data;
// @ts-expect-error only performance is one
new Performance();
export { isHeld, sealed, measured };
