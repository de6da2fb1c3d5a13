//! The page of the semaphores: the explorer on the left, a queue on the right.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use cla_runtime::semaphore::{SemaphoreName, printable};
use maud::{Markup, html};

use super::explorer::{self, Look};
use super::queue::{self, Shown};
use super::window::Window;
use super::{Tab, page};
use crate::api::problem::Problem;
use crate::api::semaphores::named;
use crate::auth::Person;
use crate::service::Service;

/// `GET /`: all semaphores, and the queue of the first.
pub(crate) async fn home(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    show(&service, &person, look).await
}

/// `GET /semaphores/NAME`: the queue of this one.
pub(crate) async fn semaphore(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    name: Result<Path<String>, PathRejection>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let (Path(name), Query(look)) = (name?, look?);
    show(&service, &person, look.at(name)).await
}

async fn show(service: &Service, person: &Person, mut look: Look) -> Result<Markup, Problem> {
    // Before the state is read, so that the page misses nothing that happens from then on.
    let after = service.live.id(service.live.newest());
    let snapshot = service.snapshot().await?;
    let chosen = look.semaphore.clone();
    let name: Option<SemaphoreName> = match &chosen {
        Some(name) => Some(named(person, name)?),
        None => {
            let (_, views) = look.find(service, person, &snapshot);
            views.first().map(|view| view.name.clone())
        }
    };
    look.semaphore = name.as_ref().map(|name| name.as_str().to_owned());
    let view = name.as_ref().and_then(|name| {
        let mut views = snapshot.views.iter();
        views.find(|view| view.name == *name)
    });
    let shown = match (&view, &name) {
        (Some(view), _) => Shown::Semaphore(view),
        (None, Some(name)) => Shown::Gone(name),
        (None, None) => Shown::None,
    };
    let none = !snapshot
        .views
        .iter()
        .any(|view| person.sees(view.name.as_str()));
    let content = html! {
        div.panes #panes data-after=(after) data-view=(if chosen.is_some() { "queue" } else { "list" }) data-empty=[none.then_some("yes")] {
            section.explorer aria-labelledby="explorer-title" {
                h1.only-read #explorer-title { "Semaphores" }
                (explorer::filter(service, person, &look))
                div.scroll #semaphores-scroll tabindex="-1" {
                    table.semaphores {
                        caption.only-read { "All semaphores" }
                        thead { tr {
                            th.c-name scope="col" { "Semaphore" }
                            th.c-trend scope="col" { span.only-read { "The last 5 minutes" } }
                            th.c-slots scope="col" { "Slots" }
                            th.c-count scope="col" { "Busy" }
                            th.c-count scope="col" { "Waiting" }
                        } }
                        (look.rows(service, person, &snapshot))
                    }
                }
            }
            div.side {
                (queue::pane(service, person, &shown, Window::new(0, None), snapshot.at))
                (queue::legend())
            }
            (explorer::nothing_yet())
        }
    };
    let title = chosen.map_or_else(
        || "Semaphores".to_owned(),
        |name| printable(&name).into_owned(),
    );
    Ok(page(
        service,
        &title,
        Tab::Semaphores,
        Some(person),
        &content,
    ))
}
