//! A wait that could never end is an error that names the circle.

mod common;

use common::{engine, failure, start, value};

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
