//! A wait that could never end is an error that names the circle.

mod common;

use std::sync::Arc;

use cla_runtime::RunOptions;
use cla_tests::output::Printed;
use common::{engine, failure, start, start_with, value};

#[test]
fn two_rules_that_want_what_the_other_has_do_not_hang() {
    let engine = engine();
    // Each says that it has its own, and waits until the other does too.
    let rule = |mine: &str, other: &str| {
        format!(
            "sem.take('{mine}', () => {{
                 until(() => sem.show('{other}')?.busy === 1);
                 return sem.take('{other}', () => 'both');
             }})"
        )
    };
    let a = start(&engine, "a.js", &rule("x", "y"));
    let b = start(&engine, "b.js", &rule("y", "x"));
    let ids = [a.id().to_string(), b.id().to_string()];
    let results = [a.wait().result, b.wait().result];
    let (failed, succeeded): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_err);
    assert_eq!(succeeded.len(), 1, "one goes on: {succeeded:?}");
    assert_eq!(succeeded[0].as_ref().ok(), Some(&"both".into()));
    let error = failed[0].as_ref().expect_err("one is told");
    assert_eq!(error.name, "SemaphoreDeadlockError");
    let named = ["a.js", "b.js", "\"x\"", "\"y\"", &ids[0], &ids[1]];
    for name in named {
        assert!(error.message.contains(name), "{name} in {}", error.message);
    }
}

#[test]
fn taking_the_same_single_slot_inside_itself_is_told_at_once() {
    let engine = engine();
    let error = failure(start(
        &engine,
        "nested.js",
        "sem.take('x', () => sem.take('x', () => {}))",
    ));
    assert_eq!(error.name, "SemaphoreDeadlockError");
    assert!(error.message.contains("holds itself"), "{error}");
    // With two slots there is nothing wrong with it.
    let fine = "sem.take('two', { slots: 2 }, () => sem.take('two', { slots: 2 }, () => 'in'))";
    assert_eq!(value(start(&engine, "nested.js", fine)), "in");
}

#[test]
fn a_rule_that_catches_the_error_goes_on() {
    let engine = engine();
    let rule = "sem.take('x', () => {
        try { sem.take('x', () => {}) }
        catch (error) { return error instanceof sem.SemaphoreDeadlockError && error.semaphore }
    })";
    assert_eq!(value(start(&engine, "careful.js", rule)), "x");
}

#[test]
fn a_run_that_holds_it_by_a_slot_id_and_blocks_is_warned_once() {
    let engine = engine();
    let printed = Arc::new(Printed::default());
    // An administrator grants each wait, after the run has waited for long enough.
    let rule = "
        const { SemaphoreProvider } = require('cla/semaphore');
        (async () => {
            const mine = new SemaphoreProvider().create('x');
            await mine.acquireOrFail();
            for (let n = 0; n < 2; n++) sem.take('x', () => {});
            await mine.release();
            sem.take('x', () => {});
        })()";
    let options = RunOptions::new().output(printed.clone());
    let run = start_with(&engine, "both.js", rule, options);
    let grants = "
        for (let n = 0; n < 2; n++) {
            until(() => waiting('x') === 1);
            util.sleep(n === 0 ? 1.5 : 0);
            sem.grant(waiters('x')[0].id);
            until(() => waiting('x') === 0);
        }";
    value(start(&engine, "grants.js", grants));
    value(run);
    let warnings = printed.stderr();
    assert_eq!(warnings.lines().count(), 1, "{warnings:?}");
    assert!(
        warnings.starts_with("warning: both.js waits for a slot of semaphore \"x\""),
        "{warnings:?}"
    );
}
