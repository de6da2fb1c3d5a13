// What every rule has without an import.

import { exactly } from "./assert.ts";

print("text", 42, { any: "thing" });
console.log("text", 42);
console.error("text");

cla.stash("server/port", 8080);
const port: number = cla.stash("server/port");
exactly<string>()(cla.sprintf("%s has %d", "a", 2));
cla.printf("%s\n", "text");
const text: string = cla.parseVars("${name}", { name: "a" });
cla.parseVars({ nested: ["${name}"] });
cla.dump({ any: "thing" });
cla.lastError;
// @ts-expect-error a format is text
cla.sprintf(42);
// @ts-expect-error no such thing
cla.nonsense();

const timer = setTimeout(() => {}, 10);
clearTimeout(timer);
const ticks = setInterval(() => {}, 10);
clearInterval(ticks);
queueMicrotask(() => {});
// @ts-expect-error what to call?
setTimeout();

exactly<{ a: number }>()(structuredClone({ a: 1 as number }));
exactly<string>()(new URL("/path", "https://example.com").hostname);
const bytes: Uint8Array = new TextEncoder().encode("text");
exactly<string>()(new TextDecoder().decode(bytes));

<<<<<<< HEAD
// A rule is no web page, and has of Node what docs/node.md says.
// @ts-expect-error no DOM
document.title;
exactly<Buffer>()(Buffer.from("text"));
// @ts-expect-error no native code
process.dlopen;
=======
// A rule is no web page.
// @ts-expect-error no DOM
document.title;
exactly<string>()(import.meta.filename);
exactly<boolean>()(import.meta.main);

exactly<string>()(cla.config("deploy.host", "web1"));
exactly<number | undefined>()(cla.config<number>("deploy.keep"));
exactly<RegExp>()(cla.regex("a.*", "i"));
// @ts-expect-error the default has the type that is wanted
cla.config<number>("deploy.keep", "three");
>>>>>>> refs/heads/clarive
