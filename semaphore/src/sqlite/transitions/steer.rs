//! Commands for one request: grant, cancel, move, release.

use rusqlite::params;

use super::Transition;
use super::line::Spot;
use super::outcome::Outcome;
use super::rows::Phase;
use crate::error::AdminError;
use crate::event::EventKind;
use crate::id::RequestId;
use crate::sqlite::columns::Db;
use crate::sqlite::order;
use crate::sqlite::problem::Problem;
use crate::view::Status;

impl Transition<'_> {
    /// Rule 4: a waiting request starts now, outside the slots.
    pub(super) fn grant(&mut self, uuid: RequestId) -> Result<Result<(), AdminError>, Problem> {
        let (mut semaphore, mut row) = match self.waiting(uuid)? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        self.note_actor(&mut row);
        self.start_waiting(&mut semaphore, &row, Phase::BusyGranted)?;
        self.save(&semaphore)?;
        self.waits_no_more(&row)?;
        Ok(Ok(()))
    }

    /// Rule 5: a waiting request fails.
    pub(super) fn cancel(&mut self, uuid: RequestId) -> Result<Result<(), AdminError>, Problem> {
        let (mut semaphore, mut row) = match self.waiting(uuid)? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        self.note_actor(&mut row);
        self.end_waiting(
            &mut semaphore,
            &row,
            Status::Cancelled,
            EventKind::Cancelled,
        )?;
        self.send_outcome(&row, Outcome::Cancelled)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        self.waits_no_more(&row)?;
        Ok(Ok(()))
    }

    /// Rule 6: a waiting request goes to `place`, from 1; a number beyond the end is last.
    pub(super) fn move_to(
        &mut self,
        uuid: RequestId,
        place: usize,
    ) -> Result<Result<(), AdminError>, Problem> {
        let (mut semaphore, mut row) = match self.waiting(uuid)? {
            Ok(found) => found,
            Err(refused) => return Ok(Err(refused)),
        };
        self.note_actor(&mut row);
        let ahead = place.saturating_sub(1).min(semaphore.waiting - 1);
        // Its neighbours-to-be: the one ahead and the one behind. They are counted in the line without the request itself,
        // so those that stand behind it now are one further in the whole line.
        let old = Spot::of(&row);
        let here = self.ahead_of(semaphore.id, &old)?;
        let neighbour = |nth: usize| -> Result<Option<(i32, Vec<u8>)>, Problem> {
            let nth = if nth < here { nth } else { nth + 1 };
            Ok(self.behind(semaphore.id, nth)?.map(Spot::into_place))
        };
        let before = ahead.checked_sub(1).map(neighbour).transpose()?.flatten();
        let behind = neighbour(ahead)?;
        match (before, behind) {
            // It takes the class of the one behind it, so the line stays sorted.
            (Some((class, low)), Some((theirs, high))) if class == theirs => {
                row.class = class;
                row.place = order::between(&low, &high);
            }
            (_, Some((class, first))) => {
                row.class = class;
                row.place = order::before(&first);
            }
            (Some((class, _)), None) => {
                row.class = class;
                row.place = self.next_place(&mut semaphore);
            }
            (None, None) => row.class = row.priority,
        }
        self.db
            .prepare_cached(
                "UPDATE request SET class = ?2, place = ?3, steered_by = ?4 WHERE id = ?1",
            )?
            .execute(params![row.id, row.class, row.place, Db(row.by.as_ref())])?;
        self.line_shrank(&semaphore, &old)?;
        self.line_grew(&semaphore, &Spot::of(&row))?;
        self.emit(EventKind::Moved, &semaphore, Some(&row))?;
        self.save(&semaphore)?;
        Ok(Ok(()))
    }

    /// Rule 6, for one request: it is busy no more, although its work goes on.
    pub(super) fn release_request(
        &mut self,
        uuid: RequestId,
    ) -> Result<Result<(), AdminError>, Problem> {
        let Some((mut semaphore, mut row)) = self.live(uuid)? else {
            return Ok(Err(match self.ended_as(uuid)? {
                Some(status) => AdminError::NotBusy { id: uuid, status },
                None => AdminError::UnknownRequest {
                    id: uuid.to_string(),
                },
            }));
        };
        if row.phase == Phase::Waiting {
            self.save(&semaphore)?;
            return Ok(Err(AdminError::NotBusy {
                id: uuid,
                status: Status::Waiting,
            }));
        }
        self.end_by_force(&mut semaphore, &mut row, EventKind::ForceReleased)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        Ok(Ok(()))
    }
}
