//! Named, fair semaphores that people can watch and steer while programs wait for them.

mod deadlock;
mod error;
mod event;
mod id;
#[cfg(test)]
mod interleavings;
mod memory;
mod name;
mod owner;
pub mod queue;
mod request;
mod semaphores;
mod slots;
mod store;
mod sync;
mod time;
mod timer;
mod view;

pub use error::{
    AcquireError, AdminError, DeadlockError, DeadlockLink, RefreshError, ReleaseError, StoreError,
};
pub use event::{Event, EventHub, EventKind, Events, EventsError};
pub use id::{IdError, RequestId, RunId};
pub use name::{NameError, SemaphoreName};
pub use owner::Owner;
pub use request::{Priority, Request, Ttl, TtlError};
pub use semaphores::{Acquire, Permit, Semaphore, Semaphores};
pub use slots::{Slots, SlotsError};
pub use store::{BoxFuture, Lease, Store};
pub use time::{ManualClock, Timestamp};
pub use view::{RequestView, SemaphoreView, Status};
