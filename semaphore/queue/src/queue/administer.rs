//! Commands of administrators: rules 2 to 6. They bend the order of the line, and never the invariant.

use super::Queue;
use super::answers::{Effects, NotBusy, NotWaiting, Outcome};
use super::record::{Phase, Ticket};
use crate::event::EventKind;
use crate::slots::Slots;
use crate::time::Timestamp;
use crate::view::Status;

impl<W> Queue<W> {
    /// Rule 4: a waiting request starts now, outside the slots.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn grant(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        self.start_waiting(ticket.index, Phase::BusyGranted, now, fx);
        Ok(())
    }

    /// Rule 5: a waiting request fails.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn cancel(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        if let Some(waiter) = self.end_waiting(
            ticket.index,
            Status::Cancelled,
            EventKind::Cancelled,
            now,
            fx,
        ) {
            fx.outcomes.push((waiter, Outcome::Cancelled));
        }
        self.settle(now, fx);
        Ok(())
    }

    /// Rule 6: a waiting request goes to `place`, from 1 (next) to the length of the line (last; so do
    /// higher numbers). It is served with those around it, whatever priority it asked for.
    ///
    /// # Errors
    /// [`NotWaiting`] when it does not wait.
    pub fn move_to(
        &mut self,
        ticket: Ticket,
        place: usize,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotWaiting> {
        self.advance(now, fx);
        self.must_wait(ticket)?;
        self.note_actor(ticket.index, fx);
        let class = self.records[ticket.index as usize].priority.0;
        self.line.remove(ticket.index);
        self.line
            .insert(ticket.index, place.saturating_sub(1), class);
        self.note(EventKind::Moved, ticket.index, fx);
        Ok(())
    }

    /// Rule 6: ends every busy request and grants every request in line. Says how many it freed and how
    /// many it let through.
    pub fn purge(&mut self, now: Timestamp, fx: &mut Effects<W>) -> (usize, usize) {
        self.advance(now, fx);
        let freed = self.end_all_busy(EventKind::Purged, now, fx);
        let mut through = 0;
        while let Some(first) = self.line.first() {
            self.note_actor(first, fx);
            self.start_waiting(first, Phase::BusyGranted, now, fx);
            through += 1;
        }
        self.settle(now, fx);
        (freed, through)
    }

    /// Rule 6: ends every busy request; the line goes on in order. Says how many it freed.
    pub fn force_release(&mut self, now: Timestamp, fx: &mut Effects<W>) -> usize {
        self.advance(now, fx);
        let freed = self.end_all_busy(EventKind::ForceReleased, now, fx);
        self.settle(now, fx);
        freed
    }

    /// Rule 6, for one request: it is busy no more, although its work goes on.
    ///
    /// # Errors
    /// [`NotBusy`] when it is not busy.
    pub fn release_by_force(
        &mut self,
        ticket: Ticket,
        now: Timestamp,
        fx: &mut Effects<W>,
    ) -> Result<(), NotBusy> {
        self.advance(now, fx);
        match self.status(ticket) {
            Some(Status::Busy) => {}
            other => return Err(NotBusy(other)),
        }
        self.end_by_force(ticket.index, EventKind::ForceReleased, now, fx);
        self.settle(now, fx);
        Ok(())
    }

    /// Rules 2 and 3: sets the number of slots, and pins it.
    pub fn set_slots(&mut self, slots: Slots, now: Timestamp, fx: &mut Effects<W>) {
        self.arrive(None, now, fx);
        if !self.pinned {
            self.pinned = true;
            self.note_all(EventKind::Pinned, fx);
        }
        self.change_slots(slots, fx);
        self.settle(now, fx);
    }

    /// Rule 3: the number of slots stays as it is, whatever the code says.
    pub fn pin(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        // What is due happens first: with it another limit may come to count.
        self.arrive(None, now, fx);
        self.set_slots(self.slots, now, fx);
    }

    /// Rule 3: what the code declared counts again.
    pub fn unpin(&mut self, now: Timestamp, fx: &mut Effects<W>) {
        self.advance(now, fx);
        if self.pinned {
            self.pinned = false;
            self.note_all(EventKind::Unpinned, fx);
            self.change_slots(self.declared, fx);
            self.settle(now, fx);
        }
    }

    /// The semaphore is no longer there, until a request names it again. Only what is idle can be
    /// forgotten: `false` otherwise.
    pub fn forget(&mut self, now: Timestamp, fx: &mut Effects<W>) -> bool {
        self.advance(now, fx);
        if !self.is_idle() {
            return false;
        }
        if self.exists {
            self.note_all(EventKind::Forgotten, fx);
        }
        *self = Self::with_history(self.floor(), self.ended.of_all().clone());
        true
    }

    pub(super) fn must_wait(&self, ticket: Ticket) -> Result<(), NotWaiting> {
        match self.status(ticket) {
            Some(Status::Waiting) => Ok(()),
            other => Err(NotWaiting(other)),
        }
    }
}
