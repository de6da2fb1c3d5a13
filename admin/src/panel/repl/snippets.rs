//! Code that administrators keep by name, for all administrators of this service.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use cla_runtime::semaphore::printable;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::parts::moment;
use super::{open, within};
use crate::api::body::Body;
use crate::api::problem::Problem;
use crate::auth::Person;
use crate::runs::{Runs, ServiceAction, is_snippet_name};
use crate::service::Service;

/// The most snippets.
const MOST: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Save {
    name: String,
    code: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Delete {
    name: String,
}

/// The list.
pub(super) async fn list(service: &Service) -> Result<Markup, Problem> {
    let snippets = runs(service)?.snippets().await?;
    Ok(html! {
        details #snippets open {
            summary { "Snippets " span.quiet { "(" (snippets.len()) ")" } }
            @if snippets.is_empty() { p.quiet { "“Save as ...” keeps the code for all administrators of this service." } }
            ul.inputs {
                @for snippet in &snippets {
                    @let name = printable(&snippet.name);
                    li data-key={ "snippet:" (snippet.name) } data-snippet=(snippet.name) data-code=(snippet.code) {
                        button.link type="button" data-act="snippet-load" title="put it into the editor" { (name) }
                        span.quiet { "by " (printable(&snippet.by)) ", " (moment(snippet.saved_at)) }
                        button.small type="button" data-act="snippet-delete" aria-label={ "Delete " (name) } { "Delete" }
                    }
                }
            }
        }
    })
}

/// `POST /panel/repl/snippets`: keeps one; answers with the list.
pub(crate) async fn save(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    save: Body<Save>,
) -> Result<Markup, Problem> {
    open(&service)?;
    let Body(Save { name, code }) = save;
    within(&code)?;
    let name = name.trim().to_owned();
    if !is_snippet_name(&name) {
        return Err(Problem::invalid(
            "a snippet's name has letters, digits, `_`, `-` and `.`, begins with a letter, and has at most 64 characters",
        ));
    }
    if runs(&service)?.secrets().are_in(&code) {
        return Err(Problem::invalid(
            "the code has a secret in it, and all administrators read snippets: write cla.secret(\"NAME\")",
        ));
    }
    service
        .note(&person, ServiceAction::SnippetSaved, &name)
        .await?;
    let by = person.login().to_owned();
    if !runs(&service)?.save_snippet(name, code, by, MOST).await? {
        return Err(Problem::invalid(format!(
            "{MOST} snippets are kept; delete one first"
        )));
    }
    list(&service).await
}

/// `POST /panel/repl/snippets/delete`: forgets one; answers with the list.
pub(crate) async fn delete(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    delete: Body<Delete>,
) -> Result<Markup, Problem> {
    open(&service)?;
    let Body(Delete { name }) = delete;
    service
        .note(&person, ServiceAction::SnippetDeleted, &name)
        .await?;
    if !runs(&service)?.delete_snippet(name).await? {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "unknown-snippet",
            "No such snippet",
            "there is no such snippet, or not any more",
        ));
    }
    list(&service).await
}

fn runs(service: &Service) -> Result<&Arc<Runs>, Problem> {
    service.runs.as_ref().ok_or_else(Problem::no_repl)
}
