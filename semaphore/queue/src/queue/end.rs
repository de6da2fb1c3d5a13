//! How a request ends: it leaves the line or the busy ones, and is kept among those that ended.

use super::Queue;
use super::answers::{Effects, Lost, Outcome};
use super::record::{NIL, Phase, Record, Ticket};
use crate::event::EventKind;
use crate::time::Timestamp;
use crate::view::Status;

impl<W> Queue<W> {
    /// A busy request is about to end, and its holders do not know yet. Every request with a slot id ends by way of this.
    #[cold]
    pub(super) fn lose(&mut self, index: u32, fx: &mut Effects<W>) {
        let record = &self.records[index as usize];
        fx.lost.push(Lost {
            admission: self.admitted(index),
            asked: record.slot.is_none() && record.left != record.sequence,
            abandoned: false,
        });
        if let Some(slot) = &record.slot {
            self.held_slots.remove(slot);
        }
    }

    /// Ends a busy request; see [`lose`](Self::lose). The caller settles.
    #[inline(always)]
    pub(super) fn end_busy(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        let record = &self.records[index as usize];
        let Record { previous, next, .. } = *record;
        if record.phase == Phase::Busy {
            self.taken -= 1;
        }
        if record.deadline != Timestamp::NEVER {
            self.deadlines.clear(index);
        }
        if previous == NIL {
            self.first_busy = next;
        } else {
            self.records[previous as usize].next = next;
        }
        if next == NIL {
            self.last_busy = previous;
        } else {
            self.records[next as usize].previous = previous;
        }
        self.remember(index, status, kind, now, fx);
    }

    /// Takes a request out of the line for good. The caller settles.
    pub(super) fn end_waiting(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Option<W> {
        self.line.remove(index);
        let record = &mut self.records[index as usize];
        if record.deadline != Timestamp::NEVER {
            self.deadlines.clear(index);
        }
        let waiter = record.waiter.take();
        self.remember(index, status, kind, now, fx);
        waiter
    }

    pub(super) fn end_all_busy(
        &mut self,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> usize {
        let mut freed = 0;
        while self.first_busy != NIL {
            self.end_by_force(self.first_busy, kind, now, fx);
            freed += 1;
        }
        freed
    }

    /// Ends a busy request whose work goes on. The caller settles.
    pub(super) fn end_by_force(
        &mut self,
        index: u32,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        let record = &self.records[index as usize];
        let is_left = record.left == record.sequence;
        self.note_actor(index, fx);
        self.lose(index, fx);
        self.end_busy(index, Status::Released, kind, now, fx);
        // One that was left has no permit whose drop would say that its work has ended.
        if !is_left {
            self.outlived.extend(self.ended.newest().cloned());
        }
    }

    /// Frees a record that is in no list, and keeps what is worth showing.
    #[inline(always)]
    pub(super) fn remember(
        &mut self,
        index: u32,
        status: Status,
        kind: EventKind,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        self.touched_at = now;
        self.note(kind, index, fx);
        // Written in place, field by field: building it and moving it in costs twice.
        let record = &mut self.records[index as usize];
        let ended = self.ended.next();
        ended.ticket = Ticket::new(index, record.sequence);
        ended.requested_at = record.requested_at;
        ended.started_at = if record.phase == Phase::Waiting {
            Timestamp::NEVER
        } else {
            record.started_at
        };
        ended.ended_at = now;
        ended.token = record.token;
        ended.owner = record.owner.take();
        if record.slot.is_some() || ended.slot.is_some() {
            ended.slot = record.slot.take();
        }
        ended.priority = record.priority;
        ended.status = status;
        ended.granted = record.phase == Phase::BusyGranted;
        if ended.by.is_some() || !self.remarks.is_empty() {
            ended.by = self.remarks.take_actor(record.sequence);
        }
        record.phase = Phase::Free;
        record.next = self.first_free;
        self.first_free = index;
    }

    /// Remembers with the request which administrator steers it.
    pub(super) fn note_actor(&mut self, index: u32, fx: &Effects<W>) {
        if let Some(actor) = &fx.actor {
            let sequence = self.records[index as usize].sequence;
            self.remarks.note_actor(sequence, actor.clone());
        }
    }

    #[cold]
    pub(super) fn fall_due(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        while let Some(index) = self.deadlines.pop_due(now) {
            let record = &mut self.records[index as usize];
            record.deadline = Timestamp::NEVER;
            if record.phase == Phase::Waiting {
                let waiter =
                    self.end_waiting(index, Status::TimedOut, EventKind::TimedOut, now, fx);
                if let Some(waiter) = waiter {
                    fx.outcomes.push((waiter, Outcome::TimedOut));
                }
            } else {
                self.lose(index, fx);
                self.end_busy(index, Status::Expired, EventKind::Expired, now, fx);
            }
            self.admit(now, fx);
        }
        self.settle(now, fx);
    }
}
