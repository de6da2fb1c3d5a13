//! The module `cla/csv`: tables as texts with separated values.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, IntoJs, Object, Value};
use csv::{QuoteStyle, ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use crate::call::{Arg, define};
use crate::options::{entries, unknown};
use crate::state::State;
use crate::text::{coerce, within_memory};
use crate::throw::{error, string_argument, syntax_error, type_error, wrong};

/// What a value of a table takes in the run's memory beside its text, in bytes.
const VALUE_BYTES: usize = 32;

/// The module.
pub(crate) struct Csv;

impl NativeModule for Csv {
    fn name(&self) -> &str {
        "cla/csv"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        define(&exports, "parse", parse)?;
        define(&exports, "stringify", stringify)?;
        Ok(exports)
    }
}

/// What rules say of a table's text.
struct Options {
    /// Whether its first line has the names of the columns.
    header: bool,
    separator: u8,
    /// The names of the columns, in their order.
    columns: Option<Vec<String>>,
}

impl Options {
    fn read<'js>(
        ctx: &Ctx<'js>,
        function: &str,
        value: &Arg<'js>,
        known: &[&str],
    ) -> js::Result<Self> {
        let mut options = Self {
            header: true,
            separator: b',',
            columns: None,
        };
        let Some(value) = value.given() else {
            return Ok(options);
        };
        let Some(object) = value.as_object().filter(|_| !value.is_array()) else {
            return Err(wrong(
                ctx,
                &format!("{function}: options"),
                "an object",
                value,
            ));
        };
        for entry in entries(object) {
            let (key, value) = entry?;
            let what = format!("{function}: {key}");
            match key.as_str() {
                _ if !known.contains(&key.as_str()) => {
                    return Err(unknown(ctx, function, &key, known, &[]));
                }
                "header" => match value.as_bool() {
                    Some(header) => options.header = header,
                    None => return Err(wrong(ctx, &what, "true or false", &value)),
                },
                "separator" => {
                    let text = string_argument(ctx, &what, &value)?;
                    match *text.as_bytes() {
                        [byte] if byte.is_ascii() && !b"\"\r\n".contains(&byte) => {
                            options.separator = byte;
                        }
                        _ => return Err(wrong(ctx, &what, "one ASCII character", &value)),
                    }
                }
                _ => {
                    let Some(array) = value.as_array() else {
                        return Err(wrong(ctx, &what, "an array of names", &value));
                    };
                    let names = array.iter::<Value<'js>>();
                    let names = names.map(|name| string_argument(ctx, &what, &name?));
                    options.columns = Some(names.collect::<js::Result<_>>()?);
                }
            }
        }
        Ok(options)
    }
}

/// `parse(text, {header, separator})`: objects by the names of the first line, or arrays.
fn parse<'js>(ctx: Ctx<'js>, text: Arg<'js>, options: Arg<'js>) -> js::Result<Array<'js>> {
    let text = string_argument(&ctx, "csv.parse: text", &text)?;
    let options = Options::read(&ctx, "csv.parse", &options, &["header", "separator"])?;
    let state = State::of(&ctx)?;
    // As spreadsheets write it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(options.separator)
        .from_reader(text.as_bytes());
    let rows = Array::new(ctx.clone())?;
    let (mut names, mut record, mut count) = (None::<StringRecord>, StringRecord::new(), 0);
    let problem = |problem: csv::Error| syntax_error(&ctx, format_args!("csv.parse: {problem}"));
    while reader.read_record(&mut record).map_err(problem)? {
        state.step(&ctx)?;
        let line = record.position().map_or(0, csv::Position::line);
        within_memory(
            &ctx,
            "the table",
            record.as_slice().len() + record.len() * VALUE_BYTES,
        )?;
        if options.header && names.is_none() {
            names = Some(record.clone());
            continue;
        }
        let row = match &names {
            None => {
                let row = Array::new(ctx.clone())?;
                for (at, value) in record.iter().enumerate() {
                    row.set(at, value)?;
                }
                row.into_value()
            }
            Some(names) => {
                if record.len() != names.len() {
                    let message = format!(
                        "csv.parse: line {line} has {} values, and the first line has {} names",
                        record.len(),
                        names.len()
                    );
                    return Err(syntax_error(&ctx, message));
                }
                let row = Object::new(ctx.clone())?;
                for (name, value) in names.iter().zip(&record) {
                    // Defined rather than set: a column may be called `__proto__`.
                    let value = Property::from(value).writable().enumerable().configurable();
                    row.prop(name, value)?;
                }
                row.into_value()
            }
        };
        rows.set(count, row)?;
        count += 1;
    }
    Ok(rows)
}

/// `stringify(rows, {header, separator, columns})`: of objects, or of arrays.
fn stringify<'js>(ctx: Ctx<'js>, rows: Arg<'js>, options: Arg<'js>) -> js::Result<Value<'js>> {
    const WHAT: &str = "csv.stringify";
    let known = ["header", "separator", "columns"];
    let options = Options::read(&ctx, WHAT, &options, &known)?;
    let Some(rows) = rows.as_array() else {
        return Err(wrong(&ctx, "csv.stringify: rows", "an array", &rows));
    };
    let state = State::of(&ctx)?;
    let mut writer = WriterBuilder::new()
        .delimiter(options.separator)
        .terminator(Terminator::Any(b'\n'))
        .quote_style(QuoteStyle::Necessary)
        .flexible(true)
        .from_writer(Vec::new());
    let failed = |problem: csv::Error| error(&ctx, format_args!("{WHAT}: {problem}"));
    let mut columns = options.columns.clone();
    let mut is_first = true;
    for row in rows.iter::<Value<'js>>() {
        let row = row?;
        state.step(&ctx)?;
        within_memory(&ctx, "the text", writer.get_ref().len())?;
        let values = if let Some(array) = row.as_array() {
            if let (true, true, Some(names)) = (is_first, options.header, &columns) {
                writer.write_record(names).map_err(failed)?;
            }
            let values = array.iter::<Value<'js>>();
            let values = values.map(|value| cell(&ctx, &value?));
            values.collect::<js::Result<Vec<_>>>()?
        } else if let Some(object) = row.as_object().filter(|_| !row.is_function()) {
            if columns.is_none() {
                let names = object.keys::<String>().collect::<js::Result<Vec<_>>>()?;
                columns = Some(names);
            }
            let names = columns.as_deref().unwrap_or_default();
            if is_first && options.header {
                writer.write_record(names).map_err(failed)?;
            }
            let values = names
                .iter()
                .map(|name| cell(&ctx, &object.get(name.as_str())?));
            values.collect::<js::Result<Vec<_>>>()?
        } else {
            let what = "csv.stringify: a row";
            return Err(wrong(&ctx, what, "an object or an array", &row));
        };
        is_first = false;
        writer.write_record(&values).map_err(failed)?;
    }
    let text = writer
        .into_inner()
        .map_err(|problem| error(&ctx, format_args!("{WHAT}: {problem}")))?;
    let text = String::from_utf8(text).map_err(|_| js::Error::Unknown)?;
    text.into_js(&ctx)
}

/// What stands in a table for a value; nothing for `null` and `undefined`.
fn cell<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<String> {
    if value.is_null() || value.is_undefined() {
        return Ok(String::new());
    }
    if value.is_symbol() || value.is_function() {
        return Err(type_error(
            ctx,
            "csv.stringify: a value must be a text, a number or the like",
        ));
    }
    coerce(ctx, value)
}
