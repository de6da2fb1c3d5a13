//! When things happen: a monotonic [`Timestamp`] in nanoseconds.
//!
//! Time is a value here: the store around the queue reads a clock once per transition and passes the answer in.

use std::time::Duration;

/// Nanoseconds since the store was opened. Monotonic, and good for 584 years.
///
/// ```
/// use std::time::Duration;
/// use cla_semaphore::Timestamp;
///
/// let later = Timestamp::ZERO.after(Duration::from_secs(5));
/// assert_eq!(later.since(Timestamp::ZERO), Duration::from_secs(5));
/// assert!(later < Timestamp::NEVER);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment the store was opened.
    pub const ZERO: Self = Self(0);
    /// Later than everything: the deadline of what has none.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment `nanos` nanoseconds after the store was opened.
    #[inline]
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the store was opened.
    #[inline]
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// The moment `wait` after this one; [`Timestamp::NEVER`] if that is too far to count.
    #[inline]
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let nanos = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }

    /// The moment `time` before this one; [`Timestamp::ZERO`] if the store was not open then.
    #[inline]
    #[must_use]
    pub fn before(self, time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(nanos))
    }

    /// How long ago `earlier` was; zero when it was not.
    #[inline]
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}
