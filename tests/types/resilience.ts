// cla/resilience

import {
  type BackoffPolicy,
  constantBackoff,
  type ErrorPolicy,
  exponentialBackoff,
  fallback,
  linearBackoff,
  polynomialBackoff,
  ResilienceError,
  retry,
  RetryResilienceError,
  timeout,
  TimeoutResilienceError,
} from "cla/resilience";
import { exponentialBackoff as same } from "@daiso-tech/core/backoff-policies";
import { retry as sameRetry } from "@daiso-tech/core/resilience";
import { Task } from "cla/task";
import { TimeSpan } from "cla/time-span";
import { exactly } from "./assert.ts";

class Busy extends Error {}
const task = new Task(async () => 42 as number);

exactly<number>()(await task.pipe(retry()));
exactly<number>()(await task.pipe(sameRetry({ maxAttempts: 4, errorPolicy: Busy, backoffPolicy: same() })));
exactly<number>()(await task.pipe([retry({ errorPolicy: [Busy, (error) => error.code === 7] }), timeout(), fallback({ fallbackValue: 7 })]));
exactly<boolean>()(await new Task(() => true as boolean).pipe(retry({ errorPolicy: { treatFalseAsError: true } })));
task.pipe(retry({ onRetryDelay: ({ attempt }) => exactly<number>()(attempt) }));
task.pipe(retry({ onRetryDelay: ({ waitTime }) => exactly<TimeSpan>()(waitTime) }));
task.pipe(timeout({ waitTime: TimeSpan.fromSeconds(2), onTimeout: () => {} }));
task.pipe(fallback({ fallbackValue: async () => 7, errorPolicy: Busy }));
const policies: BackoffPolicy[] = [
  constantBackoff({ delay: TimeSpan.fromSeconds(1), jitter: 0.5 }),
  linearBackoff({ minDelay: TimeSpan.fromSeconds(1), jitter: null }),
  polynomialBackoff({ degree: 3 }),
  exponentialBackoff((error) => (error instanceof Busy ? { multiplier: 3 } : undefined)),
  (attempt) => TimeSpan.fromSeconds(attempt),
];
const policy: ErrorPolicy = { invoke: async (error) => error instanceof Busy };
task.pipe(retry({ backoffPolicy: policies[0]!, errorPolicy: policy }));

const error = new RetryResilienceError([new Busy()]);
exactly<readonly unknown[]>()(error.errors);
const base: ResilienceError & Error = error;
exactly<TimeSpan>()(new TimeoutResilienceError(TimeSpan.fromSeconds(1)).waitTime);
base.message;

// @ts-expect-error no such setting
retry({ attempts: 4 });
// @ts-expect-error an error's class, a function or settings
retry({ errorPolicy: "Busy" });
// @ts-expect-error a length of time says its unit
timeout({ waitTime: 2 });
// @ts-expect-error a number's place is taken by a number
task.pipe(fallback({ fallbackValue: "text" }));
// @ts-expect-error what to do with instead?
fallback({});
