//! Runs of the rules of the folder: started, seen, stopped.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cla_rulebook::{Input, InputError};
use cla_runtime::semaphore::RunId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::body::{Body, Length};
use super::bounds::{count, count_if_any, number};
use super::openapi::{LengthJson, WaitJson};
use super::problem::Problem;
use crate::auth::Person;
use crate::runs::{Lines, Record, RuleFile, RunError, RunView, Runs, Search, Wish};
use crate::service::Service;

/// How long a client waits for a run by default.
const WAIT: Duration = Duration::from_secs(60);

/// How long a client waits for a run at most.
const LONGEST_WAIT: Duration = Duration::from_secs(10 * 60);

/// Runs in one answer that asks for no number.
const PAGE: usize = 100;

/// Runs in one answer at most.
const LARGEST_PAGE: usize = 1000;

/// Lines of output in one answer at most.
const LINES: usize = 10_000;

/// The longest key.
const LONGEST_KEY: usize = 255;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    /// Its path below the folder, as `GET /api/v1/rules` has it.
    rule: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    stash: Map<String, Value>,
    event: Option<String>,
    #[schema(value_type = Option<LengthJson>)]
    timeout: Option<Length>,
    /// Answer when the run has ended: `true`, or how long to wait for that.
    #[serde(default)]
    #[schema(value_type = WaitJson)]
    wait: Wait,
    /// The header `Idempotency-Key` says the same.
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Wait {
    Whether(bool),
    Length(Length),
}

impl Default for Wait {
    fn default() -> Self {
        Self::Whether(false)
    }
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    rule: Option<String>,
    status: Option<String>,
    since: Option<f64>,
    until: Option<f64>,
    took: Option<f64>,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count")]
    offset: usize,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    limit: Option<usize>,
}

/// Which rule.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfRule {
    /// Its path below the folder.
    pub(crate) rule: String,
}

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WantedLines {
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "number")]
    after: u64,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    limit: Option<usize>,
}

type Id = Result<Path<String>, PathRejection>;

/// `GET /api/v1/rules`.
pub(crate) async fn rules(
    State(service): State<Arc<Service>>,
) -> Result<Json<Vec<RuleFile>>, Problem> {
    let rules = runs(&service)?.rules().await;
    rules.map(Json).map_err(|error| Problem::no_folder(&error))
}

/// `GET /api/v1/rules/inputs`.
pub(crate) async fn inputs(
    State(service): State<Arc<Service>>,
    wanted: Result<Query<OfRule>, QueryRejection>,
) -> Result<Json<Vec<Input>>, Problem> {
    let Query(wanted) = wanted?;
    Ok(Json(runs(&service)?.inputs(&wanted.rule).await?))
}

/// `POST /api/v1/runs`.
pub(crate) async fn start(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    Body(start): Body<Start>,
) -> Result<Response, Problem> {
    let runs = runs(&service)?;
    if service.is_draining() {
        return Err(Problem::draining());
    }
    let header = headers.get("idempotency-key");
    let header = header.map(|key| key.to_str().map(str::to_owned));
    let header = header.transpose();
    let header = header.map_err(|_| Problem::invalid("`Idempotency-Key` is no text"))?;
    let key = start.key.or(header);
    if key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > LONGEST_KEY)
    {
        return Err(Problem::invalid("a key has 1 to 255 bytes"));
    }
    let wait = match start.wait {
        Wait::Whether(false) => None,
        Wait::Whether(true) => Some(WAIT),
        Wait::Length(Length(wait)) => Some(wait.min(LONGEST_WAIT)),
    };
    let wish = Wish {
        rule: start.rule,
        stash: Value::Object(start.stash),
        event: start.event,
        timeout: start.timeout.map(|Length(timeout)| timeout),
        login: person.login().to_owned(),
        key,
    };
    let id = runs.start(wish).await?;
    if let Some(wait) = wait {
        runs.ended(id, wait).await;
    }
    let view = found(runs, id).await?;
    let status = match view.record.ended_at {
        Some(_) => StatusCode::OK,
        None => StatusCode::ACCEPTED,
    };
    let location = [(LOCATION, format!("/api/v1/runs/{id}"))];
    Ok((status, location, Json(view)).into_response())
}

/// `GET /api/v1/runs`: the newest first. `X-Total-Count` says how many there are without `offset` and `limit`.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted?;
    let search = Search {
        rule: wanted.rule,
        status: wanted.status,
        since: wanted.since,
        until: wanted.until,
        took: wanted.took,
        offset: wanted.offset,
        limit: wanted.limit.unwrap_or(PAGE).min(LARGEST_PAGE),
    };
    let (total, records): (usize, Vec<Record>) = runs(&service)?.list(search).await?;
    let mut response = Json(records).into_response();
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    Ok(response)
}

/// `GET /api/v1/runs/ID`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    id: Id,
) -> Result<Json<RunView>, Problem> {
    found(runs(&service)?, run_id(id)?).await.map(Json)
}

/// `GET /api/v1/runs/ID/output`.
pub(crate) async fn output(
    State(service): State<Arc<Service>>,
    id: Id,
    wanted: Result<Query<WantedLines>, QueryRejection>,
) -> Result<Json<Lines>, Problem> {
    let Query(wanted) = wanted?;
    let id = run_id(id)?;
    let most = wanted.limit.unwrap_or(LINES).min(LINES);
    let lines = runs(&service)?.output(id, wanted.after, most).await?;
    lines.map(Json).ok_or_else(|| Problem::unknown_run(id))
}

/// `POST /api/v1/runs/ID/stop`: asks it to stop; its end follows.
pub(crate) async fn stop(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
) -> Result<Response, Problem> {
    let runs = runs(&service)?;
    let id = run_id(id)?;
    let view = found(runs, id).await?;
    if !runs.stop(id) {
        let detail = format!("the run {id} has ended: {}", view.record.status);
        let title = "The run has ended";
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "not-running",
            title,
            detail,
        ));
    }
    tracing::info!(login = person.login(), run = %id, "stops a run");
    Ok((StatusCode::ACCEPTED, Json(view)).into_response())
}

fn runs(service: &Service) -> Result<&Arc<Runs>, Problem> {
    service.runs.as_ref().ok_or_else(Problem::no_rules)
}

pub(crate) async fn found(runs: &Runs, id: RunId) -> Result<RunView, Problem> {
    runs.show(id).await?.ok_or_else(|| Problem::unknown_run(id))
}

pub(crate) fn run_id(id: Id) -> Result<RunId, Problem> {
    let id = id?.0;
    id.parse()
        .map_err(|_| Problem::invalid("a run's id is a UUID"))
}

impl Problem {
    pub(crate) fn unknown_run(id: RunId) -> Self {
        let detail = format!("there is no run {id}, or not any more; /api/v1/runs lists them");
        Self::new(StatusCode::NOT_FOUND, "unknown-run", "No such run", detail)
    }

    pub(crate) fn no_rules() -> Self {
        let title = "This service runs no rules";
        let detail = "no folder of rules was given to this service";
        Self::new(StatusCode::NOT_FOUND, "no-rules", title, detail)
    }

    pub(crate) fn no_folder(error: &std::io::Error) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let title = "The folder cannot be read";
        Self::new(status, "no-folder", title, error.to_string())
    }
}

impl From<RunError> for Problem {
    fn from(error: RunError) -> Self {
        let (status, kind, title) = match &error {
            RunError::NoRule { .. } => (StatusCode::NOT_FOUND, "unknown-rule", "No such rule"),
            RunError::Unreadable { .. } => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                (status, "unreadable-rule", "The rule cannot be read")
            }
            RunError::Input(InputError { input, message, .. }) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let title = "An input is missing or wrong";
                return Self::new(status, "wrong-input", title, message.clone()).about_input(input);
            }
            RunError::TooMany => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                (status, "too-many-runs", "Too many runs")
            }
            RunError::KeyReused => (
                StatusCode::CONFLICT,
                "key-reused",
                "The key was used before",
            ),
            RunError::History(_) => {
                let status = StatusCode::INTERNAL_SERVER_ERROR;
                (status, "no-history", "The history of runs cannot be used")
            }
        };
        Self::new(status, kind, title, error.to_string())
    }
}
