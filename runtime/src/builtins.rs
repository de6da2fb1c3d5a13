//! Which built-in functions of the interpreter are guarded, and what happens instead where they would take long.
//!
//! A guarded function first looks at its arguments ([`natives`](crate::sys::natives)). Nearly always it then does what it
//! always did. Where it would go through more indices than there can be elements, or compare long texts place by place,
//! one of ours does the work and can be stopped; where no rule needs it, it is refused with a `RangeError` that names
//! the limit.

#![expect(
    clippy::needless_pass_by_value,
    reason = "functions that JavaScript calls are given their arguments by value"
)]

use std::ffi::CStr;

use rquickjs::function::{Opt, Rest, This};
use rquickjs::{Array, Coerced, Ctx, Exception, Function, Object, Result, Symbol, Value};

use crate::run::Run;
use crate::sys::guarded::{
    Call, Guarded, Guards, Holder, Instead, LONG_PATTERN, LocaleMethod, LocaleMethods,
    MOST_DROPPED, MOST_SORTED, guarded,
};
use crate::sys::natives::{self, call_native, utf16};

/// So many comparisons of single characters take some milliseconds.
const QUICK_SEARCH: u64 = 1 << 28;

/// Combining marks in a row are sorted in steps that grow with the square of their number. A text has at most so many
/// in a row, divided by its length ...
const MARKS_BY_LENGTH: u64 = 1 << 28;

/// ... or so many.
const FEW_MARKS: u64 = 64;

/// All guarded functions. What is not here asks by itself, is bounded by the memory it fills, or is quick.
const GUARDED: &[Guarded] = &[
    guarded(Holder::Array, c"concat", 1, Call::Concat),
    guarded(Holder::Array, c"copyWithin", 2, Call::Array("copyWithin")),
    guarded(Holder::Array, c"flat", 0, Call::Flat("flat")),
    guarded(Holder::Array, c"flatMap", 1, Call::Flat("flatMap")),
    guarded(Holder::Array, c"join", 1, Call::Array("join")),
    guarded(Holder::Array, c"toLocaleString", 0, Call::LocaleList),
    guarded(Holder::TypedArray, c"toLocaleString", 0, Call::LocaleList),
    guarded(
        Holder::Date,
        c"toLocaleString",
        0,
        Call::Locale(LocaleMethod::Date),
    ),
    guarded(
        Holder::Date,
        c"toLocaleDateString",
        0,
        Call::Locale(LocaleMethod::DateOnly),
    ),
    guarded(
        Holder::Date,
        c"toLocaleTimeString",
        0,
        Call::Locale(LocaleMethod::TimeOnly),
    ),
    guarded(
        Holder::Number,
        c"toLocaleString",
        0,
        Call::Locale(LocaleMethod::Number),
    ),
    guarded(
        Holder::BigInt,
        c"toLocaleString",
        0,
        Call::Locale(LocaleMethod::BigInt),
    ),
    guarded(
        Holder::String,
        c"toLocaleUpperCase",
        0,
        Call::Locale(LocaleMethod::Upper),
    ),
    guarded(
        Holder::String,
        c"toLocaleLowerCase",
        0,
        Call::Locale(LocaleMethod::Lower),
    ),
    guarded(Holder::Array, c"shift", 0, Call::Array("shift")),
    guarded(Holder::Array, c"unshift", 1, Call::Array("unshift")),
    guarded(Holder::Array, c"reverse", 0, Call::Array("reverse")),
    guarded(Holder::Array, c"slice", 2, Call::Array("slice")),
    guarded(Holder::Array, c"splice", 2, Call::Array("splice")),
    guarded(Holder::Array, c"sort", 1, Call::Sort("sort")),
    guarded(Holder::Array, c"toReversed", 0, Call::Array("toReversed")),
    guarded(Holder::Array, c"toSorted", 1, Call::Sort("toSorted")),
    guarded(Holder::Array, c"toSpliced", 2, Call::Array("toSpliced")),
    guarded(Holder::Array, c"with", 2, Call::Array("with")),
    guarded(Holder::String, c"indexOf", 1, Call::Search),
    guarded(Holder::String, c"lastIndexOf", 1, Call::Search),
    guarded(Holder::String, c"includes", 1, Call::Search),
    guarded(Holder::String, c"split", 2, Call::Replace("split")),
    guarded(Holder::String, c"replace", 2, Call::Replace("replace")),
    guarded(
        Holder::String,
        c"replaceAll",
        2,
        Call::Replace("replaceAll"),
    ),
    guarded(Holder::String, c"normalize", 0, Call::Normalize),
    guarded(
        Holder::String,
        c"localeCompare",
        1,
        Call::Locale(LocaleMethod::Compare),
    ),
    guarded(Holder::StringItself, c"raw", 1, Call::Raw),
    guarded(Holder::TypedArray, c"sort", 1, Call::SortNumbers),
    guarded(Holder::TypedArray, c"toSorted", 1, Call::SortNumbers),
    guarded(Holder::Iterator, c"drop", 1, Call::Drop),
    guarded(Holder::IteratorHelper, c"next", 0, Call::Next),
];

/// The guards of every isolate.
pub(crate) const GUARDS: &Guards = &Guards {
    functions: GUARDED,
    decide,
};

/// Puts the guards in place in this isolate; says whether it could.
///
/// # Errors
///
/// When there is no memory left.
pub(crate) fn install(ctx: &Ctx<'_>, run: &Run) -> Result<bool> {
    natives::install(ctx, run, GUARDS)
}

/// Decides about a call that is not harmless at first sight.
///
/// # Errors
///
/// What the function throws that does the work, or that the call is refused.
fn decide<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    at: usize,
    this: Value<'js>,
    arguments: Vec<Value<'js>>,
) -> Result<Instead<'js>> {
    let guarded = &GUARDED[at];
    let name = natives::text(guarded.name);
    let first = || arguments.first().cloned();
    match guarded.call {
        Call::Next => Ok(Instead::Native),
        Call::Array(_) | Call::Sort(_) | Call::Concat | Call::Flat(_) if !this.is_object() => {
            Ok(Instead::Native)
        }
        Call::Concat => ours(ctx, run, "concat", this, arguments),
        Call::Array(own) | Call::Sort(own) | Call::Flat(own) => {
            ours(ctx, run, own, this, arguments)
        }
        Call::Raw => ours(ctx, run, "raw", this, arguments),
        Call::LocaleList => {
            let is_list = match guarded.holder {
                Holder::TypedArray => natives::is_typed_array(&this),
                _ => this.is_object(),
            };
            if is_list {
                ours(ctx, run, "toLocaleString", this, arguments)
            } else {
                Ok(Instead::Native)
            }
        }
        Call::Locale(method) => locale(ctx, run, at, method, this, arguments),
        Call::Search | Call::Replace(_) => {
            search(ctx, run, at, this, arguments).map(Instead::Value)
        }
        Call::Normalize => normalize(ctx, run, at, this, arguments),
        Call::SortNumbers => {
            let length = this
                .as_object()
                .map_or(Ok(0), |array| array.get::<_, i64>("length"))?;
            if length <= MOST_SORTED {
                return Ok(Instead::Native);
            }
            let message = format!(
                "{name}: {length} numbers are more than the {MOST_SORTED} that can be sorted at once; \
                 a function that compares two of them lifts the limit"
            );
            Err(Exception::throw_range(ctx, &message))
        }
        Call::Drop => {
            let Some(Coerced(count)) = first()
                .map(|count| count.get::<Coerced<f64>>())
                .transpose()?
            else {
                return Ok(Instead::Native);
            };
            // What is no number, the interpreter refuses itself.
            if count <= MOST_DROPPED as f64 || count.is_nan() {
                let count = Value::new_number(ctx.clone(), count);
                return call_native(ctx, at, &this, &[count]).map(Instead::Value);
            }
            let message = format!(
                "drop: {count} elements are more than the {MOST_DROPPED} that can be skipped"
            );
            Err(Exception::throw_range(ctx, &message))
        }
    }
}

/// Looks at texts that are to be brought into a normal form.
fn normalize<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    at: usize,
    this: Value<'js>,
    arguments: Vec<Value<'js>>,
) -> Result<Instead<'js>> {
    let name = natives::text(GUARDED[at].name);
    let first = || arguments.first().cloned();
    let texts = [Some(this.clone()), first()];
    for text in texts.into_iter().flatten().filter(Value::is_string) {
        let length = length_of(&text)?.max(1);
        let most = (MARKS_BY_LENGTH / length).max(FEW_MARKS);
        let marked = function(ctx, run, "isMarked")?;
        if marked.call::<_, bool>((text, most as f64))? {
            let message = format!(
                "{name}: the text has more than {most} combining marks in a row, which is the most for a \
                 text of {length} characters"
            );
            return Err(Exception::throw_range(ctx, &message));
        }
    }
    if this.is_object() || first().is_some_and(|value| value.is_object()) {
        return as_strings(ctx, run, at, this, arguments);
    }
    Ok(Instead::Native)
}

/// Calls what knows locales, if the run has such; else does what the interpreter does, which knows none.
fn locale<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    at: usize,
    method: LocaleMethod,
    this: Value<'js>,
    arguments: Vec<Value<'js>>,
) -> Result<Instead<'js>> {
    let is_usual = arguments.iter().all(Value::is_undefined);
    match (run.state::<LocaleMethods>(), method) {
        // Without a locale they do the same as the interpreter's own.
        (Some(_), LocaleMethod::Upper | LocaleMethod::Lower) if is_usual => Ok(Instead::Native),
        (Some(methods), _) => (methods.0)(ctx, method, this, arguments).map(Instead::Value),
        (None, LocaleMethod::Compare) => normalize(ctx, run, at, this, arguments),
        (None, _) => Ok(Instead::Native),
    }
}

/// Calls one of our own functions in place of the interpreter's.
fn ours<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
    this: Value<'js>,
    arguments: Vec<Value<'js>>,
) -> Result<Instead<'js>> {
    let function = function(ctx, run, name)?;
    function
        .call::<_, Value<'js>>((This(this), Rest(arguments)))
        .map(Instead::Value)
}

/// One of our own functions. They are compiled when a run first needs one of them.
fn function<'js>(ctx: &Ctx<'js>, run: &Run, name: &str) -> Result<Function<'js>> {
    let known = run.builtins.borrow().clone();
    let all = match known {
        Some(all) => all.get(ctx)?,
        None => {
            let all = compile(ctx)?;
            *run.builtins.borrow_mut() = Some(run.keep(ctx, all.clone()));
            all
        }
    };
    all.get(name)
}

fn compile<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>> {
    let native = Object::new(ctx.clone())?;
    let function = |name: &str, function: Function<'js>| native.set(name, function);
    function("define", Function::new(ctx.clone(), define)?)?;
    function("isArray", Function::new(ctx.clone(), is_array)?)?;
    function("fail", Function::new(ctx.clone(), fail)?)?;
    function("call", Function::new(ctx.clone(), call)?)?;
    function("find", Function::new(ctx.clone(), find)?)?;
    function("sortDense", Function::new(ctx.clone(), sort_dense)?)?;
    native.set("species", Symbol::species(ctx.clone()))?;
    let symbols: Object<'js> = ctx.globals().get("Symbol")?;
    let spreadable: Value<'js> = symbols.get("isConcatSpreadable")?;
    native.set("spreadable", spreadable)?;
    let all = Object::new(ctx.clone())?;
    for source in [
        include_str!("builtins/array.js"),
        include_str!("builtins/string.js"),
    ] {
        let make: Function<'js> = ctx.eval(source)?;
        let made: Object<'js> = make.call((native.clone(),))?;
        for property in made.props::<String, Value<'js>>() {
            let (name, value) = property?;
            all.set(name, value)?;
        }
    }
    Ok(all)
}

fn define<'js>(object: Object<'js>, key: Value<'js>, value: Value<'js>) -> Result<()> {
    use rquickjs::object::Property;
    let property = Property::from(value).writable().configurable().enumerable();
    object.prop(key, property)
}

fn is_array<'js>(ctx: Ctx<'js>, value: Value<'js>) -> Result<bool> {
    natives::is_array(&ctx, value)
}

fn fail<'js>(ctx: Ctx<'js>, kind: String, message: String) -> Result<()> {
    Err(match kind.as_str() {
        "RangeError" => Exception::throw_range(&ctx, &message),
        _ => Exception::throw_type(&ctx, &message),
    })
}

fn call<'js>(
    function: Function<'js>,
    this: Value<'js>,
    arguments: Rest<Value<'js>>,
) -> Result<Value<'js>> {
    function.call((This(this), arguments))
}

/// The place of a guard.
fn place_of(holder: Holder, name: &CStr) -> usize {
    let mut all = GUARDED.iter();
    all.position(|guarded| guarded.holder == holder && guarded.name == name)
        .unwrap_or(0)
}

fn sort_dense<'js>(
    ctx: Ctx<'js>,
    array: Array<'js>,
    compare: Opt<Value<'js>>,
) -> Result<Value<'js>> {
    let arguments: Vec<_> = compare.0.into_iter().collect();
    call_native(
        &ctx,
        place_of(Holder::Array, c"sort"),
        array.as_value(),
        &arguments,
    )
}

/// Where a text is in another, from a place on; -1 if nowhere.
fn find<'js>(ctx: Ctx<'js>, text: Value<'js>, pattern: Value<'js>, from: usize) -> Result<f64> {
    let run = natives::run(&ctx)?;
    let (text, pattern) = (utf16(&ctx, &text)?, utf16(&ctx, &pattern)?);
    let found = occurrence(&ctx, run, &text, &pattern, from, Which::First)?;
    Ok(found.map_or(-1.0, |place| place as f64))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    First,
    Last,
}

/// Finds the first or the last occurrence of `pattern` that begins at `from` or later, in one pass (Knuth, Morris and
/// Pratt).
fn occurrence(
    ctx: &Ctx<'_>,
    run: &Run,
    text: &[u16],
    pattern: &[u16],
    from: usize,
    which: Which,
) -> Result<Option<usize>> {
    /// How many characters are looked at between two questions.
    const STEP: usize = 64 * 1024;
    let step = |at: usize| {
        if at.is_multiple_of(STEP) {
            run.checkpoint(ctx)
        } else {
            Ok(())
        }
    };

    if pattern.is_empty() || text.len().saturating_sub(from) < pattern.len() {
        return Ok(None);
    }
    let _counted = run.count_memory(size_of_val(pattern) * 2);
    // For each place of the pattern, how much of its beginning ends there again.
    let mut again: Vec<u32> = Vec::new();
    if again.try_reserve_exact(pattern.len()).is_err() {
        return Err(Exception::throw_range(
            ctx,
            "there is no memory to search for a text of this length",
        ));
    }
    again.push(0);
    let mut matching = 0;
    for at in 1..pattern.len() {
        step(at)?;
        while matching > 0 && pattern[at] != pattern[matching] {
            matching = again[matching - 1] as usize;
        }
        if pattern[at] == pattern[matching] {
            matching += 1;
        }
        again.push(matching as u32);
    }
    let mut found = None;
    matching = 0;
    for (at, unit) in text.iter().enumerate().skip(from) {
        step(at)?;
        while matching > 0 && *unit != pattern[matching] {
            matching = again[matching - 1] as usize;
        }
        if *unit == pattern[matching] {
            matching += 1;
        }
        if matching == pattern.len() {
            found = Some(at + 1 - pattern.len());
            if which == Which::First {
                break;
            }
            matching = again[matching - 1] as usize;
        }
    }
    Ok(found)
}

/// Calls the function with its texts as strings, after what is an object has become one.
fn as_strings<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    at: usize,
    this: Value<'js>,
    mut arguments: Vec<Value<'js>>,
) -> Result<Instead<'js>> {
    let this = natives::to_string(ctx, &this)?;
    if let Some(first) = arguments.first_mut()
        && first.is_object()
    {
        *first = natives::to_string(ctx, first)?;
    }
    let decided = decide(ctx, run, at, this.clone(), arguments.clone())?;
    match decided {
        Instead::Native => call_native(ctx, at, &this, &arguments).map(Instead::Value),
        done => Ok(done),
    }
}

/// Searches in a text for a text.
fn search<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    at: usize,
    this: Value<'js>,
    mut arguments: Vec<Value<'js>>,
) -> Result<Value<'js>> {
    let guarded = &GUARDED[at];
    let name = natives::text(guarded.name);
    let native =
        |this: &Value<'js>, arguments: &[Value<'js>]| call_native(ctx, at, this, arguments);
    if this.is_null() || this.is_undefined() {
        return native(&this, &arguments);
    }
    // An object that says how it is to be searched for, as regular expressions do.
    if let Some(pattern) = arguments.first().and_then(Value::as_object) {
        let method = match name {
            "includes" => Symbol::r#match(ctx.clone()),
            "split" => Symbol::split(ctx.clone()),
            "replace" | "replaceAll" => Symbol::replace(ctx.clone()),
            _ => Symbol::iterator(ctx.clone()),
        };
        let method: Value<'js> = match name {
            "indexOf" | "lastIndexOf" => Value::new_undefined(ctx.clone()),
            _ => pattern.get(method)?,
        };
        if !method.is_undefined() && !method.is_null() {
            return native(&this, &arguments);
        }
    }
    let this = natives::to_string(ctx, &this)?;
    if let Some(first) = arguments.first_mut() {
        *first = natives::to_string(ctx, first)?;
    }
    let Some(pattern) = arguments.first().cloned() else {
        return native(&this, &arguments);
    };
    let (text, looked_for) = (length_of(&this)?, length_of(&pattern)?);
    if looked_for < LONG_PATTERN as u64 || text.saturating_mul(looked_for) <= QUICK_SEARCH {
        return native(&this, &arguments);
    }
    if let Call::Replace(own) = guarded.call {
        return function(ctx, run, own)?.call((This(this), Rest(arguments)));
    }
    let position = match arguments.get(1) {
        Some(position) if !position.is_undefined() => position.get::<Coerced<f64>>()?.0,
        _ if name == "lastIndexOf" => f64::NAN,
        _ => 0.0,
    };
    let (text, pattern) = (utf16(ctx, &this)?, utf16(ctx, &pattern)?);
    // The casts bring what lies outside of a text to its ends; not a number is 0, or the end for the last one.
    let found = if name == "lastIndexOf" {
        let until = if position.is_nan() {
            text.len()
        } else {
            (position.max(0.0) as usize)
                .saturating_add(pattern.len())
                .min(text.len())
        };
        occurrence(ctx, run, &text[..until], &pattern, 0, Which::Last)?
    } else {
        let from = (position.max(0.0) as usize).min(text.len());
        occurrence(ctx, run, &text, &pattern, from, Which::First)?
    };
    Ok(if name == "includes" {
        Value::new_bool(ctx.clone(), found.is_some())
    } else {
        Value::new_number(ctx.clone(), found.map_or(-1.0, |place| place as f64))
    })
}

fn length_of(string: &Value<'_>) -> Result<u64> {
    natives::string_length(string)
}
