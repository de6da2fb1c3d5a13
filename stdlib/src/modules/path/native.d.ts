// What `cla/path` imports; not for rules.

declare module "cla/path/native" {
  /** The current folder of the process, which is that of the rule's relative paths. */
  export function currentFolder(): string;

  /** Whether a path matches a pattern with `*`, `**`, `?`, `[...]` and `{...}`. */
  export function matches(pattern: string, path: string): boolean;
}
