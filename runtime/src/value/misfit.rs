//! Why a value does not fit a type of the host's, in words of JavaScript: which part of it, what it must be, what it is.

use std::fmt::{self, Display};

use serde::de::{Expected, Unexpected};

/// How much of a rule's string a message shows, in characters.
const MOST_SHOWN: usize = 40;

/// Why a value does not fit a type.
#[derive(Debug)]
pub(crate) struct Misfit {
    /// Which part of the value, as code reaches it: `.items[3]`.
    path: String,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// It must be one thing and is another.
    Must { expected: String, found: String },
    /// Something else that is said of it: `lacks the property 'price'`.
    Says(String),
    /// What a type of the host's says in its own words.
    Text(String),
}

impl Misfit {
    fn new(problem: Problem) -> Self {
        let path = String::new();
        Self { path, problem }
    }

    /// It must be one thing and is another.
    pub(crate) fn must(expected: &str, found: &str) -> Self {
        let (expected, found) = (expected.to_owned(), found.to_owned());
        Self::new(Problem::Must { expected, found })
    }

    /// Something that is said of the value: `has no bytes`.
    pub(crate) fn says(what: impl Into<String>) -> Self {
        Self::new(Problem::Says(what.into()))
    }

    /// A sentence about a part that has a name of its own.
    pub(crate) fn about(sentence: String) -> Self {
        Self::new(Problem::Text(sentence))
    }

    /// What it says of a part is said of that part of a value.
    pub(super) fn at_index(mut self, index: usize) -> Self {
        self.path.insert_str(0, &format!("[{index}]"));
        self
    }

    pub(super) fn at_key(mut self, key: &str) -> Self {
        let first = |c: char| c.is_alphabetic() || c == '_' || c == '$';
        let plain = key.len() <= MOST_SHOWN
            && key.starts_with(first)
            && key.chars().all(|c| first(c) || c.is_ascii_digit());
        let step = match plain {
            true => format!(".{key}"),
            false => format!("[{}]", quoted(key)),
        };
        self.path.insert_str(0, &step);
        self
    }

    /// The sentence about a value that `subject` names.
    pub(crate) fn of(&self, subject: &str) -> String {
        let path = &self.path;
        match &self.problem {
            Problem::Must { expected, found } => {
                format!("{subject}{path} must be {expected}, not {found}")
            }
            Problem::Says(what) => format!("{subject}{path} {what}"),
            Problem::Text(text) => format!("{subject}{path}: {text}"),
        }
    }

    /// The sentence about a value that is not there.
    pub(crate) fn of_missing(&self, subject: &str) -> String {
        match &self.problem {
            Problem::Must { expected, .. } => {
                format!("{subject} is missing; it must be {expected}")
            }
            _ => self.of(subject),
        }
    }
}

impl Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.of("value"))
    }
}

impl std::error::Error for Misfit {}

impl serde::de::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Problem::Text(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Str(_) => "a string".to_owned(),
            found => found_in_words(&found),
        };
        Self::must(&expected_in_words(&expected.to_string()), &found)
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected_in_words(&expected.to_string());
        Self::must(&expected, &found_in_words(&found))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        let expected = expected_in_words(&expected.to_string());
        Self::must(&expected, &format!("an array of {length}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<_> = expected.iter().map(|name| quoted(name)).collect();
        let expected = match known.len() {
            0 | 1 => known.concat(),
            _ => format!("one of {}", known.join(", ")),
        };
        Self::must(&expected, &quoted(variant))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let known: Vec<_> = expected.iter().map(|name| quoted(name)).collect();
        let known = match known.len() {
            0 => "none is expected".to_owned(),
            _ => format!("possible are {}", known.join(", ")),
        };
        Self::says(format!("has the property {}; {known}", quoted(field)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::says(format!("lacks the property {}", quoted(field)))
    }
}

impl serde::ser::Error for Misfit {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Problem::Text(message.to_string()))
    }
}

/// A rule's text in quotes, cut to what fits a message.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// What a value is, by what `serde` says of it.
fn found_in_words(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) if number.is_infinite() => {
            let sign = if *number < 0.0 { "-" } else { "" };
            format!("{sign}Infinity")
        }
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Char(text) => quoted(&text.to_string()),
        Unexpected::Str(text) => quoted(text),
        Unexpected::Bytes(_) => "bytes".to_owned(),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq | Unexpected::TupleVariant => "an array".to_owned(),
        Unexpected::Map | Unexpected::StructVariant => "an object".to_owned(),
        other => other.to_string(),
    }
}

/// What a type wants, by what `serde` says of it.
fn expected_in_words(expected: &str) -> String {
    let words = match expected {
        "f32" | "f64" => "a number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" | "u128" => "a whole number from 0 on",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "isize" | "i128" => "a whole number",
        "a borrowed string" | "string" => "a string",
        "unit" => "null",
        "a sequence" => "an array",
        "a map" => "an object",
        "byte array" => "bytes",
        _ => "",
    };
    if !words.is_empty() {
        return words.to_owned();
    }
    if let Some(count) = expected.strip_prefix("a tuple of size ") {
        return format!("an array of {count} values");
    }
    if expected.starts_with("struct ") {
        return "an object".to_owned();
    }
    expected.to_owned()
}
