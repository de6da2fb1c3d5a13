//! What the tests of this crate share: a store whose time stands still, and futures polled by hand.
#![allow(dead_code, reason = "no test file uses all of it")]

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cla_semaphore::{
    Acquire, AcquireError, ManualClock, Owner, Permit, Request, RequestId, RequestView, RunId,
    Semaphore, SemaphoreName, SemaphoreView, Semaphores, Slots, Ttl,
};

/// A store and one semaphore, `x`, of it.
pub(crate) struct Fixture {
    pub(crate) clock: ManualClock,
    pub(crate) semaphores: Semaphores,
    pub(crate) x: Semaphore,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let clock = ManualClock::new();
        let semaphores = Semaphores::memory_with_clock(&clock);
        let x = semaphores.semaphore(&name("x"));
        Self {
            clock,
            semaphores,
            x,
        }
    }

    /// Takes a slot of `x`, which must be free.
    pub(crate) fn take(&self) -> Permit {
        self.take_as(Request::new())
    }

    pub(crate) fn take_as(&self, request: Request) -> Permit {
        now(self.x.acquire().with(request)).expect("a slot is free")
    }

    /// Joins the line of `x`.
    pub(crate) fn wait(&self) -> Waiter {
        self.wait_as(Request::new())
    }

    pub(crate) fn wait_as(&self, request: Request) -> Waiter {
        Waiter::new(self.x.acquire().with(request))
    }

    pub(crate) fn slots(&self, slots: impl Into<Slots>) {
        now(self.semaphores.set_slots(self.x.name(), slots.into())).expect("in memory");
    }

    pub(crate) fn view(&self) -> SemaphoreView {
        now(self.semaphores.show(self.x.name()))
            .expect("in memory")
            .expect("it is there")
    }

    /// Slots, busy, waiting: the three fields of a semaphore's row.
    pub(crate) fn counts(&self) -> (Slots, usize, usize) {
        let view = self.view();
        (view.slots, view.busy, view.waiting)
    }

    pub(crate) fn row(&self, id: RequestId) -> RequestView {
        let mut rows = self.view().requests.into_iter();
        rows.find(|row| row.id == id).expect("it is shown")
    }

    /// The ids of those that wait, in line.
    pub(crate) fn line(&self) -> Vec<RequestId> {
        let rows = self.view().requests.into_iter();
        rows.filter(|row| row.place.is_some())
            .map(|row| row.id)
            .collect()
    }

    /// The one that joined the line last.
    pub(crate) fn last_in_line(&self) -> RequestId {
        *self.line().last().expect("somebody waits")
    }
}

/// A future that waits, and can be asked how far it is.
pub(crate) struct Waiter(Option<Acquire>);

impl Waiter {
    pub(crate) fn new(mut acquire: Acquire) -> Self {
        assert!(poll(&mut acquire).is_none(), "it must wait");
        Self(Some(acquire))
    }

    pub(crate) fn still_waits(&mut self) -> bool {
        poll(self.0.as_mut().expect("it is not done")).is_none()
    }

    /// Its permit; it must have one.
    pub(crate) fn permit(self) -> Permit {
        self.outcome().expect("it is its turn")
    }

    pub(crate) fn error(self) -> AcquireError {
        self.outcome().expect_err("it must fail")
    }

    pub(crate) fn outcome(mut self) -> Result<Permit, AcquireError> {
        poll(self.0.as_mut().expect("it is not done")).expect("it waits no longer")
    }
}

pub(crate) fn poll(acquire: &mut Acquire) -> Option<Result<Permit, AcquireError>> {
    match Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => Some(outcome),
        Poll::Pending => None,
    }
}

/// The memory store answers administrators, and gives free slots, at the first poll.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it must be ready at once"),
    }
}

pub(crate) fn name(text: &str) -> SemaphoreName {
    SemaphoreName::new(text).expect("a name")
}

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn ttl(seconds: u64) -> Ttl {
    Ttl::from_secs(seconds).expect("more than nothing")
}

/// A request of a run of its own.
pub(crate) fn run(who: &str) -> (RunId, Request) {
    let run = RunId::unique();
    (run, Request::new().owner(Owner::new(who).with_run(run)))
}
