//! The runs that go on and that there were, the newest first.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::printable;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::parts::{icon, moment, since, took};
use super::super::snapshot::now;
use super::super::window::{Window, spacer};
use super::reachable;
use crate::api::problem::Problem;
use crate::auth::{Person, Role};
use crate::runs::{Record, RuleFile, Runs, Search};
use crate::service::Service;

/// The outcomes that a run can have, beside `running`.
const OUTCOMES: [&str; 8] = [
    "running",
    "ok",
    "failed",
    "cancelled",
    "timed_out",
    "out_of_memory",
    "stack_overflow",
    "lost",
];

/// Which runs are looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Look {
    rule: Option<String>,
    status: Option<String>,
    /// Took at least so many seconds.
    took: Option<String>,
    offset: usize,
    limit: Option<usize>,
}

/// `GET /panel/runs`: the rows.
pub(crate) async fn rows(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    match reachable(&service, &person) {
        Some(runs) => look.rows(runs, &person).await,
        None => Err(Problem::no_rules()),
    }
}

/// The right side.
pub(super) async fn pane(
    runs: &Runs,
    person: &Person,
    look: &Look,
    rules: &[RuleFile],
) -> Result<Markup, Problem> {
    Ok(html! {
        section.runs aria-labelledby="runs-title" {
            form.filter #run-filter role="search" action="/runs" method="get" {
                h2 #runs-title { "Runs" }
                label.search {
                    (icon("search"))
                    span.only-read { "Rule" }
                    input type="search" name="rule" value=[look.rule.as_deref()] placeholder="All rules" list="rule-names" autocomplete="off" spellcheck="false";
                }
                datalist #rule-names { @for rule in rules { option value=(rule.rule) {} } }
                label { span.only-read { "Outcome" } select name="status" {
                    option value="" { "any outcome" }
                    @for outcome in OUTCOMES {
                        option value=(outcome) selected[look.status.as_deref() == Some(outcome)] { (text(outcome)) }
                    }
                } }
                label { span.only-read { "Duration" } select name="took" {
                    @for (value, text) in [("", "any duration"), ("1", "1s and longer"), ("10", "10s and longer"), ("60", "1m and longer"), ("600", "10m and longer")] {
                        option value=(value) selected[look.took.as_deref() == Some(value)] { (text) }
                    }
                } }
            }
            div.scroll #runs-scroll tabindex="0" role="region" aria-label="Runs" {
                table.rows.of-runs {
                    caption.only-read { "Runs, the newest first" }
                    thead { tr {
                        th.c-status scope="col" { "Outcome" }
                        th.c-owner scope="col" { "Rule" }
                        th.c-at scope="col" { "Started" }
                        th.c-time scope="col" { "Waited" }
                        th.c-time scope="col" { "Ran" }
                        th.c-acts scope="col" { span.only-read { "Actions" } }
                    } }
                    (look.rows(runs, person).await?)
                }
            }
        }
    })
}

impl Look {
    async fn rows(&self, runs: &Runs, person: &Person) -> Result<Markup, Problem> {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let window = Window::new(self.offset, self.limit);
        let search = Search {
            rule: given(&self.rule),
            status: given(&self.status),
            took: given(&self.took).and_then(|text| text.parse().ok()),
            offset: window.offset,
            limit: window.limit,
            ..Search::default()
        };
        let filtered = search.rule.is_some() || search.status.is_some() || search.took.is_some();
        let (total, records) = runs.list(search).await?;
        let offset = window.offset.min(total);
        let now = now();
        Ok(html! {
            tbody #run-rows data-total=(total) data-offset=(offset) data-now=(format!("{now:.3}")) {
                (spacer(offset, 6))
                @for record in &records { (row(person, record, now)) }
                (spacer(total.saturating_sub(offset + records.len()), 6))
                @if total == 0 {
                    tr.nothing data-key="nothing" { td colspan="6" {
                        @if filtered { "No run is like that." } @else { "No rule of the folder has run yet." }
                    } }
                }
            }
        })
    }
}

fn row(person: &Person, record: &Record, now: f64) -> Markup {
    let id = record.id.to_string();
    let rule = printable(&record.rule);
    let goes_on = record.ended_at.is_none();
    html! {
        tr.request.is-busy data-key={ "run:" (id) } data-run=(id) data-rule=(record.rule) {
            td.c-status { (outcome(&record.status)) }
            td.c-owner {
                a.who href={ "/runs/" (id) } title=(rule) { (rule) }
                span.sub { span { "by " (printable(&record.by)) } span title=(id) { "run " (id.get(..8).unwrap_or(&id)) } }
            }
            td.c-at { (moment(record.started_at)) }
            td.c-time data-label="Waited" { @if let Some(waited) = record.waited { (took(waited)) } }
            td.c-time data-label="Ran" {
                @match record.ran {
                    Some(ran) => (took(ran)),
                    None if goes_on => (since(record.started_at, now)),
                    None => "",
                }
            }
            td.c-acts {
                @if person.role() >= Role::Operator {
                    @if goes_on {
                        button.small.danger type="button" data-act="stop-run" data-run=(id) aria-label={ "Stop " (rule) } { "Stop" }
                    } @else {
                        button.small type="button" data-act="run-rule" aria-label={ "Run again " (rule) } { "Run again" }
                    }
                }
            }
        }
    }
}

/// The outcome of a run, with its icon.
pub(super) fn outcome(status: &str) -> Markup {
    let (class, drawing) = match status {
        "running" => ("busy", "busy"),
        "ok" => ("ok", "done"),
        "cancelled" => ("cancelled", "cancelled"),
        "timed_out" => ("timed_out", "timed_out"),
        _ => ("killed", "killed"),
    };
    html! { span.status.{ "of-" (class) } { (icon(drawing)) span { (text(status)) } } }
}

fn text(status: &str) -> String {
    status.replace('_', " ")
}
