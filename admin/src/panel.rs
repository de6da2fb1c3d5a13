//! The live panel: pages for people, made on the server.
//!
//! A page is a function that answers a route of the table (`server/routes.rs`) with [`page`]; text goes into it through
//! `maud`, which escapes HTML, after [`printable`](cla_runtime::semaphore::printable). Styles and scripts are files in
//! `assets/`, listed in [`assets`]: the Content-Security-Policy allows nothing inline.
//!
//! How a page stays up to date: the events of the API say what changed; the scripts ask for the fragments of HTML that show
//! it (`/panel/...`), and replace the old ones. Only the server makes rows.

pub(crate) mod assets;
pub(crate) mod docs;
pub(crate) mod explorer;
pub(crate) mod home;
pub(crate) mod oidc;
mod parts;
pub(crate) mod queue;
pub(crate) mod records;
pub(crate) mod repl;
pub(crate) mod runs;
pub(crate) mod sign_in;
mod snapshot;
mod state;
pub(crate) mod tokens;
mod trends;
mod window;

use std::sync::Arc;

use axum::http::StatusCode;
use cla_runtime::semaphore::{StoreError, printable};
use maud::{DOCTYPE, Markup, html};

pub(crate) use self::parts::escaped;
use self::parts::{SPRITE, icon};
use self::snapshot::Snapshot;
pub(crate) use self::state::Panel;
pub(crate) use self::trends::Trends;
use crate::auth::{Person, Role};
use crate::service::Service;

/// `GET /panel/here`: says that a session goes on.
pub(crate) async fn here() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// The pages that the header leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Semaphores,
    Runs,
    Audit,
    Repl,
    Tokens,
    Docs,
    /// None of them.
    None,
}

impl Tab {
    /// Those that this person may see.
    fn of(
        service: &Service,
        person: &Person,
    ) -> impl Iterator<Item = (Self, &'static str, &'static str)> {
        let whole = !person.is_restricted();
        let administers = whole && person.role() == Role::Admin;
        let all = [
            (true, Self::Semaphores, "Semaphores", "/"),
            (whole, Self::Runs, "Runs", "/runs"),
            (true, Self::Audit, "Audit", "/audit"),
            (
                administers && service.repl.is_some(),
                Self::Repl,
                "REPL",
                "/repl",
            ),
            (administers, Self::Tokens, "Tokens", "/tokens"),
            (true, Self::Docs, "API", "/docs"),
        ];
        all.into_iter()
            .filter_map(|(shown, tab, text, url)| shown.then_some((tab, text, url)))
    }
}

/// The frame of every page.
pub(crate) fn page(
    service: &Service,
    title: &str,
    tab: Tab,
    person: Option<&Person>,
    content: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · cla" }
                link rel="icon" href=(assets::url("icon.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::url("panel.css"));
                @let script = if person.is_some() { "panel.js" } else { "login.js" };
                script type="module" src=(assets::url(script)) {}
            }
            body data-role=[person.map(|person| person.role().as_str())] {
                (SPRITE)
                @if let Some(person) = person {
                    header.top {
                        a.brand href="/" { (icon("brand")) "cla" }
                        nav aria-label="Pages" {
                            @for (known, text, url) in Tab::of(service, person) {
                                a href=(url) aria-current=[(known == tab).then_some("page")] { (text) }
                            }
                        }
                        span.link-state #link data-state="off" role="status" { span.dot {} span.text { "not live" } }
                        button.plain.square type="button" data-act="keys" aria-label="Keyboard shortcuts" title="keyboard shortcuts (?)" { "?" }
                        form.person method="post" action="/logout" {
                            span { (printable(person.login())) " " span.quiet { (person.role()) } }
                            button.plain { "Sign out" }
                        }
                    }
                    div.banner #banner role="alert" hidden {}
                }
                main { (content) }
                @if person.is_some() {
                    dialog #ask aria-labelledby="ask-title" {
                        form method="dialog" {
                            h2 #ask-title {}
                            p #ask-text {}
                            label #ask-field hidden { span {} input type="text" name="value" autocomplete="off"; }
                            div.buttons {
                                button value="no" formnovalidate { "Keep as it is" }
                                button.primary value="yes" #ask-yes {}
                            }
                        }
                    }
                    dialog #history aria-labelledby="history-title" {
                        form method="dialog" {
                            div #history-rows {}
                            div.buttons { button.primary { "Close" } }
                        }
                    }
                    dialog #keys aria-labelledby="keys-title" { (keys()) }
                    div #toasts role="status" aria-live="polite" {}
                    div.only-read #said aria-live="polite" {}
                }
            }
        }
    }
}

/// What keys do.
fn keys() -> Markup {
    let keys = [
        ("/", "filter"),
        ("↑ ↓", "the row above, the row below"),
        ("PgUp PgDn", "a page up, a page down"),
        ("Home End", "the first row, the last row"),
        ("Enter", "open the semaphore"),
        ("+ −", "more slots, fewer slots"),
        ("Space", "select a row that waits"),
        ("g", "grant"),
        ("c", "cancel"),
        ("u d", "move up, move down"),
        ("Esc", "close"),
        ("?", "this list"),
    ];
    html! {
        form method="dialog" {
            h2 #keys-title { "Keys" }
            dl.keys {
                @for (key, what) in keys {
                    div { dt { @for key in key.split(' ') { kbd { (key) } " " } } dd { (what) } }
                }
            }
            div.buttons { button.primary { "Close" } }
        }
    }
}

impl Service {
    /// All semaphores as they are now, for a page.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, StoreError> {
        let Self {
            panel,
            semaphores,
            live,
            ..
        } = self;
        panel.snapshots.get(semaphores, live).await
    }
}
