//! Runs that were given up: [`Semaphores::abandon`](cla_semaphore::Semaphores::abandon).

use std::thread;

use super::Subject;
use super::stage::{At, Fixture, Waiter, done, ms, name, refused, ttl};
use cla_semaphore::Owner;
use cla_semaphore::Request;
use cla_semaphore::RunId;
use cla_semaphore::SlotId;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{AcquireError, ReleaseError};

/// Of an owner with that run.
fn of(run: RunId) -> Request {
    Request::new().owner(Owner::new("stuck.js").with_run(run))
}

fn slot(text: &str) -> SlotId {
    SlotId::new(text).expect("the suite's slot ids are slot ids")
}

/// The wait ended because its run was given up.
#[track_caller]
fn is_abandoned(at: &At, waiter: Waiter) {
    let error = waiter.error();
    assert!(
        matches!(&error, AcquireError::Abandoned { name } if *name == at.name),
        "{error}"
    );
}

/// "What it holds is lost, and the next in line have their turn."
pub(super) fn what_an_abandoned_run_holds_goes_to_the_next_in_line(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let permit = a.take_as(of(run));
    let (first, mut second) = (b.wait(), a.wait());
    a.semaphores.abandon(run);
    let next = first.permit();
    assert!(next.token() > permit.token());
    a.lost(&permit);
    assert!(permit.lease_passed(), "nobody decided that");
    a.row_becomes(permit.id(), Status::Killed);
    // It comes back, and does no harm.
    let lost = refused(a.wait_for("the release", permit.release()));
    assert!(matches!(lost, ReleaseError::Lost { .. }), "{lost}");
    assert!(second.still_waits());
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    b.release(next);
    drop(second.permit());
}

/// A permit of a run that was given up, dropped and closed.
pub(super) fn an_abandoned_permit_gives_nothing_back_twice(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let two = || of(run).slots(2);
    let (dropped, closed) = (a.take_as(two()), a.take_as(two()));
    a.semaphores.abandon(run);
    a.lost(&dropped);
    a.lost(&closed);
    let held = [b.take_when_free(), b.take_when_free()];
    drop(dropped);
    let _ = closed.close();
    assert!(a.try_take().is_none(), "both slots are taken");
    assert_eq!(a.counts(), (Slots::Limited(2), 2, 0));
    assert!(held.iter().all(|permit| !permit.is_lost()));
}

/// "What it waits for ends."
pub(super) fn an_abandoned_run_waits_no_more(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let holder = b.take();
    let (stuck, other, patient) = (
        a.wait_as(of(run)),
        b.wait(),
        a.wait_as(of(run).timeout(ms(600_000))),
    );
    a.semaphores.abandon(run);
    is_abandoned(a, stuck);
    is_abandoned(a, patient);
    b.becomes(Slots::ONE, 1, 1);
    assert_eq!(b.line(), [other.id]);
    b.release(holder);
    drop(other.permit());
}

/// It may hold a slot and wait for another one: what it gives up is not handed to itself.
pub(super) fn an_abandoned_run_is_not_given_what_it_gives_up(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let permit = a.take_as(of(run).slots(1));
    let again = a.wait_as(of(run).timeout(ms(600_000)));
    a.semaphores.abandon(run);
    is_abandoned(a, again);
    a.lost(&permit);
    b.becomes(Slots::ONE, 0, 0);
    drop(b.take());
}

/// It concerns all semaphores, and no other run's requests.
pub(super) fn an_abandoned_run_loses_all_that_it_has_and_others_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let (run, neighbour) = (RunId::unique(), RunId::unique());
    let names: Vec<String> = (0..50).map(|nth| format!("of {nth}")).collect();
    let two = |run| of(run).slots(2);
    let stuck: Vec<_> = names
        .iter()
        .map(|name| a.on(name).take_as(two(run)))
        .collect();
    let others: Vec<_> = names
        .iter()
        .map(|name| a.on(name).take_as(two(neighbour)))
        .collect();
    let (anonymous, theirs) = (a.take(), b.wait());
    let waits = a.on(&names[7]).wait_as(of(neighbour));
    a.semaphores.abandon(run);
    for permit in &stuck {
        a.lost(permit);
        assert!(permit.lease_passed());
    }
    assert_eq!(waits.permit().name(), &name(&names[7]));
    assert!(others.iter().all(|permit| !permit.is_lost()));
    assert!(!anonymous.is_lost());
    for name in &names[1..4] {
        b.on(name).becomes(2, 1, 0);
    }
    a.release(anonymous);
    drop(theirs.permit());
}

/// "A permit with a TTL" is no exception, and its deadline is gone with it.
pub(super) fn an_abandoned_permit_with_a_ttl_is_lost_like_others(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let permit = a.take_as(of(run).ttl(ttl(ms(600_000))));
    let next = b.wait();
    a.semaphores.abandon(run);
    drop(next.permit());
    a.lost(&permit);
    assert!(permit.lease_passed());
    let refresh = a.wait_for("the refresh", permit.refresh(ttl(ms(600_000))));
    assert!(refresh.is_err(), "there is nothing left to refresh");
}

/// A granted one takes no slot, and frees none.
pub(super) fn an_abandoned_run_that_was_granted_frees_no_slot(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let holder = b.take();
    let stuck = a.wait_as(of(run));
    done(b.grant(stuck.id));
    let granted = stuck.permit();
    a.semaphores.abandon(run);
    a.lost(&granted);
    assert!(granted.lease_passed());
    assert!(b.try_take().is_none());
    b.release(holder);
    drop(b.take_when_free());
}

/// All permits of a slot with an id are lost; what was left stays, as it does at a run's end.
pub(super) fn an_abandoned_run_loses_its_slots_by_id_and_keeps_what_it_left(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let mine = || of(run).slots(4).slot(slot("mine"));
    let (one, same) = (a.take_as(mine()), a.take_as(mine()));
    a.take_as(of(run).slots(4).slot(slot("left"))).leave();
    a.take_as(of(run).slots(4)).leave();
    a.semaphores.abandon(run);
    for permit in [&one, &same] {
        a.lost(permit);
        assert!(permit.lease_passed());
    }
    b.becomes(4, 2, 0);
    drop((one, same));
    assert!(b.slot_state(&slot("mine")).held.is_none());
    assert!(b.slot_state(&slot("left")).held.is_some());
    assert!(b.release_slot(&slot("left")));
    b.becomes(4, 1, 0);
}

/// "Changes nothing for a run that has nothing", also when it is said twice, and before the store was used.
pub(super) fn abandoning_a_run_that_has_nothing_changes_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    a.semaphores.abandon(run);
    let permit = a.take_as(of(run));
    a.semaphores.abandon(RunId::unique());
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    assert!(!permit.is_lost());
    a.semaphores.abandon(run);
    a.semaphores.abandon(run);
    a.lost(&permit);
    // It is none for what it asks later.
    let later = a.take_when_free();
    assert!(later.token() > permit.token());
    drop(permit);
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
    let own = a.on("own").take_as(of(run));
    assert!(!own.is_lost() && !own.lease_passed());
}

/// "Can be called from any thread."
pub(super) fn a_run_is_abandoned_by_another_thread(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let permit = a.take_as(of(run));
    let next = b.wait();
    let semaphores = a.semaphores.clone();
    let watchdog = thread::spawn(move || semaphores.abandon(run));
    drop(next.permit());
    watchdog.join().expect("it does not panic");
    a.lost(&permit);
}
