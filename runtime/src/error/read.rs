//! Reads what a script threw into a [`RuleError`], without throwing.

use std::collections::HashMap;

use rquickjs::{Ctx, FromJs, Object, Value};
use serde_json::Value as Json;

use super::members::Members;
use super::suspect::{self, Step, Suspect, Symptom};
use super::{ErrorKind, Frame, Location, RuleError, Sources, place, shorten};

/// Most errors read in one go, over `cause` and `errors`.
const ERRORS_MAX: usize = 32;

/// Longest chain of causes read; also bounds the native stack that reading needs, to about 16 KiB.
const DEPTH_MAX: usize = 8;

/// Most errors of one `AggregateError` kept.
const AGGREGATE_MAX: usize = 16;

/// Most classes looked at that an error's class extends.
const CLASSES_MAX: usize = 8;

/// Most frames kept, over all errors; the engine records at most 64 for each, but a script may write
/// its own `stack`.
const FRAMES_MAX: usize = 1_024;

/// Longest part of a stack read, in bytes: enough for so many frames.
const STACK_MAX: usize = 256 << 10;

/// In a source larger than this, in bytes, only the innermost place is looked at closely: it is parsed for each.
const LARGE_SOURCE: usize = 256 << 10;

/// Most places that are added of those who await.
const ASYNCHRONOUS_MAX: usize = 16;

/// Most places of one error that are looked at closely.
const CLOSE_MAX: usize = 12;

/// How many ` (` of a stack's line are tried as the one between a function and its file.
const SPLITS_MAX: usize = 8;

/// Most values kept of an error's own properties, how deep they may nest, and how long their strings may be.
const DETAILS_MAX: usize = 128;
const DETAILS_DEPTH: usize = 4;
const DETAILS_STRING_MAX: usize = 1_000;

impl RuleError {
    /// By what the error of another rule is known again, when it is the cause of one of this rule: its message and its place.
    pub(crate) fn cause_key(&self) -> Option<String> {
        let at = self.location.as_ref()?;
        let (file, line, column) = (&at.file, at.line, at.column);
        Some(format!("{}\n{file}:{line}:{column}", self.message))
    }
}

pub(super) struct Reader<'r, 'js> {
    ctx: &'r Ctx<'js>,
    sources: &'r dyn Sources,
    /// The errors read, in order not to follow a circle.
    seen: Vec<Value<'js>>,
    details_left: usize,
    frames_left: usize,
    /// Look for the expression that failed, which means to parse the source.
    is_thorough: bool,
}

impl<'r, 'js> Reader<'r, 'js> {
    pub(super) fn new(ctx: &'r Ctx<'js>, sources: &'r dyn Sources) -> Self {
        Self {
            ctx,
            sources,
            seen: Vec::new(),
            details_left: DETAILS_MAX,
            frames_left: FRAMES_MAX,
            is_thorough: true,
        }
    }

    /// Reads no more than the lines of places, which takes no parsing.
    pub(super) fn roughly(mut self) -> Self {
        self.is_thorough = false;
        self
    }

    pub(super) fn read(&mut self, value: &Value<'js>) -> RuleError {
        self.read_at(value, 0)
    }

    fn read_at(&mut self, value: &Value<'js>, depth: usize) -> RuleError {
        let Some(object) = self.as_error(value) else {
            let details = self.details(value, 0);
            let message = match &details {
                Some(Json::String(text)) if !value.is_string() => text.clone(),
                Some(json) => json.to_string(),
                None => "undefined".to_owned(),
            };
            let mut error = RuleError::new(ErrorKind::Exception, "uncaught", message);
            error.details = details.unwrap_or_default();
            if depth == 0
                && self.is_thorough
                && !value.is_undefined()
                && let Some((file, at, length)) = self.sources.thrown(&error.details)
            {
                error = error.located(self.sources, &file, at, length as usize);
            }
            return error;
        };
        self.seen.push(value.clone());

        let name = self.name(&object);
        let message = match self.get::<Value<'js>>(&object, "message") {
            Some(message) => self.text_of(&message),
            None => String::new(),
        };
        let mut error = RuleError::new(ErrorKind::Exception, &name, message);
        self.place(&object, &mut error, depth > 0);
        if let Some(prepared) = self.sources.prepared(&error.message) {
            error.message = prepared.message;
            error.help = prepared.help.or(error.help);
            error.location = prepared.location;
            error.snippet = prepared.snippet;
            error.errors = prepared.errors;
            error.kind = prepared.kind;
        }
        // The error of another rule has its place, and the text of its file.
        if depth > 0
            && error.snippet.is_none()
            && let Some(key) = error.cause_key()
            && let Some(known) = self.sources.prepared(&key)
        {
            error.snippet = known.snippet;
            error.help = known.help.or(error.help);
            error.frames = known.frames;
        }
        if value.is_uncatchable_error() {
            error.kind = ErrorKind::Cancelled;
        }
        self.own_properties(&object, &mut error);
        if depth < DEPTH_MAX {
            if let Some(cause) = self
                .get::<Value<'js>>(&object, "cause")
                .filter(|cause| !cause.is_undefined())
            {
                error.cause = self.read_once(&cause, depth + 1).map(Box::new);
            }
            if let Some(errors) = self.get::<rquickjs::Array<'js>>(&object, "errors") {
                for index in 0..errors.len().min(AGGREGATE_MAX) {
                    let element = errors.get::<Value<'js>>(index);
                    if let Some(element) = self.swallow(element) {
                        error.errors.extend(self.read_once(&element, depth + 1));
                    }
                }
            }
        }
        error
    }

    fn read_once(&mut self, value: &Value<'js>, depth: usize) -> Option<RuleError> {
        if self.seen.len() >= ERRORS_MAX || (value.is_object() && self.seen.contains(value)) {
            return None;
        }
        Some(self.read_at(value, depth))
    }

    /// An error, or something that looks like one, such as a `DOMException`. Never a proxy, whose every
    /// property is code.
    fn as_error(&self, value: &Value<'js>) -> Option<Object<'js>> {
        if value.is_proxy() {
            return None;
        }
        let object = value.as_object()?.clone();
        let looks_like_error = value.is_error()
            || (self.get::<String>(&object, "stack").is_some()
                && self.get::<String>(&object, "message").is_some());
        looks_like_error.then_some(object)
    }

    fn name(&self, object: &Object<'js>) -> String {
        let name = self
            .get::<String>(object, "name")
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "Error".to_owned());
        if name != "Error" {
            return name;
        }
        // `class Refused extends Error {}` without a name of its own is still a `Refused`.
        self.get::<Object<'js>>(object, "constructor")
            .and_then(|class| self.get::<String>(&class, "name"))
            .filter(|name| !name.is_empty())
            .unwrap_or(name)
    }

    /// The names of the error's class and of those that it extends.
    fn classes(&self, object: &Object<'js>) -> Vec<String> {
        let mut names = Vec::new();
        let mut prototype = object.get_prototype();
        while let Some(current) = prototype.filter(|current| !current.is_proxy())
            && names.len() < CLASSES_MAX
        {
            let class = self.get::<Object<'js>>(&current, "constructor");
            names.extend(class.and_then(|class| self.get::<String>(&class, "name")));
            prototype = current.get_prototype();
        }
        names
    }

    /// Fills in stack, place, source line and kind.
    fn place(&mut self, object: &Object<'js>, error: &mut RuleError, is_cause: bool) {
        let stack = self.get::<String>(object, "stack").unwrap_or_default();
        let stack = &stack[..stack.floor_char_boundary(STACK_MAX)];
        let calls = parse_stack(stack, |file| self.sources.text(file).is_some());
        // Where a class makes the error is of no interest, but where the class is used.
        let classes = self.classes(object);
        let is_inner = |call: &Call| match (&call.function, &call.place) {
            // A class that is called without `new` fails in itself.
            _ if error.message == WITHOUT_NEW => true,
            (Some(function), _) => classes.contains(function),
            (None, _) => false,
        };
        let inner = calls.iter().take_while(|call| is_inner(call)).count();
        let inner = match error.message == WITHOUT_NEW {
            true => inner.min(1),
            false => inner,
        };
        let has_outer = calls[inner..].iter().any(|call| call.place.is_some());
        let used = if has_outer { inner } else { 0 };
        let mut called = calls[..used].last().map(|call| Called {
            function: call.function.clone().unwrap_or_default(),
            is_native: call.place.is_none(),
        });
        let mut texts = HashMap::new();
        let mut is_own_syntax = false;
        let mut outermost = None;
        let mut pointed = false;
        for (index, call) in calls.into_iter().skip(used).enumerate() {
            if self.frames_left == 0 {
                break;
            }
            let function = call.function.clone().unwrap_or_default();
            let Some(Place {
                file,
                line,
                column,
                is_syntax,
            }) = call
                .place
                .filter(|place| !self.sources.is_library(&place.file))
            else {
                // What is built into the engine is no place of the rule's. What was called is what the rule has called.
                called = Some(Called {
                    function,
                    is_native: true,
                });
                continue;
            };
            let sources = self.sources;
            let lines_of = |file: &String| {
                let text = sources.text(file)?;
                Some(place::Lines::of(text, sources.line_ends(file)))
            };
            let text = texts.entry(file.clone()).or_insert_with_key(lines_of);
            if is_syntax && text.is_none() {
                // A place in a text that is not shown, such as the argument of `JSON.parse`.
                continue;
            }
            if is_syntax && index == 0 && error.name == "SyntaxError" {
                is_own_syntax = true;
                let problems = match self.is_thorough {
                    true => self.sources.problems(&file),
                    false => Vec::new(),
                };
                if let (Some(text), false) = (self.sources.text(&file), problems.is_empty()) {
                    let shown = self.sources.display_name(&file);
                    let ends = self.sources.line_ends(&file);
                    let known = RuleError::from_problems(&shown, &text, ends, problems);
                    pointed = true;
                    error.message = known.message;
                    error.help = known.help;
                    error.location = known.location;
                    error.snippet = known.snippet;
                    error.errors = known.errors;
                    continue;
                }
            }
            self.frames_left -= 1;
            let size = text.as_ref().map_or(0, place::Lines::size);
            let is_close = !is_syntax
                && (!pointed || size <= LARGE_SOURCE)
                && error.frames.len() < CLOSE_MAX
                && text.is_some();
            let (mark, suspect) = match is_close && self.is_thorough {
                true => {
                    let symptom = Symptom {
                        classes: &classes,
                        message: &error.message,
                        called: called.as_ref().map(|called| called.function.as_str()),
                        called_native: called.as_ref().is_some_and(|called| called.is_native),
                        is_cause,
                    };
                    self.suspect(&file, line, column, &symptom)
                }
                false => None,
            }
            .unzip();
            let by_native = called.is_some_and(|called| called.is_native);
            called = Some(Called {
                function,
                is_native: false,
            });
            let original = self.sources.original(&file, line, column);
            let (mut line, column) = original.unwrap_or((line, column));
            let mut source_line = text.as_ref().and_then(|text| text.line(line));
            let mut column = match (original, source_line) {
                (None, Some(source_line)) => place::characters(source_line, column),
                _ => column,
            };
            if let Some((marked_line, marked_column, _)) = mark {
                (line, column) = (marked_line, marked_column);
                source_line = text.as_ref().and_then(|text| text.line(line));
            }
            let mut file = file;
            let mut is_mapped = false;
            if let Some(mapped) = self.sources.mapped(&file, line, column) {
                if let Some(suspect) = &suspect
                    && !pointed
                {
                    self.explain(&file, suspect, error, by_native);
                }
                (file, line, column) = mapped;
                is_mapped = true;
                let text = texts.entry(file.clone()).or_insert_with_key(lines_of);
                source_line = text.as_ref().and_then(|text| text.line(line));
            }
            let mut location = Location {
                file: self.sources.display_name(&file),
                line,
                column,
            };
            if let (false, Some(source_line)) = (pointed, source_line) {
                pointed = true;
                let at = (column as usize).saturating_sub(1);
                let range = match mark {
                    _ if is_own_syntax => place::misplaced(source_line, at, &error.message),
                    Some((.., length)) if !is_mapped => at..at + length as usize,
                    _ => place::underlined(source_line, at, &error.name, &error.message),
                };
                location.column = range.start as u32 + 1;
                error.snippet = Some(place::snippet(source_line, range));
                error.location = Some(location.clone());
                if let Some(suspect) = &suspect
                    && !is_mapped
                {
                    self.explain(&file, suspect, error, by_native);
                }
            }
            outermost = Some((file, call.function.clone()));
            error.frames.push(Frame {
                function: call.function,
                location,
            });
        }
        if self.is_thorough && !is_own_syntax {
            self.asynchronous(error, outermost);
        }
        if error.location.is_none() {
            error.location = error.frames.first().map(|frame| frame.location.clone());
        }
        error.kind = match (error.name.as_str(), error.message.as_str()) {
            ("SyntaxError", _) if is_own_syntax => ErrorKind::Syntax,
            ("InternalError", "out of memory") => ErrorKind::OutOfMemory,
            ("RangeError", "Maximum call stack size exceeded") => ErrorKind::StackOverflow,
            ("InternalError", "interrupted") => ErrorKind::Cancelled,
            _ => ErrorKind::Exception,
        };
    }

    /// Adds those who await what the stack ends in.
    fn asynchronous(&self, error: &mut RuleError, outermost: Option<(String, Option<String>)>) {
        let mut outermost = outermost;
        for _ in 0..ASYNCHRONOUS_MAX {
            let Some((file, Some(function))) = outermost else {
                return;
            };
            let Some(awaiting) = self.sources.awaiting(&file, &function) else {
                return;
            };
            let name = awaiting.function.clone().flatten();
            let is_in_function = awaiting.function.is_some();
            let shown = match (&name, is_in_function) {
                (Some(name), _) => format!("async {name}"),
                (None, true) => "async <anonymous>".to_owned(),
                (None, false) => "async <top level>".to_owned(),
            };
            let (line, column) = awaiting.at;
            error.frames.push(Frame {
                function: Some(shorten(&shown, 200)),
                location: Location {
                    file: self.sources.display_name(&awaiting.file),
                    line,
                    column,
                },
            });
            outermost = Some((awaiting.file, name));
        }
    }

    /// The expression that failed at a place, and where to mark it.
    fn suspect(
        &self,
        file: &str,
        line: u32,
        column: u32,
        symptom: &Symptom<'_>,
    ) -> Option<((u32, u32, u32), Suspect)> {
        let suspects = self.sources.suspects(file, line, column);
        let members = Members::new(self.ctx, self.sources, file);
        let chosen = suspect::choose(&suspects, symptom, |suspect| members.can_call(suspect))?;
        let mark = self.sources.mark(file, chosen)?;
        Some((mark, chosen.clone()))
    }

    /// Says in the message what was meant by the engine's, and what may have been meant by the author.
    fn explain(&self, file: &str, suspect: &Suspect, error: &mut RuleError, by_native: bool) {
        let members = Members::new(self.ctx, self.sources, file);
        let is_call = matches!(suspect.step, Step::Call | Step::Construct);
        if error.help.is_none() && !(by_native && is_call) {
            error.help = members.meant(&error.message, suspect);
        }
        if let Some(message) = suspect::plainer(&error.message, suspect, by_native) {
            error.message = shorten(&message, super::MESSAGE_MAX);
        }
    }

    fn own_properties(&mut self, object: &Object<'js>, error: &mut RuleError) {
        let mut details = serde_json::Map::new();
        for key in object.keys::<String>() {
            let Some(key) = self.swallow(key) else {
                continue;
            };
            if matches!(
                key.as_str(),
                "name" | "message" | "stack" | "cause" | "errors"
            ) {
                continue;
            }
            if self.details_left == 0 {
                break;
            }
            if let Some(value) = self.get::<Value<'js>>(object, &key)
                && let Some(json) = self.details(&value, 1)
            {
                details.insert(shorten(&key, DETAILS_STRING_MAX), json);
            }
        }
        if !details.is_empty() {
            error.details = Json::Object(details);
        }
    }

    /// A value as JSON, cut where it is deep or large; `None` for `undefined`.
    fn details(&mut self, value: &Value<'js>, depth: usize) -> Option<Json> {
        self.details_left = self.details_left.saturating_sub(1);
        if value.is_undefined() {
            return None;
        }
        if value.is_null() {
            return Some(Json::Null);
        }
        if let Some(flag) = value.as_bool() {
            return Some(Json::Bool(flag));
        }
        if let Some(number) = value.as_int() {
            return Some(number.into());
        }
        if let Some(number) = value.as_float() {
            return Some(match serde_json::Number::from_f64(number) {
                Some(number) => Json::Number(number),
                None => Json::String(number.to_string()),
            });
        }
        if value.is_proxy() {
            return Some("[Proxy]".into());
        }
        if value.is_function() {
            return Some("[Function]".into());
        }
        let Some(object) = value.as_object() else {
            return Some(shorten(&self.text_of(value), DETAILS_STRING_MAX).into());
        };
        if value.is_error() {
            return Some(shorten(&self.text_of(value), DETAILS_STRING_MAX).into());
        }
        if depth >= DETAILS_DEPTH || self.details_left == 0 {
            return Some(if value.is_array() { "[…]" } else { "{…}" }.into());
        }
        if let Some(array) = value.as_array() {
            let mut items = Vec::new();
            for index in 0..array.len() {
                if self.details_left == 0 {
                    items.push("…".into());
                    break;
                }
                let item = self.swallow(array.get::<Value<'js>>(index));
                items.push(
                    item.and_then(|item| self.details(&item, depth + 1))
                        .unwrap_or_default(),
                );
            }
            return Some(Json::Array(items));
        }
        let mut fields = serde_json::Map::new();
        for key in object.keys::<String>() {
            let Some(key) = self.swallow(key) else {
                continue;
            };
            if self.details_left == 0 {
                fields.insert("…".to_owned(), "…".into());
                break;
            }
            let field = self.get::<Value<'js>>(object, &key);
            if let Some(json) = field.and_then(|field| self.details(&field, depth + 1)) {
                fields.insert(shorten(&key, DETAILS_STRING_MAX), json);
            }
        }
        Some(Json::Object(fields))
    }

    /// A value as a person would write it; strings as they are.
    fn text_of(&self, value: &Value<'js>) -> String {
        if let Some(string) = value.as_string() {
            return match string.to_string() {
                Ok(text) => text,
                // Half a surrogate pair; JSON escapes it.
                Err(_) => self
                    .swallow(self.ctx.json_stringify(value.clone()))
                    .flatten()
                    .and_then(|json| json.to_string().ok())
                    .map(|json| json.trim_matches('"').to_owned())
                    .unwrap_or_default(),
            };
        }
        if let Some(object) = value.as_object()
            && value.is_error()
        {
            let message = self.get::<String>(object, "message").unwrap_or_default();
            return format!("{}: {message}", self.name(object));
        }
        if let Some(symbol) = value.as_symbol() {
            let description = self.swallow(symbol.description());
            let description = description.filter(|text| text.is_string());
            let text = description
                .map(|text| self.text_of(&text))
                .unwrap_or_default();
            return format!("Symbol({text})");
        }
        if value.is_big_int() {
            let text = self.get_global_string(value);
            return format!("{}n", text.unwrap_or_default());
        }
        match value.type_of() {
            rquickjs::Type::Undefined => "undefined".to_owned(),
            rquickjs::Type::Null => "null".to_owned(),
            _ => self
                .get_global_string(value)
                .unwrap_or_else(|| "[object]".to_owned()),
        }
    }

    /// `String(value)`, for values whose conversion runs no code of the rule.
    fn get_global_string(&self, value: &Value<'js>) -> Option<String> {
        if value.is_object() {
            return None;
        }
        let coerced = rquickjs::Coerced::<String>::from_js(self.ctx, value.clone());
        self.swallow(coerced).map(|text| text.0)
    }

    fn get<V: FromJs<'js>>(&self, object: &Object<'js>, key: &str) -> Option<V> {
        let value = self.swallow(object.get::<_, Value<'js>>(key))?;
        if value.is_proxy() {
            return None;
        }
        self.swallow(V::from_js(self.ctx, value))
    }

    /// The result; an exception is taken off the context and forgotten.
    fn swallow<T>(&self, result: rquickjs::Result<T>) -> Option<T> {
        if let Err(rquickjs::Error::Exception) = &result {
            self.ctx.catch();
        }
        result.ok()
    }
}

/// The message about a class that is called as a function.
const WITHOUT_NEW: &str = "class constructors must be invoked with 'new'";

/// What was called at a place, and had the error.
struct Called {
    function: String,
    /// It is none of the rule's functions.
    is_native: bool,
}

/// One line of a stack.
struct Call {
    function: Option<String>,
    /// `None` for what is not written in JavaScript.
    place: Option<Place>,
}

struct Place {
    file: String,
    line: u32,
    /// In bytes, from 1.
    column: u32,
    /// The line has no function: it is where the parser stopped.
    is_syntax: bool,
}

/// Reads QuickJS's stack format: `    at name (file:line:column)`, `    at name (native)`, and, from its
/// parser, `    at file:line:column`. Names and files may contain anything, even line ends and parentheses.
fn parse_stack(stack: &str, is_known: impl Fn(&str) -> bool) -> Vec<Call> {
    const AT: &str = "    at ";
    let Some(first) = stack.find(AT) else {
        return Vec::new();
    };
    let named = |function: &str| {
        let has_name = !matches!(function, "" | "<anonymous>" | "<eval>");
        has_name.then(|| shorten(function, 200))
    };
    stack[first + AT.len()..]
        .split(&format!("\n{AT}"))
        .take(FRAMES_MAX)
        .filter_map(|call| {
            let call = call.trim_end_matches('\n');
            let without_place = [" (native)", " (missing)"];
            if let Some(function) = without_place.iter().find_map(|end| call.strip_suffix(end)) {
                return Some(Call {
                    function: named(function),
                    place: None,
                });
            }
            let (place, is_syntax) = match call.strip_suffix(')') {
                Some(place) => (place, false),
                None => (call, true),
            };
            let mut parts = place.rsplitn(3, ':');
            let column = parts.next()?.parse().ok()?;
            let line = parts.next()?.parse().ok()?;
            let head = parts.next()?;
            let (function, file) = match is_syntax {
                true => (None, head),
                false => {
                    let splits = head.match_indices(" (").map(|(at, _)| at).take(SPLITS_MAX);
                    let split = splits
                        .clone()
                        .find(|at| is_known(&head[at + 2..]))
                        .or_else(|| splits.clone().next())?;
                    (named(&head[..split]), &head[split + 2..])
                }
            };
            Some(Call {
                function,
                place: Some(Place {
                    file: file.to_owned(),
                    line,
                    column,
                    is_syntax,
                }),
            })
        })
        .collect()
}
