//! What `buffer.js` needs of Rust: texts as bytes and back, and looking for bytes in bytes.

use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use cla_runtime::host::Run;
use cla_runtime::internal::{view_bytes, view_part};
use cla_runtime::js::{self, ArrayBuffer, Ctx, Function, IntoJs, Object, Value};
use memchr::memmem;

use crate::state::State;
use crate::text::coerce;

/// Adds what `buffer.js` is given.
pub(super) fn natives<'js>(
    ctx: &Ctx<'js>,
    _run: &Rc<Run>,
    natives: &Object<'js>,
) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("encode", Function::new(ctx.clone(), encode))?;
    define("decode", Function::new(ctx.clone(), decode))?;
    define("byteLengthOf", Function::new(ctx.clone(), byte_length))?;
    define("compareBytes", Function::new(ctx.clone(), compare))?;
    define("find", Function::new(ctx.clone(), find))?;
    define("isAscii", Function::new(ctx.clone(), is_ascii))?;
    define("isUtf8", Function::new(ctx.clone(), is_utf8))
}

fn bytes(value: &Value<'_>) -> js::Result<Vec<u8>> {
    Ok(view_bytes(value)?.unwrap_or_default())
}

/// `encode(text, encoding)`: the bytes, in a buffer of their own.
fn encode<'js>(ctx: Ctx<'js>, text: Value<'js>, encoding: String) -> js::Result<ArrayBuffer<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let text = coerce(&ctx, &text)?;
    let bytes = match encoding.as_str() {
        "utf16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "latin1" | "ascii" => text.encode_utf16().map(low_byte).collect(),
        "base64" | "base64url" => from_base64(&text),
        "hex" => from_hex(text.as_bytes()),
        _ => text.into_bytes(),
    };
    drop(state.run().reserve(&ctx, "the bytes", bytes.len())?);
    ArrayBuffer::new_copy(ctx, bytes)
}

/// What is left of a character where one byte must do.
fn low_byte(unit: u16) -> u8 {
    unit.to_le_bytes()[0]
}

/// Either alphabet, up to the first `=`; what belongs to none is left out.
fn from_base64(text: &str) -> Vec<u8> {
    let mut digits: Vec<u8> = text
        .bytes()
        .take_while(|byte| *byte != b'=')
        .filter_map(|byte| match byte {
            b'-' => Some(b'+'),
            b'_' => Some(b'/'),
            b'+' | b'/' => Some(byte),
            _ if byte.is_ascii_alphanumeric() => Some(byte),
            _ => None,
        })
        .collect();
    if digits.len() % 4 == 1 {
        // Six bits are no byte.
        digits.pop();
    }
    // The last digit may have bits that belong to no byte: they count as zero.
    if let (rest @ (2 | 3), Some(last)) = (digits.len() % 4, digits.last_mut()) {
        let spare = if rest == 2 { 0b1111 } else { 0b11 };
        let value = ALPHABET.iter().position(|digit| digit == last).unwrap_or(0);
        *last = ALPHABET[value & !spare];
    }
    STANDARD_NO_PAD.decode(&digits).unwrap_or_default()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Pairs of digits, up to the first that is none.
fn from_hex(text: &[u8]) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = text.chunks_exact(2).map_while(|pair| {
        let value = digit(pair[0])? * 16 + digit(pair[1])?;
        u8::try_from(value).ok()
    });
    pairs.collect()
}

/// `decode(bytes, encoding, start, end)`: the text; `undefined` for UTF-16 with half a surrogate pair, which no text of
/// Rust's holds.
fn decode<'js>(
    ctx: Ctx<'js>,
    value: Value<'js>,
    encoding: String,
    start: usize,
    end: usize,
) -> js::Result<Value<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let bytes = view_part(&value, start..end)?.unwrap_or_default();
    let text = match encoding.as_str() {
        "utf16le" => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
            match char::decode_utf16(units).collect::<Result<String, _>>() {
                Ok(text) => text,
                Err(_) => return Ok(Value::new_undefined(ctx)),
            }
        }
        "latin1" => encoding_rs::mem::decode_latin1(&bytes).into_owned(),
        "ascii" => bytes.iter().map(|byte| char::from(byte & 0x7f)).collect(),
        "base64" => STANDARD.encode(&bytes),
        "base64url" => URL_SAFE_NO_PAD.encode(&bytes),
        "hex" => hex(&bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        },
    };
    // A text that is not ASCII takes two bytes for a character.
    let size = text.len() * if text.is_ascii() { 1 } else { 2 };
    let _reserved = state.run().reserve(&ctx, "the text", size)?;
    text.into_js(&ctx)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]));
    digits.collect()
}

/// `byteLengthOf(text, encoding)`, as Node estimates it: what the text has of base64 is not looked at.
fn byte_length<'js>(ctx: Ctx<'js>, text: Value<'js>, encoding: String) -> js::Result<usize> {
    let text = coerce(&ctx, &text)?;
    if !encoding.starts_with("base64") {
        return Ok(text.len());
    }
    let digits = text.strip_suffix('=').unwrap_or(&text);
    let digits = digits.strip_suffix('=').unwrap_or(digits).len();
    Ok(digits / 4 * 3 + [0, 1, 1, 2][digits % 4])
}

/// `compareBytes(a, b)`: -1, 0 or 1.
fn compare<'js>(a: Value<'js>, b: Value<'js>) -> js::Result<i32> {
    Ok(bytes(&a)?.cmp(&bytes(&b)?) as i32)
}

/// `find(bytes, wanted, offset, isLast, step)`: where the bytes are that begin at a multiple of `step`; -1 if nowhere. The
/// first from the offset on, or the last up to it.
fn find<'js>(
    ctx: Ctx<'js>,
    value: Value<'js>,
    wanted: Value<'js>,
    offset: usize,
    is_last: bool,
    step: usize,
) -> js::Result<f64> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let wanted = bytes(&wanted)?;
    let found = if is_last {
        let end = offset.saturating_add(wanted.len());
        let bytes = view_part(&value, 0..end)?.unwrap_or_default();
        let mut places = memmem::rfind_iter(&bytes, &wanted);
        places.find(|place| place.is_multiple_of(step))
    } else {
        let bytes = view_part(&value, offset..usize::MAX)?.unwrap_or_default();
        let mut from = 0;
        loop {
            let Some(place) = memmem::find(bytes.get(from..).unwrap_or_default(), &wanted) else {
                break None;
            };
            let place = from + place;
            if (offset + place).is_multiple_of(step) {
                break Some(offset + place);
            }
            from = place + 1;
        }
    };
    Ok(found.map_or(-1.0, |place| place as f64))
}

/// `isAscii(bytes)`.
fn is_ascii(value: Value<'_>) -> js::Result<bool> {
    Ok(bytes(&value)?.is_ascii())
}

/// `isUtf8(bytes)`.
fn is_utf8(value: Value<'_>) -> js::Result<bool> {
    Ok(std::str::from_utf8(&bytes(&value)?).is_ok())
}
