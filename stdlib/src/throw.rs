//! Errors for rules: thrown with their whole message, and worded alike.

use std::fmt::Display;

use cla_runtime::internal::bytes_of;
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Error, Exception, Object, Value};

use crate::text::text;

/// The longest message that QuickJS takes for an error of its own, in bytes.
const MAX_NATIVE_MESSAGE: usize = 255;

/// How much of a rule's string an error message shows, in characters.
const MAX_SHOWN: usize = 40;

/// Throws a `TypeError`.
pub fn type_error(ctx: &Ctx<'_>, message: impl Display) -> Error {
    throw(ctx, &message.to_string(), Exception::throw_type)
}

/// Throws a `RangeError`.
pub(crate) fn range_error(ctx: &Ctx<'_>, message: impl Display) -> Error {
    throw(ctx, &message.to_string(), Exception::throw_range)
}

/// Throws a `SyntaxError`.
pub fn syntax_error(ctx: &Ctx<'_>, message: impl Display) -> Error {
    throw(ctx, &message.to_string(), Exception::throw_syntax)
}

/// Throws an `Error`.
pub fn error(ctx: &Ctx<'_>, message: impl Display) -> Error {
    Exception::throw_message(ctx, &message.to_string())
}

/// An error of the class `class` that has no place yet: where it first ends an `await` or a call of the rule's, the
/// interpreter gives it that place. Its constructor is not called.
///
/// For what comes out of the library's own promises, where no call of the rule's is on the stack.
pub(crate) fn placeless<'js>(
    ctx: &Ctx<'js>,
    class: &Object<'js>,
    message: &str,
) -> js::Result<Value<'js>> {
    let error = cla_runtime::internal::error_without_place(ctx, &class.get("prototype")?)?;
    let message = js::String::from_str(ctx.clone(), message)?;
    error.prop("message", Property::from(message).writable().configurable())?;
    let name: String = class.get("name")?;
    if error.get::<_, String>("name")? != name {
        error.set("name", name)?;
    }
    Ok(error.into_value())
}

/// An error of one of the language's classes, as [`placeless`] gives it; the class is the one that the language has, also
/// where a rule has put another in its place.
pub(crate) fn error_of<'js>(ctx: &Ctx<'js>, class: &str, message: &str) -> js::Result<Value<'js>> {
    let raise = match class {
        "TypeError" => Exception::throw_type,
        "RangeError" => Exception::throw_range,
        "SyntaxError" => Exception::throw_syntax,
        _ => Exception::throw_message,
    };
    let _ = raise(ctx, "");
    let sample = ctx.catch();
    let Some(prototype) = sample.as_object().and_then(Object::get_prototype) else {
        return Ok(sample);
    };
    let error = cla_runtime::internal::error_without_place(ctx, &prototype)?;
    let message = js::String::from_str(ctx.clone(), message)?;
    error.prop("message", Property::from(message).writable().configurable())?;
    Ok(error.into_value())
}

fn throw<'js>(ctx: &Ctx<'js>, message: &str, raise: fn(&Ctx<'js>, &str) -> Error) -> Error {
    let error = raise(ctx, message);
    if message.len() <= MAX_NATIVE_MESSAGE || !error.is_exception() {
        return error;
    }
    // QuickJS cut the message; put the whole one in its place.
    let value = ctx.catch();
    if let Some(object) = value.as_object()
        && let Err(error) = object.set("message", message)
    {
        return error;
    }
    ctx.throw(value)
}

/// Names a value in an error message: `undefined`, `-1`, `"abc"`, `an object`, ...
pub(crate) fn describe(value: &Value<'_>) -> String {
    if let Some(number) = value.as_number() {
        return number_text(number);
    }
    if let Some(boolean) = value.as_bool() {
        return boolean.to_string();
    }
    if let Some(string) = value.as_string() {
        let shown = text(string).unwrap_or_default();
        return quote(&shown);
    }
    let kind = if value.is_undefined() {
        "undefined"
    } else if value.is_null() {
        "null"
    } else if value.is_symbol() {
        "a symbol"
    } else if value.is_big_int() {
        "a BigInt"
    } else if value.is_function() {
        "a function"
    } else if value.is_array() {
        "an array"
    } else if value.is_promise() {
        "a promise"
    } else {
        "an object"
    };
    kind.to_owned()
}

/// A string in double quotes, cut to what fits a message.
pub fn quote(string: &str) -> String {
    match string.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => {
            let shown = format!("{:?}", &string[..end]);
            format!("{}…\"", shown.trim_end_matches('"'))
        }
        None => format!("{string:?}"),
    }
}

fn number_text(number: f64) -> String {
    if number.is_infinite() {
        let sign = if number < 0.0 { "-" } else { "" };
        format!("{sign}Infinity")
    } else if number.fract() == 0.0 && number.abs() < 1e21 {
        format!("{number}")
    } else {
        // Rust writes 1e300 with three hundred zeros unless told otherwise.
        let plain = number.to_string();
        if plain.len() > 24 {
            format!("{number:e}")
        } else {
            plain
        }
    }
}

/// The error for an option or argument of the wrong kind.
pub fn wrong<'js>(ctx: &Ctx<'js>, what: &str, expected: &str, value: &Value<'js>) -> Error {
    type_error(
        ctx,
        format_args!("{what} must be {expected}, not {}", describe(value)),
    )
}

/// A string argument that names something.
///
/// # Errors
///
/// A `TypeError` that names `what`: it is no string, or has half a surrogate pair, which would make two names one.
pub fn name_argument<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<String> {
    match value.as_string() {
        Some(string) => cla_runtime::internal::exact_text(ctx, what, string),
        None => Err(wrong(ctx, what, "a string", value)),
    }
}

/// A string argument that is shown or sent: half a surrogate pair is replaced.
///
/// # Errors
///
/// A `TypeError` that names `what`.
pub(crate) fn string_argument<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: &Value<'js>,
) -> js::Result<String> {
    match value.as_string() {
        Some(string) => text(string),
        None => Err(wrong(ctx, what, "a string", value)),
    }
}

/// The bytes of a text, in UTF-8, or those of a `Uint8Array`.
///
/// # Errors
///
/// A `TypeError` that names `what`.
pub(crate) fn bytes_argument<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: &Value<'js>,
) -> js::Result<Vec<u8>> {
    if value.is_string() {
        return Ok(string_argument(ctx, what, value)?.into_bytes());
    }
    match bytes_of(value)? {
        Some(bytes) => Ok(bytes),
        None => Err(wrong(ctx, what, "a string or a Uint8Array", value)),
    }
}
