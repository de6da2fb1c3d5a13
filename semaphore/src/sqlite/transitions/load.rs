//! Reads and writes the rows of semaphores and live requests.

use rusqlite::{OptionalExtension, params};

use super::Transition;
use super::end::{ended_code, ended_status};
use super::rows::{Phase, RequestRow, Semaphore, requests, semaphores};
use crate::error::AdminError;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slot::SlotId;
use crate::sqlite::clock::Moment;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// The semaphore of that name, with what is due done.
    pub(super) fn existing(&mut self, name: &SemaphoreName) -> Result<Option<Semaphore>, Problem> {
        let found = self
            .db
            .prepare_cached(semaphores!("WHERE name = ?1"))?
            .query_row([Db(name)], Semaphore::read)
            .optional()?;
        let Some(mut semaphore) = found else {
            return Ok(None);
        };
        self.advance(&mut semaphore)?;
        Ok(Some(semaphore))
    }

    pub(super) fn load(&self, id: i64) -> Result<Option<Semaphore>, Problem> {
        let found = self
            .db
            .prepare_cached(semaphores!("WHERE id = ?1"))?
            .query_row([id], Semaphore::read)
            .optional()?;
        Ok(found)
    }

    pub(super) fn save(&mut self, semaphore: &Semaphore) -> Result<(), Problem> {
        if semaphore.due < Moment::NEVER {
            let due = self.effects.due.get_or_insert(Moment::NEVER);
            *due = semaphore.due.min(*due);
        }
        self.db
            .prepare_cached(
                "UPDATE semaphore SET slots = ?2, declared = ?3, wanted = ?4, pinned = ?5, taken = ?6,
                     granted = ?7, waiting = ?8, token = ?9, sequence = ?10, due = ?11, ended = ?12,
                     touched = ?13
                 WHERE id = ?1",
            )?
            .execute(params![
                semaphore.id,
                Db(&semaphore.slots),
                Db(&semaphore.declared),
                Db(&semaphore.wanted),
                semaphore.pinned,
                semaphore.taken as i64,
                semaphore.granted as i64,
                semaphore.waiting as i64,
                semaphore.token,
                semaphore.sequence,
                semaphore.due,
                semaphore.ended,
                semaphore.touched,
            ])?;
        Ok(())
    }

    pub(super) fn request(&self, uuid: RequestId) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!("WHERE uuid = ?1"))?
            .query_row([Db(&uuid)], RequestRow::read)
            .optional()?)
    }

    /// A live request and its semaphore, with what is due done.
    pub(super) fn live(
        &mut self,
        uuid: RequestId,
    ) -> Result<Option<(Semaphore, RequestRow)>, Problem> {
        let Some(row) = self.request(uuid)? else {
            return Ok(None);
        };
        let Some(mut semaphore) = self.load(row.semaphore)? else {
            return Ok(None);
        };
        if semaphore.due > self.now {
            return Ok(Some((semaphore, row)));
        }
        self.advance(&mut semaphore)?;
        // What was due may have been this request's own end.
        match self.request(uuid)? {
            Some(row) => Ok(Some((semaphore, row))),
            None => {
                self.save(&semaphore)?;
                Ok(None)
            }
        }
    }

    /// The busy request with that slot id.
    pub(super) fn holder(
        &self,
        semaphore: i64,
        slot: &SlotId,
    ) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND slot = ?2 AND phase > 0 AND slot IS NOT NULL"
            ))?
            .query_row(params![semaphore, Db(slot)], RequestRow::read)
            .optional()?)
    }

    /// The busy request with that slot id, of a session that lives, and its semaphore, with what is due done.
    pub(super) fn live_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<Option<(Semaphore, RequestRow)>, Problem> {
        let Some(semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let holder = self.holder(semaphore.id, slot)?;
        if let Some(row) = holder
            && self.lives(row.session)?
        {
            return Ok(Some((semaphore, row)));
        }
        self.save(&semaphore)?;
        Ok(None)
    }

    /// A waiting request and its semaphore, or why there is none.
    pub(super) fn waiting(
        &mut self,
        uuid: RequestId,
    ) -> Result<Result<(Semaphore, RequestRow), AdminError>, Problem> {
        if let Some((semaphore, row)) = self.live(uuid)? {
            if row.phase == Phase::Waiting {
                return Ok(Ok((semaphore, row)));
            }
            self.save(&semaphore)?;
            return Ok(Err(AdminError::NotWaiting {
                id: uuid,
                status: Status::Busy,
            }));
        }
        Ok(Err(match self.ended_as(uuid)? {
            Some(status) => AdminError::NotWaiting { id: uuid, status },
            None => AdminError::UnknownRequest {
                id: uuid.to_string(),
            },
        }))
    }

    /// How a request ended, if that is still known.
    pub(super) fn ended_as(&self, uuid: RequestId) -> Result<Option<Status>, Problem> {
        let status: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT status FROM ended WHERE uuid = ?1
                 UNION ALL SELECT ?2 FROM outlived WHERE uuid = ?1 LIMIT 1",
            )?
            .query_row(params![Db(&uuid), ended_code(Status::Released)], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(status.map(ended_status))
    }

    /// The first in line.
    pub(super) fn first(&self, semaphore: &Semaphore) -> Result<Option<RequestRow>, Problem> {
        Ok(self
            .db
            .prepare_cached(requests!(
                "WHERE semaphore = ?1 AND phase = 0 ORDER BY class DESC, place LIMIT 1"
            ))?
            .query_row([semaphore.id], RequestRow::read)
            .optional()?)
    }
}
