//! One wish for a slot, before it is made: [`Request`], [`Priority`], [`Ttl`].

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::owner::Owner;
use crate::slot_id::SlotId;
use crate::slots::Slots;

/// Who goes first: higher before lower, `0` unless said otherwise, arrival order among equals.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{Priority, Request};
///
/// assert_eq!(Request::new().get_priority(), Priority(0));
/// assert_eq!(Request::new().priority(9).get_priority(), Priority(9));
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Priority(pub i32);

impl From<i32> for Priority {
    fn from(priority: i32) -> Self {
        Self(priority)
    }
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// How long a permit lives unless it is refreshed: longer than nothing (README: *Semaphores as objects*). Nanosecond precision, up to 584 years.
///
/// ```
/// use std::time::Duration;
/// use cla_semaphore::Ttl;
///
/// assert_eq!(Ttl::new(Duration::from_millis(250))?.duration(), Duration::from_millis(250));
/// assert!(Ttl::new(Duration::ZERO).is_err(), "nothing could be done with such a permit");
/// # Ok::<(), cla_semaphore::TtlError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(NonZeroU64);

/// Why a duration cannot be a [`Ttl`].
///
/// ```
/// use cla_semaphore::{Ttl, TtlError};
///
/// let error: TtlError = Ttl::from_secs(0).unwrap_err();
/// assert!(error.to_string().starts_with("a TTL must be longer than nothing"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TTL must be longer than nothing: a permit with a TTL of 0 would be lost at once")]
#[non_exhaustive]
pub struct TtlError;

impl Ttl {
    /// A TTL of `duration`, cut to 584 years.
    ///
    /// # Errors
    /// [`TtlError`] when `duration` is zero.
    pub fn new(duration: Duration) -> Result<Self, TtlError> {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        NonZeroU64::new(nanos).map(Self).ok_or(TtlError)
    }

    /// A TTL of whole seconds.
    ///
    /// # Errors
    /// [`TtlError`] when `seconds` is zero.
    pub fn from_secs(seconds: u64) -> Result<Self, TtlError> {
        Self::new(Duration::from_secs(seconds))
    }

    /// The TTL as a duration.
    #[inline]
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_nanos(self.0.get())
    }
}

impl TryFrom<Duration> for Ttl {
    type Error = TtlError;

    fn try_from(duration: Duration) -> Result<Self, TtlError> {
        Self::new(duration)
    }
}

/// What to ask for: built, then handed to one of the `acquire`s. Every request takes one slot.
///
/// ```
/// use std::time::Duration;
/// use cla_semaphore::{Owner, Request, Slots, Ttl};
///
/// let request = Request::new()
///     .slots(Slots::Limited(3))            // what the code thinks the semaphore should have
///     .priority(10)                        // before those with less
///     .timeout(Duration::from_secs(60))    // give up after a minute
///     .ttl(Ttl::from_secs(300)?)           // lose the permit after five, unless refreshed
///     .owner(Owner::process("deploy.js"));
/// # Ok::<(), cla_semaphore::TtlError>(())
/// ```
#[derive(Clone)]
#[must_use = "a request does nothing until it is handed to an `acquire`"]
pub struct Request {
    // Whole words only: a request is written and read within a few nanoseconds, and the processor
    // stalls when a word is read that was written in parts.
    slots: Declared,
    /// In nanoseconds; `u64::MAX` is for ever.
    timeout: u64,
    ttl: Option<Ttl>,
    priority: i64,
    owner: Option<Owner>,
    slot: Option<SlotId>,
}

/// An `Option<Slots>` in one word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Declared(u64);

impl Declared {
    const NOTHING: Self = Self(u64::MAX);
    const UNLIMITED: Self = Self(u64::MAX - 1);

    const fn new(slots: Slots) -> Self {
        match slots {
            Slots::Limited(slots) => Self(slots as u64),
            Slots::Unlimited => Self::UNLIMITED,
        }
    }

    #[inline]
    const fn slots(self) -> Option<Slots> {
        match self {
            Self::NOTHING => None,
            Self::UNLIMITED => Some(Slots::Unlimited),
            // What `new` widened.
            Self(slots) => Some(Slots::Limited(slots as u32)),
        }
    }
}

impl Request {
    /// Asks for one slot, waits for ever, keeps it until it is released.
    #[inline]
    pub const fn new() -> Self {
        Self {
            slots: Declared::NOTHING,
            timeout: u64::MAX,
            ttl: None,
            priority: 0,
            owner: None,
            slot: None,
        }
    }

    /// Declares how many slots the semaphore should have. It counts when this request creates the
    /// semaphore, and otherwise once the semaphore is idle; what an administrator pinned outranks it.
    #[inline]
    pub fn slots(mut self, slots: impl Into<Slots>) -> Self {
        self.set_slots(slots.into());
        self
    }

    /// Gives up after waiting this long. Zero means: now or not at all. More than 584 years is for ever.
    #[inline]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.set_timeout(timeout);
        self
    }

    /// Lets the permit expire by itself this long after it was given, unless it is refreshed.
    #[inline]
    pub const fn ttl(mut self, ttl: Ttl) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Goes before all with a lower priority, and behind those of the same that came earlier.
    #[inline]
    pub fn priority(mut self, priority: impl Into<Priority>) -> Self {
        self.set_priority(priority.into());
        self
    }

    /// Says who asks.
    #[inline]
    pub fn owner(mut self, owner: Owner) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Names the slot that it takes (README: *Semaphores as objects*). An id holds at most one slot of a semaphore: asking
    /// again while it does gives, as soon as the semaphore has a slot free, another permit for the slot that is
    /// held, with the same request, token and deadline, and takes no second one. While no slot is free, the holder
    /// of the id waits, or is refused, like every other request. All permits of one slot are lost when one gives it back.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{Request, SemaphoreName, Semaphores, SlotId};
    ///
    /// let x = Semaphores::memory().semaphore(&SemaphoreName::new("x")?);
    /// let mine = || SlotId::new("mine").map(|slot| Request::new().slots(2).slot(slot));
    /// let permit = x.acquire().with(mine()?).await?;
    /// let again = x.acquire().with(mine()?).await?;
    /// assert_eq!(again.id(), permit.id());
    ///
    /// let _other = x.acquire().await?;
    /// assert!(x.acquire().with(mine()?).if_free().await?.is_none(), "both slots are taken");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn slot(mut self, slot: SlotId) -> Self {
        self.slot = Some(slot);
        self
    }
}

/// Changes in place, for `Acquire`: to move a request that was just written costs as much as a quarter of a hand-over.
#[doc(hidden)]
impl Request {
    #[inline]
    pub const fn set_slots(&mut self, slots: Slots) {
        self.slots = Declared::new(slots);
    }

    #[inline]
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
    }

    #[inline]
    pub const fn set_ttl(&mut self, ttl: Ttl) {
        self.ttl = Some(ttl);
    }

    #[inline]
    pub const fn set_priority(&mut self, priority: Priority) {
        self.priority = priority.0 as i64;
    }

    #[inline]
    pub fn set_owner(&mut self, owner: Owner) {
        self.owner = Some(owner);
    }

    #[inline]
    pub fn set_slot(&mut self, slot: SlotId) {
        self.slot = Some(slot);
    }
}

/// What was asked for: the getters, for implementations of `Store`.
impl Request {
    /// The declared number of slots.
    #[inline]
    #[must_use]
    pub const fn get_slots(&self) -> Option<Slots> {
        self.slots.slots()
    }

    /// How long it is willing to wait; `None` is for ever.
    #[inline]
    #[must_use]
    pub const fn get_timeout(&self) -> Option<Duration> {
        match self.timeout {
            u64::MAX => None,
            nanos => Some(Duration::from_nanos(nanos)),
        }
    }

    /// The TTL its permit will have.
    #[inline]
    #[must_use]
    pub const fn get_ttl(&self) -> Option<Ttl> {
        self.ttl
    }

    /// Its priority.
    #[inline]
    #[must_use]
    pub const fn get_priority(&self) -> Priority {
        // What `priority` widened.
        Priority(self.priority as i32)
    }

    /// Who asks.
    #[inline]
    #[must_use]
    pub const fn get_owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// The id of the slot that it takes.
    #[inline]
    #[must_use]
    pub const fn get_slot(&self) -> Option<&SlotId> {
        self.slot.as_ref()
    }

    /// The id of the slot that it takes, moved out.
    #[doc(hidden)]
    #[inline]
    pub fn take_slot(&mut self) -> Option<SlotId> {
        self.slot.take()
    }

    /// Who asks, moved out.
    #[inline]
    #[doc(hidden)]
    pub fn take_owner(&mut self) -> Option<Owner> {
        self.owner.take()
    }
}

impl Default for Request {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("slots", &self.get_slots())
            .field("timeout", &self.get_timeout())
            .field("ttl", &self.ttl)
            .field("priority", &self.get_priority())
            .field("owner", &self.owner)
            .field("slot", &self.slot)
            .finish()
    }
}
