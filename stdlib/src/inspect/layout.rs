//! How the entries of an object are laid out: on one line, in columns, or each on its own.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use super::frame::Frame;
use super::{Inspector, Style};
use crate::text::units;

/// An array of more elements than this is set in columns.
const MIN_COLUMNS_ENTRIES: usize = 6;
/// The most columns an array is set in.
const MAX_COLUMNS: usize = 15;

impl<'js> Inspector<'_, 'js> {
    /// Puts a finished frame on one line or several.
    pub(super) fn close(&mut self, mut frame: Frame<'js>) -> String {
        let reference = self
            .references
            .iter()
            .position(|other| *other == frame.object);
        if let Some(index) = reference {
            let mark = self.style(Style::Special, format!("<ref *{}>", index + 1));
            frame.base = if frame.base.is_empty() {
                mark
            } else {
                format!("{mark} {}", frame.base)
            };
        }
        if self.options.sorted {
            // Of an array, the elements stay where they are.
            let from = match frame.columns {
                true => frame.first_property.unwrap_or(frame.output.len()),
                false => 0,
            };
            frame.output[from..].sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
        }
        let entries = frame.output.len();
        let compact = self.options.compact;
        if frame.columns && compact > 0 && entries > MIN_COLUMNS_ENTRIES {
            self.set_in_columns(&mut frame);
        }
        let mut text = String::new();
        if !frame.base.is_empty() {
            text.push_str(&frame.base);
            text.push(' ');
        }
        text.push_str(&frame.open);
        let flat = self.innermost - frame.depth < compact && entries == frame.output.len();
        if flat && self.fits_line(&frame) {
            text.push(' ');
            text.push_str(&frame.output.join(", "));
            text.push(' ');
        } else {
            let line = format!("\n{:1$}", "", frame.indentation);
            for (at, entry) in frame.output.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                text.push_str(&line);
                text.push_str("  ");
                text.push_str(entry);
            }
            text.push_str(&line);
        }
        text.push_str(frame.close);
        text
    }

    pub(super) fn fits_line(&self, frame: &Frame<'js>) -> bool {
        let entries = frame.output.len();
        let start = entries + frame.indentation + units(&frame.open) + units(&frame.base) + 10;
        let mut length = entries + start;
        if length + entries > self.options.break_length || frame.base.contains('\n') {
            return false;
        }
        for entry in &frame.output {
            length += self.length(entry, units);
            if length > self.options.break_length || entry.contains('\n') {
                return false;
            }
        }
        true
    }

    /// The length of a text without its colours.
    pub(super) fn length(&self, text: &str, measure: impl Fn(&str) -> usize) -> usize {
        if self.options.colors {
            measure(&without_colors(text))
        } else {
            measure(text)
        }
    }

    /// Arranges an array's elements in columns, if they are alike enough.
    pub(super) fn set_in_columns(&self, frame: &mut Frame<'js>) {
        const SEPARATOR: usize = 2;
        let output = &frame.output;
        // What is beyond that many is the trailer, which stands on a line of its own.
        let elements = output.len().min(self.options.max_array_length.max(1));
        let lengths: Vec<usize> = output[..elements]
            .iter()
            .map(|entry| self.length(entry, UnicodeWidthStr::width))
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let total: usize = lengths.iter().map(|length| length + SEPARATOR).sum();
        let widest = longest + SEPARATOR;
        let fit = widest * 3 + frame.indentation < self.options.break_length;
        if !fit || !(total as f64 / widest as f64 > 5.0 || longest <= 6) {
            return;
        }
        // The figures are Node's: a character is about 2.5 times as high as it is wide, and columns
        // may be narrower when most entries are shorter than the longest.
        let bias = (widest as f64 - total as f64 / output.len() as f64).sqrt();
        let biased = (widest as f64 - 3.0 - bias).max(1.0);
        let square = ((2.5 * biased * elements as f64).sqrt() / biased).round() as usize;
        let room = self.options.break_length.saturating_sub(frame.indentation) / widest;
        let columns = square
            .min(room)
            .min(self.options.compact.saturating_mul(4))
            .min(MAX_COLUMNS);
        if columns <= 1 {
            return;
        }
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let lengths = lengths.iter().skip(column).step_by(columns);
                lengths.copied().max().unwrap_or(0) + SEPARATOR
            })
            .collect();
        let mut rows = Vec::new();
        for start in (0..elements).step_by(columns) {
            let end = (start + columns).min(elements);
            let mut row = String::new();
            for at in start..end {
                let last = at == end - 1;
                let comma = if last { "" } else { ", " };
                let width = widths[at - start] - if last { SEPARATOR } else { 0 };
                let padding = width.saturating_sub(lengths[at] + comma.len());
                if frame.numbers {
                    let _ = write!(row, "{:padding$}{}{comma}", "", output[at]);
                } else if last {
                    row.push_str(&output[at]);
                } else {
                    let _ = write!(row, "{}{comma}{:padding$}", output[at], "");
                }
            }
            rows.push(row);
        }
        rows.extend(output[elements..].iter().cloned());
        frame.output = rows;
    }
}

/// A text without ANSI colours.
pub(crate) fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        rest = match rest[at..].find('m') {
            Some(end) => &rest[at + end + 1..],
            None => "",
        };
    }
    plain.push_str(rest);
    plain
}
