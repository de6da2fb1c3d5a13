//! The live panel: pages for people, made on the server.
//!
//! A page is a function that answers a route of the table (`server/routes.rs`) with [`page`]; text goes into it through
//! `maud`, which escapes HTML, after [`printable`](cla_runtime::semaphore::printable). Styles and scripts are files in
//! `assets/`, listed in [`assets`]: the Content-Security-Policy allows nothing inline.

pub(crate) mod assets;
pub(crate) mod sign_in;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use cla_runtime::semaphore::printable;
use maud::{DOCTYPE, Markup, html};

use crate::api::problem::Problem;
use crate::auth::Person;
use crate::service::Service;

/// The frame of every page.
pub(crate) fn page(title: &str, person: Option<&Person>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href=(assets::url("panel.css"));
                script type="module" src=(assets::url("panel.js")) {}
            }
            body {
                header {
                    h1 { (title) }
                    @if let Some(person) = person {
                        form method="post" action="/logout" {
                            span { (printable(person.login())) " (" (person.role()) ")" }
                            button { "Sign out" }
                        }
                    }
                }
                main { (content) }
            }
        }
    }
}

/// `GET /`: all semaphores.
pub(crate) async fn home(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
) -> Result<Markup, Problem> {
    // Before the list is read, so that the page misses nothing that happens from then on.
    let after = service.live.id(service.live.newest());
    let mut views = service.semaphores.list().await?;
    views.retain(|view| person.sees(view.name.as_str()));
    let content = html! {
        table id="semaphores" data-after=(after) {
            thead { tr { th { "Semaphore" } th { "Slots" } th { "Busy" } th { "Waiting" } } }
            tbody {
                @for view in &views {
                    tr data-semaphore=(view.name.as_str()) {
                        td { (view.name.to_string()) }
                        td { (view.slots.to_string()) }
                        td { (view.busy) }
                        td { (view.waiting) }
                    }
                }
            }
        }
    };
    Ok(page("Semaphores", Some(&person), &content))
}
