//! Whether the service answers, and whether its store does: `/healthz`, `/readyz`, and the event `store` of streams.
//!
//! The store is asked every second. What changes is an event, so that all who watch know whether what they see is true.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cla_runtime::semaphore::{SemaphoreName, Semaphores};

use crate::live::{Happened, Live};

/// How long between two questions.
const LOOK: Duration = Duration::from_secs(1);

/// A store that does not answer within this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// An answer holds for this long: strangers ask for it.
const FRESH: Duration = Duration::from_millis(900);

/// The store is asked for a semaphore of this name: no question is cheaper, and it does not matter whether there is one.
const QUESTION: &str = "readiness";

/// Whether the store answers.
pub(crate) struct Health {
    /// By the last answer. The store counts as reachable until it is found not to be.
    reachable: AtomicBool,
    /// When that was.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self {
            reachable: AtomicBool::new(true),
            asked: tokio::sync::Mutex::default(),
        }
    }

    /// What the last question found.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Acquire)
    }

    /// Asks, unless that was done just now.
    pub(crate) async fn look(&self, semaphores: &Semaphores, live: &Live) -> bool {
        let mut asked = self.asked.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= FRESH) {
            let is = answers(semaphores).await;
            *asked = Some(Instant::now());
            if self.reachable.swap(is, Ordering::AcqRel) != is {
                if is {
                    tracing::warn!("the store answers again");
                } else {
                    tracing::error!("the store does not answer");
                }
                live.push(Happened::Store(is));
            }
        }
        self.is_reachable()
    }

    /// Asks again and again, for as long as the service lives. `parts` gives its parts.
    pub(crate) fn watch<S: Send + Sync + 'static>(
        service: &Arc<S>,
        parts: fn(&S) -> (&Self, &Semaphores, &Live),
    ) {
        let service = Arc::downgrade(service);
        tokio::spawn(async move {
            while let Some(service) = service.upgrade() {
                let (health, semaphores, live) = parts(&service);
                health.look(semaphores, live).await;
                drop(service);
                tokio::time::sleep(LOOK).await;
            }
        });
    }
}

async fn answers(semaphores: &Semaphores) -> bool {
    let Ok(name) = SemaphoreName::new(QUESTION) else {
        return false;
    };
    let answer = tokio::time::timeout(PATIENCE, semaphores.show(&name)).await;
    answer.is_ok_and(|answer| answer.is_ok())
}
