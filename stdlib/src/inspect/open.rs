//! How a value starts out: as a text, or as an object whose brackets are opened.

use cla_runtime::js::{self, Filter, Object, Value};
use cla_runtime::semaphore::printable;

use super::frame::{Elements, Frame, Key, Opened};
use super::kind::{Kind, Named};
use super::{FRAME_COST, Inspector, MAX_DEPTH, Style, array_index};
use crate::intrinsics::{Intrinsic, Property};
use crate::text::text;

impl<'js> Inspector<'_, 'js> {
    /// Shows a value that has no parts, or opens its frame. `depth` is that of what holds it, plus one.
    pub(super) fn open(
        &mut self,
        value: &Value<'js>,
        depth: usize,
        indentation: usize,
    ) -> js::Result<Opened<'js>> {
        let Some(mut object) = value.as_object().cloned() else {
            return Ok(Opened::Shown(self.primitive(value, indentation)?));
        };
        if let Some(shown) = crate::process::shown_as(self.ctx, self.state.run(), &object)? {
            return self.open(&shown, depth, indentation);
        }
        while let Some(proxy) = object.as_value().as_proxy() {
            match proxy.target() {
                Ok(target) => object = target,
                Err(_) => {
                    self.ctx.catch();
                    return Ok(Opened::Shown(self.style(Style::Special, "<Revoked Proxy>")));
                }
            }
        }
        let context = value;
        if let Some(opened) = self.custom(context, &object, depth, indentation)? {
            return Ok(opened);
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

    /// How an object shows itself, if it has a method for it and is asked.
    fn custom(
        &mut self,
        context: &Value<'js>,
        object: &Object<'js>,
        depth: usize,
        indentation: usize,
    ) -> js::Result<Option<Opened<'js>>> {
        let Some(custom) = &self.custom else {
            return Ok(None);
        };
        let own: Value<'js> = object.get(custom.symbol.clone())?;
        if !own.is_function() {
            return Ok(None);
        }
        let left = self.options.depth.saturating_sub(depth);
        let shown: Value<'js> = custom.show.call((context.clone(), own, left))?;
        if shown == *context {
            return Ok(None);
        }
        match shown.as_string() {
            Some(shown) => {
                let mut shown = text(shown)?;
                if indentation > 0 {
                    shown = shown.replace('\n', &format!("\n{:indentation$}", ""));
                }
                self.written += shown.len();
                Ok(Some(Opened::Shown(shown)))
            }
            None => self.open(&shown, depth, indentation).map(Some),
        }
    }

    fn open_object(
        &mut self,
        object: Object<'js>,
        depth: usize,
        indentation: usize,
    ) -> js::Result<Opened<'js>> {
        let constructor = self.constructor_name(&object)?;
        let tag = self.tag(&object)?;
        let tag = tag.as_deref().map(printable);
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
            first_property: None,
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
                if named.constructor == Some("Buffer")
                    && bare
                    && self.is_node_buffer(&frame.object)?
                {
                    return Ok(Opened::Shown(buffer_text(value, length)?));
                }
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
                let empty = match stand_in.as_array() {
                    Some(list) => list.is_empty(),
                    None => self.keys(stand_in, &Kind::Plain)?.is_empty(),
                };
                if empty && bare {
                    return Ok(Opened::Shown(frame.open + "}"));
                }
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

    /// The keys of the properties that are shown.
    pub(super) fn keys(&self, object: &Object<'js>, kind: &Kind<'js>) -> js::Result<Vec<Key<'js>>> {
        let mut keys = Vec::new();
        let shown = |filter: Filter| match self.options.show_hidden {
            true => filter,
            false => filter.enum_only(),
        };
        let named = shown(Filter::new().string());
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
        let with_symbols = shown(Filter::new().symbol());
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
                let is_shown =
                    |property: Property<'js>| self.options.show_hidden || property.is_enumerable();
                if property.is_some_and(is_shown) {
                    keys.push(Key::Symbol(symbol));
                }
            }
        }
        Ok(keys)
    }
}

impl<'js> Inspector<'_, 'js> {
    /// Whether it is one of Node's buffers, rather than of a class of that name.
    fn is_node_buffer(&self, object: &Object<'js>) -> js::Result<bool> {
        let run = self.state.run();
        let Some(module) = crate::node::loaded(self.ctx, run, "node:buffer")? else {
            return Ok(false);
        };
        let class = self.intrinsics.own_data(&module, "Buffer")?;
        match class.as_ref().and_then(Value::as_function) {
            Some(class) => self.is_instance(object, class),
            None => Ok(false),
        }
    }
}

/// How many bytes of a buffer are shown.
const SHOWN_BYTES: usize = 50;

/// A buffer as Node shows it: `<Buffer 68 69>`.
fn buffer_text(value: &Value<'_>, length: usize) -> js::Result<String> {
    use std::fmt::Write;
    let bytes = cla_runtime::internal::view_part(value, 0..SHOWN_BYTES)?.unwrap_or_default();
    let mut text = String::from("<Buffer");
    for byte in &bytes {
        // A String cannot fail to be written to.
        let _ = write!(text, " {byte:02x}");
    }
    match length - bytes.len() {
        0 => {}
        1 => text.push_str(" ... 1 more byte"),
        left => {
            let _ = write!(text, " ... {left} more bytes");
        }
    }
    text.push('>');
    Ok(text)
}
