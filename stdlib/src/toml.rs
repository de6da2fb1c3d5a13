//! TOML to values and back, by TOML 1.1. The crate `toml` reads, and writes keys, texts and numbers.
//!
//! A date with its time and offset is a moment, so it becomes a `Date`, and a `Date` becomes one. Those without an offset are
//! texts, as they were written.

mod dump;

use std::vec;

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, BigInt, Constructor, Ctx, FromJs, IntoJs, Object, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::text::place;
use crate::throw::syntax_error;

pub(crate) use dump::dump;

/// The deepest nesting that is written: as deep as is read.
const MAX_DEPTH: usize = 80;

/// What is kept of a text while it is read, for each byte of it at most: `[1,1,1,...`.
const TREE_BYTES: usize = 64;

/// The largest integer up to which JavaScript's numbers have no gaps.
const MAX_SAFE: i64 = 9_007_199_254_740_991;

/// What is still to be read of a table or an array, and where it goes.
enum Open<'i, 'js> {
    Table {
        left: toml::map::IntoIter<Spanned<toml::de::DeString<'i>>, Spanned<DeValue<'i>>>,
        target: Object<'js>,
    },
    Array {
        left: vec::IntoIter<Spanned<DeValue<'i>>>,
        target: Array<'js>,
        length: usize,
    },
}

/// Reads a TOML document.
///
/// # Errors
///
/// A `SyntaxError` that begins with `what` and says where; a `RangeError` if there is no memory to read it.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, source: &str, what: &str) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    state.pause(ctx)?;
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let bytes = source.len().saturating_mul(TREE_BYTES);
    let _reserved = state.run().reserve(ctx, "reading the text", bytes)?;
    let fail = |at: usize, problem: &dyn std::fmt::Display| {
        let place = place(source, at);
        syntax_error(ctx, format_args!("{what}: {problem} at {place}"))
    };
    let table = DeTable::parse(source).map_err(|error| {
        let at = error.span().map_or(source.len(), |span| span.start);
        fail(at, &error.message())
    })?;
    let document = Object::new(ctx.clone())?;
    let mut open = vec![Open::Table {
        left: table.into_inner().into_iter(),
        target: document.clone(),
    }];
    while let Some(frame) = open.last_mut() {
        state.step(ctx)?;
        let (key, value) = match frame {
            Open::Table { left, .. } => match left.next() {
                Some((key, value)) => (Some(key), value),
                None => {
                    open.pop();
                    continue;
                }
            },
            Open::Array { left, .. } => match left.next() {
                Some(value) => (None, value),
                None => {
                    open.pop();
                    continue;
                }
            },
        };
        let at = value.span().start;
        let mut inner = None;
        let value = match value.into_inner() {
            DeValue::String(text) => text.as_ref().into_js(ctx)?,
            DeValue::Boolean(value) => Value::new_bool(ctx.clone(), value),
            DeValue::Integer(number) => {
                let Ok(number) = i64::from_str_radix(number.as_str(), number.radix()) else {
                    return Err(fail(at, &"the integer has more than 64 bits"));
                };
                if (-MAX_SAFE..=MAX_SAFE).contains(&number) {
                    Value::new_number(ctx.clone(), number as f64)
                } else {
                    BigInt::from_i64(ctx.clone(), number)?.into_value()
                }
            }
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Value::new_number(ctx.clone(), number),
                Err(_) => return Err(fail(at, &"this is no number")),
            },
            DeValue::Datetime(date) => {
                let text = date.to_string();
                match date.offset.and_then(|_| moment(&text)) {
                    Some(time) => {
                        let class = state.intrinsics(ctx)?.get(Intrinsic::Date)?;
                        Constructor::from_js(ctx, class)?.construct((time,))?
                    }
                    None => text.into_js(ctx)?,
                }
            }
            DeValue::Array(items) => {
                let target = Array::new(ctx.clone())?;
                inner = Some(Open::Array {
                    left: items.into_iter(),
                    target: target.clone(),
                    length: 0,
                });
                target.into_value()
            }
            DeValue::Table(table) => {
                let target = Object::new(ctx.clone())?;
                inner = Some(Open::Table {
                    left: table.into_iter(),
                    target: target.clone(),
                });
                target.into_value()
            }
        };
        match frame {
            Open::Table { target, .. } => {
                let key = key.map(Spanned::into_inner).unwrap_or_default();
                // Defined rather than set: `__proto__` is a key like any other.
                let value = Property::from(value).writable().enumerable().configurable();
                target.prop(key.as_ref(), value)?;
            }
            Open::Array { target, length, .. } => {
                target.set(*length, value)?;
                *length += 1;
            }
        }
        open.extend(inner);
    }
    Ok(document.into_value())
}

/// The milliseconds since 1970 of a date with its time and offset.
fn moment(text: &str) -> Option<f64> {
    let moment = text.parse::<jiff::Timestamp>().ok()?;
    Some(moment.as_millisecond() as f64)
}
