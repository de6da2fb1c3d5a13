//! Runs that do not answer: [`Semaphores::mark_unresponsive`](cla_semaphore::Semaphores::mark_unresponsive). Marked by one client,
//! seen by another.

use std::time::{Duration, Instant};

use super::Subject;
use super::events::Listener;
use super::stage::{At, Fixture, by, done};
use cla_semaphore::Actor;
use cla_semaphore::EventKind::{
    Acquired, Created, Granted, Queued, Released, Responsive, Unresponsive,
};
use cla_semaphore::HistoryQuery;
use cla_semaphore::Owner;
use cla_semaphore::Request;
use cla_semaphore::Slots;
use cla_semaphore::{RequestId, RunId};
use cla_semaphore::{RequestView, Status};

/// Of an owner with that run.
fn of(run: RunId) -> Request {
    Request::new().owner(Owner::new("stuck.js").with_run(run))
}

/// How long before now the suite says that a run fell silent.
const SILENT: Duration = Duration::from_secs(20);

impl At {
    /// The run has not answered for [`SILENT`].
    fn falls_silent(&self, run: RunId) {
        // A machine that has just started has no earlier time; then the run falls silent now.
        let now = Instant::now();
        let since = now.checked_sub(SILENT).unwrap_or(now);
        self.semaphores.mark_unresponsive(run, Some(since));
    }

    fn answers(&self, run: RunId) {
        self.semaphores.mark_unresponsive(run, None);
    }

    /// Looks until the request is shown as one whose run does not answer, or does.
    #[track_caller]
    fn is_shown_silent(&self, id: RequestId, silent: bool) -> RequestView {
        let is = |row: &&RequestView| row.id == id && row.unresponsive_since.is_some() == silent;
        let view = self.until(&format!("the silence of {id} is shown: {silent}"), |view| {
            view.requests.iter().any(|row| is(&row))
        });
        let row = view.requests.iter().find(is);
        row.cloned().expect("it was just found")
    }
}

/// "What it holds and waits for is shown with the time since when it does not answer; nothing else changes."
pub(super) fn what_a_run_has_that_does_not_answer_is_shown_until_it_answers(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let permit = a.take_as(of(run));
    let mut waits = a.wait_as(of(run).timeout(Duration::from_secs(600)));
    assert_eq!(a.row(permit.id()).unresponsive_since, None);
    a.falls_silent(run);
    let row = b.is_shown_silent(permit.id(), true);
    // A clock of its own may have begun only now.
    let silent = row.unresponsive_for();
    let most = SILENT + b.poll_timeout;
    assert!(silent.is_some_and(|silent| silent <= most), "{row:#?}");
    assert_eq!(row.status, Status::Busy);
    let row = b.is_shown_silent(waits.id, true);
    assert_eq!((row.status, row.place), (Status::Waiting, Some(1)));
    assert_eq!(b.counts(), (Slots::ONE, 1, 1));
    assert!(!permit.is_lost() && waits.still_waits());
    a.answers(run);
    for id in [permit.id(), waits.id] {
        let row = b.is_shown_silent(id, false);
        assert_eq!(row.unresponsive_for(), None);
    }
    a.release(permit);
    drop(waits.permit());
}

/// However often that is said.
pub(super) fn each_request_of_a_run_that_does_not_answer_has_one_event_of_each_kind(
    subject: &dyn Subject,
) {
    let stage = Fixture::new(subject);
    let mut listener = Listener::new(&stage.b, &stage);
    let a = &stage.a;
    let run = RunId::unique();
    let permit = a.take_as(of(run));
    let waits = a.wait_as(of(run).timeout(Duration::from_secs(600)));
    a.falls_silent(run);
    let since = stage
        .b
        .is_shown_silent(permit.id(), true)
        .unresponsive_since;
    a.falls_silent(run);
    a.semaphores.mark_unresponsive(run, Some(Instant::now()));
    a.answers(run);
    a.answers(run);
    stage.b.is_shown_silent(permit.id(), false);
    let (held, waiting) = (permit.id(), waits.id);
    a.release(permit);
    let next = waits.permit();
    let heard = listener.next(9);
    let emitted: Vec<_> = heard
        .iter()
        .map(|event| (event.kind, event.request))
        .collect();
    assert_eq!(emitted[0], (Created, None));
    assert_eq!(emitted[1], (Acquired, Some(held)));
    assert_eq!(emitted[2], (Queued, Some(waiting)));
    let both = |kind| [(kind, Some(held)), (kind, Some(waiting))];
    assert_eq!(emitted[3..5], both(Unresponsive));
    assert_eq!(emitted[5..7], both(Responsive));
    assert_eq!(emitted[7], (Released, Some(held)));
    assert_eq!(emitted[8], (Acquired, Some(waiting)));
    let event = &heard[3];
    assert_eq!(
        (event.who.as_deref(), event.run),
        (Some("stuck.js"), Some(run))
    );
    assert_eq!((event.busy, event.waiting, &event.by), (1, 1, &None));
    assert!(since.is_some_and(|since| since <= event.at), "{event:#?}");
    drop(next);
}

/// A mark stays when its request's turn comes, and is gone with the request.
pub(super) fn a_request_that_ends_or_starts_meanwhile_is_shown_as_it_is(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    let (permit, waits) = (
        a.take_as(of(run)),
        a.wait_as(of(run).timeout(Duration::from_secs(600))),
    );
    a.falls_silent(run);
    b.is_shown_silent(waits.id, true);
    let ended = permit.id();
    a.release(permit);
    let row = b.row_becomes(ended, Status::Done);
    assert_eq!(row.unresponsive_since, None);
    let next = waits.permit();
    let row = b.row_becomes(next.id(), Status::Busy);
    assert!(row.unresponsive_since.is_some(), "{row:#?}");
    a.semaphores.abandon(run);
    let row = b.row_becomes(next.id(), Status::Killed);
    assert_eq!(row.unresponsive_since, None);
    // What it asks for afterwards is not marked, and what is over is not marked any more.
    a.answers(run);
    let fresh = a.take_as(of(run));
    assert_eq!(
        b.row_becomes(fresh.id(), Status::Busy).unresponsive_since,
        None
    );
    let history = a.semaphores.history(&a.name, HistoryQuery::new());
    let history = done(a.wait_for("history", history));
    assert!(
        history.iter().all(|row| row.unresponsive_since.is_none()),
        "{history:#?}"
    );
}

/// A run is one process's; another client that has requests of the same run speaks for itself.
pub(super) fn a_mark_concerns_no_other_run_and_no_other_client(subject: &dyn Subject) {
    let Fixture { a, b, shared, .. } = &Fixture::new(subject);
    let (run, neighbour) = (RunId::unique(), RunId::unique());
    let three = |request: Request| request.slots(4);
    let stuck = a.take_as(three(of(run)));
    let others = [
        a.take_as(three(of(neighbour))),
        a.take_as(three(by("anonymous"))),
    ];
    let elsewhere = b.take_as(three(of(run)));
    let far = a.on("y").take_as(of(run));
    a.falls_silent(run);
    b.is_shown_silent(stuck.id(), true);
    b.on("y").is_shown_silent(far.id(), true);
    for other in &others {
        assert_eq!(b.row(other.id()).unresponsive_since, None);
    }
    // Clones are one client.
    if *shared {
        assert_eq!(b.row(elsewhere.id()).unresponsive_since, None);
    }
    a.answers(run);
    b.is_shown_silent(stuck.id(), false);
    b.on("y").is_shown_silent(far.id(), false);
}

/// Nor is a semaphore made by it.
pub(super) fn marking_a_run_that_has_nothing_changes_nothing(subject: &dyn Subject) {
    let Fixture { a, b, .. } = &Fixture::new(subject);
    let run = RunId::unique();
    a.falls_silent(run);
    a.answers(run);
    assert_eq!(a.shown(), None);
    let permit = a.take_as(of(run));
    a.release(permit);
    a.falls_silent(run);
    a.answers(RunId::unique());
    let permit = a.take_as(of(run));
    let row = b.row_becomes(permit.id(), Status::Busy);
    assert_eq!(row.unresponsive_since, None, "it was taken after that");
    assert_eq!(b.counts(), (Slots::ONE, 1, 0));
}

/// Both are kept beside the request.
pub(super) fn a_mark_and_who_steered_a_request_stand_side_by_side(subject: &dyn Subject) {
    let stage = Fixture::new(subject);
    let mut listener = Listener::new(&stage.b, &stage);
    let Fixture { a, b, .. } = &stage;
    let run = RunId::unique();
    let holder = a.take();
    let waits = a.wait_as(of(run).timeout(Duration::from_secs(600)));
    a.falls_silent(run);
    b.is_shown_silent(waits.id, true);
    let anna = Actor::new("anna", "desk", "sem");
    let acting = b.semaphores.acting_as(anna.clone());
    done(b.wait_for("grant", acting.grant(waits.id)));
    let granted = waits.permit();
    let row = b.row_becomes(granted.id(), Status::Busy);
    assert!(row.unresponsive_since.is_some() && row.granted, "{row:#?}");
    assert_eq!(row.by, Some(anna.clone()));
    a.answers(run);
    assert_eq!(
        b.is_shown_silent(granted.id(), false).by,
        Some(anna.clone())
    );
    let id = granted.id();
    a.release(granted);
    assert_eq!(b.row_becomes(id, Status::Done).by, Some(anna));
    a.release(holder);
    listener.hears([
        Created,
        Acquired,
        Queued,
        Unresponsive,
        Granted,
        Responsive,
        Released,
        Released,
    ]);
}
