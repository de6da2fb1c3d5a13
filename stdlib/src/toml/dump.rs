//! Values as TOML: tables by their headers, arrays of tables by theirs, everything else in lines.

use cla_runtime::internal::MemoryReservation;
use cla_runtime::js::{self, Ctx, Filter, FromJs, Object, Value};
use toml_writer::TomlWrite;

use super::MAX_DEPTH;
use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::text::text;
use crate::throw::{describe, quote, range_error, type_error};

/// What a part of a document counts for beside its text, in bytes.
const NODE_BYTES: usize = 64;

/// The first and the last moment of the years with four digits, in milliseconds since 1970.
const FIRST: f64 = -62_167_219_200_000.0;
const LAST: f64 = 253_402_300_799_999.0;

/// A part of a document.
enum Node {
    /// As it stands in the document.
    Plain(String),
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// Writes an object as TOML.
///
/// # Errors
///
/// A `TypeError` for what TOML has no word for, and a `RangeError` for too deep nesting or more than the run's memory has room
/// for; both begin with `what`.
pub(crate) fn dump<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str) -> js::Result<String> {
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let mut reader = Reader {
        ctx,
        what,
        state: &state,
        reserved: state.run().count_memory(0),
        bytes: 0,
        path: Vec::new(),
    };
    let Some(Node::Table(entries)) = reader.node(value)? else {
        return Err(type_error(
            ctx,
            format_args!("{what}: a document is an object, not {}", describe(value)),
        ));
    };
    let mut output = String::new();
    // Writing to a String cannot fail.
    let _ = table(&mut output, &mut Vec::new(), &entries);
    Ok(output)
}

struct Reader<'a, 'js> {
    ctx: &'a Ctx<'js>,
    what: &'a str,
    state: &'a State,
    reserved: MemoryReservation,
    bytes: usize,
    /// Where in the value it is.
    path: Vec<String>,
}

impl<'js> Reader<'_, 'js> {
    /// What a value becomes; `None` for `undefined` and what else JSON leaves out.
    fn node(&mut self, value: &Value<'js>) -> js::Result<Option<Node>> {
        self.state.step(self.ctx)?;
        self.count(NODE_BYTES)?;
        if value.is_undefined() || value.is_function() || value.is_symbol() {
            return Ok(None);
        }
        if value.is_null() {
            return Err(self.refuse("TOML has no null; leave it out"));
        }
        if let Some(value) = value.as_bool() {
            return self.plain(value.to_string());
        }
        if let Some(number) = value.as_number() {
            return self.plain(number_text(number));
        }
        if value.is_big_int() {
            let digits = crate::text::coerce(self.ctx, value)?;
            if digits.parse::<i64>().is_err() {
                return Err(self.refuse("an integer has 64 bits at most"));
            }
            return self.plain(digits);
        }
        if let Some(string) = value.as_string() {
            let mut written = String::new();
            let _ = written.value(text(string)?.as_str());
            return self.plain(written);
        }
        let Some(object) = value.as_object() else {
            return Err(self.refuse("TOML has no word for it"));
        };
        if self.path.len() >= MAX_DEPTH {
            return Err(range_error(
                self.ctx,
                format_args!(
                    "{}: the value is nested more than {MAX_DEPTH} levels deep",
                    self.what
                ),
            ));
        }
        if let Some(array) = object.as_array() {
            let mut items = Vec::new();
            for (at, item) in array.iter::<Value<'js>>().enumerate() {
                let item = item?;
                self.path.push(at.to_string());
                match self.node(&item)? {
                    Some(item) => items.push(item),
                    None => return Err(self.refuse("TOML has no undefined")),
                }
                self.path.pop();
            }
            return Ok(Some(Node::Array(items)));
        }
        if let Some(written) = self.date(value)? {
            return self.plain(written);
        }
        let to_json: Value<'js> = object.get("toJSON")?;
        if let Some(to_json) = to_json.as_function() {
            let data: Value<'js> = to_json.call((js::function::This(value.clone()), ""))?;
            // Its own `toJSON` is not asked again, as with JSON.
            if data.as_object().is_none_or(|data| data != object) {
                return self.node(&data);
            }
        }
        let mut entries = Vec::new();
        for (key, value) in self.entries(object)? {
            self.count(key.len())?;
            self.path.push(key.clone());
            if let Some(node) = self.node(&value)? {
                entries.push((key, node));
            }
            self.path.pop();
        }
        Ok(Some(Node::Table(entries)))
    }

    fn plain(&mut self, written: String) -> js::Result<Option<Node>> {
        self.count(written.len())?;
        Ok(Some(Node::Plain(written)))
    }

    /// The entries of an object, or of a `Map` whose keys are texts.
    fn entries(&self, object: &Object<'js>) -> js::Result<Vec<(String, Value<'js>)>> {
        let intrinsics = self.state.intrinsics(self.ctx)?;
        let mut entries = Vec::new();
        let is_map = intrinsics
            .on::<f64>(Intrinsic::MapSize, object.as_value())
            .map(|_| true);
        if self.unless_unfit(is_map)?.is_some() {
            let mut odd = false;
            intrinsics.each_entry(object, true, |entry| {
                let pair = js::Array::from_js(self.ctx, entry)?;
                let key: Value<'js> = pair.get(0)?;
                match key.as_string() {
                    Some(key) => entries.push((text(key)?, pair.get(1)?)),
                    None => odd = true,
                }
                Ok(!odd)
            })?;
            if odd {
                return Err(self.refuse("the keys of a table are texts"));
            }
            return Ok(entries);
        }
        for key in object.own_keys::<js::String<'js>>(Filter::default()) {
            let key = key?;
            let value = object.get::<_, Value<'js>>(key.clone())?;
            entries.push((text(&key)?, value));
        }
        Ok(entries)
    }

    /// A `Date` as it stands in the document.
    fn date(&self, value: &Value<'js>) -> js::Result<Option<String>> {
        let intrinsics = self.state.intrinsics(self.ctx)?;
        let Some(time) = self.unless_unfit(intrinsics.on::<f64>(Intrinsic::DateTime, value))?
        else {
            return Ok(None);
        };
        let moment = Some(time)
            .filter(|time| (FIRST..=LAST).contains(time))
            .and_then(|time| jiff::Timestamp::from_millisecond(time as i64).ok());
        match moment {
            Some(moment) => Ok(Some(moment.to_string())),
            None => Err(self.refuse("the date is not valid")),
        }
    }

    /// What a built-in method gives; `None` if it does not fit the value.
    fn unless_unfit<T>(&self, result: js::Result<T>) -> js::Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(js::Error::Exception) => {
                let thrown = self.ctx.catch();
                match thrown.is_uncatchable_error() {
                    true => Err(self.ctx.throw(thrown)),
                    false => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn count(&mut self, bytes: usize) -> js::Result<()> {
        self.bytes += bytes;
        // The text that is made of it takes as much again.
        if self.bytes > self.state.run().memory_left() / 2 {
            return Err(range_error(
                self.ctx,
                format_args!("{}: there is no memory left for the text", self.what),
            ));
        }
        self.reserved.resize(self.bytes);
        Ok(())
    }

    fn refuse(&self, problem: &str) -> js::Error {
        let place = match self.path.as_slice() {
            [] => "the value".to_owned(),
            path => quote(&path.join(".")),
        };
        type_error(self.ctx, format_args!("{}: {place}: {problem}", self.what))
    }
}

/// A number: whole ones as integers.
fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() <= super::MAX_SAFE as f64 {
        return format!("{}", number as i64);
    }
    let mut written = String::new();
    // The sign of what is no number means nothing.
    let number = if number.is_nan() { f64::NAN } else { number };
    let _ = written.value(number);
    written
}

/// Writes a table: first what stands in lines, then the tables in it.
fn table(
    output: &mut String,
    path: &mut Vec<String>,
    entries: &[(String, Node)],
) -> std::fmt::Result {
    for (key, node) in entries {
        if !has_header(node) {
            output.key(key.as_str())?;
            output.push_str(" = ");
            inline(output, node)?;
            output.newline()?;
        }
    }
    for (key, node) in entries.iter().filter(|(_, node)| has_header(node)) {
        path.push(key.clone());
        match node {
            Node::Table(inner) => {
                // The headers of the tables in it say that it is there.
                if inner.is_empty() || inner.iter().any(|(_, node)| !has_header(node)) {
                    header(output, path, "[", "]")?;
                }
                table(output, path, inner)?;
            }
            Node::Array(items) => {
                for item in items {
                    if let Node::Table(inner) = item {
                        header(output, path, "[[", "]]")?;
                        table(output, path, inner)?;
                    }
                }
            }
            Node::Plain(_) => {}
        }
        path.pop();
    }
    Ok(())
}

/// Whether a part has a header of its own: a table, or an array of nothing but tables.
fn has_header(node: &Node) -> bool {
    match node {
        Node::Table(_) => true,
        Node::Array(items) => {
            !items.is_empty() && items.iter().all(|item| matches!(item, Node::Table(_)))
        }
        Node::Plain(_) => false,
    }
}

fn header(output: &mut String, path: &[String], open: &str, close: &str) -> std::fmt::Result {
    if !output.is_empty() {
        output.newline()?;
    }
    output.push_str(open);
    for (at, key) in path.iter().enumerate() {
        if at > 0 {
            output.key_sep()?;
        }
        output.key(key.as_str())?;
    }
    output.push_str(close);
    output.newline()
}

fn inline(output: &mut String, node: &Node) -> std::fmt::Result {
    match node {
        Node::Plain(written) => output.push_str(written),
        Node::Array(items) => {
            output.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    output.push_str(", ");
                }
                inline(output, item)?;
            }
            output.push(']');
        }
        Node::Table(entries) => {
            output.push('{');
            for (at, (key, node)) in entries.iter().enumerate() {
                output.push_str(if at > 0 { ", " } else { " " });
                output.key(key.as_str())?;
                output.push_str(" = ");
                inline(output, node)?;
            }
            output.push_str(if entries.is_empty() { "}" } else { " }" });
        }
    }
    Ok(())
}
