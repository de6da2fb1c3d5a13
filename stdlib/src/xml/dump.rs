//! Values as XML, in either shape.

use cla_runtime::js::{self, Ctx, IntoJs, Value};
use cla_runtime::value::RuleValue;
use quick_xml::escape::{escape, partial_escape};

use super::{ATTRIBUTE, ATTRIBUTES, CHILDREN, NAME, TEXT, is_name};
use crate::options::{entries, unknown};
use crate::state::State;
use crate::text::within_memory;
use crate::throw::{quote, type_error, wrong};

/// The widest that a level is indented.
const MAX_INDENT: f64 = 10.0;

/// How a document begins.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Writes a document: an object with the root element, or a node.
///
/// # Errors
///
/// A `TypeError` that begins with `what` for what XML has no word for.
pub(crate) fn dump<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    options: &Value<'js>,
    what: &str,
) -> js::Result<Value<'js>> {
    let (mut indent, mut declaration) = (2, true);
    if !options.is_undefined() {
        let Some(object) = options.as_object().filter(|_| !options.is_array()) else {
            return Err(wrong(
                ctx,
                &format!("{what}: options"),
                "an object",
                options,
            ));
        };
        for entry in entries(object) {
            let (key, value) = entry?;
            let option = format!("{what}: option {key}");
            match (key.as_str(), value.as_number(), value.as_bool()) {
                ("indent", Some(spaces), _)
                    if (0.0..=MAX_INDENT).contains(&spaces) && spaces.fract() == 0.0 =>
                {
                    indent = spaces as usize;
                }
                ("indent", ..) => {
                    let expected = "a whole number from 0 to 10";
                    return Err(wrong(ctx, &option, expected, &value));
                }
                ("declaration", _, Some(wanted)) => declaration = wanted,
                ("declaration", ..) => {
                    return Err(wrong(ctx, &option, "true or false", &value));
                }
                _ => return Err(unknown(ctx, what, &key, &["indent", "declaration"], &[])),
            }
        }
    }
    let value = RuleValue::read_data(ctx, what, value.clone())?;
    let state = State::of(ctx)?;
    let mut writer = Writer {
        ctx,
        state: &state,
        what,
        indent,
        output: match declaration {
            true => DECLARATION.to_owned(),
            false => String::new(),
        },
    };
    match &value {
        RuleValue::Object(entries) => match (node(entries), entries.as_slice()) {
            (Some(parts), _) => writer.node(parts)?,
            (None, [(name, RuleValue::Array(_))]) => {
                let problem = format!("there is one root element, and {} is an array", quote(name));
                return Err(writer.fail(&problem));
            }
            (None, [(name, value)]) => writer.element(name, value, 0)?,
            (None, _) => {
                let problem = "a document is an object with one key, the root element, or a node with name and children";
                return Err(writer.fail(problem));
            }
        },
        _ => return Err(writer.fail("a document is an object with one key, the root element")),
    }
    writer.output.push('\n');
    writer.output.into_js(ctx)
}

/// The parts of a node.
#[derive(Clone, Copy)]
struct Node<'v> {
    name: &'v str,
    attributes: &'v [(String, RuleValue)],
    children: &'v [RuleValue],
}

/// The node that an object is, if it is one.
fn node(entries: &[(String, RuleValue)]) -> Option<Node<'_>> {
    let (mut name, mut attributes, mut children) = (None, &[][..], None);
    for (key, value) in entries {
        match (key.as_str(), value) {
            (NAME, RuleValue::String(text)) => name = Some(text.as_str()),
            (ATTRIBUTES, RuleValue::Object(entries)) => attributes = entries,
            (CHILDREN, RuleValue::Array(items)) => children = Some(items.as_slice()),
            _ => return None,
        }
    }
    Some(Node {
        name: name?,
        attributes,
        children: children?,
    })
}

struct Writer<'a, 'js> {
    ctx: &'a Ctx<'js>,
    state: &'a State,
    what: &'a str,
    /// How many spaces a level is further in; 0 for all in one line.
    indent: usize,
    output: String,
}

impl Writer<'_, '_> {
    fn fail(&self, problem: &str) -> js::Error {
        type_error(self.ctx, format_args!("{}: {problem}", self.what))
    }

    fn name(&self, name: &str) -> js::Result<()> {
        match is_name(name) {
            true => Ok(()),
            false => Err(self.fail(&format!("{} is not a name in XML", quote(name)))),
        }
    }

    /// Writes a node as it is: what stands between elements is text.
    fn node(&mut self, node: Node<'_>) -> js::Result<()> {
        self.state.step(self.ctx)?;
        self.open(node.name)?;
        for (key, value) in node.attributes {
            self.attribute(key, value)?;
        }
        if node.children.is_empty() {
            self.output.push_str("/>");
            return Ok(());
        }
        self.output.push('>');
        for child in node.children {
            match child {
                RuleValue::Object(entries) => match self::node(entries) {
                    Some(node) => self.node(node)?,
                    None => {
                        let problem = format!(
                            "a child of <{}> is an object without name and children",
                            node.name
                        );
                        return Err(self.fail(&problem));
                    }
                },
                text => self.text(node.name, text)?,
            }
        }
        self.close(node.name)
    }

    /// Writes an element in the short shape; an array is one per item.
    fn element(&mut self, name: &str, value: &RuleValue, depth: usize) -> js::Result<()> {
        self.state.step(self.ctx)?;
        let entries = match value {
            RuleValue::Object(entries) => entries,
            RuleValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    if matches!(item, RuleValue::Array(_)) {
                        return Err(self.fail(&format!("{} has an array in an array", quote(name))));
                    }
                    if at > 0 {
                        self.line(depth);
                    }
                    self.element(name, item, depth)?;
                }
                return Ok(());
            }
            text => {
                self.open(name)?;
                let text = self.plain(name, text)?;
                if text.is_empty() {
                    self.output.push_str("/>");
                    return Ok(());
                }
                self.output.push('>');
                self.output.push_str(&partial_escape(text));
                return self.close(name);
            }
        };
        self.open(name)?;
        let is_attribute = |key: &str| key.starts_with(ATTRIBUTE);
        for (key, value) in entries {
            if let Some(key) = key.strip_prefix(ATTRIBUTE) {
                self.attribute(key, value)?;
            }
        }
        let mut inner = entries.iter().filter(|(key, value)| {
            !is_attribute(key) && !matches!(value, RuleValue::Array(items) if items.is_empty())
        });
        let has_text = entries.iter().any(|(key, _)| key == TEXT);
        let Some(first) = inner.next() else {
            self.output.push_str("/>");
            return Ok(());
        };
        self.output.push('>');
        for (key, value) in std::iter::once(first).chain(inner) {
            if key == TEXT {
                self.text(name, value)?;
                continue;
            }
            // Beside text, a line feed would be text, too.
            if !has_text {
                self.line(depth + 1);
            }
            self.element(key, value, depth + 1)?;
        }
        if !has_text {
            self.line(depth);
        }
        self.close(name)
    }

    fn line(&mut self, depth: usize) {
        if self.indent > 0 {
            self.output.push('\n');
            let spaces = depth * self.indent;
            self.output.extend(std::iter::repeat_n(' ', spaces));
        }
    }

    fn open(&mut self, name: &str) -> js::Result<()> {
        self.name(name)?;
        within_memory(self.ctx, "the text", self.output.len())?;
        self.output.push('<');
        self.output.push_str(name);
        Ok(())
    }

    fn close(&mut self, name: &str) -> js::Result<()> {
        self.output.push_str("</");
        self.output.push_str(name);
        self.output.push('>');
        Ok(())
    }

    fn attribute(&mut self, key: &str, value: &RuleValue) -> js::Result<()> {
        self.name(key)?;
        let text = self.plain(key, value)?;
        self.output.push(' ');
        self.output.push_str(key);
        self.output.push_str("=\"");
        // White space in attributes comes back as spaces.
        let escaped = escape(text);
        let escaped = escaped.replace('\n', "&#10;").replace('\t', "&#9;");
        self.output.push_str(&escaped);
        self.output.push('"');
        Ok(())
    }

    fn text(&mut self, name: &str, value: &RuleValue) -> js::Result<()> {
        let text = self.plain(name, value)?;
        self.output.push_str(&partial_escape(text));
        Ok(())
    }

    /// The text of a value.
    fn plain(&self, name: &str, value: &RuleValue) -> js::Result<String> {
        let text = match value {
            RuleValue::Null => String::new(),
            RuleValue::Bool(value) => value.to_string(),
            RuleValue::Number(value) => match value.is_finite() {
                true => RuleValue::Number(*value).into_json().to_string(),
                false => value.to_string(),
            },
            RuleValue::BigInt(text) | RuleValue::String(text) => text.clone(),
            _ => return Err(self.fail(&format!("the value of {} is no text", quote(name)))),
        };
        let odd = |c: char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
        match text.contains(odd) {
            true => Err(self.fail(&format!(
                "the value of {} has a character that XML has no word for",
                quote(name)
            ))),
            false => Ok(text),
        }
    }
}
