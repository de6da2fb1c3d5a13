//! `--stash KEY=VALUE`, `--stash @FILE`, `--stash -`: the data that rules start with.

use std::io;
use std::path::PathBuf;

use cla_stdlib::internal::{is_as_written, with_quoted_integers};
use serde_json::{Map, Value};

/// The most parts of a pointer: more than anyone writes, and few enough for code that walks through nested data.
const MAX_PARTS: usize = 100;

/// One `--stash`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    /// A value and its place.
    Value(Placed),
    /// A JSON object in a file.
    File(PathBuf),
    /// A JSON object on standard input.
    Stdin,
}

/// One `KEY=VALUE`.
///
/// The value is JSON if it reads as such, and text otherwise. A number that would not be printed as it was written, such as
/// the version 1.10, is a text; so is, within JSON, an integer whose digits a number does not keep. A key that begins with
/// `/` is a JSON pointer (`/server/port`), as `cla.stash` takes them; any other is a name, dots included.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    path: Vec<String>,
    value: Value,
}

impl Entry {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.strip_prefix('@') {
            _ if text == "-" => Ok(Self::Stdin),
            Some("-") => Ok(Self::Stdin),
            Some("") => Err("@ needs the name of a file with a JSON object"),
            Some(file) => Ok(Self::File(file.into())),
            None => Placed::parse(text).map(Self::Value),
        }
    }
}

impl Placed {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (key, value) = text.split_once('=').ok_or(
            "write it as KEY=VALUE, for instance user=root; @FILE or - for a JSON object in a file or on standard input",
        )?;
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
            false => value.into(),
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

/// Whether one of them reads standard input.
pub(crate) fn reads_stdin(entries: &[Entry]) -> bool {
    entries.contains(&Entry::Stdin)
}

/// All entries as one object. Of two for the same place, the later one counts. `stdin_is`: for what standard input is there
/// otherwise.
///
/// # Errors
///
/// An entry leads through a place whose value is no object. A file cannot be read, or is no JSON object. Standard input is
/// there for something else, or is read twice.
pub(crate) fn stash(entries: Vec<Entry>, stdin_is: Option<&str>) -> Result<Value, String> {
    let mut stash = Map::new();
    let mut stdin_is = stdin_is;
    for entry in entries {
        let (name, read) = match entry {
            Entry::Value(Placed { path, value }) => {
                insert(&mut stash, &path, value).map_err(|part| {
                    format!("--stash /{}: \"{part}\" is no object", path.join("/"))
                })?;
                continue;
            }
            Entry::File(file) => {
                let name = format!("@{}", file.display());
                (name, std::fs::read_to_string(file))
            }
            Entry::Stdin => {
                if let Some(other) = stdin_is.replace("another --stash") {
                    return Err(format!("--stash -: standard input is {other}"));
                }
                ("-".to_owned(), io::read_to_string(io::stdin()))
            }
        };
        let text = read.map_err(|error| format!("--stash {name}: {error}"))?;
        let object = object(&text).map_err(|problem| format!("--stash {name}: {problem}"))?;
        stash.extend(object);
    }
    Ok(Value::Object(stash))
}

/// A JSON object. An integer whose digits a number does not keep is a text, as everywhere.
fn object(text: &str) -> Result<Map<String, Value>, String> {
    // A byte order mark is no part of a text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str(&with_quoted_integers(text)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is no JSON object, which has the names of the variables".to_owned()),
        // Of the text as it is: the quotes move what follows them.
        Err(error) => {
            let error = serde_json::from_str::<serde::de::IgnoredAny>(text)
                .err()
                .unwrap_or(error);
            Err(format!("no valid JSON: {error}"))
        }
    }
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
            None,
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
    fn a_file_has_an_object_and_later_entries_count_more() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("@{}", path.display())
        };
        let good = file(
            "good.json",
            "\u{feff}{\"a\": 1, \"id\": 12345678901234567891, \"e\": 61e9540, \"o\": {\"b\": [2]}}",
        );
        assert_eq!(
            of(&["a=0", "z=1", &good, "/o/c=3"]).unwrap(),
            json!({"a": 1, "z": 1, "id": "12345678901234567891", "e": "61e9540", "o": {"b": [2], "c": 3}})
        );
        let broken = file("broken.json", "{\"id\": 12345678901234567891,\n \"a\": }");
        let error = of(&[&broken]).unwrap_err();
        assert!(error.ends_with("at line 2 column 7"), "{error}");
        let list = file("list.json", "[1]");
        assert!(of(&[&list]).unwrap_err().contains("no JSON object"));
        assert!(
            of(&["@no/such/file"])
                .unwrap_err()
                .starts_with("--stash @no/such/file: ")
        );
    }

    #[test]
    fn standard_input_is_read_by_one() {
        for text in ["-", "@-"] {
            assert_eq!(Entry::parse(text), Ok(Entry::Stdin));
        }
        let error = stash(vec![Entry::Stdin], Some("the rule")).unwrap_err();
        assert_eq!(error, "--stash -: standard input is the rule");
        assert!(Entry::parse("@").is_err());
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
