//! What a store keeps of the past: who gave a command, what it changed, and who held and waited. Done by one client, read
//! by the other.

use std::time::Duration;

use super::Subject;
use super::drive::until;
use super::events::Listener;
use super::stage::{At, Fixture, by, done, ms, refused, ttl};
use cla_semaphore::Actor;
use cla_semaphore::AdminAction;
use cla_semaphore::EventKind;
use cla_semaphore::Request;
use cla_semaphore::Slots;
use cla_semaphore::{AuditEntry, AuditQuery, AuditState};
use cla_semaphore::{HISTORY_KEPT, HistoryQuery};
use cla_semaphore::{RequestView, Status};

const HOUR: Duration = Duration::from_secs(3600);

fn anna() -> Actor {
    Actor::new("anna", "db|{1}%7C", "sem")
}

/// This client, for the commands of `actor`.
fn acting(at: &At, actor: Actor) -> At {
    At {
        semaphores: at.semaphores.acting_as(actor),
        ..at.clone()
    }
}

fn audit(at: &At, query: AuditQuery) -> Vec<AuditEntry> {
    done(at.wait_for("audit", at.semaphores.audit(query)))
}

/// What was done at `x`, oldest first.
fn audit_of_x(at: &At) -> Vec<AuditEntry> {
    let mut entries = audit(at, AuditQuery::new().semaphore(at.name.clone()));
    entries.reverse();
    entries
}

fn history(at: &At, query: HistoryQuery) -> Vec<RequestView> {
    done(at.wait_for("history", at.semaphores.history(&at.name, query)))
}

const fn state(slots: u32, pinned: bool, busy: usize, waiting: usize) -> Option<AuditState> {
    Some(AuditState {
        slots: Slots::Limited(slots),
        pinned,
        busy,
        waiting,
        place: None,
    })
}

/// Rows and events of a command show who gave it; those of what merely follows from it do not.
pub(super) fn a_command_says_who_gave_it_in_its_events_and_at_its_requests(subject: &dyn Subject) {
    use EventKind::*;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let mut listener = Listener::new(b, stage);
    let anna_there = acting(a, anna());
    let by_anna = Some(anna());
    anna_there.slots(1);
    let emitted = listener.next(2);
    assert_eq!(emitted[0].kind, Created);
    assert!(
        emitted.iter().all(|event| event.by == by_anna),
        "all that it did: {emitted:#?}"
    );

    let held = a.take();
    let [first, second, third, fourth] = [a.wait(), a.wait(), a.wait(), a.wait()];
    listener.next(5);
    done(anna_there.grant(first.id));
    done(anna_there.cancel(second.id));
    done(anna_there.move_to(fourth.id, 1));
    assert_eq!(b.row(first.id).by, by_anna);
    assert_eq!(b.row(second.id).by, by_anna, "{:#?}", b.row(second.id));
    assert_eq!(b.row(fourth.id).by, by_anna);
    for untouched in [held.id(), third.id] {
        assert_eq!(b.row(untouched).by, None);
    }
    let emitted = listener.next(3);
    assert_eq!(
        emitted.iter().map(|event| event.kind).collect::<Vec<_>>(),
        [Granted, Cancelled, Moved]
    );
    for (event, waiter) in emitted.iter().zip([&first, &second, &fourth]) {
        assert_eq!(event.request, Some(waiter.id), "{event:?}");
        assert_eq!(event.by, by_anna, "{event:?}");
    }

    done(anna_there.force_release());
    let emitted = listener.next(3);
    let kinds: Vec<_> = emitted
        .iter()
        .map(|event| (event.kind, event.by.clone()))
        .collect();
    assert_eq!(
        kinds,
        [
            (ForceReleased, by_anna.clone()),
            (ForceReleased, by_anna.clone()),
            (Acquired, None)
        ]
    );
    assert_eq!(b.row(held.id()).by, by_anna);
    assert_eq!(b.row(first.id).by, by_anna);
    // The one that was moved goes on to show it.
    let moved = fourth.permit();
    assert_eq!(b.row(moved.id()).by, by_anna);
    done(acting(b, Actor::new("ben", "", "top")).purge());
    let emitted = listener.next(2);
    let ben = Some(Actor::new("ben", "", "top"));
    assert!(
        emitted.iter().all(|event| event.by == ben),
        "purged and granted: {emitted:#?}"
    );
    assert_eq!(b.row(third.id).by, ben);
    assert_eq!(b.row(moved.id()).by, ben, "who steered it last");
    // A command without an actor.
    done(a.force_release());
    let emitted = listener.next(1);
    assert_eq!(
        (emitted[0].kind, emitted[0].by.clone()),
        (ForceReleased, None)
    );
    let third = third.permit();
    a.release(a.take());
    let emitted = listener.next(2);
    assert!(
        emitted.iter().all(|event| event.by.is_none()),
        "{emitted:#?}"
    );
    drop((third, moved, first, second, held));
}

/// Each of the nine, with what was before and after.
pub(super) fn every_command_that_changed_something_is_in_the_audit(subject: &dyn Subject) {
    use AdminAction::*;
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let there = acting(a, anna());
    there.slots(2);
    done(there.unpin());
    there.pin();
    there.slots(1);
    let held = a.take_as(by("holder"));
    let [first, second, third, fourth] =
        ["first", "second", "third", "fourth"].map(|who| a.wait_as(by(who)));
    done(there.grant(first.id));
    done(there.cancel(third.id));
    done(there.move_to(fourth.id, 1));
    assert_eq!(done(there.force_release()), 2);
    assert_eq!(done(there.purge()), 2);
    let (second_id, first_id, third_id, fourth_id) = (second.id, first.id, third.id, fourth.id);
    drop((first, second, third, fourth, held));
    a.becomes(1, 0, 0);
    b.until("nobody is busy", |view| {
        view.requests.iter().all(|row| row.status != Status::Busy)
    });
    done(there.forget());

    let entries = audit_of_x(b);
    let changes: Vec<_> = entries
        .iter()
        .map(|entry| {
            let AuditEntry {
                command,
                before,
                after,
                hits,
                ..
            } = entry;
            (*command, *before, *after, *hits)
        })
        .collect();
    let at_place = |place| {
        state(1, true, 1, 2).map(|state| AuditState {
            place: Some(place),
            ..state
        })
    };
    assert_eq!(
        changes,
        [
            (SetSlots, None, state(2, true, 0, 0), 0),
            (Unpin, state(2, true, 0, 0), state(1, false, 0, 0), 0),
            (Pin, state(1, false, 0, 0), state(1, true, 0, 0), 0),
            (Grant, state(1, true, 1, 4), state(1, true, 1, 3), 1),
            (Cancel, state(1, true, 1, 3), state(1, true, 1, 2), 1),
            (Move, at_place(2), at_place(1), 1),
            (ForceRelease, state(1, true, 1, 2), state(1, true, 1, 1), 2),
            (Purge, state(1, true, 1, 1), state(1, true, 0, 0), 2),
            (Forget, state(1, true, 0, 0), None, 0),
        ]
    );
    for entry in &entries {
        assert_eq!(entry.actor, Some(anna()), "{entry:#?}");
        assert_eq!(entry.semaphore, a.name);
        super::views::is_about_now(entry.at);
    }
    let about: Vec<_> = entries
        .iter()
        .filter_map(|entry| Some((entry.request?, entry.who.as_deref())))
        .collect();
    assert_eq!(
        about,
        [
            (first_id, Some("first")),
            (third_id, Some("third")),
            (fourth_id, Some("fourth"))
        ]
    );
    assert!(
        entries.is_sorted_by(|a, b| a.sequence < b.sequence && a.at <= b.at),
        "{entries:#?}"
    );
    let _ = second_id;
}

/// And only those.
pub(super) fn a_command_that_changed_nothing_is_not_in_the_audit(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    let there = acting(a, anna());
    drop(refused(there.purge()));
    drop(refused(there.unpin()));
    drop(refused(there.forget()));
    there.slots(1);
    there.slots(1);
    there.pin();
    assert_eq!(done(there.purge()), 0);
    assert_eq!(done(there.force_release()), 0);
    done(there.unpin());
    done(there.unpin());
    let held = a.take();
    let waiter = a.wait();
    done(there.move_to(waiter.id, 1));
    drop(refused(there.grant(held.id())));
    drop(refused(there.cancel(held.id())));
    drop(refused(there.forget()));
    let commands: Vec<_> = audit_of_x(b).iter().map(|entry| entry.command).collect();
    assert_eq!(commands, [AdminAction::SetSlots, AdminAction::Unpin]);
}

/// By semaphore, by age, and the newest so many.
pub(super) fn the_audit_gives_what_it_is_asked_for(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    assert_eq!(audit(b, AuditQuery::new()), []);
    for nth in 1..=3 {
        for name in ["x", "y", "odd {name}|%"] {
            a.on(name).slots(nth);
        }
    }
    let all = audit(b, AuditQuery::new());
    assert_eq!(all.len(), 9);
    let slots = |entry: &AuditEntry| entry.after.map(|after| after.slots);
    let newest: Vec<_> = all.iter().take(3).map(slots).collect();
    assert_eq!(newest, [Some(Slots::Limited(3)); 3], "newest first");
    assert_eq!(all[0].semaphore.as_str(), "odd {name}|%");
    assert!(all.iter().all(|entry| entry.actor.is_none()));
    assert_eq!(audit(b, AuditQuery::new().limit(4)), all[..4]);
    assert_eq!(audit(b, AuditQuery::new().limit(0)), []);
    assert_eq!(audit(b, AuditQuery::new().since(HOUR)), all);
    let of_y = audit(b, AuditQuery::new().semaphore(a.on("y").name).limit(2));
    let of_y: Vec<_> = of_y.iter().map(slots).collect();
    assert_eq!(of_y, [Some(Slots::Limited(3)), Some(Slots::Limited(2))]);
    assert_eq!(
        audit(b, AuditQuery::new().semaphore(a.on("nobody's").name)),
        []
    );
    // Once they are old enough.
    let young = until(b.poll_timeout, || {
        let young = audit(b, AuditQuery::new().since(ms(1)));
        if young.is_empty() { Ok(()) } else { Err(young) }
    });
    assert_eq!(young, Ok(()));
}

/// Who held, who waited, for how long, and how it ended.
pub(super) fn the_history_tells_how_every_request_ended(subject: &dyn Subject) {
    let stage = &Fixture::new(subject);
    let Fixture { a, b, .. } = stage;
    assert_eq!(history(b, HistoryQuery::new()), []);
    let there = acting(a, anna());
    let held = a.take_as(by("held").ttl(ttl(HOUR)));
    let [cancelled, granted] = ["cancelled", "granted"].map(|who| a.wait_as(by(who)));
    drop(refused(a.acquire(by("timed out").timeout(ms(50)))));
    drop(a.wait_as(by("gave up")));
    b.becomes(1, 1, 2);
    done(there.cancel(cancelled.id));
    done(there.grant(granted.id));
    let granted = granted.permit();
    a.release(granted);
    done(there.force_release());
    let expiring = a.take_as(by("expired").ttl(ttl(ms(50))));
    b.row_becomes(expiring.id(), Status::Expired);
    a.release(a.take_as(by("done")));

    let ended = history(b, HistoryQuery::new().since(HOUR));
    let rows: Vec<_> = ended
        .iter()
        .map(|row| {
            let by_anna = row.by == Some(anna());
            (
                row.who.as_deref().unwrap_or_default(),
                row.status,
                row.granted,
                by_anna,
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("done", Status::Done, false, false),
            ("expired", Status::Expired, false, false),
            ("held", Status::Released, false, true),
            ("granted", Status::Done, true, true),
            ("cancelled", Status::Cancelled, false, true),
            ("gave up", Status::Left, false, false),
            ("timed out", Status::TimedOut, false, false),
        ]
    );
    for row in &ended {
        let at = row.ended_at.expect("it ended");
        super::views::is_about_now(at);
        let length = row.waited + row.ran.unwrap_or(0.0);
        let apart = (row.requested_at + length - at).abs();
        assert!(apart < 0.01, "the times fit together: {row:#?}");
        assert_eq!(row.started_at.is_some(), row.ran.is_some());
        assert_eq!(row.started_at.is_some(), row.token.is_some());
        assert_eq!((row.place, row.expires_at), (None, None));
    }
    assert!(ended[1].ran >= Some(0.05) && ended[1].ran < Some(30.0));
    assert!(ended[6].waited >= 0.05 && ended[6].ran.is_none());
    let ids = |rows: &[RequestView]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let newest = history(b, HistoryQuery::new().limit(2));
    assert_eq!(ids(&newest), ids(&ended[..2]));
    assert_eq!(history(b, HistoryQuery::new().limit(0)), []);
    let nobody = b.on("nobody's");
    assert_eq!(history(&nobody, HistoryQuery::new()), []);
    let young = until(b.poll_timeout, || {
        let young = history(b, HistoryQuery::new().since(ms(1)));
        if young.is_empty() { Ok(()) } else { Err(young) }
    });
    assert_eq!(young, Ok(()));
    drop((held, expiring));
}

/// The list is for a screen, the history is longer; and that has a bound, too.
pub(super) fn the_history_is_longer_than_the_list_and_has_a_bound(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let tokens =
        |rows: &[RequestView]| -> Vec<u64> { rows.iter().filter_map(|row| row.token).collect() };
    let mut last = 0;
    let mut ended = 0;
    for many in [20, 50, HISTORY_KEPT + 10] {
        while ended < many {
            let permit = a.take();
            last = permit.token();
            a.release(permit);
            ended += 1;
        }
        let all = tokens(&history(b, HistoryQuery::new()));
        assert_eq!(all.len(), many.min(HISTORY_KEPT), "after {many}");
        assert_eq!(all[0], last);
        assert!(
            all.is_sorted_by(|a, b| *a == b + 1),
            "none is missing: {all:?}"
        );
        let shown = tokens(&b.view().requests);
        assert!(shown.len() <= 32, "{}", shown.len());
        // They are shown for a few seconds only.
        let newest: Vec<u64> = all.iter().take(shown.len()).rev().copied().collect();
        assert_eq!(shown, newest);
    }
}

/// However they end, and how many at once.
pub(super) fn requests_that_end_all_at_once_are_in_the_history(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let unlimited = || Request::new().slots(Slots::Unlimited);
    let mut last = 0;
    for many in [7, 70, 45, 32, 100] {
        let permits: Vec<_> = (0..many).map(|_| a.take_as(unlimited())).collect();
        last = permits.last().map_or(0, cla_semaphore::Permit::token);
        drop(permits);
        b.becomes(Slots::Unlimited, 0, 0);
    }
    let ended = history(b, HistoryQuery::new());
    let mut tokens: Vec<u64> = ended.iter().filter_map(|row| row.token).collect();
    tokens.sort_unstable();
    assert_eq!(tokens.len(), 254);
    assert_eq!(tokens.last(), Some(&last));
    assert!(
        tokens.is_sorted_by(|a, b| a + 1 == *b),
        "each is there once: {tokens:?}"
    );
    assert!(
        ended.is_sorted_by(|a, b| a.ended_at >= b.ended_at),
        "newest first"
    );
}
