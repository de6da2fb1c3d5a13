//! What happens, for those who watch: [`Event`], [`Events`], [`EventHub`].
//!
//! Subscribers never slow a semaphore down: events go into a bounded ring, and a subscriber that is too
//! slow loses the oldest and is told how many.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::actor::Actor;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// How many events a subscriber may be behind before it misses some. One screenful of thousands of
/// hand-overs, in 150 KB that only a store with a subscriber pays.
const RING: usize = 1024;

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
    /// A waiting request gave up.
    TimedOut,
    /// A request's owner vanished, or its run was given up.
    Killed,
    /// A busy request's lease passed while its process could not reach the store. Only that process
    /// is told so; the others see it [killed](EventKind::Killed).
    Lost,
    /// A permit's deadline moved.
    Refreshed,
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
}

/// Why [`Events::recv`] has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// This many events were lost because the subscriber was too slow. The next call gives the oldest
    /// that is left; look at [`Semaphores::list`](crate::Semaphores::list) to catch up. 0 says that the
    /// connection to the store was interrupted, and that nobody knows how many.
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

/// What goes through the ring.
#[derive(Clone, Debug)]
enum Told<E> {
    Event(E),
    Gap,
}

/// A subscription to everything that happens in a store, or at a [provider](crate::provider::Provider::subscribe).
/// Dropping it ends it.
///
/// A store's events of one semaphore come in the order in which they happened.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{EventKind, Request, SemaphoreName, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let mut events = semaphores.subscribe();
/// let permit = semaphores.acquire(&SemaphoreName::new("a")?, Request::new()).await?;
/// drop(permit);
///
/// assert_eq!(events.recv().await?.kind, EventKind::Created);
/// assert_eq!(events.recv().await?.kind, EventKind::Acquired);
/// assert_eq!(events.recv().await?.kind, EventKind::Released);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Events<E = Event> {
    receiver: broadcast::Receiver<Told<E>>,
    /// Counts this subscription, see `EventHub::is_observed`.
    subscribers: Arc<AtomicUsize>,
}

impl<E: Clone> Events<E> {
    /// Waits for the next event. Cancel-safe: nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// [`EventsError::Missed`] once after events were lost, [`EventsError::Closed`] at the end.
    pub async fn recv(&mut self) -> Result<E, EventsError> {
        match self.receiver.recv().await {
            Ok(Told::Event(event)) => Ok(event),
            Ok(Told::Gap) => Err(EventsError::Missed(0)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Err(EventsError::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => Err(EventsError::Closed),
        }
    }

    /// The next event if it is there already.
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn try_recv(&mut self) -> Result<Option<E>, EventsError> {
        match self.receiver.try_recv() {
            Ok(Told::Event(event)) => Ok(Some(event)),
            Ok(Told::Gap) => Err(EventsError::Missed(0)),
            Err(broadcast::error::TryRecvError::Empty) => Ok(None),
            Err(broadcast::error::TryRecvError::Lagged(missed)) => Err(EventsError::Missed(missed)),
            Err(broadcast::error::TryRecvError::Closed) => Err(EventsError::Closed),
        }
    }
}

impl<E> Drop for Events<E> {
    fn drop(&mut self) {
        self.subscribers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a store puts its events and subscribers take them out. For implementations of
/// [`Store`](crate::Store).
#[derive(Debug)]
pub struct EventHub<E = Event> {
    /// Made for the first subscriber: the ring takes its memory at once.
    sender: OnceLock<broadcast::Sender<Told<E>>>,
    subscribers: Arc<AtomicUsize>,
}

impl<E> Default for EventHub<E> {
    fn default() -> Self {
        Self {
            sender: OnceLock::new(),
            subscribers: Arc::default(),
        }
    }
}

impl<E: Clone> EventHub<E> {
    /// A hub without subscribers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether anybody would get an event. One load, so that nobody watching costs nothing.
    #[inline]
    #[must_use]
    pub fn is_observed(&self) -> bool {
        self.subscribers.load(Ordering::Relaxed) > 0
    }

    /// Gives `event` to all subscribers, without waiting for any.
    pub fn emit(&self, event: E) {
        if let Some(sender) = self.sender.get() {
            // The only error is that the last subscriber just left.
            let _ = sender.send(Told::Event(event));
        }
    }

    /// Tells all subscribers that they missed events, nobody knows how many: the connection over which
    /// they come was interrupted.
    pub fn gap(&self) {
        if let Some(sender) = self.sender.get() {
            let _ = sender.send(Told::Gap);
        }
    }

    /// Everything emitted from now on.
    #[must_use]
    pub fn subscribe(&self) -> Events<E> {
        let receiver = self
            .sender
            .get_or_init(|| broadcast::Sender::new(RING))
            .subscribe();
        self.subscribers.fetch_add(1, Ordering::Relaxed);
        Events {
            receiver,
            subscribers: Arc::clone(&self.subscribers),
        }
    }
}
