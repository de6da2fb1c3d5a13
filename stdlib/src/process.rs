//! The module `cla/process`: where the rule runs. Node's global `process` has the same from the same source
//! (`node/process.rs`).

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{LibraryScript, Rooted};
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Object, Value};

use crate::environment::{TITLE, architecture, environment, system};

/// What is both a value and a function that gives it, as documents for Clarive have it.
static CALLABLE: LibraryScript =
    LibraryScript::new("cla:process", include_str!("process/callable.js"));

/// The module.
pub(crate) struct Process;

impl NativeModule for Process {
    fn name(&self) -> &str {
        "cla/process"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let callable: Object<'js> = CALLABLE.run(ctx)?.get()?;
        let pid = std::process::id().into_js(ctx)?;
        let environment = environment(ctx, run)?.into_value();
        let both = |maker: &str, value: Value<'js>| -> js::Result<Value<'js>> {
            let make: Function<'js> = callable.get(maker)?;
            let made: Object<'js> = make.call((value.clone(),))?;
            StandIns::of(run).add(ctx, run, made.clone(), value);
            Ok(made.into_value())
        };
        exports.set("pid", both("number", pid)?)?;
        exports.set("title", TITLE)?;
        exports.set("arch", architecture(std::env::consts::ARCH))?;
        exports.set("os", system(std::env::consts::OS))?;
        exports.set("env", both("variables", environment)?)?;
        let list = |items: &mut dyn Iterator<Item = &str>| {
            let array = Array::new(ctx.clone())?;
            for (at, item) in items.enumerate() {
                array.set(at, item)?;
            }
            js::Result::Ok(array)
        };
        let arguments = || run.arguments().iter().map(String::as_str);
        exports.set("args", list(&mut arguments())?)?;
        let all = &mut [TITLE, run.name()].into_iter().chain(arguments());
        exports.set("argv", list(all)?)?;
        Ok(exports)
    }
}

/// A function, and the value that it stands for.
type StandIn = (Rooted<Object<'static>>, Rooted<Value<'static>>);

/// What is shown in place of functions that stand for a value.
#[derive(Default)]
struct StandIns(RefCell<Vec<StandIn>>);

impl StandIns {
    fn of(run: &Run) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let made = Rc::<Self>::default();
            run.set_state(Rc::clone(&made));
            made
        })
    }

    fn add<'js>(&self, ctx: &Ctx<'js>, run: &Run, function: Object<'js>, value: Value<'js>) {
        let both = (run.keep(ctx, function), run.keep(ctx, value));
        self.0.borrow_mut().push(both);
    }
}

/// What is shown in place of an object, if it stands for something.
pub(crate) fn shown_as<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    object: &Object<'js>,
) -> js::Result<Option<Value<'js>>> {
    if !object.as_value().is_function() {
        return Ok(None);
    }
    let Some(stand_ins) = run.state::<StandIns>() else {
        return Ok(None);
    };
    for (function, value) in &*stand_ins.0.borrow() {
        if function.get(ctx)? == *object {
            return value.get(ctx).map(Some);
        }
    }
    Ok(None)
}
