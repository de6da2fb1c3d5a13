/** What the Rust side gives to `cla/task`: see `stdlib/src/task.rs`. Rules are not told of it. */
declare module "cla/task/native" {
  /** Whether it is a function with which the interpreter itself settles a promise, as `await` does. */
  export function isAwaiting(onfulfilled: unknown): boolean;
}
