/**
 * `cla/resilience`: what to do when something fails: try again, do without, give up waiting.
 *
 * ```js
 * import { retry } from "cla/resilience";
 * await new Task(download).pipe(retry({ maxAttempts: 3 }));
 * ```
 */

import {
  type AsyncLazyable,
  type AsyncMiddleware,
  callInvokable,
  type Invokable,
  type NextFunc,
  type Promisable,
  resolveLazyable,
  startTimer,
  Task,
} from "cla/task";
import { placeless } from "cla/task/native";
import { type ITimeSpan, millisecondsOf, TimeSpan } from "cla/time-span";

/** What all errors of this module are. */
export class ResilienceError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every attempt failed. `errors` has what each of them failed with, `cause` the last of these. */
export class RetryResilienceError extends ResilienceError {
  readonly errors: readonly unknown[];

  constructor(errors: readonly unknown[]) {
    super(RetryResilienceError.#said(errors), { cause: errors.at(-1) });
    this.errors = [...errors];
  }

  static #said(errors: readonly unknown[]): string {
    const last = errors.at(-1);
    const reason = last instanceof Error ? `: ${last.message}` : "";
    return `all ${errors.length} attempts failed${reason}`;
  }

  /** @internal */
  static placeless(errors: readonly unknown[]): RetryResilienceError {
    const error = placeless(RetryResilienceError, RetryResilienceError.#said(errors));
    Object.defineProperty(error, "cause", { value: errors.at(-1), writable: true, configurable: true });
    return Object.assign(error, { errors: [...errors] });
  }
}

/** It took too long. */
export class TimeoutResilienceError extends ResilienceError {
  readonly waitTime: TimeSpan;

  constructor(waitTime: ITimeSpan) {
    super(TimeoutResilienceError.#said(waitTime));
    this.waitTime = TimeSpan.fromTimeSpan(waitTime);
  }

  static #said(waitTime: ITimeSpan): string {
    return `it took longer than ${TimeSpan.fromTimeSpan(waitTime)}`;
  }

  /** @internal */
  static placeless(waitTime: TimeSpan): TimeoutResilienceError {
    return Object.assign(placeless(TimeoutResilienceError, TimeoutResilienceError.#said(waitTime)), { waitTime });
  }
}

/** Also counts a result of `false` as a failure. */
export interface ErrorPolicyBoolSetting {
  treatFalseAsError: boolean;
}

/** A class of which errors are handled, a function that tells whether one is, or {@link ErrorPolicyBoolSetting}. */
export type ErrorPolicyRule = AnyClass | Invokable<[error: any], Promisable<boolean>> | ErrorPolicyBoolSetting;

type AnyClass = abstract new (...args: any[]) => unknown;

/** Which failures are handled: those that one of the rules means. Settings alone mean every error. */
export type ErrorPolicy = ErrorPolicyRule | readonly ErrorPolicyRule[];

export interface ErrorPolicySettings {
  /** Which failures are handled (default: every error). */
  errorPolicy?: ErrorPolicy;
}

function rulesOf(policy: ErrorPolicy | undefined): readonly ErrorPolicyRule[] {
  return policy === undefined ? [] : ([policy].flat() as ErrorPolicyRule[]);
}

function isSetting(rule: ErrorPolicyRule): rule is ErrorPolicyBoolSetting {
  return typeof rule === "object" && "treatFalseAsError" in rule;
}

function isClass(rule: ErrorPolicyRule): rule is AnyClass {
  // A function's `prototype` can be replaced, a class's cannot.
  return Object.getOwnPropertyDescriptor(rule, "prototype")?.writable === false;
}

function countsAsFailure(policy: ErrorPolicy | undefined, value: unknown): boolean {
  return value === false && rulesOf(policy).some((rule) => isSetting(rule) && rule.treatFalseAsError);
}

async function isHandled(policy: ErrorPolicy | undefined, error: unknown): Promise<boolean> {
  type Rule = Exclude<ErrorPolicyRule, ErrorPolicyBoolSetting>;
  const rules = rulesOf(policy).filter((rule): rule is Rule => !isSetting(rule));
  if (rules.length === 0) {
    return true;
  }
  for (const rule of rules) {
    if (isClass(rule) ? error instanceof rule : await callInvokable(rule, error)) {
      return true;
    }
  }
  return false;
}

/** Tells somebody who only listens: what goes wrong there is shown, and changes nothing. */
function tell<TData>(name: string, listener: Invokable<[data: TData], Promisable<unknown>> | undefined, data: TData) {
  const failed = (error: unknown) => console.error(`${name} failed:`, error);
  if (listener !== undefined) {
    try {
      Promise.resolve(callInvokable(listener, data)).catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** How long to wait after attempt number `attempt`, from 1, which failed with `error` (or gave `false`). */
export type BackoffPolicy = Invokable<[attempt: number, error: unknown], ITimeSpan>;

/** Settings, or a function that gives those for an error. */
export type DynamicBackoffSettings<TSettings> = TSettings | Invokable<[error: any], TSettings | undefined>;

export interface JitterSettings {
  /**
   * Which part of each wait is up to chance, from 0 to 1, so that many who failed together do not come back together
   * (default: 0.5, so a wait is 50 % to 100 % of the full one). `null` means none.
   */
  jitter?: number | null;
}

export interface ConstantBackoffSettings extends JitterSettings {
  /** How long to wait each time (default: 1 s). */
  delay?: ITimeSpan;
}

export interface LinearBackoffSettings extends JitterSettings {
  /** The longest wait (default: 60 s). */
  maxDelay?: ITimeSpan;
  /** The first wait (default: 0.5 s). */
  minDelay?: ITimeSpan;
}

export interface PolynomialBackoffSettings extends LinearBackoffSettings {
  /** The power to which the number of the attempt is raised (default: 2). */
  degree?: number;
}

export interface ExponentialBackoffSettings extends LinearBackoffSettings {
  /** How many times as long each wait is as the one before (default: 2). */
  multiplier?: number;
}

function backoff<TSettings extends JitterSettings & object>(
  settings: DynamicBackoffSettings<TSettings>,
  delay: (attempt: number, settings: TSettings) => number,
): (attempt: number, error: unknown) => TimeSpan {
  return (attempt, error) => {
    const dynamic = typeof settings === "function" || "invoke" in settings;
    const given = dynamic ? callInvokable(settings as Invokable<[unknown], TSettings | undefined>, error) : settings;
    const chosen = given ?? ({} as TSettings);
    const jitter = chosen.jitter === undefined ? 0.5 : (chosen.jitter ?? 0);
    return TimeSpan.fromMilliseconds(Math.round(delay(attempt, chosen) * (1 - jitter * Math.random())));
  };
}

function grown({ minDelay, maxDelay }: LinearBackoffSettings, factor: number): number {
  const first = minDelay === undefined ? 500 : millisecondsOf(minDelay);
  const longest = maxDelay === undefined ? 60_000 : millisecondsOf(maxDelay);
  return Math.min(longest, first * factor);
}

/** Waits of the same length. */
export function constantBackoff(settings: DynamicBackoffSettings<ConstantBackoffSettings> = {}): BackoffPolicy {
  return backoff<ConstantBackoffSettings>(settings, (_, { delay }) =>
    delay === undefined ? 1_000 : millisecondsOf(delay),
  );
}

/** Waits that grow by the first one each time. */
export function linearBackoff(settings: DynamicBackoffSettings<LinearBackoffSettings> = {}): BackoffPolicy {
  return backoff<LinearBackoffSettings>(settings, (attempt, chosen) => grown(chosen, attempt));
}

/** Waits that grow with a power of the number of attempts. */
export function polynomialBackoff(settings: DynamicBackoffSettings<PolynomialBackoffSettings> = {}): BackoffPolicy {
  return backoff<PolynomialBackoffSettings>(settings, (attempt, chosen) =>
    grown(chosen, attempt ** (chosen.degree ?? 2)),
  );
}

/** Waits that are so many times as long each time. */
export function exponentialBackoff(settings: DynamicBackoffSettings<ExponentialBackoffSettings> = {}): BackoffPolicy {
  return backoff<ExponentialBackoffSettings>(settings, (attempt, chosen) =>
    grown(chosen, (chosen.multiplier ?? 2) ** (attempt - 1)),
  );
}

export interface OnRetryAttemptData<TArgs extends unknown[] = unknown[]> {
  /** The number of the attempt, from 1. */
  attempt: number;
  args: TArgs;
}

export interface OnRetryDelayData<TArgs extends unknown[] = unknown[]> extends OnRetryAttemptData<TArgs> {
  /** What the attempt failed with, or `false`. */
  error: unknown;
  waitTime: TimeSpan;
}

export interface RetrySettings<TArgs extends unknown[] = unknown[]> extends ErrorPolicySettings {
  /** How often it is tried, the first time included (default: 4). */
  maxAttempts?: number;
  /** How long to wait between attempts (default: {@link exponentialBackoff}). */
  backoffPolicy?: BackoffPolicy;
  /** Whether to fail with the last error, instead of a {@link RetryResilienceError} of all (default: false). */
  throwLastError?: boolean;
  /** Is told before each attempt. What it throws is shown, and changes nothing. */
  onExecutionAttempt?: Invokable<[data: OnRetryAttemptData<TArgs>], Promisable<unknown>>;
  /** Is told before each wait. What it throws is shown, and changes nothing. */
  onRetryDelay?: Invokable<[data: OnRetryDelayData<TArgs>], Promisable<unknown>>;
}

/**
 * Tries again what failed.
 *
 * An error that the policy does not mean is thrown at once. When the last attempt fails, that is a
 * {@link RetryResilienceError}; when it gives a `false` that counts as a failure, `false` is the result.
 *
 * @throws TypeError if `maxAttempts` is less than 1.
 */
export function retry<TArgs extends unknown[], TReturn>(
  settings: NoInfer<RetrySettings<TArgs>> = {},
): AsyncMiddleware<TArgs, TReturn> {
  const { maxAttempts = 4, backoffPolicy = exponentialBackoff(), errorPolicy, throwLastError = false } = settings;
  if (!(maxAttempts >= 1)) {
    throw new TypeError(`retry: maxAttempts must be at least 1, not ${maxAttempts}`);
  }
  return async (args: TArgs, next) => {
    const errors: unknown[] = [];
    for (let attempt = 1; ; attempt += 1) {
      const isLast = attempt >= maxAttempts;
      tell("retry: onExecutionAttempt", settings.onExecutionAttempt, { attempt, args });
      let failure: unknown = false;
      const outcome = await outcomeOf(next, args);
      if ("error" in outcome) {
        const { error } = outcome;
        if (!(await isHandled(errorPolicy, error))) {
          return Promise.reject(error);
        }
        errors.push(error);
        if (isLast) {
          return Promise.reject(throwLastError ? error : RetryResilienceError.placeless(errors));
        }
        failure = error;
      } else if (isLast || !countsAsFailure(errorPolicy, outcome.value)) {
        return outcome.value;
      }
      const waitTime = TimeSpan.fromTimeSpan(callInvokable(backoffPolicy, attempt, failure));
      tell("retry: onRetryDelay", settings.onRetryDelay, { attempt, args, error: failure, waitTime });
      await Task.delay(waitTime);
    }
  };
}

/** What came of it. An error that has no place yet must not be thrown here: it would get the one of the `throw`. */
async function outcomeOf<TArgs extends unknown[], TReturn>(
  next: NextFunc<TArgs, TReturn>,
  args: TArgs,
): Promise<{ value: TReturn } | { error: unknown }> {
  return next(...args).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
}

export interface OnFallbackData<TArgs extends unknown[] = unknown[]> {
  /** What it failed with, or `false`. */
  error: unknown;
  fallbackValue: unknown;
  args: TArgs;
}

export interface FallbackSettings<TArgs extends unknown[] = unknown[], TValue = unknown> extends ErrorPolicySettings {
  /** The value to do with instead, or a task or function that gives it when it is needed. */
  fallbackValue: AsyncLazyable<TValue>;
  /** Is told before the value is given. What it throws is shown, and changes nothing. */
  onFallback?: Invokable<[data: OnFallbackData<TArgs>], Promisable<unknown>>;
}

/** Gives another value instead of a failure. An error that the policy does not mean is thrown. */
export function fallback<TArgs extends unknown[], TReturn>(
  settings: NoInfer<FallbackSettings<TArgs, TReturn>>,
): AsyncMiddleware<TArgs, TReturn> {
  const { errorPolicy, fallbackValue: lazy } = settings;
  return async (args: TArgs, next) => {
    let failure: unknown = false;
    const outcome = await outcomeOf(next, args);
    if ("error" in outcome) {
      failure = outcome.error;
      if (!(await isHandled(errorPolicy, failure))) {
        return Promise.reject(failure);
      }
    } else if (!countsAsFailure(errorPolicy, outcome.value)) {
      return outcome.value;
    }
    const fallbackValue = await resolveLazyable<TReturn>(lazy);
    tell("fallback: onFallback", settings.onFallback, { error: failure, fallbackValue, args });
    return fallbackValue;
  };
}

export interface OnTimeoutData<TArgs extends unknown[] = unknown[]> {
  waitTime: TimeSpan;
  args: TArgs;
}

export interface TimeoutSettings<TArgs extends unknown[] = unknown[]> {
  /** How long it may take (default: 2 s). */
  waitTime?: ITimeSpan;
  /** Is told when it takes longer. What it throws is shown, and changes nothing. */
  onTimeout?: Invokable<[data: OnTimeoutData<TArgs>], Promisable<unknown>>;
}

/**
 * Fails with a {@link TimeoutResilienceError} when something takes too long. What was begun goes on, but nobody waits
 * for it any more.
 */
export function timeout<TArgs extends unknown[], TReturn>(
  settings: NoInfer<TimeoutSettings<TArgs>> = {},
): AsyncMiddleware<TArgs, TReturn> {
  const waitTime = TimeSpan.fromTimeSpan(settings.waitTime ?? TimeSpan.fromSeconds(2));
  return (args: TArgs, next) => {
    const late = Task.fromCallback<TReturn>((_, reject) =>
      startTimer(waitTime.toMilliseconds(), () => {
        tell("timeout: onTimeout", settings.onTimeout, { waitTime, args });
        reject(TimeoutResilienceError.placeless(waitTime));
      }),
    );
    return Task.race<TReturn>([next(...args), late] as Iterable<Promisable<TReturn>>) as Task<TReturn>;
  };
}
