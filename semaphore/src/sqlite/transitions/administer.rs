//! Commands of administrators, and the audit of them: rules 2 to 6 of the queue in SQL.

use rusqlite::OptionalExtension;

use super::Transition;
use super::line::Spot;
use super::rows::{Phase, RequestRow, Semaphore, semaphores};
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditState, changed};
use crate::command::{AdminAction, AdminCommand};
use crate::error::AdminError;
use crate::name::SemaphoreName;
use crate::sqlite::columns::Db;
use crate::sqlite::problem::Problem;
use crate::sqlite::records;

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
            Some(row) => match self.request(row.uuid)? {
                Some(row) if row.phase == Phase::Waiting => {
                    Some(self.ahead_of(row.semaphore, &Spot::of(&row))? + 1)
                }
                _ => None,
            },
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
}
