//! Shows values as Node's `util.inspect` does.
//!
//! The layout (when an object fits on a line, how arrays are set in columns, ...) follows Node's rules,
//! so that a rule's output looks familiar and its tests can be compared.
//!
//! Looking never changes anything: getters are shown as `[Getter]`, a proxy as its target, and no code
//! of the rule's runs. Nor does it overflow the stack: what is still to be shown waits in a list of
//! frames, one per open bracket. At most [`MAX_DEPTH`] brackets are open at once, and at most
//! [`MAX_OUTPUT`] bytes are shown, whatever the options say.
//!
//! Unlike in Node, the elements of an iterator are not shown, because there is no way to peek at them; a
//! proxy of a function is shown as `[Function (Proxy)]`; a `Symbol.toStringTag` that is a getter is not
//! asked; and `Symbol.for("nodejs.util.inspect.custom")` means nothing, but to `util.inspect` of `node:util`, which is asked
//! to run a rule's code.

mod frame;
mod kind;
mod layout;
mod open;
mod parts;
mod scalar;

use std::rc::Rc;

use cla_runtime::js::{self, Ctx, Filter, Function, Object, Value};
use cla_runtime::semaphore::is_unprintable;

use self::frame::{Elements, Frame, Key, Next, Opened};
use self::parts::more;
use self::scalar::{escape, is_identifier, quoted, symbol_text};
use crate::intrinsics::{Intrinsics, Property};
use crate::state::State;
use crate::text::text;

/// The deepest nesting that is shown, whatever [`InspectOptions::depth`] says.
///
/// ```
/// use cla_stdlib::{InspectOptions, MAX_DEPTH};
///
/// assert_eq!(InspectOptions::default().depth(usize::MAX).depth, MAX_DEPTH);
/// ```
pub const MAX_DEPTH: usize = 200;

/// About how many bytes are shown of one value before the rest is left out.
///
/// See [`inspect`] for an example.
pub const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// As how many bytes an object counts towards [`MAX_OUTPUT`], besides what is in it: many empty ones
/// take time, too.
const FRAME_COST: usize = 64;

/// How [`inspect`] shows a value. The defaults are Node's.
///
/// ```
/// use cla_stdlib::InspectOptions;
///
/// let options = InspectOptions::default().colors(true).depth(4).break_length(120);
/// assert_eq!((options.colors, options.depth, options.max_array_length), (true, 4, 100));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InspectOptions {
    /// Colours by ANSI escapes (default none).
    pub colors: bool,
    /// How deep to go into nested objects (default 2, at most [`MAX_DEPTH`]); deeper ones are shown as
    /// `[Object]`.
    pub depth: usize,
    /// How many elements of an array, a map or a set are shown (default 100).
    pub max_array_length: usize,
    /// How many characters of a string are shown (default 10,000).
    pub max_string_length: usize,
    /// The width of a line that objects are fitted into (default 80).
    pub break_length: usize,
    /// How many of the innermost levels may share a line (default 3); with 0, each property has a line of its own.
    pub compact: usize,
    /// The properties in the order of their names (default: in their own order).
    pub sorted: bool,
    /// Also the properties that are not enumerable (default: no).
    pub show_hidden: bool,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            colors: false,
            depth: 2,
            max_array_length: 100,
            max_string_length: 10_000,
            break_length: 80,
            compact: 3,
            sorted: false,
            show_hidden: false,
        }
    }
}

impl InspectOptions {
    /// With or without colours.
    #[must_use]
    pub fn colors(mut self, colors: bool) -> Self {
        self.colors = colors;
        self
    }

    /// Sets how deep to go; what is more than [`MAX_DEPTH`] counts as that.
    #[must_use]
    pub fn depth(mut self, depth: usize) -> Self {
        self.depth = depth.min(MAX_DEPTH);
        self
    }

    /// Sets how many elements of an array, a map or a set are shown.
    #[must_use]
    pub fn max_array_length(mut self, length: usize) -> Self {
        self.max_array_length = length;
        self
    }

    /// Sets the width of a line.
    #[must_use]
    pub fn break_length(mut self, length: usize) -> Self {
        self.break_length = length;
        self
    }
}

/// Shows a value as Node's `util.inspect` does: strings in quotes, objects with what is in them.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Session};
/// use cla_stdlib::{InspectOptions, inspect};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let session = Session::start(&engine, RunOptions::new(), None, |_| {});
/// let shown = session.evaluate("({host: 'db1', ports: new Set([1, 2])})", |ctx, _, value| {
///     inspect(ctx, &value, &InspectOptions::default())
/// });
/// assert_eq!(shown.await?.unwrap(), "{ host: 'db1', ports: Set(2) { 1, 2 } }");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// When memory runs out, when the run is stopped, or when the library is not installed in it.
pub fn inspect<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    options: &InspectOptions,
) -> js::Result<String> {
    inspect_with(ctx, value, options, None)
}

/// How objects show themselves that have a method for it, of the name that this symbol is.
pub(crate) struct Custom<'js> {
    /// `Symbol.for("nodejs.util.inspect.custom")`.
    pub(crate) symbol: Value<'js>,
    /// Is called with the object, its method, and how much deeper it may show objects. It gives a text, an object to show
    /// in place of this one, or this one.
    pub(crate) show: Function<'js>,
}

/// Shows a value as [`inspect`] does, and lets objects show themselves: then code of the rule's runs.
///
/// # Errors
///
/// As [`inspect`]; what that code throws.
pub(crate) fn inspect_with<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    options: &InspectOptions,
    custom: Option<Custom<'js>>,
) -> js::Result<String> {
    let state = State::of(ctx)?;
    let mut inspector = Inspector {
        ctx,
        intrinsics: state.intrinsics(ctx)?,
        state,
        options,
        custom,
        frames: Vec::new(),
        references: Vec::new(),
        innermost: 0,
        written: 0,
    };
    inspector.show(value)
}

/// The kinds of text that have a colour of their own.
#[derive(Clone, Copy)]
enum Style {
    Special,
    Number,
    Null,
    String,
    Symbol,
    Undefined,
    Date,
    RegExp,
}

impl Style {
    /// The escape codes that switch the colour on and off.
    fn codes(self) -> (u8, u8) {
        match self {
            Self::Special => (36, 39),
            Self::Number => (33, 39),
            Self::Null => (1, 22),
            Self::String | Self::Symbol => (32, 39),
            Self::Undefined => (90, 39),
            Self::Date => (35, 39),
            Self::RegExp => (31, 39),
        }
    }
}

struct Inspector<'a, 'js> {
    ctx: &'a Ctx<'js>,
    intrinsics: Intrinsics<'js>,
    state: Rc<State>,
    options: &'a InspectOptions,
    custom: Option<Custom<'js>>,
    /// The objects whose brackets are open, outermost first.
    frames: Vec<Frame<'js>>,
    /// Objects that contain themselves, in the order of their numbers.
    references: Vec<Object<'js>>,
    /// The depth of the frame that was opened last.
    innermost: usize,
    written: usize,
}

impl<'js> Inspector<'_, 'js> {
    fn show(&mut self, value: &Value<'js>) -> js::Result<String> {
        let mut shown = match self.open(value, 0, 0)? {
            Opened::Shown(shown) => return Ok(shown),
            Opened::Frame(frame) => {
                self.frames.push(*frame);
                None
            }
        };
        loop {
            self.state.step(self.ctx)?;
            let Some(mut frame) = self.frames.pop() else {
                return Ok(shown.unwrap_or_default());
            };
            if let Some(shown) = shown.take() {
                frame.deliver(&shown);
            }
            match self.next(&mut frame)? {
                Next::Entry(entry) => {
                    self.written += entry.len();
                    frame.output.push(entry);
                    self.frames.push(frame);
                }
                Next::Value(value) => {
                    let (depth, indentation) = (frame.depth, frame.indentation + 2);
                    self.frames.push(frame);
                    match self.open(&value, depth, indentation)? {
                        Opened::Shown(text) => {
                            self.written += text.len();
                            shown = Some(text);
                        }
                        Opened::Frame(frame) => self.frames.push(*frame),
                    }
                }
                Next::Done => shown = Some(self.close(frame)),
            }
        }
    }

    /// The next thing to show in a frame.
    fn next(&mut self, frame: &mut Frame<'js>) -> js::Result<Next<'js>> {
        if let Some(value) = frame.then.take() {
            return Ok(Next::Value(value));
        }
        if self.written > MAX_OUTPUT {
            let left = frame.elements.left() + frame.keys.len();
            frame.elements = Elements::None;
            frame.keys = Vec::new().into_iter();
            if left > 0 {
                return Ok(Next::Entry(format!("... {left} more, too much to show")));
            }
        }
        match &mut frame.elements {
            Elements::None => {}
            Elements::Texts(texts) => {
                if let Some(entry) = texts.next() {
                    return Ok(Next::Entry(entry));
                }
            }
            Elements::Array { .. } => {
                if let Some(next) = self.next_element(frame)? {
                    return Ok(next);
                }
            }
            Elements::Values(values) => {
                if let Some((prefix, value)) = values.next() {
                    frame.entry.push_str(prefix);
                    return Ok(Next::Value(value));
                }
            }
            Elements::Pairs(pairs) => {
                if let Some((key, value)) = pairs.next() {
                    frame.then = Some(value);
                    return Ok(Next::Value(key));
                }
            }
        }
        if let Some(trailer) = frame.trailer.take() {
            return Ok(Next::Entry(trailer));
        }
        while let Some(key) = frame.keys.next() {
            frame.numbers = false;
            frame.first_property.get_or_insert(frame.output.len());
            if let Some(next) = self.next_property(frame, &key)? {
                return Ok(next);
            }
        }
        Ok(Next::Done)
    }

    /// The next element of an array, or the gap before it.
    fn next_element(&self, frame: &mut Frame<'js>) -> js::Result<Option<Next<'js>>> {
        let Elements::Array {
            next,
            length,
            shown,
            present,
        } = &mut frame.elements
        else {
            return Ok(None);
        };
        if *next >= *length {
            return Ok(None);
        }
        let key = index_key(self.ctx, *next);
        let property = self.intrinsics.own_property(&frame.object, &key)?;
        if *shown == self.options.max_array_length {
            // Node looks at this element, too, when it decides how to align.
            frame.numbers &= property.is_some_and(|property| property.is_number());
            frame.trailer = Some(more(*length - *next, "item"));
            *next = *length;
            return Ok(None);
        }
        *shown += 1;
        if let Some(property) = property {
            *next += 1;
            frame.numbers &= property.is_number();
            return Ok(Some(match property {
                Property::Data { value, .. } => Next::Value(value),
                accessor @ Property::Accessor { .. } => Next::Entry(self.accessor(&accessor)),
            }));
        }
        frame.numbers = false;
        let present = match present {
            Some(present) => present,
            None => present.insert(self.indices(&frame.object)?.into_iter()),
        };
        let following = present.find(|index| index > next).unwrap_or(*length);
        let gap = following - *next;
        *next = following;
        let plural = if gap == 1 { "" } else { "s" };
        let text = format!("<{gap} empty item{plural}>");
        Ok(Some(Next::Entry(self.style(Style::Undefined, text))))
    }

    /// The first indices at which an array has elements, as many as are shown.
    fn indices(&self, object: &Object<'js>) -> js::Result<Vec<usize>> {
        let mut indices = Vec::new();
        // Keys come with the indices first, and in order.
        for key in object.own_keys::<js::String<'js>>(Filter::new().string()) {
            self.state.step(self.ctx)?;
            match array_index(&text(&key?)?) {
                Some(index) if indices.len() <= self.options.max_array_length => {
                    indices.push(index);
                }
                _ => break,
            }
        }
        Ok(indices)
    }

    fn next_property(
        &self,
        frame: &mut Frame<'js>,
        key: &Key<'js>,
    ) -> js::Result<Option<Next<'js>>> {
        let value = match key {
            Key::Named(value) | Key::Symbol(value) => value,
        };
        let property = match self.intrinsics.own_property(&frame.object, value) {
            Ok(Some(property)) => property,
            Ok(None) => return Ok(None),
            Err(error) if error.is_exception() => {
                // Only a variable of a module that has no value yet throws.
                let thrown = self.ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(self.ctx.throw(thrown));
                }
                let shown = self.style(Style::Special, "<uninitialized>");
                let name = self.key_text(key, true)?;
                return Ok(Some(Next::Entry(format!("{name}: {shown}"))));
            }
            Err(error) => return Err(error),
        };
        Ok(Some(match property {
            Property::Data { value, enumerable } => {
                frame.entry = self.key_text(key, enumerable)?;
                frame.entry.push_str(": ");
                Next::Value(value)
            }
            Property::Accessor { enumerable, .. } => {
                let name = self.key_text(key, enumerable)?;
                Next::Entry(format!("{name}: {}", self.accessor(&property)))
            }
        }))
    }

    fn accessor(&self, property: &Property<'js>) -> String {
        let label = match property {
            Property::Accessor {
                getter: true,
                setter: true,
                ..
            } => "[Getter/Setter]",
            Property::Accessor { getter: true, .. } => "[Getter]",
            Property::Accessor { setter: true, .. } => "[Setter]",
            _ => return self.style(Style::Undefined, "undefined"),
        };
        self.style(Style::Special, label)
    }

    fn key_text(&self, key: &Key<'js>, enumerable: bool) -> js::Result<String> {
        Ok(match key {
            Key::Symbol(symbol) => {
                let name = escape(&symbol_text(symbol)?, None);
                format!("[{}]", self.style(Style::Symbol, name))
            }
            Key::Named(name) => {
                let name = match name.as_string() {
                    Some(name) => text(name)?,
                    None => String::new(),
                };
                if name == "__proto__" {
                    "['__proto__']".to_owned()
                } else if !enumerable {
                    format!("[{}]", escape(&name, None))
                } else if is_identifier(&name) && !name.contains(is_unprintable) {
                    name
                } else {
                    self.style(Style::String, quoted(&name))
                }
            }
        })
    }

    fn style(&self, style: Style, text: impl Into<String>) -> String {
        let text = text.into();
        if !self.options.colors {
            return text;
        }
        let (on, off) = style.codes();
        format!("\u{1b}[{on}m{text}\u{1b}[{off}m")
    }
}

/// An index as a property key.
fn index_key<'js>(ctx: &Ctx<'js>, index: usize) -> Value<'js> {
    Value::new_number(ctx.clone(), index as f64)
}

/// The array index that a property key is, if it is one.
fn array_index(key: &str) -> Option<usize> {
    let canonical = key == "0" || key.starts_with(|first: char| ('1'..='9').contains(&first));
    let index: u32 = key.parse().ok().filter(|_| canonical)?;
    (index < u32::MAX).then_some(index as usize)
}
