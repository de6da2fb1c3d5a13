//! What a semaphore is for one slot id at one moment: [`State`].

use std::time::Duration;

use crate::slot::{SlotState, TakenSlot};
use crate::slots::Slots;

/// A semaphore at one moment, seen from one slot id (README: *Semaphores as objects*).
///
/// Whoever holds a slot sees [`Acquired`](State::Acquired), also when all slots are taken.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum State {
    /// Nobody holds a slot: the semaphore does not exist, or is idle.
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

impl From<SlotState> for State {
    fn from(state: SlotState) -> Self {
        let free = state.free();
        let limit = state.slots;
        let acquired = state.taken.len();
        let acquired_slots = state.taken;
        match state.held {
            Some(held) => Self::Acquired {
                limit,
                remaining: held.remaining,
                free,
                acquired,
                acquired_slots,
            },
            None if free == Some(0) => Self::LimitReached {
                limit,
                acquired_slots,
            },
            None if acquired == 0 => Self::Expired,
            None => Self::Unacquired {
                limit,
                free,
                acquired,
                acquired_slots,
            },
        }
    }
}
