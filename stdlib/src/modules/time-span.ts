/**
 * `cla/time-span`: lengths of time that say their unit.
 *
 * ```js
 * import { TimeSpan } from "cla/time-span";
 * const ttl = TimeSpan.fromMinutes(1).addSeconds(30);
 * ```
 */

/** The method by which any object can stand for a length of time. */
export const TO_MILLISECONDS: unique symbol = Symbol("TO_MILLISECONDS");

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

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What a text may call its units, and how many milliseconds each has. A year is 365.25 days. */
const UNITS: readonly [names: RegExp, milliseconds: number][] = [
  [/^(ms|msecs?|milliseconds?)$/, 1],
  [/^(s|secs?|seconds?)$/, SECOND],
  [/^(m|mins?|minutes?)$/, MINUTE],
  [/^(h|hrs?|hours?)$/, HOUR],
  [/^(d|days?)$/, DAY],
  [/^(w|wks?|weeks?)$/, 7 * DAY],
  [/^(y|yrs?|years?)$/, 365.25 * DAY],
];

/**
 * A length of time. It never changes, and is never negative: what would be is 0.
 *
 * `JSON.stringify` makes it a number of milliseconds, `String` a text that {@link TimeSpan.fromStr} reads; compared
 * with `<` and `>`, it counts in milliseconds.
 */
export class TimeSpan implements ITimeSpan {
  private readonly milliseconds: number;

  private constructor(milliseconds: number) {
    if (!Number.isFinite(milliseconds)) {
      throw new TypeError(`a TimeSpan must be a finite number, not ${milliseconds}`);
    }
    this.milliseconds = Math.max(0, milliseconds);
    Object.freeze(this);
  }

  /** @throws TypeError if it is no finite number; so do the others like it. */
  static fromMilliseconds(milliseconds: number): TimeSpan {
    return new TimeSpan(milliseconds);
  }

  static fromSeconds(seconds: number): TimeSpan {
    return new TimeSpan(seconds * SECOND);
  }

  static fromMinutes(minutes: number): TimeSpan {
    return new TimeSpan(minutes * MINUTE);
  }

  static fromHours(hours: number): TimeSpan {
    return new TimeSpan(hours * HOUR);
  }

  static fromDays(days: number): TimeSpan {
    return new TimeSpan(days * DAY);
  }

  /**
   * The same length as a {@link TimeSpan}.
   *
   * @throws TypeError if it is none.
   */
  static fromTimeSpan(timeSpan: ITimeSpan): TimeSpan {
    return timeSpan instanceof TimeSpan ? timeSpan : new TimeSpan(millisecondsOf(timeSpan));
  }

  /**
   * Reads a text such as `"250ms"`, `"1m30s"`, `"1.5 hours"` or `"2 days, 4 h"`. A number without a unit is one of
   * milliseconds.
   *
   * @throws TypeError if it is no such text.
   */
  static fromStr(text: string): TimeSpan {
    if (typeof text !== "string") {
      throw noLength(text);
    }
    // Each part is matched where the one before ends, so that no text takes long to refuse.
    const part = /\s*(\d+(?:\.\d+)?|\.\d+)\s*([a-z]*)[\s,]*/iy;
    let milliseconds = 0;
    do {
      const [whole = "", count = "", unit = ""] = part.exec(text) ?? [];
      const isPlainNumber = unit === "" && whole.length === text.length;
      const factor = isPlainNumber ? 1 : UNITS.find(([names]) => names.test(unit.toLowerCase()))?.[1];
      if (factor === undefined || whole === "") {
        throw noLength(text);
      }
      milliseconds += Number.parseFloat(count) * factor;
    } while (part.lastIndex < text.length);
    return new TimeSpan(milliseconds);
  }

  /** The time from `start` to `end`. */
  static fromDateRange({ start = new Date(), end = new Date() }: TimeSpanFromDateRangeSettings): TimeSpan {
    return new TimeSpan(end.getTime() - start.getTime());
  }

  /** What {@link TimeSpan.serialize} gave. */
  static deserialize(serialized: SerializedTimeSpan): TimeSpan {
    return new TimeSpan(serialized.timeInMs);
  }

  /** This as plain data, for a `Serde` at which the class is registered. */
  serialize(): SerializedTimeSpan {
    return { version: "1", timeInMs: this.milliseconds };
  }

  addMilliseconds(milliseconds: number): TimeSpan {
    return new TimeSpan(this.milliseconds + milliseconds);
  }

  addSeconds(seconds: number): TimeSpan {
    return this.addMilliseconds(seconds * SECOND);
  }

  addMinutes(minutes: number): TimeSpan {
    return this.addMilliseconds(minutes * MINUTE);
  }

  addHours(hours: number): TimeSpan {
    return this.addMilliseconds(hours * HOUR);
  }

  addDays(days: number): TimeSpan {
    return this.addMilliseconds(days * DAY);
  }

  addTimeSpan(timeSpan: ITimeSpan): TimeSpan {
    return this.addMilliseconds(millisecondsOf(timeSpan));
  }

  subtractMilliseconds(milliseconds: number): TimeSpan {
    return this.addMilliseconds(-milliseconds);
  }

  subtractSeconds(seconds: number): TimeSpan {
    return this.addSeconds(-seconds);
  }

  subtractMinutes(minutes: number): TimeSpan {
    return this.addMinutes(-minutes);
  }

  subtractHours(hours: number): TimeSpan {
    return this.addHours(-hours);
  }

  subtractDays(days: number): TimeSpan {
    return this.addDays(-days);
  }

  subtractTimeSpan(timeSpan: ITimeSpan): TimeSpan {
    return this.addMilliseconds(-millisecondsOf(timeSpan));
  }

  /** So many times as long, rounded to milliseconds. */
  multiply(factor: number): TimeSpan {
    return new TimeSpan(Math.round(this.milliseconds * factor));
  }

  /**
   * The so-manieth part of it, rounded to milliseconds.
   *
   * @throws TypeError if it is divided by 0.
   */
  divide(divisor: number): TimeSpan {
    return new TimeSpan(Math.round(this.milliseconds / divisor));
  }

  /** Whether the other one is as long. */
  equals(other: ITimeSpan): boolean {
    return this.milliseconds === millisecondsOf(other);
  }

  /** Whether this is longer. */
  gt(other: ITimeSpan): boolean {
    return this.milliseconds > millisecondsOf(other);
  }

  /** Whether this is longer, or as long. */
  gte(other: ITimeSpan): boolean {
    return this.milliseconds >= millisecondsOf(other);
  }

  /** Whether this is shorter. */
  lt(other: ITimeSpan): boolean {
    return this.milliseconds < millisecondsOf(other);
  }

  /** Whether this is shorter, or as long. */
  lte(other: ITimeSpan): boolean {
    return this.milliseconds <= millisecondsOf(other);
  }

  [TO_MILLISECONDS](): number {
    return this.milliseconds;
  }

  toMilliseconds(): number {
    return this.milliseconds;
  }

  /** Whole seconds. */
  toSeconds(): number {
    return Math.floor(this.milliseconds / SECOND);
  }

  /** Whole minutes. */
  toMinutes(): number {
    return Math.floor(this.milliseconds / MINUTE);
  }

  /** Whole hours. */
  toHours(): number {
    return Math.floor(this.milliseconds / HOUR);
  }

  /** Whole days. */
  toDays(): number {
    return Math.floor(this.milliseconds / DAY);
  }

  /** When it is over if it begins at `start`, which is now if it is left out. */
  toEndDate(start: Date = new Date()): Date {
    return new Date(start.getTime() + this.milliseconds);
  }

  /** When it began if it is over at `end`, which is now if it is left out. */
  toStartDate(end: Date = new Date()): Date {
    return new Date(end.getTime() - this.milliseconds);
  }

  toJSON(): number {
    return this.milliseconds;
  }

  valueOf(): number {
    return this.milliseconds;
  }

  /** Such as `"1d2h"` or `"1m30s"`; nothing at all is `"0ms"`. */
  toString(): string {
    let left = this.milliseconds;
    let text = "";
    for (const [unit, length] of [["d", DAY], ["h", HOUR], ["m", MINUTE], ["s", SECOND]] as const) {
      const count = Math.floor(left / length);
      left -= count * length;
      text += count > 0 ? `${count}${unit}` : "";
    }
    return left > 0 || text === "" ? `${text}${left}ms` : text;
  }
}

/**
 * The length of a time that somebody gave us.
 *
 * @internal
 */
export function millisecondsOf(timeSpan: ITimeSpan): number {
  if (typeof timeSpan?.[TO_MILLISECONDS] !== "function") {
    const shown = typeof timeSpan === "string" ? JSON.stringify(timeSpan) : String(timeSpan);
    throw new TypeError(`a length of time must be a TimeSpan, such as TimeSpan.fromSeconds(1), not ${shown}`);
  }
  return timeSpan[TO_MILLISECONDS]();
}

function noLength(text: unknown): TypeError {
  return new TypeError(`no length of time: ${JSON.stringify(text)}; write it as in "1m30s", "250ms" or "2 days"`);
}
