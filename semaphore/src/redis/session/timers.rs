//! What happens when time passes.

use std::time::Instant;

use super::{GRACE, Link, Phase, ReplyTo, Session};
use crate::error::AcquireError;
use crate::event::{Event, EventKind};
use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::redis::wire::Payload;
use crate::slots::Slots;

use super::{Call, Output};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A request's timeout or TTL passes.
    Request(RequestId),
    /// A request has waited long enough for a server that was never reached.
    Reach(RequestId),
    /// Something is due in a semaphore.
    Due(SemaphoreName),
    /// An administrator has waited long enough.
    Call(u64),
    /// What waits to be sent again, is.
    Flush,
    /// The server may have settled.
    DataSet,
}

impl Session {
    /// When to call [`Session::time_passes`] at the latest.
    pub(in crate::redis) fn next_time(&self) -> Option<Instant> {
        let away = match self.link {
            Link::Away(until) => Some(until),
            _ => None,
        };
        let first = self.timers.first().map(|(at, _)| *at);
        let closing = self.closing.as_ref().map(|closing| closing.until);
        [
            first,
            self.renew_at,
            self.watch_at,
            self.lease_at,
            away,
            closing,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// It is `now`: does what is due.
    pub(in crate::redis) fn time_passes(&mut self, now: Instant) {
        self.now = now;
        while let Some((at, _)) = self.timers.first()
            && *at <= now
            && let Some((_, timer)) = self.timers.pop_first()
        {
            match timer {
                Timer::Request(id) => self.request_due(id),
                Timer::Reach(id) if !self.before => self.fail(id, self.silence().into()),
                // It was reached meanwhile.
                Timer::Reach(_) => {}
                Timer::Due(name) => {
                    if let Some(semaphore) = self.semaphores.get_mut(&name) {
                        semaphore.due = None;
                        self.tick(&name);
                    }
                }
                Timer::Call(serial) => self.too_late(serial),
                Timer::Flush => self.flush(),
                Timer::DataSet => self.look_at_data_set(),
            }
        }
        if self.lease_at.is_some_and(|at| at <= now) {
            self.leases_pass();
        }
        if let Link::Away(until) = self.link
            && until <= now
        {
            self.connect();
        }
        if self.watch_at.is_some_and(|at| at <= now) {
            self.watch();
        }
        if self.renew_at.is_some_and(|at| at <= now) {
            self.renew_all(false);
        }
    }

    fn tick(&mut self, name: &SemaphoreName) {
        let keys = self.keys(name);
        let reply_to = ReplyTo::Tick(name.clone());
        self.send(Call::new(Payload::Tick { keys }, reply_to));
    }

    /// The timeout or the TTL of a request passes.
    fn request_due(&mut self, id: RequestId) {
        let now = self.now;
        let reachable = matches!(self.link, Link::Up | Link::Connecting);
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        request.timer = None;
        let name = request.name.clone();
        if let Phase::Busy(permit) = &request.phase {
            if permit.is_lost_at(now) {
                permit.lose();
                // The server ends it, and says so to all that share it.
                self.tick(&name);
            } else {
                self.arm_expiry(id);
            }
            return;
        }
        if request.joins && reachable && !request.overdue {
            // The server knows better than this session whether the request got its slot in time.
            request.overdue = true;
            let at = now + GRACE;
            request.timer = Some(at);
            let waits = request.waits();
            self.timers.insert((at, Timer::Request(id)));
            if waits {
                self.tick(&name);
            }
            return;
        }
        let sent = request.sent;
        // If the store was never reached, the holders of the slots are not the reason.
        let error = if request.joins && self.before {
            let after = request.timeout.unwrap_or_default();
            AcquireError::TimedOut {
                name: name.clone(),
                after,
            }
        } else {
            self.silence().into()
        };
        self.fail(id, error);
        if sent {
            self.abandon(id, &name, false);
        }
    }

    /// Sets the timer for the TTL of a permit.
    pub(super) fn arm_expiry(&mut self, id: RequestId) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let Phase::Busy(permit) = &request.phase else {
            return;
        };
        if let Some(at) = request.timer.take() {
            self.timers.remove(&(at, Timer::Request(id)));
        }
        let expires = *permit.expires.lock();
        if let Some(at) = expires {
            request.timer = Some(at);
            self.timers.insert((at, Timer::Request(id)));
        }
    }

    /// The leases of some semaphores may have passed: what we hold of them, we hold no more.
    fn leases_pass(&mut self) {
        let now = self.now;
        let mut lost = Vec::new();
        let mut next = None;
        for semaphore in self.semaphores.values().filter(|it| it.busy > 0) {
            if semaphore.leased_until <= now {
                lost.extend(&semaphore.ids);
            } else if next.is_none_or(|at| semaphore.leased_until < at) {
                next = Some(semaphore.leased_until);
            }
        }
        self.lease_at = next;
        for id in lost {
            self.lease_passes(id);
        }
        // Releases that come too late: the server has ended these requests by now.
        let late = self
            .unsent
            .values_mut()
            .filter_map(|call| match &mut call.reply_to {
                ReplyTo::Release { until, answer, .. } if *until <= now => answer.take(),
                _ => None,
            });
        for answer in late {
            let _ = answer.send(Ok(false));
        }
    }

    fn lease_passes(&mut self, id: RequestId) {
        let Some(request) = self.requests.get(&id) else {
            return;
        };
        let Phase::Busy(permit) = &request.phase else {
            return;
        };
        permit.lease_passes();
        let (owner, name) = (request.owner.clone(), request.name.clone());
        let is_foreign = request.is_foreign;
        self.remove(id);
        if !is_foreign {
            self.abandon(id, &name, false);
        }
        let semaphore = self.semaphore(&name);
        let event = Event {
            sequence: 0,
            kind: EventKind::Lost,
            request: Some(id),
            who: owner.as_ref().map(|owner| owner.who().to_owned()),
            run: owner.as_ref().and_then(Owner::run),
            // As far as is known here.
            busy: semaphore.busy,
            waiting: semaphore.waiting,
            slots: Slots::try_from(semaphore.slots.0).unwrap_or_default(),
            semaphore: name,
            // The driver sets it.
            at: 0.0,
            by: None,
        };
        self.outputs.push_back(Output::Lost(Box::new(event)));
    }
}
