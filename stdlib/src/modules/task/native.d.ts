/** What the Rust side gives to `cla/task`: see `stdlib/src/task.rs`. Rules are not told of it. */
declare module "cla/task/native" {
  /** Whether it is a function with which the interpreter itself settles a promise, as `await` does. */
  export function isAwaiting(onfulfilled: unknown): boolean;

  /**
   * An error of a class, made without its constructor, and without a place: it gets the one of the `await` that it ends.
   * It must be handed to whoever waits without a `throw`, which would be its place.
   */
  export function placeless<TError>(class_: new (...args: any[]) => TError, message: string): TError;
}
