/**
 * `cla/stash`: the data that the host gave the run, and what the rule put there.
 *
 * A path is a JSON pointer such as `"/servers/0/name"` (`~0` stands for `~`, `~1` for `/`), or the name of a top-level
 * key. The whole stash is {@link cla.stash | cla.stash()} as well.
 */
declare module "cla/stash" {
  /** What is at a path; `otherwise` if nothing is. */
  export function get<T = any>(path: string): T | undefined;
  export function get<T>(path: string, otherwise: T): T;
  /**
   * Puts a value at a path, and returns it. What is missing on the way is made: an array where the next part is `-` or
   * `0`, an object elsewhere. The part `-` stands for the end of an array.
   *
   * @throws TypeError if something on the way is no object; RangeError for an index beyond the end of an array.
   */
  export function set<T>(path: string, value: T): T;
  /** Whether there is something at a path. */
  export function has(path: string): boolean;
  /** Takes away what is at a path; `false` if nothing was. Later items of an array move up. */
  export function remove(path: string): boolean;
  /** The whole stash. */
  export function all(): Record<string, any>;

  const stash: {
    get: typeof get;
    set: typeof set;
    has: typeof has;
    remove: typeof remove;
    all: typeof all;
  };
  export default stash;
}

interface ClaModules {
  "cla/stash": typeof import("cla/stash").default;
}
