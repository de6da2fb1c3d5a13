//! What `streams.js` and `bodies.js` need of Rust: bytes in and out of values, forms, compression.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::cell::RefCell;
use std::io::Write;
use std::time::UNIX_EPOCH;

use cla_runtime::internal::{view_bytes, view_part};
use cla_runtime::js::function::Opt;
use cla_runtime::js::{self, Array, ArrayBuffer, Ctx, Function, IntoJs, Object, TypedArray, Value};
use flate2::Compression;
use flate2::write::{
    DeflateDecoder, DeflateEncoder, GzDecoder, GzEncoder, ZlibDecoder, ZlibEncoder,
};

use crate::intrinsics::Intrinsic;
use crate::state::State;
use crate::text::text;
use crate::throw::{range_error, type_error};

use super::events::EVENTS;
use super::part::Part;
use super::{decoding, encode};

/// How many bytes are expanded between two looks at the memory that is left: a thousand times as many may come out.
const EXPANDED_AT_ONCE: usize = 4096;

/// Streams.
pub(super) static STREAMS: Part = Part::new(
    "cla:web/streams",
    include_str!("streams.js"),
    stream_natives,
);

/// Blobs and forms.
pub(super) static BODIES: Part = Part::new("cla:web/bodies", include_str!("bodies.js"), natives);

/// The part that others know by this name.
fn named(name: &str) -> js::Result<&'static Part> {
    match name {
        "events" => Ok(&EVENTS),
        "streams" => Ok(&STREAMS),
        "bodies" => Ok(&BODIES),
        _ => Err(js::Error::Unknown),
    }
}

/// `part(name)`: another part.
pub(super) fn part<'js>(ctx: Ctx<'js>, name: String) -> js::Result<Object<'js>> {
    named(&name)?.load(&ctx)
}

/// `loaded(name)`: another part, if there is anything of it yet.
#[cfg(feature = "http")]
pub(super) fn loaded<'js>(ctx: Ctx<'js>, name: String) -> js::Result<Option<Object<'js>>> {
    named(&name)?.loaded(&ctx)
}

/// Adds what `streams.js` is given.
fn stream_natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("part", Function::new(ctx.clone(), part))?;
    define("bytesOf", Function::new(ctx.clone(), bytes_in))?;
    define("byteLength", Function::new(ctx.clone(), byte_length))?;
    define("encode", Function::new(ctx.clone(), encode))?;
    define("decoderFor", Function::new(ctx.clone(), decoding))?;
    define("squeezer", Function::new(ctx.clone(), squeezer))
}

/// Adds what `bodies.js` is given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("part", Function::new(ctx.clone(), part))?;
    byte_natives(ctx, natives)?;
    define("mediaType", Function::new(ctx.clone(), media_type))?;
    define("today", Function::new(ctx.clone(), today))?;
    define("boundary", Function::new(ctx.clone(), boundary))?;
    define("formHead", Function::new(ctx.clone(), form_head))?;
    define("formText", Function::new(ctx.clone(), form_text))
}

/// Adds what concerns bytes.
pub(super) fn byte_natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("bytesOf", Function::new(ctx.clone(), bytes_in))?;
    define("byteLength", Function::new(ctx.clone(), byte_length))?;
    define("concat", Function::new(ctx.clone(), concat))?;
    define("slice", Function::new(ctx.clone(), slice))?;
    define("bufferOf", Function::new(ctx.clone(), buffer_of))?;
    define("textOf", Function::new(ctx.clone(), text_of))?;
    define("wellFormed", Function::new(ctx.clone(), well_formed))
}

/// The bytes in a buffer or a view of one, whatever a rule has made of their classes; `None` for any other value.
pub(super) fn bytes_of_any<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<Option<Vec<u8>>> {
    if !value.is_object() {
        return Ok(None);
    }
    if let Some(bytes) = view_bytes(value)? {
        return Ok(Some(bytes));
    }
    // A `DataView`: its getters throw for anything else.
    let intrinsics = State::of(ctx)?.intrinsics(ctx)?;
    let buffer: Value<'js> = match intrinsics.on(Intrinsic::ViewBuffer, value) {
        Ok(buffer) => buffer,
        Err(error) => {
            let thrown = ctx.catch();
            if thrown.is_uncatchable_error() {
                return Err(ctx.throw(thrown));
            }
            drop(error);
            return Ok(None);
        }
    };
    let offset: usize = intrinsics.on(Intrinsic::ViewOffset, value)?;
    let length: usize = intrinsics.on(Intrinsic::ViewLength, value)?;
    let whole = view_bytes(&buffer)?.unwrap_or_default();
    let part = whole.get(offset..offset.saturating_add(length));
    Ok(Some(part.unwrap_or_default().to_vec()))
}

/// An array of the library's own: one that nothing of the rule's is in between.
pub(super) fn array<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> js::Result<TypedArray<'js, u8>> {
    let state = State::of(ctx)?;
    drop(state.run().reserve(ctx, "the bytes", bytes.len())?);
    TypedArray::new_copy(ctx.clone(), bytes)
}

/// `bytesOf(value)`: a copy of the bytes in a buffer or a view; `undefined` for any other value.
fn bytes_in<'js>(ctx: Ctx<'js>, value: Value<'js>) -> js::Result<Value<'js>> {
    match bytes_of_any(&ctx, &value)? {
        Some(bytes) => Ok(array(&ctx, &bytes)?.into_value()),
        None => Ok(Value::new_undefined(ctx)),
    }
}

/// `byteLength(bytes)`.
fn byte_length(bytes: TypedArray<'_, u8>) -> usize {
    bytes.len()
}

/// `concat(pieces)`: texts as UTF-8, and bytes.
fn concat<'js>(ctx: Ctx<'js>, pieces: Array<'js>) -> js::Result<TypedArray<'js, u8>> {
    let state = State::of(&ctx)?;
    let mut all = Vec::new();
    let mut counted = state.run().count_memory(0);
    for piece in pieces.iter::<Value<'js>>() {
        let piece = piece?;
        state.step(&ctx)?;
        let length = all.len();
        if let Some(string) = piece.as_string() {
            all.extend_from_slice(text(string)?.as_bytes());
        } else if let Some(bytes) = view_bytes(&piece)? {
            drop(state.run().reserve(&ctx, "the bytes", bytes.len())?);
            all.extend_from_slice(&bytes);
        }
        state.wrote(&ctx, all.len() - length)?;
        counted.resize(all.capacity());
    }
    array(&ctx, &all)
}

/// `slice(bytes, start, end)`: a copy of a part.
fn slice<'js>(
    ctx: Ctx<'js>,
    bytes: TypedArray<'js, u8>,
    start: f64,
    end: f64,
) -> js::Result<TypedArray<'js, u8>> {
    let part = view_part(
        bytes.as_value(),
        start.max(0.0) as usize..end.max(0.0) as usize,
    )?;
    array(&ctx, &part.unwrap_or_default())
}

/// `bufferOf(bytes)`: a copy as an `ArrayBuffer`.
fn buffer_of<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> js::Result<ArrayBuffer<'js>> {
    drop(
        State::of(&ctx)?
            .run()
            .reserve(&ctx, "the bytes", 2 * bytes.len())?,
    );
    let bytes = view_bytes(bytes.as_value())?.unwrap_or_default();
    ArrayBuffer::new_copy(ctx, bytes)
}

/// `textOf(bytes)`: UTF-8, without a byte order mark; what is none becomes U+FFFD.
fn text_of<'js>(ctx: Ctx<'js>, bytes: TypedArray<'js, u8>) -> js::Result<Value<'js>> {
    let state = State::of(&ctx)?;
    drop(state.run().reserve(&ctx, "the text", bytes.len())?);
    let bytes = view_bytes(bytes.as_value())?.unwrap_or_default();
    // Text that is not ASCII takes more room than its bytes, for a while.
    let room = if bytes.is_ascii() { 1 } else { 4 };
    drop(state.run().reserve(&ctx, "the text", room * bytes.len())?);
    let (text, _) = encoding_rs::UTF_8.decode_with_bom_removal(&bytes);
    state.wrote(&ctx, text.len())?;
    text.into_js(&ctx)
}

/// `wellFormed(string)`: with U+FFFD for half a surrogate pair.
fn well_formed(string: js::String<'_>) -> js::Result<String> {
    text(&string)
}

/// `mediaType(string)`: in lower case; empty if it has what no type may have.
fn media_type(given: js::String<'_>) -> js::Result<String> {
    let given = text(&given)?;
    let fits = given.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    Ok(if fits {
        given.to_ascii_lowercase()
    } else {
        String::new()
    })
}

/// `today()`: milliseconds since 1970.
fn today(ctx: Ctx<'_>) -> js::Result<f64> {
    let now = State::of(&ctx)?.run().clock().date();
    let since = now.duration_since(UNIX_EPOCH);
    Ok(since.map_or(0.0, |since| since.as_millis() as f64))
}

/// `boundary()`: what no form has in it.
fn boundary() -> String {
    format!("----cla{}", uuid::Uuid::new_v4().simple())
}

/// `formHead(boundary, name, file, type)`: what comes before a value.
fn form_head(
    boundary: String,
    name: js::String<'_>,
    file: Opt<js::String<'_>>,
    media: Opt<String>,
) -> js::Result<String> {
    let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"");
    head.push_str(&quoted(&form_lines(&text(&name)?)));
    head.push('"');
    if let Some(file) = file.0 {
        head.push_str("; filename=\"");
        head.push_str(&quoted(&text(&file)?));
        head.push_str("\"\r\nContent-Type: ");
        let media = media.0.filter(|media| !media.is_empty());
        head.push_str(media.as_deref().unwrap_or("application/octet-stream"));
    }
    head.push_str("\r\n\r\n");
    Ok(head)
}

/// What in a name would end it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// `formText(string)`: with the line ends of forms.
fn form_text(string: js::String<'_>) -> js::Result<String> {
    Ok(form_lines(&text(&string)?))
}

fn form_lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}

/// A way to compress or expand.
enum Squeezer {
    Gzip(GzEncoder<Vec<u8>>),
    Zlib(ZlibEncoder<Vec<u8>>),
    Deflate(DeflateEncoder<Vec<u8>>),
    Gunzip(GzDecoder<Vec<u8>>),
    Unzlib(ZlibDecoder<Vec<u8>>),
    Inflate(DeflateDecoder<Vec<u8>>),
}

impl Squeezer {
    fn new(format: &str, expand: bool) -> Self {
        let (none, level) = (Vec::new(), Compression::default());
        match (format, expand) {
            ("gzip", false) => Self::Gzip(GzEncoder::new(none, level)),
            ("deflate", false) => Self::Zlib(ZlibEncoder::new(none, level)),
            (_, false) => Self::Deflate(DeflateEncoder::new(none, level)),
            ("gzip", true) => Self::Gunzip(GzDecoder::new(none)),
            ("deflate", true) => Self::Unzlib(ZlibDecoder::new(none)),
            (_, true) => Self::Inflate(DeflateDecoder::new(none)),
        }
    }

    fn write(&mut self, piece: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Gzip(writer) => writer.write_all(piece),
            Self::Zlib(writer) => writer.write_all(piece),
            Self::Deflate(writer) => writer.write_all(piece),
            Self::Gunzip(writer) => writer.write_all(piece),
            Self::Unzlib(writer) => writer.write_all(piece),
            Self::Inflate(writer) => writer.write_all(piece),
        }
    }

    fn end(&mut self) -> std::io::Result<()> {
        match self {
            Self::Gzip(writer) => writer.try_finish(),
            Self::Zlib(writer) => writer.try_finish(),
            Self::Deflate(writer) => writer.try_finish(),
            Self::Gunzip(writer) => writer.try_finish(),
            Self::Unzlib(writer) => writer.try_finish(),
            Self::Inflate(writer) => writer.try_finish(),
        }
    }

    fn made(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Gzip(writer) => writer.get_mut(),
            Self::Zlib(writer) => writer.get_mut(),
            Self::Deflate(writer) => writer.get_mut(),
            Self::Gunzip(writer) => writer.get_mut(),
            Self::Unzlib(writer) => writer.get_mut(),
            Self::Inflate(writer) => writer.get_mut(),
        }
    }
}

/// What a compressor keeps for itself, in bytes.
const SQUEEZER_BYTES: usize = 320 * 1024;

/// `squeezer(format, expand)`: a function that takes bytes, or `undefined` at the end, and gives what is made of them.
fn squeezer<'js>(ctx: Ctx<'js>, format: String, expand: bool) -> js::Result<Function<'js>> {
    let state = State::of(&ctx)?;
    let counted = state.run().reserve(&ctx, "compression", SQUEEZER_BYTES)?;
    let squeezer = RefCell::new((Squeezer::new(&format, expand), counted));
    Function::new(ctx, move |ctx: Ctx<'js>, chunk: Opt<Value<'js>>| {
        let state = State::of(&ctx)?;
        let chunk = match chunk.0 {
            Some(chunk) => view_bytes(&chunk)?,
            None => None,
        };
        let mut squeezer = squeezer.borrow_mut();
        let squeezer = &mut squeezer.0;
        let broken = |_| type_error(&ctx, format_args!("the bytes are not what {format} gives"));
        match &chunk {
            Some(bytes) => {
                for piece in bytes.chunks(EXPANDED_AT_ONCE) {
                    squeezer.write(piece).map_err(broken)?;
                    let (made, left) = (squeezer.made().len(), state.run().memory_left());
                    if made > left {
                        return Err(range_error(
                            &ctx,
                            format_args!(
                                "what the bytes expand to takes more than {left} bytes, which are left of the run's memory limit"
                            ),
                        ));
                    }
                    state.wrote(&ctx, made)?;
                }
            }
            None => squeezer.end().map_err(broken)?,
        }
        let made = std::mem::take(squeezer.made());
        array(&ctx, &made)
    })
}
