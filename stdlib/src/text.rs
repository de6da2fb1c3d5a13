//! JavaScript strings as Rust strings.
//!
//! A JavaScript string may hold a surrogate without its other half, which no Rust string can.
//! Everything here replaces such a half by U+FFFD, as browsers do when a string leaves the script.

use cla_runtime::internal::run_of;
use cla_runtime::js::{self, Atom, Coerced, Ctx, Error, Value};

/// Longer texts are only taken if there is room for a copy in the run's memory limit, in bytes.
const LONG: usize = 1024 * 1024;

/// The text of a string.
///
/// # Errors
///
/// A `RangeError` if it is long, and what is done with it could exceed the run's memory limit.
pub(crate) fn text(string: &js::String<'_>) -> js::Result<String> {
    let text = match string.to_string() {
        Err(Error::Utf8(_)) => well_formed(string),
        result => result,
    }?;
    within_memory(string.ctx(), "a copy of the text", text.len())?;
    Ok(text)
}

/// Refuses a text that is being put together once its length in bytes is more than what is left of the run's memory.
///
/// # Errors
///
/// A `RangeError` that says so; `what` begins it.
pub(crate) fn within_memory(ctx: &Ctx<'_>, what: &str, length: usize) -> js::Result<()> {
    if length > LONG
        && let Some(run) = run_of(ctx)
    {
        drop(run.reserve(ctx, what, length)?);
    }
    Ok(())
}

/// The text of a property key: a name, or the description of a symbol.
pub(crate) fn atom_text(atom: &Atom<'_>) -> js::Result<String> {
    text(&atom.to_js_string()?)
}

/// What `String(value)` gives, which may run code of the rule's.
///
/// # Errors
///
/// What that code throws, and a `TypeError` for a symbol.
pub(crate) fn coerce<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<String> {
    if let Some(string) = value.as_string() {
        return text(string);
    }
    let string: Coerced<js::String<'js>> = js::FromJs::from_js(ctx, value.clone())?;
    text(&string.0)
}

/// How many UTF-16 units a text has: its `length` in JavaScript.
pub(crate) fn units(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().map(char::len_utf16).sum()
    }
}

/// Replaces lone surrogates.
///
/// JSON is the one safe way out: QuickJS writes a lone surrogate as an escape, and nothing else that
/// starts with `\ud`.
fn well_formed(string: &js::String<'_>) -> js::Result<String> {
    let ctx = string.ctx();
    let json = match ctx.json_stringify(string.clone())? {
        Some(json) => json.to_string()?,
        None => return Ok(String::new()),
    };
    let mut clean = String::with_capacity(json.len());
    let mut rest = json.as_str();
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        if escape.starts_with("\\ud") {
            clean.push('\u{fffd}');
            rest = escape.get(6..).unwrap_or_default();
        } else {
            // A backslash and the character that it escapes, which may be another backslash.
            clean.push_str(escape.get(..2).unwrap_or_default());
            rest = escape.get(2..).unwrap_or_default();
        }
    }
    clean.push_str(rest);
    // Every other escape is one of JSON's own.
    serde_json::from_str(&clean).map_err(|_| Error::Unknown)
}

/// Where a byte of a text stands, for people: `line 3, column 7`.
pub(crate) fn place(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |end| end + 1);
    let line = before.matches('\n').count() + 1;
    format!(
        "line {line}, column {}",
        before[begin..].chars().count() + 1
    )
}
