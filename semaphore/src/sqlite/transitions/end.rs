//! A request ends, however it ends: its row goes, and what is worth showing is kept.

use rusqlite::params;

use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, Semaphore, requests};
use super::{Transition, nanos};
use crate::event::EventKind;
use crate::queue::{ENDED_KEPT, ENDED_SHOWN};
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::file::Problem;
use crate::sqlite::records;
use crate::view::Status;

impl Transition<'_> {
    /// Ends a busy request. The caller settles.
    pub(super) fn end_busy(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        if asked.phase == Phase::BusyGranted {
            semaphore.granted -= 1;
        } else {
            semaphore.taken -= 1;
        }
        if asked.slot.is_some() {
            self.detach(asked, status)?;
        }
        self.remember(semaphore, asked, status, kind)
    }

    /// Takes a request out of the line for good. The caller settles.
    pub(super) fn end_waiting(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.waiting -= 1;
        self.remember(semaphore, asked, status, kind)
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
        for asked in &mut busy {
            self.end_by_force(semaphore, asked, kind)?;
        }
        Ok(busy.len())
    }

    /// Ends a busy request whose work goes on. The caller settles.
    pub(super) fn end_by_force(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &mut RequestRow,
        kind: EventKind,
    ) -> Result<(), Problem> {
        self.note_actor(asked);
        self.tell(asked, Outcome::Lost)?;
        self.end_busy(semaphore, asked, Status::Released, kind)?;
        self.outlives(asked)
    }

    /// An administrator does something to the request: that is kept with it.
    pub(super) fn note_actor(&self, asked: &mut RequestRow) {
        if self.actor.is_some() {
            asked.by.clone_from(&self.actor);
        }
    }

    /// Tells the sessions that share the slot of a request, which is about to end, that they do no longer.
    pub(super) fn detach(&mut self, asked: &RequestRow, status: Status) -> Result<(), Problem> {
        let sharing: Vec<i64> = self
            .db
            .prepare_cached("SELECT session FROM share WHERE uuid = ?1")?
            .query_map([Db(&asked.uuid)], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for session in sharing {
            let outcome = match status {
                Status::Killed => Outcome::Killed,
                _ => Outcome::Lost,
            };
            self.tell_session(session, asked.uuid, outcome)?;
        }
        self.db
            .prepare_cached("DELETE FROM share WHERE uuid = ?1")?
            .execute([Db(&asked.uuid)])?;
        Ok(())
    }

    /// Deletes a live request, and keeps what is worth showing.
    pub(super) fn remember(
        &mut self,
        semaphore: &mut Semaphore,
        asked: &RequestRow,
        status: Status,
        kind: EventKind,
    ) -> Result<(), Problem> {
        semaphore.touched = self.now;
        self.db
            .prepare_cached("DELETE FROM request WHERE id = ?1")?
            .execute([asked.id])?;
        self.happen(kind, semaphore, Some(asked))?;
        self.db
            .prepare_cached(
                "INSERT OR REPLACE INTO ended (semaphore, nth, uuid, status, granted, priority, who, run, host,
                     pid, token, requested, started, ended, slot, steered_by, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
            )?
            .execute(params![
                semaphore.id,
                semaphore.ended % ENDED_KEPT as i64,
                Db(&asked.uuid),
                ended_code(status),
                asked.phase == Phase::BusyGranted,
                asked.priority,
                asked.who,
                Db(asked.run.as_ref()),
                asked.host,
                asked.pid,
                asked.token,
                asked.requested,
                asked.started,
                self.now,
                Db(asked.slot.as_ref()),
                Db(asked.by.as_ref()),
                self.clock.seconds(self.now),
            ])?;
        semaphore.ended += 1;
        if semaphore.ended % ENDED_KEPT as i64 == 0 {
            records::keep(self.db, semaphore.id)?;
        }
        Ok(())
    }
}

/// How an ended request is remembered.
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
