//! What an administrator's rule can do to those that wait.

mod common;

use common::{counts, engine, failure, start, value};
use serde_json::json;

/// Three rules at one slot: `a` has it until the semaphore `end` is there, `b` and `c` wait.
const HOLDER: &str = "sem.take('x', () => { until(() => sem.show('end')); return 'a' })";
const WAITER: &str =
    "sem.take('x', (permit) => ({ granted: permit.granted, token: permit.token }))";
/// Creates `end`.
const END: &str = "sem.slots('end', 1);";

#[test]
fn cancel_makes_a_waiter_fail_and_the_others_move_up() {
    let engine = engine();
    let a = start(&engine, "a", HOLDER);
    let (b, c) = (start(&engine, "b", WAITER), start(&engine, "c", WAITER));
    let admin = start(
        &engine,
        "admin",
        &format!(
            "until(() => waiting('x') === 2); sem.cancel(idOf('x', 'b')); const left = waiters('x').map(r => [r.who, r.place]); {END} left"
        ),
    );
    assert_eq!(value(admin), json!([["c", 1]]));
    let error = failure(b);
    assert_eq!(error.name, "SemaphoreCancelError");
    assert!(error.message.starts_with("Semaphore cancel"), "{error}");
    assert_eq!(value(a), "a");
    assert_eq!(value(c)["granted"], false);
}

#[test]
fn grant_lets_a_waiter_in_beside_the_holder_and_frees_no_slot() {
    let engine = engine();
    let a = start(&engine, "a", HOLDER);
    let b = start(&engine, "b", WAITER);
    let c = start(&engine, "c", WAITER);
    // `b` is in and out again; `c` still waits, because `a` still has the slot.
    let admin = start(
        &engine,
        "admin",
        &format!(
            "until(() => waiting('x') === 2);
             sem.grant(idOf('x', 'b'));
             until(() => sem.show('x').requests.some(r => r.who === 'b' && r.status === 'done'));
             const {{ busy, waiting: line }} = sem.show('x');
             {END} [busy, line]"
        ),
    );
    assert_eq!(value(admin), json!([1, 1]));
    assert_eq!(value(b)["granted"], true);
    assert_eq!(value(a), "a");
    assert_eq!(value(c)["granted"], false);
}

#[test]
fn move_changes_who_is_next() {
    let engine = engine();
    let a = start(&engine, "a", HOLDER);
    let (b, c) = (start(&engine, "b", WAITER), start(&engine, "c", WAITER));
    let admin = format!("until(() => waiting('x') === 2); sem.move(idOf('x', 'c'), 1); {END} null");
    value(start(&engine, "admin", &admin));
    value(a);
    assert!(value(b)["token"].as_u64() > value(c)["token"].as_u64());
}

#[test]
fn no_slots_hold_everybody_back_until_there_is_one_again() {
    let engine = engine();
    value(start(&engine, "lock", "sem.slots('x', 0)"));
    let (b, c) = (start(&engine, "b", WAITER), start(&engine, "c", WAITER));
    let admin = start(
        &engine,
        "admin",
        "until(() => waiting('x') === 2); const locked = sem.show('x').busy; sem.slots('x', 1); [locked, sem.show('x').pinned]",
    );
    assert_eq!(value(admin), json!([0, true]));
    assert_eq!(value(b)["token"], 1);
    assert_eq!(value(c)["token"], 2);
}

#[test]
fn unlimited_slots_let_everybody_in_and_one_slot_makes_a_line_again() {
    let engine = engine();
    let a = start(&engine, "a", HOLDER);
    let (b, c) = (start(&engine, "b", HOLDER), start(&engine, "c", HOLDER));
    let admin = start(
        &engine,
        "admin",
        "until(() => waiting('x') === 2); sem.slots('x', 'unlimited'); const open = sem.show('x');
         sem.slots('x', 1); [open.slots, open.busy, open.waiting]",
    );
    assert_eq!(value(admin), json!(["unlimited", 3, 0]));
    // Three are busy at one slot: those who were let in go on, newcomers wait.
    let d = start(&engine, "d", WAITER);
    let end =
        format!("until(() => waiting('x') === 1); const busy = sem.show('x').busy; {END} busy");
    assert_eq!(value(start(&engine, "admin", &end)), 3);
    for handle in [a, b, c] {
        value(handle);
    }
    assert_eq!(value(d)["token"], 4);
}

#[test]
fn purge_frees_every_slot_and_lets_every_waiter_in() {
    let engine = engine();
    let a = start(&engine, "a", HOLDER);
    let (b, c) = (start(&engine, "b", WAITER), start(&engine, "c", WAITER));
    let admin = format!("until(() => waiting('x') === 2); const n = sem.purge('x'); {END} n");
    assert_eq!(value(start(&engine, "admin", &admin)), 3);
    assert_eq!(value(b)["granted"], true);
    assert_eq!(value(c)["granted"], true);
    // Whose slot was taken from him goes on, and gives back nothing.
    assert_eq!(value(a), "a");
    assert_eq!(counts(&engine, "x"), (0, 0));
}
