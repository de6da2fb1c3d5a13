//! Which ended requests to give: [`HistoryQuery`]; and how many a store keeps.

use std::time::Duration;

/// So many ended requests are kept of a semaphore: enough to see an hour of a busy one. At some 100 bytes each in memory
/// and 200 in a shared store, they take as much as a dozen blocked rules.
///
/// See [`HistoryQuery`] for an example of reading them.
pub const HISTORY_KEPT: usize = 1_000;
/// Older ones are dropped: a week, so that Monday can look at what happened on Friday.
///
/// See [`HistoryQuery`] for an example of reading them.
pub const HISTORY_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// So many of all semaphores together, where they are together: some 25 MB in memory, 50 MB in a file. A thousand
/// generated names must not cost a thousand times as much as one.
#[doc(hidden)]
pub const HISTORY_KEPT_OF_ALL: usize = 256 * HISTORY_KEPT;

/// Which ended requests to give. Without anything said: all that are kept.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use cla_semaphore::{HistoryQuery, Owner, Request, SemaphoreName, Semaphores, Status};
///
/// let semaphores = Semaphores::memory();
/// let x = SemaphoreName::new("x")?;
/// drop(semaphores.semaphore(&x).acquire().owner(Owner::new("nightly.js")).await?);
///
/// let query = HistoryQuery::new().since(Duration::from_secs(3600)).limit(100);
/// let ended = semaphores.history(&x, query).await?;
/// assert_eq!(ended[0].status, Status::Done);
/// assert_eq!(ended[0].who.as_deref(), Some("nightly.js"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    since: Option<Duration>,
    limit: Option<usize>,
}

impl HistoryQuery {
    /// All that is kept.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what ended no longer ago than this.
    #[must_use]
    pub const fn since(mut self, age: Duration) -> Self {
        self.since = Some(age);
        self
    }

    /// At most so many requests: those that ended last.
    #[must_use]
    pub const fn limit(mut self, requests: usize) -> Self {
        self.limit = Some(requests);
        self
    }

    /// How long ago a request may have ended, if that was said. For implementations of `Store`, as is the
    /// other getter.
    #[must_use]
    pub const fn wanted_since(&self) -> Option<Duration> {
        self.since
    }

    /// How many requests are wanted at most, if that was said.
    #[must_use]
    pub const fn wanted_limit(&self) -> Option<usize> {
        self.limit
    }

    /// At most so many, in the range of what is kept.
    #[doc(hidden)]
    #[must_use]
    pub fn most(&self) -> usize {
        self.limit.unwrap_or(HISTORY_KEPT).min(HISTORY_KEPT)
    }

    /// How long ago a request may have ended.
    #[doc(hidden)]
    #[must_use]
    pub fn age(&self) -> Duration {
        self.since.unwrap_or(HISTORY_AGE).min(HISTORY_AGE)
    }
}
