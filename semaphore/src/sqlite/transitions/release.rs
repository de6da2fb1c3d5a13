//! A permit is given back: its slot goes to the first in line.

use super::Transition;
use super::bulk::{list_of, plain_ends};
use super::rows::Phase;
use crate::event::EventKind;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slot::SlotId;
use crate::sqlite::columns::Columns as _;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Ends a busy request; its slot goes to the first in line. Says whether it was still held.
    pub(in crate::sqlite) fn release(&mut self, uuid: RequestId) -> Result<bool, Problem> {
        let Some((mut semaphore, row)) = self.live(uuid)? else {
            self.drop_outlived(uuid)?;
            return Ok(false);
        };
        let held = row.phase != Phase::Waiting;
        if held {
            if row.session != self.session {
                self.send_lost(&row)?;
            }
            self.end_busy(&mut semaphore, &row, Status::Done, EventKind::Released)?;
            self.settle(&mut semaphore)?;
        }
        self.save(&semaphore)?;
        Ok(held)
    }

    /// Ends many busy requests whose callers do not ask whether they were still held.
    pub(in crate::sqlite) fn release_all(&mut self, uuids: &[RequestId]) -> Result<(), Problem> {
        let plain = plain_ends!(
            "json_each(:list) AS l CROSS JOIN request AS r ON r.uuid = unhex(l.value)",
            "r.session = :session AND :run IS NULL"
        );
        let list = list_of(uuids);
        let which = (self.session, None, list.as_str());
        self.end_plain(plain, which, Status::Done, false)?;
        // What is left affects others, and is ended one by one.
        let mut left = self.db.prepare_cached(
            "SELECT r.uuid FROM json_each(?1) AS l JOIN request AS r ON r.uuid = unhex(l.value)",
        )?;
        let left: Vec<RequestId> = left
            .query_map([list], |row| row.value(0))?
            .collect::<Result<_, _>>()?;
        for uuid in left {
            self.release(uuid)?;
        }
        Ok(())
    }

    /// Ends the busy request with that slot id; its slot goes to the first in line. Says whether there was one.
    pub(in crate::sqlite) fn release_slot(
        &mut self,
        name: &SemaphoreName,
        slot: &SlotId,
    ) -> Result<bool, Problem> {
        let Some((mut semaphore, row)) = self.live_slot(name, slot)? else {
            return Ok(false);
        };
        self.send_lost(&row)?;
        self.end_busy(&mut semaphore, &row, Status::Done, EventKind::Released)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        Ok(true)
    }
}
