//! What the server pushes.

use std::time::{Duration, Instant};

use super::{Output, Phase, Session};
use crate::error::DeadlockError;
use crate::id::RequestId;
use crate::redis::replies::ReplyError;
use crate::redis::wire::{Message, Payload, Push};
use crate::request::Ttl;

use super::{Call, ReplyTo};

impl Session {
    /// The server has pushed something. `refused`: with [`Push::Disconnected`], which reply was too large, if one was.
    pub(in crate::redis) fn pushed(
        &mut self,
        push: Push,
        refused: Option<ReplyError>,
        now: Instant,
    ) {
        self.now = now;
        match push {
            Push::Message(id, message) => self.message(id, message),
            Push::Event(event) => self.outputs.push_back(Output::Event(event)),
            Push::UnwantedEvent => {
                if self.observing {
                    self.observing = false;
                    let nothing = ReplyTo::Nothing { lasting: false };
                    self.send(Call::new(Payload::UnsubscribeEvents, nothing));
                }
            }
            Push::DataSetChanged => self.look_at_data_set(),
            Push::Disconnected => {
                if self.settings.names.together {
                    self.outputs.push_back(Output::Disconnect);
                } else {
                    // One node of several.
                    self.note_refused(refused);
                    self.missed();
                }
            }
        }
    }

    /// Something that was pushed is lost, and it is not known what it was.
    pub(in crate::redis) fn pushes_missed(&mut self, now: Instant) {
        self.now = now;
        self.missed();
    }

    fn missed(&mut self) {
        if self.observing {
            self.outputs.push_back(Output::EventsMissed);
        }
        self.renew_all(true);
    }

    /// What became of one of our requests.
    fn message(&mut self, id: RequestId, message: Message) {
        match message {
            Message::Admitted(admission) => {
                if self.is_covered(id) {
                    self.admitted(id, &admission);
                }
            }
            Message::Shares {
                holder,
                admission,
                left,
            } => {
                if self.is_covered(id) {
                    self.shares(id, holder, &admission, left);
                }
            }
            Message::Deadline(left) => {
                let left = Duration::from_micros(left);
                let expires = self.now.checked_add(left);
                if let Some(request) = self.requests.get_mut(&id)
                    && let Phase::Busy(permit) = &request.phase
                {
                    request.ttl = Ttl::new(left).ok();
                    *permit.expires.lock() = expires;
                    self.arm_expiry(id);
                }
            }
            Message::Ended(status) => self.end(id, Some(status)),
            Message::Moved {
                key: new_key,
                class: new_class,
            } => {
                if let Some(request) = self.requests.get_mut(&id)
                    && let Phase::Waiting { key, class, .. } = &mut request.phase
                {
                    *key = new_key;
                    *class = new_class;
                }
            }
            Message::Deadlocked(cycle) => self.fail(id, DeadlockError::new(cycle).into()),
        }
    }

    /// Whether the lease covers the semaphore of a request that was admitted for long enough to give it away.
    ///
    /// After an outage the lease may end any moment, and the permit with it. Then this session must first say that it
    /// lives, and what became of the request is asked along with that.
    fn is_covered(&mut self, id: RequestId) -> bool {
        let Some(request) = self.requests.get(&id) else {
            return true;
        };
        if self.covers(&request.name) {
            return true;
        }
        if !request.waits() {
            // What asks for it has a lease, and its answer comes. If it was asked for again, this may be of before, and
            // the answer decides.
            return !request.asked_again;
        }
        let name = request.name.clone();
        self.send_renewal(&name, &[id], false);
        false
    }
}
