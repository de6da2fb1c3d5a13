//! Whether the service answers, and whether its store does: for process managers and load balancers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::problem::Problem;
use crate::service::Service;

/// `GET /healthz`: the service answers.
pub(crate) async fn health() -> Response {
    Json(json!({"status": "ok"})).into_response()
}

/// `GET /readyz`: the store answers, too, and the service is not about to end.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Result<Response, Problem> {
    if service.is_draining() {
        return Err(Problem::draining());
    }
    if service
        .health
        .look(&service.semaphores, &service.live)
        .await
    {
        return Ok(Json(json!({"status": "ready"})).into_response());
    }
    Err(Problem::store_away())
}
