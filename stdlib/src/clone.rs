//! The global `structuredClone`.
//!
//! A worklist rather than recursion: every object gets its empty copy when it is first met, and is
//! filled when its turn comes. So depth costs no stack, and a circle is nothing special.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::collections::HashMap;

use cla_runtime::js::function::This;
use cla_runtime::js::object::Property;
use cla_runtime::js::{
    self, Array, Coerced, Constructor, Ctx, Exception, Filter, FromJs, Function, IntoAtom, Object,
    Value,
};

use crate::call::{Arg, named};
use crate::intrinsics::{Intrinsic, Intrinsics};
use crate::state::State;
use crate::text::text;
use crate::throw::{describe, wrong};
use crate::web;

/// Makes the function.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    Ok(named(ctx, "structuredClone", structured_clone)?.into_value())
}

pub(crate) fn structured_clone<'js>(
    ctx: Ctx<'js>,
    value: Arg<'js>,
    options: Arg<'js>,
) -> js::Result<Value<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let mut cloner = Cloner {
        intrinsics: state.intrinsics(&ctx)?,
        ctx: ctx.clone(),
        copies: HashMap::new(),
        unfilled: Vec::new(),
    };
    if let Some(options) = options.given() {
        cloner.transfer(options)?;
    }
    let copy = cloner.copy(&value)?;
    while let Some((from, to)) = cloner.unfilled.pop() {
        state.step(&ctx)?;
        cloner.fill(&state, &from, &to)?;
    }
    Ok(copy)
}

struct Cloner<'js> {
    ctx: Ctx<'js>,
    intrinsics: Intrinsics<'js>,
    /// The copies of the objects that were met.
    copies: HashMap<Value<'js>, Value<'js>>,
    /// Objects whose copies are still empty.
    unfilled: Vec<(Object<'js>, Object<'js>)>,
}

/// The error types that survive; others become plain errors.
const ERRORS: [&str; 6] = [
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
];

impl<'js> Cloner<'js> {
    /// The copy of a value; that of an object may still be empty.
    fn copy(&mut self, value: &Value<'js>) -> js::Result<Value<'js>> {
        if value.is_symbol() {
            return Err(self.refuse(value));
        }
        let Some(object) = value.as_object() else {
            return Ok(value.clone());
        };
        if let Some(copy) = self.copies.get(value) {
            return Ok(copy.clone());
        }
        let copy = self.empty_copy(object)?;
        self.copies.insert(value.clone(), copy.clone());
        Ok(copy)
    }

    fn construct<A: js::function::IntoArgs<'js>>(
        &self,
        class: &str,
        arguments: A,
    ) -> js::Result<Object<'js>> {
        let class: Constructor<'js> = self.ctx.globals().get(class)?;
        class.construct(arguments)
    }

    fn empty_copy(&mut self, object: &Object<'js>) -> js::Result<Value<'js>> {
        use Intrinsic as I;
        let value = object.as_value();
        if value.is_function() || value.is_proxy() || value.is_promise() {
            return Err(self.refuse(value));
        }
        if value.is_array() {
            let copy = Array::new(self.ctx.clone())?.into_object();
            copy.set("length", object.get::<_, Value<'js>>("length")?)?;
            return Ok(self.queue_fill(object, copy));
        }
        if value.is_error() {
            return self.error(object);
        }
        let mut chain = object.get_prototype();
        while let Some(prototype) = chain.filter(|prototype| !prototype.is_proxy()) {
            let is =
                |which| Ok::<_, js::Error>(self.intrinsics.get(which)? == *prototype.as_value());
            if is(I::MapPrototype)? && self.has_brand(I::MapSize, value)? {
                let copy = self.construct("Map", ())?;
                return Ok(self.queue_fill(object, copy));
            }
            if is(I::SetPrototype)? && self.has_brand(I::SetSize, value)? {
                let copy = self.construct("Set", ())?;
                return Ok(self.queue_fill(object, copy));
            }
            if is(I::DatePrototype)? && self.has_brand(I::DateTime, value)? {
                let time: f64 = self.intrinsics.on(I::DateTime, value)?;
                return Ok(self.construct("Date", (time,))?.into_value());
            }
            if is(I::RegExpPrototype)? && self.has_brand(I::RegExpGlobal, value)? {
                let source: Value<'js> = object.get("source")?;
                let flags: Value<'js> = object.get("flags")?;
                return Ok(self.construct("RegExp", (source, flags))?.into_value());
            }
            if is(I::TypedArrayPrototype)? && self.has_brand(I::TypedArrayLength, value)? {
                let class: String = self.intrinsics.on(I::TypedArrayName, value)?;
                let length: Value<'js> = self.intrinsics.on(I::TypedArrayLength, value)?;
                return self.view(object, &class, length);
            }
            if is(I::ViewPrototype)? && self.has_brand(I::ViewBuffer, value)? {
                let length: Value<'js> = self.intrinsics.on(I::ViewLength, value)?;
                return self.view(object, "DataView", length);
            }
            if is(I::BufferPrototype)? && self.has_brand(I::BufferLength, value)? {
                let length: Value<'js> = self.intrinsics.on(I::BufferLength, value)?;
                let slice: Function<'js> = object.get("slice")?;
                return slice.call((This(object.clone()), 0, length));
            }
            for (which, brand) in [
                (I::NumberPrototype, I::NumberValue),
                (I::StringPrototype, I::StringValue),
                (I::BooleanPrototype, I::BooleanValue),
                (I::BigIntPrototype, I::BigIntValue),
            ] {
                if is(which)? && self.has_brand(brand, value)? {
                    let inner: Value<'js> = self.intrinsics.on(brand, value)?;
                    let wrap: Function<'js> = self.ctx.globals().get("Object")?;
                    return wrap.call((inner,));
                }
            }
            for which in [
                I::WeakMapPrototype,
                I::WeakSetPrototype,
                I::WeakRefPrototype,
                I::SharedPrototype,
                I::SymbolPrototype,
            ] {
                if is(which)? {
                    return Err(self.refuse(value));
                }
            }
            chain = prototype.get_prototype();
        }
        let prototype = object.get_prototype().map(Object::into_value);
        let is_plain = match prototype {
            Some(prototype) => prototype == self.intrinsics.get(I::ObjectPrototype)?,
            None => true,
        };
        if is_plain {
            let copy = Object::new(self.ctx.clone())?;
            return Ok(self.queue_fill(object, copy));
        }
        if let Some(copy) = web::cloned(&self.ctx, object)? {
            return Ok(copy.into_value());
        }
        if web::owns(&self.ctx, object)? {
            return Err(self.refuse(value));
        }
        let copy = Object::new(self.ctx.clone())?;
        Ok(self.queue_fill(object, copy))
    }

    fn queue_fill(&mut self, object: &Object<'js>, copy: Object<'js>) -> Value<'js> {
        self.unfilled.push((object.clone(), copy.clone()));
        copy.into_value()
    }

    /// Whether a method or getter works on the value, that is: whether it is the real thing.
    fn has_brand(&self, brand: Intrinsic, value: &Value<'js>) -> js::Result<bool> {
        match self.intrinsics.on::<Value<'js>>(brand, value) {
            Ok(_) => Ok(true),
            Err(error) if error.is_exception() => {
                let thrown = self.ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(self.ctx.throw(thrown));
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn view(
        &mut self,
        object: &Object<'js>,
        class: &str,
        length: Value<'js>,
    ) -> js::Result<Value<'js>> {
        let buffer: Value<'js> = object.get("buffer")?;
        let offset: Value<'js> = object.get("byteOffset")?;
        let buffer = self.copy(&buffer)?;
        Ok(self
            .construct(class, (buffer, offset, length))?
            .into_value())
    }

    fn error(&mut self, error: &Object<'js>) -> js::Result<Value<'js>> {
        let name = self
            .intrinsics
            .data_text(error, "name")?
            .unwrap_or_default();
        let class = ERRORS
            .iter()
            .find(|class| **class == name)
            .unwrap_or(&"Error");
        let copy = self.construct(class, ())?;
        for key in ["message", "stack"] {
            let value: Value<'js> = error.get(key)?;
            if value.is_string() {
                copy.prop(key, Property::from(value).writable().configurable())?;
            }
        }
        if let Some(cause) = self.intrinsics.own_data(error, "cause")? {
            // Registered first: a cause may lead back here.
            self.copies
                .insert(error.as_value().clone(), copy.clone().into_value());
            let cause = self.copy(&cause)?;
            copy.prop("cause", Property::from(cause).writable().configurable())?;
        }
        Ok(copy.into_value())
    }

    fn fill(&mut self, state: &State, from: &Object<'js>, to: &Object<'js>) -> js::Result<()> {
        let (ctx, value) = (self.ctx.clone(), to.as_value());
        let is = |which: Intrinsic| -> js::Result<bool> {
            Ok(
                to.get_prototype().map(Object::into_value) == Some(self.intrinsics.get(which)?)
                    && !value.is_array(),
            )
        };
        if is(Intrinsic::MapPrototype)? || is(Intrinsic::SetPrototype)? {
            let map = is(Intrinsic::MapPrototype)?;
            let mut entries = Vec::new();
            self.intrinsics.each_entry(from, map, |entry| {
                state.step(&ctx)?;
                entries.push(entry);
                Ok(true)
            })?;
            let add: Function<'js> = to.get(if map { "set" } else { "add" })?;
            for entry in entries {
                state.step(&ctx)?;
                match entry.as_array().filter(|_| map) {
                    Some(pair) => {
                        let (key, value) = (self.copy(&pair.get(0)?)?, self.copy(&pair.get(1)?)?);
                        add.call::<_, ()>((This(to.clone()), key, value))?;
                    }
                    None => add.call::<_, ()>((This(to.clone()), self.copy(&entry)?))?,
                }
            }
            return Ok(());
        }
        for key in from.own_keys::<js::String<'js>>(Filter::default()) {
            state.step(&ctx)?;
            let key = key?.into_value().into_atom(&ctx)?;
            // A getter that ran before may have removed it.
            let value: Value<'js> = from.get(key.clone())?;
            let value = self.copy(&value)?;
            let property = Property::from(value).writable().enumerable().configurable();
            to.prop(key, property)?;
        }
        Ok(())
    }

    /// Moves the buffers that the caller gives away.
    fn transfer(&mut self, options: &Value<'js>) -> js::Result<()> {
        if options.is_null() {
            return Ok(());
        }
        let Some(options) = options.as_object() else {
            return Err(wrong(
                &self.ctx,
                "structuredClone: options",
                "an object",
                options,
            ));
        };
        let list: Value<'js> = options.get("transfer")?;
        if list.is_undefined() {
            return Ok(());
        }
        let what = "structuredClone: transfer";
        let Some(list) = list.as_array() else {
            return Err(wrong(&self.ctx, what, "an array", &list));
        };
        for item in list.iter::<Value<'js>>() {
            let item = item?;
            if !self.has_brand(Intrinsic::BufferLength, &item)? {
                return Err(self.refuse(&item));
            }
            let buffer = Object::from_js(&self.ctx, item.clone())?;
            let transfer: Function<'js> = buffer.get("transfer")?;
            let moved: Value<'js> = transfer.call((This(buffer),))?;
            self.copies.insert(item, moved);
        }
        Ok(())
    }

    fn refuse(&self, value: &Value<'js>) -> js::Error {
        let what = match value.as_function() {
            Some(function) => match function.get::<_, Coerced<js::String<'js>>>("name") {
                Ok(name) => match text(&name.0) {
                    Ok(name) if !name.is_empty() => format!("the function {name}"),
                    _ => describe(value),
                },
                Err(_) => {
                    self.ctx.catch();
                    describe(value)
                }
            },
            None if value.is_proxy() => "a Proxy".to_owned(),
            None => describe(value),
        };
        let message = format!("structuredClone: {what} cannot be cloned");
        Exception::throw_dom(&self.ctx, "DataCloneError", &message)
    }
}
