//! The server's answer, and what a rule gets of it.

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, IntoJs, Object, TypedArray, Value};
use encoding_rs::{Encoding, UTF_8};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue, SET_COOKIE};
use reqwest::{StatusCode, Url};

use crate::json;

use super::failure::{Failure, Kind, shown};
use super::options::ReadAs;

/// An answer that has arrived in whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Where it came from, after redirects.
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether only the headers were asked for.
    pub(super) head: bool,
}

impl Answer {
    /// The answer as the rule gets it, with a text of at most `room` bytes; the inner error is for an
    /// `HttpError`.
    pub(super) fn into_js<'js>(
        self,
        ctx: &Ctx<'js>,
        room: usize,
        read_as: ReadAs,
    ) -> js::Result<Result<Object<'js>, Failure>> {
        let undefined = || Value::new_undefined(ctx.clone());
        let (body, data) = if read_as == ReadAs::Bytes {
            let body = TypedArray::<u8>::new_copy(ctx.clone(), &self.body)?;
            (body.into_value(), undefined())
        } else {
            let (text, _, _) = self.encoding().decode(&self.body);
            if string_size(&text) > room {
                return Ok(Err(Kind::NoMemory(room).into()));
            }
            let body = (&*text).into_js(ctx)?;
            let data = match read_as {
                ReadAs::Json if self.has_no_body() => undefined(),
                ReadAs::Json => match json::parse(ctx, &text)? {
                    Ok(data) => data,
                    Err(problem) => return Ok(Err(self.not_json(problem))),
                },
                ReadAs::Auto if self.is_json() => {
                    json::parse(ctx, &text)?.unwrap_or_else(|_| undefined())
                }
                _ => undefined(),
            };
            (body, data)
        };
        let answer = Object::new(ctx.clone())?;
        answer.set("status", self.status.as_u16())?;
        answer.set("ok", self.status.is_success())?;
        let reason = self.status.canonical_reason().unwrap_or_default();
        answer.set("statusText", reason)?;
        answer.set("url", shown(&self.url))?;
        answer.set("headers", self.headers_to_js(ctx)?)?;
        answer.set("body", body)?;
        answer.set("data", data)?;
        Ok(Ok(answer))
    }

    fn headers_to_js<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        let headers = Object::new(ctx.clone())?;
        for name in self.headers.keys() {
            let values = self.headers.get_all(name).iter().map(header_text);
            let value = if name == SET_COOKIE {
                let list = Array::new(ctx.clone())?;
                for (at, value) in values.enumerate() {
                    list.set(at, value)?;
                }
                list.into_value()
            } else {
                values.collect::<Vec<_>>().join(", ").into_js(ctx)?
            };
            // Defined rather than set: a server may name a header `__proto__`.
            let property = Property::from(value).writable().enumerable().configurable();
            headers.prop(name.as_str(), property)?;
        }
        Ok(headers)
    }

    fn content_type(&self) -> String {
        let value = self.headers.get(CONTENT_TYPE);
        value.map(header_text).unwrap_or_default()
    }

    /// Whether the server says that the body is JSON.
    fn is_json(&self) -> bool {
        let content_type = self.content_type();
        let essence = content_type.split(';').next().unwrap_or_default();
        let essence = essence.trim().to_ascii_lowercase();
        essence == "application/json" || essence.ends_with("+json")
    }

    /// The encoding that the server names; UTF-8 if it names none, or an unknown one.
    fn encoding(&self) -> &'static Encoding {
        let content_type = self.content_type();
        let charset = content_type.split(';').skip(1).find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let named = name.trim().eq_ignore_ascii_case("charset");
            named.then(|| value.trim().trim_matches('"'))
        });
        charset
            .and_then(|label| Encoding::for_label(label.as_bytes()))
            .unwrap_or(UTF_8)
    }

    /// Whether there is nothing to read, and nothing wrong with that.
    fn has_no_body(&self) -> bool {
        let none = [
            StatusCode::NO_CONTENT,
            StatusCode::RESET_CONTENT,
            StatusCode::NOT_MODIFIED,
        ];
        self.body.is_empty() && (self.head || none.contains(&self.status))
    }

    fn not_json(&self, problem: String) -> Failure {
        let content = match self.content_type() {
            content if content.is_empty() => "no content-type".to_owned(),
            content => format!("content-type {content}"),
        };
        let kind = Kind::NotJson {
            problem,
            status: self.status.as_u16(),
            content,
        };
        Failure::from(kind).of(&self.url)
    }
}

/// The text of a header: UTF-8 if it is that, and Latin-1 otherwise.
pub(crate) fn header_text(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => encoding_rs::mem::decode_latin1(bytes).into_owned(),
    }
}

/// How much memory QuickJS takes at most while it makes a string of a text, in bytes.
///
/// Text that is not ASCII is written to a buffer that grows by half, and is moved to one with two
/// bytes per unit when the first character turns up that needs them.
fn string_size(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.len().saturating_mul(4)
    }
}
