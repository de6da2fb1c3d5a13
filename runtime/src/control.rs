//! Stopping a run from outside: a flag that the run looks at, plus a waker for when it is blocked.
//!
//! A run is never torn down from outside. Whoever wants it to end sets the reason here; the run's
//! fiber notices at its next blocking call or interrupt check and unwinds by itself.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use cla_semaphore::{RunId, Semaphores};
use parking_lot::Mutex;

/// Why a run was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stop {
    /// Somebody cancelled it.
    Cancelled = 1,
    /// It ran for longer than its time limit.
    TimedOut = 2,
    /// It used more memory than its limit.
    OutOfMemory = 3,
}

/// The stop flag of one run. The first reason wins.
#[derive(Debug, Default)]
pub(crate) struct Control {
    reason: AtomicU8,
    /// What runs now is to end, but not the run: somebody pressed Ctrl-C in a session.
    interrupted: AtomicBool,
    /// Who to wake when the flag is set: the run's task, while it is blocked.
    waker: Mutex<Option<Waker>>,
    /// Stores of the run's own, in which it may hold something.
    stores: Mutex<Vec<Semaphores>>,
}

impl Control {
    /// Notes a store of the run's own, besides that of the engine.
    pub(crate) fn may_hold(&self, semaphores: Semaphores) {
        self.stores.lock().push(semaphores);
    }

    /// Gives the run up in the stores of its own: see [`Semaphores::abandon`], which is to be called for that of the
    /// engine. For another thread, while the run's own is stuck.
    #[allow(dead_code, reason = "the watchdog calls it")]
    pub(crate) fn abandon_elsewhere(&self, run: RunId) {
        let stores = self.stores.lock().clone();
        for semaphores in stores {
            semaphores.abandon(run);
        }
    }

    /// Stops the run for `reason`, unless it was stopped before.
    pub(crate) fn stop(&self, reason: Stop) {
        // Release pairs with the Acquire in `reason`: whoever sees the flag sees why.
        let first =
            self.reason
                .compare_exchange(0, reason as u8, Ordering::AcqRel, Ordering::Acquire);
        if first.is_ok()
            && let Some(waker) = self.waker.lock().take()
        {
            waker.wake();
        }
    }

    /// Lets go of a reason that concerned only what has ended meanwhile.
    pub(crate) fn forget(&self, reason: Stop) {
        let _ = self
            .reason
            .compare_exchange(reason as u8, 0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Ends what runs now: a blocking call in it fails at once.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
        if let Some(waker) = self.waker.lock().take() {
            waker.wake();
        }
    }

    /// Whether what runs now is to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// What was interrupted has ended.
    pub(crate) fn resume(&self) {
        self.interrupted.store(false, Ordering::Release);
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
