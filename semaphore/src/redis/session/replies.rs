//! What the server answers.

use std::sync::Arc;
use std::time::Instant;

use super::{CLOSE_LIMIT, Call, Failure, Phase, ReplyTo, Session, Timer};
use crate::id::RequestId;
use crate::redis::Unreadable;
use crate::redis::wire::keys::Keys;
use crate::redis::wire::{Acquired, Managed, Payload, Refreshed, Reply};
use crate::request::Ttl;

impl Session {
    /// What was sent under this serial number is answered. `None` as a reply: this version does not understand it.
    pub(in crate::redis) fn answered(
        &mut self,
        serial: u64,
        result: Result<Option<Reply>, Failure>,
        now: Instant,
    ) {
        self.now = now;
        // If it is not there, its connection was given up.
        let Some(in_flight) = self.in_flight.remove(&serial) else {
            return;
        };
        match result {
            Ok(reply) => {
                self.refused = None;
                if let Some(closing) = &mut self.closing {
                    closing.until = (now + CLOSE_LIMIT).min(closing.latest);
                }
                match reply {
                    Some(reply) => self.done(in_flight.call, in_flight.sent, reply),
                    None => self.refuse(in_flight.call.reply_to, &self.settings.failed(Unreadable)),
                }
            }
            Err(failure) => self.failed(serial, in_flight, failure),
        }
        if self.closing.is_none()
            && self
                .timers
                .first()
                .is_some_and(|(_, timer)| matches!(timer, Timer::Call(_)))
        {
            self.drop_stale_timers();
        }
    }

    /// What was answered is waited for no longer.
    fn drop_stale_timers(&mut self) {
        while let Some((_, Timer::Call(serial))) = self.timers.first()
            && !self.unsent.contains_key(serial)
            && !self.in_flight.contains_key(serial)
        {
            self.timers.pop_first();
        }
    }

    pub(super) fn done(&mut self, call: Call, sent: Instant, reply: Reply) {
        if let Some(keys) = self.unindexed(&call.reply_to, &reply) {
            let later = Box::new((call, sent, reply));
            self.send(Call::new(
                Payload::AddName { keys },
                ReplyTo::Indexed(later),
            ));
            return;
        }
        match (call.reply_to, reply) {
            (ReplyTo::Indexed(later), _) => {
                let (call, sent, reply) = *later;
                self.done(call, sent, reply);
            }
            (
                ReplyTo::Acquire(id) | ReplyTo::Exchange { acquired: id, .. },
                Reply::Acquired(acquired),
            ) => self.acquired(id, sent, acquired),
            (ReplyTo::Release { id, answer, .. }, Reply::Released(was_busy)) => {
                if !was_busy {
                    self.release_failed(id, &call.payload);
                }
                if let Some(answer) = answer {
                    let _ = answer.send(Ok(was_busy));
                }
            }
            (ReplyTo::Refresh { id, ttl, answer }, Reply::Refreshed(refreshed)) => {
                if refreshed == Refreshed::Moved {
                    self.refreshed(id, ttl);
                }
                let _ = answer.send(Ok(refreshed));
            }
            (
                ReplyTo::Renew {
                    name,
                    generation,
                    ids,
                },
                Reply::Renewed(renewed),
            ) => self.renewed(&name, generation, &ids, sent, renewed),
            (ReplyTo::Restore { name, ids }, Reply::Restored(restored)) => {
                self.restored(&name, &ids, sent, &restored);
            }
            (ReplyTo::Tick(name), Reply::Ticked(due)) => self.arm_due(&name, due),
            (ReplyTo::Manage(manage), Reply::Managed(managed)) => {
                if managed == Managed::OtherDataSet {
                    self.unsure.push(ReplyTo::Manage(manage));
                    self.look_at_data_set();
                } else {
                    let _ = manage.answer.send(Ok(managed));
                }
            }
            (ReplyTo::Ask { answer, .. }, Reply::Value(value)) => {
                let _ = answer.send(Ok(value));
            }
            (ReplyTo::DataSet, Reply::DataSet(data_set)) => {
                self.looking_at_data_set = false;
                self.data_set_is(data_set);
            }
            // Outside a cluster, the semaphores have to hear of it first.
            (ReplyTo::Subscribe, _) if self.settings.names.together => {}
            (ReplyTo::Subscribe, _) => self.subscribed(),
            (ReplyTo::PublishAgain, Reply::Names(keys)) => self.publish_again(keys),
            (ReplyTo::Caution(caution), reply) => self.cautioned(*caution, sent, Some(reply)),
            (ReplyTo::Nothing { .. }, _) => {}
            // A payload reads its own kind of reply.
            (reply_to, _) => self.refuse(reply_to, &self.settings.failed(Unreadable)),
        }
    }

    /// The keys of the semaphore that an answer is about, if its name has to be put among the names of all first.
    /// Otherwise the caller might not find it in the list. Only where the scripts cannot do that.
    fn unindexed(&mut self, reply_to: &ReplyTo, reply: &Reply) -> Option<Keys> {
        if self.settings.names.together {
            return None;
        }
        let name = match reply_to {
            ReplyTo::Acquire(id) | ReplyTo::Exchange { acquired: id, .. } => {
                self.requests.get(id)?.name.clone()
            }
            ReplyTo::Manage(manage) => manage.name.clone(),
            ReplyTo::Restore { name, .. } => name.clone(),
            _ => return None,
        };
        let generation = reply.generation()?;
        let semaphore = self.semaphore(&name);
        (std::mem::replace(&mut semaphore.indexed, generation) != generation)
            .then(|| Arc::clone(&semaphore.keys))
    }

    fn acquired(&mut self, id: RequestId, sent: Instant, acquired: Acquired) {
        // A caller that gave up in the meantime has said so to the server.
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.is_asked = false;
        match acquired {
            Acquired::Admitted(admission, lease) => {
                self.leased(id, sent, &lease);
                self.admitted(id, &admission);
                self.end_as_pushed(id);
            }
            Acquired::Queued {
                requested,
                key,
                generation,
                lease,
                due,
            } => {
                self.leased(id, sent, &lease);
                self.queued(id, requested, key, generation);
                self.end_as_pushed(id);
                let name = self.requests.get(&id).map(|request| request.name.clone());
                if let Some(name) = name {
                    self.arm_due(&name, due);
                }
                self.check(id);
            }
            Acquired::Shares {
                holder,
                admission,
                lease,
                left,
            } => {
                self.leased(id, sent, &lease);
                self.shares(id, holder, &admission, left);
            }
            Acquired::OtherDataSet => {
                self.unsure.push(ReplyTo::Acquire(id));
                self.look_at_data_set();
            }
            Acquired::Ended(status) => self.end(id, Some(status)),
            Acquired::NoSlot { .. } => {
                if let Some(answer) = self
                    .remove(id)
                    .and_then(|mut request| request.answer.take())
                {
                    let _ = answer.send(Ok(None));
                }
            }
        }
    }

    /// The deadline of a permit was moved.
    fn refreshed(&mut self, id: RequestId, ttl: Ttl) {
        let expires = self.now.checked_add(ttl.duration());
        if let Some(request) = self.requests.get_mut(&id)
            && let Phase::Busy(permit) = &request.phase
        {
            request.ttl = Some(ttl);
            *permit.expires.lock() = expires;
            self.arm_expiry(id);
        }
    }

    /// There is a subscription. Every semaphore that noted that there is none has to publish its events again: see
    /// `lua/head.lua`. Those that are made from now on have no such note.
    fn publish_again(&mut self, keys: Vec<String>) {
        for key in keys {
            if self.settings.names.name(&key).is_some() {
                let serial = self.serial();
                let nothing = ReplyTo::Nothing { lasting: false };
                self.launch(
                    serial,
                    Call::new(Payload::PublishAgain { key }, nothing),
                    false,
                );
            }
        }
        self.subscribed();
    }

    /// There is a subscription, or none can be had: what waited for it need wait no longer.
    pub(super) fn subscribed(&mut self) {
        if std::mem::take(&mut self.subscribing) {
            self.flush();
        }
    }
}
