#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use tokio::sync::oneshot::{self, Receiver};

use super::*;
use crate::sqlite::message::Secret;
use crate::sqlite::transitions::Admission;

type Answer = Receiver<Result<Arc<PermitState>, AcquireError>>;

const CLOCK: fn() -> WallClock = WallClock::read;

fn session() -> Session {
    Session::new(Arc::new(EventHub::new()))
}

fn id(number: u128) -> RequestId {
    RequestId::from_u128(number)
}

fn x() -> SemaphoreName {
    SemaphoreName::new("x").unwrap()
}

fn unreachable() -> StoreError {
    crate::sqlite::problem::Problem::Locked(None).error("x.db".as_ref())
}

fn acquire(number: u128, request: Request) -> (Command, Answer) {
    let (reply, answer) = oneshot::channel();
    let command = Command::Acquire {
        id: id(number),
        name: x(),
        request,
        reply,
    };
    (command, answer)
}

/// A request that waits.
fn wait(session: &mut Session, number: u128, request: Request) -> Answer {
    let (command, answer) = acquire(number, request);
    let nothing = vec![CommandResult::Nothing];
    let answered = session.answer(vec![command], nothing, Moment(0));
    assert!(answered.has_joined);
    answer
}

fn admitted(token: u64) -> Outcome {
    Outcome::Admitted(Admission {
        token,
        requested: Moment(0),
        started: Moment(0),
        granted: false,
    })
}

/// A request that is admitted.
fn hold(session: &mut Session, number: u128, request: Request) -> Arc<PermitState> {
    let mut answer = wait(session, number, request);
    session.outcome(id(number), admitted(1), &CLOCK());
    answer.try_recv().unwrap().unwrap()
}

fn of_run(run: u128) -> Request {
    Request::new().owner(Owner::new("a rule").with_run(RunId::from_u128(run)))
}

fn order(batch: &[Command]) -> Vec<RequestId> {
    let ids = batch.iter().map(|command| match command {
        Command::Acquire { id, .. } | Command::Abandon(id) | Command::Release(id, _) => *id,
        _ => id(0),
    });
    ids.collect()
}

#[test]
fn a_caller_gets_its_permit_once_its_request_is_admitted() {
    let mut session = session();
    let mut answer = wait(&mut session, 1, Request::new());
    assert!(answer.try_recv().is_err());
    session.outcome(id(1), admitted(7), &CLOCK());
    let permit = answer.try_recv().unwrap().unwrap();
    assert!(!permit.loss.is_set());
    assert!(session.is_holding() && !session.is_waiting());
    session.forget(id(1));
    assert!(permit.loss.is_set() && !session.is_active());
}

fn message(request: u128, token: u64) -> Message {
    let Outcome::Admitted(admission) = admitted(token) else {
        unreachable!()
    };
    Message {
        secret: Secret::new(),
        request: id(request),
        admission,
        has_deadline: false,
    }
}

#[test]
fn a_message_admits_a_request_that_waits_and_no_other() {
    let mut session = session();
    let mut answer = wait(&mut session, 1, Request::new());
    assert!(!session.admitted(&message(2, 7), &CLOCK()), "it is unknown");
    assert!(answer.try_recv().is_err());
    assert!(session.admitted(&message(1, 7), &CLOCK()));
    let permit = answer.try_recv().unwrap().unwrap();
    // The second of two, or the same found in the file.
    assert!(!session.admitted(&message(1, 8), &CLOCK()));
    session.outcome(id(1), admitted(7), &CLOCK());
    assert!(!permit.loss.is_set() && session.held().len() == 1);
    session.forget(id(1));
    assert!(
        !session.admitted(&message(1, 9), &CLOCK()),
        "it was given back"
    );
    assert!(!session.is_active());
}

#[test]
fn a_request_that_was_given_up_is_not_admitted_by_a_late_message() {
    let mut session = session();
    let _left = wait(&mut session, 1, Request::new());
    session.forget(id(1));
    assert!(!session.admitted(&message(1, 7), &CLOCK()));
    assert!(!session.is_active());
}

#[test]
fn an_admission_that_was_over_before_it_was_seen_is_a_permit_that_is_lost() {
    let mut session = session();
    let mut answer = wait(&mut session, 1, Request::new());
    let admission = message(1, 7).admission;
    session.outcome(id(1), Outcome::Lost(Some(admission)), &CLOCK());
    assert!(answer.try_recv().unwrap().unwrap().loss.is_set());
    // A program of before does not say what it had got.
    let mut answer = wait(&mut session, 2, Request::new());
    session.outcome(id(2), Outcome::Lost(None), &CLOCK());
    assert!(matches!(
        answer.try_recv().unwrap(),
        Err(AcquireError::Cancelled { .. })
    ));
    assert!(!session.is_active());
}

#[test]
fn a_release_that_cannot_be_written_is_kept_until_it_is() {
    let mut session = session();
    let permit = hold(&mut session, 1, Request::new());
    session.fail(Command::Release(id(1), None), &unreachable(), true);
    assert!(permit.loss.is_set());
    assert_eq!(session.pending_releases(), [id(1)]);
    session.flushed();
    assert!(!session.is_pending());
    // Without an open file there is nothing to give back.
    session.fail(Command::Abandon(id(2)), &unreachable(), false);
    assert!(!session.is_pending());
}

#[test]
fn a_request_waits_for_a_locked_file_up_to_its_own_limit() {
    let mut session = session();
    let start = Instant::now();
    let limit = Duration::from_secs(10);
    let (limited, mut late) = acquire(1, Request::new().timeout(limit));
    let (unlimited, mut waits) = acquire(2, Request::new());
    assert_eq!(
        session.limit(std::slice::from_ref(&limited), start),
        Some(start + limit)
    );
    let error = unreachable();
    session.postpone(vec![limited, unlimited], (true, &error), true, start);
    let batch = session.with_postponed(vec![Command::Abandon(id(3))]);
    assert_eq!(order(&batch), [id(1), id(2), id(3)]);
    // Its time began with the first attempt.
    let later = start + Duration::from_secs(4);
    assert_eq!(session.limit(&batch, later), Some(start + limit));
    session.postpone(batch, (true, &error), true, start + limit);
    assert!(
        matches!(late.try_recv(), Ok(Err(AcquireError::TimedOut { after, .. })) if after == limit)
    );
    assert!(waits.try_recv().is_err());
    assert_eq!(order(&session.with_postponed(Vec::new())), [id(2)]);
    assert_eq!(session.pending_releases(), [id(3)]);
}

#[test]
fn other_commands_fail_only_when_the_process_that_has_the_turn_is_stuck() {
    let mut session = session();
    let error = unreachable();
    let (reply, mut answer) = oneshot::channel();
    let show = Command::Show(None, reply);
    session.postpone(vec![show], (false, &error), true, Instant::now());
    assert!(answer.try_recv().is_err() && session.is_postponed());
    let batch = session.with_postponed(Vec::new());
    session.postpone(batch, (true, &error), true, Instant::now());
    assert!(answer.try_recv().unwrap().is_err() && !session.is_postponed());
}

#[test]
fn a_caller_that_has_gone_is_not_postponed_again() {
    let mut session = session();
    let (command, answer) = acquire(1, Request::new());
    drop(answer);
    session.postpone(vec![command], (false, &unreachable()), true, Instant::now());
    assert!(!session.is_postponed());
}

#[test]
fn when_the_session_is_lost_permits_are_and_waiters_queue_again_in_order() {
    let mut session = session();
    let permit = hold(&mut session, 1, Request::new());
    let answers: Vec<_> = (2..20)
        .map(|number| wait(&mut session, number, Request::new()))
        .collect();
    let batch = session.lost();
    assert!(permit.loss.is_set());
    assert_eq!(order(&batch), (2..20).map(id).collect::<Vec<_>>());
    assert!(!session.is_active());
    for mut answer in answers {
        assert!(answer.try_recv().is_err(), "it still waits");
    }
}

#[test]
fn a_run_that_is_given_up_while_the_file_is_locked_loses_all_but_what_it_left() {
    let mut session = session();
    let of_other = hold(&mut session, 1, of_run(8));
    let left = hold(&mut session, 2, of_run(7));
    left.leave();
    let held = hold(&mut session, 3, of_run(7));
    let mut waits = wait(&mut session, 4, of_run(7));
    let run = RunId::from_u128(7);
    assert_eq!(session.left_by(run), HashSet::from([id(2)]));
    session.fail(Command::AbandonRun(run), &unreachable(), true);
    assert!(held.loss.is_set() && !left.loss.is_set() && !of_other.loss.is_set());
    assert!(matches!(
        waits.try_recv(),
        Ok(Err(AcquireError::Abandoned { .. }))
    ));
    let mut pending = session.pending_releases().to_vec();
    pending.sort_unstable();
    assert_eq!(pending, [id(3), id(4)]);
}

#[test]
fn no_request_waits_for_longer_than_it_wants_to_while_the_file_cannot_be_read() {
    let mut session = session();
    let mut short = wait(
        &mut session,
        1,
        Request::new().timeout(Duration::from_nanos(5)),
    );
    let mut long = wait(
        &mut session,
        2,
        Request::new().timeout(Duration::from_nanos(50)),
    );
    session.time_out(Moment(5), &CLOCK(), true);
    assert!(matches!(
        short.try_recv(),
        Ok(Err(AcquireError::TimedOut { .. }))
    ));
    assert!(long.try_recv().is_err());
    assert_eq!(session.pending_releases(), [id(1)]);
}

#[test]
fn permits_of_one_slot_id_are_lost_together() {
    let mut session = session();
    let mut answer = wait(&mut session, 1, Request::new());
    let Outcome::Admitted(admission) = admitted(3) else {
        unreachable!()
    };
    session.outcome(id(1), Outcome::Shares(id(9), admission), &CLOCK());
    let one = answer.try_recv().unwrap().unwrap();
    let mut answer = wait(&mut session, 2, Request::new());
    session.outcome(id(2), Outcome::Shares(id(9), admission), &CLOCK());
    let other = answer.try_recv().unwrap().unwrap();
    session.outcome(id(9), Outcome::Lost(None), &CLOCK());
    assert!(one.loss.is_set() && other.loss.is_set() && !session.is_active());
}

#[test]
fn a_store_that_is_closed_fails_what_waits_and_what_was_postponed() {
    let mut session = session();
    let mut waits = wait(&mut session, 1, Request::new());
    let (command, mut postponed) = acquire(2, Request::new());
    session.postpone(vec![command], (false, &unreachable()), true, Instant::now());
    session.fail_postponed(&unreachable(), true);
    session.closed(&unreachable());
    for answer in [waits.try_recv(), postponed.try_recv()] {
        assert!(matches!(answer, Ok(Err(AcquireError::Store(_)))));
    }
}
