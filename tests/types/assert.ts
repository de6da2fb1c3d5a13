// What the other files state their expectations with. Nothing here ever runs.

/** Exactly the same type, not merely one that fits: tells `any` from everything else. */
export type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;

/** `type _ = True<Same<A, B>>` compiles only if the two are the same. */
export type True<T extends true> = T;

/** Whether a type is `any`, which would let every mistake through. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Takes a value of exactly one type: `exactly<number>()(value)`. */
export declare function exactly<Expected>(): <Actual>(
  value: Actual,
  ...wrong: Same<Actual, Expected> extends true ? [] : [{ expected: Expected; actual: Actual }]
) => void;
