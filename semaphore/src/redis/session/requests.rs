//! The life of a request: it waits, is admitted, and ends once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Output, PendingRequest, Phase, Session, Timer};
use crate::error::AcquireError;
use crate::id::{RequestId, RunId};
use crate::name::SemaphoreName;
use crate::owner::{NamedRun, Owner};
use crate::redis::permit::PermitState;
use crate::redis::wire::{Admission, Payload, SessionLease};
use crate::view::Status;

use super::{Call, ReplyTo};

impl Session {
    /// Forgets a request, with all that was noted of it.
    pub(super) fn remove(&mut self, id: RequestId) -> Option<PendingRequest> {
        let request = self.requests.remove(&id)?;
        if let Some(at) = request.timer {
            self.timers.remove(&(at, Timer::Request(id)));
        }
        if request.waits() {
            self.waits_no_more(id, request.owner.as_ref(), &request.name);
        }
        if let Some(semaphore) = self.semaphores.get_mut(&request.name) {
            semaphore.ids.remove(&id);
            semaphore.used = self.now;
            match request.phase {
                Phase::Waiting { .. } => semaphore.waiting -= 1,
                Phase::Busy(_) => semaphore.busy -= 1,
                Phase::Asking => {}
            }
        }
        Some(request)
    }

    /// A run waits: others may have to know.
    pub(super) fn waits(&mut self, id: RequestId, run: RunId, name: &SemaphoreName) {
        self.runs.entry(run).or_default().push(id);
        // As the server said. So the last comer is the last in every client's eyes, however long this note takes.
        let since = match self.requests.get(&id).map(|request| &request.phase) {
            Some(Phase::Waiting { requested, .. }) => Some(*requested),
            _ => None,
        };
        self.note_dependent_waits(since, id, name);
        self.note_wait(since, id, run, None, name);
    }

    /// These wait for the end of `run` now: those who look for deadlocks have to know, and it may be one.
    pub(super) fn note_dependents(&mut self, run: RunId, dependents: &Arc<[NamedRun]>) {
        let mut waiting = Vec::new();
        for (id, request) in &mut self.requests {
            if request.run() != Some(run) || matches!(request.phase, Phase::Busy(_)) {
                continue;
            }
            let owner = request.owner.take();
            request.owner = owner.map(|owner| owner.with_dependents(Arc::clone(dependents)));
            if let Phase::Waiting { requested, .. } = request.phase {
                waiting.push((requested, *id, request.name.clone()));
            }
        }
        waiting.sort_unstable();
        for (since, id, name) in waiting {
            self.note_dependent_waits(Some(since), id, &name);
            self.check(id);
        }
    }

    /// Notes, for those who look for deadlocks, that a wait holds up those who wait for its run, or that it is over.
    fn note_dependent_waits(&mut self, since: Option<u64>, id: RequestId, name: &SemaphoreName) {
        let Some(owner) = self.requests.get(&id).and_then(|it| it.owner.clone()) else {
            return;
        };
        self.note_waits_of_dependents(since, id, &owner, name);
    }

    fn note_waits_of_dependents(
        &mut self,
        since: Option<u64>,
        id: RequestId,
        owner: &Owner,
        name: &SemaphoreName,
    ) {
        let dependents = owner.dependents();
        for (nth, dependent) in dependents.iter().enumerate() {
            let between = dependents[..nth].to_vec();
            self.note_wait(since, id, dependent.run, Some(between), name);
        }
    }

    /// Notes, for those who look for deadlocks, since when a wait of `run` lasts, or that it is over. If it is the wait of a
    /// run whose end `run` awaits: those `between` the two, from the waiting one on.
    fn note_wait(
        &mut self,
        since: Option<u64>,
        id: RequestId,
        run: RunId,
        between: Option<Vec<NamedRun>>,
        name: &SemaphoreName,
    ) {
        let keys = Arc::clone(&self.semaphore(name).keys);
        let payload = Payload::NoteWait {
            run,
            id,
            keys,
            since,
            between,
        };
        self.send(Call::new(payload, ReplyTo::Nothing { lasting: false }));
    }

    pub(super) fn waits_no_more(
        &mut self,
        id: RequestId,
        owner: Option<&Owner>,
        name: &SemaphoreName,
    ) {
        let Some((owner, run)) = owner.and_then(|owner| Some((owner, owner.run()?))) else {
            return;
        };
        self.note_waits_of_dependents(None, id, owner, name);
        let Some(waits) = self.runs.get_mut(&run) else {
            return;
        };
        waits.retain(|wait| *wait != id);
        let left = match waits.as_slice() {
            [] => {
                self.runs.remove(&run);
                None
            }
            // Now it is the only thing that the run waits for.
            [left] => Some(*left),
            _ => None,
        };
        self.note_wait(None, id, run, None, name);
        if let Some(left) = left {
            self.check(left);
        }
    }

    /// Has the driver find out whether the wait can ever end.
    pub(super) fn check(&mut self, id: RequestId) {
        if let Some(request) = self.requests.get(&id)
            && request.timeout.is_none()
            && request.run().is_some()
        {
            let check = Output::CheckDeadlock(request.name.clone(), id);
            self.outputs.push_back(check);
        }
    }

    /// The lease covers the request's semaphore, as was answered to what was sent then.
    pub(super) fn leased(&mut self, id: RequestId, sent: Instant, lease: &SessionLease) {
        if let Some(request) = self.requests.get(&id)
            && let Some(semaphore) = self.semaphores.get_mut(&request.name)
        {
            semaphore.has_slots(&lease.slots);
            let name = request.name.clone();
            self.covered(&name, sent, lease.left);
            if self.renew_at.is_none() {
                self.renew_at = Some(sent + self.settings.lease / 3);
            }
        }
    }

    pub(super) fn admitted(&mut self, id: RequestId, admission: &Admission) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        if matches!(request.phase, Phase::Busy(_)) {
            return;
        }
        let name = request.name.clone();
        let expires = request
            .ttl
            .and_then(|ttl| self.now.checked_add(ttl.duration()));
        let permit = Arc::new(PermitState::new(id, name, admission, self.now, expires));
        let waited = request.waits();
        request.phase = Phase::Busy(Arc::clone(&permit));
        request.generation = admission.generation;
        if let Some(at) = request.timer.take() {
            self.timers.remove(&(at, Timer::Request(id)));
        }
        let answer = request.answer.take();
        let owner = request.owner.clone().filter(|_| waited);
        if let Some(semaphore) = self.semaphores.get_mut(&request.name) {
            semaphore.generation = admission.generation;
            semaphore.token = semaphore.token.max(admission.token);
            semaphore.busy += 1;
            if waited {
                semaphore.waiting -= 1;
            }
        }
        if request.ttl.is_some() {
            self.arm_expiry(id);
        }
        if let Some(answer) = answer {
            // A caller that does not listen any more abandons the request as well.
            let _ = answer.send(Ok(Some(permit)));
        }
        if owner.is_some() {
            let name = self.requests.get(&id).map(|request| request.name.clone());
            if let Some(name) = name {
                self.waits_no_more(id, owner.as_ref(), &name);
            }
        }
    }

    /// The slot id of the request `id` holds a slot already, through the request `holder`. Its caller gets a permit of that.
    pub(super) fn shares(
        &mut self,
        id: RequestId,
        holder: RequestId,
        admission: &Admission,
        left: Option<u64>,
    ) {
        let Some(mut request) = self.remove(id) else {
            return;
        };
        let answer = request.answer.take();
        if self.requests.contains_key(&holder) {
            // Its own answer may not have come yet.
            self.admitted(holder, admission);
        } else {
            self.hold_foreign(request, holder, admission, left);
        }
        if let (Some(answer), Some(holding)) = (answer, self.requests.get(&holder))
            && let Phase::Busy(permit) = &holding.phase
        {
            let _ = answer.send(Ok(Some(Arc::clone(permit))));
        }
    }

    /// Notes that this session has permits of a request that another made, as `request` asked with the same slot id.
    fn hold_foreign(
        &mut self,
        request: PendingRequest,
        holder: RequestId,
        admission: &Admission,
        left: Option<u64>,
    ) {
        let name = request.name.clone();
        let expires = left.and_then(|left| self.now.checked_add(Duration::from_micros(left)));
        let permit = PermitState::new(holder, name, admission, self.now, expires);
        let semaphore = self.semaphore(&request.name);
        semaphore.ids.insert(holder);
        semaphore.busy += 1;
        semaphore.generation = admission.generation;
        semaphore.token = semaphore.token.max(admission.token);
        let request = PendingRequest {
            is_foreign: true,
            timer: None,
            generation: admission.generation,
            phase: Phase::Busy(Arc::new(permit)),
            ..request
        };
        self.requests.insert(holder, request);
        self.arm_expiry(holder);
    }

    pub(super) fn queued(&mut self, id: RequestId, requested: u64, key: String, generation: u64) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        if !matches!(request.phase, Phase::Asking) {
            return;
        }
        request.phase = Phase::Waiting {
            requested,
            key,
            class: (-i64::from(request.priority)).to_string(),
        };
        request.generation = generation;
        let (name, run) = (request.name.clone(), request.run());
        let semaphore = self.semaphore(&name);
        semaphore.generation = generation;
        semaphore.waiting += 1;
        if let Some(run) = run {
            self.waits(id, run, &name);
        }
    }

    /// A request is no more, and how it ended; `None`: the server does not know it.
    pub(super) fn end(&mut self, id: RequestId, status: Option<Status>) {
        let Some(request) = self.requests.get(&id) else {
            return;
        };
        let name = request.name.clone();
        if let Phase::Busy(permit) = &request.phase {
            let is_asked = request.is_asked;
            // An administrator released it or its TTL passed; or else its lease passed, or the server does not know it.
            if matches!(
                status,
                Some(Status::Done | Status::Released | Status::Expired)
            ) {
                permit.lose();
                if !request.is_foreign && !permit.is_left() {
                    self.ended_by_force.insert(id, name.clone());
                    self.semaphore(&name).ended_by_force += 1;
                }
            } else {
                permit.lease_passes();
            }
            self.remove(id);
            if is_asked {
                // What asks for it may come to the server after its end, and would make it anew.
                self.abandon(id, &name, false);
            }
            return;
        }
        if matches!(request.phase, Phase::Asking)
            && matches!(
                status,
                Some(Status::Done | Status::Released | Status::Killed)
            )
        {
            // The answer that it was admitted is in flight.
            if let Some(request) = self.requests.get_mut(&id) {
                request.ended = status;
            }
            return;
        }
        match status {
            Some(Status::Cancelled) => self.fail(id, AcquireError::Cancelled { name }),
            Some(Status::TimedOut) => {
                let after = request.timeout.unwrap_or_default();
                self.fail(id, AcquireError::TimedOut { name, after });
            }
            // Its lease had passed, or the server does not know it. It goes on waiting, at the end of the line.
            _ => {
                if request.waits() {
                    let owner = request.owner.clone();
                    if let Some(request) = self.requests.get_mut(&id) {
                        request.phase = Phase::Asking;
                    }
                    self.semaphore(&name).waiting -= 1;
                    self.waits_no_more(id, owner.as_ref(), &name);
                }
                self.request(id);
            }
        }
    }

    /// How it ended was pushed before this answer.
    pub(super) fn end_as_pushed(&mut self, id: RequestId) {
        let Some(request) = self.requests.get_mut(&id) else {
            return;
        };
        let Some(status) = request.ended.take() else {
            return;
        };
        if request.asked_again {
            // It may have ended before the server was asked again, which then made it anew. Only the server knows. Nothing
            // is unsafe meanwhile: if its lease has passed, this session knows that by itself.
            let name = request.name.clone();
            self.send_renewal(&name, &[id], false);
        } else {
            self.end(id, Some(status));
        }
    }

    pub(super) fn fail(&mut self, id: RequestId, error: AcquireError) {
        if let Some(answer) = self
            .remove(id)
            .and_then(|mut request| request.answer.take())
        {
            let _ = answer.send(Err(error));
        }
    }
}
