//! What happens, for those who watch: [`Event`], [`Events`], [`EventHub`].

mod hub;

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slots::Slots;

pub(crate) use self::hub::Emitted;
pub use self::hub::{EventHub, Events};

/// What happened, for those who watch.
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
    /// A waiting request was told to fail.
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
    /// is told so; the others see it [killed](EventKind::Killed).
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
    pub(crate) const fn is_of_a_command(self) -> bool {
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
    /// Its number, of all that this open store told: one more than that of the event before, unless some in between were
    /// missed. It is given when the event goes to the subscribers.
    #[serde(default)]
    pub sequence: u64,
}

/// Why [`Events::recv`] has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// This many events were lost: the subscriber was further behind than what is kept for it (65,536 events, or 16 MB).
    /// The next call gives the oldest that is left; look at [`Semaphores::list`](crate::Semaphores::list) to catch up. 0
    /// says that the connection to the store was interrupted, and that it is not known how many.
    #[error("{}", missed(*.0))]
    Missed(u64),
    /// The store (or the provider) is gone: there will be no more events.
    #[error("the semaphore store is closed: there are no more events")]
    Closed,
}

fn missed(events: u64) -> String {
    match events {
        0 => {
            "events may have been missed while the semaphore store could not be reached".to_owned()
        }
        1 => "1 event was missed because it was not read in time".to_owned(),
        _ => format!("{events} events were missed because they were not read in time"),
    }
}

impl Emitted for Event {
    fn number(&mut self, sequence: u64) {
        self.sequence = sequence;
    }

    fn weight(&self) -> usize {
        let who = self.who.as_ref().map_or(0, String::len);
        let by = self.by.as_ref().map_or(0, Actor::weight);
        size_of::<Self>() + self.semaphore.as_str().len() + who + by
    }
}
