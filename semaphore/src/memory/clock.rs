//! The clocks of the memory store: the processor's, and one that tests move by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::timer::Timer;
use crate::time::Timestamp;

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
                Timestamp::from_nanos(((u128::from(ticks) * u128::from(*scale)) >> 32) as u64)
            }
            Self::Manual(time) => Timestamp::from_nanos(time.nanos.load(Ordering::Acquire)),
        }
    }

    /// Seconds since the Unix epoch, now.
    pub(crate) fn wall(&self) -> f64 {
        match self {
            Self::Real { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0.0, |since| since.as_secs_f64()),
            Self::Manual(time) => (time.start + time.elapsed()).as_secs_f64(),
        }
    }

    pub(crate) fn is_manual(&self) -> bool {
        matches!(self, Self::Manual(_))
    }
}

/// A clock that stands still until it is moved, for tests in which time decides something.
///
/// It starts at zero, which views show as the Unix epoch unless it [starts at another date](ManualClock::starting_at). Moving it
/// past a deadline (a TTL, a waiter's timeout) lets that deadline happen before [`advance`](ManualClock::advance) returns, so no
/// test has to sleep.
///
/// ```
/// use std::time::Duration;
/// use cla_semaphore::{ManualClock, Request, SemaphoreName, Semaphores, Ttl};
///
/// let clock = ManualClock::new();
/// let semaphores = Semaphores::memory_with_clock(&clock);
/// let printer = semaphores.semaphore(&SemaphoreName::new("printer")?);
///
/// let permit = printer.acquire().ttl(Ttl::from_secs(2)?).blocking()?;
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
    /// What views show when it stands at zero, since the Unix epoch.
    start: Duration,
    timers: crate::sync::Mutex<Vec<Weak<Timer>>>,
}

impl ManualTime {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Acquire))
    }
}

impl ManualClock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that stands at zero, which views show as this date. A date before 1970 counts as 1970.
    #[must_use]
    pub fn starting_at(date: SystemTime) -> Self {
        let time = ManualTime {
            start: date.duration_since(UNIX_EPOCH).unwrap_or_default(),
            ..ManualTime::default()
        };
        Self {
            time: Arc::new(time),
        }
    }

    /// How far it has been moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.time.elapsed()
    }

    /// When the next deadline may come, since the clock was made. There is none earlier; at this one it may be found that
    /// what it was set for is over.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let timers = self.timers();
        let earliest = timers.iter().map(|timer| timer.earliest()).min();
        earliest
            .filter(|at| *at != Timestamp::NEVER)
            .map(|at| Duration::from_nanos(at.as_nanos()))
    }

    fn timers(&self) -> Vec<Arc<Timer>> {
        let mut timers = self.time.timers.lock();
        timers.retain(|timer| timer.strong_count() > 0);
        timers.iter().filter_map(Weak::upgrade).collect()
    }

    /// Moves the clock on, and lets every deadline up to the new time happen, in order of deadline.
    pub fn advance(&self, by: Duration) {
        self.advance_to(self.elapsed().saturating_add(by));
    }

    /// Moves the clock on as [`advance`](Self::advance) does, until it has been moved so far since it was made. A time that has
    /// passed changes nothing.
    pub fn advance_to(&self, elapsed: Duration) {
        // The last moment that can be counted is what has no deadline.
        const LAST: u64 = Timestamp::NEVER.as_nanos() - 1;
        let nanos = u64::try_from(elapsed.as_nanos()).unwrap_or(LAST);
        let target = Timestamp::from_nanos(nanos.min(LAST));
        let timers = self.timers();
        // Stop at every deadline on the way, as real time would.
        while let Some(next) = timers
            .iter()
            .map(|timer| timer.earliest())
            .min()
            .filter(|next| *next <= target)
        {
            self.time.nanos.fetch_max(next.as_nanos(), Ordering::AcqRel);
            for timer in &timers {
                timer.fire(Timestamp::from_nanos(
                    self.time.nanos.load(Ordering::Acquire),
                ));
            }
        }
        self.time
            .nanos
            .fetch_max(target.as_nanos(), Ordering::AcqRel);
    }

    pub(crate) fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.time))
    }

    /// Whether that is the time of this clock.
    pub(crate) fn is_of(&self, clock: &Clock) -> bool {
        matches!(clock, Clock::Manual(time) if Arc::ptr_eq(time, &self.time))
    }

    pub(crate) fn drives(&self, timer: &Arc<Timer>) {
        self.time.timers.lock().push(Arc::downgrade(timer));
    }
}
