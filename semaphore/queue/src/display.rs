//! Text that others chose, made fit to be shown: one room for what a terminal, a list or a log never gets as it is.
//!
//! Escape sequences steer a terminal, characters for the direction of text show a line in another order than it has, and
//! those without width make two names look alike. All of them are written as escapes.

use std::borrow::Cow;

/// Whether a character steers a terminal, reorders text, or cannot be seen.
///
/// Control characters (C0, C1, DEL), those for the direction of text (U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to
/// U+2069), line separators (U+2028, U+2029), and those without width (U+00AD, U+180E, U+200B to U+200D, U+2060 to U+2065,
/// U+206A to U+206F, U+FEFF, U+FFF9 to U+FFFB, U+E0000 to U+E007F).
///
/// ```
/// use cla_semaphore::is_unprintable;
///
/// assert!(is_unprintable('\u{1b}') && is_unprintable('\u{202e}'));
/// assert!(!is_unprintable('é'));
/// ```
#[must_use]
pub const fn is_unprintable(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// The text in one line, with every [unprintable](is_unprintable) character written as an escape: `\n`, `\u{202e}`.
///
/// ```
/// use cla_semaphore::printable;
///
/// assert_eq!(printable("prod-db"), "prod-db");
/// assert_eq!(printable("a\u{202e}b\n\u{1b}[2J"), r"a\u{202e}b\n\u{1b}[2J");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable)
}

/// As [`printable`], for a text of several lines: line feeds and tabs stay.
///
/// ```
/// use cla_semaphore::printable_lines;
///
/// assert_eq!(printable_lines("one\ntwo"), "one\ntwo");
/// assert!(!printable_lines("\u{1b}[2J").contains('\u{1b}'));
/// ```
#[must_use]
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| !matches!(c, '\n' | '\t') && is_unprintable(c))
}

fn escaped(text: &str, escapes: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&escapes) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' if escapes(character) => shown.extend(character.escape_default()),
            _ if escapes(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_written_as_an_escape() {
        let dangerous = ('\0'..='\u{1f}')
            .chain('\u{7f}'..='\u{9f}')
            .chain('\u{202a}'..='\u{202e}')
            .chain('\u{2066}'..='\u{2069}')
            .chain('\u{200b}'..='\u{200f}')
            .chain(['\u{61c}', '\u{2060}', '\u{feff}', '\u{2028}', '\u{2029}']);
        for character in dangerous {
            let shown = printable(&format!("a{character}b")).into_owned();
            assert!(!shown.contains(is_unprintable), "{shown:?}");
            assert!(
                shown.starts_with("a\\") && shown.ends_with('b'),
                "{shown:?}"
            );
        }
    }

    #[test]
    fn everything_else_stays() {
        for text in ["", "prod-db", "語 é ∞ … \u{301} 🦀", "C:\\temp"] {
            assert!(matches!(printable(text), Cow::Borrowed(shown) if shown == text));
        }
    }

    #[test]
    fn the_lines_of_a_text_stay_its_lines() {
        assert_eq!(printable_lines("a\n\tb\r\u{7}"), "a\n\tb\\r\\u{7}");
        assert_eq!(printable("a\n\tb"), r"a\n\tb");
    }
}
