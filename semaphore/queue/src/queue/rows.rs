//! What a queue looks like: its requests as administrators see them, its holders and its waiters. Changes nothing.

use super::history::Ended;
use super::record::{Phase, Ticket};
use super::{ENDED_SHOWN, Queue};
use crate::actor::Actor;
use crate::owner::Owner;
use crate::request::Priority;
use crate::slot_id::SlotId;
use crate::time::Timestamp;
use crate::view::Status;

/// One request as [`Queue::rows`] shows it.
///
/// ```
/// use cla_queue::queue::{Effects, Queue};
/// use cla_queue::request::Request;
/// use cla_queue::time::Timestamp;
/// use cla_queue::view::Status;
///
/// let (mut queue, mut fx, now) = (Queue::new(0), Effects::default(), Timestamp::ZERO);
/// for _ in 0..3 {
///     queue.acquire(&mut Request::new(), |_, _| (), now, &mut fx);
/// }
/// let rows: Vec<_> = queue.rows(now).map(|row| (row.status, row.place)).collect();
/// let (busy, waiting) = (Status::Busy, Status::Waiting);
/// assert_eq!(rows, [(busy, None), (waiting, Some(1)), (waiting, Some(2))]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The request.
    pub ticket: Ticket,
    /// Where it is in its life.
    pub status: Status,
    /// Let through by an administrator.
    pub granted: bool,
    /// Whose it is.
    pub owner: Option<&'a Owner>,
    /// Its place in line, from 1, if it waits.
    pub place: Option<usize>,
    /// The priority it asked for.
    pub priority: Priority,
    /// The id of the slot that it takes, if it has one.
    pub slot: Option<&'a SlotId>,
    /// Its fencing token, if it was admitted.
    pub token: Option<u64>,
    /// When it was made.
    pub requested_at: Timestamp,
    /// When it was admitted.
    pub started_at: Option<Timestamp>,
    /// When its permit expires, if it is busy and has a TTL.
    pub expires_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Which administrator granted, cancelled, moved or ended it last.
    pub by: Option<&'a Actor>,
    /// Since when its run does not answer, if it does not.
    pub unresponsive_since: Option<Timestamp>,
}

impl<W> Queue<W> {
    /// The status at `now` of everything that is live or remembered: busy ones in order of start, then
    /// the line, then what ended, oldest first. What was ended by force is there until its permit is dropped.
    pub fn rows(&self, now: Timestamp) -> impl Iterator<Item = Row<'_>> {
        let busy = self.busy_records().map(|index| self.row(index, None));
        let waiting = self
            .line
            .iter()
            .zip(1..)
            .map(|(index, place)| self.row(index, Some(place)));
        let recent = move || {
            let shown = self.ended.shown();
            shown.filter(move |ended| now.since(ended.ended_at) < ENDED_SHOWN)
        };
        let outlived = self
            .outlived
            .iter()
            .filter(move |ended| recent().all(|recent| recent.ticket != ended.ticket));
        let ended = outlived.chain(recent()).map(Ended::row);
        busy.chain(waiting).chain(ended)
    }

    /// The requests that ended, newest first: the last thousand of a semaphore that is used much.
    pub fn history(&self) -> impl Iterator<Item = Row<'_>> {
        self.ended.newest_first().map(Ended::row)
    }

    /// The owners of held slots, in order of start. The flag says that a slot may be freed without its owner: it expires, or
    /// is released by its slot id.
    pub fn holders(&self) -> impl Iterator<Item = (Option<&Owner>, bool)> {
        self.busy_records()
            .map(|index| &self.records[index as usize])
            .filter(|record| record.phase == Phase::Busy)
            .map(|record| {
                let ends = record.ttl.is_some() || record.slot.is_some();
                (record.owner.as_ref(), ends)
            })
    }

    /// Those who wait, in the order of the line.
    pub fn waiters(&self) -> impl Iterator<Item = Ticket> {
        self.line
            .iter()
            .map(|index| Ticket::new(index, self.records[index as usize].sequence))
    }

    /// The status of the request, if it is live or remembered.
    #[must_use]
    pub fn status(&self, ticket: Ticket) -> Option<Status> {
        match self.phase(ticket) {
            Some(Phase::Waiting) => Some(Status::Waiting),
            Some(Phase::Busy | Phase::BusyGranted) => Some(Status::Busy),
            None | Some(Phase::Free) => self
                .ended
                .newest_first()
                .find(|ended| ended.ticket == ticket)
                .map(|ended| ended.status),
        }
    }

    pub(super) fn row(&self, index: u32, place: Option<usize>) -> Row<'_> {
        let record = &self.records[index as usize];
        let busy = record.phase != Phase::Waiting;
        Row {
            ticket: Ticket::new(index, record.sequence),
            status: if busy { Status::Busy } else { Status::Waiting },
            granted: record.phase == Phase::BusyGranted,
            owner: record.owner.as_ref(),
            place,
            priority: record.priority,
            slot: record.slot.as_ref(),
            token: busy.then_some(record.token),
            requested_at: record.requested_at,
            started_at: busy.then_some(record.started_at),
            expires_at: (busy && record.deadline != Timestamp::NEVER).then_some(record.deadline),
            ended_at: None,
            by: self.remarks.actor(record.sequence),
            unresponsive_since: self.remarks.unresponsive_since(record.sequence),
        }
    }
}

impl Ended {
    pub(super) fn row(&self) -> Row<'_> {
        let started = self.started_at != Timestamp::NEVER;
        Row {
            ticket: self.ticket,
            status: self.status,
            granted: self.granted,
            owner: self.owner.as_ref(),
            place: None,
            priority: self.priority,
            slot: self.slot.as_ref(),
            token: started.then_some(self.token),
            requested_at: self.requested_at,
            started_at: started.then_some(self.started_at),
            expires_at: None,
            ended_at: Some(self.ended_at),
            by: self.by.as_ref(),
            unresponsive_since: None,
        }
    }
}
