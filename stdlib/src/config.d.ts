/**
 * `cla/config`: the settings of rules.
 *
 * They stand under `[config]` in the `cla.toml` beside the rule, above it, beside the folder in which it is started, or of the
 * user; the nearest says most. A Rust program gives them with `RunOptions::config`.
 *
 * ```js
 * import config from "cla/config";
 * // [config.deploy]
 * // host = "web1"
 * config.get("deploy.host"); // "web1"; so is cla.config("deploy.host")
 * ```
 */
declare module "cla/config" {
  /**
   * What is at a path, as a copy.
   *
   * @param path Names with dots (`"deploy.host"`, `"hosts.0"`), or a JSON pointer (`"/deploy/host"`). A first name `config`
   *   may be there or not.
   * @param otherwise What to give if nothing is there. Default: `undefined`.
   */
  export function get<T = any>(path: string): T | undefined;
  export function get<T>(path: string, otherwise: T): T;
  /** Whether something is at a path. */
  export function has(path: string): boolean;
  /** All settings. */
  export function all(): Record<string, any>;

  const config: {
    get: typeof get;
    has: typeof has;
    all: typeof all;
  };
  export default config;
}

interface ClaModules {
  "cla/config": typeof import("cla/config").default;
}
