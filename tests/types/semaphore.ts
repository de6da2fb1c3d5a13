// cla/semaphore

import {
  type AllSemaphoreErrors,
  FailedAcquireSemaphoreError,
  FailedRefreshSemaphoreError,
  FailedReleaseSemaphoreError,
  type ISemaphore,
  type ISemaphoreAdapter,
  type ISemaphoreAdapterState,
  type ISemaphoreListenable,
  type ISemaphoreProvider,
  type ISemaphoreProviderBase,
  type ISemaphoreState,
  type ISemaphoreStateMethods,
  isSemaphoreError,
  LimitReachedSemaphoreError,
  MemorySemaphoreAdapter,
  NoOpSemaphoreAdapter,
  RedisSemaphoreAdapter,
  SEMAPHORE_ERRORS,
  SEMAPHORE_EVENTS,
  SEMAPHORE_STATE,
  type SemaphoreAcquireSettings,
  type SemaphoreEventMap,
  SemaphoreProvider,
  type SemaphoreProviderSettings,
  type SemaphoreProviderSettingsBase,
  SqliteSemaphoreAdapter,
  StoreSemaphoreAdapter,
} from "cla/semaphore";
import { MemorySemaphoreAdapter as OwnMemory } from "cla/semaphore/memory";
import { NoOpSemaphoreAdapter as OwnNoOp } from "cla/semaphore/no-op";
import { RedisSemaphoreAdapter as OwnRedis } from "cla/semaphore/redis";
import { SqliteSemaphoreAdapter as OwnSqlite } from "cla/semaphore/sqlite";
import { StoreSemaphoreAdapter as OwnStore } from "cla/semaphore/store";
import { SemaphoreProvider as SameProvider } from "@daiso-tech/core/semaphore";
import { type ISemaphore as SameISemaphore, SEMAPHORE_STATE as SAME_STATE } from "@daiso-tech/core/semaphore/contracts";
import { MemorySemaphoreAdapter as SameMemory } from "@daiso-tech/core/semaphore/memory-semaphore-adapter";
import { RedisSemaphoreAdapter as SameRedis } from "@daiso-tech/core/semaphore/redis-semaphore-adapter";
import { EventBus, type IEventBus } from "cla/event-bus";
import { MemoryEventBusAdapter } from "cla/event-bus/memory";
import { type IKey, Namespace } from "cla/namespace";
import Redis from "cla/redis";
import { retry } from "cla/resilience";
import { Serde } from "cla/serde";
import { SuperJsonSerdeAdapter } from "cla/serde/super-json";
import { type ITask, Task } from "cla/task";
import { TimeSpan } from "cla/time-span";
import { exactly, type IsAny, type Same, type True } from "./assert.ts";

// ---- how they are made

const eventBus = new EventBus({ adapter: new MemoryEventBusAdapter() });
const serde = new Serde(new SuperJsonSerdeAdapter());
const redis = new Redis("redis://example.org");
const adapters: ISemaphoreAdapter[] = [
  new MemorySemaphoreAdapter(),
  new NoOpSemaphoreAdapter(),
  new SqliteSemaphoreAdapter("semaphores.db"),
  new SqliteSemaphoreAdapter({ path: "semaphores.db" }),
  new RedisSemaphoreAdapter(redis),
  new RedisSemaphoreAdapter("redis://example.org"),
  new RedisSemaphoreAdapter({ database: redis, serde }),
  new StoreSemaphoreAdapter(),
  new StoreSemaphoreAdapter("sqlite:semaphores.db"),
  new SameMemory(),
  new SameRedis(redis),
  new OwnMemory(),
  new OwnNoOp(),
  new OwnRedis(redis),
  new OwnSqlite("semaphores.db"),
  new OwnStore(),
];
// @ts-expect-error where?
new SqliteSemaphoreAdapter();
// @ts-expect-error which server?
new RedisSemaphoreAdapter();
// @ts-expect-error a store is named by a text
new StoreSemaphoreAdapter(5);

const base: SemaphoreProviderSettingsBase = {
  namespace: new Namespace("@ours"),
  serde: [serde, new Serde(new SuperJsonSerdeAdapter())],
  serdeTransformerName: "ours",
  createSlotId: { invoke: () => "slot" },
  eventBus,
  defaultTtl: null,
  defaultBlockingInterval: TimeSpan.fromSeconds(1),
  defaultBlockingTime: TimeSpan.fromMinutes(1),
  defaultRefreshTime: TimeSpan.fromMinutes(5),
};
const settings: SemaphoreProviderSettings = { ...base, adapter: adapters[0], serde, createSlotId: () => "slot" };
const provider = new SemaphoreProvider(settings);
new SemaphoreProvider();
new SemaphoreProvider({ eventBus: new EventBus({ adapter: new MemoryEventBusAdapter() }) });
// It may have other events as well.
type EventMap = { "sending-semaphore-over-network": { semaphore: ISemaphore } };
new SemaphoreProvider({ eventBus: new EventBus<EventMap>({ adapter: new MemoryEventBusAdapter() }) });
new SemaphoreProvider({ eventBus: new EventBus<EventMap & SemaphoreEventMap>({ adapter: new MemoryEventBusAdapter() }) });
declare const anyBus: IEventBus;
new SemaphoreProvider({ eventBus: anyBus });
// @ts-expect-error it cannot tell anybody
new SemaphoreProvider({ eventBus: new MemoryEventBusAdapter() });
new SameProvider({ adapter: new SameMemory() });
// @ts-expect-error no such setting
new SemaphoreProvider({ adaptor: new MemorySemaphoreAdapter() });
// @ts-expect-error not a length of time
new SemaphoreProvider({ defaultTtl: 5_000 });
// @ts-expect-error only a TTL can be without an end
new SemaphoreProvider({ defaultBlockingTime: null });
// @ts-expect-error an id is a text
new SemaphoreProvider({ createSlotId: () => 5 });
// @ts-expect-error no adapter
new SemaphoreProvider({ adapter: {} });

// ---- what its methods give

const semaphore = provider.create("x", { limit: 2, ttl: TimeSpan.fromSeconds(30), slotId: "mine" });
exactly<ISemaphore>()(semaphore);
exactly<ISemaphore>()(provider.create("y"));
const same: SameISemaphore = semaphore;
provider.create("z", { limit: Infinity, ttl: null });
// @ts-expect-error a key is a text
provider.create(5);
// @ts-expect-error a limit is a number
provider.create("x", { limit: "2" });
// @ts-expect-error not a length of time
provider.create("x", { ttl: 1000 });
// @ts-expect-error no such setting
provider.create("x", { slots: 2 });

exactly<ITask<boolean>>()(semaphore.acquire());
exactly<ITask<void>>()(semaphore.acquireOrFail());
exactly<ITask<boolean>>()(semaphore.acquireBlocking());
exactly<ITask<void>>()(semaphore.acquireBlockingOrFail({ time: TimeSpan.fromMinutes(1), interval: TimeSpan.fromSeconds(1) }));
exactly<ITask<boolean>>()(semaphore.release());
exactly<ITask<void>>()(semaphore.releaseOrFail());
exactly<ITask<boolean>>()(semaphore.forceReleaseAll());
exactly<ITask<boolean>>()(semaphore.refresh());
exactly<ITask<void>>()(semaphore.refreshOrFail(TimeSpan.fromMinutes(1)));
exactly<ITask<ISemaphoreState>>()(semaphore.getState());
exactly<ITask<number>>()(semaphore.runOrFail(() => 5 as number));
exactly<number>()(await semaphore.runOrFail(async () => 5 as number));
exactly<void>()(await semaphore.runOrFail(async () => {}));
exactly<string>()(await semaphore.runBlockingOrFail({ invoke: () => "text" as string }, { time: TimeSpan.fromSeconds(1) }));
exactly<string>()(await semaphore.runBlockingOrFail(new Task(() => "text" as string)));
exactly<boolean>()(await semaphore.acquire().pipe(retry({ maxAttempts: 4, errorPolicy: { treatFalseAsError: true } })));
exactly<number>()(await semaphore.runOrFail(() => 5 as number).pipe(retry({ errorPolicy: FailedAcquireSemaphoreError })));
exactly<[boolean, number]>()(await Task.all([semaphore.acquire(), same.runOrFail(() => 5 as number)]));
exactly<IKey>()(semaphore.key);
exactly<string>()(semaphore.id);
exactly<string>()(semaphore.slotId);
exactly<TimeSpan | null>()(semaphore.ttl);
type _any = True<Same<IsAny<Awaited<ReturnType<ISemaphore["acquire"]>>>, false>>;
// @ts-expect-error it says what it is, and is not told
semaphore.ttl = null;
// @ts-expect-error not a length of time
semaphore.refresh(1000);
// @ts-expect-error not a length of time
semaphore.acquireBlocking({ time: "1m" });
// @ts-expect-error nothing to do
semaphore.runOrFail();
// @ts-expect-error a text is no work
semaphore.runBlockingOrFail("work");

// ---- what its state tells

const state = await semaphore.getState();
exactly<"EXPIRED" | "UNACQUIRED" | "ACQUIRED" | "LIMIT_REACHED">()(state.type);
// @ts-expect-error not every state has it
state.limit;
if (state.type === SEMAPHORE_STATE.EXPIRED) {
  exactly<"EXPIRED">()(state.type);
  // @ts-expect-error nobody holds a slot
  state.acquiredSlots;
}
if (state.type === SEMAPHORE_STATE.UNACQUIRED) {
  exactly<number>()(state.limit);
  exactly<number>()(state.freeSlotsCount);
  exactly<number>()(state.acquiredSlotsCount);
  exactly<string[]>()(state.acquiredSlots);
  // @ts-expect-error this id holds none
  state.remainingTime;
}
if (state.type === SAME_STATE.ACQUIRED) {
  exactly<number>()(state.limit);
  exactly<TimeSpan | null>()(state.remainingTime);
  exactly<number>()(state.freeSlotsCount);
  exactly<number>()(state.acquiredSlotsCount);
  exactly<string[]>()(state.acquiredSlots);
}
if (state.type === SEMAPHORE_STATE.LIMIT_REACHED) {
  exactly<number>()(state.limit);
  exactly<string[]>()(state.acquiredSlots);
  // @ts-expect-error none is free
  state.freeSlotsCount;
}
// @ts-expect-error no such state
state.type === SEMAPHORE_STATE.FREE;
switch (state.type) {
  case "EXPIRED":
  case "UNACQUIRED":
  case "ACQUIRED":
  case "LIMIT_REACHED":
    break;
  default:
    exactly<never>()(state);
}

// ---- what goes wrong

const caught: unknown = undefined;
if (isSemaphoreError(caught)) {
  exactly<AllSemaphoreErrors>()(caught);
}
const limit: FailedAcquireSemaphoreError = new LimitReachedSemaphoreError("text", new Error("cause"));
limit satisfies Error;
exactly<typeof LimitReachedSemaphoreError>()(SEMAPHORE_ERRORS.ReachedLimit);
exactly<typeof FailedAcquireSemaphoreError>()(SEMAPHORE_ERRORS.FailedAcquire);
exactly<typeof FailedRefreshSemaphoreError>()(SEMAPHORE_ERRORS.FailedRefresh);
exactly<typeof FailedReleaseSemaphoreError>()(SEMAPHORE_ERRORS.FailedRelease);

// ---- what happens to them

await provider.events.addListener(SEMAPHORE_EVENTS.ACQUIRED, (event) => {
  exactly<"ACQUIRED">()(event.type);
  exactly<ISemaphoreStateMethods>()(event.semaphore);
  exactly<ITask<ISemaphoreState>>()(event.semaphore.getState());
  // @ts-expect-error who listens does not take part
  event.semaphore.release();
  // @ts-expect-error that is another event's
  event.hasReleased;
});
await provider.events.addListener(SEMAPHORE_EVENTS.ALL_FORCE_RELEASED, ({ hasReleased }) => exactly<boolean>()(hasReleased));
await provider.events.addListener(SEMAPHORE_EVENTS.UNEXPECTED_ERROR, { invoke: ({ error }) => exactly<unknown>()(error) });
await provider.events.addListener([SEMAPHORE_EVENTS.RELEASED, SEMAPHORE_EVENTS.ALL_FORCE_RELEASED], (event) => {
  if (event.type === "ALL_FORCE_RELEASED") {
    exactly<boolean>()(event.hasReleased);
  } else {
    exactly<"RELEASED">()(event.type);
  }
});
exactly<"REFRESHED">()((await provider.events.asPromise(SEMAPHORE_EVENTS.REFRESHED)).type);
await (await provider.events.subscribe("FAILED_RELEASE", () => {}))();
await provider.events.listenOnce("FAILED_REFRESH", () => {});
await (await provider.events.subscribeOnce("LIMIT_REACHED", () => {}))();
type _eight = True<Same<(typeof SEMAPHORE_EVENTS)[keyof typeof SEMAPHORE_EVENTS], 
  "ACQUIRED" | "RELEASED" | "ALL_FORCE_RELEASED" | "FAILED_RELEASE" | "FAILED_REFRESH" | "LIMIT_REACHED" | "REFRESHED" | "UNEXPECTED_ERROR">>;
new EventBus<SemaphoreEventMap>({ adapter: new MemoryEventBusAdapter() });

// ---- the three contracts: a function that gets one cannot reach the others' methods

async function semaphoreFunc(semaphore: ISemaphore): Promise<void> {
  await semaphore.runOrFail(async () => {});
  // @ts-expect-error it creates none
  semaphore.create("resource");
  // @ts-expect-error it does not listen
  semaphore.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
  // @ts-expect-error it does not listen
  semaphore.events;
}

async function semaphoreProviderFunc(semaphoreProvider: ISemaphoreProviderBase): Promise<void> {
  await semaphoreFunc(semaphoreProvider.create("resource", { limit: 2 }));
  // @ts-expect-error it does not listen
  semaphoreProvider.events;
  // @ts-expect-error it does not listen
  semaphoreProvider.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
  // @ts-expect-error it is no semaphore
  semaphoreProvider.acquire();
}

async function semaphoreListenableFunc(semaphoreListenable: ISemaphoreListenable): Promise<void> {
  await semaphoreListenable.addListener(SEMAPHORE_EVENTS.RELEASED, (event) => exactly<"RELEASED">()(event.type));
  // @ts-expect-error it creates none
  semaphoreListenable.create("resource");
  // @ts-expect-error it is no semaphore
  semaphoreListenable.release();
  // @ts-expect-error who listens does not dispatch
  semaphoreListenable.dispatch(SEMAPHORE_EVENTS.RELEASED, { semaphore });
  // @ts-expect-error no such event
  semaphoreListenable.addListener("ACQUIRRED", () => {});
}

async function all(provider: ISemaphoreProvider): Promise<void> {
  await semaphoreListenableFunc(provider.events);
  await semaphoreProviderFunc(provider);
  // @ts-expect-error it does not listen itself
  provider.addListener(SEMAPHORE_EVENTS.ACQUIRED, () => {});
  // @ts-expect-error its events are told by its semaphores alone
  provider.events.dispatch(SEMAPHORE_EVENTS.ACQUIRED, { semaphore });
}
await all(provider);
await semaphoreProviderFunc(new SemaphoreProvider());

// ---- adapters of one's own

class MapSemaphoreAdapter implements ISemaphoreAdapter {
  acquire({ key, slotId, limit, ttl }: SemaphoreAcquireSettings): boolean {
    exactly<number>()(limit);
    exactly<TimeSpan | null>()(ttl);
    return key === slotId;
  }
  release(key: string, slotId: string): boolean {
    return key === slotId;
  }
  async forceReleaseAll(): Promise<boolean> {
    return true;
  }
  async refresh(key: string, slotId: string, ttl: TimeSpan): Promise<boolean> {
    return ttl.toMilliseconds() > 5;
  }
  getState(): ISemaphoreAdapterState | null {
    return { limit: 5, acquiredSlots: new Map([["slot", new Date()], ["endless", null]]) };
  }
}
new SemaphoreProvider({ adapter: new MapSemaphoreAdapter() });
// @ts-expect-error it has no method `release`
const unfinished: ISemaphoreAdapter = { acquire: () => true, forceReleaseAll: () => true, refresh: () => true, getState: () => null };
