//! When the server has lost its data: which data set there is, and bringing back what this session holds and waits for.

use std::time::Instant;

use super::{AGAIN, CHUNK, Call, PendingRequest, Phase, ReplyTo, SCANS, Session, Timer};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::wire::{
    DataSet, Payload, Restore, Restored, RestoredPlace, RestoredRequest, write_asker,
};

/// The generation of requests that are being brought back. No semaphore has it.
pub(super) const BEING_RESTORED: u64 = 0;

impl Session {
    /// Asks whether the data are those that were known.
    pub(super) fn look_at_data_set(&mut self) {
        if !self.looking_at_data_set {
            self.looking_at_data_set = true;
            let known = self.data_set.clone();
            let payload = Payload::LookAtDataSet {
                known,
                waited: true,
            };
            self.send(Call::new(payload, ReplyTo::DataSet));
        }
    }

    /// That is the data set; `None`: the server has yet to settle.
    pub(super) fn data_set_is(&mut self, data_set: Option<DataSet>) {
        let Some(data_set) = data_set else {
            self.timers.insert((self.now + AGAIN, Timer::DataSet));
            return;
        };
        let lost = !self.data_set.id.is_empty() && self.data_set.id != data_set.id;
        self.data_set = data_set;
        if lost {
            self.renew_all(true);
        }
        self.decide_unsure();
    }

    /// The data set is known: what waited for that is asked again.
    pub(super) fn decide_unsure(&mut self) {
        for reply_to in std::mem::take(&mut self.unsure) {
            match reply_to {
                ReplyTo::Acquire(id) => self.request(id),
                ReplyTo::Manage(manage) => self.manage(manage),
                _ => {}
            }
        }
    }

    /// The server has lost what we hold and wait for in a semaphore: brings it back, as far as it is `wanted`.
    pub(super) fn restore(
        &mut self,
        name: &SemaphoreName,
        wanted: impl Fn(RequestId, &PendingRequest) -> bool,
    ) {
        let now = self.now;
        let Some(semaphore) = self.semaphores.get(name) else {
            return;
        };
        // What is held no longer is lost elsewhere.
        let mut ids: Vec<RequestId> = semaphore
            .ids
            .iter()
            .copied()
            .filter(|id| {
                self.requests.get(id).is_some_and(|request| {
                    wanted(*id, request)
                        && !request.is_foreign
                        && match &request.phase {
                            Phase::Asking => false,
                            Phase::Waiting { .. } => true,
                            Phase::Busy(permit) => {
                                !permit.is_lost_at(now) && semaphore.leased_until > now
                            }
                        }
                })
            })
            .collect();
        // In the order in which they were given, so that tokens and places agree.
        ids.sort_unstable_by_key(
            |id| match self.requests.get(id).map(|request| &request.phase) {
                Some(Phase::Busy(permit)) => (0, permit.token),
                Some(Phase::Waiting { requested, .. }) => (1, *requested),
                _ => (2, 0),
            },
        );
        let (slots, token) = (semaphore.slots, semaphore.token);
        for ids in ids.chunks(CHUNK) {
            let mut requests = Vec::with_capacity(ids.len());
            for id in ids {
                requests.extend(self.to_restore(*id));
                if let Some(request) = self.requests.get_mut(id) {
                    // Not twice.
                    request.generation = BEING_RESTORED;
                }
            }
            let payload = Payload::Restore(Box::new(Restore {
                keys: self.keys(name),
                guard: self.data_set.guard,
                token,
                slots,
                requests,
            }));
            let reply_to = ReplyTo::Restore {
                name: name.clone(),
                ids: ids.to_vec(),
            };
            self.send(Call::new(payload, reply_to));
        }
    }

    fn to_restore(&self, id: RequestId) -> Option<RestoredRequest> {
        let request = self.requests.get(&id)?;
        let (requested, left, place) = match &request.phase {
            Phase::Asking => return None,
            Phase::Waiting {
                requested,
                key,
                class,
            } => {
                let waited = self.now.saturating_duration_since(request.asked_at);
                let place = RestoredPlace::Waiting {
                    key: key.clone(),
                    class: class.clone(),
                };
                let left = request
                    .timeout
                    .map(|timeout| timeout.saturating_sub(waited));
                (*requested, left, place)
            }
            Phase::Busy(permit) => {
                let expires = *permit.expires.lock();
                let place = RestoredPlace::Busy {
                    started: permit.started,
                    token: permit.token,
                    granted: permit.granted,
                };
                let left = expires.map(|at| at.saturating_duration_since(self.now));
                (permit.requested, left, place)
            }
        };
        Some(RestoredRequest {
            id,
            requested,
            ttl: request.ttl,
            priority: request.priority,
            asker: write_asker(request.owner.as_ref(), request.slot.as_ref()),
            left,
            place,
        })
    }

    pub(super) fn restored(
        &mut self,
        name: &SemaphoreName,
        ids: &[RequestId],
        sent: Instant,
        restored: &Restored,
    ) {
        let generation = restored.generation;
        let semaphore = self.semaphore(name);
        semaphore.generation = generation;
        semaphore.scans_left = SCANS;
        self.covered(name, sent, restored.left);
        for id in ids {
            let Some(request) = self.requests.get_mut(id) else {
                // It was given back in the meantime, perhaps before it was restored.
                self.abandon(*id, name, false);
                continue;
            };
            request.generation = generation;
            if let (true, Some(run)) = (request.waits(), request.run()) {
                // The note of its wait is gone, too.
                if let Some(waits) = self.runs.get_mut(&run) {
                    waits.retain(|wait| wait != id);
                }
                self.waits(*id, run, name);
            }
        }
        self.arm_due(name, restored.due);
    }
}
