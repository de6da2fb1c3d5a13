//! The page of the tokens: who may ask this service, and for what.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use cla_runtime::semaphore::printable;
use maud::{Markup, html};

use super::parts::{icon, moment};
use super::snapshot::now;
use super::{Tab, page};
use crate::api::problem::Problem;
use crate::api::tokens::{TokenView, all};
use crate::auth::{Person, Role};
use crate::service::Service;

/// `GET /tokens`.
pub(crate) async fn show(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
) -> Result<Markup, Problem> {
    if person.is_restricted() {
        let why = "Your token sees only some semaphores: it makes and revokes no other tokens.";
        let content = html! { p.hint { (why) } };
        return Ok(page(
            &service,
            "Tokens",
            Tab::Tokens,
            Some(&person),
            &content,
        ));
    }
    let rows = rows(&all(&service).await?);
    let content = html! {
        div.page #tokens data-after=(service.live.id(service.live.newest())) {
            header.filter {
                h1 { "Tokens" }
                button.primary type="button" data-act="token-new" { "New token" }
                p.quiet { "For programs, and for people who sign in" }
            }
            div.scroll tabindex="0" role="region" aria-label="Tokens" {
                table.rows.of-tokens {
                    caption.only-read { "Tokens, in the order in which they were made" }
                    thead { tr {
                        th.c-owner scope="col" { "Name" }
                        th.c-role scope="col" { "Role" }
                        th.c-globs scope="col" { "Semaphores" }
                        th.c-at scope="col" { "Created" }
                        th.c-at scope="col" { "Expires" }
                        th.c-at scope="col" { "Last used" }
                        th.c-acts scope="col" { span.only-read { "Actions" } }
                    } }
                    (rows)
                }
            }
        }
        (new_token())
    };
    Ok(page(
        &service,
        "Tokens",
        Tab::Tokens,
        Some(&person),
        &content,
    ))
}

/// `GET /panel/tokens`: the rows.
pub(crate) async fn token_rows(State(service): State<Arc<Service>>) -> Result<Markup, Problem> {
    Ok(rows(&all(&service).await?))
}

fn rows(tokens: &[TokenView]) -> Markup {
    let now = now();
    html! {
        tbody #token-rows {
            @for token in tokens { (row(token, now)) }
            @if tokens.is_empty() {
                tr.nothing data-key="nothing" { td colspan="7" { "There are no tokens yet." } }
            }
        }
    }
}

fn row(token: &TokenView, now: f64) -> Markup {
    let name = printable(&token.name);
    html! {
        tr data-key={ "t:" (token.id) } data-token=(token.id) {
            td.c-owner { span.who { (name) } span.sub { code { (token.id) } } }
            td.c-role { (token.role) }
            td.c-globs { @match &token.semaphores { Some(pattern) => code { (printable(pattern)) }, None => span.quiet { "all" } } }
            td.c-at data-label="Created" { (moment(token.created_at)) }
            td.c-at data-label="Expires" {
                @match token.expires_at {
                    Some(at) if at <= now => span.of-failed { "expired" },
                    Some(at) => (moment(at)),
                    None => span.quiet { "never" },
                }
            }
            td.c-at data-label="Last used" {
                @match token.last_used_at { Some(at) => (moment(at)), None => span.quiet { "never" } }
                @if let Some(from) = &token.last_used_from { span.sub { "from " (from) } }
            }
            td.c-acts {
                button.small.danger type="button" data-act="token-revoke" aria-label={ "Revoke " (name) } { "Revoke" }
            }
        }
    }
}

/// Asks which token to make, and shows it once.
fn new_token() -> Markup {
    html! {
        dialog #token-new aria-labelledby="token-new-title" {
            form method="dialog" {
                h2 #token-new-title { "New token" }
                label { span { "Name: changes are recorded under it" } input type="text" name="name" maxlength="64" autocomplete="off"; }
                label { span { "Role" } select name="role" {
                    @for role in Role::ALL { option value=(role) { (role) } }
                } }
                label { span { "Valid for (12h, 30d; empty: for ever)" } input type="text" name="expires" autocomplete="off"; }
                label { span { "Semaphores that it sees (a pattern such as shop-*; empty: all)" } input type="text" name="semaphores" autocomplete="off" spellcheck="false"; }
                p.problem #token-new-problem role="alert" hidden {}
                div.buttons {
                    button value="no" formnovalidate { "Close" }
                    button.primary #token-new-yes type="button" data-act="token-create" { "Make it" }
                }
            }
        }
        dialog #token-made aria-labelledby="token-made-title" {
            form method="dialog" {
                h2 #token-made-title { "The new token" }
                p { "Copy it now: it is shown this once, and only a hash of it is kept." }
                pre tabindex="0" { code #token-text {} }
                div.buttons {
                    button type="button" data-act="copy" data-from="token-text" { (icon("copy")) "Copy" }
                    button.primary { "Close" }
                }
            }
        }
    }
}
