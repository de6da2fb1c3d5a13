//! Stopping a run from outside: a flag that the run looks at, plus a waker for when it is blocked.
//!
//! A run is never torn down from outside. To end it, another thread sets the reason here; the run's
//! fiber notices at its next blocking call or interrupt check and unwinds by itself.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cla_semaphore::{RunId, Semaphores};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::live_facts::LiveFacts;

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    /// It was cancelled.
    Cancelled = 1,
    /// It ran for longer than its time limit.
    TimedOut = 2,
    /// It used more memory than its limit.
    OutOfMemory = 3,
    /// Code of the host's has panicked.
    Panicked = 4,
    /// It has ended itself.
    Exited = 5,
}

/// The stop flag of one run. The first reason wins.
#[derive(Debug, Default)]
pub(crate) struct Control {
    clock: Clock,
    /// How long what must happen in the end (`finally`, waiting for cancelled forks) may take after a run was stopped: once
    /// for the run with all that it started.
    grace: Duration,
    reason: AtomicU8,
    /// What runs now is to end, but not the run: a user pressed Ctrl-C in a session.
    interrupted: AtomicBool,
    /// When what must happen in the end must be done, once the run was stopped or interrupted.
    until: Mutex<Option<Instant>>,
    /// Who to wake when the flag is set: the run's task, while it is blocked.
    waker: Mutex<Option<Waker>>,
    /// Stores of the run's own, in which it may hold something.
    stores: Mutex<Vec<Semaphores>>,
    /// The run is over, and its isolate is about to be freed.
    over: AtomicBool,
    /// Wakes tasks of the host's that wait until the run is stopped or over.
    ended: Notify,
    /// What the run says of itself to other threads.
    pub(crate) facts: LiveFacts,
}

impl Control {
    pub(crate) fn new(clock: &Clock, grace: Duration) -> Self {
        Self {
            clock: clock.clone(),
            grace,
            facts: LiveFacts::new(clock),
            ..Self::default()
        }
    }

    /// The run's clock.
    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How long ago that was, by the run's clock.
    pub(crate) fn since(&self, moment: Instant) -> Duration {
        self.clock.now().saturating_duration_since(moment)
    }

    /// Notes a store of the run's own, besides that of the engine.
    pub(crate) fn may_hold(&self, semaphores: Semaphores) {
        self.stores.lock().push(semaphores);
    }

    /// Gives the run up in the stores of its own: see [`Semaphores::abandon`], which is to be called for that of the
    /// engine. For another thread, while the run's own is stuck.
    pub(crate) fn abandon_elsewhere(&self, run: RunId) {
        let stores = self.stores.lock().clone();
        for semaphores in stores {
            semaphores.abandon(run);
        }
    }

    /// Marks the run in the stores of its own: see [`Semaphores::mark_unresponsive`], which is to be called for that of the
    /// engine. For another thread.
    pub(crate) fn mark_elsewhere(&self, run: RunId, since: Option<Instant>) {
        let stores = self.stores.lock().clone();
        for semaphores in stores {
            semaphores.mark_unresponsive(run, since);
        }
    }

    /// Stops the run for `reason`, unless it was stopped before.
    pub(crate) fn stop(&self, reason: Stop) {
        self.stop_within(reason, None);
    }

    /// Stops the run for `reason`, unless it was stopped before. What must happen in the end has until `until`, at most for
    /// its grace.
    pub(crate) fn stop_within(&self, reason: Stop, until: Option<Instant>) {
        if self.mark(reason, until) {
            self.wake_stopped();
        }
    }

    /// Stops many runs for `reason`, those of them that were not stopped before. All are marked before the first one is woken:
    /// what that gives back goes to none of the others.
    pub(crate) fn stop_all<'a>(controls: impl Iterator<Item = &'a Self>, reason: Stop) {
        let marked: Vec<&Self> = controls
            .filter(|control| control.mark(reason, None))
            .collect();
        for control in marked {
            control.wake_stopped();
        }
    }

    /// Sets the flag; whether it was not set before.
    fn mark(&self, reason: Stop, until: Option<Instant>) -> bool {
        // Before the flag: a thread that sees the flag must find this.
        self.note_until(until);
        // Release pairs with the Acquire in `reason`: a thread that sees the flag sees why.
        self.reason
            .compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn wake_stopped(&self) {
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
        self.ended.notify_waiters();
    }

    /// The run is over.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.ended.notify_waiters();
    }

    /// Whether the run was stopped, or is over.
    pub(crate) fn has_ended(&self) -> bool {
        self.must_wake() || self.over.load(Ordering::Acquire)
    }

    /// Waits until the run is stopped or over. For tasks of the host's: a future that the run itself waits for is dropped
    /// then.
    pub(crate) async fn until_ended(&self) {
        let mut ended = pin!(self.ended.notified());
        // Before the look at the flags, so that a stop in between is not missed.
        ended.as_mut().enable();
        if !self.has_ended() {
            ended.await;
        }
    }

    /// Lets go of a reason that concerned only what has ended meanwhile.
    pub(crate) fn forget(&self, reason: Stop) {
        let _ = self
            .reason
            .compare_exchange(reason as u8, 0, Ordering::AcqRel, Ordering::Acquire);
        self.forget_until();
    }

    /// The first end counts, unless a later stop says an earlier one.
    fn note_until(&self, until: Option<Instant>) {
        let mut noted = self.until.lock();
        // A grace beyond what the clock can express has no end of its own.
        let first = noted.or_else(|| self.clock.now().checked_add(self.grace));
        *noted = [first, until].into_iter().flatten().min();
    }

    fn forget_until(&self) {
        let mut noted = self.until.lock();
        if !self.must_wake() {
            *noted = None;
        }
    }

    /// When what must happen in the end must be done; `None` if the run is not stopped.
    pub(crate) fn until(&self) -> Option<Instant> {
        if self.must_wake() {
            *self.until.lock()
        } else {
            None
        }
    }

    /// Ends what runs now: a blocking call in it fails at once.
    pub(crate) fn interrupt(&self) {
        self.note_until(None);
        self.interrupted.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
        self.ended.notify_waiters();
    }

    /// Whether what runs now is to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// What was interrupted has ended.
    pub(crate) fn resume(&self) {
        if self.interrupted.swap(false, Ordering::AcqRel) {
            self.forget_until();
        }
    }

    fn must_wake(&self) -> bool {
        self.reason().is_some() || self.is_interrupted()
    }

    /// Why the run must stop; `None` while it may go on.
    pub(crate) fn reason(&self) -> Option<Stop> {
        match self.reason.load(Ordering::Acquire) {
            1 => Some(Stop::Cancelled),
            2 => Some(Stop::TimedOut),
            3 => Some(Stop::OutOfMemory),
            4 => Some(Stop::Panicked),
            5 => Some(Stop::Exited),
            _ => None,
        }
    }

    /// Runs `future` until it is done or the run is stopped, whichever comes first.
    pub(crate) fn until_stopped<F>(&self, future: F) -> UntilStopped<'_, F> {
        UntilStopped {
            control: self,
            future,
            waited: false,
        }
    }
}

/// The run was stopped while it was blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped;

pin_project_lite::pin_project! {
    /// See [`Control::until_stopped`].
    pub(crate) struct UntilStopped<'a, F> {
        control: &'a Control,
        #[pin]
        future: F,
        waited: bool,
    }
}

impl<F: Future> Future for UntilStopped<'_, F> {
    /// The future's output, and whether it was pending at least once.
    type Output = Result<(F::Output, bool), Stopped>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.control.must_wake() {
            return Poll::Ready(Err(Stopped));
        }
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok((output, *this.waited)));
        }
        *this.waited = true;
        {
            let mut waker = this.control.waker.lock();
            if !waker.as_ref().is_some_and(|old| old.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        // The flag may have been set between the first look and storing the waker.
        if this.control.must_wake() {
            return Poll::Ready(Err(Stopped));
        }
        Poll::Pending
    }
}
