/**
 * `cla/serde/super-json`: the text format of the npm package `superjson`.
 *
 * It is JSON with a second part that tells what JSON cannot: `{"json": ..., "meta": {"values": ...}}`. Either side
 * reads what the other one wrote.
 */

import {
  DeserializationSerdeError,
  type IFlexibleSerdeAdapter,
  type ISerdeTransformerAdapter,
  SerializationSerdeError,
} from "cla/serde";

/** What JSON cannot tell of a value: a word, or a word and a name. */
type Kind = string | [word: string, name: string];

/** The kind of a value and those of what is in it, by paths; a list where the value itself has a kind. */
type Tree = { [path: string]: Tree } | [Kind] | [Kind, { [path: string]: Tree }];

/** Paths to the same object: from the one that counts to the others. */
type Equalities = Record<string, string[]>;

interface Payload {
  json: unknown;
  meta?: {
    values?: Tree;
    referentialEqualities?: Equalities | [string[]] | [string[], Equalities];
    v?: number;
  };
}

/** The way to a value, from the inside out. */
interface Path {
  readonly parent: Path | undefined;
  readonly key: string;
  readonly length: number;
}

const ROOT: Path = { parent: undefined, key: "", length: 0 };

interface Written {
  readonly json: unknown;
  readonly tree: Tree | undefined;
}

const ARRAYS = [
  Int8Array,
  Uint8Array,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  Uint8ClampedArray,
] as const;

/** Names by which a text could reach what all objects inherit. */
const FORBIDDEN: readonly string[] = ["__proto__", "prototype", "constructor"];

function isPlain(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || value === Object.prototype) {
    return false;
  }
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

const escaped = (key: string): string => (/[\\.]/.test(key) ? key.replace(/[\\.]/g, "\\$&") : key);

function keysOf(path: Path): string {
  const keys: string[] = [];
  for (let step = path; step.parent !== undefined; step = step.parent) {
    keys.push(escaped(step.key));
  }
  return keys.reverse().join(".");
}

/** The keys of a path. Before version 1 of the format, a backslash stood for itself unless a dot followed. */
function split(path: string, isLegacy: boolean): string[] {
  if (!path.includes("\\")) {
    return path.split(".");
  }
  const keys = [""];
  for (let at = 0; at < path.length; at += 1) {
    let character = path.charAt(at);
    if (character === ".") {
      keys.push("");
      continue;
    }
    if (character === "\\") {
      const next = path.charAt(at + 1);
      if (next === "." || (next === "\\" && !isLegacy)) {
        character = next;
        at += 1;
      } else if (!isLegacy) {
        throw new DeserializationSerdeError(`the path ${JSON.stringify(path)} ends in the middle of an escape`);
      }
    }
    keys[keys.length - 1] += character;
  }
  return keys;
}

/** Writes one value. */
class Writer {
  readonly #customs: Iterable<ISerdeTransformerAdapter>;
  /** All ways to each value with an identity, in the order in which they were met. */
  readonly #ways = new Map<unknown, Path[]>();
  readonly #done = new Map<unknown, Written>();
  readonly #open = new Set<unknown>();
  /** How many values with a form of their own are open: what they consist of has no way that a reader could go. */
  #within = 0;

  constructor(customs: Iterable<ISerdeTransformerAdapter>) {
    this.#customs = customs;
  }

  payload(value: unknown): Payload {
    const { json, tree } = this.#write(value, ROOT);
    const same = this.#equalities();
    if (tree === undefined && same === undefined) {
      return { json };
    }
    return {
      json,
      meta: {
        ...(tree !== undefined && { values: tree }),
        ...(same !== undefined && { referentialEqualities: same }),
        v: 1,
      },
    };
  }

  #write(value: unknown, path: Path): Written {
    const type = typeof value;
    if (value === null || type === "string" || type === "boolean" || type === "symbol") {
      return this.#leaf(value);
    }
    if (type === "undefined" || (type === "number" && !Number.isNaN(value))) {
      return this.#leaf(value);
    }
    // Not only objects: to the format, NaN, bigints and functions are the same thing where they are equal.
    if (this.#within === 0) {
      const ways = this.#ways.get(value);
      if (ways === undefined) {
        this.#ways.set(value, [path]);
      } else {
        ways.push(path);
      }
    }
    const done = this.#done.get(value);
    if (done !== undefined) {
      return done;
    }
    if (this.#open.has(value)) {
      // A circle: whoever reads it closes it again by the equal paths.
      return { json: null, tree: undefined };
    }
    this.#open.add(value);
    const written = this.#object(value, path);
    this.#open.delete(value);
    if (this.#within === 0) {
      this.#done.set(value, written);
    }
    return written;
  }

  #leaf(value: unknown): Written {
    const form = this.#form(value);
    return form === undefined ? { json: value, tree: undefined } : { json: form.value, tree: [form.kind] };
  }

  #object(value: unknown, path: Path): Written {
    const form = this.#form(value);
    if (form?.isCustom) {
      if (!isContainer(form.value)) {
        return { json: form.value, tree: [form.kind] };
      }
      this.#within += 1;
      const { json, tree } = this.#parts(form.value, ROOT);
      this.#within -= 1;
      return { json, tree: tree === undefined ? [form.kind] : [form.kind, tree] };
    }
    const isDeep =
      Array.isArray(value) || isPlain(value) || value instanceof Map || value instanceof Set || value instanceof Error;
    if (!isDeep) {
      return form === undefined ? { json: value, tree: undefined } : { json: form.value, tree: [form.kind] };
    }
    const { json, tree } = this.#parts((form === undefined ? value : form.value) as object, path);
    if (form === undefined) {
      return { json, tree };
    }
    return { json, tree: tree === undefined ? [form.kind] : [form.kind, tree] };
  }

  /** Writes what is in a list or an object. */
  #parts(value: object, path: Path): { json: unknown; tree: { [path: string]: Tree } | undefined } {
    const json: Record<string, unknown> = Array.isArray(value) ? ([] as unknown as Record<string, unknown>) : {};
    let inner: { [path: string]: Tree } | undefined;
    for (const key of Object.keys(value)) {
      if (FORBIDDEN.includes(key)) {
        throw new SerializationSerdeError(
          `a property ${JSON.stringify(key)} cannot be written: a text with it could change what all objects inherit`,
        );
      }
      const part = this.#write((value as Record<string, unknown>)[key], { parent: path, key, length: path.length + 1 });
      json[key] = part.json;
      if (Array.isArray(part.tree)) {
        inner ??= {};
        inner[escaped(key)] = part.tree;
      } else if (part.tree !== undefined) {
        inner ??= {};
        for (const [below, tree] of Object.entries(part.tree)) {
          inner[`${escaped(key)}.${below}`] = tree;
        }
      }
    }
    return { json, tree: inner };
  }

  /** What stands for a value that JSON has no form for. */
  #form(value: unknown): { kind: Kind; value: unknown; isCustom?: boolean } | undefined {
    for (const custom of this.#customs) {
      if (custom.isApplicable(value)) {
        return { kind: ["custom", custom.name], value: custom.serialize(value), isCustom: true };
      }
    }
    switch (typeof value) {
      case "undefined":
        return { kind: "undefined", value: null };
      case "bigint":
        return { kind: "bigint", value: value.toString() };
      case "number":
        if (Number.isFinite(value) && !Object.is(value, -0)) {
          return undefined;
        }
        return { kind: "number", value: Object.is(value, -0) ? "-0" : String(value) };
      case "object":
        break;
      default:
        return undefined;
    }
    if (value instanceof Date) {
      // JSON makes `null` of what is no date at all.
      return Number.isNaN(value.valueOf()) ? undefined : { kind: "Date", value: value.toISOString() };
    }
    if (value instanceof Error) {
      const { name, message } = value;
      return { kind: "Error", value: "cause" in value ? { name, message, cause: value.cause } : { name, message } };
    }
    if (value instanceof RegExp) {
      return { kind: "regexp", value: String(value) };
    }
    if (value instanceof Set) {
      return { kind: "set", value: [...value] };
    }
    if (value instanceof Map) {
      return { kind: "map", value: [...value] };
    }
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return { kind: ["typed-array", value.constructor.name], value: [...(value as Uint8Array)] };
    }
    return value instanceof URL ? { kind: "URL", value: value.href } : undefined;
  }

  #equalities(): NonNullable<Payload["meta"]>["referentialEqualities"] {
    const others: Equalities = {};
    let root: string[] | undefined;
    for (const ways of this.#ways.values()) {
      if (ways.length > 1) {
        const [first, ...rest] = ways.sort((a, b) => a.length - b.length);
        if (first === ROOT) {
          root = rest.map(keysOf);
        } else {
          others[keysOf(first as Path)] = rest.map(keysOf);
        }
      }
    }
    const hasOthers = Object.keys(others).length > 0;
    if (root !== undefined) {
      return hasOthers ? [root, others] : [root];
    }
    return hasOthers ? others : undefined;
  }
}

type Container = unknown[] | Record<string, unknown>;
type Collection = Map<unknown, unknown> | Set<unknown>;

/** Reads one text. */
class Reader {
  readonly #customs: ReadonlyMap<string, ISerdeTransformerAdapter>;
  /** The lists that maps and sets were made of: equal paths lead into these. */
  readonly #lists = new Map<unknown, unknown[]>();
  /** The map or set that a list, or a pair of a key and a value, belongs to. */
  readonly #owners = new Map<unknown, Collection>();
  readonly #changed = new Set<Collection>();
  #isLegacy = false;

  constructor(customs: ReadonlyMap<string, ISerdeTransformerAdapter>) {
    this.#customs = customs;
  }

  value({ json, meta }: Payload): unknown {
    this.#isLegacy = (meta?.v ?? 0) < 1;
    const root = { value: json };
    if (meta?.values) {
      this.#revive(root, "value", meta.values);
    }
    const same = meta?.referentialEqualities;
    if (same) {
      const [toRoot, others] = Array.isArray(same) ? [same[0], same[1] ?? {}] : [[], same];
      for (const path of toRoot) {
        this.#put(root, path, root.value);
      }
      for (const [path, paths] of Object.entries(others)) {
        const value = this.#follow(root, split(path, this.#isLegacy));
        for (const path of paths) {
          this.#put(root, path, value);
        }
      }
      this.#refill();
    }
    return root.value;
  }

  /** Makes what it was of the value in `container[key]`, after all that is in it. */
  #revive(container: Container, key: string, tree: Tree): void {
    const [kind, inner] = Array.isArray(tree) ? tree : [undefined, tree];
    for (const [path, below] of Object.entries(inner ?? {})) {
      let [at, last]: [Container, string] = [container, key];
      for (const next of split(path, this.#isLegacy)) {
        const value = get(at, last);
        if (!isContainer(value) || !Object.hasOwn(value, next) || FORBIDDEN.includes(next)) {
          throw leadsNowhere(path);
        }
        [at, last] = [value, next];
      }
      this.#revive(at, last, below);
    }
    if (kind !== undefined) {
      set(container, key, this.#made(kind, get(container, key)));
    }
  }

  #made(kind: Kind, value: any): unknown {
    const [word, name] = Array.isArray(kind) ? kind : [kind, ""];
    switch (word) {
      case "undefined":
        return undefined;
      case "bigint":
        return BigInt(value);
      case "number":
        return Number(value);
      case "Date":
        return new Date(value);
      case "URL":
        return new URL(value);
      case "regexp": {
        const end = value.lastIndexOf("/");
        return new RegExp(value.slice(1, end), value.slice(end + 1));
      }
      case "Error": {
        const error = new Error(value.message, "cause" in value ? { cause: value.cause } : undefined);
        Object.defineProperty(error, "name", { value: value.name, writable: true, configurable: true });
        return error;
      }
      case "set":
        return this.#listed(new Set(listOf(value)), value);
      case "map":
        return this.#listed(new Map(listOf(value)), value);
      case "typed-array": {
        const type = ARRAYS.find((array) => array.name === name);
        if (type !== undefined) {
          return new type(listOf(value));
        }
        break;
      }
      case "custom": {
        const custom = this.#customs.get(name);
        if (custom !== undefined) {
          return custom.deserialize(value);
        }
        const hint = "register its class or transformer before reading";
        throw new DeserializationSerdeError(`nobody has registered ${JSON.stringify(name)}: ${hint}`);
      }
    }
    throw new DeserializationSerdeError(`unknown kind of value: ${JSON.stringify(kind)}`);
  }

  #listed<TCollection extends Collection>(collection: TCollection, list: unknown[]): TCollection {
    this.#lists.set(collection, list);
    this.#owners.set(list, collection);
    if (collection instanceof Map) {
      list.forEach((pair) => this.#owners.set(pair, collection));
    }
    return collection;
  }

  /** The container of the place that `keys` lead to, and its key there. */
  #place(root: Container, keys: readonly string[]): [Container, string] {
    let [at, last]: [Container, string] = [root, "value"];
    for (const key of keys) {
      const value = get(at, last);
      const next = this.#lists.get(value) ?? (isContainer(value) || value instanceof Error ? value : undefined);
      if (next === undefined || !Object.hasOwn(next, key) || FORBIDDEN.includes(key)) {
        throw leadsNowhere(keys.map(escaped).join("."));
      }
      [at, last] = [next as Container, key];
    }
    return [at, last];
  }

  #follow(root: Container, keys: readonly string[]): unknown {
    const [container, key] = this.#place(root, keys);
    return get(container, key);
  }

  #put(root: Container, path: string, value: unknown): void {
    const [container, key] = this.#place(root, split(path, this.#isLegacy));
    set(container, key, value);
    const owner = this.#owners.get(container);
    if (owner !== undefined) {
      this.#changed.add(owner);
    }
  }

  /** Fills maps and sets again in which something was replaced. */
  #refill(): void {
    for (const collection of this.#changed) {
      const list = this.#lists.get(collection) ?? [];
      collection.clear();
      if (collection instanceof Map) {
        (list as [unknown, unknown][]).forEach(([key, value]) => collection.set(key, value));
      } else {
        list.forEach((item) => collection.add(item));
      }
    }
  }
}

function isContainer(value: unknown): value is Container {
  return Array.isArray(value) || isPlain(value);
}

function listOf(value: unknown): any[] {
  if (!Array.isArray(value)) {
    throw new DeserializationSerdeError("what should be a list is none");
  }
  return value;
}

function get(container: Container, key: string): unknown {
  return (container as Record<string, unknown>)[key];
}

function set(container: Container, key: string, value: unknown): void {
  (container as Record<string, unknown>)[key] = value;
}

function leadsNowhere(path: string): DeserializationSerdeError {
  return new DeserializationSerdeError(`the path ${JSON.stringify(path)} leads nowhere`);
}

/** Refuses a property that could change what all objects inherit once it is copied. */
function refusePrototypes(json: unknown): void {
  const left = [json];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value === "object" && value !== null) {
      if (Object.hasOwn(value, "__proto__")) {
        throw new DeserializationSerdeError('a text with a property "__proto__" is not read');
      }
      for (const part of Object.values(value)) {
        left.push(part);
      }
    }
  }
}

/**
 * The format of npm `superjson`: dates, maps, sets, bigints, regular expressions, `undefined`, `NaN`, infinities, `-0`,
 * errors, URLs and typed arrays are what they were, an object that is there twice is one object, and circles close.
 */
export class SuperJsonSerdeAdapter implements IFlexibleSerdeAdapter<string> {
  readonly #customs = new Map<string, ISerdeTransformerAdapter>();

  serialize<TValue>(value: TValue): string {
    const payload = new Writer([...this.#customs.values()]).payload(value);
    try {
      return JSON.stringify(payload);
    } catch (cause) {
      throw new SerializationSerdeError(`no JSON can be made of it: ${(cause as Error).message}`, { cause });
    }
  }

  /** What is no text is taken as a value: the result is a copy, by way of its text. */
  deserialize<TValue = any>(text: string): TValue {
    const written: unknown = typeof text === "string" ? text : this.serialize(text);
    let payload: Payload;
    try {
      payload = JSON.parse(written as string);
    } catch (cause) {
      throw new DeserializationSerdeError(`no JSON: ${(cause as Error).message}`, { cause });
    }
    if (typeof payload !== "object" || payload === null) {
      throw new DeserializationSerdeError("no text of this format: it must be an object with a property `json`");
    }
    // Escapes could hide the name.
    if (/__proto__|\\u/.test(written as string)) {
      refusePrototypes(payload);
    }
    try {
      return new Reader(this.#customs).value(payload) as TValue;
    } catch (cause) {
      if (cause instanceof DeserializationSerdeError) {
        throw cause;
      }
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new DeserializationSerdeError(`a value of this text cannot be made: ${reason}`, { cause });
    }
  }

  registerCustom(transformer: ISerdeTransformerAdapter): void {
    this.#customs.set(transformer.name, transformer);
  }
}
