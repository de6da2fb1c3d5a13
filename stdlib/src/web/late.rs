//! The web's names that are made when a rule first names one: see [`LateGlobals`].

use cla_runtime::internal::LateGlobals;
use cla_runtime::js::{self, Ctx, Value};

use super::part::{Part, report};
use crate::call::named;

/// All of them.
pub(crate) static LATE: LateGlobals = LateGlobals {
    names: NAMES,
    build,
};

/// The names, those of each part together.
pub(crate) const NAMES: &[&str] = &[
    "AbortController",
    "AbortSignal",
    "Blob",
    "ByteLengthQueuingStrategy",
    "CompressionStream",
    "CountQueuingStrategy",
    "CustomEvent",
    "DecompressionStream",
    "ErrorEvent",
    "Event",
    "EventTarget",
    "File",
    "FormData",
    "Headers",
    "ReadableStream",
    "ReadableStreamDefaultController",
    "ReadableStreamDefaultReader",
    "Request",
    "Response",
    "TextDecoderStream",
    "TextEncoderStream",
    "TransformStream",
    "TransformStreamDefaultController",
    "WritableStream",
    "WritableStreamDefaultController",
    "WritableStreamDefaultWriter",
    "fetch",
    "reportError",
];

fn build<'js>(ctx: &Ctx<'js>, name: &'static str) -> js::Result<Value<'js>> {
    match name {
        "reportError" => Ok(named(ctx, name, report)?.into_value()),
        name => part(name).load(ctx)?.get(name),
    }
}

/// The part that has a name.
fn part(name: &str) -> Part {
    match name {
        "Blob" | "File" | "FormData" => Part::Bodies,
        "Headers" | "Request" | "Response" | "fetch" => Part::Fetch,
        name if name.contains("Stream") || name.contains("Strategy") => Part::Streams,
        _ => Part::Events,
    }
}
