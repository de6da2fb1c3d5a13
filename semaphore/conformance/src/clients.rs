//! Clients that come, go, close, and work at the same time.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Subject;
use super::stage::{Fixture, by, done, ms};
use cla_semaphore::Request;
use cla_semaphore::Slots;
use cla_semaphore::Status;

/// Slots that are set and permits that are given by one client are every client's.
pub(super) fn what_one_client_does_the_others_see(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    b.slots(2);
    let permits = [a.take_as(by("a")), b.take_as(by("b"))];
    let waiter = a.wait();
    assert_eq!(a.counts(), b.counts());
    let ids = |view: cla_semaphore::SemaphoreView| -> Vec<_> {
        view.requests
            .iter()
            .map(|row| (row.id, row.status, row.token))
            .collect()
    };
    assert_eq!(ids(a.view()), ids(b.view()));
    drop((permits, waiter));
}

/// "A permit releases when dropped", also one whose client is gone.
pub(super) fn a_client_that_goes_gives_back_its_permits_and_places(subject: &dyn Subject) {
    let Fixture {
        kept: _kept, a, b, ..
    } = Fixture::new(subject);
    b.slots(2);
    let other = b.take();
    let permits = [a.take(), a.on("y").take()];
    let (mine, yours) = (a.wait(), b.wait());
    let id = mine.id;
    drop(a);
    // Gone in the order in which a program's end may drop them.
    drop(mine);
    drop(permits);
    drop(yours.permit());
    b.row_becomes(id, Status::Left);
    b.release(other);
    b.becomes(2, 0, 0);
    b.on("y").becomes(1, 0, 0);
    b.release(b.take());
}

/// A permit is its owner's as long as it is there: dropping what it was taken with takes nothing away.
pub(super) fn a_permit_outlives_the_handle_and_the_client_it_was_taken_with(subject: &dyn Subject) {
    let Fixture {
        kept: _kept, a, b, ..
    } = Fixture::new(subject);
    let permit = a.take();
    let waiter = a.wait();
    drop(a);
    assert!(!permit.is_lost());
    assert!(b.try_take().is_none());
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    b.release(permit);
    let permit = waiter.permit();
    assert_eq!(b.row(permit.id()).status, Status::Busy);
    b.release(permit);
    b.becomes(1, 0, 0);
}

/// All clients may go, with all that they hold.
pub(super) fn the_last_client_may_go(subject: &dyn Subject) {
    let Fixture {
        kept: _kept, a, b, ..
    } = Fixture::new(subject);
    let events = b.semaphores.subscribe();
    let permit = a.take();
    let waiter = b.wait();
    drop((a, b));
    drop(waiter);
    drop(permit);
    drop(events);
}

/// "Ends when the store has heard all that was given back so far."
pub(super) fn closing_waits_until_all_is_given_back(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.slots(50);
    let permits: Vec<_> = (0..50).map(|_| a.take()).collect();
    let waiters = [a.wait(), a.wait()];
    drop(waiters);
    drop(permits);
    done(a.wait_for("close", a.semaphores.close()));
    assert_eq!(b.counts(), (Slots::Limited(50), 0, 0), "at once");
}

/// "What is still held or waits is given back, too; later requests open the store anew."
pub(super) fn closing_gives_back_what_is_still_held_and_the_client_can_go_on(
    subject: &dyn Subject,
) {
    let Fixture { a, b, shared, .. } = &Fixture::new(subject);
    let permit = a.take();
    let waiter = b.wait();
    let place = a.wait();
    done(a.wait_for("close", a.semaphores.close()));
    let next = if *shared {
        let next = waiter.permit();
        assert_eq!(b.counts(), (Slots::ONE, 1, 0));
        a.lost(&permit);
        drop((permit, place));
        next
    } else {
        // There is no session for which it could be left behind.
        assert!(!permit.is_lost());
        drop((permit, place));
        waiter.permit()
    };
    // `a` goes on where it was.
    let again = a.wait();
    assert_eq!(b.line(), [again.id]);
    b.release(next);
    a.release(again.permit());
    assert_eq!(a.counts(), (Slots::ONE, 0, 0));
    done(b.wait_for("close", b.semaphores.close()));
    done(b.wait_for("close", b.semaphores.close()));
}

/// Whatever happens at once: never more busy than there are slots, never a token twice, no request forgotten.
pub(super) fn many_threads_at_two_clients_never_share_a_slot(subject: &dyn Subject) {
    const THREADS: usize = 8;
    const ROUNDS: usize = 12;
    const SLOTS: usize = 2;
    let Fixture { a, b, .. } = &Fixture::new(subject);
    a.slots(u32::try_from(SLOTS).unwrap_or(u32::MAX));
    let inside = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    let tokens = Mutex::new(HashSet::new());
    thread::scope(|scope| {
        for nth in 0..THREADS {
            let (inside, most, tokens) = (&inside, &most, &tokens);
            let client = if nth % 2 == 0 { a } else { b };
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    // Some give up now and then, which harms no other.
                    if round % 4 == nth % 4 {
                        let brief = Request::new().timeout(ms(1));
                        drop(
                            client
                                .semaphores
                                .semaphore(&client.name)
                                .acquire()
                                .with(brief)
                                .blocking(),
                        );
                    }
                    let request = Request::new().timeout(2 * client.poll_timeout);
                    let taken = client
                        .semaphores
                        .semaphore(&client.name)
                        .acquire()
                        .with(request)
                        .blocking();
                    let permit = done(taken);
                    let here = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(here, Ordering::SeqCst);
                    let new = tokens
                        .lock()
                        .map(|mut tokens| tokens.insert(permit.token()));
                    assert!(
                        matches!(new, Ok(true)),
                        "token {} came twice",
                        permit.token()
                    );
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    if round % 2 == 0 {
                        client.release(permit);
                    } else {
                        drop(permit);
                    }
                }
            });
        }
    });
    let most = most.into_inner();
    assert!(most <= SLOTS, "{most} were busy at once");
    b.becomes(u32::try_from(SLOTS).unwrap_or(u32::MAX), 0, 0);
}

/// Neighbours do not meet: what waits at one semaphore holds up no other.
pub(super) fn a_long_line_at_one_semaphore_holds_up_no_other(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let _holder = a.take();
    let _line: Vec<_> = (0..20).map(|_| a.wait()).collect();
    for nth in 0..10 {
        let there = b.on(&format!("neighbour-{nth}"));
        b.release(there.take());
    }
    assert_eq!(b.counts(), (Slots::ONE, 1, 20));
}
