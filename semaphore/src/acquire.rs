//! A request on its way to a slot: [`Acquire`].

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::block_on::{LOOK_FOR, block_on};
use crate::defaults;
use crate::error::{AcquireError, StoreError};
use crate::memory::{Acquiring, Entry};
use crate::name::SemaphoreName;
use crate::owner::Owner;
use crate::permit::Permit;
use crate::request::{Priority, Request, Ttl};
use crate::slot::SlotId;
use crate::slots::Slots;
use crate::store::{BoxFuture, Store, StorePermit};

/// A request on its way to a slot: a future of `Result<Permit, AcquireError>`, whose methods say what is asked for.
///
/// It joins the line when it is first polled, and works under any executor. With a free slot in
/// memory it is ready at once, without an allocation. Dropping it gives up: the request leaves the line, and if
/// it had just been admitted the slot goes to the next.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use cla_semaphore::{Semaphores, Ttl};
///
/// let db = Semaphores::memory().get("db")?;
/// let one = db.acquire().slots(2).ttl(Ttl::from_secs(60)?).await?;
/// let two = db.acquire().priority(5).timeout(Duration::from_secs(10)).await?;
/// drop(one);
/// two.release().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// // On a plain thread:
/// # use cla_semaphore::Semaphores;
/// let db = Semaphores::memory().get("db")?;
/// let permit = db.acquire().blocking()?;
/// # drop(permit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a request does nothing until it is polled or awaited"]
pub struct Acquire(Acquirement);

enum Acquirement {
    Memory(Acquiring),
    Asked {
        name: SemaphoreName,
        future: BoxFuture<'static, Result<Box<dyn StorePermit>, AcquireError>>,
    },
    /// Before the first poll. Empty after it, or if that panicked.
    Unasked(Option<Box<Unasked>>),
}

/// A request that a shared store does not know yet.
struct Unasked {
    store: Arc<dyn Store>,
    name: SemaphoreName,
    request: Request,
}

impl Acquire {
    #[inline]
    pub(crate) const fn memory(entry: Arc<Entry>, request: Request) -> Self {
        Self(Acquirement::Memory(Acquiring::new(entry, request)))
    }

    pub(crate) fn remote(store: Arc<dyn Store>, name: SemaphoreName, request: Request) -> Self {
        Self(Acquirement::Unasked(Some(Box::new(Unasked {
            store,
            name,
            request,
        }))))
    }

    /// How many slots the code thinks the semaphore should have: see [`Request::slots`].
    #[inline]
    pub fn slots(self, slots: impl Into<Slots>) -> Self {
        self.change(|request| request.set_slots(slots.into()))
    }

    /// Gives up after so long, with [`AcquireError::TimedOut`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::Duration;
    /// use cla_semaphore::{AcquireError, Semaphores};
    ///
    /// let db = Semaphores::memory().get("db")?;
    /// let _held = db.acquire().await?;
    /// let second = db.acquire().timeout(Duration::from_millis(10)).await;
    /// assert!(matches!(second, Err(AcquireError::TimedOut { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn timeout(self, timeout: Duration) -> Self {
        self.change(|request| request.set_timeout(timeout))
    }

    /// The permit is lost after so long, unless it is refreshed.
    #[inline]
    pub fn ttl(self, ttl: Ttl) -> Self {
        self.change(|request| request.set_ttl(ttl))
    }

    /// Goes before those with a lower priority.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let semaphores = cla_semaphore::Semaphores::memory();
    /// let db = semaphores.get("db")?;
    /// let held = db.acquire().await?;
    /// let usual = tokio::spawn(db.acquire());
    /// let urgent = tokio::spawn(db.acquire().priority(9));
    /// tokio::task::yield_now().await;
    /// drop(held);
    /// let permit = urgent.await??;
    /// assert!(!usual.is_finished());
    /// drop(permit);
    /// usual.await??;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn priority(self, priority: impl Into<Priority>) -> Self {
        self.change(|request| request.set_priority(priority.into()))
    }

    /// Who asks.
    #[inline(always)]
    pub fn owner(self, owner: Owner) -> Self {
        self.change(|request| request.set_owner(owner))
    }

    /// Gives the slot a name: see [`Request::slot`].
    #[inline]
    pub fn slot(self, slot: SlotId) -> Self {
        self.change(|request| request.set_slot(slot))
    }

    /// Asks for what `request` says, which was made before. A TTL and an owner that it lacks stay as they were.
    #[inline]
    pub fn with(self, mut request: Request) -> Self {
        self.change(|before| {
            defaults::fill(&mut request, before.get_ttl(), before.get_owner());
            *before = request;
        })
    }

    /// Takes a slot if one is free now and no request waits; otherwise `None`. It never joins the line, so the
    /// [timeout](Self::timeout) means nothing here. (A request that was polled before is in the line, and leaves it.)
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    ///
    /// let db = Semaphores::memory().get("db")?;
    /// let permit = db.acquire().if_free().await?.expect("nobody has it");
    /// assert!(db.acquire().if_free().await?.is_none());
    /// drop(permit);
    /// assert!(db.acquire().if_free().await?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn if_free(mut self) -> Result<Option<Permit>, StoreError> {
        match &mut self.0 {
            Acquirement::Memory(acquiring) => {
                let unasked = acquiring.take_unasked();
                Ok(unasked.and_then(|(entry, request)| entry.try_acquire(request).ok()))
            }
            Acquirement::Unasked(unasked) => {
                let Some(unasked) = unasked.take() else {
                    return Ok(None);
                };
                let Unasked {
                    store,
                    name,
                    request,
                } = *unasked;
                let permit = store.try_acquire(name.clone(), request).await?;
                Ok(permit.map(|permit| Permit::from_store(name, permit)))
            }
            Acquirement::Asked { .. } => Ok(None),
        }
    }

    /// Waits on this thread, which it blocks. Not for async code: that awaits.
    ///
    /// ```
    /// use cla_semaphore::Semaphores;
    ///
    /// let db = Semaphores::memory().get("db")?;
    /// let permit = db.acquire().blocking()?;
    /// let other = std::thread::spawn(move || db.acquire().blocking().map(|permit| permit.token()));
    /// let token = permit.token();
    /// drop(permit);
    /// assert!(other.join().expect("it does not panic")? > token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As of the future.
    pub fn blocking(self) -> Result<Permit, AcquireError> {
        let look_for = match &self.0 {
            Acquirement::Memory(_) => Duration::ZERO,
            Acquirement::Unasked(_) | Acquirement::Asked { .. } => LOOK_FOR,
        };
        block_on(self, look_for)
    }

    /// Changes the request. One that was polled is on its way, and stays as it is.
    #[inline(always)]
    fn change(mut self, change: impl FnOnce(&mut Request)) -> Self {
        let request = match &mut self.0 {
            Acquirement::Memory(acquiring) => acquiring.request(),
            Acquirement::Unasked(Some(unasked)) => Some(&mut unasked.request),
            Acquirement::Unasked(None) | Acquirement::Asked { .. } => None,
        };
        if let Some(request) = request {
            change(request);
        }
        self
    }
}

impl Future for Acquire {
    type Output = Result<Permit, AcquireError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Acquirement::Memory(future) => future.poll(cx),
            Acquirement::Unasked(unasked) => {
                let Some(unasked) = unasked.take() else {
                    panic!("an Acquire was polled after its first poll had panicked")
                };
                let Unasked {
                    store,
                    name,
                    request,
                } = *unasked;
                let future = store.acquire(name.clone(), request);
                self.0 = Acquirement::Asked { name, future };
                self.poll(cx)
            }
            Acquirement::Asked { name, future } => future
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
