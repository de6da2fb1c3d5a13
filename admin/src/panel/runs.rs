//! The page of the runs: the rules of the folder on the left, runs or one of them on the right.

pub(crate) mod inputs;
pub(crate) mod one;
pub(crate) mod output;
pub(crate) mod table;
mod timeline;

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use cla_runtime::semaphore::printable;
use maud::{Markup, html};

use self::table::Look;
use super::parts::{icon, moment};
use super::{Tab, page};
use crate::api::problem::Problem;
use crate::api::runs::run_id;
use crate::auth::{Person, Role};
use crate::runs::{RuleFile, Runs};
use crate::service::Service;

/// `GET /runs`.
pub(crate) async fn all(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    let Some(runs) = reachable(&service, &person) else {
        return Ok(none(&service, &person));
    };
    let after = service.live.id(service.live.newest());
    let rules = rules(runs).await?;
    let table = table::pane(runs, &person, &look, &rules).await?;
    Ok(frame(
        &service, "Runs", &after, &person, "list", &rules, &table,
    ))
}

/// `GET /runs/ID`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Markup, Problem> {
    let Some(runs) = reachable(&service, &person) else {
        return Ok(none(&service, &person));
    };
    let after = service.live.id(service.live.newest());
    let id = run_id(id)?;
    let rules = rules(runs).await?;
    let (title, pane) = one::pane(&service, runs, &person, id).await?;
    let content = html! { (pane) (output::empty(id)) };
    Ok(frame(
        &service, &title, &after, &person, "run", &rules, &content,
    ))
}

/// The runs, if there are any that this person may see.
pub(super) fn reachable<'s>(service: &'s Service, person: &Person) -> Option<&'s Arc<Runs>> {
    service.runs.as_ref().filter(|_| !person.is_restricted())
}

async fn rules(runs: &Runs) -> Result<Vec<RuleFile>, Problem> {
    runs.rules()
        .await
        .map_err(|error| Problem::no_folder(&error))
}

fn none(service: &Service, person: &Person) -> Markup {
    let why = if person.is_restricted() {
        "Your token sees only some semaphores, and a rule may take any: it sees no runs."
    } else {
        "This service runs no rules: no folder of rules was given to it."
    };
    let content = html! { p.hint { (why) } };
    page(service, "Runs", Tab::Runs, Some(person), &content)
}

fn frame(
    service: &Service,
    title: &str,
    after: &str,
    person: &Person,
    view: &str,
    rules: &[RuleFile],
    right: &Markup,
) -> Markup {
    let content = html! {
        div.panes.of-runs #runs data-after=(after) data-view=(view) {
            section.explorer aria-labelledby="rules-title" {
                h1.only-read { "Runs" }
                div.filter {
                    h2 #rules-title { "Rules" }
                    label.search {
                        (icon("search"))
                        span.only-read { "Filter rules" }
                        input #rule-filter type="search" placeholder="Filter rules" autocomplete="off" spellcheck="false";
                    }
                }
                div.scroll tabindex="-1" { (rule_list(person, rules)) }
            }
            div.side { (right) }
        }
        @if person.role() >= Role::Operator { (run_now()) }
    };
    page(service, title, Tab::Runs, Some(person), &content)
}

fn rule_list(person: &Person, rules: &[RuleFile]) -> Markup {
    html! {
        ul.rules {
            @for rule in rules {
                li data-rule=(rule.rule) {
                    span.name {
                        a href={ "/runs?rule=" (super::escaped(&rule.rule)) } title="its runs" { (printable(&rule.rule)) }
                        @if let Some(at) = rule.modified_at { span.sub { "changed " (moment(at)) } }
                    }
                    @if person.role() >= Role::Operator {
                        button.small type="button" data-act="run-rule" aria-label={ "Run " (printable(&rule.rule)) } { (icon("play")) "Run" }
                    }
                }
            }
        }
        @if rules.is_empty() {
            p.hint { "The folder of this service has no rules: files that end in .js, .ts, .yml and the like." }
        }
    }
}

/// Asks with which stash a rule is to run.
fn run_now() -> Markup {
    html! {
        dialog #run-now aria-labelledby="run-now-title" {
            form method="dialog" {
                h2 #run-now-title {}
                (inputs::none())
                label {
                    span #run-now-stash-label { "Stash: what the rule finds in `stash`, as a JSON object" }
                    textarea name="stash" rows="6" spellcheck="false" autocomplete="off" {}
                }
                label { span { "Time limit (250ms, 30s, 5m; empty: that of the service)" } input type="text" name="timeout" autocomplete="off"; }
                p.problem #run-now-problem role="alert" hidden {}
                div.buttons {
                    button value="no" formnovalidate { "Close" }
                    button.primary #run-now-yes type="button" data-act="run-start" { (icon("play")) "Run" }
                }
            }
        }
    }
}
