//! Requests, the rows of an administrator's screen: shown, and commands for one of them.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cla_runtime::semaphore::{
    AdminError, PlaceChange, RequestId, RequestView, SemaphoreName, Status,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::body::Body;
use super::bounds::{count, count_if_any, place};
use super::openapi::{PlaceJson, Status as RequestStatus};
use super::problem::Problem;
use crate::auth::Person;
use crate::service::Service;

/// A request, and where it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) semaphore: SemaphoreName,
    #[serde(flatten)]
    pub(crate) request: RequestView,
}

/// Which requests.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    semaphore: Option<String>,
    #[param(value_type = Option<RequestStatus>, inline)]
    status: Option<Status>,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count")]
    offset: usize,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    limit: Option<usize>,
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Move {
    #[schema(value_type = PlaceJson)]
    #[serde(deserialize_with = "place")]
    to: PlaceChange,
}

/// A request that was found, in a line of this length.
struct Found {
    row: Row,
    waiting: usize,
}

type Id = Result<Path<String>, PathRejection>;

/// `GET /api/v1/requests`.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted?;
    let views = service.semaphores.list().await?;
    let views = views.into_iter().filter(|view| {
        let name = view.name.as_str();
        let only = wanted.semaphore.as_deref();
        person.sees(name) && only.is_none_or(|only| only == name)
    });
    let mut rows: Vec<Row> = views
        .flat_map(|view| {
            let name = view.name;
            view.requests.into_iter().map(move |request| Row {
                semaphore: name.clone(),
                request,
            })
        })
        .collect();
    rows.retain(|row| {
        wanted
            .status
            .is_none_or(|status| row.request.status == status)
    });
    let total = rows.len();
    let limit = wanted.limit.unwrap_or(usize::MAX);
    let rows: Vec<Row> = rows.into_iter().skip(wanted.offset).take(limit).collect();
    let mut response = Json(rows).into_response();
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    Ok(response)
}

/// `GET /api/v1/requests/ID`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
) -> Result<Json<Row>, Problem> {
    let found = locate(&service, &person, &id?.0).await?;
    Ok(Json(found.row))
}

/// `POST /api/v1/requests/ID/grant`.
pub(crate) async fn grant(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
) -> Result<Json<Row>, Problem> {
    let found = locate(&service, &person, &id?.0).await?;
    let id = found.row.request.id;
    service.acting_as(&person).grant(id).await?;
    now(&service, found.row).await
}

/// `POST /api/v1/requests/ID/cancel`.
pub(crate) async fn cancel(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
) -> Result<Json<Row>, Problem> {
    let found = locate(&service, &person, &id?.0).await?;
    let id = found.row.request.id;
    service.acting_as(&person).cancel(id).await?;
    now(&service, found.row).await
}

/// `POST /api/v1/requests/ID/move`.
pub(crate) async fn move_to(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
    Body(body): Body<Move>,
) -> Result<Json<Row>, Problem> {
    let found = locate(&service, &person, &id?.0).await?;
    shift(&service, &person, &found, body.to).await?;
    now(&service, found.row).await
}

/// `POST /api/v1/requests/ID/release`: gives back, by force, the slot that a busy request holds by a slot id.
pub(crate) async fn release(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Id,
) -> Result<Json<Row>, Problem> {
    let found = locate(&service, &person, &id?.0).await?;
    let id = found.row.request.id;
    service.acting_as(&person).release_request(id).await?;
    now(&service, found.row).await
}

/// Moves a request.
async fn shift(
    service: &Service,
    person: &Person,
    found: &Found,
    to: PlaceChange,
) -> Result<(), Problem> {
    let request = &found.row.request;
    // A request that does not wait has no place. The store answers with that error.
    let place = to.of(request.place.unwrap_or(1), found.waiting);
    let semaphores = service.acting_as(person);
    Ok(semaphores.move_to(request.id, place).await?)
}

/// Finds a request that this person may see, and moves it.
pub(super) async fn find_and_shift(
    service: &Service,
    person: &Person,
    id: RequestId,
    to: PlaceChange,
) -> Result<(), Problem> {
    let found = locate(service, person, &id.to_string()).await?;
    shift(service, person, &found, to).await
}

/// The one request whose id begins so, if this person may see it.
async fn locate(service: &Service, person: &Person, prefix: &str) -> Result<Found, Problem> {
    let id = service.semaphores.find(prefix).await?;
    for view in service.semaphores.list().await? {
        if !person.sees(view.name.as_str()) {
            continue;
        }
        if let Some(request) = view.requests.into_iter().find(|request| request.id == id) {
            let semaphore = view.name;
            return Ok(Found {
                row: Row { semaphore, request },
                waiting: view.waiting,
            });
        }
    }
    // The request may have ended since, or this person may not see it.
    Err(unknown(prefix))
}

/// The requests of semaphores that this person may see, with where they are.
pub(super) fn unknown(id: &str) -> Problem {
    AdminError::UnknownRequest { id: id.to_owned() }.into()
}

/// The row as it is now; the old row if it is not listed any more.
async fn now(service: &Service, row: Row) -> Result<Json<Row>, Problem> {
    let view = service.semaphores.show(&row.semaphore).await?;
    let id = row.request.id;
    let found = view.and_then(|view| view.requests.into_iter().find(|request| request.id == id));
    Ok(Json(match found {
        Some(request) => Row { request, ..row },
        None => row,
    }))
}
