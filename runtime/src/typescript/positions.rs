//! Places in the JavaScript that runs, and the places in the TypeScript that they come from.

use std::ops::Range;

/// From places in printed JavaScript, as QuickJS reports them, to places in its TypeScript.
#[derive(Debug, Default)]
pub struct PositionMap {
    /// Sorted by `generated`.
    entries: Vec<Entry>,
}

/// Lines and columns count from 1; JavaScript columns in bytes, as QuickJS counts them, TypeScript columns
/// in characters, as people do.
#[derive(Clone, Copy, Debug)]
struct Entry {
    generated: (u32, u32),
    original: (u32, u32),
    /// For how many characters from here on both texts are the same.
    same: u32,
}

/// One mapping of a source map: line and column in the JavaScript, then in the TypeScript; from 0, in
/// UTF-16 units.
pub(super) type Mapping = [u32; 4];

impl PositionMap {
    /// Builds the map from the mappings that the printer recorded, in the order of `code`.
    pub(super) fn new(source: &str, code: &str, mappings: impl Iterator<Item = Mapping>) -> Self {
        let (mut in_code, mut in_source) = (Cursor::new(code), Cursor::new(source));
        let entries = mappings
            .map(|[code_line, code_column, source_line, source_column]| {
                in_code.seek(code_line, code_column);
                in_source.seek(source_line, source_column);
                let same = code[in_code.at..]
                    .bytes()
                    .zip(source[in_source.at..].bytes())
                    .take_while(|(ours, theirs)| {
                        ours == theirs && ours.is_ascii() && !ours.is_ascii_control()
                    })
                    // Names and operators are short; two long equal strings need not be compared to the end.
                    .take(64)
                    .count();
                Entry {
                    generated: (code_line + 1, in_code.bytes_into_line() + 1),
                    original: (source_line + 1, in_source.characters + 1),
                    same: same as u32,
                }
            })
            .collect();
        Self { entries }
    }

    /// Returns where in the TypeScript the text at this place of the JavaScript comes from; lines and
    /// columns count from 1, columns in bytes in and in characters out. `None` if nothing is known about that
    /// line.
    pub(crate) fn original(&self, line: u32, column: u32) -> Option<(u32, u32)> {
        let after = self
            .entries
            .partition_point(|entry| entry.generated <= (line, column));
        let before = after.checked_sub(1).map(|index| self.entries[index]);
        if let Some(entry) = before
            && entry.generated.0 == line
        {
            let ahead = (column - entry.generated.1).min(entry.same);
            return Some((entry.original.0, entry.original.1 + ahead));
        }
        // Punctuation at the start of a line, such as `}`: the next thing in that line is nearest.
        let next = self
            .entries
            .get(after)
            .filter(|entry| entry.generated.0 == line);
        next.copied().or(before).map(|entry| entry.original)
    }
}

/// Walks through a text by lines and UTF-16 columns; cheap as long as it mostly walks forwards.
struct Cursor<'t> {
    text: &'t str,
    index: LineIndex<'t>,
    line: u32,
    utf16: u32,
    characters: u32,
    at: usize,
}

impl<'t> Cursor<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            index: LineIndex::new(text),
            line: 0,
            utf16: 0,
            characters: 0,
            at: 0,
        }
    }

    fn seek(&mut self, line: u32, column: u32) {
        if line != self.line || column < self.utf16 {
            self.line = line;
            self.at = self.line_start();
            self.utf16 = 0;
            self.characters = 0;
        }
        for character in self.text[self.at..].chars() {
            if self.utf16 >= column {
                break;
            }
            self.utf16 += character.len_utf16() as u32;
            self.characters += 1;
            self.at += character.len_utf8();
        }
    }

    fn line_start(&self) -> usize {
        let starts = &self.index.starts;
        let last = starts.len() - 1;
        starts[last.min(self.line as usize)]
    }

    fn bytes_into_line(&self) -> u32 {
        (self.at - self.line_start()) as u32
    }
}

/// Where the lines of a text begin, by JavaScript's line ends, which QuickJS and oxc both go by.
pub(super) struct LineIndex<'t> {
    text: &'t str,
    /// Byte offsets; the first is 0.
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut starts = vec![0];
        for (at, character) in text.char_indices() {
            let ends_line = match character {
                '\n' | '\u{2028}' | '\u{2029}' => true,
                '\r' => text.as_bytes().get(at + 1) != Some(&b'\n'),
                _ => false,
            };
            if ends_line {
                starts.push(at + character.len_utf8());
            }
        }
        Self { text, starts }
    }

    /// Where a line begins, in bytes; lines count from 0.
    pub(super) fn start(&self, line: usize) -> Option<usize> {
        self.starts.get(line).copied()
    }

    /// The line and column, from 1 and in bytes, of a byte.
    pub(super) fn bytes(&self, at: usize) -> (u32, u32) {
        let line = self.starts.partition_point(|&begin| begin <= at) - 1;
        (line as u32 + 1, (at - self.starts[line]) as u32 + 1)
    }

    /// The byte at a line and column, from 1, the column in characters.
    pub(super) fn byte(&self, (line, column): (u32, u32)) -> Option<usize> {
        let start = self.start((line as usize).checked_sub(1)?)?;
        let before = self.text[start..]
            .chars()
            .take((column as usize).checked_sub(1)?);
        Some(start + before.map(char::len_utf8).sum::<usize>())
    }

    /// The line and column, from 1 and in characters, where a range of bytes begins, and how many of its
    /// characters are in that line (at least 1).
    pub(super) fn characters(&self, span: Range<usize>) -> (u32, u32, u32) {
        let start = self.text.floor_char_boundary(span.start);
        let line = self.starts.partition_point(|&begin| begin <= start) - 1;
        let line_end = self
            .starts
            .get(line + 1)
            .map_or(self.text.len(), |&next| next);
        let end = self
            .text
            .floor_char_boundary(span.end.min(line_end))
            .max(start);
        let length = self.text[start..end].trim_end().chars().count();
        let column = self.text[self.starts[line]..start].chars().count() + 1;
        (line as u32 + 1, column as u32, length.max(1) as u32)
    }
}
