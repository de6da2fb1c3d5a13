//! Slot ids (README: *Semaphores as objects*): one slot for each, from whatever client it is asked for and managed.

use std::time::Duration;

use super::Subject;
use super::drive::until;
use super::stage::{At, Fixture, done, ms, refused, ttl};
use cla_semaphore::EventKind;
use cla_semaphore::Owner;
use cla_semaphore::Request;
use cla_semaphore::SlotId;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{AcquireError, RefreshError, ReleaseError};

/// Longer than any case.
const LONG: Duration = Duration::from_secs(600);

fn id(text: &str) -> SlotId {
    SlotId::new(text).expect("the suite's slot ids are slot ids")
}

fn mine() -> SlotId {
    id("mine")
}

/// For the slot `mine`.
fn asking() -> Request {
    Request::new().slot(mine())
}

/// The slot ids of those who are busy, as administrators see them.
fn busy_ids(at: &At) -> Vec<Option<SlotId>> {
    let rows = at.view().requests.into_iter();
    rows.filter(|row| row.status == Status::Busy)
        .map(|row| row.slot)
        .collect()
}

/// An id is seen by administrators while its request waits, is busy, and has ended.
pub(super) fn a_slot_id_is_seen_as_long_as_its_request_is(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let longest = "n".repeat(SlotId::MAX_BYTES);
    for odd in [
        "x",
        " ",
        "|",
        "@",
        "@a|b",
        "%7C",
        "{}",
        "'; drop table",
        "信号",
        &*longest,
    ] {
        let holder = a.take_as(Request::new().owner(Owner::new("who|is|it")));
        let waiter = a.wait_as(Request::new().slot(id(odd)).priority(3));
        assert_eq!(b.row(waiter.id).slot, Some(id(odd)));
        assert_eq!(b.row(holder.id()).slot, None);
        a.release(holder);
        let permit = waiter.permit();
        let row = b.row(permit.id());
        assert_eq!((row.slot, row.who), (Some(id(odd)), None));
        a.release(permit);
        assert_eq!(b.row(row.id).slot, Some(id(odd)), "it ended");
    }
}

/// "Acquiring again with a slot id that holds a slot is true and takes no second slot while the limit is not reached."
pub(super) fn acquiring_again_takes_no_second_slot(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take_as(asking().slots(2));
    for client in [a, b] {
        let again = client.take_as(asking());
        let tried = client.try_take_as(asking()).expect("there is room");
        for permit in [again, tried] {
            assert_eq!((permit.id(), permit.token()), (first.id(), first.token()));
            assert!(!permit.is_lost() && !permit.granted());
            assert_eq!(b.counts(), (Slots::Limited(2), 1, 0));
            permit.leave();
        }
    }
    assert!(!first.is_lost());
    let other = b.take_as(Request::new().slot(id("other")));
    assert_ne!(other.id(), first.id(), "another id is another slot");
    let elsewhere = b.on("y").take_as(asking());
    assert_ne!(elsewhere.id(), first.id(), "another semaphore, too");
}

/// "... and false once it is (the holder included)."
pub(super) fn acquiring_again_is_refused_once_the_limit_is_reached(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take_as(asking().slots(2));
    let other = b.take();
    for client in [a, b] {
        assert!(client.try_take_as(asking()).is_none());
        let error = refused(client.acquire(asking().timeout(ms(0))));
        assert!(matches!(error, AcquireError::TimedOut { .. }), "{error}");
    }
    a.release(other);
    let again = b.try_take_as(asking()).expect("there is room again");
    assert_eq!(again.id(), first.id());
}

/// No request overtakes, whatever its slot id: while a request waits, no slot is free.
pub(super) fn a_slot_id_that_holds_nothing_waits_like_everybody(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let holder = a.take();
    let first = b.wait();
    assert!(b.try_take_as(asking()).is_none());
    let second = a.wait_as(asking());
    assert_eq!(b.line(), [first.id, second.id]);
    a.release(holder);
    b.release(first.permit());
    let permit = second.permit();
    assert_eq!(busy_ids(b), [Some(mine())]);
    drop(permit);
    b.becomes(1, 0, 0);
}

/// A request in line that gets its turn while its id holds a slot gets that one; the next in line gets the free one.
pub(super) fn a_waiter_whose_id_holds_a_slot_gets_that_one_and_the_next_in_line_the_free_one(
    subject: &dyn Subject,
) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take_as(asking().slots(2));
    let other = a.take();
    let waiters = [a.wait_as(asking()), b.wait_as(asking()), b.wait()];
    let [same, same_elsewhere, next] = waiters;
    let ids = [same.id, same_elsewhere.id];
    a.release(other);
    let permits = [same.permit(), same_elsewhere.permit()];
    for permit in &permits {
        assert_eq!((permit.id(), permit.token()), (first.id(), first.token()));
        assert!(!permit.is_lost());
    }
    let next = next.permit();
    assert!(next.token() > first.token());
    assert_eq!(b.counts(), (Slots::Limited(2), 2, 0));
    for id in ids {
        let row = b.row(id);
        assert_eq!((row.status, row.token), (Status::Done, None));
    }
    for permit in permits {
        permit.leave();
    }
    drop((first, next));
    b.becomes(2, 0, 0);
}

/// Of two that wait with the same id, the second gets what the first got: by a grant, too.
pub(super) fn two_waiters_with_one_id_get_one_slot(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take();
    let (first, second) = (a.wait_as(asking()), b.wait_as(asking()));
    let id = first.id;
    done(b.grant(first.id));
    done(a.grant(second.id));
    let (first, second) = (first.permit(), second.permit());
    assert_eq!((first.id(), second.id()), (id, id));
    assert!(first.granted() && second.granted());
    assert_eq!(a.counts(), (Slots::ONE, 1, 0));
    let held = a.slot_state(&mine()).held.expect("it is held");
    assert!(held.granted && held.request == id);
}

/// A slot is given back once, by the first of its holders that does it.
pub(super) fn all_permits_of_a_slot_are_lost_when_one_gives_it_back(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    for giver in 0..3 {
        let permits = [
            a.take_as(asking().slots(2)),
            a.take_as(asking()),
            b.take_as(asking()),
        ];
        let mut permits = Vec::from(permits);
        let given = permits.remove(giver);
        a.release(given);
        assert_eq!(b.counts(), (Slots::Limited(2), 0, 0));
        // Another request has it before they are gone.
        let theirs = b.take_as(asking());
        for permit in &permits {
            a.lost(permit);
            assert!(!permit.lease_passed(), "it was somebody's decision");
            assert!(permit.token() > 0);
        }
        let last = permits.pop().expect("there are two");
        let error = refused(a.wait_for("release", last.release()));
        assert!(matches!(error, ReleaseError::Lost { .. }), "{error}");
        drop(permits);
        assert_eq!(b.counts(), (Slots::Limited(2), 1, 0));
        assert!(!theirs.is_lost(), "it is not theirs");
        a.release(theirs);
    }
}

/// "Releasing from another process": all it needs is the id.
pub(super) fn a_slot_is_released_by_its_id_from_anywhere(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let permit = a.take_as(asking());
    let waiter = a.wait();
    assert!(!b.release_slot(&id("another")));
    assert!(!b.on("y").release_slot(&mine()));
    assert!(b.release_slot(&mine()));
    a.lost(&permit);
    assert!(!permit.lease_passed(), "it was somebody's decision");
    let next = waiter.permit();
    assert!(!b.release_slot(&mine()), "it holds nothing any more");
    drop(permit);
    assert_eq!(a.counts(), (Slots::ONE, 1, 0));
    assert!(!next.is_lost());
    // An id is free again for others.
    a.release(next);
    let again = b.take_as(asking());
    assert!(a.release_slot(&mine()));
    b.lost(&again);
}

/// What waits holds nothing.
pub(super) fn the_id_of_a_waiter_releases_and_refreshes_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take();
    let mut waiter = a.wait_as(asking().ttl(ttl(LONG)));
    assert!(!b.release_slot(&mine()));
    let error = refused(b.refresh_slot(&mine(), ttl(LONG)));
    assert!(matches!(error, RefreshError::NotHeld { .. }), "{error}");
    assert_eq!(b.slot_state(&mine()).held, None);
    assert!(waiter.still_waits());
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
}

/// A program that hands out slots, not guards.
pub(super) fn a_permit_that_is_left_leaves_its_slot_taken(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.take_as(asking()).leave();
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    let waiter = b.wait();
    assert_eq!(a.counts(), (Slots::ONE, 1, 1));
    assert!(b.release_slot(&mine()));
    a.release(waiter.permit());

    // Without an id, an administrator can end it.
    a.take().leave();
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    assert_eq!(b.force_release().ok(), Some(1));
    b.release(b.take());

    // Or its TTL, which is long enough that the next one joins the line before.
    a.take_as(asking().ttl(ttl(ms(1_000)))).leave();
    let next = b.wait().permit();
    assert!(!a.release_slot(&mine()));
    b.release(next);
    a.becomes(1, 0, 0);
}

/// A left slot still belongs to the session that took it.
pub(super) fn a_left_slot_is_free_when_its_session_ends(subject: &dyn Subject) {
    let Fixture { a, b, shared, .. } = &Fixture::new(subject);
    a.take_as(asking()).leave();
    let waiter = b.wait();
    done(a.wait_for("close", a.semaphores.close()));
    if !shared {
        // There is no process that could have left it behind.
        assert!(b.release_slot(&mine()));
    }
    b.release(waiter.permit());
}

/// A session that is attached to a slot of another one loses it when that one ends; its own end takes nothing from the
/// other.
pub(super) fn who_shares_a_slot_of_another_session_holds_it_as_long_as_that(subject: &dyn Subject) {
    let Fixture { a, b, shared, .. } = &Fixture::new(subject);
    if !shared {
        return;
    }
    let first = a.take_as(asking().slots(2));
    let shared = b.take_as(asking());
    done(b.wait_for("close", b.semaphores.close()));
    assert!(shared.is_lost() && !first.is_lost());
    drop(shared);
    let shared = b.take_as(asking());
    assert_eq!(shared.id(), first.id());
    done(a.wait_for("close", a.semaphores.close()));
    b.lost(&shared);
    drop(shared);
    b.becomes(2, 0, 0);
}

/// "The TTL of the second acquire": the deadline stays where it was.
pub(super) fn acquiring_again_moves_no_deadline(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let first = a.take_as(asking().slots(2).ttl(ttl(LONG)));
    let again = b.take_as(asking().ttl(ttl(2 * LONG)));
    let held = b.slot_state(&mine()).held;
    let left = held.and_then(|held| held.remaining);
    assert!(left <= Some(LONG), "{left:?}");
    // All permits of the slot expire together, and may be refreshed by each.
    done(b.wait_for("refresh", again.refresh(ttl(ms(80)))));
    for (client, permit) in [(a, &first), (b, &again)] {
        client.lost(permit);
    }
    b.becomes(2, 0, 0);
    let without = a.take_as(asking());
    let again = b.take_as(asking().ttl(ttl(LONG)));
    let error = refused(b.wait_for("refresh", again.refresh(ttl(LONG))));
    assert!(matches!(error, RefreshError::NoTtl { .. }), "{error}");
    drop((without, again));
}

/// Refreshing by id: what has a TTL and is held.
pub(super) fn a_slot_is_refreshed_by_its_id_from_anywhere(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let error = refused(b.refresh_slot(&mine(), ttl(LONG)));
    assert!(
        matches!(&error, RefreshError::NotHeld { slot, .. } if *slot == mine()),
        "{error}"
    );

    let brief = ttl(ms(400));
    let permit = a.take_as(asking().slots(2).ttl(brief));
    let shared = b.take_as(asking());
    done(b.refresh_slot(&mine(), ttl(LONG)));
    let left = a.slot_state(&mine()).held.and_then(|held| held.remaining);
    assert!(left > Some(LONG / 2), "{left:?}");
    std::thread::sleep(brief.duration());
    assert!(!permit.is_lost() && !shared.is_lost(), "they heard of it");
    done(a.refresh_slot(&mine(), ttl(ms(40))));
    a.lost(&permit);
    b.lost(&shared);
    let error = refused(a.refresh_slot(&mine(), ttl(LONG)));
    assert!(matches!(error, RefreshError::NotHeld { .. }), "{error}");

    let lasting = a.take_as(asking());
    let error = refused(b.refresh_slot(&mine(), ttl(LONG)));
    assert!(matches!(error, RefreshError::NoTtl { .. }), "{error}");
    assert!(!lasting.is_lost());
}

/// "Checking semaphore state": held or not, how long, the limit, which slots are taken.
pub(super) fn the_state_of_a_slot_tells_all_that_a_program_needs(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let state = b.slot_state(&mine());
    assert_eq!(
        (state.held, state.slots, state.taken.len()),
        (None, Slots::ONE, 0)
    );
    assert_eq!((state.free(), state.limit_reached()), (Some(1), false));

    let first = a.take_as(asking().slots(3).ttl(ttl(LONG)));
    let second = a.take_as(Request::new().slot(id("second")));
    let state = b.slot_state(&mine());
    let held = state.held.expect("it is held");
    assert_eq!((held.request, held.granted), (first.id(), false));
    assert!(
        held.remaining <= Some(LONG) && held.remaining > Some(LONG / 2),
        "{held:?}"
    );
    assert_eq!((state.slots, state.free()), (Slots::Limited(3), Some(1)));
    let state = b.slot_state(&id("second"));
    assert_eq!(
        state.held.map(|held| (held.request, held.remaining)),
        Some((second.id(), None))
    );

    let third = b.take();
    let waiter = b.wait_as(Request::new().slot(id("waiter")));
    done(a.grant(waiter.id));
    let granted = waiter.permit();
    let state = a.slot_state(&id("another"));
    assert_eq!(state.held, None);
    assert!(state.limit_reached());
    let taken: Vec<_> = state.taken.iter().map(ToString::to_string).collect();
    assert_eq!(
        taken,
        ["mine", "second", &third.id().to_string()],
        "a grant takes none"
    );
    a.slots(Slots::Unlimited);
    let state = a.slot_state(&id("waiter"));
    assert_eq!((state.free(), state.limit_reached()), (None, false));
    assert!(state.held.is_some_and(|held| held.granted));
    drop((first, second, third, granted));
}

/// What expires or is released by force frees its id.
pub(super) fn an_id_is_free_again_however_its_request_ended(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let ends: [&dyn Fn(); 3] = [
        &|| assert_eq!(done(a.force_release()), 1),
        &|| assert_eq!(done(b.purge()), 1),
        &|| assert!(b.release_slot(&mine())),
    ];
    for end in ends {
        let before = a.take_as(asking());
        let shared_by_nobody = before.id();
        end();
        a.lost(&before);
        let after = b.take_as(asking());
        assert_ne!(after.id(), shared_by_nobody);
        drop(before);
        b.release(after);
    }
    let brief = a.take_as(asking().ttl(ttl(ms(30))));
    a.lost(&brief);
    let after = until(b.poll_timeout, || b.try_take_as(asking()).ok_or(()));
    let after = after.expect("it expired");
    drop(brief);
    assert!(!after.is_lost());
}

/// Rule 10, for a waiter that shares.
pub(super) fn a_waiter_that_shares_a_slot_is_told_of(subject: &dyn Subject) {
    let stage = Fixture::new(subject);
    let Fixture { a, b, .. } = &stage;
    let first = a.take_as(asking().slots(2));
    let other = a.take();
    let waiter = b.wait_as(asking());
    let mut listener = super::events::Listener::new(b, &stage);
    let id = waiter.id;
    a.release(other);
    let shared = waiter.permit();
    let emitted = listener.next_at(&["x"], 2).expect("both are emitted");
    let emitted: Vec<_> = emitted
        .iter()
        .map(|event| (event.kind, event.request, event.busy, event.waiting))
        .collect();
    assert_eq!(emitted[1], (EventKind::Reacquired, Some(id), 1, 0));
    drop((first, shared));
}

/// A slot that may be released by its id makes no wait endless.
pub(super) fn what_is_held_with_a_slot_id_is_no_deadlock(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let me = Owner::new("me").with_run(cla_semaphore::RunId::unique());
    let held = a.take_as(asking().owner(me.clone()));
    let mut waiter = a.wait_as(Request::new().owner(me));
    assert!(waiter.still_waits());
    assert!(b.release_slot(&mine()));
    a.release(waiter.permit());
    drop(held);
}
