//! What there is to show of each kind of object.

use std::borrow::Cow;
use std::fmt::Write as _;

use cla_runtime::js::promise::PromiseState;
use cla_runtime::js::{self, Coerced, Function, IntoJs, Object, Value};
use cla_runtime::semaphore::{printable, printable_lines};

use super::frame::{Elements, Frame, Key};
use super::kind::{Kind, Named};
use super::scalar::{primitive_text, quoted, symbol_text};
use super::{Inspector, Style};
use crate::intrinsics::{Intrinsic, Property};
use crate::text::text;

impl<'js> Inspector<'_, 'js> {
    pub(super) fn fill_collection(
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

    pub(super) fn fill_typed_array(&self, frame: &mut Frame<'js>, length: usize) -> js::Result<()> {
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

    pub(super) fn fill_web(
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

    pub(super) fn function_base(
        &self,
        function: &Function<'js>,
        named: &Named<'_>,
    ) -> js::Result<String> {
        let source: js::String<'js> = self
            .intrinsics
            .on(Intrinsic::FunctionToString, function.as_value())?;
        let source = text(&source)?;
        let name = self.own_name(function)?;
        if source.starts_with("class") && source.ends_with('}') {
            return self.class_base(function, name.as_deref(), named);
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

    pub(super) fn class_base(
        &self,
        class: &Function<'js>,
        name: Option<&str>,
        named: &Named<'_>,
    ) -> js::Result<String> {
        let mut base = format!("[class {}", name.unwrap_or("(anonymous)"));
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
            let _ = write!(base, " extends {}", printable(&parent));
        }
        base.push(']');
        Ok(base)
    }

    pub(super) fn regexp(&self, value: &Value<'js>) -> js::Result<String> {
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
        let mut shown = format!("/{}/", printable(&text(&source)?));
        for (getter, letter) in FLAGS {
            if self.intrinsics.on::<Coerced<bool>>(getter, value)?.0 {
                shown.push(letter);
            }
        }
        Ok(shown)
    }

    pub(super) fn date(&self, value: &Value<'js>) -> js::Result<String> {
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
    pub(super) fn error(
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
        if let Cow::Owned(shown) = printable_lines(&full) {
            full = shown;
        }
        if indentation > 0 {
            full = full.replace('\n', &format!("\n{:indentation$}", ""));
        }
        Ok(full)
    }

    pub(super) fn buffer(
        &self,
        object: &Object<'js>,
        length: Intrinsic,
    ) -> js::Result<Vec<String>> {
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

    pub(super) fn promise(&self, object: &Object<'js>) -> Elements<'js> {
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

    pub(super) fn boxed(
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
            None if value.is_symbol() => printable(&symbol_text(&value)?).into_owned(),
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

pub(super) fn more(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("... {count} more {thing}{plural}")
}
