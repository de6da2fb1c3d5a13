//! What is the memory store's own: futures that are polled by hand, exact times, and how much it keeps. What every store
//! promises is in the conformance suite.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use cla_semaphore::{Permit, Request, Semaphores, Slots, Status};
use common::{Fixture, name, now, poll, seconds};

#[test]
fn a_freed_slot_goes_to_the_first_waiter_before_it_even_looks_and_no_newcomer_gets_it() {
    let stage = Fixture::new();
    let holder = stage.take();
    let first = stage.wait();
    drop(holder);
    assert!(stage.x.try_acquire_now(Request::new()).is_err());
    let mut newcomer = stage.wait();
    assert!(newcomer.still_waits());
    drop(first.permit());
    drop(newcomer.permit());
}

#[test]
fn a_dropped_future_leaves_the_line_at_once() {
    let stage = Fixture::new();
    let holder = stage.take();
    let (quitter, next) = (stage.wait(), stage.wait());
    let id = stage.line()[0];
    drop(quitter);
    assert_eq!(stage.counts().2, 1);
    assert_eq!(stage.row(id).status, Status::Left);
    drop(holder);
    drop(next.permit());
}

#[test]
fn a_future_that_is_never_polled_asks_for_nothing() {
    let stage = Fixture::new();
    drop(stage.x.acquire());
    assert!(now(stage.semaphores.list()).unwrap().is_empty());
}

/// A task that has a permit, which goes with the last waker of the task.
struct TaskWithPermit {
    _permit: Mutex<Permit>,
}

impl Wake for TaskWithPermit {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_goes_may_take_a_permit_of_the_same_semaphore_with_it() {
    let stage = Fixture::new();
    let waiting = || {
        let _permit = Mutex::new(stage.take());
        let task = Waker::from(Arc::new(TaskWithPermit { _permit }));
        let mut waiting = stage.x.acquire();
        let polled = Pin::new(&mut waiting).poll(&mut Context::from_waker(&task));
        assert!(polled.is_pending());
        waiting
    };
    let mut moved = waiting();
    assert!(
        poll(&mut moved).is_none(),
        "it moves to another task, and the first is gone"
    );
    drop(
        poll(&mut moved)
            .expect("the permit of the first is free")
            .unwrap(),
    );
    drop(waiting());
    assert_eq!(stage.counts(), (Slots::ONE, 0, 0));
}

#[test]
fn fencing_tokens_only_grow_even_when_the_semaphore_was_forgotten_in_between() {
    let stage = Fixture::new();
    let mut last = 0;
    for round in 0..10 {
        let permit = stage.take();
        assert!(permit.token() > last, "round {round}");
        last = permit.token();
        drop(permit);
        now(stage.semaphores.forget(stage.x.name())).unwrap();
    }
    let Fixture { semaphores, x, .. } = stage;
    drop(x);
    // Without a handle the entry itself goes; another name takes its place in memory.
    drop(now(semaphores.semaphore(&name("x")).acquire()).unwrap());
    now(semaphores.forget(&name("x"))).unwrap();
    drop(now(semaphores.semaphore(&name("other")).acquire()).unwrap());
    let permit = now(semaphores.semaphore(&name("x")).acquire()).unwrap();
    assert!(permit.token() > last);
}

#[test]
fn generated_names_that_nobody_uses_any_more_are_swept() {
    let stage = Fixture::new();
    now(stage
        .semaphores
        .set_slots(&name("pinned"), Slots::Limited(3)))
    .unwrap();
    let held = stage.take();
    for nth in 0..5_000 {
        let generated = name(&format!("deploy-{nth}"));
        drop(now(stage.semaphores.semaphore(&generated).acquire()).unwrap());
        if nth % 100 == 0 {
            stage.clock.advance(seconds(10));
        }
    }
    let left = now(stage.semaphores.list()).unwrap();
    assert!(left.len() < 2_100, "{} are left", left.len());
    assert!(left.iter().any(|view| view.name == name("pinned")));
    assert!(left.iter().any(|view| view.name == *stage.x.name()));
    drop(held);
}

#[test]
fn ended_requests_stay_visible_for_a_short_while_only() {
    let stage = Fixture::new();
    let permit = stage.take();
    let id = permit.id();
    stage.clock.advance(seconds(2));
    drop(permit);
    let row = stage.row(id);
    assert_eq!((row.status, row.ran), (Status::Done, Some(2.0)));
    stage.clock.advance(seconds(5));
    assert!(stage.view().requests.is_empty());
    for _ in 0..100 {
        drop(stage.take());
    }
    assert_eq!(stage.view().requests.len(), 32);
}

#[test]
fn a_wait_that_is_over_is_not_polled_into_a_second_permit() {
    let stage = Fixture::new();
    let mut acquire = stage.x.acquire();
    let permit = poll(&mut acquire).unwrap().unwrap();
    drop(permit);
    let again = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll(&mut acquire)));
    assert!(again.is_err());
    assert_eq!(stage.counts().1, 0);
}

#[test]
fn made_up_names_do_not_pile_up() {
    let semaphores = Semaphores::memory();
    let pinned = name("pinned");
    now(semaphores.set_slots(&pinned, Slots::Limited(3))).unwrap();
    let held = semaphores
        .semaphore(&name("held"))
        .acquire()
        .blocking()
        .unwrap();
    for n in 0..150_000 {
        let name = name(&format!("made-up-{n}"));
        drop(semaphores.semaphore(&name).acquire().blocking().unwrap());
    }
    let known = now(semaphores.list()).unwrap();
    assert!(known.len() <= 65_536, "{}", known.len());
    for name in ["pinned", "held"] {
        assert!(
            known.iter().any(|view| view.name.as_str() == name),
            "{name} is gone"
        );
    }
    drop(held);
}
