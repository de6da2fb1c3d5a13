//! Values as YAML.

use cla_runtime::js::{self, Array, Coerced, Ctx, Filter, FromJs, Object, Value};

use super::MAX_DEPTH;
use crate::intrinsics::{Intrinsic, Intrinsics};
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{range_error, type_error};

/// The most bytes that are written.
const MAX_OUTPUT: usize = 32 * 1024 * 1024;
/// The longest text that may be a key without a question mark before it.
const MAX_SIMPLE_KEY: usize = 1_000;

/// Writes a value as YAML, with a line feed at the end.
///
/// What JSON leaves out, this does too; `what` begins error messages.
pub(crate) fn dump<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str) -> js::Result<String> {
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let mut writer = Writer {
        ctx,
        state: &state,
        intrinsics: state.intrinsics(ctx)?,
        what,
        output: String::new(),
        frames: Vec::new(),
    };
    let value = writer.plain(value.clone())?;
    writer.value(value, Place::Root)?;
    while let Some(frame) = writer.frames.pop() {
        let before = writer.output.len();
        writer.entry(frame)?;
        state.wrote(ctx, writer.output.len().saturating_sub(before))?;
        if writer.output.len() > MAX_OUTPUT {
            return Err(range_error(
                ctx,
                format_args!("{what}: more than 32 MiB of YAML"),
            ));
        }
    }
    Ok(writer.output)
}

struct Writer<'a, 'js> {
    ctx: &'a Ctx<'js>,
    state: &'a State,
    intrinsics: Intrinsics<'js>,
    what: &'a str,
    output: String,
    /// The collections that are being written, outermost first.
    frames: Vec<Collection<'js>>,
}

/// A collection that is being written.
struct Collection<'js> {
    object: Value<'js>,
    /// Keys and values; a sequence's have no key.
    entries: Entries<'js>,
    indentation: usize,
    /// Whether the next entry goes on in the line of the dash that it belongs to.
    inline: bool,
    /// Whether an entry was written: an object may turn out to have nothing to show.
    written: bool,
}

enum Entries<'js> {
    Array {
        array: Array<'js>,
        next: usize,
        length: usize,
    },
    Set(std::vec::IntoIter<Value<'js>>),
    Object(Object<'js>, std::vec::IntoIter<js::String<'js>>),
    Map(std::vec::IntoIter<Value<'js>>),
}

/// Where a value is written.
#[derive(Clone, Copy)]
enum Place {
    Root,
    AfterDash(usize),
    AfterKey(usize),
}

/// A value as YAML knows it.
enum Plain<'js> {
    Scalar(String),
    Text(String),
    Collection(Object<'js>, Shape),
    /// What JSON leaves out of objects and makes `null` in arrays.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Object,
    Map,
    Set,
}

impl<'js> Writer<'_, 'js> {
    /// What a value is to YAML, by the rules of `JSON.stringify` where they say something.
    fn plain(&self, value: Value<'js>) -> js::Result<Plain<'js>> {
        let mut value = value;
        if let Some(object) = value.as_object() {
            let to_json: Value<'js> = object.get("toJSON")?;
            if let Some(to_json) = to_json.as_function() {
                value = to_json.call((js::function::This(value.clone()), ""))?;
            }
        }
        if value.is_undefined() || value.is_function() || value.is_symbol() {
            return Ok(Plain::Nothing);
        }
        if let Some(string) = value.as_string() {
            return Ok(Plain::Text(text(string)?));
        }
        if value.is_null() {
            return Ok(Plain::Scalar("null".to_owned()));
        }
        if let Some(number) = value.as_number() {
            return Ok(Plain::Scalar(if number.is_nan() {
                ".nan".to_owned()
            } else if number.is_infinite() {
                if number > 0.0 { ".inf" } else { "-.inf" }.to_owned()
            } else if number == 0.0 && number.is_sign_negative() {
                "-0.0".to_owned()
            } else {
                coerce(self.ctx, &value)?
            }));
        }
        let Some(object) = value.as_object() else {
            return Ok(Plain::Scalar(coerce(self.ctx, &value)?));
        };
        if object.is_array() {
            return Ok(Plain::Collection(object.clone(), Shape::Array));
        }
        for (prototype, size, shape) in [
            (Intrinsic::MapPrototype, Intrinsic::MapSize, Shape::Map),
            (Intrinsic::SetPrototype, Intrinsic::SetSize, Shape::Set),
        ] {
            if self.inherits(object, prototype)? && self.has_brand(object, size)? {
                return Ok(Plain::Collection(object.clone(), shape));
            }
        }
        for (prototype, value) in [
            (Intrinsic::NumberPrototype, Intrinsic::NumberValue),
            (Intrinsic::StringPrototype, Intrinsic::StringValue),
            (Intrinsic::BooleanPrototype, Intrinsic::BooleanValue),
            (Intrinsic::BigIntPrototype, Intrinsic::BigIntValue),
        ] {
            if self.inherits(object, prototype)? && self.has_brand(object, value)? {
                return self.plain(self.intrinsics.on(value, object.as_value())?);
            }
        }
        Ok(Plain::Collection(object.clone(), Shape::Object))
    }

    fn inherits(&self, object: &Object<'js>, prototype: Intrinsic) -> js::Result<bool> {
        let prototype = self.intrinsics.get(prototype)?;
        let mut link = Some(object.clone()).filter(|object| !object.is_proxy());
        while let Some(object) = link {
            if *object.as_value() == prototype {
                return Ok(true);
            }
            link = object.get_prototype().filter(|object| !object.is_proxy());
        }
        Ok(false)
    }

    fn has_brand(&self, object: &Object<'js>, brand: Intrinsic) -> js::Result<bool> {
        match self.intrinsics.on::<Value<'js>>(brand, object.as_value()) {
            Ok(_) => Ok(true),
            Err(error) if error.is_exception() => {
                let thrown = self.ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(self.ctx.throw(thrown));
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a scalar, or what comes before the first entry of a collection.
    fn value(&mut self, value: Plain<'js>, place: Place) -> js::Result<()> {
        let (object, shape) = match value {
            Plain::Scalar(scalar) => {
                self.scalar(&scalar, &place);
                return Ok(());
            }
            Plain::Text(string) => {
                let indentation = match place {
                    Place::Root => 2,
                    Place::AfterDash(indentation) | Place::AfterKey(indentation) => indentation + 2,
                };
                match block_header(&string) {
                    Some(header) => {
                        self.scalar(header, &place);
                        self.block(&string, indentation);
                    }
                    None => self.scalar(&flow_text(&string), &place),
                }
                return Ok(());
            }
            Plain::Nothing => {
                self.scalar("null", &place);
                return Ok(());
            }
            Plain::Collection(object, shape) => (object, shape),
        };
        let object_value = object.as_value().clone();
        if self.frames.iter().any(|frame| frame.object == object_value) {
            let message = format!("{}: the value contains itself", self.what);
            return Err(type_error(self.ctx, message));
        }
        if self.frames.len() >= MAX_DEPTH {
            let message = format!(
                "{}: the value is nested more than {MAX_DEPTH} levels deep",
                self.what
            );
            return Err(range_error(self.ctx, message));
        }
        let entries = self.entries(object, shape)?;
        if entries.is_empty() {
            let empty = match shape {
                Shape::Array | Shape::Set => "[]",
                Shape::Object | Shape::Map => "{}",
            };
            self.scalar(empty, &place);
            return Ok(());
        }
        let (indentation, inline) = match place {
            Place::Root => (0, false),
            Place::AfterDash(indentation) => {
                self.output.push(' ');
                (indentation + 2, true)
            }
            Place::AfterKey(indentation) => {
                self.output.push('\n');
                (indentation + 2, false)
            }
        };
        self.frames.push(Collection {
            object: object_value,
            entries,
            indentation,
            inline,
            written: false,
        });
        Ok(())
    }

    fn scalar(&mut self, scalar: &str, place: &Place) {
        if !matches!(place, Place::Root) {
            self.output.push(' ');
        }
        self.output.push_str(scalar);
        self.output.push('\n');
    }

    fn block(&mut self, string: &str, indentation: usize) {
        for line in string.split_inclusive('\n') {
            if line != "\n" {
                self.indent(indentation);
            }
            self.output.push_str(line);
        }
        if !string.ends_with('\n') {
            self.output.push('\n');
        }
    }

    fn indent(&mut self, indentation: usize) {
        self.output.extend(std::iter::repeat_n(' ', indentation));
    }

    /// Ends an object of which nothing was shown.
    fn close_empty(&mut self, inline: bool) {
        if !inline && self.output.ends_with(":\n") {
            self.output.pop();
            self.output.push(' ');
        }
        self.output.push_str("{}\n");
    }

    fn entries(&self, object: Object<'js>, shape: Shape) -> js::Result<Entries<'js>> {
        Ok(match shape {
            Shape::Array => {
                let length = Coerced::<f64>::from_js(self.ctx, object.get("length")?)?.0 as usize;
                match object.clone().into_array() {
                    Some(array) => Entries::Array {
                        array,
                        next: 0,
                        length,
                    },
                    None => Entries::Set(Vec::new().into_iter()),
                }
            }
            Shape::Map | Shape::Set => {
                let mut values = Vec::new();
                self.intrinsics
                    .each_entry(&object, shape == Shape::Map, |entry| {
                        self.state.step(self.ctx)?;
                        values.push(entry);
                        Ok(true)
                    })?;
                match shape {
                    Shape::Map => Entries::Map(values.into_iter()),
                    _ => Entries::Set(values.into_iter()),
                }
            }
            Shape::Object => {
                let keys = object.own_keys(Filter::default());
                let keys = self.state.collect(self.ctx, keys)?;
                Entries::Object(object, keys.into_iter())
            }
        })
    }

    /// Writes the next entry of a collection and puts it back, unless it is done.
    fn entry(&mut self, mut frame: Collection<'js>) -> js::Result<()> {
        let (key, value) = match &mut frame.entries {
            Entries::Array {
                array,
                next,
                length,
            } => {
                if next >= length {
                    return Ok(());
                }
                let value = array.get(*next)?;
                *next += 1;
                (None, self.plain(value)?)
            }
            Entries::Set(values) => match values.next() {
                Some(value) => (None, self.plain(value)?),
                None => return Ok(()),
            },
            Entries::Object(object, keys) => match keys.next() {
                Some(key) => {
                    let value = object.get(key.clone().into_value())?;
                    match self.plain(value)? {
                        Plain::Nothing => {
                            self.frames.push(frame);
                            return Ok(());
                        }
                        value => (Some(flow_text(&text(&key)?)), value),
                    }
                }
                None => {
                    if !frame.written {
                        self.close_empty(frame.inline);
                    }
                    return Ok(());
                }
            },
            Entries::Map(entries) => match entries.next() {
                Some(entry) => {
                    let pair = Array::from_js(self.ctx, entry)?;
                    let key = match self.plain(pair.get(0)?)? {
                        Plain::Scalar(key) => key,
                        Plain::Text(key) => flow_text(&key),
                        Plain::Nothing => "null".to_owned(),
                        Plain::Collection(..) => {
                            let message =
                                format!("{}: a key of a Map must be no object", self.what);
                            return Err(type_error(self.ctx, message));
                        }
                    };
                    (Some(key), self.plain(pair.get(1)?)?)
                }
                None => return Ok(()),
            },
        };
        let indentation = frame.indentation;
        if !std::mem::take(&mut frame.inline) {
            self.indent(indentation);
        }
        frame.written = true;
        self.frames.push(frame);
        match key {
            None => {
                self.output.push('-');
                self.value(value, Place::AfterDash(indentation))
            }
            Some(key) => {
                if key.len() > MAX_SIMPLE_KEY {
                    self.output.push_str("? ");
                    self.output.push_str(&key);
                    self.output.push('\n');
                    self.indent(indentation);
                } else {
                    self.output.push_str(&key);
                }
                self.output.push(':');
                self.value(value, Place::AfterKey(indentation))
            }
        }
    }
}

impl Entries<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Array { length, .. } => *length == 0,
            Self::Set(values) | Self::Map(values) => values.len() == 0,
            Self::Object(_, keys) => keys.len() == 0,
        }
    }
}

/// The header of a block that a text of several lines is written as; `None` if it must be quoted.
fn block_header(string: &str) -> Option<&'static str> {
    let body = string.trim_end_matches('\n');
    let first = string.chars().next()?;
    // A first line that is empty or begins with space would decide on the indentation.
    if !body.contains('\n') && !string.ends_with('\n') || first.is_whitespace() || body.is_empty() {
        return None;
    }
    if !string
        .chars()
        .all(|character| character == '\n' || is_printable(character))
    {
        return None;
    }
    // A line of nothing but space could be taken for the end.
    if string
        .lines()
        .any(|line| !line.is_empty() && line.trim().is_empty())
    {
        return None;
    }
    Some(match string.len() - body.len() {
        0 => "|-",
        1 => "|",
        _ => "|+",
    })
}

/// A string on one line: plain if it can be taken for nothing else, otherwise in quotes.
fn flow_text(string: &str) -> String {
    if !string.chars().all(is_printable) {
        return double_quoted(string);
    }
    if is_plain(string) {
        return string.to_owned();
    }
    format!("'{}'", string.replace('\'', "''"))
}

fn is_printable(character: char) -> bool {
    !character.is_control()
        // A byte order mark, line separators, and what a reader may take for one.
        && !matches!(character, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}

fn double_quoted(string: &str) -> String {
    let mut quoted = String::with_capacity(string.len() + 2);
    quoted.push('"');
    for character in string.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\0' => quoted.push_str("\\0"),
            other if is_printable(other) => quoted.push(other),
            other => quoted.push_str(&format!("\\u{:04x}", other as u32)),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether a printable string needs no quotes.
fn is_plain(string: &str) -> bool {
    let Some(first) = string.chars().next() else {
        return false;
    };
    let indicator = "-?:,[]{}#&*!|>'\"%@`".contains(first);
    if indicator || string.trim() != string || string.starts_with("...") {
        return false;
    }
    if string.contains(": ") || string.contains(" #") || string.ends_with(':') {
        return false;
    }
    !is_ambiguous(string)
}

/// Whether a reader of YAML 1.1 or 1.2 takes a plain text for anything but a string.
fn is_ambiguous(string: &str) -> bool {
    const WORDS: [&str; 14] = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", "<<", "=", ".inf", ".nan",
    ];
    let lower = string.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if unsigned == ".inf" {
        return true;
    }
    if !unsigned.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return false;
    }
    let digits = unsigned.replace('_', "");
    let based = ["0x", "0o", "0b"].iter().any(|prefix| {
        digits
            .strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().all(|digit| digit.is_ascii_hexdigit()))
    });
    let sexagesimal = digits.contains(':')
        && digits
            .chars()
            .all(|character| character.is_ascii_digit() || character == ':' || character == '.');
    based || sexagesimal || digits.parse::<f64>().is_ok() || starts_with_date(unsigned)
}

/// Whether a text begins like `2001-12-14`.
fn starts_with_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut number = |digits: std::ops::RangeInclusive<usize>, exact: bool| {
        parts.next().is_some_and(|part| {
            let count = part.chars().take_while(char::is_ascii_digit).count();
            digits.contains(&count) && (!exact || count == part.len())
        })
    };
    number(4..=4, true) && number(1..=2, true) && number(1..=2, false)
}
