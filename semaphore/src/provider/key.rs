//! How keys become names of semaphores: [`Namespace`].

use std::fmt;
use std::sync::Arc;

use crate::name::{NameError, SemaphoreName};

/// Between the parts of a namespace, and between it and a key.
const DELIMITER: char = ':';
/// The part that ends a namespace and begins the key.
const ROOT_IDENTIFIER: &str = "_rt";

/// Stands in front of the keys of a provider, so that they never meet those of others (README: *Semaphores as objects*).
///
/// The key `cart` in the namespace `@shop` names the semaphore `@shop:_rt:cart`, here as in rules. A namespace has
/// parts, with a `:` in between: `@shop:eu` is below `@shop`, and its keys never meet those of `@shop` itself.
///
/// ```
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{Namespace, Provider, Settings};
///
/// let provider = Provider::new(Semaphores::memory()).with_namespace(Namespace::new("@shop")?);
/// let cart = provider.create("cart", Settings::new())?;
/// assert_eq!(cart.key(), "cart");
/// assert_eq!(cart.name().as_str(), "@shop:_rt:cart");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Namespace(Arc<str>);

/// Why a text is no key of a provider, or no [`Namespace`].
///
/// ```
/// use cla_semaphore::Semaphores;
/// use cla_semaphore::provider::{KeyError, Namespace, Provider, Settings};
///
/// assert!(matches!(Namespace::new("shop:_rt:eu"), Err(KeyError::Reserved { .. })));
/// let provider = Provider::new(Semaphores::memory());
/// let long = provider.create("x".repeat(300), Settings::new());
/// assert!(matches!(long, Err(KeyError::Name(_))));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// With its namespace in front, it cannot name a semaphore.
    #[error(transparent)]
    Name(#[from] NameError),
    /// One of its parts ends namespaces: two different pairs of namespace and key could become one name.
    #[error(
        "{text:?} must not contain the part {ROOT_IDENTIFIER:?}, which ends a namespace: choose another name"
    )]
    Reserved {
        /// The text.
        text: String,
    },
}

impl Namespace {
    /// The namespace `root`.
    ///
    /// # Errors
    /// [`KeyError::Reserved`] when one of its parts is `_rt`; [`NameError::TooLong`] when it alone is longer than the name
    /// of a semaphore may be. Whether it leaves room for a key shows with each key.
    pub fn new(root: impl AsRef<str>) -> Result<Self, KeyError> {
        let root = root.as_ref();
        check_length(root)?;
        check(root)?;
        Ok(Self(root.into()))
    }

    /// The namespace as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names the semaphore `key` in a store.
    pub(super) fn name(&self, key: &str) -> Result<SemaphoreName, KeyError> {
        check_length(key)?;
        check(key)?;
        let name = format!("{self}{DELIMITER}{ROOT_IDENTIFIER}{DELIMITER}{key}");
        Ok(SemaphoreName::new(name)?)
    }
}

/// Before anything is made of it, or quotes it.
fn check_length(text: &str) -> Result<(), NameError> {
    if text.len() > SemaphoreName::MAX_BYTES {
        return Err(NameError::TooLong { bytes: text.len() });
    }
    Ok(())
}

fn check(text: &str) -> Result<(), KeyError> {
    if text.split(DELIMITER).any(|part| part == ROOT_IDENTIFIER) {
        return Err(KeyError::Reserved {
            text: text.to_owned(),
        });
    }
    Ok(())
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
