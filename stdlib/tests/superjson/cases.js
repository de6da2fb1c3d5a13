// One expression, for our engine and for Node: values by name, and how to tell that two are alike.
// The values of `exact` become the very same text on both sides; those of `own` are only read by both.
(() => {
  class Point {
    constructor(x, y) {
      this.x = x;
      this.y = y;
    }
    static deserialize({ x, y }) {
      return new Point(x, y);
    }
    serialize() {
      return { x: this.x, y: this.y };
    }
  }

  /** A text that is the same for values that are alike, down to which objects are one and the same. */
  function describe(value, seen = new Map()) {
    if (typeof value === "string") return JSON.stringify(value);
    if (typeof value === "bigint") return `${value}n`;
    if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
    if (seen.has(value)) return `#${seen.get(value)}`;
    seen.set(value, seen.size);
    const list = (items) => Array.from(items, (item) => describe(item, seen)).join(", ");
    const properties = (object) => Object.keys(object).map((key) => `${JSON.stringify(key)}: ${describe(object[key], seen)}`).join(", ");
    if (Array.isArray(value)) return `[${list(value)}]`;
    if (value instanceof Date) return `Date(${value.getTime()})`;
    if (value instanceof RegExp) return `RegExp(${value})`;
    if (value instanceof URL) return `URL(${value.href})`;
    if (value instanceof Map) return `Map(${[...value].map(([key, item]) => `${describe(key, seen)} => ${describe(item, seen)}`).join(", ")})`;
    if (value instanceof Set) return `Set(${list(value)})`;
    if (value instanceof Error) return `Error(${value.name}, ${value.message}${value.cause === undefined ? "" : `, ${describe(value.cause, seen)}`})`;
    if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${list(value)})`;
    if (value instanceof Point) return `Point(${describe(value.x, seen)}, ${describe(value.y, seen)})`;
    return `{${properties(value)}}`;
  }

  const made = (make) => make();
  const date = () => new Date("2024-02-29T12:34:56.789Z");

  const exact = {
    null: null,
    true: true,
    text: "text with \" and \\ and \u2028 and \ud83d\ude00",
    number: 1.5e-7,
    "list": [1, "a", null, [true]],
    "object": { a: 1, b: { c: [2] } },
    "empty object": {},
    "empty list": [],
    "empty key": { "": date() },
    undefined: undefined,
    "undefined inside": { a: undefined, b: [undefined, 1] },
    date: date(),
    "dates inside": { at: date(), list: [date(), { deep: date() }] },
    "no date at all": { at: new Date(NaN) },
    bigint: 12345678901234567890n,
    "same bigints": [1n, 1n, { again: 1n }],
    regexp: /a\/b[.]c/giu,
    "regexp inside": { match: /^x$/ },
    NaN: NaN,
    "several NaN": [NaN, NaN],
    infinities: [Infinity, -Infinity, { a: Infinity }],
    "negative zero": [0, -0],
    map: new Map([["a", 1], ["b", date()]]),
    "map with keys of all kinds": new Map([[date(), 1], [undefined, 2], [NaN, 3], [{ a: 1n }, new Map([[1, new Set([2])]])]]),
    "empty map and set": [new Map(), new Set()],
    set: new Set([1, "a", date(), undefined, new Set([3n])]),
    error: new Error("why"),
    "error of a class": new TypeError("no"),
    "error with a cause": new Error("outer", { cause: new RangeError("inner", { cause: { at: date() } }) }),
    url: new URL("https://example.com/path?query=1#hash"),
    "typed arrays": [
      new Uint8Array([1, 2, 255]), new Int8Array([-1]), new Uint16Array([65535]), new Int16Array([-2]), new Uint32Array([4294967295]),
      new Int32Array([-3]), new Float32Array([1.5]), new Float64Array([2.5]), new Uint8ClampedArray([300]),
    ],
    "keys with dots and backslashes": { "a.b": date(), "c\\d": { "e\\.f": 1n }, "..": [undefined], "\\": NaN },
    "keys that are numbers": { 0: date(), 10: 1n, list: [{ 2: undefined }] },
    "the same object twice": made(() => { const one = { a: 1 }; return { first: one, second: one, list: [one] }; }),
    "the same date twice": made(() => { const one = date(); return [one, one]; }),
    "the same object in a map and a set": made(() => { const one = { n: 1n }; return { map: new Map([["k", one], [one, "v"]]), set: new Set(["x", one]), one }; }),
    "the shorter way counts": made(() => { const one = []; return { deep: { deeper: one }, flat: one }; }),
    "a circle": made(() => { const one = { name: "one" }; one.self = one; return one; }),
    "a circle further in": made(() => { const one = { list: [] }; one.list.push({ back: one }, one.list); return { one }; }),
    "a circle through a map": made(() => { const map = new Map(); map.set("self", map); return { map }; }),
    "a root and others": made(() => { const one = { a: {} }; one.b = one.a; one.c = one; return one; }),
    "functions and symbols": { f() {}, [Symbol("s")]: 1, list: [() => 1, Symbol("t")] },
    "an object without a prototype": Object.assign(Object.create(null), { a: date() }),
    "an object of a class that nobody registered": { one: new (class Own { a = 1; })() },
    "what has a toJSON": { one: { toJSON: undefined }, two: new (class { toJSON() { return "json"; } })() },
    "an object of a class": new Point(1, 2),
    "objects of a class inside": made(() => { const point = new Point(3, 4); return { list: [point, { deep: point }, new Point(5, 6)], map: new Map([["p", point]]) }; }),
    "a long list": Array.from({ length: 500 }, (_, n) => ({ n, at: new Date(n) })),
  };
  const own = {
    "an object of a class with a date": new Point(date(), { deep: [1n, undefined] }),
    "an object of a class in another": { outer: new Point(new Point(1, date()), new Map([["k", new Set([NaN])]])) },
  };
  return { Point, describe, exact, own };
})()
