//! The module `cla/process`: where the rule runs.

use std::rc::Rc;

use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Array, Ctx, Object};
use cla_runtime::{NativeModule, Run};

/// The title of the process, and the first of its `argv`.
const TITLE: &str = "cla";

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
        exports.set("env", environment(ctx)?)?;
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

/// The environment as it is now. Changes stay in the rule.
fn environment<'js>(ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
    let environment = Object::new(ctx.clone())?;
    for (name, value) in std::env::vars_os() {
        let value = Property::from(value.to_string_lossy().into_owned())
            .writable()
            .enumerable()
            .configurable();
        environment.prop(name.to_string_lossy().into_owned(), value)?;
    }
    Ok(environment)
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
