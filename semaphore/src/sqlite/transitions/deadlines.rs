//! Deadlines pass: waits time out, and permits expire.
//!
//! Nothing runs at the moment of a deadline but the session of the first waiter, which has a timer. So every command first
//! does what is due at its semaphore.

use rusqlite::{Connection, OptionalExtension, params};

use super::Transition;
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, Semaphore, requests};
use crate::event::EventKind;
use crate::sqlite::clock::Moment;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Does what is due at all semaphores.
    pub(in crate::sqlite) fn advance_all(&mut self) -> Result<(), Problem> {
        let due: Vec<i64> = self
            .db
            .prepare_cached("SELECT DISTINCT semaphore FROM request WHERE deadline <= ?1")?
            .query_map([self.now], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in due {
            if let Some(mut semaphore) = self.load(id)? {
                self.advance(&mut semaphore)?;
                self.save(&semaphore)?;
            }
        }
        Ok(())
    }

    /// When [`advance_all`](Self::advance_all) next has something to do.
    pub(in crate::sqlite) fn next_deadline(db: &Connection) -> Result<Moment, Problem> {
        let earliest: Option<Moment> = db
            .prepare_cached("SELECT min(deadline) FROM request WHERE deadline IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        Ok(earliest.unwrap_or(Moment::NEVER))
    }

    pub(super) fn advance(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        if semaphore.due > self.now {
            return Ok(());
        }
        // A deadline that passes is not what the administrator commands.
        let actor = self.actor.take();
        let advanced = self.pass_deadlines(semaphore);
        self.actor = actor;
        advanced
    }

    /// Does what is due at the semaphore, in the order of the deadlines.
    pub(super) fn pass_deadlines(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        loop {
            let due = self
                .db
                .prepare_cached(requests!(
                    "WHERE semaphore = ?1 AND deadline <= ?2 ORDER BY deadline, sequence LIMIT 1"
                ))?
                .query_row(params![semaphore.id, self.now], RequestRow::read)
                .optional()?;
            let Some(row) = due else { break };
            if row.phase == Phase::Waiting {
                self.end_waiting(semaphore, &row, Status::TimedOut, EventKind::TimedOut)?;
                self.send_outcome(&row, Outcome::TimedOut)?;
            } else {
                self.end_busy(semaphore, &row, Status::Expired, EventKind::Expired)?;
                self.send_lost(&row)?;
            }
            // One by one: a request that is admitted here may be the next whose permit expires.
            self.admit(semaphore)?;
        }
        semaphore.due = self
            .db
            .prepare_cached(
                "SELECT min(deadline) FROM request WHERE semaphore = ?1 AND deadline IS NOT NULL",
            )?
            .query_row([semaphore.id], |row| row.get::<_, Option<Moment>>(0))?
            .unwrap_or(Moment::NEVER);
        self.settle(semaphore)
    }
}
