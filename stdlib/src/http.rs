//! The module `cla/http`: requests to HTTP servers.
//!
//! The rule is blocked until the answer is there, and its thread is not: the exchange is a task of the
//! worker's own event loop (`client`), and stopping the run aborts it. What the rule asks for is read in
//! whole before anything is sent (`request`), and the answer becomes JavaScript values only when all of it
//! has arrived (`answer`).

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{ProfileSpan, Rooted};
use cla_runtime::js::function::Constructor;
use cla_runtime::js::object::Accessor;
use cla_runtime::js::{self, Ctx, Error, Function, Object, Value};
use cla_runtime::profile::ProfiledKind;

use crate::call::{Arg, define, rejected};
use crate::signal::Signal;
use crate::throw::placeless;

use self::failure::{Failure, Kind};
use self::gathered::RESERVE;
use self::reach::Reach;
use self::request::{Verb, Wanted};

pub(crate) mod answer;
pub(crate) mod client;
pub(crate) mod failure;
pub(crate) mod gathered;
pub mod options;
pub(crate) mod reach;
mod request;

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
            promises: RefCell::default(),
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
        let this = Rc::clone(&module);
        let promises = move |ctx: Ctx<'js>| this.promises(&ctx);
        exports.prop(
            "promises",
            Accessor::from(promises).enumerable().configurable(),
        )?;
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
    /// The functions that give promises, made when they are first needed.
    promises: RefCell<Option<Rooted<Object<'static>>>>,
}

impl Module {
    /// Sends what is wanted, and gives the answer.
    fn perform<'js>(&self, ctx: &Ctx<'js>, wanted: Wanted) -> js::Result<Object<'js>> {
        let Wanted {
            function,
            exchange,
            read_as,
            signal,
        } = wanted;
        let (method, url) = (exchange.method.clone(), exchange.url.clone());
        if let Some(signal) = &signal {
            signal.check(ctx)?;
        }
        // Nothing of the rule's runs while it waits, so that what is left now is left then.
        let room = self.run.memory_left().saturating_sub(RESERVE);
        let permissions = self.run.permissions();
        let (host, port) = reach::of(&url);
        self.run.permitted(ctx, permissions.net(host, port))?;
        let measured = self.measured(ctx, &exchange);
        let exchange = client::perform(exchange, room, Reach::of(permissions));
        let exchange = Signal::unless(signal.as_ref(), async {
            let made = exchange.await;
            if let Some(measured) = measured {
                measured.end(made.is_err());
            }
            made
        });
        let made = match (self.run.block_on(ctx, exchange)?, signal) {
            (Some(Ok(answer)), _) => answer.into_js(ctx, room, read_as)?,
            (Some(Err(failure)), _) => Err(failure),
            (None, Some(signal)) => return Err(signal.throw(ctx)),
            (None, None) => return Err(Error::Unknown),
        };
        made.map_err(|failure| {
            if let Kind::Denied(denied) = &failure.kind {
                return self.run.throw_denied(ctx, denied);
            }
            let failure = failure.of(&url);
            self.throw(ctx, function, method.as_str(), &failure)
        })
    }

    /// The request begins, if somebody wants to know how long it takes. Of the URL that shows what is no secret: no query.
    fn measured(&self, ctx: &Ctx<'_>, exchange: &client::Exchange) -> Option<ProfileSpan> {
        ProfileSpan::beside(&self.run, ctx, ProfiledKind::Request, "http", || {
            reach::title(&exchange.method, &exchange.url)
        })
    }

    /// `http.promises`: the functions of the module, which give a promise and block nothing. Made once.
    fn promises<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        if let Some(promises) = &*self.promises.borrow() {
            return promises.get(ctx);
        }
        let promises = Object::new(ctx.clone())?;
        for verb in Verb::ALL {
            let this = Rc::clone(self);
            define(
                &promises,
                verb.name(),
                move |ctx: Ctx<'js>, first: Arg<'js>, second: Arg<'js>, third: Arg<'js>| {
                    let begun = Wanted::read(&ctx, verb, [&first, &second, &third])
                        .and_then(|wanted| this.begin(&ctx, wanted));
                    match begun {
                        Ok(promise) => Ok(promise),
                        Err(error) => rejected(&ctx, error),
                    }
                },
            )?;
        }
        promises.set("delete", promises.get::<_, Function<'js>>("del")?)?;
        *self.promises.borrow_mut() = Some(self.run.keep(ctx, promises.clone()));
        Ok(promises)
    }

    /// Sends what is wanted; gives a promise of the answer.
    fn begin<'js>(self: &Rc<Self>, ctx: &Ctx<'js>, wanted: Wanted) -> js::Result<Value<'js>> {
        let Wanted {
            function,
            exchange,
            read_as,
            signal,
        } = wanted;
        if let Some(signal) = &signal {
            signal.check(ctx)?;
        }
        let (method, url) = (exchange.method.clone(), exchange.url.clone());
        let permissions = self.run.permissions();
        let (host, port) = reach::of(&url);
        self.run.permitted(ctx, permissions.net(host, port))?;
        let reach = Reach::of(permissions);
        let run = Rc::clone(&self.run);
        // Others go on meanwhile, so what is left is looked at for each piece of the body.
        let measured = self.measured(ctx, &exchange);
        let exchange = async move {
            let made = client::perform_counted(exchange, &run, reach).await;
            if let Some(measured) = measured {
                measured.end(made.is_err());
            }
            made
        };
        let exchange = Signal::unless(signal.as_ref(), exchange);
        let this = Rc::clone(self);
        let promise = self.run.promise(ctx, exchange, move |ctx, done| {
            let room = this.run.memory_left().saturating_sub(RESERVE);
            let made = match (done, signal) {
                (Some(Ok(answer)), _) => answer.into_js(ctx, room, read_as)?,
                (Some(Err(failure)), _) => Err(failure),
                (None, Some(signal)) => return Err(signal.throw(ctx)),
                (None, None) => return Err(Error::Unknown),
            };
            made.map(Object::into_value).map_err(|failure| {
                if let Kind::Denied(denied) = &failure.kind {
                    return this.run.throw_denied(ctx, denied);
                }
                let failure = failure.of(&url);
                this.throw_later(ctx, function, method.as_str(), &failure)
            })
        })?;
        Ok(promise.into_value())
    }

    /// Throws an `HttpError` to the waiter of a promise: it has the place of the `await` that it ends.
    fn throw_later(&self, ctx: &Ctx<'_>, function: &str, method: &str, failure: &Failure) -> Error {
        let error = || {
            let (url, kind) = (failure.url(), &failure.kind);
            let message = format!("{function}: {}: {kind}", failure::cut(&url));
            let class = self.error_class(ctx)?;
            let error = placeless(ctx, &class, &message)?;
            if let Some(object) = error.as_object() {
                object.set("url", url.as_str())?;
                object.set("method", method)?;
                object.set("code", kind.code())?;
            }
            js::Result::Ok(error)
        };
        match error() {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
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
