//! Where the semaphores of a panel are: [`Source`].

use std::fmt;

use cla_runtime::semaphore::{StoreError, StoreUrl};

use crate::server::Refusal;
use crate::store::Choice;

/// A store, or a server that has one.
pub(super) enum Source {
    Store(Box<Choice>),
    /// The URL of a `cla serve`.
    Server(String),
}

impl Source {
    /// Whether no other process can see these semaphores.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Self::Store(choice) if choice.url == StoreUrl::Memory)
    }

    /// The store; `None` if a server has it.
    pub(super) fn store(&self) -> Option<&StoreUrl> {
        match self {
            Self::Store(choice) => Some(&choice.url),
            Self::Server(_) => None,
        }
    }

    /// Says what went wrong, and what may need a change.
    pub(super) fn complaint(&self, error: &StoreError) -> String {
        let url = match self {
            Self::Store(choice) => return choice.complaint(error),
            Self::Server(url) => url,
        };
        match error {
            StoreError::Unreachable { cause, .. } => format!(
                "the server {url} cannot be reached: {cause}; check that `cla serve` runs there and that the address is \
                 right"
            ),
            StoreError::Failed { cause, .. } => match cause.downcast_ref() {
                // The error is about the request, not about the server.
                Some(Refusal::Problem {
                    status: 404 | 409 | 410 | 422,
                    detail,
                    ..
                }) => detail.clone(),
                _ => format!("the server {url}: {cause}"),
            },
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(choice) => choice.url.fmt(f),
            Self::Server(url) => f.write_str(url),
        }
    }
}
