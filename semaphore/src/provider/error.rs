//! What the methods that end in `or_fail` give: [`Error`].

use std::time::Duration;

use crate::error::{AcquireError, DeadlockError, RefreshError, StoreError};
use crate::name::SemaphoreName;
use crate::slot::SlotId;

/// Why a [`Semaphore`](super::Semaphore) was not acquired, released or refreshed.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Error, Provider, Settings};
///
/// let provider = Provider::new(Semaphores::memory());
/// let create = || provider.create("shared-resource", Settings::new().limit(1));
/// create()?.acquire_or_fail().await?;
/// let second = create()?;
/// assert!(matches!(second.acquire_or_fail().await, Err(Error::LimitReached { .. })));
/// assert!(matches!(second.release_or_fail().await, Err(Error::FailedRelease { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No slot was free, or none became free in time.
    #[error("{}", limit_reached(name, *waited))]
    LimitReached {
        /// The semaphore.
        name: SemaphoreName,
        /// How long it was willing to wait; zero without `blocking`.
        waited: Duration,
    },
    /// An administrator cancelled the wait (README: *Steering*).
    #[error(
        "Semaphore cancel: an administrator cancelled the wait for semaphore \"{name}\"; \
         find out why before trying again"
    )]
    Cancelled {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The wait had no end and closed a cycle of runs that hold, by [permits](crate::Permit), what the others wait
    /// for. Only for a provider whose owner has a [run](crate::Owner::with_run).
    #[error(transparent)]
    Deadlock(#[from] DeadlockError),
    /// The run of the provider's owner was given up: see [`Semaphores::abandon`](crate::Semaphores::abandon).
    #[error(
        "the run that waited for semaphore \"{name}\" was given up, because it did not end at its limit"
    )]
    Abandoned {
        /// The semaphore.
        name: SemaphoreName,
    },
    /// The slot id held no slot: it was released, by whomever, its TTL passed, or it was never acquired.
    #[error(
        "the slot id \"{slot}\" holds no slot of semaphore \"{name}\", so there is nothing to release: it was never \
         acquired, its TTL passed, or it was released from elsewhere"
    )]
    FailedRelease {
        /// The semaphore.
        name: SemaphoreName,
        /// The slot id.
        slot: SlotId,
    },
    /// The slot id held no slot, or one that never expires: which, the [`RefreshError`] says.
    #[error(transparent)]
    FailedRefresh(RefreshError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn limit_reached(name: &SemaphoreName, waited: Duration) -> String {
    if waited.is_zero() {
        format!(
            "no slot of semaphore \"{name}\" is free; try again later, wait for one, or see who holds it"
        )
    } else {
        format!(
            "no slot of semaphore \"{name}\" became free within {waited:?}; wait longer, or see who holds it"
        )
    }
}

impl From<AcquireError> for Error {
    fn from(error: AcquireError) -> Self {
        match error {
            AcquireError::Cancelled { name } => Self::Cancelled { name },
            AcquireError::TimedOut { name, after } => Self::LimitReached {
                name,
                waited: after,
            },
            AcquireError::Deadlock(error) => Self::Deadlock(error),
            AcquireError::Abandoned { name } => Self::Abandoned { name },
            AcquireError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RefreshError> for Error {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Store(error) => Self::Store(error),
            error => Self::FailedRefresh(error),
        }
    }
}
