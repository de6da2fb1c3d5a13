//! What an evaluation gives: a value, or why there is none.

use std::rc::Rc;

use rquickjs::{Ctx, Value};

use crate::error::RuleError;
use crate::run::{Ended, Run};
use crate::sys::quickjs::mark_handled;

/// Why a run failed, while its isolate still exists.
pub enum Failure<'js> {
    /// A script threw this.
    Thrown(Value<'js>),
    /// The run was stopped.
    Stopped,
    /// The engine says why.
    Error(Box<RuleError>),
}

impl From<RuleError> for Failure<'_> {
    fn from(error: RuleError) -> Self {
        Failure::Error(Box::new(error))
    }
}

/// What an evaluation gives.
pub type Evaluated<'js, T> = Result<T, Failure<'js>>;

/// Turns an error of rquickjs into a failure: the pending exception, or the error itself.
///
/// When a host function has panicked, the run is stopped.
#[inline(never)]
pub fn failure<'js>(ctx: &Ctx<'js>, run: &Run, error: &rquickjs::Error) -> Failure<'js> {
    let value = if error.is_exception() {
        Some(ctx.catch())
    } else {
        None
    };
    run.find_panic(ctx);
    if run.must_stop() {
        return Failure::Stopped;
    }
    match value {
        Some(value) => Failure::Thrown(value),
        None => Failure::from(RuleError::internal(&error.to_string())),
    }
}

/// The failure that an exception is which nothing has caught.
pub(crate) fn uncaught<'js>(ctx: &Ctx<'js>, run: &Run, value: Value<'js>) -> Failure<'js> {
    if run.find_panic(ctx) {
        return Failure::Stopped;
    }
    Failure::Thrown(value)
}

/// Awaits `value` if it is a promise.
///
/// # Errors
///
/// What the promise was rejected with, what else was not caught meanwhile, or that the run was stopped.
#[inline(never)]
pub fn resolve<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    value: Value<'js>,
) -> Evaluated<'js, Value<'js>> {
    let Some(promise) = value.as_promise().cloned() else {
        return Ok(value);
    };
    // Not by its `then`, which the rule may have overwritten.
    mark_handled(&promise);
    match run.drive(ctx, Some(&promise)) {
        Ended::Settled => match promise.result::<Value<'js>>() {
            Some(result) => result.map_err(|error| failure(ctx, run, &error)),
            None => Ok(Value::new_undefined(ctx.clone())),
        },
        Ended::Stopped => Err(Failure::Stopped),
        Ended::Uncaught(value) => Err(uncaught(ctx, run, value)),
        Ended::Idle => Err(RuleError::unsettled().into()),
    }
}
