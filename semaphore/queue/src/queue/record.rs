//! Records of live requests, and of the busy ones the list in order of start.
//!
//! A record is used again when its request has ended. Its index is a place in memory, so a request is found without a search.

use super::Queue;
use crate::owner::Owner;
use crate::request::{Priority, Request, Ttl};
use crate::slot_id::SlotId;
use crate::time::Timestamp;

/// The index of no record.
pub(super) const NIL: u32 = u32::MAX;
/// The sequence number of no request.
pub(super) const NO_REQUEST: u64 = u64::MAX;

/// Names a request within its semaphore: a place in memory and a sequence number that is never used twice,
/// so a ticket of a request that is gone is recognised for ever.
///
/// ```
/// use cla_queue::queue::{Effects, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
///
/// let (mut queue, mut fx, now) = (Queue::<()>::new(0), Effects::default(), Timestamp::ZERO);
/// let first = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("a slot is free");
/// queue.release(first.ticket, now, &mut fx).expect("it is held");
/// let second = queue.try_acquire(&mut Request::new(), now, &mut fx).expect("it is free again");
/// assert!(queue.is_held(second.ticket));
/// assert!(!queue.is_held(first.ticket), "its place in memory has another request now");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket {
    pub(super) index: u32,
    pub(super) sequence: u64,
}

impl Ticket {
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn new(index: u32, sequence: u64) -> Self {
        Self { index, sequence }
    }

    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub const fn sequence(self) -> u64 {
        self.sequence
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The record is unused.
    Free,
    Waiting,
    Busy,
    BusyGranted,
}

/// A live request: waiting or busy. (Or the room for one.)
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct Record<W> {
    pub(super) sequence: u64,
    pub(super) requested_at: Timestamp,
    /// Meaningless while waiting.
    pub(super) started_at: Timestamp,
    /// Of the wait while waiting, of the permit while busy; `NEVER` for none.
    pub(super) deadline: Timestamp,
    /// Meaningless while waiting.
    pub(super) token: u64,
    pub(super) ttl: Option<Ttl>,
    pub(super) owner: Option<Owner>,
    pub(super) slot: Option<SlotId>,
    /// What the caller attached; there while waiting.
    pub(super) waiter: Option<W>,
    pub(super) priority: Priority,
    /// Neighbours in the list of busy records, which is in order of start. `next` is also the link of
    /// the list of free ones.
    pub(super) previous: u32,
    pub(super) next: u32,
    pub(super) phase: Phase,
    /// Its own sequence number, if its permit was left. The number of an earlier request in this record means nothing, so it
    /// need not be cleared.
    pub(super) left: u64,
}

impl<W> Queue<W> {
    /// Fills a record. The request's owner moves into it, its slot id does not: a free record has none.
    #[inline]
    pub(super) fn record(&mut self, request: &mut Request, now: Timestamp) -> u32 {
        let index = self.first_free;
        let index = if index == NIL {
            self.more_records()
        } else {
            index
        };
        let record = &mut self.records[index as usize];
        self.first_free = record.next;
        record.sequence = self.next_sequence;
        self.next_sequence += 1;
        record.requested_at = now;
        record.deadline = Timestamp::NEVER;
        record.ttl = request.get_ttl();
        record.owner = request.take_owner();
        record.priority = request.get_priority();
        index
    }

    #[cold]
    pub(super) fn more_records(&mut self) -> u32 {
        // 2^32 live requests of one semaphore would take 400 GB: memory runs out first.
        let index = self.records.len() as u32;
        self.records.push(Record {
            sequence: 0,
            requested_at: Timestamp::NEVER,
            started_at: Timestamp::NEVER,
            deadline: Timestamp::NEVER,
            token: 0,
            ttl: None,
            owner: None,
            slot: None,
            waiter: None,
            priority: Priority(0),
            previous: NIL,
            next: NIL,
            phase: Phase::Free,
            left: NO_REQUEST,
        });
        index
    }

    pub(super) fn ticket(&self, index: u32) -> Ticket {
        Ticket::new(index, self.records[index as usize].sequence)
    }

    #[inline]
    pub(super) fn live(&self, ticket: Ticket) -> Option<&Record<W>> {
        self.records
            .get(ticket.index as usize)
            .filter(|record| record.sequence == ticket.sequence && record.phase != Phase::Free)
    }

    #[inline]
    pub(super) fn phase(&self, ticket: Ticket) -> Option<Phase> {
        self.live(ticket).map(|record| record.phase)
    }

    pub(super) fn busy_records(&self) -> impl Iterator<Item = u32> {
        let first = (self.first_busy != NIL).then_some(self.first_busy);
        std::iter::successors(first, |&index| {
            let next = self.records[index as usize].next;
            (next != NIL).then_some(next)
        })
    }
}
