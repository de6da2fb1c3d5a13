//! What happens, for all clients that watch: one subscription to the store, numbered, kept for a while.
//!
//! Clients have no queues of their own. Each has a place in one [`Ring`], and reads on from there when it can be sent more;
//! one that is too slow, or comes back too late, finds its place gone and reads the state anew.

mod ring;

use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{Event, EventsError, Semaphores};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::metrics::Metrics;
use crate::panel::Trends;

use self::ring::Ring;
pub(crate) use self::ring::{Entry, Happened};
pub(crate) use self::ring::{Reset, frame};

/// How many events are kept: at 500 a second, they last longer than a browser takes to connect again.
const KEPT: usize = 8192;

/// A store that has closed its events is asked for new ones after this.
const AGAIN: Duration = Duration::from_secs(1);

/// What happens, numbered from 1.
pub(crate) struct Live {
    ring: Mutex<Ring>,
    /// The number of the newest event.
    newest: watch::Sender<u64>,
    /// Distinguishes this service from the one before it, whose numbers mean nothing now.
    epoch: String,
}

/// Where a client goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// After this event.
    After(u64),
    /// The events that it asks for are gone: it reads the state anew, and goes on after this event.
    Reset(u64),
}

impl Live {
    /// Begins to follow a store, for as long as anybody has the result.
    pub(crate) fn follow(
        semaphores: Semaphores,
        metrics: Arc<Metrics>,
        trends: Arc<Trends>,
    ) -> Arc<Self> {
        let started = std::time::SystemTime::now();
        let started = started.duration_since(std::time::UNIX_EPOCH);
        let live = Arc::new(Self {
            ring: Mutex::new(Ring::new(KEPT)),
            newest: watch::Sender::new(0),
            epoch: format!("{:x}", started.unwrap_or_default().as_millis()),
        });
        let weak = Arc::downgrade(&live);
        // At once, so that nothing is missed of what happens after this call.
        let mut events = semaphores.subscribe();
        tokio::spawn(async move {
            loop {
                let next = events.recv().await;
                let Some(live) = weak.upgrade() else { return };
                match next {
                    Ok(event) => {
                        metrics.observe(&event);
                        trends.observe(&event);
                        live.push(Happened::Transition(Box::new(event)));
                    }
                    Err(EventsError::Missed(missed)) => {
                        tracing::warn!(missed, "events of the store were missed");
                        metrics.missed();
                        live.push(Happened::Gap);
                    }
                    Err(EventsError::Closed) => {
                        metrics.missed();
                        live.push(Happened::Gap);
                        drop(live);
                        tokio::time::sleep(AGAIN).await;
                        events = semaphores.subscribe();
                    }
                }
            }
        });
        live
    }

    /// Sends an event to all clients.
    pub(crate) fn push(&self, happened: Happened) {
        let newest = self.ring.lock().push(&self.epoch, happened);
        self.newest.send_replace(newest);
    }

    /// Wakes when there are more events.
    pub(crate) fn bell(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// How many clients watch.
    pub(crate) fn watchers(&self) -> usize {
        self.newest.receiver_count()
    }

    /// What an event is called where a client keeps its place.
    pub(crate) fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    /// The number of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Where a client goes on that has seen the event with this id, or begins.
    pub(crate) fn place(&self, last: Option<&str>) -> Place {
        let newest = self.newest();
        let Some(last) = last else {
            return Place::After(newest);
        };
        let number = last
            .split_once('-')
            .filter(|(epoch, _)| *epoch == self.epoch)
            .and_then(|(_, number)| number.parse::<u64>().ok())
            .filter(|number| *number <= newest);
        match number {
            Some(number) if self.ring.lock().reaches(number) => Place::After(number),
            _ => Place::Reset(newest),
        }
    }

    /// At most `most` events after this one; `None` if some of them are gone.
    pub(crate) fn after(&self, number: u64, most: usize) -> Option<Vec<Arc<Entry>>> {
        self.ring.lock().after(number, most)
    }
}

/// What [`Happened::Transition`] is about, for those who see only some semaphores.
impl Happened {
    pub(crate) fn transition(&self) -> Option<&Event> {
        match self {
            Self::Transition(event) => Some(event),
            _ => None,
        }
    }
}
