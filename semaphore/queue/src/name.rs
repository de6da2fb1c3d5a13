//! What a semaphore is called.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The name of a semaphore: 1 to 255 bytes of UTF-8 without control characters.
///
/// Cheap to clone: all clones share one allocation.
///
/// ```
/// use cla_semaphore::SemaphoreName;
///
/// let name: SemaphoreName = "prod-db".parse()?;
/// assert_eq!(name.as_str(), "prod-db");
/// assert!(SemaphoreName::new("").is_err());
/// assert!(SemaphoreName::new("two\nlines").is_err());
/// # Ok::<(), cla_semaphore::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SemaphoreName(Arc<str>);

/// Why a text cannot name a semaphore.
///
/// ```
/// use cla_semaphore::{NameError, SemaphoreName};
///
/// assert_eq!(SemaphoreName::new(""), Err(NameError::Empty));
/// assert_eq!(SemaphoreName::new("x".repeat(300)), Err(NameError::TooLong { bytes: 300 }));
/// let error = SemaphoreName::new("two\nlines").unwrap_err();
/// assert!(error.to_string().contains("control character"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    #[error("a semaphore needs a name: give a text of 1 to {max} bytes", max = SemaphoreName::MAX_BYTES)]
    Empty,
    /// The text is longer than [`SemaphoreName::MAX_BYTES`].
    #[error("the semaphore name is {bytes} bytes long: shorten it to at most {max}", max = SemaphoreName::MAX_BYTES)]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// The text holds a control character, which no list or log could show.
    #[error("the semaphore name has the control character {found:?} at byte {at}: remove it")]
    Control {
        /// The character.
        found: char,
        /// The byte at which it stands.
        at: usize,
    },
}

impl SemaphoreName {
    /// The longest name, in bytes of UTF-8.
    pub const MAX_BYTES: usize = 255;

    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, longer than 255 bytes, or holds a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_BYTES {
            return Err(NameError::TooLong { bytes: text.len() });
        }
        match text.char_indices().find(|(_, c)| c.is_control()) {
            Some((at, found)) => Err(NameError::Control { found, at }),
            None => Ok(Self(Arc::from(text))),
        }
    }

    /// The name as text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For people: what cannot be seen is written as an escape. [`SemaphoreName::as_str`] is the exact text.
impl fmt::Display for SemaphoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&crate::printable(&self.0))
    }
}

impl fmt::Debug for SemaphoreName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for SemaphoreName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for SemaphoreName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for SemaphoreName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<SemaphoreName> for String {
    fn from(name: SemaphoreName) -> Self {
        name.0.as_ref().to_owned()
    }
}
