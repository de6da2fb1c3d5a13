//! The globals `setTimeout` and its family, and `queueMicrotask`.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::function::{Opt, Rest};
use rquickjs::{Coerced, Ctx, Exception, Function, Value};

use crate::event_loop::MAX_DELAY;
use crate::run::Run;

/// Installs `setTimeout` and its family, and `queueMicrotask`.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    for (name, repeat) in [("setTimeout", false), ("setInterval", true)] {
        let run = Rc::clone(run);
        let start = move |ctx: Ctx<'js>,
                          callback: Value<'js>,
                          delay: Opt<Value<'js>>,
                          arguments: Rest<Value<'js>>| {
            let callback = callback_of(&ctx, name, callback)?;
            let delay = delay.0.map_or(Duration::ZERO, |delay| delay_of(&delay));
            let id = run
                .event_loop
                .start_timer(&ctx, callback, delay, repeat, arguments.0);
            rquickjs::Result::Ok(id)
        };
        globals.set(name, Function::new(ctx.clone(), start)?.with_name(name)?)?;
    }
    let start_immediate = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, callback: Value<'js>, arguments: Rest<Value<'js>>| {
            let callback = callback_of(&ctx, "setImmediate", callback)?;
            let id = run
                .event_loop
                .start_timer(&ctx, callback, Duration::ZERO, false, arguments.0);
            rquickjs::Result::Ok(id)
        }
    };
    let name = "setImmediate";
    globals.set(
        name,
        Function::new(ctx.clone(), start_immediate)?.with_name(name)?,
    )?;
    let clear = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, id: Opt<Value<'js>>| {
            // One more function for this would cost each run its memory.
            if run.is_probing() {
                return Err(ctx.throw(Value::new_int(ctx.clone(), 0)));
            }
            let id = match id.0 {
                // Those of `node:timers` are objects that become a number.
                Some(id) if id.is_object() => id.get::<Coerced<f64>>().ok().map(|id| id.0),
                Some(id) => id.as_number(),
                None => None,
            };
            if let Some(id) = id {
                // Ids are whole numbers from 1 to 2^32 - 1; the cast makes 0 of anything less.
                run.event_loop.clear_timer(id as u32);
            }
            Ok(())
        }
    };
    // One function serves the three names, as it does in browsers.
    let clear = Function::new(ctx.clone(), clear)?.with_name("clearTimeout")?;
    run.set_thrower(ctx, clear.clone());
    for name in ["clearTimeout", "clearInterval", "clearImmediate"] {
        globals.set(name, clear.clone())?;
    }
    let queue = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, callback: Value<'js>| {
            let callback = callback_of(&ctx, "queueMicrotask", callback)?;
            let run = Rc::clone(&run);
            // QuickJS would swallow what the callback throws; this reports it.
            let job = Function::new(
                ctx.clone(),
                move |ctx: Ctx<'js>, callback: Function<'js>| {
                    if callback.call::<_, Value<'js>>(()).is_err() {
                        let value = ctx.catch();
                        run.event_loop.report_uncaught(&ctx, value);
                    }
                },
            )?;
            job.defer((callback,))
        }
    };
    let name = "queueMicrotask";
    globals.set(name, Function::new(ctx.clone(), queue)?.with_name(name)?)
}

fn callback_of<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    callback: Value<'js>,
) -> rquickjs::Result<Function<'js>> {
    callback.try_into_function().map_err(|other| {
        let message = format!(
            "{name}: the callback must be a function, not {}",
            other.type_name()
        );
        Exception::throw_type(ctx, &message)
    })
}

/// A delay in milliseconds, as `setTimeout` takes it; what is not a positive number counts as 0.
fn delay_of(value: &Value<'_>) -> Duration {
    let milliseconds = value.as_number().unwrap_or(0.0);
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(if milliseconds > 0.0 {
        MAX_DELAY
    } else {
        Duration::ZERO
    })
}
