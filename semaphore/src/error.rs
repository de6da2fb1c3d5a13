//! What can go wrong. Each message says what a rule author can do next.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slot::SlotId;
use crate::view::Status;

pub use cla_queue::deadlock::{DeadlockError, DeadlockLink};

/// Why a request got no slot.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::time::Duration;
/// use cla_semaphore::{AcquireError, Semaphores};
///
/// let db = Semaphores::memory().get("db")?;
/// let _held = db.acquire().await?;
/// match db.acquire().timeout(Duration::ZERO).await {
///     Err(AcquireError::TimedOut { name, .. }) => assert_eq!(name.as_str(), "db"),
///     other => panic!("the slot is taken, yet: {other:?}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError {
    /// An administrator cancelled it (README: *Steering*).
    #[error(
        "Semaphore cancel: an administrator cancelled the wait for semaphore \"{name}\"; \
         find out why before trying again"
    )]
    Cancelled {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// It waited as long as its timeout allows.
    #[error(
        "no slot of semaphore \"{name}\" became free within {after:?}; \
         wait longer, or see who holds it"
    )]
    TimedOut {
        /// The semaphore.
        name: SemaphoreName,
        /// The timeout.
        after: Duration,
    },
    /// The wait could never have ended.
    #[error(transparent)]
    Deadlock(#[from] DeadlockError),
    /// Its run was given up: see [`Semaphores::abandon`](crate::Semaphores::abandon).
    #[error(
        "the run that waited for semaphore \"{name}\" was given up, because it did not end at its limit"
    )]
    Abandoned {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a permit could not be given back.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{ReleaseError, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let db = semaphores.get("db")?;
/// let permit = db.acquire().await?;
/// semaphores.force_release(db.name()).await?;
/// assert!(matches!(permit.release().await, Err(ReleaseError::Lost { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// It was no longer held: its TTL or its lease passed, or an administrator released it. No harm was done.
    #[error(
        "the permit of semaphore \"{name}\" was lost before it was released: its TTL or its lease passed, or \
         an administrator released it; others may have been busy at the same time"
    )]
    Lost {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The error of a rule whose slot was lost by accident: see [`Permit::lease_passed`](crate::Permit::lease_passed).
///
/// ```
/// use cla_semaphore::{SemaphoreName, lost_message};
///
/// let message = lost_message(&SemaphoreName::new("db")?);
/// assert!(message.starts_with("Semaphore lost: the slot of semaphore \"db\" was lost"));
/// # Ok::<(), cla_semaphore::NameError>(())
/// ```
#[must_use]
pub fn lost_message(name: &SemaphoreName) -> String {
    format!(
        "Semaphore lost: the slot of semaphore \"{name}\" was lost while it was held, for its store could not be \
         reached for longer than the lease, or the store's file was deleted or replaced; others may have been busy at the same time"
    )
}

/// Why a permit's TTL could not be renewed.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{RefreshError, Semaphores, Ttl};
///
/// let permit = Semaphores::memory().get("db")?.acquire().await?;
/// let refreshed = permit.refresh(Ttl::from_secs(60)?).await;
/// assert!(matches!(refreshed, Err(RefreshError::NoTtl { .. })), "it never expires");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefreshError {
    /// It is no longer held: its TTL or its lease passed, or an administrator released it. No harm was done.
    #[error(
        "the permit of semaphore \"{name}\" cannot be refreshed, it is lost: its TTL or its lease passed, or \
         an administrator released it; stop, and acquire it again"
    )]
    Lost {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The slot id holds no slot: it was released, its TTL or its lease passed, or it was never acquired.
    #[error(
        "the slot id \"{slot}\" holds no slot of semaphore \"{name}\", so there is nothing to refresh; acquire it again"
    )]
    NotHeld {
        /// The semaphore.
        name: SemaphoreName,
        /// The slot id.
        slot: SlotId,
    },
    /// It never expires (README: *Semaphores as objects*).
    #[error(
        "the permit of semaphore \"{name}\" has no TTL, so there is nothing to refresh; \
         acquire it with a TTL"
    )]
    NoTtl {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an administrator's command was not carried out.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{AdminError, Semaphores};
///
/// let semaphores = Semaphores::memory();
/// let permit = semaphores.get("db")?.acquire().await?;
/// let granted = semaphores.grant(permit.id()).await;
/// assert!(matches!(granted, Err(AdminError::NotWaiting { .. })), "it is busy already");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// No semaphore has this name: no request named it yet, or it was forgotten.
    #[error("there is no semaphore \"{name}\"; it comes into being with the first request for it")]
    UnknownSemaphore {
        /// The name.
        name: SemaphoreName,
    },
    /// No request has this id, or not any more.
    #[error("there is no request {id}; list the semaphores to see the requests there are")]
    UnknownRequest {
        /// The id, or the beginning of one.
        id: String,
    },
    /// Several requests have an id that begins so.
    #[error("{matches} requests have an id that begins with {prefix:?}; type more of it")]
    AmbiguousId {
        /// The beginning.
        prefix: String,
        /// How many.
        matches: usize,
    },
    /// Only a waiting request can be granted, cancelled or moved.
    #[error(
        "request {id} is {status}, not waiting; only a waiting request can be granted, cancelled or moved"
    )]
    NotWaiting {
        /// The request.
        id: RequestId,
        /// What it is instead.
        status: Status,
    },
    /// Only what is busy has a slot to give back.
    #[error("request {id} is {status}, not busy; only a busy request has a slot to give back")]
    NotBusy {
        /// The request.
        id: RequestId,
        /// What it is instead.
        status: Status,
    },
    /// The store of this process keeps no more pinned semaphores: it would keep each of them for ever.
    #[error(
        "{most} semaphores have slots that an administrator set, and this process keeps no more: let the code's number \
         count again for some that are not needed, or forget them"
    )]
    TooManyPinned {
        /// How many it keeps.
        most: usize,
    },
    /// Only an idle semaphore can be forgotten.
    #[error(
        "semaphore \"{name}\" is in use ({busy} busy, {waiting} waiting); only an idle one can be forgotten"
    )]
    InUse {
        /// The semaphore.
        name: SemaphoreName,
        /// How many are busy, granted ones included.
        busy: usize,
        /// How many wait.
        waiting: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AdminError {
    /// The one request of those whose ids begin with `prefix`.
    pub(crate) fn only_match(prefix: &str, found: &[RequestId]) -> Result<RequestId, Self> {
        match *found {
            [id] => Ok(id),
            [] => Err(Self::UnknownRequest {
                id: prefix.to_owned(),
            }),
            _ => Err(Self::AmbiguousId {
                prefix: prefix.to_owned(),
                matches: found.len(),
            }),
        }
    }
}

/// A file runs nowhere and has no address; what its store says of it is enough to go on.
fn unreachable(store: &str, cause: &dyn fmt::Display) -> String {
    if store.starts_with("sqlite:") {
        format!("the semaphore store {store} cannot be used: {cause}")
    } else {
        format!(
            "the semaphore store {store} cannot be reached: {cause}; check that it runs and that the address is right"
        )
    }
}

/// A shared store could not do what it was asked to. The memory store never fails.
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use cla_semaphore::StoreError;
///
/// // As a store makes it that cannot reach its server.
/// let cause = Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused));
/// let error = StoreError::Unreachable { store: "redis://db1".to_owned(), cause };
/// assert!(error.to_string().starts_with("the semaphore store redis://db1 cannot be reached"));
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// It does not answer.
    #[error("{}", unreachable(store, cause))]
    Unreachable {
        /// The store's URL, without a password.
        store: String,
        /// What the connection said.
        #[source]
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// It answered, but not with what was asked.
    #[error("the semaphore store {store} failed: {cause}")]
    Failed {
        /// The store's URL, without a password.
        store: String,
        /// What it said.
        #[source]
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
}
