//! What happens, for those who watch: [`Event`], [`Events`], [`EventHub`].

mod hub;

use crate::actor::Actor;

pub(crate) use self::hub::Emitted;
pub use self::hub::{EventHub, Events};
pub use cla_queue::event::{Event, EventKind};

/// Why [`Events::recv`] has no event.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Event, EventHub, EventsError};
///
/// let hub = EventHub::<Event>::new();
/// let mut events = hub.subscribe();
/// hub.gap_of(3);
/// assert_eq!(events.recv().await, Err(EventsError::Missed(3)));
/// drop(hub);
/// assert_eq!(events.recv().await, Err(EventsError::Closed));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventsError {
    /// This many events were lost: the subscriber was further behind than what is kept for it (65,536 events, or 16 MB).
    /// The next call gives the oldest that is left; look at `Semaphores::list` to catch up. 0
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
