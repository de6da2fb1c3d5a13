//! What `performance.js` and `messages.js` need of Rust: the time of the run, copies of values, and tasks of their own.

use std::time::UNIX_EPOCH;

use cla_runtime::js::{self, Ctx, Function, Object, Value};

use super::events::{EVENTS, now};
use super::part::{CLONING, Part};
use crate::call::Arg;
use crate::state::State;
use crate::throw::describe;

/// `performance`.
pub(super) static PERFORMANCE: Part = Part::new(
    "cla:web/performance",
    include_str!("performance.js"),
    performance,
);

/// Message channels.
pub(super) static MESSAGES: Part =
    Part::new("cla:web/messages", include_str!("messages.js"), messages);

/// Adds what `performance.js` is given.
fn performance<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    inherited(ctx, natives, &["EventTarget"])?;
    define("now", Function::new(ctx.clone(), now))?;
    define("origin", Function::new(ctx.clone(), origin))?;
    define("clone", Function::new(ctx.clone(), clone))?;
    let shown = |value: Value<'js>| describe(&value);
    define("shown", Function::new(ctx.clone(), shown))
}

/// Adds what `messages.js` is given.
fn messages<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    inherited(
        ctx,
        natives,
        &["Event", "EventTarget", "dispatch", "listen"],
    )?;
    define("clone", Function::new(ctx.clone(), clone))?;
    define("soon", Function::new(ctx.clone(), soon))
}

/// Hands on what `events.js` has.
fn inherited<'js>(ctx: &Ctx<'js>, natives: &Object<'js>, names: &[&str]) -> js::Result<()> {
    let events = EVENTS.load(ctx)?;
    for name in names {
        natives.set(*name, events.get::<_, Value<'js>>(*name)?)?;
    }
    Ok(())
}

/// `clone(value, options)`: what `structuredClone` gives.
fn clone<'js>(ctx: Ctx<'js>, value: Arg<'js>, options: Arg<'js>) -> js::Result<Value<'js>> {
    let clone = CLONING.get().ok_or(js::Error::Unknown)?;
    clone(ctx, value, options)
}

/// `origin()`: when that was, in milliseconds since 1970.
fn origin(ctx: Ctx<'_>) -> js::Result<f64> {
    let state = State::of(&ctx)?;
    let run = state.run();
    let began = run.clock().date().checked_sub(run.elapsed());
    let since = began.and_then(|began| began.duration_since(UNIX_EPOCH).ok());
    Ok(since.unwrap_or_default().as_secs_f64() * 1e3)
}

/// `soon(function)`: calls it as soon as nothing else runs.
fn soon<'js>(ctx: Ctx<'js>, function: Function<'js>) -> js::Result<()> {
    State::of(&ctx)?.run().soon(&ctx, function);
    Ok(())
}
