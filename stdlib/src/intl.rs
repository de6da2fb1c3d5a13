//! `Intl`, and the methods of dates, numbers and strings that go by a locale.
//!
//! The classes are JavaScript (`intl/intl.js`, `intl/others.js`) in the shape that ECMA-402 gives them; what they do is done by the
//! crate `cla-intl`. Nothing of it exists in a run before the rule names `Intl` or calls one of the methods.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

mod choices;
mod formats;
mod locales;

use std::cell::RefCell;
use std::rc::Rc;

use cla_intl::collation::{Collation, CollationOptions};
use cla_intl::{Tag, casing};
use cla_runtime::host::Run;
use cla_runtime::internal::{LibraryScript, LocaleMethod, LocaleMethods};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Function, Object, Value};

use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{describe, range_error, type_error};
use crate::web::part::Part;

/// `Intl`.
static INTL: Part = Part::new("cla:intl", include_str!("intl/intl.js"), natives);

/// The smaller classes.
static OTHERS: LibraryScript =
    LibraryScript::new("cla:intl/others", include_str!("intl/others.js"));

/// What a format counts for in the memory of its run, in bytes: the words of its locale are shared by all.
const FORMAT_BYTES: usize = 8 * 1024;

/// Makes the global `Intl`.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    INTL.load(ctx)?.get("Intl")
}

/// Lets the methods of the built-in classes go by a locale in this run.
pub(crate) fn install(run: &Run) {
    run.set_state(Rc::new(LocaleMethods(method)));
}

/// What comparing texts needs again and again.
#[derive(Default)]
struct Usual(RefCell<Option<Rc<Collation>>>);

/// Does what a method of a built-in class does that goes by a locale.
fn method<'js>(
    ctx: &Ctx<'js>,
    method: LocaleMethod,
    this: Value<'js>,
    arguments: Vec<Value<'js>>,
) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    let undefined = || Value::new_undefined(ctx.clone());
    let argument = |at: usize| arguments.get(at).cloned().unwrap_or_else(undefined);
    let function = |name: &str| -> js::Result<Function<'js>> { INTL.load(ctx)?.get(name) };
    let date = |name: &str| -> js::Result<Value<'js>> {
        let time: f64 = state.intrinsics(ctx)?.on(Intrinsic::DateTime, &this)?;
        function("dateText")?.call((name, time, argument(0), argument(1)))
    };
    match method {
        LocaleMethod::Date => date("toLocaleString"),
        LocaleMethod::DateOnly => date("toLocaleDateString"),
        LocaleMethod::TimeOnly => date("toLocaleTimeString"),
        LocaleMethod::Number => {
            let number: f64 = state.intrinsics(ctx)?.on(Intrinsic::NumberValue, &this)?;
            let name = "Number.toLocaleString";
            function("numberText")?.call((name, number, argument(0), argument(1)))
        }
        LocaleMethod::BigInt => {
            let number: Value<'js> = state.intrinsics(ctx)?.on(Intrinsic::BigIntValue, &this)?;
            let digits = coerce(ctx, &number)?;
            let name = "BigInt.toLocaleString";
            function("numberText")?.call((name, digits, argument(0), argument(1)))
        }
        LocaleMethod::Compare => {
            let (first, second) = (string_of(ctx, &this, "localeCompare")?, argument(0));
            let second = coerce(ctx, &second)?;
            let (locales, options) = (argument(1), argument(2));
            if locales.is_undefined() && options.is_undefined() {
                let order = usual(ctx, &state)?.compare(&first, &second);
                state.wrote(ctx, first.len().min(second.len()))?;
                return Ok(Value::new_int(ctx.clone(), order as i32));
            }
            function("comparison")?.call((first, second, locales, options))
        }
        LocaleMethod::Upper | LocaleMethod::Lower => {
            let (name, change): (_, fn(&Tag, &str) -> String) = match method {
                LocaleMethod::Upper => ("String.toLocaleUpperCase", casing::upper),
                _ => ("String.toLocaleLowerCase", casing::lower),
            };
            let whole = string_of(ctx, &this, name)?;
            let tag: String = function("caseLocale")?.call((name, argument(0)))?;
            let tag = parsed(ctx, name, &tag)?;
            state.pause(ctx)?;
            let _counted = state.run().reserve(ctx, "the text", 3 * whole.len())?;
            js::IntoJs::into_js(change(&tag, &whole), ctx)
        }
    }
}

/// The string that a method of strings is called on.
fn string_of<'js>(ctx: &Ctx<'js>, this: &Value<'js>, name: &str) -> js::Result<String> {
    if this.is_null() || this.is_undefined() {
        let shown = describe(this);
        return Err(type_error(
            ctx,
            format_args!("{name} was called on {shown}"),
        ));
    }
    coerce(ctx, this)
}

/// How texts are compared where no locale is named.
fn usual(ctx: &Ctx<'_>, state: &State) -> js::Result<Rc<Collation>> {
    let kept = state.run().state().unwrap_or_else(|| {
        let kept = Rc::new(Usual::default());
        state.run().set_state(Rc::clone(&kept));
        kept
    });
    if let Some(known) = &*kept.0.borrow() {
        return Ok(Rc::clone(known));
    }
    let tag = parsed(ctx, "localeCompare", cla_intl::DEFAULT)?;
    let made = Collation::new(&tag, &CollationOptions::default());
    let made = Rc::new(made.map_err(|error| range_error(ctx, error))?);
    *kept.0.borrow_mut() = Some(Rc::clone(&made));
    Ok(made)
}

/// A tag that a rule gave.
fn parsed(ctx: &Ctx<'_>, who: &str, tag: &str) -> js::Result<Tag> {
    Tag::parse(tag).map_err(|error| range_error(ctx, format_args!("{who}: {error}")))
}

/// What cannot be done, as an error of `who`.
fn refused<'c>(ctx: &'c Ctx<'_>, who: &'c str) -> impl Fn(cla_intl::Error) -> js::Error + 'c {
    move |error| range_error(ctx, format_args!("{who}: {error}"))
}

/// Adds what the scripts are given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("hidden", Function::new(ctx.clone(), hidden))?;
    define("shown", Function::new(ctx.clone(), shown))?;
    define("now", Function::new(ctx.clone(), now))?;
    define("others", Function::new(ctx.clone(), others))?;
    natives.set("usual", cla_intl::DEFAULT)?;
    locales::natives(ctx, natives)?;
    formats::natives(ctx, natives)
}

/// `others()`: what makes the smaller classes.
fn others<'js>(ctx: Ctx<'js>) -> js::Result<Value<'js>> {
    OTHERS.run(&ctx)
}

/// `hidden(object, name, value)`: a property that loops do not find.
fn hidden<'js>(object: Object<'js>, name: String, value: Value<'js>) -> js::Result<()> {
    object.prop(name, Property::from(value).writable().configurable())
}

/// `shown(value)`: a value in a message.
fn shown(value: Value<'_>) -> String {
    describe(&value)
}

/// `now()`: milliseconds since 1970.
fn now(ctx: Ctx<'_>) -> js::Result<f64> {
    let date = State::of(&ctx)?.run().clock().date();
    let since = date.duration_since(std::time::SystemTime::UNIX_EPOCH);
    Ok(since.unwrap_or_default().as_millis() as f64)
}

/// An option: the text that a script put there.
fn option<'js>(options: &Object<'js>, name: &str) -> js::Result<Option<String>> {
    let value: Value<'js> = options.get(name)?;
    value.as_string().map(text).transpose()
}
