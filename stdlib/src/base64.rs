//! The module `cla/base64`: bytes and texts as base64, and back.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, ArrayBuffer, Ctx, IntoJs, Object, TypedArray, Value};

use crate::call::{Arg, define};
use crate::options::{entries, unknown};
use crate::throw::{bytes_argument, error, string_argument, wrong};

/// Padding at the end may be there or not.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
/// As it is put into URLs: with `-` and `_`, and without padding.
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT.with_encode_padding(false));

/// The module.
pub(crate) struct Base64;

impl NativeModule for Base64 {
    fn name(&self) -> &str {
        "cla/base64"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        define(&exports, "encode64", encode64)?;
        define(&exports, "decode64", decode64)?;
        Ok(exports)
    }
}

/// A new `Uint8Array`.
pub(crate) fn bytes_value<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> js::Result<Value<'js>> {
    let buffer = ArrayBuffer::new_copy(ctx.clone(), bytes)?;
    TypedArray::<u8>::from_arraybuffer(buffer).map(TypedArray::into_value)
}

/// Bytes as base64.
pub fn encode(bytes: &[u8]) -> String {
    PLAIN.encode(bytes)
}

fn encode64<'js>(ctx: Ctx<'js>, data: Arg<'js>, options: Arg<'js>) -> js::Result<String> {
    let bytes = bytes_argument(&ctx, "base64.encode64: data", &data)?;
    let mut for_urls = false;
    if let Some(options) = options.given() {
        let Some(object) = options.as_object() else {
            let what = "base64.encode64: options";
            return Err(wrong(&ctx, what, "an object", options));
        };
        for entry in entries(object) {
            let (key, value) = entry?;
            match (key.as_str(), value.as_bool()) {
                ("url", Some(flag)) => for_urls = flag,
                ("url", None) => {
                    let what = "base64.encode64: url";
                    return Err(wrong(&ctx, what, "true or false", &value));
                }
                _ => return Err(unknown(&ctx, "base64.encode64", &key, &["url"], &[])),
            }
        }
    }
    let engine = if for_urls { &FOR_URLS } else { &PLAIN };
    Ok(engine.encode(bytes))
}

fn decode64<'js>(ctx: Ctx<'js>, text: Arg<'js>, encoding: Arg<'js>) -> js::Result<Value<'js>> {
    let mut text = string_argument(&ctx, "base64.decode64: text", &text)?;
    // Mails and certificates have it in lines.
    text.retain(|c| !c.is_ascii_whitespace());
    let engine = match text.contains(['-', '_']) {
        true => &FOR_URLS,
        false => &PLAIN,
    };
    let bytes = engine
        .decode(text)
        .map_err(|problem| error(&ctx, format_args!("base64.decode64: {problem}")))?;
    let name = match encoding.given() {
        None => "utf8".to_owned(),
        Some(name) => string_argument(&ctx, "base64.decode64: encoding", name)?,
    };
    match name.as_str() {
        "bytes" => bytes_value(&ctx, &bytes),
        "utf8" | "utf-8" => match String::from_utf8(bytes) {
            Ok(text) => text.into_js(&ctx),
            Err(_) => Err(error(
                &ctx,
                "base64.decode64: it is not valid UTF-8; \"bytes\" as the second argument gives its bytes",
            )),
        },
        _ => Err(wrong(
            &ctx,
            "base64.decode64: encoding",
            "\"utf8\" or \"bytes\"",
            &encoding,
        )),
    }
}
