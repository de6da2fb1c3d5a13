//! How a request becomes busy, and how the invariant is restored.
//!
//! What a free take and its release go through is always inlined: each step is a few stores, and a call costs as much.

use super::answers::{Admission, Effects, Outcome, Way};
use super::record::{NIL, Phase, Ticket};
use super::{Queue, SPARE_RECORDS};
use crate::event::EventKind;
use crate::slot_id::SlotId;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

impl<W> Queue<W> {
    /// A command names the semaphore: what is due is done, and what the code declares is noted.
    #[inline]
    pub(super) fn arrive(&mut self, declared: Option<Slots>, now: Timestamp, fx: &mut Effects<W>) {
        self.advance(now, fx);
        self.touched_at = now;
        if let Some(declared) = declared {
            self.wanted = declared;
        }
        if !self.exists {
            self.exists = true;
            self.slots = self.wanted;
            self.declared = self.wanted;
            self.note_all(EventKind::Created, fx);
        }
        self.adopt_wanted(fx);
    }

    /// Rule 3: another limit counts once no request is busy or waiting.
    #[inline]
    pub(super) fn adopt_wanted(&mut self, fx: &mut Effects<W>) {
        if self.wanted != self.declared && self.is_idle() {
            self.declared = self.wanted;
            if !self.pinned {
                self.change_slots(self.declared, fx);
            }
        }
    }

    pub(super) fn change_slots(&mut self, slots: Slots, fx: &mut Effects<W>) {
        if self.slots != slots {
            self.slots = slots;
            self.note_all(EventKind::SlotsChanged, fx);
        }
    }

    /// Every command that may free a slot ends with this.
    #[inline(always)]
    pub(super) fn settle(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        self.admit(now, fx);
        if self.is_idle() {
            self.adopt_wanted(fx);
            if self.records.len() > SPARE_RECORDS {
                // Nothing is live, so nothing is lost; see `SPARE_RECORDS`.
                self.records = Vec::new();
                self.first_free = NIL;
                self.line.shrink();
                self.deadlines.shrink();
            }
        }
    }

    /// Restores the invariant: while a request waits, no slot is free.
    #[inline]
    pub(super) fn admit(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        while let Some(first) = self.line.first()
            && self.slots.admits(self.taken as usize)
        {
            self.start_waiting(first, Phase::Busy, now, fx);
        }
    }

    /// Takes a request out of the line and starts it.
    pub(super) fn start_waiting(
        &mut self,
        index: u32,
        phase: Phase,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        self.line.remove(index);
        let record = &mut self.records[index as usize];
        if record.deadline != Timestamp::NEVER {
            record.deadline = Timestamp::NEVER;
            self.deadlines.clear(index);
        }
        let waiter = record.waiter.take();
        if record.slot.is_some() {
            self.start_waiting_slot(index, waiter, phase, now, fx);
            return;
        }
        self.start(index, phase, now, fx);
        if let Some(waiter) = waiter {
            // Not from the record, to which it was just written: it would be read together with what
            // stands beside it, and such a read has to wait for the write.
            let started_at = now;
            let admission = Admission {
                started_at,
                ..self.admitted(index)
            };
            fx.outcomes.push((waiter, Outcome::Admitted(admission)));
        }
    }

    /// Starts a request with a slot id, which has left the line.
    #[cold]
    pub(super) fn start_waiting_slot(
        &mut self,
        index: u32,
        waiter: Option<W>,
        phase: Phase,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        let slot = self.records[index as usize].slot.as_ref();
        let admission = match slot.and_then(|slot| self.holder(slot)) {
            Some(holder) => {
                self.remember(index, Status::Done, EventKind::Reacquired, now, fx);
                self.admitted(holder)
            }
            None => {
                self.start_slot(index, phase, now, fx);
                self.admitted(index)
            }
        };
        if let Some(waiter) = waiter {
            fx.outcomes.push((waiter, Outcome::Slot(admission)));
        }
    }

    /// Makes a request with a slot id, which holds none, busy.
    pub(super) fn start_slot(
        &mut self,
        index: u32,
        phase: Phase,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) {
        if let Some(slot) = &self.records[index as usize].slot {
            self.held_slots.insert(slot.clone(), index);
        }
        self.start(index, phase, now, fx);
    }

    /// Makes a request that stands in no line busy.
    #[inline(always)]
    pub(super) fn start(&mut self, index: u32, phase: Phase, now: Timestamp, fx: &mut Effects<W>) {
        self.last_token += 1;
        self.touched_at = now;
        let last = self.last_busy;
        let record = &mut self.records[index as usize];
        record.phase = phase;
        record.started_at = now;
        record.token = self.last_token;
        record.previous = last;
        record.next = NIL;
        if let Some(ttl) = record.ttl {
            record.deadline = now.after(ttl.duration());
            self.deadlines.set(index, record.deadline, record.sequence);
        }
        self.last_busy = index;
        if last == NIL {
            self.first_busy = index;
        } else {
            self.records[last as usize].next = index;
        }
        if phase == Phase::BusyGranted {
            self.note(EventKind::Granted, index, fx);
        } else {
            self.taken += 1;
            self.note(EventKind::Acquired, index, fx);
        }
    }

    /// What a busy request got when it was admitted.
    #[inline]
    pub(super) fn admitted(&self, index: u32) -> Admission {
        let record = &self.records[index as usize];
        Admission {
            ticket: Ticket::new(index, record.sequence),
            token: record.token,
            requested_at: record.requested_at,
            started_at: record.started_at,
            way: if record.phase == Phase::BusyGranted {
                Way::Grant
            } else {
                Way::Slot
            },
        }
    }

    /// The busy request with that slot id.
    pub(super) fn holder(&self, slot: &SlotId) -> Option<u32> {
        self.held_slots.get(slot).copied()
    }
}
