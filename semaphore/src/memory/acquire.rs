//! A request on its way to a slot.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::deadlock;
use super::entry::{Entry, Outcome, State, Waiter, Wakes, take};
use super::permit::{MemoryPermit, SlotPermit};
use crate::error::AcquireError;
use crate::id::RunId;
use crate::owner::Owner;
use crate::queue::{Admission, Attempt, Effects, Queue, Ticket};
use crate::request::Request;
use crate::sync::MutexGuard;
use crate::time::Timestamp;

/// The permit type of the caller. This store knows only its own two: so it depends on nothing above it, and the caller's
/// type is made in its place, without a box or a copy.
pub(crate) trait IntoPermit: From<MemoryPermit> + From<SlotPermit> {}

impl<P: From<MemoryPermit> + From<SlotPermit>> IntoPermit for P {}

/// The future behind [`Acquire`](crate::Acquire): enqueues at its first poll.
///
/// Small and flat: on the free path, moving it about is what costs.
pub(crate) struct Acquiring {
    /// Taken when it is done.
    entry: Option<Arc<Entry>>,
    state: AcquireState,
}

enum AcquireState {
    New(Request),
    Waiting(Wait),
}

/// What a waiting future remembers of its request.
struct Wait {
    ticket: Ticket,
    /// The run that asks, if it is one, which then is registered as waiting.
    run: Option<RunId>,
    limit: Option<Duration>,
}

impl Acquiring {
    #[inline]
    pub(crate) const fn new(entry: Arc<Entry>, request: Request) -> Self {
        Self {
            entry: Some(entry),
            state: AcquireState::New(request),
        }
    }

    /// The request, before the first poll.
    #[inline]
    pub(crate) const fn request(&mut self) -> Option<&mut Request> {
        match &mut self.state {
            AcquireState::New(request) => Some(request),
            AcquireState::Waiting(_) => None,
        }
    }

    /// The request and where it asks, before the first poll. After that it is in the line, which it leaves when it is dropped.
    pub(crate) fn take_unasked(&mut self) -> Option<(Arc<Entry>, Request)> {
        match &mut self.state {
            AcquireState::New(request) => Some((self.entry.take()?, std::mem::take(request))),
            AcquireState::Waiting(_) => None,
        }
    }

    #[inline]
    pub(crate) fn poll<P: IntoPermit>(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<P, AcquireError>> {
        let AcquireState::New(request) = &mut self.state else {
            return self.look(cx);
        };
        let Some(entry) = self.entry.take() else {
            panic!("an Acquire was polled after it had been ready")
        };
        let mut state = entry.state.lock();
        let now = entry.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        if request.get_slot().is_some() {
            if let Some(admission) = take_slot(queue, request, now, fx) {
                entry.conclude(state);
                return Poll::Ready(Ok(entry.slot_permit(admission)));
            }
        } else if let Some(admission) = queue.try_acquire(request, now, fx) {
            entry.conclude(state);
            let ticket = admission.ticket;
            return Poll::Ready(Ok(P::from(MemoryPermit { entry, ticket })));
        }
        let joined = join(&entry, &mut self.state, state, now, cx);
        if let Joining::TooLate(limit) = joined {
            return Poll::Ready(Err(entry.timed_out(limit)));
        }
        self.entry = Some(entry);
        if let Joining::PerhapsRefused = joined {
            return self.look(cx);
        }
        Poll::Pending
    }

    /// Is the wait over?
    fn look<P: IntoPermit>(&mut self, cx: &mut Context<'_>) -> Poll<Result<P, AcquireError>> {
        let (Some(entry), AcquireState::Waiting(wait)) = (&self.entry, &self.state) else {
            panic!("an Acquire was polled after it had been ready")
        };
        let (ticket, limit) = (wait.ticket, wait.limit);
        let mut state = entry.lock();
        if let Some(waiter) = state.queue.waiter_mut(ticket) {
            if !waiter.waker.will_wake(cx.waker()) {
                let stale = std::mem::replace(&mut waiter.waker, cx.waker().clone());
                drop(state);
                drop(stale);
            }
            return Poll::Pending;
        }
        let outcome = state.take_outcome(ticket);
        drop(state);
        let Some((entry, ticket)) = self.finish() else {
            unreachable!("the entry is there until the future is done")
        };
        Poll::Ready(entry.result(ticket, outcome, limit))
    }

    /// It waits no longer: takes back what said that it does.
    fn finish(&mut self) -> Option<(Arc<Entry>, Ticket)> {
        let AcquireState::Waiting(wait) = &self.state else {
            return None;
        };
        let entry = self.entry.take()?;
        if let Some(run) = wait.run {
            deadlock::waits_no_more(&entry, run, wait.ticket);
        }
        Some((entry, wait.ticket))
    }
}

/// [`Queue::try_acquire`] for requests with a slot id, apart from the way of the others, who only want the ticket: to
/// read all of an admission costs them.
#[cold]
fn take_slot(
    queue: &mut Queue<Waiter>,
    request: &mut Request,
    now: Timestamp,
    fx: &mut Effects<Waiter>,
) -> Option<Admission> {
    queue.try_acquire(request, now, fx)
}

/// How a request fared that found no slot.
enum Joining {
    Waits,
    /// It closed a cycle, as far as one could see at a glance.
    PerhapsRefused,
    /// It does not want to wait at all, but so long.
    TooLate(Option<Duration>),
}

/// No slot is free: waits in line, unless it does not want to wait at all.
#[cold]
fn join(
    entry: &Arc<Entry>,
    acquire: &mut AcquireState,
    mut state: MutexGuard<'_, State>,
    now: Timestamp,
    cx: &Context<'_>,
) -> Joining {
    let AcquireState::New(request) = acquire else {
        unreachable!("a request joins the line once")
    };
    let limit = request.get_timeout();
    let run = request.get_owner().and_then(Owner::run);
    let dependents = request
        .get_owner()
        .and_then(|owner| owner.shared_dependents().cloned());
    let waiter = |ticket: Ticket, _: Option<&Owner>| Waiter {
        sequence: ticket.sequence(),
        waker: cx.waker().clone(),
    };
    let State { queue, fx, .. } = &mut *state;
    let outcome = queue.join(request, waiter, now, fx);
    let Attempt::Queued(ticket) = outcome else {
        entry.conclude(state);
        return Joining::TooLate(limit);
    };
    let settled = run.is_none_or(|run| {
        deadlock::begins_to_wait(
            entry,
            (run, dependents),
            ticket,
            limit.is_some(),
            &state.queue,
        )
    });
    entry.conclude(state);
    *acquire = AcquireState::Waiting(Wait { ticket, run, limit });
    if settled {
        Joining::Waits
    } else {
        deadlock::resolve(entry, Some(ticket));
        Joining::PerhapsRefused
    }
}

impl Drop for Acquiring {
    #[inline]
    fn drop(&mut self) {
        if let Some((entry, ticket)) = self.finish() {
            entry.abandon(ticket);
        }
    }
}

impl Entry {
    #[inline]
    pub(crate) fn try_acquire<P: IntoPermit>(
        self: Arc<Self>,
        mut request: Request,
    ) -> Result<P, Request> {
        if request.get_slot().is_some() {
            let taken = self.transact(|queue, now, fx| take_slot(queue, &mut request, now, fx));
            return match taken {
                Some(admission) => Ok(self.slot_permit(admission)),
                None => Err(request),
            };
        }
        match self.transact(|queue, now, fx| queue.try_acquire(&mut request, now, fx)) {
            Some(admission) => Ok(P::from(MemoryPermit {
                entry: self,
                ticket: admission.ticket,
            })),
            None => Err(request),
        }
    }

    /// One of the permits of a slot with an id.
    #[cold]
    fn slot_permit<P: IntoPermit>(self: Arc<Self>, admission: Admission) -> P {
        let held = MemoryPermit {
            entry: self,
            ticket: admission.ticket,
        };
        P::from(SlotPermit::new(held, admission))
    }

    /// What the caller gets whose wait is over.
    #[inline]
    fn result<P: IntoPermit>(
        self: Arc<Self>,
        ticket: Ticket,
        outcome: Outcome,
        limit: Option<Duration>,
    ) -> Result<P, AcquireError> {
        Err(match outcome {
            Outcome::Admitted => {
                return Ok(P::from(MemoryPermit {
                    entry: self,
                    ticket,
                }));
            }
            Outcome::Slot(admission) => return Ok(self.slot_permit(admission)),
            Outcome::Cancelled => AcquireError::Cancelled {
                name: self.name.clone(),
            },
            Outcome::TimedOut => self.timed_out(limit),
            Outcome::Deadlock(error) => AcquireError::Deadlock(error),
            Outcome::Abandoned => AcquireError::Abandoned {
                name: self.name.clone(),
            },
        })
    }

    #[cold]
    fn timed_out(&self, limit: Option<Duration>) -> AcquireError {
        AcquireError::TimedOut {
            name: self.name.clone(),
            after: limit.unwrap_or(Duration::MAX),
        }
    }

    /// Rule 8: the request has no waiter any longer. If it was admitted in the meantime, its slot
    /// goes to the next.
    fn abandon(&self, ticket: Ticket) {
        let mut state = self.state.lock();
        let now = self.begin(&mut state);
        let State { queue, fx, .. } = &mut *state;
        let waiter = queue.abandon(ticket, now, fx);
        let mut wakes = Wakes::default();
        self.carry_out(&mut state, &mut wakes);
        // The future that would ask for these is gone.
        let outcome = take(&mut state.outcomes, ticket);
        take(&mut state.lost, ticket);
        drop(state);
        drop((waiter, outcome));
        wakes.wake();
    }
}
