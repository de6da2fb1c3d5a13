/**
 * Named, fair semaphores: a rule that needs something scarce waits for its turn.
 *
 * ```js
 * var sem = require("cla/sem");
 * sem.take("prod-db", function () {
 *     // at most one rule at a time is in here
 * });
 * ```
 */
declare module "cla/sem" {
  /** Seconds, or a duration such as `"250ms"`, `"5m"` or `"1h30m"`. */
  export type Duration = number | string;

  /** How many may hold a semaphore at once: a whole number from 0, or no limit (`-1` means the same). */
  export type Slots = number | "unlimited" | "∞";

  /** How a slot is asked for. */
  export interface SemaphoreOptions {
    /**
     * How many slots the semaphore has, if this is the first to name it. A different number later
     * counts only once the semaphore is idle, and never against what an administrator has set.
     * Default: 1.
     */
    slots?: Slots;
    /** How long to wait at most, before a {@link SemaphoreTimeoutError}. Default: for ever. */
    timeout?: Duration;
    /** After this long the slot is free again by itself. Default: never; `null` means the same. */
    ttl?: Duration | null;
    /** Who waits with a higher priority goes first. A whole number; default: 0. */
    priority?: number;
    /** The name that administrators see. Default: the run's. */
    who?: string;
    /**
     * Ends the wait, which then throws the signal's reason; the place in line is free. While a call blocks, only the time
     * of an `AbortSignal.timeout` can do that.
     */
    signal?: AbortSignal | null;
  }

  /** A slot that is held. */
  export interface SemaphorePermit {
    /** The semaphore's name. */
    readonly name: string;
    /** The request's id, by which administrators know it. */
    readonly id: string;
    /**
     * The fencing token: larger than that of every permit this semaphore gave before. A resource that
     * remembers the largest it saw can refuse a permit that was lost.
     */
    readonly token: number;
    /** How long it took to get the slot, in seconds. */
    readonly waited: number;
    /** Whether an administrator let the request through, outside of the slots. */
    readonly granted: boolean;
    /** Whether it is still held: neither given back, nor expired, nor released by force. */
    readonly held: boolean;
    /**
     * Whether it was lost before it was given back: its TTL passed, it was released by force, or its store
     * could not be reached for longer than the lease. A rule that works for long may look at it.
     */
    readonly lost: boolean;
    /** Gives the slot back. `false` if it was not held any more. */
    release(): boolean;
    /** Lets the permit live `ttl` longer, from now. `false` if it was lost, or never expires. */
    refresh(ttl: Duration): boolean;
    /** Gives the slot back at the end of the block that has `using permit = ...`. */
    [Symbol.dispose](): void;
    /** Gives the slot back at the end of the block that has `await using permit = ...`. */
    [Symbol.asyncDispose](): void;
  }

  /** Where a request is in its life. */
  export type RequestStatus =
    | "waiting"
    | "busy"
    | "done"
    | "cancelled"
    | "expired"
    | "killed"
    | "timed_out"
    | "released"
    | "left";

  /** One process's wish for a slot. Times are seconds since 1970, durations are seconds. */
  export interface SemaphoreRequest {
    /** Its id. */
    readonly id: string;
    /** Where it is in its life. */
    readonly status: RequestStatus;
    /** Whether an administrator let it through; then it takes no slot. */
    readonly granted: boolean;
    /** Who asks. */
    readonly who: string | null;
    /** The run it belongs to. */
    readonly run: string | null;
    /** The machine it runs on. */
    readonly host: string | null;
    /** The process it runs in. */
    readonly pid: number | null;
    /** Its place in line, from 1; only while it waits. */
    readonly place: number | null;
    /** The priority it asked for. */
    readonly priority: number;
    /** The id of the slot that it takes, if it has one. */
    readonly slot: string | null;
    /** The fencing token, once it was admitted. */
    readonly token: number | null;
    /** When it asked. */
    readonly requested_at: number;
    /** When it was admitted. */
    readonly started_at: number | null;
    /** When its permit expires; only while it is busy with a TTL. */
    readonly expires_at: number | null;
    /** How long it waited, or has waited so far. */
    readonly waited: number;
    /** How long it was busy, or has been so far. */
    readonly ran: number | null;
    /** When it ended. */
    readonly ended_at: number | null;
    /** The administrator who granted, cancelled, moved or ended it last, if one did and is known. */
    readonly by: SemaphoreActor | null;
    /** Since when its run does not answer, as it is inside one built-in function; only while that is so. */
    readonly unresponsive_since: number | null;
  }

  /** Who gives a command to semaphores. */
  export interface SemaphoreActor {
    /** The name of the user. */
    readonly login: string;
    /** The machine. */
    readonly host: string | null;
    /** Through which program: `sem`, `top`, `repl`, `panel`, `api`, or `rule` and which. */
    readonly program: string;
  }

  /** A semaphore right before or after a command. */
  export interface SemaphoreAuditState {
    /** How many may hold it at once. */
    readonly slots: number | "unlimited";
    /** Whether an administrator's number of slots is in force. */
    readonly pinned: boolean;
    /** How many slots are taken. */
    readonly busy: number;
    /** How many wait. */
    readonly waiting: number;
    /** The place in line of the request that was moved. */
    readonly place: number | null;
  }

  /** A command that changed something. */
  export interface SemaphoreAuditEntry {
    /** Grows from entry to entry; in a Redis store, within each semaphore. */
    readonly sequence: number;
    /** When, in seconds since 1970. */
    readonly at: number;
    /** Who gave it, if that is known. */
    readonly actor: SemaphoreActor | null;
    /** Which command it was. */
    readonly command:
      | "set_slots"
      | "pin"
      | "unpin"
      | "grant"
      | "cancel"
      | "move"
      | "purge"
      | "force_release"
      | "release"
      | "forget";
    /** The semaphore. */
    readonly semaphore: string;
    /** The id of the request, if it was about one. */
    readonly request: string | null;
    /** Who asked with that request. */
    readonly who: string | null;
    /** The semaphore right before; `null` if there was none. */
    readonly before: SemaphoreAuditState | null;
    /** The semaphore right after; `null` if it is there no more. */
    readonly after: SemaphoreAuditState | null;
    /** How many requests it granted, cancelled, moved or ended. */
    readonly hits: number;
  }

  /** A semaphore, and everybody at it. */
  export interface SemaphoreState {
    /** Its name. */
    readonly name: string;
    /** How many may hold it at once. */
    readonly slots: number | "unlimited";
    /** Whether an administrator's number of slots is in force. */
    readonly pinned: boolean;
    /** How many slots are taken. */
    readonly busy: number;
    /** How many wait. */
    readonly waiting: number;
    /** Who holds it, by start; who waits, in order; who left a moment ago. */
    readonly requests: readonly SemaphoreRequest[];
  }

  /**
   * Waits for a slot of the semaphore `name`, runs `fn`, and gives the slot back whatever happens.
   *
   * The rule simply blocks. If `fn` returns a promise, the slot is held until it is settled.
   *
   * @returns what `fn` returns
   * @throws {SemaphoreCancelError} if an administrator cancelled the wait
   * @throws {SemaphoreTimeoutError} if the wait took longer than `timeout`
   * @throws {SemaphoreDeadlockError} if the wait could never have ended
   * @throws {SemaphoreLostError} after `fn` has ended, if others may have been busy at the same time because
   *   the store could not be reached for longer than the lease
   * @throws {TypeError} if an argument does not fit
   */
  export function take<T>(name: string, fn: (permit: SemaphorePermit) => T): T;
  export function take<T>(
    name: string,
    options: SemaphoreOptions,
    fn: (permit: SemaphorePermit) => T,
  ): T;

  /**
   * Waits for a slot and returns a permit. Give it back with `release()`; at the latest, the end of
   * the run does.
   *
   * @throws as {@link take} does
   */
  export function acquire(name: string, options?: SemaphoreOptions): SemaphorePermit;

  export namespace take {
    /**
     * As {@link take}, without blocking the run: its other async code goes on, and may be what gives the slot back.
     *
     * ```js
     * await sem.take.async("db", async () => { await save(); });
     * ```
     *
     * @returns a promise of what `fn` returns; it is rejected with what {@link take} throws
     */
    function async<T>(name: string, fn: (permit: SemaphorePermit) => T): Promise<Awaited<T>>;
    function async<T>(
      name: string,
      options: SemaphoreOptions,
      fn: (permit: SemaphorePermit) => T,
    ): Promise<Awaited<T>>;
  }

  export namespace acquire {
    /** As {@link acquire}, without blocking the run. Give the permit back with `release()`, or by `using`. */
    function async(name: string, options?: SemaphoreOptions): Promise<SemaphorePermit>;
  }

  /** All semaphores, by name. */
  export function list(): SemaphoreState[];

  /** One semaphore; `null` if nobody has named it yet. */
  export function show(name: string): SemaphoreState | null;

  /**
   * Sets the number of slots, which then outranks what rules ask for. 0 locks the semaphore.
   * `"default"` lets what rules ask for count again.
   */
  export function slots(name: string, n: Slots | "default"): void;

  /** Starts a waiting request now, outside of the slots. `id` may be the beginning of one. */
  export function grant(id: string): void;

  /** Makes a waiting request fail with a {@link SemaphoreCancelError}. `id` may be the beginning of one. */
  export function cancel(id: string): void;

  /** Moves a waiting request to another place in line; 1 is next. `id` may be the beginning of one. */
  export function move(id: string, position: number): void;

  /** Frees every slot and lets every waiter through at once. Returns how many requests that concerned. */
  export function purge(name: string): number;

  /** Frees every slot; the line goes on in order. Returns how many permits were lost. */
  export function forceReleaseAll(name: string): number;

  /**
   * The requests of a semaphore that ended, the newest first: who held it and who waited, how long, and how it ended.
   * The last 1,000 are kept, for 7 days. `since` is how long ago they may have ended.
   */
  export function history(
    name: string,
    options?: { since?: Duration; limit?: number },
  ): SemaphoreRequest[];

  /**
   * The commands that changed something, the newest first: who gave them, and what was before and after. The last 10,000
   * are kept, for 90 days. `since` is how old they may be.
   */
  export function audit(options?: {
    semaphore?: string;
    since?: Duration;
    limit?: number;
  }): SemaphoreAuditEntry[];

  /** What goes wrong with semaphores. */
  export class SemaphoreError extends Error {
    constructor(message?: string, semaphore?: string);
    /** The semaphore it concerns; none if a request was not found. */
    readonly semaphore?: string;
  }

  /** An administrator cancelled the wait. The message begins with `Semaphore cancel`. */
  export class SemaphoreCancelError extends SemaphoreError {
    readonly semaphore: string;
  }

  /** The wait took longer than its `timeout`. */
  export class SemaphoreTimeoutError extends SemaphoreError {
    readonly semaphore: string;
  }

  /** The wait could never have ended: the runs that hold the slots wait for this one. */
  export class SemaphoreDeadlockError extends SemaphoreError {
    readonly semaphore: string;
  }

  /**
   * The slot was lost while it was held, and nobody wanted that: its store could not be reached for longer
   * than the lease.
   */
  export class SemaphoreLostError extends SemaphoreError {
    readonly semaphore: string;
  }

  const sem: {
    take: typeof take;
    acquire: typeof acquire;
    list: typeof list;
    show: typeof show;
    slots: typeof slots;
    grant: typeof grant;
    cancel: typeof cancel;
    move: typeof move;
    purge: typeof purge;
    forceReleaseAll: typeof forceReleaseAll;
    history: typeof history;
    audit: typeof audit;
    SemaphoreError: typeof SemaphoreError;
    SemaphoreCancelError: typeof SemaphoreCancelError;
    SemaphoreTimeoutError: typeof SemaphoreTimeoutError;
    SemaphoreDeadlockError: typeof SemaphoreDeadlockError;
    SemaphoreLostError: typeof SemaphoreLostError;
  };
  export default sem;
}

interface ClaModules {
  "cla/sem": typeof import("cla/sem").default;
}
