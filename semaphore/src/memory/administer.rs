//! What administrators do to the semaphores of this process, and the audit of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cipher::Address;
use super::entry::{Entry, Waiter};
use super::{MOST_PINNED, MemoryStore, deadlock};
use crate::actor::Actor;
use crate::audit::{AuditEntry, AuditState, changed};
use crate::command::{AdminAction, AdminCommand};
use crate::error::AdminError;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::queue::{Effects, NotBusy, NotWaiting, Queue, Ticket};
use crate::time::Timestamp;
use crate::view::Status;

impl MemoryStore {
    /// Carries out a command of an administrator; says how many requests it concerned.
    pub(crate) fn administer(
        &self,
        command: &AdminCommand,
        by: Option<&Actor>,
    ) -> Result<usize, AdminError> {
        match command {
            AdminCommand::SetSlots { semaphore, slots } => {
                let entry = self.entry(semaphore);
                entry.steer(command, by, |queue, now, fx| {
                    entry.must_have_room_for_a_pin(queue)?;
                    queue.set_slots(*slots, now, fx);
                    Ok(0)
                })?;
                deadlock::recheck(&entry);
                Ok(0)
            }
            AdminCommand::Pin { semaphore } => {
                let entry = self.entry(semaphore);
                entry.steer(command, by, |queue, now, fx| {
                    entry.must_have_room_for_a_pin(queue)?;
                    queue.pin(now, fx);
                    Ok(0)
                })
            }
            AdminCommand::Unpin { semaphore } => {
                let entry = self.existing(semaphore)?;
                entry.steer(command, by, |queue, now, fx| {
                    queue.unpin(now, fx);
                    Ok(0)
                })?;
                deadlock::recheck(&entry);
                Ok(0)
            }
            AdminCommand::Grant { request } => {
                self.steer_request(*request, command, by, |queue, ticket, now, fx| {
                    queue.grant(ticket, now, fx)
                })
            }
            AdminCommand::Cancel { request } => {
                self.steer_request(*request, command, by, |queue, ticket, now, fx| {
                    queue.cancel(ticket, now, fx)
                })
            }
            AdminCommand::Move { request, place } => {
                self.steer_request(*request, command, by, |queue, ticket, now, fx| {
                    queue.move_to(ticket, *place, now, fx)
                })
            }
            AdminCommand::Release { request } => {
                self.at_request(*request, command, by, |queue, ticket, now, fx| {
                    let released = queue.release_by_force(ticket, now, fx);
                    released.map_err(|NotBusy(status)| {
                        status.map(|status| AdminError::NotBusy {
                            id: *request,
                            status,
                        })
                    })
                })
            }
            AdminCommand::Purge { semaphore } => {
                self.existing(semaphore)?
                    .steer(command, by, |queue, now, fx| {
                        let (freed, granted) = queue.purge(now, fx);
                        Ok(freed + granted)
                    })
            }
            AdminCommand::ForceRelease { semaphore } => {
                self.existing(semaphore)?
                    .steer(command, by, |queue, now, fx| {
                        Ok(queue.force_release(now, fx))
                    })
            }
            AdminCommand::Forget { semaphore } => self.forget(semaphore, command, by),
        }
    }

    fn forget(
        &self,
        name: &SemaphoreName,
        command: &AdminCommand,
        by: Option<&Actor>,
    ) -> Result<usize, AdminError> {
        let entry = self.existing(name)?;
        entry.steer(command, by, |queue, now, fx| {
            if queue.forget(now, fx) {
                return Ok(0);
            }
            let held = queue
                .rows(now)
                .filter(|row| row.status == Status::Busy)
                .count();
            Err(AdminError::InUse {
                name: name.clone(),
                busy: held,
                waiting: queue.waiting(),
            })
        })?;
        drop(entry);
        self.registry.lock().remove_unused(name);
        Ok(0)
    }

    /// Does something that only a waiting request can undergo.
    fn steer_request(
        &self,
        id: RequestId,
        command: &AdminCommand,
        by: Option<&Actor>,
        act: impl FnOnce(
            &mut Queue<Waiter>,
            Ticket,
            Timestamp,
            &mut Effects<Waiter>,
        ) -> Result<(), NotWaiting>,
    ) -> Result<usize, AdminError> {
        self.at_request(id, command, by, |queue, ticket, now, fx| {
            act(queue, ticket, now, fx).map_err(|NotWaiting(status)| {
                status.map(|status| AdminError::NotWaiting { id, status })
            })
        })
    }

    /// Does something to a request. An error without a reason: it is not known any more.
    fn at_request(
        &self,
        id: RequestId,
        command: &AdminCommand,
        by: Option<&Actor>,
        act: impl FnOnce(
            &mut Queue<Waiter>,
            Ticket,
            Timestamp,
            &mut Effects<Waiter>,
        ) -> Result<(), Option<AdminError>>,
    ) -> Result<usize, AdminError> {
        let unknown = || AdminError::UnknownRequest { id: id.to_string() };
        let Address { entry, ticket } = self.shared().ids.address(id).ok_or_else(unknown)?;
        let entry = self
            .registry
            .lock()
            .entries
            .get(entry as usize)
            .map(Arc::clone)
            .ok_or_else(unknown)?;
        entry.steer(command, by, |queue, now, fx| {
            act(queue, ticket, now, fx).map_err(|refused| refused.unwrap_or_else(unknown))?;
            Ok(1)
        })
    }
}

impl Entry {
    /// A command of an administrator: a transition that is written down if it changed something.
    fn steer(
        &self,
        command: &AdminCommand,
        by: Option<&Actor>,
        act: impl FnOnce(
            &mut Queue<Waiter>,
            Timestamp,
            &mut Effects<Waiter>,
        ) -> Result<usize, AdminError>,
    ) -> Result<usize, AdminError> {
        let action = command.action();
        let ticket = command
            .request()
            .and_then(|id| self.shared.ids.address(id))
            .map(|address| address.ticket);
        self.transact(|queue, now, fx| {
            // What is due was asked for by no command.
            queue.advance(now, fx);
            let moved = ticket.filter(|_| action == AdminAction::Move);
            let was_pinned = queue.is_pinned();
            let before = audited(queue, moved);
            let owner = ticket.and_then(|ticket| queue.owner(ticket));
            let who = owner.map(|owner| owner.who().to_owned());
            fx.actor = by.cloned();
            let done = act(queue, now, fx);
            fx.actor = None;
            if was_pinned && !queue.is_pinned() {
                self.shared.pinned.fetch_sub(1, Ordering::Relaxed);
            }
            let hits = done?;
            let after = audited(queue, moved);
            if changed(action, hits, before.as_ref(), after.as_ref()) {
                // Under the entry's lock: the log has the commands of a semaphore in the order in which they were
                // carried out.
                self.shared.audit.add(AuditEntry {
                    sequence: 0,
                    at: self.shared.clock.wall(),
                    actor: by.cloned(),
                    command: action,
                    semaphore: self.name.clone(),
                    request: command.request(),
                    who,
                    before,
                    after,
                    hits,
                });
            }
            Ok(hits)
        })
    }

    /// Pinned semaphores are kept for ever, so there is a bound. Counts this one, unless it is pinned already.
    fn must_have_room_for_a_pin(&self, queue: &Queue<Waiter>) -> Result<(), AdminError> {
        if !queue.is_pinned() && !self.shared.count_pinned() {
            return Err(AdminError::TooManyPinned { most: MOST_PINNED });
        }
        Ok(())
    }
}

/// A semaphore as the audit shows it, with the place of the request that is moved.
fn audited(queue: &mut Queue<Waiter>, moved: Option<Ticket>) -> Option<AuditState> {
    if !queue.exists() {
        return None;
    }
    Some(AuditState {
        slots: queue.slots(),
        pinned: queue.is_pinned(),
        busy: queue.busy(),
        waiting: queue.waiting(),
        place: moved.and_then(|ticket| queue.place(ticket)),
    })
}
