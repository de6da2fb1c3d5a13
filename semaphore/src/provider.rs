//! Semaphores as values, for programs that hand out slots and not permits: [`Provider`] makes them, [`Semaphore`] is
//! acquired and released.
//!
//! A [`Permit`] belongs to its holder. A [`Semaphore`] of this module has no owner: it is a key, a limit, a TTL
//! and the id of one slot. It can be cloned, serialized, sent elsewhere, and released there. Underneath are the same
//! semaphores and the same fair queue, so those who ask by a permit and those who ask by a provider meet in one line, and
//! administrators see and steer both.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::provider::{Provider, Settings};
//! use cla_semaphore::{SemaphoreName, Semaphores};
//!
//! let semaphores = Semaphores::memory();
//! let provider = Provider::new(semaphores.clone());
//! let semaphore = provider.create("shared-resource", Settings::new().limit(2))?;
//!
//! assert!(semaphore.acquire().await?);
//! let permit = semaphores.semaphore(&SemaphoreName::new("shared-resource")?).acquire().await?;
//! let other = provider.create("shared-resource", Settings::new().limit(2))?;
//! assert!(!other.acquire().await?, "both slots are taken");
//! assert!(semaphore.release().await?);
//! # drop(permit);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the methods have in common
//!
//! Those that end in `or_fail` give an error where the others give `false`. Those with `blocking` in their name wait in
//! line; the others never wait for a slot. A method that fails for a reason of the store gives a
//! [`StoreError`], alone or as [`Error::Store`].
//!
//! A future that is dropped leaves nothing behind: it has acquired its slot once it is ready, and else has not. What was
//! acquired stays so, whatever becomes of the [`Semaphore`], until it is released by its slot id or by an administrator,
//! its TTL passes, or the process that acquired it ends (in memory: until the store is gone). So nothing may go wrong
//! between acquiring and releasing. [`run_or_fail`](Semaphore::run_or_fail) and
//! [`run_blocking_or_fail`](Semaphore::run_blocking_or_fail) release whatever happens.
//!
//! Waiting in line in an HTTP request handler delays its response until there is a slot (README: *Semaphores as objects*). Give
//! such a wait a short time.
//!
//! # Retrying
//!
//! A loop retries (README: *Semaphores as objects*), though waiting in line is fairer: who comes back later may find
//! that others came in between.
//!
//! With [`acquire_or_fail`](Semaphore::acquire_or_fail):
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! use std::time::Duration;
//! use cla_semaphore::Semaphores;
//! use cla_semaphore::provider::{Error, Provider, Settings};
//!
//! let provider = Provider::new(Semaphores::memory());
//! let semaphore = provider.create("semaphore", Settings::new().limit(2))?;
//!
//! let mut attempts = 1;
//! while let Err(error) = semaphore.acquire_or_fail().await {
//!     if attempts == 4 || !matches!(error, Error::LimitReached { .. }) {
//!         return Err(error.into());
//!     }
//!     attempts += 1;
//!     tokio::time::sleep(Duration::from_millis(100)).await;
//! }
//! // The critical section
//! semaphore.release().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With [`acquire`](Semaphore::acquire):
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # use std::time::Duration;
//! # use cla_semaphore::Semaphores;
//! # use cla_semaphore::provider::{Provider, Settings};
//! # let provider = Provider::new(Semaphores::memory());
//! let semaphore = provider.create("semaphore", Settings::new().limit(2))?;
//!
//! let mut has_acquired = semaphore.acquire().await?;
//! for _retry in 1..4 {
//!     if has_acquired {
//!         break;
//!     }
//!     tokio::time::sleep(Duration::from_millis(100)).await;
//!     has_acquired = semaphore.acquire().await?;
//! }
//! if has_acquired {
//!     // The critical section
//!     semaphore.release().await?;
//! }
//! # assert!(has_acquired);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! With [`run_or_fail`](Semaphore::run_or_fail):
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # use std::time::Duration;
//! # use cla_semaphore::Semaphores;
//! # use cla_semaphore::provider::{Error, Provider, Settings};
//! # let provider = Provider::new(Semaphores::memory());
//! let semaphore = provider.create("semaphore", Settings::new().limit(2))?;
//!
//! let mut attempts = 1;
//! let answer = loop {
//!     let outcome = semaphore.run_or_fail(|| async { 42 /* The critical section */ }).await;
//!     match outcome {
//!         Err(Error::LimitReached { .. }) if attempts < 4 => attempts += 1,
//!         outcome => break outcome?,
//!     }
//!     tokio::time::sleep(Duration::from_millis(100)).await;
//! };
//! assert_eq!(answer, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Creating, listening and manipulating
//!
//! Three types separate the three (README: *Semaphores as objects*). Who gets a
//! [`Semaphore`] can only manipulate it, who gets [`Events`] can only listen, and who is only to create semaphores
//! gets a function that does.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! use cla_semaphore::provider::{Error, Event, Provider, Semaphore, Settings};
//! use cla_semaphore::{Events, Semaphores};
//!
//! # async fn do_work() {}
//! async fn manipulate(semaphore: &Semaphore) -> Result<(), Error> {
//!     semaphore.run_or_fail(do_work).await
//! }
//!
//! async fn create(create: impl Fn(&str) -> Semaphore) -> Result<(), Error> {
//!     manipulate(&create("resource")).await
//! }
//!
//! async fn listen(mut events: Events<Event>) {
//!     while let Ok(event) = events.recv().await {
//!         println!("{}: {}", event.kind, event.semaphore.key());
//!     }
//! }
//!
//! let provider = Provider::new(Semaphores::memory());
//! let settings = Settings::new().limit(2);
//! let events = provider.subscribe();
//! create(|key| provider.create(key, settings.clone()).expect("keys are short")).await?;
//! drop(provider);
//! listen(events).await; // ACQUIRED: resource, RELEASED: resource
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod event;
mod key;
mod semaphore;
mod serialized;
mod state;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use error::Error;
pub use event::{Event, EventKind};
pub use key::{KeyError, Namespace};
pub use semaphore::Semaphore;
pub use serialized::SerializedSemaphore;
pub use state::{State, StateKind};

use crate::event::{EventHub, Events};
use crate::owner::Owner;
use crate::request::Ttl;
use crate::semaphores::Semaphores;
use crate::slot::SlotId;
use crate::slots::Slots;
#[cfg(doc)]
use crate::{Permit, StoreError};

/// How long a slot is held without a release or refresh, in seconds (README: *Semaphores as objects*).
const DEFAULT_TTL: u64 = 5 * 60;
/// How long a `blocking` method waits, in seconds (README: *Semaphores as objects*).
const DEFAULT_BLOCKING_TIME: u64 = 60;
/// How long a refreshed slot is held, in seconds.
const DEFAULT_REFRESH_TIME: u64 = 5 * 60;

/// Makes [`Semaphore`]s of one store (README: *Semaphores as objects*). Cheap to clone.
///
/// ```
/// use cla_semaphore::provider::Provider;
/// use cla_semaphore::{Semaphores, Ttl};
///
/// // You can choose the store to use: `Semaphores::connect` takes its URL.
/// let provider = Provider::new(Semaphores::memory())
///     // With `None`, slots do not expire by default, and must be released.
///     .with_default_ttl(Ttl::from_secs(2)?);
/// # Ok::<(), cla_semaphore::TtlError>(())
/// ```
#[derive(Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    semaphores: Semaphores,
    default_ttl: Option<Ttl>,
    default_blocking_time: Duration,
    default_refresh_time: Ttl,
    namespace: Option<Namespace>,
    create_slot_id: Arc<dyn Fn() -> SlotId + Send + Sync>,
    owner: Option<Owner>,
    hub: Arc<EventHub<Event>>,
}

impl Provider {
    /// A provider of the semaphores in a store, whichever that is: of this process, of a file or a server, or the ones
    /// that rules run with.
    #[must_use]
    pub fn new(semaphores: Semaphores) -> Self {
        let ttl = |seconds| Ttl::from_secs(seconds).expect("the defaults are longer than nothing");
        Self(Arc::new(Inner {
            semaphores,
            default_ttl: Some(ttl(DEFAULT_TTL)),
            default_blocking_time: Duration::from_secs(DEFAULT_BLOCKING_TIME),
            default_refresh_time: ttl(DEFAULT_REFRESH_TIME),
            namespace: None,
            create_slot_id: Arc::new(SlotId::unique),
            owner: None,
            hub: Arc::new(EventHub::new()),
        }))
    }

    /// Sets the TTL of semaphores that are created without one: 5 minutes unless set
    /// here, `None` for slots that do not expire (README: *Semaphores as objects*).
    #[must_use]
    pub fn with_default_ttl(mut self, ttl: impl Into<Option<Ttl>>) -> Self {
        self.inner_mut().default_ttl = ttl.into();
        self
    }

    /// Sets how long `blocking` methods wait unless the call says otherwise: 1 minute unless set
    /// here. More than 584 years is for ever.
    #[must_use]
    pub fn with_default_blocking_time(mut self, time: Duration) -> Self {
        self.inner_mut().default_blocking_time = time;
        self
    }

    /// Sets how long a slot lives after a refresh, unless the refresh says otherwise:
    /// 5 minutes unless set here.
    #[must_use]
    pub fn with_default_refresh_time(mut self, ttl: Ttl) -> Self {
        self.inner_mut().default_refresh_time = ttl;
        self
    }

    /// Puts `namespace` in front of all keys (README: *Semaphores as objects*). Without one, a key is the name of
    /// its semaphore.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Namespace, Provider, Settings, State};
    ///
    /// let semaphores = Semaphores::memory();
    /// let provider_a = Provider::new(semaphores.clone()).with_namespace(Namespace::new("@semaphore-a")?);
    /// let provider_b = Provider::new(semaphores).with_namespace(Namespace::new("@semaphore-b")?);
    ///
    /// let semaphore_a = provider_a.create("key", Settings::new().ttl(None).limit(1))?;
    /// let semaphore_b = provider_b.create("key", Settings::new().ttl(None).limit(1))?;
    ///
    /// assert!(semaphore_a.acquire().await?);
    /// assert!(semaphore_b.acquire().await?);
    /// assert!(semaphore_b.release().await?);
    ///
    /// assert!(matches!(semaphore_a.get_state().await?, State::Acquired { remaining: None, .. }));
    /// assert_eq!(semaphore_b.get_state().await?, State::Expired);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// With a Redis server:
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis")] {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Namespace, Provider};
    ///
    /// let semaphores = Semaphores::connect("redis://YOUR_REDIS_SERVER")?;
    /// let provider_a = Provider::new(semaphores.clone()).with_namespace(Namespace::new("@semaphore-a")?);
    /// let provider_b = Provider::new(semaphores).with_namespace(Namespace::new("@semaphore-b")?);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_namespace(mut self, namespace: Namespace) -> Self {
        self.inner_mut().namespace = Some(namespace);
        self
    }

    /// Asks `create_slot_id` for the slot id of each semaphore that is created without one,
    /// in place of making a random UUID.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use cla_semaphore::{Semaphores, SlotId};
    ///
    /// let next = AtomicU32::new(1);
    /// let provider = Provider::new(Semaphores::memory()).with_create_slot_id(move || {
    ///     let nth = next.fetch_add(1, Ordering::Relaxed);
    ///     SlotId::new(format!("worker-{nth}")).expect("it is short")
    /// });
    /// assert_eq!(provider.create("a", Settings::new())?.id().as_str(), "worker-1");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_create_slot_id(
        mut self,
        create_slot_id: impl Fn() -> SlotId + Send + Sync + 'static,
    ) -> Self {
        self.inner_mut().create_slot_id = Arc::new(create_slot_id);
        self
    }

    /// Sets the owner of all requests, as administrators see it.
    #[must_use]
    pub fn with_owner(mut self, owner: Owner) -> Self {
        self.inner_mut().owner = Some(owner);
        self
    }

    /// A semaphore (README: *Semaphores as objects*). Creates nothing that anybody could see: that does the first who
    /// acquires it.
    ///
    /// # Errors
    /// [`KeyError`] when the key, with the namespace in front, cannot name a semaphore, or a part of the key is the
    /// one that ends namespaces.
    ///
    /// ```
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create("shared-resource", Settings::new().limit(2))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn create(&self, key: impl AsRef<str>, settings: Settings) -> Result<Semaphore, KeyError> {
        let Settings {
            limit,
            ttl,
            slot_id,
        } = settings;
        let ttl = ttl.unwrap_or(self.0.default_ttl);
        let id = slot_id.unwrap_or_else(|| (self.0.create_slot_id)());
        Semaphore::new(self, key.as_ref(), limit, ttl, id)
    }

    /// What the semaphores of this provider, and its clones, do from now on (README: *Semaphores as objects*), in the order in
    /// which each caller does it. Events come from here only: what is done to the same semaphores elsewhere, and in
    /// which order it happened to one of them, [`Semaphores::subscribe`] tells.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::{EventKind, Provider, Settings};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let mut events = provider.subscribe();
    /// provider.create("a", Settings::new())?.acquire().await?;
    ///
    /// let event = events.recv().await?;
    /// if let EventKind::Acquired = event.kind {
    ///     println!("Semaphore {} acquired", event.semaphore.key());
    /// }
    /// # assert_eq!(event.kind.as_str(), "ACQUIRED");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Two providers never hear each other's events, also when they share a store or their keys are the same:
    ///
    /// ```no_run
    /// # #[cfg(feature = "redis")] {
    /// use cla_semaphore::Semaphores;
    /// use cla_semaphore::provider::Provider;
    ///
    /// let memory = Provider::new(Semaphores::memory());
    /// let redis = Provider::new(Semaphores::connect("redis://YOUR_REDIS_SERVER")?);
    /// let (in_memory, in_redis) = (memory.subscribe(), redis.subscribe());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A subscriber that is too slow misses the oldest, and does not slow the others down: see [`Events`]. The subscription ends when
    /// the provider, its clones and all their semaphores are gone.
    #[must_use]
    pub fn subscribe(&self) -> Events<Event> {
        self.0.hub.subscribe()
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }

    /// What names the semaphore `key` of this provider in the store.
    fn name(&self, key: &str) -> Result<crate::SemaphoreName, KeyError> {
        match &self.0.namespace {
            Some(namespace) => namespace.name(key),
            None => Ok(crate::SemaphoreName::new(key)?),
        }
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("default_ttl", &self.0.default_ttl)
            .field("default_blocking_time", &self.0.default_blocking_time)
            .field("default_refresh_time", &self.0.default_refresh_time)
            .field("namespace", &self.0.namespace)
            .field("owner", &self.0.owner)
            .finish_non_exhaustive()
    }
}

/// How a [`Semaphore`] is created: built, then handed to [`Provider::create`].
///
/// ```
/// use cla_semaphore::provider::Settings;
/// use cla_semaphore::{SlotId, Ttl};
///
/// let settings = Settings::new()
///     .limit(2)                          // instead of 1
///     .ttl(Ttl::from_secs(30)?)          // instead of the provider's
///     .slot_id(SlotId::new("worker-1")?); // instead of a random one
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until they are handed to `Provider::create`"]
pub struct Settings {
    limit: Slots,
    ttl: Option<Option<Ttl>>,
    slot_id: Option<SlotId>,
}

impl Settings {
    /// One slot, the provider's default TTL, a slot id of its own.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many slots the semaphore should have. As with every request, it counts when the semaphore comes into being and
    /// whenever it is idle; what an administrator pinned outranks it.
    pub fn limit(mut self, limit: impl Into<Slots>) -> Self {
        self.limit = limit.into();
        self
    }

    /// How long an acquired slot is held unless it is released or refreshed; with `None` it does not expire and must be
    /// released (README: *Semaphores as objects*).
    ///
    /// ```
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use cla_semaphore::{Semaphores, Ttl};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create(
    ///     "shared-resource",
    ///     Settings::new().ttl(Ttl::from_secs(30)?).limit(2),
    /// )?;
    /// assert_eq!(semaphore.ttl(), Some(Ttl::from_secs(30)?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ttl(mut self, ttl: impl Into<Option<Ttl>>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Names the slot (README: *Semaphores as objects*), for debugging, or to manage it from elsewhere. Semaphores of one key
    /// with the same slot id hold the same slot. In most cases, there is no need for it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::provider::{Provider, Settings};
    /// use cla_semaphore::{Semaphores, SlotId};
    ///
    /// let provider = Provider::new(Semaphores::memory());
    /// let semaphore = provider.create(
    ///     "semaphore",
    ///     Settings::new().slot_id(SlotId::new("my-slot-id")?),
    /// )?;
    ///
    /// if semaphore.acquire().await? {
    ///     println!("Shared resource");
    ///     semaphore.release().await?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn slot_id(mut self, slot_id: SlotId) -> Self {
        self.slot_id = Some(slot_id);
        self
    }
}
