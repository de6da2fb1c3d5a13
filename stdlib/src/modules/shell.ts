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

import { type Ended, type Job, settling, type Stage, start } from "cla/shell/native";
import { commandOf, quote, Raw } from "cla/shell/words";
import { placeless } from "cla/task/native";

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
  /** Its exit code; 128 + N if signal N ended it. */
  readonly rc: number;
  /** What it wrote to the standard output, without the line ends at its end. */
  readonly output: string;
  /** What it wrote to the standard error, likewise. */
  readonly error: string;
  /** The signal that ended it: `"SIGTERM"`; `""` if none did. */
  readonly signal: string;
  readonly #job: Job;

  /** @internal */
  constructor(job: Job, ended: Ended) {
    this.#job = job;
    this.rc = ended.rc;
    this.signal = ended.signal;
    this.output = trimmed(job.text("output"));
    this.error = trimmed(job.text("error"));
  }

  /** Whether its code is 0. */
  get ok(): boolean {
    return this.rc === 0;
  }

  /** Its output. */
  text(): string {
    return this.output;
  }

  /** The lines of its output. */
  lines(): string[] {
    return this.output === "" ? [] : this.output.split(/\r?\n/);
  }

  /** The value that its output is in JSON. */
  json(): any {
    return JSON.parse(this.output);
  }

  /** Its output as it was written. */
  bytes(): Uint8Array {
    return this.#job.bytes();
  }

  toString(): string {
    return this.output;
  }
}

/** A command ended with another code than 0, or was ended. */
export class ShellError extends Error {
  /** Its exit code; 128 + N if signal N ended it. */
  readonly rc!: number;
  /** What it wrote to the standard output. */
  readonly output!: string;
  /** What it wrote to the standard error. */
  readonly error!: string;
  /** The signal that ended it; `""` if none did. */
  readonly signal!: string;
  /** Whether its time was over. */
  readonly timedOut!: boolean;
  /** What was run. */
  readonly command!: string;
}
Object.defineProperty(ShellError.prototype, "name", { value: "ShellError", writable: true, configurable: true });

function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\n") {
    end -= 1;
  }
  return text.slice(0, end);
}

/** How many of the last lines of its errors the message of a {@link ShellError} has, and of how many characters. */
const SHOWN_LINES = 5;
const SHOWN_CHARACTERS = 1000;

/** How much of a command its error's message has, in characters. */
const SHOWN_COMMAND = 200;

function shortened(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

function ending(text: string, most: number): string {
  return text.length > most ? `…${text.slice(-most)}` : text;
}

/** The error of a command that failed. */
function failed(command: string, options: CommandOptions, ended: Ended, output: string, error: string): unknown {
  const shown = shortened(command.trim(), SHOWN_COMMAND);
  let why: string;
  if (ended.problem !== undefined) {
    why = `the command was ended: ${ended.problem}`;
  } else if (ended.timedOut) {
    why = `the command did not end within ${options.timeout}${typeof options.timeout === "number" ? " seconds" : ""}`;
  } else {
    why = ended.signal === "" ? `the command exited with ${ended.rc}` : `the command was ended by ${ended.signal}`;
  }
  const last = ending(error.split("\n").slice(-SHOWN_LINES).join("\n"), SHOWN_CHARACTERS);
  const message = `${why}: ${shown}${last === "" ? "" : `\n${last}`}`;
  const { rc, signal, timedOut } = ended;
  return Object.assign(placeless(ShellError, message) as object, { rc, output, error, signal, timedOut, command });
}

/** The commands that were made and of which the rule has read nothing yet, in the order in which they were made. */
const unread: Command[] = [];

/** Whether the next turn has been asked for, in which they are run. */
let turn = false;

let made = 0;

/** Runs a command of which nothing has been read, to its end. */
let finish: (command: Command) => void;
let finishLater: (command: Command) => Promise<unknown>;
let numberOf: (command: Command) => number;
let resultNow: (command: Command) => Result;
let partsOf: (command: Command) => { stages: Stage[]; text: string; options: CommandOptions };
let isCommand: (value: unknown) => value is Command;

/** Those that come before a command, in their order. */
function nextBefore(number: number): Command | undefined {
  const [first] = unread;
  return first !== undefined && numberOf(first) < number ? first : undefined;
}

/** Runs them in their order, each when the one before it has ended. The first that fails ends the run. */
async function runUnread(): Promise<void> {
  try {
    for (let next = unread[0]; next !== undefined; next = unread[0]) {
      await finishLater(next);
    }
  } finally {
    turn = false;
  }
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
  readonly #stages: Stage[];
  readonly #text: string;
  readonly #number = ++made;
  #options: CommandOptions;
  readonly #aborted = (): void => this.#job?.kill();
  #job: Job | undefined;
  #result: Result | undefined;
  #failure: { error: unknown } | undefined;
  #promise: Promise<Result> | undefined;

  /** @internal */
  constructor(stages: Stage[], text: string, options: CommandOptions) {
    this.#stages = stages;
    this.#text = text;
    this.#options = options;
    unread.push(this);
    if (!turn) {
      turn = true;
      setTimeout(runUnread, 0);
    }
  }

  static {
    finish = (command) => {
      command.#claim();
      command.#start(command.#options.quiet === true ? "keep" : "show");
      command.#settled((command.#job as Job).wait());
    };
    finishLater = (command) => {
      command.#claim();
      command.#start(command.#options.quiet === true ? "keep" : "show");
      command.#promise = command.#finished();
      return command.#promise;
    };
    resultNow = (command) => command.#read();
    numberOf = (command) => command.#number;
    isCommand = (value): value is Command => typeof value === "object" && value !== null && #number in value;
    partsOf = (command) => {
      command.#checkNotStarted("pipe");
      command.#claim();
      return { stages: command.#prepared(), text: command.#text, options: command.#options };
    };
  }

  /** Runs it in another folder. */
  cwd(folder: string): this {
    return this.#with("cwd", { cwd: folder });
  }

  /** Lets it see these variables, beside those that the rule sees; `null` takes one away. */
  env(variables: Readonly<Record<string, string | null | undefined>>): this {
    return this.#with("env", { env: { ...this.#options.env, ...variables } });
  }

  /** Gives it something to read. */
  stdin(input: string | Uint8Array): this {
    return this.#with("stdin", { stdin: input });
  }

  /** After this time it must end. `grace`: how long it has then, before it is killed. */
  timeout(time: Time, grace?: Time): this {
    return this.#with("timeout", grace === undefined ? { timeout: time } : { timeout: time, grace });
  }

  /** Ends it when the signal is aborted, whose reason is thrown then. */
  abort(signal: Signal): this {
    return this.#with("abort", { signal });
  }

  /** Does not show what it writes, also if nothing of the rule reads its result. */
  quiet(): this {
    return this.#with("quiet", { quiet: true });
  }

  /** Sends what it writes to the run's output, instead of keeping it. */
  show(): this {
    return this.#with("show", { show: true });
  }

  /** Takes a code other than 0 as a result like others. */
  nothrow(): this {
    return this.#with("nothrow", { nothrow: true });
  }

  /** Lets another command read what this one writes. If one of them fails, so do both. */
  pipe(next: Command): Command {
    if (!(next instanceof Command)) {
      throw new TypeError("$.pipe: the next command must be one of $`...`");
    }
    const [from, to] = [partsOf(this), partsOf(next)];
    // Each has its own folder and variables already, and only the first one reads something.
    const { cwd: _cwd, env: _env, stdin: _stdin, ...options } = { ...from.options, ...to.options };
    if (from.options.stdin !== undefined) {
      Object.assign(options, { stdin: from.options.stdin });
    }
    return new Command([...from.stages, ...to.stages], `${from.text} | ${to.text}`, options);
  }

  /** Starts it now, and goes on beside it. */
  start(): this {
    this.#begin();
    // Its failure is that of the run unless it is read.
    this.#promise ??= this.#finished();
    return this;
  }

  /** Asks it to end, and kills it after its grace; or sends the signal of this name. */
  kill(signal?: string): void {
    this.#begin();
    this.#job?.kill(signal);
  }

  /** The number of its process. */
  get pid(): number {
    this.#begin();
    return (this.#job as Job).pid;
  }

  /** Its exit code. Blocks the rule until it has ended. */
  get rc(): number {
    return this.#read().rc;
  }

  /** What it writes to the standard output. Blocks the rule until it has ended. */
  get output(): string {
    return this.#read().output;
  }

  /** What it writes to the standard error. Blocks the rule until it has ended. */
  get error(): string {
    return this.#read().error;
  }

  /** The signal that ended it. Blocks the rule until it has ended. */
  get signal(): string {
    return this.#read().signal;
  }

  /** Whether its code is 0. Blocks the rule until it has ended. */
  get ok(): boolean {
    return this.#read().ok;
  }

  /** Its output. Blocks the rule until it has ended. */
  text(): string {
    return this.#read().text();
  }

  /** The lines of its output. Blocks the rule until it has ended; a loop over the command itself has each when it comes. */
  lines(): string[] {
    return this.#read().lines();
  }

  /** The value that its output is in JSON. Blocks the rule until it has ended. */
  json(): any {
    return this.#read().json();
  }

  /** Its output as it is written. Blocks the rule until it has ended. */
  bytes(): Uint8Array {
    return this.#read().bytes();
  }

  /** Its result, without blocking the rule. */
  then<TResult1 = Result, TResult2 = never>(
    onfulfilled?: ((value: Result) => TResult1 | PromiseLike<TResult1>) | null,
    onrejected?: ((reason: any) => TResult2 | PromiseLike<TResult2>) | null,
  ): Promise<TResult1 | TResult2> {
    return this.#later().then(onfulfilled, onrejected);
  }

  catch<TResult = never>(onrejected?: ((reason: any) => TResult | PromiseLike<TResult>) | null): Promise<Result | TResult> {
    return this.#later().catch(onrejected);
  }

  finally(onfinally?: (() => void) | null): Promise<Result> {
    return this.#later().finally(onfinally);
  }

  /** Its lines, each when it comes. Blocks the rule between them. A loop that ends early ends the command. */
  *[Symbol.iterator](): IterableIterator<string> {
    const job = this.#stream();
    let atEnd = false;
    try {
      for (let line = job.line(); line !== null; line = job.line()) {
        yield line;
      }
      atEnd = true;
    } finally {
      if (!atEnd) {
        job.kill();
        job.wait();
      }
    }
    this.#settled(job.wait());
  }

  /** Its lines, each when it comes, without blocking the rule. A loop that ends early ends the command. */
  [Symbol.asyncIterator](): AsyncIterableIterator<string> {
    const job = this.#stream();
    const end = { value: undefined, done: true } as const;
    // No `async` function: an error that it threw had the place of this line, and not that of the rule's loop.
    return {
      next: () =>
        job.nextLine().then((line): IteratorResult<string> | Promise<IteratorResult<string>> => {
          return line === null ? this.#finished().then(() => end) : { value: line, done: false };
        }),
      return: () => {
        job.kill();
        return job.ended().then(() => end);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Something of the rule has to do with it: it is no statement. */
  #claim(): void {
    const at = unread.indexOf(this);
    if (at >= 0) {
      unread.splice(at, 1);
    }
  }

  #with(method: string, options: CommandOptions): this {
    this.#checkNotStarted(method);
    this.#options = { ...this.#options, ...options };
    return this;
  }

  #checkNotStarted(method: string): void {
    if (this.#job !== undefined || this.#promise !== undefined) {
      throw new TypeError(`$.${method}: the command has been started: ${shortened(this.#text, SHOWN_COMMAND)}`);
    }
  }

  #prepared(): Stage[] {
    const { cwd, env } = this.#options;
    return this.#stages.map((stage) => ({ ...stage, cwd: stage.cwd ?? cwd, env: { ...env, ...stage.env } }));
  }

  #start(output: "keep" | "show" | "lines"): void {
    if (this.#job === undefined) {
      const { stdin, timeout, grace, show, signal } = this.#options;
      if (signal?.aborted === true) {
        throw signal.reason;
      }
      const stages = this.#prepared();
      this.#job = start({ what: "$", stages, stdin, timeout, grace, output: show === true && output === "keep" ? "show" : output });
      signal?.addEventListener("abort", this.#aborted);
    }
  }

  /** Starts it, after what comes before it. */
  #begin(): void {
    this.#claim();
    if (this.#job === undefined) {
      this.#finishThoseBefore();
      this.#start("keep");
    }
  }

  #finishThoseBefore(): void {
    for (let next = nextBefore(this.#number); next !== undefined; next = nextBefore(this.#number)) {
      finish(next);
    }
  }

  #read(): Result {
    if (this.#result === undefined) {
      if (this.#failure === undefined) {
        this.#begin();
        // Whoever reads the result sees its failure.
        this.#promise?.catch(() => {});
        return this.#settled((this.#job as Job).wait());
      }
      throw this.#failure.error;
    }
    return this.#result;
  }

  #later(): Promise<Result> {
    if (this.#promise === undefined) {
      this.#claim();
      this.#promise = this.#run();
    }
    return this.#promise;
  }

  /** Runs it after what comes before it. */
  #run(): Promise<Result> {
    if (this.#result === undefined && this.#job === undefined) {
      const before = nextBefore(this.#number);
      if (before !== undefined) {
        return finishLater(before).then(() => this.#run());
      }
      try {
        this.#start("keep");
      } catch (error) {
        return Promise.reject(error);
      }
    }
    return this.#finished();
  }

  /** No `async` function either: an error is rejected without being thrown, and so gets the place of the rule's `await`. */
  #finished(): Promise<Result> {
    return (this.#job as Job).ended().then((ended) => {
      const failure = this.#note(ended);
      return failure === undefined ? (this.#result as Result) : Promise.reject(failure.error);
    });
  }

  #stream(): Job {
    this.#checkNotStarted("lines");
    this.#claim();
    this.#finishThoseBefore();
    this.#start("lines");
    return this.#job as Job;
  }

  /** What came of it, or its error. */
  #settled(ended: Ended): Result {
    const failure = this.#note(ended);
    if (failure !== undefined) {
      throw failure.error;
    }
    return this.#result as Result;
  }

  /** Notes what came of it; gives its failure. */
  #note(ended: Ended): { error: unknown } | undefined {
    if (this.#failure === undefined && this.#result === undefined) {
      const result = new Result(this.#job as Job, ended);
      const { signal } = this.#options;
      signal?.removeEventListener("abort", this.#aborted);
      const hasFailed = ended.problem !== undefined || ended.timedOut || ended.rc !== 0;
      if (hasFailed && (this.#options.nothrow !== true || ended.problem !== undefined)) {
        const isAborted = signal?.aborted === true;
        this.#failure = { error: isAborted ? signal.reason : failed(this.#text, this.#options, ended, result.output, result.error) };
      } else {
        this.#result = result;
      }
    }
    return this.#failure;
  }
}

// Before a slot is given back: what a function with a slot returned is run within it, and so is what it left unread.
settling((returned) => {
  const isOne = isCommand(returned);
  if (isOne) {
    resultNow(returned);
  }
  for (let next = unread[0]; next !== undefined; next = unread[0]) {
    finish(next);
  }
  return isOne;
});

/** Makes commands of templates: `` $`ls ${folder}` ``; with options: `` $({ cwd: "/srv" })`ls` ``. */
export interface Shell {
  (strings: TemplateStringsArray, ...values: readonly (Word | readonly Word[])[]): Command;
  (options: CommandOptions): Shell;
}

const KNOWN = ["cwd", "env", "stdin", "timeout", "grace", "signal", "show", "quiet", "nothrow"];

function checked(what: string, options: unknown): CommandOptions {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`${what}: the options must be an object`);
  }
  for (const key of Object.keys(options)) {
    if (!KNOWN.includes(key)) {
      throw new TypeError(`${what}: unknown option ${JSON.stringify(key)}; there are ${KNOWN.join(", ")}`);
    }
  }
  return options;
}

function isTemplate(value: unknown): value is TemplateStringsArray {
  return Array.isArray(value) && Array.isArray((value as unknown as TemplateStringsArray).raw);
}

function commands(base: CommandOptions): Shell {
  const make = (first: TemplateStringsArray | CommandOptions, ...values: unknown[]): Command | Shell => {
    if (!isTemplate(first)) {
      return commands({ ...base, ...checked("$", first) });
    }
    const command = commandOf(first, values);
    return new Command([{ command }], command, base);
  };
  return make as Shell;
}

/** A command of the shell, which begins when its result is read or awaited, and otherwise at the next turn. */
export const $: Shell = commands({});

function program(program: string, args: unknown, options: unknown): Command {
  const [given, how] = args === undefined || Array.isArray(args) ? [args, options] : [undefined, args];
  const list = given as readonly string[] | undefined;
  const text = [program, ...(list ?? [])].map((word) => (typeof word === "string" ? quote(word) : String(word)));
  return new Command([{ program, args: list }], text.join(" "), how === undefined ? {} : checked("sh.run", how));
}

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

function blocking(base: CommandOptions): (first: TemplateStringsArray | CommandOptions, ...values: unknown[]) => unknown {
  return (first, ...values) => {
    if (!isTemplate(first)) {
      return blocking({ ...base, ...checked("sh", first) });
    }
    const command = commandOf(first, values);
    return resultNow(new Command([{ command }], command, base));
  };
}

export const sh: BlockingShell = Object.assign(blocking({}) as BlockingShell, {
  run: (name: string, args?: unknown, options?: unknown): Result => resultNow(program(name, args, options)),
  promises: {
    run: (name: string, args?: unknown, options?: unknown): Promise<Result> =>
      // What does not fit rejects the promise, as all that fails.
      Promise.resolve().then(() => program(name, args, options)),
  },
  quote,
  raw: (text: string): Raw => {
    if (typeof text !== "string") {
      throw new TypeError(`sh.raw: the text must be a string, not ${typeof text}`);
    }
    return new Raw(text);
  },
});

const shell = { $, sh, Command, Result, ShellError };

export default shell;
