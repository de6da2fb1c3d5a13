//! What administrators see: the one shape that the API, the CLI and the panel all show.
//!
//! Times are seconds since the Unix epoch, durations are seconds, what is absent is `null`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::request::Priority;
use crate::slot_id::SlotId;
use crate::slots::Slots;

/// Where a request is in its life (README: *Steering*).
///
/// ```
/// use cla_semaphore::Status;
///
/// assert_eq!(Status::TimedOut.as_str(), "timed_out");
/// assert_eq!(Status::Busy.to_string(), "busy");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Status {
    /// Waits for an available slot.
    Waiting,
    /// Has the semaphore, and runs.
    Busy,
    /// Ended as it should.
    Done,
    /// Failed in the line, on request or because its wait could never have ended.
    Cancelled,
    /// Its TTL passed while it was busy.
    Expired,
    /// Its process is gone, or its run was given up.
    Killed,
    /// It waited as long as it was willing to.
    TimedOut,
    /// Its slot was taken back by force while its process went on, or before it heard of it. Shown until its permit is
    /// dropped.
    Released,
    /// It gave up waiting: its run was stopped, or asked for something else.
    Left,
}

impl Status {
    /// The name that JSON, the CLI and the panel use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Busy => "busy",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::Killed => "killed",
            Self::TimedOut => "timed_out",
            Self::Released => "released",
            Self::Left => "left",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One semaphore, with all its requests.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Semaphores, Status};
///
/// let semaphores = Semaphores::memory();
/// let _permit = semaphores.get("db")?.acquire().slots(2).await?;
/// let view = &semaphores.list().await?[0];
/// assert_eq!((view.name.as_str(), view.busy, view.waiting), ("db", 1, 0));
/// assert_eq!(view.requests[0].status, Status::Busy);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SemaphoreView {
    /// What it is called.
    pub name: SemaphoreName,
    /// How many may be busy at once: a number or `"unlimited"`.
    pub slots: Slots,
    /// Whether an administrator's number of slots is in force.
    pub pinned: bool,
    /// How many slots are taken. A granted request takes none.
    pub busy: usize,
    /// How many wait.
    pub waiting: usize,
    /// Busy ones in order of start, then the line, then those that ended a moment ago.
    pub requests: Vec<RequestView>,
}

/// One request: a row on the administrator's screen.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Owner, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let db = semaphores.get("db")?;
/// let permit = db.acquire().owner(Owner::new("nightly.js")).await?;
/// let view = semaphores.show(db.name()).await?.expect("it was named");
/// let row = &view.requests[0];
/// assert_eq!((row.id, row.who.as_deref()), (permit.id(), Some("nightly.js")));
/// assert_eq!(row.token, Some(permit.token()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestView {
    /// Its id.
    pub id: RequestId,
    /// Where it is in its life.
    pub status: Status,
    /// Let through by an administrator: it takes no slot.
    pub granted: bool,
    /// Who asks: rule and op, or REPL.
    pub who: Option<String>,
    /// The run it belongs to.
    pub run: Option<RunId>,
    /// The machine it runs on.
    pub host: Option<String>,
    /// The process it runs in.
    pub pid: Option<u32>,
    /// Place in line, from 1; only while waiting.
    pub place: Option<usize>,
    /// The priority it asked for.
    pub priority: Priority,
    /// The id of the slot that it takes, if it has one.
    pub slot: Option<SlotId>,
    /// Fencing token, once admitted.
    pub token: Option<u64>,
    /// When it asked.
    pub requested_at: f64,
    /// When it was admitted.
    pub started_at: Option<f64>,
    /// When its permit expires; only while busy with a TTL.
    pub expires_at: Option<f64>,
    /// How long it waited, or has waited so far.
    pub waited: f64,
    /// How long it was busy, or has been so far.
    pub ran: Option<f64>,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<f64>,
    /// Which administrator granted, cancelled, moved or ended it last, if one did and is known.
    #[serde(default)]
    pub by: Option<Actor>,
    /// Since when its run does not answer; only while that is so. See
    /// `Semaphores::mark_unresponsive`.
    #[serde(default)]
    pub unresponsive_since: Option<f64>,
}

impl RequestView {
    /// For how long its run has not answered, by the times that the store gave; `None` if it answers.
    #[must_use]
    pub fn unresponsive_for(&self) -> Option<Duration> {
        let now = match (self.started_at, self.ran) {
            (Some(started_at), Some(ran)) => started_at + ran,
            _ => self.requested_at + self.waited,
        };
        Some(Duration::try_from_secs_f64(now - self.unresponsive_since?).unwrap_or(Duration::ZERO))
    }

    /// How long its permit still lives, by the times that the store gave; `None` unless it is busy with a TTL.
    #[must_use]
    pub fn ttl_left(&self) -> Option<Duration> {
        let now = self.started_at? + self.ran?;
        Some(Duration::try_from_secs_f64(self.expires_at? - now).unwrap_or(Duration::ZERO))
    }
}
