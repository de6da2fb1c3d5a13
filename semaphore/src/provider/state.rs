//! What a semaphore is for one slot id at one moment: [`State`].

use std::time::Duration;

use crate::slot::{SlotState, TakenSlot};
use crate::slots::Slots;

/// A semaphore at one moment, seen from one slot id (README: *Semaphores as objects*).
///
/// Who holds a slot sees [`Acquired`](State::Acquired), also when all slots are taken.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Provider, Settings, State};
///
/// let provider = Provider::new(Semaphores::memory());
/// let create = || provider.create("shared-resource", Settings::new().limit(1));
/// let (mine, theirs) = (create()?, create()?);
/// assert_eq!(mine.get_state().await?, State::Expired);
/// mine.acquire_or_fail().await?;
/// assert!(matches!(mine.get_state().await?, State::Acquired { free: Some(0), .. }));
/// assert!(matches!(theirs.get_state().await?, State::LimitReached { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// No slot is held: the semaphore does not exist, or is idle.
    Expired,
    /// Others hold slots, and there are free ones.
    Unacquired {
        /// How many slots there are.
        limit: Slots,
        /// How many are free; `None` without a limit.
        free: Option<usize>,
        /// How many are taken.
        acquired: usize,
        /// Those that are taken, in order of start.
        acquired_slots: Vec<TakenSlot>,
    },
    /// The slot id holds a slot.
    Acquired {
        /// How many slots there are.
        limit: Slots,
        /// How long the slot is still held unless it is refreshed; `None` without a TTL.
        remaining: Option<Duration>,
        /// How many are free; `None` without a limit.
        free: Option<usize>,
        /// How many are taken.
        acquired: usize,
        /// Those that are taken, in order of start. A slot that an administrator granted is none of them.
        acquired_slots: Vec<TakenSlot>,
    },
    /// All slots are taken by others, or there are none.
    LimitReached {
        /// How many slots there are.
        limit: Slots,
        /// Those that are taken, in order of start: more than the limit after that was lowered.
        acquired_slots: Vec<TakenSlot>,
    },
}

/// Which of the four states a semaphore has, seen from one slot id.
///
/// The provider for Rust and `cla/semaphore` for rules both decide by [`StateKind::of`].
///
/// ```
/// use cla_semaphore::provider::StateKind;
///
/// assert_eq!(StateKind::of(true, 2, true), StateKind::Acquired);
/// assert_eq!(StateKind::of(false, 2, true).as_str(), "LIMIT_REACHED");
/// assert_eq!(StateKind::of(false, 1, false), StateKind::Unacquired);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StateKind {
    /// No slot is taken: see [`State::Expired`].
    Expired,
    /// Others hold slots, and there are free ones: see [`State::Unacquired`].
    Unacquired,
    /// The slot id holds a slot: see [`State::Acquired`].
    Acquired,
    /// All slots are taken by others: see [`State::LimitReached`].
    LimitReached,
}

impl StateKind {
    /// The state for a slot id that `holds` a slot or not, of a semaphore with so many slots `taken`; `full` if those are
    /// all that there are.
    #[must_use]
    pub fn of(holds: bool, taken: usize, full: bool) -> Self {
        match (holds, full, taken) {
            (true, ..) => Self::Acquired,
            // Before the question whether any is taken: a semaphore that is locked has no slots, and none is taken.
            (false, true, _) => Self::LimitReached,
            (false, false, 0) => Self::Expired,
            (false, false, _) => Self::Unacquired,
        }
    }

    /// Its name, as in `LIMIT_REACHED`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "EXPIRED",
            Self::Unacquired => "UNACQUIRED",
            Self::Acquired => "ACQUIRED",
            Self::LimitReached => "LIMIT_REACHED",
        }
    }
}

impl From<&SlotState> for StateKind {
    fn from(state: &SlotState) -> Self {
        Self::of(
            state.held.is_some(),
            state.taken.len(),
            state.free() == Some(0),
        )
    }
}

impl From<SlotState> for State {
    fn from(state: SlotState) -> Self {
        let kind = StateKind::from(&state);
        let free = state.free();
        let remaining = state.held.as_ref().and_then(|held| held.remaining);
        let limit = state.slots;
        let acquired = state.taken.len();
        let acquired_slots = state.taken;
        match kind {
            StateKind::Acquired => Self::Acquired {
                limit,
                remaining,
                free,
                acquired,
                acquired_slots,
            },
            StateKind::LimitReached => Self::LimitReached {
                limit,
                acquired_slots,
            },
            StateKind::Expired => Self::Expired,
            StateKind::Unacquired => Self::Unacquired {
                limit,
                free,
                acquired,
                acquired_slots,
            },
        }
    }
}
