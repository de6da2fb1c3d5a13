// Made of shell.ts by `cargo xtask types --write`.

/**
 * `cla/shell`: commands of the shell, and programs.
 *
 * ```js
 * import { $, sh } from "cla/shell";
 * const { output } = $`git log -1 --format=%s ${branch}`; // blocks the rule
 * const [a, b] = await Promise.all([$`ssh ${first} uptime`, $`ssh ${second} uptime`]); // beside each other
 * sh`mkdir -p ${folder}`; // now, and blocks the rule
 * for (const line of $`journalctl -f`) if (line.includes("error")) break;
 * ```
 *
 * A value in the template is one word, whatever it contains, also within quotes; an array is several words. The rule needs
 * the permission `run` for `sh`; {@link sh.run} needs it for the program alone.
 */
declare module "cla/shell" {
  import { Raw } from "cla/shell/words";
  export type { Raw };
  /** What can be a value in a template. */
  export type Word = string | number | bigint | boolean | Raw;
  /** A length of time: a number of seconds, or a text such as `"500ms"` or `"2m"`. */
  export type Time = number | string;
  /** What a command needs of an `AbortSignal`. */
  export interface Signal {
    readonly aborted: boolean;
    readonly reason?: any;
    addEventListener(type: "abort", listener: () => void): void;
    removeEventListener(type: "abort", listener: () => void): void;
  }
  /** How a command is run. */
  export interface CommandOptions {
    /** The folder in which it runs. Default: the current one. */
    cwd?: string;
    /** Variables that it sees beside those that the rule sees; `null` takes one away. */
    env?: Readonly<Record<string, string | null | undefined>>;
    /** What it reads. Default: nothing. */
    stdin?: string | Uint8Array;
    /** After this time it must end. */
    timeout?: Time;
    /** How long it has to end when it must, before it is killed. Default: 5 seconds. */
    grace?: Time;
    /** Ends it when it is aborted: an `AbortSignal`. Its reason is thrown then. */
    signal?: Signal;
    /** Whether what it writes goes to the run's output, instead of being kept. */
    show?: boolean;
    /** Whether what it writes is not shown, also if nothing of the rule reads its result. */
    quiet?: boolean;
    /** Whether a code other than 0 is a result like others, and throws nothing. */
    nothrow?: boolean;
  }
  /** What came of a command. */
  export class Result {
    #private;
    /** Its exit code; 128 + N if signal N ended it. */
    readonly rc: number;
    /** What it wrote to the standard output, without the line ends at its end. */
    readonly output: string;
    /** What it wrote to the standard error, likewise. */
    readonly error: string;
    /** The signal that ended it: `"SIGTERM"`; `""` if none did. */
    readonly signal: string;
    /** Whether its code is 0. */
    get ok(): boolean;
    /** Its output. */
    text(): string;
    /** The lines of its output. */
    lines(): string[];
    /** The value that its output is in JSON. */
    json(): any;
    /** Its output as it was written. */
    bytes(): Uint8Array;
    toString(): string;
  }
  /** A command ended with another code than 0, or was ended. */
  export class ShellError extends Error {
    /** Its exit code; 128 + N if signal N ended it. */
    readonly rc: number;
    /** What it wrote to the standard output. */
    readonly output: string;
    /** What it wrote to the standard error. */
    readonly error: string;
    /** The signal that ended it; `""` if none did. */
    readonly signal: string;
    /** Whether its time was over. */
    readonly timedOut: boolean;
    /** What was run. */
    readonly command: string;
  }
  /**
   * A command that was made. It begins when its result is read or awaited, and otherwise at the next turn of the rule.
   *
   * Reading a result (`rc`, `output`, `error`, `lines()`, a loop over the lines) blocks the rule until it is there; `await`
   * does not. A command of which nothing is read is a statement: statements are run one after the other, before any command
   * that was made after them, what they write goes to the run's output, and the first that fails throws its error where the
   * next result is read, or else ends the run.
   */
  export class Command implements PromiseLike<Result> {
    #private;
    /** Runs it in another folder. */
    cwd(folder: string): this;
    /** Lets it see these variables, beside those that the rule sees; `null` takes one away. */
    env(variables: Readonly<Record<string, string | null | undefined>>): this;
    /** Gives it something to read. */
    stdin(input: string | Uint8Array): this;
    /** After this time it must end. `grace`: how long it has then, before it is killed. */
    timeout(time: Time, grace?: Time): this;
    /** Ends it when the signal is aborted, whose reason is thrown then. */
    abort(signal: Signal): this;
    /** Does not show what it writes, also if nothing of the rule reads its result. */
    quiet(): this;
    /** Sends what it writes to the run's output, instead of keeping it. */
    show(): this;
    /** Takes a code other than 0 as a result like others. */
    nothrow(): this;
    /** Lets another command read what this one writes. If one of them fails, so do both. */
    pipe(next: Command): Command;
    /** Starts it now, and goes on beside it. */
    start(): this;
    /** Asks it to end, and kills it after its grace; or sends the signal of this name. */
    kill(signal?: string): void;
    /** The number of its process. */
    get pid(): number;
    /** Its exit code. Blocks the rule until it has ended. */
    get rc(): number;
    /** What it writes to the standard output. Blocks the rule until it has ended. */
    get output(): string;
    /** What it writes to the standard error. Blocks the rule until it has ended. */
    get error(): string;
    /** The signal that ended it. Blocks the rule until it has ended. */
    get signal(): string;
    /** Whether its code is 0. Blocks the rule until it has ended. */
    get ok(): boolean;
    /** Its output. Blocks the rule until it has ended. */
    text(): string;
    /** The lines of its output. Blocks the rule until it has ended; a loop over the command itself has each when it comes. */
    lines(): string[];
    /** The value that its output is in JSON. Blocks the rule until it has ended. */
    json(): any;
    /** Its output as it is written. Blocks the rule until it has ended. */
    bytes(): Uint8Array;
    /** Its result, without blocking the rule. */
    then<TResult1 = Result, TResult2 = never>(onfulfilled?: ((value: Result) => TResult1 | PromiseLike<TResult1>) | null, onrejected?: ((reason: any) => TResult2 | PromiseLike<TResult2>) | null): Promise<TResult1 | TResult2>;
    catch<TResult = never>(onrejected?: ((reason: any) => TResult | PromiseLike<TResult>) | null): Promise<Result | TResult>;
    finally(onfinally?: (() => void) | null): Promise<Result>;
    /** Its lines, each when it comes. Blocks the rule between them. A loop that ends early ends the command. */
    [Symbol.iterator](): IterableIterator<string>;
    /** Its lines, each when it comes, without blocking the rule. A loop that ends early ends the command. */
    [Symbol.asyncIterator](): AsyncIterableIterator<string>;
  }
  /** Makes commands of templates: `` $`ls ${folder}` ``; with options: `` $({ cwd: "/srv" })`ls` ``. */
  export interface Shell {
    (strings: TemplateStringsArray, ...values: readonly (Word | readonly Word[])[]): Command;
    (options: CommandOptions): Shell;
  }
  /** A command of the shell, which begins when its result is read or awaited, and otherwise at the next turn. */
  export const $: Shell;
  /** Runs commands at once, and blocks the rule until they have ended: `` sh`mkdir -p ${folder}` ``. */
  export interface BlockingShell {
    (strings: TemplateStringsArray, ...values: readonly (Word | readonly Word[])[]): Result;
    (options: CommandOptions): BlockingShell;
    /** Runs a program with these arguments, without a shell. Blocks the rule until it has ended. */
    run(program: string, args?: readonly string[], options?: CommandOptions): Result;
    run(program: string, options: CommandOptions): Result;
    /** The same without blocking the rule. */
    readonly promises: {
      run(program: string, args?: readonly string[], options?: CommandOptions): Promise<Result>;
      run(program: string, options: CommandOptions): Promise<Result>;
    };
    /** A text as one word of a shell command. */
    quote(text: string): string;
    /** A text that a template takes as it is, as a part of the command. It must not come from a stranger. */
    raw(text: string): Raw;
  }
  export const sh: BlockingShell;
  const shell: {
    $: Shell;
    sh: BlockingShell;
    Command: typeof Command;
    Result: typeof Result;
    ShellError: typeof ShellError;
  };
  export default shell;
}

interface ClaModules {
  "cla/shell": typeof import("cla/shell");
}
