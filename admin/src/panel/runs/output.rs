//! What a run says, line by line.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::{RunId, printable};
use maud::{Markup, html};
use serde::Deserialize;

use super::super::parts::moment;
use super::reachable;
use crate::api::problem::Problem;
use crate::auth::Person;
use crate::runs::{Level, OutputLine};
use crate::service::Service;

/// Lines in one answer.
const LINES: usize = 1000;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    id: String,
    #[serde(default)]
    after: u64,
}

/// `GET /panel/output`: the lines after this one.
pub(crate) async fn lines(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let runs = reachable(&service, &person).ok_or_else(Problem::no_rules)?;
    let id: RunId = wanted
        .id
        .parse()
        .map_err(|_| Problem::invalid("a run's id is a UUID"))?;
    let lines = runs.output(id, wanted.after, LINES).await?;
    let lines = lines.ok_or_else(|| Problem::unknown_run(id))?;
    let ended = lines.ended && lines.lines.len() < LINES;
    let first = lines.lines.first().map_or(wanted.after + 1, |line| line.n);
    Ok(html! {
        div data-next=(lines.next) data-ended=[ended.then_some("yes")] {
            @if first > wanted.after + 1 { div.line.of-debug { span.text { "... " (first - wanted.after - 1) " lines are gone ..." } } }
            @for line in &lines.lines { (row(line)) }
        }
    })
}

pub(crate) fn row(line: &OutputLine) -> Markup {
    let level = level(line.level);
    html! {
        div.line.{ "of-" (level) } {
            span.at { (moment(line.at)) }
            span.level { @if !matches!(line.level, Level::Out) { (level) } }
            span.text { (printable(said(line))) }
        }
    }
}

/// The line without the time and the level that `cla/log` begins it with: they stand beside it.
fn said(line: &OutputLine) -> &str {
    /// As long as `2026-01-31 23:59:59 WARN  `.
    const BEGINNING: usize = 26;
    match line.level {
        Level::Out | Level::Err => &line.text,
        _ => line.text.get(BEGINNING..).unwrap_or(&line.text),
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Out => "out",
        Level::Err => "err",
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
        Level::Fatal => "fatal",
    }
}

/// Where the lines go.
pub(super) fn empty(id: RunId) -> Markup {
    html! {
        section.output aria-labelledby="output-title" {
            h3 #output-title { "Output" }
            div #output role="log" aria-live="polite" aria-label="Output" tabindex="0" data-run=(id) {}
        }
    }
}
