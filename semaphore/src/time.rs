//! When things happen: a monotonic [`Timestamp`] in nanoseconds and the clocks that make one.
//!
//! The queue never reads a clock; the store around it reads one exactly once per transition and
//! passes the answer in. Wall-clock time appears only in views and events.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::timer::Timer;

/// Nanoseconds since the store was opened. Monotonic, and good for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment the store was opened.
    pub const ZERO: Self = Self(0);
    /// Later than everything: the deadline of what has none.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the store was opened.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the store was opened.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `wait` after this one; [`Timestamp::NEVER`] if that is too far to count.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The moment `time` before this one; [`Timestamp::ZERO`] if the store was not open then.
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long ago `earlier` was; zero when it was not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Where a store's time comes from.
#[derive(Clone, Debug)]
pub(crate) enum Clock {
    /// The processor's cycle counter, read in 10 ns where `Instant::now()` takes 25.
    Real {
        clock: quanta::Clock,
        start: u64,
        /// Nanoseconds in 2^32 ticks: one multiplication turns ticks into time.
        scale: u64,
    },
    /// Stands still until a test moves it.
    Manual(Arc<ManualTime>),
}

impl Clock {
    pub(crate) fn real() -> Self {
        let clock = quanta::Clock::new();
        let start = clock.raw();
        let scale = clock.delta_as_nanos(0, 1 << 32);
        Self::Real {
            clock,
            start,
            scale,
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Timestamp {
        match self {
            Self::Real {
                clock,
                start,
                scale,
            } => {
                // Another processor's counter may be a little behind.
                let ticks = clock.raw().saturating_sub(*start);
                Timestamp(((u128::from(ticks) * u128::from(*scale)) >> 32) as u64)
            }
            Self::Manual(time) => Timestamp(time.nanos.load(Ordering::Acquire)),
        }
    }

    /// Seconds since the Unix epoch, now.
    pub(crate) fn wall(&self) -> f64 {
        match self {
            Self::Real { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            Self::Manual(time) => {
                Duration::from_nanos(time.nanos.load(Ordering::Acquire)).as_secs_f64()
            }
        }
    }

    pub(crate) fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }
}

/// A clock that stands still until it is told to move, for tests in which time decides something.
///
/// It starts at zero, which its views show as the Unix epoch. Moving it past a deadline (a TTL, a
/// waiter's timeout) lets that deadline happen before [`advance`](ManualClock::advance) returns, so
/// no test has to sleep.
///
/// ```
/// use std::time::Duration;
/// use cla_semaphore::{ManualClock, Request, SemaphoreName, Semaphores, Ttl};
///
/// let clock = ManualClock::new();
/// let semaphores = Semaphores::memory_with_clock(&clock);
/// let printer = semaphores.semaphore(&SemaphoreName::new("printer")?);
///
/// let permit = printer.blocking_acquire(Request::new().ttl(Ttl::from_secs(2)?))?;
/// clock.advance(Duration::from_secs(2));
/// assert!(permit.is_lost(), "its TTL has passed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    time: Arc<ManualTime>,
}

#[derive(Debug, Default)]
pub(crate) struct ManualTime {
    nanos: AtomicU64,
    timers: crate::sync::Mutex<Vec<Weak<Timer>>>,
}

impl ManualClock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves the clock on, and lets every deadline up to the new time happen, in order of deadline.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let target = Timestamp(self.time.nanos.load(Ordering::Acquire).saturating_add(by));
        let timers: Vec<_> = {
            let mut timers = self.time.timers.lock();
            timers.retain(|timer| timer.strong_count() > 0);
            timers.iter().filter_map(Weak::upgrade).collect()
        };
        // Stop at every deadline on the way, as real time would.
        while let Some(next) = timers
            .iter()
            .map(|timer| timer.earliest())
            .min()
            .filter(|next| *next <= target)
        {
            self.time.nanos.fetch_max(next.0, Ordering::AcqRel);
            for timer in &timers {
                timer.fire(Timestamp(self.time.nanos.load(Ordering::Acquire)));
            }
        }
        self.time.nanos.fetch_max(target.0, Ordering::AcqRel);
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.time))
    }

    pub(crate) fn drives(&self, timer: &Arc<Timer>) {
        self.time.timers.lock().push(Arc::downgrade(timer));
    }
}
