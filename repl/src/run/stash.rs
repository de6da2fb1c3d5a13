//! `--stash KEY=VALUE`: the data that rules start with.

use cla_stdlib::internal::{is_as_written, with_quoted_integers};
use serde_json::{Map, Value};

/// The most parts of a pointer: more than anyone writes, and few enough for code that walks through nested data.
const MAX_PARTS: usize = 100;

/// One `KEY=VALUE`.
///
/// The value is JSON if it reads as such, and text otherwise. A number that would not be printed as it was written, such as
/// the version 1.10, is a text; so is, within JSON, an integer whose digits a number does not keep. A key that begins with
/// `/` is a JSON pointer (`/server/port`), as `cla.stash` takes them; any other is a name, dots included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    path: Vec<String>,
    value: Value,
}

impl Entry {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (key, value) = text
            .split_once('=')
            .ok_or("write it as KEY=VALUE, for instance user=root")?;
        let path: Vec<String> = match key.strip_prefix('/') {
            Some(pointer) => pointer.split('/').map(unescape).collect::<Option<_>>(),
            None => Some(vec![key.to_owned()]),
        }
        .ok_or("in a JSON pointer, write ~0 for ~ and ~1 for /")?;
        if path.iter().any(String::is_empty) {
            return Err("the key is empty, or a part of it is");
        }
        if path.len() > MAX_PARTS {
            return Err("the key has more than 100 parts");
        }
        // One in the midst of other JSON is a text, too.
        let json = match value.trim_start().starts_with(['{', '[']) {
            true => with_quoted_integers(value),
            false => value.to_owned(),
        };
        let read = serde_json::from_str(&json).ok();
        let read = read.filter(|read| !loses_digits(value, read));
        let value = read.unwrap_or_else(|| Value::from(value));
        Ok(Self { path, value })
    }
}

/// Whether a number is not as it was written: a version `1.10`, a mode `1e2`, more digits than a rule's numbers have. It stays
/// a text then.
fn loses_digits(text: &str, read: &Value) -> bool {
    let number = read.as_f64().filter(|_| read.is_number());
    number.is_some_and(|number| !is_as_written(number, text.trim()))
}

/// A part of a JSON pointer (RFC 6901) as it is meant; `None` if a `~` in it is no escape.
fn unescape(part: &str) -> Option<String> {
    let mut pieces = part.split('~');
    let mut plain = pieces.next()?.to_owned();
    for piece in pieces {
        let (escaped, rest) = if let Some(rest) = piece.strip_prefix('0') {
            ('~', rest)
        } else {
            ('/', piece.strip_prefix('1')?)
        };
        plain.push(escaped);
        plain.push_str(rest);
    }
    Some(plain)
}

/// All entries as one object. Of two for the same place, the later one counts.
///
/// # Errors
///
/// An entry leads through a place whose value is no object.
pub(crate) fn stash(entries: Vec<Entry>) -> Result<Value, String> {
    let mut stash = Map::new();
    for entry in entries {
        insert(&mut stash, &entry.path, entry.value).map_err(|part| {
            format!("--stash /{}: \"{part}\" is no object", entry.path.join("/"))
        })?;
    }
    Ok(Value::Object(stash))
}

/// Puts `value` at `path`, making the objects that lead there; fails with the part that is in the way.
fn insert<'a>(
    object: &mut Map<String, Value>,
    path: &'a [String],
    value: Value,
) -> Result<(), &'a str> {
    let Some((first, rest)) = path.split_first() else {
        return Ok(());
    };
    if rest.is_empty() {
        object.insert(first.clone(), value);
        return Ok(());
    }
    let next = object
        .entry(first.clone())
        .or_insert_with(|| Value::Object(Map::new()));
    match next {
        Value::Object(next) => insert(next, rest, value),
        _ => Err(first),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Entry, stash};

    fn of(entries: &[&str]) -> Result<serde_json::Value, String> {
        stash(
            entries
                .iter()
                .map(|text| Entry::parse(text).unwrap())
                .collect(),
        )
    }

    #[test]
    fn a_value_is_json_or_else_text() {
        assert_eq!(
            of(&[
                "n=5",
                "s=five",
                "t=\"5\"",
                "o={\"a\":[1]}",
                "empty=",
                "eq=a=b",
                "no=null"
            ])
            .unwrap(),
            json!({ "n": 5, "s": "five", "t": "5", "o": { "a": [1] }, "empty": "", "eq": "a=b", "no": null })
        );
    }

    #[test]
    fn a_number_that_would_not_come_back_as_it_was_written_is_a_text() {
        for text in [
            "3.10",
            "1.0",
            "02142",
            "61e9540",
            "9509425349e4",
            "680841e1",
            "002e1234",
            "12345678901234567891",
            "9223372036854775807",
            "1000000000000000000000",
            "0.0000001",
        ] {
            assert_eq!(of(&[&format!("v={text}")]).unwrap(), json!({"v": text}));
        }
        assert_eq!(
            of(&["o={\"id\":9223372036854775807,\"n\":[7,9007199254740993]}"]).unwrap(),
            json!({"o": {"id": "9223372036854775807", "n": [7, "9007199254740993"]}})
        );
    }

    #[test]
    fn a_key_is_a_name_or_a_json_pointer() {
        assert_eq!(
            of(&["a.b=1", "/server/port=22", "/server/host=db", "/a~1b~01=2"]).unwrap(),
            json!({ "a.b": 1, "server": { "port": 22, "host": "db" }, "a/b~1": 2 })
        );
    }

    #[test]
    fn the_last_of_two_counts() {
        assert_eq!(of(&["a=1", "a=2"]).unwrap(), json!({ "a": 2 }));
    }

    #[test]
    fn what_is_no_object_has_nothing_inside() {
        let error = of(&["a=1", "/a/b=2"]).unwrap_err();
        assert!(error.contains("\"a\" is no object"), "{error}");
    }

    #[test]
    fn a_text_without_a_key_is_refused() {
        assert!(Entry::parse("novalue").is_err());
        assert!(Entry::parse("=1").is_err());
        assert!(Entry::parse("/a//b=1").is_err());
        assert!(Entry::parse("/a~b=1").is_err());
        assert!(Entry::parse(&format!("{}=1", "/a".repeat(101))).is_err());
    }
}
