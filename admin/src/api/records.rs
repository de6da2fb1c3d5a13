//! The audit and the history of semaphores: who changed what, and who held and waited.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::{Extension, Json};
use cla_runtime::duration;
use cla_runtime::semaphore::{AuditEntry, AuditQuery, HistoryQuery, RequestView};
use serde::Deserialize;
use utoipa::IntoParams;

use super::bounds::count_if_any;
use super::openapi::{LengthJson, NameJson};
use super::problem::Problem;
use super::semaphores::{named, view};
use crate::auth::Person;
use crate::runs::ServiceAuditEntry;
use crate::service::Service;

/// Records in one answer that asks for no number.
const PAGE: usize = 100;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WantedAudit {
    /// Only what concerns this semaphore.
    #[param(value_type = Option<NameJson>, inline)]
    semaphore: Option<String>,
    /// Only what is no older: seconds, or a text such as `1h`.
    #[param(value_type = Option<LengthJson>, inline)]
    since: Option<String>,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    limit: Option<usize>,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WantedHistory {
    /// Only what ended no longer ago: seconds, or a text such as `1h`.
    #[param(value_type = Option<LengthJson>, inline)]
    since: Option<String>,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    limit: Option<usize>,
}

/// `GET /api/v1/audit`: the commands that changed something, the newest first, as `cla sem audit --json` prints them.
pub(crate) async fn audit(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<WantedAudit>, QueryRejection>,
) -> Result<Json<Vec<AuditEntry>>, Problem> {
    let Query(wanted) = wanted?;
    let limit = wanted.limit.unwrap_or(PAGE);
    let mut query = AuditQuery::new();
    if let Some(name) = &wanted.semaphore {
        query = query.semaphore(named(&person, name)?);
    }
    if let Some(age) = age(wanted.since.as_deref())? {
        query = query.since(age);
    }
    // A person who sees only some semaphores gets the records of those only.
    if !person.is_restricted() {
        query = query.limit(limit);
    }
    let mut entries = service.semaphores.audit(query).await?;
    entries.retain(|entry| person.sees(entry.semaphore.as_str()));
    entries.truncate(limit);
    Ok(Json(entries))
}

/// `GET /api/v1/semaphores/NAME/history`: the requests that ended, the newest first, as `cla sem history --json` prints
/// them.
pub(crate) async fn history(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Result<Path<String>, PathRejection>,
    wanted: Result<Query<WantedHistory>, QueryRejection>,
) -> Result<Json<Vec<RequestView>>, Problem> {
    let name = named(&person, &name?.0)?;
    let Query(wanted) = wanted?;
    let mut query = HistoryQuery::new().limit(wanted.limit.unwrap_or(PAGE));
    if let Some(age) = age(wanted.since.as_deref())? {
        query = query.since(age);
    }
    let ended = service.semaphores.history(&name, query).await?;
    if ended.is_empty() {
        // Says so if there is no such semaphore.
        view(&service, &name).await?;
    }
    Ok(Json(ended))
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WantedServiceAudit {
    #[param(maximum = 1_000_000_000)]
    limit: Option<usize>,
}

/// `GET /api/v1/service-audit`: what was done to the service itself, the newest first.
pub(crate) async fn service_audit(
    State(service): State<Arc<Service>>,
    wanted: Result<Query<WantedServiceAudit>, QueryRejection>,
) -> Result<Json<Vec<ServiceAuditEntry>>, Problem> {
    let Query(wanted) = wanted?;
    let limit = wanted.limit.unwrap_or(PAGE);
    match &service.runs {
        Some(runs) => Ok(Json(runs.service_audit(limit).await?)),
        // Without a file of the service nothing is remembered; its log has the records.
        None => Ok(Json(Vec::new())),
    }
}

/// Reads an age.
fn age(text: Option<&str>) -> Result<Option<Duration>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let age = match text.parse() {
        Ok(seconds) => duration::from_seconds(seconds),
        Err(_) => duration::parse(text),
    };
    let age = age.map_err(|must| Problem::invalid(format!("`since` must {must}")))?;
    Ok(Some(age))
}
