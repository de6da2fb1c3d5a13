//! `URL`, `URLSearchParams`, `TextEncoder` and `TextDecoder`.
//!
//! The classes themselves are JavaScript (`web.js`), which is the shortest way to the exact shape that
//! the standards ask for; what they do is done here, by the crates `url` and `encoding_rs`. Nothing of
//! it exists in a run before the rule names one of them.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

pub(crate) mod abort;
pub(crate) mod bodies;
#[cfg(feature = "crypto")]
pub(crate) mod crypto;
pub(crate) mod events;
#[cfg(feature = "http")]
pub(crate) mod fetch;
#[cfg(feature = "http")]
mod form;
pub(crate) mod late;
pub(crate) mod part;

use std::cell::RefCell;

use cla_runtime::internal::bytes_of;
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Null, Object, TypedArray, Value};
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use url::{Url, form_urlencoded, quirks};

use crate::call::Arg;
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{range_error, type_error};

/// The part of the classes that is JavaScript.
const SOURCE: &str = include_str!("web.js");

/// The most bytes that a text is encoded to or decoded from at once.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes are decoded between two questions whether the run may go on.
const MAX_PIECE: usize = 256 * 1024;

/// One of the classes.
pub(crate) fn class<'js>(ctx: &Ctx<'js>, name: &str) -> js::Result<Value<'js>> {
    load(ctx, &*State::of(ctx)?)?.get(name)
}

/// What stands for a `URL` or a `URLSearchParams` when it is printed: an object with the parts of the
/// one, an array of names and values of the other.
pub(crate) fn stand_in<'js>(
    ctx: &Ctx<'js>,
    state: &State,
    object: &Object<'js>,
) -> js::Result<Option<Object<'js>>> {
    // What was never loaded has no instances.
    let Some(web) = state.web.get() else {
        return Ok(None);
    };
    web.get(ctx)?
        .get::<_, Function<'js>>("standIn")?
        .call((object.clone(),))
}

/// Makes the classes, once per run.
fn load<'js>(ctx: &Ctx<'js>, state: &State) -> js::Result<Object<'js>> {
    if let Some(web) = state.web.get() {
        return web.get(ctx);
    }
    let options = {
        let mut options = js::context::EvalOptions::default();
        options.filename = Some("cla:web".to_owned());
        options
    };
    let make: Function<'js> = ctx.eval_with_options(SOURCE, options)?;
    let natives = Object::new(ctx.clone())?;
    natives.set("parse", Function::new(ctx.clone(), parse)?)?;
    natives.set("part", Function::new(ctx.clone(), part)?)?;
    natives.set("withPart", Function::new(ctx.clone(), with_part)?)?;
    natives.set("parseQuery", Function::new(ctx.clone(), parse_query)?)?;
    natives.set("writeQuery", Function::new(ctx.clone(), write_query)?)?;
    natives.set("encode", Function::new(ctx.clone(), encode)?)?;
    natives.set("encodingName", Function::new(ctx.clone(), encoding_name)?)?;
    natives.set("decoder", Function::new(ctx.clone(), decoder)?)?;
    let web: Object<'js> = make.call((natives,))?;
    let kept = state.run().keep(ctx, web.clone());
    // It was not set by the rule: making the classes runs no code of the rule's.
    let _ = state.web.set(kept);
    Ok(web)
}

/// The normal form of a URL, or `null` if it is none.
fn parse<'js>(ctx: Ctx<'js>, url: Arg<'js>, base: Arg<'js>) -> js::Result<Value<'js>> {
    let url = coerce(&ctx, &url)?;
    let base = match base.given() {
        Some(base) => match Url::parse(&coerce(&ctx, base)?) {
            Ok(base) => Some(base),
            Err(_) => return Null.into_js(&ctx),
        },
        None => None,
    };
    match Url::options().base_url(base.as_ref()).parse(&url) {
        Ok(url) => url.as_str().into_js(&ctx),
        Err(_) => Null.into_js(&ctx),
    }
}

fn reparse(ctx: &Ctx<'_>, href: &Value<'_>) -> js::Result<Url> {
    let href = coerce(href.ctx(), href)?;
    Url::parse(&href).map_err(|_| type_error(ctx, "Invalid URL"))
}

/// A component of a URL in normal form.
fn part<'js>(ctx: Ctx<'js>, href: Arg<'js>, name: String) -> js::Result<String> {
    let url = reparse(&ctx, &href)?;
    Ok(match name.as_str() {
        "origin" => quirks::origin(&url),
        "protocol" => quirks::protocol(&url).to_owned(),
        "username" => quirks::username(&url).to_owned(),
        "password" => quirks::password(&url).to_owned(),
        "host" => quirks::host(&url).to_owned(),
        "hostname" => quirks::hostname(&url).to_owned(),
        "port" => quirks::port(&url).to_owned(),
        "pathname" => quirks::pathname(&url).to_owned(),
        "search" => quirks::search(&url).to_owned(),
        "hash" => quirks::hash(&url).to_owned(),
        // The query without its question mark, which `search` cannot tell from none.
        "query" => url.query().unwrap_or_default().to_owned(),
        _ => String::new(),
    })
}

/// The URL with another component; unfit ones change nothing, as the standard has it.
fn with_part<'js>(
    ctx: Ctx<'js>,
    href: Arg<'js>,
    name: String,
    value: Arg<'js>,
) -> js::Result<String> {
    let mut url = reparse(&ctx, &href)?;
    let value = coerce(&ctx, &value)?;
    match name.as_str() {
        "protocol" => drop(quirks::set_protocol(&mut url, &value)),
        "username" => drop(quirks::set_username(&mut url, &value)),
        "password" => drop(quirks::set_password(&mut url, &value)),
        "host" => drop(quirks::set_host(&mut url, &value)),
        "hostname" => drop(quirks::set_hostname(&mut url, &value)),
        "port" => drop(quirks::set_port(&mut url, &value)),
        "pathname" => quirks::set_pathname(&mut url, &value),
        "search" => quirks::set_search(&mut url, &value),
        "hash" => quirks::set_hash(&mut url, &value),
        _ => {}
    }
    Ok(url.into())
}

/// The names and values of a query, in turn.
fn parse_query<'js>(ctx: Ctx<'js>, query: Arg<'js>) -> js::Result<Array<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let query = coerce(&ctx, &query)?;
    let list = Array::new(ctx.clone())?;
    let pairs = form_urlencoded::parse(query.as_bytes());
    for (at, part) in pairs.flat_map(|(name, value)| [name, value]).enumerate() {
        state.wrote(&ctx, part.len())?;
        list.set(at, &*part)?;
    }
    Ok(list)
}

/// The query of names and values in turn.
fn write_query<'js>(ctx: Ctx<'js>, list: Array<'js>) -> js::Result<String> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    let mut name = None;
    for part in list.iter::<js::String<'js>>() {
        let part = text(&part?)?;
        state.wrote(&ctx, part.len())?;
        match name.take() {
            None => name = Some(part),
            Some(name) => drop(query.append_pair(&name, &part)),
        }
    }
    Ok(query.finish())
}

/// The query of a `URLSearchParams`; `None` for any other value.
#[cfg(feature = "http")]
fn query_of<'js>(ctx: Ctx<'js>, value: Value<'js>) -> js::Result<Option<String>> {
    let state = State::of(&ctx)?;
    let list = match value.as_object() {
        Some(object) => stand_in(&ctx, &state, object)?,
        None => None,
    };
    match list.and_then(Object::into_array) {
        Some(list) => write_query(ctx, list).map(Some),
        None => Ok(None),
    }
}

/// The encoding that a label stands for, and a function that decodes one chunk of bytes after the other.
fn decoding<'js>(
    ctx: Ctx<'js>,
    label: String,
    fatal: bool,
    ignore_bom: bool,
) -> js::Result<Object<'js>> {
    let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) else {
        let label = crate::throw::quote(&label);
        return Err(range_error(
            &ctx,
            format_args!("The encoding {label} is not supported"),
        ));
    };
    let decoding = Object::new(ctx.clone())?;
    decoding.set("encoding", encoding.name().to_ascii_lowercase())?;
    decoding.set("decode", decoder(ctx, label, fatal, ignore_bom)?)?;
    Ok(decoding)
}

/// The UTF-8 bytes of a string.
fn encode<'js>(ctx: Ctx<'js>, string: Arg<'js>) -> js::Result<TypedArray<'js, u8>> {
    State::of(&ctx)?.pause(&ctx)?;
    let string = coerce(&ctx, &string)?;
    TypedArray::new_copy(ctx, string.as_bytes())
}

/// The name of the encoding that a label stands for, or `null`.
fn encoding_name<'js>(ctx: Ctx<'js>, label: Arg<'js>) -> js::Result<Value<'js>> {
    let label = coerce(&ctx, &label)?;
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        Some(encoding) => encoding.name().to_ascii_lowercase().into_js(&ctx),
        None => Null.into_js(&ctx),
    }
}

/// A function that decodes one chunk of bytes after the other.
fn decoder<'js>(
    ctx: Ctx<'js>,
    label: String,
    fatal: bool,
    ignore_bom: bool,
) -> js::Result<Function<'js>> {
    let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) else {
        return Err(range_error(&ctx, "unknown encoding"));
    };
    let fresh = move || {
        if ignore_bom {
            encoding.new_decoder_without_bom_handling()
        } else {
            encoding.new_decoder_with_bom_removal()
        }
    };
    let current: RefCell<Option<Decoder>> = RefCell::new(None);
    Function::new(ctx, move |ctx: Ctx<'js>, input: Value<'js>, last: bool| {
        let state = State::of(&ctx)?;
        state.pause(&ctx)?;
        let bytes = bytes_of(&input)?.unwrap_or_default();
        if bytes.len() > MAX_BYTES {
            return Err(range_error(&ctx, "TextDecoder: more than 64 MiB at once"));
        }
        let _charge = state.run().count_memory(2 * bytes.len());
        if last && encoding == encoding_rs::UTF_8 {
            // Nearly always it is all there is, and valid.
            let whole = current.take();
            let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
                Some(rest) if !ignore_bom => rest,
                _ => &bytes[..],
            };
            match std::str::from_utf8(bytes) {
                Ok(text) if whole.is_none() => return text.into_js(&ctx),
                _ => drop(current.replace(whole)),
            }
        }
        let mut decoder = current.take().unwrap_or_else(fresh);
        let mut text = Some(String::new());
        let mut chunks = bytes.chunks(MAX_PIECE).peekable();
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let last = last && chunks.peek().is_none();
            let piece = decode(&mut decoder, chunk, last, fatal);
            text = text.zip(piece).map(|(text, piece)| {
                if text.is_empty() {
                    piece
                } else {
                    text + &piece
                }
            });
            if text.is_none() || chunks.peek().is_none() {
                break;
            }
            state.pause(&ctx)?;
        }
        if !last && text.is_some() {
            current.replace(Some(decoder));
        }
        let text = text.ok_or_else(|| {
            let name = encoding.name().to_ascii_lowercase();
            type_error(
                &ctx,
                format_args!("The encoded data was not valid for encoding {name}"),
            )
        })?;
        text.into_js(&ctx)
    })
}

/// How much room a decoder gets at once, in bytes.
const DECODED_AT_ONCE: usize = 64 * 1024;

fn decode(decoder: &mut Decoder, mut bytes: &[u8], last: bool, fatal: bool) -> Option<String> {
    let mut text = String::new();
    loop {
        let room = decoder
            .max_utf8_buffer_length(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        // What the decoder could need at most is far more than what it mostly needs.
        text.reserve(room.min(DECODED_AT_ONCE));
        let (done, read) = if fatal {
            match decoder.decode_to_string_without_replacement(bytes, &mut text, last) {
                (DecoderResult::InputEmpty, read) => (true, read),
                (DecoderResult::OutputFull, read) => (false, read),
                (DecoderResult::Malformed(..), _) => return None,
            }
        } else {
            let (result, read, _) = decoder.decode_to_string(bytes, &mut text, last);
            (result == CoderResult::InputEmpty, read)
        };
        bytes = &bytes[read..];
        if done {
            return Some(text);
        }
    }
}
