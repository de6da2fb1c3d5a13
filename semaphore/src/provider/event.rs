//! What listeners of a provider get: [`Event`].

use std::fmt;

use super::error::Error;
use super::semaphore::Semaphore;

/// Something that a [`Semaphore`] of a provider did (README: *Semaphores as objects*).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Provider, Settings};
///
/// let provider = Provider::new(Semaphores::memory());
/// let mut events = provider.subscribe();
/// let cart = provider.create("cart", Settings::new())?;
/// cart.acquire_or_fail().await?;
/// let event = events.recv().await?;
/// assert_eq!((event.kind.as_str(), event.semaphore.id()), ("ACQUIRED", cart.id()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Event {
    /// What it did.
    pub kind: EventKind,
    /// Which it was.
    pub semaphore: Semaphore,
}

/// What a [`Semaphore`] did.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{EventKind, Provider, Settings};
///
/// let provider = Provider::new(Semaphores::memory());
/// let mut events = provider.subscribe();
/// let cart = provider.create("cart", Settings::new())?;
/// assert!(!cart.release().await?);
/// assert!(matches!(events.recv().await?.kind, EventKind::FailedRelease));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// It acquired its slot, perhaps not for the first time.
    Acquired,
    /// It released its slot.
    Released,
    /// It released all slots by force.
    AllForceReleased {
        /// Whether any was held.
        has_released: bool,
    },
    /// It held no slot to release.
    FailedRelease,
    /// It held no slot to refresh, or one without a TTL.
    FailedRefresh,
    /// It found no slot free, or none became free in time.
    LimitReached,
    /// It refreshed its slot.
    Refreshed,
    /// Something else went wrong: the store failed, an administrator cancelled the wait, or it could never have ended.
    UnexpectedError(Error),
}

impl EventKind {
    /// Its name: `ACQUIRED`, `RELEASED`, `ALL_FORCE_RELEASED`, `FAILED_RELEASE`, `FAILED_REFRESH`, `LIMIT_REACHED`,
    /// `REFRESHED` or `UNEXPECTED_ERROR`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Acquired => "ACQUIRED",
            Self::Released => "RELEASED",
            Self::AllForceReleased { .. } => "ALL_FORCE_RELEASED",
            Self::FailedRelease => "FAILED_RELEASE",
            Self::FailedRefresh => "FAILED_REFRESH",
            Self::LimitReached => "LIMIT_REACHED",
            Self::Refreshed => "REFRESHED",
            Self::UnexpectedError(_) => "UNEXPECTED_ERROR",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl crate::event::Emitted for Event {}
