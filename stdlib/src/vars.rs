//! `cla.parseVars`: `${name}` in strings, also in those inside of arrays and objects.

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Filter, IntoAtom, IntoJs, Object, Value};

use crate::intrinsics::{Intrinsic, Intrinsics};
use crate::stash::path;
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{range_error, type_error};

/// The deepest nesting that is gone through.
const MAX_DEPTH: usize = 1_000;
/// The most bytes of strings that are made.
const MAX_OUTPUT: usize = 16 * 1024 * 1024;

/// Replaces the variables in a value; data are copied, other objects stay what they are.
pub(crate) fn parse_vars<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: &Value<'js>,
    vars: &Value<'js>,
) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let mut parser = VarParser {
        ctx,
        what,
        state: &state,
        intrinsics: state.intrinsics(ctx)?,
        vars,
        made: 0,
        frames: Vec::new(),
    };
    // What a value becomes is filled in after it has its place, so nothing here calls itself.
    let result = parser.start(value.clone())?;
    while let Some(mut frame) = parser.frames.pop() {
        state.step(ctx)?;
        let Some(key) = frame.keys.next() else {
            continue;
        };
        let key = key.into_value();
        let value: Value<'js> = frame.source.get(key.clone())?;
        let target = frame.target.clone();
        parser.frames.push(frame);
        let value = parser.start(value)?;
        let property = Property::from(value).writable().enumerable().configurable();
        target.prop(key.into_atom(ctx)?, property)?;
    }
    Ok(result)
}

struct VarParser<'a, 'js> {
    ctx: &'a Ctx<'js>,
    what: &'a str,
    state: &'a State,
    intrinsics: Intrinsics<'js>,
    vars: &'a Value<'js>,
    /// How many bytes of strings were made so far.
    made: usize,
    /// The arrays and objects that are being copied, outermost first.
    frames: Vec<Copying<'js>>,
}

struct Copying<'js> {
    source: Object<'js>,
    target: Object<'js>,
    keys: std::vec::IntoIter<js::String<'js>>,
}

impl<'js> VarParser<'_, 'js> {
    /// What a value becomes; the copy of an array or object is still empty.
    fn start(&mut self, value: Value<'js>) -> js::Result<Value<'js>> {
        if let Some(string) = value.as_string() {
            return self.string(&text(string)?, &value);
        }
        let Some(object) = value.as_object() else {
            return Ok(value);
        };
        if !self.is_data(object)? {
            return Ok(value);
        }
        if self.frames.iter().any(|frame| frame.source == *object) {
            let message = format!("{}: the value contains itself", self.what);
            return Err(type_error(self.ctx, message));
        }
        if self.frames.len() >= MAX_DEPTH {
            let message = format!(
                "{}: the value is nested more than {MAX_DEPTH} levels deep",
                self.what
            );
            return Err(range_error(self.ctx, message));
        }
        let target = if object.is_array() {
            Array::new(self.ctx.clone())?.into_object()
        } else {
            Object::new(self.ctx.clone())?
        };
        let keys = object.own_keys(Filter::default());
        let keys = self.state.collect(self.ctx, keys)?;
        self.frames.push(Copying {
            source: object.clone(),
            target: target.clone(),
            keys: keys.into_iter(),
        });
        Ok(target.into_value())
    }

    /// Whether an object is an array or a plain object.
    fn is_data(&self, object: &Object<'js>) -> js::Result<bool> {
        if object.is_proxy() || object.is_function() {
            return Ok(false);
        }
        Ok(object.is_array()
            || match object.get_prototype() {
                None => true,
                Some(prototype) => {
                    self.intrinsics.get(Intrinsic::ObjectPrototype)? == *prototype.as_value()
                }
            })
    }

    fn string(&mut self, string: &str, value: &Value<'js>) -> js::Result<Value<'js>> {
        if !string.contains("${") {
            return Ok(value.clone());
        }
        // A string that is nothing but a variable becomes its value, whatever its type.
        if let Some(name) = string
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            && !name.contains('}')
        {
            return Ok(self.lookup(name)?.unwrap_or_else(|| value.clone()));
        }
        let mut parsed = String::with_capacity(string.len());
        let mut rest = string;
        while let Some(at) = rest.find("${") {
            self.state.wrote(self.ctx, at)?;
            let literal = rest[..at].ends_with('$');
            let before = if literal { at - 1 } else { at };
            parsed.push_str(&rest[..before]);
            let Some(end) = rest[at..].find('}').map(|end| at + end) else {
                rest = &rest[before + usize::from(literal)..];
                parsed.push_str(rest);
                rest = "";
                break;
            };
            let variable = &rest[at..=end];
            rest = &rest[end + 1..];
            if literal {
                parsed.push_str(variable);
            } else {
                match self.lookup(&variable[2..variable.len() - 1])? {
                    Some(value) => parsed.push_str(&self.inserted(&value)?),
                    None => parsed.push_str(variable),
                }
            }
            if self.made + parsed.len() > MAX_OUTPUT {
                let message = format!("{}: the result is longer than 16 MiB", self.what);
                return Err(range_error(self.ctx, message));
            }
        }
        parsed.push_str(rest);
        self.state.wrote(self.ctx, parsed.len())?;
        self.made += parsed.len();
        parsed.into_js(self.ctx)
    }

    /// A value in the midst of a string: data as JSON, the rest as `String()` has it.
    fn inserted(&self, value: &Value<'js>) -> js::Result<String> {
        if let Some(object) = value.as_object()
            && self.is_data(object)?
            && let Some(json) = self.ctx.json_stringify(value.clone())?
        {
            return text(&json);
        }
        if value.is_symbol() {
            return crate::format::display(self.ctx, value);
        }
        coerce(self.ctx, value)
    }

    /// The value of a variable: by its whole name, or by the way to it (`a.b.0`, `/a/b/0`).
    fn lookup(&self, name: &str) -> js::Result<Option<Value<'js>>> {
        let known = |value: Option<Value<'js>>| value.filter(|value| !value.is_undefined());
        let name = name.trim();
        if name.starts_with('/') {
            let parts = path::parts(self.ctx, self.what, name)?;
            return Ok(known(path::get(&self.intrinsics, self.vars, &parts)?));
        }
        let whole = [name.to_owned()];
        if let Some(value) = known(path::get(&self.intrinsics, self.vars, &whole)?) {
            return Ok(Some(value));
        }
        let way: Vec<String> = name.split('.').map(str::to_owned).collect();
        Ok(known(path::get(&self.intrinsics, self.vars, &way)?))
    }
}
