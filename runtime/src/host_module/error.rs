//! What a host's function throws.

use std::any::Any;
use std::cell::RefCell;
use std::fmt;

use rquickjs::object::Property;
use rquickjs::{Ctx, Exception, Function, Object, Value};
use serde::Serialize;

use crate::error::RuleError;
use crate::permissions::{FileError, PermissionDenied};
use crate::run::{Rooted, Run};
use crate::sys::quickjs::error_without_place;
use crate::value::{RuleValue, ToValue};

/// An error that a function of a [`HostModule`](crate::HostModule) throws.
///
/// A rule sees a real error: its message, its class, by which it is caught, and the properties `code` and `details`. The
/// class is one that the module [exports](crate::HostModule::error_class), or one of JavaScript's own (`TypeError`,
/// `RangeError`, ...); without one it is `Error`.
///
/// `?` makes one of any Rust error: its message is that of the error and of what caused it. A
/// [`PermissionDenied`] becomes a `PermissionError`.
///
/// ```
/// # use cla_runtime::host::{Call, HostError};
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let orders = HostModule::new("app/orders")
///     .error_class("OrderError")
///     .function_with("find", |_call: &Call, (id,): (u64,)| -> Result<String, HostError> {
///         let error = HostError::new(format!("there is no order {id}"));
///         Err(error.class("OrderError").code("E_GONE").details(vec![id]))
///     });
/// let rule = "
///     import { find, OrderError } from 'app/orders';
///     let seen;
///     try { find(7) } catch (e) { seen = [e instanceof OrderError, e.code, e.details] }
///     export default seen;";
/// let engine = Engine::builder().module(orders).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), serde_json::json!([true, "E_GONE", [7]]));
/// ```
#[derive(Clone)]
pub struct HostError(Box<Parts>);

#[derive(Clone, Debug)]
struct Parts {
    message: String,
    class: Option<String>,
    code: Option<String>,
    details: Option<RuleValue>,
    denied: Option<PermissionDenied>,
}

impl HostError {
    /// An `Error` with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            message: message.into(),
            class: None,
            code: None,
            details: None,
            denied: None,
        }))
    }

    /// Of this class. A class that neither the module nor JavaScript has is only a name: the error is an `Error` with it.
    #[must_use]
    pub fn class(mut self, class: impl Into<String>) -> Self {
        self.0.class = Some(class.into());
        self
    }

    /// With this `code`, by which programs tell errors apart.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// With these `details`: anything that serde can write. What it cannot write becomes the text of the problem.
    #[must_use]
    pub fn details(mut self, details: impl Serialize) -> Self {
        let details = details.serialize(ToValue);
        let details = details.unwrap_or_else(|problem| RuleValue::String(problem.to_string()));
        self.0.details = Some(details);
        self
    }

    /// The message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The name of its class; `Error` if it has none of its own.
    #[must_use]
    pub fn name(&self) -> &str {
        match (&self.0.class, &self.0.denied) {
            (Some(class), _) => class,
            (None, Some(_)) => "PermissionError",
            (None, None) => "Error",
        }
    }

    /// What a rule threw to a function of the host's.
    pub(super) fn thrown_by_rule(error: RuleError) -> Self {
        let mut thrown = Self::new(error.message).class(error.name);
        if let serde_json::Value::Object(details) = &error.details
            && let Some(serde_json::Value::String(code)) = details.get("code")
        {
            thrown = thrown.code(code.clone());
        }
        thrown
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may be what a rule threw, or have a rule's texts in it.
        let one_line = |text: &str| {
            cla_semaphore::printable(&text.replace(['\n', '\r', '\t'], " ")).into_owned()
        };
        write!(f, "{}: {}", one_line(self.name()), one_line(self.message()))
    }
}

impl fmt::Debug for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// `HostError` is no `std::error::Error` itself: then this would not be possible.
impl<E: std::error::Error + 'static> From<E> for HostError {
    fn from(error: E) -> Self {
        let any: &dyn Any = &error;
        let denied = match (any.downcast_ref(), any.downcast_ref()) {
            (Some(denied), _) | (None, Some(FileError::Denied(denied))) => {
                Some(PermissionDenied::clone(denied))
            }
            _ => None,
        };
        if let Some(error) = any.downcast_ref::<RuleError>() {
            return Self::thrown_by_rule(error.clone());
        }
        let mut thrown = Self::new(with_causes(&error));
        thrown.0.denied = denied;
        thrown
    }
}

/// The error's message and those of its causes, but for what one has said already.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}

/// A class of errors, as JavaScript would write it.
const ERROR_CLASS: &str = "(name => {
    const Class = { [name]: class extends Error {
        constructor(message, options = {}) {
            super(message, options);
            const { code, details } = options;
            if (code !== undefined) this.code = code;
            if (details !== undefined) this.details = details;
        }
    } }[name];
    Object.defineProperty(Class.prototype, 'name', { value: name, writable: true, configurable: true });
    return Class;
})";

/// The classes of errors of a module, in one run.
#[derive(Default)]
pub(super) struct ErrorClasses {
    prototypes: RefCell<Vec<(String, Rooted<Object<'static>>)>>,
}

impl ErrorClasses {
    /// Makes a class.
    pub(super) fn add<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        name: &str,
    ) -> rquickjs::Result<Value<'js>> {
        let mut options = rquickjs::context::EvalOptions::default();
        options.filename = Some("cla/errors".into());
        options.backtrace_barrier = true;
        let make: Function<'js> = ctx.eval_with_options(ERROR_CLASS, options)?;
        let class: Object<'js> = make.call((name,))?;
        let prototype: Object<'js> = class.get("prototype")?;
        let kept = run.keep(ctx, prototype);
        self.prototypes.borrow_mut().push((name.to_owned(), kept));
        Ok(class.into_value())
    }

    /// Throws an error.
    pub(super) fn throw(&self, ctx: &Ctx<'_>, run: &Run, error: HostError) -> rquickjs::Error {
        match self.value(ctx, run, error) {
            Ok(value) => ctx.throw(value),
            Err(error) => error,
        }
    }

    /// An error as a rule sees it. It has no place yet: where it first ends an `await` or a call of the rule's, the
    /// interpreter gives it that place.
    fn value<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        error: HostError,
    ) -> rquickjs::Result<Value<'js>> {
        let Parts {
            message,
            class,
            code,
            details,
            denied,
        } = *error.0;
        let own = class.as_deref().and_then(|class| self.prototype(class));
        let prototype = match (own, &class, &denied) {
            (Some(prototype), ..) => prototype.get(ctx)?,
            (None, Some(class), _) => own_class(ctx, class)?,
            (None, None, Some(_)) => run.permission_error(ctx)?.get("prototype")?,
            (None, None, None) => own_class(ctx, "Error")?,
        };
        let error = error_without_place(ctx, &prototype)?;
        let message = rquickjs::String::from_str(ctx.clone(), &message)?;
        error.prop("message", Property::from(message).writable().configurable())?;
        if let Some(class) = class
            && error.get::<_, rquickjs::Coerced<String>>("name")?.0 != class
        {
            error.prop("name", Property::from(class).writable().configurable())?;
        }
        if let Some(denied) = denied {
            error.set("permission", denied.permission.name())?;
            error.set("resource", denied.resource.as_str())?;
            if !denied.is_denied {
                error.set("flag", denied.flag())?;
            }
        }
        if let Some(code) = code {
            error.set("code", code)?;
        }
        if let Some(details) = details {
            error.set("details", details.make(ctx)?)?;
        }
        Ok(error.into_value())
    }

    fn prototype(&self, class: &str) -> Option<Rooted<Object<'static>>> {
        let prototypes = self.prototypes.borrow();
        let found = prototypes.iter().find(|(name, _)| name == class);
        found.map(|(_, prototype)| prototype.clone())
    }
}

/// The prototype of one of JavaScript's own classes; that of `Error` for any other. Scripts may have replaced the globals,
/// so it is taken from an error that the interpreter makes.
fn own_class<'js>(ctx: &Ctx<'js>, class: &str) -> rquickjs::Result<Object<'js>> {
    let throw = match class {
        "TypeError" => Exception::throw_type,
        "RangeError" => Exception::throw_range,
        "SyntaxError" => Exception::throw_syntax,
        "ReferenceError" => Exception::throw_reference,
        _ => Exception::throw_message,
    };
    let error = throw(ctx, "");
    if !error.is_exception() {
        return Err(error);
    }
    let thrown = ctx.catch();
    let prototype = thrown.as_object().and_then(Object::get_prototype);
    match prototype {
        Some(prototype) if !thrown.is_uncatchable_error() => Ok(prototype),
        _ => Err(ctx.throw(thrown)),
    }
}
