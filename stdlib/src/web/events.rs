//! What the classes of `events.js` need of Rust.

use std::rc::Rc;
use std::time::Duration;

use cla_runtime::internal::HostObject;
use cla_runtime::js::{self, Constructor, Ctx, Function, Object, Value};

use super::abort::Core;
use super::part::Part;
use crate::state::State;
use crate::throw::{type_error, wrong};

/// A signal's time is at most this long: 100 years. What is longer never comes.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Events and signals.
pub(crate) static EVENTS: Part = Part::new("cla:web/events", include_str!("events.js"), natives);

/// Adds what `events.js` is given.
fn natives<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("now", Function::new(ctx.clone(), now))?;
    define("newCore", Function::new(ctx.clone(), new_core))?;
    define("endCore", Function::new(ctx.clone(), end_core))?;
    define("isDue", Function::new(ctx.clone(), is_due))?;
    define("dueIn", Function::new(ctx.clone(), due_in))?;
    define("weak", Function::new(ctx.clone(), weak))
}

/// `now()`: the milliseconds since the run began.
pub(super) fn now(ctx: Ctx<'_>) -> js::Result<f64> {
    Ok(State::of(&ctx)?.run().elapsed().as_secs_f64() * 1e3)
}

/// `newCore(prototype)`: what waits in Rust looks at.
fn new_core<'js>(ctx: Ctx<'js>, prototype: Object<'js>) -> js::Result<Value<'js>> {
    let clock = State::of(&ctx)?.run().clock().clone();
    HostObject::create(Rc::new(Core::new(clock)), prototype)
}

fn core(ctx: &Ctx<'_>, value: &Value<'_>) -> js::Result<Rc<Core>> {
    HostObject::<Rc<Core>>::with(value, Rc::clone)
        .ok_or_else(|| type_error(ctx, "this is not an AbortSignal"))
}

/// `endCore(core)`: what waits with this signal ends.
fn end_core<'js>(ctx: Ctx<'js>, signal: Value<'js>) -> js::Result<()> {
    core(&ctx, &signal)?.end();
    Ok(())
}

/// `isDue(core)`: whether its time is up.
fn is_due<'js>(ctx: Ctx<'js>, signal: Value<'js>) -> js::Result<bool> {
    Ok(core(&ctx, &signal)?.is_due())
}

/// `dueIn(core, milliseconds, fire)`: its time is up then, and `fire` is called. `dueIn(core, other)`: with the other's.
fn due_in<'js>(
    ctx: Ctx<'js>,
    signal: Value<'js>,
    time: Value<'js>,
    fire: js::function::Opt<Function<'js>>,
) -> js::Result<()> {
    let signal = core(&ctx, &signal)?;
    let Some(fire) = fire.0 else {
        signal.due_with(&*core(&ctx, &time)?);
        return Ok(());
    };
    let milliseconds = time
        .as_number()
        .filter(|number| number.is_finite() && *number >= 0.0)
        .ok_or_else(|| {
            let expected = "a number of milliseconds";
            wrong(&ctx, "AbortSignal.timeout: the time", expected, &time)
        })?;
    let time = Duration::try_from_secs_f64(milliseconds.trunc() / 1000.0).unwrap_or(LONGEST);
    let state = State::of(&ctx)?;
    let due = state.run().clock().now() + time.min(LONGEST);
    let fire = state.run().keep(&ctx, fire);
    signal.due_at(state.run(), due, move |ctx| fire.get(ctx)?.call(()));
    Ok(())
}

/// `weak(object)`: a `WeakRef`.
fn weak<'js>(ctx: Ctx<'js>, object: Object<'js>) -> js::Result<Object<'js>> {
    let class: Constructor<'js> = ctx.globals().get("WeakRef")?;
    class.construct((object,))
}
