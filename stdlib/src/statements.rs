//! Commands of which a rule reads nothing: `cla/shell` runs them later, and what gives back a slot has them run before.

use std::cell::OnceCell;

use cla_runtime::internal::Rooted;
use cla_runtime::js::{self, Ctx, Function, Promise, Value};

/// How the statements of a run are finished; nothing until there can be any.
pub(crate) type Statements = OnceCell<Rooted<Function<'static>>>;

/// Runs the statements that have not run yet; blocks the rule. Of what a function returned, a command is run, too; then gives
/// `true`.
///
/// # Errors
///
/// The first one that fails.
#[inline]
pub(crate) fn finish<'js>(
    ctx: &Ctx<'js>,
    statements: &Statements,
    returned: &Value<'js>,
) -> js::Result<bool> {
    match statements.get() {
        None => Ok(false),
        Some(finish) => finish.get(ctx)?.call((returned.clone(),)),
    }
}

/// Runs them after a function has thrown, whose error stays.
pub(crate) fn finish_after_error(ctx: &Ctx<'_>, statements: &Statements) {
    if statements.get().is_none() {
        return;
    }
    let thrown = ctx.catch();
    if !thrown.is_uncatchable_error() {
        let nothing = Value::new_undefined(ctx.clone());
        if finish(ctx, statements, &nothing).is_err() && ctx.has_exception() {
            ctx.catch();
        }
    }
    ctx.throw(thrown);
}

/// What a function returned as a promise, if it is one, or has a `then`, as a command and the promises of other libraries
/// have.
#[inline]
pub(crate) fn promise_of<'js>(
    ctx: &Ctx<'js>,
    returned: &Value<'js>,
) -> js::Result<Option<Promise<'js>>> {
    if let Some(promise) = returned.as_promise() {
        return Ok(Some(promise.clone()));
    }
    let Some(object) = returned.as_object() else {
        return Ok(None);
    };
    let then: Value<'js> = object.get("then")?;
    if !then.is_function() {
        return Ok(None);
    }
    let (promise, resolve, _) = Promise::new(ctx)?;
    resolve.call::<_, ()>((returned.clone(),))?;
    Ok(Some(promise))
}
