//! Rule 9: a wait that can never end is an error, not a hang.

mod common;

use cla_semaphore::{
    AcquireError, DeadlockError, Owner, Permit, Request, RunId, Semaphores, Slots,
};
use common::{Stage, Waiter, name, now, poll, run, seconds, ttl};

/// A run: takes, waits, and holds what it took.
struct Run {
    id: RunId,
    request: Request,
    semaphores: Semaphores,
}

impl Run {
    fn new(stage: &Stage, who: &str) -> Self {
        let (id, request) = run(who);
        let semaphores = stage.semaphores.clone();
        Self {
            id,
            request,
            semaphores,
        }
    }

    fn take(&self, semaphore: &str) -> Permit {
        now(self
            .semaphores
            .acquire(&name(semaphore), self.request.clone()))
        .expect("it is free")
    }

    fn wait(&self, semaphore: &str) -> Waiter {
        Waiter::new(
            self.semaphores
                .acquire(&name(semaphore), self.request.clone()),
        )
    }

    /// Asks for what it can never have.
    fn is_told(&self, semaphore: &str) -> DeadlockError {
        let mut acquire = self
            .semaphores
            .acquire(&name(semaphore), self.request.clone());
        match poll(&mut acquire).expect("it is told at once") {
            Err(AcquireError::Deadlock(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn links(error: &DeadlockError) -> Vec<(RunId, &str, &str)> {
    let links = error.circle().iter();
    links
        .map(|link| (link.run, link.holds.as_str(), link.waits_for.as_str()))
        .collect()
}

#[test]
fn a_run_that_waits_for_the_slot_it_holds_itself_is_told_at_once() {
    let stage = Stage::new();
    let a = Run::new(&stage, "nested.js");
    let held = a.take("x");
    let error = a.is_told("x");
    assert_eq!(links(&error), [(a.id, "x", "x")]);
    let text = error.to_string();
    assert!(
        text.contains("nested.js") && text.contains("\"x\"") && text.contains("itself"),
        "{text}"
    );
    assert_eq!(stage.counts(), (Slots::ONE, 1, 0), "it left the line");
    assert!(!held.is_lost());
}

#[test]
fn of_two_runs_that_wait_for_each_other_the_second_is_told_and_the_first_goes_on() {
    let stage = Stage::new();
    let (a, b) = (Run::new(&stage, "a.js"), Run::new(&stage, "b.js"));
    let (_x, y) = (a.take("x"), b.take("y"));
    let mut waiting = a.wait("y");
    let error = b.is_told("x");
    assert_eq!(links(&error), [(b.id, "y", "x"), (a.id, "x", "y")]);
    assert_eq!(error.semaphore(), &name("x"));
    let text = error.to_string();
    for part in [
        &*a.id.to_string(),
        &b.id.to_string(),
        "a.js",
        "b.js",
        "\"x\"",
        "\"y\"",
    ] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(waiting.still_waits());
    drop(y);
    drop(waiting.permit());
}

#[test]
fn a_circle_of_five_is_named_in_order() {
    let stage = Stage::new();
    let runs: Vec<_> = (0..5)
        .map(|nth| Run::new(&stage, &format!("{nth}.js")))
        .collect();
    let names = ["s0", "s1", "s2", "s3", "s4"];
    let _held: Vec<_> = runs
        .iter()
        .zip(names)
        .map(|(run, name)| run.take(name))
        .collect();
    let _waiting: Vec<_> = (0..4).map(|nth| runs[nth].wait(names[nth + 1])).collect();
    let error = runs[4].is_told("s0");
    let expected: Vec<_> = [4, 0, 1, 2, 3]
        .map(|nth| (runs[nth].id, names[nth], names[(nth + 1) % 5]))
        .into();
    assert_eq!(links(&error), expected);
}

#[test]
fn with_several_slots_one_holder_who_can_go_on_is_enough() {
    let stage = Stage::new();
    stage.slots(2);
    let (a, b, c) = (
        Run::new(&stage, "a"),
        Run::new(&stage, "b"),
        Run::new(&stage, "c"),
    );
    let _both = (a.take("x"), b.take("x"));
    let _y = c.take("y");
    let _a = a.wait("y");
    let mut c_waits = c.wait("x");
    assert!(c_waits.still_waits(), "b is running, and holds a slot of x");
    let error = b.is_told("y");
    assert_eq!(links(&error), [(b.id, "x", "y"), (c.id, "y", "x")]);
}

#[test]
fn what_can_end_by_itself_is_no_deadlock() {
    let stage = Stage::new();
    let (a, b) = (Run::new(&stage, "a"), Run::new(&stage, "b"));
    // A permit that expires.
    let expiring = now(stage.x.acquire(a.request.clone().ttl(ttl(5)))).unwrap();
    let y = b.take("y");
    let a_waits = a.wait("y");
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits());
    stage.clock.advance(seconds(5));
    drop((b_waits.permit(), expiring, y));
    drop(a_waits.permit());
    // A wait that times out.
    let (_x, _y) = (a.take("x"), b.take("y"));
    let impatient = a.request.timeout(seconds(5));
    let patient = stage.semaphores.semaphore(&name("y"));
    let a_waits = Waiter::new(patient.acquire(impatient));
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits());
    stage.clock.advance(seconds(5));
    assert!(matches!(a_waits.error(), AcquireError::TimedOut { .. }));
}

#[test]
fn owners_without_a_run_are_no_threads_of_control() {
    let stage = Stage::new();
    let who = || Request::new().owner(Owner::process("a service"));
    let _held = stage.take_as(who());
    let mut waiter = stage.wait_as(who());
    assert!(waiter.still_waits());
}

#[test]
fn an_administrators_lock_is_no_deadlock() {
    let stage = Stage::new();
    let a = Run::new(&stage, "a");
    let _held = a.take("x");
    stage.slots(0);
    let mut waiting = a.wait("x");
    assert!(waiting.still_waits(), "more slots may come");
    stage.slots(2);
    drop(waiting.permit());
}

#[test]
fn a_granted_holder_holds_no_slot_for_which_one_could_wait() {
    let stage = Stage::new();
    let (a, b) = (Run::new(&stage, "a"), Run::new(&stage, "b"));
    let holder = stage.take();
    let granted = a.wait("x");
    now(stage.semaphores.grant(stage.last_in_line())).unwrap();
    let _granted = granted.permit();
    let _y = b.take("y");
    let _b = b.wait("x");
    let mut a_waits = a.wait("y");
    assert!(a_waits.still_waits(), "x is held by somebody who runs");
    drop(holder);
}

#[test]
fn a_run_that_waits_for_two_things_may_still_go_on_by_one_of_them() {
    let stage = Stage::new();
    let (a, b) = (Run::new(&stage, "a"), Run::new(&stage, "b"));
    let (_x, _y) = (a.take("x"), b.take("y"));
    let z = now(stage.semaphores.acquire(&name("z"), Request::new())).unwrap();
    let (a_for_y, mut a_for_z) = (a.wait("y"), a.wait("z"));
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits());
    assert!(a_for_z.still_waits());
    // Now only the wait that closes the circle is left.
    drop(a_for_z);
    assert!(matches!(a_for_y.error(), AcquireError::Deadlock(_)));
    drop(z);
}

#[test]
fn taking_slots_away_can_close_a_circle_and_the_last_comer_is_told() {
    let stage = Stage::new();
    stage.slots(2);
    let (a, b) = (Run::new(&stage, "a"), Run::new(&stage, "b"));
    let _a_x = a.take("x");
    let other = stage.take();
    let _y = b.take("y");
    let mut a_waits = a.wait("y");
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits() && a_waits.still_waits());
    // Two are busy; with one slot both must end before b has its turn.
    stage.slots(1);
    let error = b_waits.error();
    assert!(matches!(error, AcquireError::Deadlock(_)), "{error}");
    assert!(a_waits.still_waits());
    drop(other);
}

#[test]
fn who_merely_waits_behind_a_circle_is_not_part_of_it() {
    let stage = Stage::new();
    let (a, b, c) = (
        Run::new(&stage, "a"),
        Run::new(&stage, "b"),
        Run::new(&stage, "c"),
    );
    let (_x, y) = (a.take("x"), b.take("y"));
    let mut c_waits = c.wait("x");
    let mut a_waits = a.wait("y");
    assert!(c_waits.still_waits() && a_waits.still_waits());
    b.is_told("x");
    assert!(c_waits.still_waits() && a_waits.still_waits());
    drop(y);
    drop(a_waits.permit());
}
