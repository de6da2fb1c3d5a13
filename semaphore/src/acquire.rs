//! [`Acquire`]: a request on its way to a slot, in whatever store.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::error::AcquireError;
use crate::memory::{Acquiring, Entry};
use crate::name::SemaphoreName;
use crate::permit::Permit;
use crate::request::Request;
use crate::store::{BoxFuture, Store, StorePermit};

/// A request on its way to a slot: a future of `Result<Permit, AcquireError>`.
///
/// It joins the line when it is first polled, and works under any executor. With a free slot in
/// memory it is ready at once, without an allocation. Dropping it gives up: the request leaves the line, and if
/// it had just been admitted the slot goes to the next.
#[must_use = "a request does nothing until it is polled or awaited"]
pub struct Acquire(Acquirement);

enum Acquirement {
    Memory(Acquiring),
    Remote {
        name: SemaphoreName,
        future: BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>>,
    },
}

impl Acquire {
    #[inline]
    pub(crate) const fn memory(entry: Arc<Entry>, request: Request) -> Self {
        Self(Acquirement::Memory(Acquiring::new(entry, request)))
    }

    pub(crate) fn remote(store: &Arc<dyn Store>, name: SemaphoreName, request: Request) -> Self {
        let future = Arc::clone(store).acquire(name.clone(), request);
        Self(Acquirement::Remote { name, future })
    }
}

impl Future for Acquire {
    type Output = Result<Permit, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Acquirement::Memory(future) => future.poll(cx),
            Acquirement::Remote { name, future } => future
                .as_mut()
                .poll(cx)
                .map(|permit| permit.map(|permit| Permit::from_store(name.clone(), permit))),
        }
    }
}

impl fmt::Debug for Acquire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acquire").finish_non_exhaustive()
    }
}
