//! The names of requests and runs: [`RequestId`], [`RunId`].

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is no id.
///
/// ```
/// use cla_semaphore::RequestId;
///
/// let error = "4711".parse::<RequestId>().unwrap_err();
/// assert!(error.to_string().contains("give all 32 hexadecimal digits"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no id: give all 32 hexadecimal digits, as a list of requests shows them")]
pub struct IdError {
    given: String,
}

/// Names one request, from queueing to its end and for ever after: a UUID (version 8).
///
/// The first digits of ids made one after the other differ, so an administrator can type a short
/// prefix (see `Semaphores::find`).
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let semaphores = cla_semaphore::Semaphores::memory();
/// let permit = semaphores.get("db")?.acquire().await?;
/// let digits = permit.id().to_string().replace('-', "");
/// assert!(permit.id().begins_with(&digits[..6]));
/// assert_eq!(semaphores.find(&digits[..6]).await?, permit.id());
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RequestId(Uuid);

/// Names one run of a rule: one thread of control, which is what deadlock detection reasons about.
///
/// ```
/// use cla_semaphore::RunId;
///
/// let run = RunId::unique();
/// assert_ne!(run, RunId::unique());
/// assert_eq!(run.to_string().parse::<RunId>()?, run);
/// # Ok::<(), cla_semaphore::IdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(Uuid);

macro_rules! uuid_newtype {
    ($name:ident) => {
        impl $name {
            /// Takes over a UUID that something else made, such as a shared store.
            #[inline]
            #[must_use]
            pub const fn from_u128(bits: u128) -> Self {
                Self(Uuid::from_u128(bits))
            }

            /// The UUID as a number.
            #[inline]
            #[must_use]
            pub const fn as_u128(self) -> u128 {
                self.0.as_u128()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError {
                    given: text.to_owned(),
                })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }
    };
}

uuid_newtype!(RequestId);
uuid_newtype!(RunId);

impl RunId {
    /// An id that no other run has, in this process or another.
    #[must_use]
    pub fn unique() -> Self {
        Self(unique())
    }
}

impl RequestId {
    /// Whether its hexadecimal digits, small and without hyphens, begin with these.
    #[must_use]
    pub fn begins_with(self, digits: &str) -> bool {
        let mut buffer = [0; uuid::fmt::Simple::LENGTH];
        self.0
            .simple()
            .encode_lower(&mut buffer)
            .starts_with(digits)
    }

    /// An id that no other request has, in this process or another. For implementations of
    /// `Store`, whose clients name their requests before the store knows of them.
    #[must_use]
    pub fn unique() -> Self {
        Self(unique())
    }
}

/// A UUID of version 8, as all ids of requests and runs.
fn unique() -> Uuid {
    Uuid::new_v8(random_bytes())
}

/// A UUID of random bits (version 4).
pub(crate) fn random() -> Uuid {
    uuid::Builder::from_random_bytes(random_bytes()).into_uuid()
}

fn random_bytes() -> [u8; 16] {
    // std's own source of randomness: fresh keys per `RandomState`.
    let word = || u128::from(RandomState::new().build_hasher().finish());
    (word() << 64 | word()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_ids_are_uuids_of_version_8_and_share_no_prefix() {
        let ids: Vec<RequestId> = (0..32).map(|_| RequestId::unique()).collect();
        for id in &ids {
            assert_eq!(id.0.get_version_num(), 8);
            assert_eq!(id.0.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(id.to_string().parse::<RequestId>(), Ok(*id));
        }
        let prefixes: std::collections::HashSet<String> = ids
            .iter()
            .map(|id| id.to_string()[..6].to_owned())
            .collect();
        // 32 of 16.7 million: one clash is a chance of 1 in 34,000, two are as good as impossible.
        assert!(prefixes.len() >= 31, "{prefixes:?}");
    }
}
