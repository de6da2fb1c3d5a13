/**
 * `cla/rule`: rules from within rules.
 *
 * ```js
 * import { run, create, region } from "cla/rule";
 *
 * run("./backup.yml", { host: "db1" });
 * create({ name: "greet", semaphore: "voice" }, [{ echo: "hello ${who}" }]).run({ who: "you" });
 * region({ key: "prod-db", name: "migrate" }, () => print("alone with it"));
 * ```
 */
declare module "cla/rule" {
  import type { SemaphoreOptions, SemaphorePermit, Duration } from "cla/sem";

  /** How another rule is run. */
  export interface RunOptions {
    /** Runs what a rulebook has under `on` for this event; a JavaScript rule must export it in `on`. */
    event?: string;
    /** What administrators see (default: the names of both rules). */
    name?: string;
  }

  /**
   * Runs another rule, in a run of its own, and blocks until it has ended. It shares nothing with this one but output,
   * limits and semaphores, and is cancelled when this one is stopped.
   *
   * @param rule A file, JavaScript or rulebook, relative to the rule that was started; or what {@link create} made.
   * @param stash Its data. It is copied as JSON. Without it, the rule gets a copy of this run's stash, and what it changes there is
   *   changed here when it has ended well; `null` gives it none.
   * @returns What it returned, as JSON.
   * @throws RuleError if it failed.
   */
  export function run<T = any>(rule: string | Rule, stash?: object | null, options?: RunOptions): T;

  /** A semaphore of a rulebook: its name, or more. */
  export type Tag = string | ({ key: string } & Omit<SemaphoreOptions, "who">);

  /** What a created rule has besides its ops: the keys of a rulebook, and what any op may carry. */
  export interface CreateOptions {
    /** Its name (default: `"rule"`). */
    name?: string;
    description?: string;
    /** Variables; what the stash brings along outranks them. */
    vars?: Record<string, any>;
    /** Functions: `{ greet: { args: ["who"], do: [...] } }`. */
    def?: Record<string, object>;
    /** Ops by event. */
    on?: Record<string, any>;
    /** Rulebooks and modules whose functions are ops. */
    import?: unknown;
    /** Held while the ops run. */
    semaphore?: Tag;
    /** How long the ops may take. */
    timeout?: Duration;
    /** What a failure does. */
    on_error?: "fail" | "ignore" | { retry: number; delay?: Duration; backoff?: number };
  }

  /** A rulebook that was made of data. */
  export interface Rule {
    /** Its name, as in errors: it ends in `.yml`. */
    readonly name: string;
    /** The same as {@link run} with this rule. */
    run<T = any>(stash?: object | null, options?: RunOptions): T;
    /** The rulebook's text. */
    toString(): string;
  }

  /**
   * Makes a rulebook of data: `tree` is what stands under `do`, a list of ops.
   *
   * @throws SyntaxError if it is no rulebook as it should be; TypeError if there is a function in it.
   */
  export function create(options: CreateOptions | null | undefined, tree?: unknown): Rule;

  /** How a region is entered: as with `sem.take`, under a name. */
  export interface RegionOptions extends Omit<SemaphoreOptions, "who"> {
    /** The semaphore. */
    key: string;
    /** What administrators see, and what `cla run --timeline` shows. */
    name?: string;
  }

  /**
   * Holds a semaphore while a function runs, as `sem.take` does; the stay appears in the run's report, in
   * `cla run --timeline` and in `--trace`.
   *
   * @returns What the function returns; if that is a promise, the slot is held until it settles.
   * @throws The errors of `sem.take`.
   */
  export function region<T>(options: string | RegionOptions, fn: (permit: SemaphorePermit) => T): T;

  /** How another rule failed. Its own error is the `cause`. */
  export class RuleError extends Error {
    /** The rule that failed. */
    readonly rule: string;
    /** Where, as `file:line:column`. */
    readonly location?: string;
  }

  const rule: {
    run: typeof run;
    create: typeof create;
    region: typeof region;
    RuleError: typeof RuleError;
  };
  export default rule;
}

interface ClaModules {
  "cla/rule": typeof import("cla/rule").default;
}
