//! What is remembered: who changed what (the page of the audit), and who held a semaphore before.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::{
    Actor, AdminAction, AuditEntry, AuditQuery, AuditState, HistoryQuery, RequestView, printable,
    printable_lines,
};
use maud::{Markup, html};
use serde::Deserialize;

use super::parts::{
    escaped, icon, moment, semaphore_url, slots, status_icon, status_name, status_text, took,
};
use super::{Tab, page};
use crate::api::problem::Problem;
use crate::api::semaphores::named;
use crate::auth::{Person, Role};
use crate::runs::{ServiceAction, ServiceAuditEntry};
use crate::service::Service;

/// Rows of one page.
const ROWS: usize = 200;

/// Rows of one page at most.
const MOST: usize = 10_000;

/// Which entries.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Look {
    semaphore: Option<String>,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    name: String,
}

/// `GET /audit`.
pub(crate) async fn audit(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    let after = service.live.id(service.live.newest());
    let rows = look.rows(&service, &person).await?;
    let content = html! {
        div.page #audit data-after=(after) {
            form.filter #audit-filter role="search" action="/audit" method="get" {
                h1 { "Audit" }
                label.search {
                    (icon("search"))
                    span.only-read { "Semaphore" }
                    input type="search" name="semaphore" value=[look.semaphore.as_deref()] placeholder="All semaphores" autocomplete="off" spellcheck="false";
                }
                p.quiet { "Who changed what, the newest first" }
            }
            div.scroll tabindex="0" role="region" aria-label="Audit" {
                table.rows.of-audit {
                    caption.only-read { "Changes, the newest first" }
                    thead { tr {
                        th.c-at scope="col" { "When" }
                        th.c-owner scope="col" { "Who" }
                        th.c-what scope="col" { "Did" }
                        th.c-change scope="col" { "Before and after" }
                    } }
                    (rows)
                }
            }
        }
    };
    Ok(page(&service, "Audit", Tab::Audit, Some(&person), &content))
}

/// `GET /panel/audit`: the rows.
pub(crate) async fn audit_rows(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    look.rows(&service, &person).await
}

impl Look {
    async fn rows(&self, service: &Service, person: &Person) -> Result<Markup, Problem> {
        let limit = self.limit.unwrap_or(ROWS).min(MOST);
        let mut query = AuditQuery::new();
        let name = self.semaphore.as_deref().filter(|name| !name.is_empty());
        // A half-typed name is not yet the name of a semaphore.
        let name = name.map(|name| named(person, name));
        let mut entries = match name {
            Some(Err(_)) => Vec::new(),
            name => {
                if let Some(Ok(name)) = name {
                    query = query.semaphore(name);
                }
                // A person who sees only some semaphores gets the records of those only. One extra record says whether there are more.
                if !person.is_restricted() {
                    query = query.limit(limit + 1);
                }
                service.semaphores.audit(query).await?
            }
        };
        entries.retain(|entry| person.sees(entry.semaphore.as_str()));
        let mut rows: Vec<Entry> = entries.into_iter().map(Entry::Semaphore).collect();
        if self.semaphore.as_deref().unwrap_or_default().is_empty()
            && let Some(runs) = super::runs::reachable(service, person)
        {
            let service_audit = runs.service_audit(limit + 1).await?;
            rows.extend(service_audit.into_iter().map(Entry::Service));
            rows.sort_by(|one, other| other.at().total_cmp(&one.at()));
        }
        let more = rows.len() > limit && limit < MOST;
        rows.truncate(limit);
        Ok(html! {
            tbody #audit-rows {
                @for row in &rows {
                    @match row {
                        Entry::Semaphore(entry) => (audit_row(entry)),
                        Entry::Service(entry) => (service_row(entry, person)),
                    }
                }
                @if rows.is_empty() {
                    tr.nothing data-key="nothing" { td colspan="4" { "No change is remembered." } }
                }
                @if more {
                    @let of = self.semaphore.as_deref().unwrap_or_default();
                    tr.nothing data-key="more" { td colspan="4" {
                        a href={ "/audit?semaphore=" (escaped(of)) "&limit=" ((limit * 4).min(MOST)) } { "Show more" }
                    } }
                }
            }
        })
    }
}

/// A row of the audit.
enum Entry {
    /// From the store.
    Semaphore(AuditEntry),
    /// From this service.
    Service(ServiceAuditEntry),
}

impl Entry {
    fn at(&self) -> f64 {
        match self {
            Self::Semaphore(entry) => entry.at,
            Self::Service(entry) => entry.at,
        }
    }
}

/// What was done to the service itself.
fn service_row(entry: &ServiceAuditEntry, person: &Person) -> Markup {
    let what = match entry.action {
        ServiceAction::Evaluated => "ran code at the REPL",
        ServiceAction::SnippetSaved => "saved a snippet",
        ServiceAction::SnippetDeleted => "deleted a snippet",
        ServiceAction::TokenCreated => "made a token",
        ServiceAction::TokenRevoked => "revoked a token",
    };
    // Code may contain secrets.
    let is_shown = entry.action != ServiceAction::Evaluated || person.role() == Role::Admin;
    html! {
        tr.is-busy data-key={ "v:" (format!("{:.6}", entry.at)) ":" (entry.login) } {
            td.c-at { (moment(entry.at)) }
            td.c-owner {
                span.who { (printable(&entry.login)) }
                span.sub {
                    span { "by " (printable(&entry.program)) }
                    @if let Some(host) = &entry.host { span { "from " (printable(host)) } }
                }
            }
            td.c-what { span.who { (what) } }
            td.c-change { @if is_shown { code.detail title=(printable_lines(&entry.detail)) { (printable_lines(&entry.detail)) } } }
        }
    }
}

fn audit_row(entry: &AuditEntry) -> Markup {
    let name = entry.semaphore.as_str();
    html! {
        tr.is-busy data-key={ "a:" (name) ":" (entry.sequence) } {
            td.c-at { (moment(entry.at)) }
            td.c-owner { (actor(entry.actor.as_ref())) }
            td.c-what {
                span.who {
                    (did(entry.command)) " "
                    a href=(semaphore_url(name)) { (printable(name)) }
                }
                span.sub {
                    @if let Some(who) = &entry.who { span { (printable(who)) } }
                    @if entry.hits > 1 || (entry.hits == 1 && entry.request.is_none()) {
                        span { (entry.hits) @if entry.hits == 1 { " request" } @else { " requests" } }
                    }
                }
            }
            td.c-change { (state(entry.before.as_ref())) " → " (state(entry.after.as_ref())) }
        }
    }
}

fn actor(actor: Option<&Actor>) -> Markup {
    html! {
        @match actor {
            Some(actor) => {
                span.who { (printable(actor.login())) }
                span.sub {
                    span { "by " (printable(actor.program())) }
                    @if let Some(host) = actor.host() { span { "from " (printable(host)) } }
                }
            }
            None => span.quiet { "unknown" },
        }
    }
}

/// What was done, as the beginning of a sentence.
fn did(action: AdminAction) -> &'static str {
    match action {
        AdminAction::SetSlots => "set the slots of",
        AdminAction::Pin => "pinned",
        AdminAction::Unpin => "unpinned",
        AdminAction::Grant => "granted a request of",
        AdminAction::Cancel => "cancelled a request of",
        AdminAction::Move => "moved a request of",
        AdminAction::Purge => "purged",
        AdminAction::ForceRelease | AdminAction::Release => "released by force",
        AdminAction::Forget => "forgot",
        _ => "changed",
    }
}

fn state(state: Option<&AuditState>) -> Markup {
    html! {
        @match state {
            Some(state) => {
                span.state {
                    b { (slots(state.slots)) } " slots" @if state.pinned { " (pinned)" }
                    ", " (state.busy) " busy, " (state.waiting) " waiting"
                    @if let Some(place) = state.place { ", place " (place) }
                }
            }
            None => span.quiet { "not there" },
        }
    }
}

/// `GET /panel/history`: who held a semaphore before, and who waited for it.
pub(crate) async fn history(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(wanted) = wanted?;
    let name = named(&person, &wanted.name)?;
    let query = HistoryQuery::new().limit(ROWS);
    let ended = service.semaphores.history(&name, query).await?;
    Ok(html! {
        div #history-rows {
            h2 #history-title { "Who held " (printable(name.as_str())) " before" }
            @if ended.is_empty() {
                p.hint { "No request that ended is remembered." }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="history-title" {
                    table.rows.of-history {
                        thead { tr {
                            th.c-status scope="col" { "Status" }
                            th.c-owner scope="col" { "Owner" }
                            th.c-time scope="col" { "Waited" }
                            th.c-time scope="col" { "Ran" }
                            th.c-at scope="col" { "Ended" }
                        } }
                        tbody { @for request in &ended { (history_row(request)) } }
                    }
                }
            }
        }
    })
}

fn history_row(request: &RequestView) -> Markup {
    let who = request.who.as_deref().map(printable);
    let who = who.as_deref().unwrap_or("unknown");
    html! {
        tr {
            td.c-status {
                span.status.{ "of-" (status_name(request.status)) } { (status_icon(request.status)) span { (status_text(request.status)) } }
            }
            td.c-owner {
                span.who title=(who) { (who) }
                span.sub {
                    @if let Some(host) = &request.host { span { (printable(host)) } }
                    @if let Some(pid) = request.pid { span { "pid " (pid) } }
                    @if request.granted { span { "granted" } }
                    @if let Some(by) = &request.by { span { "by " (printable(by.login())) } }
                }
            }
            td.c-time { (took(request.waited)) }
            td.c-time { @if let Some(ran) = request.ran { (took(ran)) } }
            td.c-at { @if let Some(at) = request.ended_at { (moment(at)) } }
        }
    }
}
