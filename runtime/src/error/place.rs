//! Which part of a source line an error means.
//!
//! QuickJS reports the start of some token nearby: the first name of `a.b.c` when `b` is undefined, the property
//! or the last argument when a method is missing, the class in `new C()`; on the first line of a file it may be one
//! column short. People look for the name that the message mentions, or else for the thing that was called.

use std::ops::Range;
use std::sync::Arc;

use super::Snippet;
use crate::line_ends::LineEnds;

/// Longest line shown whole, in characters; longer ones are cut to about this.
const LINE_MAX: usize = 120;

/// How many characters stay before the interesting part of a line that is cut.
const BEFORE: usize = 40;

/// A text, cut into its lines once.
pub(super) struct Lines {
    text: Arc<str>,
    /// Byte offsets; the first is 0.
    starts: Vec<usize>,
    ends: &'static [char],
}

impl Lines {
    /// The lines of a text.
    pub(super) fn of(text: Arc<str>, ends: LineEnds) -> Self {
        let ends = ends.characters();
        // Only the first byte of each is looked for, as a text may be long.
        let may_end = |&(_, byte): &(usize, u8)| matches!(byte, b'\n' | b'\r' | 0xe2);
        let starts = std::iter::once(0)
            .chain(
                text.bytes()
                    .enumerate()
                    .filter(may_end)
                    .filter_map(|(at, _)| {
                        let rest = &text[at..];
                        let end = ends.iter().find(|&&end| rest.starts_with(end))?;
                        let is_half = *end == '\r' && rest[1..].starts_with('\n');
                        (!is_half).then_some(at + end.len_utf8())
                    }),
            )
            .collect();
        Self { text, starts, ends }
    }

    /// The length of the text, in bytes.
    pub(super) fn size(&self) -> usize {
        self.text.len()
    }

    /// The line with this number, from 1, without its end.
    pub(super) fn line(&self, number: u32) -> Option<&str> {
        let number = number as usize;
        let start = *self.starts.get(number.checked_sub(1)?)?;
        let end = self
            .starts
            .get(number)
            .map_or(self.text.len(), |&next| next);
        let line = &self.text[start..end];
        let end = line
            .strip_suffix("\r\n")
            .or_else(|| line.strip_suffix(self.ends));
        Some(end.unwrap_or(line))
    }
}

/// Turns a column in bytes, from 1, into one in characters, from 1.
pub(super) fn characters(line: &str, column: u32) -> u32 {
    let end = line.floor_char_boundary((column as usize).saturating_sub(1));
    line[..end].chars().count() as u32 + 1
}

/// What to underline, in characters from 0, when an error of class `name` points at character `at` of `line`.
pub(super) fn underlined(line: &str, at: usize, name: &str, message: &str) -> Range<usize> {
    let line = Line(line.chars().collect());
    let at = line.skip_space(at.min(line.0.len()));
    if let Some(wanted) = mentioned(message)
        && let Some(found) = line.find_name(wanted.name, at)
    {
        return if wanted.is_property && at < found && line.is_chain(at, found) {
            at..found + wanted.name.chars().count()
        } else {
            found..found + wanted.name.chars().count()
        };
    }
    if message == "not a function"
        && let Some(callee) = line.callee(at)
    {
        return callee;
    }
    if let Some(construction) = line.construction_around(at, name) {
        return construction;
    }
    let start = match line.0.get(at) {
        Some('.') => line.skip_space(at + 1),
        _ => at,
    };
    if line.is_name(start) {
        let end = line.token_end(start);
        if let Some(new) = line.word_before(start, "new") {
            return new..line.chain_end(end);
        }
        return line.chain_start(start)..end;
    }
    start..line.token_end(start)
}

/// What to underline where the parser stopped.
pub(super) fn misplaced(line: &str, at: usize, message: &str) -> Range<usize> {
    let line = Line(line.chars().collect());
    let at = line.skip_space(at.min(line.0.len()));
    // The parser has read past the name that it complains of.
    if message.contains("redefinition") && !line.is_name(at) {
        let end = line.skip_space_back(at);
        let start = line.name_start(end);
        if start < end {
            return start..end;
        }
    }
    at..line.token_end(at)
}

/// A name that the message of a QuickJS error mentions.
struct Mentioned<'m> {
    name: &'m str,
    /// It follows a `.` of the place reported.
    is_property: bool,
}

fn mentioned(message: &str) -> Option<Mentioned<'_>> {
    let quoted = |prefix: &str| message.strip_prefix(prefix)?.split('\'').next();
    let mention = |name, is_property| Mentioned { name, is_property };
    if let Some(name) = message
        .strip_suffix(" is not defined")
        .or_else(|| message.strip_suffix(" is not initialized"))
    {
        return Some(mention(name, false));
    }
    if let Some(name) = quoted("cannot read property '").or_else(|| quoted("cannot set property '"))
    {
        return Some(mention(name, true));
    }
    message
        .ends_with("' is read-only")
        .then(|| quoted("'"))
        .flatten()
        .map(|name| mention(name, false))
}

fn is_name_part(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '$' | '#' | '\u{200c}' | '\u{200d}')
}

/// A line as characters; positions count from 0.
struct Line(Vec<char>);

impl Line {
    fn is_name(&self, at: usize) -> bool {
        self.0.get(at).copied().is_some_and(is_name_part)
    }

    fn skip_space(&self, at: usize) -> usize {
        let mut end = at;
        while self.0.get(end).is_some_and(|c| c.is_whitespace()) {
            end += 1;
        }
        if end == self.0.len() { at } else { end }
    }

    fn skip_space_back(&self, mut end: usize) -> usize {
        while end > 0 && self.0[end - 1].is_whitespace() {
            end -= 1;
        }
        end
    }

    /// The end of the token that begins at `at`; at least one further.
    fn token_end(&self, at: usize) -> usize {
        let mut end = at + 1;
        match self.0.get(at) {
            Some(&quote @ ('"' | '\'' | '`')) => {
                while let Some(&c) = self.0.get(end) {
                    end += if c == '\\' { 2 } else { 1 };
                    if c == quote {
                        break;
                    }
                }
                end.min(self.0.len())
            }
            Some(&c) if is_name_part(c) => {
                let number = c.is_ascii_digit();
                while self.is_name(end) || (number && self.0.get(end) == Some(&'.')) {
                    end += 1;
                }
                end
            }
            _ => end,
        }
    }

    /// The start of the name that ends before `end`; `end` if there is none.
    fn name_start(&self, mut end: usize) -> usize {
        while end > 0 && self.is_name(end - 1) {
            end -= 1;
        }
        end
    }

    /// The start of `a.b.c`, given the start of `c`.
    fn chain_start(&self, start: usize) -> usize {
        let mut chain = start;
        while chain > 0 && self.0[chain - 1] == '.' {
            let before = chain - 1 - usize::from(chain > 1 && self.0[chain - 2] == '?');
            let name = self.name_start(before);
            if name == before {
                break;
            }
            chain = name;
        }
        chain
    }

    /// The end of `a.b.c`, given the end of `a`.
    fn chain_end(&self, mut end: usize) -> usize {
        while self.0.get(end) == Some(&'.') && self.is_name(end + 1) {
            end = self.token_end(end + 1);
        }
        end
    }

    /// Whether `from..to` looks like the inside of one expression without operators.
    fn is_chain(&self, from: usize, to: usize) -> bool {
        self.0[from..to]
            .iter()
            .all(|&c| is_name_part(c) || ".?![]()'\"".contains(c))
    }

    fn word_before(&self, start: usize, word: &str) -> Option<usize> {
        let end = self.skip_space_back(start);
        let begin = self.name_start(end);
        (end < start && self.0[begin..end].iter().copied().eq(word.chars())).then_some(begin)
    }

    /// Where `name` stands as a whole word: the first time from `near` on, or else the last time before.
    fn find_name(&self, name: &str, near: usize) -> Option<usize> {
        let name = name.chars().collect::<Vec<_>>();
        if name.is_empty() || self.0.len() < name.len() {
            return None;
        }
        let stands_at = |at: &usize| {
            self.0[*at..].starts_with(&name)
                && !(*at > 0 && self.is_name(at - 1))
                && !self.is_name(at + name.len())
        };
        let places = 0..=self.0.len() - name.len();
        let from = near.min(places.end() + 1);
        (from..=*places.end())
            .find(stands_at)
            .or_else(|| (0..from).rev().find(stands_at))
    }

    /// What is called at `at`: the name there, or else the one before the parenthesis that `at` is in.
    fn callee(&self, at: usize) -> Option<Range<usize>> {
        let name_at = if self.is_name(at) {
            at
        } else {
            self.skip_space(at + 1)
        };
        if self.is_name(name_at) {
            let begin = self.name_start(name_at);
            let end = self.chain_end(self.token_end(begin));
            if let Some(new) = self.word_before(begin, "new") {
                return Some(new..end);
            }
            if matches!(self.0.get(self.skip_space(end)), Some('(' | '`')) {
                return Some(self.chain_start(begin)..end);
            }
        }
        let callee = self.open_calls(at).next()?;
        (callee.start < callee.end).then(|| self.chain_start(callee.start)..callee.end)
    }

    /// The construction of a `class`, given its name or something among its arguments.
    fn construction_around(&self, at: usize, class: &str) -> Option<Range<usize>> {
        let is_class = |name: &Range<usize>| self.0[name.clone()].iter().copied().eq(class.chars());
        let own = self.name_start(at)..self.token_end(at).min(self.0.len());
        let name = std::iter::once(own)
            .filter(|own| own.start < own.end)
            .chain(self.open_calls(at))
            .find(is_class)?;
        let start = self
            .word_before(name.start, "new")
            .unwrap_or_else(|| self.chain_start(name.start));
        Some(start..name.end)
    }

    /// The names (or nothing) before the parentheses that are open at `at`, innermost first.
    fn open_calls(&self, at: usize) -> impl Iterator<Item = Range<usize>> {
        let mut closed = 0;
        (0..at.min(self.0.len())).rev().filter_map(move |open| {
            match self.0[open] {
                ')' => closed += 1,
                '(' if closed > 0 => closed -= 1,
                '(' => {
                    let end = self.skip_space_back(open);
                    return Some(self.name_start(end)..end);
                }
                _ => {}
            }
            None
        })
    }
}

/// A line with the range to underline, cut to a width that fits a screen.
pub(super) fn snippet(line: &str, underlined: Range<usize>) -> Snippet {
    let count = line.chars().count();
    let start = underlined.start.min(count);
    let end = underlined.end.clamp(start + 1, count.max(start + 1));
    let from = if count > LINE_MAX {
        start.saturating_sub(BEFORE)
    } else {
        0
    };
    let to = count.min(from + LINE_MAX);
    // Only what is shown is looked at: a line may be as long as its file.
    let shown = line.chars().skip(from).take(to - from);
    let mut text = String::new();
    if from > 0 {
        text.push('…');
    }
    // One for one, so that columns stay: nothing in a source may steer the terminal.
    text.extend(shown.map(|c| match c {
        '\t' => '\t',
        c if cla_semaphore::is_unprintable(c) => '\u{fffd}',
        c => c,
    }));
    if to < count {
        text.push('…');
    }
    Snippet {
        text,
        column: (start - from + usize::from(from > 0) + 1) as u32,
        length: (end.min(to.max(start + 1)) - start) as u32,
    }
}
