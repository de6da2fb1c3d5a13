// Reads `{ name: text }` as our engine wrote it, and prints `{ name: { read, text, again } }`: what superjson reads from
// our text, what it writes for the value of that name itself, and what it reads from that. It could not write those of
// `own`, for it writes nothing but JSON for objects of a class.

import { readFileSync } from "node:fs";
import { SuperJSON } from "superjson";

const { Point, describe, exact, own } = (0, eval)(readFileSync(new URL("cases.js", import.meta.url), "utf8"));
const superjson = new SuperJSON();
superjson.registerCustom(
  {
    isApplicable: (value) => value instanceof Point,
    serialize: (value) => ({ version: "1", class_: value.serialize() }),
    deserialize: ({ class_ }) => Point.deserialize(class_),
  },
  "Point",
);

const written = JSON.parse(readFileSync(0, "utf8"));
const read = {};
for (const [name, value] of Object.entries(exact)) {
  const text = superjson.stringify(value);
  read[name] = { read: describe(superjson.parse(written[name])), text, again: describe(superjson.parse(text)) };
}
for (const name of Object.keys(own)) {
  read[name] = { read: describe(superjson.parse(written[name])) };
}
process.stdout.write(JSON.stringify(read));
