//! What is sent to the server, and what becomes of its answer: [`Call`].

use std::sync::Arc;
use std::time::Instant;

use redis::Value;
use tokio::sync::oneshot;

use super::cautions::Caution;
use super::{ADMIN_LIMIT, Manage, Output, PendingRelease, Session, Timer};
use crate::error::StoreError;
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::wire::{Payload, Refreshed, Reply};
use crate::request::Ttl;

/// Something sent, or to be sent.
pub(super) struct Call {
    pub(super) payload: Arc<Payload>,
    pub(super) reply_to: ReplyTo,
}

impl Call {
    pub(super) fn new(payload: Payload, reply_to: ReplyTo) -> Self {
        Self {
            payload: Arc::new(payload),
            reply_to,
        }
    }
}

/// What the answer is for.
pub(super) enum ReplyTo {
    Acquire(RequestId),
    /// Gives a request back and makes another. Its serial number and the one before are of this call alone.
    Exchange {
        returned: PendingRelease,
        acquired: RequestId,
    },
    Release {
        id: RequestId,
        /// Its lease has passed by then.
        until: Instant,
        answer: Option<oneshot::Sender<Result<bool, StoreError>>>,
    },
    Refresh {
        id: RequestId,
        ttl: Ttl,
        answer: oneshot::Sender<Result<Refreshed, StoreError>>,
    },
    Renew {
        name: SemaphoreName,
        generation: u64,
        ids: Vec<RequestId>,
    },
    Restore {
        name: SemaphoreName,
        ids: Vec<RequestId>,
    },
    Tick(SemaphoreName),
    Manage(Manage),
    Ask {
        repeatable: bool,
        answer: oneshot::Sender<Result<Value, StoreError>>,
    },
    DataSet,
    /// Events will come.
    Subscribe,
    /// The names of all semaphores: each has to publish its events again.
    PublishAgain,
    /// The name of the semaphore is among the names of all: now this answer counts.
    Indexed(Box<(Call, Instant, Reply)>),
    Caution(Box<Caution>),
    /// The answer does not matter. `lasting`: it is sent again on another connection.
    Nothing {
        lasting: bool,
    },
}

/// Sent, and not answered yet.
pub(super) struct InFlight {
    pub(super) call: Call,
    pub(super) sent: Instant,
    pub(super) with_text: bool,
}

impl Session {
    pub(super) fn serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    pub(super) fn send(&mut self, call: Call) {
        let serial = self.serial();
        self.dispatch(serial, call);
    }

    /// Until when what is asked now waits for a server that was never reached, if there is a limit.
    pub(super) fn reach_at(&self) -> Option<Instant> {
        let limit = self.settings.url.reach().filter(|_| !self.before)?;
        self.now.checked_add(limit)
    }

    /// Sends what a caller waits for, but not for ever.
    pub(super) fn send_dated(&mut self, call: Call) {
        let serial = self.serial();
        let at = self.now + ADMIN_LIMIT;
        let at = self.reach_at().map_or(at, |reach| reach.min(at));
        self.timers.insert((at, Timer::Call(serial)));
        self.dispatch(serial, call);
    }

    /// Sends it now, or keeps it until that is possible.
    pub(super) fn dispatch(&mut self, serial: u64, call: Call) {
        let subscribes = matches!(call.reply_to, ReplyTo::Subscribe | ReplyTo::PublishAgain);
        if self.subscribing && !subscribes {
            self.keep(serial, call);
        } else {
            self.launch(serial, call, false);
        }
    }

    /// Keeps what is to be sent later.
    pub(super) fn keep(&mut self, serial: u64, call: Call) {
        if let ReplyTo::Exchange { returned, acquired } = call.reply_to {
            self.keep_exchange(serial, returned, acquired);
        } else {
            self.unsent.insert(serial, call);
        }
    }

    /// Keeps what gives a request back and what asks for another, as if they had not been one call.
    fn keep_exchange(&mut self, serial: u64, returned: PendingRelease, acquired: RequestId) {
        let release = self.releasing(returned, None);
        self.unsent.insert(serial - 1, release);
        if let Some(acquire) = self.asking(acquired, None) {
            let payload = Payload::Acquire(Box::new(acquire));
            let call = Call::new(payload, ReplyTo::Acquire(acquired));
            self.unsent.insert(serial, call);
        }
    }

    /// Sends it, if there is a connection.
    pub(super) fn launch(&mut self, serial: u64, call: Call, with_text: bool) {
        if !self.is_up() {
            self.keep(serial, call);
            self.wake();
            return;
        }
        if let ReplyTo::Acquire(id) | ReplyTo::Exchange { acquired: id, .. } = call.reply_to
            && let Some(request) = self.requests.get_mut(&id)
        {
            request.sent = true;
            request.is_asked = true;
        }
        if self.watch_at.is_none() {
            self.watch_at = Some(self.now + self.settings.response_limit);
        }
        self.outputs.push_back(Output::Send {
            serial,
            payload: Arc::clone(&call.payload),
            with_text,
        });
        let sent = self.now;
        self.in_flight.insert(
            serial,
            InFlight {
                call,
                sent,
                with_text,
            },
        );
    }

    /// Sends what waited.
    pub(super) fn flush(&mut self) {
        for (serial, call) in std::mem::take(&mut self.unsent) {
            match call.reply_to {
                // Time has passed, and there may be another data set.
                ReplyTo::Acquire(id) => self.request(id),
                _ => self.dispatch(serial, call),
            }
        }
    }

    /// The release of `id` is on its way. To abandon it as well might come first, if the server must be sent the script
    /// of the release again: then it would seem lost.
    pub(super) fn is_being_released(&self, id: RequestId) -> bool {
        let in_flight = self.in_flight.values().map(|in_flight| &in_flight.call);
        let mut calls = in_flight.chain(self.unsent.values());
        calls.any(|call| match &call.reply_to {
            ReplyTo::Release { id: released, .. } => *released == id,
            ReplyTo::Exchange { returned, .. } => returned.id == id,
            _ => false,
        })
    }
}
