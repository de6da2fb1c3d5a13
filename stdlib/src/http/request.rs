//! What a rule asks for: its arguments and options, read and checked before anything is sent.

use std::time::Duration;

use cla_runtime::internal::bytes_of;
use cla_runtime::js::{self, Ctx, Error, Object, Value};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use reqwest::{Method, Url};
use url::form_urlencoded;

use crate::call::Arg;
use crate::duration::duration;
use crate::intrinsics::Intrinsic;
use crate::options::{self, entries};
use crate::signal::Signal;
use crate::state::State;
use crate::text::{coerce, text, within_memory};
use crate::throw::{describe, quote, string_argument, type_error, wrong};
use crate::web;

use super::client::Exchange;
use super::options::{AUTH, MOST_REDIRECTS, OPTIONS, ReadAs, method};

/// How long an exchange may take unless the rule says otherwise: longer than a server that works needs,
/// and short enough for somebody to still wait for the rule.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many redirects are followed unless the rule says otherwise.
const REDIRECTS: usize = 10;
/// The most bytes of a body unless the rule says otherwise: a sixteenth of what a run may use, so that
/// there is room for the text and the values that are made of it.
const MAX_BODY: usize = 16 * 1024 * 1024;
/// The largest number that JavaScript counts to without gaps.
const MAX_SAFE: f64 = 9_007_199_254_740_991.0;

/// What other HTTP clients call them.
const ALIASES: &[(&str, &str)] = &[
    ("data", "body"),
    ("payload", "body"),
    ("content", "body"),
    ("params", "query"),
    ("qs", "query"),
    ("search", "query"),
    ("uri", "url"),
    ("verb", "method"),
    ("redirect", "redirects"),
    ("follow", "redirects"),
    ("maxRedirects", "redirects"),
    ("maxContentLength", "maxBody"),
    ("responseType", "as"),
    ("encoding", "as"),
];

/// The functions of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Request,
    Get,
    Post,
    Put,
    Patch,
    Delete,
    Head,
}

impl Verb {
    pub(super) const ALL: [Self; 7] = [
        Self::Request,
        Self::Get,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Head,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "del",
            Self::Head => "head",
        }
    }

    /// The name in messages.
    fn function(self) -> &'static str {
        match self {
            Self::Request => "http.request",
            Self::Get => "http.get",
            Self::Post => "http.post",
            Self::Put => "http.put",
            Self::Patch => "http.patch",
            Self::Delete => "http.del",
            Self::Head => "http.head",
        }
    }

    /// The method, unless it is the rule's to choose.
    fn method(self) -> Option<Method> {
        match self {
            Self::Request => None,
            Self::Get => Some(Method::GET),
            Self::Post => Some(Method::POST),
            Self::Put => Some(Method::PUT),
            Self::Patch => Some(Method::PATCH),
            Self::Delete => Some(Method::DELETE),
            Self::Head => Some(Method::HEAD),
        }
    }

    /// Whether the second argument is the body.
    fn takes_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// All that a call asks for.
pub(super) struct Wanted {
    pub(super) function: &'static str,
    pub(super) exchange: Exchange,
    pub(super) read_as: ReadAs,
    /// What ends it early.
    pub(super) signal: Option<Signal>,
}

impl Wanted {
    /// Reads the arguments of a call.
    ///
    /// # Errors
    ///
    /// A `TypeError` that names function and option, and what a getter or `toJSON` of the rule's throws.
    pub(super) fn read<'js>(
        ctx: &Ctx<'js>,
        verb: Verb,
        [first, second, third]: [&Arg<'js>; 3],
    ) -> js::Result<Self> {
        let mut reader = Reader::new(ctx, verb);
        let options = if verb.takes_body() {
            reader.set_url("the URL", first)?;
            if !second.is_undefined() && !second.is_null() {
                let content = reader.content("the body", second)?;
                reader.set_content("the second argument", content)?;
            }
            third
        } else if verb == Verb::Request && is_options(ctx, first)? {
            if let Some(second) = second.given() {
                let what = "http.request: the second argument";
                let expected = "left out when the first has the options";
                return Err(wrong(ctx, what, expected, second));
            }
            first
        } else {
            reader.set_url("the URL", first)?;
            second
        };
        reader.read_options(options)?;
        reader.finish()
    }
}

/// Whether the first argument of `http.request` is the options and not the URL.
fn is_options<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<bool> {
    Ok(match value.as_object() {
        Some(object) => url_object(ctx, object)?.is_none(),
        None => false,
    })
}

/// A body, with what it is unless the headers say so.
struct Content {
    bytes: Vec<u8>,
    content_type: &'static str,
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Collects what a call asks for.
struct Reader<'a, 'js> {
    ctx: &'a Ctx<'js>,
    verb: Verb,
    function: &'static str,
    url: Option<Url>,
    method: Option<Method>,
    headers: HeaderMap,
    query: Vec<(String, String)>,
    /// The body, and the name of the option that gave it.
    content: Option<(&'static str, Content)>,
    login: Option<(String, String)>,
    timeout: Duration,
    redirects: usize,
    max_body: usize,
    read_as: ReadAs,
    signal: Option<Signal>,
    /// Whether the option `auth` is given.
    auth: bool,
}

impl<'a, 'js> Reader<'a, 'js> {
    fn new(ctx: &'a Ctx<'js>, verb: Verb) -> Self {
        Self {
            ctx,
            verb,
            function: verb.function(),
            url: None,
            method: verb.method(),
            headers: HeaderMap::new(),
            query: Vec::new(),
            content: None,
            login: None,
            timeout: TIMEOUT,
            redirects: REDIRECTS,
            max_body: MAX_BODY,
            read_as: ReadAs::Auto,
            signal: None,
            auth: false,
        }
    }

    fn type_error(&self, message: impl std::fmt::Display) -> Error {
        type_error(self.ctx, format_args!("{}: {message}", self.function))
    }

    fn wrong(&self, what: &str, expected: &str, value: &Value<'js>) -> Error {
        let what = format!("{}: {what}", self.function);
        wrong(self.ctx, &what, expected, value)
    }

    /// A value that must be an object with properties.
    fn object<'v>(
        &self,
        what: &str,
        expected: &str,
        value: &'v Value<'js>,
    ) -> js::Result<&'v Object<'js>> {
        value
            .as_object()
            .filter(|_| !value.is_function() && !value.is_array())
            .ok_or_else(|| self.wrong(what, expected, value))
    }

    fn read_options(&mut self, options: &Value<'js>) -> js::Result<()> {
        if options.is_undefined() || options.is_null() {
            return Ok(());
        }
        let expected = "an object such as { timeout: \"5s\" }";
        for entry in entries(self.object("options", expected, options)?) {
            let (key, value) = entry?;
            self.read_option(&key, &value)?;
        }
        Ok(())
    }

    fn read_option(&mut self, key: &str, value: &Value<'js>) -> js::Result<()> {
        let what = format!("option {key}");
        match key {
            "url" => self.set_url(&what, value)?,
            "method" => self.set_method(&what, value)?,
            "headers" => self.set_headers(&what, value)?,
            "query" => self.query = self.pairs(&what, value)?,
            "body" if value.is_null() => {}
            "body" => {
                let content = self.content(&what, value)?;
                self.set_content("body", content)?;
            }
            "json" => {
                let content = self.json(&what, value)?;
                self.set_content("json", content)?;
            }
            "form" => {
                let content = form(&self.pairs(&what, value)?);
                self.set_content("form", content)?;
            }
            "timeout" => {
                let what = format!("{}: {what}", self.function);
                self.timeout = duration(self.ctx, value, &what)?;
                if self.timeout.is_zero() {
                    let expected = "longer than nothing, as in \"5s\"";
                    return Err(wrong(self.ctx, &what, expected, value));
                }
            }
            "redirects" => {
                let expected = format!("a whole number from 0 to {MOST_REDIRECTS}");
                self.redirects = self.number(&what, &expected, MOST_REDIRECTS as f64, value)?;
            }
            "maxBody" => {
                let expected = "a whole number of bytes";
                self.max_body = self.number(&what, expected, MAX_SAFE, value)?;
            }
            "auth" if value.is_null() => {}
            "auth" => self.set_auth(value)?,
            "signal" => {
                let what = format!("{}: {what}", self.function);
                self.signal = Signal::read(self.ctx, &what, value)?;
            }
            "as" => {
                let name = value.as_string().map(text).transpose()?;
                let Some(read_as) = name.as_deref().and_then(ReadAs::named) else {
                    let expected = "\"auto\", \"text\", \"json\" or \"bytes\"";
                    return Err(self.wrong(&what, expected, value));
                };
                self.read_as = read_as;
            }
            _ => {
                let (ctx, function) = (self.ctx, self.function);
                return Err(options::unknown(ctx, function, key, &OPTIONS, ALIASES));
            }
        }
        Ok(())
    }

    fn set_url(&mut self, what: &str, value: &Value<'js>) -> js::Result<()> {
        if self.url.is_some() {
            return Err(self.type_error("the URL is given twice: as an argument and as option url"));
        }
        let expected = "an http or https URL";
        let given = match value.as_object() {
            Some(object) => url_object(self.ctx, object)?,
            None => value.as_string().map(text).transpose()?,
        };
        let Some(given) = given else {
            return Err(self.wrong(what, expected, value));
        };
        let url = Url::parse(given.trim()).map_err(|problem| {
            let shown = quote(&without_login(&given));
            self.type_error(format_args!(
                "{what} must be {expected} with its host, not {shown} ({problem})"
            ))
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(self.type_error(format_args!(
                "{what} must begin with http:// or https://, not with {scheme}:"
            )));
        }
        self.url = Some(url);
        Ok(())
    }

    fn set_method(&mut self, what: &str, value: &Value<'js>) -> js::Result<()> {
        if self.verb != Verb::Request {
            return Err(self.type_error(
                "option method is for http.request; this function has a method of its own",
            ));
        }
        let what = format!("{}: {what}", self.function);
        let name = string_argument(self.ctx, &what, value)?;
        let expected = "a method such as \"GET\" or \"POST\"";
        self.method = Some(method(&name).ok_or_else(|| wrong(self.ctx, &what, expected, value))?);
        Ok(())
    }

    fn set_headers(&mut self, what: &str, value: &Value<'js>) -> js::Result<()> {
        let expected = "an object of names and values";
        for entry in entries(self.object(what, expected, value)?) {
            let (key, value) = entry?;
            let Ok(name) = HeaderName::from_bytes(key.as_bytes()) else {
                return Err(self.type_error(format_args!(
                    "{what}: {} is not the name of a header",
                    quote(&key)
                )));
            };
            if matches!(name.as_str(), "content-length" | "transfer-encoding") {
                return Err(self.type_error(format_args!(
                    "{what}: {name} cannot be set; it follows from the body"
                )));
            }
            let what = format!("{what}.{name}");
            let expected = "a string, a number or an array of them";
            let scalar = |value: &Value<'_>| value.is_string() || value.is_number();
            let mut texts = Vec::new();
            self.collect(&what, expected, scalar, &value, |text| texts.push(text))?;
            for text in texts {
                let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                    return Err(self.type_error(format_args!(
                        "{what} has a line break or another character that no header may have"
                    )));
                };
                if self.headers.try_append(name.clone(), value).is_err() {
                    return Err(self.type_error(format_args!("{what}: there are too many headers")));
                }
            }
        }
        Ok(())
    }

    /// The names and values of a query or a form.
    fn pairs(&self, what: &str, value: &Value<'js>) -> js::Result<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        if value.is_null() {
            return Ok(pairs);
        }
        let object = self.object(what, "an object of names and values", value)?;
        if let Some(list) = search_params(self.ctx, object)? {
            return Ok(list);
        }
        let expected = "a string, a number, a boolean or an array of them";
        let scalar = |value: &Value<'_>| {
            value.is_string() || value.is_number() || value.is_bool() || value.is_big_int()
        };
        for entry in entries(object) {
            let (name, value) = entry?;
            let what = format!("{what}.{name}");
            self.collect(&what, expected, scalar, &value, |text| {
                pairs.push((name.clone(), text));
            })?;
        }
        Ok(pairs)
    }

    /// The text of a value, or of each in an array. `null` and `undefined` are left out.
    fn collect(
        &self,
        what: &str,
        expected: &str,
        scalar: fn(&Value<'_>) -> bool,
        value: &Value<'js>,
        mut push: impl FnMut(String),
    ) -> js::Result<()> {
        let mut length = 0;
        let mut one = |value: &Value<'js>| {
            if value.is_null() || value.is_undefined() {
                return Ok(());
            }
            if !scalar(value) {
                return Err(self.wrong(what, expected, value));
            }
            let text = coerce(self.ctx, value)?;
            // One long text may be in a list many times.
            length += text.len();
            within_memory(self.ctx, what, length)?;
            push(text);
            Ok(())
        };
        let Some(list) = value.as_array() else {
            return one(value);
        };
        let state = State::of(self.ctx)?;
        for item in list.iter::<Value<'js>>() {
            state.step(self.ctx)?;
            one(&item?)?;
        }
        Ok(())
    }

    fn number(
        &self,
        what: &str,
        expected: &str,
        most: f64,
        value: &Value<'js>,
    ) -> js::Result<usize> {
        value
            .as_number()
            .filter(|number| (0.0..=most).contains(number) && number.fract() == 0.0)
            .map(|number| number as usize)
            .ok_or_else(|| self.wrong(what, expected, value))
    }

    fn set_auth(&mut self, value: &Value<'js>) -> js::Result<()> {
        let (mut user, mut password, mut bearer) = (None, None, None);
        let expected = "an object such as { user, password } or { bearer }";
        for entry in entries(self.object("option auth", expected, value)?) {
            let (key, value) = entry?;
            let part = match key.as_str() {
                "user" => &mut user,
                "password" => &mut password,
                "bearer" => &mut bearer,
                _ => {
                    let function = format!("{}: option auth", self.function);
                    let aliases = [("username", "user"), ("token", "bearer")];
                    let ctx = self.ctx;
                    return Err(options::unknown(ctx, &function, &key, &AUTH, &aliases));
                }
            };
            let Some(string) = value.as_string() else {
                // Not what it is instead: that may be a secret too.
                return Err(self.type_error(format_args!("option auth.{key} must be a string")));
            };
            *part = Some(text(string)?);
        }
        match (user, bearer) {
            (Some(user), None) if user.contains(':') => {
                return Err(self.type_error(
                    "option auth.user must not have a colon, which is where its password begins",
                ));
            }
            (Some(user), None) => self.login = Some((user, password.unwrap_or_default())),
            (None, Some(bearer)) if password.is_none() => {
                let Ok(mut value) = HeaderValue::try_from(format!("Bearer {bearer}")) else {
                    return Err(self
                        .type_error("option auth.bearer has a character that no header may have"));
                };
                value.set_sensitive(true);
                self.headers.append(AUTHORIZATION, value);
            }
            _ => {
                return Err(self.type_error(
                    "option auth must have either a user (and a password) or a bearer",
                ));
            }
        }
        self.auth = true;
        Ok(())
    }

    /// The body that a value makes.
    fn content(&self, what: &str, value: &Value<'js>) -> js::Result<Content> {
        if let Some(string) = value.as_string() {
            return Ok(Content {
                bytes: text(string)?.into_bytes(),
                content_type: "text/plain;charset=UTF-8",
            });
        }
        if let Some(bytes) = bytes_of(value)? {
            return Ok(Content {
                bytes,
                content_type: "application/octet-stream",
            });
        }
        if let Some(object) = value.as_object() {
            if let Some(pairs) = search_params(self.ctx, object)? {
                return Ok(form(&pairs));
            }
            // As JSON, other views of bytes would be objects with an entry per number.
            let intrinsics = State::of(self.ctx)?.intrinsics(self.ctx)?;
            let view: Value<'js> = intrinsics.on(Intrinsic::TypedArrayName, value)?;
            if view.is_string() {
                let expected = "a Uint8Array or an ArrayBuffer if it has bytes";
                return Err(self.wrong(what, expected, value));
            }
        }
        self.json(what, value)
    }

    fn json(&self, what: &str, value: &Value<'js>) -> js::Result<Content> {
        match self.ctx.json_stringify(value.clone())? {
            Some(json) => Ok(Content {
                bytes: text(&json)?.into_bytes(),
                content_type: "application/json",
            }),
            None => {
                let problem = describe(value);
                Err(self.type_error(format_args!(
                    "{what} must be a value that JSON has a word for, not {problem}"
                )))
            }
        }
    }

    fn set_content(&mut self, source: &'static str, content: Content) -> js::Result<()> {
        if let Some((other, _)) = &self.content {
            return Err(self.type_error(format_args!(
                "{other} and {source} are both given; a request has one body"
            )));
        }
        self.content = Some((source, content));
        Ok(())
    }

    fn finish(mut self) -> js::Result<Wanted> {
        let Some(mut url) = self.url.take() else {
            return Err(self.type_error("option url is missing"));
        };
        if self.auth
            && self.headers.get_all(AUTHORIZATION).iter().count()
                > usize::from(self.login.is_none())
        {
            return Err(self.type_error("option auth and a header authorization are both given"));
        }
        if self.auth || self.headers.contains_key(AUTHORIZATION) {
            // What the options say outranks the URL, whose login would be sent as well.
            let _ = url.set_username("");
            let _ = url.set_password(None);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let body = self.content.take().map(|(_, content)| {
            self.headers
                .entry(CONTENT_TYPE)
                .or_insert(HeaderValue::from_static(content.content_type));
            content.bytes
        });
        let method = self.method.unwrap_or(match body {
            Some(_) => Method::POST,
            None => Method::GET,
        });
        let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
        if body.as_ref().is_none_or(Vec::is_empty) && expects_body {
            // Some servers refuse a request that leaves open whether there is more to come.
            self.headers
                .insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Ok(Wanted {
            function: self.function,
            exchange: Exchange {
                method,
                url,
                headers: self.headers,
                login: self.login,
                body,
                timeout: self.timeout,
                redirects: self.redirects,
                max_body: self.max_body,
            },
            read_as: self.read_as,
            signal: self.signal,
        })
    }
}

fn form(pairs: &[(String, String)]) -> Content {
    let mut form = form_urlencoded::Serializer::new(String::new());
    Content {
        bytes: form.extend_pairs(pairs).finish().into_bytes(),
        content_type: FORM,
    }
}

/// The text of a `URL`; `None` for any other object.
fn url_object<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> js::Result<Option<String>> {
    match web::stand_in(ctx, object)? {
        Some(parts) if !parts.is_array() => Ok(Some(text(&parts.get("href")?)?)),
        _ => Ok(None),
    }
}

/// The names and values of a `URLSearchParams`; `None` for any other object.
fn search_params<'js>(
    ctx: &Ctx<'js>,
    object: &Object<'js>,
) -> js::Result<Option<Vec<(String, String)>>> {
    let stand_in = web::stand_in(ctx, object)?;
    let Some(list) = stand_in.as_ref().and_then(|object| object.as_array()) else {
        return Ok(None);
    };
    let mut pairs = Vec::new();
    for at in (0..list.len()).step_by(2) {
        pairs.push((text(&list.get(at)?)?, text(&list.get(at + 1)?)?));
    }
    Ok(Some(pairs))
}

/// A text that is no URL, without what may be a user and a password in it.
fn without_login(text: &str) -> String {
    match text.rfind('@') {
        Some(at) => format!("…{}", &text[at..]),
        None => text.to_owned(),
    }
}
