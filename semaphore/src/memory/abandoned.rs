//! The permits that were taken from runs which were given up.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::queue::Ticket;
use crate::sync::Mutex;

/// The permits that were taken from runs which were given up. Nearly always there are none, and no command looks.
#[derive(Default)]
pub(super) struct Abandoned {
    any: AtomicBool,
    /// By number of the entry and sequence number of the request. A permit of a slot with an id stays in here: others
    /// may have it, too.
    permits: Mutex<HashSet<(u32, u64)>>,
}

impl Abandoned {
    pub(super) fn note(&self, entry: u32, ticket: Ticket) {
        self.permits.lock().insert((entry, ticket.sequence()));
        self.any.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn contains(&self, entry: u32, ticket: Ticket) -> bool {
        self.any.load(Ordering::Acquire)
            && self.permits.lock().contains(&(entry, ticket.sequence()))
    }

    pub(super) fn forget(&self, entry: u32, ticket: Ticket) {
        if self.any.load(Ordering::Acquire) {
            self.permits.lock().remove(&(entry, ticket.sequence()));
        }
    }
}
