//! The REPL: code of administrators, its values, what it prints, its errors.

pub(crate) mod snippets;

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use cla_runtime::RuleError;
use cla_runtime::semaphore::printable_lines;
use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{icon, took};
use super::runs::one::failure;
use super::runs::output::row;
use super::{Tab, page};
use crate::api::body::Body;
use crate::api::problem::Problem;
use crate::auth::Person;
use crate::repl::{Evaluated, Repl, ReplError, Shown};
use crate::runs::{Lines, ServiceAction};
use crate::service::Service;

/// The longest input, in bytes.
const LONGEST: usize = 256 * 1024;

/// How often to check that the administrator may still run code.
const RECHECK: Duration = Duration::from_secs(2);

/// The ways to show a value, the first unless another one is chosen.
const FORMATS: [(&str, &str); 3] = [("yaml", "YAML"), ("json", "JSON"), ("table", "Table")];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    code: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    after: u64,
}

/// `GET /repl`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
) -> Result<Markup, Problem> {
    let repl = open(&service)?;
    if person.is_restricted() {
        let why = "Your token sees only some semaphores, and code may take any: it has no REPL.";
        let content = html! { p.hint { (why) } };
        return Ok(page(&service, "REPL", Tab::Repl, Some(&person), &content));
    }
    let place = repl.place(&session(&service, &headers, &person));
    let content = html! {
        div.repl #repl data-after=(service.live.id(service.live.newest())) data-next=(place.unwrap_or_default()) data-format="yaml" {
            section.editor aria-labelledby="repl-title" {
                header.bar {
                    h1 #repl-title { "REPL" }
                    p.quiet {
                        @if place.is_some() { "Your session goes on: its variables are there." }
                        @else { "Variables stay from one input to the next." }
                    }
                }
                label.only-read for="code" { "Code: JavaScript or TypeScript" }
                textarea #code rows="8" spellcheck="false" autocomplete="off" autocapitalize="off" maxlength=(LONGEST)
                    placeholder="JavaScript or TypeScript. Ctrl+Enter runs it; _ is the last value." {}
                div.bar {
                    button.primary #repl-run type="button" data-act="repl-run" title="run it (Ctrl+Enter)" { (icon("play")) "Run" }
                    button.danger #repl-stop type="button" data-act="repl-stop" disabled { (icon("stop")) "Stop" }
                    button type="button" data-act="repl-tidy" title="put it into the usual form" { "Tidy" }
                    button type="button" data-act="repl-save" { "Save as ..." }
                    button type="button" data-act="repl-end" title="forget all variables, and give back what the session holds" { "New session" }
                    fieldset.formats {
                        legend.only-read { "Show values as" }
                        @for (name, text) in FORMATS {
                            label { input type="radio" name="format" value=(name) checked[name == "yaml"]; (text) }
                        }
                    }
                }
                p.problem #repl-problem role="alert" hidden {}
                details #repl-history-box {
                    summary { "History " span.quiet { "(Alt+↑, Alt+↓)" } }
                    div.bar { button.small type="button" data-act="repl-forget" { "Clear the history" } }
                    ul.inputs #repl-history {}
                }
                (snippets::list(&service).await?)
            }
            section.results aria-labelledby="results-title" {
                h2.only-read #results-title { "Results" }
                p.hint #repl-hint { "What your code returns and prints comes here. It steers the semaphores of this service, as "
                    code { "cla repl" } " does." }
                div #results role="log" aria-live="polite" aria-label="Results" tabindex="0" {}
            }
        }
    };
    Ok(page(&service, "REPL", Tab::Repl, Some(&person), &content))
}

/// `POST /panel/repl`: carries out an input, and answers when it has ended.
pub(crate) async fn run(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    input: Body<Input>,
) -> Result<Markup, Problem> {
    let repl = open(&service)?;
    if service.is_draining() {
        return Err(Problem::draining());
    }
    let Body(Input { code }) = input;
    within(&code)?;
    let name = session(&service, &headers, &person);
    service
        .note(&person, ServiceAction::Evaluated, code.trim())
        .await?;
    let evaluated = repl.evaluate(&name, &person, code);
    tokio::pin!(evaluated);
    loop {
        tokio::select! {
            evaluated = &mut evaluated => return Ok(result(&evaluated?)),
            () = tokio::time::sleep(RECHECK) => {
                // The session holds the slots that the code took, so it ends when the administrator loses the right to run code.
                if !service.auth.is_still(&person, &headers) {
                    repl.end(&name).await;
                    return Err(Problem::unauthenticated());
                }
            }
        }
    }
}

/// `POST /panel/repl/stop`: stops what is carried out.
pub(crate) async fn stop(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    open(&service)?.stop(&session(&service, &headers, &person));
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /panel/repl/end`: ends the session. The next input begins another one.
pub(crate) async fn end(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let name = session(&service, &headers, &person);
    open(&service)?.end(&name).await;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /panel/repl/tidy`: the code in the usual form, as text.
pub(crate) async fn tidy(
    State(service): State<Arc<Service>>,
    input: Body<Input>,
) -> Result<String, Problem> {
    open(&service)?;
    let Body(Input { code }) = input;
    within(&code)?;
    let tidied = tokio::task::spawn_blocking(move || cla_runtime::internal::tidy(&code)).await;
    let tidied = tidied.map_err(|_| Problem::invalid("the code cannot be read"))?;
    tidied.map_err(|error| {
        let line = error
            .location
            .as_ref()
            .map(|at| format!("line {}: ", at.line));
        Problem::invalid(line.unwrap_or_default() + &error.message)
    })
}

/// `GET /panel/repl/output`: what was printed after this line.
pub(crate) async fn output(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    headers: HeaderMap,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let name = session(&service, &headers, &person);
    Ok(lines(&open(&service)?.output(&name, wanted.after)))
}

/// The REPL, if this service has one.
fn open(service: &Service) -> Result<&Arc<Repl>, Problem> {
    service.repl.as_ref().ok_or_else(Problem::no_repl)
}

/// The name of the session: by the cookie or the token, or else by the person whom a proxy or the host knows.
fn session(service: &Service, headers: &HeaderMap, person: &Person) -> String {
    let browser = service.auth.session_name(headers);
    browser.unwrap_or_else(|| format!("login {}", person.login()))
}

/// Ends the session of a browser that signs out.
pub(super) async fn sign_out(service: &Service, headers: &HeaderMap) {
    if let Some(repl) = &service.repl
        && let Some(name) = service.auth.session_name(headers)
    {
        repl.end(&name).await;
    }
}

fn within(code: &str) -> Result<(), Problem> {
    match code.len() <= LONGEST {
        true => Ok(()),
        false => Err(Problem::invalid(format!(
            "code has at most {LONGEST} bytes"
        ))),
    }
}

fn lines(lines: &Lines) -> Markup {
    html! {
        div.lines data-next=(lines.next) {
            @for line in &lines.lines { (row(line)) }
        }
    }
}

/// How an input ended.
fn result(evaluated: &Evaluated) -> Markup {
    // A session that is over begins anew, and counts its lines anew.
    let next = if evaluated.is_over {
        0
    } else {
        evaluated.lines.next
    };
    html! {
        div.result data-next=(next) data-failed=[evaluated.value.is_err().then_some("yes")] {
            @if !evaluated.lines.lines.is_empty() { (lines(&evaluated.lines)) }
            @match &evaluated.value {
                Ok(Some(shown)) => (value(shown)),
                Ok(None) => p.quiet.undefined { "undefined" },
                Err(error) => (failed(error, evaluated.out_of_time)),
            }
            @if evaluated.is_over { p.note { "The session has ended. The next input begins a new one." } }
            p.elapsed.quiet { "took " (elapsed(evaluated.took)) }
        }
    }
}

/// To a tenth of a millisecond where that matters.
fn elapsed(took: Duration) -> String {
    match took.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1000.0),
        seconds => format!("{seconds:.1} s"),
    }
}

/// The value in each way; the page shows one of them.
fn value(shown: &Shown) -> Markup {
    let texts = [&shown.yaml, &shown.json, &shown.table];
    html! {
        @for ((name, label), text) in FORMATS.into_iter().zip(texts) {
            pre.value data-format=(name) tabindex="0" role="region" aria-label={ "Value as " (label) } { (printable_lines(text)) }
        }
    }
}

fn failed(error: &RuleError, out_of_time: Option<Duration>) -> Markup {
    if let Some(limit) = out_of_time {
        return html! {
            p.problem { "Stopped: it took longer than the time limit of this service, " (took(limit.as_secs_f64())) "." }
        };
    }
    if error.name == "Interrupted" {
        return html! { p.problem { "Stopped. The session and its variables are still there." } };
    }
    let json = serde_json::to_value(error).unwrap_or_default();
    match serde_json::from_value(json) {
        Ok(error) => failure(&error),
        Err(_) => html! { p.problem { (printable_lines(&error.message)) } },
    }
}

impl Problem {
    pub(crate) fn no_repl() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no-repl",
            "This service has no REPL",
            "this service was started without a REPL: start it with --repl",
        )
    }
}

impl From<ReplError> for Problem {
    fn from(error: ReplError) -> Self {
        let (status, kind, title) = match error {
            ReplError::Busy => (StatusCode::CONFLICT, "busy", "The session is busy"),
            ReplError::TooMany => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                (status, "too-many-sessions", "Too many sessions")
            }
        };
        Self::new(status, kind, title, error.to_string())
    }
}
