// Made of resilience.ts by `cargo xtask types --write`.

/**
 * `cla/resilience`: what to do when something fails: try again, do without, give up waiting.
 *
 * ```js
 * import { retry } from "cla/resilience";
 * await new Task(download).pipe(retry({ maxAttempts: 3 }));
 * ```
 */
declare module "cla/resilience" {
  import { type AsyncLazyable, type AsyncMiddleware, type Invokable, type Promisable } from "cla/task";
  import { type ITimeSpan, TimeSpan } from "cla/time-span";
  /** What all errors of this module are. */
  export class ResilienceError extends Error {
    constructor(message: string, options?: ErrorOptions);
  }
  /** Every attempt failed. `errors` has what each of them failed with, `cause` the last of these. */
  export class RetryResilienceError extends ResilienceError {
    #private;
    readonly errors: readonly unknown[];
    constructor(errors: readonly unknown[]);
  }
  /** It took too long. */
  export class TimeoutResilienceError extends ResilienceError {
    #private;
    readonly waitTime: TimeSpan;
    constructor(waitTime: ITimeSpan);
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
  /** Waits of the same length. */
  export function constantBackoff(settings?: DynamicBackoffSettings<ConstantBackoffSettings>): BackoffPolicy;
  /** Waits that grow by the first one each time. */
  export function linearBackoff(settings?: DynamicBackoffSettings<LinearBackoffSettings>): BackoffPolicy;
  /** Waits that grow with a power of the number of attempts. */
  export function polynomialBackoff(settings?: DynamicBackoffSettings<PolynomialBackoffSettings>): BackoffPolicy;
  /** Waits that are so many times as long each time. */
  export function exponentialBackoff(settings?: DynamicBackoffSettings<ExponentialBackoffSettings>): BackoffPolicy;
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
  export function retry<TArgs extends unknown[], TReturn>(settings?: NoInfer<RetrySettings<TArgs>>): AsyncMiddleware<TArgs, TReturn>;
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
  export function fallback<TArgs extends unknown[], TReturn>(settings: NoInfer<FallbackSettings<TArgs, TReturn>>): AsyncMiddleware<TArgs, TReturn>;
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
  export function timeout<TArgs extends unknown[], TReturn>(settings?: NoInfer<TimeoutSettings<TArgs>>): AsyncMiddleware<TArgs, TReturn>;
  export {};
}

interface ClaModules {
  "cla/resilience": typeof import("cla/resilience");
}
