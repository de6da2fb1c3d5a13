//! What all parts of the service share: [`Service`].

use std::sync::{Arc, LazyLock};

use cla_runtime::semaphore::Semaphores;
use serde_json::Value;
use tokio::sync::watch;

use crate::alerts::Alerts;
use crate::auth::Auth;
use crate::declared::Declared;
use crate::health::Health;
use crate::leases::Leases;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::panel::Panel;
use crate::repl::Repl;
use crate::runs::Runs;
use crate::server::hosts::AllowedHosts;
use crate::server::proxy::Proxies;
use crate::server::rate::RateLimit;

/// The state of one service, behind all of its routes.
pub(crate) struct Service {
    pub(crate) semaphores: Semaphores,
    pub(crate) auth: Auth,
    pub(crate) hosts: AllowedHosts,
    /// Which proxies are believed.
    pub(crate) proxies: Proxies,
    pub(crate) live: Arc<Live>,
    pub(crate) metrics: Arc<Metrics>,
    /// Whether the store answers.
    pub(crate) health: Health,
    pub(crate) panel: Panel,
    pub(crate) rate: RateLimit,
    pub(crate) leases: Leases,
    /// Unless the host gave no rules.
    pub(crate) runs: Option<Arc<Runs>>,
    /// If the host lets administrators run code.
    pub(crate) repl: Option<Arc<Repl>>,
    /// Requests that wait or are busy for too long.
    pub(crate) alerts: Alerts,
    /// What the host's configuration says of semaphores.
    pub(crate) declared: Declared,
    /// The service is about to end: nothing new begins, and streams end.
    pub(crate) draining: watch::Sender<bool>,
    /// The description of the interface for programs, made at the first request for it.
    pub(crate) openapi: LazyLock<Value>,
    /// The program and its version, as `Server` would have it.
    pub(crate) version: &'static str,
}

impl Service {
    /// Ends when the service is about to end.
    pub(crate) async fn drained(&self) {
        let mut draining = self.draining.subscribe();
        // The sender is in `self`, so this does not fail.
        let _ = draining.wait_for(|draining| *draining).await;
    }

    pub(crate) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }
}
