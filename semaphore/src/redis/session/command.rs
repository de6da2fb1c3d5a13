//! What callers ask of a session: [`Command`].

use std::sync::Arc;
use std::time::Instant;

use redis::Value;
use tokio::sync::oneshot;

use super::{
    ADMIN_LIMIT, CLOSE_LIMIT, Call, Closing, LONGEST_CLOSE, Link, Output, PendingRequest, Phase,
    ReplyTo, Session, Timer,
};
use crate::actor::Actor;
use crate::command::AdminAction;
use crate::error::{AcquireError, StoreError};
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::redis::Closed;
use crate::redis::permit::PermitState;
use crate::redis::succession::Succession;
use crate::redis::wire::{Acquire, Managed, Payload, Refreshed, write_asker};
use crate::request::{Request, Ttl};
use crate::slots::Slots;

/// What callers ask for. When the answer's sender is dropped unused, the store was closed.
pub(in crate::redis) enum Command {
    Acquire {
        id: RequestId,
        name: SemaphoreName,
        request: Request,
        /// It joins the line when no slot is free.
        joins: bool,
        answer: super::AcquireAnswer,
    },
    /// The caller does not wait any more.
    Abandon(RequestId),
    /// A run was given up.
    AbandonRun(RunId),
    /// A run does not answer since then, or answers again.
    MarkUnresponsive(RunId, Option<Instant>),
    /// These wait for the end of a run from now on.
    NoteDependents(RunId, Arc<[NamedRun]>),
    Release {
        id: RequestId,
        /// Whether it was still busy.
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    },
    Refresh {
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    },
    Manage(Manage),
    Ask {
        payload: Payload,
        /// It does no harm to ask again.
        repeatable: bool,
        answer: oneshot::Sender<Result<Value, StoreError>>,
    },
    /// What another process needs to go on with a request.
    Succession {
        id: RequestId,
        answer: oneshot::Sender<Option<Succession>>,
    },
    /// Goes on with what another process held.
    Succeed {
        from: Box<Succession>,
        answer: oneshot::Sender<Option<Arc<PermitState>>>,
    },
    /// Asks what is not as it should be with the server, once there is a connection.
    Caution(oneshot::Sender<Vec<String>>),
    /// There is a subscriber of events.
    Observe,
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// An administrator's command on a semaphore that may have to be made.
pub(in crate::redis) struct Manage {
    pub(in crate::redis) name: SemaphoreName,
    pub(in crate::redis) action: AdminAction,
    pub(in crate::redis) slots: Option<Slots>,
    /// Who gives the command.
    pub(in crate::redis) by: Option<Actor>,
    pub(in crate::redis) answer: oneshot::Sender<Result<Managed, StoreError>>,
}

impl Session {
    /// A caller asks for something.
    pub(in crate::redis) fn command(&mut self, command: Command, now: Instant) {
        self.now = now;
        // A release and a request of the same semaphore go together.
        let exchanges = match &command {
            Command::Acquire { name, .. } => self
                .pending_release
                .as_ref()
                .is_some_and(|pending| pending.name == *name),
            _ => false,
        };
        if !exchanges {
            self.flush_release();
        }
        match command {
            Command::Acquire {
                id,
                name,
                request,
                joins,
                answer,
            } => self.acquire(id, name, request, joins, answer),
            Command::Abandon(id) => {
                if let Some(request) = self.remove(id)
                    && request.sent
                {
                    self.abandon(id, &request.name, false);
                }
            }
            Command::AbandonRun(run) => self.abandon_run(run),
            Command::MarkUnresponsive(run, since) => self.mark_unresponsive(run, since),
            Command::NoteDependents(run, dependents) => self.note_dependents(run, &dependents),
            Command::Release { id, answer } => self.release(id, answer),
            Command::Refresh { id, ttl, answer } => self.refresh(id, ttl, answer),
            Command::Manage(manage) => self.manage(manage),
            Command::Ask {
                payload,
                repeatable,
                answer,
            } => self.send_dated(Call::new(payload, ReplyTo::Ask { repeatable, answer })),
            Command::Succession { id, answer } => {
                let _ = answer.send(self.succession(id));
            }
            Command::Succeed { from, answer } => {
                let _ = answer.send(self.succeed(&from));
            }
            Command::Caution(answer) => self.caution(answer),
            Command::Observe => self.observe(),
            Command::Close(answer) => self.close(Some(answer)),
        }
    }

    /// The driver has no more commands at hand.
    pub(in crate::redis) fn no_command(&mut self, now: Instant) {
        self.now = now;
        self.flush_release();
    }

    /// The store was dropped with all its permits: no command can come any more.
    pub(in crate::redis) fn no_more_commands(&mut self, now: Instant) {
        self.now = now;
        self.flush_release();
        if self.closing.is_none() {
            self.close(None);
        }
    }

    fn acquire(
        &mut self,
        id: RequestId,
        name: SemaphoreName,
        mut request: Request,
        joins: bool,
        answer: super::AcquireAnswer,
    ) {
        let timeout = request.get_timeout();
        let mut pending = PendingRequest {
            declared: request.get_slots(),
            ttl: request.get_ttl(),
            priority: request.get_priority().0,
            timeout,
            joins,
            owner: request.take_owner(),
            slot: request.take_slot(),
            is_foreign: false,
            asked_at: self.now,
            answer: Some(answer),
            sent: false,
            is_asked: false,
            asked_again: false,
            generation: 0,
            phase: Phase::Asking,
            timer: None,
            overdue: false,
            ended: None,
            name,
        };
        self.semaphore(&pending.name).ids.insert(id);
        let limit = if joins { timeout } else { Some(ADMIN_LIMIT) };
        if let Some(at) = limit.and_then(|limit| self.now.checked_add(limit)) {
            pending.timer = Some(at);
            self.timers.insert((at, Timer::Request(id)));
        }
        self.requests.insert(id, pending);
        if let Some(at) = self.reach_at() {
            self.timers.insert((at, Timer::Reach(id)));
        }
        match self.pending_release.take() {
            Some(release) => self.exchange(release, id),
            None => self.request(id),
        }
    }

    /// Asks the server for the request `id`.
    pub(super) fn request(&mut self, id: RequestId) {
        if let Some(acquire) = self.asking(id, None) {
            let payload = Payload::Acquire(Box::new(acquire));
            self.send(Call::new(payload, ReplyTo::Acquire(id)));
        }
    }

    /// What asks for the request `id`. `returned`: what is given back before.
    pub(super) fn asking(&mut self, id: RequestId, returned: Option<RequestId>) -> Option<Acquire> {
        let request = self.requests.get_mut(&id)?;
        if matches!(request.phase, Phase::Busy(_)) {
            // A push said so. The answer was lost with its connection, and there is nothing to ask.
            return None;
        }
        let semaphore = self.semaphores.get(&request.name)?;
        request.phase = Phase::Asking;
        request.ended = None;
        request.asked_again = request.sent;
        let timeout = request.timeout.map(|timeout| {
            if request.sent {
                timeout.saturating_sub(self.now.saturating_duration_since(request.asked_at))
            } else {
                timeout
            }
        });
        Some(Acquire {
            keys: Arc::clone(&semaphore.keys),
            id,
            declared: request.declared,
            ttl: request.ttl,
            priority: request.priority,
            timeout,
            joins: request.joins,
            asker: write_asker(request.owner.as_ref(), request.slot.as_ref()),
            data_set: self.data_set.clone(),
            again: request.sent,
            returned,
        })
    }

    fn refresh(
        &mut self,
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    ) {
        let Some(request) = self.requests.get(&id) else {
            let _ = answer.send(Ok(Refreshed::Lost));
            return;
        };
        let name = request.name.clone();
        let keys = self.keys(&name);
        let payload = Payload::Refresh { keys, id, ttl };
        self.send(Call::new(payload, ReplyTo::Refresh { id, ttl, answer }));
    }

    pub(super) fn manage(&mut self, manage: Manage) {
        let payload = Payload::Manage {
            keys: self.settings.names.admin_keys(&manage.name),
            action: manage.action,
            slots: manage.slots,
            by: manage.by.clone(),
            data_set: self.data_set.clone(),
        };
        let now = self.now;
        self.semaphore(&manage.name).used = now;
        self.send_dated(Call::new(payload, ReplyTo::Manage(manage)));
    }

    /// The run was given up: ends all that it waits for and holds, but for what it left behind on purpose.
    fn abandon_run(&mut self, run: RunId) {
        let mut ids: Vec<(bool, RequestId)> = Vec::new();
        for (id, request) in &self.requests {
            let is_left = match &request.phase {
                Phase::Busy(permit) => permit.is_left(),
                Phase::Asking | Phase::Waiting { .. } => false,
            };
            if request.run() == Some(run) && !request.is_foreign && !is_left {
                ids.push((matches!(request.phase, Phase::Busy(_)), *id));
            }
        }
        // What waits goes first: otherwise it would be given what the run holds.
        ids.sort_unstable();
        for (_, id) in ids {
            let Some(mut request) = self.remove(id) else {
                continue;
            };
            if let Phase::Busy(permit) = &request.phase {
                permit.lease_passes();
            }
            if let Some(answer) = request.answer.take() {
                let name = request.name.clone();
                let _ = answer.send(Err(AcquireError::Abandoned { name }));
            }
            if request.sent {
                self.abandon(id, &request.name, true);
            }
        }
    }

    /// The owner of the request `id`, which this session knows no more, gives it up.
    pub(super) fn abandon(&mut self, id: RequestId, name: &SemaphoreName, run_is_lost: bool) {
        let payload = Payload::Abandon {
            keys: self.keys(name),
            id,
            run_is_lost,
        };
        self.send(Call::new(payload, ReplyTo::Nothing { lasting: true }));
    }

    fn observe(&mut self) {
        if !self.observing {
            self.observing = true;
            if self.is_up() {
                self.subscribe();
            } else {
                // It subscribes when it is connected.
                self.wake();
            }
        }
    }

    /// Subscribes to events. What is asked after this must not overtake it, or its events are missed.
    pub(super) fn subscribe(&mut self) {
        self.subscribing = true;
        self.send(Call::new(Payload::SubscribeEvents, ReplyTo::Subscribe));
        if self.settings.names.together {
            self.send(Call::new(Payload::Names, ReplyTo::PublishAgain));
        }
    }

    /// Gives everything back, then ends.
    fn close(&mut self, answer: Option<oneshot::Sender<Result<(), StoreError>>>) {
        self.closing = Some(Closing {
            answer,
            until: self.now + CLOSE_LIMIT,
            latest: self.now + LONGEST_CLOSE,
        });
        let ids: Vec<RequestId> = self.requests.keys().copied().collect();
        for id in ids {
            let Some(request) = self.requests.get(&id) else {
                continue;
            };
            if let Phase::Busy(permit) = &request.phase {
                permit.lose();
                if request.is_foreign {
                    self.remove(id);
                } else {
                    self.release(id, None);
                }
            } else if let Some(mut request) = self.remove(id) {
                if let Some(answer) = request.answer.take() {
                    let _ = answer.send(Err(self.settings.failed(Closed).into()));
                }
                if request.sent {
                    self.abandon(id, &request.name, false);
                }
            }
        }
        self.flush_release();
        let ended: Vec<RequestId> = self.ended_by_force.keys().copied().collect();
        for id in ended {
            self.drop_ended(id);
        }
        let names: Vec<SemaphoreName> = self.semaphores.keys().cloned().collect();
        for name in names {
            let keys = self.keys(&name);
            let nothing = ReplyTo::Nothing { lasting: false };
            self.send(Call::new(Payload::Leave { keys }, nothing));
        }
        if !self.is_up() {
            // What was never sent need not be taken back, and the lease does the rest.
            self.unsent.retain(|_, call| {
                matches!(
                    call.reply_to,
                    ReplyTo::Release { .. } | ReplyTo::Nothing { lasting: true }
                )
            });
        }
    }

    /// Something needs a connection.
    pub(super) fn wake(&mut self) {
        if matches!(self.link, Link::Idle) {
            self.connect();
        }
    }

    pub(super) fn connect(&mut self) {
        self.link = Link::Connecting;
        self.outputs.push_back(Output::Connect {
            known: self.data_set.clone(),
            before: self.before,
        });
    }
}
