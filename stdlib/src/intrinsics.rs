//! The interpreter's own functions and prototypes, as they were before the rule ran.
//!
//! A rule may overwrite `Map.prototype.forEach`, or put a proxy in a prototype chain. What looks into
//! values for printing (see [`crate::inspect()`]) must neither break then nor run the rule's code, so it
//! uses only what is kept here.

use cla_runtime::host::Run;
use cla_runtime::internal::Rooted;
use cla_runtime::js::function::{IntoArgs, This};
use cla_runtime::js::{self, Array, Constructor, Ctx, FromJs, Function, IntoJs, Object, Value};

use crate::text::text;

macro_rules! intrinsics {
    (
        values { $($value:ident = $value_path:literal,)* }
        getters { $($getter:ident = $getter_path:literal,)* }
    ) => {
        /// A kept value, by its place among them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Intrinsic {
            $($value,)*
            $($getter,)*
            TypedArrayPrototype,
            TypedArrayLength,
            TypedArrayName,
            MapIteratorNext,
            SetIteratorNext,
        }

        /// Values that are reached by a path from the global object.
        const VALUES: &[&str] = &[$($value_path),*];
        /// Getters, by the path to their property.
        const GETTERS: &[&str] = &[$($getter_path),*];
    };
}

intrinsics! {
    values {
        OwnProperty = "Object.getOwnPropertyDescriptor",
        OwnSymbols = "Object.getOwnPropertySymbols",
        ObjectToString = "Object.prototype.toString",
        FunctionToString = "Function.prototype.toString",
        MapEntries = "Map.prototype.entries",
        SetValues = "Set.prototype.values",
        DateTime = "Date.prototype.getTime",
        DateToIso = "Date.prototype.toISOString",
        NumberValue = "Number.prototype.valueOf",
        StringValue = "String.prototype.valueOf",
        BooleanValue = "Boolean.prototype.valueOf",
        SymbolValue = "Symbol.prototype.valueOf",
        BigInt = "BigInt",
        BigIntValue = "BigInt.prototype.valueOf",
        ToStringTag = "Symbol.toStringTag",
        ObjectPrototype = "Object.prototype",
        MapPrototype = "Map.prototype",
        SetPrototype = "Set.prototype",
        DatePrototype = "Date.prototype",
        RegExpPrototype = "RegExp.prototype",
        NumberPrototype = "Number.prototype",
        StringPrototype = "String.prototype",
        BooleanPrototype = "Boolean.prototype",
        SymbolPrototype = "Symbol.prototype",
        BigIntPrototype = "BigInt.prototype",
        WeakMapPrototype = "WeakMap.prototype",
        WeakSetPrototype = "WeakSet.prototype",
        WeakRefPrototype = "WeakRef.prototype",
        ViewPrototype = "DataView.prototype",
        BufferPrototype = "ArrayBuffer.prototype",
        SharedPrototype = "SharedArrayBuffer.prototype",
        Date = "Date",
        RegExp = "RegExp",
    }
    getters {
        MapSize = "Map.prototype.size",
        SetSize = "Set.prototype.size",
        RegExpSource = "RegExp.prototype.source",
        RegExpHasIndices = "RegExp.prototype.hasIndices",
        RegExpGlobal = "RegExp.prototype.global",
        RegExpIgnoreCase = "RegExp.prototype.ignoreCase",
        RegExpMultiline = "RegExp.prototype.multiline",
        RegExpDotAll = "RegExp.prototype.dotAll",
        RegExpUnicode = "RegExp.prototype.unicode",
        RegExpUnicodeSets = "RegExp.prototype.unicodeSets",
        RegExpSticky = "RegExp.prototype.sticky",
        ErrorStack = "Error.prototype.stack",
        ViewLength = "DataView.prototype.byteLength",
        ViewOffset = "DataView.prototype.byteOffset",
        ViewBuffer = "DataView.prototype.buffer",
        BufferLength = "ArrayBuffer.prototype.byteLength",
        SharedLength = "SharedArrayBuffer.prototype.byteLength",
    }
}

/// Collects the values and keeps them for as long as `run` lasts.
///
/// To be called before any code of the rule's runs.
pub(crate) fn keep<'js>(ctx: &Ctx<'js>, run: &Run) -> js::Result<Rooted<Array<'static>>> {
    let globals = ctx.globals();
    let kept = Array::new(ctx.clone())?;
    let own_property: Function<'js> = globals
        .get::<_, Object<'js>>("Object")?
        .get("getOwnPropertyDescriptor")?;
    let getter = |object: Object<'js>, key: Value<'js>| -> js::Result<Value<'js>> {
        own_property
            .call::<_, Object<'js>>((object, key))?
            .get("get")
    };
    for (at, path) in VALUES.iter().enumerate() {
        let (holder, member) = holder(&globals, path)?;
        kept.set(at, holder.get::<_, Value<'js>>(member)?)?;
    }
    for (at, path) in GETTERS.iter().enumerate() {
        let (holder, member) = holder(&globals, path)?;
        let getter = getter(holder, member.into_js(ctx)?)?;
        kept.set(VALUES.len() + at, getter)?;
    }
    // The prototype that all typed arrays share has no name of its own.
    let typed_array: Object<'js> = globals
        .get::<_, Object<'js>>("Uint8Array")?
        .get("prototype")?;
    if let Some(shared) = typed_array.get_prototype() {
        let tag = kept.get(Intrinsic::ToStringTag as usize)?;
        let length = "length".into_js(ctx)?;
        kept.set(
            Intrinsic::TypedArrayLength as usize,
            getter(shared.clone(), length)?,
        )?;
        kept.set(
            Intrinsic::TypedArrayName as usize,
            getter(shared.clone(), tag)?,
        )?;
        kept.set(Intrinsic::TypedArrayPrototype as usize, shared)?;
    }
    // Nor have the iterators of maps and sets.
    for (class, method, next) in [
        ("Map", Intrinsic::MapEntries, Intrinsic::MapIteratorNext),
        ("Set", Intrinsic::SetValues, Intrinsic::SetIteratorNext),
    ] {
        let class: Constructor<'js> = globals.get(class)?;
        let empty: Object<'js> = class.construct(())?;
        let method: Function<'js> = kept.get(method as usize)?;
        let iterator: Object<'js> = method.call((This(empty),))?;
        kept.set(next as usize, iterator.get::<_, Value<'js>>("next")?)?;
    }
    Ok(run.keep(ctx, kept))
}

/// The object that holds the last member of a path, and that member's name.
fn holder<'js, 'p>(globals: &Object<'js>, path: &'p str) -> js::Result<(Object<'js>, &'p str)> {
    let mut members = path.split('.').peekable();
    let mut holder = globals.clone();
    loop {
        let member = members.next().unwrap_or_default();
        if members.peek().is_none() {
            return Ok((holder, member));
        }
        holder = holder.get(member)?;
    }
}

/// The kept values, ready for use.
pub(crate) struct Intrinsics<'js>(Array<'js>);

/// An own property of an object.
pub(crate) enum Property<'js> {
    Data {
        value: Value<'js>,
        enumerable: bool,
    },
    Accessor {
        getter: bool,
        setter: bool,
        enumerable: bool,
    },
}

impl Property<'_> {
    /// Whether it is data, and a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Data { value, .. } if value.is_number() || value.is_big_int())
    }

    pub(crate) fn is_enumerable(&self) -> bool {
        match self {
            Self::Data { enumerable, .. } | Self::Accessor { enumerable, .. } => *enumerable,
        }
    }
}

impl<'js> Intrinsics<'js> {
    pub(crate) fn new(kept: Array<'js>) -> Self {
        Self(kept)
    }

    /// A kept value.
    pub(crate) fn get(&self, which: Intrinsic) -> js::Result<Value<'js>> {
        self.0.get(which as usize)
    }

    /// Calls a kept function.
    pub(crate) fn call<A: IntoArgs<'js>, R: FromJs<'js>>(
        &self,
        which: Intrinsic,
        arguments: A,
    ) -> js::Result<R> {
        let function: Function<'js> = self.0.get(which as usize)?;
        function.call(arguments)
    }

    /// Calls a kept method or getter on a value.
    pub(crate) fn on<R: FromJs<'js>>(&self, which: Intrinsic, this: &Value<'js>) -> js::Result<R> {
        self.call(which, (This(this.clone()),))
    }

    /// The own property of that name or symbol. Runs no code of the rule's.
    ///
    /// `object` must not be a proxy. A variable of a module namespace that has no value yet is an
    /// error.
    pub(crate) fn own_property(
        &self,
        object: &Object<'js>,
        key: &Value<'js>,
    ) -> js::Result<Option<Property<'js>>> {
        let descriptor: Option<Object<'js>> =
            self.call(Intrinsic::OwnProperty, (object.clone(), key.clone()))?;
        let Some(descriptor) = descriptor else {
            return Ok(None);
        };
        // A rule may have given every object a `get` or a `value` by way of `Object.prototype`.
        descriptor.set_prototype(None)?;
        let enumerable = descriptor.get("enumerable")?;
        let property = if descriptor.contains_key("writable")? {
            Property::Data {
                value: descriptor.get("value")?,
                enumerable,
            }
        } else {
            Property::Accessor {
                getter: !descriptor.get::<_, Value<'js>>("get")?.is_undefined(),
                setter: !descriptor.get::<_, Value<'js>>("set")?.is_undefined(),
                enumerable,
            }
        };
        Ok(Some(property))
    }

    /// The value of an own property that is data, and not a getter.
    pub(crate) fn own_data(
        &self,
        object: &Object<'js>,
        key: &str,
    ) -> js::Result<Option<Value<'js>>> {
        let key = key.into_js(object.ctx())?;
        match self.own_property(object, &key)? {
            Some(Property::Data { value, .. }) => Ok(Some(value)),
            _ => Ok(None),
        }
    }

    /// The value of a property that is data, own or inherited; stops at a getter and at a proxy.
    pub(crate) fn data(
        &self,
        object: &Object<'js>,
        key: &Value<'js>,
    ) -> js::Result<Option<Value<'js>>> {
        let mut holder = Some(object.clone());
        while let Some(object) = holder {
            if object.is_proxy() {
                return Ok(None);
            }
            match self.own_property(&object, key)? {
                Some(Property::Data { value, .. }) => return Ok(Some(value)),
                Some(Property::Accessor { .. }) => return Ok(None),
                None => holder = object.get_prototype(),
            }
        }
        Ok(None)
    }

    /// Like [`Intrinsics::data`], for a property that should be a string.
    pub(crate) fn data_text(&self, object: &Object<'js>, key: &str) -> js::Result<Option<String>> {
        let key = key.into_js(object.ctx())?;
        match self.data(object, &key)? {
            Some(value) => value.as_string().map(text).transpose(),
            None => Ok(None),
        }
    }

    /// Walks through a map, whose entries come as arrays of key and value, or through a set.
    ///
    /// `visit` says whether to go on.
    pub(crate) fn each_entry(
        &self,
        collection: &Object<'js>,
        map: bool,
        mut visit: impl FnMut(Value<'js>) -> js::Result<bool>,
    ) -> js::Result<()> {
        let (start, next) = if map {
            (Intrinsic::MapEntries, Intrinsic::MapIteratorNext)
        } else {
            (Intrinsic::SetValues, Intrinsic::SetIteratorNext)
        };
        let iterator: Value<'js> = self.on(start, collection.as_value())?;
        loop {
            let result: Object<'js> = self.on(next, &iterator)?;
            if result.get("done")? || !visit(result.get("value")?)? {
                return Ok(());
            }
        }
    }

    /// The message of an error as it is, or the text of any other thrown value.
    pub(crate) fn message_of(&self, thrown: &Value<'js>) -> js::Result<String> {
        if let Some(object) = thrown.as_object()
            && !object.is_proxy()
            && let Some(message) = self.data_text(object, "message")?
        {
            return Ok(message);
        }
        match thrown.as_string() {
            Some(string) => text(string),
            None => Ok(crate::throw::describe(thrown)),
        }
    }
}
