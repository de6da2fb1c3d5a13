//! What `performance.js` and `messages.js` need of Rust: the time of the run, copies of values, and tasks of their own.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cla_runtime::js::{self, Ctx, Function, Object, Value};
use parking_lot::Mutex;

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

/// A moment by both clocks: that of times, and that of dates.
static ANCHOR: Mutex<Option<(Instant, SystemTime)>> = Mutex::new(None);

/// The clocks may drift apart by this much before the anchor is taken anew, as when somebody sets the machine's date.
const DRIFT: Duration = Duration::from_secs(1);

/// `origin()`: when the run began, in milliseconds since 1970. All runs of the process go by one anchor, so that
/// `timeOrigin + now()` tells which of two moments came first, also in different runs.
fn origin(ctx: Ctx<'_>) -> js::Result<f64> {
    let state = State::of(&ctx)?;
    let run = state.run();
    let began = run.began();
    let here = (run.clock().now(), run.clock().date());
    let date_of = |(now, date): (Instant, SystemTime)| match began.checked_duration_since(now) {
        Some(later) => date.checked_add(later),
        None => date.checked_sub(now.saturating_duration_since(began)),
    };
    let mut anchor = ANCHOR.lock();
    let direct = date_of(here);
    let anchored = anchor.and_then(date_of).filter(|anchored| {
        let apart = |direct: SystemTime| match direct.duration_since(*anchored) {
            Ok(apart) => apart,
            Err(error) => error.duration(),
        };
        direct.is_none_or(|direct| apart(direct) < DRIFT)
    });
    if anchored.is_none() {
        *anchor = Some(here);
    }
    let date = anchored.or(direct);
    let since = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    Ok(since.unwrap_or_default().as_secs_f64() * 1e3)
}

/// `soon(function)`: calls it as soon as nothing else runs.
fn soon<'js>(ctx: Ctx<'js>, function: Function<'js>) -> js::Result<()> {
    State::of(&ctx)?.run().soon(&ctx, function);
    Ok(())
}
