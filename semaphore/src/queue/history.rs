//! Ended requests of one semaphore: a ring in which the newest overwrites the oldest.
//!
//! A semaphore that is used once or twice keeps [`ENDED_KEPT`](super::ENDED_KEPT) rows at most. One that is used more
//! gets room for [`HISTORY_KEPT`], all at once: a free take must not allocate, and a ring that grows row by row
//! would. [`HistoryRoom`] bounds how many semaphores of a store have that much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{ENDED_KEPT, Ended};
use crate::history::{HISTORY_KEPT, HISTORY_KEPT_OF_ALL};

/// How many more semaphores of a store may have a long history. The clones of one share it.
#[derive(Clone, Debug)]
pub struct HistoryRoom(Arc<AtomicUsize>);

impl Default for HistoryRoom {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(
            HISTORY_KEPT_OF_ALL / HISTORY_KEPT,
        )))
    }
}

impl HistoryRoom {
    fn take(&self) -> bool {
        // The number guards nothing else, so no order with other memory is needed.
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    fn give_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// The ring.
#[derive(Debug)]
pub(super) struct History {
    rows: Vec<Ended>,
    /// Where the next goes: the oldest, once the ring is full.
    next: usize,
    /// How long the ring gets.
    room: usize,
    of_all: HistoryRoom,
}

impl History {
    pub(super) const fn new(of_all: HistoryRoom) -> Self {
        Self {
            rows: Vec::new(),
            next: 0,
            room: ENDED_KEPT,
            of_all,
        }
    }

    pub(super) const fn of_all(&self) -> &HistoryRoom {
        &self.of_all
    }

    /// The row for a request that ends: what it has of another is to be overwritten.
    #[inline(always)]
    pub(super) fn next(&mut self) -> &mut Ended {
        if self.rows.len() < self.room {
            self.next = self.rows.len();
            self.rows.push(Ended::default());
        } else if self.next == 0 && self.room == ENDED_KEPT {
            self.extend();
        }
        let at = self.next;
        self.next += 1;
        if self.next == self.room {
            self.next = 0;
        }
        &mut self.rows[at]
    }

    /// The short ring is full, its oldest row first. Asked once a round, so that being refused costs nothing.
    #[cold]
    fn extend(&mut self) {
        if self.of_all.take() {
            self.room = HISTORY_KEPT;
            self.rows.reserve_exact(HISTORY_KEPT - ENDED_KEPT);
            self.next = self.rows.len();
            self.rows.push(Ended::default());
        }
    }

    /// The last [`ENDED_KEPT`], oldest first.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Ended> {
        let (newer, older) = self.rows.split_at(self.next.min(self.rows.len()));
        let hidden = self.rows.len().saturating_sub(ENDED_KEPT);
        older.iter().chain(newer).skip(hidden)
    }

    /// All, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Ended> {
        let (newer, older) = self.rows.split_at(self.next.min(self.rows.len()));
        newer.iter().rev().chain(older.iter().rev())
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if self.room > ENDED_KEPT {
            self.of_all.give_back();
        }
    }
}
