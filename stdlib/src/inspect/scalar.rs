//! Values without parts, and strings with their quotes and escapes.

use std::fmt::Write as _;

use cla_runtime::js::{self, Value};
use cla_runtime::semaphore::{is_unprintable, printable};

use super::{Inspector, Style};
use crate::text::{atom_text, coerce, text, units};

/// A string of at most this many characters is never broken at its line feeds.
const MIN_BROKEN_STRING: usize = 16;

impl<'js> Inspector<'_, 'js> {
    pub(super) fn primitive(&self, value: &Value<'js>, indentation: usize) -> js::Result<String> {
        if let Some(string) = value.as_string() {
            return self.string(&text(string)?, indentation);
        }
        if value.is_undefined() {
            return Ok(self.style(Style::Undefined, "undefined"));
        }
        if value.is_null() {
            return Ok(self.style(Style::Null, "null"));
        }
        if value.is_symbol() {
            return Ok(self.style(Style::Symbol, printable(&symbol_text(value)?)));
        }
        let mut shown = primitive_text(value)?;
        if value.is_big_int() {
            shown.push('n');
        }
        Ok(self.style(Style::Number, shown))
    }

    pub(super) fn string(&self, string: &str, indentation: usize) -> js::Result<String> {
        let mut string = string;
        let mut trailer = String::new();
        let limit = self.options.max_string_length;
        if string.len() > limit
            && let Some((cut, _)) = string.char_indices().nth(limit)
        {
            let left = units(&string[cut..]);
            let plural = if left == 1 { "" } else { "s" };
            trailer = format!("... {left} more character{plural}");
            string = &string[..cut];
        }
        let length = units(string);
        let room = self.options.break_length.saturating_sub(indentation + 4);
        if length <= MIN_BROKEN_STRING || length <= room || !string.contains('\n') {
            return Ok(self.style(Style::String, quoted(string)) + &trailer);
        }
        let lines: Vec<String> = string
            .split_inclusive('\n')
            .map(|line| self.style(Style::String, quoted(line)))
            .collect();
        let glue = format!(" +\n{:1$}", "", indentation + 2);
        Ok(lines.join(&glue) + &trailer)
    }
}

/// The text of a primitive value other than a symbol.
pub(super) fn primitive_text(value: &Value<'_>) -> js::Result<String> {
    if let Some(string) = value.as_string() {
        return text(string);
    }
    if let Some(number) = value.as_number()
        && number == 0.0
        && number.is_sign_negative()
    {
        return Ok("-0".to_owned());
    }
    coerce(value.ctx(), value)
}

pub(super) fn symbol_text(symbol: &Value<'_>) -> js::Result<String> {
    match symbol.as_symbol() {
        Some(symbol) => Ok(format!("Symbol({})", atom_text(&symbol.as_atom())?)),
        None => Ok(String::new()),
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// A string in quotes: single ones unless it has some and others do better.
pub(super) fn quoted(string: &str) -> String {
    let quote = if !string.contains('\'') {
        '\''
    } else if !string.contains('"') {
        '"'
    } else if !string.contains('`') && !string.contains("${") {
        '`'
    } else {
        '\''
    };
    let body = escape(string, Some(quote));
    format!("{quote}{body}{quote}")
}

/// Escapes control characters and backslashes, and single quotes if those are around it.
pub(super) fn escape(string: &str, quote: Option<char>) -> String {
    let mut escaped = String::with_capacity(string.len());
    for character in string.chars() {
        match character {
            '\u{8}' => escaped.push_str("\\b"),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\u{c}' => escaped.push_str("\\f"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            '\'' if quote.is_none_or(|quote| quote == '\'') => escaped.push_str("\\'"),
            control if control < ' ' || ('\u{7f}'..='\u{9f}').contains(&control) => {
                let _ = write!(escaped, "\\x{:02X}", control as u32);
            }
            hidden if is_unprintable(hidden) => escaped.extend(hidden.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}
