//! What an administrator asks a store to do: [`AdminCommand`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::RequestId;
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// One command of an administrator, as it is handed to a store. See [`Semaphores::administer`](crate::Semaphores::administer).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{AdminCommand, Semaphores, Slots};
///
/// let semaphores = Semaphores::memory();
/// let db = semaphores.get("db")?;
/// let command = AdminCommand::SetSlots { semaphore: db.name().clone(), slots: Slots::LOCKED };
/// semaphores.administer(command).await?;
/// assert!(db.acquire().if_free().await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminCommand {
    /// Sets the number of slots and pins it. Creates the semaphore if it is not there.
    SetSlots {
        /// The semaphore.
        semaphore: SemaphoreName,
        /// How many may be busy at once.
        slots: Slots,
    },
    /// Pins the number of slots as it is. Creates the semaphore if it is not there.
    Pin {
        /// The semaphore.
        semaphore: SemaphoreName,
    },
    /// Lets the code decide the number of slots again.
    Unpin {
        /// The semaphore.
        semaphore: SemaphoreName,
    },
    /// Starts a waiting request outside the slots.
    Grant {
        /// The request.
        request: RequestId,
    },
    /// Makes a waiting request fail.
    Cancel {
        /// The request.
        request: RequestId,
    },
    /// Puts a waiting request at a place in line.
    Move {
        /// The request.
        request: RequestId,
        /// From 1, which is next. A number beyond the end is last.
        place: usize,
    },
    /// Frees every held slot and grants every waiting request.
    Purge {
        /// The semaphore.
        semaphore: SemaphoreName,
    },
    /// Frees every held slot; the line goes on in order.
    ForceRelease {
        /// The semaphore.
        semaphore: SemaphoreName,
    },
    /// Frees the slot of one busy request; the line goes on in order.
    Release {
        /// The request.
        request: RequestId,
    },
    /// Forgets an idle semaphore.
    Forget {
        /// The semaphore.
        semaphore: SemaphoreName,
    },
}

impl AdminCommand {
    /// Which command it is, without what it is about.
    #[must_use]
    pub const fn action(&self) -> AdminAction {
        match self {
            Self::SetSlots { .. } => AdminAction::SetSlots,
            Self::Pin { .. } => AdminAction::Pin,
            Self::Unpin { .. } => AdminAction::Unpin,
            Self::Grant { .. } => AdminAction::Grant,
            Self::Cancel { .. } => AdminAction::Cancel,
            Self::Move { .. } => AdminAction::Move,
            Self::Purge { .. } => AdminAction::Purge,
            Self::ForceRelease { .. } => AdminAction::ForceRelease,
            Self::Release { .. } => AdminAction::Release,
            Self::Forget { .. } => AdminAction::Forget,
        }
    }

    /// The semaphore it is about; `None` when it names a request.
    #[must_use]
    pub const fn semaphore(&self) -> Option<&SemaphoreName> {
        match self {
            Self::SetSlots { semaphore, .. }
            | Self::Pin { semaphore }
            | Self::Unpin { semaphore }
            | Self::Purge { semaphore }
            | Self::ForceRelease { semaphore }
            | Self::Forget { semaphore } => Some(semaphore),
            Self::Grant { .. } | Self::Cancel { .. } | Self::Move { .. } | Self::Release { .. } => {
                None
            }
        }
    }

    /// The request it is about; `None` when it names a semaphore.
    #[must_use]
    pub const fn request(&self) -> Option<RequestId> {
        match self {
            Self::Grant { request }
            | Self::Cancel { request }
            | Self::Move { request, .. }
            | Self::Release { request } => Some(*request),
            _ => None,
        }
    }
}

/// The kind of an [`AdminCommand`].
///
/// ```
/// use cla_semaphore::AdminAction;
///
/// assert_eq!(AdminAction::ForceRelease.as_str(), "force_release");
/// assert_eq!(AdminAction::parse("grant"), Some(AdminAction::Grant));
/// assert_eq!(AdminAction::parse("explode"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AdminAction {
    /// See [`AdminCommand::SetSlots`].
    SetSlots,
    /// See [`AdminCommand::Pin`].
    Pin,
    /// See [`AdminCommand::Unpin`].
    Unpin,
    /// See [`AdminCommand::Grant`].
    Grant,
    /// See [`AdminCommand::Cancel`].
    Cancel,
    /// See [`AdminCommand::Move`].
    Move,
    /// See [`AdminCommand::Purge`].
    Purge,
    /// See [`AdminCommand::ForceRelease`].
    ForceRelease,
    /// See [`AdminCommand::Release`].
    Release,
    /// See [`AdminCommand::Forget`].
    Forget,
}

impl AdminAction {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SetSlots,
        Self::Pin,
        Self::Unpin,
        Self::Grant,
        Self::Cancel,
        Self::Move,
        Self::Purge,
        Self::ForceRelease,
        Self::Release,
        Self::Forget,
    ];

    /// The name that JSON, the CLI and the stores use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SetSlots => "set_slots",
            Self::Pin => "pin",
            Self::Unpin => "unpin",
            Self::Grant => "grant",
            Self::Cancel => "cancel",
            Self::Move => "move",
            Self::Purge => "purge",
            Self::ForceRelease => "force_release",
            Self::Release => "release",
            Self::Forget => "forget",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for AdminAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
