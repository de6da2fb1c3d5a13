//! The explorer: every semaphore, with its counts and its slots. The left side of the panel.

use std::sync::Arc;

use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use cla_runtime::semaphore::{SemaphoreView, Slots, printable};
use maud::{Markup, html};
use serde::{Deserialize, Deserializer};

use super::parts::{escaped, icon, semaphore_url, since, slots};
use super::snapshot::Snapshot;
use super::window::{Window, spacer};
use crate::api::problem::Problem;
use crate::api::semaphores::{Condition, Sort, Wanted, oldest_wait};
use crate::auth::{Person, Role};
use crate::service::Service;

/// What a person looks at. All of it stands in the address of the page.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Look {
    q: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    state: Option<Condition>,
    #[serde(deserialize_with = "unless_empty")]
    sort: Sort,
    /// Only those with this label.
    label: Option<String>,
    offset: usize,
    limit: Option<usize>,
    /// The semaphore whose queue is shown.
    pub(super) semaphore: Option<String>,
    /// Only the rows of these names, as an array of JSON: they have changed.
    only: Option<String>,
}

/// A form sends a field that says nothing as an empty text.
fn unless_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(T::default());
    }
    T::deserialize(serde::de::value::StringDeserializer::<D::Error>::new(text))
}

/// `GET /panel/semaphores`: the rows.
pub(crate) async fn rows(
    State(service): State<Arc<Service>>,
    Extension(person): Extension<Person>,
    look: Result<Query<Look>, QueryRejection>,
) -> Result<Markup, Problem> {
    let Query(look) = look?;
    let snapshot = service.snapshot().await?;
    Ok(look.rows(&service, &person, &snapshot))
}

impl Look {
    /// The same view with this semaphore selected.
    pub(super) fn at(self, semaphore: String) -> Self {
        Self {
            semaphore: Some(semaphore),
            ..self
        }
    }

    fn wanted(&self) -> Wanted {
        let window = Window::new(self.offset, self.limit);
        Wanted {
            q: self.q.clone().filter(|text| !text.trim().is_empty()),
            state: self.state,
            sort: self.sort,
            label: self.label.clone().filter(|label| !label.is_empty()),
            offset: window.offset,
            limit: Some(window.limit),
            ..Wanted::default()
        }
    }

    /// Those that are shown, and how many there are beside them.
    pub(super) fn find<'s>(
        &self,
        service: &Service,
        person: &Person,
        snapshot: &'s Snapshot,
    ) -> (usize, Vec<&'s SemaphoreView>) {
        let views = snapshot.views.iter();
        let views = views.filter(|view| person.sees(view.name.as_str()));
        self.wanted().apply(views.collect(), &service.declared)
    }

    /// The table's body.
    pub(super) fn rows(&self, service: &Service, person: &Person, snapshot: &Snapshot) -> Markup {
        let (total, mut views) = self.find(service, person, snapshot);
        let offset = self.wanted().offset.min(total);
        let shown = views.len();
        if let Some(only) = &self.only {
            let names: Vec<String> = serde_json::from_str(only).unwrap_or_default();
            views.retain(|view| names.iter().any(|name| name == view.name.as_str()));
        }
        let empty = total == 0;
        let has_some = snapshot
            .views
            .iter()
            .any(|view| person.sees(view.name.as_str()));
        html! {
            tbody #semaphores data-total=(total) data-offset=(offset) data-now=(format!("{:.3}", snapshot.at))
                data-none=[(!has_some).then_some("yes")] {
                (spacer(offset, 5))
                @for view in views {
                    (self.row(service, person, view, snapshot.at))
                }
                (spacer(total.saturating_sub(offset + shown), 5))
                @if empty && has_some {
                    tr.nothing data-key="nothing" { td colspan="5" { "No semaphore is like that." } }
                }
            }
        }
    }

    fn row(&self, service: &Service, person: &Person, view: &SemaphoreView, now: f64) -> Markup {
        let name = view.name.as_str();
        let current = self.semaphore.as_deref() == Some(name);
        let oldest = oldest_wait(view);
        html! {
            tr.is-locked[view.slots == Slots::LOCKED].is-current[current] data-key={ "s:" (name) } data-semaphore=(name) {
                th.c-name scope="row" {
                    a href=(semaphore_url(name)) aria-current=[current.then_some("true")] { (printable(name)) }
                    span.sub {
                        @if view.slots == Slots::LOCKED { span.mark.locked { (icon("lock")) "locked" } }
                        @if view.pinned { span.mark title="an administrator has set the slots" { (icon("pin")) "pinned" } }
                        @match oldest {
                            Some(oldest) => span { "oldest wait " (since(now - oldest, now)) },
                            None => span.quiet { @if view.busy > 0 { "none waits" } @else { "idle" } },
                        }
                        (labels(service, view, false))
                        @if let Some(description) = service.declared.description(&view.name) {
                            span.quiet.description title=(printable(description)) { (printable(description)) }
                        }
                    }
                }
                td.c-trend { (service.panel.trends.draw(view)) }
                td.c-slots { (stepper(person, view)) }
                td.c-count.of-busy.is-zero[view.busy == 0] { (view.busy) }
                td.c-count.of-waiting.is-zero[view.waiting == 0] { (view.waiting) }
            }
        }
    }
}

/// The labels of a declared semaphore; each leads to all that have it where it is a link.
pub(super) fn labels(service: &Service, view: &SemaphoreView, links: bool) -> Markup {
    html! {
        @for label in service.declared.labels(&view.name) {
            @if links {
                a.label href={ "/?label=" (escaped(&label)) } title="all semaphores with this label" { (printable(&label)) }
            } @else {
                span.label { (printable(&label)) }
            }
        }
    }
}

/// The number of slots, with the arrows beside it for those who may steer.
pub(super) fn stepper(person: &Person, view: &SemaphoreView) -> Markup {
    let name = printable(view.name.as_str());
    let shown = slots(view.slots);
    let raised = view.slots.raise();
    let lowered = view.slots.lower();
    let may = person.role() >= Role::Operator;
    html! {
        span.stepper.is-locked[view.slots == Slots::LOCKED] data-slots=(view.slots.to_string()) {
            @if may {
                button type="button" data-act="slots" data-to=(lowered.to_string()) disabled[lowered == view.slots]
                    aria-label={ "Fewer slots for " (name) ": " (slots(lowered)) } title=(step_title(view.slots, lowered)) { (icon("down")) }
                button.value type="button" data-act="type-slots" aria-label={ (name) " has " (shown) " slots: type a number" } { (shown) }
                button type="button" data-act="slots" data-to=(raised.to_string()) disabled[raised == view.slots]
                    aria-label={ "More slots for " (name) ": " (slots(raised)) } title=(step_title(view.slots, raised)) { (icon("up")) }
            } @else {
                span.value { (shown) }
            }
        }
    }
}

/// What a step does, where it does more than its number says.
fn step_title(from: Slots, to: Slots) -> String {
    match to {
        Slots::LOCKED if from != Slots::LOCKED => "0 slots: locked, all requests wait".to_owned(),
        Slots::Unlimited if from != Slots::Unlimited => "∞ slots: no request waits".to_owned(),
        to => format!("{} slots", slots(to)),
    }
}

/// The filter above the list.
pub(super) fn filter(service: &Service, person: &Person, look: &Look) -> Markup {
    let labels = service.declared.all_labels(|name| person.sees(name));
    let chosen = look.label.as_deref().filter(|label| !label.is_empty());
    let states = [
        (None, "all"),
        (Some(Condition::Busy), "busy"),
        (Some(Condition::Waiting), "waiting"),
        (Some(Condition::Locked), "locked"),
        (Some(Condition::Pinned), "pinned"),
    ];
    let sorts = [
        (Sort::Name, "name"),
        (Sort::Waiting, "waiting"),
        (Sort::Busy, "busy"),
        (Sort::Oldest, "oldest"),
    ];
    html! {
        form.filter #filter role="search" action="/" method="get" {
            label.search {
                (icon("search"))
                span.only-read { "Filter semaphores" }
                input type="search" name="q" value=[look.q.as_deref()] placeholder="Filter by name or owner" autocomplete="off" spellcheck="false";
            }
            label { span.only-read { "Which" } select name="state" {
                @for (state, text) in states {
                    option value=(if state.is_some() { text } else { "" }) selected[state == look.state] { (text) }
                }
            } }
            @if !labels.is_empty() || chosen.is_some() {
                label { span.only-read { "Label" } select name="label" {
                    option value="" { "any label" }
                    // A label of the page's address, such as one with any value.
                    @if let Some(label) = chosen.filter(|label| !labels.contains(*label)) {
                        option value=(label) selected { (printable(label)) }
                    }
                    @for label in &labels {
                        option value=(label) selected[chosen == Some(label)] { (printable(label)) }
                    }
                } }
            }
            label { span.only-read { "Sort by" } select name="sort" {
                @for (sort, text) in sorts {
                    option value=(text) selected[sort == look.sort] { "by " (text) }
                }
            } }
        }
    }
}

/// What stands in place of the list as long as there is no semaphore: the document's first steps.
pub(super) fn nothing_yet() -> Markup {
    html! {
        section.first #first aria-labelledby="first-title" {
            h2 #first-title { "No semaphores yet" }
            p { "A semaphore comes into being with the first rule that asks for it. Start " code { "cla repl" } " in a terminal and paste this:" }
            div.snippet {
                pre tabindex="0" { code #snippet { (SNIPPET) } }
                button type="button" data-act="copy" data-from="snippet" { (icon("copy")) "Copy" }
            }
            p.quiet { "It appears here at once. Rules of other programs and machines that use this store do, too." }
        }
    }
}

/// From the document (*Creating a semaphore with the REPL*).
const SNIPPET: &str = r#"var sem = require("cla/sem");
var util = require("cla/util");
var ret = sem.take('mysem', function(){
    util.sleep(10); // will lock the semaphore for 10 seconds
});
"#;
