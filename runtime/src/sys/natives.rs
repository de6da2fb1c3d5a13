//! The interpreter's own functions, with a look at their arguments before them.
//!
//! Some built-in functions go through as many indices as an object claims to have, compare a long text with every place
//! of another, or call each other without looking at the stack, and none of them asks its host meanwhile. In each
//! isolate they are replaced by [`guard`], which looks at the arguments and then calls the interpreter's own function,
//! something else that asks, or neither ([`builtins`](crate::builtins) decides).
//!
//! A guard costs no memory: like the interpreter's own, it is a line of a table, of which a function is made when a rule
//! first mentions it. What it then calls is the C function that the interpreter had in the same place. Nothing in
//! QuickJS's interface tells where that is, so it is read from a function object, whose layout is found by looking at one of ours. If any
//! of that is not as expected, there are no guards, which a test would tell.

use std::ffi::{CStr, c_int};
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::OnceLock;

use rquickjs::{Ctx, Exception, Object, Result, Value, qjs};

use super::guarded::{self, Call, Guards, Holder, Instead};
use super::quickjs::checked;
use crate::run::Run;

/// A C function of the interpreter.
#[derive(Clone, Copy)]
struct Native {
    function: qjs::JSCFunctionType,
    /// How it is called, as `JSCFunctionEnum`.
    protocol: u32,
    magic: c_int,
}

/// What is known once and for all isolates of the process.
struct Table {
    guards: &'static Guards,
    /// The interpreter's own functions, in the order of `guards`.
    natives: Vec<Native>,
    /// The guards, as QuickJS wants them; it keeps pointers into this.
    entries: Vec<qjs::JSCFunctionListEntry>,
    /// The class of the objects whose prototype has the guarded `next`.
    iterator_helper: qjs::JSClassID,
}

// SAFETY: nothing of it is ever changed; the pointers in it lead to functions and to static texts.
unsafe impl Send for Table {}
// SAFETY: as above.
unsafe impl Sync for Table {}

static TABLE: OnceLock<Option<Table>> = OnceLock::new();

/// Puts guards in front of the interpreter's functions in this isolate; says whether it could.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn install(ctx: &Ctx<'_>, run: &Run, guards: &'static Guards) -> Result<bool> {
    let context = ctx.as_raw().as_ptr();
    // SAFETY: the run outlives its context. `run_of` reads it again while code of this context executes.
    unsafe { qjs::JS_SetContextOpaque(context, std::ptr::from_ref(run).cast_mut().cast()) };
    let Some(table) = TABLE.get_or_init(|| collect(ctx, guards)) else {
        return Ok(false);
    };
    for (guarded, entry) in table.guards.functions.iter().zip(&table.entries) {
        let holder = holder(ctx, guarded.holder, table.iterator_helper)?;
        holder.remove(guarded.name.to_str().unwrap_or_default())?;
        // SAFETY: the entry lives as long as the process, its name is a static C string, and QuickJS only reads it.
        let done = unsafe {
            qjs::JS_SetPropertyFunctionList(context, holder.as_value().as_raw(), entry, 1)
        };
        if done < 0 {
            return Err(rquickjs::Error::Exception);
        }
    }
    Ok(true)
}

/// The object that has the function.
fn holder<'js>(
    ctx: &Ctx<'js>,
    holder: Holder,
    iterator_helper: qjs::JSClassID,
) -> Result<Object<'js>> {
    let prototype_of = |name: &str| -> Result<Object<'js>> {
        let constructor: Object<'js> = ctx.globals().get(name)?;
        constructor.get("prototype")
    };
    match holder {
        Holder::Array => prototype_of("Array"),
        Holder::BigInt => prototype_of("BigInt"),
        Holder::Date => prototype_of("Date"),
        Holder::Number => prototype_of("Number"),
        Holder::String => prototype_of("String"),
        Holder::StringItself => ctx.globals().get("String"),
        Holder::Iterator => prototype_of("Iterator"),
        Holder::TypedArray => {
            let one = prototype_of("Uint8Array")?;
            one.get_prototype().ok_or(rquickjs::Error::Unknown)
        }
        Holder::IteratorHelper => {
            // SAFETY: the class exists in every context; the call gives a reference of its own.
            let prototype = unsafe {
                checked(
                    ctx,
                    qjs::JS_GetClassProto(ctx.as_raw().as_ptr(), iterator_helper),
                )
            }?;
            prototype.into_object().ok_or(rquickjs::Error::Unknown)
        }
    }
}

/// Reads the interpreter's own functions out of an isolate that has none of the guards yet.
fn collect(ctx: &Ctx<'_>, guards: &'static Guards) -> Option<Table> {
    let layout = Layout::find(ctx)?;
    let helper: Value<'_> = ctx.eval("[].values().map(x => x)").ok()?;
    // SAFETY: the value is alive; the call only reads its class.
    let iterator_helper = unsafe { qjs::JS_GetClassID(helper.as_raw()) };
    let mut natives = Vec::new();
    let mut entries = Vec::new();
    for (place, guarded) in guards.functions.iter().enumerate() {
        let holder = holder(ctx, guarded.holder, iterator_helper).ok()?;
        let function: Value<'_> = holder.get(guarded.name.to_str().ok()?).ok()?;
        let native = layout.read(&function)?;
        let (function, protocol) = match native.protocol {
            qjs::JSCFunctionEnum_JS_CFUNC_generic | qjs::JSCFunctionEnum_JS_CFUNC_generic_magic => {
                (
                    qjs::JSCFunctionType {
                        generic_magic: Some(guard),
                    },
                    qjs::JSCFunctionEnum_JS_CFUNC_generic_magic,
                )
            }
            qjs::JSCFunctionEnum_JS_CFUNC_iterator_next => (
                qjs::JSCFunctionType {
                    iterator_next: Some(guard_next),
                },
                qjs::JSCFunctionEnum_JS_CFUNC_iterator_next,
            ),
            _ => return None,
        };
        natives.push(native);
        entries.push(qjs::JSCFunctionListEntry {
            name: guarded.name.as_ptr(),
            prop_flags: (qjs::JS_PROP_WRITABLE | qjs::JS_PROP_CONFIGURABLE) as u8,
            def_type: qjs::JS_DEF_CFUNC as u8,
            magic: i16::try_from(place).ok()?,
            u: qjs::JSCFunctionListEntry__bindgen_ty_1 {
                func: qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_1 {
                    length: guarded.length,
                    cproto: protocol as u8,
                    cfunc: function,
                },
            },
        });
    }
    Some(Table {
        guards,
        natives,
        entries,
        iterator_helper,
    })
}

/// Where a function object has its C function, in bytes.
struct Layout {
    function: usize,
    class: qjs::JSClassID,
}

impl Layout {
    /// Finds it in an object that is made of known parts.
    fn find(ctx: &Ctx<'_>) -> Option<Self> {
        /// The parts, chosen so that none is likely elsewhere in the object.
        const LENGTH: u8 = 0x5a;
        const MAGIC: i16 = 0x1d2c;

        let function = qjs::JSCFunctionType {
            generic_magic: Some(guard),
        };
        let context = ctx.as_raw().as_ptr();
        // SAFETY: the name is a C string; the function is never called.
        let probe = unsafe {
            let name = c"probe".as_ptr();
            let (length, magic) = (c_int::from(LENGTH), c_int::from(MAGIC));
            let protocol = qjs::JSCFunctionEnum_JS_CFUNC_generic_magic;
            let raw =
                qjs::JS_NewCFunction2(context, function.generic, name, length, protocol, magic);
            checked(ctx, raw)
        }
        .ok()?;
        // SAFETY: an object's value is a pointer to a block of its own, whose size is asked for; everything is read
        // within it.
        unsafe {
            let object = qjs::JS_VALUE_GET_PTR(probe.as_raw()).cast::<u8>();
            let size = qjs::js_malloc_usable_size(context, object.cast()) as usize;
            let wanted = guard as *const () as usize;
            let places = (0..size.saturating_sub(12)).step_by(size_of::<usize>());
            let mut fitting = places.filter(|&place| {
                object.add(place).cast::<usize>().read() == wanted
                    && object.add(place + 8).read() == LENGTH
                    && u32::from(object.add(place + 9).read())
                        == qjs::JSCFunctionEnum_JS_CFUNC_generic_magic
                    && object.add(place + 10).cast::<i16>().read() == MAGIC
            });
            let function = fitting.next()?;
            fitting.next().is_none().then(|| Self {
                function,
                class: qjs::JS_GetClassID(probe.as_raw()),
            })
        }
    }

    /// The C function of a function object; `None` for any other value.
    fn read(&self, value: &Value<'_>) -> Option<Native> {
        // SAFETY: the value is alive. One of this class has the layout of the probe.
        unsafe {
            if !qjs::JS_IsObject(value.as_raw()) || qjs::JS_GetClassID(value.as_raw()) != self.class
            {
                return None;
            }
            let object = qjs::JS_VALUE_GET_PTR(value.as_raw()).cast::<u8>();
            let place = object.add(self.function);
            Some(Native {
                function: place.cast::<qjs::JSCFunctionType>().read(),
                protocol: u32::from(place.add(9).read()),
                magic: c_int::from(place.add(10).cast::<i16>().read()),
            })
        }
    }
}

/// The run to which a context belongs.
///
/// # Safety
///
/// The context is one that [`install`] was called for, and code of it is being executed.
unsafe fn run_of<'a>(context: *mut qjs::JSContext) -> Option<&'a Run> {
    // SAFETY: `install` put a pointer to the run there, which outlives the context.
    unsafe { qjs::JS_GetContextOpaque(context).cast::<Run>().as_ref() }
}

/// Stands in front of one of the interpreter's functions; `place` says which.
unsafe extern "C" fn guard(
    context: *mut qjs::JSContext,
    this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
    place: c_int,
) -> qjs::JSValue {
    // SAFETY: QuickJS passes a live context, `count` live values at `arguments`, at least as many as the function's
    // length, and the place that is in the table's line.
    unsafe {
        let at = place as usize;
        let (Some(Some(table)), Some(run)) = (TABLE.get(), run_of(context)) else {
            return qjs::JS_UNDEFINED;
        };
        let native = || match table.natives[at].protocol {
            qjs::JSCFunctionEnum_JS_CFUNC_generic => match table.natives[at].function.generic {
                Some(function) => function(context, this, count, arguments),
                None => qjs::JS_UNDEFINED,
            },
            _ => match table.natives[at].function.generic_magic {
                Some(function) => {
                    function(context, this, count, arguments, table.natives[at].magic)
                }
                None => qjs::JS_UNDEFINED,
            },
        };
        let raw = RawCall {
            context,
            this,
            first: if count > 0 {
                *arguments
            } else {
                qjs::JS_UNDEFINED
            },
            count,
            arguments,
        };
        if raw.is_harmless(table.guards.functions[at].call, run) {
            return native();
        }
        let decided = catch_unwind(AssertUnwindSafe(|| {
            let Some(context) = NonNull::new(context) else {
                return Ok(Instead::Native);
            };
            let ctx = Ctx::from_raw(context);
            let value = |raw| Value::from_raw(ctx.clone(), qjs::JS_DupValue(context.as_ptr(), raw));
            let this = value(this);
            let arguments: Vec<_> = (0..count.max(0) as usize)
                .map(|at| value(*arguments.add(at)))
                .collect();
            (table.guards.decide)(&ctx, run, at, this, arguments)
        }));
        match decided {
            Ok(Ok(Instead::Native)) => native(),
            Ok(Ok(Instead::Value(value))) => qjs::JS_DupValue(context, value.as_raw()),
            // rquickjs left an exception pending for all of its errors but those of conversion, which ours never are.
            Ok(Err(_)) | Err(_) => qjs::JS_EXCEPTION,
        }
    }
}

/// Stands in front of the `next` of iterator helpers, which call each other without a look at the stack.
unsafe extern "C" fn guard_next(
    context: *mut qjs::JSContext,
    this: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
    done: *mut c_int,
    place: c_int,
) -> qjs::JSValue {
    // SAFETY: as in `guard`; `done` is where QuickJS wants to know whether the iterator is at its end.
    unsafe {
        let (Some(Some(table)), Some(run)) = (TABLE.get(), run_of(context)) else {
            return qjs::JS_UNDEFINED;
        };
        let here = 0u8;
        if (&raw const here as usize) < run.stack_floor() {
            *done = 0;
            qjs::JS_ThrowRangeError(context, c"Maximum call stack size exceeded".as_ptr());
            return qjs::JS_EXCEPTION;
        }
        let native = &table.natives[place as usize];
        match native.function.iterator_next {
            Some(function) => function(context, this, count, arguments, done, native.magic),
            None => qjs::JS_UNDEFINED,
        }
    }
}

/// A call of a guarded function, before anything was made of it.
struct RawCall {
    context: *mut qjs::JSContext,
    this: qjs::JSValue,
    first: qjs::JSValue,
    count: c_int,
    arguments: *mut qjs::JSValue,
}

impl RawCall {
    /// Whether the interpreter's own function can be called right away: nearly always, and so this is quick.
    ///
    /// # Safety
    ///
    /// It holds what QuickJS called the guard with.
    unsafe fn is_harmless(&self, call: Call, run: &Run) -> bool {
        // SAFETY: the values are alive.
        unsafe {
            match call {
                Call::Array(_) => self.is_short(self.this, run),
                Call::Sort(_) => {
                    self.is_short(self.this, run)
                        && (!qjs::JS_IsUndefined(self.first) || self.has_short_texts())
                }
                Call::Concat => {
                    self.is_short(self.this, run)
                        && (0..self.count.max(0) as usize).all(|at| {
                            let value = *self.arguments.add(at);
                            !qjs::JS_IsObject(value) || self.is_short(value, run)
                        })
                }
                Call::Search | Call::Replace(_) => {
                    qjs::JS_IsString(self.this)
                        && !qjs::JS_IsObject(self.first)
                        && (!qjs::JS_IsString(self.first)
                            || self.length(self.first) < guarded::LONG_PATTERN)
                }
                Call::Normalize => {
                    let short = |value| {
                        !qjs::JS_IsObject(value)
                            && (!qjs::JS_IsString(value)
                                || self.length(value) <= guarded::QUICKLY_NORMALIZED)
                    };
                    short(self.this) && short(self.first)
                }
                Call::SortNumbers => {
                    !qjs::JS_IsUndefined(self.first)
                        || qjs::JS_GetTypedArrayType(self.this) < 0
                        || self.length(self.this) <= guarded::MOST_SORTED
                }
                Call::Drop => {
                    qjs::JS_VALUE_GET_NORM_TAG(self.first) == qjs::JS_TAG_INT
                        && i64::from(qjs::JS_VALUE_GET_INT(self.first)) <= guarded::MOST_DROPPED
                }
                Call::Flat(_) | Call::Raw | Call::Locale(_) => false,
                Call::LocaleList => {
                    self.is_short(self.this, run)
                        && (0..self.count.max(0) as usize)
                            .all(|at| qjs::JS_IsUndefined(*self.arguments.add(at)))
                }
                Call::Next => true,
            }
        }
    }

    /// The length of a value that has one; nothing of a rule's runs for strings and arrays.
    unsafe fn length(&self, value: qjs::JSValue) -> i64 {
        let mut length = 0;
        // SAFETY: the value is alive.
        if unsafe { qjs::JS_GetLength(self.context, value, &raw mut length) } < 0 {
            // SAFETY: takes the exception that the call above left.
            unsafe { qjs::JS_FreeValue(self.context, qjs::JS_GetException(self.context)) };
            return i64::MAX;
        }
        length
    }

    /// Whether going through all indices of a value takes next to no time.
    unsafe fn is_short(&self, value: qjs::JSValue, run: &Run) -> bool {
        // SAFETY: the value is alive.
        unsafe {
            if !qjs::JS_IsObject(value) {
                return true;
            }
            if qjs::JS_IsArray(value) && !qjs::JS_IsProxy(value) {
                let length = self.length(value);
                return length <= guarded::SHORT
                    || (self.is_dense(length, run) && self.has_usual_prototypes(value));
            }
            if qjs::JS_IsProxy(value) {
                return false;
            }
            if qjs::JS_GetTypedArrayType(value) >= 0 {
                return true;
            }
            self.own_length(value)
                .is_some_and(|length| length <= guarded::SHORT)
        }
    }

    /// Whether the texts in an array that is to be sorted are compared quickly.
    ///
    /// # Safety
    ///
    /// It holds what QuickJS called the guard with, and `this` is short.
    unsafe fn has_short_texts(&self) -> bool {
        // SAFETY: the value is alive. An element that is looked at is given back.
        unsafe {
            if !qjs::JS_IsArray(self.this) {
                return true;
            }
            let length = self.length(self.this);
            if length <= guarded::SHORT {
                return true;
            }
            let mut characters: i64 = 0;
            for at in 0..u32::try_from(length).unwrap_or(u32::MAX) {
                let element = qjs::JS_GetPropertyUint32(self.context, self.this, at);
                if qjs::JS_IsException(element) {
                    // A getter has thrown, as it will when the array is sorted.
                    qjs::JS_FreeValue(self.context, qjs::JS_GetException(self.context));
                    return false;
                }
                if qjs::JS_IsString(element) {
                    characters = characters.saturating_add(self.length(element));
                }
                qjs::JS_FreeValue(self.context, element);
            }
            characters / length <= guarded::SHORT_TEXTS
        }
    }

    /// Whether an array of that length can have all its elements: a sparse one is longer than memory is used.
    fn is_dense(&self, length: i64, run: &Run) -> bool {
        /// The size of an element, in bytes.
        const ELEMENT: i64 = 16;
        length <= guarded::MEDIUM
            || usize::try_from(length.saturating_mul(ELEMENT))
                .is_ok_and(|bytes| bytes <= run.gauge.used())
    }

    /// Whether what is no element of an array is looked for in two objects at most.
    unsafe fn has_usual_prototypes(&self, array: qjs::JSValue) -> bool {
        let mut object = array;
        // SAFETY: the value is alive, and each prototype is kept alive by the one before; references are given back.
        unsafe {
            for _ in 0..3 {
                let prototype = qjs::JS_GetPrototype(self.context, object);
                if !qjs::JS_IsObject(prototype) {
                    return true;
                }
                qjs::JS_FreeValue(self.context, prototype);
                if qjs::JS_IsProxy(prototype) {
                    return false;
                }
                object = prototype;
            }
        }
        false
    }

    /// The value of an own property `length` that is no getter and a number.
    unsafe fn own_length(&self, object: qjs::JSValue) -> Option<i64> {
        // SAFETY: the object is alive and no proxy, so nothing of a rule's runs. What the call gives is given back.
        unsafe {
            let atom = qjs::JS_NewAtomLen(self.context, c"length".as_ptr(), 6);
            let mut found = MaybeUninit::<qjs::JSPropertyDescriptor>::zeroed();
            let has = qjs::JS_GetOwnProperty(self.context, found.as_mut_ptr(), object, atom);
            qjs::JS_FreeAtom(self.context, atom);
            if has <= 0 {
                return None;
            }
            let found = found.assume_init();
            let length = if qjs::JS_VALUE_GET_NORM_TAG(found.value) == qjs::JS_TAG_INT {
                Some(i64::from(qjs::JS_VALUE_GET_INT(found.value)))
            } else {
                None
            };
            for value in [found.value, found.getter, found.setter] {
                qjs::JS_FreeValue(self.context, value);
            }
            length
        }
    }
}

/// Calls the interpreter's own function for which the guard at `at` stands.
///
/// # Errors
///
/// What the function throws.
pub(crate) fn call_native<'js>(
    ctx: &Ctx<'js>,
    at: usize,
    this: &Value<'js>,
    arguments: &[Value<'js>],
) -> Result<Value<'js>> {
    let Some(Some(table)) = TABLE.get() else {
        return Err(Exception::throw_internal(
            ctx,
            "the interpreter's functions are not known",
        ));
    };
    let mut raw: Vec<_> = arguments.iter().map(Value::as_raw).collect();
    let count = raw.len() as c_int;
    // A function finds as many arguments as its length says.
    // SAFETY: a constant.
    raw.resize(
        raw.len()
            .max(usize::from(table.guards.functions[at].length)),
        qjs::JS_UNDEFINED,
    );
    let native = &table.natives[at];
    let context = ctx.as_raw().as_ptr();
    // SAFETY: the values are alive until the call has returned; the function belongs to this protocol.
    unsafe {
        let value = if native.protocol == qjs::JSCFunctionEnum_JS_CFUNC_generic {
            match native.function.generic {
                Some(function) => function(context, this.as_raw(), count, raw.as_mut_ptr()),
                None => qjs::JS_UNDEFINED,
            }
        } else {
            match native.function.generic_magic {
                Some(function) => function(
                    context,
                    this.as_raw(),
                    count,
                    raw.as_mut_ptr(),
                    native.magic,
                ),
                None => qjs::JS_UNDEFINED,
            }
        };
        checked(ctx, value)
    }
}

/// A string in units of UTF-16.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn utf16<'js>(ctx: &Ctx<'js>, string: &Value<'js>) -> Result<Utf16<'js>> {
    let mut length: qjs::size_t = 0;
    // SAFETY: the value is alive; the buffer is freed by `Utf16`.
    let units = unsafe {
        qjs::JS_ToCStringLenUTF16(ctx.as_raw().as_ptr(), &raw mut length, string.as_raw())
    };
    match NonNull::new(units.cast_mut()) {
        Some(units) => Ok(Utf16 {
            ctx: ctx.clone(),
            units,
            length: length as usize,
        }),
        None => Err(rquickjs::Error::Exception),
    }
}

/// See [`utf16`].
pub(crate) struct Utf16<'js> {
    ctx: Ctx<'js>,
    units: NonNull<u16>,
    length: usize,
}

impl std::ops::Deref for Utf16<'_> {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        // SAFETY: QuickJS made a buffer of that many units, which lives until this is dropped.
        unsafe { std::slice::from_raw_parts(self.units.as_ptr(), self.length) }
    }
}

impl Drop for Utf16<'_> {
    fn drop(&mut self) {
        // SAFETY: the buffer came from `JS_ToCStringLenUTF16` and is freed once.
        unsafe { qjs::JS_FreeCStringUTF16(self.ctx.as_raw().as_ptr(), self.units.as_ptr()) };
    }
}

/// A value as a string, by the rules of the language.
///
/// # Errors
///
/// What a method of the value throws.
pub(crate) fn to_string<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Value<'js>> {
    // SAFETY: the value is alive; the call gives a reference of its own or an exception.
    unsafe { checked(ctx, qjs::JS_ToString(ctx.as_raw().as_ptr(), value.as_raw())) }
}

/// The run to which a context belongs.
///
/// # Errors
///
/// The context belongs to none.
pub(crate) fn run<'a>(ctx: &'a Ctx<'_>) -> Result<&'a Run> {
    // SAFETY: our functions only exist in contexts that `install` was called for.
    unsafe { run_of(ctx.as_raw().as_ptr()) }.ok_or(rquickjs::Error::Unknown)
}

/// The length of a string, in units of UTF-16.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn string_length(string: &Value<'_>) -> Result<u64> {
    let mut length = 0;
    let context = string.ctx().as_raw().as_ptr();
    // SAFETY: the value is alive.
    if unsafe { qjs::JS_GetLength(context, string.as_raw(), &raw mut length) } < 0 {
        return Err(rquickjs::Error::Exception);
    }
    Ok(u64::try_from(length).unwrap_or(0))
}

/// Whether a value is an array or a proxy of one.
///
/// # Errors
///
/// A `TypeError` for a proxy that was revoked.
pub(crate) fn is_array<'js>(ctx: &Ctx<'js>, mut value: Value<'js>) -> Result<bool> {
    // SAFETY: the value is alive; the target comes with a reference of its own.
    unsafe {
        while qjs::JS_IsProxy(value.as_raw()) {
            let target = qjs::JS_GetProxyTarget(ctx.as_raw().as_ptr(), value.as_raw());
            value = checked(ctx, target)?;
        }
        Ok(qjs::JS_IsArray(value.as_raw()))
    }
}

/// Whether a value is a typed array.
pub(crate) fn is_typed_array(value: &Value<'_>) -> bool {
    // SAFETY: the value is alive; the call only reads its class.
    unsafe { qjs::JS_GetTypedArrayType(value.as_raw()) >= 0 }
}

/// The name of a guarded function.
pub(crate) fn text(name: &'static CStr) -> &'static str {
    name.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_interpreters_functions_are_where_they_are_looked_for() {
        let runtime = rquickjs::Runtime::new().unwrap();
        let context = rquickjs::Context::full(&runtime).unwrap();
        context.with(|ctx| assert!(super::collect(&ctx, crate::builtins::GUARDS).is_some()));
    }
}
