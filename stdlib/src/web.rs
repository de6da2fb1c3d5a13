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
mod performance;

use std::cell::RefCell;

use cla_runtime::internal::{fill_view, with_view};
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Null, Object, TypedArray, Value};
use encoding_rs::{CoderResult, Decoder, DecoderResult, Encoding};
use url::{Url, form_urlencoded, quirks};

use crate::call::Arg;
use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::text::{coerce, text};
use crate::throw::{range_error, type_error};
use part::Part;

/// The part of the classes that is JavaScript.
static WEB: Part = Part::new("cla:web", include_str!("web.js"), natives);

/// The most bytes that a text is encoded to or decoded from at once.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// How many bytes are decoded between two questions whether the run may go on.
const MAX_PIECE: usize = 256 * 1024;

/// One of the classes.
pub(crate) fn class<'js>(ctx: &Ctx<'js>, name: &str) -> js::Result<Value<'js>> {
    WEB.load(ctx)?.get(name)
}

/// What stands for a `URL` or a `URLSearchParams` when it is printed: an object with the parts of the
/// one, an array of names and values of the other.
pub(crate) fn stand_in<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
) -> js::Result<Option<Object<'js>>> {
    // What was never loaded has no instances.
    let Some(web) = WEB.loaded(ctx)? else {
        return Ok(None);
    };
    web.get::<_, Function<'js>>("standIn")?
        .call((object.clone(),))
}

/// The parts whose objects can be shown and cloned, or must not be cloned.
const PARTS: &[&part::Part] = &[
    &bodies::BODIES,
    &events::EVENTS,
    &performance::PERFORMANCE,
    &performance::MESSAGES,
    #[cfg(feature = "http")]
    &fetch::FETCH,
];

/// What stands for an object of one of the web's classes when it is printed; an array has names and values in turn.
///
/// No code of the rule's runs.
pub(crate) fn shown<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> js::Result<Option<Object<'js>>> {
    if let Some(found) = stand_in(ctx, object)? {
        return Ok(Some(found));
    }
    ask(ctx, "standIn", object)
}

/// The copy of an object that `structuredClone` makes of a `Blob` or a `File`.
pub(crate) fn cloned<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> js::Result<Option<Object<'js>>> {
    match bodies::BODIES.loaded(ctx)? {
        Some(bodies) => bodies
            .get::<_, Function<'js>>("clone")?
            .call((object.clone(),)),
        None => Ok(None),
    }
}

/// Whether an object is of one of the web's classes.
pub(crate) fn owns<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> js::Result<bool> {
    if stand_in(ctx, object)?.is_some() {
        return Ok(true);
    }
    for part in PARTS {
        if let Some(part) = part.loaded(ctx)? {
            let owns: Function<'js> = part.get("owns")?;
            if owns.call((object.clone(),))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Asks the parts that are loaded: what was never loaded has no instances.
fn ask<'js>(
    ctx: &Ctx<'js>,
    question: &str,
    object: &Object<'js>,
) -> js::Result<Option<Object<'js>>> {
    for part in PARTS {
        if let Some(part) = part.loaded(ctx)? {
            let answer: Option<Object<'js>> = part
                .get::<_, Function<'js>>(question)?
                .call((object.clone(),))?;
            if answer.is_some() {
                return Ok(answer);
            }
        }
    }
    Ok(None)
}

/// Adds what `web.js` is given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("shown", Function::new(ctx.clone(), shown_briefly))?;
    define("ownKeys", Function::new(ctx.clone(), own_keys))?;
    define("getter", Function::new(ctx.clone(), getter))?;
    define("enumerable", Function::new(ctx.clone(), enumerable))?;
    define("parse", Function::new(ctx.clone(), parse))?;
    define("part", Function::new(ctx.clone(), component))?;
    define("withPart", Function::new(ctx.clone(), with_part))?;
    define("parseQuery", Function::new(ctx.clone(), parse_query))?;
    define("writeQuery", Function::new(ctx.clone(), write_query))?;
    define("sortPairs", Function::new(ctx.clone(), sort_pairs))?;
    define("encode", Function::new(ctx.clone(), encode))?;
    define("encodeInto", Function::new(ctx.clone(), encode_into))?;
    define("encodingName", Function::new(ctx.clone(), encoding_name))?;
    define("decoder", Function::new(ctx.clone(), decoder))
}

/// `shown(value)`: a value in a message.
fn shown_briefly<'js>(ctx: Ctx<'js>, value: Value<'js>) -> js::Result<String> {
    Ok(match value.is_object() {
        true => crate::throw::quote(&coerce(&ctx, &value)?),
        false => crate::throw::describe(&value),
    })
}

/// `ownKeys(object)`: the names that a loop finds of its own properties.
fn own_keys<'js>(object: Object<'js>) -> js::Result<Vec<Value<'js>>> {
    let filter = js::Filter::new().string().symbol().enum_only();
    object.own_keys(filter).collect()
}

/// A property whose getter and setter are functions that are there.
struct Accessors<'js>(Value<'js>, Value<'js>);

impl<'js> js::object::AsProperty<'js, ()> for Accessors<'js> {
    fn config(
        self,
        ctx: &Ctx<'js>,
    ) -> js::Result<(
        js::object::PropertyFlags,
        Value<'js>,
        Value<'js>,
        Value<'js>,
    )> {
        use cla_runtime::js::qjs;
        let flags = qjs::JS_PROP_HAS_GET
            | qjs::JS_PROP_HAS_SET
            | qjs::JS_PROP_CONFIGURABLE
            | qjs::JS_PROP_HAS_CONFIGURABLE
            | qjs::JS_PROP_ENUMERABLE
            | qjs::JS_PROP_HAS_ENUMERABLE;
        let undefined = Value::new_undefined(ctx.clone());
        Ok((
            flags as js::object::PropertyFlags,
            undefined,
            self.0,
            self.1,
        ))
    }
}

/// `getter(object, name, from)`: the accessor that `from` has under that name.
fn getter<'js>(
    ctx: Ctx<'js>,
    object: Object<'js>,
    name: String,
    from: Object<'js>,
) -> js::Result<()> {
    let key = name.as_str().into_js(&ctx)?;
    let intrinsics = State::of(&ctx)?.intrinsics(&ctx)?;
    let found: Object<'js> = intrinsics.call(Intrinsic::OwnProperty, (from, key))?;
    found.set_prototype(None)?;
    let accessors = Accessors(found.get("get")?, found.get("set")?);
    object.prop(name, accessors)
}

/// `enumerable(prototype)`: members of web classes are found by loops, unlike those of other classes.
fn enumerable<'js>(ctx: Ctx<'js>, prototype: Object<'js>) -> js::Result<()> {
    let intrinsics = State::of(&ctx)?.intrinsics(&ctx)?;
    let names: Vec<String> = prototype
        .own_keys(js::Filter::new().string())
        .collect::<js::Result<_>>()?;
    for name in names {
        if name == "constructor" {
            continue;
        }
        let key = name.as_str().into_js(&ctx)?;
        let found: Object<'js> =
            intrinsics.call(Intrinsic::OwnProperty, (prototype.clone(), key))?;
        found.set_prototype(None)?;
        if found.contains_key("get")? {
            let accessors = Accessors(found.get("get")?, found.get("set")?);
            prototype.prop(name, accessors)?;
        } else {
            let method: Value<'js> = found.get("value")?;
            let property = js::object::Property::from(method);
            prototype.prop(name, property.writable().enumerable().configurable())?;
        }
    }
    Ok(())
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
fn component<'js>(ctx: Ctx<'js>, href: Arg<'js>, name: String) -> js::Result<String> {
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

/// `parseQuery(query, strips)`: the names and values of a query, in turn; a question mark before it may be stripped.
fn parse_query<'js>(ctx: Ctx<'js>, query: Arg<'js>, strips: bool) -> js::Result<Array<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let query = coerce(&ctx, &query)?;
    let query = query.strip_prefix('?').filter(|_| strips).unwrap_or(&query);
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

/// `sortPairs(list)`: names and values in turn, by their names in units of UTF-16.
fn sort_pairs<'js>(ctx: Ctx<'js>, list: Array<'js>) -> js::Result<Array<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let mut pairs = Vec::new();
    for at in (0..list.len()).step_by(2) {
        let name: js::String<'js> = list.get(at)?;
        let units: Vec<u16> = text(&name)?.encode_utf16().collect();
        state.wrote(&ctx, units.len())?;
        let value: Value<'js> = list.get(at + 1)?;
        pairs.push((units, name, value));
    }
    pairs.sort_by(|(one, ..), (two, ..)| one.cmp(two));
    let sorted = Array::new(ctx)?;
    for (at, (_, name, value)) in pairs.into_iter().enumerate() {
        sorted.set(2 * at, name)?;
        sorted.set(2 * at + 1, value)?;
    }
    Ok(sorted)
}

/// The query of a `URLSearchParams`; `None` for any other value.
#[cfg(feature = "http")]
fn query_of<'js>(ctx: Ctx<'js>, value: Value<'js>) -> js::Result<Option<String>> {
    let list = match value.as_object() {
        Some(object) => stand_in(&ctx, object)?,
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

/// `encodeInto(string, bytes)`: writes what fits of its UTF-8 bytes; gives how much was read and written.
fn encode_into<'js>(ctx: Ctx<'js>, string: Arg<'js>, bytes: Arg<'js>) -> js::Result<Vec<usize>> {
    State::of(&ctx)?.pause(&ctx)?;
    let string = coerce(&ctx, &string)?;
    let Some(array) = bytes.as_object().and_then(Object::as_typed_array::<u8>) else {
        let what = "TextEncoder.encodeInto: the destination";
        return Err(crate::throw::wrong(&ctx, what, "a Uint8Array", &bytes));
    };
    let mut end = string.len().min(array.len());
    while !string.is_char_boundary(end) {
        end -= 1;
    }
    let fitting = &string[..end];
    fill_view(&bytes, fitting.as_bytes())?;
    Ok(vec![crate::text::units(fitting), end])
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
        let read = |bytes: &[u8]| {
            if bytes.len() > MAX_BYTES {
                return Err(range_error(&ctx, "TextDecoder: more than 64 MiB at once"));
            }
            if last && encoding == encoding_rs::UTF_8 && current.borrow().is_none() {
                // Nearly always it is all there is, and valid.
                let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
                    Some(rest) if !ignore_bom => rest,
                    _ => bytes,
                };
                if let Ok(text) = std::str::from_utf8(bytes) {
                    return text.into_js(&ctx);
                }
            }
            let mut decoder = current.take().unwrap_or_else(fresh);
            let mut text = Some(String::new());
            let mut chunks = bytes.chunks(MAX_PIECE).peekable();
            loop {
                let chunk = chunks.next().unwrap_or_default();
                let last = last && chunks.peek().is_none();
                if let Some(whole) = &mut text
                    && !decode(&mut decoder, chunk, last, fatal, whole)
                {
                    text = None;
                }
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
            let _charge = state.run().count_memory(text.len());
            text.into_js(&ctx)
        };
        if input.is_undefined() {
            return read(&[]);
        }
        // Without a copy, but of a `DataView`.
        let is_view = input.is_object();
        if is_view && !is_data_view(&ctx, &input)? {
            let mut read = Some(read);
            let text = with_view(&input, |bytes| read.take().map(|read| read(bytes)))?;
            if let Some(text) = text.flatten() {
                return text;
            }
        } else if is_view && let Some(bytes) = bodies::bytes_of_any(&ctx, &input)? {
            return read(&bytes);
        }
        let what = "TextDecoder.decode: the input";
        let expected = "an ArrayBuffer or a view of one";
        Err(crate::throw::wrong(&ctx, what, expected, &input))
    })
}

/// Whether a value is a `DataView`.
fn is_data_view<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<bool> {
    let intrinsics = State::of(ctx)?.intrinsics(ctx)?;
    match intrinsics.on::<Value<'js>>(Intrinsic::ViewBuffer, value) {
        Ok(_) => Ok(true),
        Err(error) if error.is_exception() => {
            let thrown = ctx.catch();
            if thrown.is_uncatchable_error() {
                return Err(ctx.throw(thrown));
            }
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// How much room a decoder gets at once, in bytes.
const DECODED_AT_ONCE: usize = 64 * 1024;

/// Adds what `bytes` stand for to `text`; whether they are valid, where that is asked for.
fn decode(
    decoder: &mut Decoder,
    mut bytes: &[u8],
    last: bool,
    fatal: bool,
    text: &mut String,
) -> bool {
    loop {
        let room = decoder
            .max_utf8_buffer_length(bytes.len())
            .unwrap_or(bytes.len() * 3 + 16);
        // What the decoder could need at most is far more than what it mostly needs.
        text.reserve(room.min(DECODED_AT_ONCE));
        let (done, read) = if fatal {
            match decoder.decode_to_string_without_replacement(bytes, text, last) {
                (DecoderResult::InputEmpty, read) => (true, read),
                (DecoderResult::OutputFull, read) => (false, read),
                (DecoderResult::Malformed(..), _) => return false,
            }
        } else {
            let (result, read, _) = decoder.decode_to_string(bytes, text, last);
            (result == CoderResult::InputEmpty, read)
        };
        bytes = &bytes[read..];
        if done {
            return true;
        }
    }
}
