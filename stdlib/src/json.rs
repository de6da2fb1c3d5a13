//! JSON texts as values, with the place of what is wrong with them.

use std::borrow::Cow;

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Function, IntoAtom, Object, Value};
use serde::de::IgnoredAny;

use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::yaml::is_as_written;

/// The deepest nesting that [`parse_exact`] reads.
const MAX_DEPTH: usize = 1_000;

/// Reads a JSON text; the inner error says what is wrong and where.
///
/// # Errors
///
/// What is not the text's fault: no memory, or more nesting than the stack has room for.
pub(crate) fn parse<'js>(ctx: &Ctx<'js>, source: &str) -> js::Result<Result<Value<'js>, String>> {
    State::of(ctx)?.pause(ctx)?;
    let error = match ctx.json_parse(source) {
        Ok(value) => return Ok(Ok(value)),
        Err(error) => error,
    };
    // QuickJS does not always say where, so another reader has the word.
    let Err(problem) = serde_json::from_str::<IgnoredAny>(source) else {
        return Err(error);
    };
    if error.is_exception() {
        let thrown = ctx.catch();
        if thrown.is_uncatchable_error() {
            return Err(ctx.throw(thrown));
        }
    }
    let (line, column) = (problem.line(), problem.column());
    let problem = problem.to_string();
    let problem = problem.split(" at line ").next().unwrap_or_default();
    Ok(Err(format!("{problem} at line {line}, column {column}")))
}

/// Reads a JSON text like [`parse`], with a BigInt for each integer whose digits a number does not keep.
///
/// # Errors
///
/// Those of [`parse`].
pub(crate) fn parse_exact<'js>(
    ctx: &Ctx<'js>,
    source: &str,
) -> js::Result<Result<Value<'js>, String>> {
    // Most texts have none, and what is wrong with a text is said in one way.
    let plain = parse(ctx, source)?;
    if plain.is_err() || !numbers(source).any(|(_, token)| is_lossy(token)) {
        return Ok(plain);
    }
    let state = State::of(ctx)?;
    let big: Function<'js> = state.intrinsics(ctx)?.get(Intrinsic::BigInt)?.get()?;
    // What is open, outermost first, with the key that waits for its value.
    let mut open: Vec<(Object<'js>, Option<Value<'js>>)> = Vec::new();
    let mut rest = source;
    loop {
        state.step(ctx)?;
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', ',', ':']);
        let Some(first) = rest.chars().next() else {
            return Ok(plain); // cannot happen: the text was read before
        };
        let length = match first {
            '{' | '[' | '}' | ']' => 1,
            '"' => end_of_text(rest),
            _ => end_of_word(rest),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        let value = match first {
            '{' | '[' if open.len() >= MAX_DEPTH => {
                let problem = format!("nested more than {MAX_DEPTH} levels deep");
                return Ok(Err(problem));
            }
            '{' => {
                open.push((Object::new(ctx.clone())?, None));
                continue;
            }
            '[' => {
                open.push((Array::new(ctx.clone())?.into_object(), None));
                continue;
            }
            '}' | ']' => match open.pop() {
                Some((object, _)) => object.into_value(),
                None => return Ok(plain), // cannot happen either
            },
            _ if is_lossy(token) => big.call((token,))?,
            _ => ctx.json_parse(token)?,
        };
        let Some((object, key)) = open.last_mut() else {
            return Ok(Ok(value));
        };
        let key = match (object.as_array(), key.take()) {
            (Some(list), _) => Value::new_number(ctx.clone(), list.len() as f64),
            (None, Some(key)) => key,
            (None, None) => {
                *key = Some(value);
                continue;
            }
        };
        let property = Property::from(value).writable().enumerable().configurable();
        object.prop(key.into_atom(ctx)?, property)?;
    }
}

/// Whether an integer is another one as a number.
fn is_lossy(token: &str) -> bool {
    let is_integer = token
        .trim_start_matches('-')
        .bytes()
        .all(|c| c.is_ascii_digit());
    let number = token.parse::<f64>();
    is_integer && number.is_ok_and(|number| !is_as_written(number, token))
}

/// Whether a number is too large for one: it would be infinite.
fn is_too_large(token: &str) -> bool {
    token.parse::<f64>().is_ok_and(f64::is_infinite)
}

/// A JSON text with quotes around each integer whose digits a number does not keep, and each number that would be infinite.
#[must_use]
pub fn with_quoted_integers(source: &str) -> Cow<'_, str> {
    let is_unfit = |token: &str| is_lossy(token) || is_too_large(token);
    // Most texts have none.
    if !numbers(source).any(|(_, token)| is_unfit(token)) {
        return Cow::Borrowed(source);
    }
    let (mut text, mut read) = (String::with_capacity(source.len()), 0);
    for (at, token) in numbers(source) {
        if is_unfit(token) {
            text.push_str(&source[read..at]);
            text.push('"');
            text.push_str(token);
            text.push('"');
            read = at + token.len();
        }
    }
    text.push_str(&source[read..]);
    Cow::Owned(text)
}

/// The numbers of a JSON text, and where they stand in it.
fn numbers(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = source;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
            rest = &rest[at..];
            let length = match rest.starts_with('"') {
                true => end_of_text(rest),
                false => end_of_word(rest),
            };
            let at = source.len() - rest.len();
            let (token, after) = rest.split_at(length);
            rest = after;
            if !token.starts_with('"') {
                return Some((at, token));
            }
        }
    })
}

/// Where the text ends with whose quote this begins.
fn end_of_text(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.bytes().enumerate().skip(1) {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Where a number, `true`, `false` or `null` ends.
fn end_of_word(rest: &str) -> usize {
    let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    rest.find(|c| !belongs(c)).unwrap_or(rest.len()).max(1)
}
