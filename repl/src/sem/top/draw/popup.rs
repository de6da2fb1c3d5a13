//! What is shown over the panes: questions, details, the help.

use cla_runtime::semaphore::{RequestView, SemaphoreView, Status};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::widgets::{Block, Clear, Widget};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Canvas, title};
use crate::durations::short;
use crate::render::{self, BOLD, Span, YELLOW};
use crate::sem::top::keys;
use crate::sem::top::state::{Detailed, Mode, State, owner};

/// Lines longer than this are hard to read.
const WIDEST: u16 = 78;

/// With less room than this beside its label, a value stands below it, in columns.
const NARROWEST_VALUE: usize = 20;

/// A text in a frame.
struct Popup {
    title: &'static str,
    lines: Vec<Vec<Span>>,
    top: u16,
}

pub(super) fn draw(state: &State, canvas: &mut Canvas<'_>) {
    let Some(popup) = popup(state) else { return };
    let area = area(state.screen, popup.lines.len());
    Clear.render(area, canvas.buffer);
    Block::bordered()
        .border_set(border::DOUBLE)
        .render(area, canvas.buffer);
    title(area, vec![Span::new(popup.title, BOLD)], canvas);
    let height = usize::from(area.height.saturating_sub(2));
    let count = popup.lines.len();
    if count > height {
        let top = usize::from(popup.top);
        let text = format!(" {}-{} of {count} ", top + 1, (top + height).min(count));
        let below = Rect::new(area.x + 1, area.bottom() - 1, area.width - 2, 1);
        canvas.put_right(below, &[Span::plain(text)]);
    }
    let lines = popup.lines.iter().skip(usize::from(popup.top)).take(height);
    for (y, line) in (area.y + 1..).zip(lines) {
        canvas.put(area.x + 2, y, area.width.saturating_sub(4), line);
    }
}

/// How far the text can be scrolled.
pub(in super::super) fn last_top(state: &State) -> u16 {
    let Some(popup) = popup(state) else { return 0 };
    let area = area(state.screen, popup.lines.len());
    let height = usize::from(area.height.saturating_sub(2));
    u16::try_from(popup.lines.len().saturating_sub(height)).unwrap_or(u16::MAX)
}

/// In the middle of the screen, as large as it has to be.
fn area(screen: Rect, lines: usize) -> Rect {
    let width = screen.width.saturating_sub(2).min(WIDEST);
    let wanted = u16::try_from(lines + 2).unwrap_or(u16::MAX);
    let height = wanted.min(screen.height.saturating_sub(2));
    let x = screen.x + (screen.width - width) / 2;
    let y = screen.y + (screen.height - height) / 2;
    Rect::new(x, y, width, height)
}

fn popup(state: &State) -> Option<Popup> {
    // Nothing of it fits on a screen that is too small.
    state.layout()?;
    let width = usize::from(area(state.screen, 0).width.saturating_sub(4));
    match &state.mode {
        Mode::Panes | Mode::Search => None,
        Mode::Question(question) => {
            let mut lines: Vec<_> = wrap(&question.text, width)
                .into_iter()
                .map(|line| vec![Span::plain(line)])
                .collect();
            lines.push(Vec::new());
            lines.push(vec![
                Span::new("y", BOLD),
                Span::plain(" yes   "),
                Span::new("n", BOLD),
                Span::plain(" no"),
            ]);
            Some(Popup {
                title: "Sure?",
                lines,
                top: 0,
            })
        }
        Mode::Help { top } => Some(Popup {
            title: "Keys and symbols",
            lines: help(width),
            top: *top,
        }),
        Mode::Details { top } => {
            let (title, pairs) = match state.detailed()? {
                Detailed::Semaphore(view, _) => ("Semaphore", semaphore(view)),
                Detailed::Request(name, request, read_at) => {
                    let elapsed = state.elapsed(*read_at);
                    let pairs = request_pairs(name.as_str(), request, elapsed, &state.zone);
                    ("Request", pairs)
                }
            };
            let pairs: Vec<(&str, &str)> = pairs
                .iter()
                .map(|(label, value)| (*label, &**value))
                .collect();
            Some(Popup {
                title,
                lines: table(&pairs, width),
                top: *top,
            })
        }
    }
}

fn help(width: usize) -> Vec<Vec<Span>> {
    let mut lines = Vec::new();
    for (heading, keys) in &keys::SECTIONS {
        if !lines.is_empty() {
            lines.push(Vec::new());
        }
        lines.push(vec![Span::new(*heading, YELLOW)]);
        lines.extend(table(keys, width));
    }
    lines
}

type Pairs = Vec<(&'static str, String)>;

fn semaphore(view: &SemaphoreView) -> Pairs {
    let pinned = if view.pinned {
        "yes: an administrator set the slots"
    } else {
        "no: rules decide the slots"
    };
    vec![
        ("name", view.name.to_string()),
        ("slots", view.slots.to_string()),
        ("pinned", pinned.to_owned()),
        ("busy", view.busy.to_string()),
        ("granted", render::granted(view).to_string()),
        ("waiting", view.waiting.to_string()),
    ]
}

fn request_pairs(name: &str, request: &RequestView, elapsed: f64, zone: &TimeZone) -> Pairs {
    let on = |seconds: f64, status| {
        let goes_on = request.status == status;
        short(if goes_on { seconds + elapsed } else { seconds })
    };
    let time = |seconds: f64| time(seconds, zone);
    let expires = request.expires_at.map(|at| {
        let left = render::ttl_left(request).map(|left| short(left - elapsed));
        match left {
            Some(left) => format!("{} (in {left})", time(at)),
            None => time(at),
        }
    });
    let granted = if request.granted {
        "yes: it takes no slot"
    } else {
        "no"
    };
    let status = request.status.as_str().replace('_', " ");
    let pairs = [
        ("id", Some(request.id.to_string())),
        ("semaphore", Some(name.to_owned())),
        (
            "status",
            Some(format!("{} {status}", render::symbol(request.status))),
        ),
        ("granted", Some(granted.to_owned())),
        ("who", request.who.clone()),
        (
            "owner",
            Some(owner(request)).filter(|owner| !owner.is_empty()),
        ),
        ("run", request.run.map(|run| run.to_string())),
        ("place", request.place.map(|place| place.to_string())),
        ("priority", Some(request.priority.to_string())),
        ("token", request.token.map(|token| token.to_string())),
        ("requested", Some(time(request.requested_at))),
        ("started", request.started_at.map(time)),
        ("expires", expires),
        ("waited", Some(on(request.waited, Status::Waiting))),
        ("ran", request.ran.map(|ran| on(ran, Status::Busy))),
        (
            "run answers",
            render::unresponsive(request, elapsed).map(|silent| format!("no: it {silent}")),
        ),
        ("steered by", request.by.as_ref().map(ToString::to_string)),
    ];
    let known = pairs.into_iter();
    known
        .filter_map(|(label, value)| Some((label, value?)))
        .collect()
}

/// Date and time of the day, to the second.
fn time(seconds: f64, zone: &TimeZone) -> String {
    // Milliseconds since 1970 are exact in an f64 for the next 285,000 years.
    match Timestamp::from_millisecond((seconds * 1e3).round() as i64) {
        Ok(at) => {
            let at = at.to_zoned_datetime(zone.clone());
            at.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        Err(_) => seconds.to_string(),
    }
}

/// Labels, and values beside or below them.
fn table(pairs: &[(&str, &str)], width: usize) -> Vec<Vec<Span>> {
    let labels = pairs.iter().map(|(label, _)| label.width()).max();
    let indent = labels.unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for (label, value) in pairs {
        if width < indent + NARROWEST_VALUE {
            lines.push(vec![Span::new(*label, BOLD)]);
            let below = wrap(value, width.saturating_sub(2));
            lines.extend(
                below
                    .into_iter()
                    .map(|line| vec![Span::plain(format!("  {line}"))]),
            );
            continue;
        }
        let mut label = Span::new(*label, BOLD);
        for line in wrap(value, width - indent) {
            let blanks = " ".repeat(indent.saturating_sub(label.text.width()));
            let label = std::mem::take(&mut label);
            lines.push(vec![label, Span::plain(blanks), Span::plain(line)]);
        }
    }
    lines
}

/// The text in lines of at most so many columns; at least one.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(2);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() {
            if line.width() + 1 + word.width() <= width {
                line.push(' ');
            } else {
                lines.push(std::mem::take(&mut line));
            }
        }
        // A word that is longer than a line goes on in the next one.
        for letter in word.chars() {
            if line.width() + letter.width().unwrap_or(0) > width {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_between_words_and_within_words_that_are_too_long() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("語語語 x", 5), ["語語", "語 x"]);
        assert_eq!(wrap("", 5), [""]);
    }
}
