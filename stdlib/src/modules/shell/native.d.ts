// What `cla/shell` imports; not for rules.

declare module "cla/shell/native" {
  /** A program, or a command of the shell. */
  export interface Stage {
    program?: string | undefined;
    args?: readonly string[] | undefined;
    /** In place of a program. */
    command?: string | undefined;
    cwd?: string | undefined;
    env?: Readonly<Record<string, unknown>> | undefined;
  }

  export interface Plan {
    /** Which function asks for it, for messages. */
    what: string;
    stages: readonly Stage[];
    stdin?: unknown;
    timeout?: unknown;
    grace?: unknown;
    /** What becomes of the output and the errors: both are kept; both go to the run's output; the output is read by lines. */
    output: "keep" | "show" | "lines";
  }

  /** How a command ended. */
  export interface Ended {
    rc: number;
    /** `"SIGTERM"`; `""` if no signal ended it. */
    signal: string;
    timedOut: boolean;
    /** Why it was ended although it had not failed. */
    problem: string | undefined;
  }

  export interface Job {
    readonly pid: number;
    /** Blocks the rule until it has ended. */
    wait(): Ended;
    ended(): Promise<Ended>;
    /** The next line of the output; `null` at its end. Blocks the rule. */
    line(): string | null;
    nextLine(): Promise<string | null>;
    text(which: "output" | "error"): string;
    bytes(): Uint8Array;
    /** Asks it to end; or sends a signal. */
    kill(signal?: unknown): void;
  }

  /** A text as one word of a command. */
  export function quote(text: string): string;

  /**
   * A command of a template: its own texts, and the values between them. A value is an array of words, or a text that is
   * put into the command as it is.
   *
   * @throws TypeError if no value may stand where one stands.
   */
  export function command(texts: readonly string[], values: readonly (string | readonly string[])[]): string;

  /** Has `finish` run the statements before a slot is given back; it says whether what a function returned is a command. */
  export function settling(finish: (returned: unknown) => boolean): void;

  /** @throws PermissionError, and Error if it cannot be started. */
  export function start(plan: Plan): Job;
}
