//! What happens to semaphores, one line each.

use cla_runtime::semaphore::{Event, EventKind, Slots};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{BOLD, DIM, GREEN, Line, RED, Span, YELLOW};

/// How many digits of an id are shown: enough to distinguish all ids on a screen.
const ID: usize = 8;

/// When, what, to which semaphore, who, and the counts right after it.
pub(crate) fn event(event: &Event, zone: &TimeZone) -> Line {
    let slots = match event.slots {
        Slots::Limited(slots) => slots.to_string(),
        Slots::Unlimited => "∞".to_owned(),
    };
    let mut spans = vec![
        Span::new(time_of_day(event.at, zone), DIM),
        Span::plain("  "),
        Span::new(format!("{:<14}", word(event.kind)), colour(event.kind)),
        Span::plain("  "),
        Span::new(event.semaphore.as_str(), BOLD),
    ];
    if let Some(id) = event.request {
        let id: String = id.to_string().chars().take(ID).collect();
        spans.push(Span::plain(format!("  {id}")));
    }
    if let Some(who) = &event.who {
        spans.push(Span::plain(format!("  {who}")));
    }
    let counts = format!("  {}/{slots} busy, {} waiting", event.busy, event.waiting);
    spans.push(Span::new(counts, DIM));
    if let Some(by) = &event.by {
        spans.push(Span::plain(format!("  by {by}")));
    }
    Line(spans)
}

/// The time of the day, to the millisecond.
pub(crate) fn time_of_day(seconds: f64, zone: &TimeZone) -> String {
    // Milliseconds since 1970 are exact in an f64 for the next 285,000 years.
    match Timestamp::from_millisecond((seconds * 1e3).round() as i64) {
        Ok(at) => {
            let at = at.to_zoned_datetime(zone.clone());
            at.strftime("%H:%M:%S.%3f").to_string()
        }
        Err(_) => seconds.to_string(),
    }
}

/// The kind as JSON names it, with blanks.
fn word(kind: EventKind) -> String {
    let json = serde_json::to_value(kind).unwrap_or_default();
    json.as_str().unwrap_or("?").replace('_', " ")
}

fn colour(kind: EventKind) -> anstyle::Style {
    match kind {
        EventKind::Acquired | EventKind::Granted | EventKind::Reacquired => GREEN,
        EventKind::Queued
        | EventKind::Moved
        | EventKind::SlotsChanged
        | EventKind::Pinned
        | EventKind::Unpinned => YELLOW,
        EventKind::Expired
        | EventKind::Cancelled
        | EventKind::Deadlocked
        | EventKind::TimedOut
        | EventKind::Left
        | EventKind::Killed
        | EventKind::Lost
        | EventKind::Unresponsive
        | EventKind::ForceReleased
        | EventKind::Purged => RED,
        _ => DIM,
    }
}

#[cfg(test)]
mod tests {
    use cla_runtime::semaphore::SemaphoreName;

    use super::super::text;
    use super::*;

    #[test]
    fn an_event_is_a_line() {
        let queued = Event {
            sequence: 1,
            kind: EventKind::TimedOut,
            semaphore: SemaphoreName::new("x").unwrap(),
            request: Some("aaaa0000-0000-8000-8000-000000000000".parse().unwrap()),
            who: Some("a.js".to_owned()),
            run: None,
            busy: 1,
            waiting: 2,
            slots: Slots::Unlimited,
            at: 86_399.5,
            by: None,
        };
        assert_eq!(
            text(&[event(&queued, &TimeZone::UTC)]),
            ["23:59:59.500  timed out       x  aaaa0000  a.js  1/∞ busy, 2 waiting"]
        );
    }
}
