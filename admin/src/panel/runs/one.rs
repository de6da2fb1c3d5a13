//! One run: how it is, what it waits for and holds, how it ended.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::{
    RequestView, RunId, SemaphoreName, Status, printable, printable_lines,
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;

use super::super::parts::{icon, moment, semaphore_url, since, status_icon, status_text, took};
use super::super::snapshot::now;
use super::reachable;
use super::table::outcome;
use super::timeline::{Region, draw};
use crate::api::problem::Problem;
use crate::api::runs::found;
use crate::auth::{Person, Role};
use crate::runs::{Record, Runs};
use crate::service::Service;

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    id: String,
}

/// What a report says that is shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    value: Value,
    error: Option<Failure>,
    waited: f64,
    ran: f64,
    regions: Vec<Region>,
    peak_memory: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Failure {
    name: Option<String>,
    message: String,
    location: Option<SourcePlace>,
    snippet: Option<Cut>,
    frames: Vec<SourcePlace>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SourcePlace {
    function: Option<String>,
    file: String,
    line: u64,
    column: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Cut {
    text: String,
    column: usize,
    length: usize,
}

/// `GET /panel/run`: one run, without its output.
pub(crate) async fn one(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let runs = reachable(&service, &person).ok_or_else(Problem::no_rules)?;
    let id = wanted.id.parse();
    let id = id.map_err(|_| Problem::invalid("a run's id is a UUID"))?;
    pane(&service, runs, &person, id)
        .await
        .map(|(_, pane)| pane)
}

/// Its title, and what is shown.
pub(super) async fn pane(
    service: &Service,
    runs: &Runs,
    person: &Person,
    id: RunId,
) -> Result<(String, Markup), Problem> {
    let view = found(runs, id).await?;
    let record = &view.record;
    let report = view.report.as_ref();
    let report: Option<Report> = report.and_then(|text| serde_json::from_str(text.get()).ok());
    let requests = match report {
        Some(_) => Vec::new(),
        None => requests_of(service, id).await?,
    };
    let now = now();
    let rule = printable(&record.rule);
    let pane = html! {
        section.run #run data-run=(id) data-rule=(record.rule) data-now=(format!("{now:.3}"))
            data-ended=[record.ended_at.map(|_| "yes")] aria-labelledby="run-title" {
            header.queue-head {
                a.back.always href="/runs" { (icon("back")) "All runs" }
                div.title {
                    h2 #run-title { (rule) }
                    (outcome(&record.status))
                    @if person.role() >= Role::Operator {
                        span.buttons-in-title {
                            @if record.ended_at.is_none() {
                                button.danger type="button" data-act="stop-run" data-run=(id) { (icon("stop")) "Stop" }
                            }
                            button type="button" data-act="run-rule" { (icon("play")) "Run again" }
                        }
                    }
                }
                (facts(record, report.as_ref(), now))
            }
            @if let Some(error) = report.as_ref().and_then(|report| report.error.as_ref()) { (failure(error)) }
            @match &report {
                Some(report) => (ended(report)),
                None => {
                    @if !requests.is_empty() { (going_on(&requests, now)) }
                    (so_far(runs, record, &requests, now))
                }
            }
        }
    };
    Ok((rule.into_owned(), pane))
}

fn facts(record: &Record, report: Option<&Report>, now: f64) -> Markup {
    html! {
        p.facts {
            span { "by " b { (printable(&record.by)) } }
            span { "started " (moment(record.started_at)) }
            @match (record.waited, record.ran) {
                (Some(waited), Some(ran)) => { span { "waited " (took(waited)) } span { "ran " (took(ran)) } }
                _ if record.ended_at.is_none() => span { "for " (since(record.started_at, now)) },
                _ => span { "the service ended before it did" },
            }
            @if let Some(memory) = report.and_then(|report| report.peak_memory) { span { "at most " (memory / 1024) " KiB" } }
            span.quiet title="the run's id" { (record.id) }
        }
    }
}

/// What this run waits for and holds now, by semaphore.
async fn requests_of(
    service: &Service,
    id: RunId,
) -> Result<Vec<(SemaphoreName, RequestView)>, Problem> {
    let snapshot = service.snapshot().await?;
    let requests = snapshot.views.iter().flat_map(|view| {
        let own = view.requests.iter().filter(move |request| {
            request.run == Some(id) && matches!(request.status, Status::Waiting | Status::Busy)
        });
        own.map(|request| (view.name.clone(), request.clone()))
    });
    Ok(requests.collect())
}

fn going_on(requests: &[(SemaphoreName, RequestView)], now: f64) -> Markup {
    html! {
        div.part {
            h3 { "Semaphores now" }
            ul.regions {
                @for (name, request) in requests {
                    @let busy = request.status == Status::Busy;
                    li {
                        a href=(semaphore_url(name.as_str())) { (printable(name.as_str())) }
                        span.status.{ "of-" (request.status) } { (status_icon(request.status)) span { (status_text(request.status)) } }
                        @if let Some(place) = request.place { span { "place " (place) } }
                        span { "waited " @if busy { (took(request.waited)) } @else { (since(now - request.waited, now)) } }
                        @if let Some(ran) = request.ran.filter(|_| busy) { span { "holds it for " (since(now - ran, now)) } }
                    }
                }
            }
        }
    }
}

/// The timeline of a run that goes on.
fn so_far(
    runs: &Runs,
    record: &Record,
    requests: &[(SemaphoreName, RequestView)],
    now: f64,
) -> Markup {
    let left = runs.regions(record.id);
    let started_at = record.started_at;
    let going_on = requests
        .iter()
        .map(|(name, request)| Region::going_on(name, request, started_at, now));
    let regions: Vec<Region> = left.iter().map(Region::left).chain(going_on).collect();
    html! {
        @if !regions.is_empty() {
            div.part #so-far {
                h3 { "What it waited for and held so far" }
                (draw(&regions, (now - started_at).max(0.001), Some(now)))
            }
        }
    }
}

fn ended(report: &Report) -> Markup {
    let total = (report.waited + report.ran).max(0.001);
    let value = match &report.value {
        Value::Null => None,
        value => serde_json::to_string_pretty(value).ok(),
    };
    html! {
        @if !report.regions.is_empty() {
            div.part {
                h3 { "What it waited for and held" }
                (draw(&report.regions, total, None))
            }
        }
        @if let Some(value) = value {
            details.part { summary { "Value" } pre tabindex="0" { (printable_lines(&value)) } }
        }
    }
}

pub(crate) fn failure(error: &Failure) -> Markup {
    let spot =
        |spot: &SourcePlace| format!("{}:{}:{}", printable(&spot.file), spot.line, spot.column);
    html! {
        div.part.failure role="group" aria-label="Error" {
            p { b { (printable(error.name.as_deref().unwrap_or("Error"))) ": " } span.message { (printable_lines(&error.message)) } }
            @if let Some(at) = &error.location { p.quiet { "at " code { (spot(at)) } } }
            @if let Some(cut) = &error.snippet {
                pre tabindex="0" aria-label="Where it failed" {
                    (printable(&cut.text)) "\n"
                    span.caret aria-hidden="true" { (" ".repeat(cut.column.saturating_sub(1).min(500))) ("^".repeat(cut.length.clamp(1, 500))) }
                }
            }
            @if error.frames.len() > 1 {
                details { summary { "Stack" } ul.frames {
                    @for frame in &error.frames {
                        li { code { (printable(frame.function.as_deref().unwrap_or("(top level)"))) } " " code.quiet { (spot(frame)) } }
                    }
                } }
            }
        }
    }
}
