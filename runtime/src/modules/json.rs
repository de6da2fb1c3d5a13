//! Values of large JSON texts: parsed piece by piece, so that other runs have their turn in between.

use rquickjs::object::{Filter, Property};
use rquickjs::{Array, Atom, Ctx, IntoAtom, Object, Value};

use crate::run::Run;

/// So much is parsed in one go, in bytes: some milliseconds.
const PIECE: usize = 256 * 1024;

/// Lists and maps are taken apart down to this depth; what is in them is parsed in one go.
const DEEPEST: usize = 16;

/// The value of a text that is known to be JSON.
///
/// # Errors
///
/// That of [`Run::checkpoint`], or there is no memory left.
pub(super) fn parse<'js>(ctx: &Ctx<'js>, run: &Run, text: &str) -> rquickjs::Result<Value<'js>> {
    value(ctx, run, text, 0)
}

fn value<'js>(ctx: &Ctx<'js>, run: &Run, text: &str, depth: usize) -> rquickjs::Result<Value<'js>> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let inside = (text.len() > PIECE && depth < DEEPEST)
        .then(|| text.get(1..text.len() - 1))
        .flatten();
    match (text.as_bytes().first(), inside) {
        (Some(b'['), Some(inside)) => list(ctx, run, inside, depth),
        (Some(b'{'), Some(inside)) => map(ctx, run, inside, depth),
        _ => {
            run.checkpoint(ctx)?;
            ctx.json_parse(text)
        }
    }
}

fn list<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    inside: &str,
    depth: usize,
) -> rquickjs::Result<Value<'js>> {
    let list = Array::new(ctx.clone())?;
    let mut length: u32 = 0;
    for piece in Pieces::of(inside) {
        if piece.len() > PIECE {
            let value = value(ctx, run, piece, depth + 1)?;
            define(list.as_object(), length, value)?;
            length += 1;
            continue;
        }
        let part = self::value(ctx, run, &format!("[{piece}]"), DEEPEST)?;
        if let Some(part) = part.as_array() {
            for value in part.iter::<Value<'js>>() {
                define(list.as_object(), length, value?)?;
                length += 1;
            }
        }
    }
    Ok(list.into_value())
}

fn map<'js>(ctx: &Ctx<'js>, run: &Run, inside: &str, depth: usize) -> rquickjs::Result<Value<'js>> {
    let map = Object::new(ctx.clone())?;
    for piece in Pieces::of(inside) {
        if piece.len() > PIECE
            && let Some((key, item)) = split_entry(piece)
        {
            let key = ctx.json_parse(key)?;
            let value = value(ctx, run, item, depth + 1)?;
            define(&map, Atom::from_value(ctx.clone(), &key)?, value)?;
            continue;
        }
        let part = self::value(ctx, run, &format!("{{{piece}}}"), DEEPEST)?;
        if let Some(part) = part.as_object() {
            for entry in part.own_props::<Atom<'js>, Value<'js>>(Filter::default()) {
                let (key, value) = entry?;
                define(&map, key, value)?;
            }
        }
    }
    Ok(map.into_value())
}

/// Not `set`: a name such as `__proto__` is one like any other.
fn define<'js>(
    object: &Object<'js>,
    key: impl IntoAtom<'js>,
    value: Value<'js>,
) -> rquickjs::Result<()> {
    let property = Property::from(value).writable().enumerable().configurable();
    object.prop(key, property)
}

/// The key and the value of one entry of a map.
fn split_entry(entry: &str) -> Option<(&str, &str)> {
    let bytes = entry.as_bytes();
    let mut at = entry.find('"')? + 1;
    while bytes.get(at)? != &b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    let (key, rest) = entry.split_at(at + 1);
    let (_, value) = rest.split_once(':')?;
    Some((key, value))
}

/// The items of a list or map, many small ones together, large ones alone.
struct Pieces<'t> {
    rest: &'t str,
}

impl<'t> Pieces<'t> {
    fn of(inside: &'t str) -> Self {
        Self { rest: inside }
    }

    /// Where the next comma stands that is in no string and no brackets, from `from` on.
    fn comma(&self, from: usize) -> usize {
        let bytes = self.rest.as_bytes();
        let (mut at, mut depth, mut in_string) = (from, 0_usize, false);
        while let Some(byte) = bytes.get(at) {
            match (in_string, byte) {
                (true, b'\\') => at += 1,
                (_, b'"') => in_string = !in_string,
                (true, _) => {}
                (false, b'[' | b'{') => depth += 1,
                (false, b']' | b'}') => depth = depth.saturating_sub(1),
                (false, b',') if depth == 0 => break,
                (false, _) => {}
            }
            at += 1;
        }
        at.min(bytes.len())
    }
}

impl<'t> Iterator for Pieces<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        if self.rest.is_empty() {
            return None;
        }
        let mut end = self.comma(0);
        while end < self.rest.len() {
            let next = self.comma(end + 1);
            if next > PIECE {
                break;
            }
            end = next;
        }
        let piece = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::{PIECE, Pieces, split_entry};

    #[test]
    fn a_text_is_cut_between_its_items_only() {
        let large = format!("[{}1]", "\"a,]\\\"\",".repeat(PIECE / 4));
        let text = format!("1,\"b,\\\\\",{{\"c\":[1,2]}},{large},5,[6,7]");
        let pieces: Vec<&str> = Pieces::of(&text).collect();
        assert_eq!(pieces, ["1,\"b,\\\\\",{\"c\":[1,2]}", &large, "5,[6,7]"]);
        assert_eq!(Pieces::of(" ").collect::<Vec<_>>(), [" "]);
    }

    #[test]
    fn an_entry_is_a_key_and_a_value() {
        let entry = " \"a\\\":b\" : {\"c\": 1}";
        assert_eq!(split_entry(entry), Some((" \"a\\\":b\"", " {\"c\": 1}")));
    }
}
