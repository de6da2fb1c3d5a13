//! A permit that goes from process to process: see [`Succession`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Asked, Driver, Stage, micros};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::request::Ttl;

use super::super::lease::Hold;
use super::super::reply::{self, digits};
use super::super::succession::Succession;

impl Driver {
    /// What another process needs to go on with the request `id`. Nothing if it is not held, if others share it, or if a
    /// run has it: that ends with its process.
    pub(super) fn succession(&self, id: RequestId) -> Option<Succession> {
        let asked = self.requests.get(&id)?;
        let Stage::Held(hold) = &asked.stage else {
            return None;
        };
        if asked.anothers || asked.slot.is_some() || asked.run().is_some() {
            return None;
        }
        let sem = self.sems.get(&asked.name)?;
        let owner = asked.owner.as_ref();
        let left = hold.expires.lock().map(|at| {
            let left = at.saturating_duration_since(Instant::now());
            micros(left)
        });
        Some(Succession {
            session: self.settings.session.clone(),
            name: asked.name.as_str().to_owned(),
            id: digits(id),
            token: hold.token,
            requested: hold.requested,
            started: hold.started,
            granted: hold.granted,
            birth: asked.birth,
            slots: sem.slots,
            ttl: asked.ttl.map(|ttl| micros(ttl.duration())),
            left,
            priority: asked.priority,
            who: owner
                .map(|owner| owner.who().to_owned())
                .unwrap_or_default(),
            process: owner.and_then(|owner| Some((owner.host()?.to_owned(), owner.pid()?))),
        })
    }

    /// Goes on with what another process of this session held. Whether it is still held is known after the first renewal.
    pub(super) fn succeed(&mut self, from: &Succession) -> Option<Arc<Hold>> {
        let name = SemaphoreName::new(from.name.as_str()).ok()?;
        let id = reply::id(&from.id)?;
        let ttl = from
            .ttl
            .and_then(|ttl| Ttl::new(Duration::from_micros(ttl)).ok());
        let times = (from.requested, from.started);
        let hold = Hold::new(id, name.clone(), from.token, times, from.granted, ttl);
        *hold.expires.lock() = from
            .left
            .and_then(|left| hold.heard.checked_add(Duration::from_micros(left)));
        let hold = Arc::new(hold);
        // The other process renewed the lease a third of it ago, or less.
        let leased_until = hold.heard + self.settings.lease * 2 / 3;
        let sem = self.sem(&name);
        sem.ids.insert(id);
        sem.held += 1;
        sem.birth = from.birth;
        sem.token = sem.token.max(from.token);
        sem.slots = from.slots;
        sem.leased_until = leased_until;
        self.lease_at = Some(leased_until);
        self.requests.insert(
            id,
            Asked {
                name,
                declared: None,
                ttl,
                priority: from.priority,
                limit: None,
                joins: true,
                owner: Some(from.owner()),
                slot: None,
                anothers: false,
                asked_at: hold.heard,
                answer: None,
                sent: true,
                birth: from.birth,
                stage: Stage::Held(Arc::clone(&hold)),
                alarm: None,
                overdue: false,
                ended: None,
            },
        );
        self.arm_expiry(id);
        // Who connects renews.
        self.wake();
        Some(hold)
    }
}
