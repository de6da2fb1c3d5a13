//! Permits of this store.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use super::entry::{Entry, take};
use crate::error::{RefreshError, ReleaseError};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::queue::{Admission, NotHeld, RefreshRefused, Ticket, Way};
use crate::request::Ttl;
use crate::store::{BoxFuture, StorePermit};

/// A request that is busy. Dropping it does nothing: its permit decides.
///
/// It has no details in it: they are rarely asked for, and a permit is moved often.
pub(crate) struct MemoryPermit {
    pub(super) entry: Arc<Entry>,
    pub(super) ticket: Ticket,
}

impl MemoryPermit {
    pub(crate) fn name(&self) -> &SemaphoreName {
        &self.entry.name
    }

    pub(crate) fn id(&self) -> RequestId {
        self.entry.id(self.ticket)
    }

    /// What it got when it was admitted, also if it is lost by now.
    fn admission(&self) -> Admission {
        let state = self.entry.lock();
        let busy = state.queue.admission(self.ticket);
        match busy.or_else(|| state.lost.get(&self.ticket.sequence()).copied()) {
            Some(admission) => admission,
            None => unreachable!("what was admitted is busy until it is released or lost"),
        }
    }

    pub(crate) fn token(&self) -> u64 {
        self.admission().token
    }

    pub(crate) fn waited(&self) -> Duration {
        let admission = self.admission();
        admission.started_at.since(admission.requested_at)
    }

    pub(crate) fn granted(&self) -> bool {
        matches!(self.admission().way, Way::Grant)
    }

    pub(crate) fn held(&self) -> Duration {
        let started_at = self.admission().started_at;
        self.entry.shared.clock.now().since(started_at)
    }

    pub(crate) fn started_at(&self) -> SystemTime {
        let wall = self.entry.shared.clock.wall() - self.held().as_secs_f64();
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(wall.max(0.0))
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.entry.transact(|queue, now, fx| {
            queue.advance(now, fx);
            !queue.is_held(self.ticket)
        })
    }

    /// Whether it was lost because its run was given up.
    #[inline]
    pub(crate) fn lease_passed(&self) -> bool {
        let abandoned = &self.entry.shared.abandoned;
        abandoned.contains(self.entry.number, self.ticket)
    }

    /// It was lost, and its details are not asked for any more.
    fn forget_lost(&self) {
        take(&mut self.entry.lock().lost, self.ticket);
        let abandoned = &self.entry.shared.abandoned;
        abandoned.forget(self.entry.number, self.ticket);
    }

    pub(crate) fn poll_lost(&self, cx: &mut Context<'_>) -> Poll<()> {
        let ticket = self.ticket;
        let mut state = self.entry.state.lock();
        self.entry.advance(&mut state);
        let lost = !state.queue.is_held(ticket);
        if !lost
            && !state
                .watchers
                .iter()
                .any(|(watched, waker)| *watched == ticket && waker.will_wake(cx.waker()))
        {
            state.watchers.push((ticket, cx.waker().clone()));
        }
        self.entry.conclude(state);
        if lost { Poll::Ready(()) } else { Poll::Pending }
    }

    pub(crate) fn refresh(&self, ttl: Ttl) -> Result<(), RefreshError> {
        self.entry
            .transact(|queue, now, fx| queue.refresh(self.ticket, ttl, now, fx))
            .map_err(|refused| {
                let name = self.entry.name.clone();
                match refused {
                    RefreshRefused::NotHeld => RefreshError::Lost { name },
                    RefreshRefused::NoTtl => RefreshError::NoTtl { name },
                }
            })
    }

    #[inline]
    pub(crate) fn give_back(&self) -> Result<(), NotHeld> {
        let ticket = self.ticket;
        self.entry
            .transact(|queue, now, fx| queue.release(ticket, now, fx))
            .inspect_err(|NotHeld| self.forget_lost())
    }

    /// Gives it back, and says how long it was held: one lock and one look at the clock for both.
    #[inline]
    pub(crate) fn close(&self) -> Duration {
        let ticket = self.ticket;
        let closed = self.entry.transact(|queue, now, fx| {
            let held = queue
                .admission(ticket)
                .map_or(Duration::ZERO, |admission| now.since(admission.started_at));
            queue.release(ticket, now, fx).map(|()| held)
        });
        closed.unwrap_or_else(|NotHeld| {
            let held = self.held();
            self.forget_lost();
            held
        })
    }

    pub(crate) fn release(self) -> Result<(), ReleaseError> {
        self.give_back().map_err(|NotHeld| self.lost_error())
    }

    fn lost_error(&self) -> ReleaseError {
        ReleaseError::Lost {
            name: self.entry.name.clone(),
        }
    }

    /// The permit is gone, and the slot stays.
    pub(crate) fn leave(&self) {
        let mut state = self.entry.lock();
        state.queue.leave(self.ticket);
        take(&mut state.lost, self.ticket);
        drop(state);
        let abandoned = &self.entry.shared.abandoned;
        abandoned.forget(self.entry.number, self.ticket);
    }

    /// Gives back one of the permits of a slot with an id.
    fn give_back_slot(&self) -> Result<(), NotHeld> {
        let ticket = self.ticket;
        self.entry
            .transact(|queue, now, fx| queue.release(ticket, now, fx))
    }
}

/// One of any number of permits of the slot that a slot id holds. Each remembers what it was given: when one gives
/// the slot back, the others are there still.
pub(crate) struct SlotPermit {
    held: MemoryPermit,
    admission: Admission,
    /// It was given back, or let go.
    done: bool,
}

impl SlotPermit {
    pub(super) const fn new(held: MemoryPermit, admission: Admission) -> Self {
        Self {
            held,
            admission,
            done: false,
        }
    }

    pub(crate) fn name(&self) -> &SemaphoreName {
        self.held.name()
    }
}

impl StorePermit for SlotPermit {
    fn id(&self) -> RequestId {
        self.held.id()
    }

    fn token(&self) -> u64 {
        self.admission.token
    }

    fn waited(&self) -> Duration {
        let Admission {
            started_at,
            requested_at,
            ..
        } = self.admission;
        started_at.since(requested_at)
    }

    fn started_at(&self) -> SystemTime {
        let wall = self.held.entry.shared.clock.wall() - self.held().as_secs_f64();
        SystemTime::UNIX_EPOCH + Duration::from_secs_f64(wall.max(0.0))
    }

    fn held(&self) -> Duration {
        let now = self.held.entry.shared.clock.now();
        now.since(self.admission.started_at)
    }

    fn granted(&self) -> bool {
        matches!(self.admission.way, Way::Grant)
    }

    fn is_lost(&self) -> bool {
        self.held.is_lost()
    }

    fn lease_passed(&self) -> bool {
        self.held.lease_passed()
    }

    fn lost(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::poll_fn(|cx| self.held.poll_lost(cx)))
    }

    fn refresh(&self, ttl: Ttl) -> BoxFuture<'_, Result<(), RefreshError>> {
        let refreshed = self.held.refresh(ttl);
        Box::pin(std::future::ready(refreshed))
    }

    fn release(mut self: Box<Self>) -> BoxFuture<'static, Result<(), ReleaseError>> {
        self.done = true;
        let released = self.held.give_back_slot();
        let released = released.map_err(|NotHeld| self.held.lost_error());
        Box::pin(std::future::ready(released))
    }

    fn leave(mut self: Box<Self>) {
        self.done = true;
        self.held.entry.lock().queue.leave(self.held.ticket);
    }
}

impl Drop for SlotPermit {
    fn drop(&mut self) {
        if !self.done {
            // A permit that was lost does no harm when it is given back.
            let _ = self.held.give_back_slot();
        }
    }
}
