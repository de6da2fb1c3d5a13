//! Semaphores as people see them in a terminal: views go in, lines come out. Prints nothing, and asks
//! no store.
//!
//! A [`Line`] is made of spans with a style each, so that code that draws without escape sequences can
//! read it.

mod events;
mod ids;
mod records;
mod semaphores;
mod table;

use std::borrow::Cow;
use std::fmt;

use anstyle::{AnsiColor, Style};
use cla_runtime::semaphore::printable;
use unicode_width::UnicodeWidthStr;

pub(crate) use self::events::{event, time_of_day};
pub(crate) use self::ids::ShortIds;
pub(crate) use self::records::{audit, history};
pub(crate) use self::semaphores::{
    colour, granted, headline, overview, requests, slots, status, style, symbol, ttl_left,
    unresponsive,
};
pub(crate) use self::table::{Align, Column, Table, cut};

/// Titles of columns, and things that have ended.
pub(crate) const DIM: Style = Style::new().dimmed();
/// The subject of a line.
pub(crate) const BOLD: Style = Style::new().bold();
/// Has a slot.
pub(crate) const GREEN: Style = AnsiColor::Green.on_default();
/// Waits, or needs attention.
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Ended in failure.
pub(crate) const RED: Style = AnsiColor::Red.on_default();

/// A piece of text that looks the same from end to end. Has no line end and steers no terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) style: Style,
}

/// One line. Shown, it has escape sequences; `anstream` removes them where they are not wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line(pub(crate) Vec<Span>);

impl Span {
    /// Text with a style. Characters that could steer a terminal, reorder its text or hide in it are written as escapes: the
    /// text may come from strangers.
    pub(crate) fn new(text: impl Into<String>, style: Style) -> Self {
        let mut text = text.into();
        if let Cow::Owned(shown) = printable(&text) {
            text = shown;
        }
        Self { text, style }
    }

    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::new(text, Style::new())
    }

    /// In columns of the terminal.
    fn width(&self) -> usize {
        self.text.width()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, style } = self;
        write!(f, "{style}{text}{style:#}")
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|span| span.fmt(f))
    }
}

/// The lines as they are read, without styles.
#[cfg(test)]
fn text(lines: &[Line]) -> Vec<String> {
    let plain = |line: &Line| line.0.iter().map(|span| &*span.text).collect::<String>();
    lines.iter().map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_others_chose_cannot_steer_the_terminal() {
        let span = Span::plain("a\x1b[2Jb\u{202e}c");
        assert_eq!(span.text, r"a\u{1b}[2Jb\u{202e}c");
    }
}
