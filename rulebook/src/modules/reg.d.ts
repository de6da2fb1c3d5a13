/**
 * `cla/reg`: services, to be launched by name.
 *
 * In a rulebook that imports the module which registers them, each is an op:
 *
 * ```js
 * // slack.js
 * import { register } from "cla/reg";
 * register("slack.post", ({ text }) => print(`to slack: ${text}`));
 * ```
 * ```yaml
 * import: ./slack.js
 * do:
 *   - slack.post: {text: deployed}
 * ```
 *
 * Services belong to the run that registers them, and to the forks of its rulebook that import the same modules.
 */
declare module "cla/reg" {
  /** What a service does: it gets what it is launched with, and the stash, or the variables of the rulebook. */
  export type Service<Config = any, Result = any> = (config: Config, stash: Record<string, any>) => Result;

  /** What the handler of a service gets first. */
  export interface Context {
    /** The stash, or the variables of the rulebook: all of it, what is at a path, or a value put there, as with `cla.stash`. */
    stash(): Record<string, any>;
    stash<T = any>(path: string): T;
    stash<T>(path: string, value: T): T;
  }

  /** What a service does that is registered as an object. Note the order: the context comes first. */
  export type Handler<Config = any, Result = any> = (context: Context, config: Config) => Result;

  /**
   * Registers a service. One of the same name is replaced.
   *
   * @param name Letters, digits, `_` and `-`, with dots in between; not the name of an op.
   * @throws TypeError for a name that no op can have.
   */
  export function register(name: string, service: Service | { name?: string; handler: Handler }): void;
  /**
   * Calls a service, and returns what it returns.
   *
   * @param config What the service gets. One with a handler may also be given `{ config, stash, name }`.
   * @param stash What it gets as the stash (default: the run's).
   * @throws Error if there is none of that name.
   */
  export function launch<Result = any>(name: string, config?: unknown, stash?: Record<string, any>): Result;
  /** Whether there is a service of that name. */
  export function has(name: string): boolean;
  /** The names of all services, in the order in which they were registered. */
  export function names(): string[];

  const reg: {
    register: typeof register;
    launch: typeof launch;
    has: typeof has;
    names: typeof names;
  };
  export default reg;
}

interface ClaModules {
  "cla/reg": typeof import("cla/reg").default;
}
