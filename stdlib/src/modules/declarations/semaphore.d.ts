// Made of semaphore.ts by `cargo xtask types --write`.

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
declare module "cla/semaphore" {
  import type { AnyEventBus, IEventBus } from "cla/event-bus";
  import { type INamespace } from "cla/namespace";
  import { type ISemaphore, type ISemaphoreAdapter, type ISemaphoreProvider, type SemaphoreEventMap, type SemaphoreProviderCreateSettings } from "cla/semaphore/contracts";
  import type { ISerderRegister } from "cla/serde";
  import { type Invokable, type OneOrMore } from "cla/task";
  import { type ITimeSpan } from "cla/time-span";
  export * from "cla/semaphore/contracts";
  export { MemorySemaphoreAdapter } from "cla/semaphore/memory";
  export { NoOpSemaphoreAdapter } from "cla/semaphore/no-op";
  export { type RedisConnection, RedisSemaphoreAdapter, type RedisSemaphoreAdapterSettings, } from "cla/semaphore/redis";
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
  /** Creates semaphores. */
  export class SemaphoreProvider implements ISemaphoreProvider {
    #private;
    /** @throws TypeError if a setting does not fit. */
    constructor(settings?: SemaphoreProviderSettings);
    /** Listens to what happens to its semaphores, as far as programs with the same event bus do it. */
    get events(): IEventBus<SemaphoreEventMap>;
    /**
     * A semaphore of this key. Nothing is acquired yet.
     *
     * @throws TypeError if the key, the limit, the TTL or the slot id does not fit.
     */
    create(key: string, settings?: SemaphoreProviderCreateSettings): ISemaphore;
  }
}

interface ClaModules {
  "cla/semaphore": typeof import("cla/semaphore");
}
