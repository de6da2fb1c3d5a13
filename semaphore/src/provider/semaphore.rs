//! One semaphore of a provider, as one slot id sees it: [`Semaphore`].

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Provider;
use super::error::Error;
use super::event::{Event, EventKind};
use super::key::KeyError;
use super::state::State;
use crate::error::{AdminError, RefreshError, ReleaseError, StoreError};
use crate::name::SemaphoreName;
use crate::permit::Permit;
use crate::request::{Request, Ttl};
use crate::slot::SlotId;
use crate::slots::Slots;

/// A key, a limit, a TTL, and the id of the one slot that this holds or does not. Made by [`Provider::create`].
///
/// Cheap to clone; all clones are the same: they hold the same slot, and a TTL that one changes has changed for all.
/// Dropping it releases nothing.
///
/// It serializes as a [`SerializedSemaphore`](super::SerializedSemaphore), which
/// [`Provider::revive`] makes a semaphore again.
///
/// # Acquiring and releasing
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Provider, Settings};
///
/// let provider = Provider::new(Semaphores::memory());
/// let create = || provider.create("shared-resource", Settings::new().limit(2));
/// let (first, second, third) = (create()?, create()?, create()?);
///
/// // 1 slot will be acquired
/// if first.acquire().await? {
///     println!("Acquired");
/// } else {
///     println!("Unable to acquire");
/// }
///
/// // 2 slots will be acquired
/// if second.acquire().await? {
///     println!("Acquired");
/// } else {
///     println!("Unable to acquire");
/// }
///
/// // Will be false because the limit is reached
/// assert!(!third.acquire().await?);
///
/// // The concurrent section
/// first.release().await?;
/// second.release().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Whatever ends the concurrent section, also `?`, a panic, and whoever drops the future, must not get past the release
/// (README: *Semaphores as objects*). [`run_or_fail`](Self::run_or_fail) sees to that.
#[derive(Clone)]
pub struct Semaphore(Arc<Inner>);

struct Inner {
    provider: Provider,
    handle: crate::Semaphore,
    key: Box<str>,
    id: SlotId,
    limit: Slots,
    /// In nanoseconds; 0 without one.
    ttl: AtomicU64,
}

impl Semaphore {
    pub(super) fn new(
        provider: &Provider,
        key: &str,
        limit: Slots,
        ttl: Option<Ttl>,
        id: SlotId,
    ) -> Result<Self, KeyError> {
        let name = provider.name(key)?;
        Ok(Self(Arc::new(Inner {
            provider: provider.clone(),
            handle: provider.0.semaphores.semaphore(&name),
            key: key.into(),
            id,
            limit,
            ttl: AtomicU64::new(nanos(ttl)),
        })))
    }

    /// Its key, without a namespace (README: *Semaphores as objects*).
    ///
    /// ```
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use cla_semaphore::{Semaphores, Slots, Ttl};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// assert_eq!(semaphore.key(), "resource");
    /// assert_eq!(semaphore.id().as_str().len(), 36, "a UUID");
    /// assert_eq!(semaphore.ttl(), Some(Ttl::from_secs(300)?));
    /// assert_eq!(semaphore.limit(), Slots::Limited(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &str {
        &self.0.key
    }

    /// What it is called in the store, and by administrators: its key, with the namespace in front.
    #[must_use]
    pub fn name(&self) -> &SemaphoreName {
        self.0.handle.name()
    }

    /// Its slot id (README: *Semaphores as objects*).
    #[must_use]
    pub fn id(&self) -> &SlotId {
        &self.0.id
    }

    /// How long its slot is held unless it is released or refreshed; `None` if it does not expire. A refresh that
    /// succeeds changes it.
    #[must_use]
    pub fn ttl(&self) -> Option<Ttl> {
        let nanos = self.0.ttl.load(Ordering::Relaxed);
        Ttl::new(Duration::from_nanos(nanos)).ok()
    }

    /// How many slots it asks for. How many there are, [`get_state`](Self::get_state) says.
    #[must_use]
    pub fn limit(&self) -> Slots {
        self.0.limit
    }

    /// Acquires its slot if one is free now, and no request waits for it; never waits in line. Says whether it did.
    ///
    /// Acquiring again while it holds its slot is true, and takes no second one, as long as another slot is free. At
    /// the limit it is false for all, the holder included.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn acquire(&self) -> Result<bool, StoreError> {
        Ok(self.take().await?.map(Permit::leave).is_some())
    }

    /// As [`acquire`](Self::acquire), with an error in place of `false`.
    ///
    /// # Errors
    /// [`Error::LimitReached`]; [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Error, Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let create = || provider.create("shared-resource", Settings::new().limit(2));
    /// let (first, second, third) = (create()?, create()?, create()?);
    ///
    /// // 1 slot will be acquired
    /// first.acquire_or_fail().await?;
    ///
    /// // 2 slots will be acquired
    /// second.acquire_or_fail().await?;
    ///
    /// // Will fail because the limit is reached
    /// let unable = third.acquire_or_fail().await;
    /// assert!(matches!(unable, Err(Error::LimitReached { .. })));
    ///
    /// // The critical section
    /// first.release().await?;
    /// second.release().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn acquire_or_fail(&self) -> Result<(), Error> {
        self.take_or_fail().await.map(Permit::leave)
    }

    /// Waits in line for its slot until it is acquired, or `time` has passed. Says whether it was. Without a time, it
    /// waits as long as the provider's default; zero means now or not at all, and more than 584 years is for ever.
    ///
    /// It tries at no intervals: a slot that frees is handed to the first in line (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`Error::Cancelled`] when an administrator cancelled the wait; [`Error::Deadlock`] when it could never have
    /// ended; [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # async fn do_work() {}
    /// use std::time::Duration;
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// // Time to wait 1 minute
    /// let has_acquired = semaphore.acquire_blocking(Duration::from_secs(60)).await?;
    /// if has_acquired {
    ///     do_work().await;
    ///     semaphore.release().await?;
    /// }
    /// # assert!(has_acquired);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn acquire_blocking(&self, time: impl Into<Option<Duration>>) -> Result<bool, Error> {
        match self.wait(time.into()).await {
            Ok(permit) => {
                permit.leave();
                Ok(true)
            }
            Err(Error::LimitReached { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// As [`acquire_blocking`](Self::acquire_blocking), with an error in place of `false` (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`Error::LimitReached`] when no slot became free in time; [`Error::Cancelled`], [`Error::Deadlock`];
    /// [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// // You can give the same time as to `acquire_blocking`
    /// semaphore.acquire_blocking_or_fail(None).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn acquire_blocking_or_fail(
        &self,
        time: impl Into<Option<Duration>>,
    ) -> Result<(), Error> {
        self.wait(time.into()).await.map(Permit::leave)
    }

    /// Releases its slot, no matter who acquired it, in whatever process that shares the store. Says whether it held one: if
    /// not, nothing happens.
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    pub async fn release(&self) -> Result<bool, StoreError> {
        let released = self.0.handle.release_slot(&self.0.id).await;
        self.tell_of(&released, |released| match released {
            true => EventKind::Released,
            false => EventKind::FailedRelease,
        });
        released
    }

    /// As [`release`](Self::release), with an error in place of `false` (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`Error::FailedRelease`]; [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Error, Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// semaphore.acquire_or_fail().await?;
    /// semaphore.release_or_fail().await?;
    /// let again = semaphore.release_or_fail().await;
    /// assert!(matches!(again, Err(Error::FailedRelease { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn release_or_fail(&self) -> Result<(), Error> {
        if self.release().await? {
            return Ok(());
        }
        Err(Error::FailedRelease {
            name: self.name().clone(),
            slot: self.0.id.clone(),
        })
    }

    /// Releases all slots of the semaphore, no matter who holds them; the line goes on in order. Says whether any was held
    /// (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// semaphore.acquire().await?;
    /// assert!(semaphore.force_release_all().await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn force_release_all(&self) -> Result<bool, StoreError> {
        let released = self.0.provider.0.semaphores.force_release(self.name());
        let has_released = match released.await {
            Ok(requests) => Ok(requests > 0),
            Err(AdminError::Store(error)) => Err(error),
            // It was never named.
            Err(_) => Ok(false),
        };
        self.tell_of(&has_released, |has_released| EventKind::AllForceReleased {
            has_released,
        });
        has_released
    }

    /// Lets its slot live `ttl` longer, from now, and makes that its TTL; without one, as long as the provider's default.
    /// Says whether it did: not when it holds no slot, also because that expired, or one that does not expire (README:
    /// *Semaphores as objects*).
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let mut work = 0;
    /// # let mut do_work = async || { work += 1; work == 3 };
    /// use std::time::Duration;
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use cla_semaphore::{Semaphores, Ttl};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let minute = Ttl::from_secs(60)?;
    /// let semaphore = provider.create("resource", Settings::new().limit(2).ttl(minute))?;
    ///
    /// if semaphore.acquire().await? {
    ///     loop {
    ///         semaphore.refresh(minute).await?;
    ///         let has_finished = do_work().await;
    ///         if has_finished {
    ///             break;
    ///         }
    ///         tokio::time::sleep(Duration::from_millis(1)).await;
    ///     }
    ///     semaphore.release().await?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Without a TTL there is nothing to refresh:
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # use cla_semaphore::Semaphores;
    /// # use cla_semaphore::provider::{Provider, Settings};
    /// # let provider = Provider::new(Semaphores::memory());
    /// // Create a semaphore with no expiration (non-refreshable)
    /// let semaphore = provider.create("resource", Settings::new().limit(2).ttl(None))?;
    /// semaphore.acquire().await?;
    ///
    /// // A refresh attempt on this semaphore will fail
    /// let has_refreshed = semaphore.refresh(None).await?;
    /// assert!(!has_refreshed);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn refresh(&self, ttl: impl Into<Option<Ttl>>) -> Result<bool, StoreError> {
        match self.refresh_or_fail(ttl).await {
            Ok(()) => Ok(true),
            Err(Error::Store(error)) => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// As [`refresh`](Self::refresh), with an error in place of `false` (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`Error::FailedRefresh`]; [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Error, Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new())?;
    ///
    /// let too_early = semaphore.refresh_or_fail(None).await;
    /// assert!(matches!(too_early, Err(Error::FailedRefresh(_))));
    /// semaphore.acquire().await?;
    /// semaphore.refresh_or_fail(None).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn refresh_or_fail(&self, ttl: impl Into<Option<Ttl>>) -> Result<(), Error> {
        let ttl = ttl.into();
        let ttl = ttl.unwrap_or(self.0.provider.0.default_refresh_time);
        let refreshed = self.0.handle.refresh_slot(&self.0.id, ttl).await;
        if refreshed.is_ok() {
            self.0.ttl.store(nanos(Some(ttl)), Ordering::Relaxed);
        }
        self.emit(|| match &refreshed {
            Ok(()) => EventKind::Refreshed,
            Err(RefreshError::Store(error)) => EventKind::UnexpectedError(error.clone().into()),
            Err(_) => EventKind::FailedRefresh,
        });
        Ok(refreshed?)
    }

    /// Acquires its slot, calls `work`, waits for what that gives, and releases the slot whatever happens: also when
    /// `work` panics, and when the future is dropped (README: *Semaphores as objects*). Never waits for a slot.
    ///
    /// Gives the output of `work`, also when the store fails while the slot is released: the store frees it by itself
    /// then, and listeners get an event of the error.
    ///
    /// # Errors
    /// [`Error::LimitReached`], and `work` is not called; [`Error::Store`].
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # async fn do_work() {}
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// semaphore.run_or_fail(|| async { do_work().await }).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn run_or_fail<F: Future>(
        &self,
        work: impl FnOnce() -> F,
    ) -> Result<F::Output, Error> {
        let permit = self.take_or_fail().await?;
        Ok(self.run(permit, work).await)
    }

    /// As [`run_or_fail`](Self::run_or_fail), but waits in line for the slot as
    /// [`acquire_blocking`](Self::acquire_blocking) does (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// Those of [`acquire_blocking_or_fail`](Self::acquire_blocking_or_fail), and `work` is not called.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # async fn do_work() {}
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("resource", Settings::new().limit(2))?;
    ///
    /// // You can give the same time as to `acquire_blocking`
    /// semaphore.run_blocking_or_fail(None, || async { do_work().await }).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn run_blocking_or_fail<F: Future>(
        &self,
        time: impl Into<Option<Duration>>,
        work: impl FnOnce() -> F,
    ) -> Result<F::Output, Error> {
        let permit = self.wait(time.into()).await?;
        Ok(self.run(permit, work).await)
    }

    /// The semaphore at this moment, as its slot id sees it (README: *Semaphores as objects*).
    ///
    /// # Errors
    /// [`StoreError`] when a shared store failed.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings, State};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("shared-resource", Settings::new().limit(2))?;
    ///
    /// match semaphore.get_state().await? {
    ///     State::Expired => println!("The semaphore doesn't exist"),
    ///     State::LimitReached { .. } => println!("All slots are unavailable"),
    ///     State::Acquired { .. } => println!("The semaphore is acquired"),
    ///     State::Unacquired { .. } => println!("There are slots, but the semaphore is not acquired"),
    ///     _ => {}
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn get_state(&self) -> Result<State, StoreError> {
        let state = self.0.handle.slot_state(&self.0.id).await;
        if let Err(error) = &state {
            self.emit(|| EventKind::UnexpectedError(error.clone().into()));
        }
        Ok(state?.into())
    }

    fn request(&self) -> Request {
        let mut request = Request::new().slots(self.0.limit).slot(self.0.id.clone());
        if let Some(ttl) = self.ttl() {
            request = request.ttl(ttl);
        }
        if let Some(owner) = &self.0.provider.0.owner {
            request = request.owner(owner.clone());
        }
        request
    }

    /// Its slot, if one is free. The permit gives it back should the future be dropped.
    async fn take(&self) -> Result<Option<Permit>, StoreError> {
        let taken = self.0.handle.acquire().with(self.request()).if_free().await;
        self.emit(|| match &taken {
            Ok(Some(_)) => EventKind::Acquired,
            Ok(None) => EventKind::LimitReached,
            Err(error) => EventKind::UnexpectedError(error.clone().into()),
        });
        taken
    }

    async fn take_or_fail(&self) -> Result<Permit, Error> {
        self.take().await?.ok_or_else(|| Error::LimitReached {
            name: self.name().clone(),
            waited: Duration::ZERO,
        })
    }

    /// Its slot, when it is its turn.
    async fn wait(&self, time: Option<Duration>) -> Result<Permit, Error> {
        let time = time.unwrap_or(self.0.provider.0.default_blocking_time);
        let request = self.request().timeout(time);
        let acquired = self.0.handle.acquire().with(request).await;
        let acquired = acquired.map_err(Error::from);
        self.emit(|| match &acquired {
            Ok(_) => EventKind::Acquired,
            Err(Error::LimitReached { .. }) => EventKind::LimitReached,
            Err(error) => EventKind::UnexpectedError(error.clone()),
        });
        acquired
    }

    async fn run<F: Future>(&self, permit: Permit, work: impl FnOnce() -> F) -> F::Output {
        let running = Running {
            semaphore: self,
            permit: Some(permit),
        };
        let output = work().await;
        running.end().await;
        output
    }

    /// Emits an event, if there is a listener.
    fn emit(&self, what: impl FnOnce() -> EventKind) {
        let hub = &self.0.provider.0.hub;
        if hub.is_observed() {
            hub.emit(Event {
                kind: what(),
                semaphore: self.clone(),
            });
        }
    }

    fn tell_of(&self, outcome: &Result<bool, StoreError>, done: impl FnOnce(bool) -> EventKind) {
        self.emit(|| match outcome {
            Ok(outcome) => done(*outcome),
            Err(error) => EventKind::UnexpectedError(error.clone().into()),
        });
    }
}

fn nanos(ttl: Option<Ttl>) -> u64 {
    // A TTL is no longer than that.
    ttl.map_or(0, |ttl| ttl.duration().as_nanos() as u64)
}

/// Work in progress under a slot, which it gives back however it ends.
struct Running<'a> {
    semaphore: &'a Semaphore,
    /// Taken when it ends in order.
    permit: Option<Permit>,
}

impl Running<'_> {
    /// The work is done.
    async fn end(mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        match permit.release().await {
            Ok(()) => self.semaphore.emit(|| EventKind::Released),
            // The work may have released the slot itself, and acquired it again.
            Err(ReleaseError::Lost { .. }) => {
                // Listeners get an event of the error, and no more can be done about it.
                let _ = self.semaphore.release().await;
            }
            Err(ReleaseError::Store(error)) => {
                let event = || EventKind::UnexpectedError(error.into());
                self.semaphore.emit(event);
            }
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Some(permit) = self.permit.take() else {
            return;
        };
        let lost = permit.is_lost();
        drop(permit);
        self.semaphore.emit(|| match lost {
            true => EventKind::FailedRelease,
            false => EventKind::Released,
        });
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("name", self.name())
            .field("id", &self.0.id)
            .field("limit", &self.0.limit)
            .field("ttl", &self.ttl())
            .finish_non_exhaustive()
    }
}
