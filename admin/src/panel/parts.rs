//! Small parts of pages: icons, times, links.

use std::fmt::Write as _;

use cla_runtime::semaphore::{Slots, Status};
use maud::{Markup, PreEscaped, html};

/// The drawings that [`icon`] refers to, once in each page.
pub(super) const SPRITE: PreEscaped<&str> = PreEscaped(include_str!("assets/icons.svg"));

/// A drawing. It says nothing to a screen reader: text stands beside it.
pub(super) fn icon(name: &str) -> Markup {
    html! {
        svg.icon.{ "i-" (name) } aria-hidden="true" focusable="false" { use href={ "#i-" (name) } {} }
    }
}

/// The drawing of a status.
pub(super) fn status_icon(status: Status) -> Markup {
    icon(status_name(status))
}

/// A status as a class and an icon. An unknown status, of a later version of the store, looks like one that is over.
pub(super) fn status_name(status: Status) -> &'static str {
    known_status(status.as_str())
}

fn known_status(name: &'static str) -> &'static str {
    let is_known = LEGEND.iter().any(|(known, _)| *known == name);
    if is_known { name } else { "done" }
}

/// Every status, and what it means, for the legend.
pub(super) const LEGEND: [(&str, &str); 9] = [
    ("waiting", "in line for a slot"),
    ("busy", "holds a slot"),
    ("done", "ended well"),
    ("cancelled", "failed on request"),
    ("expired", "its TTL passed"),
    ("timed_out", "waited too long"),
    ("left", "gave up waiting"),
    ("released", "lost its slot, goes on"),
    ("killed", "its process is gone"),
];

/// The name of a status for people.
pub(super) fn status_text(status: Status) -> String {
    status.as_str().replace('_', " ")
}

/// `∞` for unlimited.
pub(super) fn slots(slots: Slots) -> String {
    match slots {
        Slots::Limited(slots) => slots.to_string(),
        Slots::Unlimited => "∞".to_owned(),
    }
}

/// A time that goes on: how long ago `from` is, in seconds since the Unix epoch. The page counts it up.
pub(super) fn since(from: f64, now: f64) -> Markup {
    html! { time data-from=(format!("{from:.1}")) { (length(now - from)) } }
}

/// A time that is left.
pub(super) fn until(end: f64, now: f64) -> Markup {
    html! { time data-until=(format!("{end:.1}")) { (length(end - now)) } }
}

/// A length of time that is over.
pub(super) fn took(seconds: f64) -> Markup {
    html! { time data-took=(format!("{seconds:.3}")) { (length(seconds)) } }
}

/// A moment. The page writes it as the reader's language does.
pub(super) fn moment(at: f64) -> Markup {
    html! { time data-at=(format!("{at:.3}")) { (utc(at)) } }
}

/// As `2026-01-31 23:59:59 UTC`, for browsers without scripts.
fn utc(at: f64) -> String {
    #[allow(clippy::cast_possible_truncation)] // what is too large is refused below
    let time = jiff::Timestamp::from_second(at as i64);
    time.map_or_else(
        |_| String::new(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

/// A length of time in short words; the page writes it again in the reader's language.
pub(super) fn length(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 10.0 {
        return format!("{seconds:.1}s");
    }
    // It is positive, and what is too large stays large.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = seconds as u64;
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole / 60 % 60),
        _ => format!("{}d {}h", whole / 86_400, whole / 3600 % 24),
    }
}

/// Where the page of a semaphore is.
pub(super) fn semaphore_url(name: &str) -> String {
    match name {
        // Browsers take these for folders, however they are written.
        "." | ".." => format!("/?semaphore={name}"),
        _ => format!("/semaphores/{}", escaped(name)),
    }
}

/// A text as a part of a path or a query.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_not_known_looks_like_one_that_is_over() {
        for (name, _) in LEGEND {
            assert_eq!(known_status(name), name);
            assert!(SPRITE.0.contains(&format!("id=\"i-{name}\"")), "{name}");
        }
        assert_eq!(known_status("paused"), "done");
    }

    #[test]
    fn times_are_short_and_names_are_escaped() {
        let lengths = [0.04, 9.99, 59.9, 61.0, 3600.0, 90_000.0, -1.0].map(length);
        assert_eq!(
            lengths,
            ["0.0s", "10.0s", "59s", "1m 1s", "1h 0m", "1d 1h", "0.0s"]
        );
        assert_eq!(utc(951_782_400.0), "2000-02-29 00:00:00 UTC");
        assert_eq!(utc(1_798_761_599.0), "2026-12-31 23:59:59 UTC");
        assert_eq!(semaphore_url("a/b ∞"), "/semaphores/a%2Fb%20%E2%88%9E");
        assert_eq!(semaphore_url(".."), "/?semaphore=..");
    }
}
