//! A request ends, however it ends: its row goes, and what is worth showing is kept.

use rusqlite::params;

use super::line::Spot;
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, Semaphore, requests};
use super::{Transition, nanos};
use crate::event::EventKind;
use crate::queue::{ENDED_KEPT, ENDED_SHOWN};
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::sqlite::records;
use crate::view::Status;

impl Transition<'_> {
    /// Ends a busy request. The caller settles.
    pub(super) fn end_busy(
        &mut self,
        semaphore: &mut Semaphore,
        row: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        if row.phase == Phase::BusyGranted {
            semaphore.granted -= 1;
        } else {
            semaphore.taken -= 1;
        }
        if row.slot.is_some() {
            self.detach(row, status)?;
        }
        self.remember(semaphore, row, status, kind)
    }

    /// Takes a request out of the line for good. The caller settles.
    pub(super) fn end_waiting(
        &mut self,
        semaphore: &mut Semaphore,
        row: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.waiting -= 1;
        self.remember(semaphore, row, status, kind)?;
        self.line_shrank(semaphore, &Spot::of(row))
    }

    pub(super) fn end_all_busy(
        &mut self,
        semaphore: &mut Semaphore,
        kind: EventKind,
    ) -> Result<usize, Problem> {
        let mut busy: Vec<RequestRow> = self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND phase > 0 ORDER BY token"
            ))?
            .query_map([semaphore.id], RequestRow::read)?
            .collect::<Result<_, _>>()?;
        for row in &mut busy {
            self.end_by_force(semaphore, row, kind)?;
        }
        Ok(busy.len())
    }

    /// Ends a busy request whose work goes on. The caller settles.
    pub(super) fn end_by_force(
        &mut self,
        semaphore: &mut Semaphore,
        row: &mut RequestRow,
        kind: EventKind,
    ) -> Result<(), Problem> {
        self.note_actor(row);
        self.send_lost(row)?;
        self.end_busy(semaphore, row, Status::Released, kind)?;
        self.outlives(row)
    }

    /// Keeps with the request which administrator ends or moves it.
    pub(super) fn note_actor(&self, row: &mut RequestRow) {
        if self.actor.is_some() {
            row.by.clone_from(&self.actor);
        }
    }

    /// Reports to the sessions attached to the slot of a request that it ends.
    pub(super) fn detach(&mut self, row: &RequestRow, status: Status) -> Result<(), Problem> {
        let sharing: Vec<i64> = self
            .db
            .prepare_cached("SELECT session FROM share WHERE uuid = ?1")?
            .query_map([Db(&row.uuid)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for session in sharing {
            let outcome = match status {
                Status::Killed => Outcome::Killed,
                _ => Outcome::Lost(None),
            };
            self.send_outcome_to(session, row.uuid, outcome)?;
        }
        self.db
            .prepare_cached("DELETE FROM share WHERE uuid = ?1")?
            .execute([Db(&row.uuid)])?;
        Ok(())
    }

    /// Deletes a live request, and writes it into the ring of ended ones.
    pub(super) fn remember(
        &mut self,
        semaphore: &mut Semaphore,
        row: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.touched = self.now;
        self.db
            .prepare_cached("DELETE FROM request WHERE id = ?1")?
            .execute([row.id])?;
        self.emit(kind, semaphore, Some(row))?;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO ended (semaphore, nth, uuid, status, granted, priority, who, run, host,
                     pid, token, requested, started, ended, slot, steered_by, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                semaphore.id,
                semaphore.ended % ENDED_KEPT as i64,
                Db(&row.uuid),
                ended_code(status),
                row.phase == Phase::BusyGranted,
                row.priority,
                row.who,
                Db(row.run.as_ref()),
                row.host,
                row.pid,
                row.token,
                row.requested,
                row.started,
                self.now,
                Db(row.slot.as_ref()),
                Db(row.by.as_ref()),
                self.clock.seconds(self.now),
            ])?;
        semaphore.ended += 1;
        if semaphore.ended % ENDED_KEPT as i64 == 0 {
            records::keep(self.db, semaphore.id)?;
        }
        Ok(())
    }
}

/// A status as the tables have it.
pub(in crate::sqlite) fn ended_code(status: Status) -> i64 {
    match status {
        Status::Cancelled => 1,
        Status::Expired => 2,
        Status::Killed => 3,
        Status::TimedOut => 4,
        Status::Released => 5,
        Status::Left => 6,
        _ => 0,
    }
}

pub(in crate::sqlite) fn ended_status(code: i64) -> Status {
    match code {
        1 => Status::Cancelled,
        2 => Status::Expired,
        3 => Status::Killed,
        4 => Status::TimedOut,
        5 => Status::Released,
        6 => Status::Left,
        _ => Status::Done,
    }
}

/// How long ended requests are shown.
pub(in crate::sqlite) fn shown_since(now: Moment) -> Moment {
    Moment(now.0.saturating_sub(nanos(ENDED_SHOWN)))
}
