//! YAML as values, built from the events of `saphyr-parser`.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Filter, IntoJs, Object, Value};
use saphyr_parser::{Event, Input, Parser, ScalarStyle, Span, StrInput, Tag};

use super::MAX_DEPTH;
use super::scalar::{Scalar, resolve, resolve_core};
use crate::state::State;
use crate::throw::{quote, syntax_error};

/// The most values that aliases may stand for. They share one object each, but what walks through them
/// later sees them all.
const MAX_EXPANDED: u64 = 1_000_000;

/// Reads a YAML document.
///
/// # Errors
///
/// A `SyntaxError` that begins with `what` and says where.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, source: &str, what: &str) -> js::Result<Value<'js>> {
    // A byte order mark is no part of a text.
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let state = State::of(ctx)?;
    let mut reader = Reader {
        ctx,
        what,
        open: Vec::new(),
        anchors: HashMap::new(),
        document: None,
        expanded: 0,
    };
    state.pause(ctx)?;
    let stopped = Rc::default();
    let mut parser = Parser::new(Asking {
        text: StrInput::new(source),
        run: state.run(),
        stopped: Rc::clone(&stopped),
        read: 0,
    });
    loop {
        state.step(ctx)?;
        let next = parser.next_event();
        if stopped.get() {
            // Throws why.
            state.pause(ctx)?;
        }
        let (event, span) = match next {
            None => break,
            Some(Ok(next)) => next,
            Some(Err(error)) => {
                let marker = error.marker();
                let message = format!(
                    "{what}: {} at line {}, column {}",
                    error.info(),
                    marker.line(),
                    marker.col() + 1
                );
                return Err(syntax_error(ctx, message));
            }
        };
        reader.event(event, span)?;
    }
    Ok(reader
        .document
        .unwrap_or_else(|| Value::new_null(ctx.clone())))
}

/// How many characters are read between two questions whether the run may go on.
const CHARACTERS_PER_QUESTION: usize = 64 * 1024;

/// A text that ends where the run is stopped: one scalar may be all of a long text, and the parser gives it at once.
struct Asking<'a> {
    text: StrInput<'a>,
    run: &'a Run,
    stopped: Rc<Cell<bool>>,
    read: usize,
}

impl Asking<'_> {
    fn count(&mut self, characters: usize) {
        self.read += characters;
        if self.read >= CHARACTERS_PER_QUESTION {
            self.read = 0;
            if self.run.must_end() {
                self.stopped.set(true);
            }
        }
    }
}

/// A character of the text, which seems to be at its end when the run is stopped.
macro_rules! unless_stopped {
    ($self:ident, $end:expr, $read:expr) => {
        if $self.stopped.get() { $end } else { $read }
    };
}

impl Input for Asking<'_> {
    fn lookahead(&mut self, count: usize) {
        self.text.lookahead(count);
    }

    fn buflen(&self) -> usize {
        self.text.buflen()
    }

    fn bufmaxlen(&self) -> usize {
        self.text.bufmaxlen()
    }

    fn raw_read_ch(&mut self) -> char {
        self.count(1);
        unless_stopped!(self, '\0', self.text.raw_read_ch())
    }

    fn raw_read_non_breakz_ch(&mut self) -> Option<char> {
        self.count(1);
        unless_stopped!(self, None, self.text.raw_read_non_breakz_ch())
    }

    fn skip(&mut self) {
        self.count(1);
        self.text.skip();
    }

    fn skip_n(&mut self, count: usize) {
        self.count(count);
        self.text.skip_n(count);
    }

    fn peek(&self) -> char {
        unless_stopped!(self, '\0', self.text.peek())
    }

    fn peek_nth(&self, n: usize) -> char {
        unless_stopped!(self, '\0', self.text.peek_nth(n))
    }

    fn peek_opt(&self) -> Option<char> {
        unless_stopped!(self, None, self.text.peek_opt())
    }
}

struct Reader<'a, 'js> {
    ctx: &'a Ctx<'js>,
    what: &'a str,
    /// The collections that are being read, outermost first.
    open: Vec<Open<'js>>,
    /// What anchors stand for, and how many values that is.
    anchors: HashMap<usize, (Value<'js>, u64)>,
    document: Option<Value<'js>>,
    /// How many values aliases stood for so far.
    expanded: u64,
}

/// A collection that is being read.
struct Open<'js> {
    value: Object<'js>,
    anchor: usize,
    /// How many values are in it, those in what is in it included.
    count: u64,
    span: Span,
    parts: Parts<'js>,
}

enum Parts<'js> {
    Sequence {
        length: usize,
    },
    Mapping {
        key: Option<String>,
        /// What `<<` names, to be filled in at the end.
        merged: Vec<Object<'js>>,
        is_merge: bool,
    },
}

impl<'js> Reader<'_, 'js> {
    fn fail(&self, span: Span, problem: &str) -> js::Error {
        let (line, column) = (span.start.line(), span.start.col() + 1);
        let message = format!("{}: {problem} at line {line}, column {column}", self.what);
        syntax_error(self.ctx, message)
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> js::Result<()> {
        match event {
            Event::DocumentStart(_) if self.document.is_some() => {
                Err(self.fail(span, "a second document starts; only one can be loaded"))
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.wants_key() {
                    return self.key(&text, style, span);
                }
                let value = self.scalar(&text, style, tag.as_deref(), span)?;
                self.add(value, anchor, 1, span)
            }
            Event::SequenceStart(anchor, _) => {
                let value = Array::new(self.ctx.clone())?.into_object();
                self.start(value, anchor, span, Parts::Sequence { length: 0 })
            }
            Event::MappingStart(anchor, _) => {
                let value = Object::new(self.ctx.clone())?;
                let parts = Parts::Mapping {
                    key: None,
                    merged: Vec::new(),
                    is_merge: false,
                };
                self.start(value, anchor, span, parts)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                if self.wants_key() {
                    return Err(self.fail(span, "an alias cannot be a key"));
                }
                // An alias to something that is still open would make it contain itself.
                let Some((value, count)) = self.anchors.get(&anchor).cloned() else {
                    return Err(self.fail(span, "the alias stands inside of what it names"));
                };
                self.expanded = self.expanded.saturating_add(count);
                if self.expanded > MAX_EXPANDED {
                    let problem = format!("aliases stand for more than {MAX_EXPANDED} values");
                    return Err(self.fail(span, &problem));
                }
                self.add(value, 0, count, span)
            }
            _ => Ok(()),
        }
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                parts: Parts::Mapping {
                    key: None,
                    is_merge: false,
                    ..
                },
                ..
            })
        )
    }

    fn start(
        &mut self,
        value: Object<'js>,
        anchor: usize,
        span: Span,
        parts: Parts<'js>,
    ) -> js::Result<()> {
        if self.wants_key() {
            return Err(self.fail(span, "a key must be no sequence or mapping"));
        }
        if self.open.len() >= MAX_DEPTH {
            let problem = format!("nested more than {MAX_DEPTH} levels deep");
            return Err(self.fail(span, &problem));
        }
        self.open.push(Open {
            value,
            anchor,
            count: 1,
            span,
            parts,
        });
        Ok(())
    }

    fn end(&mut self) -> js::Result<()> {
        let Some(done) = self.open.pop() else {
            return Ok(());
        };
        if let Parts::Mapping { merged, .. } = &done.parts {
            for source in merged {
                for key in source.own_keys::<js::String<'js>>(Filter::default()) {
                    State::of(self.ctx)?.step(self.ctx)?;
                    let key = key?.into_value();
                    if !self.has_own(&done.value, &key)? {
                        let value = source.get::<_, Value<'js>>(key.clone())?;
                        define(&done.value, key, value)?;
                    }
                }
            }
        }
        self.add(done.value.into_value(), done.anchor, done.count, done.span)
    }

    fn has_own(&self, object: &Object<'js>, key: &Value<'js>) -> js::Result<bool> {
        let intrinsics = State::of(self.ctx)?.intrinsics(self.ctx)?;
        Ok(intrinsics.own_property(object, key)?.is_some())
    }

    fn key(&mut self, text: &str, style: ScalarStyle, span: Span) -> js::Result<()> {
        let merge = style == ScalarStyle::Plain && text == "<<";
        let Some(open) = self.open.last() else {
            return Ok(());
        };
        let name = text.into_js(self.ctx)?;
        if !merge && self.has_own(&open.value, &name)? {
            return Err(self.fail(span, &format!("the key {} is there twice", quote(text))));
        }
        if let Some(Open {
            parts: Parts::Mapping { key, is_merge, .. },
            ..
        }) = self.open.last_mut()
        {
            *is_merge = merge;
            *key = (!merge).then(|| text.to_owned());
        }
        Ok(())
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Value<'js>, anchor: usize, count: u64, span: Span) -> js::Result<()> {
        if anchor != 0 {
            self.anchors.insert(anchor, (value.clone(), count));
        }
        let Some(open) = self.open.last_mut() else {
            self.document = Some(value);
            return Ok(());
        };
        open.count = open.count.saturating_add(count);
        match &mut open.parts {
            Parts::Sequence { length } => {
                *length += 1;
                let index = *length - 1;
                define(
                    &open.value,
                    Value::new_number(self.ctx.clone(), index as f64),
                    value,
                )
            }
            Parts::Mapping {
                merged,
                is_merge,
                key,
            } => {
                if std::mem::take(is_merge) {
                    let sources: Option<Vec<Object<'js>>> = match value.as_array() {
                        Some(list) => list
                            .iter::<Value<'js>>()
                            .map(|item| item.ok().and_then(mapping))
                            .collect(),
                        None => mapping(value).map(|source| vec![source]),
                    };
                    return match sources {
                        Some(sources) => {
                            merged.extend(sources);
                            Ok(())
                        }
                        None => {
                            Err(self.fail(span, "<< must name a mapping or a sequence of them"))
                        }
                    };
                }
                let key = key.take().unwrap_or_default().into_js(self.ctx)?;
                define(&open.value, key, value)
            }
        }
    }

    fn scalar(
        &self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Span,
    ) -> js::Result<Value<'js>> {
        let core = tag.filter(|tag| tag.is_yaml_core_schema());
        let resolved = match core.map(|tag| tag.suffix.as_str()) {
            Some("str") => return text.into_js(self.ctx),
            Some(kind @ ("int" | "float" | "bool" | "null")) => {
                let value = resolve_core(text);
                let fits = match (kind, &value) {
                    ("int", Some(Scalar::Number(number))) => number.fract() == 0.0,
                    ("float", Some(Scalar::Number(_)))
                    | ("bool", Some(Scalar::Bool(_)))
                    | ("null", Some(Scalar::Null)) => true,
                    _ => false,
                };
                if !fits {
                    return Err(self.fail(span, &format!("{} is no {kind}", quote(text))));
                }
                value
            }
            // Other tags say nothing about plain data.
            _ if style == ScalarStyle::Plain => resolve(text),
            _ => None,
        };
        match resolved {
            Some(Scalar::Null) => Ok(Value::new_null(self.ctx.clone())),
            Some(Scalar::Bool(value)) => Ok(Value::new_bool(self.ctx.clone(), value)),
            // As an integer, a zero has no sign.
            Some(Scalar::Number(value)) if value == 0.0 && value.is_sign_negative() => {
                Ok(Value::new_float(self.ctx.clone(), value))
            }
            Some(Scalar::Number(value)) => Ok(Value::new_number(self.ctx.clone(), value)),
            None => text.into_js(self.ctx),
        }
    }
}

fn mapping<'js>(value: Value<'js>) -> Option<Object<'js>> {
    value.into_object().filter(|object| !object.is_array())
}

/// Defines a property by itself: `__proto__` is a key like any other.
fn define<'js>(object: &Object<'js>, key: Value<'js>, value: Value<'js>) -> js::Result<()> {
    let property = Property::from(value).writable().enumerable().configurable();
    object.prop(key, property)
}
