//! A permit with a TTL gets a new deadline.

use rusqlite::params;

use super::rows::{Phase, RequestRow, Semaphore};
use super::{Transition, nanos};
use crate::event::EventKind;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Ttl;
use crate::slot::SlotId;
use crate::sqlite::problem::Problem;

/// What came of an attempt to refresh a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Refreshed {
    Yes,
    NotHeld,
    NoTtl,
}

impl Transition<'_> {
    /// Rule 7: the permit now expires `ttl` from now.
    pub(in crate::sqlite) fn refresh(
        &mut self,
        uuid: RequestId,
        ttl: Ttl,
    ) -> Result<Refreshed, Problem> {
        match self.live(uuid)? {
            Some((semaphore, row)) => self.refresh_live(semaphore, &row, ttl),
            None => Ok(Refreshed::NotHeld),
        }
    }

    /// The slot that the id holds now expires `ttl` from now.
    pub(in crate::sqlite) fn refresh_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
        ttl: Ttl,
    ) -> Result<Refreshed, Problem> {
        match self.live_slot(name, slot)? {
            Some((semaphore, row)) => self.refresh_live(semaphore, &row, ttl),
            None => Ok(Refreshed::NotHeld),
        }
    }

    pub(super) fn refresh_live(
        &mut self,
        mut semaphore: Semaphore,
        row: &RequestRow,
        ttl: Ttl,
    ) -> Result<Refreshed, Problem> {
        if row.phase == Phase::Waiting || row.ttl.is_none() {
            self.save(&semaphore)?;
            return Ok(if row.ttl.is_none() && row.phase != Phase::Waiting {
                Refreshed::NoTtl
            } else {
                Refreshed::NotHeld
            });
        }
        let deadline = self.now.after(ttl.duration());
        semaphore.due = semaphore.due.min(deadline);
        self.db
            .prepare_cached("UPDATE request SET ttl = ?2, deadline = ?3 WHERE id = ?1")?
            .execute(params![row.id, nanos(ttl.duration()), deadline])?;
        self.emit(EventKind::Refreshed, &semaphore, Some(row))?;
        self.save(&semaphore)?;
        Ok(Refreshed::Yes)
    }
}
