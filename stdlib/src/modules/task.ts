/**
 * `cla/task`: promises that do nothing until somebody wants their value.
 *
 * ```js
 * import { Task } from "cla/task";
 * const task = new Task(async () => 42); // nothing has happened yet
 * await task; // now it has, and a second `await` gives the same value
 * ```
 */

import { isAwaiting } from "cla/task/native";
import { type ITimeSpan, millisecondsOf } from "cla/time-span";

/** A value, or something that can be awaited for it. */
export type Promisable<TValue> = TValue | PromiseLike<TValue>;

/** One, or a list. */
export type OneOrMore<TItem> = TItem | readonly TItem[];

/** A function. */
export type InvokableFn<TArgs extends unknown[] = [], TReturn = void> = (...args: TArgs) => TReturn;

/** An object that is called by its method `invoke`. */
export interface IInvokableObject<TArgs extends unknown[] = [], TReturn = void> {
  invoke(...args: TArgs): TReturn;
}

/** What can be called: a function, or an object with a method `invoke`. */
export type Invokable<TArgs extends unknown[] = [], TReturn = void> =
  | InvokableFn<TArgs, TReturn>
  | IInvokableObject<TArgs, TReturn>;

/** How a value is come by when it is needed: by a call, or by a {@link Task}. */
export type AsyncLazy<TValue> = Invokable<[], Promisable<TValue>> | ITask<TValue>;

/** A value, or how it is come by. */
export type AsyncLazyable<TValue> = TValue | AsyncLazy<TValue>;

/** Goes on to what a middleware is around. May be called any number of times; each call does the work anew. */
export type NextFunc<TArgs extends unknown[] = [], TValue = unknown> = InvokableFn<TArgs, ITask<TValue>>;

/** Something around the work of a task: it may do it never, once or several times, and change what comes of it. */
export type AsyncMiddleware<TArgs extends unknown[] = [], TValue = unknown> = Invokable<
  [args: TArgs, next: NextFunc<TArgs, TValue>],
  Promisable<TValue>
>;

/** What can be awaited, and does nothing before. */
export interface ITask<TValue> extends PromiseLike<TValue> {
  /** A task that does the same work with middlewares around it, the first outermost. This one stays as it is. */
  pipe(middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): ITask<TValue>;

  /** The same, if `condition` gives true when the work begins. */
  pipeWhen(condition: AsyncLazyable<boolean>, middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): ITask<TValue>;

  /** Begins the work, unless it has begun, without waiting for it. If it fails, so does the run. */
  detach(): void;
}

export type TaskResolve<TValue> = InvokableFn<[value: Promisable<TValue>]>;
export type TaskReject = InvokableFn<[error: unknown]>;

/**
 * Work that ends with a call. A function that it returns is called when the work has ended or nobody waits for it any
 * more, to stop timers and the like; if somebody waits again after all, the work begins again.
 */
export type TaskCallback<TValue> = InvokableFn<
  [resolve: TaskResolve<TValue>, reject: TaskReject],
  void | (() => void) | PromiseLike<void>
>;

/** Calls a function, or the method `invoke` of an object. */
export function callInvokable<TArgs extends unknown[], TReturn>(
  invokable: Invokable<TArgs, TReturn>,
  ...args: TArgs
): TReturn {
  return typeof invokable === "function" ? invokable(...args) : invokable.invoke(...args);
}

/** The value that a lazy value stands for. */
export function resolveLazyable<TValue>(lazyable: AsyncLazyable<TValue>): Promisable<TValue> {
  if (typeof lazyable === "function") {
    return (lazyable as InvokableFn<[], Promisable<TValue>>)();
  }
  if (typeof lazyable === "object" && lazyable !== null && "invoke" in lazyable) {
    return (lazyable as IInvokableObject<[], Promisable<TValue>>).invoke();
  }
  return lazyable as Promisable<TValue>;
}

/** Work that ends with a call, under way: it goes on while somebody waits for it. */
class Subscription<TValue> {
  readonly promise: Promise<TValue>;
  readonly #callback: TaskCallback<TValue>;
  #resolve!: TaskResolve<TValue>;
  #reject!: TaskReject;
  #stop: (() => void) | undefined;
  #waiting = 0;
  #listening = false;
  #settled = false;

  constructor(callback: TaskCallback<TValue>) {
    this.#callback = callback;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Begins the work. What it calls may already wait for it. */
  begin(): Promise<TValue> {
    this.#listen();
    return this.promise;
  }

  enter(): void {
    this.#waiting += 1;
    this.#listen();
  }

  leave(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) {
      this.#unlisten();
    }
  }

  #listen(): void {
    if (this.#listening || this.#settled) {
      return;
    }
    this.#listening = true;
    try {
      const stop = this.#callback(
        (value) => this.#settle(() => this.#resolve(value)),
        (error) => this.#settle(() => this.#reject(error)),
      );
      if (typeof stop === "function") {
        this.#stop = stop;
      } else {
        stop?.then(undefined, (error: unknown) => this.#settle(() => this.#reject(error)));
      }
    } catch (error) {
      this.#settle(() => this.#reject(error));
    }
    if (this.#settled) {
      this.#unlisten();
    }
  }

  #unlisten(): void {
    const stop = this.#stop;
    this.#stop = undefined;
    this.#listening = false;
    stop?.();
  }

  #settle(settle: () => void): void {
    if (!this.#settled) {
      this.#settled = true;
      settle();
      this.#unlisten();
    }
  }
}

/** What somebody waits for while the work is being done. */
interface Deferred<TValue> {
  readonly promise: Promise<TValue>;
  resolve(value: Promisable<TValue>): void;
  reject(error: unknown): void;
}

/** The state of a task whose work is being done, and for which nobody waits yet but who began it. */
const BUSY = Symbol("busy");

/** What those get who do not look at it: `await` does not. */
const IGNORED = Promise.resolve();

/**
 * Calls back when a value is there, until the function that it returns is called.
 *
 * @internal
 */
export let watch: <TValue>(
  value: Promisable<TValue>,
  resolve: (value: TValue) => void,
  reject: (error: unknown) => void,
) => () => void;

/**
 * Something that can be awaited like a promise, but does nothing before that, or before {@link Task.detach}. However
 * often it is awaited, the work is done once.
 *
 * A {@link Task.delay} that lost a {@link Task.race} or ran into a `timeout` does not keep the run from ending: its timer
 * is stopped while nobody waits for it. So it is with whatever {@link Task.fromCallback} can stop. A function that has
 * begun goes on.
 */
export class Task<TValue> implements ITask<TValue> {
  readonly #work: AsyncLazy<TValue> | undefined;
  /** Makes the callback for each time that the work is done, instead of `#work`. */
  readonly #source: (() => TaskCallback<TValue>) | undefined;
  /** `undefined` before it was begun, the value in a list when it was there at once. */
  #state: readonly [TValue] | Promise<TValue> | Subscription<TValue> | Deferred<TValue> | typeof BUSY | undefined;

  /**
   * @param invokable The work: a function, an object with a method `invoke`, or another task.
   * @param middlewares What is around it, the first outermost.
   */
  constructor(invokable: AsyncLazy<TValue>, middlewares?: OneOrMore<AsyncMiddleware<[], TValue>>);
  /** @internal */
  constructor(invokable: undefined, middlewares: undefined, source: () => TaskCallback<TValue>);
  constructor(
    invokable: AsyncLazy<TValue> | undefined,
    middlewares?: OneOrMore<AsyncMiddleware<[], TValue>>,
    source?: () => TaskCallback<TValue>,
  ) {
    if (typeof invokable !== "function" && source === undefined && (typeof invokable !== "object" || !invokable)) {
      throw new TypeError("Task: the work must be a function, an object with a method `invoke`, or another task");
    }
    this.#work = invokable;
    this.#source = source;
    if (middlewares !== undefined && invokable !== undefined) {
      const inner = new Task(invokable);
      const all = around(middlewares);
      this.#work = () => inner.#through(all, 0);
    }
  }

  static {
    watch = (value, resolve, reject) => {
      // Those of `runOrFail` have no such state.
      if (!(value instanceof Task) || !(#state in value)) {
        Promise.resolve(value).then(resolve, reject);
        return () => {};
      }
      const task = value as Task<Awaited<typeof value>>;
      task.#begin().then(resolve, reject);
      const subscription = task.#state;
      if (!(subscription instanceof Subscription)) {
        return () => {};
      }
      subscription.enter();
      let watching = true;
      return () => {
        if (watching) {
          watching = false;
          subscription.leave();
        }
      };
    };
  }

  /** A function that makes a task of each call of `fn`. */
  static wrapFn<TArgs extends unknown[], TReturn>(
    fn: Invokable<TArgs, Promisable<TReturn>>,
  ): InvokableFn<TArgs, Task<TReturn>> {
    checkInvokable("Task.wrapFn: the function", fn);
    return (...args) => new Task<TReturn>(() => callInvokable(fn, ...args));
  }

  /** A task of work that ends by calling `resolve` or `reject`, such as that of a function with a callback. */
  static fromCallback<TValue>(callback: TaskCallback<TValue>): Task<TValue> {
    checkInvokable("Task.fromCallback: the callback", callback);
    return new Task<TValue>(undefined, undefined, () => callback);
  }

  /** A task that is done so long after it was begun. */
  static delay(time: ITimeSpan): Task<void> {
    const milliseconds = millisecondsOf(time);
    return new Task<void>(undefined, undefined, () => {
      const due = performance.now() + milliseconds;
      return (resolve) => startTimer(due - performance.now(), () => resolve());
    });
  }

  /** A task that has this value. */
  static resolve(): Task<void>;
  static resolve<TValue>(value: Promisable<TValue>): Task<TValue>;
  static resolve<TValue>(value?: Promisable<TValue>): Task<TValue | undefined> {
    return new Task<TValue | undefined>(() => value);
  }

  /** A task that fails with this. */
  static reject<TValue = never>(reason?: unknown): Task<TValue> {
    return new Task<TValue>(() => {
      throw reason;
    });
  }

  /** As `Promise.all`: all values, or the first error. */
  static all<TValues extends readonly unknown[] | []>(
    tasks: TValues,
  ): Task<{ -readonly [P in keyof TValues]: Awaited<TValues[P]> }>;
  static all<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>[]>;
  static all(tasks: Iterable<unknown>): Task<unknown[]> {
    return together<unknown, unknown[]>(tasks, (count, resolve, reject) => {
      const put = gather<unknown>(count, resolve);
      return (at) => [(value) => put(at, value), reject];
    });
  }

  /** As `Promise.allSettled`: how each of them ended. */
  static allSettled<TValues extends readonly unknown[] | []>(
    tasks: TValues,
  ): Task<{ -readonly [P in keyof TValues]: PromiseSettledResult<Awaited<TValues[P]>> }>;
  static allSettled<TValue>(tasks: Iterable<Promisable<TValue>>): Task<PromiseSettledResult<Awaited<TValue>>[]>;
  static allSettled(tasks: Iterable<unknown>): Task<PromiseSettledResult<unknown>[]> {
    return together<unknown, PromiseSettledResult<unknown>[]>(tasks, (count, resolve) => {
      const put = gather<PromiseSettledResult<unknown>>(count, resolve);
      return (at) => [
        (value) => put(at, { status: "fulfilled", value }),
        (reason) => put(at, { status: "rejected", reason }),
      ];
    });
  }

  /** As `Promise.race`: the first of them to end, however it does. */
  static race<TValues extends readonly unknown[] | []>(tasks: TValues): Task<Awaited<TValues[number]>>;
  static race<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>>;
  static race(tasks: Iterable<unknown>): Task<unknown> {
    return together<unknown, unknown>(tasks, (_, resolve, reject) => () => [resolve, reject]);
  }

  /** As `Promise.any`: the first value, or an `AggregateError` of all errors. */
  static any<TValues extends readonly unknown[] | []>(tasks: TValues): Task<Awaited<TValues[number]>>;
  static any<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>>;
  static any(tasks: Iterable<unknown>): Task<unknown> {
    return together<unknown, unknown>(tasks, (count, resolve, reject) => {
      const put = gather<unknown>(count, (errors) => reject(new AggregateError(errors, "every task failed")));
      return (at) => [resolve, (error) => put(at, error)];
    });
  }

  pipe(middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): Task<TValue> {
    const all = around(middlewares);
    return new Task(() => this.#through(all, 0));
  }

  pipeWhen(condition: AsyncLazyable<boolean>, middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): Task<TValue> {
    const all = around(middlewares);
    return new Task(async () => this.#through((await resolveLazyable(condition)) ? all : [], 0));
  }

  then<TResult1 = TValue, TResult2 = never>(
    onfulfilled?: ((value: TValue) => TResult1 | PromiseLike<TResult1>) | null,
    onrejected?: ((reason: any) => TResult2 | PromiseLike<TResult2>) | null,
  ): Promise<TResult1 | TResult2> {
    if (this.#state === undefined && this.#source === undefined && isAwaiting(onfulfilled)) {
      // `await` itself waits, so that what is there at once needs no promise.
      return this.#now(onfulfilled as TaskResolve<TValue>, onrejected as TaskReject) as Promise<TResult1>;
    }
    const promise = this.#begin();
    if (this.#state instanceof Subscription) {
      this.#state.enter();
    }
    return promise.then(onfulfilled, onrejected);
  }

  detach(): void {
    this.#begin();
    if (this.#state instanceof Subscription) {
      this.#state.enter();
    }
  }

  /** Does the work for `await`. */
  #now(onfulfilled: TaskResolve<TValue>, onrejected: TaskReject): Promise<unknown> {
    let value: Promisable<TValue>;
    this.#state = BUSY;
    try {
      value = resolveLazyable(this.#work as AsyncLazy<TValue>);
    } catch (error) {
      const failed = Promise.reject<TValue>(error);
      this.#settle(failed);
      return failed.then(undefined, onrejected);
    }
    if (typeof value === "object" && value !== null && typeof (value as PromiseLike<TValue>).then === "function") {
      const promise = Promise.resolve(value as PromiseLike<TValue>);
      this.#settle(promise);
      return promise.then(onfulfilled, onrejected);
    }
    if (this.#state === BUSY) {
      this.#state = [value as TValue];
    } else {
      this.#settle(Promise.resolve(value));
    }
    onfulfilled(value);
    return IGNORED;
  }

  /** The work is done, or goes on by itself. */
  #settle(outcome: Promise<TValue>): void {
    const waiting = this.#state as Deferred<TValue> | typeof BUSY;
    this.#state = outcome;
    if (waiting !== BUSY) {
      waiting.resolve(outcome);
    }
  }

  /** Begins the work if it has not begun. */
  #begin(): Promise<TValue> {
    const state = this.#state;
    if (state instanceof Promise) {
      return state;
    }
    if (Array.isArray(state)) {
      const promise = Promise.resolve(state[0] as TValue);
      this.#state = promise;
      return promise;
    }
    if (state === BUSY) {
      const deferred = Promise.withResolvers<TValue>();
      this.#state = deferred;
      return deferred.promise;
    }
    if (state !== undefined) {
      return (state as Subscription<TValue> | Deferred<TValue>).promise;
    }
    if (this.#source !== undefined) {
      const subscription = new Subscription(this.#source());
      this.#state = subscription;
      return subscription.begin();
    }
    const work = this.#work as AsyncLazy<TValue>;
    this.#state = BUSY;
    this.#settle(new Promise((resolve) => resolve(resolveLazyable(work))));
    return this.#state as unknown as Promise<TValue>;
  }

  /** Does the work anew, within the middlewares from the one at `at` on. */
  #through(middlewares: readonly AsyncMiddleware<[], TValue>[], at: number): Task<TValue> {
    const middleware = middlewares[at];
    const task =
      middleware === undefined
        ? this.#again()
        : new Task<TValue>(() => callInvokable(middleware, [], () => this.#through(middlewares, at + 1)));
    task.#begin();
    return task;
  }

  #again(): Task<TValue> {
    return this.#source === undefined
      ? new Task(this.#work as AsyncLazy<TValue>)
      : new Task<TValue>(undefined, undefined, this.#source);
  }
}

/**
 * While there is one, the interpreter need not lay out the next anew.
 *
 * @internal
 */
export const LAYOUT: Task<void> = new Task(() => {});

/**
 * Refuses what cannot be called.
 *
 * @internal
 */
export function checkInvokable(what: string, invokable: unknown): void {
  const { invoke } = (invokable ?? {}) as { invoke?: unknown };
  if (typeof invokable !== "function" && typeof invoke !== "function") {
    throw new TypeError(`${what} must be a function, or an object with a method \`invoke\``);
  }
}

function around<TValue>(middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): readonly AsyncMiddleware<[], TValue>[] {
  const all = list(middlewares);
  all.forEach((middleware) => checkInvokable("Task: a middleware", middleware));
  return all;
}

function list<TItem>(items: OneOrMore<TItem>): readonly TItem[] {
  return Array.isArray(items) ? items : [items as TItem];
}

/**
 * Calls `done` so many milliseconds later, unless what it returns is called before.
 *
 * @internal
 */
export function startTimer(milliseconds: number, done: () => void): () => void {
  const due = performance.now() + milliseconds;
  let timer: number;
  // A single timer cannot be set for longer than some 25 days.
  const wait = () => {
    const left = Math.ceil(due - performance.now());
    timer = setTimeout(() => (performance.now() < due ? wait() : done()), left);
  };
  wait();
  return () => clearTimeout(timer);
}

/** Collects so many items, and gives them when all are there. */
function gather<TItem>(count: number, done: (items: TItem[]) => void): (at: number, item: TItem) => void {
  const items = new Array<TItem>(count);
  let left = count;
  if (left === 0) {
    done(items);
  }
  return (at, item) => {
    items[at] = item;
    left -= 1;
    if (left === 0) {
      done(items);
    }
  };
}

type Handlers<TValue> = [resolve: (value: TValue) => void, reject: (error: unknown) => void];

/** A task of several; `join` makes what is called for each of them. */
function together<TValue, TResult>(
  tasks: Iterable<Promisable<TValue>>,
  join: (count: number, resolve: TaskResolve<TResult>, reject: TaskReject) => (at: number) => Handlers<TValue>,
): Task<TResult> {
  const all = [...tasks];
  return Task.fromCallback<TResult>((resolve, reject) => {
    const handlers = join(all.length, resolve, reject);
    const stops = all.map((task, at) => watch(task, ...handlers(at)));
    return () => stops.forEach((stop) => stop());
  });
}
