//! To JavaScript: making a value.

use rquickjs::{Array, ArrayBuffer, Ctx, Object, Result, TypedArray, Value};
use serde_json::Value as Json;

use crate::run::run_of;
use crate::sys::values::{define_element, define_property};
use crate::value::RuleValue;

/// How many parts are made between two questions whether the run may go on.
const STEPS_PER_QUESTION: u32 = 1024;

/// JSON as a rule's value: what `JSON.parse` gives.
pub(crate) fn from_json<'js>(ctx: &Ctx<'js>, json: &Json) -> Result<Value<'js>> {
    build(ctx, json)
}

/// A rule's value; what was made is freed on the way.
pub(crate) fn from_value<'js>(ctx: &Ctx<'js>, value: RuleValue) -> Result<Value<'js>> {
    build(ctx, value)
}

/// Something that a JavaScript value can be made of.
trait Plan<'js>: Sized {
    type Items: Iterator<Item = Self>;
    type Entries: Iterator<Item = (Self::Key, Self)>;
    type Key: AsRef<str>;

    fn open(self, ctx: &Ctx<'js>) -> Result<Opened<'js, Self>>;
}

enum Opened<'js, P: Plan<'js>> {
    Whole(Value<'js>),
    Array(P::Items),
    Object(P::Entries),
}

enum Open<'js, P: Plan<'js>> {
    Array(Object<'js>, u32, P::Items),
    Object(Object<'js>, P::Entries, Option<P::Key>),
}

fn build<'js, P: Plan<'js>>(ctx: &Ctx<'js>, plan: P) -> Result<Value<'js>> {
    let run = run_of(ctx);
    let mut open: Vec<Open<'js, P>> = Vec::new();
    let mut steps = 0_u32;
    let mut next = Some(plan);
    loop {
        steps += 1;
        if steps.is_multiple_of(STEPS_PER_QUESTION)
            && let Some(run) = &run
        {
            run.checkpoint(ctx)?;
        }
        let mut made = None;
        if let Some(plan) = next.take() {
            match plan.open(ctx)? {
                Opened::Whole(value) => made = Some(value),
                Opened::Array(items) => {
                    let array = Array::new(ctx.clone())?.into_object();
                    open.push(Open::Array(array, 0, items));
                }
                Opened::Object(entries) => {
                    open.push(Open::Object(Object::new(ctx.clone())?, entries, None));
                }
            }
        }
        if let Some(value) = made {
            match open.last_mut() {
                None => return Ok(value),
                Some(Open::Array(array, length, _)) => {
                    define_element(array, *length, &value)?;
                    *length += 1;
                }
                Some(Open::Object(object, _, key)) => {
                    if let Some(key) = key.take() {
                        define_property(object, key.as_ref(), &value)?;
                    }
                }
            }
        }
        let done = match open.last_mut() {
            Some(Open::Array(_, _, items)) => {
                next = items.next();
                next.is_none()
            }
            Some(Open::Object(_, entries, waiting)) => match entries.next() {
                Some((key, value)) => {
                    *waiting = Some(key);
                    next = Some(value);
                    false
                }
                None => true,
            },
            None => false,
        };
        if done {
            let whole = match open.pop() {
                Some(Open::Array(object, ..) | Open::Object(object, ..)) => object.into_value(),
                None => Value::new_undefined(ctx.clone()),
            };
            match open.last_mut() {
                None => return Ok(whole),
                Some(Open::Array(array, length, _)) => {
                    define_element(array, *length, &whole)?;
                    *length += 1;
                }
                Some(Open::Object(object, _, key)) => {
                    if let Some(key) = key.take() {
                        define_property(object, key.as_ref(), &whole)?;
                    }
                }
            }
        }
    }
}

fn string<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    Ok(rquickjs::String::from_str(ctx.clone(), text)?.into_value())
}

fn number<'js>(ctx: &Ctx<'js>, number: f64) -> Value<'js> {
    let whole = number as i32;
    if f64::from(whole) == number && !(whole == 0 && number.is_sign_negative()) {
        Value::new_int(ctx.clone(), whole)
    } else {
        Value::new_float(ctx.clone(), number)
    }
}

impl<'js, 'a> Plan<'js> for &'a Json {
    type Items = std::slice::Iter<'a, Json>;
    type Entries = serde_json::map::Iter<'a>;
    type Key = &'a String;

    fn open(self, ctx: &Ctx<'js>) -> Result<Opened<'js, Self>> {
        let whole = match self {
            Json::Null => Value::new_null(ctx.clone()),
            Json::Bool(value) => Value::new_bool(ctx.clone(), *value),
            Json::Number(value) => number(ctx, value.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => string(ctx, text)?,
            Json::Array(items) => return Ok(Opened::Array(items.iter())),
            Json::Object(entries) => return Ok(Opened::Object(entries.iter())),
        };
        Ok(Opened::Whole(whole))
    }
}

impl<'js> Plan<'js> for RuleValue {
    type Items = std::vec::IntoIter<RuleValue>;
    type Entries = std::vec::IntoIter<(String, RuleValue)>;
    type Key = String;

    fn open(self, ctx: &Ctx<'js>) -> Result<Opened<'js, Self>> {
        let whole = match self {
            RuleValue::Null | RuleValue::Passed(_) => Value::new_null(ctx.clone()),
            RuleValue::Bool(value) => Value::new_bool(ctx.clone(), value),
            RuleValue::Number(value) => number(ctx, value),
            RuleValue::BigInt(digits) => big_int(ctx, &digits)?,
            RuleValue::String(text) => string(ctx, &text)?,
            RuleValue::Bytes(bytes) => {
                let buffer = ArrayBuffer::new_copy(ctx.clone(), &bytes)?;
                TypedArray::<u8>::from_arraybuffer(buffer)?.into_value()
            }
            RuleValue::Array(items) => return Ok(Opened::Array(items.into_iter())),
            RuleValue::Object(entries) => return Ok(Opened::Object(entries.into_iter())),
        };
        Ok(Opened::Whole(whole))
    }
}

/// A `BigInt` of its digits.
fn big_int<'js>(ctx: &Ctx<'js>, digits: &str) -> Result<Value<'js>> {
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(rquickjs::BigInt::from_i64(ctx.clone(), number)?.into_value());
    }
    let whole = digits.strip_prefix('-').unwrap_or(digits);
    if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        let message = format!("{digits:?} is no BigInt");
        return Err(rquickjs::Exception::throw_syntax(ctx, &message));
    }
    // A literal, so that nothing that a script has put in the place of `BigInt` is asked.
    ctx.eval(format!("{digits}n"))
}
