//! [`Semaphore`]: a handle to one semaphore.

use std::fmt;
use std::sync::Arc;

use crate::acquire::Acquire;
use crate::defaults::Defaults;
use crate::error::{RefreshError, StoreError};
use crate::id::RunId;
use crate::memory::{Entry, MemoryStore};
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::permit::Permit;
use crate::request::{Request, Ttl};
use crate::slot::{SlotId, SlotState};
use crate::store::Store;

/// A handle to one semaphore: saves the look-up of its name. Cheap to clone.
///
/// Having a handle does not create the semaphore; the first request does. Forgetting the semaphore does
/// not invalidate its handles.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{SemaphoreName, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let printers = semaphores.semaphore(&SemaphoreName::new("printers")?);
/// assert!(semaphores.list().await?.is_empty());
///
/// let one = printers.acquire().slots(2).await?;
/// let two = printers.acquire().await?;
/// assert!(printers.acquire().if_free().await?.is_none(), "both are taken");
/// # drop((one, two));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Semaphore(Handle, Option<Arc<Defaults>>);

#[derive(Clone)]
enum Handle {
    Memory {
        entry: Arc<Entry>,
        /// Also keeps the registry, so that all handles of a name find the same entry.
        store: Arc<MemoryStore>,
    },
    Remote {
        name: SemaphoreName,
        store: Arc<dyn Store>,
    },
}

impl Semaphore {
    pub(crate) fn memory(
        store: &Arc<MemoryStore>,
        name: &SemaphoreName,
        defaults: Option<Arc<Defaults>>,
    ) -> Self {
        let handle = Handle::Memory {
            entry: store.entry(name),
            store: Arc::clone(store),
        };
        Self(handle, defaults)
    }

    pub(crate) fn remote(
        store: &Arc<dyn Store>,
        name: SemaphoreName,
        defaults: Option<Arc<Defaults>>,
    ) -> Self {
        let store = Arc::clone(store);
        Self(Handle::Remote { name, store }, defaults)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &SemaphoreName {
        match &self.0 {
            Handle::Memory { entry, .. } => entry.name(),
            Handle::Remote { name, .. } => name,
        }
    }

    /// Asks for a slot. What it gives is a future; its methods say more about the request. See [`Acquire`].
    ///
    /// # Errors
    /// The future ends with an [`AcquireError`](crate::AcquireError) when the wait was cancelled, timed out, could never
    /// have ended, or the store failed.
    #[inline]
    pub fn acquire(&self) -> Acquire {
        let request = self.filled(Request::new());
        match &self.0 {
            Handle::Memory { entry, .. } => Acquire::memory(Arc::clone(entry), request),
            Handle::Remote { name, store } => {
                Acquire::remote(Arc::clone(store), name.clone(), request)
            }
        }
    }

    /// The request, with the defaults.
    #[inline]
    fn filled(&self, mut request: Request) -> Request {
        if let Some(defaults) = &self.1 {
            defaults.fill(&mut request);
        }
        request
    }

    /// Takes a slot if that needs no waiting of any kind. Never so with a shared store. For our own crates: the shortest way to
    /// a free slot in memory. All others [acquire](Self::acquire).
    ///
    /// # Errors
    /// Hands the request back, for an [`acquire`](Self::acquire) to go on with.
    #[doc(hidden)]
    #[inline]
    pub fn try_acquire_now(&self, request: Request) -> Result<Permit, Request> {
        match &self.0 {
            Handle::Memory { entry, .. } => Arc::clone(entry).try_acquire(self.filled(request)),
            Handle::Remote { .. } => Err(request),
        }
    }

    /// [`Semaphores::note_dependents`](crate::Semaphores::note_dependents), for the store of this semaphore.
    #[doc(hidden)]
    pub fn note_dependents(&self, run: RunId, dependents: &Arc<[NamedRun]>) {
        match &self.0 {
            Handle::Memory { store, .. } => store.note_dependents(run, dependents),
            Handle::Remote { store, .. } => store.note_dependents(run, Arc::clone(dependents)),
        }
    }

    /// Gives back the slot that `slot` holds, no matter who took it, in whatever process that shares the store. Says
    /// whether it held one: if not, nothing happens. Permits of that slot are lost.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Request, SemaphoreName, Semaphores, SlotId};
    ///
    /// let x = Semaphores::memory().semaphore(&SemaphoreName::new("x")?);
    /// let slot = SlotId::new("my-slot-id")?;
    /// x.acquire().slot(slot.clone()).await?.leave();
    /// assert!(x.release_slot(&slot).await?);
    /// assert!(!x.release_slot(&slot).await?, "it holds nothing any more");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn release_slot(&self, slot: &SlotId) -> Result<bool, StoreError> {
        match &self.0 {
            Handle::Memory { entry, .. } => Ok(entry.release_slot(slot)),
            Handle::Remote { name, store } => store.release_slot(name.clone(), slot.clone()).await,
        }
    }

    /// Lets the slot that `slot` holds live `ttl` longer, from now, no matter who took it (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`RefreshError::NotHeld`] when it holds none, also because it expired; [`RefreshError::NoTtl`] when it never
    /// expires; [`RefreshError::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Request, SemaphoreName, Semaphores, SlotId, Ttl};
    ///
    /// let x = Semaphores::memory().semaphore(&SemaphoreName::new("x")?);
    /// let (slot, minute) = (SlotId::new("my-slot-id")?, Ttl::from_secs(60)?);
    /// assert!(x.refresh_slot(&slot, minute).await.is_err(), "it holds nothing");
    /// x.acquire().slot(slot.clone()).ttl(minute).await?.leave();
    /// x.refresh_slot(&slot, Ttl::from_secs(300)?).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn refresh_slot(&self, slot: &SlotId, ttl: Ttl) -> Result<(), RefreshError> {
        match &self.0 {
            Handle::Memory { entry, .. } => entry.refresh_slot(slot, ttl),
            Handle::Remote { name, store } => {
                store.refresh_slot(name.clone(), slot.clone(), ttl).await
            }
        }
    }

    /// What is known of `slot` at this semaphore, and of the slots that are taken there, at one moment (README:
    /// *Semaphores as objects*). A semaphore that was never named has one slot, which is free.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Request, SemaphoreName, Semaphores, SlotId};
    ///
    /// let x = Semaphores::memory().semaphore(&SemaphoreName::new("x")?);
    /// let slot = SlotId::new("my-slot-id")?;
    /// let _permit = x.acquire().slots(2).slot(slot.clone()).await?;
    /// let state = x.slot_state(&slot).await?;
    /// assert!(state.held.is_some_and(|held| held.remaining.is_none()), "without a TTL");
    /// assert_eq!((state.free(), state.limit_reached()), (Some(1), false));
    /// assert_eq!(state.taken[0].to_string(), "my-slot-id");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn slot_state(&self, slot: &SlotId) -> Result<SlotState, StoreError> {
        let view = match &self.0 {
            Handle::Memory { entry, .. } => entry.view(),
            Handle::Remote { name, store } => store.show(name.clone()).await?,
        };
        Ok(view.map_or_else(SlotState::untouched, |view| SlotState::of(slot, &view)))
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Semaphore").field(self.name()).finish()
    }
}
