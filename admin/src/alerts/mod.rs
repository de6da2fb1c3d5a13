//! Alerts: a request of a declared semaphore waits, or is busy, for longer than its declaration allows.
//!
//! The service looks at those semaphores again and again. Each request is reported once for each kind: as a line of the log, as
//! an event of the streams, as a count of `/metrics`, and to the [`Webhook`] if there is one. The marks that clients see
//! (`overdue`, `overheld`) are computed at each question, and need no alert.

mod webhook;

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{RequestId, RequestView, SemaphoreName, StoreError, printable};
use parking_lot::Mutex;
use serde::Serialize;

use self::webhook::Deliveries;
pub use self::webhook::{Webhook, WebhookError};
use crate::live::Happened;
use crate::service::Service;

/// An alert comes late by no more than this ...
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// ... and the store is not asked more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// So many alerts of one look; the others come with the next ones. A jam of thousands is not to drown what else happens.
const AT_ONCE: usize = 100;

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
    kind: Kind,
    pub(crate) semaphore: SemaphoreName,
    /// A sentence for people. Services for chats show this field.
    text: String,
    seconds: f64,
    /// What the declaration allows.
    limit: f64,
    request: RequestView,
}

impl Alert {
    fn new(kind: Kind, semaphore: &SemaphoreName, limit: Duration, request: &RequestView) -> Self {
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

/// The alerts so far, and where new ones are sent.
pub(crate) struct Alerts {
    counts: Mutex<BTreeMap<(SemaphoreName, Kind), u64>>,
    webhook: Option<Deliveries>,
}

impl Alerts {
    pub(crate) fn new(webhook: Option<Webhook>) -> io::Result<Self> {
        Ok(Self {
            counts: Mutex::default(),
            webhook: webhook.map(Deliveries::begin).transpose()?,
        })
    }

    /// How many there were.
    pub(crate) fn counts(&self) -> Vec<((SemaphoreName, Kind), u64)> {
        let counts = self.counts.lock();
        counts
            .iter()
            .map(|(of, count)| (of.clone(), *count))
            .collect()
    }

    /// What became of those that go to the webhook.
    pub(crate) fn deliveries(&self) -> Vec<(&'static str, u64)> {
        self.webhook
            .as_ref()
            .map_or_else(Vec::new, Deliveries::counts)
    }

    /// Looks again and again, for as long as the service lives.
    pub(crate) fn watch(service: &Arc<Service>) {
        let limits = service.declared.watched();
        let limits =
            limits.flat_map(|one| Kind::ALL.into_iter().filter_map(|kind| one.limit(kind)));
        let Some(shortest) = limits.min() else { return };
        let pause = (shortest / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut reported = HashSet::new();
            while let Some(service) = service.upgrade() {
                // A store that does not answer has said so already, and is asked again.
                if let Ok(seen) = look(&service, &reported).await {
                    reported = seen;
                }
                drop(service);
                tokio::time::sleep(pause).await;
            }
        });
    }

    fn tell(&self, service: &Service, alert: Alert) {
        tracing::warn!(
            semaphore = %printable(alert.semaphore.as_str()),
            kind = alert.kind.as_str(),
            seconds = alert.seconds,
            request = %alert.request.id,
            "alert: {}",
            alert.text
        );
        let of = (alert.semaphore.clone(), alert.kind);
        *self.counts.lock().entry(of).or_default() += 1;
        if let Some(webhook) = &self.webhook {
            webhook.send(&alert);
        }
        service.live.push(Happened::Alert(Box::new(alert)));
    }
}

type Reported = HashSet<(RequestId, Kind)>;

/// Reports what takes too long and is not reported yet. Returns what is reported by now; what no longer takes too long is
/// left out, so that it is reported again the next time.
async fn look(service: &Service, reported: &Reported) -> Result<Reported, StoreError> {
    let mut now = Reported::new();
    let mut new = Vec::new();
    for declaration in service.declared.watched() {
        let Some(view) = service.semaphores.show(declaration.name()).await? else {
            continue;
        };
        for (kind, request) in service.declared.late(&view) {
            let key = (request.id, kind);
            let Some(limit) = declaration.limit(kind) else {
                continue;
            };
            if reported.contains(&key) {
                now.insert(key);
            } else if new.len() < AT_ONCE {
                now.insert(key);
                new.push(Alert::new(kind, &view.name, limit, request));
            }
        }
    }
    // Only when all have been looked at: after a failure, all of them are looked at again.
    for alert in new {
        service.alerts.tell(service, alert);
    }
    Ok(now)
}
