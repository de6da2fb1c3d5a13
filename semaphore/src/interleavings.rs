//! The shell under a model checker: shuttle runs each of these under three thousand random schedules, on
//! its own locks and threads (see `sync`). A lost wake-up leaves every thread blocked, which shuttle
//! reports as a deadlock; a double admission trips the counter of those inside.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::thread;

use crate::{
    AcquireError, ManualClock, Owner, Permit, ReleaseError, Request, RequestId, RunId, Semaphore,
    SemaphoreName, Semaphores, SlotId, Slots, Status, Ttl,
};

const SCHEDULES: usize = 3_000;

fn explore(scenario: fn()) {
    shuttle::check_random(scenario, SCHEDULES);
}

fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).unwrap()
}

/// The memory store answers administrators at once.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the memory store answers at once"),
    }
}

/// A store, a semaphore of it, and how many are inside.
#[derive(Clone)]
struct Fixture {
    clock: ManualClock,
    semaphores: Semaphores,
    semaphore: Semaphore,
    inside: Arc<AtomicUsize>,
}

impl Fixture {
    fn new() -> Self {
        let clock = ManualClock::new();
        let semaphores = Semaphores::memory_with_clock(&clock);
        Self {
            clock,
            semaphore: semaphores.semaphore(&name("x")),
            semaphores,
            inside: Arc::default(),
        }
    }

    /// Is inside for a moment, together with at most `slots - 1` others.
    fn be_inside(&self, permit: Permit, slots: usize) {
        assert!(self.inside.fetch_add(1, Ordering::SeqCst) < slots);
        thread::yield_now();
        self.inside.fetch_sub(1, Ordering::SeqCst);
        now(permit.release()).expect("it is not lost");
    }

    fn take(&self, slots: usize) {
        let permit = self.semaphore.acquire().slots(slots as u32).blocking();
        self.be_inside(permit.unwrap(), slots);
    }

    fn spawn<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> thread::JoinHandle<T> {
        let stage = self.clone();
        thread::spawn(move || act(&stage))
    }

    /// Some request that waits, if one does.
    fn a_waiting_request(&self) -> Option<RequestId> {
        let view = now(self.semaphores.show(self.semaphore.name())).unwrap()?;
        let mut requests = view.requests.into_iter();
        requests
            .find(|request| request.status == Status::Waiting)
            .map(|request| request.id)
    }

    fn all_is_free(&self) {
        let view = now(self.semaphores.show(self.semaphore.name()))
            .unwrap()
            .unwrap();
        assert_eq!((view.busy, view.waiting), (0, 0));
        assert!(
            view.requests
                .iter()
                .all(|request| !matches!(request.status, Status::Waiting | Status::Busy))
        );
        assert!(self.semaphore.try_acquire_now(Request::new()).is_ok());
    }
}

fn join_all<T>(threads: impl IntoIterator<Item = thread::JoinHandle<T>>) -> Vec<T> {
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

#[test]
fn every_request_is_admitted_and_never_two_at_once() {
    explore(|| {
        let stage = Fixture::new();
        join_all((0..4).map(|_| {
            stage.spawn(|stage| {
                stage.take(1);
                stage.take(1);
            })
        }));
        stage.all_is_free();
    });
}

#[test]
fn two_slots_let_two_in_and_never_three() {
    explore(|| {
        let stage = Fixture::new();
        join_all((0..4).map(|_| stage.spawn(|stage| stage.take(2))));
        stage.all_is_free();
    });
}

#[test]
fn a_dropped_wait_never_takes_the_slot_with_it() {
    explore(|| {
        let stage = Fixture::new();
        let quitter = stage.spawn(|stage| {
            let mut wait = stage.semaphore.acquire();
            let polled =
                std::pin::Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
            thread::yield_now();
            drop((polled, wait));
        });
        let others = [
            stage.spawn(|stage| stage.take(1)),
            stage.spawn(|stage| stage.take(1)),
        ];
        quitter.join().unwrap();
        join_all(others);
        stage.all_is_free();
    });
}

#[test]
fn a_cancel_that_races_the_hand_over_fails_exactly_one_wait_or_none() {
    explore(|| {
        let stage = Fixture::new();
        let takers: Vec<_> = (0..3)
            .map(|_| {
                stage.spawn(|stage| match stage.semaphore.acquire().blocking() {
                    Ok(permit) => {
                        stage.be_inside(permit, 1);
                        0
                    }
                    Err(AcquireError::Cancelled { .. }) => 1,
                    Err(other) => panic!("{other}"),
                })
            })
            .collect();
        let canceller = stage.spawn(|stage| {
            let found = stage.a_waiting_request();
            usize::from(found.is_some_and(|id| now(stage.semaphores.cancel(id)).is_ok()))
        });
        let cancelled: usize = join_all(takers).iter().sum();
        assert_eq!(cancelled, canceller.join().unwrap());
        stage.all_is_free();
    });
}

#[test]
fn a_grant_that_races_the_hand_over_frees_no_slot_twice() {
    explore(|| {
        let stage = Fixture::new();
        let takers: Vec<_> = (0..3)
            .map(|_| {
                stage.spawn(|stage| {
                    let permit = stage.semaphore.acquire().blocking().unwrap();
                    if permit.granted() {
                        now(permit.release()).unwrap();
                    } else {
                        stage.be_inside(permit, 1);
                    }
                })
            })
            .collect();
        let granter = stage.spawn(|stage| {
            if let Some(id) = stage.a_waiting_request() {
                // It may have got its slot in the meantime.
                let _ = now(stage.semaphores.grant(id));
            }
        });
        join_all(takers);
        granter.join().unwrap();
        stage.all_is_free();
    });
}

#[test]
fn a_timeout_that_races_the_hand_over_ends_one_way_or_the_other() {
    explore(|| {
        let stage = Fixture::new();
        let second = Duration::from_secs(1);
        let takers: Vec<_> = (0..3)
            .map(|_| {
                stage.spawn(move |stage| {
                    let request = Request::new().timeout(second);
                    match stage.semaphore.acquire().with(request).blocking() {
                        Ok(permit) => stage.be_inside(permit, 1),
                        Err(AcquireError::TimedOut { after, .. }) => assert_eq!(after, second),
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        let clock = stage.spawn(move |stage| stage.clock.advance(second));
        join_all(takers);
        clock.join().unwrap();
        stage.all_is_free();
    });
}

#[test]
fn a_permit_that_expires_wakes_the_next_and_its_release_does_no_harm() {
    explore(|| {
        let stage = Fixture::new();
        let second = Ttl::from_secs(1).unwrap();
        let holder = stage.semaphore.acquire().ttl(second).blocking().unwrap();
        let taker = stage.spawn(|stage| stage.take(1));
        let clock = stage.spawn(move |stage| stage.clock.advance(second.duration()));
        let releaser = stage.spawn(move |_| now(holder.release()));
        match releaser.join().unwrap() {
            Ok(()) | Err(ReleaseError::Lost { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        taker.join().unwrap();
        clock.join().unwrap();
        stage.all_is_free();
    });
}

#[test]
fn who_waits_for_the_loss_of_a_permit_hears_of_it() {
    explore(|| {
        let stage = Fixture::new();
        let holder = stage.semaphore.acquire().blocking().unwrap();
        let watcher = stage.spawn(move |_| {
            shuttle::future::block_on(holder.lost());
            assert!(holder.is_lost());
        });
        let taker = stage.spawn(|stage| stage.take(1));
        assert_eq!(
            now(stage.semaphores.force_release(stage.semaphore.name())).unwrap(),
            1
        );
        watcher.join().unwrap();
        taker.join().unwrap();
        stage.all_is_free();
    });
}

#[test]
fn a_semaphore_forgotten_while_it_is_used_is_never_there_twice() {
    explore(|| {
        let stage = Fixture::new();
        let by_handle = stage.spawn(|stage| stage.take(1));
        let by_name = stage.spawn(|stage| {
            let permit = stage
                .semaphores
                .semaphore(stage.semaphore.name())
                .acquire()
                .blocking();
            stage.be_inside(permit.unwrap(), 1);
        });
        let forgetter = stage.spawn(|stage| {
            // In use, unknown or done: whatever it was at that moment.
            let _ = now(stage.semaphores.forget(stage.semaphore.name()));
        });
        join_all([by_handle, by_name, forgetter]);
        drop(stage.semaphore.acquire().blocking().unwrap());
        stage.all_is_free();
    });
}

#[test]
fn raising_lowering_and_purging_lose_no_request() {
    explore(|| {
        let stage = Fixture::new();
        let takers: Vec<_> = (0..3)
            .map(|_| {
                stage.spawn(|stage| {
                    let permit = stage.semaphore.acquire().blocking().unwrap();
                    thread::yield_now();
                    // Purged or not.
                    let _ = now(permit.release());
                })
            })
            .collect();
        let admin = stage.spawn(|stage| {
            let name = stage.semaphore.name();
            now(stage.semaphores.set_slots(name, Slots::LOCKED)).unwrap();
            now(stage.semaphores.purge(name)).unwrap();
            now(stage.semaphores.set_slots(name, Slots::Limited(2))).unwrap();
        });
        join_all(takers);
        admin.join().unwrap();
        stage.all_is_free();
    });
}

fn mine() -> SlotId {
    SlotId::new("mine").unwrap()
}

#[test]
fn all_who_ask_with_one_slot_id_at_once_take_one_slot() {
    explore(|| {
        let stage = Fixture::new();
        let asking = || Request::new().slots(3).slot(mine());
        let first = stage.semaphore.try_acquire_now(asking()).unwrap();
        let ids = join_all((0..3).map(|_| {
            stage.spawn(move |stage| {
                let permit = stage.semaphore.acquire().with(asking()).blocking().unwrap();
                let id = permit.id();
                permit.leave();
                id
            })
        }));
        assert!(ids.iter().all(|id| *id == first.id()));
        let view = now(stage.semaphores.show(stage.semaphore.name())).unwrap();
        assert_eq!(view.unwrap().busy, 1);
        drop(first);
        stage.all_is_free();
    });
}

#[test]
fn a_release_by_slot_id_that_races_the_permit_frees_one_slot_once() {
    explore(|| {
        let stage = Fixture::new();
        let permit = stage.semaphore.acquire().slot(mine()).blocking().unwrap();
        let token = permit.token();
        let watcher = stage.spawn(|stage| stage.take(1));
        let by_id = stage.spawn(|stage| now(stage.semaphore.release_slot(&mine())).unwrap());
        let by_permit = stage.spawn(move |_| {
            // Both can be asked, in whatever order they came.
            assert_eq!(permit.token(), token);
            now(permit.release()).is_ok()
        });
        assert_ne!(by_id.join().unwrap(), by_permit.join().unwrap());
        watcher.join().unwrap();
        stage.all_is_free();
    });
}

#[test]
fn a_dropped_wait_takes_nothing_from_those_who_have_its_slot() {
    explore(|| {
        let stage = Fixture::new();
        let asking = || Request::new().slots(2).slot(mine());
        let first = stage.semaphore.acquire().with(asking()).blocking().unwrap();
        let other = stage.semaphore.acquire().blocking().unwrap();
        let quitter = stage.spawn(move |stage| {
            let mut wait = stage.semaphore.acquire().with(asking());
            let polled =
                std::pin::Pin::new(&mut wait).poll(&mut Context::from_waker(Waker::noop()));
            thread::yield_now();
            match polled {
                Poll::Ready(permit) => permit.unwrap().leave(),
                Poll::Pending => drop(wait),
            }
        });
        let releaser = stage.spawn(move |_| now(other.release()).unwrap());
        quitter.join().unwrap();
        releaser.join().unwrap();
        assert!(!first.is_lost());
        now(first.release()).unwrap();
        stage.all_is_free();
    });
}

/// A thread that is a run: takes the semaphores one inside the other. Says whether it was refused because of a
/// deadlock.
fn nest(semaphores: &Semaphores, names: &[&str]) -> bool {
    let owner = Owner::new(format!("{names:?}")).with_run(RunId::unique());
    let mut permits = Vec::new();
    for text in names {
        let request = Request::new().owner(owner.clone());
        match semaphores
            .semaphore(&name(text))
            .acquire()
            .with(request)
            .blocking()
        {
            Ok(permit) => permits.push(permit),
            Err(AcquireError::Deadlock(_)) => return true,
            Err(other) => panic!("{other}"),
        }
        thread::yield_now();
    }
    false
}

#[test]
fn of_two_runs_that_close_a_circle_at_once_exactly_one_is_told() {
    explore(|| {
        let stage = Fixture::new();
        let refused: usize = join_all([
            stage.spawn(|stage| usize::from(nest(&stage.semaphores, &["x", "y"]))),
            stage.spawn(|stage| usize::from(nest(&stage.semaphores, &["y", "x"]))),
        ])
        .iter()
        .sum();
        // None, if they happened to run one after the other.
        assert!(refused <= 1);
        stage.all_is_free();
    });
}

#[test]
fn of_three_runs_that_close_a_circle_at_once_exactly_one_is_told() {
    explore(|| {
        let stage = Fixture::new();
        let refused: usize = join_all([
            stage.spawn(|stage| usize::from(nest(&stage.semaphores, &["x", "y"]))),
            stage.spawn(|stage| usize::from(nest(&stage.semaphores, &["y", "z"]))),
            stage.spawn(|stage| usize::from(nest(&stage.semaphores, &["z", "x"]))),
        ])
        .iter()
        .sum();
        assert!(refused <= 1);
        stage.all_is_free();
    });
}
