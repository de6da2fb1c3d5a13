//! A plain Rust function as a function of JavaScript.
//!
//! [`Body`] is what a host gives, with its types erased. [`Installed::bind`] makes a function of one run of it.

use std::any::Any;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use rquickjs::function::{Rest, This};
use rquickjs::{Ctx, Function, Object, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Input;
use super::call::Call;
use super::callback;
use super::error::{ErrorClasses, HostError};
use super::stream::{self, LocalStream};
use crate::run::{Rooted, Run, contain_panic};
use crate::value::{RuleValue, ToValue};

/// What a function of the host's gives.
pub(super) type Outcome = Result<RuleValue, HostError>;

type LocalFuture = Pin<Box<dyn Future<Output = Outcome>>>;

/// What a function does, and how the rule gets its result.
#[derive(Clone)]
pub(super) enum Body {
    /// It returns at once.
    Sync(Arc<dyn Fn(&Call, Input) -> Outcome + Send + Sync>),
    /// The rule is blocked until its future is done.
    Blocking(Arc<dyn Fn(&Call, Input) -> LocalFuture + Send + Sync>),
    /// It returns a promise.
    Promise(Arc<dyn Fn(&Call, Input) -> LocalFuture + Send + Sync>),
    /// It returns an async iterator.
    Stream(Arc<dyn Fn(&Call, Input) -> Result<LocalStream, HostError> + Send + Sync>),
}

impl Body {
    pub(super) fn sync<A, R, F>(function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&Call, A) -> Result<R, HostError> + Send + Sync + 'static,
    {
        Self::Sync(Arc::new(move |call, input| {
            to_value(function(call, input.arguments()?)?)
        }))
    }

    pub(super) fn blocking<A, R, F, Fut>(function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        Self::Blocking(Arc::new(move |call, input| {
            boxed(input.arguments(), |arguments| {
                function(call.clone(), arguments)
            })
        }))
    }

    pub(super) fn promise<A, R, F, Fut>(function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        Self::Promise(Arc::new(move |call, input| {
            boxed(input.arguments(), |arguments| {
                function(call.clone(), arguments)
            })
        }))
    }

    pub(super) fn stream<A, R, F, S>(function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Call, A) -> S + Send + Sync + 'static,
        S: Stream<Item = Result<R, HostError>> + 'static,
    {
        Self::Stream(Arc::new(move |call, input| {
            let items = function(call.clone(), input.arguments()?);
            let items: LocalStream = Box::pin(items.map(|item| to_value(item?)));
            Ok(items)
        }))
    }

    /// A method of objects that carry a `T`.
    pub(super) fn method<T, A, R, F>(method: F) -> Self
    where
        T: 'static,
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&T, &Call, A) -> Result<R, HostError> + Send + Sync + 'static,
    {
        Self::Sync(Arc::new(move |call, mut input| {
            let this = this::<T>(&mut input)?;
            to_value(method(&this, call, input.arguments()?)?)
        }))
    }

    pub(super) fn blocking_method<T, A, R, F, Fut>(method: F) -> Self
    where
        T: 'static,
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Rc<T>, Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        Self::Blocking(Arc::new(move |call, mut input| {
            let read = this::<T>(&mut input).and_then(|this| Ok((this, input.arguments()?)));
            boxed(read, |(this, arguments)| {
                method(this, call.clone(), arguments)
            })
        }))
    }

    pub(super) fn promise_method<T, A, R, F, Fut>(method: F) -> Self
    where
        T: 'static,
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Rc<T>, Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        Self::Promise(Arc::new(move |call, mut input| {
            let read = this::<T>(&mut input).and_then(|this| Ok((this, input.arguments()?)));
            boxed(read, |(this, arguments)| {
                method(this, call.clone(), arguments)
            })
        }))
    }
}

/// The object whose method is called. [`Installed::bind`] has looked that it is one of the class.
fn this<T: 'static>(input: &mut Input) -> Result<Rc<T>, HostError> {
    let this = input.this.take().and_then(|this| this.downcast().ok());
    this.ok_or_else(|| HostError::new("this object is of another class").class("TypeError"))
}

fn boxed<A, R, Fut>(arguments: Result<A, HostError>, function: impl FnOnce(A) -> Fut) -> LocalFuture
where
    R: Serialize,
    Fut: Future<Output = Result<R, HostError>> + 'static,
{
    match arguments {
        Ok(arguments) => {
            let future = function(arguments);
            Box::pin(async move { to_value(future.await?) })
        }
        Err(error) => Box::pin(std::future::ready(Err(error))),
    }
}

fn to_value<R: Serialize>(result: R) -> Outcome {
    let value = result.serialize(ToValue);
    value.map_err(|misfit| HostError::new(misfit.of("the result of the function")))
}

/// What the functions of a module share in one run.
pub(super) struct Installed {
    pub(super) run: Rc<Run>,
    pub(super) call: Call,
    pub(super) errors: ErrorClasses,
    /// The prototype of async iterators, once there was one.
    pub(super) iterators: RefCell<Option<Rooted<Object<'static>>>>,
}

impl Installed {
    pub(super) fn new(run: &Rc<Run>) -> Rc<Self> {
        Rc::new(Self {
            run: Rc::clone(run),
            call: Call::new(run),
            errors: ErrorClasses::default(),
            iterators: RefCell::default(),
        })
    }

    /// A function of JavaScript. `receiver` finds the Rust value of the object whose method it is.
    pub(super) fn bind<'js, O>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        name: &str,
        body: &Body,
        receiver: O,
    ) -> rquickjs::Result<Function<'js>>
    where
        O: for<'a> Fn(&Ctx<'a>, &Value<'a>) -> rquickjs::Result<Option<Rc<dyn Any>>> + 'static,
    {
        let (installed, body, function) = (Rc::clone(self), body.clone(), Arc::<str>::from(name));
        let call = move |ctx: Ctx<'js>, this: This<Value<'js>>, arguments: Rest<Value<'js>>| {
            contain_panic(&ctx, || {
                let this = receiver(&ctx, &this.0)?;
                installed.invoke(&ctx, &function, &body, this, arguments)
            })
        };
        let name = name.rsplit('.').next().unwrap_or(name);
        Function::new(ctx.clone(), call)?.with_name(name)
    }

    fn invoke<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        function: &Arc<str>,
        body: &Body,
        this: Option<Rc<dyn Any>>,
        arguments: Rest<Value<'js>>,
    ) -> rquickjs::Result<Value<'js>> {
        let (mut input, reservations) = Input::read(ctx, &self.run, function, arguments)?;
        input.this = this;
        match body {
            Body::Sync(body) => {
                let outcome = body(&self.call, input);
                drop(reservations);
                self.give(ctx, outcome)
            }
            Body::Blocking(body) => {
                let future = callback::blocking(self.run.id(), body(&self.call, input));
                let outcome = self.run.block_on(ctx, future)?;
                drop(reservations);
                self.give(ctx, outcome)
            }
            Body::Promise(body) => {
                let future = body(&self.call, input);
                let future = async move {
                    let outcome = future.await;
                    drop(reservations);
                    outcome
                };
                let installed = Rc::clone(self);
                let promise = self.run.promise(ctx, future, move |ctx, outcome| {
                    installed.give(ctx, outcome)
                })?;
                Ok(promise.into_value())
            }
            Body::Stream(body) => match body(&self.call, input) {
                Ok(items) => stream::iterator(ctx, self, items, reservations),
                Err(error) => Err(self.throw(ctx, error)),
            },
        }
    }

    /// Throws what a function of the host's returned as its error.
    pub(super) fn throw(&self, ctx: &Ctx<'_>, error: HostError) -> rquickjs::Error {
        self.errors.throw(ctx, &self.run, error)
    }

    pub(super) fn give<'js>(
        &self,
        ctx: &Ctx<'js>,
        outcome: Outcome,
    ) -> rquickjs::Result<Value<'js>> {
        match outcome {
            Ok(value) => value.make(ctx),
            Err(error) => Err(self.throw(ctx, error)),
        }
    }
}
