//! What surrounds a rule, for `cla/process` and for Node's modules: the variables of its environment, and Node's words for the
//! system.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{LibraryScript, Rooted};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Function, Object, Value};

use crate::state::State;

/// The title of the process, and the first of its `argv`.
pub(crate) const TITLE: &str = "cla";

/// The environment of a rule in JavaScript.
static ENVIRONMENT: LibraryScript =
    LibraryScript::new("cla:environment", include_str!("environment.js"));

/// The variables of a run, once they were looked at: all that name the environment share one object.
struct Environment(Rooted<Object<'static>>);

/// The environment as it is when it is first looked at, as far as the run may see it. Changes stay in the rule.
pub(crate) fn environment<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
    if let Some(known) = run.state::<Environment>() {
        return known.0.get(ctx);
    }
    let variables = Object::new(ctx.clone())?;
    for (name, value) in run.visible_environment() {
        let value = Property::from(value).writable().enumerable().configurable();
        variables.prop(name, value)?;
    }
    let check: Value<'js> = if run.sees_process_environment() || run.has_own_environment() {
        Value::new_undefined(ctx.clone())
    } else {
        // One that may not be seen is an error, rather than one that is not set.
        let check = |ctx: Ctx<'js>, name: String| {
            let state = State::of(&ctx)?;
            let run = state.run();
            run.permitted(&ctx, run.permissions().env(&name))
        };
        Function::new(ctx.clone(), check)?.into_value()
    };
    let make: Function<'js> = ENVIRONMENT.run(ctx)?.get()?;
    let environment: Object<'js> = make.call((variables, check))?;
    run.set_state(Rc::new(Environment(run.keep(ctx, environment.clone()))));
    Ok(environment)
}

/// Node's name of a processor architecture.
pub(crate) fn architecture(name: &str) -> &str {
    match name {
        "x86_64" => "x64",
        "x86" => "ia32",
        "aarch64" => "arm64",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Node's name of an operating system.
pub(crate) fn system(name: &str) -> &str {
    match name {
        "macos" => "darwin",
        "windows" => "win32",
        "solaris" | "illumos" => "sunos",
        other => other,
    }
}
