//! Random commands, played into a store and into the pure [`queue`](cla_semaphore::queue): after each step both must
//! show the same, and callers that wait and callers that hold a permit have got the same outcomes.
//!
//! No command depends on time, so the queue's clock stands still. Each step is waited for: the next
//! command comes when the store shows what the queue shows.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};

use super::Subject;
use super::drive::{poll, until};
use super::events::Listener;
use super::stage::{At, Fixture};
use cla_semaphore::Request;
use cla_semaphore::RequestId;
use cla_semaphore::SlotId;
use cla_semaphore::Slots;
use cla_semaphore::Timestamp;
use cla_semaphore::queue::{
    Admission, Attempt, Effects, Outcome, Queue, RefreshRefused, Ticket, Way,
};
use cla_semaphore::{Acquire, Permit};
use cla_semaphore::{AcquireError, AdminError, RefreshError, ReleaseError};
use cla_semaphore::{SemaphoreView, Status};

/// How many sequences, and how long the longest: what a store across a network plays in some ten seconds.
const SEQUENCES: u32 = 32;
const STEPS: usize = 30;
/// Once a sequence has failed, its shorter sisters get this much poll_timeout at most, and this much time in all.
const POLL_TIMEOUT_WHEN_SHRINKING: Duration = Duration::from_secs(2);
const SHRINKING: Duration = Duration::from_secs(90);

/// The semaphores there are.
const NAMES: [&str; 2] = ["x", "{y}:2"];

/// Which client acts, at which semaphore.
#[derive(Clone, Copy)]
struct Where {
    client: usize,
    semaphore: usize,
}

impl fmt::Debug for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client = ["a", "b"][self.client];
        write!(f, "{client} at {}", NAMES[self.semaphore])
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Acquire(Where, Option<Slots>, i32, Option<u8>),
    TryAcquire(Where, Option<Slots>, Option<u8>),
    ReleaseSlot(Where, u8),
    /// Always in vain: nothing here has a TTL.
    RefreshSlot(Where, u8),
    // The last number picks one of those there are: permits, or waiting requests. (Of those that wait there is
    // now and then none: then any request that ever was is picked, which cannot be steered.)
    Release(usize),
    Drop(usize),
    Leave(usize),
    /// Gives up a wait.
    Abandon(usize),
    /// Gives back a permit, and at once gives up the wait that is first in line there.
    ReleaseAndAbandonTheFirst(usize),
    Grant(Where, usize),
    Cancel(Where, usize),
    Move(Where, usize, usize),
    Purge(Where),
    ForceRelease(Where),
    SetSlots(Where, Slots),
    Pin(Where),
    Unpin(Where),
    Forget(Where),
}

fn slots() -> impl Strategy<Value = Slots> {
    prop_oneof![
        8 => (0..4_u32).prop_map(Slots::Limited),
        1 => Just(Slots::Unlimited),
    ]
}

/// The slot ids there are: few, so that they meet.
const SLOT_IDS: std::ops::Range<u8> = 0..3;

fn slot() -> impl Strategy<Value = Option<u8>> {
    prop::option::weighted(0.3, SLOT_IDS)
}

fn slot_id(slot: u8) -> SlotId {
    SlotId::new(["s", "@|s%7C", "信号"][usize::from(slot)])
        .expect("the suite's slot ids are slot ids")
}

fn step() -> impl Strategy<Value = Step> {
    // Mostly the first semaphore: a sequence is about what happens at one.
    let place = || {
        let semaphore = prop_oneof![4 => Just(0_usize), 1 => Just(1)];
        (0..2_usize, semaphore).prop_map(|(client, semaphore)| Where { client, semaphore })
    };
    let declared = || prop::option::weighted(0.2, slots());
    prop_oneof![
        14 => (place(), declared(), -1..2_i32, slot())
            .prop_map(|(at, declared, priority, slot)| Step::Acquire(at, declared, priority, slot)),
        3 => (place(), declared(), slot())
            .prop_map(|(at, declared, slot)| Step::TryAcquire(at, declared, slot)),
        3 => (place(), SLOT_IDS).prop_map(|(at, slot)| Step::ReleaseSlot(at, slot)),
        1 => (place(), SLOT_IDS).prop_map(|(at, slot)| Step::RefreshSlot(at, slot)),
        2 => any::<usize>().prop_map(Step::Leave),
        4 => any::<usize>().prop_map(Step::Release),
        4 => any::<usize>().prop_map(Step::Drop),
        2 => any::<usize>().prop_map(Step::Abandon),
        2 => any::<usize>().prop_map(Step::ReleaseAndAbandonTheFirst),
        3 => (place(), any::<usize>()).prop_map(|(at, who)| Step::Grant(at, who)),
        2 => (place(), any::<usize>()).prop_map(|(at, who)| Step::Cancel(at, who)),
        4 => (place(), any::<usize>(), 0..6_usize)
            .prop_map(|(at, who, to)| Step::Move(at, who, to)),
        1 => place().prop_map(Step::Purge),
        1 => place().prop_map(Step::ForceRelease),
        2 => (place(), slots()).prop_map(|(at, slots)| Step::SetSlots(at, slots)),
        1 => place().prop_map(Step::Pin),
        1 => place().prop_map(Step::Unpin),
        1 => place().prop_map(Step::Forget),
    ]
}

/// A number in the environment, if there is one.
fn variable<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("{name} must be a whole number, not {text:?}"),
        },
        Err(_) => otherwise,
    }
}

/// A store does what the pure queue does, command by command.
pub(super) fn random_commands_do_what_they_do_to_the_pure_queue(subject: &dyn Subject) {
    compare_sequences(subject, false);
}

/// Rule 10: a store emits every transition of the pure queue, with the counts right after it, in order.
pub(super) fn what_random_commands_do_is_told_as_the_pure_queue_tells_it(subject: &dyn Subject) {
    compare_sequences(subject, true);
}

fn compare_sequences(subject: &dyn Subject, listening: bool) {
    let steps = variable("CLA_CONFORMANCE_STEPS", STEPS).max(1);
    let config = Config {
        cases: variable("CLA_CONFORMANCE_SEQUENCES", SEQUENCES),
        max_shrink_time: u32::try_from(SHRINKING.as_millis()).unwrap_or(u32::MAX),
        failure_persistence: None,
        ..Config::default()
    };
    let sequences = prop::collection::vec(step(), 1..=steps);
    let shrinking = Cell::new(false);
    let outcome = TestRunner::new(config).run(&sequences, |sequence| {
        let mut poll_timeout = None;
        if shrinking.get() {
            poll_timeout = Some(POLL_TIMEOUT_WHEN_SHRINKING);
        }
        play(subject, listening, poll_timeout, &sequence).map_err(|difference| {
            shrinking.set(true);
            TestCaseError::fail(difference)
        })
    });
    match outcome {
        Ok(()) => {}
        Err(TestError::Fail(difference, sequence)) => {
            let (difference, sequence) =
                shorten(subject, listening, difference.to_string(), sequence);
            panic!("{difference}\n\nThe shortest sequence that fails: {sequence:#?}")
        }
        Err(TestError::Abort(reason)) => panic!("no sequences: {reason}"),
    }
}

/// Leaves out every step without which the sequence still fails. proptest tries each only once, and a step that
/// was needed may no longer be when others are simpler.
fn shorten(
    subject: &dyn Subject,
    listening: bool,
    mut difference: String,
    mut sequence: Vec<Step>,
) -> (String, Vec<Step>) {
    let deadline = Instant::now() + SHRINKING;
    let mut nth = 0;
    while nth < sequence.len() && Instant::now() < deadline {
        let mut shorter = sequence.clone();
        shorter.remove(nth);
        match play(
            subject,
            listening,
            Some(POLL_TIMEOUT_WHEN_SHRINKING),
            &shorter,
        ) {
            Ok(()) => nth += 1,
            Err(other) => {
                (difference, sequence, nth) = (other, shorter, 0);
            }
        }
    }
    (difference, sequence)
}

/// Plays a sequence into a fresh store and a fresh model.
fn play(
    subject: &dyn Subject,
    listening: bool,
    poll_timeout: Option<Duration>,
    steps: &[Step],
) -> Result<(), String> {
    let mut stage = Fixture::new(subject);
    if let Some(poll_timeout) = poll_timeout {
        stage.a.poll_timeout = stage.a.poll_timeout.min(poll_timeout);
        stage.b.poll_timeout = stage.a.poll_timeout;
    }
    let listener = listening.then(|| Listener::new(&stage.b, &stage));
    let mut game = Game::new(&stage, listener);
    for (nth, step) in steps.iter().enumerate() {
        game.turn(*step, nth)
            .map_err(|difference| format!("after step {nth}, {step:?}: {difference}"))?;
    }
    // All requests end.
    game.all_requests = Vec::new();
    for name in NAMES.iter().filter(|_| game.left) {
        // What was left stays, so it is not known whether there is anything.
        let _ = stage.a.on(name).purge();
    }
    until(stage.a.poll_timeout, || {
        let list = stage.b.list();
        let idle = list.iter().all(|view| view.busy == 0 && view.waiting == 0);
        let live = |view: &SemaphoreView| view.requests.iter().any(|row| is_live(row.status));
        if idle && !list.iter().any(live) {
            Ok(())
        } else {
            Err(list)
        }
    })
    .map_err(|list| format!("not everything was given back at the end: {list:#?}"))
}

const fn is_live(status: Status) -> bool {
    matches!(status, Status::Waiting | Status::Busy)
}

/// One request, in both worlds.
struct PendingRequest {
    at: Where,
    ticket: Ticket,
    /// The request whose slot it holds once it was admitted: another one's, if that has the same slot id.
    held: Ticket,
    /// The store's name for it, once that is known.
    id: Option<RequestId>,
    /// The fencing tokens: the model's and the store's.
    tokens: Option<(u64, u64)>,
    state: State,
}

enum State {
    Waiting(Acquire),
    Holding(Permit),
    Over,
}

/// What a row says that both worlds know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    status: Status,
    granted: bool,
    priority: i32,
    slot: Option<SlotId>,
    place: Option<usize>,
}

/// What a semaphore shows that both worlds know.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Picture {
    slots: Slots,
    pinned: bool,
    busy: usize,
    waiting: usize,
    rows: Vec<Row>,
}

struct Game<'a> {
    clients: [&'a At; 2],
    queues: [Queue<usize>; 2],
    /// Of each queue.
    fx: [Effects<usize>; 2],
    /// If events are compared, too.
    listener: Option<Listener>,
    all_requests: Vec<PendingRequest>,
    /// Some slots were left without a permit.
    left: bool,
}

type Checked = Result<(), String>;

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl<'a> Game<'a> {
    fn new(stage: &'a Fixture, listener: Option<Listener>) -> Self {
        Self {
            clients: [&stage.a, &stage.b],
            queues: [Queue::new(0), Queue::new(0)],
            fx: std::array::from_fn(|_| Effects {
                observed: listener.is_some(),
                ..Effects::default()
            }),
            listener,
            all_requests: Vec::new(),
            left: false,
        }
    }

    fn at(&self, at: Where) -> At {
        self.clients[at.client].on(NAMES[at.semaphore])
    }

    /// Does one step in both worlds, then waits until they agree.
    fn turn(&mut self, step: Step, nth: usize) -> Checked {
        self.act(step)?;
        self.agree(self.clients[nth % 2])
    }

    fn act(&mut self, step: Step) -> Checked {
        let now = Timestamp::ZERO;
        match step {
            Step::Acquire(at, declared, priority, slot) => {
                return self.ask(at, asking(declared, slot).priority(priority));
            }
            Step::TryAcquire(at, declared, slot) => {
                let mut request = asking(declared, slot);
                let there = self.at(at);
                let store = there.try_take_as(request.clone());
                let queue = &mut self.queues[at.semaphore];
                let model = queue.try_acquire(&mut request, now, &mut self.fx[at.semaphore]);
                match (model, store) {
                    (None, None) => {}
                    (Some(admission), Some(permit)) => return self.enter(at, admission, permit),
                    (model, store) => {
                        return Err(format!(
                            "try_acquire gave {store:?} and should give {model:?}"
                        ));
                    }
                }
            }
            Step::Release(who) => {
                if let Some(who) = self.pick(who, |state| matches!(state, State::Holding(_))) {
                    return self.release(who);
                }
            }
            Step::Drop(who) => {
                if let Some(who) = self.pick(who, |state| matches!(state, State::Holding(_))) {
                    let PendingRequest { at, held, .. } = self.all_requests[who];
                    self.all_requests[who].state = State::Over;
                    // It does no harm if it was lost.
                    let _ =
                        self.queues[at.semaphore].release(held, now, &mut self.fx[at.semaphore]);
                }
            }
            Step::Leave(who) => {
                if let Some(who) = self.pick(who, |state| matches!(state, State::Holding(_)))
                    && let State::Holding(permit) =
                        std::mem::replace(&mut self.all_requests[who].state, State::Over)
                {
                    permit.leave();
                    self.left = true;
                }
            }
            Step::ReleaseSlot(at, slot) => {
                let slot = slot_id(slot);
                let queue = &mut self.queues[at.semaphore];
                let model = queue.release_slot(&slot, now, &mut self.fx[at.semaphore]);
                let store = self.at(at).release_slot(&slot);
                return ensure(store == model.is_ok(), || {
                    format!("release_slot gave {store} and should give {model:?}")
                });
            }
            Step::RefreshSlot(at, slot) => {
                let slot = slot_id(slot);
                let queue = &mut self.queues[at.semaphore];
                let ttl = super::stage::ttl(Duration::from_secs(60));
                let model = queue.refresh_slot(&slot, ttl, now, &mut self.fx[at.semaphore]);
                let store = self.at(at).refresh_slot(&slot, ttl);
                return match (model, &store) {
                    (Err(RefreshRefused::NotHeld), Err(RefreshError::NotHeld { .. }))
                    | (Err(RefreshRefused::NoTtl), Err(RefreshError::NoTtl { .. })) => Ok(()),
                    _ => Err(format!(
                        "refresh_slot gave {store:?} and should give {model:?}"
                    )),
                };
            }
            Step::Abandon(who) => {
                if let Some(who) = self.pick(who, |state| matches!(state, State::Waiting(_))) {
                    self.abandon(who);
                }
            }
            // Which of the two comes first is not decided, and only the events show the difference.
            Step::ReleaseAndAbandonTheFirst(_) if self.listener.is_some() => {}
            Step::ReleaseAndAbandonTheFirst(who) => {
                let Some(who) = self.pick(who, |state| matches!(state, State::Holding(_))) else {
                    return Ok(());
                };
                let at = self.all_requests[who].at;
                let rows = self.queues[at.semaphore].rows(now);
                let first = rows.into_iter().find(|row| row.place == Some(1));
                let first = first.map(|row| row.ticket);
                self.release(who)?;
                let first = self.all_requests.iter().position(|asked| {
                    Some(asked.ticket) == first && asked.at.semaphore == at.semaphore
                });
                if let Some(first) = first {
                    self.abandon(first);
                }
            }
            Step::Grant(at, who) => {
                return self.steer(at, who, |at, id| at.grant(id), Queue::grant);
            }
            Step::Cancel(at, who) => {
                return self.steer(at, who, |at, id| at.cancel(id), Queue::cancel);
            }
            Step::Move(at, who, place) => {
                return self.steer(
                    at,
                    who,
                    |at, id| at.move_to(id, place),
                    |queue, ticket, now, fx| queue.move_to(ticket, place, now, fx),
                );
            }
            Step::Purge(at) => {
                let queue = &mut self.queues[at.semaphore];
                let model = queue.exists().then(|| {
                    let (freed, granted) = queue.purge(now, &mut self.fx[at.semaphore]);
                    freed + granted
                });
                return same_count(model, self.at(at).purge());
            }
            Step::ForceRelease(at) => {
                let queue = &mut self.queues[at.semaphore];
                let exists = queue.exists();
                let model = exists.then(|| queue.force_release(now, &mut self.fx[at.semaphore]));
                return same_count(model, self.at(at).force_release());
            }
            Step::SetSlots(at, slots) => {
                self.queues[at.semaphore].set_slots(slots, now, &mut self.fx[at.semaphore]);
                self.at(at).slots(slots);
            }
            Step::Pin(at) => {
                self.queues[at.semaphore].pin(now, &mut self.fx[at.semaphore]);
                self.at(at).pin();
            }
            Step::Unpin(at) => {
                let queue = &mut self.queues[at.semaphore];
                let exists = queue.exists();
                if exists {
                    queue.unpin(now, &mut self.fx[at.semaphore]);
                }
                return same_count(exists.then_some(0), self.at(at).unpin().map(|()| 0));
            }
            Step::Forget(at) => {
                let queue = &mut self.queues[at.semaphore];
                let (exists, idle) = (queue.exists(), queue.is_idle());
                let forgotten = exists && queue.forget(now, &mut self.fx[at.semaphore]);
                return match (self.at(at).forget(), exists, idle) {
                    (Ok(()), true, true) if forgotten => Ok(()),
                    (Err(AdminError::UnknownSemaphore { .. }), false, _)
                    | (Err(AdminError::InUse { .. }), true, false) => Ok(()),
                    (store, ..) => {
                        Err(format!("forget: {store:?} (there: {exists}, idle: {idle})"))
                    }
                };
            }
        }
        Ok(())
    }

    /// Asks for a slot, and waits for it if one is free.
    fn ask(&mut self, at: Where, mut request: Request) -> Checked {
        let there = self.at(at);
        let number = self.all_requests.len();
        let mut acquire = there
            .semaphores
            .semaphore(&there.name)
            .acquire()
            .with(request.clone());
        let queue = &mut self.queues[at.semaphore];
        let outcome = queue.acquire(
            &mut request,
            |_, _| number,
            Timestamp::ZERO,
            &mut self.fx[at.semaphore],
        );
        match outcome {
            Attempt::Admitted(admission) => match super::drive::within(there.poll_timeout, acquire)
            {
                Some(Ok(permit)) => self.enter(at, admission, permit),
                Some(Err(error)) => Err(format!("a slot is free, yet: {error}")),
                None => Err(format!(
                    "a slot is free, yet it waits: {:#?}",
                    there.shown()
                )),
            },
            Attempt::Queued(ticket) => match poll(&mut acquire) {
                None => {
                    self.join(at, ticket, State::Waiting(acquire));
                    Ok(())
                }
                Some(outcome) => Err(format!("no slot is free, yet: {outcome:?}")),
            },
            Attempt::TimedOut => unreachable!("it has no timeout"),
        }
    }

    /// A request was admitted at once, in both worlds, or shares the slot of an earlier one.
    fn enter(&mut self, at: Where, admission: Admission, permit: Permit) -> Checked {
        self.join(at, admission.ticket, State::Over);
        self.hold(self.all_requests.len() - 1, admission, permit)
    }

    /// The first who asked with that ticket.
    fn whose(&self, semaphore: usize, ticket: Ticket) -> Option<usize> {
        self.all_requests
            .iter()
            .position(|asked| asked.at.semaphore == semaphore && asked.ticket == ticket)
    }

    fn join(&mut self, at: Where, ticket: Ticket, state: State) {
        self.all_requests.push(PendingRequest {
            at,
            ticket,
            held: ticket,
            id: None,
            tokens: None,
            state,
        });
    }

    /// The request was admitted, in both worlds.
    fn hold(&mut self, who: usize, admission: Admission, permit: Permit) -> Checked {
        let holder = self.whose(self.all_requests[who].at.semaphore, admission.ticket);
        let id = holder.and_then(|holder| self.all_requests[holder].id);
        let asked = &mut self.all_requests[who];
        let granted = matches!(admission.way, Way::Grant);
        ensure(permit.granted() == granted, || {
            format!("{permit:?} should have granted = {granted}")
        })?;
        ensure(id.is_none_or(|id| id == permit.id()), || {
            format!("{permit:?} was {id:?} before")
        })?;
        if asked.ticket == admission.ticket {
            asked.id = Some(permit.id());
        }
        asked.tokens = Some((admission.token, permit.token()));
        asked.state = State::Holding(permit);
        Ok(())
    }

    fn release(&mut self, who: usize) -> Checked {
        let asked = &mut self.all_requests[who];
        let State::Holding(permit) = std::mem::replace(&mut asked.state, State::Over) else {
            unreachable!("a permit was picked")
        };
        let PendingRequest { at, held, .. } = *asked;
        let there = self.at(at);
        let store = there.wait_for("release", permit.release());
        let model =
            self.queues[at.semaphore].release(held, Timestamp::ZERO, &mut self.fx[at.semaphore]);
        match (model, store) {
            (Ok(()), Ok(())) | (Err(_), Err(ReleaseError::Lost { .. })) => Ok(()),
            (model, store) => Err(format!("release gave {store:?} and should give {model:?}")),
        }
    }

    /// Drops a future. It may not know yet what became of it.
    fn abandon(&mut self, who: usize) {
        let PendingRequest { at, ticket, .. } = self.all_requests[who];
        self.all_requests[who].state = State::Over;
        self.queues[at.semaphore].abandon(ticket, Timestamp::ZERO, &mut self.fx[at.semaphore]);
        // Its outcome does not count any more.
        self.fx[at.semaphore]
            .outcomes
            .retain(|(number, _)| *number != who);
    }

    /// Does something to a waiting request, or in vain to another.
    fn steer(
        &mut self,
        at: Where,
        who: usize,
        store: impl FnOnce(&At, RequestId) -> Result<(), AdminError>,
        model: impl FnOnce(
            &mut Queue<usize>,
            Ticket,
            Timestamp,
            &mut Effects<usize>,
        ) -> Result<(), cla_semaphore::queue::NotWaiting>,
    ) -> Checked {
        let waits = |state: &State| matches!(state, State::Waiting(_));
        let Some(who) = self.pick(who, waits).or_else(|| self.pick(who, |_| true)) else {
            return Ok(());
        };
        let PendingRequest {
            at: its,
            ticket,
            id: Some(id),
            ..
        } = self.all_requests[who]
        else {
            return Ok(());
        };
        let queue = &mut self.queues[its.semaphore];
        let model = model(queue, ticket, Timestamp::ZERO, &mut self.fx[its.semaphore]);
        let store = store(&self.at(at), id);
        let same = match &store {
            Ok(()) => model.is_ok(),
            // For how long what ended is known is the store's affair.
            Err(AdminError::UnknownRequest { .. }) => {
                model.is_err() && !queue_has(&self.queues[its.semaphore], ticket)
            }
            Err(AdminError::NotWaiting { status, .. }) => {
                let known = self.queues[its.semaphore].status(ticket);
                model.is_err() && known.is_none_or(|known| known == *status)
            }
            Err(_) => false,
        };
        ensure(same, || {
            format!("it gave {store:?} and should give {model:?}")
        })
    }

    /// One of those in such a state, if there are any.
    fn pick(&self, who: usize, is: impl Fn(&State) -> bool) -> Option<usize> {
        let those: Vec<_> = (0..self.all_requests.len())
            .filter(|nth| is(&self.all_requests[*nth].state))
            .collect();
        (!those.is_empty()).then(|| those[who % those.len()])
    }

    /// Waits until all callers have the outcomes of the model, and the store shows what the model shows.
    fn agree(&mut self, observer: &At) -> Checked {
        let mut outcomes = HashMap::new();
        for fx in &mut self.fx {
            outcomes.extend(fx.outcomes.drain(..));
            fx.lost.clear();
        }
        until(observer.poll_timeout, || {
            match self.check_outcomes(&mut outcomes) {
                // A wrong outcome does not become right by waiting.
                Err(wrong) => Ok(Err(wrong)),
                Ok(()) => self.compare(&outcomes, observer).map(Ok),
            }
        })
        .and_then(|checked| checked)?;
        self.check_tokens()?;
        self.compare_events()
    }

    /// Asks all that wait for their outcomes, which must be those of the model.
    fn check_outcomes(&mut self, outcomes: &mut HashMap<usize, Outcome>) -> Checked {
        for who in 0..self.all_requests.len() {
            let State::Waiting(acquire) = &mut self.all_requests[who].state else {
                continue;
            };
            let Some(outcome) = poll(acquire) else {
                continue;
            };
            let wanted = outcomes.remove(&who);
            match (wanted, outcome) {
                (Some(Outcome::Admitted(admission)), Ok(permit)) => {
                    self.hold(who, admission, permit)?;
                }
                (Some(Outcome::Slot(admission)), Ok(permit)) => {
                    self.all_requests[who].held = admission.ticket;
                    self.hold(who, admission, permit)?;
                }
                (Some(Outcome::Cancelled), Err(AcquireError::Cancelled { .. })) => {
                    self.all_requests[who].state = State::Over;
                }
                (wanted, outcome) => {
                    return Err(format!(
                        "request {who} got {outcome:?} and should get {wanted:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Compares the two worlds.
    fn compare(&mut self, outcomes: &HashMap<usize, Outcome>, observer: &At) -> Checked {
        ensure(outcomes.is_empty(), || {
            format!(
                "these outcomes never came: {outcomes:?}; {:#?}",
                observer.list()
            )
        })?;
        for (who, asked) in self.all_requests.iter().enumerate() {
            if let State::Holding(permit) = &asked.state {
                let lost = !self.queues[asked.at.semaphore].is_held(asked.held);
                ensure(permit.is_lost() == lost, || {
                    format!("the permit of request {who} should be lost: {lost}")
                })?;
            }
        }
        let mut list = observer.list();
        list.retain(|view| NAMES.contains(&view.name.as_str()));
        let known: BTreeSet<&str> = list.iter().map(|view| view.name.as_str()).collect();
        let there = |semaphore: &usize| self.queues[*semaphore].exists();
        let wanted = (0..NAMES.len())
            .filter(there)
            .map(|nth| NAMES[nth])
            .collect();
        ensure(known == wanted, || {
            format!("it lists {known:?} and should list {wanted:?}")
        })?;
        for view in &list {
            let semaphore = usize::from(view.name.as_str() != NAMES[0]);
            self.compare_one(semaphore, view)?;
        }
        Ok(())
    }

    fn compare_one(&mut self, semaphore: usize, view: &SemaphoreView) -> Checked {
        let queue = &self.queues[semaphore];
        let rows: Vec<_> = queue
            .rows(Timestamp::ZERO)
            .filter(|row| is_live(row.status))
            .collect();
        let model = Picture {
            slots: queue.slots(),
            pinned: queue.is_pinned(),
            busy: queue.busy(),
            waiting: queue.waiting(),
            rows: rows
                .iter()
                .map(|row| Row {
                    status: row.status,
                    granted: row.granted,
                    priority: row.priority.0,
                    slot: row.slot.cloned(),
                    place: row.place,
                })
                .collect(),
        };
        let live: Vec<_> = view
            .requests
            .iter()
            .filter(|row| is_live(row.status))
            .collect();
        let store = Picture {
            slots: view.slots,
            pinned: view.pinned,
            busy: view.busy,
            waiting: view.waiting,
            rows: live
                .iter()
                .map(|row| Row {
                    status: row.status,
                    granted: row.granted,
                    priority: row.priority.0,
                    slot: row.slot.clone(),
                    place: row.place,
                })
                .collect(),
        };
        let name = NAMES[semaphore];
        ensure(store == model, || {
            format!("{name} shows {store:#?}\nand should show {model:#?}")
        })?;
        let pairs = rows.iter().map(|row| row.ticket).zip(live);
        for (ticket, row) in pairs {
            let whose = |asked: &&mut PendingRequest| {
                asked.at.semaphore == semaphore && asked.ticket == ticket
            };
            let Some(asked) = self.all_requests.iter_mut().find(whose) else {
                unreachable!("the model has no requests but these")
            };
            // The one that just joined is named here.
            let id = *asked.id.get_or_insert(row.id);
            ensure(id == row.id, || {
                format!(
                    "{name} shows {} where {id} should be: {:#?}",
                    row.id, view.requests
                )
            })?;
            let token = asked.tokens.map(|(_, store)| store);
            ensure(row.token == token, || {
                format!(
                    "the row of {id} has the token {:?}, its permit {token:?}",
                    row.token
                )
            })?;
        }
        Ok(())
    }

    /// Compares the events of this step.
    fn compare_events(&mut self) -> Checked {
        let Some(listener) = &mut self.listener else {
            return Ok(());
        };
        let wanted: usize = self.fx.iter().map(|fx| fx.transitions.len()).sum();
        let emitted = listener.next_at(&NAMES, wanted)?;
        for (semaphore, name) in NAMES.iter().enumerate() {
            let whose = |ticket: Ticket| {
                let mut its = self.all_requests.iter();
                its.find(|asked| asked.at.semaphore == semaphore && asked.ticket == ticket)
                    .and_then(|asked| asked.id)
            };
            let wanted: Vec<_> = self.fx[semaphore]
                .transitions
                .drain(..)
                .map(|it| {
                    (
                        it.kind,
                        it.ticket.and_then(whose),
                        it.busy,
                        it.waiting,
                        it.slots,
                    )
                })
                .collect();
            let emitted: Vec<_> = emitted
                .iter()
                .filter(|event| event.semaphore.as_str() == *name)
                .map(|it| (it.kind, it.request, it.busy, it.waiting, it.slots))
                .collect();
            ensure(emitted == wanted, || {
                format!("of {name} it emitted {emitted:#?}\nand should emit {wanted:#?}")
            })?;
        }
        Ok(())
    }

    /// Tokens of a semaphore are in the order in which it admitted.
    fn check_tokens(&self) -> Checked {
        for (semaphore, name) in NAMES.iter().enumerate() {
            let its = self
                .all_requests
                .iter()
                .filter(|asked| asked.at.semaphore == semaphore);
            let mut tokens: Vec<_> = its.filter_map(|asked| asked.tokens).collect();
            tokens.sort_unstable();
            // Permits of one slot have one token.
            tokens.dedup();
            let grow = tokens.windows(2).all(|two| two[0].1 < two[1].1);
            ensure(grow, || {
                format!("the tokens of {name} do not only grow: {tokens:?}")
            })?;
        }
        Ok(())
    }
}

fn asking(declared: Option<Slots>, slot: Option<u8>) -> Request {
    let mut request = Request::new();
    if let Some(slots) = declared {
        request = request.slots(slots);
    }
    if let Some(slot) = slot {
        request = request.slot(slot_id(slot));
    }
    request
}

fn queue_has(queue: &Queue<usize>, ticket: Ticket) -> bool {
    queue.is_waiting(ticket) || queue.is_held(ticket)
}

/// Whether the store gives the model's number, or both have no such semaphore.
fn same_count(model: Option<usize>, store: Result<usize, AdminError>) -> Checked {
    match (model, store) {
        (Some(model), Ok(store)) if model == store => Ok(()),
        (None, Err(AdminError::UnknownSemaphore { .. })) => Ok(()),
        (model, store) => Err(format!("it gave {store:?} and should give {model:?}")),
    }
}
