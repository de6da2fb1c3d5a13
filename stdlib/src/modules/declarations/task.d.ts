// Made of task.ts by `cargo xtask types --write`.

/**
 * `cla/task`: promises that do nothing until somebody wants their value.
 *
 * ```js
 * import { Task } from "cla/task";
 * const task = new Task(async () => 42); // nothing has happened yet
 * await task; // now it has, and a second `await` gives the same value
 * ```
 */
declare module "cla/task" {
  import { type ITimeSpan } from "cla/time-span";
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
  export type Invokable<TArgs extends unknown[] = [], TReturn = void> = InvokableFn<TArgs, TReturn> | IInvokableObject<TArgs, TReturn>;
  /** How a value is come by when it is needed: by a call, or by a {@link Task}. */
  export type AsyncLazy<TValue> = Invokable<[], Promisable<TValue>> | ITask<TValue>;
  /** A value, or how it is come by. */
  export type AsyncLazyable<TValue> = TValue | AsyncLazy<TValue>;
  /** Goes on to what a middleware is around. May be called any number of times; each call does the work anew. */
  export type NextFunc<TArgs extends unknown[] = [], TValue = unknown> = InvokableFn<TArgs, ITask<TValue>>;
  /** Something around the work of a task: it may do it never, once or several times, and change what comes of it. */
  export type AsyncMiddleware<TArgs extends unknown[] = [], TValue = unknown> = Invokable<[
    args: TArgs,
    next: NextFunc<TArgs, TValue>
  ], Promisable<TValue>>;
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
  export type TaskCallback<TValue> = InvokableFn<[
    resolve: TaskResolve<TValue>,
    reject: TaskReject
  ], void | (() => void) | PromiseLike<void>>;
  /** Calls a function, or the method `invoke` of an object. */
  export function callInvokable<TArgs extends unknown[], TReturn>(invokable: Invokable<TArgs, TReturn>, ...args: TArgs): TReturn;
  /** The value that a lazy value stands for. */
  export function resolveLazyable<TValue>(lazyable: AsyncLazyable<TValue>): Promisable<TValue>;
  /**
   * Something that can be awaited like a promise, but does nothing before that, or before {@link Task.detach}. However
   * often it is awaited, the work is done once.
   *
   * A {@link Task.delay} that lost a {@link Task.race} or ran into a `timeout` does not keep the run from ending: its timer
   * is stopped while nobody waits for it. So it is with whatever {@link Task.fromCallback} can stop. A function that has
   * begun goes on.
   */
  export class Task<TValue> implements ITask<TValue> {
    #private;
    /**
     * @param invokable The work: a function, an object with a method `invoke`, or another task.
     * @param middlewares What is around it, the first outermost.
     */
    constructor(invokable: AsyncLazy<TValue>, middlewares?: OneOrMore<AsyncMiddleware<[], TValue>>);
    /** A function that makes a task of each call of `fn`. */
    static wrapFn<TArgs extends unknown[], TReturn>(fn: Invokable<TArgs, Promisable<TReturn>>): InvokableFn<TArgs, Task<TReturn>>;
    /** A task of work that ends by calling `resolve` or `reject`, such as that of a function with a callback. */
    static fromCallback<TValue>(callback: TaskCallback<TValue>): Task<TValue>;
    /** A task that is done so long after it was begun. */
    static delay(time: ITimeSpan): Task<void>;
    /** A task that has this value. */
    static resolve(): Task<void>;
    static resolve<TValue>(value: Promisable<TValue>): Task<TValue>;
    /** A task that fails with this. */
    static reject<TValue = never>(reason?: unknown): Task<TValue>;
    /** As `Promise.all`: all values, or the first error. */
    static all<TValues extends readonly unknown[] | []>(tasks: TValues): Task<{
      -readonly [P in keyof TValues]: Awaited<TValues[P]>;
    }>;
    static all<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>[]>;
    /** As `Promise.allSettled`: how each of them ended. */
    static allSettled<TValues extends readonly unknown[] | []>(tasks: TValues): Task<{
      -readonly [P in keyof TValues]: PromiseSettledResult<Awaited<TValues[P]>>;
    }>;
    static allSettled<TValue>(tasks: Iterable<Promisable<TValue>>): Task<PromiseSettledResult<Awaited<TValue>>[]>;
    /** As `Promise.race`: the first of them to end, however it does. */
    static race<TValues extends readonly unknown[] | []>(tasks: TValues): Task<Awaited<TValues[number]>>;
    static race<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>>;
    /** As `Promise.any`: the first value, or an `AggregateError` of all errors. */
    static any<TValues extends readonly unknown[] | []>(tasks: TValues): Task<Awaited<TValues[number]>>;
    static any<TValue>(tasks: Iterable<Promisable<TValue>>): Task<Awaited<TValue>>;
    pipe(middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): Task<TValue>;
    pipeWhen(condition: AsyncLazyable<boolean>, middlewares: OneOrMore<AsyncMiddleware<[], TValue>>): Task<TValue>;
    then<TResult1 = TValue, TResult2 = never>(onfulfilled?: ((value: TValue) => TResult1 | PromiseLike<TResult1>) | null, onrejected?: ((reason: any) => TResult2 | PromiseLike<TResult2>) | null): Promise<TResult1 | TResult2>;
    detach(): void;
  }
}

interface ClaModules {
  "cla/task": typeof import("cla/task");
}
