//! `require()`: CommonJS modules, and CommonJS's view of every other kind.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Exception, Function, Object, Persistent, Promise, Value};

use super::cache::Goal;
use super::load::{self, Form, name_place, resolve_or_throw};
use super::read::{self, ReadError};
use super::{BuiltIn, Reference};
use crate::error::source::Sources;
use crate::run::{Ended, Run};
use crate::sys::quickjs::{Compiled, TopLevel, compile_script};

/// What a CommonJS module is wrapped in. It stays on the first line, so that lines keep their
/// numbers; columns of that line are put right when they are shown.
const PREFIX: &str = "(function (exports, require, module, __filename, __dirname) { ";
const SUFFIX: &str = "\n})";

/// Installs the global `require`, which resolves relative to the script that calls it.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()> {
    let run = Rc::clone(run);
    let global = move |ctx: Ctx<'js>, specifier: Value<'js>| {
        // Level 0 is this very function, level 1 its caller.
        let importer = match ctx.script_or_module_name(1) {
            Some(name) => name.to_string()?,
            None => String::new(),
        };
        require(&ctx, &run, &importer, &specifier)
    };
    let global = Function::new(ctx.clone(), global)?.with_name("require")?;
    ctx.globals().set("require", global)
}

/// What `require(specifier)` gives in the module `importer`.
pub fn require<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    importer: &str,
    specifier: &Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    let Some(specifier) = specifier.as_string() else {
        let message = format!(
            "require: the module's name must be a string, not {}",
            specifier.type_name()
        );
        return Err(Exception::throw_type(ctx, &message));
    };
    let specifier = crate::text::exact_text(ctx, "require: the module's name", specifier)?;
    let name = resolve_or_throw(ctx, run.modules(), importer, &specifier, Reference::Called)?;
    match run.modules().settings.built_in(&name) {
        Some(BuiltIn::Native(_)) => Ok(run.modules().native_exports(ctx, run, &name)?.into_value()),
        Some(BuiltIn::Source { .. }) => import_and_wait(ctx, run, &name),
        None => load(ctx, run, &name),
    }
}

/// The exports of the file `name`, as CommonJS sees them.
pub(super) fn load<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Value<'js>> {
    let known = run.modules().commonjs.borrow().get(name).cloned();
    if let Some(module) = known {
        return module.restore(ctx)?.get("exports");
    }
    if run.modules().is_main_script(name) {
        // It exports nothing, and is not run a second time.
        return remember(ctx, run, name)?.get("exports");
    }
    if run.modules().es.is_declaring() {
        // A hook of the script's own, such as `Error.prepareStackTrace`.
        let message = format!("module '{name}' cannot be loaded while another one is being loaded");
        return Err(Exception::throw_message(ctx, &message));
    }
    match load::form(ctx, run, name)? {
        Form::Json => load::json(ctx, run, name),
        Form::CommonJs(source) => {
            let function = compile(ctx, run, name, &source.code())?;
            execute(ctx, run, name, &function)
        }
        Form::Module(..) | Form::Native => import_and_wait(ctx, run, name),
    }
}

/// Makes a `module` object and keeps it, so that circular requires find it.
pub(super) fn remember<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Object<'js>> {
    let module = Object::new(ctx.clone())?;
    module.set("id", name)?;
    module.set("filename", name)?;
    module.set("loaded", false)?;
    module.set("exports", Object::new(ctx.clone())?)?;
    run.modules()
        .commonjs
        .borrow_mut()
        .insert(name.to_owned(), Persistent::save(ctx, module.clone()));
    Ok(module)
}

/// Compiles a CommonJS module into a function of `exports`, `require`, `module` and its own path.
pub(super) fn compile<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
    code: &Arc<str>,
) -> rquickjs::Result<Function<'js>> {
    // A first line that starts with #! is a comment only at the very start of a file.
    let hashbang = if code.starts_with("#!") { "//" } else { "" };
    let prefix = format!("{PREFIX}{hashbang}");
    run.modules()
        .set_prefix(name, prefix.chars().count() as u32);
    let cache = &run.modules().settings.code;
    let function = match cache.bytecode(Goal::CommonJs, name, code) {
        Some(bytecode) => Compiled::from_bytecode(ctx, &bytecode)?,
        None => {
            let wrapped = format!("{prefix}{code}{SUFFIX}");
            let compiled = compile_script(ctx, name, &wrapped, TopLevel::Plain)
                .map_err(|error| name_place(ctx, run.modules(), name, error))?;
            cache.store(Goal::CommonJs, name, code, compiled.bytecode()?);
            compiled
        }
    };
    function.run()?.get()
}

/// Runs a CommonJS module and gives its exports.
fn execute<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    function: &Function<'js>,
) -> rquickjs::Result<Value<'js>> {
    let module = remember(ctx, run, name)?;
    let local_require = {
        let run = Rc::clone(run);
        let importer = name.to_owned();
        move |ctx: Ctx<'js>, specifier: Value<'js>| require(&ctx, &run, &importer, &specifier)
    };
    let local_require = Function::new(ctx.clone(), local_require)?.with_name("require")?;
    let folder = Path::new(name).parent().and_then(Path::to_str);
    let exports: Value<'js> = module.get("exports")?;
    let arguments = (exports, local_require, module.clone(), name, folder);
    if let Err(error) = function.call::<_, Value<'js>>(arguments) {
        // A module that failed may be tried again.
        run.modules().commonjs.borrow_mut().remove(name);
        return Err(error);
    }
    module.set("loaded", true)?;
    module.get("exports")
}

/// What an ES module exports, once it is evaluated.
fn import_and_wait<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Value<'js>> {
    let promise = super::import(ctx, run, name)?;
    settle(ctx, run, name, &promise)?;
    Ok(super::namespace(ctx, run, name)?.into_value())
}

/// What the promise of a module's evaluation comes to.
fn settle<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    promise: &Promise<'js>,
) -> rquickjs::Result<Value<'js>> {
    if promise.state() != PromiseState::Pending {
        return promise.result().unwrap_or(Err(rquickjs::Error::Unknown));
    }
    if run.modules().es.is_circle_running() {
        let shown = run.modules().display_name(name);
        let message = format!(
            "cannot wait for module {shown}, which awaits something: modules that import each other in a circle are \
             being evaluated; import it, rather than require it"
        );
        return Err(Exception::throw_message(ctx, &message));
    }
    match run.drive(ctx, Some(promise)) {
        Ended::Settled => promise.result().unwrap_or(Err(rquickjs::Error::Unknown)),
        Ended::Uncaught(value) => Err(ctx.throw(value)),
        Ended::Stopped => Err(run.throw_stopped(ctx)),
        Ended::Idle => {
            let message = format!("module '{name}' awaits something that never happens");
            Err(Exception::throw_message(ctx, &message))
        }
    }
}

/// A text of JSON up to this size, in bytes, is checked on the spot.
const SMALL_JSON: usize = 256 * 1024;

/// Parses a JSON file; the error names it.
pub(super) fn parse_json<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
    text: &Arc<str>,
) -> rquickjs::Result<Value<'js>> {
    let check = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).map(drop);
    let checked = if text.len() <= SMALL_JSON {
        check(text)
    } else {
        let text = Arc::clone(text);
        match read::off_thread(run, move || Ok(check(&text))) {
            Ok(checked) => checked,
            Err(ReadError::Stopped) => return Err(run.throw_stopped(ctx)),
            Err(error) => return Err(Exception::throw_message(ctx, &error.to_string())),
        }
    };
    match checked {
        Ok(()) => super::json::parse(ctx, run, text),
        Err(error) => {
            let shown = run.modules().display_name(name);
            Err(Exception::throw_syntax(ctx, &format!("{shown}: {error}")))
        }
    }
}
