//! `cla/resilience`.

mod support;

use std::time::{Duration, Instant};

use serde_json::{Value, json};

const IMPORTS: &str = "
    import { Task } from 'cla/task';
    import { TimeSpan } from 'cla/time-span';
    import {
        constantBackoff, exponentialBackoff, fallback, linearBackoff, polynomialBackoff, ResilienceError, retry,
        RetryResilienceError, timeout, TimeoutResilienceError,
    } from 'cla/resilience';
    const log = [];
    const backoffPolicy = () => TimeSpan.fromMilliseconds(1);
    class Busy extends Error {}
    class Broken extends Error {}
    /** Fails with each of these in turn, and then gives its name. */
    const after = (...failures) => new Task(() => {
        log.push('try');
        const failure = failures.shift();
        if (failure === undefined) return 'value';
        if (failure === false) return false;
        throw failure;
    });
    const outcome = (task) => task.then((value) => [value, log.length], (error) => [error.constructor.name, log.length]);
";

/// The value that a rule exports which has these things.
#[track_caller]
fn value(body: &str) -> Value {
    support::value(&format!("{IMPORTS}{body}"))
}

/// How a task ended, and how often it was tried.
#[track_caller]
fn outcome(task: &str) -> Value {
    value(&format!("export default await outcome({task});"))
}

#[test]
fn what_failed_is_tried_again() {
    assert_eq!(
        outcome("after(new Busy(), new Busy()).pipe(retry({ maxAttempts: 4, backoffPolicy }))"),
        json!(["value", 3])
    );
}

#[test]
fn when_every_attempt_failed_the_error_has_them_all() {
    let body = "
        const errors = [new Busy('1'), new Busy('2'), new Broken('3')];
        const error = await after(...errors).pipe(retry({ maxAttempts: 3, backoffPolicy })).then(null, (error) => error);
        export default [
            error instanceof RetryResilienceError, error instanceof ResilienceError, error.name, error.message,
            error.errors.map((one) => one.message), error.cause === error.errors[2],
        ];
    ";
    assert_eq!(
        value(body),
        json!([
            true,
            true,
            "RetryResilienceError",
            "all 3 attempts failed: 3",
            ["1", "2", "3"],
            true
        ])
    );
}

#[test]
fn four_attempts_are_made_unless_told_otherwise() {
    let failures = "new Busy(), new Busy(), new Busy(), new Busy(), new Busy()";
    assert_eq!(
        outcome(&format!(
            "after({failures}).pipe(retry({{ backoffPolicy }}))"
        )),
        json!(["RetryResilienceError", 4])
    );
    assert_eq!(
        outcome("after(new Busy()).pipe(retry({ maxAttempts: 1 }))"),
        json!(["RetryResilienceError", 1])
    );
    let thrown = support::run(&format!("{IMPORTS} retry({{ maxAttempts: 0 }})"));
    assert!(
        thrown
            .value
            .unwrap_err()
            .contains("maxAttempts must be at least 1, not 0")
    );
}

#[test]
fn the_last_error_can_be_thrown_instead() {
    assert_eq!(
        outcome(
            "after(new Busy(), new Broken()).pipe(retry({ maxAttempts: 2, backoffPolicy, throwLastError: true }))"
        ),
        json!(["Broken", 2])
    );
}

#[test]
fn an_error_policy_tells_which_errors_are_handled() {
    for policy in [
        "Busy",
        "(error) => error instanceof Busy",
        "async (error) => error instanceof Busy",
        "{ invoke: (error) => error instanceof Busy }",
        "[RangeError, Busy]",
        "[Busy, { treatFalseAsError: true }]",
        "[(error) => false, Busy]",
        "function (error) { return error instanceof Busy }",
    ] {
        let retry = format!("retry({{ maxAttempts: 3, backoffPolicy, errorPolicy: {policy} }})");
        assert_eq!(
            outcome(&format!("after(new Busy()).pipe({retry})")),
            json!(["value", 2]),
            "{policy}"
        );
        assert_eq!(
            outcome(&format!("after(new Busy(), new Broken()).pipe({retry})")),
            json!(["Broken", 2]),
            "{policy}"
        );
    }
}

#[test]
fn a_result_of_false_can_count_as_a_failure() {
    let retry =
        "retry({ maxAttempts: 3, backoffPolicy, errorPolicy: { treatFalseAsError: true } })";
    assert_eq!(
        outcome(&format!("after(false, false).pipe({retry})")),
        json!(["value", 3])
    );
    assert_eq!(
        outcome(&format!("after(false, false, false).pipe({retry})")),
        json!([false, 3])
    );
    assert_eq!(
        outcome(&format!("after(false, new Busy()).pipe({retry})")),
        json!(["value", 3])
    );
    assert_eq!(
        outcome("after(false).pipe(retry({ backoffPolicy }))"),
        json!([false, 1])
    );
}

#[test]
fn hooks_are_told_and_their_errors_change_nothing() {
    let body = "
        const told = [];
        await after(new Busy('no')).pipe(retry({
            maxAttempts: 2,
            backoffPolicy: (attempt, error) => TimeSpan.fromMilliseconds(attempt * 3),
            onExecutionAttempt: ({ attempt, args }) => { told.push(['attempt', attempt, args]); throw new Error('ignored'); },
            onRetryDelay: { invoke: async ({ attempt, error, waitTime }) => { told.push(['delay', attempt, error.message, waitTime.toMilliseconds()]); throw new Error('ignored too'); } },
        }));
        export default told;
    ";
    let ran = support::run(&format!("{IMPORTS}{body}"));
    assert_eq!(
        ran.value,
        Ok(json!([
            ["attempt", 1, []],
            ["delay", 1, "no", 3],
            ["attempt", 2, []]
        ]))
    );
    assert!(
        ran.stderr
            .contains("onExecutionAttempt failed: Error: ignored"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr
            .contains("onRetryDelay failed: Error: ignored too"),
        "{}",
        ran.stderr
    );
}

#[test]
fn it_waits_between_attempts_as_its_policy_says() {
    let body = "
        const started = Date.now();
        await after(new Busy(), new Busy()).pipe(retry({ backoffPolicy: constantBackoff({ delay: TimeSpan.fromMilliseconds(20), jitter: null }) }));
        export default Date.now() - started >= 38;
    ";
    assert_eq!(value(body), true);
}

#[test]
fn waits_are_constant_or_grow_up_to_the_longest() {
    let body = "
        const ms = (count) => TimeSpan.fromMilliseconds(count);
        const exact = { jitter: null, minDelay: ms(100), maxDelay: ms(1_000) };
        const first = (policy) => [1, 2, 3, 4, 5].map((attempt) => policy(attempt).toMilliseconds());
        export default [
            constantBackoff({ jitter: null, delay: ms(7) }), linearBackoff(exact), polynomialBackoff({ ...exact, degree: 3 }),
            exponentialBackoff(exact), exponentialBackoff({ ...exact, multiplier: 3 }),
            exponentialBackoff({ jitter: null }), constantBackoff({ jitter: null }),
        ].map(first);
    ";
    assert_eq!(
        value(body),
        json!([
            [7, 7, 7, 7, 7],
            [100, 200, 300, 400, 500],
            [100, 800, 1_000, 1_000, 1_000],
            [100, 200, 400, 800, 1_000],
            [100, 300, 900, 1_000, 1_000],
            [500, 1_000, 2_000, 4_000, 8_000],
            [1_000, 1_000, 1_000, 1_000, 1_000],
        ])
    );
}

#[test]
fn chance_makes_waits_shorter_by_at_most_its_part() {
    let body = "
        const policy = exponentialBackoff({ minDelay: TimeSpan.fromSeconds(1), jitter: 0.25 });
        const waits = Array.from({ length: 500 }, () => policy(1).toMilliseconds());
        export default [Math.min(...waits) >= 750, Math.max(...waits) <= 1_000, new Set(waits).size > 50];
    ";
    assert_eq!(value(body), json!([true, true, true]));
}

#[test]
fn settings_of_a_policy_may_depend_on_the_error() {
    let body = "
        const policy = constantBackoff((error) => error instanceof Busy ? { delay: TimeSpan.fromSeconds(9), jitter: null } : undefined);
        export default [policy(1, new Busy()).toSeconds(), policy(1, new Broken()).toMilliseconds() <= 1_000];
    ";
    assert_eq!(value(body), json!([9, true]));
}

#[test]
fn another_value_takes_the_place_of_a_failure() {
    for fallback_value in [
        "'spare'",
        "() => 'spare'",
        "async () => 'spare'",
        "new Task(() => 'spare')",
        "{ invoke: () => 'spare' }",
    ] {
        let task =
            format!("after(new Busy()).pipe(fallback({{ fallbackValue: {fallback_value} }}))");
        assert_eq!(outcome(&task), json!(["spare", 1]), "{fallback_value}");
    }
    assert_eq!(
        outcome("after().pipe(fallback({ fallbackValue: 'spare' }))"),
        json!(["value", 1])
    );
    assert_eq!(
        outcome(
            "after(new Broken()).pipe(fallback({ fallbackValue: 'spare', errorPolicy: Busy }))"
        ),
        json!(["Broken", 1])
    );
    assert_eq!(
        outcome(
            "after(false).pipe(fallback({ fallbackValue: 'spare', errorPolicy: { treatFalseAsError: true } }))"
        ),
        json!(["spare", 1])
    );
}

#[test]
fn who_uses_another_value_may_be_told() {
    let body = "
        let told;
        await after(new Busy('no')).pipe(fallback({ fallbackValue: 1, onFallback: ({ error, fallbackValue }) => { told = [error.message, fallbackValue] } }));
        export default told;
    ";
    assert_eq!(value(body), json!(["no", 1]));
}

#[test]
fn what_takes_too_long_fails_and_its_timers_are_stopped() {
    let started = Instant::now();
    let body = "
        const told = [];
        const waitTime = TimeSpan.fromMilliseconds(5);
        const slow = Task.delay(TimeSpan.fromHours(1)).pipe(timeout({ waitTime, onTimeout: (data) => told.push(data.waitTime.toMilliseconds()) }));
        const error = await slow.then(null, (error) => error);
        const quick = new Task(() => 1).pipe(timeout({ waitTime: TimeSpan.fromHours(1) }));
        export default [error instanceof TimeoutResilienceError, error.message, told, await quick, await after(new Busy()).pipe(timeout()).then(null, (e) => e.constructor.name)];
    ";
    assert_eq!(
        value(body),
        json!([true, "it took longer than 5ms", [5], 1, "Busy"])
    );
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "a timer kept the run alive"
    );
}

#[test]
fn middlewares_are_combined_by_their_order() {
    let body = "
        const counted = async (args, next) => { log.push('try'); return await next(); };
        export default await Task.delay(TimeSpan.fromHours(1)).pipe([
            fallback({ fallbackValue: log, errorPolicy: RetryResilienceError }),
            retry({ maxAttempts: 3, backoffPolicy, errorPolicy: TimeoutResilienceError }),
            counted,
            timeout({ waitTime: TimeSpan.fromMilliseconds(5) }),
        ]);
    ";
    assert_eq!(value(body), json!(["try", "try", "try"]));
}
