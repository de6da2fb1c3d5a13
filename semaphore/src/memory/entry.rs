//! One semaphore of the store: its queue, its lock, and what a transition does outside of the queue.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::task::Waker;

use super::Shared;
use super::cipher::Address;
use crate::error::{DeadlockError, RefreshError};
use crate::event::Event;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::queue::{self, Admission, Effects, Queue, RefreshRefused, Ticket};
use crate::request::Ttl;
use crate::slot::SlotId;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Timestamp;

/// One semaphore.
pub(crate) struct Entry {
    pub(super) me: Weak<Entry>,
    pub(super) name: SemaphoreName,
    pub(super) number: u32,
    pub(super) shared: Arc<Shared>,
    pub(super) state: Mutex<State>,
}

/// What an entry's lock protects.
pub(crate) struct State {
    pub(crate) queue: Queue<Waiter>,
    pub(crate) fx: Effects<Waiter>,
    /// Outcomes of waits whose futures do not know them yet, by sequence number of the request. Not those that were simply
    /// admitted: see [`State::take_outcome`].
    pub(super) outcomes: HashMap<u64, Outcome>,
    /// The admissions of permits that were lost and are still there, by sequence number. Nearly always nothing.
    pub(super) lost: HashMap<u64, Admission>,
    /// When the timer calls; never later than the queue's next deadline.
    pub(super) alarm: Timestamp,
    /// Wakers of those who wait until a permit is lost. Nearly always there is none.
    pub(super) watchers: Vec<(Ticket, Waker)>,
}

impl State {
    #[inline]
    fn has_effects(&self) -> bool {
        !self.fx.outcomes.is_empty() || self.has_rare_effects()
    }

    #[inline]
    fn has_rare_effects(&self) -> bool {
        !self.fx.lost.is_empty()
            || !self.fx.transitions.is_empty()
            || self.queue.next_deadline() < self.alarm
    }

    /// The waker to call, if that is all there is to do: the next in line is admitted.
    #[inline]
    fn hand_over(&mut self) -> Option<Waker> {
        match self.fx.outcomes.as_slice() {
            [(_, queue::Outcome::Admitted(_))] if !self.has_rare_effects() => {
                self.fx.outcomes.pop().map(|(waiter, _)| waiter.waker)
            }
            _ => None,
        }
    }

    /// Notes the outcome of a wait. Returns the waker to call.
    pub(crate) fn note_outcome(&mut self, waiter: Waiter, outcome: Outcome) -> Waker {
        // A hand-over must not allocate, so nothing is written down for the most frequent outcome.
        if !matches!(outcome, Outcome::Admitted) {
            self.outcomes.insert(waiter.sequence, outcome);
        }
        waiter.waker
    }

    /// The outcome of a wait that is over.
    #[inline]
    pub(super) fn take_outcome(&mut self, ticket: Ticket) -> Outcome {
        take(&mut self.outcomes, ticket).unwrap_or(Outcome::Admitted)
    }
}

/// What the queue keeps for a waiter: how to wake its future.
pub(crate) struct Waiter {
    pub(super) sequence: u64,
    pub(super) waker: Waker,
}

/// The outcome of a wait.
pub(crate) enum Outcome {
    /// The request is busy, or was until it was lost.
    Admitted,
    /// Its slot id holds this.
    Slot(Admission),
    Cancelled,
    TimedOut,
    Deadlock(DeadlockError),
    Abandoned,
}

impl From<queue::Outcome> for Outcome {
    fn from(outcome: queue::Outcome) -> Self {
        match outcome {
            // The future asks the queue what it was given.
            queue::Outcome::Admitted(_) => Self::Admitted,
            queue::Outcome::Slot(admission) => Self::Slot(admission),
            queue::Outcome::Cancelled => Self::Cancelled,
            queue::Outcome::TimedOut => Self::TimedOut,
            queue::Outcome::Abandoned => Self::Abandoned,
        }
    }
}

/// Takes something out of a map that is nearly always empty, and then gives its memory back.
pub(super) fn take<T>(rare: &mut HashMap<u64, T>, ticket: Ticket) -> Option<T> {
    if rare.is_empty() {
        return None;
    }
    let taken = rare.remove(&ticket.sequence());
    if rare.is_empty() {
        *rare = HashMap::new();
    }
    taken
}

/// The wakers to call once the locks are released. One in nearly all cases, and then without an allocation.
#[derive(Default)]
#[must_use]
pub(crate) struct Wakes {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Wakes {
    #[inline]
    pub(crate) fn push(&mut self, waker: Waker) {
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            self.others.push(waker);
        }
    }

    #[inline]
    pub(crate) fn wake(self) {
        if let Some(first) = self.first {
            first.wake();
            for waker in self.others {
                waker.wake();
            }
        }
    }
}

impl Entry {
    pub(super) fn new(
        me: Weak<Self>,
        name: SemaphoreName,
        number: u32,
        shared: Arc<Shared>,
        floor: u64,
    ) -> Self {
        let history = shared.history.clone();
        Self {
            me,
            name,
            number,
            shared,
            state: Mutex::new(State {
                queue: Queue::with_history(floor, history),
                fx: Effects::default(),
                alarm: Timestamp::NEVER,
                watchers: Vec::new(),
                outcomes: HashMap::new(),
                lost: HashMap::new(),
            }),
        }
    }

    pub(crate) const fn name(&self) -> &SemaphoreName {
        &self.name
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn weak(&self) -> Weak<Self> {
        Weak::clone(&self.me)
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(crate) fn id(&self, ticket: Ticket) -> RequestId {
        self.shared.ids.id(Address {
            entry: self.number,
            ticket,
        })
    }

    /// One transition: locks, reads the clock, runs `command`, carries out its effects.
    #[inline]
    pub(crate) fn transact<R>(
        &self,
        command: impl FnOnce(&mut Queue<Waiter>, Timestamp, &mut Effects<Waiter>) -> R,
    ) -> R {
        let mut state = self.state.lock();
        let now = self.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        let result = command(queue, now, fx);
        self.conclude(state);
        result
    }

    /// The first half of a transition: what the queue needs to know.
    #[inline]
    pub(crate) fn begin(&self, state: &mut State) -> Timestamp {
        state.fx.observed = self.shared.hub.is_observed();
        self.shared.clock.now()
    }

    /// The second half: carries out the effects, lets go of the lock, wakes.
    #[inline(always)]
    pub(super) fn conclude(&self, mut state: MutexGuard<'_, State>) {
        if state.has_effects() {
            if let Some(waker) = state.hand_over() {
                drop(state);
                waker.wake();
            } else {
                self.conclude_rest(state);
            }
        }
    }

    #[inline(never)]
    fn conclude_rest(&self, mut state: MutexGuard<'_, State>) {
        let mut wakes = Wakes::default();
        self.carry_out(&mut state, &mut wakes);
        drop(state);
        wakes.wake();
    }

    /// Notes the outcomes of waits, emits events, and sets the timer. `wakes` are to be called once
    /// the lock is released.
    pub(crate) fn carry_out(&self, state: &mut State, wakes: &mut Wakes) {
        // Taken out for the loop, and put back so that its memory is used again.
        let mut ended = std::mem::take(&mut state.fx.outcomes);
        for (waiter, outcome) in ended.drain(..) {
            wakes.push(state.note_outcome(waiter, outcome.into()));
        }
        state.fx.outcomes = ended;
        if !state.fx.lost.is_empty() {
            let queue = &state.queue;
            state
                .watchers
                .extract_if(.., |(ticket, _)| !queue.is_held(*ticket))
                .for_each(|(_, waker)| wakes.push(waker));
            for lost in state.fx.lost.drain(..) {
                let ticket = lost.admission.ticket;
                if lost.abandoned {
                    self.shared.abandoned.note(self.number, ticket);
                }
                if lost.asked {
                    state.lost.insert(ticket.sequence(), lost.admission);
                }
            }
        }
        if !state.fx.transitions.is_empty() {
            let at = self.shared.clock.wall();
            for transition in state.fx.transitions.drain(..) {
                self.shared.hub.emit(Event {
                    sequence: 0,
                    kind: transition.kind,
                    semaphore: self.name.clone(),
                    request: transition.ticket.map(|ticket| self.id(ticket)),
                    who: transition
                        .owner
                        .as_ref()
                        .map(|owner| owner.who().to_owned()),
                    run: transition.owner.as_ref().and_then(Owner::run),
                    busy: transition.busy,
                    waiting: transition.waiting,
                    slots: transition.slots,
                    at,
                    by: transition.by,
                });
            }
        }
        if state.queue.next_deadline() < state.alarm {
            state.alarm = state.queue.next_deadline();
            self.shared.timer.arm(self, state.alarm);
        }
    }

    /// The timer calls: a deadline may have passed.
    pub(crate) fn ring(&self) {
        let mut state = self.state.lock();
        state.alarm = Timestamp::NEVER;
        self.advance(&mut state);
        self.conclude(state);
    }

    /// Does what is due.
    pub(super) fn advance(&self, state: &mut State) {
        let now = self.begin(state);
        state.queue.advance(now, &mut state.fx);
    }

    pub(crate) fn release_slot(&self, slot: &SlotId) -> bool {
        self.transact(|queue, now, fx| queue.release_slot(slot, now, fx))
            .is_ok()
    }

    pub(crate) fn refresh_slot(&self, slot: &SlotId, ttl: Ttl) -> Result<(), RefreshError> {
        self.transact(|queue, now, fx| queue.refresh_slot(slot, ttl, now, fx))
            .map_err(|refused| {
                let name = self.name.clone();
                match refused {
                    RefreshRefused::NotHeld => RefreshError::NotHeld {
                        name,
                        slot: slot.clone(),
                    },
                    RefreshRefused::NoTtl => RefreshError::NoTtl { name },
                }
            })
    }
}
