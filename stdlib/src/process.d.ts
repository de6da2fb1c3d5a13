/** `cla/process`: where the rule runs. */
declare module "cla/process" {
  /** The id of the operating system's process: `pid`, or `pid()` as documents for Clarive have it. */
  export const pid: number & (() => number);
  /** The name of the program: `"cla"`. */
  export const title: string;
  /** The processor architecture, as Node names it: `"x64"`, `"arm64"`, ... */
  export const arch: string;
  /** The operating system, as Node names it: `"linux"`, `"darwin"`, `"win32"`, ... */
  export const os: string;
  /**
   * The environment variables when they were first looked at: `env.NAME`, or `env("NAME")` as documents for Clarive have it.
   * Changes stay in the rule, and the commands that it starts with `node:child_process` see them.
   */
  export const env: Record<string, string | undefined> & ((name: string) => string | undefined);
  /** `"cla"`, the name of the rule, and its arguments. */
  export const argv: string[];
  /** The arguments that the rule was started with. */
  export const args: string[];

  const process: {
    pid: typeof pid;
    title: typeof title;
    arch: typeof arch;
    os: typeof os;
    env: typeof env;
    argv: typeof argv;
    args: typeof args;
  };
  export default process;
}

interface ClaModules {
  "cla/process": typeof import("cla/process").default;
}
