//! Admits requests from the line: restores the invariant that no slot is free while a request waits.

use rusqlite::params;

use super::Transition;
use super::line::Spot;
use super::outcome::{Admission, Outcome};
use super::rows::{Phase, RequestRow, Semaphore};
use crate::event::EventKind;
use crate::id::RequestId;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Every command that may free a slot ends with this.
    pub(super) fn settle(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        self.admit(semaphore)?;
        self.adopt_wanted(semaphore)
    }

    /// Restores the invariant: while a request waits, no slot is free.
    pub(super) fn admit(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        while semaphore.waiting > 0 && semaphore.has_room() {
            let Some(first) = self.first(semaphore)? else {
                return Err(Problem::Damaged(
                    "a line is shorter than its length".to_owned(),
                ));
            };
            if self.lives(first.session)? {
                self.start_waiting(semaphore, &first, Phase::Busy)?;
            } else {
                self.end_waiting(semaphore, &first, Status::Killed, EventKind::Killed)?;
            }
        }
        Ok(())
    }

    /// Takes a request out of the line and starts it.
    pub(super) fn start_waiting(
        &mut self,
        semaphore: &mut Semaphore,
        row: &RequestRow,
        phase: Phase,
    ) -> Result<(), Problem> {
        if let Some(slot) = &row.slot
            && let Some(holder) = self.holder(semaphore.id, slot)?
        {
            if self.lives(holder.session)? {
                self.end_waiting(semaphore, row, Status::Done, EventKind::Reacquired)?;
                return self.attach(&holder, row.uuid, row.session);
            }
            self.end_busy(semaphore, &holder, Status::Killed, EventKind::Killed)?;
        }
        semaphore.waiting -= 1;
        semaphore.token += 1;
        semaphore.touched = self.now;
        let granted = phase == Phase::BusyGranted;
        if granted {
            semaphore.granted += 1;
        } else {
            semaphore.taken += 1;
        }
        let deadline = row.ttl.map(|ttl| Moment(self.now.0.saturating_add(ttl)));
        if let Some(deadline) = deadline {
            semaphore.due = semaphore.due.min(deadline);
        }
        self.db
            .prepare_cached(
                "UPDATE request SET phase = ?2, token = ?3, started = ?4, deadline = ?5, steered_by = ?6 WHERE id = ?1",
            )?
            .execute(params![
                row.id,
                phase as i64,
                semaphore.token,
                self.now,
                deadline,
                Db(row.by.as_ref()),
            ])?;
        self.line_shrank(semaphore, &Spot::of(row))?;
        let kind = if granted {
            EventKind::Granted
        } else {
            EventKind::Acquired
        };
        self.emit(kind, semaphore, Some(row))?;
        let admission = Admission {
            token: semaphore.token as u64,
            requested: row.requested,
            started: self.now,
            granted,
        };
        self.send_outcome(row, Outcome::Admitted(admission))
    }

    /// A request of that session gets the slot that its slot id has already.
    pub(super) fn attach(
        &mut self,
        holder: &RequestRow,
        uuid: RequestId,
        session: i64,
    ) -> Result<(), Problem> {
        if session != holder.session {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO share (uuid, session) VALUES (?1, ?2)")?
                .execute(params![Db(&holder.uuid), session])?;
        }
        self.send_outcome_to(
            session,
            uuid,
            Outcome::Shares(holder.uuid, holder.admission()),
        )
    }
}
