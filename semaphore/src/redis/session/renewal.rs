//! Renewing the leases of a session, and asking what became of its requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::restore::BEING_RESTORED;
use super::{ASKED_PER_RENEWAL, CHUNK, Call, Phase, ReplyTo, SCANS, Session};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::wire::{Admission, Payload, Renewed, RequestState};

impl Session {
    /// Says that this session lives, wherever it has requests. `whole`: asks what became of every one of them.
    pub(super) fn renew_all(&mut self, whole: bool) {
        let now = self.now;
        self.renew_at = None;
        if !self.is_up() {
            return;
        }
        let lease = self.settings.lease;
        self.renew_at = Some(now + lease / 3);
        self.semaphores.retain(|_, semaphore| {
            !semaphore.ids.is_empty()
                || semaphore.ended_by_force > 0
                || now.saturating_duration_since(semaphore.used) < lease
        });
        let names: Vec<SemaphoreName> = self
            .semaphores
            .iter()
            .filter(|(_, it)| it.busy + it.waiting + it.ended_by_force > 0)
            .map(|(name, _)| name.clone())
            .collect();
        for name in &names {
            if whole {
                self.semaphore(name).scans_left = SCANS;
            }
            self.renew(name, whole);
        }
        if names.is_empty() && self.in_flight.is_empty() && !whole {
            // Is the server still there? In a cluster the client asks that itself.
            let nothing = ReplyTo::Nothing { lasting: false };
            self.send(Call::new(Payload::Ping, nothing));
        }
    }

    fn renew(&mut self, name: &SemaphoreName, whole: bool) {
        let requests = &self.requests;
        let Some(semaphore) = self.semaphores.get_mut(name) else {
            return;
        };
        let known = semaphore.ids.iter().copied().filter(|id| {
            requests
                .get(id)
                .is_some_and(|request| !matches!(request.phase, Phase::Asking))
        });
        let ids: Vec<RequestId> = if whole || semaphore.ids.len() <= ASKED_PER_RENEWAL {
            known.collect()
        } else {
            // Some each time, until all had their turn.
            let first = semaphore.next_asked;
            semaphore.next_asked = (first + ASKED_PER_RENEWAL) % semaphore.ids.len();
            known.skip(first).take(ASKED_PER_RENEWAL).collect()
        };
        let scan = semaphore.scans_left > 0;
        semaphore.scans_left = semaphore.scans_left.saturating_sub(1);
        let (keys, ended_by_force) = (Arc::clone(&semaphore.keys), semaphore.ended_by_force);
        if !self.settings.names.together {
            let nothing = ReplyTo::Nothing { lasting: false };
            self.send(Call::new(Payload::AddName { keys }, nothing));
        }
        if ids.is_empty() && ended_by_force > 0 {
            self.send_renewal(name, &[], scan);
        }
        for (nth, ids) in ids.chunks(CHUNK).enumerate() {
            self.send_renewal(name, ids, scan && nth == 0);
        }
    }

    /// Says that this session lives, and asks what became of these requests. `scan`: and which others there are.
    pub(super) fn send_renewal(&mut self, name: &SemaphoreName, ids: &[RequestId], scan: bool) {
        let generation = self.semaphore(name).generation;
        let payload = Payload::Renew {
            keys: self.keys(name),
            generation,
            ids: ids.to_vec(),
            scan,
        };
        let reply_to = ReplyTo::Renew {
            name: name.clone(),
            generation,
            ids: ids.to_vec(),
        };
        self.send(Call::new(payload, reply_to));
    }

    /// Whether the lease of a semaphore lasts long enough to give a permit away. Renewals come so often that no less is
    /// left, unless some were missed.
    pub(super) fn covers(&self, name: &SemaphoreName) -> bool {
        let enough = self.now + self.settings.lease / 3;
        let semaphore = self.semaphores.get(name);
        semaphore.is_none_or(|semaphore| semaphore.leased_until >= enough)
    }

    pub(super) fn renewed(
        &mut self,
        name: &SemaphoreName,
        generation: u64,
        ids: &[RequestId],
        sent: Instant,
        renewed: Renewed,
    ) {
        let Renewed::Renewed {
            lease,
            due,
            states,
            others,
        } = renewed
        else {
            self.restore(name, |_, request| request.generation == generation);
            return;
        };
        let Some(semaphore) = self.semaphores.get_mut(name) else {
            return;
        };
        semaphore.has_slots(&lease.slots);
        self.covered(name, sent, lease.left);
        let mut unknown = Vec::new();
        for (id, state) in ids.iter().zip(states) {
            match state {
                Some(RequestState::Waiting { .. }) if self.was_busy(*id, sent) => {
                    // It was ended at the server and made anew, and its holder has not heard of that.
                    self.end(*id, None);
                    self.abandon(*id, name, false);
                }
                Some(state) => self.request_is(*id, name, generation, state, &mut unknown),
                None => continue,
            }
        }
        if !unknown.is_empty() {
            // They may be of an earlier generation: what was asked for since has made the semaphore anew.
            self.restore(name, |id, request| {
                unknown.contains(&id) && request.generation != BEING_RESTORED
            });
        }
        for id in others {
            if !self.requests.contains_key(&id) && !self.is_being_released(id) {
                self.abandon(id, name, false);
            }
        }
        self.arm_due(name, due);
    }

    /// This session knew at that time that the request was busy.
    fn was_busy(&self, id: RequestId, at: Instant) -> bool {
        match self.requests.get(&id).map(|request| &request.phase) {
            Some(Phase::Busy(permit)) => permit.heard < at,
            _ => false,
        }
    }

    /// The lease of a semaphore lasts for `left` microseconds more, as an answer says to what was sent then.
    pub(super) fn covered(&mut self, name: &SemaphoreName, sent: Instant, left: u64) {
        let Some(semaphore) = self.semaphores.get_mut(name) else {
            return;
        };
        let until = sent + Duration::from_micros(left);
        semaphore.leased_until = semaphore.leased_until.max(until);
        let until = semaphore.leased_until;
        if self.lease_at.is_none_or(|at| until < at) {
            self.lease_at = Some(until);
        }
    }

    /// The server has said what became of a request. `unknown`: those that it has lost.
    fn request_is(
        &mut self,
        id: RequestId,
        name: &SemaphoreName,
        generation: u64,
        state: RequestState,
        unknown: &mut Vec<RequestId>,
    ) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        match (&mut request.phase, state) {
            (
                Phase::Waiting { .. },
                RequestState::Busy {
                    token,
                    requested,
                    started,
                    granted,
                },
            ) => {
                let admission = Admission {
                    token,
                    requested,
                    started,
                    granted,
                    generation,
                };
                if self.covers(name) {
                    self.admitted(id, &admission);
                } else {
                    self.send_renewal(name, &[id], false);
                }
            }
            (Phase::Waiting { key, .. }, RequestState::Waiting { key: new_key }) => *key = new_key,
            // The server has lost it: it gets its place back.
            (Phase::Waiting { .. }, RequestState::Unknown) => unknown.push(id),
            (Phase::Busy(_), RequestState::Unknown) => self.end(id, None),
            (Phase::Waiting { .. } | Phase::Busy(_), RequestState::Ended(status)) => {
                self.end(id, Some(status));
            }
            _ => {}
        }
    }
}
