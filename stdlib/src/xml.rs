//! XML to values and back. The crate `quick-xml` takes texts apart.
//!
//! There are two shapes. The short one is for data: an element is an object of its attributes (`@name`) and elements, or just its
//! text. The full one, `nodes`, loses nothing but comments and processing instructions, and is for documents.
//!
//! Nothing is loaded and no entity is expanded but those of XML itself, so a small text makes no large value.

mod dump;

use std::collections::HashSet;

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, IntoJs, Object, Value};
use quick_xml::XmlVersion;
use quick_xml::errors::Error as Problem;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use crate::intrinsics::Intrinsics;
use crate::options::{entries, unknown};
use crate::state::State;
use crate::text::place;
use crate::throw::{quote, string_argument, syntax_error, wrong};

pub(crate) use dump::dump;

/// The deepest nesting that is read.
const MAX_DEPTH: usize = 1_000;

/// The most attributes of an element.
const MAX_ATTRIBUTES: usize = 10_000;

/// The key of an element's text.
const TEXT: &str = "#text";
/// What stands before the name of an attribute.
const ATTRIBUTE: char = '@';

/// The fields of a node.
const NAME: &str = "name";
const ATTRIBUTES: &str = "attributes";
const CHILDREN: &str = "children";

/// What rules say of the value that they want.
struct Options {
    nodes: bool,
    /// Whether attributes go by their names alone.
    plain: bool,
    /// The elements that are always in an array.
    lists: HashSet<String>,
}

impl Options {
    fn read<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Self> {
        let mut options = Self {
            nodes: false,
            plain: false,
            lists: HashSet::new(),
        };
        if value.is_undefined() {
            return Ok(options);
        }
        let Some(object) = value.as_object().filter(|_| !value.is_array()) else {
            return Err(wrong(ctx, &format!("{what}: options"), "an object", value));
        };
        for entry in entries(object) {
            let (key, value) = entry?;
            let option = format!("{what}: option {key}");
            match key.as_str() {
                "nodes" => match value.as_bool() {
                    Some(nodes) => options.nodes = nodes,
                    None => return Err(wrong(ctx, &option, "true or false", &value)),
                },
                "lists" => {
                    let Some(names) = value.as_array() else {
                        return Err(wrong(ctx, &option, "an array of names", &value));
                    };
                    for name in names.iter::<Value<'js>>() {
                        options.lists.insert(string_argument(ctx, &option, &name?)?);
                    }
                }
                "attributes" => {
                    options.plain = match string_argument(ctx, &option, &value)?.as_str() {
                        "" => true,
                        "@" => false,
                        _ => return Err(wrong(ctx, &option, "\"@\" or \"\"", &value)),
                    };
                }
                _ => {
                    let known = ["nodes", "lists", "attributes"];
                    return Err(unknown(ctx, what, &key, &known, &[]));
                }
            }
        }
        Ok(options)
    }
}

/// Reads a document.
///
/// # Errors
///
/// A `SyntaxError` that begins with `what` and says where.
pub(crate) fn load<'js>(
    ctx: &Ctx<'js>,
    source: &str,
    options: &Value<'js>,
    what: &str,
) -> js::Result<Value<'js>> {
    let options = Options::read(ctx, what, options)?;
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut reader = Reader::from_str(source);
    let mut builder = Builder {
        ctx,
        intrinsics: state.intrinsics(ctx)?,
        options,
        open: Vec::new(),
        root: None,
    };
    loop {
        let begin = reader.buffer_position();
        let fail = |at: u64, problem: &dyn std::fmt::Display| {
            let at = usize::try_from(at).unwrap_or(source.len());
            let place = place(source, at.min(source.len()));
            syntax_error(ctx, format_args!("{what}: {problem} at {place}"))
        };
        let event = reader
            .read_event()
            .map_err(|error| fail(reader.error_position(), &in_words(&error)))?;
        state.wrote(ctx, (reader.buffer_position() - begin) as usize)?;
        let ended = matches!(event, Event::Eof);
        builder
            .event(&state, event)
            .map_err(|stopped| match stopped {
                Stopped::Problem(problem) => fail(begin, &problem),
                Stopped::Thrown(error) => error,
            })?;
        if ended {
            break;
        }
    }
    let (name, value) = builder.root.ok_or(js::Error::Unknown)?;
    if builder.options.nodes {
        return Ok(value);
    }
    let document = Object::new(ctx.clone())?;
    set(&document, &name, value)?;
    Ok(document.into_value())
}

/// Why reading stops.
enum Stopped {
    /// What is wrong with the text.
    Problem(String),
    Thrown(js::Error),
}

impl From<js::Error> for Stopped {
    fn from(error: js::Error) -> Self {
        Self::Thrown(error)
    }
}

impl From<&str> for Stopped {
    fn from(problem: &str) -> Self {
        Self::Problem(problem.to_owned())
    }
}

/// An element that is not closed yet.
struct Open<'js> {
    name: String,
    /// Its attributes and elements, by name; with `nodes`, a node.
    object: Option<Object<'js>>,
    /// With `nodes`: what is in it.
    children: Option<Array<'js>>,
    text: String,
    /// The attributes that go by their names alone.
    attributes: HashSet<String>,
}

struct Builder<'a, 'js> {
    ctx: &'a Ctx<'js>,
    intrinsics: Intrinsics<'js>,
    options: Options,
    open: Vec<Open<'js>>,
    root: Option<(String, Value<'js>)>,
}

impl<'js> Builder<'_, 'js> {
    fn event(&mut self, state: &State, event: Event<'_>) -> Result<(), Stopped> {
        match event {
            Event::Start(start) => self.start(state, &start),
            Event::Empty(start) => {
                self.start(state, &start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => match self.open.last_mut() {
                Some(open) => {
                    open.text.push_str(&text.xml10_content());
                    Ok(())
                }
                None => Err("text stands outside of the root element".into()),
            },
            Event::GeneralRef(reference) => {
                let character = reference
                    .resolve_char_ref()
                    .map_err(|error| Stopped::Problem(in_words(&error)))?;
                let name: &str = &reference;
                match (character, quick_xml::escape::resolve_xml_entity(name)) {
                    (Some(character), _) => self.text(character.encode_utf8(&mut [0; 4])),
                    (None, Some(text)) => self.text(text),
                    (None, None) => Err(Stopped::Problem(format!(
                        "the entity &{name}; is not known; there are &amp; &lt; &gt; &quot; &apos; and numbers"
                    ))),
                }
            }
            Event::Eof => match self.open.last() {
                Some(open) => Err(Stopped::Problem(format!("<{}> is not closed", open.name))),
                None if self.root.is_none() => Err("there is no element".into()),
                None => Ok(()),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Ok(()),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Stopped> {
        match self.open.last_mut() {
            Some(open) => {
                open.text.push_str(text);
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err("text stands outside of the root element".into()),
        }
    }

    fn start(&mut self, state: &State, start: &BytesStart<'_>) -> Result<(), Stopped> {
        if self.open.is_empty() && self.root.is_some() {
            return Err("there is a second root element".into());
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Stopped::Problem(format!(
                "elements are nested more than {MAX_DEPTH} levels deep"
            )));
        }
        let name: &str = start.name().0;
        let name = name.to_owned();
        if !is_name(&name) {
            return Err(Stopped::Problem(format!(
                "{} is not the name of an element",
                quote(&name)
            )));
        }
        let mut object = None;
        let mut seen = HashSet::new();
        // The crate would compare each with each.
        for attribute in start.attributes().with_checks(false) {
            state.step(self.ctx)?;
            let attribute = attribute.map_err(|error| Stopped::Problem(error.to_string()))?;
            let key: &str = attribute.key.as_ref();
            let key = key.to_owned();
            if !is_name(&key) {
                return Err(Stopped::Problem(format!(
                    "{} is not the name of an attribute",
                    quote(&key)
                )));
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| Stopped::Problem(in_words(&error)))?
                .into_js(self.ctx)?;
            let object = match &mut object {
                Some(object) => object,
                none => none.insert(Object::new(self.ctx.clone())?),
            };
            if self.options.nodes || self.options.plain {
                set(object, &key, value)?;
            } else {
                set(object, &format!("{ATTRIBUTE}{key}"), value)?;
            }
            if seen.len() >= MAX_ATTRIBUTES {
                return Err(Stopped::Problem(format!(
                    "an element has more than {MAX_ATTRIBUTES} attributes"
                )));
            }
            if !seen.insert(key) {
                return Err("an attribute is there twice".into());
            }
        }
        let mut children = None;
        if self.options.nodes {
            let attributes = match object.take() {
                Some(attributes) => attributes,
                None => Object::new(self.ctx.clone())?,
            };
            let node = Object::new(self.ctx.clone())?;
            let list = Array::new(self.ctx.clone())?;
            set(&node, NAME, name.as_str().into_js(self.ctx)?)?;
            set(&node, ATTRIBUTES, attributes.into_value())?;
            set(&node, CHILDREN, list.clone().into_value())?;
            (object, children) = (Some(node), Some(list));
            self.flush()?;
        }
        self.open.push(Open {
            name,
            object,
            children,
            text: String::new(),
            attributes: if self.options.plain {
                seen
            } else {
                HashSet::new()
            },
        });
        Ok(())
    }

    /// Makes the text so far a child of the node that is open.
    fn flush(&mut self) -> js::Result<()> {
        if let Some(open) = self.open.last_mut()
            && let Some(children) = &open.children
            && !open.text.is_empty()
        {
            let text = std::mem::take(&mut open.text);
            children.set(children.len(), text)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Stopped> {
        if self.options.nodes {
            self.flush()?;
        }
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let value = match open.object {
            Some(node) if self.options.nodes => node.into_value(),
            None => open.text.trim().into_js(self.ctx)?,
            Some(object) => {
                let text = open.text.trim();
                if !text.is_empty() {
                    set(&object, TEXT, text.into_js(self.ctx)?)?;
                }
                object.into_value()
            }
        };
        let Some(parent) = self.open.last_mut() else {
            self.root = Some((open.name, value));
            return Ok(());
        };
        if let Some(children) = &parent.children {
            children.set(children.len(), value)?;
            return Ok(());
        }
        if parent.attributes.contains(&open.name) {
            return Err(Stopped::Problem(format!(
                "<{}> has an attribute and an element {}, which attributes: \"@\" tells apart",
                parent.name, open.name
            )));
        }
        let object = match &mut parent.object {
            Some(object) => object,
            none => none.insert(Object::new(self.ctx.clone())?),
        };
        match self.intrinsics.own_data(object, &open.name)? {
            // Values are texts and objects, so an array is one of those that are made here.
            Some(known) => match known.as_array() {
                Some(list) => list.set(list.len(), value)?,
                None => {
                    let list = Array::new(self.ctx.clone())?;
                    list.set(0, known)?;
                    list.set(1, value)?;
                    set(object, &open.name, list.into_value())?;
                }
            },
            None if self.options.lists.contains(&open.name) => {
                let list = Array::new(self.ctx.clone())?;
                list.set(0, value)?;
                set(object, &open.name, list.into_value())?;
            }
            None => set(object, &open.name, value)?,
        }
        Ok(())
    }
}

/// Defines a property by itself: `__proto__` is a key like any other.
fn set<'js>(object: &Object<'js>, key: &str, value: Value<'js>) -> js::Result<()> {
    let property = Property::from(value).writable().enumerable().configurable();
    object.prop(key, property)
}

/// A problem without the crate's own word for its kind.
fn in_words(problem: &Problem) -> String {
    match problem {
        Problem::Syntax(problem) => problem.to_string(),
        Problem::IllFormed(problem) => problem.to_string(),
        Problem::InvalidAttr(problem) => problem.to_string(),
        other => other.to_string(),
    }
    .replace('`', "")
}

/// Whether XML takes a text for the name of an element or an attribute.
fn is_name(name: &str) -> bool {
    let begins = |c: char| {
        c.is_ascii_alphabetic()
            || matches!(c, ':' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
                | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}'..='\u{200d}' | '\u{2070}'..='\u{218f}'
                | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
                | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |c: char| {
        begins(c)
            || c.is_ascii_digit()
            || matches!(c, '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    name.starts_with(begins) && name.chars().all(goes_on)
}
