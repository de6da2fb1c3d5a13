//! Time slices: runs that compute take turns on their worker, and the interpreter asks whether a run must stop.
//!
//! They guard the host, so they are in the time of the machine, whatever clock the run has.
#![expect(clippy::disallowed_methods, reason = "see above")]

use std::cell::Cell;
use std::time::{Duration, Instant};

use rquickjs::Ctx;

use super::Run;
use crate::clock::Wait;
use crate::sys::fiber;
use crate::thread_time::thread_time;

/// How long runs that compute may keep their worker thread before the others get a turn.
///
/// Another run's timer on the same thread is late by about this much, however many of them there are:
/// they share one slice.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// A run that must stop and is still in the same built-in function after this gets no large block of memory any more,
/// which ends most such functions ...
const REFUSE_LARGE_AFTER: Duration = Duration::from_millis(10);

/// ... and after this, one request of any size fails; and again after each such span.
const REFUSE_ONE_AFTER: Duration = Duration::from_millis(30);

/// The least that a run gets of the slice, so that the switches do not cost more than the work.
const MIN_SLICE: Duration = Duration::from_millis(1);

thread_local! {
    /// How many runs of this worker have used up their slice and wait for the next.
    static COMPUTING: Cell<u32> = const { Cell::new(0) };
}

/// What a run may use of the slice now.
pub(crate) fn slice() -> Duration {
    (TIME_SLICE / (1 + COMPUTING.get())).max(MIN_SLICE)
}

/// What a run knows of its slice.
#[derive(Default)]
pub(super) struct Slices {
    /// When the interpreter first asked since the run was last suspended.
    started: Cell<Option<Instant>>,
    /// Until the run waits, or gives way, for the first time: how much its thread had computed when it was first asked.
    begun: Cell<Begun>,
    /// Since when the run must stop, as its requests for memory know while the interpreter does not ask.
    unanswered: Cell<Option<Instant>>,
}

impl Slices {
    /// The run was suspended: what follows is a new slice.
    #[inline]
    pub(super) fn end(&self) {
        self.started.set(None);
        self.begun.set(Begun::Yes);
    }
}

/// Whether a run has waited, or given way, since it was started.
#[derive(Clone, Copy, Default)]
enum Begun {
    #[default]
    No,
    /// It was asked whether it may go on when its thread had computed so long, if the system tells.
    At(Option<Duration>),
    Yes,
}

impl Run {
    /// What QuickJS asks every few thousand steps, or when the clock says so: whether to stop. May let other runs go
    /// first.
    #[doc(hidden)]
    pub fn on_interrupt(&self) -> bool {
        self.gauge.pulse().note_asked();
        self.control.facts.note_memory(self.gauge.used());
        self.gauge.refuse_large(false);
        self.gauge.allow_collection();
        self.slices.unanswered.set(None);
        if let Some(activity) = &self.activity {
            activity.notice();
        }
        let ends = self.must_stop() || (self.give_way() && self.must_stop());
        if ends {
            // Built-in functions such as `Promise.all` make a rejection of the stop, and the script would go on.
            self.gauge.pulse().expire();
        }
        ends
    }

    /// What the allocator asks when the clock says so: whether the run may have more memory. May let other runs go first.
    ///
    /// Inside a long built-in function nothing else asks. A function that gets no memory throws, and then the
    /// interpreter asks. Requests are refused one at a time: what it needs to unwind, it gets.
    pub(crate) fn on_allocation(&self) -> bool {
        if !fiber::is_running() {
            return true;
        }
        self.gauge.pulse().note_asked();
        self.give_way();
        if !self.must_stop() {
            self.slices.unanswered.set(None);
            return true;
        }
        let since = self.slices.unanswered.get().unwrap_or_else(Instant::now);
        self.slices.unanswered.set(Some(since));
        self.gauge
            .refuse_large(since.elapsed() >= REFUSE_LARGE_AFTER);
        if since.elapsed() >= REFUSE_ONE_AFTER {
            self.slices.unanswered.set(Some(Instant::now()));
            return false;
        }
        true
    }

    /// Lets other runs go first if this one has kept its thread for a slice; says whether it did.
    ///
    /// For the run's own fiber only, which may also be ending or be taken down.
    pub(crate) fn give_way(&self) -> bool {
        // A panic unwinds the thread: no other run may go on meanwhile.
        if std::thread::panicking() {
            return false;
        }
        // With a test clock, a run that does not compute for long is not interrupted, on a busy machine either: so runs take
        // the same course each time.
        if self
            .activity
            .as_ref()
            .is_some_and(|activity| !activity.has_computed())
        {
            return false;
        }
        // The slice begins with the first question, not with the run: setting up is not the rule's
        // work, and a rule that goes straight to its semaphore keeps its place before later ones.
        let Some(started) = self.slices.started.get() else {
            self.slices.started.set(Some(Instant::now()));
            if let Begun::No = self.slices.begun.get() {
                self.slices.begun.set(Begun::At(thread_time()));
            }
            return false;
        };
        if started.elapsed() >= slice() {
            // Time in which other processes had the processor does not count here: runs that go straight to a semaphore
            // come there in the order in which they were started, also on a machine that is busy.
            if let Begun::At(Some(then)) = self.slices.begun.get()
                && thread_time().is_some_and(|now| now.saturating_sub(then) < TIME_SLICE)
            {
                return false;
            }
            self.slices.begun.set(Begun::Yes);
            COMPUTING.set(COMPUTING.get() + 1);
            // `yield_now` rather than a bare self-wake: it lets the timers of other runs fire.
            self.waiting_for(Wait::Turn, || fiber::block_on(tokio::task::yield_now()));
            COMPUTING.set(COMPUTING.get() - 1);
            self.slices.started.set(Some(Instant::now()));
            return true;
        }
        false
    }

    /// Asks whether the run may go on, and lets other runs go first if this one has kept its thread for long.
    ///
    /// A host function calls this at its start, and in each loop whose length a rule decides: every few thousand
    /// steps, or every 64 KiB of text. It costs about 50 ns.
    ///
    /// # Errors
    ///
    /// When the run is stopped (cancelled, out of time or memory), an exception that the rule cannot catch. Return it
    /// to QuickJS as it is.
    pub fn checkpoint(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        if self.on_interrupt() || self.find_panic(ctx) {
            return Err(self.throw_stopped(ctx));
        }
        Ok(())
    }

    /// Whether the run must end, for work that cannot be left by an exception at once: it lets other runs go first as
    /// [`Run::checkpoint`] does, which throws the reason later.
    pub fn must_end(&self) -> bool {
        self.on_interrupt()
    }
}
