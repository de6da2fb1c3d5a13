/**
 * `cla/semaphore`: semaphores for programs, independent of where they are kept.
 *
 * ```js
 * import { SemaphoreProvider } from "cla/semaphore";
 * const semaphores = new SemaphoreProvider();
 * await semaphores.create("prod-db", { limit: 2 }).runBlockingOrFail(async () => {
 *   // at most two at a time are in here
 * });
 * ```
 *
 * Without an adapter they are those of the run's store, which `sem.take` of `cla/sem` takes as well.
 */

import type { AnyEventBus, IEventBus } from "cla/event-bus";
import { type IKey, type INamespace, NoOpNamespace } from "cla/namespace";
import {
  FailedRefreshSemaphoreError,
  FailedReleaseSemaphoreError,
  type ISemaphore,
  type ISemaphoreAdapter,
  type ISemaphoreProvider,
  type ISemaphoreState,
  isSemaphoreError,
  LimitReachedSemaphoreError,
  SEMAPHORE_EVENTS,
  SEMAPHORE_STATE,
  type SemaphoreAquireBlockingSettings,
  type SemaphoreEventMap,
  type SemaphoreProviderCreateSettings,
} from "cla/semaphore/contracts";
import { check, checkTtl, type NativeSlot, type NativeState, newId, parts, runTasks, show, stateType } from "cla/semaphore/native";
import { ADAPTER_METHODS, StoreSemaphoreAdapter } from "cla/semaphore/store";
import type { ISerderRegister } from "cla/serde";
import {
  type AsyncLazy,
  type AsyncLazyable,
  type AsyncMiddleware,
  callInvokable,
  checkInvokable,
  type Invokable,
  type OneOrMore,
  type Promisable,
  resolveLazyable,
  startTimer,
  Task,
  type TaskReject,
  type TaskResolve,
  watch,
} from "cla/task";
import { placeless } from "cla/task/native";
import { type ITimeSpan, TimeSpan } from "cla/time-span";
import { EventBus } from "cla/event-bus";
import { NoOpEventBusAdapter } from "cla/event-bus/no-op";

export * from "cla/semaphore/contracts";
export { MemorySemaphoreAdapter } from "cla/semaphore/memory";
export { NoOpSemaphoreAdapter } from "cla/semaphore/no-op";
export {
  type RedisConnection,
  RedisSemaphoreAdapter,
  type RedisSemaphoreAdapterSettings,
} from "cla/semaphore/redis";
export { SqliteSemaphoreAdapter, type SqliteSemaphoreAdapterSettings } from "cla/semaphore/sqlite";
export { StoreSemaphoreAdapter } from "cla/semaphore/store";

/** How a {@link SemaphoreProvider} is set up, but for its adapter. */
export interface SemaphoreProviderSettingsBase {
  /** Keeps its keys apart from those of others (default: none). */
  namespace?: INamespace;
  /** Where its semaphores can be written and read: one, or several. */
  serde?: OneOrMore<ISerderRegister>;
  /**
   * Tells its semaphores from those of other providers with the same serde, where neither adapter nor namespace do
   * (default: `""`).
   */
  serdeTransformerName?: string;
  /** Makes the ids of slots (default: random ones). */
  createSlotId?: Invokable<[], string>;
  /** Where its events go (default: nowhere). It may have other events as well. */
  eventBus?: AnyEventBus;
  /** How long a slot is held unless it is refreshed; `null`: until it is released (default: 5 minutes). */
  defaultTtl?: ITimeSpan | null;
  /** How often an adapter of one's own is asked while somebody waits (default: 1 second). */
  defaultBlockingInterval?: ITimeSpan;
  /** How long to wait for a slot at most (default: 1 minute). */
  defaultBlockingTime?: ITimeSpan;
  /** For how long a slot is refreshed (default: 5 minutes). */
  defaultRefreshTime?: ITimeSpan;
}

/** How a {@link SemaphoreProvider} is set up. */
export interface SemaphoreProviderSettings extends SemaphoreProviderSettingsBase {
  /** Where its semaphores are kept (default: in the store of the run). */
  adapter?: ISemaphoreAdapter;
}

/** A semaphore as plain data. */
interface SerializedSemaphore {
  version: "1";
  key: string;
  slotId: string;
  limit: number;
  ttlInMs: number | null;
}

/** What all semaphores of a provider have in common. */
interface Shared {
  readonly adapter: ISemaphoreAdapter;
  /** The adapter, if it is nothing more than a store of `cla`, which needs no polling. */
  readonly store: StoreSemaphoreAdapter | undefined;
  readonly namespace: INamespace;
  /** By what its semaphores are told from those of other kinds where they are written. */
  readonly transformerName: string;
  readonly eventBus: IEventBus<SemaphoreEventMap> | undefined;
  readonly blockingInterval: TimeSpan;
  readonly blockingTime: TimeSpan;
  readonly refreshTime: TimeSpan;
}

/** Creates semaphores. */
export class SemaphoreProvider implements ISemaphoreProvider {
  readonly #shared: Shared;
  readonly #defaultTtl: TimeSpan | null;
  readonly #createSlotId: Invokable<[], string>;
  #events: IEventBus<SemaphoreEventMap> | undefined;

  /** @throws TypeError if a setting does not fit. */
  constructor(settings: SemaphoreProviderSettings = {}) {
    const {
      adapter = new StoreSemaphoreAdapter(),
      namespace = new NoOpNamespace(),
      serde = [],
      serdeTransformerName = "",
      createSlotId = newId,
      eventBus,
      defaultTtl = TimeSpan.fromMinutes(5),
      defaultBlockingInterval = TimeSpan.fromSeconds(1),
      defaultBlockingTime = TimeSpan.fromMinutes(1),
      defaultRefreshTime = TimeSpan.fromMinutes(5),
    } = settings;
    checkSetting("adapter", adapter, ADAPTER_METHODS, "new MemorySemaphoreAdapter()");
    checkSetting("namespace", namespace, ["create"], 'new Namespace("name")');
    checkInvokable("SemaphoreProvider: the setting `createSlotId`", createSlotId);
    if (eventBus !== undefined) {
      checkSetting("eventBus", eventBus, ["dispatch"], "new EventBus({ adapter: new MemoryEventBusAdapter() })");
    }
    const registers = [serde].flat() as ISerderRegister[];
    for (const register of registers) {
      checkSetting("serde", register, ["registerCustom"], "new Serde(new SuperJsonSerdeAdapter())");
    }
    const names = ["semaphore", serdeTransformerName, adapter.constructor?.name ?? "", namespace.toString()];
    this.#shared = {
      adapter,
      store: adapter instanceof StoreSemaphoreAdapter && adapter.isPlain ? adapter : undefined,
      namespace,
      transformerName: names.filter((name) => name !== "").join(":"),
      eventBus: eventBus as IEventBus<SemaphoreEventMap> | undefined,
      blockingInterval: timeSetting("defaultBlockingInterval", defaultBlockingInterval),
      blockingTime: timeSetting("defaultBlockingTime", defaultBlockingTime),
      refreshTime: ttlSetting("defaultRefreshTime", defaultRefreshTime),
    };
    this.#events = this.#shared.eventBus;
    this.#defaultTtl = defaultTtl === null ? null : ttlSetting("defaultTtl", defaultTtl);
    this.#createSlotId = createSlotId;
    for (const register of registers) {
      register.registerCustom(transformer(this.#shared));
    }
  }

  /** Listens to what happens to its semaphores, as far as programs with the same event bus do it. */
  get events(): IEventBus<SemaphoreEventMap> {
    this.#events ??= new EventBus<SemaphoreEventMap>({ adapter: new NoOpEventBusAdapter() });
    return this.#events;
  }

  /**
   * A semaphore of this key. Nothing is acquired yet.
   *
   * @throws TypeError if the key, the limit, the TTL or the slot id does not fit.
   */
  create(key: string, settings: SemaphoreProviderCreateSettings = {}): ISemaphore {
    const { limit = 1, ttl = this.#defaultTtl, slotId = callInvokable(this.#createSlotId) } = settings;
    const lifetime = ttl === null ? null : TimeSpan.fromTimeSpan(ttl);
    return new Semaphore(this.#shared, this.#shared.namespace.create(key), slotId, limit, lifetime);
  }
}

/** Refuses what has not all of these methods. */
function checkSetting(setting: string, value: unknown, methods: readonly string[], example: string): void {
  const missing = methods.filter((name) => typeof (value as Record<string, unknown> | null)?.[name] !== "function");
  if (missing.length > 0) {
    const lack = missing.length === methods.length ? "is none" : `has no method \`${missing[0]}\``;
    throw new TypeError(`${theSetting(setting)} ${lack}; try ${example}`);
  }
}

/** A setting that is a length of time. */
function timeSetting(setting: string, time: ITimeSpan): TimeSpan {
  try {
    return TimeSpan.fromTimeSpan(time);
  } catch (error) {
    throw new TypeError(`${theSetting(setting)}: ${(error as Error).message}`, { cause: error });
  }
}

/** A setting for how long slots are held. */
function ttlSetting(setting: string, ttl: ITimeSpan): TimeSpan {
  const lifetime = timeSetting(setting, ttl);
  checkTtl(theSetting(setting), lifetime.toMilliseconds());
  return lifetime;
}

function theSetting(setting: string): string {
  return `SemaphoreProvider: the setting \`${setting}\``;
}

/** What the semaphores of a provider are written and read by. */
function transformer(shared: Shared) {
  const { transformerName } = shared;
  return {
    name: transformerName,
    isApplicable: (value: unknown): value is Semaphore =>
      value instanceof Semaphore && value[CORE].shared.transformerName === transformerName,
    serialize: (semaphore: Semaphore): SerializedSemaphore => ({
      version: "1",
      key: semaphore.key.get(),
      slotId: semaphore.id,
      limit: semaphore[CORE].limit,
      ttlInMs: semaphore.ttl?.toMilliseconds() ?? null,
    }),
    deserialize: (serialized: SerializedSemaphore): Semaphore => {
      const { key, slotId, limit, ttlInMs } = serialized;
      const ttl = ttlInMs === null ? null : TimeSpan.fromMilliseconds(ttlInMs);
      return new Semaphore(shared, shared.namespace.create(key), slotId, limit, ttl);
    },
  };
}

/** A slot id at a semaphore, as an adapter has it. */
interface Slot {
  acquire(): Promisable<boolean>;
  acquireBlocking(time: number, interval: number): true | [acquired: PromiseLike<boolean>, giveUp: () => void];
  release(): Promisable<boolean>;
  refresh(ttl: number): Promisable<boolean>;
  state(): Promisable<NativeState>;
}

/** A task of `runOrFail`, as the Rust side makes it, which has its method `then` as well. */
class RunTask<TValue> extends Task<TValue> {
  override pipe(middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): Task<TValue> {
    return Semaphore.again(this).pipe(middlewares);
  }

  override pipeWhen(
    condition: AsyncLazyable<boolean>,
    middlewares: OneOrMore<AsyncMiddleware<[], TValue>>,
  ): Task<TValue> {
    return Semaphore.again(this).pipeWhen(condition, middlewares);
  }

  override detach(): void {
    this.then();
  }
}

/**
 * The key of what a semaphore is made of. A property and no private fields, so that a method finds it also where `this` is
 * a Proxy of the semaphore, or an object that inherits from it.
 */
const CORE = Symbol("core");

class Semaphore implements ISemaphore {
  declare readonly key: IKey;
  declare readonly id: string;
  declare readonly ttl: TimeSpan | null;
  declare readonly [CORE]: Core;
  /** The slot of {@link Core.direct} once more: what `runOrFail` finds fastest. A Proxy does not have it. */
  readonly #direct: NativeSlot | undefined;

  constructor(shared: Shared, key: IKey, id: string, limit: number, ttl: TimeSpan | null) {
    const core = new Core(shared, key, id, limit, ttl);
    show(this, key, id, ttl, CORE, core);
    this.#direct = core.direct;
  }

  static {
    runTasks(RunTask.prototype, (work, semaphore: Semaphore, value) => {
      if (work !== undefined) {
        return new Promise((resolve) => resolve(run(semaphore, work)));
      }
      return Promise.resolve(semaphore === undefined ? value : semaphore[CORE].settle(semaphore, value));
    });
  }

  /** A task that does the work of this one anew. */
  static again<TValue>(task: RunTask<TValue>): Task<TValue> {
    const [work, semaphore] = parts(task) as [AsyncLazy<TValue>, Semaphore];
    return new Task(() => run(semaphore, work));
  }

  get slotId(): string {
    return this.id;
  }

  acquire(): Task<boolean> {
    const core = this[CORE];
    const { direct } = core;
    return new Task(direct === undefined ? () => core.acquire(this, (acquired) => acquired) : () => direct.acquire());
  }

  acquireOrFail(): Task<void> {
    return new Task(() =>
      this[CORE].acquire<void>(this, (acquired) => (acquired ? undefined : Promise.reject(limitReached(this)))),
    );
  }

  acquireBlocking(settings?: SemaphoreAquireBlockingSettings): Task<boolean> {
    return this[CORE].wait<boolean>(this, settings, (acquired, resolve) => resolve(acquired));
  }

  acquireBlockingOrFail(settings?: SemaphoreAquireBlockingSettings): Task<void> {
    return this[CORE].wait<void>(this, settings, (acquired, resolve, reject) =>
      acquired ? resolve() : reject(limitReached(this)),
    );
  }

  release(): Task<boolean> {
    const core = this[CORE];
    const { direct } = core;
    return new Task(direct === undefined ? () => core.release(this, (released) => released) : () => direct.release());
  }

  releaseOrFail(): Task<void> {
    return new Task(() =>
      this[CORE].release<void>(this, (released) => (released ? undefined : Promise.reject(notReleased(this)))),
    );
  }

  forceReleaseAll(): Task<boolean> {
    return new Task(() => this[CORE].forceReleaseAll(this));
  }

  refresh(ttl: ITimeSpan = this[CORE].shared.refreshTime): Task<boolean> {
    const lifetime = refreshTime(ttl);
    return new Task(() => this[CORE].refresh(this, lifetime, (refreshed) => refreshed));
  }

  refreshOrFail(ttl: ITimeSpan = this[CORE].shared.refreshTime): Task<void> {
    const lifetime = refreshTime(ttl);
    return new Task(() =>
      this[CORE].refresh<void>(this, lifetime, (refreshed) =>
        refreshed ? undefined : Promise.reject(notRefreshed(this)),
      ),
    );
  }

  runOrFail<TValue = void>(asyncFn: AsyncLazy<TValue>): Task<TValue> {
    const direct = #direct in this ? this.#direct : undefined;
    if (
      direct !== undefined &&
      this.acquireOrFail === ACQUIRE_OR_FAIL &&
      this.release === RELEASE &&
      typeof asyncFn === "function"
    ) {
      return direct.task(asyncFn, this) as Task<TValue>;
    }
    checkWork("runOrFail", asyncFn);
    return new Task(() => run(this, asyncFn));
  }

  runBlockingOrFail<TValue = void>(
    asyncFn: AsyncLazy<TValue>,
    settings?: SemaphoreAquireBlockingSettings,
  ): Task<TValue> {
    checkWork("runBlockingOrFail", asyncFn);
    if (this.acquireBlockingOrFail === ACQUIRE_BLOCKING_OR_FAIL && this.release === RELEASE) {
      return this[CORE].wait<TValue>(this, settings, (acquired, resolve, reject) =>
        acquired ? resolve(this[CORE].work(this, asyncFn)) : reject(limitReached(this)),
      );
    }
    return Task.fromCallback<TValue>((resolve, reject) => {
      let waiting = true;
      const acquired = () => {
        if (waiting) {
          resolve(workAndRelease(this, asyncFn));
        } else {
          // What cannot be stopped acquired a slot that nothing waits for any more.
          new Promise((released) => released(this.release())).then(undefined, reject);
        }
      };
      const stop = watch(this.acquireBlockingOrFail(settings), acquired, reject);
      return () => {
        waiting = false;
        stop();
      };
    });
  }

  getState(): Task<ISemaphoreState> {
    return new Task(() => this[CORE].state(this));
  }
}

/** The methods that `runOrFail` and `runBlockingOrFail` may go around, because nothing can tell the difference. */
const {
  acquireOrFail: ACQUIRE_OR_FAIL,
  acquireBlockingOrFail: ACQUIRE_BLOCKING_OR_FAIL,
  release: RELEASE,
} = Semaphore.prototype;

/** Acquires a slot, does the work, and releases the slot: with the semaphore's own methods if they were replaced. */
function run<TValue>(semaphore: Semaphore, asyncFn: AsyncLazy<TValue>): Promisable<TValue> {
  if (semaphore.acquireOrFail === ACQUIRE_OR_FAIL && semaphore.release === RELEASE) {
    return semaphore[CORE].run(semaphore, asyncFn);
  }
  return Promise.resolve(semaphore.acquireOrFail()).then(() => workAndRelease(semaphore, asyncFn));
}

/** Does the work, and calls the semaphore's method `release` whatever happens. */
function workAndRelease<TValue>(semaphore: Semaphore, asyncFn: AsyncLazy<TValue>): Promise<TValue> {
  const release = () => new Promise((resolve) => resolve(semaphore.release()));
  const work = new Promise<TValue>((resolve) => resolve(resolveLazyable<TValue>(asyncFn)));
  return work.then(
    (value) => release().then(() => value),
    (error) => {
      const fail = (): never => {
        throw error;
      };
      // The error of the work counts, also if the release fails.
      return release().then(fail, fail);
    },
  );
}

/** What a semaphore is made of. Its methods have the semaphore that they were called on, which events tell. */
class Core {
  readonly shared: Shared;
  readonly limit: number;
  readonly #slot: Slot;
  /** The slot, if no event bus is to hear of it. */
  readonly direct: NativeSlot | undefined;

  constructor(shared: Shared, key: IKey, id: string, limit: number, ttl: TimeSpan | null) {
    this.shared = shared;
    this.limit = limit;
    const { adapter, store } = shared;
    const name = key.toString();
    if (store !== undefined) {
      const slot = store.slot(name, id, limit, ttl);
      this.#slot = slot;
      this.direct = shared.eventBus === undefined ? slot : undefined;
    } else {
      this.#slot = new AdapterSlot(adapter, name, id, limit, ttl);
    }
  }

  acquire<TResult>(semaphore: Semaphore, then: (acquired: boolean) => Promisable<TResult>): Promisable<TResult> {
    return this.#ask(
      semaphore,
      () => this.#slot.acquire(),
      (acquired) => {
        this.#tell(semaphore, acquired ? SEMAPHORE_EVENTS.ACQUIRED : SEMAPHORE_EVENTS.LIMIT_REACHED);
        return then(acquired);
      },
    );
  }

  release<TResult>(semaphore: Semaphore, then: (released: boolean) => Promisable<TResult>): Promisable<TResult> {
    return this.#ask(
      semaphore,
      () => this.#slot.release(),
      (released) => {
        this.#tell(semaphore, released ? SEMAPHORE_EVENTS.RELEASED : SEMAPHORE_EVENTS.FAILED_RELEASE);
        return then(released);
      },
    );
  }

  refresh<TResult>(
    semaphore: Semaphore,
    ttl: TimeSpan,
    then: (refreshed: boolean) => Promisable<TResult>,
  ): Promisable<TResult> {
    return this.#ask(
      semaphore,
      () => this.#slot.refresh(ttl.toMilliseconds()),
      (refreshed) => {
        if (refreshed) {
          Object.defineProperty(semaphore, "ttl", { value: ttl });
        }
        this.#tell(semaphore, refreshed ? SEMAPHORE_EVENTS.REFRESHED : SEMAPHORE_EVENTS.FAILED_REFRESH);
        return then(refreshed);
      },
    );
  }

  /** Waits in line until there is a slot, the time has passed, or nobody waits for the task any more. */
  wait<TResult>(
    semaphore: Semaphore,
    { time = this.shared.blockingTime, interval = this.shared.blockingInterval }: SemaphoreAquireBlockingSettings = {},
    then: (acquired: boolean, resolve: TaskResolve<TResult>, reject: TaskReject) => void,
  ): Task<TResult> {
    const milliseconds = TimeSpan.fromTimeSpan(time).toMilliseconds();
    const pause = TimeSpan.fromTimeSpan(interval).toMilliseconds();
    return Task.fromCallback<TResult>((resolve, reject) => {
      const done = (acquired: boolean) => {
        this.#tell(semaphore, acquired ? SEMAPHORE_EVENTS.ACQUIRED : SEMAPHORE_EVENTS.LIMIT_REACHED);
        try {
          then(acquired, resolve, reject);
        } catch (error) {
          reject(error);
        }
      };
      const failed = (error: unknown) => {
        this.#tellError(semaphore, error);
        reject(error);
      };
      let waiting = true;
      let asked: true | [PromiseLike<boolean>, () => void];
      try {
        asked = this.#slot.acquireBlocking(milliseconds, pause);
      } catch (error) {
        failed(error);
        return;
      }
      if (asked === true) {
        done(true);
        return;
      }
      const [acquired, giveUp] = asked;
      acquired.then(
        (acquired) => {
          if (waiting) {
            done(acquired);
          } else if (acquired) {
            // It came in the very moment in which nobody wanted it any more.
            this.release(semaphore, () => {});
          }
        },
        (error) => {
          if (waiting) {
            failed(error);
          }
        },
      );
      return () => {
        waiting = false;
        giveUp();
      };
    });
  }

  /** Acquires a slot, does the work, and gives the slot back. */
  run<TValue>(semaphore: Semaphore, asyncFn: AsyncLazy<TValue>): Promisable<TValue> {
    return this.acquire<TValue>(semaphore, (acquired) =>
      acquired ? this.work(semaphore, asyncFn) : Promise.reject(limitReached(semaphore)),
    );
  }

  /** Does the work, and gives the slot back whatever happens. */
  work<TValue>(semaphore: Semaphore, asyncFn: AsyncLazy<TValue>): Promisable<TValue> {
    let value: Promisable<TValue>;
    let goesOn: boolean;
    try {
      value = resolveLazyable<TValue>(asyncFn);
      goesOn = isPromiseLike(value);
    } catch (error) {
      return this.#releaseAfter(semaphore, error);
    }
    return goesOn ? this.settle(semaphore, value) : this.release(semaphore, () => value as TValue);
  }

  /** Gives the slot back when the work is done. */
  settle<TValue>(semaphore: Semaphore, work: Promisable<TValue>): PromiseLike<TValue> {
    const direct = this.direct;
    const releaseAfter = (value: TValue): Promisable<TValue> => {
      const released = direct === undefined ? this.release(semaphore, () => true) : direct.release();
      return typeof released === "boolean" ? value : released.then(() => value);
    };
    // What is no promise but has a method `then` may throw instead of calling back.
    return Promise.resolve(work as PromiseLike<TValue>).then(releaseAfter, (error) => this.#releaseAfter(semaphore, error));
  }

  /** Gives the slot back, and throws what the work did, also if that fails. */
  #releaseAfter(semaphore: Semaphore, error: unknown): PromiseLike<never> {
    const fail = (): never => {
      throw error;
    };
    return Task.resolve().then(() => this.release(semaphore, () => {})).then(fail, fail);
  }

  /** Goes on with what the adapter answers, at once if that is there. */
  #ask<TValue, TResult>(
    semaphore: Semaphore,
    ask: () => Promisable<TValue>,
    then: (value: TValue) => Promisable<TResult>,
  ): Promisable<TResult> {
    let answer: Promisable<TValue>;
    try {
      answer = ask();
    } catch (error) {
      this.#tellError(semaphore, error);
      throw error;
    }
    if (!isPromiseLike(answer)) {
      return then(answer);
    }
    return answer.then(then, (error) => {
      this.#tellError(semaphore, error);
      // Thrown, it would have this place here.
      return Promise.reject(error);
    });
  }

  #tellError(semaphore: Semaphore, error: unknown): void {
    if (!isSemaphoreError(error)) {
      this.#tell(semaphore, SEMAPHORE_EVENTS.UNEXPECTED_ERROR, { error });
    }
  }

  #tell(semaphore: Semaphore, name: keyof SemaphoreEventMap, more?: object): void {
    const { eventBus } = this.shared;
    if (eventBus !== undefined) {
      const failed = (error: unknown) => {
        console.error(`the event ${String(name)} of semaphore "${semaphore.key}" could not be dispatched:`, error);
      };
      try {
        eventBus.dispatch(name, { ...more, semaphore }).then(undefined, failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  forceReleaseAll(semaphore: Semaphore): Promisable<boolean> {
    return this.#ask(
      semaphore,
      () => this.shared.adapter.forceReleaseAll(semaphore.key.toString()),
      (hasReleased) => {
        this.#tell(semaphore, SEMAPHORE_EVENTS.ALL_FORCE_RELEASED, { hasReleased });
        return hasReleased;
      },
    );
  }

  state(semaphore: Semaphore): Promisable<ISemaphoreState> {
    return this.#ask(semaphore, () => this.#slot.state(), stateOf);
  }
}

// These get the place of the `await` that they end: there is no call of the rule's at work when they come up.

function limitReached({ key }: Semaphore): LimitReachedSemaphoreError {
  const message = `no slot of semaphore "${key}" is free: its limit is reached; wait for one with acquireBlocking`;
  return placeless(LimitReachedSemaphoreError, message);
}

function notReleased({ key, id }: Semaphore): FailedReleaseSemaphoreError {
  const what = `the slot "${id}" of semaphore "${key}" cannot be released`;
  return placeless(FailedReleaseSemaphoreError, `${what}: it is not held, or it has expired`);
}

function notRefreshed({ key, id }: Semaphore): FailedRefreshSemaphoreError {
  const what = `the slot "${id}" of semaphore "${key}" cannot be refreshed`;
  return placeless(FailedRefreshSemaphoreError, `${what}: it is not held, has expired, or has no TTL`);
}

/** Refuses what is no work. */
function checkWork(method: string, work: unknown): void {
  const { invoke, then } = (typeof work === "object" && work !== null ? work : {}) as { invoke?: unknown; then?: unknown };
  if (typeof work !== "function" && typeof invoke !== "function" && typeof then !== "function") {
    throw new TypeError(`${method}: the work must be a function, an object with a method \`invoke\`, or a task`);
  }
}

/** For how long a slot is to be held from now on. */
function refreshTime(ttl: ITimeSpan): TimeSpan {
  const lifetime = TimeSpan.fromTimeSpan(ttl);
  checkTtl("refresh: ttl", lifetime.toMilliseconds());
  return lifetime;
}

function isPromiseLike<TValue>(value: Promisable<TValue>): value is PromiseLike<TValue> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<TValue>).then === "function";
}

function stateOf({ type, remaining, limit, taken }: NativeState): ISemaphoreState {
  const acquiredSlots = taken;
  const counts = {
    limit,
    freeSlotsCount: Math.max(limit - taken.length, 0),
    acquiredSlotsCount: taken.length,
    acquiredSlots,
  };
  switch (type) {
    case SEMAPHORE_STATE.EXPIRED:
      return { type };
    case SEMAPHORE_STATE.LIMIT_REACHED:
      return { type, limit, acquiredSlots };
    case SEMAPHORE_STATE.UNACQUIRED:
      return { type, ...counts };
    case SEMAPHORE_STATE.ACQUIRED: {
      const remainingTime = typeof remaining === "number" ? TimeSpan.fromMilliseconds(remaining) : null;
      return { type, remainingTime, ...counts };
    }
  }
}

/** A slot id at an adapter of the rule's own. */
class AdapterSlot implements Slot {
  readonly #adapter: ISemaphoreAdapter;
  readonly #key: string;
  readonly #id: string;
  readonly #limit: number;
  #ttl: TimeSpan | null;

  constructor(adapter: ISemaphoreAdapter, key: string, id: string, limit: number, ttl: TimeSpan | null) {
    check(key, id, limit, ttl === null ? null : ttl.toMilliseconds());
    this.#adapter = adapter;
    this.#key = key;
    this.#id = id;
    this.#limit = limit;
    this.#ttl = ttl;
  }

  acquire(): Promisable<boolean> {
    return this.#adapter.acquire({ key: this.#key, slotId: this.#id, limit: this.#limit, ttl: this.#ttl });
  }

  acquireBlocking(time: number, interval: number): [acquired: PromiseLike<boolean>, giveUp: () => void] {
    const until = performance.now() + time;
    let waiting = true;
    let stop = () => {};
    const acquired = (async () => {
      while (!(await this.acquire())) {
        const left = until - performance.now();
        if (!waiting || left <= 0) {
          return false;
        }
        await new Promise<void>((resolve) => {
          const stopTimer = startTimer(Math.min(interval, left), resolve);
          stop = () => {
            stopTimer();
            resolve();
          };
        });
        if (!waiting) {
          return false;
        }
      }
      return true;
    })();
    const giveUp = () => {
      waiting = false;
      stop();
    };
    return [acquired, giveUp];
  }

  release(): Promisable<boolean> {
    return this.#adapter.release(this.#key, this.#id);
  }

  async refresh(ttl: number): Promise<boolean> {
    const lifetime = TimeSpan.fromMilliseconds(ttl);
    const refreshed = await this.#adapter.refresh(this.#key, this.#id, lifetime);
    if (refreshed) {
      this.#ttl = lifetime;
    }
    return refreshed;
  }

  async state(): Promise<NativeState> {
    const state = await this.#adapter.getState(this.#key);
    const slots = state?.acquiredSlots ?? new Map<string, Date | null>();
    const limit = state === null ? this.#limit : state.limit;
    const taken = [...slots.keys()];
    const expires = slots.get(this.#id);
    const type = stateType(expires !== undefined, taken.length, taken.length >= limit);
    if (expires === undefined) {
      return { type, limit, taken };
    }
    const remaining = expires instanceof Date ? Math.max(expires.getTime() - Date.now(), 0) : expires;
    return { type, remaining, limit, taken };
  }
}
