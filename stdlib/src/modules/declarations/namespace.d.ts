// Made of namespace.ts by `cargo xtask types --write`.

/**
 * `cla/namespace`: keys that cannot meet those of others.
 *
 * ```js
 * import { Namespace } from "cla/namespace";
 * String(new Namespace("@shop").create("cart")); // "@shop:_rt:cart"
 * ```
 */
declare module "cla/namespace" {
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
  /** Puts its name in front of keys, so that they never meet those of another namespace. It never changes. */
  export class Namespace implements INamespace {
    #private;
    private readonly root;
    private readonly delimiter;
    private readonly rootIdentifier;
    /**
     * @param root Its name; the parts of a list are joined.
     * @throws TypeError if a part is no text, or the one that ends a namespace.
     */
    constructor(root: OneOrMore<string>, settings?: NamespaceSettings);
    /** What {@link Namespace.serialize} gave. */
    static deserialize(serialized: SerializedNamespace): Namespace;
    /** This as plain data, for a `Serde` at which the class is registered. */
    serialize(): SerializedNamespace;
    /** The same with something else between its parts. */
    setDelimiter(delimiter: string): Namespace;
    /** The same, by another spelling. */
    setDelimeter(delimiter: string): Namespace;
    /** The same with another part between namespace and key. */
    setRootIdentifier(rootIdentifier: string): Namespace;
    /** One below this one. */
    appendRoot(root: OneOrMore<string>): Namespace;
    /** One in which this one is. */
    prependRoot(root: OneOrMore<string>): Namespace;
    /** @throws TypeError if the key is no text, or contains the part that ends a namespace. */
    create(key: string): IKey;
    toString(): string;
  }
  /** No namespace: keys stay as they are. */
  export class NoOpNamespace implements INamespace {
    create(key: string): IKey;
    toString(): string;
  }
}

interface ClaModules {
  "cla/namespace": typeof import("cla/namespace");
}
