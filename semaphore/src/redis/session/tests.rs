//! What a session does, event by event.
#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Command, Failure, Output, Session};
use crate::error::{AcquireError, StoreError};
use crate::event::EventHub;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::Settings;
use crate::redis::permit::PermitState;
use crate::redis::wire::{
    Acquired, Admission, DataSet, Due, Message, Payload, Push, Renewed, Reply, SessionLease,
};
use crate::request::Request;
use crate::view::Status;

const LEASE: Duration = Duration::from_secs(3);
const A: RequestId = RequestId::from_u128(1);
const B: RequestId = RequestId::from_u128(2);

struct Test {
    session: Session,
    now: Instant,
}

type Answered = oneshot::Receiver<Result<Option<Arc<PermitState>>, AcquireError>>;

impl Test {
    /// A session that is connected.
    fn connected() -> Self {
        let url = "redis://localhost?lease=3s".parse().unwrap();
        let settings = Settings::new(url, None, Arc::new(EventHub::new()));
        let now = Instant::now();
        let mut test = Self {
            session: Session::new(Arc::new(settings), now),
            now,
        };
        test.session.connected(data_set(), now);
        // With nothing else to say, it asks whether the server is there.
        let (serial, payload) = test.only_sent();
        assert!(matches!(&*payload, Payload::Ping));
        test.answer(serial, Reply::Done);
        test
    }

    fn acquire(&mut self, id: RequestId, request: Request) -> Answered {
        let (answer, answered) = oneshot::channel();
        let command = Command::Acquire {
            id,
            name: name(),
            request,
            joins: true,
            answer,
        };
        self.session.command(command, self.now);
        answered
    }

    fn release(&mut self, id: RequestId) {
        let answer = None;
        let command = Command::Release { id, answer };
        self.session.command(command, self.now);
    }

    /// What was sent since the last question.
    fn sent(&mut self) -> Vec<(u64, Arc<Payload>)> {
        self.session.no_command(self.now);
        std::iter::from_fn(|| self.session.next_output())
            .filter_map(|output| match output {
                Output::Send {
                    serial, payload, ..
                } => Some((serial, payload)),
                _ => None,
            })
            .collect()
    }

    /// The only thing that was sent since the last question.
    #[track_caller]
    fn only_sent(&mut self) -> (u64, Arc<Payload>) {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }

    fn answer(&mut self, serial: u64, reply: Reply) {
        self.session.answered(serial, Ok(Some(reply)), self.now);
    }

    fn push(&mut self, id: RequestId, message: Message) {
        self.session
            .pushed(Push::Message(id, message), None, self.now);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.time_passes(self.now);
    }

    /// A request that is busy.
    fn busy(&mut self, id: RequestId) -> Arc<PermitState> {
        let mut answered = self.acquire(id, Request::new());
        let (serial, _) = self.only_sent();
        self.answer(serial, Reply::Acquired(admitted(1)));
        answered.try_recv().unwrap().unwrap().unwrap()
    }
}

impl Test {
    /// A session that was never connected, whose requests wait so long for that.
    fn unreached(limit: &str) -> Self {
        let url = format!("redis://localhost?reach={limit}").parse().unwrap();
        let settings = Settings::new(url, None, Arc::new(EventHub::new()));
        let now = Instant::now();
        let session = Session::new(Arc::new(settings), now);
        Self { session, now }
    }
}

fn name() -> SemaphoreName {
    SemaphoreName::new("x").unwrap()
}

fn data_set() -> DataSet {
    DataSet {
        id: "the data set".into(),
        guard: 0,
    }
}

fn lease() -> SessionLease {
    SessionLease {
        left: LEASE.as_micros() as u64,
        ..SessionLease::default()
    }
}

fn admission(token: u64) -> Admission {
    Admission {
        token,
        requested: 1,
        started: 2,
        granted: false,
        generation: 7,
    }
}

fn admitted(token: u64) -> Acquired {
    Acquired::Admitted(admission(token), lease())
}

fn queued() -> Acquired {
    Acquired::Queued {
        requested: 1,
        key: "15".to_owned(),
        generation: 7,
        lease: lease(),
        due: Due(None),
    }
}

#[test]
fn a_waiter_is_admitted_by_a_push() {
    let mut test = Test::connected();
    let mut answered = test.acquire(A, Request::new());
    let (serial, _) = test.only_sent();
    test.answer(serial, Reply::Acquired(queued()));
    assert!(answered.try_recv().is_err());
    test.push(A, Message::Admitted(admission(5)));
    let permit = answered.try_recv().unwrap().unwrap().unwrap();
    assert_eq!((permit.id, permit.token), (A, 5));
}

#[test]
fn a_release_and_the_next_request_go_together() {
    let mut test = Test::connected();
    test.busy(A);
    test.release(A);
    let _answered = test.acquire(B, Request::new());
    let (_, payload) = test.only_sent();
    match &*payload {
        Payload::Acquire(acquire) => assert_eq!((acquire.id, acquire.returned), (B, Some(A))),
        _ => panic!("something else was sent"),
    }
}

#[test]
fn a_release_without_another_request_is_sent_at_once() {
    let mut test = Test::connected();
    test.busy(A);
    test.release(A);
    let (_, payload) = test.only_sent();
    assert!(matches!(&*payload, Payload::Release { id: A, .. }));
}

#[test]
fn what_was_released_together_with_a_request_is_released_also_when_the_connection_is_lost() {
    let mut test = Test::connected();
    test.busy(A);
    test.release(A);
    let mut answered = test.acquire(B, Request::new());
    test.sent();
    test.session.disconnected(None, test.now);
    test.session.connected(data_set(), test.now);
    let sent = test.sent();
    let is_release = |payload: &Payload| matches!(payload, Payload::Release { id: A, .. });
    let is_request =
        |payload: &Payload| matches!(payload, Payload::Acquire(acquire) if acquire.id == B);
    let release = sent.iter().position(|(_, payload)| is_release(payload));
    let request = sent.iter().position(|(_, payload)| is_request(payload));
    assert!(release.unwrap() < request.unwrap());
    test.answer(sent[request.unwrap()].0, Reply::Acquired(admitted(2)));
    assert!(answered.try_recv().is_ok());
}

#[test]
fn a_permit_is_lost_when_the_lease_passes_without_a_renewal() {
    let mut test = Test::connected();
    let permit = test.busy(A);
    test.session.disconnected(None, test.now);
    test.pass(LEASE - Duration::from_millis(1));
    assert!(!permit.is_lost_at(test.now));
    test.pass(Duration::from_millis(1));
    assert!(permit.is_lost_at(test.now));
}

#[test]
fn a_renewal_keeps_a_permit_for_a_lease_from_when_it_was_sent() {
    let mut test = Test::connected();
    let permit = test.busy(A);
    test.pass(LEASE / 3);
    let (serial, payload) = test.only_sent();
    assert!(matches!(&*payload, Payload::Renew { .. }));
    test.now += LEASE / 10;
    test.answer(
        serial,
        Reply::Renewed(Renewed::Renewed {
            lease: lease(),
            due: Due(None),
            states: vec![None],
            others: Vec::new(),
        }),
    );
    test.session.disconnected(None, test.now);
    let until = LEASE / 3 + LEASE;
    test.pass(until - (LEASE / 3 + LEASE / 10) - Duration::from_millis(1));
    assert!(!permit.is_lost_at(test.now));
    test.pass(Duration::from_millis(1));
    assert!(permit.is_lost_at(test.now));
}

#[test]
fn an_end_that_is_pushed_before_the_answer_counts_after_it() {
    let mut test = Test::connected();
    let mut answered = test.acquire(A, Request::new());
    let (serial, _) = test.only_sent();
    test.push(A, Message::Ended(Status::Done));
    assert!(answered.try_recv().is_err());
    test.answer(serial, Reply::Acquired(admitted(1)));
    let permit = answered.try_recv().unwrap().unwrap().unwrap();
    assert!(permit.is_lost_at(test.now));
}

#[test]
fn a_script_that_the_server_forgot_is_sent_once_with_its_text() {
    let mut test = Test::connected();
    let _answered = (
        test.acquire(A, Request::new()),
        test.acquire(B, Request::new()),
    );
    let sent = test.sent();
    test.now += Duration::from_millis(1);
    for (serial, _) in &sent {
        test.session
            .answered(*serial, Err(Failure::UnknownScript), test.now);
    }
    let texts: Vec<bool> = std::iter::from_fn(|| test.session.next_output())
        .filter_map(|output| match output {
            Output::Send { with_text, .. } => Some(with_text),
            _ => None,
        })
        .collect();
    assert_eq!(texts, [true, false]);
}

#[test]
fn a_request_that_was_given_up_is_not_asked_for_when_its_script_was_forgotten() {
    let mut test = Test::connected();
    let answered = test.acquire(A, Request::new());
    let (serial, _) = test.only_sent();
    drop(answered);
    test.session.command(Command::Abandon(A), test.now);
    let (_, payload) = test.only_sent();
    assert!(matches!(&*payload, Payload::Abandon { id: A, .. }));
    test.session
        .answered(serial, Err(Failure::UnknownScript), test.now);
    assert!(test.sent().is_empty());
}

#[test]
fn a_silent_server_is_given_up() {
    let mut test = Test::connected();
    let _answered = test.acquire(A, Request::new());
    test.sent();
    test.pass(test.session.settings.response_limit);
    let outputs = std::iter::from_fn(|| test.session.next_output());
    assert!({ outputs }.any(|output| matches!(output, Output::Disconnect)));
}

#[test]
fn a_wait_ends_by_its_timeout_also_without_a_server() {
    let mut test = Test::connected();
    let mut answered = test.acquire(A, Request::new().timeout(Duration::from_secs(1)));
    test.session.disconnected(None, test.now);
    test.pass(Duration::from_secs(1));
    let outcome = answered.try_recv().unwrap();
    assert!(matches!(outcome, Err(AcquireError::TimedOut { .. })));
}

#[test]
fn a_waiter_whose_data_were_lost_gets_its_place_back_although_another_request_came_first() {
    let mut test = Test::connected();
    let _waits = test.acquire(A, Request::new());
    let (serial, _) = test.only_sent();
    test.answer(serial, Reply::Acquired(queued()));
    // The data are lost, and this makes the semaphore anew.
    let _other = test.acquire(B, Request::new());
    let (serial, _) = test.only_sent();
    let mut again = admission(9);
    again.generation = 8;
    test.answer(serial, Reply::Acquired(Acquired::Admitted(again, lease())));
    test.pass(LEASE / 3);
    let (serial, payload) = test.only_sent();
    let Payload::Renew { ids, .. } = &*payload else {
        panic!("no renewal was sent");
    };
    let unknown = ids
        .iter()
        .map(|id| (*id == A).then_some(crate::redis::wire::RequestState::Unknown));
    let states = unknown.collect();
    test.answer(
        serial,
        Reply::Renewed(Renewed::Renewed {
            lease: lease(),
            due: Due(None),
            states,
            others: Vec::new(),
        }),
    );
    let (_, payload) = test.only_sent();
    let Payload::Restore(restore) = &*payload else {
        panic!("nothing was restored");
    };
    assert_eq!(restore.requests.len(), 1);
    assert_eq!(restore.requests[0].id, A);
}

#[test]
fn a_request_for_a_server_that_was_never_reached_fails_at_its_limit() {
    let mut test = Test::unreached("2s");
    let mut answered = test.acquire(A, Request::new());
    test.pass(Duration::from_millis(1999));
    assert!(answered.try_recv().is_err(), "it is not answered yet");
    test.pass(Duration::from_millis(1));
    let error = answered.try_recv().unwrap().unwrap_err();
    assert!(
        matches!(error, AcquireError::Store(StoreError::Unreachable { .. })),
        "{error}"
    );
}

#[test]
fn once_the_server_was_reached_the_limit_does_not_count() {
    let mut test = Test::unreached("2s");
    let mut answered = test.acquire(A, Request::new());
    test.session.connected(data_set(), test.now);
    test.pass(Duration::from_secs(2));
    assert!(
        answered.try_recv().is_err(),
        "it still waits for its answer"
    );
}
