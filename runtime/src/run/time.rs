//! Until when a run may go on: its time limit, limits of parts of it, and the grace after it was stopped.

use std::cell::Cell;
use std::time::Instant;

use rquickjs::Ctx;

use super::Run;
use crate::control::Stop;
use crate::sys::quickjs::throw_uncatchable;

/// The limits of time of a run.
pub(crate) struct TimeLimits {
    /// When the run is out of time.
    pub(crate) deadline: Option<Instant>,
    /// When it must have ended, with what must happen in the end.
    pub(super) last: Option<Instant>,
    /// When the innermost part of the program that has a time limit of its own is out of time.
    pub(super) inner_deadline: Cell<Option<Instant>>,
    /// What must be done in the end is being done.
    pub(super) shield: Cell<Option<Shield>>,
}

impl TimeLimits {
    pub(super) fn new(deadline: Option<Instant>, last: Option<Instant>) -> Self {
        Self {
            deadline,
            last,
            inner_deadline: Cell::default(),
            shield: Cell::default(),
        }
    }
}

/// A run that has this goes on for a while after it was stopped, unless it has no memory left.
#[derive(Clone, Copy)]
pub(super) struct Shield {
    /// When the time limit around it ends. Time limits within it count as always.
    pub(super) inner_deadline: Option<Instant>,
}

impl Run {
    /// Now, as the limits of time see it. A test clock may stand still while a run computes without an end: then it is what
    /// the run has computed since that counts.
    fn now_for_limits(&self) -> Instant {
        let now = self.now();
        match &self.activity {
            None => now,
            Some(activity) => now + activity.counted(),
        }
    }

    /// Looks at the limits, and says whether the run must end.
    #[doc(hidden)]
    pub fn must_stop(&self) -> bool {
        if self.gauge.exceeded() {
            self.control.stop(Stop::OutOfMemory);
        }
        self.gauge.trim();
        if self
            .time
            .deadline
            .is_some_and(|deadline| self.now_for_limits() >= deadline)
        {
            self.stop_at_deadline();
        }
        self.stopped()
    }

    /// It is out of time.
    pub(crate) fn stop_at_deadline(&self) {
        if self.control.reason().is_none() {
            // Without a limit of time it was started by a run that was stopped, to end what must be ended.
            let reason = match self.limits.timeout {
                Some(_) => Stop::TimedOut,
                None => Stop::Cancelled,
            };
            self.control.stop_within(reason, self.time.last);
        }
    }

    /// Whether the run, or its innermost time limit, has ended.
    pub(crate) fn stopped(&self) -> bool {
        let past = |at: Instant| self.now_for_limits() >= at;
        if self.time.inner_deadline.get().is_some_and(past) {
            return true;
        }
        if self.time.shield.get().is_none() {
            return self.is_halted();
        }
        self.has_no_grace() || self.grace_end().is_some_and(past)
    }

    /// Whether the run was stopped, or a time limit within it has passed, shielded or not.
    pub(super) fn stopped_from_outside(&self) -> bool {
        let late = |at: Instant| self.now_for_limits() >= at;
        self.control.reason().is_some()
            || self.control.is_interrupted()
            || self.time.inner_deadline.get().is_some_and(late)
    }

    /// Whether it was stopped by something that not even what must happen in the end outlasts.
    pub(super) fn has_no_grace(&self) -> bool {
        let reason = self.control.reason();
        matches!(reason, Some(Stop::OutOfMemory | Stop::Panicked))
    }

    /// Whether the run as a whole is to end, shielded or not.
    pub(super) fn is_halted(&self) -> bool {
        self.control.reason().is_some() || self.control.is_interrupted()
    }

    /// When what must happen in the end must be done, as far as that is known: there is one grace for all of it, from the
    /// moment when the run, or the time limit around it, ended.
    pub(super) fn grace_end(&self) -> Option<Instant> {
        let inner_deadline = self
            .time
            .shield
            .get()
            .and_then(|shield| shield.inner_deadline);
        let inner = inner_deadline.and_then(|deadline| deadline.checked_add(self.limits.grace));
        let ends = [inner, self.control.until(), self.time.last];
        ends.into_iter().flatten().min()
    }

    /// When what this run cancels now must have ended, if this run is stopped itself.
    #[doc(hidden)]
    pub fn grace_of_started(&self) -> Option<Instant> {
        let past = self
            .time
            .inner_deadline
            .get()
            .filter(|at| self.now_for_limits() >= *at);
        let inner = past.and_then(|deadline| deadline.checked_add(self.limits.grace));
        [inner, self.grace_end()].into_iter().flatten().min()
    }

    /// The limits of time for what this run starts now: when it is out of time, and when it must have ended.
    pub(crate) fn times_of_started(&self) -> (Option<Instant>, Option<Instant>) {
        let end = self.grace_end();
        let inner_deadline = self
            .time
            .shield
            .get()
            .and_then(|shield| shield.inner_deadline);
        if self.is_halted() || inner_deadline.is_some_and(|at| self.now_for_limits() >= at) {
            // It belongs to what must happen in the end, and has no grace of its own.
            return (end, end);
        }
        (self.time.deadline, end)
    }

    /// When the innermost time limit within the run ends.
    #[doc(hidden)]
    pub fn inner_deadline(&self) -> Option<Instant> {
        self.time.inner_deadline.get()
    }

    /// Sets when the innermost time limit ends. The caller sets the one before again.
    #[doc(hidden)]
    pub fn set_inner_deadline(&self, deadline: Option<Instant>) {
        self.time.inner_deadline.set(deadline);
    }

    /// Does what must be done although the run, or a time limit within it, has ended or will end: it goes on for as long as
    /// its grace after that. Several share that time, one in the other or one after the other.
    #[doc(hidden)]
    pub fn shielded<T>(&self, work: impl FnOnce() -> T) -> T {
        let (around, deadline) = (self.time.shield.get(), self.time.inner_deadline.take());
        let deadlines = [around.and_then(|shield| shield.inner_deadline), deadline];
        let inner_deadline = deadlines.into_iter().flatten().min();
        self.time.shield.set(Some(Shield { inner_deadline }));
        let done = work();
        self.time.shield.set(around);
        self.time.inner_deadline.set(deadline);
        done
    }

    pub(crate) fn throw_stopped(&self, ctx: &Ctx<'_>) -> rquickjs::Error {
        if self.begin_unwinding() {
            return self.throw_unwinding(ctx);
        }
        throw_uncatchable(ctx, self.stop_message())
    }

    /// Why the run ends, as a sentence.
    pub(super) fn stop_message(&self) -> &'static str {
        match self.control.reason() {
            Some(Stop::TimedOut) => "the run is out of time",
            Some(Stop::OutOfMemory) => "the run is out of memory",
            Some(Stop::Panicked) => "the program that runs the rule failed",
            Some(Stop::Exited) => "the run has ended itself",
            None if self.control.is_interrupted() => "interrupted",
            Some(Stop::Cancelled) | None => "the run was cancelled",
        }
    }
}
