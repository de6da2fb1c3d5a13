//! Alerts: a request of a declared semaphore waits, or is busy, for longer than its declaration allows.
//!
//! The service looks at those semaphores again and again. Each request is reported once for each kind: as a line of the log, as
//! an event of the streams, as a count of `/metrics`, and to the [`Webhook`] if there is one. The marks that clients see
//! (`overdue`, `overheld`) are computed at each question, and need no alert.

mod alert;
mod webhook;

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::semaphore::{RequestId, SemaphoreName, Semaphores, StoreError, printable};
use parking_lot::Mutex;

pub(crate) use self::alert::{Alert, Kind};
use self::webhook::Deliveries;
pub use self::webhook::{Webhook, WebhookError};
use crate::declared::Declared;
use crate::live::{Happened, Live};

/// The longest delay between the moment when something takes too long and its alert.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The shortest time between two looks at the store.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// The most alerts of one look; the others come with the next looks. A jam of thousands must not hide other events.
const AT_ONCE: usize = 100;

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

    /// How many alerts there were.
    pub(crate) fn counts(&self) -> Vec<((SemaphoreName, Kind), u64)> {
        let counts = self.counts.lock();
        counts
            .iter()
            .map(|(of, count)| (of.clone(), *count))
            .collect()
    }

    /// Counts of the alerts that go to the webhook: sent, failed, dropped.
    pub(crate) fn deliveries(&self) -> Vec<(&'static str, u64)> {
        self.webhook
            .as_ref()
            .map_or_else(Vec::new, Deliveries::counts)
    }

    /// Looks again and again, for as long as the service lives. `parts` gives its parts.
    pub(crate) fn watch<S: Send + Sync + 'static>(service: &Arc<S>, parts: fn(&S) -> Watched<'_>) {
        let limits = parts(service).declared.watched();
        let limits =
            limits.flat_map(|one| Kind::ALL.into_iter().filter_map(|kind| one.limit(kind)));
        let Some(shortest) = limits.min() else { return };
        let pause = (shortest / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            let mut reported = HashSet::new();
            while let Some(service) = service.upgrade() {
                // The failure of a store that does not answer is reported elsewhere; the next look asks again.
                if let Ok(seen) = look(parts(&service), &reported).await {
                    reported = seen;
                }
                drop(service);
                tokio::time::sleep(pause).await;
            }
        });
    }

    fn report(&self, live: &Live, alert: Alert) {
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
        live.push(Happened::Alert(Box::new(alert)));
    }
}

/// The parts of a service that alerts are about.
#[derive(Clone, Copy)]
pub(crate) struct Watched<'s> {
    pub(crate) alerts: &'s Alerts,
    pub(crate) declared: &'s Declared,
    pub(crate) semaphores: &'s Semaphores,
    pub(crate) live: &'s Live,
}

type Reported = HashSet<(RequestId, Kind)>;

/// Reports each request that takes too long and is not in `reported` yet. Returns the requests that are reported by now. A
/// request that no longer takes too long is not among them, so the next time it is reported again.
async fn look(service: Watched<'_>, reported: &Reported) -> Result<Reported, StoreError> {
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
    // Alerts are sent only when all semaphores were looked at: after a failure, the next look starts over.
    for alert in new {
        service.alerts.report(service.live, alert);
    }
    Ok(now)
}
