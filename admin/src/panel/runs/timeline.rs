//! What a run waited for and held, by semaphore, over its time: drawn here, also while the run goes on.

use cla_runtime::semaphore::{RequestView, SemaphoreName, Status, printable};
use cla_runtime::trace::RegionRecord;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::parts::{length, semaphore_url, since, took};

/// Semaphores in a timeline at most: the first of a run that had more.
const MOST_LANES: usize = 200;

/// Stays that are drawn in one lane at most: the last of a semaphore that had more.
const MOST_DRAWN: usize = 500;

/// The width of a timeline, in the units of its drawing.
const WIDTH: f64 = 1000.0;

/// One stay at a semaphore. Times are seconds; `asked` is from the start of the run.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Region {
    semaphore: String,
    who: String,
    asked: f64,
    waited: f64,
    held: f64,
    granted: bool,
    /// As a report has it; `waiting` or `busy` while it goes on.
    outcome: String,
}

impl Region {
    /// One that was left.
    pub(super) fn left(record: &RegionRecord) -> Self {
        let outcome = serde_json::to_value(record.outcome).unwrap_or_default();
        Self {
            semaphore: record.semaphore.as_str().to_owned(),
            who: record.who.clone(),
            asked: record.asked.as_secs_f64(),
            waited: record.waited.as_secs_f64(),
            held: record.held.as_secs_f64(),
            granted: record.granted,
            outcome: outcome.as_str().unwrap_or_default().to_owned(),
        }
    }

    /// One that goes on, of a run that started then.
    pub(super) fn going_on(
        name: &SemaphoreName,
        request: &RequestView,
        started_at: f64,
        now: f64,
    ) -> Self {
        // By its times: the view is a moment old.
        let since = |at: f64| (now - at).max(0.0);
        let admitted = request.started_at;
        Self {
            semaphore: name.as_str().to_owned(),
            who: request.who.clone().unwrap_or_default(),
            asked: (request.requested_at - started_at).max(0.0),
            waited: admitted.map_or_else(|| since(request.requested_at), |_| request.waited),
            held: admitted.map_or(0.0, since),
            granted: request.granted,
            outcome: request.status.as_str().to_owned(),
        }
    }

    fn goes_on(&self) -> bool {
        self.outcome == Status::Waiting.as_str() || self.outcome == Status::Busy.as_str()
    }
}

/// A lane for each semaphore, in the order in which the run asked for them. `now` is the time of a run that goes on.
pub(super) fn draw(regions: &[Region], total: f64, now: Option<f64>) -> Markup {
    let mut lanes: Vec<(&str, Vec<&Region>)> = Vec::new();
    for region in regions {
        match lanes.iter_mut().find(|(name, _)| *name == region.semaphore) {
            Some((_, lane)) => lane.push(region),
            None => lanes.push((&region.semaphore, vec![region])),
        }
    }
    html! {
        ul.timeline {
            @for (name, lane) in lanes.iter().take(MOST_LANES) { (draw_lane(name, lane, total, now)) }
        }
        p.axis.quiet aria-hidden="true" { span { "0s" } span { (length(total / 2.0)) } span { (length(total)) } }
        @if lanes.len() > MOST_LANES { p.quiet { "and " (lanes.len() - MOST_LANES) " more semaphores" } }
    }
}

/// Amber while it waited, green while it held a slot.
fn draw_lane(name: &str, lane: &[&Region], total: f64, now: Option<f64>) -> Markup {
    let at = |seconds: f64| format!("{:.1}", (seconds / total * WIDTH).clamp(0.0, WIDTH));
    // A very short stay is still visible.
    let width = |seconds: f64| format!("{:.1}", (seconds / total * WIDTH).clamp(2.0, WIDTH));
    let drawn = lane.iter().skip(lane.len().saturating_sub(MOST_DRAWN));
    let sum = |of: fn(&Region) -> f64| lane.iter().map(|region| of(region)).sum::<f64>();
    let going_on = lane.iter().find(|region| region.goes_on());
    html! {
        li data-key={ "lane:" (name) } {
            a.name href=(semaphore_url(name)) { (printable(name)) }
            svg.bar viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" aria-hidden="true" {
                @for region in drawn {
                    @if region.waited > 0.0005 {
                        rect.of-waiting x=(at(region.asked)) y="2" height="6" width=(width(region.waited)) { title { (printable(&region.who)) } }
                    }
                    @if region.held > 0.0 {
                        rect.of-busy x=(at(region.asked + region.waited)) y="0" height="10" width=(width(region.held)) { title { (printable(&region.who)) } }
                    }
                }
            }
            span.times {
                @match (going_on, now) {
                    (Some(region), Some(now)) if region.outcome == Status::Waiting.as_str() => {
                        "waits for " (since(now - region.waited, now))
                    }
                    (Some(region), Some(now)) => {
                        "waited " (took(sum(|region| region.waited))) ", holds it for " (since(now - region.held, now))
                    }
                    _ => { "waited " (took(sum(|region| region.waited))) ", held " (took(sum(|region| region.held))) }
                }
                @if lane.len() > 1 { ", " (lane.len()) " times" }
                @if lane.iter().any(|region| region.granted) { " " span.badge { "granted" } }
                @if let Some(last) = lane.iter().rev().find(|region| !region.goes_on() && region.outcome != "done") {
                    " " span.of-failed { (last.outcome.replace('_', " ")) }
                }
            }
        }
    }
}
