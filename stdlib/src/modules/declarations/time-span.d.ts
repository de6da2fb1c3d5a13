// Made of time-span.ts by `cargo xtask types --write`.

/**
 * `cla/time-span`: lengths of time that say their unit.
 *
 * ```js
 * import { TimeSpan } from "cla/time-span";
 * const ttl = TimeSpan.fromMinutes(1).addSeconds(30);
 * ```
 */
declare module "cla/time-span" {
  /** The method by which any object can stand for a length of time. */
  export const TO_MILLISECONDS: unique symbol;
  /** A length of time: a {@link TimeSpan}, or an object of another library that has this method. */
  export interface ITimeSpan {
    /** The length in milliseconds, 0 or more. */
    [TO_MILLISECONDS](): number;
  }
  /** A {@link TimeSpan} as plain data. */
  export interface SerializedTimeSpan {
    version: "1";
    timeInMs: number;
  }
  /** The two ends of a length of time; what is left out is now. */
  export interface TimeSpanFromDateRangeSettings {
    start?: Date;
    end?: Date;
  }
  /**
   * A length of time. It never changes, and is never negative: what would be is 0.
   *
   * `JSON.stringify` makes it a number of milliseconds, `String` a text that {@link TimeSpan.fromStr} reads; compared
   * with `<` and `>`, it counts in milliseconds.
   */
  export class TimeSpan implements ITimeSpan {
    private readonly milliseconds;
    private constructor();
    /** @throws TypeError if it is no finite number; so do the others like it. */
    static fromMilliseconds(milliseconds: number): TimeSpan;
    static fromSeconds(seconds: number): TimeSpan;
    static fromMinutes(minutes: number): TimeSpan;
    static fromHours(hours: number): TimeSpan;
    static fromDays(days: number): TimeSpan;
    /**
     * The same length as a {@link TimeSpan}.
     *
     * @throws TypeError if it is none.
     */
    static fromTimeSpan(timeSpan: ITimeSpan): TimeSpan;
    /**
     * Reads a text such as `"250ms"`, `"1m30s"`, `"1.5 hours"` or `"2 days, 4 h"`. A number without a unit is one of
     * milliseconds.
     *
     * @throws TypeError if it is no such text.
     */
    static fromStr(text: string): TimeSpan;
    /** The time from `start` to `end`. */
    static fromDateRange({ start, end }: TimeSpanFromDateRangeSettings): TimeSpan;
    /** What {@link TimeSpan.serialize} gave. */
    static deserialize(serialized: SerializedTimeSpan): TimeSpan;
    /** This as plain data, for a `Serde` at which the class is registered. */
    serialize(): SerializedTimeSpan;
    addMilliseconds(milliseconds: number): TimeSpan;
    addSeconds(seconds: number): TimeSpan;
    addMinutes(minutes: number): TimeSpan;
    addHours(hours: number): TimeSpan;
    addDays(days: number): TimeSpan;
    addTimeSpan(timeSpan: ITimeSpan): TimeSpan;
    subtractMilliseconds(milliseconds: number): TimeSpan;
    subtractSeconds(seconds: number): TimeSpan;
    subtractMinutes(minutes: number): TimeSpan;
    subtractHours(hours: number): TimeSpan;
    subtractDays(days: number): TimeSpan;
    subtractTimeSpan(timeSpan: ITimeSpan): TimeSpan;
    /** So many times as long, rounded to milliseconds. */
    multiply(factor: number): TimeSpan;
    /**
     * The so-manieth part of it, rounded to milliseconds.
     *
     * @throws TypeError if it is divided by 0.
     */
    divide(divisor: number): TimeSpan;
    /** Whether the other one is as long. */
    equals(other: ITimeSpan): boolean;
    /** Whether this is longer. */
    gt(other: ITimeSpan): boolean;
    /** Whether this is longer, or as long. */
    gte(other: ITimeSpan): boolean;
    /** Whether this is shorter. */
    lt(other: ITimeSpan): boolean;
    /** Whether this is shorter, or as long. */
    lte(other: ITimeSpan): boolean;
    [TO_MILLISECONDS](): number;
    toMilliseconds(): number;
    /** Whole seconds. */
    toSeconds(): number;
    /** Whole minutes. */
    toMinutes(): number;
    /** Whole hours. */
    toHours(): number;
    /** Whole days. */
    toDays(): number;
    /** When it is over if it begins at `start`, which is now if it is left out. */
    toEndDate(start?: Date): Date;
    /** When it began if it is over at `end`, which is now if it is left out. */
    toStartDate(end?: Date): Date;
    toJSON(): number;
    valueOf(): number;
    /** Such as `"1d2h"` or `"1m30s"`; nothing at all is `"0ms"`. */
    toString(): string;
  }
}

interface ClaModules {
  "cla/time-span": typeof import("cla/time-span");
}
