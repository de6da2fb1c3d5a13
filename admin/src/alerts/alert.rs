//! One alert: what takes too long, and the sentence that says so.

use std::fmt::Write as _;
use std::time::Duration;

use cla_runtime::semaphore::{RequestView, SemaphoreName, printable};
use serde::Serialize;

/// What takes too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// The request is in line.
    Waiting,
    /// The request is busy.
    Held,
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Waiting, Self::Held];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
        }
    }

    /// For how many seconds it has taken.
    pub(crate) fn lasted(self, request: &RequestView) -> f64 {
        match self {
            Self::Waiting => request.waited,
            Self::Held => request.ran.unwrap_or_default(),
        }
    }
}

/// One alert, as it is sent. Lengths of time are seconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Alert {
    pub(super) kind: Kind,
    pub(crate) semaphore: SemaphoreName,
    /// A sentence for people. Services for chats show this field.
    pub(super) text: String,
    pub(super) seconds: f64,
    /// What the declaration allows.
    limit: f64,
    pub(super) request: RequestView,
}

impl Alert {
    pub(super) fn new(
        kind: Kind,
        semaphore: &SemaphoreName,
        limit: Duration,
        request: &RequestView,
    ) -> Self {
        let seconds = kind.lasted(request);
        let does = match kind {
            Kind::Waiting => "waits for",
            Kind::Held => "holds",
        };
        let who = request.who.as_deref().unwrap_or("a request");
        let mut text = format!(
            "{} {does} {}",
            printable(who),
            printable(semaphore.as_str())
        );
        // Writing to a text does not fail.
        let _ = write!(
            text,
            ", for {seconds:.1} s now (limit {:.1} s)",
            limit.as_secs_f64()
        );
        Self {
            kind,
            semaphore: semaphore.clone(),
            text,
            seconds,
            limit: limit.as_secs_f64(),
            request: request.clone(),
        }
    }
}
