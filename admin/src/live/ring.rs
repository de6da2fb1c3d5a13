//! The last events, each as the text that clients are sent: [`Ring`].

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::Bytes;
use cla_runtime::semaphore::Event;
use serde::Serialize;

use crate::alerts::Alert;
use crate::runs::Record;

/// What clients are sent.
#[derive(Debug)]
pub(crate) enum Happened {
    /// A semaphore changed.
    Transition(Box<Event>),
    /// A run has begun or ended.
    Run(Box<Record>),
    /// A request waits, or is busy, for too long.
    Alert(Box<Alert>),
    /// The store answers no more, or again.
    Store(bool),
    /// Events of the store were missed; it is not known which.
    Gap,
}

/// One event.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) number: u64,
    pub(crate) happened: Happened,
    /// As it is sent (Server-Sent Events); all clients share it.
    pub(crate) text: Bytes,
}

/// The last events.
pub(crate) struct Ring {
    entries: VecDeque<Arc<Entry>>,
    most: usize,
    newest: u64,
}

impl Ring {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most,
            newest: 0,
        }
    }

    /// Adds an event, and gives its number.
    pub(crate) fn push(&mut self, epoch: &str, happened: Happened) -> u64 {
        self.newest += 1;
        let number = self.newest;
        let id = format!("{epoch}-{number}");
        let text = match &happened {
            Happened::Transition(event) => frame(&id, "transition", event),
            Happened::Run(run) => frame(&id, "run", run),
            Happened::Alert(alert) => frame(&id, "alert", alert),
            Happened::Store(reachable) => frame(&id, "store", &Reachable::new(*reachable)),
            Happened::Gap => frame(&id, "reset", &Reset::MISSED),
        };
        if self.entries.len() == self.most {
            self.entries.pop_front();
        }
        self.entries.push_back(Arc::new(Entry {
            number,
            happened,
            text,
        }));
        number
    }

    /// Whether all events after this one are here.
    pub(crate) fn reaches(&self, number: u64) -> bool {
        let oldest = self.entries.front().map(|entry| entry.number);
        oldest.is_none_or(|oldest| number + 1 >= oldest)
    }

    /// At most `most` events after this one; `None` if some of them are gone.
    pub(crate) fn after(&self, number: u64, most: usize) -> Option<Vec<Arc<Entry>>> {
        if !self.reaches(number) {
            return None;
        }
        let new = usize::try_from(self.newest.saturating_sub(number)).unwrap_or(usize::MAX);
        let from = self.entries.len().saturating_sub(new);
        Some(self.entries.iter().skip(from).take(most).cloned().collect())
    }
}

/// Says to a client whether the store answers.
#[derive(Serialize)]
pub(crate) struct Reachable {
    reachable: bool,
}

impl Reachable {
    pub(crate) const fn new(reachable: bool) -> Self {
        Self { reachable }
    }
}

/// Says to a client that it is to read the state anew.
#[derive(Serialize)]
pub(crate) struct Reset {
    reason: &'static str,
}

impl Reset {
    /// Events of the store were missed.
    const MISSED: Self = Self {
        reason: "events of the store were missed",
    };
    /// The client comes too late, or from another life of the service.
    pub(crate) const LATE: Self = Self {
        reason: "the events after the last that you saw are gone",
    };
}

/// One event as it is sent.
pub(crate) fn frame(id: &str, name: &str, data: &impl Serialize) -> Bytes {
    // JSON has no line feeds of its own, and what is sent here is always JSON.
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("id: {id}\nevent: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use super::*;

    #[test]
    fn a_place_is_kept_until_the_ring_has_turned() {
        let mut ring = Ring::new(3);
        assert_eq!(ring.after(0, 9).unwrap().len(), 0);
        for _ in 0..3 {
            ring.push("e", Happened::Gap);
        }
        let numbers = |from, most| {
            let entries = ring.after(from, most)?;
            Some(entries.iter().map(|entry| entry.number).collect::<Vec<_>>())
        };
        assert_eq!(numbers(0, 9), Some(vec![1, 2, 3]));
        assert_eq!(numbers(1, 1), Some(vec![2]));
        assert_eq!(numbers(3, 9), Some(vec![]));
        ring.push("e", Happened::Gap);
        assert!(ring.after(0, 9).is_none(), "the first is gone");
        assert_eq!(ring.after(1, 9).unwrap().len(), 3);
        let text = ring.after(3, 9).unwrap()[0].text.clone();
        assert!(
            text.starts_with(b"id: e-4\nevent: reset\ndata: {"),
            "{text:?}"
        );
    }
}
