/** What the Rust side gives to `cla/semaphore`: see `stdlib/src/semaphore.rs`. Rules are not told of it. */
declare module "cla/semaphore/native" {
  /** A value where the store answers at once, a promise otherwise. */
  export type Answer<TValue> = TValue | Promise<TValue>;

  export type NativeStateType = "EXPIRED" | "UNACQUIRED" | "ACQUIRED" | "LIMIT_REACHED";

  /** What a store knows of a slot id, and of the semaphore's other slots. */
  export interface NativeState {
    type: NativeStateType;
    /** Missing if the id holds no slot; `null` without a TTL; otherwise milliseconds. */
    remaining?: number | null;
    /** `Infinity` if there is none. */
    limit: number;
    /** The ids of the slots that are taken. */
    taken: string[];
  }

  /** What a store knows of a semaphore's slots. */
  export interface NativeSlots {
    limit: number;
    /** The slots that are taken, with the milliseconds for which they still are. */
    taken: { id: string; remaining: number | null }[];
  }

  /** A slot id at a semaphore. Times are in milliseconds. */
  export interface NativeSlot {
    acquire(): Answer<boolean>;
    /** A task that does the work of `runOrFail` for the semaphore: see `runTasks`. */
    task(work: unknown, semaphore: object): unknown;
    /** `true`, or whether it was acquired in time and the function that gives up before. */
    acquireBlocking(time: number): true | [acquired: Promise<boolean>, giveUp: () => void];
    release(): Answer<boolean>;
    refresh(ttl: number): Answer<boolean>;
    state(): Answer<NativeState>;
  }

  /** A store of semaphores. */
  export interface NativeStore {
    slot(name: string, id: string, limit: number, ttl: number | null): NativeSlot;
    forceReleaseAll(name: string): Answer<boolean>;
    state(name: string): Answer<NativeSlots>;
  }

  /** The store of the run. */
  export function own(): NativeStore;
  /** A new store in memory. */
  export function memory(): NativeStore;
  /**
   * Says what tasks of `runOrFail` are: their prototype, which gets its method `then`, and what makes a promise where
   * something has to be waited for: of the work begun; without work, of the semaphore's slot given back when `value` is
   * settled; without either, of `value`.
   */
  export function runTasks(
    prototype: object,
    promise: (work: any, semaphore: any, value: any) => Promise<unknown>,
  ): void;
  /** The work and the semaphore of such a task. */
  export function parts(task: object): [work: any, semaphore: any];
  /** @throws TypeError if no semaphore can be created with these; `store.slot` checks them by itself. */
  export function check(name: string, id: string, limit: number, ttl: number | null): void;
  /** @throws TypeError if it is no TTL; `what` is what messages call it. */
  export function checkTtl(what: string, ttl: number): void;
  /** The state of a slot id: whether it holds a slot, how many are taken, and whether that is all there are. */
  export function stateType(holds: boolean, taken: number, full: boolean): NativeStateType;
  /** Gives a new semaphore its properties: three that can be seen, and one by the symbol `core`. None can be written. */
  export function show(semaphore: object, key: unknown, id: string, ttl: unknown, core: symbol, value: object): void;
  /** A new slot id. */
  export function newId(): string;
  /** The store that a URL names; `what` is what messages call it. */
  export function connect(what: string, url: string): NativeStore;
}
