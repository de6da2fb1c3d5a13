//! The name of a slot: [`SlotId`].

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::id::random;

/// Names a slot that a request takes (README: *Semaphores as objects*): 1 to 256 bytes of UTF-8 without control
/// characters.
///
/// Who knows the id can release, refresh
/// and look at the slot, from any process that shares the store. At one semaphore,
/// an id holds at most one slot.
///
/// Cheap to clone: all clones share one allocation.
///
/// ```
/// use cla_semaphore::SlotId;
///
/// let slot: SlotId = "my-slot-id".parse()?;
/// assert_eq!(slot.as_str(), "my-slot-id");
/// assert!(SlotId::new("").is_err());
/// assert!(SlotId::new("two\nlines").is_err());
/// # Ok::<(), cla_semaphore::SlotIdError>(())
/// ```
///
/// ```
/// use cla_semaphore::SlotId;
///
/// assert_eq!(SlotId::new("order-4711")?.to_string(), "order-4711");
/// assert!(SlotId::new("").is_err());
/// # Ok::<(), cla_semaphore::SlotIdError>(())
/// ```
// One word: every request has room for one, and few have one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SlotId(Arc<Box<str>>);

/// Why a text cannot name a slot.
///
/// ```
/// use cla_semaphore::{SlotId, SlotIdError};
///
/// assert_eq!(SlotId::new(""), Err(SlotIdError::Empty));
/// assert_eq!(SlotId::new("a".repeat(300)), Err(SlotIdError::TooLong { bytes: 300 }));
/// assert_eq!(SlotId::new("a\tb"), Err(SlotIdError::Control { found: '\t', at: 1 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SlotIdError {
    /// The text is empty.
    #[error("a slot id needs at least one character: give a text of 1 to {max} bytes", max = SlotId::MAX_BYTES)]
    Empty,
    /// The text is longer than [`SlotId::MAX_BYTES`].
    #[error("the slot id is {bytes} bytes long: shorten it to at most {max}", max = SlotId::MAX_BYTES)]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// The text holds a control character, which no list or log could show.
    #[error("the slot id has the control character {found:?} at byte {at}: remove it")]
    Control {
        /// The character.
        found: char,
        /// The byte at which it stands.
        at: usize,
    },
}

impl SlotId {
    /// The longest id, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 256;

    /// Checks `text` and makes it an id.
    ///
    /// # Errors
    /// [`SlotIdError`] when it is empty, longer than 256 bytes, or holds a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, SlotIdError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(SlotIdError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(SlotIdError::TooLong { bytes: text.len() });
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, found)) => Err(SlotIdError::Control { found, at }),
            None => Ok(Self(Arc::new(text.into()))),
        }
    }

    /// An id that no other slot has, in this process or another: a random UUID (version 4).
    #[must_use]
    pub fn unique() -> Self {
        Self(Arc::new(random().to_string().into()))
    }

    /// The id as text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For people: what cannot be seen is written as an escape. [`SlotId::as_str`] is the exact text.
impl fmt::Display for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&crate::printable(&self.0))
    }
}

impl fmt::Debug for SlotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl AsRef<str> for SlotId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for SlotId {
    type Err = SlotIdError;

    fn from_str(text: &str) -> Result<Self, SlotIdError> {
        Self::new(text)
    }
}

impl TryFrom<String> for SlotId {
    type Error = SlotIdError;

    fn try_from(text: String) -> Result<Self, SlotIdError> {
        Self::new(text)
    }
}

impl From<SlotId> for String {
    fn from(id: SlotId) -> Self {
        id.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_list_could_show_is_no_slot_id() {
        assert_eq!(SlotId::new(""), Err(SlotIdError::Empty));
        let long = "s".repeat(SlotId::MAX_BYTES + 1);
        assert_eq!(SlotId::new(long), Err(SlotIdError::TooLong { bytes: 257 }));
        let tab = SlotIdError::Control { found: '\t', at: 1 };
        assert_eq!(SlotId::new("a\tb"), Err(tab));
        for odd in ["|", "%7C", "@", " ", "信号"] {
            let text = serde_json::to_string(&SlotId::new(odd).unwrap()).unwrap();
            assert_eq!(serde_json::from_str::<SlotId>(&text).unwrap().as_str(), odd);
        }
    }
}
