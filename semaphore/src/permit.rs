//! [`Permit`]: a slot that is held, in whatever store.

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::error::{RefreshError, ReleaseError};
use crate::id::RequestId;
use crate::memory::{MemoryPermit, SlotPermit};
use crate::name::SemaphoreName;
use crate::request::Ttl;
use crate::store::StorePermit;

/// A slot that is held (or a grant). Dropping it gives it back.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
///
/// let db = Semaphores::memory().get("db")?;
/// let permit = db.acquire().await?;
/// assert_eq!(permit.name().as_str(), "db");
/// assert!(!permit.is_lost());
/// permit.release().await?; // or drop it, where no answer is wanted
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropping a permit gives the slot back at once"]
pub struct Permit(PermitKind);

/// Three words without a tag: a permit is written and moved within a few nanoseconds.
enum PermitKind {
    Memory(MemoryPermit),
    /// `None` only inside `release`, which consumes the permit.
    Store(Option<Box<NamedPermit>>),
}

struct NamedPermit {
    name: SemaphoreName,
    permit: Box<dyn StorePermit>,
}

macro_rules! on_permit {
    ($permit:expr, $held:ident => $memory:expr, $permit_of_store:ident => $boxed:expr) => {
        match &$permit.0 {
            PermitKind::Memory($held) => $memory,
            PermitKind::Store(store) => {
                let $permit_of_store = &store.as_ref().expect("a released permit is gone").permit;
                $boxed
            }
        }
    };
}

impl From<MemoryPermit> for Permit {
    #[inline]
    fn from(held: MemoryPermit) -> Self {
        Self(PermitKind::Memory(held))
    }
}

impl From<SlotPermit> for Permit {
    fn from(held: SlotPermit) -> Self {
        Self::from_store(held.name().clone(), Box::new(held))
    }
}

impl Permit {
    pub(crate) fn from_store(name: SemaphoreName, permit: Box<dyn StorePermit>) -> Self {
        Self(PermitKind::Store(Some(Box::new(NamedPermit {
            name,
            permit,
        }))))
    }

    /// The request that was admitted.
    #[must_use]
    pub fn id(&self) -> RequestId {
        on_permit!(self, held => held.id(), permit => permit.id())
    }

    /// The semaphore.
    #[must_use]
    pub fn name(&self) -> &SemaphoreName {
        match &self.0 {
            PermitKind::Memory(held) => held.name(),
            PermitKind::Store(store) => &store.as_ref().expect("a released permit is gone").name,
        }
    }

    /// What another process of this machine needs to go on holding it, should this one be killed: see
    /// [`Semaphores::succeed`](crate::Semaphores::succeed). `None` if the store has no such way, or if a slot id has the permit: a Redis
    /// server's has one. Once it is given back, the text is worth nothing.
    pub async fn succession(&self) -> Option<String> {
        match &self.0 {
            PermitKind::Memory(_) => None,
            PermitKind::Store(store) => match store.as_ref() {
                Some(store) => store.permit.succession().await,
                None => None,
            },
        }
    }

    /// Fencing token: larger than that of every permit that this semaphore gave before, so a resource
    /// that remembers the largest it saw can refuse a permit that was lost.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let db = cla_semaphore::Semaphores::memory().get("db")?;
    /// let first = db.acquire().await?;
    /// let old = first.token();
    /// first.release().await?;
    /// // A resource that has seen the new token refuses the old one.
    /// assert!(db.acquire().await?.token() > old);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn token(&self) -> u64 {
        on_permit!(self, held => held.token(), permit => permit.token())
    }

    /// How long the request waited.
    #[must_use]
    pub fn waited(&self) -> Duration {
        on_permit!(self, held => held.waited(), permit => permit.waited())
    }

    /// When it was admitted.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        on_permit!(self, held => held.started_at(), permit => permit.started_at())
    }

    /// How long ago it was admitted. One read of a cheap clock, and a look at the semaphore.
    #[must_use]
    pub fn held(&self) -> Duration {
        on_permit!(self, held => held.held(), permit => permit.held())
    }

    /// Whether an administrator let it through, outside the slots (README: *Steering*).
    #[must_use]
    pub fn granted(&self) -> bool {
        on_permit!(self, held => held.granted(), permit => permit.granted())
    }

    /// Whether it is no longer held: its TTL or its lease passed, or an administrator released it.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        on_permit!(self, held => held.is_lost(), permit => permit.is_lost())
    }

    /// Whether it was lost because its lease passed: the store could not be reached for longer than that, took this
    /// process for dead, or lost what it knew; or its run was [given up](crate::Semaphores::abandon). A TTL that passed and an
    /// administrator's release are decisions; this is an accident, of which the one who relied on the slot should
    /// hear.
    #[must_use]
    #[inline]
    pub fn lease_passed(&self) -> bool {
        on_permit!(self, held => held.lease_passed(), permit => permit.lease_passed())
    }

    /// Waits until it is lost. Never ends for a permit that is not.
    pub async fn lost(&self) {
        on_permit!(self,
            held => std::future::poll_fn(|cx| held.poll_lost(cx)).await,
            permit => permit.lost().await);
    }

    /// Lets it live `ttl` longer, from now (README: *Semaphores as objects*).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use std::time::Duration;
    /// use cla_semaphore::{ManualClock, Semaphores, Ttl};
    ///
    /// let (clock, minute) = (ManualClock::new(), Ttl::from_secs(60)?);
    /// let permit = Semaphores::memory_with_clock(&clock).get("db")?.acquire().ttl(minute).await?;
    /// clock.advance(Duration::from_secs(59));
    /// permit.refresh(minute).await?;
    /// clock.advance(Duration::from_secs(59));
    /// assert!(!permit.is_lost());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`RefreshError::Lost`] when it is too late, [`RefreshError::NoTtl`] when it never expires;
    /// [`RefreshError::Store`].
    pub async fn refresh(&self, ttl: Ttl) -> Result<(), RefreshError> {
        on_permit!(self, held => held.refresh(ttl), permit => permit.refresh(ttl).await)
    }

    /// Gives it back, and says whether it was still held. (Dropping it does the same, silently.)
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{ReleaseError, Semaphores};
    ///
    /// let semaphores = Semaphores::memory();
    /// let permit = semaphores.get("db")?.acquire().await?;
    /// semaphores.force_release(permit.name()).await?;
    /// assert!(matches!(permit.release().await, Err(ReleaseError::Lost { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReleaseError::Lost`] when its TTL or its lease had passed or an administrator had released it: others
    /// may have been busy at the same time. [`ReleaseError::Store`].
    pub async fn release(mut self) -> Result<(), ReleaseError> {
        match std::mem::replace(&mut self.0, PermitKind::Store(None)) {
            PermitKind::Memory(held) => held.release(),
            PermitKind::Store(Some(store)) => store.permit.release().await,
            PermitKind::Store(None) => unreachable!("a released permit is gone"),
        }
    }

    /// Lets it go without giving the slot back. The slot stays taken until it is
    /// [released by its slot id](crate::Semaphore::release_slot), an administrator releases it by force, its TTL passes, or
    /// its session ends: with the process in a shared store, or when that is [closed](crate::Semaphores::close).
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{SemaphoreName, Semaphores, SlotId};
    ///
    /// let x = Semaphores::memory().semaphore(&SemaphoreName::new("x")?);
    /// let slot = SlotId::new("my-slot-id")?;
    /// x.acquire().slot(slot.clone()).await?.leave();
    /// assert!(x.acquire().if_free().await?.is_none(), "the slot is still taken");
    /// x.release_slot(&slot).await?;
    /// assert!(x.acquire().if_free().await?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn leave(mut self) {
        match std::mem::replace(&mut self.0, PermitKind::Store(None)) {
            PermitKind::Memory(held) => held.leave(),
            PermitKind::Store(Some(store)) => store.permit.leave(),
            PermitKind::Store(None) => unreachable!("a released permit is gone"),
        }
    }

    /// Gives it back, silently as dropping does, and says how long it was held. For the engine, which adds that up:
    /// hosts release or drop a permit.
    #[doc(hidden)]
    #[must_use = "dropping a permit is cheaper"]
    #[inline]
    pub fn close(mut self) -> Duration {
        let held = on_permit!(self, held => held.close(), permit => permit.held());
        // A permit of a store gives its slot back by being dropped.
        self.0 = PermitKind::Store(None);
        held
    }
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        if let PermitKind::Memory(held) = &self.0 {
            // A permit that was lost does no harm when it is given back.
            let _ = held.give_back();
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("semaphore", self.name())
            .field("id", &self.id())
            .field("token", &self.token())
            .finish_non_exhaustive()
    }
}
