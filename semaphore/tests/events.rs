//! Rule 10: every transition emits an event; subscribers never slow the queue down.

mod common;

use cla_semaphore::{Event, EventKind, Events, EventsError, Owner, Request};
use common::{Fixture, Waiter, now, seconds, ttl};

fn drain(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.try_recv().expect("none was missed")).collect()
}

fn kinds(events: &mut Events) -> Vec<EventKind> {
    drain(events).into_iter().map(|event| event.kind).collect()
}

#[test]
fn every_way_a_request_can_end_or_change_has_its_event() {
    use EventKind::*;
    let stage = Fixture::new();
    let name = stage.x.name();
    let held = stage.take_as(Request::new().ttl(ttl(2)));
    let mut events = stage.semaphores.subscribe();
    now(held.refresh(ttl(1))).unwrap();
    assert_eq!(kinds(&mut events), [Refreshed]);
    stage.clock.advance(seconds(1));
    assert_eq!(kinds(&mut events), [Expired]);
    let _held = stage.take();
    kinds(&mut events);

    let cancelled = stage.wait();
    now(stage.semaphores.cancel(stage.last_in_line())).unwrap();
    assert_eq!(kinds(&mut events), [Queued, Cancelled]);
    drop(cancelled.error());
    drop(stage.wait());
    assert_eq!(kinds(&mut events), [Queued, Left]);
    let impatient = stage.wait_as(Request::new().timeout(seconds(1)));
    stage.clock.advance(seconds(1));
    assert_eq!(kinds(&mut events), [Queued, TimedOut]);
    drop(impatient.error());

    let waiters = [stage.wait(), stage.wait(), stage.wait()];
    kinds(&mut events);
    now(stage.semaphores.move_to(stage.line()[2], 1)).unwrap();
    now(stage.semaphores.grant(stage.line()[0])).unwrap();
    assert_eq!(kinds(&mut events), [Moved, Granted]);
    now(stage.semaphores.force_release(name)).unwrap();
    assert_eq!(kinds(&mut events), [ForceReleased, ForceReleased, Acquired]);
    now(stage.semaphores.purge(name)).unwrap();
    assert_eq!(kinds(&mut events), [Purged, Granted]);
    let _permits = waiters.map(Waiter::permit);

    stage.slots(3);
    now(stage.semaphores.unpin(name)).unwrap();
    now(stage.semaphores.pin(name)).unwrap();
    assert_eq!(
        kinds(&mut events),
        [Pinned, SlotsChanged, Unpinned, SlotsChanged, Pinned]
    );
    drop(_permits);
    kinds(&mut events);
    now(stage.semaphores.forget(name)).unwrap();
    assert_eq!(kinds(&mut events), [Forgotten]);
}

#[test]
fn who_does_not_read_misses_the_oldest_is_told_how_many_and_slows_nobody_down() {
    let stage = Fixture::new();
    let mut events = stage.semaphores.subscribe();
    for _ in 0..10_000 {
        drop(stage.take());
    }
    assert_eq!(drain(&mut events).len(), 20_001, "all of that is kept");
    for _ in 0..100_000 {
        drop(stage.take());
    }
    // 200,000 events happened, and are not.
    let Err(EventsError::Missed(missed)) = events.try_recv() else {
        panic!("it must have missed some");
    };
    assert!(missed < 200_000);
    assert_eq!(missed as usize + drain(&mut events).len(), 200_000);
}

#[test]
fn the_subscription_ends_with_the_store() {
    let stage = Fixture::new();
    let mut events = stage.semaphores.subscribe();
    drop(stage);
    assert_eq!(events.try_recv(), Err(EventsError::Closed));
}

#[test]
fn an_event_is_the_same_after_a_trip_through_json() {
    let stage = Fixture::new();
    let mut events = stage.semaphores.subscribe();
    drop(stage.take_as(Request::new().owner(Owner::process("a.js"))));
    for event in drain(&mut events) {
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(
            serde_json::from_str::<Event>(&json).unwrap(),
            event,
            "{json}"
        );
    }
}
