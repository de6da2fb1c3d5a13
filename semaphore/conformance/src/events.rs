//! Rule 10: every transition emits an event; subscribers never slow the queue down. Caused by one client, received by
//! another.

use std::time::Instant;

use super::Subject;
use super::drive::{until, within};
use super::stage::{At, Fixture, Waiter, by, done, ms, refused, ttl};
use cla_semaphore::Owner;
use cla_semaphore::Request;
use cla_semaphore::RunId;
use cla_semaphore::Slots;
use cla_semaphore::Status;
use cla_semaphore::{Event, EventKind, Events, EventsError};

/// A subscriber that reads the events of `x`.
pub(super) struct Listener {
    events: Events,
    at: At,
}

impl Listener {
    /// Subscribes as the client `at`. A remote store may take a moment until it hears everything: this waits for
    /// that.
    pub(super) fn new(at: &At, stage: &Fixture) -> Self {
        let mut events = at.semaphores.subscribe();
        // What happens at another semaphore shows that it hears, from either client.
        for (nth, client) in [&stage.a, &stage.b].into_iter().enumerate() {
            let probe = client.on(&format!("probe-{nth}"));
            let mut slots = 1;
            let heard = until(at.poll_timeout, || {
                slots += 1;
                probe.slots(slots);
                let heard = within(ms(100), async {
                    loop {
                        match events.recv().await {
                            Ok(event) if event.semaphore == probe.name => break,
                            // Perhaps what it missed before it heard.
                            Ok(_) | Err(EventsError::Missed(_)) => {}
                            Err(EventsError::Closed) => panic!("the store is still there"),
                        }
                    }
                });
                heard.ok_or(())
            });
            assert!(
                heard.is_ok(),
                "a subscriber hears nothing of {probe:?}",
                probe = probe.name
            );
        }
        Self {
            events,
            at: at.clone(),
        }
    }

    /// The next `many` events at `x`. None may be missing.
    #[track_caller]
    pub(super) fn next(&mut self, many: usize) -> Vec<Event> {
        let name = self.at.name.clone();
        match self.next_at(&[name.as_str()], many) {
            Ok(events) => events,
            Err(missing) => panic!("{missing}"),
        }
    }

    /// The next `many` events at any of these.
    pub(super) fn next_at(&mut self, names: &[&str], many: usize) -> Result<Vec<Event>, String> {
        let deadline = Instant::now() + self.at.poll_timeout;
        let mut heard = Vec::new();
        while heard.len() < many {
            let left = deadline.saturating_duration_since(Instant::now());
            match within(left, self.events.recv()) {
                Some(Ok(event)) if names.contains(&event.semaphore.as_str()) => heard.push(event),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(format!("{error}; heard so far: {heard:#?}")),
                None => return Err(format!("of {many} events came only: {heard:#?}")),
            }
        }
        Ok(heard)
    }

    #[track_caller]
    pub(super) fn kinds(&mut self, many: usize) -> Vec<EventKind> {
        self.next(many)
            .into_iter()
            .map(|event| event.kind)
            .collect()
    }

    /// Hears these, in this order.
    #[track_caller]
    pub(super) fn hears<const N: usize>(&mut self, kinds: [EventKind; N]) {
        assert_eq!(self.kinds(N), kinds);
    }
}

/// "The events of one semaphore come in the order in which they happened", "with the counts right after".
pub(super) fn the_life_of_a_request_is_told_in_order_with_the_counts_after_each_step(
    subject: &dyn Subject,
) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listener = Listener::new(b, stage);
    let run = RunId::unique();
    let owner = Owner::new("deploy.js").with_run(run);
    let first = a.take();
    let first_id = first.id();
    let second = a.wait_as(Request::new().owner(owner));
    let second_id = second.id;
    a.release(first);
    a.release(second.permit());
    let emitted = listener.next(6);
    let steps: Vec<_> = emitted
        .iter()
        .map(|event| (event.kind, event.busy, event.waiting, event.slots))
        .collect();
    let one = Slots::ONE;
    assert_eq!(
        steps,
        [
            (EventKind::Created, 0, 0, one),
            (EventKind::Acquired, 1, 0, one),
            (EventKind::Queued, 1, 1, one),
            (EventKind::Released, 0, 1, one),
            (EventKind::Acquired, 1, 0, one),
            (EventKind::Released, 0, 0, one),
        ]
    );
    let requests: Vec<_> = emitted.iter().map(|event| event.request).collect();
    let (first, second) = (Some(first_id), Some(second_id));
    assert_eq!(requests, [None, first, second, first, second, second]);
    for event in &emitted {
        let its = event.request == second;
        assert_eq!(
            event.who.as_deref(),
            its.then_some("deploy.js"),
            "{event:?}"
        );
        assert_eq!(event.run, its.then_some(run), "{event:?}");
        super::views::is_about_now(event.at);
    }
    assert!(emitted.is_sorted_by_key(|event| event.at), "{emitted:#?}");
}

/// Rule 10: "every transition emits an event". Here those of a request.
pub(super) fn every_way_a_request_can_end_or_change_has_its_event(subject: &dyn Subject) {
    use EventKind::*;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listener = Listener::new(b, stage);
    let held = a.take_as(Request::new().ttl(ttl(ms(60_000))));
    listener.hears([Created, Acquired]);
    done(a.wait_for("refresh", held.refresh(ttl(ms(50)))));
    // Where no request waits, a store may notice only when it is looked at.
    b.row_becomes(held.id(), Status::Expired);
    listener.hears([Refreshed, Expired]);
    drop(held);
    let held = a.take();
    listener.hears([Acquired]);

    let cancelled = a.wait();
    done(b.cancel(cancelled.id));
    listener.hears([Queued, Cancelled]);
    drop(cancelled.error());
    drop(a.wait());
    listener.hears([Queued, Left]);
    drop(refused(a.acquire(Request::new().timeout(ms(300)))));
    listener.hears([Queued, TimedOut]);

    let waiters = [a.wait(), a.wait(), a.wait()];
    listener.hears([Queued; 3]);
    done(b.move_to(waiters[2].id, 1));
    done(b.grant(waiters[0].id));
    listener.hears([Moved, Granted]);
    done(b.force_release());
    listener.hears([ForceReleased, ForceReleased, Acquired]);
    done(a.purge());
    listener.hears([Purged, Granted]);
    let permits = waiters.map(Waiter::permit);
    drop((held, permits));
    listener.hears([Released]);
}

/// Rule 10: "every transition emits an event". Here those of the semaphore.
pub(super) fn every_change_of_the_slots_has_its_event(subject: &dyn Subject) {
    use EventKind::*;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listener = Listener::new(a, stage);
    b.slots(3);
    let emitted = listener.next(3);
    let steps: Vec<_> = emitted
        .iter()
        .map(|event| (event.kind, event.slots))
        .collect();
    let (one, three) = (Slots::ONE, Slots::Limited(3));
    assert_eq!(
        steps,
        [(Created, one), (Pinned, one), (SlotsChanged, three)]
    );
    b.slots(3);
    b.slots(Slots::Unlimited);
    let emitted = listener.next(1);
    assert_eq!(
        (emitted[0].kind, emitted[0].slots),
        (SlotsChanged, Slots::Unlimited)
    );
    done(b.unpin());
    b.pin();
    listener.hears([Unpinned, SlotsChanged, Pinned]);
    done(a.unpin());
    listener.hears([Unpinned]);
    let permit = a.take_as(Request::new().slots(2));
    listener.hears([SlotsChanged, Acquired]);
    let (second, third) = (b.take(), b.wait());
    listener.hears([Acquired, Queued]);
    b.slots(3);
    listener.hears([Pinned, SlotsChanged, Acquired]);
    drop((permit, second, third.permit()));
    listener.hears([Released; 3]);
    done(b.forget());
    listener.hears([Forgotten]);
}

/// What happens to many at once gives one event each.
pub(super) fn a_purge_is_told_request_by_request_with_the_counts_after_each(subject: &dyn Subject) {
    use EventKind::*;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let _holders = [a.take_as(Request::new().slots(2)), b.take()];
    let _waiters = [a.wait(), b.wait()];
    let mut listener = Listener::new(a, stage);
    done(b.purge());
    let emitted = listener.next(4);
    let steps: Vec<_> = emitted
        .iter()
        .map(|event| (event.kind, event.busy, event.waiting))
        .collect();
    assert_eq!(
        steps,
        [
            (Purged, 1, 2),
            (Purged, 0, 2),
            (Granted, 0, 1),
            (Granted, 0, 0)
        ]
    );
}

/// Rule 9 has an error for the run that is refused, and an event for subscribers.
pub(super) fn a_deadlock_is_told(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let run = RunId::unique();
    let nested = || Request::new().owner(Owner::new("nested.js").with_run(run));
    let _held = a.take_as(nested());
    let mut listener = Listener::new(b, stage);
    drop(refused(a.acquire(nested())));
    let emitted = listener.next(2);
    let kinds: Vec<_> = emitted.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Queued, EventKind::Deadlocked]);
    assert_eq!(emitted[1].run, Some(run));
    assert_eq!((emitted[1].busy, emitted[1].waiting), (1, 0));
}

/// A subscription begins with what comes after it.
pub(super) fn who_subscribes_later_hears_only_of_what_comes_later(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    a.release(a.take());
    let mut late = Listener::new(b, stage);
    a.release(a.take());
    late.hears([EventKind::Acquired, EventKind::Released]);
}

/// Every subscriber gets every event, whichever client caused it.
pub(super) fn all_subscribers_of_all_clients_hear_the_same(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listeners = [
        Listener::new(a, stage),
        Listener::new(b, stage),
        Listener::new(b, stage),
    ];
    for client in [a, b, a, b] {
        client.release(client.take_as(by("somebody")));
    }
    let emitted = listeners.each_mut().map(|listener| {
        let emitted = listener.next(9).into_iter();
        emitted
            .map(|event| (event.kind, event.request))
            .collect::<Vec<_>>()
    });
    assert_eq!(emitted[0], emitted[1]);
    assert_eq!(emitted[0], emitted[2]);
}

/// "What the same client asks after this comes after the subscription": without waiting for anything in between.
pub(super) fn what_a_client_asks_right_after_it_subscribed_is_told(subject: &dyn Subject) {
    use EventKind::*;
    let Fixture { a, b, .. } = &Fixture::new(subject);
    for round in 0..20 {
        for (client, which) in [(a, "a"), (b, "b")] {
            let at = client.on(&format!("round {round} of {which}"));
            let events = at.semaphores.subscribe();
            let mut listener = Listener {
                events,
                at: at.clone(),
            };
            at.release(at.take());
            listener.hears([Created, Acquired, Released]);
        }
    }
}

/// Of a client that has done nothing before: the store is opened, or connected to, by the subscription.
pub(super) fn what_is_asked_behind_the_very_first_subscription_is_told(subject: &dyn Subject) {
    use EventKind::*;
    for _ in 0..10 {
        let Fixture { a, b, .. } = &Fixture::new(subject);
        for (client, name) in [(a, "first"), (b, "second")] {
            let at = client.on(name);
            let events = at.semaphores.subscribe();
            let mut listener = Listener {
                events,
                at: at.clone(),
            };
            let (held, waiting) = (at.take(), at.wait());
            at.release(held);
            drop(waiting.permit());
            listener.hears([Created, Acquired, Queued, Released, Acquired, Released]);
        }
    }
}

/// The store may be about to stop telling, as the one who listened has just gone.
pub(super) fn what_is_asked_right_after_subscribing_again_is_told(subject: &dyn Subject) {
    use EventKind::*;
    let Fixture { a, b, .. } = &Fixture::new(subject);
    for round in 0..20 {
        for (client, which) in [(a, "a"), (b, "b")] {
            let before = client.on(&format!("before {round} of {which}"));
            drop(before.semaphores.subscribe());
            before.release(before.take());
            let at = client.on(&format!("after {round} of {which}"));
            let events = at.semaphores.subscribe();
            let mut listener = Listener {
                events,
                at: at.clone(),
            };
            at.release(at.take());
            listener.hears([Created, Acquired, Released]);
        }
    }
}

/// Numbers grow by one from event to event of an open store.
pub(super) fn events_are_numbered_one_by_one(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listener = Listener::new(b, stage);
    for client in [a, b, a] {
        client.release(client.take());
    }
    let numbers: Vec<_> = listener
        .next(7)
        .iter()
        .map(|event| event.sequence)
        .collect();
    assert!(numbers[0] > 0, "{numbers:?}");
    assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "{numbers:?}");
}

/// Rule 10: "subscribers never slow the queue down". And one that does not read for a while loses nothing by that.
pub(super) fn who_does_not_read_slows_nobody_down_and_hears_all_of_it_later(subject: &dyn Subject) {
    /// Requests that end at once. More than any ring of a thousand or two has room for.
    const MANY: usize = 2_000;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut idle = Listener::new(b, stage);
    let unlimited = || Request::new().slots(Slots::Unlimited);
    let permits: Vec<_> = (0..MANY).map(|_| a.take_as(unlimited())).collect();
    assert_eq!(done(b.purge()), MANY);
    a.pin();
    let emitted = idle.next(2 * MANY + 2);
    assert_eq!(emitted[0].kind, EventKind::Created);
    for (nth, event) in emitted[1..=MANY].iter().enumerate() {
        assert_eq!((event.kind, event.busy), (EventKind::Acquired, nth + 1));
    }
    for (nth, event) in emitted[MANY + 1..=2 * MANY].iter().enumerate() {
        assert_eq!(
            (event.kind, event.busy),
            (EventKind::Purged, MANY - 1 - nth)
        );
    }
    assert_eq!(emitted[2 * MANY + 1].kind, EventKind::Pinned);
    drop(permits);
}
