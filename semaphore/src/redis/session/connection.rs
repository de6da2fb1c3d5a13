//! The connection comes, fails and goes.

use std::time::Instant;

use super::{
    AGAIN, AcquireError, Call, FIRST_PAUSE, InDoubt, InFlight, LONGEST_PAUSE, Link, Manage, Output,
    Phase, ReplyTo, Session, Silent, Timer,
};
use crate::command::AdminAction;
use crate::error::StoreError;
use crate::id::RequestId;
use crate::redis::replies::ReplyError;
use crate::redis::wire::{DataSet, SessionLease, SlotCounts};

/// Why something that was sent has no answer.
#[derive(Debug)]
pub(in crate::redis) enum Failure {
    /// The server does not know the script.
    UnknownScript,
    /// The connection is lost, or the server cannot do it now. `refused`: a reply was too large, maybe the one to this.
    Passing { refused: Option<ReplyError> },
    /// It will not work, however often one tries.
    Lasting(StoreError),
}

impl Session {
    /// There is a connection.
    pub(in crate::redis) fn connected(&mut self, data_set: DataSet, now: Instant) {
        self.now = now;
        let again = self.before;
        self.link = Link::Up;
        self.before = true;
        if self.refused.is_none() {
            self.attempts = 0;
        }
        self.trouble = None;
        self.data_set = data_set;
        if self.observing {
            self.subscribe();
            if again {
                self.outputs.push_back(Output::EventsMissed);
            }
        }
        self.renew_all(again);
        self.flush();
        self.decide_unsure();
        self.ask_cautions();
    }

    /// An attempt to connect has failed. It may go better later.
    pub(in crate::redis) fn not_connected(&mut self, error: StoreError, now: Instant) {
        self.now = now;
        self.trouble = Some(error);
        self.away();
    }

    /// There is no connection. Tries again after a while.
    fn away(&mut self) {
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.attempts.min(10));
        self.attempts = self.attempts.saturating_add(1);
        self.link = Link::Away(self.now + pause.min(LONGEST_PAUSE));
        self.watch_at = None;
        self.renew_at = None;
        self.looking_at_data_set = false;
        self.subscribing = false;
    }

    /// The connection was lost. What was in flight is sent again if that does no harm. `refused`: a reply was too large.
    ///
    /// What the server has pushed comes before this.
    pub(in crate::redis) fn disconnected(&mut self, refused: Option<ReplyError>, now: Instant) {
        self.now = now;
        if self.is_up() && self.observing {
            // Subscribers may want to know before the connection is back.
            self.outputs.push_back(Output::EventsMissed);
        }
        self.note_refused(refused);
        self.away();
        for (serial, InFlight { call, sent, .. }) in std::mem::take(&mut self.in_flight) {
            if let ReplyTo::Acquire(id) | ReplyTo::Exchange { acquired: id, .. } = call.reply_to {
                self.not_answered(id, sent);
            }
            self.put_back(serial, call, refused);
        }
    }

    /// The answer to what asks for the request `id` is lost with the connection.
    fn not_answered(&mut self, id: RequestId, sent: Instant) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.is_asked = false;
        if matches!(request.phase, Phase::Busy(_)) {
            // A push said that it is admitted, so the script ran after `sent`. It leaves two thirds of a lease or more.
            let lease = SessionLease {
                left: self.settings.lease_micros * 2 / 3,
                slots: SlotCounts::default(),
            };
            self.leased(id, sent, &lease);
        }
    }

    pub(super) fn note_refused(&mut self, refused: Option<ReplyError>) {
        if let Some(reply) = refused {
            self.refused = Some(self.settings.failed(reply));
        }
    }

    /// It is not known whether this was carried out. `refused`: a reply was too large, maybe the one to this.
    pub(super) fn put_back(&mut self, serial: u64, call: Call, refused: Option<ReplyError>) {
        match call.reply_to {
            // Asked again, it might be answered with as much.
            ReplyTo::Ask { .. } | ReplyTo::Manage(_) if let Some(reply) = refused => {
                self.refuse(call.reply_to, &self.settings.failed(reply));
            }
            // These are made anew.
            ReplyTo::Renew { .. } | ReplyTo::Tick(_) => {}
            ReplyTo::DataSet => self.looking_at_data_set = false,
            // A new connection subscribes anew. A cluster has no new one: there it is tried again. Meanwhile events are
            // missed, but nothing else waits.
            ReplyTo::Subscribe | ReplyTo::PublishAgain if self.settings.names.together => {}
            ReplyTo::Subscribe | ReplyTo::PublishAgain => {
                self.outputs.push_back(Output::EventsMissed);
                self.unsent.insert(serial, call);
                self.subscribing = false;
            }
            ReplyTo::Nothing { lasting: false } => {}
            ReplyTo::Acquire(id) if !self.requests.contains_key(&id) => {}
            ReplyTo::Ask {
                repeatable: false,
                answer,
            } => {
                let _ = answer.send(Err(self.settings.unreachable(InDoubt)));
            }
            ReplyTo::Manage(Manage {
                action: AdminAction::Purge | AdminAction::ForceRelease | AdminAction::Forget,
                answer,
                ..
            }) => {
                let _ = answer.send(Err(self.settings.unreachable(InDoubt)));
            }
            _ => self.keep(serial, call),
        }
    }

    /// There is no use in trying to connect.
    pub(in crate::redis) fn cannot_connect(&mut self, error: &StoreError, now: Instant) {
        self.now = now;
        self.link = Link::Idle;
        self.attempts = 0;
        let calls = std::mem::take(&mut self.unsent);
        let asking: Vec<_> = self
            .requests
            .iter()
            .filter(|(_, request)| !matches!(request.phase, Phase::Busy(_)))
            .map(|(id, _)| *id)
            .collect();
        for id in asking {
            self.fail(id, AcquireError::from(error.clone()));
        }
        for reply_to in calls
            .into_values()
            .map(|call| call.reply_to)
            .chain(std::mem::take(&mut self.unsure))
        {
            self.refuse(reply_to, error);
        }
        // Taking back what failed may have asked for a connection again.
        self.unsent.clear();
        self.outputs
            .retain(|output| !matches!(output, Output::Connect { .. }));
        self.link = Link::Idle;
        if !self.requests.is_empty() {
            // Holders go on for as long as they may, and the trouble may be put right meanwhile.
            self.away();
        }
    }

    /// It will not be done.
    pub(super) fn refuse(&mut self, reply_to: ReplyTo, error: &StoreError) {
        match reply_to {
            ReplyTo::Acquire(id) | ReplyTo::Exchange { acquired: id, .. } => {
                self.fail(id, error.clone().into());
            }
            ReplyTo::Release { answer, .. } => {
                if let Some(answer) = answer {
                    let _ = answer.send(Err(error.clone()));
                }
            }
            ReplyTo::Refresh { answer, .. } => {
                let _ = answer.send(Err(error.clone()));
            }
            ReplyTo::Manage(Manage { answer, .. }) => {
                let _ = answer.send(Err(error.clone()));
            }
            ReplyTo::Ask { answer, .. } => {
                let _ = answer.send(Err(error.clone()));
            }
            ReplyTo::DataSet => self.looking_at_data_set = false,
            // It is done, only not listed. The next renewal tries again.
            ReplyTo::Indexed(later) => {
                let (call, sent, reply) = *later;
                self.done(call, sent, reply);
            }
            ReplyTo::Subscribe | ReplyTo::PublishAgain => {
                self.outputs.push_back(Output::EventsMissed);
                self.subscribed();
            }
            ReplyTo::Caution(caution) => self.cautioned(*caution, self.now, None),
            ReplyTo::Renew { .. }
            | ReplyTo::Restore { .. }
            | ReplyTo::Tick(_)
            | ReplyTo::Nothing { .. } => {}
        }
    }

    /// What was sent has failed.
    pub(super) fn failed(&mut self, serial: u64, in_flight: InFlight, failure: Failure) {
        let InFlight {
            call,
            sent,
            with_text,
        } = in_flight;
        match failure {
            Failure::UnknownScript => {
                // Of many that were sent together, the first brings the text along for all. (In a cluster, there are
                // several servers that have to be sent it.)
                let script = call.payload.script(&self.settings);
                let known = script
                    .and_then(|script| self.texts_sent.get(&script))
                    .is_some_and(|at| sent < *at);
                let text_is_sent = known && self.settings.names.together && !with_text;
                if let Some(script) = script.filter(|_| !text_is_sent) {
                    self.texts_sent.insert(script, self.now);
                }
                self.launch_again(serial, call, !text_is_sent);
            }
            Failure::Lasting(error) => self.refuse(call.reply_to, &error),
            Failure::Passing { refused } => {
                self.note_refused(refused);
                self.put_back(serial, call, refused);
                if self.settings.names.together {
                    self.outputs.push_back(Output::Disconnect);
                } else {
                    // The client finds the other nodes, or the new master, by itself.
                    self.timers.insert((self.now + AGAIN, Timer::Flush));
                }
            }
        }
    }

    /// Sends it again under the serial number that it has.
    fn launch_again(&mut self, serial: u64, mut call: Call, with_text: bool) {
        // A request that was given up meanwhile must not be asked for: that would come behind what ended it. For one that
        // was admitted meanwhile, there is nothing to ask.
        match call.reply_to {
            ReplyTo::Acquire(id) if !self.is_to_be_asked(id) => return,
            ReplyTo::Exchange { returned, acquired } if !self.is_to_be_asked(acquired) => {
                call = self.releasing(returned, None);
            }
            reply_to => call.reply_to = reply_to,
        }
        let subscribes = matches!(call.reply_to, ReplyTo::Subscribe | ReplyTo::PublishAgain);
        if self.subscribing && !subscribes {
            self.keep(serial, call);
        } else {
            self.launch(serial, call, with_text);
        }
    }

    /// Whether a request that was not asked for after all still wants to be.
    fn is_to_be_asked(&mut self, id: RequestId) -> bool {
        let Some(request) = self.requests.get_mut(&id) else {
            return false;
        };
        request.is_asked = false;
        !matches!(request.phase, Phase::Busy(_))
    }

    /// This was waited for long enough.
    pub(super) fn too_late(&mut self, serial: u64) {
        let error = self.silence();
        if let Some(call) = self.unsent.remove(&serial) {
            self.refuse(call.reply_to, &error);
        } else if let Some(in_flight) = self.in_flight.get_mut(&serial) {
            // It stays in flight, and its answer does not matter.
            let nothing = ReplyTo::Nothing { lasting: false };
            let reply_to = std::mem::replace(&mut in_flight.call.reply_to, nothing);
            self.refuse(reply_to, &error);
        }
    }

    /// Why nothing came back.
    pub(super) fn silence(&self) -> StoreError {
        let known = self.trouble.as_ref().or(self.refused.as_ref());
        known
            .cloned()
            .unwrap_or_else(|| self.settings.unreachable(Silent))
    }

    /// Gives the connection up if the server has been silent for too long.
    pub(super) fn watch(&mut self) {
        let now = self.now;
        self.watch_at = self
            .in_flight
            .first_key_value()
            .map(|(_, in_flight)| in_flight.sent + self.settings.response_limit);
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch_at = None;
            // In a cluster, one node is silent and the others are not: the cluster's client looks after that.
            if self.settings.names.together {
                self.outputs.push_back(Output::Disconnect);
            }
        }
    }
}
