//! What a case plays on: a fresh store, two clients at its semaphore `x`, and those who wait there.

use std::any::Any;
use std::collections::HashSet;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use super::drive::{poll, until, within};
use super::{Fresh, Subject};
use cla_semaphore::Owner;
use cla_semaphore::RequestId;
use cla_semaphore::SemaphoreName;
use cla_semaphore::Slots;
use cla_semaphore::{Acquire, Permit, Semaphores};
use cla_semaphore::{AcquireError, AdminError, RefreshError};
use cla_semaphore::{Request, Ttl};
use cla_semaphore::{RequestView, SemaphoreView, Status};
use cla_semaphore::{SlotId, SlotState};

/// A fresh store.
pub(super) struct Fixture {
    /// The first client, at `x`.
    pub(super) a: At,
    /// The second client, at `x`.
    pub(super) b: At,
    /// Whether the store is more than its clients: then closing one gives back what it holds.
    pub(super) shared: bool,
    /// Dropped last: a case that takes the stage apart takes this out first.
    pub(super) kept: Vec<Box<dyn Any>>,
}

/// A client at one semaphore.
#[derive(Clone)]
pub(super) struct At {
    pub(super) semaphores: Semaphores,
    pub(super) name: SemaphoreName,
    pub(super) poll_timeout: Duration,
}

/// A request that waits in line. Dropping it gives up.
pub(super) struct Waiter {
    pub(super) id: RequestId,
    acquire: Acquire,
    poll_timeout: Duration,
}

pub(super) fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).expect("the suite's names are names")
}

pub(super) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(super) fn ttl(time: Duration) -> Ttl {
    Ttl::new(time).expect("the suite's TTLs are longer than nothing")
}

/// A request of an owner with that `who`.
pub(super) fn by(who: &str) -> Request {
    Request::new().owner(Owner::new(who))
}

impl Fixture {
    pub(super) fn new(subject: &dyn Subject) -> Self {
        let Fresh {
            first,
            second,
            shared,
            poll_timeout,
            kept,
        } = subject.fresh();
        let at_x = |semaphores| At {
            semaphores,
            name: name("x"),
            poll_timeout,
        };
        Self {
            a: at_x(first),
            b: at_x(second),
            shared,
            kept,
        }
    }
}

impl At {
    /// This client at another semaphore.
    pub(super) fn on(&self, text: &str) -> Self {
        Self {
            name: name(text),
            ..self.clone()
        }
    }

    /// What `future` ends with. It must end.
    pub(super) fn wait_for<F: Future>(&self, what: &str, future: F) -> F::Output {
        match within(self.poll_timeout, future) {
            Some(output) => output,
            None => panic!(
                "{what} never ended, in {:?}; the semaphore: {:#?}",
                self.poll_timeout,
                within(self.poll_timeout, self.semaphores.show(&self.name)),
            ),
        }
    }

    // ---- asking for a slot

    /// Takes a slot, which must be free.
    #[track_caller]
    pub(super) fn take(&self) -> Permit {
        self.take_as(Request::new())
    }

    #[track_caller]
    pub(super) fn take_as(&self, request: Request) -> Permit {
        match self.acquire(request) {
            Ok(permit) => permit,
            Err(error) => panic!("a slot is free, yet: {error}"),
        }
    }

    /// Asks for a slot until there is an answer.
    pub(super) fn acquire(&self, request: Request) -> Result<Permit, AcquireError> {
        let acquire = self
            .semaphores
            .semaphore(&self.name)
            .acquire()
            .with(request);
        self.wait_for("the request for a slot", acquire)
    }

    pub(super) fn try_take(&self) -> Option<Permit> {
        self.try_take_as(Request::new())
    }

    pub(super) fn try_take_as(&self, request: Request) -> Option<Permit> {
        let tried = self
            .semaphores
            .semaphore(&self.name)
            .acquire()
            .with(request)
            .if_free();
        self.wait_for("try_acquire", tried)
            .expect("the store can be reached")
    }

    /// Takes a slot as soon as there is one, without joining the line.
    #[track_caller]
    pub(super) fn take_when_free(&self) -> Permit {
        let taken = until(self.poll_timeout, || self.try_take().ok_or(()));
        taken.unwrap_or_else(|()| panic!("no slot became free: {:#?}", self.shown()))
    }

    /// Joins the line.
    #[track_caller]
    pub(super) fn wait(&self) -> Waiter {
        self.wait_as(Request::new())
    }

    #[track_caller]
    pub(super) fn wait_as(&self, request: Request) -> Waiter {
        let ids = |view: Option<SemaphoreView>| view.map(|view| view.requests).unwrap_or_default();
        let before: HashSet<RequestId> = ids(self.shown()).iter().map(|row| row.id).collect();
        let mut acquire = self
            .semaphores
            .semaphore(&self.name)
            .acquire()
            .with(request);
        let joined = until(self.poll_timeout, || {
            if let Some(outcome) = poll(&mut acquire) {
                panic!("it must wait, yet: {outcome:?}");
            }
            let rows = ids(self.shown());
            let new = rows.iter().find(|row| !before.contains(&row.id));
            new.filter(|row| row.status == Status::Waiting)
                .map(|row| row.id)
                .ok_or(rows)
        });
        match joined {
            Ok(id) => Waiter {
                id,
                acquire,
                poll_timeout: self.poll_timeout,
            },
            Err(rows) => panic!("it never joined the line: {rows:#?}"),
        }
    }

    // ---- looking

    /// The semaphore as this client sees it, if it is there.
    pub(super) fn shown(&self) -> Option<SemaphoreView> {
        let shown = self.semaphores.show(&self.name);
        self.wait_for("show", shown)
            .expect("the store can be reached")
    }

    #[track_caller]
    pub(super) fn view(&self) -> SemaphoreView {
        let Some(view) = self.shown() else {
            panic!("there is no semaphore {:?}", self.name)
        };
        view
    }

    /// Looks until the semaphore is as it must become.
    #[track_caller]
    pub(super) fn until(
        &self,
        what: &str,
        mut is: impl FnMut(&SemaphoreView) -> bool,
    ) -> SemaphoreView {
        let found = until(self.poll_timeout, || {
            let shown = self.shown();
            match shown {
                Some(view) if is(&view) => Ok(view),
                other => Err(other),
            }
        });
        match found {
            Ok(view) => view,
            Err(last) => panic!(
                "it never came that {what}, in {:?}; last seen: {last:#?}",
                self.poll_timeout
            ),
        }
    }

    /// Slots, busy, waiting: the three fields of a semaphore's row.
    #[track_caller]
    pub(super) fn counts(&self) -> (Slots, usize, usize) {
        let view = self.view();
        (view.slots, view.busy, view.waiting)
    }

    /// Looks until there are that many slots, busy ones and waiting ones.
    #[track_caller]
    pub(super) fn becomes(&self, slots: impl Into<Slots>, busy: usize, waiting: usize) {
        let wanted = (slots.into(), busy, waiting);
        self.until(&format!("slots, busy and waiting are {wanted:?}"), |view| {
            (view.slots, view.busy, view.waiting) == wanted
        });
    }

    /// The row of a request, which is shown.
    #[track_caller]
    pub(super) fn row(&self, id: RequestId) -> RequestView {
        let view = self.view();
        match view.requests.iter().find(|row| row.id == id) {
            Some(row) => row.clone(),
            None => panic!("request {id} is not shown: {view:#?}"),
        }
    }

    /// Looks until the request is shown with that status.
    #[track_caller]
    pub(super) fn row_becomes(&self, id: RequestId, status: Status) -> RequestView {
        let is = |row: &&RequestView| row.id == id && row.status == status;
        let view = self.until(&format!("request {id} is {status}"), |view| {
            view.requests.iter().any(|row| is(&row))
        });
        let row = view.requests.iter().find(is);
        row.cloned().expect("it was just found")
    }

    /// The ids of those that wait, in line.
    #[track_caller]
    pub(super) fn line(&self) -> Vec<RequestId> {
        let rows = self.view().requests.into_iter();
        rows.filter(|row| row.status == Status::Waiting)
            .map(|row| row.id)
            .collect()
    }

    pub(super) fn list(&self) -> Vec<SemaphoreView> {
        self.wait_for("list", self.semaphores.list())
            .expect("the store can be reached")
    }

    pub(super) fn find(&self, prefix: &str) -> Result<RequestId, AdminError> {
        self.wait_for("find", self.semaphores.find(prefix))
    }

    // ---- steering

    #[track_caller]
    pub(super) fn slots(&self, slots: impl Into<Slots>) {
        let set = self.semaphores.set_slots(&self.name, slots.into());
        done(self.wait_for("set_slots", set));
    }

    #[track_caller]
    pub(super) fn pin(&self) {
        done(self.wait_for("pin", self.semaphores.pin(&self.name)));
    }

    pub(super) fn unpin(&self) -> Result<(), AdminError> {
        self.wait_for("unpin", self.semaphores.unpin(&self.name))
    }

    pub(super) fn grant(&self, id: RequestId) -> Result<(), AdminError> {
        self.wait_for("grant", self.semaphores.grant(id))
    }

    pub(super) fn cancel(&self, id: RequestId) -> Result<(), AdminError> {
        self.wait_for("cancel", self.semaphores.cancel(id))
    }

    pub(super) fn move_to(&self, id: RequestId, place: usize) -> Result<(), AdminError> {
        self.wait_for("move_to", self.semaphores.move_to(id, place))
    }

    pub(super) fn purge(&self) -> Result<usize, AdminError> {
        self.wait_for("purge", self.semaphores.purge(&self.name))
    }

    pub(super) fn force_release(&self) -> Result<usize, AdminError> {
        let forced = self.semaphores.force_release(&self.name);
        self.wait_for("force_release", forced)
    }

    pub(super) fn release_request(&self, id: RequestId) -> Result<(), AdminError> {
        self.wait_for("release_request", self.semaphores.release_request(id))
    }

    pub(super) fn forget(&self) -> Result<(), AdminError> {
        self.wait_for("forget", self.semaphores.forget(&self.name))
    }

    // ---- slot ids

    pub(super) fn release_slot(&self, slot: &SlotId) -> bool {
        let released = self.semaphores.release_slot(&self.name, slot);
        done(self.wait_for("release_slot", released))
    }

    pub(super) fn refresh_slot(&self, slot: &SlotId, ttl: Ttl) -> Result<(), RefreshError> {
        let refreshed = self.semaphores.refresh_slot(&self.name, slot, ttl);
        self.wait_for("refresh_slot", refreshed)
    }

    pub(super) fn slot_state(&self, slot: &SlotId) -> SlotState {
        let state = self.semaphores.slot_state(&self.name, slot);
        done(self.wait_for("slot_state", state))
    }

    // ---- permits

    /// Gives a permit back and waits until the store says so. It must still have been held.
    #[track_caller]
    pub(super) fn release(&self, permit: Permit) {
        done(self.wait_for("release", permit.release()));
    }

    /// Waits until the permit is lost.
    #[track_caller]
    pub(super) fn lost(&self, permit: &Permit) {
        self.wait_for("the wait for a permit to be lost", permit.lost());
        assert!(permit.is_lost(), "it just said so");
    }
}

impl Waiter {
    /// Its permit, as soon as it is its turn.
    #[track_caller]
    pub(super) fn permit(self) -> Permit {
        match self.outcome() {
            Ok(permit) => permit,
            Err(error) => panic!("it must be its turn, yet: {error}"),
        }
    }

    /// Its error, as soon as it fails.
    #[track_caller]
    pub(super) fn error(self) -> AcquireError {
        match self.outcome() {
            Err(error) => error,
            Ok(permit) => panic!("it must fail, yet it has {permit:?}"),
        }
    }

    #[track_caller]
    fn outcome(self) -> Result<Permit, AcquireError> {
        let Self {
            id,
            acquire,
            poll_timeout,
        } = self;
        match within(poll_timeout, acquire) {
            Some(outcome) => outcome,
            None => panic!("request {id} still waits after {poll_timeout:?}"),
        }
    }

    /// Whether it has no outcome yet. Only where nothing can come that was not decided before.
    pub(super) fn still_waits(&mut self) -> bool {
        poll(&mut self.acquire).is_none()
    }

    /// Asks for nothing any more, but lets the future be.
    pub(super) fn into_future(self) -> Acquire {
        self.acquire
    }
}

/// What must have worked.
#[track_caller]
pub(super) fn done<T, E: Debug>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("it must work, yet: {error:?}"))
}

/// What must have failed.
#[track_caller]
pub(super) fn refused<T: Debug, E>(result: Result<T, E>) -> E {
    match result {
        Ok(done) => panic!("it must be refused, yet: {done:?}"),
        Err(error) => error,
    }
}
