//! Paths into the stash: JSON pointers (RFC 6901), or the plain name of a top-level key.
//!
//! Only what an object has itself counts: `__proto__` and `constructor` are keys like any other.

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, IntoJs, Object, Value};

use crate::intrinsics::Intrinsics;
use crate::throw::{quote, range_error, syntax_error, type_error};

/// The most parts that a path may have.
const MAX_PARTS: usize = 1_000;

/// Takes a path apart.
///
/// # Errors
///
/// A `SyntaxError` for a `~` that is no escape.
pub(crate) fn parts(ctx: &Ctx<'_>, what: &str, path: &str) -> js::Result<Vec<String>> {
    let Some(pointer) = path.strip_prefix('/') else {
        return Ok(if path.is_empty() {
            Vec::new()
        } else {
            vec![path.to_owned()]
        });
    };
    let parts: Option<Vec<String>> = pointer.split('/').map(unescape).collect();
    match parts {
        Some(parts) if parts.len() > MAX_PARTS => Err(range_error(
            ctx,
            format_args!("{what}: the path has more than {MAX_PARTS} parts"),
        )),
        Some(parts) => Ok(parts),
        None => Err(syntax_error(
            ctx,
            format_args!("{what}: in {} write ~0 for ~ and ~1 for /", quote(path)),
        )),
    }
}

fn unescape(part: &str) -> Option<String> {
    let mut characters = part.chars();
    let mut plain = String::with_capacity(part.len());
    while let Some(character) = characters.next() {
        plain.push(match character {
            '~' => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(plain)
}

/// An index of an array, without leading zeros.
fn index(part: &str) -> Option<u32> {
    let canonical = part == "0" || part.starts_with(|first: char| ('1'..='9').contains(&first));
    part.parse().ok().filter(|_| canonical)
}

/// The own property of that name; what a getter of the stash gives counts, too.
fn own<'js>(
    intrinsics: &Intrinsics<'js>,
    object: &Object<'js>,
    part: &str,
) -> js::Result<Option<Value<'js>>> {
    if object.is_array() && index(part).is_none() {
        return Ok(None);
    }
    let key = part.into_js(object.ctx())?;
    match intrinsics.own_property(object, &key)? {
        Some(_) => Ok(Some(object.get(key)?)),
        None => Ok(None),
    }
}

/// What is at a path, if anything is.
pub(crate) fn get<'js>(
    intrinsics: &Intrinsics<'js>,
    root: &Value<'js>,
    parts: &[String],
) -> js::Result<Option<Value<'js>>> {
    let mut value = root.clone();
    for part in parts {
        let Some(object) = value.as_object() else {
            return Ok(None);
        };
        match own(intrinsics, object, part)? {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// Takes away what is at a path; `false` if there was nothing. Later items of an array move up.
pub(crate) fn remove<'js>(
    ctx: &Ctx<'js>,
    intrinsics: &Intrinsics<'js>,
    what: &str,
    root: &Value<'js>,
    parts: &[String],
) -> js::Result<bool> {
    let Some((last, way)) = parts.split_last() else {
        return Err(type_error(
            ctx,
            format_args!("{what}: the path must name a key to remove"),
        ));
    };
    let holder = get(intrinsics, root, way)?.and_then(Value::into_object);
    let Some(holder) = holder else {
        return Ok(false);
    };
    if own(intrinsics, &holder, last)?.is_none() {
        return Ok(false);
    }
    match (holder.as_array(), index(last)) {
        (Some(array), Some(index)) => {
            let length = array.len();
            for at in index as usize + 1..length {
                array.set(at - 1, array.get::<Value<'js>>(at)?)?;
            }
            holder.set("length", length - 1)?;
        }
        _ => holder.remove(last.as_str())?,
    }
    Ok(true)
}

/// Puts a value at a path and makes what is missing on the way: an array where the next part is `-` or
/// `0`, otherwise an object.
pub(crate) fn set<'js>(
    ctx: &Ctx<'js>,
    intrinsics: &Intrinsics<'js>,
    what: &str,
    root: &Object<'js>,
    parts: &[String],
    value: Value<'js>,
) -> js::Result<()> {
    let Some((last, way)) = parts.split_last() else {
        return Err(type_error(
            ctx,
            format_args!("{what}: the path must name a key to set"),
        ));
    };
    let mut object = root.clone();
    for (at, part) in way.iter().enumerate() {
        let next = match own(intrinsics, &object, part)? {
            Some(next) if !next.is_null() && !next.is_undefined() => next,
            _ => {
                let following = parts.get(at + 1).map(String::as_str);
                let fresh = if matches!(following, Some("-" | "0")) {
                    js::Array::new(ctx.clone())?.into_object()
                } else {
                    Object::new(ctx.clone())?
                };
                put(ctx, what, &object, part, fresh.clone().into_value())?;
                fresh.into_value()
            }
        };
        object = match next.into_object() {
            Some(object) => object,
            None => {
                let message = format!(
                    "{what}: {} is no object, so nothing can be set in it",
                    quote(part)
                );
                return Err(type_error(ctx, message));
            }
        };
    }
    put(ctx, what, &object, last, value)
}

fn put<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    object: &Object<'js>,
    part: &str,
    value: Value<'js>,
) -> js::Result<()> {
    let Some(array) = object.as_array() else {
        let property = Property::from(value).writable().enumerable().configurable();
        return object.prop(part, property);
    };
    let length = array.len();
    let at = match part {
        "-" => length,
        _ => match index(part) {
            Some(index) => index as usize,
            None => {
                let message = format!("{what}: {} is no index of an array", quote(part));
                return Err(type_error(ctx, message));
            }
        },
    };
    if at > length {
        let message = format!("{what}: index {at} is beyond the end of an array of {length}");
        return Err(range_error(ctx, message));
    }
    array.set(at, value)
}
