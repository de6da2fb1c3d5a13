//! The eleven rules of the queue, one section each; numbers as in the design. (Rule 9 is in `deadlocks`, rule
//! 10 in `events`.)

use super::Subject;
use super::drive::{poll, until, within};
use super::stage::{Fixture, Waiter, by, done, ms, name, refused, ttl};
use cla_semaphore::EventKind;
use cla_semaphore::Permit;
use cla_semaphore::Request;
use cla_semaphore::RequestId;
use cla_semaphore::SlotId;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{AcquireError, AdminError, RefreshError, ReleaseError};
use std::time::Duration;

// ---- 1: first come, first served within a priority

/// "First come, first served."
pub(super) fn waiters_are_served_in_the_order_in_which_they_came(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut holder = a.take();
    let waiters: Vec<_> = (0..12)
        .map(|nth| if nth % 2 == 0 { a.wait() } else { b.wait() })
        .collect();
    let ids: Vec<_> = waiters.iter().map(|waiter| waiter.id).collect();
    assert_eq!(a.line(), ids);
    assert_eq!(b.line(), ids);
    for waiter in waiters {
        let token = holder.token();
        drop(holder);
        holder = waiter.permit();
        assert!(holder.token() > token);
        assert!(!holder.granted());
    }
}

/// "Nobody overtakes: a slot that frees while someone waits is handed to the first waiter, never up for grabs."
pub(super) fn a_freed_slot_is_the_first_waiters_before_it_even_looks_and_no_newcomer_gets_it(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (first, second) = (b.wait(), a.wait());
    a.release(holder);
    assert!(a.try_take().is_none(), "the slot was handed over");
    assert!(b.try_take().is_none(), "the slot was handed over");
    assert_eq!(a.row(first.id).status, Status::Busy);
    let newcomer = a.wait_as(Request::new());
    assert_eq!(b.line(), [second.id, newcomer.id]);
    drop(first.permit());
    drop(second.permit());
    drop(newcomer.permit());
}

/// "Within a priority (default 0, higher first)."
pub(super) fn a_higher_priority_goes_first_and_arrival_decides_among_equals(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut holder = a.take();
    let low = a.wait_as(Request::new().priority(-1));
    let normal = b.wait();
    let high = a.wait_as(Request::new().priority(5));
    let normal_too = a.wait_as(Request::new().priority(0));
    let high_too = b.wait_as(Request::new().priority(5));
    let highest = b.wait_as(Request::new().priority(i32::MAX));
    let lowest = a.wait_as(Request::new().priority(i32::MIN));
    let line = [highest, high, high_too, normal, normal_too, low, lowest];
    let ids: Vec<_> = line.iter().map(|waiter| waiter.id).collect();
    assert_eq!(b.line(), ids);
    let places: Vec<_> = ids.iter().map(|id| b.row(*id).place).collect();
    assert_eq!(places, (1..=7).map(Some).collect::<Vec<_>>());
    for next in line {
        drop(holder);
        holder = next.permit();
    }
}

/// What does not wait joins no line, whatever its priority.
pub(super) fn try_acquire_never_queues(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let urgent = || Request::new().priority(9);
    assert!(b.try_take_as(urgent()).is_none());
    assert_eq!(a.counts(), (Slots::ONE, 1, 0));
    let waiter = a.wait();
    assert!(b.try_take_as(urgent()).is_none());
    assert_eq!(a.line(), [waiter.id]);
    a.release(holder);
    drop(waiter.permit());
    drop(b.take_when_free());
}

// ---- 2: raising, lowering, 0 and unlimited

/// "Raising slots admits waiters at once, in order."
pub(super) fn raising_the_slots_admits_waiters_at_once_and_in_order(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (first, second, mut third) = (a.wait(), b.wait(), a.wait());
    b.slots(3);
    assert_eq!(b.line(), [third.id]);
    let (first, second) = (first.permit(), second.permit());
    assert!(holder.token() < first.token() && first.token() < second.token());
    assert_eq!(a.counts(), (Slots::Limited(3), 3, 1));
    assert!(third.still_waits());
}

/// "Lowering them never touches those already busy."
pub(super) fn lowering_the_slots_touches_nobody_who_is_busy(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let three = || Request::new().slots(3);
    let holders = [a.take_as(three()), b.take_as(three()), a.take_as(three())];
    let mut waiter = b.wait();
    b.slots(1);
    assert_eq!(a.counts(), (Slots::ONE, 3, 1));
    assert!(holders.iter().all(|permit| !permit.is_lost()));
    let [first, second, third] = holders;
    a.release(first);
    b.release(second);
    assert_eq!(a.counts(), (Slots::ONE, 1, 1), "one is all there may be");
    assert!(waiter.still_waits());
    a.release(third);
    drop(waiter.permit());
}

/// "`0` holds everybody back."
pub(super) fn no_slots_hold_everybody_back_until_there_are_some(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    b.slots(Slots::LOCKED);
    let mut waiter = a.wait();
    assert!(a.try_take().is_none() && b.try_take().is_none());
    assert_eq!(a.counts(), (Slots::LOCKED, 0, 1));
    assert!(waiter.still_waits());
    b.slots(1);
    drop(waiter.permit());
}

/// "`unlimited` lets everybody in, still listed as busy."
pub(super) fn unlimited_slots_let_everybody_in_and_still_list_them_as_busy(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take();
    let waiters: Vec<_> = (0..5).map(|_| a.wait()).collect();
    b.slots(Slots::Unlimited);
    let _permits: Vec<_> = waiters.into_iter().map(Waiter::permit).collect();
    let _one_more = b.take();
    let _another = a.try_take().expect("there is no limit");
    let view = a.view();
    assert_eq!(
        (view.slots, view.busy, view.waiting),
        (Slots::Unlimited, 8, 0)
    );
    assert!(view.requests.iter().all(|row| row.status == Status::Busy));
    // Back to a limit: those that are busy stay so, and new requests wait until there is room again.
    b.slots(1);
    let waiter = b.wait();
    assert_eq!(a.counts(), (Slots::ONE, 8, 1));
    drop(waiter);
}

// ---- 3: who decides how many slots there are

/// "Slots come from the code that first names the semaphore (`limit` / `slots`, default 1)."
pub(super) fn the_code_that_first_names_a_semaphore_decides_and_silence_means_one(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _x = a.take();
    assert_eq!(b.counts().0, Slots::ONE);
    assert!(!b.view().pinned);
    let _y = a.on("y").take_as(Request::new().slots(3));
    assert_eq!(b.on("y").counts().0, Slots::Limited(3));
    let _z = b
        .on("z")
        .try_take_as(Request::new().slots(Slots::Unlimited));
    assert_eq!(a.on("z").counts().0, Slots::Unlimited);
    let most = u32::MAX;
    let _most = b.on("most").try_take_as(Request::new().slots(most));
    assert_eq!(a.on("most").counts().0, Slots::Limited(most));
    let locked = a.on("locked").wait_as(Request::new().slots(0));
    assert_eq!(b.on("locked").counts(), (Slots::LOCKED, 0, 1));
    drop(locked);
}

/// "A different limit declared later counts only once the semaphore is idle (nobody busy or waiting)."
pub(super) fn another_limit_counts_only_once_the_semaphore_is_idle(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take_as(Request::new().slots(2));
    let second = b.take_as(Request::new().slots(5));
    assert_eq!(a.counts().0, Slots::Limited(2));
    let waiter = a.wait();
    a.release(first);
    assert_eq!(a.counts().0, Slots::Limited(2), "busy");
    b.release(second);
    a.release(waiter.permit());
    assert_eq!(a.counts(), (Slots::Limited(5), 0, 0), "idle");
    // Declared while idle, it counts at once; also by a request that gets no slot.
    let one = b.take_as(Request::new().slots(1));
    assert_eq!(a.counts().0, Slots::ONE);
    assert!(a.try_take_as(Request::new().slots(4)).is_none());
    b.release(one);
    assert_eq!(a.counts().0, Slots::Limited(4));
}

/// What a granted request holds is not idle either.
pub(super) fn a_granted_request_keeps_the_semaphore_from_being_idle(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let granted = b.wait_as(Request::new().slots(3));
    done(a.grant(granted.id));
    let granted = granted.permit();
    a.release(holder);
    assert_eq!(a.counts(), (Slots::ONE, 0, 0));
    b.release(granted);
    assert_eq!(a.counts(), (Slots::Limited(3), 0, 0));
}

/// Silence says nothing about the slots.
pub(super) fn who_declares_nothing_changes_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.release(a.take_as(Request::new().slots(4)));
    b.release(b.take());
    assert_eq!(a.counts().0, Slots::Limited(4));
}

/// "What an administrator sets is *pinned*: it outranks the code until unpinned."
pub(super) fn what_an_administrator_sets_outranks_the_code_until_it_is_unpinned(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    b.slots(2);
    assert!(a.view().pinned);
    a.release(a.take_as(Request::new().slots(7)));
    assert_eq!(b.counts().0, Slots::Limited(2));
    done(b.unpin());
    assert_eq!(a.counts().0, Slots::Limited(7));
    assert!(!a.view().pinned);
    done(b.unpin());
    assert_eq!(a.counts().0, Slots::Limited(7), "twice is once");
}

/// Unpinning is a change of the slots like any other: rule 2.
pub(super) fn unpinning_admits_those_for_whom_the_code_has_room(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take_as(Request::new().slots(2));
    b.slots(1);
    let waiter = a.wait();
    done(b.unpin());
    drop(waiter.permit());
}

/// Pinning says that the code has no say from now on.
pub(super) fn pinning_keeps_the_number_that_is(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.release(a.take_as(Request::new().slots(3)));
    b.pin();
    assert!(a.view().pinned);
    a.release(a.take_as(Request::new().slots(9)));
    assert_eq!(b.counts().0, Slots::Limited(3));
    // Of a semaphore that is not there, it pins the default, and makes it.
    let y = b.on("y");
    y.pin();
    assert_eq!(a.on("y").counts(), (Slots::ONE, 0, 0));
    assert!(a.on("y").view().pinned);
}

// ---- 4: grant

/// "Grant (a waiting request) starts it now, outside the slots; when it ends, no slot frees."
pub(super) fn a_granted_request_starts_at_once_outside_the_slots_and_its_end_frees_none(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (mut first, granted) = (a.wait(), a.wait());
    done(b.grant(granted.id));
    let granted = granted.permit();
    assert!(granted.granted());
    assert!(granted.token() > holder.token());
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    let row = b.row(granted.id());
    assert_eq!(
        (row.status, row.granted, row.place),
        (Status::Busy, true, None)
    );
    assert_eq!(row.token, Some(granted.token()));
    let id = granted.id();
    a.release(granted);
    assert!(b.row_becomes(id, Status::Done).granted);
    assert_eq!(b.line(), [first.id], "no slot was freed");
    assert!(first.still_waits());
    a.release(holder);
    assert!(!first.permit().granted());
}

/// Grant works where there is no slot at all.
pub(super) fn a_request_is_granted_through_a_lock(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    b.slots(0);
    let waiter = a.wait();
    done(b.grant(waiter.id));
    let permit = waiter.permit();
    assert_eq!(b.counts(), (Slots::LOCKED, 0, 0));
    a.release(permit);
}

/// Grant, Cancel and Move are for waiting requests.
pub(super) fn only_what_waits_can_be_granted_cancelled_or_moved(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let id = holder.id();
    let not_waiting = |wanted: Status| {
        for error in [b.grant(id), b.cancel(id), b.move_to(id, 1)].map(refused) {
            assert!(
                matches!(error, AdminError::NotWaiting { id: whose, status }
                    if whose == id && status == wanted),
                "{error}"
            );
        }
    };
    not_waiting(Status::Busy);
    a.release(holder);
    not_waiting(Status::Done);
    let nobody = RequestId::unique();
    for error in [b.grant(nobody), b.cancel(nobody), b.move_to(nobody, 1)].map(refused) {
        assert!(
            matches!(&error, AdminError::UnknownRequest { id } if *id == nobody.to_string()),
            "{error}"
        );
    }
}

// ---- 5: cancel

/// "Cancel (a waiting request) makes it fail with the `Semaphore cancel` error."
pub(super) fn a_cancelled_waiter_fails_and_the_next_one_moves_up(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (cancelled, next) = (a.wait(), a.wait());
    let id = cancelled.id;
    done(b.cancel(id));
    let error = cancelled.error();
    assert!(matches!(&error, AcquireError::Cancelled { name } if *name == a.name));
    assert!(error.to_string().starts_with("Semaphore cancel"), "{error}");
    let row = b.row_becomes(id, Status::Cancelled);
    assert_eq!(
        (row.place, row.token, row.started_at, row.ran),
        (None, None, None, None)
    );
    assert_eq!(b.row(next.id).place, Some(1));
    a.release(holder);
    drop(next.permit());
}

/// A cancelled request is gone for good, also if its owner looks only later.
pub(super) fn a_cancelled_waiter_that_has_not_looked_yet_takes_no_slot(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let cancelled = a.wait();
    done(b.cancel(cancelled.id));
    a.release(holder);
    b.release(b.take());
    assert!(matches!(cancelled.error(), AcquireError::Cancelled { .. }));
    assert_eq!(b.counts(), (Slots::ONE, 0, 0));
}

// ---- 6: move, purge, force release

/// "Move changes a waiting request's place."
pub(super) fn a_moved_request_is_served_at_its_new_place(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut holder = a.take();
    let (first, second, third) = (a.wait(), b.wait(), a.wait());
    let ids = [first.id, second.id, third.id];
    done(b.move_to(ids[2], 1));
    assert_eq!(a.line(), [ids[2], ids[0], ids[1]]);
    done(a.move_to(ids[0], 99));
    assert_eq!(b.line(), [ids[2], ids[1], ids[0]]);
    done(b.move_to(ids[1], 2));
    assert_eq!(
        b.line(),
        [ids[2], ids[1], ids[0]],
        "it stands there already"
    );
    done(b.move_to(ids[0], 0));
    assert_eq!(
        b.line(),
        [ids[0], ids[2], ids[1]],
        "there is no place before the first"
    );
    for next in [first, third, second] {
        drop(holder);
        holder = next.permit();
    }
}

/// A request that is moved is served with those around it, and keeps the priority that it shows.
pub(super) fn a_request_moved_among_others_is_not_overtaken_by_later_ones_of_their_priority(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut holder = a.take();
    let high = a.wait_as(Request::new().priority(5));
    let low = b.wait();
    done(b.move_to(low.id, 1));
    let later = a.wait_as(Request::new().priority(5));
    let between = b.wait_as(Request::new().priority(3));
    let higher = b.wait_as(Request::new().priority(6));
    assert_eq!(a.row(low.id).priority.0, 0, "it shows what it asked for");
    let line = [higher, low, high, later, between];
    assert_eq!(a.line(), line.each_ref().map(|waiter| waiter.id));
    for next in line {
        drop(holder);
        holder = next.permit();
    }
}

/// A request that is moved to the end gets the class of the last one there; alone, it has its own.
pub(super) fn a_request_moved_to_the_end_has_the_priority_of_the_last(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let high = a.wait_as(Request::new().priority(5));
    done(b.move_to(high.id, 3));
    let higher = b.wait_as(Request::new().priority(7));
    assert_eq!(
        a.line(),
        [higher.id, high.id],
        "alone in line it kept its priority"
    );
    let low = b.wait_as(Request::new().priority(-5));
    done(b.move_to(high.id, 3));
    assert_eq!(a.line(), [higher.id, low.id, high.id]);
    let normal = a.wait();
    let low_too = a.wait_as(Request::new().priority(-5));
    let line = [higher, normal, low, high, low_too];
    assert_eq!(b.line(), line.each_ref().map(|waiter| waiter.id));
    drop(line);
    a.release(holder);
    b.becomes(1, 0, 0);
}

/// "Purge frees every held slot and grants every waiter at once."
pub(super) fn a_purge_frees_every_slot_and_grants_every_waiter(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let waiters = [a.wait(), b.wait_as(Request::new().priority(1))];
    assert_eq!(done(b.purge()), 3);
    assert_eq!(b.row(holder.id()).status, Status::Released);
    assert_eq!(b.counts(), (Slots::ONE, 0, 0));
    a.lost(&holder);
    let [second, first] = waiters.map(Waiter::permit);
    assert!(first.granted() && second.granted());
    assert!(first.token() < second.token(), "in the order of the line");
    let newcomer = a.take();
    let error = refused(a.wait_for("release", holder.release()));
    assert!(
        matches!(&error, ReleaseError::Lost { name } if *name == a.name),
        "{error}"
    );
    assert!(!newcomer.is_lost(), "nobody is harmed");
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    // What was granted is purged like any other.
    assert_eq!(done(a.purge()), 3);
    for permit in [&first, &second, &newcomer] {
        a.lost(permit);
    }
}

/// "Force release frees every held slot and lets the queue go on in order."
pub(super) fn a_forced_release_frees_the_slots_and_the_line_goes_on_in_order(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holders = [a.take_as(Request::new().slots(2)), b.take()];
    let granted = a.wait();
    done(b.grant(granted.id));
    let granted = granted.permit();
    let (first, second, mut third) = (a.wait(), b.wait(), a.wait());
    assert_eq!(done(b.force_release()), 3);
    assert_eq!(b.line(), [third.id]);
    let (first, second) = (first.permit(), second.permit());
    assert!(first.token() < second.token());
    assert!(third.still_waits());
    for permit in holders.iter().chain([&granted]) {
        a.lost(permit);
        assert_eq!(b.row(permit.id()).status, Status::Released);
    }
    for permit in holders {
        let error = refused(a.wait_for("release", permit.release()));
        assert!(matches!(error, ReleaseError::Lost { .. }), "{error}");
    }
    drop(granted);
    assert_eq!(
        b.counts(),
        (Slots::Limited(2), 2, 1),
        "what was lost frees nothing"
    );
    a.release(first);
    drop(third.permit());
}

/// Forced release of one request: the others keep theirs.
pub(super) fn the_slot_of_one_busy_request_is_released_by_force(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (stuck, other) = (a.take_as(Request::new().slots(2)), b.take());
    let (first, mut second) = (a.wait(), b.wait());
    done(b.release_request(stuck.id()));
    let first = first.permit();
    assert!(second.still_waits());
    a.lost(&stuck);
    assert!(!other.is_lost());
    assert_eq!(b.row(stuck.id()).status, Status::Released);
    let error = refused(a.wait_for("release", stuck.release()));
    assert!(matches!(error, ReleaseError::Lost { .. }), "{error}");

    let not_busy = |id, wanted| {
        let error = refused(b.release_request(id));
        assert!(
            matches!(error, AdminError::NotBusy { id: whose, status } if whose == id && status == wanted),
            "{error}"
        );
    };
    not_busy(second.id, Status::Waiting);
    let granted = b.wait();
    done(b.grant(granted.id));
    let granted = granted.permit();
    done(a.release_request(granted.id()));
    b.lost(&granted);
    assert_eq!(
        b.counts(),
        (Slots::Limited(2), 2, 1),
        "a granted one has no slot"
    );
    let id = other.id();
    b.release(other);
    not_busy(id, Status::Done);
    let unknown = refused(b.release_request(RequestId::unique()));
    assert!(
        matches!(unknown, AdminError::UnknownRequest { .. }),
        "{unknown}"
    );
    drop((first, second.permit()));
}

/// Where no request is busy, there is nothing to free.
pub(super) fn purge_and_forced_release_of_an_idle_semaphore_do_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.slots(2);
    assert_eq!((done(b.purge()), done(b.force_release())), (0, 0));
    assert_eq!(b.counts(), (Slots::Limited(2), 0, 0));
}

// ---- 7: TTL and refresh

/// "A permit with a TTL expires by itself"; "releasing or refreshing an expired permit reports failure and harms
/// nobody."
pub(super) fn a_permit_with_a_ttl_expires_by_itself_and_the_next_in_line_has_the_slot(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take_as(Request::new().ttl(ttl(ms(200))));
    // There is no other command: the waiter is woken.
    let next = b.take();
    assert!(next.token() > holder.token());
    let row = b.row(holder.id());
    assert_eq!(row.status, Status::Expired);
    assert!(row.ran.is_some_and(|ran| ran >= 0.15), "{row:?}");
    a.lost(&holder);
    let error = refused(a.wait_for("refresh", holder.refresh(ttl(ms(9_000)))));
    assert!(
        matches!(&error, RefreshError::Lost { name } if *name == a.name),
        "{error}"
    );
    let error = refused(a.wait_for("release", holder.release()));
    assert!(
        matches!(&error, ReleaseError::Lost { name } if *name == a.name),
        "{error}"
    );
    assert!(!next.is_lost(), "nobody is harmed");
    assert_eq!(a.counts(), (Slots::ONE, 1, 0));
    b.release(next);
}

/// An expired permit that is dropped does no harm either.
pub(super) fn dropping_an_expired_permit_frees_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let expired = a.take_as(Request::new().ttl(ttl(ms(50))));
    a.lost(&expired);
    let holder = b.take_when_free();
    drop(expired);
    // Whatever dropping says has been heard when the same client has asked again.
    assert!(a.try_take().is_none());
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    b.release(holder);
}

/// A TTL is the permit's: it counts from the admission.
pub(super) fn a_ttl_counts_from_the_admission_not_from_the_request(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let waiter = b.wait_as(Request::new().ttl(ttl(ms(300))));
    a.until("it has waited longer than its TTL", |view| {
        view.requests.iter().any(|row| row.waited > 0.4)
    });
    assert_eq!(a.line(), [waiter.id], "a TTL is no timeout");
    a.release(holder);
    let row = a.row(waiter.id);
    let (started, expires) = (row.started_at, row.expires_at);
    if row.status == Status::Busy {
        let lives = expires.unwrap_or(0.0) - started.unwrap_or(0.0);
        assert!((0.25..0.35).contains(&lives), "{row:?}");
    }
    let permit = waiter.permit();
    a.lost(&permit);
    assert!(a.row_becomes(permit.id(), Status::Expired).ran >= Some(0.25));
}

/// A granted request has its TTL like any other.
pub(super) fn a_granted_permit_expires_too_and_frees_no_slot(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let granted = b.wait_as(Request::new().ttl(ttl(ms(100))));
    let mut next = a.wait();
    done(a.grant(granted.id));
    let granted = granted.permit();
    b.lost(&granted);
    assert!(a.row_becomes(granted.id(), Status::Expired).granted);
    assert_eq!(a.line(), [next.id]);
    assert!(next.still_waits());
    a.release(holder);
    drop(next.permit());
}

/// "Refresh moves the deadline": to that long from now, be that later or sooner.
pub(super) fn a_refresh_moves_the_deadline_to_that_long_from_now(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take_as(Request::new().ttl(ttl(Duration::from_secs(60))));
    let left = |row: cla_semaphore::RequestView| {
        let (started, ran) = (row.started_at.unwrap_or(0.0), row.ran.unwrap_or(0.0));
        row.expires_at.unwrap_or(0.0) - started - ran
    };
    assert!((30.0..60.5).contains(&left(b.row(permit.id()))));
    done(a.wait_for("refresh", permit.refresh(ttl(Duration::from_secs(3_600)))));
    assert!((3_500.0..3_600.5).contains(&left(b.row(permit.id()))));
    assert!(!permit.is_lost());
    done(a.wait_for("refresh", permit.refresh(ttl(ms(100)))));
    let next = b.take();
    assert!(next.token() > permit.token());
    a.lost(&permit);
}

/// What never expires has nothing to refresh.
pub(super) fn a_permit_without_a_ttl_cannot_be_refreshed(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take();
    let error = refused(a.wait_for("refresh", permit.refresh(ttl(ms(50)))));
    assert!(
        matches!(&error, RefreshError::NoTtl { name } if *name == a.name),
        "{error}"
    );
    assert!(!permit.is_lost());
    assert_eq!(b.row(permit.id()).expires_at, None);
    a.release(permit);
}

/// The shortest and the longest that can be said are understood.
pub(super) fn extreme_ttls_and_timeouts_are_understood(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let instant = a.take_as(Request::new().ttl(ttl(Duration::from_nanos(1))));
    a.lost(&instant);
    let holder = a
        .acquire(
            Request::new()
                .ttl(ttl(Duration::MAX))
                .timeout(Duration::MAX),
        )
        .expect("the slot is free again");
    assert!(!holder.is_lost());
    done(a.wait_for("refresh", holder.refresh(ttl(Duration::MAX))));
    let years = Duration::from_secs(100 * 365 * 86_400);
    let waiter = b.wait_as(Request::new().timeout(years).ttl(ttl(years)));
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    a.release(holder);
    b.release(waiter.permit());
}

// ---- 8: giving up

/// "Giving up (timeout, ...) removes the request at once."
pub(super) fn a_waiter_whose_time_is_up_leaves_the_line(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let next = b.wait();
    let impatient = by("impatient").priority(1).timeout(ms(250));
    let error = refused(a.acquire(impatient));
    assert!(
        matches!(&error, AcquireError::TimedOut { name, after } if *name == a.name && *after == ms(250)),
        "{error}"
    );
    let view = b.view();
    let row = view
        .requests
        .iter()
        .find(|row| row.who.as_deref() == Some("impatient"));
    let row = row.expect("what just ended is shown");
    assert_eq!((row.status, row.token), (Status::TimedOut, None));
    assert!(row.waited >= 0.2, "{row:?}");
    assert_eq!(b.line(), [next.id]);
    a.release(holder);
    drop(next.permit());
}

/// "Zero means: now or not at all."
pub(super) fn a_timeout_of_zero_means_now_or_not_at_all(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let impatient = || Request::new().timeout(Duration::ZERO);
    let holder = a.take_as(impatient());
    let error = refused(b.acquire(impatient().priority(9)));
    assert!(
        matches!(
            error,
            AcquireError::TimedOut {
                after: Duration::ZERO,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(a.counts(), (Slots::ONE, 1, 0));
    a.release(holder);
    drop(b.take_as(impatient()));
}

/// A timeout is the wait's: it no longer counts once the request is admitted.
pub(super) fn a_timeout_no_longer_counts_once_the_request_is_admitted(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take_as(Request::new().timeout(ms(300)));
    b.until("it has been busy for longer than its timeout", |view| {
        view.requests.iter().any(|row| row.ran > Some(0.4))
    });
    assert!(!holder.is_lost());
    assert_eq!(b.row(holder.id()).status, Status::Busy);
    a.release(holder);
}

/// "Giving up (... the future is dropped) removes the request at once."
pub(super) fn a_dropped_future_leaves_the_line(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (quitter, next) = (a.wait(), b.wait());
    let id = quitter.id;
    drop(quitter);
    b.row_becomes(id, Status::Left);
    assert_eq!(b.line(), [next.id]);
    assert_eq!(b.row(next.id).place, Some(1));
    a.release(holder);
    drop(next.permit());
}

/// A caller that is gone before it learns that it was admitted holds no slot.
pub(super) fn a_future_dropped_after_its_turn_came_gives_the_slot_to_the_next(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let (quitter, next) = (b.wait(), a.wait());
    a.release(holder);
    assert_eq!(b.row(quitter.id).status, Status::Busy);
    drop(quitter);
    drop(next.permit());
    a.becomes(1, 0, 0);
}

/// A future that is dropped while the store is being asked leaves nothing behind.
pub(super) fn a_future_dropped_on_its_way_leaves_nothing_behind(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    drop(a.semaphores.semaphore(&a.name).acquire());
    assert!(b.list().is_empty(), "what is never polled asks for nothing");
    for polls in [1, 2, 3, 1, 2, 3] {
        let mut acquire = a.semaphores.semaphore(&a.name).acquire();
        let done = (0..polls).find_map(|_| poll(&mut acquire));
        drop(acquire);
        drop(done);
        let mut tried = Box::pin(b.semaphores.semaphore(&b.name).acquire().if_free());
        let tried = (0..polls).find_map(|_| poll(&mut tried));
        drop(tried);
    }
    // Whoever asks now gets the slot, once all that is heard of.
    let permit = a.take();
    let (slots, busy, _) = b.counts();
    assert_eq!((slots, busy), (Slots::ONE, 1));
    a.release(permit);
    b.becomes(1, 0, 0);
}

/// "Releases when dropped", whatever happens.
pub(super) fn a_permit_is_given_back_when_it_is_dropped_also_by_a_panic(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take();
    let waiter = b.wait();
    let worker = std::thread::spawn(move || {
        let _permit = permit;
        // Quieter than `panic!`: it unwinds without a message.
        std::panic::resume_unwind(Box::new("the protected work failed"));
    });
    assert!(worker.join().is_err());
    let next = waiter.permit();
    // `close` gives back, too.
    let held = next.close();
    assert!(held <= b.poll_timeout, "{held:?}");
    a.becomes(1, 0, 0);
}

/// The future of a release may be dropped: the permit went with it.
pub(super) fn a_release_that_nobody_waits_for_is_one_all_the_same(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    for polls in 0..3 {
        let permit = a.take();
        let waiter = b.wait();
        let mut release = Box::pin(permit.release());
        let _ = (0..polls).find_map(|_| poll(&mut release));
        drop(release);
        b.release(waiter.permit());
        b.becomes(1, 0, 0);
    }
}

// ---- 11: cost

/// "However it ends, its permits are gone": a run may hold many, of all kinds.
pub(super) fn permits_that_are_dropped_all_at_once_are_given_back_like_others(
    subject: &dyn Subject,
) {
    for observed in [false, true] {
        let Fixture { a, b, .. } = &Fixture::new(subject);
        let events = observed.then(|| a.semaphores.subscribe());
        let many = || Request::new().slots(Slots::Unlimited);
        let mut permits: Vec<Permit> = (0..50).map(|_| a.on("many").take_as(many())).collect();
        permits.extend((0..50).map(|nth| a.on(&format!("one of {nth}")).take()));
        permits.push(a.on("awaited").take());
        let next = b.on("awaited").wait();
        permits.push(a.on("timed").take_as(Request::new().ttl(ttl(ms(600_000)))));
        let slot = || {
            let mine = SlotId::new("mine").expect("it is one");
            Request::new().slots(2).slot(mine)
        };
        permits.push(a.on("named").take_as(slot()));
        let shared = b.on("named").take_as(slot());
        let holder = b.on("granted").take();
        let granted = a.on("granted").wait();
        done(b.on("granted").grant(granted.id));
        permits.push(granted.permit());
        permits.push(a.on("other limit").take_as(Request::new().slots(1)));
        let two = Request::new().slots(2);
        assert!(b.on("other limit").try_take_as(two).is_none());
        permits.extend((0..50).map(|_| a.on("many").take_as(many())));

        drop(permits);
        let next = next.permit();
        b.on("many").becomes(Slots::Unlimited, 0, 0);
        b.on("one of 49").becomes(1, 0, 0);
        b.on("timed").becomes(1, 0, 0);
        b.on("named").becomes(2, 0, 0);
        b.lost(&shared);
        assert!(!shared.lease_passed(), "it was given back");
        b.on("granted").becomes(1, 1, 0);
        b.on("other limit").becomes(2, 0, 0);
        b.on("awaited").becomes(1, 1, 0);
        let ended = b.on("many").view().requests;
        assert!(ended.iter().all(|row| row.status == Status::Done));
        let tokens: Vec<_> = ended.iter().map(|row| row.token).collect();
        assert!(tokens.len() > 30, "they are shown: {tokens:?}");
        drop((next, holder));
        // What is taken next has a larger token than all of them.
        let again = b.on("many").take_as(many());
        assert!(Some(again.token()) > tokens.into_iter().flatten().max());
        if let Some(mut events) = events {
            let released =
                (0..).map(|_| within(a.poll_timeout, events.recv()).expect("there is an event"));
            let released = released.map(|event| event.expect("none is missed"));
            let released = released.filter(|event| {
                event.kind == EventKind::Released && event.semaphore == name("many")
            });
            assert_eq!(released.take(100).last().map(|event| event.busy), Some(0));
        }
    }
}

/// "Every operation is O(1) or O(log n) in the length of the queue": here only that a long one works at all.
pub(super) fn ten_thousand_wait_and_are_steered(subject: &dyn Subject) {
    const MANY: usize = 10_000;
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    // All ask first, then all are waited for: one after the other would take a round trip each.
    let mut waiting: Vec<_> = (0..MANY)
        .map(|_| a.semaphores.semaphore(&a.name).acquire())
        .collect();
    let joined = until(4 * a.poll_timeout, || {
        for acquire in &mut waiting {
            assert!(poll(acquire).is_none(), "no slot is free");
        }
        let counts = b.counts();
        (counts == (Slots::ONE, 1, MANY))
            .then_some(())
            .ok_or(counts)
    });
    assert_eq!(joined, Ok(()), "slots, busy and waiting");
    let line = b.line();
    assert_eq!(line.len(), MANY);
    let all = b.list();
    let rows: Vec<_> = all[0].requests.iter().filter_map(|row| row.place).collect();
    assert!(rows.into_iter().eq(1..=MANY), "places are in order");

    done(b.cancel(line[MANY / 2]));
    done(b.move_to(line[MANY - 1], 1));
    let mut wanted = line;
    let last = wanted.pop();
    wanted.remove(MANY / 2);
    wanted.splice(0..0, last);
    assert!(
        a.line() == wanted,
        "cancelled in the middle, moved to the front"
    );
    a.release(holder);
    assert_eq!(b.row(wanted[0]).status, Status::Busy);
    let decided: Vec<_> = waiting.iter_mut().filter_map(poll).collect();
    drop(waiting);
    let gone = until(4 * a.poll_timeout, || match b.counts() {
        (_, _, 0) => Ok(()),
        counts => Err(counts),
    });
    assert_eq!(gone, Ok(()), "slots, busy and waiting");
    drop(decided);
    b.becomes(1, 0, 0);
}

// ---- tokens

/// "Fencing token: a number that only grows, per semaphore, one per permit."
pub(super) fn fencing_tokens_only_grow_even_when_the_semaphore_was_forgotten_in_between(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let mut last = 0;
    let mut check = |permit: Permit, round: usize| {
        assert!(
            permit.token() > last,
            "round {round}: {} after {last}",
            permit.token()
        );
        last = permit.token();
        done(within(a.poll_timeout, permit.release()).expect("the store answers"));
    };
    for round in 0..8 {
        let (one, other) = if round % 2 == 0 { (a, b) } else { (b, a) };
        check(one.take(), round);
        done(other.forget());
        // Another semaphore may take its place, wherever that is.
        drop(other.on(&format!("other-{round}")).take());
        check(other.take_when_free(), round);
        let tried = one.take_when_free();
        check(tried, round);
        if round % 3 == 0 {
            a.slots(2);
            done(b.forget());
        }
    }
}

// ---- forgetting

/// Forgotten means gone: its pinned slots, too.
pub(super) fn an_idle_semaphore_is_forgotten_with_its_slots_and_its_handles_still_work(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let handle = a.semaphores.semaphore(&a.name);
    a.slots(5);
    done(b.forget());
    assert!(a.list().is_empty());
    assert!(a.shown().is_none() && b.shown().is_none());
    let permit = done(a.wait_for("acquire", handle.acquire()));
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    assert!(!b.view().pinned);
    a.release(permit);
    done(b.forget());
    a.release(a.take_as(Request::new().slots(3)));
    assert_eq!(
        b.counts().0,
        Slots::Limited(3),
        "it is named for the first time again"
    );
}

/// Only an idle semaphore can be forgotten; and none that is not there.
pub(super) fn a_semaphore_in_use_is_not_forgotten(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let granted = a.wait();
    done(b.grant(granted.id));
    let granted = granted.permit();
    let waiter = b.wait();
    let error = refused(b.forget());
    assert!(
        matches!(&error, AdminError::InUse { name, busy: 2, waiting: 1 } if *name == b.name),
        "{error}"
    );
    assert!(!holder.is_lost());
    drop(waiter);
    drop(holder);
    a.becomes(1, 0, 0);
    let error = refused(b.forget());
    assert!(
        matches!(
            error,
            AdminError::InUse {
                busy: 1,
                waiting: 0,
                ..
            }
        ),
        "{error}"
    );
    a.release(granted);
    done(b.forget());
    let error = refused(b.forget());
    assert!(
        matches!(error, AdminError::UnknownSemaphore { .. }),
        "{error}"
    );
}

/// What is not there cannot be steered, but slots can be set ahead.
pub(super) fn a_semaphore_that_nobody_named_is_unknown(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    for error in [
        refused(a.unpin()),
        refused(a.purge()),
        refused(a.force_release()),
        refused(a.forget()),
    ] {
        assert!(
            matches!(&error, AdminError::UnknownSemaphore { name } if *name == a.name),
            "{error}"
        );
    }
    assert!(b.list().is_empty(), "asking in vain makes nothing");
    a.slots(3);
    assert_eq!(b.counts(), (Slots::Limited(3), 0, 0));
    assert_eq!(b.list()[0].name, name("x"));
}
