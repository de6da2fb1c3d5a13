//! The eleven rules of the queue, one section each; numbers as in the design.

mod common;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use cla_semaphore::{
    AcquireError, AdminError, Permit, RefreshError, ReleaseError, Request, RequestId, Semaphores,
    Slots, Status,
};
use common::{Stage, Waiter, name, now, poll, seconds, ttl};

// ---- 1: first come, first served within a priority

#[test]
fn waiters_are_served_in_the_order_in_which_they_came() {
    let stage = Stage::new();
    let mut holder = stage.take();
    let waiters: Vec<_> = (0..50).map(|_| stage.wait()).collect();
    for waiter in waiters {
        drop(holder);
        holder = waiter.permit();
    }
}

#[test]
fn a_freed_slot_goes_to_the_first_waiter_before_it_even_looks_and_no_newcomer_gets_it() {
    let stage = Stage::new();
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
fn a_higher_priority_goes_first_and_arrival_decides_among_equals() {
    let stage = Stage::new();
    let holder = stage.take();
    let low = stage.wait_as(Request::new().priority(-1));
    let normal = stage.wait();
    let high = stage.wait_as(Request::new().priority(5));
    let normal_too = stage.wait();
    let high_too = stage.wait_as(Request::new().priority(5));
    drop(holder);
    for next in [high, high_too, normal, normal_too, low] {
        drop(next.permit());
    }
}

#[test]
fn try_acquire_never_queues() {
    let stage = Stage::new();
    let holder = stage.take();
    assert!(
        now(stage.x.try_acquire(Request::new().priority(9)))
            .unwrap()
            .is_none()
    );
    assert_eq!(stage.counts().2, 0);
    drop(holder);
    assert!(now(stage.x.try_acquire(Request::new())).unwrap().is_some());
}

// ---- 2: raising, lowering, 0 and unlimited

#[test]
fn raising_the_slots_admits_waiters_at_once_and_in_order() {
    let stage = Stage::new();
    let _holder = stage.take();
    let (first, second, mut third) = (stage.wait(), stage.wait(), stage.wait());
    stage.slots(3);
    let _both = (first.permit(), second.permit());
    assert!(third.still_waits());
}

#[test]
fn lowering_the_slots_touches_nobody_who_is_busy() {
    let stage = Stage::new();
    let (a, b, c) = (
        stage.take_as(Request::new().slots(3)),
        stage.take(),
        stage.take(),
    );
    let mut waiter = stage.wait();
    stage.slots(1);
    assert_eq!(stage.counts(), (Slots::ONE, 3, 1));
    assert!([&a, &b, &c].iter().all(|permit| !permit.is_lost()));
    drop((a, b));
    assert!(
        waiter.still_waits(),
        "one is busy, and one is all there may be"
    );
    drop(c);
    drop(waiter.permit());
}

#[test]
fn no_slots_hold_everybody_back_until_there_are_some() {
    let stage = Stage::new();
    stage.slots(Slots::LOCKED);
    let waiter = stage.wait();
    assert_eq!(stage.counts(), (Slots::LOCKED, 0, 1));
    stage.slots(1);
    drop(waiter.permit());
}

#[test]
fn unlimited_slots_let_everybody_in_and_still_list_them_as_busy() {
    let stage = Stage::new();
    let _holder = stage.take();
    let waiters: Vec<_> = (0..5).map(|_| stage.wait()).collect();
    stage.slots(Slots::Unlimited);
    let _permits: Vec<_> = waiters.into_iter().map(Waiter::permit).collect();
    let _one_more = stage.take();
    assert_eq!(stage.counts(), (Slots::Unlimited, 7, 0));
    assert!(
        stage
            .view()
            .requests
            .iter()
            .all(|row| row.status == Status::Busy)
    );
}

// ---- 3: who decides how many slots there are

#[test]
fn the_code_that_first_names_a_semaphore_decides_and_silence_means_one() {
    let stage = Stage::new();
    let _one = stage.take();
    assert_eq!(stage.counts().0, Slots::ONE);
    let y = stage.semaphores.semaphore(&name("y"));
    let _y = now(y.acquire(Request::new().slots(3))).unwrap();
    let view = now(stage.semaphores.show(&name("y"))).unwrap().unwrap();
    assert_eq!(view.slots, Slots::Limited(3));
}

#[test]
fn another_limit_counts_only_once_the_semaphore_is_idle() {
    let stage = Stage::new();
    let first = stage.take_as(Request::new().slots(2));
    let second = stage.take_as(Request::new().slots(5));
    assert_eq!(stage.counts().0, Slots::Limited(2));
    let waiter = stage.wait();
    drop(first);
    assert_eq!(stage.counts().0, Slots::Limited(2), "busy");
    drop((second, waiter.permit()));
    assert_eq!(stage.counts().0, Slots::Limited(5), "idle");
}

#[test]
fn who_declares_nothing_changes_nothing() {
    let stage = Stage::new();
    drop(stage.take_as(Request::new().slots(4)));
    drop(stage.take());
    assert_eq!(stage.counts().0, Slots::Limited(4));
}

#[test]
fn what_an_administrator_sets_outranks_the_code_until_it_is_unpinned() {
    let stage = Stage::new();
    stage.slots(2);
    assert!(stage.view().pinned);
    drop(stage.take_as(Request::new().slots(7)));
    assert_eq!(stage.counts().0, Slots::Limited(2));
    now(stage.semaphores.unpin(stage.x.name())).unwrap();
    assert_eq!(stage.counts().0, Slots::Limited(7));
    assert!(!stage.view().pinned);
}

#[test]
fn unpinning_admits_those_for_whom_the_code_has_room() {
    let stage = Stage::new();
    let _holder = stage.take_as(Request::new().slots(2));
    stage.slots(1);
    let waiter = stage.wait();
    now(stage.semaphores.unpin(stage.x.name())).unwrap();
    drop(waiter.permit());
}

#[test]
fn pinning_keeps_the_number_that_is() {
    let stage = Stage::new();
    drop(stage.take_as(Request::new().slots(3)));
    now(stage.semaphores.pin(stage.x.name())).unwrap();
    drop(stage.take_as(Request::new().slots(9)));
    assert_eq!(stage.counts().0, Slots::Limited(3));
}

// ---- 4: grant

#[test]
fn a_granted_request_starts_at_once_outside_the_slots_and_its_end_frees_none() {
    let stage = Stage::new();
    let holder = stage.take();
    let (granted, mut next) = (stage.wait(), stage.wait());
    now(stage.semaphores.grant(stage.line()[0])).unwrap();
    let granted = granted.permit();
    assert!(granted.granted());
    assert_eq!(stage.counts(), (Slots::ONE, 1, 1));
    assert!(stage.row(granted.id()).granted);
    assert_eq!(stage.row(granted.id()).status, Status::Busy);
    drop(granted);
    assert!(next.still_waits(), "no slot was freed");
    drop(holder);
    assert!(!next.permit().granted());
}

#[test]
fn only_what_waits_can_be_granted_cancelled_or_moved() {
    let stage = Stage::new();
    let holder = stage.take();
    let id = holder.id();
    let refused = |status: Status, error: AdminError| {
        assert!(
            matches!(error, AdminError::NotWaiting { id: whose, status: is } if whose == id && is == status),
            "{error}"
        );
    };
    refused(Status::Busy, now(stage.semaphores.grant(id)).unwrap_err());
    refused(Status::Busy, now(stage.semaphores.cancel(id)).unwrap_err());
    refused(
        Status::Busy,
        now(stage.semaphores.move_to(id, 1)).unwrap_err(),
    );
    drop(holder);
    refused(Status::Done, now(stage.semaphores.cancel(id)).unwrap_err());
    let nobody = RequestId::from_u128(0);
    assert!(matches!(
        now(stage.semaphores.grant(nobody)),
        Err(AdminError::UnknownRequest { .. })
    ));
}

// ---- 5: cancel

#[test]
fn a_cancelled_waiter_fails_and_the_next_one_moves_up() {
    let stage = Stage::new();
    let holder = stage.take();
    let (cancelled, next) = (stage.wait(), stage.wait());
    let id = stage.line()[0];
    now(stage.semaphores.cancel(id)).unwrap();
    let error = cancelled.error();
    assert!(matches!(&error, AcquireError::Cancelled { name } if name == stage.x.name()));
    assert!(error.to_string().starts_with("Semaphore cancel"), "{error}");
    assert_eq!(stage.row(id).status, Status::Cancelled);
    assert_eq!(stage.row(stage.line()[0]).place, Some(1));
    drop(holder);
    drop(next.permit());
}

// ---- 6: move, purge, force release

#[test]
fn a_moved_request_is_served_at_its_new_place() {
    let stage = Stage::new();
    let mut holder = stage.take();
    let (a, b, c) = (stage.wait(), stage.wait(), stage.wait());
    let line = stage.line();
    now(stage.semaphores.move_to(line[2], 1)).unwrap();
    assert_eq!(stage.line(), [line[2], line[0], line[1]]);
    now(stage.semaphores.move_to(line[0], 99)).unwrap();
    assert_eq!(stage.line(), [line[2], line[1], line[0]]);
    for next in [c, b, a] {
        drop(holder);
        holder = next.permit();
    }
}

#[test]
fn a_request_moved_among_others_is_not_overtaken_by_later_ones_of_their_priority() {
    let stage = Stage::new();
    let holder = stage.take();
    let high = stage.wait_as(Request::new().priority(5));
    let low = stage.wait();
    let moved = stage.last_in_line();
    now(stage.semaphores.move_to(moved, 1)).unwrap();
    let later = stage.wait_as(Request::new().priority(5));
    assert_eq!(stage.row(moved).priority.0, 0, "it shows what it asked for");
    drop(holder);
    for next in [low, high, later] {
        drop(next.permit());
    }
}

#[test]
fn a_purge_frees_every_slot_and_grants_every_waiter() {
    let stage = Stage::new();
    let holder = stage.take();
    let waiters = [stage.wait(), stage.wait()];
    assert_eq!(now(stage.semaphores.purge(stage.x.name())).unwrap(), 3);
    assert_eq!(stage.row(holder.id()).status, Status::Released);
    assert!(holder.is_lost());
    let permits = waiters.map(Waiter::permit);
    assert!(permits.iter().all(cla_semaphore::Permit::granted));
    assert_eq!(stage.counts(), (Slots::ONE, 0, 0));
    let newcomer = stage.take();
    assert!(matches!(
        now(holder.release()),
        Err(ReleaseError::Lost { .. })
    ));
    assert!(!newcomer.is_lost(), "nobody is harmed");
}

#[test]
fn a_forced_release_frees_the_slots_and_the_line_goes_on_in_order() {
    let stage = Stage::new();
    let holders = [stage.take_as(Request::new().slots(2)), stage.take()];
    let granted = stage.wait();
    now(stage.semaphores.grant(stage.line()[0])).unwrap();
    let granted = granted.permit();
    let (first, second, mut third) = (stage.wait(), stage.wait(), stage.wait());
    assert_eq!(
        now(stage.semaphores.force_release(stage.x.name())).unwrap(),
        3
    );
    let _both = (first.permit(), second.permit());
    assert!(third.still_waits());
    assert!(granted.is_lost() && holders.iter().all(cla_semaphore::Permit::is_lost));
    drop(holders);
    drop(granted);
    assert_eq!(
        stage.counts(),
        (Slots::Limited(2), 2, 1),
        "what was lost frees nothing"
    );
}

// ---- 7: TTL and refresh

#[test]
fn a_permit_with_a_ttl_expires_by_itself_and_the_next_in_line_has_the_slot() {
    let stage = Stage::new();
    let holder = stage.take_as(Request::new().ttl(ttl(2)));
    let mut waiter = stage.wait();
    stage.clock.advance(seconds(1));
    assert!(waiter.still_waits());
    stage.clock.advance(seconds(1));
    let next = waiter.permit();
    assert_eq!(next.waited(), seconds(2));
    assert_eq!(stage.row(holder.id()).status, Status::Expired);
    assert!(matches!(
        now(holder.refresh(ttl(9))),
        Err(RefreshError::Lost { .. })
    ));
    assert!(matches!(
        now(holder.release()),
        Err(ReleaseError::Lost { .. })
    ));
    assert!(!next.is_lost(), "nobody is harmed");
}

#[test]
fn a_ttl_counts_from_the_admission_not_from_the_request() {
    let stage = Stage::new();
    let holder = stage.take();
    let waiter = stage.wait_as(Request::new().ttl(ttl(2)));
    stage.clock.advance(seconds(10));
    drop(holder);
    stage.clock.advance(seconds(1));
    let permit = waiter.permit();
    assert!(!permit.is_lost());
    stage.clock.advance(seconds(1));
    assert!(permit.is_lost());
}

#[test]
fn a_refresh_moves_the_deadline_to_that_long_from_now() {
    let stage = Stage::new();
    let permit = stage.take_as(Request::new().ttl(ttl(2)));
    stage.clock.advance(seconds(1));
    now(permit.refresh(ttl(5))).unwrap();
    assert_eq!(stage.row(permit.id()).expires_at, Some(6.0));
    stage.clock.advance(Duration::from_millis(4_999));
    assert!(!permit.is_lost());
    stage.clock.advance(Duration::from_millis(1));
    assert!(permit.is_lost());
}

#[test]
fn a_permit_without_a_ttl_cannot_be_refreshed() {
    let stage = Stage::new();
    let permit = stage.take();
    assert!(matches!(
        now(permit.refresh(ttl(1))),
        Err(RefreshError::NoTtl { .. })
    ));
    assert!(!permit.is_lost());
}

// ---- 8: giving up

#[test]
fn a_waiter_whose_time_is_up_leaves_the_line() {
    let stage = Stage::new();
    let holder = stage.take();
    let waiter = stage.wait_as(Request::new().timeout(seconds(3)));
    let next = stage.wait();
    let id = stage.line()[0];
    stage.clock.advance(seconds(3));
    let error = waiter.error();
    assert!(
        matches!(error, AcquireError::TimedOut { after, .. } if after == seconds(3)),
        "{error}"
    );
    assert_eq!(stage.row(id).status, Status::TimedOut);
    drop(holder);
    drop(next.permit());
}

#[test]
fn a_timeout_of_zero_means_now_or_not_at_all() {
    let stage = Stage::new();
    let impatient = || Request::new().timeout(Duration::ZERO);
    let holder = stage.take_as(impatient());
    let refused = now(stage.x.acquire(impatient()));
    assert!(matches!(refused, Err(AcquireError::TimedOut { .. })));
    assert_eq!(stage.counts().2, 0);
    drop(holder);
}

#[test]
fn a_timeout_no_longer_counts_once_the_request_is_admitted() {
    let stage = Stage::new();
    let holder = stage.take();
    let waiter = stage.wait_as(Request::new().timeout(seconds(3)));
    drop(holder);
    stage.clock.advance(seconds(30));
    assert!(!waiter.permit().is_lost());
}

#[test]
fn a_dropped_future_leaves_the_line_at_once() {
    let stage = Stage::new();
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
fn a_future_dropped_after_its_turn_came_gives_the_slot_to_the_next() {
    let stage = Stage::new();
    let holder = stage.take();
    let (quitter, next) = (stage.wait(), stage.wait());
    drop(holder);
    drop(quitter);
    drop(next.permit());
}

#[test]
fn a_future_that_is_never_polled_asks_for_nothing() {
    let stage = Stage::new();
    drop(stage.x.acquire(Request::new()));
    assert!(now(stage.semaphores.list()).unwrap().is_empty());
}

#[test]
fn a_permit_is_given_back_when_it_is_dropped_also_by_a_panic() {
    let stage = Stage::new();
    let permit = stage.take();
    let waiter = stage.wait();
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
        let _permit = permit;
        panic!("the protected work failed");
    }));
    assert!(unwound.is_err());
    drop(waiter.permit());
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
    let stage = Stage::new();
    let waiting = || {
        let _permit = Mutex::new(stage.take());
        let task = Waker::from(Arc::new(TaskWithPermit { _permit }));
        let mut waiting = stage.x.acquire(Request::new());
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

// ---- tokens

#[test]
fn fencing_tokens_only_grow_even_when_the_semaphore_was_forgotten_in_between() {
    let stage = Stage::new();
    let mut last = 0;
    for round in 0..10 {
        let permit = stage.take();
        assert!(permit.token() > last, "round {round}");
        last = permit.token();
        drop(permit);
        now(stage.semaphores.forget(stage.x.name())).unwrap();
    }
    let Stage { semaphores, x, .. } = stage;
    drop(x);
    // Without a handle the entry itself goes; another name takes its place in memory.
    drop(now(semaphores.acquire(&name("x"), Request::new())).unwrap());
    now(semaphores.forget(&name("x"))).unwrap();
    drop(now(semaphores.acquire(&name("other"), Request::new())).unwrap());
    let permit = now(semaphores.acquire(&name("x"), Request::new())).unwrap();
    assert!(permit.token() > last);
}

// ---- forgetting

#[test]
fn an_idle_semaphore_is_forgotten_with_its_slots_and_its_handles_still_work() {
    let stage = Stage::new();
    stage.slots(5);
    now(stage.semaphores.forget(stage.x.name())).unwrap();
    assert!(now(stage.semaphores.list()).unwrap().is_empty());
    let _permit = stage.take();
    assert_eq!(stage.counts(), (Slots::ONE, 1, 0));
    let by_name = stage.semaphores.semaphore(&name("x"));
    assert!(
        by_name.try_acquire_now(Request::new()).is_err(),
        "it is the same semaphore"
    );
}

#[test]
fn a_semaphore_in_use_is_not_forgotten() {
    let stage = Stage::new();
    let _holder = stage.take();
    let _waiter = stage.wait();
    let error = now(stage.semaphores.forget(stage.x.name())).unwrap_err();
    assert!(
        matches!(
            error,
            AdminError::InUse {
                busy: 1,
                waiting: 1,
                ..
            }
        ),
        "{error}"
    );
    let unknown = now(stage.semaphores.forget(&name("y"))).unwrap_err();
    assert!(matches!(unknown, AdminError::UnknownSemaphore { .. }));
}

#[test]
fn generated_names_that_nobody_uses_any_more_are_swept() {
    let stage = Stage::new();
    now(stage
        .semaphores
        .set_slots(&name("pinned"), Slots::Limited(3)))
    .unwrap();
    let held = stage.take();
    for nth in 0..5_000 {
        let generated = name(&format!("deploy-{nth}"));
        drop(now(stage.semaphores.acquire(&generated, Request::new())).unwrap());
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

// ---- finding

#[test]
fn a_request_is_found_by_the_first_digits_of_its_id() {
    let stage = Stage::new();
    let holder = stage.take();
    let _waiter = stage.wait();
    let id = holder.id().to_string();
    let short = (1..id.len())
        .map(|digits| &id[..digits])
        .find(|prefix| !stage.last_in_line().to_string().starts_with(prefix));
    let found = now(stage.semaphores.find(&short.unwrap().to_uppercase())).unwrap();
    assert_eq!(found, holder.id());
    let all = now(stage.semaphores.find("")).unwrap_err();
    assert!(
        matches!(all, AdminError::AmbiguousId { matches: 2, .. }),
        "{all}"
    );
    let none = now(stage.semaphores.find("xyz")).unwrap_err();
    assert!(matches!(none, AdminError::UnknownRequest { .. }), "{none}");
}

#[test]
fn ended_requests_stay_visible_for_a_short_while_only() {
    let stage = Stage::new();
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
    let stage = Stage::new();
    let mut acquire = stage.x.acquire(Request::new());
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
        .blocking_acquire(&name("held"), Request::new())
        .unwrap();
    for n in 0..150_000 {
        let name = name(&format!("made-up-{n}"));
        drop(semaphores.blocking_acquire(&name, Request::new()).unwrap());
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
