//! The module `cla/process`: where the rule runs.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Function, Object, Value};

/// The title of the process, and the first of its `argv`.
const TITLE: &str = "cla";

/// What is read of the environment is asked for.
const GUARD: &str = "(environment, get) => new Proxy(environment, { get })";

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
    let get = move |ctx: Ctx<'js>, variables: Object<'js>, name: Value<'js>| {
        if let Some(text) = name.as_string() {
            let text = text.to_string()?;
            if is_variable(&text) && !variables.contains_key(text.as_str())? {
                this.permitted(&ctx, this.permissions().env(&text))?;
            }
        }
        variables.get::<_, Value<'js>>(name)
    };
    let guard: Function<'js> = ctx.eval(GUARD)?;
    guard.call((environment, Function::new(ctx.clone(), get)?))
}

/// Whether it is a name that variables usually have, and not what JavaScript itself looks for, such as `toJSON`.
fn is_variable(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    !name.is_empty() && name.chars().all(is_part)
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
