//! However a run ends, what it took is free before its end is reported.

mod common;

use std::time::Duration;

use cla_runtime::error::ErrorKind;
use cla_runtime::{Limits, RunOptions};
use common::{counts, engine, failure, start, start_with, value};

#[test]
fn a_slot_is_free_again_however_its_holder_fails() {
    let engine = engine();
    for (body, kind) in [
        (
            "sem.take('x', () => { throw new Error('inside') })",
            ErrorKind::Exception,
        ),
        (
            "sem.take('x', async () => { await null; throw new Error('later') })",
            ErrorKind::Exception,
        ),
        (
            "sem.take('x', () => new Promise(() => {}))",
            ErrorKind::Exception,
        ),
        (
            "sem.take('x', () => { while (true) {} })",
            ErrorKind::TimedOut,
        ),
        (
            "sem.take('x', () => { while (true) { try { while (true) {} } catch {} } })",
            ErrorKind::TimedOut,
        ),
        (
            "sem.take('x', () => { try { while (true) {} } finally { util.sleep(3600) } })",
            ErrorKind::TimedOut,
        ),
        ("sem.take('x', () => util.sleep(3600))", ErrorKind::TimedOut),
        (
            "sem.take('x', () => new Promise((done) => setTimeout(done, 3_600_000)))",
            ErrorKind::TimedOut,
        ),
        ("sem.acquire('x'); util.sleep(3600)", ErrorKind::TimedOut),
        (
            "sem.acquire('x'); throw new Error('kept')",
            ErrorKind::Exception,
        ),
        (
            "sem.take('x', () => { const a = []; while (true) a.push('x'.repeat(9999) + a.length) })",
            ErrorKind::OutOfMemory,
        ),
        (
            "sem.take('x', function f() { return 1 + f() })",
            ErrorKind::StackOverflow,
        ),
    ] {
        let limits = Limits::default()
            .timeout(Duration::from_millis(500))
            .memory(8 << 20);
        let run = start_with(&engine, "holder.js", body, RunOptions::new().limits(limits));
        let error = failure(run);
        assert_eq!(error.kind, kind, "{body}: {error}");
        assert_eq!(counts(&engine, "x"), (0, 0), "{body}");
    }
}

#[test]
fn a_permit_that_nobody_releases_goes_back_when_the_run_ends() {
    let engine = engine();
    value(start(
        &engine,
        "forgets.js",
        "sem.acquire('x'); sem.acquire('y', { slots: 3 }); null",
    ));
    assert_eq!(counts(&engine, "x"), (0, 0));
    assert_eq!(counts(&engine, "y"), (0, 0));
}

#[test]
fn a_cancelled_run_frees_what_it_held_and_its_place_in_line() {
    let engine = engine();
    let holder = start(
        &engine,
        "holder.js",
        "sem.take('x', () => sem.take('y', () => util.sleep(3600)))",
    );
    let waiter = start(&engine, "waiter.js", "sem.take('x', () => {})");
    value(start(&engine, "look.js", "until(() => waiting('x') === 1)"));

    waiter.cancel();
    assert_eq!(failure(waiter).kind, ErrorKind::Cancelled);
    assert_eq!(counts(&engine, "x"), (1, 0));

    holder.cancel();
    assert_eq!(failure(holder).kind, ErrorKind::Cancelled);
    assert_eq!(counts(&engine, "x"), (0, 0));
    assert_eq!(counts(&engine, "y"), (0, 0));
}

#[test]
fn what_a_failing_holder_frees_goes_to_the_next_in_line() {
    let engine = engine();
    let holder = start(
        &engine,
        "holder.js",
        "sem.take('x', () => { until(() => waiting('x') === 2); throw new Error('done with it') })",
    );
    let rule = "sem.take('x', (permit) => permit.token)";
    let (next, last) = (
        start(&engine, "next.js", rule),
        start(&engine, "last.js", rule),
    );
    assert_eq!(failure(holder).message, "done with it");
    assert_eq!(value(next), 2);
    assert_eq!(value(last), 3);
}

#[test]
fn a_slot_is_held_until_the_promise_is_settled() {
    let engine = engine();
    let rule = "
        const held = [];
        const promise = sem.take('x', () => new Promise((done) => setTimeout(() => done('value'), 20)));
        held.push(sem.show('x').busy);
        held.push(await promise);
        held.push(sem.show('x').busy);
        held";
    assert_eq!(
        value(start(&engine, "promise.js", rule)),
        serde_json::json!([1, "value", 0])
    );
}
