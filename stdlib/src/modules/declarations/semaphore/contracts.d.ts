// Made of semaphore/contracts.ts by `cargo xtask types --write`.

/** `cla/semaphore/contracts`: what semaphores, their providers and adapters are, and what can go wrong with them. */
declare module "cla/semaphore/contracts" {
  import type { IEventListenable } from "cla/event-bus";
  import type { IKey } from "cla/namespace";
  import type { AsyncLazy, ITask, Promisable } from "cla/task";
  import type { ITimeSpan, TimeSpan } from "cla/time-span";
  /** What a semaphore looks like to a slot id. */
  export const SEMAPHORE_STATE: {
    /** Nobody holds a slot. */
    readonly EXPIRED: "EXPIRED";
    /** There are free slots, and this id holds none. */
    readonly UNACQUIRED: "UNACQUIRED";
    /** This id holds a slot. */
    readonly ACQUIRED: "ACQUIRED";
    /** No slot is free, and this id holds none. */
    readonly LIMIT_REACHED: "LIMIT_REACHED";
  };
  export interface ISemaphoreExpiredState {
    type: typeof SEMAPHORE_STATE.EXPIRED;
  }
  export interface ISemaphoreUnacquiredState {
    type: typeof SEMAPHORE_STATE.UNACQUIRED;
    /** How many slots there are; `Infinity` if an administrator lifted the limit. */
    limit: number;
    freeSlotsCount: number;
    acquiredSlotsCount: number;
    /** The ids of the slots that are taken; where `sem.take` took one, its request's. */
    acquiredSlots: string[];
  }
  export interface ISemaphoreAcquiredState {
    type: typeof SEMAPHORE_STATE.ACQUIRED;
    limit: number;
    /** How long the slot is still held unless it is refreshed; `null` without a TTL. */
    remainingTime: TimeSpan | null;
    freeSlotsCount: number;
    acquiredSlotsCount: number;
    acquiredSlots: string[];
  }
  export interface ISemaphoreLimitReachedState {
    type: typeof SEMAPHORE_STATE.LIMIT_REACHED;
    limit: number;
    acquiredSlots: string[];
  }
  export type ISemaphoreState = ISemaphoreExpiredState | ISemaphoreUnacquiredState | ISemaphoreAcquiredState | ISemaphoreLimitReachedState;
  /** How to wait for a slot. */
  export interface SemaphoreAquireBlockingSettings {
    /** How long at most (default: the provider's `defaultBlockingTime`). */
    time?: ITimeSpan;
    /**
     * How often to look whether a slot is free, for an adapter of one's own. Others are told at once, in order of arrival,
     * and never look (default: the provider's `defaultBlockingInterval`).
     */
    interval?: ITimeSpan;
  }
  /** The same, by another spelling. */
  export type SemaphoreAcquireBlockingSettings = SemaphoreAquireBlockingSettings;
  /** What can be known of a semaphore without changing it. */
  export interface ISemaphoreStateMethods {
    /** How it is now. */
    getState(): ITask<ISemaphoreState>;
    /** Its key. */
    readonly key: IKey;
    /** The id of the slot that it acquires. */
    readonly id: string;
    /** The same as `id`, by the name that it has where a semaphore is created. */
    readonly slotId: string;
    /** How long its slot is held unless it is refreshed; `null` if until it is released. */
    readonly ttl: TimeSpan | null;
  }
  /**
   * Allows only for manipulating of the semaphore.
   *
   * It stands for one slot id: of the semaphore that its key names, it holds one slot at most. Every method gives a task,
   * which does nothing until it is awaited or detached, and fails if the store does.
   */
  export interface ISemaphore extends ISemaphoreStateMethods {
    /**
     * Takes a slot if one is free and nobody waits for it. `true` as well if this id holds one already and the limit is
     * not reached: that takes no second one.
     */
    acquire(): ITask<boolean>;
    /** @throws LimitReachedSemaphoreError if none is free. */
    acquireOrFail(): ITask<void>;
    /**
     * Waits in line for a slot, and gives up after a while.
     *
     * @throws SemaphoreCancelError of `cla/sem` if an administrator cancelled the wait.
     */
    acquireBlocking(settings?: SemaphoreAquireBlockingSettings): ITask<boolean>;
    /** @throws LimitReachedSemaphoreError if there was none in time. */
    acquireBlockingOrFail(settings?: SemaphoreAquireBlockingSettings): ITask<void>;
    /** Gives the slot back. `false` if this id holds none, also because it expired. */
    release(): ITask<boolean>;
    /** @throws FailedReleaseSemaphoreError if this id holds none. */
    releaseOrFail(): ITask<void>;
    /** Gives back every slot, whoever holds it. `false` if nobody did. */
    forceReleaseAll(): ITask<boolean>;
    /**
     * Lets the slot be held for `ttl` from now on (default: the provider's `defaultRefreshTime`). `false` if this id
     * holds none, or one without a TTL.
     */
    refresh(ttl?: ITimeSpan): ITask<boolean>;
    /** @throws FailedRefreshSemaphoreError if this id holds none, or one without a TTL. */
    refreshOrFail(ttl?: ITimeSpan): ITask<void>;
    /**
     * Acquires a slot, does the work, and gives the slot back whatever happens: calls `acquireOrFail` and `release` of this
     * object, also if you replaced them.
     *
     * @throws LimitReachedSemaphoreError if none is free.
     */
    runOrFail<TValue = void>(asyncFn: AsyncLazy<TValue>): ITask<TValue>;
    /**
     * Waits in line for a slot, does the work, and gives the slot back whatever happens: calls `acquireBlockingOrFail` and
     * `release` of this object, also if you replaced them.
     *
     * @throws LimitReachedSemaphoreError if there was none in time.
     */
    runBlockingOrFail<TValue = void>(asyncFn: AsyncLazy<TValue>, settings?: SemaphoreAquireBlockingSettings): ITask<TValue>;
  }
  /** What a semaphore is made with. */
  export interface SemaphoreProviderCreateSettings {
    /**
     * How many slots there are: a whole number from 1, or `Infinity` (default: 1). A different number later counts once
     * no slot is held, and never against what an administrator has set.
     */
    limit?: number;
    /** How long a slot is held unless it is refreshed; `null`: until it is released (default: the provider's). */
    ttl?: ITimeSpan | null;
    /** The id of the slot (default: a new one). */
    slotId?: string;
  }
  /** Allows only for creation of semaphores. */
  export interface ISemaphoreProviderBase {
    /** A semaphore of this key. Nothing is acquired yet. */
    create(key: string, settings?: SemaphoreProviderCreateSettings): ISemaphore;
  }
  /** Allows only to listening to semaphore events. */
  export type ISemaphoreListenable = IEventListenable<SemaphoreEventMap>;
  /** Creates semaphores, and has what listens to them. */
  export interface ISemaphoreProvider extends ISemaphoreProviderBase {
    readonly events: ISemaphoreListenable;
  }
  /** What happens to semaphores. */
  export const SEMAPHORE_EVENTS: {
    /** A slot was acquired. */
    readonly ACQUIRED: "ACQUIRED";
    /** A slot was given back. An expired one is not. */
    readonly RELEASED: "RELEASED";
    /** Every slot was given back. */
    readonly ALL_FORCE_RELEASED: "ALL_FORCE_RELEASED";
    /** There was no slot to give back. */
    readonly FAILED_RELEASE: "FAILED_RELEASE";
    /** There was no slot to refresh, or one without a TTL. */
    readonly FAILED_REFRESH: "FAILED_REFRESH";
    /** No slot was free, or none in time. */
    readonly LIMIT_REACHED: "LIMIT_REACHED";
    /** A slot is held for longer. */
    readonly REFRESHED: "REFRESHED";
    /** The store failed, or an administrator cancelled a wait. */
    readonly UNEXPECTED_ERROR: "UNEXPECTED_ERROR";
  };
  /** What all events of semaphores tell. */
  export interface SemaphoreEventBase {
    semaphore: ISemaphoreStateMethods;
  }
  export type AcquiredSemaphoreEvent = SemaphoreEventBase;
  export type ReleasedSemaphoreEvent = SemaphoreEventBase;
  export type FailedReleaseSemaphoreEvent = SemaphoreEventBase;
  export type FailedRefreshSemaphoreEvent = SemaphoreEventBase;
  export type LimitReachedSemaphoreEvent = SemaphoreEventBase;
  export type RefreshedSemaphoreEvent = SemaphoreEventBase;
  export interface AllForceReleasedSemaphoreEvent extends SemaphoreEventBase {
    /** Whether anybody held a slot. */
    hasReleased: boolean;
  }
  export interface UnexpectedErrorSemaphoreEvent extends SemaphoreEventBase {
    error: unknown;
  }
  /** The events, by name. */
  export type SemaphoreEventMap = {
    [SEMAPHORE_EVENTS.ACQUIRED]: AcquiredSemaphoreEvent;
    [SEMAPHORE_EVENTS.RELEASED]: ReleasedSemaphoreEvent;
    [SEMAPHORE_EVENTS.ALL_FORCE_RELEASED]: AllForceReleasedSemaphoreEvent;
    [SEMAPHORE_EVENTS.FAILED_RELEASE]: FailedReleaseSemaphoreEvent;
    [SEMAPHORE_EVENTS.FAILED_REFRESH]: FailedRefreshSemaphoreEvent;
    [SEMAPHORE_EVENTS.LIMIT_REACHED]: LimitReachedSemaphoreEvent;
    [SEMAPHORE_EVENTS.REFRESHED]: RefreshedSemaphoreEvent;
    [SEMAPHORE_EVENTS.UNEXPECTED_ERROR]: UnexpectedErrorSemaphoreEvent;
  };
  /** How an adapter is asked for a slot. */
  export interface SemaphoreAcquireSettings {
    key: string;
    slotId: string;
    limit: number;
    ttl: TimeSpan | null;
  }
  /** What an adapter knows of a semaphore. */
  export interface ISemaphoreAdapterState {
    limit: number;
    /** When each slot expires, by slot id; `null` is never. */
    acquiredSlots: Map<string, Date | null>;
  }
  /** Where semaphores are kept. */
  export interface ISemaphoreAdapter {
    /** Whether the slot id holds a slot now. */
    acquire(settings: SemaphoreAcquireSettings): Promisable<boolean>;
    /** Whether it held one. */
    release(key: string, slotId: string): Promisable<boolean>;
    /** Whether any slot was held. */
    forceReleaseAll(key: string): Promisable<boolean>;
    /** Whether it holds one with a TTL, which then begins anew. */
    refresh(key: string, slotId: string, ttl: TimeSpan): Promisable<boolean>;
    /** `null` if no slot is held. */
    getState(key: string): Promisable<ISemaphoreAdapterState | null>;
  }
  /** A slot could not be acquired. */
  export class FailedAcquireSemaphoreError extends Error {
    constructor(message: string, cause?: unknown);
  }
  /** A slot could not be acquired, because all are taken. */
  export class LimitReachedSemaphoreError extends FailedAcquireSemaphoreError {
  }
  /** There was no slot to refresh, or one without a TTL. */
  export class FailedRefreshSemaphoreError extends Error {
    constructor(message: string, cause?: unknown);
  }
  /** There was no slot to give back. */
  export class FailedReleaseSemaphoreError extends Error {
    constructor(message: string, cause?: unknown);
  }
  /** The errors of semaphores, by what failed. */
  export const SEMAPHORE_ERRORS: {
    readonly FailedAcquire: typeof FailedAcquireSemaphoreError;
    readonly ReachedLimit: typeof LimitReachedSemaphoreError;
    readonly FailedRefresh: typeof FailedRefreshSemaphoreError;
    readonly FailedRelease: typeof FailedReleaseSemaphoreError;
  };
  export type AllSemaphoreErrors = FailedAcquireSemaphoreError | LimitReachedSemaphoreError | FailedRefreshSemaphoreError | FailedReleaseSemaphoreError;
  /** Whether it is one of these errors. */
  export function isSemaphoreError(value: unknown): value is AllSemaphoreErrors;
}

interface ClaModules {
  "cla/semaphore/contracts": typeof import("cla/semaphore/contracts");
}
