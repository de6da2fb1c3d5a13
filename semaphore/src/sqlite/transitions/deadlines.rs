//! Time passes: waits time out, and permits expire.

use rusqlite::{Connection, OptionalExtension, params};

use super::Transition;
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, Semaphore, requests};
use crate::event::EventKind;
use crate::sqlite::clock::Moment;
use crate::sqlite::file::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Lets every deadline up to now happen.
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
        let actor = self.actor.take();
        let advanced = self.let_happen(semaphore);
        self.actor = actor;
        advanced
    }

    /// Lets all happen at the semaphore that is due.
    pub(super) fn let_happen(&mut self, semaphore: &mut Semaphore) -> Result<(), Problem> {
        loop {
            let due = self
                .db
                .prepare_cached(requests!(
                    "WHERE semaphore = ?1 AND deadline <= ?2 ORDER BY deadline, sequence LIMIT 1"
                ))?
                .query_row(params![semaphore.id, self.now], RequestRow::read)
                .optional()?;
            let Some(asked) = due else { break };
            if asked.phase == Phase::Waiting {
                self.end_waiting(semaphore, &asked, Status::TimedOut, EventKind::TimedOut)?;
                self.tell(&asked, Outcome::TimedOut)?;
            } else {
                self.end_busy(semaphore, &asked, Status::Expired, EventKind::Expired)?;
                self.tell(&asked, Outcome::Lost)?;
            }
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
