//! The commands that an administrator gives at the panel, [`TopCommand`], and how they are carried out: one after the other,
//! in the order of the keys. The screen may be old, so the store decides all that it can.

use cla_runtime::semaphore::{AdminError, RequestId, SemaphoreName, Semaphores, Slots};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::super::counted;
use super::super::source::Source;
use super::state::Input;
use crate::render;

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TopCommand {
    /// One slot more than there are.
    Raise(SemaphoreName),
    /// One slot fewer. Below 0 is unlimited, which lets everyone in, so the user is asked.
    Lower {
        name: SemaphoreName,
        below_zero: bool,
    },
    SetSlots(SemaphoreName, Slots),
    Unpin(SemaphoreName),
    Purge(SemaphoreName),
    Release(SemaphoreName),
    Forget(SemaphoreName),
    Grant(Target),
    Cancel(Target),
    Move(Target, Place),
}

/// The request that was selected when the key was pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) id: RequestId,
    pub(super) semaphore: SemaphoreName,
    /// `3f2a91bc (deploy.js)`.
    pub(super) label: String,
}

/// Where in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Up,
    Down,
    First,
}

/// Carries out commands, until no more can come.
pub(super) async fn carry_out(
    semaphores: &Semaphores,
    source: &Source,
    mut orders: UnboundedReceiver<TopCommand>,
    inputs: UnboundedSender<Input>,
) {
    while let Some(order) = orders.recv().await {
        let outcome = order.carry_out(semaphores).await;
        let outcome = outcome.map_err(|error| match error {
            AdminError::Store(error) => source.complaint(&error),
            other => other.to_string(),
        });
        // If the receiver is gone, the panel has been closed.
        let _ = inputs.send(Input::Done(outcome));
    }
}

impl TopCommand {
    /// Does it, and says what was done.
    async fn carry_out(&self, semaphores: &Semaphores) -> Result<String, AdminError> {
        match self {
            Self::Raise(name) => {
                let slots = slots(semaphores, name).await?.raise();
                semaphores.set_slots(name, slots).await?;
                headline(semaphores, name).await
            }
            Self::Lower { name, below_zero } => {
                let slots = slots(semaphores, name).await?;
                if slots == Slots::LOCKED && !below_zero {
                    return Ok(format!(
                        "\"{name}\" has 0 slots and stays locked; - once more makes it unlimited"
                    ));
                }
                semaphores.set_slots(name, slots.lower()).await?;
                headline(semaphores, name).await
            }
            Self::SetSlots(name, slots) => {
                semaphores.set_slots(name, *slots).await?;
                headline(semaphores, name).await
            }
            Self::Unpin(name) => {
                semaphores.unpin(name).await?;
                headline(semaphores, name).await
            }
            Self::Purge(name) => {
                let purged = semaphores.purge(name).await?;
                Ok(format!("purged \"{name}\": {}", counted(purged, "request")))
            }
            Self::Release(name) => {
                let ended = semaphores.force_release(name).await?;
                let ended = counted(ended, "request");
                Ok(format!("released {ended} of \"{name}\" by force"))
            }
            Self::Forget(name) => {
                semaphores.forget(name).await?;
                Ok(format!("forgot \"{name}\""))
            }
            Self::Grant(target) => {
                semaphores.grant(target.id).await?;
                let Target {
                    label, semaphore, ..
                } = target;
                Ok(format!(
                    "granted {label}: it is busy at \"{semaphore}\", outside the slots"
                ))
            }
            Self::Cancel(target) => {
                semaphores.cancel(target.id).await?;
                let Target {
                    label, semaphore, ..
                } = target;
                Ok(format!(
                    "cancelled {label}: it no longer waits for \"{semaphore}\""
                ))
            }
            Self::Move(target, place) => target.move_to(*place, semaphores).await,
        }
    }
}

impl Target {
    async fn move_to(&self, place: Place, semaphores: &Semaphores) -> Result<String, AdminError> {
        let Self {
            id,
            semaphore,
            label,
        } = self;
        let view = semaphores.show(semaphore).await?;
        let requests = view.as_ref().map_or(&[][..], |view| &view.requests);
        let last = view.as_ref().map_or(1, |view| view.waiting.max(1));
        let from = requests.iter().find(|request| request.id == *id);
        // A request that does not wait has no place. The store answers with that error.
        let from = from.and_then(|request| request.place).unwrap_or(1);
        let to = match place {
            Place::Up => from.saturating_sub(1).max(1),
            Place::Down => from.saturating_add(1).min(last),
            Place::First => 1,
        };
        semaphores.move_to(*id, to).await?;
        Ok(format!("moved {label} from place {from} to {to}"))
    }
}

async fn slots(semaphores: &Semaphores, name: &SemaphoreName) -> Result<Slots, AdminError> {
    match semaphores.show(name).await? {
        Some(view) => Ok(view.slots),
        None => Err(AdminError::UnknownSemaphore { name: name.clone() }),
    }
}

/// The semaphore in one line, as it is now.
async fn headline(semaphores: &Semaphores, name: &SemaphoreName) -> Result<String, AdminError> {
    Ok(match semaphores.show(name).await? {
        Some(view) => {
            let line = render::headline(&view);
            line.0.into_iter().map(|span| span.text).collect()
        }
        None => format!("\"{name}\" is no longer there"),
    })
}
