//! What administrators changed: [`AuditEntry`], [`AuditQuery`].
//!
//! Every store keeps an entry for each command that changed something, written together with the change itself: there
//! is no change without its entry, and no entry without its change. A command that changed nothing (it was refused, or
//! all was so already) has none.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::command::AdminAction;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// So many entries are kept: of the whole store, or in Redis of each semaphore, as the keys of one semaphore are
/// together on one node of a cluster and those of several are not. A person gives a few commands a day; a script that
/// gives ten a minute still finds its last sixteen hours. At some 300 bytes each, they take 3 MB.
///
/// See [`AuditQuery`] for an example of reading them.
pub const AUDIT_KEPT: usize = 10_000;
/// Entries older than this are dropped: a quarter, so that a report on it can be written.
///
/// See [`AuditQuery`] for an example of reading them.
pub const AUDIT_AGE: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// A command that changed something.
///
/// See [`AuditQuery`] for an example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Grows from entry to entry, not always by one: in Redis within each semaphore, else in the whole store.
    pub sequence: u64,
    /// When, in seconds since the Unix epoch.
    pub at: f64,
    /// Who gave it, as far as the program said so: see [`Semaphores::acting_as`](crate::Semaphores::acting_as).
    pub actor: Option<Actor>,
    /// Which command it was.
    pub command: AdminAction,
    /// The semaphore.
    pub semaphore: SemaphoreName,
    /// The request, if it was about one.
    pub request: Option<RequestId>,
    /// Who asked with that request.
    pub who: Option<String>,
    /// The semaphore right before; `None` when there was none.
    pub before: Option<AuditState>,
    /// The semaphore right after; `None` when it is there no more.
    pub after: Option<AuditState>,
    /// How many requests it granted, cancelled, moved or ended.
    pub hits: usize,
}

/// A semaphore right before or after a command.
///
/// See [`AuditQuery`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditState {
    /// How many may be busy at once.
    pub slots: Slots,
    /// Whether an administrator's number of slots is in force.
    pub pinned: bool,
    /// How many slots are taken.
    pub busy: usize,
    /// How many wait.
    pub waiting: usize,
    /// The place in line of the request that was moved, from 1.
    pub place: Option<usize>,
}

/// Whether a command that was carried out changed anything.
pub(crate) fn changed(
    action: AdminAction,
    hits: usize,
    before: Option<&AuditState>,
    after: Option<&AuditState>,
) -> bool {
    match action {
        AdminAction::Grant
        | AdminAction::Cancel
        | AdminAction::Purge
        | AdminAction::ForceRelease
        | AdminAction::Release => hits > 0,
        _ => before != after,
    }
}

/// Which entries of the audit to give. Without anything said: all that are kept.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use cla_semaphore::{Actor, AdminAction, AuditQuery, SemaphoreName, Semaphores, Slots};
///
/// let semaphores = Semaphores::memory().acting_as(Actor::process("sem"));
/// let x = SemaphoreName::new("x")?;
/// semaphores.set_slots(&x, Slots::LOCKED).await?;
///
/// let query = AuditQuery::new().semaphore(x).since(Duration::from_secs(60)).limit(10);
/// let audit = semaphores.audit(query).await?;
/// assert_eq!(audit[0].command, AdminAction::SetSlots);
/// assert_eq!(audit[0].actor.as_ref().map(Actor::program), Some("sem"));
/// assert_eq!(audit[0].before, None);
/// assert_eq!(audit[0].after.map(|after| after.slots), Some(Slots::LOCKED));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    pub(crate) semaphore: Option<SemaphoreName>,
    pub(crate) since: Option<Duration>,
    pub(crate) limit: Option<usize>,
}

impl AuditQuery {
    /// All that is kept.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what concerns this semaphore.
    #[must_use]
    pub fn semaphore(mut self, name: SemaphoreName) -> Self {
        self.semaphore = Some(name);
        self
    }

    /// Only what is no older than this.
    #[must_use]
    pub const fn since(mut self, age: Duration) -> Self {
        self.since = Some(age);
        self
    }

    /// At most so many entries: the newest.
    #[must_use]
    pub const fn limit(mut self, entries: usize) -> Self {
        self.limit = Some(entries);
        self
    }

    /// The only semaphore that is wanted, if one is. For implementations of [`Store`](crate::Store), as are the other
    /// getters.
    #[must_use]
    pub const fn wanted_semaphore(&self) -> Option<&SemaphoreName> {
        self.semaphore.as_ref()
    }

    /// How old an entry may be, if that was said.
    #[must_use]
    pub const fn wanted_since(&self) -> Option<Duration> {
        self.since
    }

    /// How many entries are wanted at most, if that was said.
    #[must_use]
    pub const fn wanted_limit(&self) -> Option<usize> {
        self.limit
    }

    /// At most so many, in the range of what is kept.
    pub(crate) fn most(&self) -> usize {
        self.limit.unwrap_or(AUDIT_KEPT).min(AUDIT_KEPT)
    }

    /// The time of the oldest entry that is wanted, in seconds since the Unix epoch.
    pub(crate) fn oldest(&self, now: f64) -> f64 {
        now - self.since.unwrap_or(AUDIT_AGE).min(AUDIT_AGE).as_secs_f64()
    }
}
