//! Where the characters of a text stand in the source, whichever way it is written there.

use std::ops::Range;

use saphyr_parser::ScalarStyle;

use super::{Place, Reader, Text};

/// A part of a text whose characters stand in one line of the source, one beside the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    /// Of its first character in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Where the character at this offset, in bytes, of a text stands: line and column, from 1.
pub(crate) fn position(text: &str, stretches: &[Stretch], offset: usize) -> (u32, u32) {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let nth = stretches.partition_point(|part| part.offset <= offset);
    let Some(part) = nth.checked_sub(1).map(|nth| &stretches[nth]) else {
        return (1, 1);
    };
    let before = text[part.offset..offset].chars().count() as u32;
    (part.line, part.column + before)
}

/// Finds the places of many parts of one text. Each question counts on from the last one, so that a text with many parts
/// is not counted from its start for each of them.
pub(crate) struct Ruler<'a> {
    text: &'a Text,
    /// The characters of this range were counted.
    counted: Range<usize>,
    characters: u32,
}

impl<'a> Ruler<'a> {
    pub(crate) fn new(text: &'a Text) -> Self {
        Self {
            text,
            counted: 0..0,
            characters: 0,
        }
    }

    /// Where the character at this offset, in bytes, stands: line and column, from 1.
    fn position(&mut self, offset: usize) -> (u32, u32) {
        let Text {
            text, stretches, ..
        } = self.text;
        let offset = offset.min(text.len());
        let nth = stretches.partition_point(|part| part.offset <= offset);
        match nth.checked_sub(1).map(|nth| stretches[nth]) {
            Some(part) => {
                let before = self.characters(part.offset..offset);
                (part.line, part.column + before)
            }
            None => (self.text.at.line, self.text.at.column),
        }
    }

    /// See [`Text::place`].
    pub(crate) fn place(&mut self, bytes: Range<usize>) -> Place {
        let (line, column) = self.position(bytes.start);
        let length = match self.text.text.get(bytes.clone()) {
            Some(part) if !part.is_empty() => {
                // As far as it stands in that line.
                let stretches = &self.text.stretches;
                let next = stretches.partition_point(|part| part.offset <= bytes.start);
                let later = stretches[next..].iter();
                let end = later
                    .take_while(|part| part.offset < bytes.end)
                    .find(|part| part.line != line)
                    .map_or(bytes.end, |part| part.offset);
                let first = &self.text.text[bytes.start..end];
                let first = first.trim_end();
                let last = first.chars().next_back().map_or(0, char::len_utf8);
                let (end_line, end) = self.position(bytes.start + first.len().saturating_sub(last));
                match end_line == line {
                    true => (end + 1).saturating_sub(column),
                    false => first.lines().next().unwrap_or_default().chars().count() as u32,
                }
            }
            _ => 1,
        };
        Place {
            line,
            column,
            length: length.max(1),
        }
    }

    fn characters(&mut self, range: Range<usize>) -> u32 {
        let text = self.text.text.as_str();
        if range.start == self.counted.start && range.end >= self.counted.end {
            self.characters += text[self.counted.end..range.end].chars().count() as u32;
        } else {
            self.characters = text[range.clone()].chars().count() as u32;
        }
        self.counted = range;
        self.characters
    }
}

impl Reader<'_> {
    /// The parts of a text in quotes: each escape sequence is one, and what follows it another.
    pub(super) fn quoted(&self, text: &str, style: ScalarStyle, start: (u32, u32)) -> Vec<Stretch> {
        let is_double = style == ScalarStyle::DoubleQuoted;
        let mut found = Quoted {
            text,
            offset: 0,
            stretches: Vec::new(),
            is_new: true,
        };
        let mut nth = start.0 as usize - 1;
        let mut column = start.1;
        'lines: while nth < self.lines.len() {
            let rest = self.rest_of_line(nth, column as usize - 1);
            let line = nth as u32 + 1;
            let mut characters = rest.chars().peekable();
            let mut left = rest;
            let mut joined = false;
            while let Some(c) = characters.next() {
                // Spaces at the end of a line are none.
                if left.trim_start_matches([' ', '\t']).is_empty() {
                    break;
                }
                left = &left[c.len_utf8()..];
                let mut width = 1;
                let mut is_escape = false;
                match c {
                    '\'' if !is_double => {
                        if characters.peek() != Some(&'\'') {
                            break 'lines;
                        }
                        is_escape = true;
                        width = 2;
                    }
                    '"' if is_double => break 'lines,
                    '\\' if is_double => {
                        is_escape = true;
                        width = match characters.peek() {
                            None => {
                                joined = true;
                                break;
                            }
                            Some('x') => 4,
                            Some('u') => 6,
                            Some('U') => 10,
                            Some(_) => 2,
                        };
                    }
                    _ => {}
                }
                for skipped in characters.by_ref().take(width - 1) {
                    left = &left[skipped.len_utf8()..];
                }
                let expected = (!is_escape).then_some(c);
                if !found.next((line, column), expected) {
                    break 'lines;
                }
                column += width as u32;
            }
            // What is between two lines is a space, or as many line feeds as there are empty lines.
            let mut empty = 0;
            nth += 1;
            while nth < self.lines.len() && self.lines[nth].trim().is_empty() {
                (nth, empty) = (nth + 1, empty + 1);
            }
            found.offset += match joined {
                true => empty,
                false => empty.max(1),
            };
            found.is_new = true;
            let next = self.lines.get(nth).copied().unwrap_or_default();
            let spaces = next.chars().take_while(|c| [' ', '\t'].contains(c));
            column = spaces.count() as u32 + 1;
        }
        if found.stretches.is_empty() {
            found.stretches.push(Stretch {
                offset: 0,
                line: start.0,
                column: start.1,
            });
        }
        found.stretches
    }
}

/// A text in quotes whose parts are being found.
struct Quoted<'t> {
    text: &'t str,
    offset: usize,
    stretches: Vec<Stretch>,
    /// The next character begins a part.
    is_new: bool,
}

impl Quoted<'_> {
    /// The next character of the text stands there: this one, or one that an escape sequence made. `false` if it is not so.
    fn next(&mut self, (line, column): (u32, u32), expected: Option<char>) -> bool {
        let rest = self.text.get(self.offset..).unwrap_or_default();
        let Some(own) = rest.chars().next() else {
            return false;
        };
        if expected.is_some_and(|expected| expected != own) {
            return false;
        }
        if self.is_new || expected.is_none() {
            self.stretches.push(Stretch {
                offset: self.offset,
                line,
                column,
            });
        }
        self.is_new = expected.is_none();
        self.offset += own.len_utf8();
        true
    }
}

/// Each line of a literal block.
pub(super) fn literal_lines(text: &str, (line, column): (u32, u32)) -> Vec<Stretch> {
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let lines = starts.enumerate().map(|(nth, offset)| Stretch {
        offset,
        line: line + nth as u32,
        column,
    });
    lines.collect()
}
