// Made of serde.ts by `cargo xtask types --write`.

/**
 * `cla/serde`: values as text and back, classes of one's own included.
 *
 * ```js
 * import { Serde } from "cla/serde";
 * import { SuperJsonSerdeAdapter } from "cla/serde/super-json";
 * const serde = new Serde(new SuperJsonSerdeAdapter());
 * serde.deserialize(serde.serialize({ due: new Date() })).due; // a Date
 * ```
 */
declare module "cla/serde" {
  import type { OneOrMore } from "cla/task";
  /** What all errors of a serde are. */
  export class SerdeError extends Error {
    constructor(message: string, options?: ErrorOptions);
  }
  /** A value cannot become text. */
  export class SerializationSerdeError extends SerdeError {
  }
  /** A text cannot become a value. */
  export class DeserializationSerdeError extends SerdeError {
  }
  /** Makes text of values. */
  export interface ISerializer<TSerializedValue = unknown> {
    /** @throws SerializationSerdeError if the value has no form as text. */
    serialize<TValue>(value: TValue): TSerializedValue;
  }
  /** Makes values of text. */
  export interface IDeserializer<TSerializedValue = unknown> {
    /** @throws DeserializationSerdeError if no serializer can have written this. */
    deserialize<TValue = any>(serializedValue: TSerializedValue): TValue;
  }
  /** Does both. */
  export interface ISerde<TSerializedValue = unknown> extends ISerializer<TSerializedValue>, IDeserializer<TSerializedValue> {
  }
  /** Plain data with a version, so that a later program can still read it. */
  export interface SerializedValueBase {
    version: string;
  }
  /** How values of some kind are written and read. */
  export interface ISerdeTransformer<TDeserialized, TSerialized> {
    /** Tells this kind from all others of the same serde; the parts of a list are joined. */
    name: OneOrMore<string>;
    /** Whether a value is of this kind. */
    isApplicable(value: unknown): value is TDeserialized;
    /** Makes plain data of it. */
    serialize(value: TDeserialized): TSerialized;
    /** Makes it of its plain data. */
    deserialize(serializedValue: TSerialized): TDeserialized;
  }
  /** An object that can say what it consists of. */
  export interface ISerializable<TSerialized = unknown> {
    serialize(): TSerialized;
  }
  /** A class whose objects can be written and read. */
  export interface SerializableClass<TSerialized> extends Function {
    readonly prototype: ISerializable<TSerialized>;
    deserialize(serialized: TSerialized): ISerializable<TSerialized>;
  }
  /** Takes kinds of values that need a form of their own. */
  export interface ISerderRegister {
    /**
     * Writes objects of this very class by their `serialize()`, and reads them by the class's `deserialize()`.
     *
     * @param prefix Goes in front of the class's name where two classes have the same.
     */
    registerClass<TSerialized>(class_: SerializableClass<TSerialized>, prefix?: OneOrMore<string>): this;
    /** Adds a kind of values; one of the same name replaces the earlier one. */
    registerCustom<TDeserialized, TSerialized>(transformer: ISerdeTransformer<TDeserialized, TSerialized>, prefix?: OneOrMore<string>): this;
  }
  /** Does all of it. */
  export interface IFlexibleSerde<TSerializedValue = unknown> extends ISerde<TSerializedValue>, ISerderRegister {
  }
  /** A kind of values, as an adapter sees it. */
  export interface ISerdeTransformerAdapter<TDeserialized = any, TSerialized = any> extends ISerdeTransformer<TDeserialized, TSerialized> {
    name: string;
  }
  /** A format. */
  export interface IFlexibleSerdeAdapter<TSerializedValue = unknown> extends ISerde<TSerializedValue> {
    registerCustom(transformer: ISerdeTransformerAdapter): void;
  }
  /** Writes and reads values in the format of its adapter. */
  export class Serde<TSerializedValue> implements IFlexibleSerde<TSerializedValue> {
    #private;
    constructor(adapter: IFlexibleSerdeAdapter<TSerializedValue>);
    serialize<TValue>(value: TValue): TSerializedValue;
    deserialize<TValue = any>(serializedValue: TSerializedValue): TValue;
    registerClass<TSerialized>(class_: SerializableClass<TSerialized>, prefix?: OneOrMore<string>): this;
    registerCustom<TDeserialized, TSerialized>(transformer: ISerdeTransformer<TDeserialized, TSerialized>, prefix?: OneOrMore<string>): this;
  }
}

interface ClaModules {
  "cla/serde": typeof import("cla/serde");
}
