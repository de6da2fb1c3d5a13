//! Java's property files to values: keys with texts.
//!
//! Lines are read one by one, which takes less than the crates that read such files bring along. Texts are UTF-8, and `\uXXXX`
//! is a character as well.

use cla_runtime::js::{self, Ctx, Value};
use cla_runtime::value::RuleValue;

use crate::state::State;
use crate::throw::syntax_error;

/// What a key counts for beside its text while it is read, in bytes.
const ENTRY_BYTES: usize = 96;

/// Reads a text. Of a key that is there twice, the last value counts, as in Java.
///
/// # Errors
///
/// A `SyntaxError` that begins with `what` and says where: a `\u` without four hexadecimal digits, or one that is no
/// character.
pub fn load<'js>(ctx: &Ctx<'js>, source: &str, what: &str) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let lines = source.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let bytes = 2 * source.len() + lines * ENTRY_BYTES;
    let _reserved = state.run().reserve(ctx, "reading the text", bytes)?;
    let mut entries: Vec<(String, RuleValue)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    let mut lines = source.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        state.wrote(ctx, line.len())?;
        let first = line.trim_start_matches(BLANKS);
        if first.is_empty() || first.starts_with(['#', '!']) {
            continue;
        }
        // A line that ends in an odd number of backslashes goes on in the next one.
        let mut whole = first.to_owned();
        let mut is_open = goes_on(first);
        while is_open {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            state.wrote(ctx, next.len())?;
            let next = next.trim_start_matches(BLANKS);
            // An even number of backslashes is left before it.
            is_open = goes_on(next);
            whole.push_str(next);
        }
        let (key, value) = split(&whole);
        let read = |text: &str| {
            plain(text).map_err(|problem| {
                syntax_error(ctx, format_args!("{what}: {problem} at line {}", at + 1))
            })
        };
        let (key, value) = (read(key)?, RuleValue::String(read(value)?));
        match places.get(&key) {
            Some(place) => {
                let entry: &mut (String, RuleValue) = &mut entries[*place];
                entry.1 = value;
            }
            None => {
                places.insert(key.clone(), entries.len());
                entries.push((key, value));
            }
        }
    }
    RuleValue::Object(entries).make(ctx)
}

/// What stands around keys and values.
const BLANKS: [char; 3] = [' ', '\t', '\u{c}'];

/// Whether a line goes on in the next one.
fn goes_on(line: &str) -> bool {
    let rest = line.trim_end_matches('\\');
    (line.len() - rest.len()) % 2 == 1
}

/// The key and the value of a line: a `=`, a `:` or white space is between them.
fn split(line: &str) -> (&str, &str) {
    let mut characters = line.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => drop(characters.next()),
            '=' | ':' => return (&line[..at], line[at + 1..].trim_start_matches(BLANKS)),
            _ if BLANKS.contains(&c) => {
                let rest = line[at..].trim_start_matches(BLANKS);
                let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
                return (&line[..at], value.trim_start_matches(BLANKS));
            }
            _ => {}
        }
    }
    (line, "")
}

/// A text without its escapes.
fn plain(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    // The first half of a character of two units.
    let mut high = None;
    while let Some(c) = characters.next() {
        let unit = match c {
            '\\' => match characters.next() {
                Some('u') => {
                    let digits: String = characters.by_ref().take(4).collect();
                    let unit = u16::from_str_radix(&digits, 16).ok();
                    let unit = unit.filter(|_| digits.len() == 4 && !digits.starts_with('+'));
                    unit.ok_or_else(|| format!("\\u{digits} is no character"))?
                }
                Some('n') => u16::from(b'\n'),
                Some('t') => u16::from(b'\t'),
                Some('r') => u16::from(b'\r'),
                Some('f') => 0xc,
                Some(c) => {
                    unpaired(high.take())?;
                    plain.push(c);
                    continue;
                }
                None => break,
            },
            c => {
                unpaired(high.take())?;
                plain.push(c);
                continue;
            }
        };
        match (high.take(), unit) {
            (None, 0xd800..=0xdbff) => high = Some(unit),
            (before, unit) => {
                let units = before.into_iter().chain([unit]);
                for c in char::decode_utf16(units) {
                    plain.push(c.map_err(|_| half(unit))?);
                }
            }
        }
    }
    unpaired(high)?;
    Ok(plain)
}

fn unpaired(high: Option<u16>) -> Result<(), String> {
    high.map_or(Ok(()), |unit| Err(half(unit)))
}

fn half(unit: u16) -> String {
    format!("\\u{unit:04x} is half of a character")
}

#[cfg(test)]
mod tests {
    use super::{goes_on, plain, split};

    #[test]
    fn a_line_is_a_key_and_a_value() {
        for (line, key, value) in [
            ("a=1", "a", "1"),
            ("a = 1 ", "a", "1 "),
            ("a:1", "a", "1"),
            ("a 1 2", "a", "1 2"),
            ("a", "a", ""),
            ("a\\ b = 1", "a\\ b", "1"),
            ("a\\=b=c=d", "a\\=b", "c=d"),
            ("= 1", "", "1"),
            ("a\\", "a\\", ""),
        ] {
            assert_eq!(split(line), (key, value), "{line}");
        }
    }

    #[test]
    fn escapes_are_characters() {
        assert_eq!(
            plain(r"c:\\wiki\ttab\u0041\q").as_deref(),
            Ok("c:\\wiki\ttabAq")
        );
        assert_eq!(plain(r"\ud83d\ude00").as_deref(), Ok("😀"));
        for wrong in [
            r"\u12", r"\u12zz", r"\u+123", r"\ud83d", r"\ud83dx", r"\ude00",
        ] {
            assert!(plain(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_odd_number_of_backslashes_goes_on() {
        assert!(goes_on(r"a\") && goes_on(r"a\\\"));
        assert!(!goes_on(r"a\\") && !goes_on("a"));
    }
}
