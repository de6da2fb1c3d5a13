//! Rule 9: a wait that can never end is an error, not a hang.

mod common;

use cla_semaphore::{AcquireError, DeadlockError, Permit, Request, RunId, Semaphores, Slots};
use common::{Fixture, Waiter, name, now, poll, run, seconds, ttl};

/// A run: takes, waits, and holds what it took.
struct Run {
    id: RunId,
    request: Request,
    semaphores: Semaphores,
}

impl Run {
    fn new(stage: &Fixture, who: &str) -> Self {
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
            .semaphore(&name(semaphore))
            .acquire()
            .with(self.request.clone()))
        .expect("it is free")
    }

    fn wait(&self, semaphore: &str) -> Waiter {
        Waiter::new(
            self.semaphores
                .semaphore(&name(semaphore))
                .acquire()
                .with(self.request.clone()),
        )
    }

    /// Asks for what it can never have.
    fn is_told(&self, semaphore: &str) -> DeadlockError {
        let mut acquire = self
            .semaphores
            .semaphore(&name(semaphore))
            .acquire()
            .with(self.request.clone());
        match poll(&mut acquire).expect("it is refused at once") {
            Err(AcquireError::Deadlock(error)) => error,
            other => panic!("{other:?}"),
        }
    }
}

fn links(error: &DeadlockError) -> Vec<(RunId, &str, &str)> {
    let links = error.cycle().iter();
    links
        .map(|link| (link.run, link.holds.as_str(), link.waits_for.as_str()))
        .collect()
}

#[test]
fn a_run_that_waits_for_the_slot_it_holds_itself_is_told_at_once() {
    let stage = Fixture::new();
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
fn what_can_end_by_itself_is_no_deadlock() {
    let stage = Fixture::new();
    let (a, b) = (Run::new(&stage, "a"), Run::new(&stage, "b"));
    // A permit that expires.
    let expiring = now(stage.x.acquire().with(a.request.clone().ttl(ttl(5)))).unwrap();
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
    let a_waits = Waiter::new(patient.acquire().with(impatient));
    let mut b_waits = b.wait("x");
    assert!(b_waits.still_waits());
    stage.clock.advance(seconds(5));
    assert!(matches!(a_waits.error(), AcquireError::TimedOut { .. }));
}

#[test]
fn a_granted_holder_holds_no_slot_for_which_one_could_wait() {
    let stage = Fixture::new();
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
fn taking_slots_away_can_close_a_circle_and_the_last_comer_is_told() {
    let stage = Fixture::new();
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
    let stage = Fixture::new();
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
