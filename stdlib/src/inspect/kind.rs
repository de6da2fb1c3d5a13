//! What an object is: its class, and what there is to show of it besides its properties.

use cla_runtime::js::{self, Function, IntoJs, Object, Value};
use cla_runtime::semaphore::printable;

use super::Inspector;
use crate::intrinsics::{Intrinsic, Property};
use crate::text::text;

/// What an object is, besides a bunch of properties.
pub(super) enum Kind<'js> {
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
    /// An object of one of the web's classes, and what stands for it.
    Web(Object<'js>),
}

/// A prototype, what only works on objects of its class, and what those are.
pub(super) type Candidate<'js> = (Intrinsic, Option<Intrinsic>, fn() -> Kind<'js>);

/// How an object is called: its class, and its tag if that says something else.
pub(super) struct Named<'a> {
    pub(super) constructor: Option<&'a str>,
    pub(super) tag: &'a str,
}

impl<'js> Inspector<'_, 'js> {
    /// The name of the class that the object is an instance of; `None` without a prototype.
    pub(super) fn constructor_name(&self, object: &Object<'js>) -> js::Result<Option<String>> {
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

    pub(super) fn own_name(&self, function: &Function<'js>) -> js::Result<Option<String>> {
        match self.intrinsics.own_data(function, "name")? {
            Some(name) => Ok(match name.as_string() {
                Some(name) => {
                    let name = printable(&text(name)?).into_owned();
                    Some(name).filter(|name| !name.is_empty())
                }
                None => None,
            }),
            None => Ok(None),
        }
    }

    /// What `object instanceof constructor` says without its hooks.
    pub(super) fn is_instance(
        &self,
        object: &Object<'js>,
        constructor: &Function<'js>,
    ) -> js::Result<bool> {
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
    pub(super) fn tag(&self, object: &Object<'js>) -> js::Result<Option<String>> {
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

    pub(super) fn kind(
        &self,
        object: &Object<'js>,
        constructor: Option<&str>,
    ) -> js::Result<Kind<'js>> {
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
        if constructor != Some("Object")
            && let Some(stand_in) = crate::web::shown(self.ctx, object)?
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

    pub(super) fn has_tag(&self, object: &Object<'js>) -> js::Result<bool> {
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
    pub(super) fn kind_by_prototype(
        &self,
        object: &Object<'js>,
        prototype: &Object<'js>,
    ) -> js::Result<Option<Kind<'js>>> {
        use Intrinsic as I;
        let candidates: [Candidate<'js>; 15] = [
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
}

impl Kind<'_> {
    /// What an object without a class is called where it is not shown.
    pub(super) fn fallback(&self) -> &'static str {
        match self {
            Self::Array(_) => "Array",
            Self::Map => "Map",
            Self::Set => "Set",
            Self::Error => "Error",
            _ => "Object",
        }
    }
}

impl Named<'_> {
    /// What stands before the bracket, with a space after it: `Map(2) `, `[Object: null prototype] `.
    pub(super) fn prefix(&self, fallback: &str, size: Option<usize>) -> String {
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
    pub(super) fn put_before(&self, base: &mut String, usual: &str) {
        let prefix = self.prefix(usual, None);
        if prefix.trim_end() != usual {
            base.insert_str(0, &prefix);
        }
    }

    /// Lets an error's text begin with its class, where its `name` is only inherited.
    pub(super) fn improve_stack(&self, stack: &mut String, name: &str) {
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
