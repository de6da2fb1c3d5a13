//! INI to values and back: sections with keys and texts.
//!
//! There is no standard, so nothing is guessed: a text stays a text, and what is there twice becomes an array. Lines are read one
//! by one, which takes less than the crates that read INI bring along.

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx, IntoJs, Value};
use cla_runtime::value::RuleValue;

use crate::state::State;
use crate::text::within_memory;
use crate::throw::{describe, quote, syntax_error, type_error};

/// What a key counts for beside its text while it is read, in bytes.
const ENTRY_BYTES: usize = 96;

/// A key with its values.
struct Entry {
    key: String,
    values: Vec<String>,
    /// Whether it is an array also with one value.
    is_list: bool,
}

/// Reads a text in INI.
///
/// # Errors
///
/// A `SyntaxError` that begins with `what` and says where.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, source: &str, what: &str) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    // Each line may be a key.
    let lines = source.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let bytes = source.len() + lines * ENTRY_BYTES;
    let _reserved = state.run().reserve(ctx, "reading the text", bytes)?;
    let mut document = Document::default();
    for (at, line) in source.lines().enumerate() {
        state.wrote(ctx, line.len())?;
        document.read(line).map_err(|(problem, column)| {
            let column = line[..column].chars().count() + 1;
            let line = at + 1;
            syntax_error(
                ctx,
                format_args!("{what}: {problem} at line {line}, column {column}"),
            )
        })?;
    }
    document.into_value(ctx, state.run())
}

/// What was read so far. The first section has no name.
struct Document {
    sections: Vec<(String, Vec<Entry>)>,
    /// Where each key of the current section is.
    places: std::collections::HashMap<String, usize>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            sections: vec![(String::new(), Vec::new())],
            places: std::collections::HashMap::new(),
        }
    }
}

impl Document {
    /// Reads a line. The error is a problem and the byte at which it begins.
    fn read(&mut self, line: &str) -> Result<(), (String, usize)> {
        let content = line.trim();
        let begin = line.len() - line.trim_start().len();
        if content.is_empty() || content.starts_with([';', '#']) {
            return Ok(());
        }
        if let Some(rest) = content.strip_prefix('[') {
            // A comment may follow.
            let Some(end) = rest.find(']') else {
                return Err(("the section has no `]`".to_owned(), begin));
            };
            let after = rest[end + 1..].trim_start();
            if !after.is_empty() && !after.starts_with([';', '#']) {
                let at = line.len() - after.len();
                return Err((
                    "something follows the section".to_owned(),
                    at.min(line.len()),
                ));
            }
            let name = rest[..end].trim();
            if name.is_empty() {
                return Err(("the section has no name".to_owned(), begin));
            }
            self.sections.push((name.to_owned(), Vec::new()));
            self.places.clear();
            return Ok(());
        }
        let Some(at) = content.find(['=', ':']) else {
            let problem = "this is no section, and no key with a `=`".to_owned();
            return Err((problem, begin));
        };
        let (key, value) = (
            content[..at].trim_end(),
            unquoted(content[at + 1..].trim_start()),
        );
        if key.is_empty() {
            return Err(("there is no key".to_owned(), begin));
        }
        // As PHP and others write lists: `host[] = web1`.
        let (key, is_list) = match key.strip_suffix("[]") {
            Some(key) if !key.trim_end().is_empty() => (key.trim_end(), true),
            _ => (key, false),
        };
        let Some((_, entries)) = self.sections.last_mut() else {
            return Ok(());
        };
        match self.places.get(key) {
            Some(at) => {
                let entry = &mut entries[*at];
                entry.values.push(value.to_owned());
                entry.is_list = true;
            }
            None => {
                self.places.insert(key.to_owned(), entries.len());
                entries.push(Entry {
                    key: key.to_owned(),
                    values: vec![value.to_owned()],
                    is_list,
                });
            }
        }
        Ok(())
    }

    fn into_value<'js>(self, ctx: &Ctx<'js>, run: &Run) -> js::Result<Value<'js>> {
        let mut entries: Vec<(String, RuleValue)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for (at, (name, section)) in self.sections.into_iter().enumerate() {
            run.checkpoint(ctx)?;
            let values = section.into_iter().map(|mut entry| {
                let value = match entry.values.pop() {
                    Some(value) if !entry.is_list => RuleValue::String(value),
                    last => {
                        let values = entry.values.into_iter().chain(last);
                        RuleValue::Array(values.map(RuleValue::String).collect())
                    }
                };
                (entry.key, value)
            });
            if at == 0 {
                for (key, value) in values {
                    places.insert(key.clone(), entries.len());
                    entries.push((key, value));
                }
                continue;
            }
            let section = RuleValue::Object(values.collect());
            match places.get(&name).copied() {
                None => {
                    places.insert(name.clone(), entries.len());
                    entries.push((name, section));
                }
                Some(at) => match &mut entries[at].1 {
                    RuleValue::Array(all) => all.push(section),
                    one => *one = RuleValue::Array(vec![std::mem::take(one), section]),
                },
            }
        }
        RuleValue::Object(entries).make(ctx)
    }
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    for quote in ['"', '\''] {
        let inner = value.strip_prefix(quote);
        if let Some(inner) = inner.and_then(|inner| inner.strip_suffix(quote))
            && !inner.contains(quote)
        {
            return inner;
        }
    }
    value
}

/// Writes an object as INI: texts first, then an object per section.
///
/// # Errors
///
/// A `TypeError` for what INI has no word for: objects in sections, keys and values of several lines.
pub(crate) fn dump<'js>(ctx: &Ctx<'js>, value: &Value<'js>, what: &str) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    let RuleValue::Object(entries) = RuleValue::read_data(ctx, what, value.clone())? else {
        return Err(type_error(
            ctx,
            format_args!("{what}: a document is an object, not {}", describe(value)),
        ));
    };
    let fail = |problem: String| type_error(ctx, format_args!("{what}: {problem}"));
    let mut output = String::new();
    let mut sections = Vec::new();
    for (key, value) in &entries {
        match value {
            RuleValue::Object(section) => sections.push((key, section)),
            RuleValue::Array(all)
                if !all.is_empty() && all.iter().all(|one| matches!(one, RuleValue::Object(_))) =>
            {
                sections.extend(all.iter().filter_map(|one| match one {
                    RuleValue::Object(section) => Some((key, section)),
                    _ => None,
                }));
            }
            value => entry(&mut output, key, value).map_err(&fail)?,
        }
        state.step(ctx)?;
        within_memory(ctx, "the text", output.len())?;
    }
    for (name, section) in sections {
        if name.is_empty() || name.trim() != name || name.contains(['\n', '\r', '[', ']']) {
            return Err(fail(format!(
                "{} cannot be the name of a section",
                quote(name)
            )));
        }
        if !output.is_empty() {
            output.push('\n');
        }
        output.push_str(&format!("[{name}]\n"));
        for (key, value) in section {
            entry(&mut output, key, value)
                .map_err(|problem| fail(format!("in the section {}: {problem}", quote(name))))?;
            state.step(ctx)?;
            within_memory(ctx, "the text", output.len())?;
        }
    }
    output.into_js(ctx)
}

fn entry(output: &mut String, key: &str, value: &RuleValue) -> Result<(), String> {
    if let RuleValue::Array(values) = value {
        // One that has one value would read back as no array.
        let key = match values.len() {
            1 => format!("{key}[]"),
            _ => key.to_owned(),
        };
        for value in values {
            if matches!(value, RuleValue::Array(_)) {
                return Err(format!("{} has arrays in an array", quote(&key)));
            }
            entry(output, &key, value)?;
        }
        return Ok(());
    }
    let first = key.chars().next().unwrap_or(';');
    if key.trim() != key || matches!(first, ';' | '#' | '[') || key.contains(['\n', '\r', '=', ':'])
    {
        return Err(format!("{} cannot be a key", quote(key)));
    }
    let text = match value {
        RuleValue::Null => String::new(),
        RuleValue::Bool(value) => value.to_string(),
        RuleValue::Number(value) => number(*value),
        RuleValue::BigInt(text) | RuleValue::String(text) => text.clone(),
        _ => return Err(format!("the value of {} is no text", quote(key))),
    };
    if text.contains(['\n', '\r']) {
        return Err(format!("the value of {} has several lines", quote(key)));
    }
    // As it would not come back otherwise.
    let written = if text.trim() != text || unquoted(&text) != text {
        match (text.contains('"'), text.contains('\'')) {
            (false, _) => format!("\"{text}\""),
            (true, false) => format!("'{text}'"),
            (true, true) => return Err(format!("the value of {} has both quotes", quote(key))),
        }
    } else {
        text
    };
    output.push_str(key);
    output.push_str(if written.is_empty() { " =" } else { " = " });
    output.push_str(&written);
    output.push('\n');
    Ok(())
}

/// A number as JavaScript shows it.
fn number(value: f64) -> String {
    let json = RuleValue::Number(value).into_json();
    match json.is_null() {
        true => value.to_string(),
        false => json.to_string(),
    }
}
