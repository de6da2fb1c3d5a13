//! Which store: [`StoreUrl`], and [`Semaphores::connect`].

use std::fmt;
use std::str::FromStr;

use crate::error::StoreError;
use crate::file_url::SqliteUrl;
use crate::permit::Permit;
use crate::redact::without_secrets;
use crate::semaphores::Semaphores;
pub use crate::store_url_error::StoreUrlError;

/// Names a store: `memory:`, `sqlite:PATH`, `redis://...` and its kin.
///
/// Parsing it opens nothing. Shown, it has no password.
///
/// ```
/// use cla_semaphore::StoreUrl;
///
/// let url: StoreUrl = "memory:".parse()?;
/// assert_eq!(url.to_string(), "memory:");
/// assert!("mamory:".parse::<StoreUrl>().is_err());
/// # Ok::<(), cla_semaphore::StoreUrlError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// `memory:`: in this process.
    Memory,
    /// `sqlite:PATH`: a file, shared by the processes of one machine. Opened with the crate's feature
    /// `sqlite`. Parameters: see [`SqliteUrl`].
    Sqlite(SqliteUrl),
    /// `redis://`, `rediss://` (TLS), `redis-cluster://`, `redis-sentinel://`, ...: a Redis or Valkey
    /// server, shared by many machines. Opened with the crate's feature `redis`.
    #[cfg(feature = "redis")]
    Redis(crate::redis::RedisUrl),
}

/// Schemes of Redis and Valkey.
const REDIS: [&str; 15] = [
    "redis",
    "rediss",
    "redis-cluster",
    "rediss-cluster",
    "redis-sentinel",
    "rediss-sentinel",
    "valkey",
    "valkeys",
    "valkey-cluster",
    "valkeys-cluster",
    "valkey-sentinel",
    "valkeys-sentinel",
    "redis+unix",
    "valkey+unix",
    "unix",
];

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        let text = text.trim();
        let unknown = || StoreUrlError::UnknownScheme {
            given: without_secrets(text),
        };
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        match scheme {
            "memory" if rest.is_empty() => Ok(Self::Memory),
            "sqlite" => {
                // `sqlite:///var/x.db` is how other programs write the path /var/x.db.
                let path = rest.strip_prefix("//").unwrap_or(rest);
                if path.is_empty() {
                    return Err(StoreUrlError::NoPath);
                }
                if path.starts_with('?') {
                    return Err(StoreUrlError::NoPath);
                }
                SqliteUrl::parse(path).map(Self::Sqlite).map_err(|problem| {
                    StoreUrlError::Malformed {
                        given: without_secrets(text),
                        problem,
                    }
                })
            }
            #[cfg(feature = "redis")]
            scheme if REDIS.contains(&scheme) => text.parse().map(Self::Redis),
            #[cfg(not(feature = "redis"))]
            scheme if REDIS.contains(&scheme) => Err(StoreUrlError::NotBuiltIn {
                scheme: "redis",
                feature: "redis",
            }),
            _ => Err(unknown()),
        }
    }
}

impl StoreUrl {
    /// As it was given, with its passwords: to hand it to another process of the same user, never to show it.
    #[must_use]
    pub fn reveal(&self) -> String {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(url) => url.reveal().to_owned(),
            other => other.to_string(),
        }
    }

    /// The passwords in it, as they stand there and as they are meant: for who must keep them from being shown.
    #[must_use]
    pub fn passwords(&self) -> Vec<String> {
        match self {
            #[cfg(feature = "redis")]
            Self::Redis(url) => url.passwords(),
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(file) => write!(f, "sqlite:{file}"),
            #[cfg(feature = "redis")]
            Self::Redis(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl Semaphores {
    /// Semaphores of the store that `url` names: see [`StoreUrl`]. The store is opened at its first use, and
    /// an error to open it is an error of that use.
    ///
    /// ```
    /// use cla_semaphore::Semaphores;
    ///
    /// let semaphores = Semaphores::connect("memory:")?;
    /// # Ok::<(), cla_semaphore::StoreUrlError>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreUrlError`] when `url` names no store that this program can open.
    pub fn connect(url: &str) -> Result<Self, StoreUrlError> {
        Self::open(&url.parse()?)
    }

    /// As [`connect`](Self::connect), with a URL that was parsed before.
    ///
    /// # Errors
    /// [`StoreUrlError::NotBuiltIn`].
    pub fn open(url: &StoreUrl) -> Result<Self, StoreUrlError> {
        match url {
            StoreUrl::Memory => Ok(Self::memory()),
            #[cfg(feature = "sqlite")]
            StoreUrl::Sqlite(file) => Ok(Self::with_store(crate::sqlite::SqliteStore::open(
                file.clone(),
            ))),
            #[cfg(not(feature = "sqlite"))]
            StoreUrl::Sqlite(_) => Err(StoreUrlError::NotBuiltIn {
                scheme: "sqlite",
                feature: "sqlite",
            }),
            #[cfg(feature = "redis")]
            StoreUrl::Redis(url) => Ok(Self::with_store(crate::redis::RedisStore::open(
                url.clone(),
            ))),
        }
    }
}

impl Semaphores {
    /// Goes on with the permit of another process that was killed: `succession` is what its [`Permit::succession`] was,
    /// `url` its store. The permit is lost if it was given back meanwhile, or if its lease has passed. `None` when the store
    /// has nothing of that kind, or the text is of another version.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be opened.
    pub async fn succeed(
        url: &StoreUrl,
        succession: &str,
    ) -> Result<Option<(Self, Permit)>, StoreError> {
        match url {
            #[cfg(feature = "redis")]
            StoreUrl::Redis(url) => {
                let (store, lease) =
                    crate::redis::RedisStore::succeed(url.clone(), succession).await?;
                let semaphores = Self::with_store(store);
                Ok(lease.map(|(name, permit)| (semaphores, Permit::from_store(name, permit))))
            }
            // There is only one process, or what its children inherit keeps what it held.
            StoreUrl::Memory | StoreUrl::Sqlite(_) => {
                let _ = succession;
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_be_written_in_two_ways() {
        for text in ["sqlite:/var/x.db", "sqlite:///var/x.db"] {
            let url: StoreUrl = text.parse().unwrap();
            assert_eq!(url, StoreUrl::Sqlite("/var/x.db".into()));
            assert_eq!(url.to_string(), "sqlite:/var/x.db");
        }
        for text in ["sqlite:", "sqlite:?mode=ro"] {
            assert_eq!(text.parse::<StoreUrl>(), Err(StoreUrlError::NoPath));
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        let error = "radis://me:secret@host".parse::<StoreUrl>().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
        assert!(error.to_string().contains("me:***@host"), "{error}");
    }
}
