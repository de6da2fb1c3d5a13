//! Dates and `performance` of the interpreter, which has them from the machine, on the clock of a test.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use rquickjs::{Ctx, Function};

use crate::clock::Clock;
use crate::run::Run;

/// Lets the isolate of a run tell the time of the run's clock, if that is a test's.
pub(crate) fn install(ctx: &Ctx<'_>, run: &Rc<Run>) -> rquickjs::Result<()> {
    if run.clock().as_test().is_none() {
        return Ok(());
    }
    let replace: Function<'_> = ctx.eval(include_str!("date.js"))?;
    let date = {
        let clock = run.clock().clone();
        // A date of JavaScript has no parts of a millisecond.
        move || since_1970(&clock).as_millis() as f64
    };
    let passed = {
        let (clock, started) = (run.clock().clone(), run.started);
        move || {
            let passed = clock.now().saturating_duration_since(started);
            passed.as_secs_f64() * 1e3
        }
    };
    let origin = since_1970(run.clock()).as_secs_f64() * 1e3;
    let date = Function::new(ctx.clone(), date)?;
    let passed = Function::new(ctx.clone(), passed)?;
    replace.call((date, passed, origin))
}

fn since_1970(clock: &Clock) -> Duration {
    let since = clock.date().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default()
}
