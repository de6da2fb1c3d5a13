/**
 * `cla/namespace`: keys that cannot meet those of others.
 *
 * ```js
 * import { Namespace } from "cla/namespace";
 * String(new Namespace("@shop").create("cart")); // "@shop:_rt:cart"
 * ```
 */

import type { OneOrMore } from "cla/task";

/** A key within a namespace. */
export interface IKey {
  /** The key as it was given. */
  get(): string;
  /** The key with its namespace in front: what tells it from all others. */
  toString(): string;
  /** Whether the other one is the same key of the same namespace. */
  equals(other: IKey): boolean;
}

/** Makes keys. */
export interface INamespace {
  /** What stands in front of each key. */
  toString(): string;
  /** A key of this namespace. */
  create(key: string): IKey;
}

/** How keys are put together. */
export interface NamespaceSettings {
  /** What stands between the parts (default: `":"`). */
  delimiter?: string;
  /** The same, by another spelling. */
  delimeter?: string;
  /** The part that ends the namespace and begins the key (default: `"_rt"`). */
  rootIdentifier?: string;
}

/** A {@link Namespace} as plain data. */
export interface SerializedNamespace {
  version: "1";
  root: string | string[];
  delimiter: string;
  rootIdentifier: string;
}

class Key implements IKey {
  private readonly prefix: string;
  private readonly key: string;

  constructor(prefix: string, key: string) {
    this.prefix = prefix;
    this.key = key;
  }

  get(): string {
    return this.key;
  }

  toString(): string {
    return this.prefix + this.key;
  }

  equals(other: IKey): boolean {
    return this.toString() === other.toString();
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Puts its name in front of keys, so that they never meet those of another namespace. It never changes. */
export class Namespace implements INamespace {
  private readonly root: readonly string[];
  private readonly delimiter: string;
  private readonly rootIdentifier: string;

  /**
   * @param root Its name; the parts of a list are joined.
   * @throws TypeError if a part is no text, or the one that ends a namespace.
   */
  constructor(root: OneOrMore<string>, settings: NamespaceSettings = {}) {
    this.root = typeof root === "string" ? [root] : [...root];
    this.delimiter = settings.delimiter ?? settings.delimeter ?? ":";
    this.rootIdentifier = settings.rootIdentifier ?? "_rt";
    for (const part of this.root) {
      this.#check(part);
    }
  }

  /** What {@link Namespace.serialize} gave. */
  static deserialize(serialized: SerializedNamespace): Namespace {
    return new Namespace(serialized.root, serialized);
  }

  /** This as plain data, for a `Serde` at which the class is registered. */
  serialize(): SerializedNamespace {
    const [only, ...others] = this.root;
    return {
      version: "1",
      root: only !== undefined && others.length === 0 ? only : [...this.root],
      delimiter: this.delimiter,
      rootIdentifier: this.rootIdentifier,
    };
  }

  /** The same with something else between its parts. */
  setDelimiter(delimiter: string): Namespace {
    return new Namespace(this.root, { delimiter, rootIdentifier: this.rootIdentifier });
  }

  /** The same, by another spelling. */
  setDelimeter(delimiter: string): Namespace {
    return this.setDelimiter(delimiter);
  }

  /** The same with another part between namespace and key. */
  setRootIdentifier(rootIdentifier: string): Namespace {
    return new Namespace(this.root, { delimiter: this.delimiter, rootIdentifier });
  }

  /** One below this one. */
  appendRoot(root: OneOrMore<string>): Namespace {
    return this.#renamed([...this.root, ...[root].flat()]);
  }

  /** One in which this one is. */
  prependRoot(root: OneOrMore<string>): Namespace {
    return this.#renamed([...[root].flat(), ...this.root]);
  }

  /** @throws TypeError if the key is no text, or contains the part that ends a namespace. */
  create(key: string): IKey {
    this.#check(key);
    return new Key(this.toString() + this.delimiter, key);
  }

  toString(): string {
    return [...this.root, this.rootIdentifier].join(this.delimiter);
  }

  #renamed(root: string[]): Namespace {
    return new Namespace(root, { delimiter: this.delimiter, rootIdentifier: this.rootIdentifier });
  }

  /** With that part in a name or a key, two different pairs of them could become the same text. */
  #check(text: string): void {
    checkString(text);
    if (text.split(this.delimiter).includes(this.rootIdentifier)) {
      const reserved = JSON.stringify(this.rootIdentifier);
      throw new TypeError(`the key ${JSON.stringify(text)} must not contain ${reserved}, which ends a namespace`);
    }
  }
}

function checkString(text: unknown): void {
  if (typeof text !== "string") {
    throw new TypeError(`a key must be a string, not ${text === null ? "null" : typeof text}`);
  }
}

/** No namespace: keys stay as they are. */
export class NoOpNamespace implements INamespace {
  create(key: string): IKey {
    checkString(key);
    return new Key("", key);
  }

  toString(): string {
    return "";
  }
}
