//! The web's names that are made when a rule first names one: see [`LateGlobals`].

use cla_runtime::internal::LateGlobals;
use cla_runtime::js::atom::PredefinedAtom;
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Object, Value};

use super::bodies::{BODIES, STREAMS};
#[cfg(feature = "crypto")]
use super::crypto::CRYPTO;
use super::events::EVENTS;
#[cfg(feature = "http")]
use super::fetch::FETCH;
use super::part::{Part, report};
use super::performance::{MESSAGES, PERFORMANCE};
use crate::call::named;
use crate::{clone, node, weak};

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
    "Buffer",
    "ByteLengthQueuingStrategy",
    "CompressionStream",
    "CountQueuingStrategy",
    #[cfg(feature = "crypto")]
    "Crypto",
    #[cfg(feature = "crypto")]
    "CryptoKey",
    "CustomEvent",
    "DecompressionStream",
    "ErrorEvent",
    "Event",
    "EventTarget",
    "File",
    "FormData",
    #[cfg(feature = "http")]
    "Headers",
    #[cfg(feature = "intl")]
    "Intl",
    "MessageChannel",
    "MessageEvent",
    "MessagePort",
    "Performance",
    "PerformanceEntry",
    "PerformanceMark",
    "PerformanceMeasure",
    "PermissionError",
    "ReadableStream",
    "ReadableStreamDefaultController",
    "ReadableStreamDefaultReader",
    #[cfg(feature = "http")]
    "Request",
    #[cfg(feature = "http")]
    "Response",
    #[cfg(feature = "crypto")]
    "SubtleCrypto",
    "TextDecoder",
    "TextDecoderStream",
    "TextEncoder",
    "TextEncoderStream",
    "TransformStream",
    "TransformStreamDefaultController",
    "URL",
    "URLSearchParams",
    "WeakRef",
    "WritableStream",
    "WritableStreamDefaultController",
    "WritableStreamDefaultWriter",
    #[cfg(feature = "crypto")]
    "crypto",
    #[cfg(feature = "http")]
    "fetch",
    "global",
    "navigator",
    "performance",
    "process",
    "reportError",
    "structuredClone",
];

fn build<'js>(ctx: &Ctx<'js>, name: &'static str) -> js::Result<Value<'js>> {
    match name {
        "reportError" => Ok(named(ctx, name, report)?.into_value()),
        #[cfg(feature = "intl")]
        "Intl" => crate::intl::build(ctx),
        "navigator" => navigator(ctx),
        "structuredClone" => clone::build(ctx),
        "URL" | "URLSearchParams" | "TextEncoder" | "TextDecoder" => super::class(ctx, name),
        "PermissionError" => {
            let run = cla_runtime::internal::run_of(ctx).ok_or(js::Error::Unknown)?;
            Ok(run.permission_error(ctx)?.into_inner().into_value())
        }
        "WeakRef" => weak::build(ctx),
        "Buffer" => node::load(ctx, "node:buffer")?.get("Buffer"),
        "process" => Ok(node::load(ctx, "node:process")?.into_value()),
        "global" => Ok(ctx.globals().into_value()),
        name => part(name).load(ctx)?.get(name),
    }
}

/// `navigator`: who this is, for programs that behave differently in different places.
fn navigator<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    let navigator = Object::new(ctx.clone())?;
    let agent = concat!("cla/", env!("CARGO_PKG_VERSION"));
    navigator.prop("userAgent", Property::from(agent).enumerable())?;
    let tag = PredefinedAtom::SymbolToStringTag;
    navigator.prop(tag, Property::from("Navigator").configurable())?;
    Ok(navigator.into_value())
}

/// The part that has a name.
fn part(name: &str) -> &'static Part {
    match name {
        #[cfg(feature = "crypto")]
        "Crypto" | "CryptoKey" | "SubtleCrypto" | "crypto" => &CRYPTO,
        "Blob" | "File" | "FormData" => &BODIES,
        #[cfg(feature = "http")]
        "Headers" | "Request" | "Response" | "fetch" => &FETCH,
        name if name.starts_with("Message") => &MESSAGES,
        name if name.to_ascii_lowercase().starts_with("performance") => &PERFORMANCE,
        name if name.contains("Stream") || name.contains("Strategy") => &STREAMS,
        _ => &EVENTS,
    }
}
