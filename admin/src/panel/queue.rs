//! The queue of one semaphore: its requests, with what can be done. The right side of the panel.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::{
    Priority, RequestView, SemaphoreName, SemaphoreView, Slots, Status, printable,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::explorer::{labels, stepper};
use super::parts::{
    LEGEND, icon, moment, since, status_icon, status_name, status_text, took, until,
};
use super::snapshot::now;
use super::window::{Window, spacer};
use crate::alerts::Kind;
use crate::api::problem::Problem;
use crate::api::semaphores::named;
use crate::auth::{Person, Role};
use crate::service::Service;

/// Columns of the table.
const COLUMNS: usize = 8;

/// Which rows of which semaphore.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    name: String,
    #[serde(default)]
    offset: usize,
    limit: Option<usize>,
}

/// What stands on the right side.
pub(super) enum Shown<'q> {
    Semaphore(&'q SemaphoreView),
    /// There is no such semaphore, or not any more.
    Gone(&'q SemaphoreName),
    /// No semaphore was chosen.
    None,
}

/// `GET /panel/queue`: the queue of one semaphore.
pub(crate) async fn queue(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let name = named(&person, &wanted.name)?;
    let view = service.semaphores.show(&name).await?;
    let shown = match &view {
        Some(view) => Shown::Semaphore(view),
        None => Shown::Gone(&name),
    };
    let window = Window::new(wanted.offset, wanted.limit);
    Ok(pane(&service, &person, &shown, window, now()))
}

/// The right side.
pub(super) fn pane(
    service: &Service,
    person: &Person,
    shown: &Shown<'_>,
    window: Window,
    now: f64,
) -> Markup {
    match shown {
        Shown::Semaphore(view) => queue_of(service, person, view, window, now),
        Shown::Gone(name) => html! {
            section #queue data-semaphore=(name.as_str()) data-now=(format!("{now:.3}")) {
                header.queue-head {
                    a.back href="/" { (icon("back")) "All semaphores" }
                    h2 { (printable(name.as_str())) }
                }
                p.hint { "There is no such semaphore now. It appears with the first request for it." }
            }
        },
        Shown::None => html! {
            section #queue data-now=(format!("{now:.3}")) { p.hint { "Choose a semaphore to see its queue." } }
        },
    }
}

fn queue_of(
    service: &Service,
    person: &Person,
    view: &SemaphoreView,
    window: Window,
    now: f64,
) -> Markup {
    let name = view.name.as_str();
    let may = person.role() >= Role::Operator;
    let total = view.requests.len();
    let offset = window.offset.min(total.saturating_sub(1));
    let rows = view.requests.iter().skip(offset).take(window.limit);
    let shown = rows.len();
    html! {
        section #queue data-semaphore=(name) data-slots=(view.slots.to_string()) data-pinned=(view.pinned) data-waiting=(view.waiting)
            data-busy=(view.busy) data-now=(format!("{now:.3}")) aria-labelledby="queue-title" {
            header.queue-head {
                a.back href="/" { (icon("back")) "All semaphores" }
                div.title {
                    h2 #queue-title { (printable(name)) }
                    (stepper(person, view))
                    span.facts {
                        span.fact.of-busy { b { (view.busy) } " busy" }
                        span.fact.of-waiting { b { (view.waiting) } " waiting" }
                        @let granted = granted(view);
                        @if granted > 0 { span.fact { b { (granted) } " granted" } }
                    }
                    (service.panel.trends.draw(view))
                }
                @let description = service.declared.description(&view.name);
                @let labels = labels(service, view, true);
                @if description.is_some() || !labels.0.is_empty() {
                    p.note.declared {
                        @if let Some(description) = description { span { (printable(description)) } }
                        (labels)
                    }
                }
                @if view.slots == Slots::LOCKED {
                    p.note.locked { (icon("lock")) "Locked: all have to wait until there are slots again." }
                } @else if view.slots == Slots::Unlimited {
                    p.note { (icon("open")) "Unlimited: no request has to wait." }
                }
                @if view.pinned {
                    p.note {
                        (icon("pin")) "Pinned: an administrator set the number of slots. The number in the code does not count."
                        @if may { button.link type="button" data-act="unpin" { "Back to the code's value" } }
                    }
                }
                (actions(view, may))
            }
            (table(service, person, view, offset, shown, now))
        }
    }
}

/// What can be done to all that are at the semaphore.
fn actions(view: &SemaphoreView, may: bool) -> Markup {
    let idle = view.busy == 0 && view.waiting == 0 && granted(view) == 0;
    let held = view.busy > 0 || granted(view) > 0;
    html! {
        div.actions role="group" aria-label="Actions for the whole semaphore" {
            @if may {
                @if view.slots == Slots::LOCKED {
                    button type="button" data-act="slots" data-to="1" { (icon("open")) "Unlock" }
                } @else {
                    button type="button" data-act="slots" data-to="0" { (icon("lock")) "Lock" }
                }
            button.danger type="button" data-act="emergency" disabled[view.waiting == 0] {
                (icon("stop")) "Lock and cancel all " @if view.waiting > 0 { "(" (view.waiting) ")" }
            }
            details.more data-key="more" {
                summary { "More" }
                div.menu {
                    button type="button" data-act="force-release" disabled[!held] { "Release all slots by force" }
                    button type="button" data-act="purge" disabled[idle] { "Purge: free all slots, let all in" }
                    @if !view.pinned { button type="button" data-act="pin" { "Pin the number of slots" } }
                    button type="button" data-act="forget" disabled[!idle] { "Forget this semaphore" }
                }
            }
            }
            button type="button" data-act="history" { (icon("waiting")) "Who held it before" }
            @if may {
            div.bulk #bulk hidden {
                span #picked { "0 selected" }
                button type="button" data-act="grant-picked" { (icon("granted")) "Grant" }
                button.danger type="button" data-act="cancel-picked" { (icon("stop")) "Cancel" }
                button.link type="button" data-act="pick-none" { "Clear" }
            }
            }
        }
    }
}

fn table(
    service: &Service,
    person: &Person,
    view: &SemaphoreView,
    offset: usize,
    shown: usize,
    now: f64,
) -> Markup {
    let may = person.role() >= Role::Operator;
    let total = view.requests.len();
    let rows = view.requests.iter().skip(offset).take(shown);
    html! {
        div.scroll #rows-scroll tabindex="-1" {
            table.rows aria-rowcount=(total + 1) {
                caption.only-read { "Requests of " (printable(view.name.as_str())) ": busy ones, then those that wait, by place" }
                thead { tr {
                    th.c-pick scope="col" {
                        @if may { input #pick-all type="checkbox" data-act="pick-all" aria-label="Select all that wait and are shown"; }
                    }
                    th.c-place scope="col" { abbr title="place in line" { "#" } }
                    th.c-status scope="col" { "Status" }
                    th.c-owner scope="col" { "Owner" }
                    th.c-time scope="col" { "Waited" }
                    th.c-time scope="col" { "Ran" }
                    th.c-time scope="col" { abbr title="time to live that is left" { "TTL" } }
                    th.c-acts scope="col" { span.only-read { "Actions" } }
                } }
                tbody #requests data-total=(total) data-offset=(offset) {
                    (spacer(offset, COLUMNS))
                    @for (index, request) in rows.enumerate() {
                        (row(service, person, &view.name, request, offset + index, now))
                    }
                    (spacer(total.saturating_sub(offset + shown), COLUMNS))
                }
            }
            @if total == 0 {
                p.hint { "No request holds this semaphore, and none waits for it." }
            }
        }
    }
}

fn row(
    service: &Service,
    person: &Person,
    semaphore: &SemaphoreName,
    request: &RequestView,
    index: usize,
    now: f64,
) -> Markup {
    let id = request.id.to_string();
    let status = status_name(request.status);
    let waits = request.status == Status::Waiting;
    let busy = request.status == Status::Busy;
    let may = person.role() >= Role::Operator;
    let who = request.who.as_deref().map(printable);
    let who = who.as_deref().unwrap_or("unknown");
    html! {
        tr.request.{ "is-" (status) }.is-granted[request.granted] data-key={ "r:" (id) } data-request=(id) data-status=(status)
            aria-rowindex=(index + 2) {
            td.c-pick { @if may && waits { input type="checkbox" data-act="pick" aria-label={ "Select " (who) }; } }
            td.c-place data-place=[request.place] {
                @if let Some(place) = request.place {
                    @if may && waits { span.grip title="drag to another place, or use the arrows" aria-hidden="true" { (place) } } @else { (place) }
                }
            }
            td.c-status {
                span.status.{ "of-" (status) } { (status_icon(request.status)) span { (status_text(request.status)) } }
                @if request.granted { span.badge title="let through by an administrator: takes no slot" { "granted" } }
                @if request.unresponsive_since.is_some() {
                    span.badge.alarm title="its run is inside one long call and keeps what it holds" { "does not answer" }
                }
                @match service.declared.takes_too_long(semaphore, request) {
                    Some(Kind::Waiting) => { span.badge.alarm title="longer than the configuration allows" { "waits too long" } }
                    Some(Kind::Held) => { span.badge.alarm title="longer than the configuration allows" { "busy too long" } }
                    None => {}
                }
            }
            td.c-owner {
                span.who title=(who) { (who) }
                span.sub { (owner(service, person, request)) }
            }
            td.c-time data-label="Waited" {
                @if waits { (since(now - request.waited, now)) } @else { (took(request.waited)) }
            }
            td.c-time data-label="Ran" {
                @match request.ran {
                    Some(ran) if busy => (since(now - ran, now)),
                    Some(ran) => (took(ran)),
                    None => "",
                }
            }
            td.c-time data-label="TTL" {
                @if let Some(left) = request.ttl_left().filter(|_| busy) { (until(now + left.as_secs_f64(), now)) }
            }
            td.c-acts { @if may { (row_actions(service, person, request, who)) } }
        }
    }
}

/// Where the owner is, and since when.
fn owner(service: &Service, person: &Person, request: &RequestView) -> Markup {
    html! {
        @if let Some(by) = &request.by { span { @if request.granted { "granted by " } @else { "by " } (printable(by.login())) } }
        @if let Some(host) = &request.host { span.host { (printable(host)) } }
        @if let Some(pid) = request.pid { span { "pid " (pid) } }
        @if let Some(run) = request.run {
            @let text = run.to_string();
            @let short = text.get(..8).unwrap_or(&text);
            @if runs_here(service, person, request) {
                a href={ "/runs/" (text) } title=(text) { "run " (short) }
            } @else {
                span title=(text) { "run " (short) }
            }
        }
        @if request.priority != Priority::default() { span { "priority " (request.priority) } }
        @if let Some(slot) = &request.slot {
            @let slot = slot.to_string();
            span title={ "slot " (printable(&slot)) } { "slot " span.slot { (printable(&slot)) } }
        }
        span.asked { "asked " (moment(request.requested_at)) }
    }
}

fn row_actions(service: &Service, person: &Person, request: &RequestView, who: &str) -> Markup {
    html! {
        @match request.status {
            Status::Waiting => {
                button.small type="button" data-act="grant" aria-label={ "Grant " (who) } title="start it now, outside the slots" { "Grant" }
                button.small.danger type="button" data-act="cancel" aria-label={ "Cancel " (who) } title="make it fail with `Semaphore cancel`" { "Cancel" }
                button.small.square type="button" data-act="move" data-to="up" disabled[request.place == Some(1)]
                    aria-label={ "Move " (who) " up" } title="one place up" { (icon("up")) }
                button.small.square type="button" data-act="move" data-to="down" aria-label={ "Move " (who) " down" } title="one place down" { (icon("down")) }
            }
            Status::Busy => {
                @if runs_here(service, person, request) && let Some(run) = request.run {
                    button.small.danger type="button" data-act="stop-run" data-run=(run) aria-label={ "Stop run of " (who) } { "Stop run" }
                }
                button.small type="button" data-act="release" aria-label={ "Release the slot of " (who) " by force" }
                    title="give its slot to the next; its process goes on" { "Release" }
            }
            _ => {}
        }
    }
}

/// Whether a run of this service asks, and this person may see runs.
fn runs_here(service: &Service, person: &Person, request: &RequestView) -> bool {
    let runs = service.runs.as_ref().filter(|_| !person.is_restricted());
    runs.zip(request.run)
        .is_some_and(|(runs, run)| runs.goes_on(run))
}

/// How many are busy outside the slots.
fn granted(view: &SemaphoreView) -> usize {
    let outside = |request: &&RequestView| request.granted && request.status == Status::Busy;
    view.requests.iter().filter(outside).count()
}

/// What every status means.
pub(super) fn legend() -> Markup {
    html! {
        footer.legend aria-label="Legend" {
            b { "Legend" }
            ul {
                @for (status, meaning) in LEGEND {
                    li {
                        span.status.{ "of-" (status) } { (icon(status)) span { (status.replace('_', " ")) } }
                        " " span.meaning { (meaning) }
                    }
                }
                li { span.badge { "granted" } " " span.meaning { "let through, takes no slot" } }
            }
        }
    }
}
