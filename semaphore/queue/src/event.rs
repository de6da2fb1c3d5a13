//! What happens, for those who watch: [`Event`].

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// What happened, for those who watch.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{EventKind, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let mut events = semaphores.subscribe();
/// drop(semaphores.get("db")?.acquire().await?);
/// let mut kinds = Vec::new();
/// while let Some(event) = events.try_recv()? {
///     kinds.push(event.kind);
/// }
/// assert_eq!(kinds, [EventKind::Created, EventKind::Acquired, EventKind::Released]);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The semaphore came into being.
    Created,
    /// A request joined the line.
    Queued,
    /// A request took a slot.
    Acquired,
    /// An administrator let a waiting request through, outside the slots.
    Granted,
    /// A waiting request got the slot that its slot id holds already. It took none, and is over.
    Reacquired,
    /// A busy request ended.
    Released,
    /// A busy request's TTL passed.
    Expired,
    /// A waiting request was cancelled.
    Cancelled,
    /// A waiting request was refused because its wait could never have ended.
    Deadlocked,
    /// A waiting request waited as long as it was willing to.
    TimedOut,
    /// A waiting request left the line by itself: its run was stopped, or asked for something else.
    Left,
    /// A request's process is gone, or its run was given up.
    Killed,
    /// A busy request's lease passed while its process could not reach the store. Only that process
    /// gets this event; the others see it [killed](EventKind::Killed).
    Lost,
    /// A permit's deadline moved.
    Refreshed,
    /// The run of a request does not answer: it is inside one built-in function, and keeps what it holds.
    Unresponsive,
    /// The run of a request answers again.
    Responsive,
    /// A busy request was ended by *force release*.
    ForceReleased,
    /// A busy request was ended by *purge*.
    Purged,
    /// A waiting request changed its place.
    Moved,
    /// The number of slots changed.
    SlotsChanged,
    /// The number of slots was pinned: it outranks the code.
    Pinned,
    /// The code decides the number of slots again.
    Unpinned,
    /// The semaphore was forgotten.
    Forgotten,
}

impl EventKind {
    /// Whether it is what a command of an administrator does, and not what follows from that.
    #[doc(hidden)]
    #[must_use]
    pub const fn is_of_a_command(self) -> bool {
        matches!(
            self,
            Self::Created
                | Self::Granted
                | Self::Cancelled
                | Self::ForceReleased
                | Self::Purged
                | Self::Moved
                | Self::SlotsChanged
                | Self::Pinned
                | Self::Unpinned
                | Self::Forgotten
        )
    }
}

/// One thing that happened to one semaphore, with the counts right after it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{EventKind, Owner, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let mut events = semaphores.subscribe();
/// let permit = semaphores.get("db")?.acquire().owner(Owner::new("nightly.js")).await?;
/// assert_eq!(events.recv().await?.kind, EventKind::Created);
/// let event = events.recv().await?;
/// assert_eq!((event.semaphore.as_str(), event.who.as_deref()), ("db", Some("nightly.js")));
/// assert_eq!((event.request, event.busy, event.waiting), (Some(permit.id()), 1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To which semaphore.
    pub semaphore: SemaphoreName,
    /// To which of its requests, if to one.
    pub request: Option<RequestId>,
    /// Who asks with that request.
    pub who: Option<String>,
    /// The run that request belongs to.
    pub run: Option<RunId>,
    /// Slots taken.
    pub busy: usize,
    /// Length of the line.
    pub waiting: usize,
    /// Slots there are.
    pub slots: Slots,
    /// When, in seconds since the Unix epoch.
    pub at: f64,
    /// Which administrator did it, if one did and is known.
    #[serde(default)]
    pub by: Option<Actor>,
    /// Its number, of all events of this open store: one more than that of the event before, unless some in between were
    /// missed. It is given when the event goes to the subscribers.
    #[serde(default)]
    pub sequence: u64,
}
