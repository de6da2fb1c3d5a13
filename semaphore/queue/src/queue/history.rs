//! Ended requests of one semaphore.
//!
//! The last [`ENDED_KEPT`](super::ENDED_KEPT) are in a short ring, which stays in the processor's nearest cache: every end
//! of a request writes a row. Whenever it has gone round, all its rows change places with the oldest rows of a long
//! ring, in one sweep of memory. So a history of a thousand rows makes the end of a request no slower.
//!
//! A semaphore that is used once or twice has no long ring. One that is used more gets it at once in full: a free take must
//! not allocate, and a ring that grows row by row would. [`HistoryRoom`] bounds how many semaphores of a store have one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ENDED_KEPT;
use super::record::{NIL, NO_REQUEST, Ticket};
use crate::actor::Actor;
use crate::history::{HISTORY_KEPT, HISTORY_KEPT_OF_ALL};
use crate::owner::Owner;
use crate::request::Priority;
use crate::slot_id::SlotId;
use crate::time::Timestamp;
use crate::view::Status;

#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) ticket: Ticket,
    pub(super) requested_at: Timestamp,
    /// `NEVER` if it was never admitted.
    pub(super) started_at: Timestamp,
    pub(super) ended_at: Timestamp,
    pub(super) token: u64,
    pub(super) owner: Option<Owner>,
    pub(super) slot: Option<SlotId>,
    pub(super) priority: Priority,
    pub(super) status: Status,
    pub(super) granted: bool,
    pub(super) by: Option<Actor>,
}

impl Default for Ended {
    /// Room for one.
    fn default() -> Self {
        Self {
            ticket: Ticket::new(NIL, NO_REQUEST),
            requested_at: Timestamp::NEVER,
            started_at: Timestamp::NEVER,
            ended_at: Timestamp::NEVER,
            token: 0,
            owner: None,
            slot: None,
            priority: Priority(0),
            status: Status::Done,
            granted: false,
            by: None,
        }
    }
}

/// How many more semaphores of a store may have a long history. The clones of one share it.
///
/// ```
/// use cla_queue::queue::{HistoryRoom, Queue};
///
/// // A store has one, and gives a clone of it to each of its semaphores.
/// let room = HistoryRoom::default();
/// let [a, b] = [(); 2].map(|()| Queue::<()>::with_history(0, room.clone()));
/// assert_eq!(a.history().count() + b.history().count(), 0);
/// ```
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

/// How many rows the long ring has: whole rounds of the short one.
const LONG: usize = HISTORY_KEPT.next_multiple_of(ENDED_KEPT);

/// Both rings.
#[derive(Debug)]
pub(super) struct History {
    /// The newest rows, from its start. Behind them: with a long ring, nothing that counts; else the rows before them.
    recent: Vec<Ended>,
    /// How many rows of the short ring are of this round.
    next: usize,
    /// The long ring; empty if there is none.
    older: Vec<Ended>,
    /// Where the next round goes: the oldest rows, once it is full.
    round: usize,
    of_all: HistoryRoom,
}

impl History {
    pub(super) const fn new(of_all: HistoryRoom) -> Self {
        Self {
            recent: Vec::new(),
            next: 0,
            older: Vec::new(),
            round: 0,
            of_all,
        }
    }

    pub(super) const fn of_all(&self) -> &HistoryRoom {
        &self.of_all
    }

    /// The row for a request that ends: what it has of another is to be overwritten.
    #[inline(always)]
    pub(super) fn next(&mut self) -> &mut Ended {
        if self.next == ENDED_KEPT {
            self.go_round();
        } else if self.next == self.recent.len() {
            self.recent.push(Ended::default());
        }
        let at = self.next;
        self.next += 1;
        &mut self.recent[at]
    }

    /// The short ring is full, its oldest row first.
    #[cold]
    fn go_round(&mut self) {
        self.next = 0;
        if self.older.capacity() == 0 {
            if !self.of_all.take() {
                return;
            }
            self.older.reserve_exact(LONG);
        }
        if self.older.len() < LONG {
            let rows = self.recent.iter_mut().map(std::mem::take);
            self.older.extend(rows);
        } else {
            let oldest = self.round..self.round + ENDED_KEPT;
            self.older[oldest].swap_with_slice(&mut self.recent);
        }
        self.round = (self.round + ENDED_KEPT) % LONG;
    }

    /// The rows of the short ring of this round, and those that came before them: older ones, newer ones.
    fn parts(&self) -> (&[Ended], &[Ended], &[Ended]) {
        let (newest, rest) = self.recent.split_at(self.next);
        if self.older.is_empty() {
            return (newest, &[], rest);
        }
        let (newer, older) = self.older.split_at(self.round);
        if newer.is_empty() {
            return (newest, &[], older);
        }
        (newest, older, newer)
    }

    /// The last [`ENDED_KEPT`], oldest first.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Ended> {
        let (newest, _, before) = self.parts();
        let hidden = before
            .len()
            .saturating_sub(ENDED_KEPT.saturating_sub(newest.len()));
        before[hidden..].iter().chain(newest)
    }

    /// The last one.
    pub(super) fn newest(&self) -> Option<&Ended> {
        self.newest_first().next()
    }

    /// The last [`HISTORY_KEPT`], newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Ended> {
        let (newest, oldest, before) = self.parts();
        newest
            .iter()
            .rev()
            .chain(before.iter().rev())
            .chain(oldest.iter().rev())
            .take(HISTORY_KEPT)
    }
}

/// Without the rows: the explorer clones queues by the million, and never looks at what ended.
#[cfg(test)]
impl Clone for History {
    fn clone(&self) -> Self {
        Self::new(self.of_all.clone())
    }
}

impl Drop for History {
    fn drop(&mut self) {
        if self.older.capacity() > 0 {
            self.of_all.give_back();
        }
    }
}
