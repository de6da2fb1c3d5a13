//! How functions of the library are defined and take their arguments.

use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use cla_runtime::internal::contain_panic;
use cla_runtime::js::class::Class;
use cla_runtime::js::function::{
    FromParam, IntoJsFunc, ParamRequirement, Params, ParamsAccessor, RustFunction,
};
use cla_runtime::js::{self, Ctx, Error, Function, Object, Value};

use crate::state::note_error;

/// An argument that may have been left out, and then is `undefined`.
///
/// rquickjs would otherwise refuse the call in words that name neither function nor argument.
pub struct Arg<'js>(pub Value<'js>);

impl<'js> FromParam<'js> for Arg<'js> {
    fn param_requirement() -> ParamRequirement {
        ParamRequirement::optional()
    }

    fn from_param<'a>(params: &mut ParamsAccessor<'a, 'js>) -> js::Result<Self> {
        Ok(Self(if params.is_empty() {
            Value::new_undefined(params.ctx().clone())
        } else {
            params.arg()
        }))
    }
}

impl<'js> Deref for Arg<'js> {
    type Target = Value<'js>;

    fn deref(&self) -> &Value<'js> {
        &self.0
    }
}

impl<'js> Arg<'js> {
    /// The argument, unless it is `undefined`.
    pub fn given(&self) -> Option<&Value<'js>> {
        Some(&self.0).filter(|value| !value.is_undefined())
    }
}

/// A function of a `cla/*` module: what it throws is remembered for `cla.lastError()`.
struct Noting<F>(F);

impl<'js, P, F: IntoJsFunc<'js, P>> IntoJsFunc<'js, P> for Noting<F> {
    fn param_requirements() -> ParamRequirement {
        F::param_requirements()
    }

    fn call(&self, params: Params<'_, 'js>) -> js::Result<Value<'js>> {
        let ctx = params.ctx().clone();
        let error = match self.0.call(params) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !error.is_exception() {
            return Err(crate::throw::error(&ctx, error));
        }
        let thrown = ctx.catch();
        if !thrown.is_uncatchable_error() {
            note_error(&ctx, &thrown);
        }
        Err::<_, Error>(ctx.throw(thrown))
    }
}

/// Adds a function to the exports of a `cla/*` module.
///
/// What it throws is what `cla.lastError()` gives afterwards.
pub fn define<'js, P, F>(exports: &Object<'js>, name: &str, function: F) -> js::Result<()>
where
    F: IntoJsFunc<'js, P> + 'js,
{
    exports.set(name, named(exports.ctx(), name, Noting(function))?)
}

/// A function whose panic ends the run, and is held by nothing in the rule.
struct Contained<F>(F);

impl<'js, P, F: IntoJsFunc<'js, P>> IntoJsFunc<'js, P> for Contained<F> {
    fn param_requirements() -> ParamRequirement {
        F::param_requirements()
    }

    fn call(&self, params: Params<'_, 'js>) -> js::Result<Value<'js>> {
        let ctx = params.ctx().clone();
        contain_panic(&ctx, || self.0.call(params))
    }
}

/// A function with a name.
pub fn named<'js, P, F>(ctx: &Ctx<'js>, name: &str, function: F) -> js::Result<Function<'js>>
where
    F: IntoJsFunc<'js, P> + 'js,
{
    Function::new(ctx.clone(), Contained(function))?.with_name(name)
}

/// Adds a method that takes its arguments as they come, which is what a call costs least with.
pub(crate) fn method<'js>(
    prototype: &Object<'js>,
    name: &str,
    method: impl Fn(&Params<'_, 'js>) -> js::Result<Value<'js>> + 'js,
) -> js::Result<()> {
    let function = RustFunction(Box::new(move |params: Params<'_, 'js>| method(&params)));
    let function: Function<'js> = Class::instance(prototype.ctx().clone(), function)?
        .into_value()
        .get()?;
    prototype.set(name, function.with_name(name)?)
}

/// An argument of such a method; `undefined` if it was left out.
pub(crate) fn argument<'js>(params: &Params<'_, 'js>, at: usize) -> Value<'js> {
    let undefined = || Value::new_undefined(params.ctx().clone());
    params.arg(at).unwrap_or_else(undefined)
}

/// A promise that is rejected with what was thrown; what no `catch` can hold is thrown on.
pub(crate) fn rejected<'js>(ctx: &Ctx<'js>, error: Error) -> js::Result<Value<'js>> {
    if !error.is_exception() {
        return Err(error);
    }
    let thrown = ctx.catch();
    if thrown.is_uncatchable_error() {
        return Err(ctx.throw(thrown));
    }
    let (promise, _, reject): (_, Function<'js>, Function<'js>) = ctx.promise()?;
    reject.call::<_, ()>((thrown,))?;
    Ok(promise.into_value())
}

/// What comes of a future at once. It is polled again by its waiter.
pub(crate) fn poll_now<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
