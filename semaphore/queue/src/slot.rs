//! What is known of one slot: [`SlotState`]. Its name is a [`SlotId`].

use std::fmt;
use std::time::Duration;

use crate::id::RequestId;
pub use crate::slot_id::{SlotId, SlotIdError};
use crate::slots::Slots;
use crate::view::{RequestView, SemaphoreView, Status};

/// A semaphore at one moment, as it looks to the owner of one slot id (README: *Semaphores as objects*).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Semaphores, SlotId};
///
/// let db = Semaphores::memory().get("db")?;
/// let mine = SlotId::new("mine")?;
/// db.acquire().slots(2).slot(mine.clone()).await?.leave();
/// let state = db.slot_state(&mine).await?;
/// assert!(state.held.is_some());
/// assert_eq!((state.free(), state.limit_reached()), (Some(1), false));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SlotState {
    /// The slot, if it is held.
    pub held: Option<SlotHolder>,
    /// How many slots there are.
    pub slots: Slots,
    /// Those that are taken, in order of start. Granted requests take none.
    pub taken: Vec<TakenSlot>,
}

/// The busy request that has the slot of a slot id.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Semaphores, SlotId, Ttl};
///
/// let db = Semaphores::memory().get("db")?;
/// let mine = SlotId::new("mine")?;
/// db.acquire().slot(mine.clone()).ttl(Ttl::from_secs(60)?).await?.leave();
/// let held = db.slot_state(&mine).await?.held.expect("it holds the slot");
/// assert!(held.remaining.is_some_and(|remaining| remaining.as_secs() <= 60));
/// assert!(!held.granted);
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotHolder {
    /// The request.
    pub request: RequestId,
    /// How long it is still held unless it is refreshed; `None` without a TTL.
    pub remaining: Option<Duration>,
    /// Whether an administrator let it through: then it takes no slot.
    pub granted: bool,
}

/// One of the slots that are taken. Shown as its slot id or, without one, as its request.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Semaphores, SlotId};
///
/// let db = Semaphores::memory().get("db")?;
/// let mine = SlotId::new("mine")?;
/// db.acquire().slots(2).slot(mine.clone()).await?.leave();
/// let without_id = db.acquire().await?;
/// let taken = db.slot_state(&mine).await?.taken;
/// assert_eq!(taken[0].to_string(), "mine");
/// assert_eq!(taken[1].to_string(), without_id.id().to_string());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenSlot {
    /// The request that took it.
    pub request: RequestId,
    /// Its id, if it has one.
    pub slot: Option<SlotId>,
}

impl SlotState {
    /// How many slots are free; `None` if there is no limit.
    #[must_use]
    pub fn free(&self) -> Option<usize> {
        match self.slots {
            Slots::Limited(slots) => Some((slots as usize).saturating_sub(self.taken.len())),
            Slots::Unlimited => None,
        }
    }

    /// Whether no slot is free.
    #[must_use]
    pub fn limit_reached(&self) -> bool {
        self.free() == Some(0)
    }

    /// Of a semaphore that was never named.
    #[doc(hidden)]
    #[must_use]
    pub fn untouched() -> Self {
        Self {
            held: None,
            slots: Slots::ONE,
            taken: Vec::new(),
        }
    }

    #[doc(hidden)]
    #[must_use]
    pub fn of(slot: &SlotId, view: &SemaphoreView) -> Self {
        let busy = |row: &&RequestView| row.status == Status::Busy;
        let held = view.requests.iter().filter(busy);
        let mut held = held.filter(|row| row.slot.as_ref() == Some(slot));
        Self {
            held: held.next().map(|row| SlotHolder {
                request: row.id,
                remaining: row.ttl_left(),
                granted: row.granted,
            }),
            slots: view.slots,
            taken: view
                .requests
                .iter()
                .filter(busy)
                .filter(|row| !row.granted)
                .map(|row| TakenSlot {
                    request: row.id,
                    slot: row.slot.clone(),
                })
                .collect(),
        }
    }
}

impl fmt::Display for TakenSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.slot {
            Some(slot) => fmt::Display::fmt(slot, f),
            None => fmt::Display::fmt(&self.request, f),
        }
    }
}
