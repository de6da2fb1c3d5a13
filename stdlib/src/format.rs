//! Several values as one line of text, as `print` and `console.log` write them.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Coerced, Ctx, FromJs, Value};
use cla_runtime::output::OutputStream;

use crate::inspect::{InspectOptions, inspect};
use crate::state::State;
use crate::text::{coerce, text, within_memory};

/// The nesting that `%o` shows, as in Node.
const DETAILED_DEPTH: usize = 4;

/// How a refusal calls what is put together here: one large value may be in it many times.
const LINE: &str = "the line";

/// A value as `print` shows it: strings as they are, everything else inspected.
pub(crate) fn display<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<String> {
    match value.as_string() {
        Some(string) => text(string),
        None => inspect(ctx, value, &InspectOptions::default()),
    }
}

/// Values with spaces between.
pub(crate) fn join<'js>(ctx: &Ctx<'js>, values: &[Value<'js>]) -> js::Result<String> {
    let state = State::of(ctx)?;
    let Some((first, rest)) = values.split_first() else {
        return Ok(String::new());
    };
    // The one text of a large `print` is not copied again.
    let mut line = display(ctx, first)?;
    state.wrote(ctx, line.len())?;
    for value in rest {
        line.push(' ');
        let shown = display(ctx, value)?;
        state.wrote(ctx, shown.len())?;
        line.push_str(&shown);
        within_memory(ctx, LINE, line.len())?;
    }
    Ok(line)
}

/// The global `print`.
pub(crate) fn print<'js>(ctx: Ctx<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    let mut line = join(&ctx, &values)?;
    line.push('\n');
    State::of(&ctx)?.write(&ctx, OutputStream::Stdout, &line)
}

/// Values as `console.log` writes them: a first string's `%s`, `%d`, ... stand for the values after it.
pub(crate) fn format<'js>(ctx: &Ctx<'js>, values: &[Value<'js>]) -> js::Result<String> {
    let Some(((first, rest), string)) = values
        .split_first()
        .filter(|(_, rest)| !rest.is_empty())
        .and_then(|parts| Some((parts, parts.0.as_string()?)))
    else {
        return join(ctx, values);
    };
    let _ = first;
    let pattern = text(string)?;
    let mut line = String::with_capacity(pattern.len());
    let mut rest = rest.iter();
    let mut left = pattern.as_str();
    let state = State::of(ctx)?;
    while let Some(at) = left.find('%') {
        state.wrote(ctx, at)?;
        line.push_str(&left[..at]);
        let specifier = left[at + 1..].chars().next();
        let consumed = match specifier {
            Some('%') => {
                line.push('%');
                true
            }
            Some(letter @ ('s' | 'd' | 'i' | 'f' | 'j' | 'o' | 'O' | 'c')) => match rest.next() {
                Some(value) => {
                    line.push_str(&one(ctx, letter, value)?);
                    within_memory(ctx, LINE, line.len())?;
                    true
                }
                None => false,
            },
            _ => false,
        };
        left = &left[at + 1..];
        if consumed {
            left = &left[1..];
        } else {
            line.push('%');
        }
    }
    line.push_str(left);
    let rest = rest.as_slice();
    if !rest.is_empty() {
        line.push(' ');
        line.push_str(&join(ctx, rest)?);
    }
    Ok(line)
}

/// One value in place of a specifier.
fn one<'js>(ctx: &Ctx<'js>, specifier: char, value: &Value<'js>) -> js::Result<String> {
    match specifier {
        's' if value.is_object() => inspect(ctx, value, &InspectOptions::default().depth(0)),
        's' => {
            if value.is_symbol() || is_negative_zero(value) || value.is_big_int() {
                display(ctx, value)
            } else {
                coerce(ctx, value)
            }
        }
        'd' | 'i' | 'f' if value.is_big_int() && specifier != 'f' => display(ctx, value),
        'd' | 'i' | 'f' if value.is_symbol() => Ok("NaN".to_owned()),
        'd' => {
            let number = Coerced::<f64>::from_js(ctx, value.clone())?.0;
            display(ctx, &Value::new_number(ctx.clone(), number))
        }
        'i' | 'f' => {
            let name = if specifier == 'i' {
                "parseInt"
            } else {
                "parseFloat"
            };
            let parse: js::Function<'js> = ctx.globals().get(name)?;
            display(ctx, &parse.call::<_, Value<'js>>((value.clone(),))?)
        }
        'j' => match ctx.json_stringify(value.clone()) {
            Ok(Some(json)) => text(&json),
            Ok(None) => Ok("undefined".to_owned()),
            Err(error) if error.is_exception() => {
                let thrown = ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(ctx.throw(thrown));
                }
                // A line of output is no reason to fail.
                display(ctx, value)
            }
            Err(error) => Err(error),
        },
        'o' => inspect(ctx, value, &InspectOptions::default().depth(DETAILED_DEPTH)),
        'O' => inspect(ctx, value, &InspectOptions::default()),
        // Styles are for browsers.
        _ => Ok(String::new()),
    }
}

fn is_negative_zero(value: &Value<'_>) -> bool {
    value
        .as_number()
        .is_some_and(|number| number == 0.0 && number.is_sign_negative())
}
