//! The module `cla/http`: requests to HTTP servers.
//!
//! The rule is blocked until the answer is there, and its thread is not: the exchange is a task of the
//! worker's own event loop (`client`), and stopping the run aborts it. What the rule asks for is read in
//! whole before anything is sent (`request`), and the answer becomes JavaScript values only when all of it
//! has arrived (`answer`).

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::Rooted;
use cla_runtime::js::function::Constructor;
use cla_runtime::js::object::Accessor;
use cla_runtime::js::{self, Ctx, Error, Function, Object, Value};

use crate::call::{Arg, define};

use self::failure::{Failure, Kind};
use self::reach::Reach;
use self::request::{Verb, Wanted};

mod answer;
mod client;
mod failure;
pub mod options;
mod reach;
mod request;

/// How much of a run's memory a body must leave free, for what else an answer has and for the rule to go
/// on with, in bytes.
const RESERVE: usize = 64 * 1024;

/// The module.
pub(crate) struct Http;

impl NativeModule for Http {
    fn name(&self) -> &str {
        "cla/http"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let module = Rc::new(Module {
            run: Rc::clone(run),
            error_class: RefCell::default(),
        });
        let exports = Object::new(ctx.clone())?;
        for verb in Verb::ALL {
            let this = Rc::clone(&module);
            define(
                &exports,
                verb.name(),
                move |ctx: Ctx<'js>, first: Arg<'js>, second: Arg<'js>, third: Arg<'js>| {
                    let wanted = Wanted::read(&ctx, verb, [&first, &second, &third])?;
                    this.perform(&ctx, wanted)
                },
            )?;
        }
        exports.set("delete", exports.get::<_, Function<'js>>("del")?)?;
        let get = move |ctx: Ctx<'js>| module.error_class(&ctx);
        exports.prop(
            ERROR_CLASS_NAME,
            Accessor::from(get).enumerable().configurable(),
        )?;
        Ok(exports)
    }
}

/// The module in one run.
struct Module {
    run: Rc<Run>,
    /// The class of errors, made when it is first needed.
    error_class: RefCell<Option<Rooted<Constructor<'static>>>>,
}

impl Module {
    /// Sends what is wanted, and gives the answer.
    fn perform<'js>(&self, ctx: &Ctx<'js>, wanted: Wanted) -> js::Result<Object<'js>> {
        let Wanted {
            function,
            exchange,
            read_as,
        } = wanted;
        let (method, url) = (exchange.method.clone(), exchange.url.clone());
        // Nothing of the rule's runs while it waits, so that what is left now is left then.
        let room = self.run.memory_left().saturating_sub(RESERVE);
        let permissions = self.run.permissions();
        let (host, port) = reach::of(&url);
        self.run.permitted(ctx, permissions.net(host, port))?;
        let exchange = client::perform(exchange, room, Reach::of(permissions));
        let made = match self.run.block_on(ctx, exchange)? {
            Ok(answer) => answer.into_js(ctx, room, read_as)?,
            Err(failure) => Err(failure),
        };
        made.map_err(|failure| {
            if let Kind::Denied(denied) = &failure.kind {
                return self.run.throw_denied(ctx, denied);
            }
            let failure = failure.of(&url);
            self.throw(ctx, function, method.as_str(), &failure)
        })
    }

    /// Throws an `HttpError`.
    fn throw(&self, ctx: &Ctx<'_>, function: &str, method: &str, failure: &Failure) -> Error {
        let error = || {
            let (url, kind) = (failure.url(), &failure.kind);
            let details = Object::new(ctx.clone())?;
            details.set("url", url.as_str())?;
            details.set("method", method)?;
            details.set("code", kind.code())?;
            let message = format!("{function}: {}: {kind}", failure::cut(&url));
            let class = self.error_class(ctx)?;
            class.construct::<_, Value<'_>>((message, details))
        };
        match error() {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
    }

    fn error_class<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Constructor<'js>> {
        if let Some(class) = &*self.error_class.borrow() {
            return class.get(ctx);
        }
        let mut options = js::context::EvalOptions::default();
        options.filename = Some("cla/http".into());
        options.backtrace_barrier = true;
        let class: Constructor<'js> = ctx.eval_with_options(ERROR_CLASS, options)?;
        *self.error_class.borrow_mut() = Some(self.run.keep(ctx, class.clone()));
        Ok(class)
    }
}

const ERROR_CLASS_NAME: &str = "HttpError";

/// The class of errors, as JavaScript would write it.
const ERROR_CLASS: &str = "(() => {
    class HttpError extends Error {
        constructor(message, details = {}) {
            super(message);
            const { url, method, code } = details;
            if (url !== undefined) this.url = url;
            if (method !== undefined) this.method = method;
            this.code = code ?? 'other';
        }
    }
    Object.defineProperty(HttpError.prototype, 'name', { value: 'HttpError', writable: true, configurable: true });
    return HttpError;
})()";
