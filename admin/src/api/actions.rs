//! Commands of administrators for semaphores, one at a time or several at once.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use cla_runtime::semaphore::{
    PlaceChange, RequestId, SemaphoreName, SemaphoreView, Slots, SlotsChange, Status,
};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Body;
use super::bounds::place;
use super::openapi::{IdJson, NameJson, PlaceJson, SlotsChangeJson};
use super::problem::{Problem, ProblemJson};
use super::requests;
use super::semaphores::{named, view};
use crate::auth::Person;
use crate::service::Service;

/// The most actions in one request.
const MOST: usize = 10_000;

/// The most questions to the store at once.
const AT_ONCE: usize = 16;

type Name = Result<Path<String>, PathRejection>;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSlots {
    #[schema(value_type = SlotsChangeJson)]
    slots: SlotsChange,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Lock {
    cancel_waiting: bool,
}

/// What a change did, and how many requests it hit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hit {
    #[schema(value_type = super::openapi::Semaphore)]
    semaphore: SemaphoreView,
    requests: usize,
}

/// `POST /api/v1/semaphores/NAME/slots`.
pub(crate) async fn slots(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
    Body(body): Body<NewSlots>,
) -> Result<Json<SemaphoreView>, Problem> {
    let name = named(&person, &name?.0)?;
    set_slots(&service, &person, &name, body.slots).await?;
    view(&service, &name).await.map(Json)
}

/// `POST /api/v1/semaphores/NAME/pin`.
pub(crate) async fn pin(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
) -> Result<Json<SemaphoreView>, Problem> {
    let name = named(&person, &name?.0)?;
    service.acting_as(&person).pin(&name).await?;
    view(&service, &name).await.map(Json)
}

/// `POST /api/v1/semaphores/NAME/unpin`.
pub(crate) async fn unpin(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
) -> Result<Json<SemaphoreView>, Problem> {
    let name = named(&person, &name?.0)?;
    service.acting_as(&person).unpin(&name).await?;
    view(&service, &name).await.map(Json)
}

/// `POST /api/v1/semaphores/NAME/lock`: no slots; with `cancel_waiting`, all that wait fail, too.
pub(crate) async fn lock(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
    Body(body): Body<Lock>,
) -> Result<Json<Hit>, Problem> {
    let name = named(&person, &name?.0)?;
    let requests = lock_one(&service, &person, &name, body.cancel_waiting).await?;
    let semaphore = view(&service, &name).await?;
    Ok(Json(Hit {
        semaphore,
        requests,
    }))
}

/// `POST /api/v1/semaphores/NAME/purge`.
pub(crate) async fn purge(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
) -> Result<Json<Hit>, Problem> {
    let name = named(&person, &name?.0)?;
    let requests = service.acting_as(&person).purge(&name).await?;
    let semaphore = view(&service, &name).await?;
    Ok(Json(Hit {
        semaphore,
        requests,
    }))
}

/// `POST /api/v1/semaphores/NAME/force-release`.
pub(crate) async fn force_release(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
) -> Result<Json<Hit>, Problem> {
    let name = named(&person, &name?.0)?;
    let requests = service.acting_as(&person).force_release(&name).await?;
    let semaphore = view(&service, &name).await?;
    Ok(Json(Hit {
        semaphore,
        requests,
    }))
}

/// `DELETE /api/v1/semaphores/NAME`: forgets it.
pub(crate) async fn forget(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Name,
) -> Result<StatusCode, Problem> {
    let name = named(&person, &name?.0)?;
    service.acting_as(&person).forget(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn set_slots(
    service: &Service,
    person: &Person,
    name: &SemaphoreName,
    change: SlotsChange,
) -> Result<(), Problem> {
    let slots = match change {
        SlotsChange::To(slots) => Some(slots),
        relative => relative
            .of(view(service, name).await?.slots)
            .map_err(|error| Problem::invalid(error.to_string()))?,
    };
    let semaphores = service.acting_as(person);
    match slots {
        Some(slots) => semaphores.set_slots(name, slots).await?,
        None => semaphores.unpin(name).await?,
    }
    Ok(())
}

/// Locks a semaphore, and says how many waits were cancelled.
async fn lock_one(
    service: &Service,
    person: &Person,
    name: &SemaphoreName,
    cancel_waiting: bool,
) -> Result<usize, Problem> {
    let semaphores = &service.acting_as(person);
    // The lock first: no waiter is admitted while the others are cancelled.
    semaphores.set_slots(name, Slots::LOCKED).await?;
    if !cancel_waiting {
        return Ok(0);
    }
    let waiting = view(service, name).await?.requests.into_iter();
    let waiting = waiting.filter(|request| request.status == Status::Waiting);
    let cancelled = stream::iter(waiting)
        .map(|request| async move { semaphores.cancel(request.id).await })
        .buffered(AT_ONCE);
    let cancelled = cancelled.collect::<Vec<_>>().await;
    let mut count = 0;
    for cancelled in cancelled {
        match cancelled {
            Ok(()) => count += 1,
            Err(cla_runtime::semaphore::AdminError::Store(error)) => return Err(error.into()),
            // It has ended by itself meanwhile.
            Err(_) => {}
        }
    }
    Ok(count)
}

/// One action on several things.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Action {
    Slots {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
        #[schema(value_type = SlotsChangeJson)]
        slots: SlotsChange,
    },
    Pin {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
    },
    Unpin {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
    },
    Lock {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
        #[serde(default)]
        cancel_waiting: bool,
    },
    Purge {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
    },
    ForceRelease {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
    },
    Forget {
        #[schema(value_type = Vec<NameJson>)]
        semaphores: Vec<SemaphoreName>,
    },
    Grant {
        #[schema(value_type = Vec<IdJson>)]
        requests: Vec<RequestId>,
    },
    Cancel {
        #[schema(value_type = Vec<IdJson>)]
        requests: Vec<RequestId>,
    },
    Release {
        #[schema(value_type = Vec<IdJson>)]
        requests: Vec<RequestId>,
    },
    Move {
        #[schema(value_type = Vec<IdJson>)]
        requests: Vec<RequestId>,
        #[schema(value_type = PlaceJson)]
        #[serde(deserialize_with = "place")]
        to: PlaceChange,
    },
}

/// What is done to one semaphore.
#[derive(Clone, Copy)]
enum OfSemaphore {
    Slots(SlotsChange),
    Pin,
    Unpin,
    Lock { cancel_waiting: bool },
    Purge,
    ForceRelease,
    Forget,
}

/// What is done to one request.
#[derive(Clone, Copy)]
enum OfRequest {
    Grant,
    Cancel,
    Release,
    Move(PlaceChange),
}

/// The outcome of each, in the order in which they were named.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Outcomes {
    done: usize,
    failed: usize,
    results: Vec<Outcome>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Outcome {
    /// The name or the id.
    of: String,
    ok: bool,
    /// How many requests it hit, where it may hit several.
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::openapi::Problem>)]
    problem: Option<ProblemJson>,
}

/// `POST /api/v1/actions`: each succeeds or fails on its own.
pub(crate) async fn several(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    Body(action): Body<Action>,
) -> Result<Json<Outcomes>, Problem> {
    let of_semaphores = async |names, what| each_semaphore(&service, &person, names, what).await;
    let of_requests = async |ids, what| each_request(&service, &person, ids, what).await;
    let results = match action {
        Action::Slots { semaphores, slots } => {
            of_semaphores(semaphores, OfSemaphore::Slots(slots)).await
        }
        Action::Pin { semaphores } => of_semaphores(semaphores, OfSemaphore::Pin).await,
        Action::Unpin { semaphores } => of_semaphores(semaphores, OfSemaphore::Unpin).await,
        Action::Lock {
            semaphores,
            cancel_waiting,
        } => of_semaphores(semaphores, OfSemaphore::Lock { cancel_waiting }).await,
        Action::Purge { semaphores } => of_semaphores(semaphores, OfSemaphore::Purge).await,
        Action::ForceRelease { semaphores } => {
            of_semaphores(semaphores, OfSemaphore::ForceRelease).await
        }
        Action::Forget { semaphores } => of_semaphores(semaphores, OfSemaphore::Forget).await,
        Action::Grant { requests } => of_requests(requests, OfRequest::Grant).await,
        Action::Cancel { requests } => of_requests(requests, OfRequest::Cancel).await,
        Action::Release { requests } => of_requests(requests, OfRequest::Release).await,
        Action::Move { requests, to } => of_requests(requests, OfRequest::Move(to)).await,
    }?;
    let done = results.iter().filter(|result| result.ok).count();
    Ok(Json(Outcomes {
        done,
        failed: results.len() - done,
        results,
    }))
}

async fn each_semaphore(
    service: &Service,
    person: &Person,
    names: Vec<SemaphoreName>,
    what: OfSemaphore,
) -> Result<Vec<Outcome>, Problem> {
    bounded(names.len())?;
    let outcomes = stream::iter(names).map(|name| async move {
        let done = to_semaphore(service, person, &name, what).await;
        Outcome::new(name.as_str().to_owned(), done)
    });
    Ok(outcomes.buffered(AT_ONCE).collect().await)
}

async fn to_semaphore(
    service: &Service,
    person: &Person,
    name: &SemaphoreName,
    what: OfSemaphore,
) -> Result<Option<usize>, Problem> {
    named(person, name.as_str())?;
    let semaphores = service.acting_as(person);
    match what {
        OfSemaphore::Slots(change) => set_slots(service, person, name, change).await?,
        OfSemaphore::Pin => semaphores.pin(name).await?,
        OfSemaphore::Unpin => semaphores.unpin(name).await?,
        OfSemaphore::Lock { cancel_waiting } => {
            let cancelled = lock_one(service, person, name, cancel_waiting).await?;
            return Ok(Some(cancelled));
        }
        OfSemaphore::Purge => return Ok(Some(semaphores.purge(name).await?)),
        OfSemaphore::ForceRelease => return Ok(Some(semaphores.force_release(name).await?)),
        OfSemaphore::Forget => semaphores.forget(name).await?,
    }
    Ok(None)
}

async fn each_request(
    service: &Service,
    person: &Person,
    ids: Vec<RequestId>,
    what: OfRequest,
) -> Result<Vec<Outcome>, Problem> {
    bounded(ids.len())?;
    // One question for all of them, and only for actions that need the answer.
    let theirs: Option<HashSet<RequestId>> = if person.is_restricted() {
        let views = service.semaphores.list().await?.into_iter();
        let views = views.filter(|view| person.sees(view.name.as_str()));
        let requests = views.flat_map(|view| view.requests);
        Some(requests.map(|request| request.id).collect())
    } else {
        None
    };
    // One at a time and in order if one action changes the place of the next.
    let at_once = match what {
        OfRequest::Move(_) => 1,
        _ => AT_ONCE,
    };
    let theirs = theirs.as_ref();
    let outcomes = stream::iter(ids).map(|id| async move {
        let done = match theirs.is_none_or(|theirs| theirs.contains(&id)) {
            true => to_request(service, person, id, what).await,
            false => Err(requests::unknown(&id.to_string())),
        };
        Outcome::new(id.to_string(), done.map(|()| None))
    });
    Ok(outcomes.buffered(at_once).collect().await)
}

async fn to_request(
    service: &Service,
    person: &Person,
    id: RequestId,
    what: OfRequest,
) -> Result<(), Problem> {
    let semaphores = service.acting_as(person);
    match what {
        OfRequest::Grant => semaphores.grant(id).await?,
        OfRequest::Cancel => semaphores.cancel(id).await?,
        OfRequest::Release => semaphores.release_request(id).await?,
        OfRequest::Move(to) => requests::find_and_shift(service, person, id, to).await?,
    }
    Ok(())
}

fn bounded(count: usize) -> Result<(), Problem> {
    if count > MOST {
        return Err(Problem::invalid(format!(
            "{count} things in one action; at most {MOST} are done in one go"
        )));
    }
    Ok(())
}

impl Outcome {
    fn new(of: String, done: Result<Option<usize>, Problem>) -> Self {
        let ok = done.is_ok();
        let (requests, problem) = match done {
            Ok(requests) => (requests, None),
            Err(problem) => (None, Some(problem.json())),
        };
        Self {
            of,
            ok,
            requests,
            problem,
        }
    }
}
