//! The module `cla/process`: where the rule runs.

use std::rc::Rc;

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Function, Object};
use cla_runtime::{NativeModule, Run};

/// The title of the process, and the first of its `argv`.
const TITLE: &str = "cla";

/// Asks for the names that variables usually have, and not for what JavaScript itself looks for, such as `toJSON`.
const GUARD: &str = "(environment, check) => new Proxy(environment, {
    get(target, name, receiver) {
        if (typeof name === 'string' && !Object.hasOwn(target, name) && /^[A-Z_][A-Z0-9_]*$/.test(name)) check(name);
        return Reflect.get(target, name, receiver);
    },
})";

/// The module.
pub(crate) struct Process;

impl NativeModule for Process {
    fn name(&self) -> &str {
        "cla/process"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        exports.set("pid", std::process::id())?;
        exports.set("title", TITLE)?;
        exports.set("arch", architecture(std::env::consts::ARCH))?;
        exports.set("os", system(std::env::consts::OS))?;
        exports.set("env", environment(ctx, run)?)?;
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

/// The environment as it is now, as far as the run may see it. Changes stay in the rule.
fn environment<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
    let environment = Object::new(ctx.clone())?;
    for (name, value) in run.visible_environment() {
        let value = Property::from(value).writable().enumerable().configurable();
        environment.prop(name, value)?;
    }
    if run.sees_process_environment() || run.has_own_environment() {
        return Ok(environment);
    }
    // One that may not be seen is an error, rather than one that is not set.
    let this = Rc::clone(run);
    let check =
        move |ctx: Ctx<'js>, name: String| this.permitted(&ctx, this.permissions().env(&name));
    let guard: Function<'js> = ctx.eval(GUARD)?;
    guard.call((environment, Function::new(ctx.clone(), check)?))
}

/// Node's name of a processor architecture.
fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "x64",
        "x86" => "ia32",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Node's name of an operating system.
fn system(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        "windows" => "win32",
        "solaris" | "illumos" => "sunos",
        other => other,
    }
}
