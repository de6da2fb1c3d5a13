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
//! asked; and `Symbol.for("nodejs.util.inspect.custom")` means nothing.

use std::fmt::Write as _;
use std::rc::Rc;

use cla_runtime::js::promise::PromiseState;
use cla_runtime::js::{self, Coerced, Ctx, Filter, Function, IntoJs, Object, Value};
use unicode_width::UnicodeWidthStr;

use crate::intrinsics::{Intrinsic, Intrinsics, Property};
use crate::state::State;
use crate::text::{text, units};

/// The deepest nesting that is shown, whatever [`InspectOptions::depth`] says.
pub const MAX_DEPTH: usize = 200;

/// About how many bytes are shown of one value before the rest is left out.
pub const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// As how many bytes an object counts towards [`MAX_OUTPUT`], besides what is in it: many empty ones
/// take time, too.
const FRAME_COST: usize = 64;
/// A string of at most this many characters is never broken at its line feeds.
const MIN_BROKEN_STRING: usize = 16;
/// An array of more elements than this is set in columns.
const MIN_COLUMNS_ENTRIES: usize = 6;
/// This many of the innermost levels may share a line.
const COMPACT: usize = 3;
/// The most columns an array is set in.
const MAX_COLUMNS: usize = 15;

/// How [`inspect`] shows a value. The defaults are Node's.
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
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self {
            colors: false,
            depth: 2,
            max_array_length: 100,
            max_string_length: 10_000,
            break_length: 80,
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
/// # Errors
///
/// When memory runs out, when the run is stopped, or when the library is not installed in it.
pub fn inspect<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    options: &InspectOptions,
) -> js::Result<String> {
    let state = State::of(ctx)?;
    let mut inspector = Inspector {
        ctx,
        intrinsics: state.intrinsics(ctx)?,
        state,
        options,
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
    /// The objects whose brackets are open, outermost first.
    frames: Vec<Frame<'js>>,
    /// Objects that contain themselves, in the order of their numbers.
    references: Vec<Object<'js>>,
    /// The depth of the frame that was opened last.
    innermost: usize,
    written: usize,
}

/// An object that is being shown.
struct Frame<'js> {
    object: Object<'js>,
    /// What stands before the opening bracket: a function, a date, an error's stack, ...
    base: String,
    open: String,
    close: &'static str,
    /// Whether it is an array's, which may be set in columns.
    columns: bool,
    /// Whether everything in it is a number, which columns align at the right.
    numbers: bool,
    /// What follows the elements, like `... 3 more items`.
    trailer: Option<String>,
    depth: usize,
    indentation: usize,
    output: Vec<String>,
    elements: Elements<'js>,
    keys: std::vec::IntoIter<Key<'js>>,
    /// The entry that is being put together.
    entry: String,
    /// The value of a map's entry whose key was just shown.
    then: Option<Value<'js>>,
}

/// The key of a property that is shown.
enum Key<'js> {
    Named(Value<'js>),
    Symbol(Value<'js>),
}

/// What is in an object besides its properties.
enum Elements<'js> {
    None,
    /// Texts that are entries by themselves.
    Texts(std::vec::IntoIter<String>),
    /// An array's elements.
    Array {
        next: usize,
        length: usize,
        shown: usize,
        /// The indices that have an element, once a gap was met.
        present: Option<std::vec::IntoIter<usize>>,
    },
    /// Values with what is put before each.
    Values(std::vec::IntoIter<(&'static str, Value<'js>)>),
    /// A map's entries.
    Pairs(std::vec::IntoIter<(Value<'js>, Value<'js>)>),
}

impl Elements<'_> {
    /// How many are still to be shown.
    fn left(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Texts(texts) => texts.len(),
            Self::Array { next, length, .. } => length - next,
            Self::Values(values) => values.len(),
            Self::Pairs(pairs) => pairs.len(),
        }
    }
}

/// What comes next in a frame.
enum Next<'js> {
    /// A whole entry.
    Entry(String),
    /// A value to show after what `Frame::entry` has.
    Value(Value<'js>),
    Done,
}

/// How a value starts out.
enum Opened<'js> {
    Shown(String),
    Frame(Box<Frame<'js>>),
}

/// What an object is, besides a bunch of properties.
enum Kind<'js> {
    Plain,
    Array(usize),
    Map,
    Set,
    TypedArray,
    Function(Function<'js>),
    Arguments,
    RegExp,
    Date,
    Error,
    Buffer(Intrinsic, &'static str),
    View,
    Promise,
    Weak(&'static str),
    Boxed(Intrinsic, &'static str),
    /// A `URL` or a `URLSearchParams`, and what stands for it.
    Web(Object<'js>),
}

impl<'js> Inspector<'_, 'js> {
    fn show(&mut self, value: &Value<'js>) -> js::Result<String> {
        let mut shown = match self.open(value.clone(), 0, 0)? {
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
                    match self.open(value, depth, indentation)? {
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
                    indices.push(index)
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
                } else if is_identifier(&name) {
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

    /// Shows a value that has no parts, or opens its frame. `depth` is that of what holds it, plus one.
    fn open(
        &mut self,
        value: Value<'js>,
        depth: usize,
        indentation: usize,
    ) -> js::Result<Opened<'js>> {
        let Some(mut object) = value.as_object().cloned() else {
            return Ok(Opened::Shown(self.primitive(&value, indentation)?));
        };
        while let Some(proxy) = object.as_value().as_proxy() {
            match proxy.target() {
                Ok(target) => object = target,
                Err(_) => {
                    self.ctx.catch();
                    return Ok(Opened::Shown(self.style(Style::Special, "<Revoked Proxy>")));
                }
            }
        }
        if object.is_proxy() {
            // rquickjs takes a proxy that can be called for a function, whose target is out of reach.
            return Ok(Opened::Shown(
                self.style(Style::Special, "[Function (Proxy)]"),
            ));
        }
        if self.frames.iter().any(|frame| frame.object == object) {
            let known = self.references.iter().position(|other| *other == object);
            let index = known.unwrap_or_else(|| {
                self.references.push(object);
                self.references.len() - 1
            });
            let text = format!("[Circular *{}]", index + 1);
            return Ok(Opened::Shown(self.style(Style::Special, text)));
        }
        self.open_object(object, depth, indentation)
    }

    fn open_object(
        &mut self,
        object: Object<'js>,
        depth: usize,
        indentation: usize,
    ) -> js::Result<Opened<'js>> {
        let constructor = self.constructor_name(&object)?;
        let tag = self.tag(&object)?;
        let kind = self.kind(&object, constructor.as_deref())?;
        let named = Named {
            constructor: constructor.as_deref(),
            tag: tag.as_deref().unwrap_or_default(),
        };
        let too_deep = depth > self.options.depth.min(MAX_DEPTH);
        let mut keys = self.keys(&object, &kind)?;
        let mut frame = Frame {
            object,
            base: String::new(),
            open: "{".to_owned(),
            close: "}",
            columns: false,
            numbers: true,
            trailer: None,
            depth: depth + 1,
            indentation,
            output: Vec::new(),
            elements: Elements::None,
            keys: Vec::new().into_iter(),
            entry: String::new(),
            then: None,
        };
        // Without properties, some kinds are complete as they are.
        let bare = keys.is_empty();
        match &kind {
            Kind::Array(length) => {
                let prefix = if named.constructor == Some("Array") && named.tag.is_empty() {
                    String::new()
                } else {
                    named.prefix("Array", Some(*length))
                };
                if *length == 0 && bare {
                    return Ok(Opened::Shown(format!("{prefix}[]")));
                }
                frame.open = format!("{prefix}[");
                frame.close = "]";
                frame.columns = true;
                frame.elements = Elements::Array {
                    next: 0,
                    length: *length,
                    shown: 0,
                    present: None,
                };
            }
            Kind::Map | Kind::Set => {
                let (size, name) = match kind {
                    Kind::Map => (Intrinsic::MapSize, "Map"),
                    _ => (Intrinsic::SetSize, "Set"),
                };
                let size: usize = self.intrinsics.on(size, frame.object.as_value())?;
                let prefix = named.prefix(name, Some(size));
                if size == 0 && bare {
                    return Ok(Opened::Shown(format!("{prefix}{{}}")));
                }
                frame.open = format!("{prefix}{{");
                if !too_deep {
                    self.fill_collection(&mut frame, &kind, size)?;
                }
            }
            Kind::TypedArray => {
                let value = frame.object.as_value();
                let length: usize = self.intrinsics.on(Intrinsic::TypedArrayLength, value)?;
                let name: String = self.intrinsics.on(Intrinsic::TypedArrayName, value)?;
                let named = Named {
                    tag: if named.tag.is_empty() {
                        &name
                    } else {
                        named.tag
                    },
                    ..named
                };
                let prefix = named.prefix(&name, Some(length));
                if length == 0 && bare {
                    return Ok(Opened::Shown(format!("{prefix}[]")));
                }
                frame.open = format!("{prefix}[");
                frame.close = "]";
                frame.columns = true;
                if !too_deep {
                    self.fill_typed_array(&mut frame, length)?;
                }
            }
            Kind::Function(function) => {
                frame.base = self.function_base(function, &named)?;
                if bare {
                    return Ok(Opened::Shown(self.style(Style::Special, frame.base)));
                }
            }
            Kind::Arguments => {
                frame.open = "[Arguments] {".to_owned();
                if bare {
                    return Ok(Opened::Shown("[Arguments] {}".to_owned()));
                }
            }
            Kind::RegExp => {
                frame.base = self.regexp(frame.object.as_value())?;
                named.put_before(&mut frame.base, "RegExp");
                if bare || too_deep {
                    return Ok(Opened::Shown(self.style(Style::RegExp, frame.base)));
                }
            }
            Kind::Date => {
                frame.base = self.date(frame.object.as_value())?;
                named.put_before(&mut frame.base, "Date");
                if bare {
                    return Ok(Opened::Shown(self.style(Style::Date, frame.base)));
                }
            }
            Kind::Error => {
                frame.base = self.error(&frame.object, &named, &mut keys, indentation)?;
                if keys.is_empty() {
                    return Ok(Opened::Shown(frame.base));
                }
            }
            Kind::Buffer(length, name) => {
                frame.open = format!("{}{{", named.prefix(name, None));
                if !too_deep {
                    let texts = self.buffer(&frame.object, *length)?;
                    frame.elements = Elements::Texts(texts.into_iter());
                }
            }
            Kind::View => {
                frame.open = format!("{}{{", named.prefix("DataView", None));
                let value = frame.object.as_value();
                let get = |which| self.intrinsics.on(which, value);
                frame.elements = Elements::Values(
                    vec![
                        ("byteLength: ", get(Intrinsic::ViewLength)?),
                        ("byteOffset: ", get(Intrinsic::ViewOffset)?),
                        ("buffer: ", get(Intrinsic::ViewBuffer)?),
                    ]
                    .into_iter(),
                );
            }
            Kind::Promise => {
                frame.open = format!("{}{{", named.prefix("Promise", None));
                frame.elements = self.promise(&frame.object);
            }
            Kind::Weak(name) => {
                frame.open = format!("{}{{", named.prefix(name, None));
                let unknown = self.style(Style::Special, "<items unknown>");
                frame.elements = Elements::Texts(vec![unknown].into_iter());
            }
            Kind::Boxed(value, name) => {
                frame.base = self.boxed(&frame.object, *value, name, &named)?;
                if bare {
                    return Ok(Opened::Shown(self.style(Style::String, frame.base)));
                }
            }
            Kind::Web(stand_in) => {
                frame.open = format!("{}{{", named.prefix("Object", None));
                if !too_deep {
                    self.fill_web(&mut frame, stand_in, &mut keys)?;
                }
            }
            Kind::Plain => {
                if bare {
                    let prefix = match named.constructor {
                        Some("Object") if named.tag.is_empty() => String::new(),
                        _ => named.prefix("Object", None),
                    };
                    return Ok(Opened::Shown(format!("{prefix}{{}}")));
                }
                if named.constructor != Some("Object") || !named.tag.is_empty() {
                    frame.open = format!("{}{{", named.prefix("Object", None));
                }
            }
        }
        if too_deep {
            let prefix = named.prefix(kind.fallback(), None);
            let name = prefix.trim_end();
            let text = match named.constructor {
                Some(_) => format!("[{name}]"),
                None => name.to_owned(),
            };
            return Ok(Opened::Shown(self.style(Style::Special, text)));
        }
        frame.keys = keys.into_iter();
        self.written += FRAME_COST;
        self.innermost = frame.depth;
        Ok(Opened::Frame(Box::new(frame)))
    }

    /// Puts a finished frame on one line or several.
    fn close(&mut self, mut frame: Frame<'js>) -> String {
        let reference = self
            .references
            .iter()
            .position(|other| *other == frame.object);
        if let Some(index) = reference {
            let mark = self.style(Style::Special, format!("<ref *{}>", index + 1));
            frame.base = if frame.base.is_empty() {
                mark
            } else {
                format!("{mark} {}", frame.base)
            };
        }
        let entries = frame.output.len();
        if frame.columns && entries > MIN_COLUMNS_ENTRIES {
            self.set_in_columns(&mut frame);
        }
        let mut text = String::new();
        if !frame.base.is_empty() {
            text.push_str(&frame.base);
            text.push(' ');
        }
        text.push_str(&frame.open);
        let flat = self.innermost - frame.depth < COMPACT && entries == frame.output.len();
        if flat && self.fits_line(&frame) {
            text.push(' ');
            text.push_str(&frame.output.join(", "));
            text.push(' ');
        } else {
            let line = format!("\n{:1$}", "", frame.indentation);
            for (at, entry) in frame.output.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { "," });
                text.push_str(&line);
                text.push_str("  ");
                text.push_str(entry);
            }
            text.push_str(&line);
        }
        text.push_str(frame.close);
        text
    }

    fn fits_line(&self, frame: &Frame<'js>) -> bool {
        let entries = frame.output.len();
        let start = entries + frame.indentation + units(&frame.open) + units(&frame.base) + 10;
        let mut length = entries + start;
        if length + entries > self.options.break_length || frame.base.contains('\n') {
            return false;
        }
        for entry in &frame.output {
            length += self.length(entry, units);
            if length > self.options.break_length || entry.contains('\n') {
                return false;
            }
        }
        true
    }

    /// The length of a text without its colours.
    fn length(&self, text: &str, measure: impl Fn(&str) -> usize) -> usize {
        if self.options.colors {
            measure(&without_colors(text))
        } else {
            measure(text)
        }
    }

    /// Arranges an array's elements in columns, if they are alike enough.
    fn set_in_columns(&self, frame: &mut Frame<'js>) {
        const SEPARATOR: usize = 2;
        let output = &frame.output;
        // What is beyond that many is the trailer, which stands on a line of its own.
        let elements = output.len().min(self.options.max_array_length.max(1));
        let lengths: Vec<usize> = output[..elements]
            .iter()
            .map(|entry| self.length(entry, UnicodeWidthStr::width))
            .collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let total: usize = lengths.iter().map(|length| length + SEPARATOR).sum();
        let widest = longest + SEPARATOR;
        let fit = widest * 3 + frame.indentation < self.options.break_length;
        if !fit || !(total as f64 / widest as f64 > 5.0 || longest <= 6) {
            return;
        }
        // The figures are Node's: a character is about 2.5 times as high as it is wide, and columns
        // may be narrower when most entries are shorter than the longest.
        let bias = (widest as f64 - total as f64 / output.len() as f64).sqrt();
        let biased = (widest as f64 - 3.0 - bias).max(1.0);
        let square = ((2.5 * biased * elements as f64).sqrt() / biased).round() as usize;
        let room = self.options.break_length.saturating_sub(frame.indentation) / widest;
        let columns = square.min(room).min(COMPACT * 4).min(MAX_COLUMNS);
        if columns <= 1 {
            return;
        }
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                let lengths = lengths.iter().skip(column).step_by(columns);
                lengths.copied().max().unwrap_or(0) + SEPARATOR
            })
            .collect();
        let mut rows = Vec::new();
        for start in (0..elements).step_by(columns) {
            let end = (start + columns).min(elements);
            let mut row = String::new();
            for at in start..end {
                let last = at == end - 1;
                let comma = if last { "" } else { ", " };
                let width = widths[at - start] - if last { SEPARATOR } else { 0 };
                let padding = width.saturating_sub(lengths[at] + comma.len());
                if frame.numbers {
                    let _ = write!(row, "{:padding$}{}{comma}", "", output[at]);
                } else if last {
                    row.push_str(&output[at]);
                } else {
                    let _ = write!(row, "{}{comma}{:padding$}", output[at], "");
                }
            }
            rows.push(row);
        }
        rows.extend(output[elements..].iter().cloned());
        frame.output = rows;
    }

    fn primitive(&self, value: &Value<'js>, indentation: usize) -> js::Result<String> {
        if let Some(string) = value.as_string() {
            return self.string(&text(string)?, indentation);
        }
        if value.is_undefined() {
            return Ok(self.style(Style::Undefined, "undefined"));
        }
        if value.is_null() {
            return Ok(self.style(Style::Null, "null"));
        }
        if value.is_symbol() {
            return Ok(self.style(Style::Symbol, symbol_text(value)?));
        }
        let mut shown = primitive_text(value)?;
        if value.is_big_int() {
            shown.push('n');
        }
        Ok(self.style(Style::Number, shown))
    }

    fn string(&self, string: &str, indentation: usize) -> js::Result<String> {
        let mut string = string;
        let mut trailer = String::new();
        let limit = self.options.max_string_length;
        if string.len() > limit
            && let Some((cut, _)) = string.char_indices().nth(limit)
        {
            let left = units(&string[cut..]);
            let plural = if left == 1 { "" } else { "s" };
            trailer = format!("... {left} more character{plural}");
            string = &string[..cut];
        }
        let length = units(string);
        let room = self.options.break_length.saturating_sub(indentation + 4);
        if length <= MIN_BROKEN_STRING || length <= room || !string.contains('\n') {
            return Ok(self.style(Style::String, quoted(string)) + &trailer);
        }
        let lines: Vec<String> = string
            .split_inclusive('\n')
            .map(|line| self.style(Style::String, quoted(line)))
            .collect();
        let glue = format!(" +\n{:1$}", "", indentation + 2);
        Ok(lines.join(&glue) + &trailer)
    }

    /// The keys of the properties that are shown.
    fn keys(&self, object: &Object<'js>, kind: &Kind<'js>) -> js::Result<Vec<Key<'js>>> {
        let mut keys = Vec::new();
        let named = Filter::new().string().enum_only();
        // The elements of these are shown otherwise. Keys come with the indices first.
        let indexed = matches!(
            kind,
            Kind::Array(_) | Kind::TypedArray | Kind::Boxed(_, "String")
        );
        if indexed {
            for key in object.own_keys::<js::String<'js>>(named).rev() {
                self.state.step(self.ctx)?;
                let key = key?;
                if array_index(&text(&key)?).is_some() {
                    break;
                }
                keys.push(Key::Named(key.into_value()));
            }
            keys.reverse();
        } else {
            for key in object.own_keys::<js::String<'js>>(named) {
                self.state.step(self.ctx)?;
                keys.push(Key::Named(key?.into_value()));
            }
        }
        let with_symbols = Filter::new().symbol().enum_only();
        if object
            .own_keys::<js::Atom<'js>>(with_symbols)
            .next()
            .is_some()
        {
            let symbols: js::Array<'js> = self
                .intrinsics
                .call(Intrinsic::OwnSymbols, (object.clone(),))?;
            for symbol in symbols.iter::<Value<'js>>() {
                let symbol = symbol?;
                let property = self.intrinsics.own_property(object, &symbol)?;
                if property.is_some_and(|property| property.is_enumerable()) {
                    keys.push(Key::Symbol(symbol));
                }
            }
        }
        Ok(keys)
    }

    /// The name of the class that the object is an instance of; `None` without a prototype.
    fn constructor_name(&self, object: &Object<'js>) -> js::Result<Option<String>> {
        let constructor_key = "constructor".into_js(self.ctx)?;
        let mut chain = Some(object.clone());
        let mut foreign = false;
        while let Some(link) = chain {
            if link.is_proxy() {
                foreign = true;
                break;
            }
            if let Some(Property::Data { value, .. }) =
                self.intrinsics.own_property(&link, &constructor_key)?
                && let Some(constructor) = value.as_function()
                && !constructor.is_proxy()
                && let Some(name) = self.own_name(constructor)?
                && self.is_instance(object, constructor)?
            {
                return Ok(Some(name));
            }
            chain = link.get_prototype();
        }
        if foreign || object.get_prototype().is_some() {
            // Its prototypes name no class; Node shows them, which says little.
            return Ok(Some("Object <Complex prototype>".to_owned()));
        }
        Ok(None)
    }

    fn own_name(&self, function: &Function<'js>) -> js::Result<Option<String>> {
        match self.intrinsics.own_data(function, "name")? {
            Some(name) => Ok(match name.as_string() {
                Some(name) => Some(text(name)?).filter(|name| !name.is_empty()),
                None => None,
            }),
            None => Ok(None),
        }
    }

    /// What `object instanceof constructor` says without its hooks.
    fn is_instance(&self, object: &Object<'js>, constructor: &Function<'js>) -> js::Result<bool> {
        let Some(prototype) = self.intrinsics.own_data(constructor, "prototype")? else {
            return Ok(false);
        };
        let mut chain = object.get_prototype();
        while let Some(link) = chain {
            if *link.as_value() == prototype {
                return Ok(true);
            }
            if link.is_proxy() {
                break;
            }
            chain = link.get_prototype();
        }
        Ok(false)
    }

    /// The `Symbol.toStringTag` of an object, unless it is one of the properties that are shown.
    fn tag(&self, object: &Object<'js>) -> js::Result<Option<String>> {
        let key = self.intrinsics.get(Intrinsic::ToStringTag)?;
        match self.intrinsics.own_property(object, &key)? {
            Some(property) if property.is_enumerable() => return Ok(None),
            _ => {}
        }
        let tag = match self.intrinsics.data(object, &key)? {
            Some(tag) => tag.as_string().map(text).transpose()?,
            // A typed array's tag is a getter that gives its class.
            None => None,
        };
        Ok(tag)
    }

    fn kind(&self, object: &Object<'js>, constructor: Option<&str>) -> js::Result<Kind<'js>> {
        let value = object.as_value();
        if value.is_array() {
            // An array's length is its own and always data.
            let length = self.intrinsics.own_data(object, "length")?;
            let length = length.and_then(|length| length.as_number()).unwrap_or(0.0);
            return Ok(Kind::Array(length as usize));
        }
        if let Some(function) = value.as_function() {
            return Ok(Kind::Function(function.clone()));
        }
        if value.is_error() {
            return Ok(Kind::Error);
        }
        if value.is_promise() {
            return Ok(Kind::Promise);
        }
        let mut chain = object.get_prototype();
        while let Some(link) = chain {
            if link.is_proxy() {
                break;
            }
            if let Some(kind) = self.kind_by_prototype(object, &link)? {
                return Ok(kind);
            }
            chain = link.get_prototype();
        }
        if matches!(constructor, Some("URL" | "URLSearchParams"))
            && let Some(stand_in) = crate::web::stand_in(self.ctx, &self.state, object)?
        {
            return Ok(Kind::Web(stand_in));
        }
        // With no tag of its own anywhere, an object is called by what it is inside. Looking for the
        // tag runs no code, since there is none.
        if constructor == Some("Object") && !self.has_tag(object)? {
            let name: String = self.intrinsics.on(Intrinsic::ObjectToString, value)?;
            if name == "[object Arguments]" {
                return Ok(Kind::Arguments);
            }
        }
        Ok(Kind::Plain)
    }

    fn has_tag(&self, object: &Object<'js>) -> js::Result<bool> {
        let key = self.intrinsics.get(Intrinsic::ToStringTag)?;
        let mut chain = Some(object.clone());
        while let Some(link) = chain {
            if link.is_proxy() || self.intrinsics.own_property(&link, &key)?.is_some() {
                return Ok(true);
            }
            chain = link.get_prototype();
        }
        Ok(false)
    }

    /// What an object is if it was made by the class of this prototype.
    ///
    /// Inheriting from `Map.prototype` does not make a map, so a getter that only works on the real
    /// thing has the last word.
    fn kind_by_prototype(
        &self,
        object: &Object<'js>,
        prototype: &Object<'js>,
    ) -> js::Result<Option<Kind<'js>>> {
        use Intrinsic as I;
        let candidates: [(I, Option<I>, fn() -> Kind<'js>); 15] = [
            (I::MapPrototype, Some(I::MapSize), || Kind::Map),
            (I::SetPrototype, Some(I::SetSize), || Kind::Set),
            (I::DatePrototype, Some(I::DateTime), || Kind::Date),
            (I::RegExpPrototype, Some(I::RegExpGlobal), || Kind::RegExp),
            (I::TypedArrayPrototype, Some(I::TypedArrayLength), || {
                Kind::TypedArray
            }),
            (I::BufferPrototype, Some(I::BufferLength), || {
                Kind::Buffer(I::BufferLength, "ArrayBuffer")
            }),
            (I::SharedPrototype, Some(I::SharedLength), || {
                Kind::Buffer(I::SharedLength, "SharedArrayBuffer")
            }),
            (I::ViewPrototype, Some(I::ViewBuffer), || Kind::View),
            (I::NumberPrototype, Some(I::NumberValue), || {
                Kind::Boxed(I::NumberValue, "Number")
            }),
            (I::StringPrototype, Some(I::StringValue), || {
                Kind::Boxed(I::StringValue, "String")
            }),
            (I::BooleanPrototype, Some(I::BooleanValue), || {
                Kind::Boxed(I::BooleanValue, "Boolean")
            }),
            (I::SymbolPrototype, Some(I::SymbolValue), || {
                Kind::Boxed(I::SymbolValue, "Symbol")
            }),
            (I::BigIntPrototype, Some(I::BigIntValue), || {
                Kind::Boxed(I::BigIntValue, "BigInt")
            }),
            (I::WeakMapPrototype, None, || Kind::Weak("WeakMap")),
            (I::WeakSetPrototype, None, || Kind::Weak("WeakSet")),
        ];
        for (known, brand, kind) in candidates {
            if self.intrinsics.get(known)? != *prototype.as_value() {
                continue;
            }
            let Some(brand) = brand else {
                return Ok(Some(kind()));
            };
            return match self.intrinsics.on::<Value<'js>>(brand, object.as_value()) {
                Ok(_) => Ok(Some(kind())),
                Err(error) if error.is_exception() => {
                    let thrown = self.ctx.catch();
                    if thrown.is_uncatchable_error() {
                        return Err(self.ctx.throw(thrown));
                    }
                    Ok(None)
                }
                Err(error) => Err(error),
            };
        }
        Ok(None)
    }

    fn fill_collection(
        &self,
        frame: &mut Frame<'js>,
        kind: &Kind<'js>,
        size: usize,
    ) -> js::Result<()> {
        let limit = self.options.max_array_length;
        let map = matches!(kind, Kind::Map);
        let (mut pairs, mut values) = (Vec::new(), Vec::new());
        if limit > 0 {
            self.intrinsics.each_entry(&frame.object, map, |entry| {
                self.state.step(self.ctx)?;
                match entry.as_array().filter(|_| map) {
                    Some(pair) => pairs.push((pair.get(0)?, pair.get(1)?)),
                    None => values.push(("", entry)),
                }
                Ok(pairs.len() + values.len() < limit)
            })?;
        }
        frame.elements = if map {
            Elements::Pairs(pairs.into_iter())
        } else {
            Elements::Values(values.into_iter())
        };
        if size > limit {
            frame.trailer = Some(more(size - limit, "item"));
        }
        Ok(())
    }

    fn fill_typed_array(&self, frame: &mut Frame<'js>, length: usize) -> js::Result<()> {
        let shown = length.min(self.options.max_array_length);
        let mut texts = Vec::with_capacity(shown + 1);
        for index in 0..shown {
            let element: Value<'js> = frame.object.get(index as u32)?;
            texts.push(self.primitive(&element, 0)?);
        }
        if length > shown {
            frame.trailer = Some(more(length - shown, "item"));
        }
        frame.elements = Elements::Texts(texts.into_iter());
        Ok(())
    }

    fn fill_web(
        &self,
        frame: &mut Frame<'js>,
        stand_in: &Object<'js>,
        keys: &mut Vec<Key<'js>>,
    ) -> js::Result<()> {
        if let Some(pairs) = stand_in.as_array() {
            // The parameters of a query, name and value in turn.
            let values: Vec<Value<'js>> = pairs.iter().collect::<js::Result<_>>()?;
            let pairs: Vec<_> = values
                .chunks_exact(2)
                .map(|pair| (pair[0].clone(), pair[1].clone()))
                .collect();
            frame.elements = Elements::Pairs(pairs.into_iter());
            return Ok(());
        }
        let own = std::mem::replace(keys, self.keys(stand_in, &Kind::Plain)?);
        keys.extend(own);
        frame.object = stand_in.clone();
        Ok(())
    }

    fn function_base(&self, function: &Function<'js>, named: &Named<'_>) -> js::Result<String> {
        let source: js::String<'js> = self
            .intrinsics
            .on(Intrinsic::FunctionToString, function.as_value())?;
        let source = text(&source)?;
        let name = self.own_name(function)?;
        if source.starts_with("class") && source.ends_with('}') {
            return self.class_base(function, name, named);
        }
        let kind = match named.tag {
            kind @ ("AsyncFunction" | "GeneratorFunction" | "AsyncGeneratorFunction") => kind,
            _ => "Function",
        };
        let mut base = format!("[{kind}");
        if named.constructor.is_none() {
            base.push_str(" (null prototype)");
        }
        match name {
            Some(name) => {
                base.push_str(": ");
                base.push_str(&name);
            }
            None => base.push_str(" (anonymous)"),
        }
        base.push(']');
        if let Some(constructor) = named.constructor
            && constructor != kind
        {
            base.push(' ');
            base.push_str(constructor);
        }
        if !named.tag.is_empty() && named.tag != kind && named.constructor != Some(named.tag) {
            let _ = write!(base, " [{}]", named.tag);
        }
        Ok(base)
    }

    fn class_base(
        &self,
        class: &Function<'js>,
        name: Option<String>,
        named: &Named<'_>,
    ) -> js::Result<String> {
        let mut base = format!("[class {}", name.as_deref().unwrap_or("(anonymous)"));
        if let Some(constructor) = named.constructor
            && constructor != "Function"
        {
            let _ = write!(base, " [{constructor}]");
        }
        if !named.tag.is_empty() && named.constructor != Some(named.tag) {
            let _ = write!(base, " [{}]", named.tag);
        }
        if named.constructor.is_none() {
            base.push_str(" extends [null prototype]");
        } else if let Some(parent) = class.get_prototype()
            && !parent.is_proxy()
            && let Some(parent) = self.intrinsics.data_text(&parent, "name")?
            && !parent.is_empty()
        {
            let _ = write!(base, " extends {parent}");
        }
        base.push(']');
        Ok(base)
    }

    fn regexp(&self, value: &Value<'js>) -> js::Result<String> {
        use Intrinsic as I;
        const FLAGS: [(Intrinsic, char); 8] = [
            (I::RegExpHasIndices, 'd'),
            (I::RegExpGlobal, 'g'),
            (I::RegExpIgnoreCase, 'i'),
            (I::RegExpMultiline, 'm'),
            (I::RegExpDotAll, 's'),
            (I::RegExpUnicode, 'u'),
            (I::RegExpUnicodeSets, 'v'),
            (I::RegExpSticky, 'y'),
        ];
        let source: js::String<'js> = self.intrinsics.on(I::RegExpSource, value)?;
        let mut shown = format!("/{}/", text(&source)?);
        for (getter, letter) in FLAGS {
            if self.intrinsics.on::<Coerced<bool>>(getter, value)?.0 {
                shown.push(letter);
            }
        }
        Ok(shown)
    }

    fn date(&self, value: &Value<'js>) -> js::Result<String> {
        match self.intrinsics.on::<String>(Intrinsic::DateToIso, value) {
            Ok(text) => Ok(text),
            Err(error) if error.is_exception() => {
                let thrown = self.ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(self.ctx.throw(thrown));
                }
                Ok("Invalid Date".to_owned())
            }
            Err(error) => Err(error),
        }
    }

    /// The name, message and stack of an error; adds the keys that are worth showing although they
    /// are not enumerable, and removes those that the text has already.
    fn error(
        &self,
        error: &Object<'js>,
        named: &Named<'_>,
        keys: &mut Vec<Key<'js>>,
        indentation: usize,
    ) -> js::Result<String> {
        let name = self.intrinsics.data_text(error, "name")?;
        let name = name.unwrap_or_else(|| "Error".to_owned());
        let message = self
            .intrinsics
            .data_text(error, "message")?
            .unwrap_or_default();
        let header = match (name.as_str(), message.as_str()) {
            ("", message) => message.to_owned(),
            (name, "") => name.to_owned(),
            (name, message) => format!("{name}: {message}"),
        };
        // QuickJS keeps the stack without the message, behind a getter; a rule may set its own.
        let mut full = match self.intrinsics.own_data(error, "stack")? {
            Some(stack) if stack.is_string() => {
                let stack = primitive_text(&stack)?;
                if stack.trim_start().starts_with("at ") {
                    format!("{header}\n{stack}")
                } else {
                    stack
                }
            }
            _ => {
                let stack: Value<'js> = self
                    .intrinsics
                    .on(Intrinsic::ErrorStack, error.as_value())?;
                match stack.as_string() {
                    Some(stack) => format!("{header}\n{}", text(stack)?),
                    None => header,
                }
            }
        };
        full.truncate(full.trim_end().len());
        let mut shown = Vec::new();
        for key in keys.drain(..) {
            let hidden = match &key {
                Key::Named(name) => {
                    let key = primitive_text(name)?;
                    matches!(key.as_str(), "name" | "message" | "stack")
                        && match self.intrinsics.own_data(error, &key)? {
                            Some(value) if value.is_string() => {
                                full.contains(&primitive_text(&value)?)
                            }
                            _ => false,
                        }
                }
                Key::Symbol(_) => false,
            };
            if !hidden {
                shown.push(key);
            }
        }
        *keys = shown;
        for extra in ["cause", "errors"] {
            let key = extra.into_js(self.ctx)?;
            let listed = keys.iter().any(|other| match other {
                Key::Named(name) => primitive_text(name).is_ok_and(|name| name == extra),
                Key::Symbol(_) => false,
            });
            if !listed
                && let Some(Property::Data { value, .. }) =
                    self.intrinsics.own_property(error, &key)?
                && (extra == "cause" || value.is_array())
            {
                keys.push(Key::Named(key));
            }
        }
        named.improve_stack(&mut full, &name);
        let message_end = full.find(&message).map_or(0, |at| at + message.len());
        if !full[message_end..].contains("\n    at") {
            full = format!("[{full}]");
        }
        if indentation > 0 {
            full = full.replace('\n', &format!("\n{:indentation$}", ""));
        }
        Ok(full)
    }

    fn buffer(&self, object: &Object<'js>, length: Intrinsic) -> js::Result<Vec<String>> {
        let length: usize = self.intrinsics.on(length, object.as_value())?;
        let shown = length.min(self.options.max_array_length);
        let mut contents = String::from("<");
        if let Some(buffer) = js::ArrayBuffer::from_object(object.clone()) {
            let bytes = js::TypedArray::<u8>::from_arraybuffer(buffer)?;
            for index in 0..shown {
                let byte: u8 = bytes.as_object().get(index as u32)?;
                let space = if index == 0 { "" } else { " " };
                let _ = write!(contents, "{space}{byte:02x}");
            }
        } else {
            // A detached buffer has no length; QuickJS throws when asked for its bytes.
            self.ctx.catch();
        }
        if length > shown {
            contents.push(' ');
            contents.push_str(&more(length - shown, "byte"));
        }
        contents.push('>');
        let label = self.style(Style::Special, "[Uint8Contents]");
        let byte_length = self.style(Style::Number, length.to_string());
        Ok(vec![
            format!("{label}: {contents}"),
            format!("byteLength: {byte_length}"),
        ])
    }

    fn promise(&self, object: &Object<'js>) -> Elements<'js> {
        let pending = || {
            let text = self.style(Style::Special, "<pending>");
            Elements::Texts(vec![text].into_iter())
        };
        let Some(promise) = object.as_value().as_promise() else {
            return pending();
        };
        let rejected = promise.state() == PromiseState::Rejected;
        match promise.result::<Value<'js>>() {
            None => pending(),
            Some(Ok(value)) => Elements::Values(vec![("", value)].into_iter()),
            Some(Err(_)) => {
                let reason = self.ctx.catch();
                let prefix = match (rejected, self.options.colors) {
                    (false, _) => "",
                    (true, false) => "<rejected> ",
                    (true, true) => "\u{1b}[36m<rejected>\u{1b}[39m ",
                };
                Elements::Values(vec![(prefix, reason)].into_iter())
            }
        }
    }

    fn boxed(
        &self,
        object: &Object<'js>,
        value: Intrinsic,
        name: &str,
        named: &Named<'_>,
    ) -> js::Result<String> {
        let value: Value<'js> = self.intrinsics.on(value, object.as_value())?;
        let mut base = format!("[{name}");
        match named.constructor {
            None => base.push_str(" (null prototype)"),
            Some(constructor) if constructor != name => {
                let _ = write!(base, " ({constructor})");
            }
            Some(_) => {}
        }
        let plain = match value.as_string() {
            Some(string) => quoted(&text(string)?),
            None if value.is_symbol() => symbol_text(&value)?,
            None if value.is_big_int() => format!("{}n", primitive_text(&value)?),
            None => primitive_text(&value)?,
        };
        let _ = write!(base, ": {plain}]");
        if !named.tag.is_empty() && named.constructor != Some(named.tag) && named.tag != name {
            let _ = write!(base, " [{}]", named.tag);
        }
        Ok(base)
    }
}

impl<'js> Frame<'js> {
    /// Adds what a value looks like to the entry it belongs to.
    fn deliver(&mut self, shown: &str) {
        self.entry.push_str(shown);
        if self.then.is_some() {
            self.entry.push_str(" => ");
        } else {
            self.output.push(std::mem::take(&mut self.entry));
        }
    }
}

impl Kind<'_> {
    /// What an object without a class is called where it is not shown.
    fn fallback(&self) -> &'static str {
        match self {
            Self::Array(_) => "Array",
            Self::Map => "Map",
            Self::Set => "Set",
            Self::Error => "Error",
            _ => "Object",
        }
    }
}

/// How an object is called: its class, and its tag if that says something else.
struct Named<'a> {
    constructor: Option<&'a str>,
    tag: &'a str,
}

impl Named<'_> {
    /// What stands before the bracket, with a space after it: `Map(2) `, `[Object: null prototype] `.
    fn prefix(&self, fallback: &str, size: Option<usize>) -> String {
        let size = size.map(|size| format!("({size})")).unwrap_or_default();
        match self.constructor {
            None if !self.tag.is_empty() && fallback != self.tag => {
                format!("[{fallback}{size}: null prototype] [{}] ", self.tag)
            }
            None => format!("[{fallback}{size}: null prototype] "),
            Some(constructor) if !self.tag.is_empty() && constructor != self.tag => {
                format!("{constructor}{size} [{}] ", self.tag)
            }
            Some(constructor) => format!("{constructor}{size} "),
        }
    }

    /// Puts the class before a text that shows its kind by itself, unless it is the usual one.
    fn put_before(&self, base: &mut String, usual: &str) {
        let prefix = self.prefix(usual, None);
        if prefix.trim_end() != usual {
            base.insert_str(0, &prefix);
        }
    }

    /// Lets an error's text begin with its class, where its `name` is only inherited.
    fn improve_stack(&self, stack: &mut String, name: &str) {
        let regular = name.ends_with("Error")
            && stack
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '\n']));
        if !regular && self.constructor.is_some() {
            return;
        }
        let prefix = self.prefix("Error", None);
        let prefix = prefix.trim_end();
        if name == prefix {
            return;
        }
        let rest = stack.strip_prefix(name).unwrap_or(stack);
        *stack = if prefix.contains(name) {
            format!("{prefix}{rest}")
        } else {
            format!("{prefix} [{name}]{rest}")
        };
    }
}

fn more(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("... {count} more {thing}{plural}")
}

/// The text of a primitive value other than a symbol.
fn primitive_text(value: &Value<'_>) -> js::Result<String> {
    if let Some(string) = value.as_string() {
        return text(string);
    }
    if let Some(number) = value.as_number()
        && number == 0.0
        && number.is_sign_negative()
    {
        return Ok("-0".to_owned());
    }
    crate::text::coerce(value.ctx(), value)
}

fn symbol_text(symbol: &Value<'_>) -> js::Result<String> {
    match symbol.as_symbol() {
        Some(symbol) => Ok(format!(
            "Symbol({})",
            crate::text::atom_text(&symbol.as_atom())?
        )),
        None => Ok(String::new()),
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

fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    characters
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}

/// A string in quotes: single ones unless it has some and others do better.
fn quoted(string: &str) -> String {
    let quote = if !string.contains('\'') {
        '\''
    } else if !string.contains('"') {
        '"'
    } else if !string.contains('`') && !string.contains("${") {
        '`'
    } else {
        '\''
    };
    let body = escape(string, Some(quote));
    format!("{quote}{body}{quote}")
}

/// Escapes control characters and backslashes, and single quotes if those are around it.
fn escape(string: &str, quote: Option<char>) -> String {
    let mut escaped = String::with_capacity(string.len());
    for character in string.chars() {
        match character {
            '\u{8}' => escaped.push_str("\\b"),
            '\t' => escaped.push_str("\\t"),
            '\n' => escaped.push_str("\\n"),
            '\u{c}' => escaped.push_str("\\f"),
            '\r' => escaped.push_str("\\r"),
            '\\' => escaped.push_str("\\\\"),
            '\'' if quote.is_none_or(|quote| quote == '\'') => escaped.push_str("\\'"),
            control if control < ' ' || ('\u{7f}'..='\u{9f}').contains(&control) => {
                let _ = write!(escaped, "\\x{:02X}", control as u32);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// A text without ANSI colours.
pub(crate) fn without_colors(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\u{1b}[") {
        plain.push_str(&rest[..at]);
        rest = match rest[at..].find('m') {
            Some(end) => &rest[at + end + 1..],
            None => "",
        };
    }
    plain.push_str(rest);
    plain
}
