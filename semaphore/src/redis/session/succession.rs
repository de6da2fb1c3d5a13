//! A permit that goes from process to process: see [`Succession`].

use std::sync::Arc;
use std::time::Duration;

use super::{PendingRequest, Phase, Session};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::redis::permit::PermitState;
use crate::redis::succession::Succession;
use crate::redis::wire::{Admission, digits, id, micros};
use crate::request::Ttl;

impl Session {
    /// What another process needs to go on with the request `id`. Nothing if it is not held, or if others share
    /// it.
    pub(super) fn succession(&self, id: RequestId) -> Option<Succession> {
        let request = self.requests.get(&id)?;
        let Phase::Busy(permit) = &request.phase else {
            return None;
        };
        if request.is_foreign || request.slot.is_some() {
            return None;
        }
        let semaphore = self.semaphores.get(&request.name)?;
        let owner = request.owner.as_ref();
        let left = permit.expires.lock().map(|at| {
            let left = at.saturating_duration_since(self.now);
            micros(left)
        });
        Some(Succession {
            session: self.settings.session.clone(),
            name: request.name.as_str().to_owned(),
            id: digits(id),
            token: permit.token,
            requested: permit.requested,
            started: permit.started,
            granted: permit.granted,
            generation: request.generation,
            slots: semaphore.slots,
            ttl: request.ttl.map(|ttl| micros(ttl.duration())),
            left,
            priority: request.priority,
            who: owner
                .map(|owner| owner.who().to_owned())
                .unwrap_or_default(),
            run: request.run(),
            process: owner.and_then(|owner| Some((owner.host()?.to_owned(), owner.pid()?))),
        })
    }

    /// Goes on with what another process of this session held. Whether it is still held is known after the first renewal.
    pub(super) fn succeed(&mut self, from: &Succession) -> Option<Arc<PermitState>> {
        let name = SemaphoreName::new(from.name.as_str()).ok()?;
        let id = id(&from.id)?;
        let ttl = from
            .ttl
            .and_then(|ttl| Ttl::new(Duration::from_micros(ttl)).ok());
        let admission = Admission {
            token: from.token,
            requested: from.requested,
            started: from.started,
            granted: from.granted,
            generation: from.generation,
        };
        let expires = from
            .left
            .and_then(|left| self.now.checked_add(Duration::from_micros(left)));
        let permit = PermitState::new(id, name.clone(), &admission, self.now, expires);
        let permit = Arc::new(permit);
        // The other process renewed the lease a third of it ago, or less.
        let leased_until = self.now + self.settings.lease * 2 / 3;
        let semaphore = self.semaphore(&name);
        semaphore.ids.insert(id);
        semaphore.busy += 1;
        semaphore.generation = from.generation;
        semaphore.token = semaphore.token.max(from.token);
        semaphore.slots = from.slots;
        semaphore.leased_until = leased_until;
        self.lease_at = Some(leased_until);
        self.requests.insert(
            id,
            PendingRequest {
                name,
                declared: None,
                ttl,
                priority: from.priority,
                timeout: None,
                joins: true,
                owner: Some(from.owner()),
                slot: None,
                is_foreign: false,
                asked_at: self.now,
                answer: None,
                sent: true,
                is_asked: false,
                asked_again: false,
                generation: from.generation,
                phase: Phase::Busy(Arc::clone(&permit)),
                timer: None,
                overdue: false,
                ended: None,
            },
        );
        self.arm_expiry(id);
        // It renews when it is connected.
        self.wake();
        Some(permit)
    }
}
