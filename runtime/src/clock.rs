//! The time that runs see: the machine's, or one that a test moves.
//!
//! An engine has the time of its machine unless it is built with a [`TestClock`]:
//!
//! ```
//! use std::time::Duration;
//! use cla_runtime::clock::TestClock;
//! use cla_runtime::{Engine, RunOptions, Script};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = TestClock::auto();
//! let engine = Engine::builder().clock(&clock).build();
//! let rule = "const start = Date.now(); new Promise((done) => setTimeout(() => done(Date.now() - start), 3_600_000))";
//! let report = engine.run(Script::javascript("an hour", rule), RunOptions::new()).await;
//! assert_eq!(report.result.unwrap(), 3_600_000);
//! assert_eq!(clock.elapsed(), Duration::from_secs(3600));
//! # }
//! ```
//!
//! # What follows the clock
//!
//! - timers (`setTimeout`, `setInterval`) and sleeps, in JavaScript and in rulebooks, with the waits between retries;
//! - dates: `Date.now()`, `new Date()`, `performance.now()`;
//! - semaphores: how long a wait may last, TTLs, what views and reports say of the time that was waited and held;
//! - time limits: [`Limits::timeout`](crate::Limits::timeout), the `timeout` of an op, the ten seconds for what must happen in
//!   the end, and the grace of [`Engine::shutdown`](crate::Engine::shutdown).
//!
//! # What keeps the time of the machine
//!
//! - What protects the host: the slices in which runs share a thread, and what is done about a run that does not answer. (With
//!   a test clock a run is only interrupted when it has computed for a quarter of a second.) A run that computes without an end
//!   would never see a test clock move. So, once it has computed for a second without a wait, what it computes counts towards
//!   its time limits as if the clock had moved.
//! - The world outside: a server answers in its own time, so an HTTP request, a command and a Redis connection have it, too.
//! - Stores that processes share. Other processes do not know the clock, and their leases and TTLs would come at other times
//!   than its own. So an engine with a test clock runs no rule on a store in SQLite or Redis, and says so; nor can its rules
//!   open one.
//!
//! # How a test clock moves
//!
//! [`TestClock::new`] moves when the host calls [`advance`](TestClock::advance), and never by itself. [`TestClock::auto`] jumps
//! to the next deadline whenever nothing else can happen:
//!
//! - the host waits for a run: it awaits a [`RunHandle`](crate::RunHandle), the [answer](crate::session::Answer) of a session,
//!   [`Engine::idle`](crate::Engine::idle) or [`TestClock::sleep`]. So a test starts all its runs first, and time stands still
//!   until it awaits one;
//! - each run of the clock's engines waits, and only for the time, for a semaphore of the engine's or for another run. A run
//!   that waits for anything else (a host function that does not [sleep](crate::host::Call::sleep), a request, a command, a
//!   file) keeps the clock from jumping, as I/O is in flight;
//! - no [`Hold`](TestClock::hold) is alive.
//!
//! What the host does after it has awaited a run, the clock does not see: while other tasks of the host await other runs, it
//! may go on. A host whose tasks run on one thread sees runs end in order all the same.
//!
//! # In which order
//!
//! Deadlines happen one after the other: the clock stops at each, and lets runs go on until they wait again before the next
//! one, also if both are at the same time. Of deadlines at the same time, those of semaphores come first, then sleeps and timers
//! in the order in which they began.
//!
//! Nor does the host race with its runs: [`Engine::run`](crate::Engine::run) returns when the run waits for the first time, and
//! [`Session::evaluate`](crate::Session::evaluate) when its input does. (A run that has computed for a quarter of a second
//! without a wait is not waited for.) And runs do not race with each other: an engine with a test clock has one worker thread
//! unless its builder says [otherwise](crate::EngineBuilder::workers). So the same test takes the same course each time. What
//! remains is a run that computes for a quarter of a second without a wait: then others of its thread go first.

mod activity;
mod test_clock;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use cla_semaphore::Semaphores;

pub(crate) use self::activity::{
    Activity, COUNTED_AFTER, HostWait, OutsideFuture, Seat, Tracked, Wait,
};
use self::test_clock::Alarm;
pub use self::test_clock::{Hold, TestClock};

/// The time of an engine's runs: the machine's, or that of a [`TestClock`]. Cheap to clone.
///
/// Modules of a host that tell the time or sleep use the one of their run: [`Call::clock`](crate::host::Call::clock),
/// [`Run::clock`](crate::host::Run::clock).
///
/// ```
/// use cla_runtime::Engine;
/// use cla_runtime::clock::{Clock, TestClock};
///
/// assert!(Engine::new().clock().as_test().is_none());
/// let clock = Clock::from(&TestClock::new());
/// let (before, date) = (clock.now(), clock.date());
/// assert_eq!((clock.now(), clock.date()), (before, date), "it stands still");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<TestClock>);

impl Clock {
    /// The time of the machine.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// Now, to measure by. With a test clock, compare it with others of the same clock only.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one source of time")]
            None => Instant::now(),
            Some(clock) => clock.now(),
        }
    }

    /// The date and the time of day, as rules see them.
    #[must_use]
    pub fn date(&self) -> SystemTime {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one source of dates")]
            None => SystemTime::now(),
            Some(clock) => clock.date(),
        }
    }

    /// Ready after `duration`.
    ///
    /// # Panics
    ///
    /// With the time of the machine, outside of a tokio runtime with timers. Runs are always inside of one.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        let kind = match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one source of sleeps")]
            None => Kind::System {
                sleep: tokio::time::sleep(duration),
            },
            Some(clock) => Kind::Test {
                alarm: clock.alarm(clock.now().checked_add(duration), true),
            },
        };
        Sleep { kind }
    }

    /// Ready at that moment of this clock.
    ///
    /// # Panics
    ///
    /// As [`sleep`](Self::sleep).
    pub fn sleep_until(&self, at: Instant) -> Sleep {
        let kind = match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one source of sleeps")]
            None => Kind::System {
                sleep: tokio::time::sleep_until(at.into()),
            },
            Some(clock) => Kind::Test {
                alarm: clock.alarm(Some(at), false),
            },
        };
        Sleep { kind }
    }

    /// New semaphores, in memory, whose time is this clock's.
    #[must_use]
    pub fn semaphores(&self) -> Semaphores {
        match &self.0 {
            None => Semaphores::memory(),
            Some(clock) => clock.semaphores(),
        }
    }

    /// With a test clock, waits until all runs wait.
    #[inline]
    pub(crate) fn rest(&self) {
        if let Some(clock) = &self.0 {
            clock.rest();
        }
    }

    /// The clock of a test, if it is one.
    #[must_use]
    pub fn as_test(&self) -> Option<&TestClock> {
        self.0.as_ref()
    }
}

impl From<TestClock> for Clock {
    fn from(clock: TestClock) -> Self {
        Self(Some(clock))
    }
}

impl From<&TestClock> for Clock {
    fn from(clock: &TestClock) -> Self {
        Self(Some(clock.clone()))
    }
}

pin_project_lite::pin_project! {
    /// See [`Clock::sleep`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Sleep {
        #[pin]
        kind: Kind,
    }
}

pin_project_lite::pin_project! {
    #[project = KindProjection]
    enum Kind {
        System { #[pin] sleep: tokio::time::Sleep },
        Test { alarm: Alarm },
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match self.project().kind.project() {
            KindProjection::System { sleep } => sleep.poll(cx),
            KindProjection::Test { alarm } => alarm.poll(cx),
        }
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
