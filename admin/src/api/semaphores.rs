//! Semaphores: listed and shown.

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use cla_runtime::semaphore::{SemaphoreName, SemaphoreView, Slots, Status};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::bounds::{count, count_if_any};
use super::problem::Problem;
use crate::auth::Person;
use crate::declared::{Declared, Seen};
use crate::service::Service;

/// Which semaphores, and in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Text that the name, or the `who` of a request, contains; any case.
    pub(crate) q: Option<String>,
    #[param(inline)]
    pub(crate) state: Option<Condition>,
    #[param(inline)]
    pub(crate) sort: Sort,
    #[param(inline)]
    pub(crate) order: Option<Order>,
    /// Only declared ones with this label: `NAME=VALUE`, or `NAME` with any value.
    pub(crate) label: Option<String>,
    /// How many of the result to leave out at the start.
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count")]
    pub(crate) offset: usize,
    #[param(maximum = 1_000_000_000)]
    #[serde(deserialize_with = "count_if_any")]
    pub(crate) limit: Option<usize>,
    /// `false`: without the requests.
    pub(crate) requests: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Condition {
    /// Somebody is busy.
    Busy,
    /// Somebody waits.
    Waiting,
    /// Neither.
    Idle,
    /// There are no slots.
    Locked,
    /// An administrator has set the slots.
    Pinned,
    /// Somebody waits for longer than the declaration allows.
    Overdue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sort {
    #[default]
    Name,
    Busy,
    Waiting,
    /// The longest wait of those who wait now.
    Oldest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    Asc,
    Desc,
}

/// `GET /api/v1/semaphores`: an array, as `cla sem list --json` prints it. `X-Total-Count` says how many there are without
/// `offset` and `limit`.
pub(crate) async fn list(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(wanted) = wanted?;
    let mut views = service.semaphores.list().await?;
    views.retain(|view| person.sees(view.name.as_str()));
    let (total, views) = wanted.apply(views, &service.declared);
    let seen: Vec<_> = views
        .into_iter()
        .map(|view| service.declared.seen(view))
        .map(|seen| wanted.shortened(seen))
        .collect();
    let mut response = Json(seen).into_response();
    let headers = response.headers_mut();
    headers.insert("x-total-count", HeaderValue::from(total));
    Ok(response)
}

/// `GET /api/v1/semaphores/NAME`: one, as `cla sem show --json` prints it.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let name = named(&person, &name?.0)?;
    let view = view(&service, &name).await?;
    Ok(Json(service.declared.seen(view)).into_response())
}

/// A name that this person may see.
pub(crate) fn named(person: &Person, name: &str) -> Result<SemaphoreName, Problem> {
    let name = SemaphoreName::new(name).map_err(|error| Problem::invalid(error.to_string()))?;
    if person.sees(name.as_str()) {
        return Ok(name);
    }
    // For this person, a semaphore that they may not see does not exist.
    Err(unknown(&name))
}

fn unknown(name: &SemaphoreName) -> Problem {
    Problem::unknown_semaphore(format!(
        "there is no semaphore \"{name}\"; it comes into being with the first request for it"
    ))
}

/// The semaphore as it is now.
pub(crate) async fn view(
    service: &Service,
    name: &SemaphoreName,
) -> Result<SemaphoreView, Problem> {
    let found = service.semaphores.show(name).await?;
    found.ok_or_else(|| unknown(name))
}

impl Wanted {
    /// Those that are wanted, in the order that is wanted, and how many there are without `offset` and `limit`.
    pub(crate) fn apply<V: Borrow<SemaphoreView>>(
        &self,
        mut views: Vec<V>,
        declared: &Declared,
    ) -> (usize, Vec<V>) {
        let text = self.q.as_ref().map(|text| text.to_lowercase());
        views.retain(|view| {
            let view = view.borrow();
            text.as_ref().is_none_or(|text| mentions(view, text))
                && self.state.is_none_or(|state| state.is_of(view, declared))
                && self
                    .label
                    .as_ref()
                    .is_none_or(|label| declared.has_label(&view.name, label))
        });
        // The store gives them by name, and sorting keeps that order among equals.
        match self.sort {
            Sort::Name => {}
            Sort::Busy => views.sort_by_key(|view| Reverse(view.borrow().busy)),
            Sort::Waiting => views.sort_by_key(|view| Reverse(view.borrow().waiting)),
            Sort::Oldest => {
                let oldest = |view: &V| oldest_wait(view.borrow()).unwrap_or(-1.0);
                views.sort_by(|a, b| oldest(b).total_cmp(&oldest(a)));
            }
        }
        // The most interesting first: names from a, numbers from the largest.
        let natural = match self.sort {
            Sort::Name => Order::Asc,
            _ => Order::Desc,
        };
        if self.order.is_some_and(|order| order != natural) {
            views.reverse();
        }
        let total = views.len();
        let limit = self.limit.unwrap_or(usize::MAX);
        let views = views.into_iter().skip(self.offset).take(limit).collect();
        (total, views)
    }

    /// Without the fields that were not asked for.
    fn shortened<'a>(&self, mut seen: Seen<'a>) -> Seen<'a> {
        if self.requests == Some(false) {
            seen.view.requests.clear();
        }
        seen
    }
}

impl Condition {
    fn is_of(self, view: &SemaphoreView, declared: &Declared) -> bool {
        let has = |status| view.requests.iter().any(|request| request.status == status);
        match self {
            Self::Busy => has(Status::Busy),
            Self::Waiting => view.waiting > 0,
            Self::Idle => view.waiting == 0 && !has(Status::Busy),
            Self::Locked => view.slots == Slots::LOCKED,
            Self::Pinned => view.pinned,
            Self::Overdue => !declared.overdue(view).is_empty(),
        }
    }
}

fn mentions(view: &SemaphoreView, text: &str) -> bool {
    let mut who = view
        .requests
        .iter()
        .filter_map(|request| request.who.as_ref());
    view.name.as_str().to_lowercase().contains(text)
        || who.any(|who| who.to_lowercase().contains(text))
}

/// The longest wait of those who wait.
pub(crate) fn oldest_wait(view: &SemaphoreView) -> Option<f64> {
    let waiting = view.requests.iter();
    let waiting = waiting.filter(|request| request.status == Status::Waiting);
    waiting.map(|request| request.waited).max_by(f64::total_cmp)
}
