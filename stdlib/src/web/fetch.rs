//! What `fetch.js` needs of Rust: the exchange itself, by the HTTP client of `cla/http`, and what may be in a request.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use cla_runtime::host::Run;
use cla_runtime::internal::{HostObject, ProfileSpan, view_bytes};
use cla_runtime::js::{self, Array, Ctx, Error, Function, IntoJs, Null, Object, Promise, Value};
use cla_runtime::profile::ProfiledKind;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use url::form_urlencoded;

use crate::http::answer::header_text;
use crate::http::client::{self, Exchange};
use crate::http::failure::{Failure, Kind, cut, shown};
use crate::http::gathered::Gathered;
use crate::http::reach::{self, Reach};
use crate::json;
use crate::signal::Signal;
use crate::state::State;
use crate::text::text;
use crate::throw::{error_of, quote, type_error};

use super::bodies::{array, byte_natives, loaded, part};
use super::form::{Value as FormValue, multipart};
use super::part::Part;
use super::{encode, query_of};

/// How many redirects are followed: as many as the standard says.
const REDIRECTS: usize = 20;

/// Headers that follow from the connection and the body. As the standard has it, what a rule says of them is left out.
const OUR_OWN: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// `fetch`, and what it takes and gives.
pub(super) static FETCH: Part = Part::new("cla:web/fetch", include_str!("fetch.js"), natives);

/// Adds what `fetch.js` is given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("part", Function::new(ctx.clone(), part))?;
    define("loaded", Function::new(ctx.clone(), loaded))?;
    byte_natives(ctx, natives)?;
    define("headerName", Function::new(ctx.clone(), header_name))?;
    define("headerValue", Function::new(ctx.clone(), header_value))?;
    define("statusText", Function::new(ctx.clone(), status_text))?;
    define("methodName", Function::new(ctx.clone(), method_name))?;
    define("httpUrl", Function::new(ctx.clone(), http_url))?;
    define("anyUrl", Function::new(ctx.clone(), any_url))?;
    define("searchParams", Function::new(ctx.clone(), query_of))?;
    define("encode", Function::new(ctx.clone(), encode))?;
    define("parseJson", Function::new(ctx.clone(), parse_json))?;
    define("toJson", Function::new(ctx.clone(), to_json))?;
    define("parseForm", Function::new(ctx.clone(), parse_form))?;
    define("send", Function::new(ctx.clone(), send))?;
    define("readChunk", Function::new(ctx.clone(), read_chunk))?;
    define("readAll", Function::new(ctx.clone(), read_all))?;
    define("cancelBody", Function::new(ctx.clone(), cancel_body))
}

/// `headerName(string)`: in lower case.
fn header_name<'js>(ctx: Ctx<'js>, name: js::String<'js>) -> js::Result<String> {
    let name = text(&name)?;
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(_) => Err(type_error(
            &ctx,
            format_args!("{} is not the name of a header", quote(&name)),
        )),
    }
}

/// `headerValue(string)`: without white space around it.
fn header_value<'js>(ctx: Ctx<'js>, value: js::String<'js>) -> js::Result<String> {
    let value = text(&value)?;
    let value = value.trim_matches(['\t', '\n', '\r', ' ']);
    match latin1(value) {
        Some(_) => Ok(value.to_owned()),
        None => Err(type_error(
            &ctx,
            "a header's value has a line break or another character that no header may have",
        )),
    }
}

/// A header's value as bytes: one for each character.
fn latin1(value: &str) -> Option<HeaderValue> {
    let bytes: Option<Vec<u8>> = value.chars().map(|one| u8::try_from(one).ok()).collect();
    HeaderValue::from_bytes(&bytes?).ok()
}

/// `statusText(string)`: as it is, if it may be one.
fn status_text<'js>(ctx: Ctx<'js>, value: js::String<'js>) -> js::Result<String> {
    let value = text(&value)?;
    match latin1(&value) {
        Some(_) => Ok(value),
        None => Err(type_error(
            &ctx,
            "Response: statusText has a character that it may not have",
        )),
    }
}

/// `methodName(string)`: the usual ones in upper case.
fn method_name<'js>(ctx: Ctx<'js>, name: js::String<'js>) -> js::Result<String> {
    let name = text(&name)?;
    let upper = name.to_ascii_uppercase();
    let usual = ["DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"];
    let name = if usual.contains(&upper.as_str()) {
        upper
    } else if ["CONNECT", "TRACE", "TRACK"].contains(&upper.as_str())
        || Method::from_bytes(name.as_bytes()).is_err()
    {
        let shown = quote(&name);
        return Err(type_error(
            &ctx,
            format_args!("Request: {shown} is no method that a request may have"),
        ));
    } else {
        name
    };
    Ok(name)
}

/// `httpUrl(string)`: its normal form.
fn http_url<'js>(ctx: Ctx<'js>, given: js::String<'js>) -> js::Result<String> {
    let given = text(&given)?;
    let Ok(url) = Url::parse(&given) else {
        return Err(type_error(
            &ctx,
            format_args!(
                "Invalid URL: {}; fetch needs one with its host",
                quote(&given)
            ),
        ));
    };
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(type_error(
            &ctx,
            format_args!("fetch: the URL must begin with http:// or https://, not with {scheme}:"),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(type_error(
            &ctx,
            "fetch: the URL must have no user and password; send the header authorization",
        ));
    }
    Ok(url.into())
}

/// `anyUrl(string)`: its normal form.
fn any_url<'js>(ctx: Ctx<'js>, given: js::String<'js>) -> js::Result<String> {
    let given = text(&given)?;
    match Url::parse(&given) {
        Ok(url) => Ok(url.into()),
        Err(_) => Err(type_error(
            &ctx,
            format_args!("Invalid URL: {}", quote(&given)),
        )),
    }
}

/// `parseJson(string)`.
fn parse_json<'js>(ctx: Ctx<'js>, source: js::String<'js>) -> js::Result<Value<'js>> {
    match json::parse(&ctx, &text(&source)?)? {
        Ok(value) => Ok(value),
        Err(problem) => {
            let message = format!("the body is no JSON: {problem}");
            Err(ctx.throw(error_of(&ctx, "SyntaxError", &message)?))
        }
    }
}

/// `toJson(value)`.
fn to_json<'js>(ctx: Ctx<'js>, value: Value<'js>) -> js::Result<js::String<'js>> {
    match ctx.json_stringify(value)? {
        Some(json) => Ok(json),
        None => Err(type_error(
            &ctx,
            "Response.json: the value is none that JSON has a word for",
        )),
    }
}

/// `parseForm(bytes, type)`: names and values in turn; a file is `[bytes, name, type]`.
fn parse_form<'js>(
    ctx: Ctx<'js>,
    bytes: Value<'js>,
    media: js::String<'js>,
) -> js::Result<Array<'js>> {
    let state = State::of(&ctx)?;
    state.pause(&ctx)?;
    let bytes = view_bytes(&bytes)?.unwrap_or_default();
    let media = text(&media)?;
    let list = Array::new(ctx.clone())?;
    let essence = media.split(';').next().unwrap_or_default().trim();
    let unfit = |problem: &str| -> js::Result<Error> {
        let message = format!("formData: {problem}");
        Ok(ctx.throw(error_of(&ctx, "TypeError", &message)?))
    };
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        let pairs = form_urlencoded::parse(&bytes);
        for (at, part) in pairs.flat_map(|(name, value)| [name, value]).enumerate() {
            state.wrote(&ctx, part.len())?;
            list.set(at, &*part)?;
        }
        return Ok(list);
    }
    if !essence.eq_ignore_ascii_case("multipart/form-data") {
        return Err(unfit("the header content-type names no form")?);
    }
    let Some(entries) = multipart(&bytes, &media) else {
        return Err(unfit("the body is not a form as its content-type says")?);
    };
    for (at, entry) in entries.into_iter().enumerate() {
        state.step(&ctx)?;
        list.set(2 * at, entry.name)?;
        let value = match entry.value {
            FormValue::Text(text) => text.into_js(&ctx)?,
            FormValue::File { bytes, name, media } => {
                let file = Array::new(ctx.clone())?;
                file.set(0, array(&ctx, &bytes)?)?;
                file.set(1, name)?;
                file.set(2, media)?;
                file.into_value()
            }
        };
        list.set(2 * at + 1, value)?;
    }
    Ok(list)
}

/// An answer whose body is still to come.
struct Body {
    run: Rc<Run>,
    url: Url,
    /// `None` while it is being read, and after its end.
    response: RefCell<Option<Response>>,
    signal: Option<Signal>,
}

impl Body {
    fn of(ctx: &Ctx<'_>, handle: &Value<'_>) -> js::Result<Rc<Self>> {
        HostObject::<Rc<Self>>::with(handle, Rc::clone)
            .ok_or_else(|| type_error(ctx, "this is not an answer's body"))
    }

    /// Throws why there is no more of it.
    fn failed(&self, ctx: &Ctx<'_>, failure: Failure) -> Error {
        failed(ctx, &self.run, &self.url, failure)
    }

    fn aborted(&self, ctx: &Ctx<'_>) -> Error {
        match &self.signal {
            Some(signal) => signal.throw(ctx),
            None => Error::Unknown,
        }
    }
}

/// Throws why there is no answer: a `TypeError`, as the standard has it, with a `code` as `cla/http` has it.
fn failed(ctx: &Ctx<'_>, run: &Run, url: &Url, failure: Failure) -> Error {
    if let Kind::Denied(denied) = &failure.kind {
        return run.throw_denied(ctx, denied);
    }
    let error = || {
        let failure = failure.of(url);
        let at = failure.url();
        let (class, problem) = match &failure.kind {
            Kind::NoMemory(_) => ("RangeError", failure.kind.to_string()),
            Kind::TooManyRedirects(0) => (
                "TypeError",
                "it redirects, and redirect is \"error\"".to_owned(),
            ),
            Kind::TooManyRedirects(most) => ("TypeError", format!("more than {most} redirects")),
            kind => ("TypeError", kind.to_string()),
        };
        let error = error_of(ctx, class, &format!("fetch: {}: {problem}", cut(&at)))?;
        if let Some(object) = error.as_object() {
            object.set("code", failure.kind.code())?;
        }
        js::Result::Ok(error)
    };
    match error() {
        Ok(error) => ctx.throw(error),
        Err(error) => error,
    }
}

/// `send(method, url, headers, body, redirect, signal)`: a promise of the answer, as soon as its headers are there.
fn send<'js>(
    ctx: Ctx<'js>,
    method: String,
    href: String,
    given: Array<'js>,
    body: Value<'js>,
    redirect: String,
    signal: Value<'js>,
) -> js::Result<Promise<'js>> {
    let run = Rc::clone(State::of(&ctx)?.run());
    let unfit = |_| type_error(&ctx, "fetch: the request is not as it was made");
    let url = Url::parse(&href).map_err(|_| unfit(()))?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| unfit(()))?;
    let signal = Signal::read(&ctx, "fetch: option signal", &signal)?;
    let body = match body.is_undefined() {
        true => None,
        false => view_bytes(&body)?,
    };
    let mut headers = HeaderMap::new();
    for at in (0..given.len()).step_by(2) {
        let (name, value) = (text(&given.get(at)?)?, text(&given.get(at + 1)?)?);
        if OUR_OWN.contains(&name.as_str()) {
            continue;
        }
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), latin1(&value)) {
            let too_many = |_| type_error(&ctx, "fetch: the request has too many headers");
            headers.try_append(name, value).map_err(too_many)?;
        }
    }
    let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
    if body.as_ref().is_none_or(Vec::is_empty) && expects_body {
        // Some servers refuse a request that leaves open whether there is more to come.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let permissions = run.permissions();
    let (host, port) = reach::of(&url);
    run.permitted(&ctx, permissions.net(host, port))?;
    let is_head = method == Method::HEAD;
    let asked = url.clone();
    let exchange = Exchange {
        method,
        url,
        headers,
        login: None,
        body,
        // A rule that wants a limit gives a signal.
        timeout: Duration::MAX,
        redirects: if redirect == "follow" { REDIRECTS } else { 0 },
        max_body: usize::MAX,
    };
    let measured = ProfileSpan::beside(&run, &ctx, ProfiledKind::Request, "http", || {
        reach::title(&exchange.method, &exchange.url)
    });
    let begin = client::begin(exchange, Reach::of(permissions));
    let begin = async {
        let begun = begin.await;
        if let Some(measured) = measured {
            measured.end(begun.is_err());
        }
        begun
    };
    let begin = Signal::unless(signal.as_ref(), begin);
    let waiting = Rc::clone(&run);
    run.promise(&ctx, begin, move |ctx, begun| {
        let response = match (begun, &signal) {
            (Some(Ok(response)), _) => response,
            (Some(Err(failure)), _) => return Err(failed(ctx, &waiting, &asked, failure)),
            (None, Some(signal)) => return Err(signal.throw(ctx)),
            (None, None) => return Err(Error::Unknown),
        };
        if redirect == "error"
            && response.status().is_redirection()
            && response.headers().contains_key("location")
        {
            let failure = Kind::TooManyRedirects(0).into();
            return Err(failed(ctx, &waiting, &asked, failure));
        }
        answer(ctx, waiting, &asked, response, is_head, signal).map(Object::into_value)
    })
}

/// What `fetch.js` makes a `Response` of.
fn answer<'js>(
    ctx: &Ctx<'js>,
    run: Rc<Run>,
    asked: &Url,
    response: Response,
    is_head: bool,
    signal: Option<Signal>,
) -> js::Result<Object<'js>> {
    let answer = Object::new(ctx.clone())?;
    let status = response.status();
    answer.set("status", status.as_u16())?;
    answer.set("statusText", status.canonical_reason().unwrap_or_default())?;
    let url = response.url().clone();
    let (mut shown_url, mut asked) = (url.clone(), asked.clone());
    shown_url.set_fragment(None);
    asked.set_fragment(None);
    answer.set("redirected", shown_url != asked)?;
    answer.set("url", shown(&shown_url))?;
    let headers = Array::new(ctx.clone())?;
    for (at, (name, value)) in response.headers().iter().enumerate() {
        headers.set(2 * at, name.as_str())?;
        headers.set(2 * at + 1, header_text(value))?;
    }
    answer.set("headers", headers)?;
    let without = [
        StatusCode::SWITCHING_PROTOCOLS,
        StatusCode::NO_CONTENT,
        StatusCode::RESET_CONTENT,
        StatusCode::NOT_MODIFIED,
    ];
    if is_head || without.contains(&status) {
        answer.set("handle", Null)?;
        return Ok(answer);
    }
    let body = Rc::new(Body {
        run,
        url,
        response: RefCell::new(Some(response)),
        signal,
    });
    let prototype = Object::new(ctx.clone())?;
    answer.set("handle", HostObject::create(body, prototype)?)?;
    Ok(answer)
}

/// `readChunk(handle)`: a promise of the next bytes; of `null` at the end.
fn read_chunk<'js>(ctx: Ctx<'js>, handle: Value<'js>) -> js::Result<Promise<'js>> {
    let body = Body::of(&ctx, &handle)?;
    let response = body.response.take();
    let chunk = async move {
        match response {
            Some(response) => client::next_chunk(response, REDIRECTS).await.map(Some),
            None => Ok(None),
        }
    };
    let chunk = Signal::unless(body.signal.as_ref(), chunk);
    Rc::clone(&body.run).promise(&ctx, chunk, move |ctx, read| match read {
        Some(Ok(Some((response, Some(chunk))))) => {
            *body.response.borrow_mut() = Some(response);
            Ok(array(ctx, &chunk)?.into_value())
        }
        Some(Ok(_)) => Null.into_js(ctx),
        Some(Err(failure)) => Err(body.failed(ctx, failure)),
        None => Err(body.aborted(ctx)),
    })
}

/// `readAll(handle)`: a promise of all bytes.
fn read_all<'js>(ctx: Ctx<'js>, handle: Value<'js>) -> js::Result<Promise<'js>> {
    let body = Body::of(&ctx, &handle)?;
    let mut response = body.response.take();
    let run = Rc::clone(&body.run);
    let all = async move {
        let mut all = Gathered::new(&run);
        while let Some(from) = response.take() {
            let (rest, chunk) = client::next_chunk(from, REDIRECTS).await?;
            let Some(chunk) = chunk else { break };
            all.push(&chunk)?;
            response = Some(rest);
        }
        Ok(all.into_bytes())
    };
    let all = Signal::unless(body.signal.as_ref(), all);
    Rc::clone(&body.run).promise(&ctx, all, move |ctx, read| match read {
        Some(Ok((bytes, _counted))) => Ok(array(ctx, &bytes)?.into_value()),
        Some(Err(failure)) => Err(body.failed(ctx, failure)),
        None => Err(body.aborted(ctx)),
    })
}

/// `cancelBody(handle)`: nothing more is read of it.
fn cancel_body<'js>(ctx: Ctx<'js>, handle: Value<'js>) -> js::Result<()> {
    let response = Body::of(&ctx, &handle)?.response.take();
    drop(response);
    Ok(())
}
