//! The time that all processes of a machine share: what deadlines in the database are measured with.
//!
//! It is the system's monotonic clock, which starts anew with every boot. That is no loss: no
//! process lives through a reboot, so nothing is held or waits. And an administrator who sets the wall's clock expires no
//! permit.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Nanoseconds on the machine's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) i64);

impl Moment {
    /// Later than everything.
    pub(super) const NEVER: Self = Self(i64::MAX);

    pub(super) fn now() -> Self {
        Self(system::nanos())
    }

    pub(super) fn after(self, wait: Duration) -> Self {
        let nanos = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    pub(super) fn before(self, time: Duration) -> Self {
        let nanos = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long ago `earlier` was; zero when it was not.
    pub(super) fn since(self, earlier: Self) -> Duration {
        let nanos = self.0.saturating_sub(earlier.0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
    }
}

/// Turns moments into times of the wall clock, as that stands now.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    now: Moment,
    wall: Duration,
}

impl WallClock {
    pub(super) fn read() -> Self {
        /// Two clocks cannot be read at once; this is close enough.
        const APART: Duration = Duration::from_micros(10);
        /// A machine that is never quick enough gets the last reading.
        const ATTEMPTS: usize = 8;
        let mut reading = Self::attempt();
        for _ in 1..ATTEMPTS {
            if Moment::now().since(reading.now) <= APART {
                break;
            }
            reading = Self::attempt();
        }
        reading
    }

    fn attempt() -> Self {
        Self {
            now: Moment::now(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// Since the Unix epoch.
    pub(super) fn at(&self, moment: Moment) -> Duration {
        if moment <= self.now {
            self.wall.saturating_sub(self.now.since(moment))
        } else {
            self.wall.saturating_add(moment.since(self.now))
        }
    }

    pub(super) fn seconds(&self, moment: Moment) -> f64 {
        self.at(moment).as_secs_f64()
    }

    pub(super) fn system_time(&self, moment: Moment) -> SystemTime {
        UNIX_EPOCH + self.at(moment)
    }
}

#[cfg(unix)]
mod system {
    pub(super) fn nanos() -> i64 {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        now.tv_sec.saturating_mul(1_000_000_000) + now.tv_nsec
    }
}

#[cfg(not(unix))]
mod system {
    use std::time::{SystemTime, UNIX_EPOCH};

    /// No clock that processes share can be read safely here but that of the wall.
    pub(super) fn nanos() -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0))
    }
}
