//! Administrators' commands, and finding the semaphore of a request.
//!
//! A command on a request knows only its id. The last digits of an id say something of the semaphore's name (see
//! [`keys::may_be_of`]), so it is looked for where this store has seen a name that fits. Only if it is not there, all
//! names are asked for.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::driver::DriverHandle;
use super::wire::keys;
use super::wire::query::{self, Steered};
use super::wire::{self, Managed};
use super::{RedisStore, deadlock};
use crate::actor::Actor;
use crate::command::{AdminAction, AdminCommand};
use crate::error::AdminError;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// The names of semaphores, as they were last listed, by what an id of one of their requests says.
#[derive(Default)]
pub(super) struct KnownNames(Mutex<HashMap<u32, Vec<SemaphoreName>>>);

impl KnownNames {
    /// All semaphores were listed.
    pub(super) fn are(&self, all: &[SemaphoreName]) {
        let mut known = HashMap::<u32, Vec<SemaphoreName>>::with_capacity(all.len());
        for name in all {
            known
                .entry(keys::trace(name))
                .or_default()
                .push(name.clone());
        }
        *self.0.lock() = known;
    }

    /// Those to which the request may belong.
    fn of(&self, id: RequestId) -> Vec<SemaphoreName> {
        let known = self.0.lock();
        known.get(&keys::trace_of(id)).cloned().unwrap_or_default()
    }
}

impl RedisStore {
    pub(super) async fn carry_out(
        &self,
        command: AdminCommand,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let action = command.action();
        match command {
            AdminCommand::Grant { request }
            | AdminCommand::Cancel { request }
            | AdminCommand::Release { request } => self.steer(request, action, 0, by).await,
            AdminCommand::Move { request, place } => {
                let place = place.clamp(1, u32::MAX as usize);
                self.steer(request, action, place, by).await
            }
            AdminCommand::SetSlots { semaphore, slots } => {
                self.manage(semaphore, action, Some(slots), by).await
            }
            AdminCommand::Pin { semaphore }
            | AdminCommand::Unpin { semaphore }
            | AdminCommand::Purge { semaphore }
            | AdminCommand::ForceRelease { semaphore }
            | AdminCommand::Forget { semaphore } => self.manage(semaphore, action, None, by).await,
        }
    }

    /// Does something to a waiting request, or takes the slot of a busy one.
    async fn steer(
        &self,
        id: RequestId,
        action: AdminAction,
        place: usize,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let driver = self.driver()?;
        let seen = self.known_names.of(id);
        for name in &seen {
            if let Some(outcome) = steer_in(&driver, name, id, (action, place), by.as_ref()).await {
                return outcome;
            }
        }
        // Its semaphore may have been made since.
        self.names(&driver).await?;
        for name in self.known_names.of(id) {
            if !seen.contains(&name)
                && let Some(outcome) =
                    steer_in(&driver, &name, id, (action, place), by.as_ref()).await
            {
                return outcome;
            }
        }
        Err(AdminError::UnknownRequest { id: id.to_string() })
    }

    /// Does something to a semaphore. Says how many requests it concerned.
    async fn manage(
        &self,
        name: SemaphoreName,
        action: AdminAction,
        slots: Option<Slots>,
        by: Option<Actor>,
    ) -> Result<usize, AdminError> {
        let driver = self.driver()?;
        let (hits, busy, waiting) = match driver.manage(name.clone(), action, slots, by).await? {
            Managed::Done {
                hits,
                busy,
                waiting,
                ..
            } => (hits, busy, waiting),
            Managed::Unknown | Managed::OtherDataSet => {
                return Err(AdminError::UnknownSemaphore { name });
            }
        };
        match action {
            AdminAction::Forget if hits > 0 => {
                return Err(AdminError::InUse {
                    name,
                    busy,
                    waiting,
                });
            }
            _ => Self::note_audited(&driver, &name).await?,
        }
        match action {
            // Slots may have been taken away.
            AdminAction::SetSlots | AdminAction::Unpin if waiting > 0 => {
                deadlock::recheck(&driver, &name).await?;
            }
            _ => {}
        }
        Ok(hits)
    }

    pub(super) async fn find_id(&self, prefix: &str) -> Result<RequestId, AdminError> {
        let driver = self.driver()?;
        let wanted: String = prefix
            .trim()
            .chars()
            .filter(|c| *c != '-')
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let all = self.names(&driver).await?;
        let whole = wire::id(&wanted);
        let asked: Vec<_> = all
            .iter()
            .filter(|name| whole.is_none_or(|id| keys::may_be_of(id, name)))
            .map(|name| driver.ask(query::find(&driver.settings.names, name, &wanted)))
            .collect();
        let (mut live, mut ended) = (Vec::new(), Vec::new());
        for answered in asked {
            let found = answered.await?;
            live.extend(found.live);
            ended.extend(found.ended);
        }
        let found = if live.is_empty() { ended } else { live };
        AdminError::only_match(prefix, &found)
    }
}

/// Gives the command to the semaphore `name`. `None`: the request is not one of its.
async fn steer_in(
    driver: &DriverHandle,
    name: &SemaphoreName,
    id: RequestId,
    (action, place): (AdminAction, usize),
    by: Option<&Actor>,
) -> Option<Result<usize, AdminError>> {
    let steer = query::steer(&driver.settings.names, name, id, (action, place), by);
    match driver.ask(steer).await {
        Ok(Steered::Done) => Some(match RedisStore::note_audited(driver, name).await {
            Ok(()) => Ok(1),
            Err(error) => Err(error.into()),
        }),
        Ok(Steered::Is(status)) => Some(Err(match action {
            AdminAction::Release => AdminError::NotBusy { id, status },
            _ => AdminError::NotWaiting { id, status },
        })),
        Ok(Steered::Unknown) => None,
        Err(error) => Some(Err(error.into())),
    }
}
