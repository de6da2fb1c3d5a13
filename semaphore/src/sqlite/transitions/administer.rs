//! Commands of administrators, and the audit of them: rules 2 to 6 of the queue in SQL.

use rusqlite::{OptionalExtension, params};

use super::Transition;
use super::outcome::Outcome;
use super::rows::{Phase, RequestRow, Semaphore, count, semaphores};
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditState, changed};
use crate::command::{AdminAction, AdminCommand};
use crate::error::AdminError;
use crate::event::EventKind;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slots::Slots;
use crate::sqlite::columns::Db;
use crate::sqlite::file::Problem;
use crate::sqlite::{order, records};
use crate::view::Status;

impl Transition<'_> {
    /// Carries out a command of an administrator; says how many requests it concerned. If it changed something, the same
    /// transaction writes an entry of the audit.
    pub(in crate::sqlite) fn administer(
        &mut self,
        command: &AdminCommand,
        by: Option<&Actor>,
    ) -> Result<Result<usize, AdminError>, Problem> {
        let action = command.action();
        // What is due is done first: the command did not ask for it, and the audit must not show it as if it had.
        let row = match command.request() {
            Some(request) => self.live(request)?.map(|(semaphore, row)| {
                self.save(&semaphore)?;
                Ok::<_, Problem>(row)
            }),
            None => {
                if let Some(name) = command.semaphore()
                    && let Some(semaphore) = self.existing(name)?
                {
                    self.save(&semaphore)?;
                }
                None
            }
        };
        let row = row.transpose()?;
        let name = match (command.semaphore(), &row) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(row)) => self.load(row.semaphore)?.map(|semaphore| semaphore.name),
            (None, None) => None,
        };
        let moved = row.as_ref().filter(|_| action == AdminAction::Move);
        let before = self.audited(name.as_ref(), moved)?;
        self.actor = by.cloned();
        let done = self.carry_out(command);
        self.actor = None;
        let hits = match done? {
            Ok(hits) => hits,
            Err(refused) => return Ok(Err(refused)),
        };
        let after = self.audited(name.as_ref(), moved)?;
        if let Some(semaphore) = name
            && changed(action, hits, before.as_ref(), after.as_ref())
        {
            let entry = AuditEntry {
                sequence: 0,
                at: self.clock.seconds(self.now),
                actor: by.cloned(),
                command: action,
                semaphore,
                request: command.request(),
                who: row.and_then(|row| row.who),
                before,
                after,
                hits,
            };
            records::audit(self.db, &entry)?;
        }
        Ok(Ok(hits))
    }

    /// A semaphore as the audit shows it, with the place of the request that is moved.
    fn audited(
        &self,
        name: Option<&SemaphoreName>,
        moved: Option<&RequestRow>,
    ) -> Result<Option<AuditState>, Problem> {
        let Some(name) = name else { return Ok(None) };
        let found = self
            .db
            .prepare_cached(semaphores!("WHERE name = ?1"))?
            .query_row([Db(name)], Semaphore::read)
            .optional()?;
        let Some(semaphore) = found else {
            return Ok(None);
        };
        let place = match moved {
            // As far as the move itself, which counts those in front, too.
            Some(row) => self
                .db
                .prepare_cached(
                    "SELECT count(*) FROM request AS other
                         JOIN request AS me ON me.uuid = ?1 AND other.semaphore = me.semaphore
                     WHERE me.phase = 0 AND other.phase = 0
                         AND (other.class > me.class OR other.class = me.class AND other.place <= me.place)",
                )?
                .query_row([Db(&row.uuid)], |row| count(row, 0))
                .map(|place| Some(place).filter(|place| *place > 0))?,
            None => None,
        };
        Ok(Some(AuditState {
            slots: semaphore.slots,
            pinned: semaphore.pinned,
            busy: semaphore.taken,
            waiting: semaphore.waiting,
            place,
        }))
    }

    fn carry_out(&mut self, command: &AdminCommand) -> Result<Result<usize, AdminError>, Problem> {
        let unknown = |name: &SemaphoreName| AdminError::UnknownSemaphore { name: name.clone() };
        Ok(match command {
            AdminCommand::SetSlots { semaphore, slots } => {
                self.pin(semaphore, Some(*slots))?;
                Ok(0)
            }
            AdminCommand::Pin { semaphore } => {
                self.pin(semaphore, None)?;
                Ok(0)
            }
            AdminCommand::Unpin { semaphore } => {
                if self.unpin(semaphore)? {
                    Ok(0)
                } else {
                    Err(unknown(semaphore))
                }
            }
            AdminCommand::Grant { request } => self.grant(*request)?.map(|()| 1),
            AdminCommand::Cancel { request } => self.cancel(*request)?.map(|()| 1),
            AdminCommand::Move { request, place } => self.move_to(*request, *place)?.map(|()| 1),
            AdminCommand::Release { request } => self.release_request(*request)?.map(|()| 1),
            AdminCommand::Purge { semaphore } => {
                self.purge(semaphore)?.ok_or_else(|| unknown(semaphore))
            }
            AdminCommand::ForceRelease { semaphore } => self
                .force_release(semaphore)?
                .ok_or_else(|| unknown(semaphore)),
            AdminCommand::Forget { semaphore } => self.forget(semaphore)?.map(|()| 0),
        })
    }

    /// Rule 4: a waiting request starts now, outside the slots.
    fn grant(&mut self, uuid: RequestId) -> Result<Result<(), AdminError>, Problem> {
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
    fn cancel(&mut self, uuid: RequestId) -> Result<Result<(), AdminError>, Problem> {
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
    fn move_to(
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
        // Its neighbours-to-be: the one ahead and the one behind.
        let mut statement = self.db.prepare_cached(
            "SELECT class, place FROM request WHERE semaphore = ?1 AND phase = 0 AND id <> ?2
             ORDER BY class DESC, place LIMIT 2 OFFSET ?3",
        )?;
        let skipped = ahead.saturating_sub(1);
        let neighbours: Vec<(i32, Vec<u8>)> = statement
            .query_map(params![semaphore.id, row.id, skipped as i64], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut neighbours = neighbours.into_iter();
        let before = if ahead > 0 { neighbours.next() } else { None };
        let behind = neighbours.next();
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
        self.emit(EventKind::Moved, &semaphore, Some(&row))?;
        self.save(&semaphore)?;
        Ok(Ok(()))
    }

    /// Rule 6: ends every busy request and grants every request in line. Says how many that were.
    fn purge(&mut self, name: &SemaphoreName) -> Result<Option<usize>, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let mut through = Vec::new();
        let freed = self.end_all_busy(&mut semaphore, EventKind::Purged)?;
        while let Some(mut first) = self.first(&semaphore)? {
            self.note_actor(&mut first);
            self.start_waiting(&mut semaphore, &first, Phase::BusyGranted)?;
            through.push(first);
        }
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        for row in &through {
            self.waits_no_more(row)?;
        }
        Ok(Some(freed + through.len()))
    }

    /// Rule 6: ends every busy request; the line goes on in order. Says how many that were.
    fn force_release(&mut self, name: &SemaphoreName) -> Result<Option<usize>, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(None);
        };
        let freed = self.end_all_busy(&mut semaphore, EventKind::ForceReleased)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        Ok(Some(freed))
    }

    /// Rule 6, for one request: it is busy no more, although its work goes on.
    fn release_request(&mut self, uuid: RequestId) -> Result<Result<(), AdminError>, Problem> {
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

    /// Rules 2 and 3: sets the number of slots, or leaves it, and pins it.
    fn pin(&mut self, name: &SemaphoreName, slots: Option<Slots>) -> Result<(), Problem> {
        let mut semaphore = self.arrive(name, None)?;
        if !semaphore.pinned {
            semaphore.pinned = true;
            self.emit(EventKind::Pinned, &semaphore, None)?;
        }
        let slots = slots.unwrap_or(semaphore.slots);
        self.change_slots(&mut semaphore, slots)?;
        self.settle(&mut semaphore)?;
        self.save(&semaphore)?;
        self.recheck_deadlocks(semaphore.id)
    }

    /// Rule 3: what the code declared counts again. Says whether there is such a semaphore.
    fn unpin(&mut self, name: &SemaphoreName) -> Result<bool, Problem> {
        let Some(mut semaphore) = self.existing(name)? else {
            return Ok(false);
        };
        if semaphore.pinned {
            semaphore.pinned = false;
            self.emit(EventKind::Unpinned, &semaphore, None)?;
            let declared = semaphore.declared;
            self.change_slots(&mut semaphore, declared)?;
            self.settle(&mut semaphore)?;
        }
        self.save(&semaphore)?;
        self.recheck_deadlocks(semaphore.id)?;
        Ok(true)
    }

    /// Forgets an idle semaphore.
    fn forget(&mut self, name: &SemaphoreName) -> Result<Result<(), AdminError>, Problem> {
        self.reap_sessions()?;
        let Some(semaphore) = self.existing(name)? else {
            return Ok(Err(AdminError::UnknownSemaphore { name: name.clone() }));
        };
        if !semaphore.is_idle() {
            self.save(&semaphore)?;
            return Ok(Err(AdminError::InUse {
                name: name.clone(),
                busy: semaphore.taken + semaphore.granted,
                waiting: semaphore.waiting,
            }));
        }
        self.emit(EventKind::Forgotten, &semaphore, None)?;
        self.raise_floor(semaphore.token)?;
        records::forget(self.db, semaphore.id)?;
        self.db
            .prepare_cached("DELETE FROM semaphore WHERE id = ?1")?
            .execute([semaphore.id])?;
        Ok(Ok(()))
    }
}
