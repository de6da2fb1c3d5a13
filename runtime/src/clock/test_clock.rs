//! A clock that tests move.
//!
//! Its state counts what may still happen at the time that it shows: runs that can go on, runs that wait for something
//! outside, holds. When that is nothing, the next deadline may come. Every count changes under one lock, in the moment in which
//! the wake-up happens that changes it, so there is no moment at which a run that was woken counts as waiting.
//!
//! No waker is called or dropped under the lock: that may run code of others, which comes back here.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use cla_semaphore::{ManualClock, Semaphores};
use parking_lot::{Condvar, Mutex, MutexGuard};

use super::activity::HostWait;

/// What a test clock shows at first, in seconds since 1970: midnight (UTC) at the beginning of the year 2000.
const FIRST_DATE: u64 = 946_684_800;

/// A clock that stands still until it is moved: by [`advance`](Self::advance), or by itself if it is [`auto`](Self::auto).
///
/// All clones are the same clock. Several engines may share one, and engines in one process may have different ones. The
/// [module page](crate::clock) says what follows it and how it moves.
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::clock::TestClock;
/// use cla_runtime::{Engine, Limits, RunOptions, Script};
///
/// let clock = TestClock::new();
/// let limits = Limits::default().timeout(Duration::from_secs(60));
/// let engine = Engine::builder().clock(&clock).limits(limits).build();
/// let run = engine.run(Script::javascript("rule", "setInterval(() => {}, 1000)"), RunOptions::new());
/// clock.advance(Duration::from_secs(59));
/// assert_eq!(engine.runs().len(), 1);
/// clock.advance(Duration::from_secs(1));
/// assert_eq!(run.wait().status(), "timed_out");
/// ```
#[derive(Clone)]
pub struct TestClock {
    shared: Arc<Shared>,
}

struct Shared {
    /// How far the clock was moved, and the deadlines of semaphores.
    time: ManualClock,
    /// What it shows when it was not moved: to measure by, and as a date.
    start: Instant,
    start_date: SystemTime,
    is_auto: bool,
    state: Mutex<State>,
    /// Held while a deadline happens: runs that it wakes go on when it has woken all.
    happening: Mutex<()>,
    /// Rings when a run begins to wait, or is seen to compute.
    rested: Condvar,
}

/// What may still happen at this time, and what will at a later one.
#[derive(Default)]
pub(super) struct State {
    /// By deadline and the order in which they began.
    sleepers: BTreeMap<(Instant, u64), Waker>,
    begun: u64,
    /// Runs that can go on.
    pub(super) runnable: usize,
    /// How many of those have computed for so long that nothing waits for them.
    pub(super) computing: usize,
    /// Runs that wait for something that neither the clock nor another run brings.
    pub(super) outside: usize,
    /// What keeps the clock from jumping.
    holds: usize,
    /// Places where the host waits.
    pub(super) hosts: usize,
    /// How far those who move the clock want it to be.
    goal: Duration,
}

/// What happens next.
struct Due {
    at: Duration,
    /// Who sleeps until then; without one it is a deadline of a semaphore.
    waker: Option<Waker>,
}

thread_local! {
    /// A run of an engine with a test clock is polled on this thread.
    static IN_RUN: Cell<bool> = const { Cell::new(false) };
}

impl TestClock {
    /// A clock that moves by [`advance`](Self::advance) only. Its first date is the beginning of the year 2000 (UTC).
    #[must_use]
    pub fn new() -> Self {
        Self::make(false, first_date())
    }

    /// A clock that jumps to the next deadline when the host waits and nothing else can happen. Its first date is the
    /// beginning of the year 2000 (UTC).
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use cla_runtime::clock::TestClock;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let (clock, start) = (TestClock::auto(), Instant::now());
    /// let engine = Engine::builder().clock(&clock).build();
    /// engine.run(Script::javascript("rule", "setTimeout(() => {}, 3_600_000)"), RunOptions::new()).wait();
    /// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
    /// assert!(start.elapsed() < Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn auto() -> Self {
        Self::make(true, first_date())
    }

    /// As [`new`](Self::new), with another first date. A date before 1970 counts as 1970.
    #[must_use]
    pub fn new_at(date: SystemTime) -> Self {
        Self::make(false, date)
    }

    /// As [`auto`](Self::auto), with another first date. A date before 1970 counts as 1970.
    #[must_use]
    pub fn auto_at(date: SystemTime) -> Self {
        Self::make(true, date)
    }

    fn make(is_auto: bool, date: SystemTime) -> Self {
        let date = date.max(SystemTime::UNIX_EPOCH);
        let shared = Shared {
            time: ManualClock::starting_at(date),
            #[expect(
                clippy::disallowed_methods,
                reason = "a moment to count from: there is no other way to make one"
            )]
            start: Instant::now(),
            start_date: date,
            is_auto,
            state: Mutex::default(),
            happening: Mutex::default(),
            rested: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Moves the clock on, and stops at each deadline on the way: what it sets off goes on until it waits again. Returns when
    /// the clock has arrived and all runs of its engines wait, whatever for.
    ///
    /// It blocks the thread for as long as that takes, which is no longer than the runs compute. A run that has computed for a
    /// quarter of a second without a wait is not waited for. `Duration::ZERO` moves nothing and waits for the runs.
    ///
    /// Called by a function of the host's that a run calls, it waits for nothing: that run could not go on.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cla_runtime::clock::TestClock;
    /// # use cla_runtime::{Engine, RunOptions, Script};
    /// let clock = TestClock::new();
    /// let engine = Engine::builder().clock(&clock).build();
    /// let rule = "let n = 0; setInterval(() => { n += 1; if (n === 60) throw new Error(`${n} times`) }, 1000)";
    /// let run = engine.run(Script::javascript("rule", rule), RunOptions::new());
    /// clock.advance(Duration::from_secs(60));
    /// assert_eq!(run.wait().result.unwrap_err().message, "60 times");
    /// ```
    pub fn advance(&self, by: Duration) {
        let shared = &*self.shared;
        let target = {
            let mut state = shared.state.lock();
            state.goal = state.goal.max(shared.time.elapsed()).saturating_add(by);
            state.holds += 1;
            state.goal
        };
        loop {
            let due = {
                let mut state = self.rested();
                shared.next(&mut state, Some(target))
            };
            match due {
                Some(due) => shared.happen(due),
                None => break,
            }
        }
        shared.time.advance_to(target);
        self.rest();
        shared.state.lock().holds -= 1;
        self.jump();
    }

    /// How far the clock has been moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.shared.time.elapsed()
    }

    /// The date and the time of day that it shows.
    #[must_use]
    pub fn date(&self) -> SystemTime {
        self.shared.start_date + self.elapsed()
    }

    /// What it shows, to measure by: compare it with others of this clock only.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.start + self.elapsed()
    }

    /// Sleeps on this clock: for the host's own code. While it does, the host waits, so an [`auto`](Self::auto) clock may jump.
    pub async fn sleep(&self, duration: Duration) {
        let clock = super::Clock::from(self);
        let sleep = clock.sleep(duration);
        HostWait::new(&clock).wait(sleep).await;
    }

    /// Keeps an [`auto`](Self::auto) clock from jumping until the result is dropped: while the host does something that the
    /// clock does not know of.
    pub fn hold(&self) -> Hold {
        self.shared.state.lock().holds += 1;
        Hold(self.clone())
    }

    /// New semaphores, in memory, whose time is this clock's: for several engines that share them, or for a host that takes
    /// some itself. An engine that is given none has its own.
    #[must_use]
    pub fn semaphores(&self) -> Semaphores {
        Semaphores::memory_with_clock(&self.shared.time)
    }

    /// Whether the time of these semaphores is this clock's.
    #[must_use]
    pub fn drives(&self, semaphores: &Semaphores) -> bool {
        semaphores.follows(&self.shared.time)
    }

    /// Waits until no run can go on, but for those that compute without an end. On a thread that polls a run it does not wait.
    pub(crate) fn rest(&self) {
        drop(self.rested());
    }

    /// Waits until no run can go on, but for those that compute without an end.
    fn rested(&self) -> MutexGuard<'_, State> {
        let mut state = self.shared.state.lock();
        while state.runnable > state.computing && !IN_RUN.get() {
            self.shared.rested.wait(&mut state);
        }
        state
    }

    /// Changes what may happen now, and jumps if that is nothing any more.
    pub(super) fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state.lock());
        self.shared.rested.notify_all();
        self.jump();
    }

    /// Changes what may happen now, where there will be more of it.
    pub(super) fn change_only<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.state.lock())
    }

    /// Jumps from deadline to deadline for as long as nothing else can happen.
    fn jump(&self) {
        let shared = &*self.shared;
        if !shared.is_auto {
            return;
        }
        loop {
            let due = {
                let mut state = shared.state.lock();
                if state.hosts == 0 || state.runnable + state.outside + state.holds > 0 {
                    return;
                }
                let Some(due) = shared.next(&mut state, None) else {
                    return;
                };
                // While this one happens, the next one may not.
                state.holds += 1;
                due
            };
            shared.happen(due);
            shared.state.lock().holds -= 1;
        }
    }

    /// Something that wakes its task at that moment, or never.
    ///
    /// With `gives_way`, others go on first even if the moment is now: so does a sleep of the machine's clock.
    pub(super) fn alarm(&self, at: Option<Instant>, gives_way: bool) -> Alarm {
        Alarm {
            clock: self.clone(),
            at,
            gives_way,
            number: None,
        }
    }

    /// Waits until a deadline that happens on another thread has woken all that it wakes.
    pub(super) fn until_happened(&self) {
        drop(self.shared.happening.lock());
    }

    /// Whether a run is polled on this thread.
    pub(super) fn is_in_run() -> bool {
        IN_RUN.get()
    }

    /// While `poll` polls a run.
    pub(super) fn in_run<T>(poll: impl FnOnce() -> T) -> T {
        let outer = IN_RUN.replace(true);
        let polled = poll();
        IN_RUN.set(outer);
        polled
    }
}

impl Shared {
    /// Takes out what happens next, at `until` at the latest.
    fn next(&self, state: &mut State, until: Option<Duration>) -> Option<Due> {
        let of_semaphores = self.time.next_deadline();
        let sleeper = state.sleepers.first_key_value();
        let of_sleeper = sleeper.map(|((at, _), _)| at.saturating_duration_since(self.start));
        let at = [of_semaphores, of_sleeper].into_iter().flatten().min()?;
        if until.is_some_and(|until| at > until) {
            return None;
        }
        let waker = if of_semaphores == Some(at) {
            None
        } else {
            state.sleepers.pop_first().map(|(_, waker)| waker)
        };
        Some(Due { at, waker })
    }

    fn happen(&self, due: Due) {
        let _happening = self.happening.lock();
        self.time.advance_to(due.at);
        if let Some(waker) = due.waker {
            waker.wake();
        }
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for TestClock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestClock")
            .field("elapsed", &self.elapsed())
            .field("is_auto", &self.shared.is_auto)
            .finish_non_exhaustive()
    }
}

fn first_date() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(FIRST_DATE)
}

/// Keeps a clock from jumping; see [`TestClock::hold`].
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::clock::TestClock;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let clock = TestClock::auto();
/// let engine = Engine::builder().clock(&clock).build();
/// let hold = clock.hold();
/// let run = engine.run(Script::javascript("rule", "setTimeout(() => {}, 3_600_000)"), RunOptions::new());
/// assert_eq!(clock.elapsed(), Duration::ZERO);
/// drop(hold);
/// run.wait();
/// assert_eq!(clock.elapsed(), Duration::from_secs(3600));
/// ```
#[derive(Debug)]
#[must_use = "the clock may jump as soon as it is dropped"]
pub struct Hold(TestClock);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.change(|state| state.holds -= 1);
    }
}

/// Wakes its task at a moment of a test clock.
pub(super) struct Alarm {
    clock: TestClock,
    at: Option<Instant>,
    gives_way: bool,
    /// Its place among the sleepers, once it was polled.
    number: Option<u64>,
}

impl Alarm {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else {
            return Poll::Pending;
        };
        let gives_way = std::mem::take(&mut self.gives_way);
        if self.clock.now() >= at {
            self.forget();
            if gives_way {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            return Poll::Ready(());
        }
        let before = self.clock.change_only(|state| {
            let number = *self.number.get_or_insert_with(|| {
                state.begun += 1;
                state.begun
            });
            state.sleepers.insert((at, number), cx.waker().clone())
        });
        drop(before);
        // It may have been moved in between, and then this was not among those that were woken.
        if self.clock.now() >= at {
            self.forget();
            return Poll::Ready(());
        }
        Poll::Pending
    }

    fn forget(&mut self) {
        if let (Some(at), Some(number)) = (self.at, self.number.take()) {
            let waker = self
                .clock
                .change_only(|state| state.sleepers.remove(&(at, number)));
            drop(waker);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.forget();
    }
}
