// Made of serde/super-json.ts by `cargo xtask types --write`.

/**
 * `cla/serde/super-json`: the text format of the npm package `superjson`.
 *
 * It is JSON with a second part that tells what JSON cannot: `{"json": ..., "meta": {"values": ...}}`. Either side
 * reads what the other one wrote.
 */
declare module "cla/serde/super-json" {
  import { type IFlexibleSerdeAdapter, type ISerdeTransformerAdapter } from "cla/serde";
  /**
   * The format of npm `superjson`: dates, maps, sets, bigints, regular expressions, `undefined`, `NaN`, infinities, `-0`,
   * errors, URLs and typed arrays are what they were, an object that is there twice is one object, and circles close.
   */
  export class SuperJsonSerdeAdapter implements IFlexibleSerdeAdapter<string> {
    #private;
    serialize<TValue>(value: TValue): string;
    /** What is no text is taken as a value: the result is a copy, by way of its text. */
    deserialize<TValue = any>(text: string): TValue;
    registerCustom(transformer: ISerdeTransformerAdapter): void;
  }
}

interface ClaModules {
  "cla/serde/super-json": typeof import("cla/serde/super-json");
}
