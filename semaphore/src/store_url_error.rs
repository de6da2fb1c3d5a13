//! Why a text names no store: [`StoreUrlError`].

/// Why a text names no store that can be opened.
///
/// ```
/// use cla_semaphore::{Semaphores, StoreUrlError};
///
/// let opened = Semaphores::connect("mysql://db1");
/// assert!(matches!(opened, Err(StoreUrlError::UnknownScheme { given }) if given == "mysql://db1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreUrlError {
    /// It does not begin as any store does.
    #[error(
        "{given:?} is no store: write memory:, sqlite:PATH, redis://HOST:PORT/DB, or with TLS rediss://..."
    )]
    UnknownScheme {
        /// The text, without a password.
        given: String,
    },
    /// `sqlite:` without a path.
    #[error("sqlite: needs the path of a file, as in sqlite:/var/lib/cla/semaphores.db")]
    NoPath,
    /// It begins well, and then something is wrong.
    #[error("{given} is no store: {problem}")]
    Malformed {
        /// The text, without a password.
        given: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// This program was built without such stores.
    #[error(
        "this program was built without {scheme} stores: enable the feature {feature:?} of cla-semaphore"
    )]
    NotBuiltIn {
        /// `sqlite` or `redis`.
        scheme: &'static str,
        /// The feature.
        feature: &'static str,
    },
}
