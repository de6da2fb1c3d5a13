//! `GET /metrics`, for Prometheus.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::metrics::Now;
use crate::service::Service;

/// A store that does not answer within this is not ready.
const READY: Duration = Duration::from_secs(2);

/// `GET /metrics`.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let start = Instant::now();
    let views = tokio::time::timeout(READY, service.semaphores.list()).await;
    let latency = start.elapsed();
    let views = views.ok().and_then(Result::ok);
    let text = service.metrics.text(&Now {
        declared: &service.declared,
        views: views.as_deref(),
        latency,
        alerts: service.alerts.counts(),
        deliveries: service.alerts.deliveries(),
        running: service.runs.as_ref().map_or(0, |runs| runs.count()),
        leases: service.leases.count(),
        streams: service.live.watchers(),
    });
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, kind)], text).into_response()
}
