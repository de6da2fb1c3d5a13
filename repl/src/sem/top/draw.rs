//! The picture: the state, drawn into a buffer of characters. It decides nothing and reads nothing else.
//!
//! Only rows that are to be seen are looked at, so that a line of thousands costs what a screenful does.
//! No colour says what a word or a symbol does not say, too.

mod columns;
mod popup;
mod rows;

use anstyle::{AnsiColor, Effects};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::widgets::{Block, Clear, Widget};
use unicode_width::UnicodeWidthStr;

use super::keys;
use super::layout::{self, Layout, Pane};
use super::state::{Link, Message, Mode, State};
use crate::durations::short;
use crate::render::{self, BOLD, DIM, GREEN, RED, Span, YELLOW, cut};
use cla_runtime::semaphore::Status;

pub(super) use self::popup::last_top;

/// In lines; the rest is cut off.
const LONGEST_MESSAGE: usize = 4;

/// What stands between two explanations.
const APART: &str = "  ";

/// Draws everything.
pub(super) fn draw(state: &State, buffer: &mut Buffer, colours: bool) {
    let mut canvas = Canvas { buffer, colours };
    let Some(layout) = state.layout() else {
        too_small(state.screen, &mut canvas);
        return;
    };
    header(state, layout.header, &mut canvas);
    if let Some(area) = layout.semaphores {
        semaphores(state, area, &mut canvas);
    }
    if let Some(area) = layout.requests {
        requests(state, area, &mut canvas);
    }
    message(state, layout.message, &mut canvas);
    legend(state, &layout, &mut canvas);
    popup::draw(state, &mut canvas);
}

/// Where text is put, as wide as it may be.
struct Canvas<'b> {
    buffer: &'b mut Buffer,
    colours: bool,
}

impl Canvas<'_> {
    fn style(&self, style: anstyle::Style) -> Style {
        let mut drawn = Style::new();
        let effects = style.get_effects();
        for (effect, modifier) in [
            (Effects::BOLD, Modifier::BOLD),
            (Effects::DIMMED, Modifier::DIM),
            (Effects::INVERT, Modifier::REVERSED),
        ] {
            if effects.contains(effect) {
                drawn = drawn.add_modifier(modifier);
            }
        }
        match style.get_fg_color() {
            Some(anstyle::Color::Ansi(colour)) if self.colours => drawn.fg(ansi(colour)),
            _ => drawn,
        }
    }

    /// Puts one span after the other, and cuts off what does not fit. Gives the column behind them.
    fn put(&mut self, x: u16, y: u16, width: u16, spans: &[Span]) -> u16 {
        let (mut x, end) = (x, x + width);
        for span in spans {
            let span = cut(span, usize::from(end.saturating_sub(x)));
            let style = self.style(span.style);
            let room = usize::from(end.saturating_sub(x));
            (x, _) = self.buffer.set_stringn(x, y, &span.text, room, style);
        }
        x
    }

    /// The same, so that it ends at the right edge; gives where it begins.
    fn put_right(&mut self, area: Rect, spans: &[Span]) -> u16 {
        let width = columns_of(spans).min(area.width);
        let x = area.right() - width;
        self.put(x, area.y, width, spans);
        x
    }
}

/// The theme's own colour of that name.
fn ansi(colour: AnsiColor) -> Color {
    match colour {
        AnsiColor::Red => Color::Red,
        AnsiColor::Green => Color::Green,
        AnsiColor::Yellow => Color::Yellow,
        _ => Color::Reset,
    }
}

/// How wide the spans are together.
fn columns_of(spans: &[Span]) -> u16 {
    let width: usize = spans.iter().map(|span| span.text.width()).sum();
    u16::try_from(width).unwrap_or(u16::MAX)
}

fn too_small(screen: Rect, canvas: &mut Canvas<'_>) {
    let (width, height) = layout::SMALLEST;
    let lines = [
        "too small".to_owned(),
        format!("{}x{} of {width}x{height}", screen.width, screen.height),
        "q leaves".to_owned(),
    ];
    for (y, line) in (screen.y..screen.bottom()).zip(lines) {
        canvas.put(screen.x, y, screen.width, &[Span::plain(line)]);
    }
}

/// What program, which store, how much there is in it, and whether it answers.
fn header(state: &State, area: Rect, canvas: &mut Canvas<'_>) {
    let title = [Span::new("cla sem top", BOLD)];
    let after_title = canvas.put(area.x, area.y, area.width, &title) + 2;
    let mut end = canvas.put_right(area, &[link(state)]).saturating_sub(2);
    let totals = state.totals();
    let noun = if totals.semaphores == 1 {
        "semaphore"
    } else {
        "semaphores"
    };
    let mut text = format!("{} {noun}, {} busy", totals.semaphores, totals.busy);
    if totals.granted > 0 {
        text.push_str(&format!(", {} granted", totals.granted));
    }
    text.push_str(&format!(", {} waiting", totals.waiting));
    let totals = [Span::plain(text)];
    let left = |end: u16| Rect {
        x: after_title,
        width: end.saturating_sub(after_title),
        ..area
    };
    if columns_of(&totals) <= left(end).width {
        end = canvas.put_right(left(end), &totals).saturating_sub(2);
    }
    let Rect { x, y, width, .. } = left(end);
    // A few letters of a URL are of no use.
    if width >= 10 {
        canvas.put(x, y, width, &[Span::new(&*state.store, DIM)]);
    }
}

/// Whether the picture is up to date.
fn link(state: &State) -> Span {
    if state.is_frozen() {
        return Span::new("‖ paused", YELLOW.bold());
    }
    match (&state.link, state.silence()) {
        (Link::Failing(1), _) => Span::new("✗ reconnecting", RED.bold()),
        (Link::Failing(tries), _) => Span::new(format!("✗ reconnecting ({tries})"), RED.bold()),
        (_, Some(silence)) => {
            let silence = short(silence.floor());
            Span::new(format!("✗ no answer for {silence}"), RED.bold())
        }
        (Link::Connecting, None) => Span::new("○ connecting", YELLOW),
        (Link::Live, None) => Span::new("● live", GREEN),
    }
}

/// A frame whose lines are thick while the keyboard acts inside; gives what is inside.
fn frame(state: &State, pane: Pane, area: Rect, canvas: &mut Canvas<'_>) {
    let set = if state.focus == pane {
        border::THICK
    } else {
        border::PLAIN
    };
    Block::bordered()
        .border_set(set)
        .render(area, canvas.buffer);
}

/// Text in the upper line of a frame.
fn title(area: Rect, mut spans: Vec<Span>, canvas: &mut Canvas<'_>) {
    spans.insert(0, Span::plain(" "));
    let end = canvas.put(area.x + 1, area.y, area.width.saturating_sub(3), &spans);
    canvas.put(end, area.y, 1, &[Span::plain(" ")]);
}

/// Which of the rows are to be seen, in the lower line of a frame, if not all are.
fn extent(state: &State, pane: Pane, area: Rect, canvas: &mut Canvas<'_>) {
    let (count, (_, top)) = (state.count(pane), state.selection(pane));
    let height = usize::from(layout::rows(area).height);
    if count > height {
        let last = (top + height).min(count);
        let text = format!(" {}-{last} of {count} ", top + 1);
        let line = Rect {
            x: area.x + 1,
            y: area.bottom() - 1,
            width: area.width.saturating_sub(2),
            height: 1,
        };
        canvas.put_right(line, &[Span::plain(text)]);
    }
}

fn semaphores(state: &State, area: Rect, canvas: &mut Canvas<'_>) {
    frame(state, Pane::Semaphores, area, canvas);
    let (shown, all) = (state.count(Pane::Semaphores), state.totals().semaphores);
    let count = if shown == all {
        format!(" {all}")
    } else {
        format!(" {shown} of {all}")
    };
    let spans = vec![
        Span::new("Semaphores", BOLD),
        Span::plain(count),
        Span::new(format!(", {}", state.sort.as_str()), DIM),
    ];
    title(area, spans, canvas);
    extent(state, Pane::Semaphores, area, canvas);
    let inside = layout::rows(area);
    if shown == 0 {
        let text = match (&state.link, state.query.is_empty()) {
            (_, false) => "nothing matches",
            (Link::Live, true) => "none yet: rules make them",
            (_, true) => "",
        };
        let span = Span::new(text, DIM);
        canvas.put(
            inside.x + 2,
            inside.y,
            inside.width.saturating_sub(2),
            &[span],
        );
        return;
    }
    rows::semaphores(state, inside, canvas);
}

fn requests(state: &State, area: Rect, canvas: &mut Canvas<'_>) {
    frame(state, Pane::Requests, area, canvas);
    let Some(listed) = state.selected_semaphore() else {
        return;
    };
    title(area, render::headline(&listed.view).0, canvas);
    extent(state, Pane::Requests, area, canvas);
    let inside = layout::rows(area);
    if state.count(Pane::Requests) == 0 {
        let span = Span::new("no request is busy or waits", DIM);
        canvas.put(
            inside.x + 2,
            inside.y,
            inside.width.saturating_sub(2),
            &[span],
        );
        return;
    }
    rows::requests(state, listed.read_at, inside, canvas);
}

/// The last result or error, or what is searched for.
fn message(state: &State, area: Rect, canvas: &mut Canvas<'_>) {
    let spans = if state.mode == Mode::Search {
        vec![
            Span::new("/", BOLD),
            Span::plain(&*state.query),
            Span::new(" ", anstyle::Style::new().invert()),
            Span::new("  Enter keeps it, Esc ends it", DIM),
        ]
    } else if let Some(message) = &state.message {
        outcome(message, area, canvas);
        return;
    } else if !state.query.is_empty() {
        vec![
            Span::new("/", BOLD),
            Span::plain(&*state.query),
            Span::new("  Esc ends the search", DIM),
        ]
    } else {
        Vec::new()
    };
    canvas.put(area.x, area.y, area.width, &spans);
}

/// The last result or error, over the lower edge of the panes if it is long.
fn outcome(message: &Message, area: Rect, canvas: &mut Canvas<'_>) {
    let (mark, style) = if message.is_error {
        ("! ", RED)
    } else {
        ("", anstyle::Style::new())
    };
    let indent = mark.len() as u16;
    // What could steer the terminal is replaced before it is measured.
    let text = Span::plain(&*message.text).text;
    let lines = popup::wrap(&text, usize::from(area.width - indent));
    let lines = &lines[..lines.len().min(LONGEST_MESSAGE)];
    let above = lines.len() as u16 - 1;
    let area = Rect {
        y: area.y - above,
        height: above + 1,
        ..area
    };
    Clear.render(area, canvas.buffer);
    canvas.put(area.x, area.y, area.width, &[Span::new(mark, style.bold())]);
    for (y, line) in (area.y..).zip(lines) {
        let line = Span::new(&**line, style);
        canvas.put(area.x + indent, y, area.width - indent, &[line]);
    }
}

/// What the symbols mean where there is room for it, and the keys.
fn legend(state: &State, layout: &Layout, canvas: &mut Canvas<'_>) {
    let Rect {
        x,
        mut y,
        width,
        height,
    } = layout.legend;
    if height > 1 {
        let symbols = [
            (Status::Waiting, "waiting"),
            (Status::Busy, "busy"),
            (Status::Done, "done"),
            (Status::Cancelled, "cancelled"),
            (Status::Expired, "expired, timed out"),
            (Status::Killed, "killed"),
            (Status::Released, "released"),
            (Status::Left, "left"),
        ];
        let symbols = symbols.map(|(status, word)| {
            let symbol = Span::new(render::symbol(status), render::colour(status));
            [symbol, Span::new(format!(" {word}"), DIM)]
        });
        let remarks = [("*", "pinned"), ("∞", "unlimited")].map(|(symbol, word)| {
            [
                Span::new(symbol, YELLOW),
                Span::new(format!(" {word}"), DIM),
            ]
        });
        // Where there is no room for all, the rare ones are left out.
        let (usual, rare) = symbols.split_at(6);
        let all = usual.iter().chain(&remarks).chain(rare);
        explain(x, y, width, all, canvas);
        y += 1;
    }
    let keys: &[&str] = match (&state.mode, state.focus) {
        (Mode::Question(_), _) => &["y yes", "n no"],
        (Mode::Help { .. } | Mode::Details { .. }, _) => &["Esc close", "Up/Down scroll"],
        (Mode::Search, _) => &["Enter keep", "Esc end", "Up/Down select", "Tab pane"],
        (Mode::Panes, Pane::Semaphores) => &keys::SEMAPHORES,
        (Mode::Panes, Pane::Requests) => &keys::REQUESTS,
    };
    let keys: Vec<[Span; 2]> = keys
        .iter()
        .map(|text| {
            let (key, meaning) = text.split_once(' ').unwrap_or((text, ""));
            [Span::new(key, BOLD), Span::new(format!(" {meaning}"), DIM)]
        })
        .collect();
    explain(x, y, width, keys.iter(), canvas);
}

/// As many explanations as fit, none of them in part.
fn explain<'s>(
    mut x: u16,
    y: u16,
    width: u16,
    explanations: impl Iterator<Item = &'s [Span; 2]>,
    canvas: &mut Canvas<'_>,
) {
    let end = x + width;
    for explanation in explanations {
        let needed = columns_of(explanation);
        if x + needed > end {
            return;
        }
        x = canvas.put(x, y, needed, explanation) + APART.len() as u16;
    }
}

#[cfg(test)]
mod tests;
