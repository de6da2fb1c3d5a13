//! JavaScript strings as Rust strings.
//!
//! A JavaScript string may hold half a surrogate pair, which no Rust string can. Where a string is shown, such a half is
//! replaced; where it names something, that would make two names one, so it is refused.

use rquickjs::{Ctx, Error, Exception, String as JsString};

use crate::sys::values::with_text;

/// The text of a string that names something: a semaphore, a file, a key. `what` says what, for the message.
///
/// # Errors
///
/// A `TypeError` that names the position of half a surrogate pair.
pub fn exact_text<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    string: &JsString<'js>,
) -> rquickjs::Result<String> {
    match string.to_string() {
        Err(Error::Utf8(_)) => {
            let Some((at, half)) = half_pair(string)? else {
                return Err(Exception::throw_type(
                    ctx,
                    &format!("{what} is no valid text"),
                ));
            };
            let message = format!(
                "{what} has half a character, \\u{half}, at position {at}: take it out, or write the whole surrogate pair"
            );
            Err(Exception::throw_type(ctx, &message))
        }
        text => text,
    }
}

/// The text of a string, with each half of a surrogate pair written as an escape, `\ud800`: for keys that are not seen.
///
/// # Errors
///
/// There is no memory for it.
pub fn escaped_text(string: &JsString<'_>) -> rquickjs::Result<String> {
    match string.to_string() {
        // JSON escapes the halves, and keeps everything apart.
        Err(Error::Utf8(_)) => match string.ctx().json_stringify(string.clone())? {
            Some(json) => json.to_string(),
            None => Ok(String::new()),
        },
        text => text,
    }
}

/// The text of a string, in which each surrogate without its other half is replaced by U+FFFD.
pub fn text(string: &JsString<'_>) -> rquickjs::Result<String> {
    with_text(string.as_value(), without_surrogates)
}

/// A text in which each surrogate without its other half is replaced by U+FFFD.
pub(crate) fn without_surrogates(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(valid) => {
                text.push_str(valid);
                return text;
            }
            Err(error) => {
                let (valid, after) = rest.split_at(error.valid_up_to());
                text.push_str(&String::from_utf8_lossy(valid));
                text.push('\u{fffd}');
                // QuickJS writes a surrogate as three bytes.
                rest = after.get(3..).unwrap_or_default();
            }
        }
    }
}

/// Where the first half of a surrogate pair without its other half stands, in UTF-16 units from 0, and its digits.
fn half_pair(string: &JsString<'_>) -> rquickjs::Result<Option<(usize, String)>> {
    // JSON is the safe way out: such a half is an escape there, and nothing else begins with `\ud`.
    let Some(json) = string.ctx().json_stringify(string.clone())? else {
        return Ok(None);
    };
    let json = json.to_string()?;
    let mut at = 0;
    let mut rest = json.chars().skip(1);
    while let Some(character) = rest.next() {
        if character != '\\' {
            at += character.len_utf16();
            continue;
        }
        if rest.next() == Some('u') {
            let digits: String = rest.by_ref().take(4).collect();
            if digits.starts_with(['d', 'D']) {
                return Ok(Some((at, digits)));
            }
        }
        at += 1;
    }
    Ok(None)
}
