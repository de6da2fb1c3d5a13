/**
 * `cla/log`: lines for the people who look after the rules, on the standard error.
 *
 * ```text
 * 2026-11-22 08:30:01 WARN  disk nearly full
 *     free: 3%
 * ```
 *
 * Every function takes a message and, optionally, something to dump as YAML below it. A program that embeds the engine may
 * take level, message and what is to be dumped as data instead.
 */
declare module "cla/log" {
  /** Logs what helps to find a mistake. */
  export function debug(message: unknown, dump?: unknown): void;
  /** Logs what is good to know. */
  export function info(message: unknown, dump?: unknown): void;
  /** Logs what may need a look. */
  export function warn(message: unknown, dump?: unknown): void;
  /** Logs what went wrong. */
  export function error(message: unknown, dump?: unknown): void;
  /**
   * Logs what the rule cannot go on after.
   *
   * @throws Error always, with the message.
   */
  export function fatal(message: unknown, dump?: unknown): never;

  const log: {
    debug: typeof debug;
    info: typeof info;
    warn: typeof warn;
    error: typeof error;
    fatal: typeof fatal;
  };
  export default log;
}

interface ClaModules {
  "cla/log": typeof import("cla/log").default;
}
