//! `require()`: CommonJS modules, and CommonJS's view of every other kind.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::{Opt, This};
use rquickjs::object::{Accessor, Property};
use rquickjs::promise::PromiseState;
use rquickjs::{Array, Ctx, Exception, Function, Object, Persistent, Promise, Value};

use super::cache::Goal;
use super::load::{self, Form, name_place, resolve_or_throw};
use super::lookup::is_in_package;
use super::read::{self, ReadError};
use super::{BuiltIn, Reference, Resolved, packages, resolve};
use crate::error::RuleError;
use crate::error::source::Sources;
use crate::line_ends::LineEnds;
use crate::run::{Ended, Run};
use crate::sys::quickjs::{Compiled, TopLevel, compile_in_mode};

/// What a CommonJS module is wrapped in. It stays on the first line, so that lines keep their
/// numbers; columns of that line are put right when they are shown.
const PREFIX: &str = "(function (exports, require, module, __filename, __dirname) { ";
const SUFFIX: &str = "\n})";

/// The names that a CommonJS module is given, besides `require`.
const NAMES: [&str; 4] = ["module", "exports", "__filename", "__dirname"];

/// Installs the global `require`, which resolves relative to the script that calls it.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()> {
    let run = Rc::clone(run);
    let global = move |ctx: Ctx<'js>, specifier: Value<'js>| {
        let importer = caller(&ctx)?;
        require(&ctx, &run, &importer, &specifier)
    };
    let global = Function::new(ctx.clone(), global)?.with_name("require")?;
    ctx.globals().set("require", global)
}

/// The script that calls the native function which is being executed.
fn caller(ctx: &Ctx<'_>) -> rquickjs::Result<String> {
    // Level 0 is this very function, level 1 its caller.
    match ctx.script_or_module_name(1) {
        Some(name) => name.to_string(),
        None => Ok(String::new()),
    }
}

/// Gives the global `require` its properties if this text may use them. They would cost every run that does not.
pub(crate) fn add_properties(ctx: &Ctx<'_>, run: &Rc<Run>, text: &str) -> rquickjs::Result<()> {
    if !text.contains("require.") || run.modules().has_require_properties.replace(true) {
        return Ok(());
    }
    let global: Value<'_> = ctx.globals().get("require")?;
    match global.as_function() {
        Some(function) => set_properties(ctx, run, function, None),
        // A rule has replaced it.
        None => Ok(()),
    }
}

/// Gives a `require` its properties: that of a module, or the global one, which resolves for who calls it.
fn set_properties<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    function: &Function<'js>,
    importer: Option<&str>,
) -> rquickjs::Result<()> {
    let (importer, is_local) = (importer.map(str::to_owned), importer.is_some());
    let resolve = {
        let (run, importer) = (Rc::clone(run), importer.clone());
        move |ctx: Ctx<'js>, specifier: Value<'js>, options: Opt<Value<'js>>| {
            let importer = match &importer {
                Some(importer) => importer.clone(),
                None => caller(&ctx)?,
            };
            resolved(&ctx, &run, &importer, &specifier, options.0.as_ref())
        }
    };
    let resolve = Function::new(ctx.clone(), resolve)?.with_name("resolve")?;
    let paths = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, specifier: Value<'js>| {
            let importer = match &importer {
                Some(importer) => importer.clone(),
                None => caller(&ctx)?,
            };
            let specifier = specifier_text(&ctx, "require.resolve.paths", &specifier)?;
            lookup_paths(&run, &importer, &specifier)
        }
    };
    resolve.set(
        "paths",
        Function::new(ctx.clone(), paths)?.with_name("paths")?,
    )?;
    function.set("resolve", resolve)?;
    function.set("cache", cache(ctx, run)?)?;
    if is_local {
        return function.set("main", main_module(ctx, run)?);
    }
    // It is not known yet whether the main script is a module.
    let run = Rc::clone(run);
    let main = move |ctx: Ctx<'js>| main_module(&ctx, &run);
    function.prop("main", Accessor::from(main).enumerable().configurable())
}

fn specifier_text<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    specifier: &Value<'js>,
) -> rquickjs::Result<String> {
    let Some(text) = specifier.as_string() else {
        let message = format!(
            "{function}: the module's name must be a string, not {}",
            specifier.type_name()
        );
        return Err(Exception::throw_type(ctx, &message));
    };
    crate::text::exact_text(ctx, &format!("{function}: the module's name"), text)
}

/// What `require.resolve(specifier, { paths })` gives: the path of a file, or the name of a built-in module.
fn resolved<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    importer: &str,
    specifier: &Value<'js>,
    options: Option<&Value<'js>>,
) -> rquickjs::Result<String> {
    let specifier = specifier_text(ctx, "require.resolve", specifier)?;
    let paths = match options.and_then(Value::as_object) {
        Some(options) => options.get::<_, Option<Vec<String>>>("paths")?,
        None => None,
    };
    let importers = match paths {
        // As if a file there asked.
        Some(paths) => paths
            .iter()
            .map(|folder| {
                let folder = Path::new(folder);
                let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_path_buf());
                let folder = folder.canonicalize().unwrap_or(folder);
                folder.join("_.js").to_string_lossy().into_owned()
            })
            .collect(),
        None => vec![importer.to_owned()],
    };
    let mut problem = format!("require.resolve: there are no paths to look for '{specifier}' in");
    for importer in importers {
        match run
            .modules()
            .resolve_for(&importer, &specifier, Reference::Required)
        {
            Ok(Resolved::BuiltIn(_)) => return Ok(specifier),
            Ok(Resolved::File(path)) => return Ok(path.to_string_lossy().into_owned()),
            Err(error) => problem = error.to_string(),
        }
    }
    Err(load::throw_load_error(ctx, &problem))
}

/// Where `require.resolve` looks for a module; `None` for a built-in one.
fn lookup_paths(
    run: &Run,
    importer: &str,
    specifier: &str,
) -> rquickjs::Result<Option<Vec<String>>> {
    let modules = run.modules();
    if modules.settings.meant(specifier).is_some() {
        return Ok(None);
    }
    let folder = match Path::new(importer).is_absolute() {
        true => Path::new(importer).parent().map(Path::to_path_buf),
        false => modules.folder(),
    };
    let Some(folder) = folder else {
        return Ok(Some(Vec::new()));
    };
    let folders = match resolve::is_path(specifier) {
        true => vec![folder],
        false => packages::folders(&folder, &modules.importable),
    };
    let shown = folders
        .iter()
        .map(|folder| folder.to_string_lossy().into_owned());
    Ok(Some(shown.collect()))
}

/// What `require(specifier)` gives in the module `importer`.
pub fn require<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    importer: &str,
    specifier: &Value<'js>,
) -> rquickjs::Result<Value<'js>> {
    let specifier = specifier_text(ctx, "require", specifier)?;
    let name = resolve_or_throw(
        ctx,
        run.modules(),
        importer,
        &specifier,
        Reference::Required,
    )?;
    match run.modules().settings.built_in(&name) {
        Some(BuiltIn::Native(_)) => Ok(run.modules().native_exports(ctx, run, &name)?.into_value()),
        Some(BuiltIn::Source { .. }) => import_and_wait(ctx, run, &name),
        None => load(ctx, run, &name, Some(importer)),
    }
}

/// The exports of the file `name`, as CommonJS sees them; `importer` asks for them, if a CommonJS module does.
pub(super) fn load<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    importer: Option<&str>,
) -> rquickjs::Result<Value<'js>> {
    if let Some(module) = known(ctx, run, name)? {
        return module.get("exports");
    }
    if run.modules().is_main_script(name) {
        // It is not run a second time.
        return remember(ctx, run, name, None)?.get("exports");
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
            let module = match importer {
                Some(importer) => {
                    let parent = known(ctx, run, &run.modules().name_of(importer))?;
                    remember(ctx, run, name, parent.as_ref())?
                }
                None => remember(ctx, run, name, None)?,
            };
            execute(ctx, run, name, &function, &module)?;
            module.get("exports")
        }
        Form::Module(..) | Form::Native => import_and_wait(ctx, run, name),
    }
}

/// Runs the main script as a CommonJS module. Its value is what it exports; or, if that is nothing, what it returns.
pub(crate) fn run_main<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Value<'js>> {
    let source = load::read_source(ctx, run, name)?;
    let function = compile(ctx, run, name, &source.code())?;
    let module = remember(ctx, run, name, None)?;
    let returned = execute(ctx, run, name, &function, &module)?;
    let exports: Value<'js> = module.get("exports")?;
    Ok(match returned.is_undefined() || has_exports(&exports) {
        true => exports,
        false => returned,
    })
}

/// Whether a module has exported something: it is no object any more that has nothing.
fn has_exports(exports: &Value<'_>) -> bool {
    match exports.as_object() {
        Some(object) if !exports.is_function() && !exports.is_array() => {
            object.keys::<String>().next().is_some()
        }
        _ => true,
    }
}

/// What the main script, which runs as a script, has put into `module.exports`, if it did.
pub(crate) fn exported<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
) -> rquickjs::Result<Option<Value<'js>>> {
    let Some(module) = known(ctx, run, name)? else {
        return Ok(None);
    };
    module.set("loaded", true)?;
    let exports: Value<'js> = module.get("exports")?;
    Ok(has_exports(&exports).then_some(exports))
}

/// Gives the main script, which runs as a script, the names of a CommonJS module if its text may use them: as globals that
/// are undefined for every other file.
pub(crate) fn install_names(ctx: &Ctx<'_>, run: &Rc<Run>, text: &str) -> rquickjs::Result<()> {
    for name in NAMES {
        if !text.contains(name) {
            continue;
        }
        define_name(ctx, run, name)?;
    }
    Ok(())
}

fn define_name<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &'static str) -> rquickjs::Result<()> {
    let run = Rc::clone(run);
    let get = move |ctx: Ctx<'js>| main_value(&ctx, &run, name);
    let set = move |ctx: Ctx<'js>, value: Value<'js>| {
        let property = Property::from(value).writable().configurable();
        ctx.globals().prop(name, property)
    };
    ctx.globals()
        .prop(name, Accessor::new(get, set).configurable())
}

/// The value that one of [`NAMES`] has in the main script, if that asks for it.
fn main_value<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Value<'js>> {
    let modules = run.modules();
    let main = modules.name_of("");
    let undefined = || Ok(Value::new_undefined(ctx.clone()));
    // A getter may have no level of its own.
    let reader = (0..2).find_map(|level| ctx.script_or_module_name(level));
    let reader = reader.map(|name| name.to_string()).transpose()?;
    if reader.is_some_and(|reader| reader != main) {
        return undefined();
    }
    let text = |text: &str| Ok(rquickjs::String::from_str(ctx.clone(), text)?.into_value());
    let module = || match known(ctx, run, &main)? {
        Some(module) => Ok(module),
        None => remember(ctx, run, &main, None),
    };
    match name {
        "module" => Ok(module()?.into_value()),
        "exports" => module()?.get("exports"),
        "__filename" => text(&main),
        _ => match modules.folder() {
            Some(folder) => text(&folder.to_string_lossy()),
            None => undefined(),
        },
    }
}

/// `require.cache`: the modules that were loaded. A rule may take some out, or put some in.
fn cache<'js>(ctx: &Ctx<'js>, run: &Run) -> rquickjs::Result<Object<'js>> {
    let modules = run.modules();
    if let Some(cache) = modules.commonjs.borrow().clone() {
        return cache.restore(ctx);
    }
    let cache = Object::new(ctx.clone())?;
    cache.set_prototype(None)?;
    *modules.commonjs.borrow_mut() = Some(Persistent::save(ctx, cache.clone()));
    Ok(cache)
}

/// The `module` object of a file, if it was loaded.
pub(super) fn known<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
) -> rquickjs::Result<Option<Object<'js>>> {
    let cache = run.modules().commonjs.borrow().clone();
    let Some(cache) = cache else {
        return Ok(None);
    };
    let module: Value<'js> = cache.restore(ctx)?.get(name)?;
    Ok(module.into_object())
}

/// `require.main`: the `module` object of the main script, unless that is an ES module.
fn main_module<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Option<Object<'js>>> {
    let modules = run.modules();
    let main = modules.name_of("");
    match known(ctx, run, &main)? {
        Some(module) => Ok(Some(module)),
        None if modules.is_main_script(&main) => Ok(Some(remember(ctx, run, &main, None)?)),
        None => Ok(None),
    }
}

/// Makes a `module` object and keeps it, so that circular requires find it.
pub(super) fn remember<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
    parent: Option<&Object<'js>>,
) -> rquickjs::Result<Object<'js>> {
    let modules = run.modules();
    let module = Object::new(ctx.clone())?;
    let is_main = modules.is_main(name);
    module.set("id", if is_main { "." } else { name })?;
    let folder = Path::new(name).parent().and_then(Path::to_str);
    module.set("path", folder)?;
    module.set("exports", Object::new(ctx.clone())?)?;
    module.set("filename", name)?;
    module.set("loaded", false)?;
    module.set("children", Array::new(ctx.clone())?)?;
    let folders = match Path::new(name)
        .parent()
        .filter(|folder| folder.is_absolute())
    {
        Some(folder) => packages::folders(folder, &modules.importable),
        None => Vec::new(),
    };
    let folders = folders
        .iter()
        .map(|folder| folder.to_string_lossy().into_owned());
    module.set("paths", folders.collect::<Vec<_>>())?;
    let undefined = Value::new_undefined(ctx.clone());
    let parent_value = match parent {
        Some(parent) => parent.clone().into_value(),
        None if is_main => Value::new_null(ctx.clone()),
        None => undefined,
    };
    let property = Property::from(parent_value).writable().configurable();
    module.prop("parent", property)?;
    if let Some(children) = parent
        .map(|parent| parent.get::<_, Value<'js>>("children"))
        .transpose()?
        && let Some(children) = children.as_array()
    {
        children.set(children.len(), module.clone())?;
    }
    let property = Property::from(module.clone())
        .writable()
        .enumerable()
        .configurable();
    cache(ctx, run)?.prop(name, property)?;
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
            // Packages are as their authors wrote them.
            let is_strict = run.modules().settings.strict && !is_in_package(name);
            let compiled = compile_in_mode(ctx, name, &wrapped, TopLevel::Plain, is_strict)
                .map_err(|error| name_place(ctx, run.modules(), name, error))?;
            cache.store(Goal::CommonJs, name, code, compiled.bytecode()?);
            compiled
        }
    };
    function.run()?.get()
}

/// Whether a text is the body of a CommonJS module. What is wrong with it is left pending otherwise.
pub(crate) fn compiles_as_commonjs(ctx: &Ctx<'_>, run: &Run, name: &str, code: &Arc<str>) -> bool {
    let compiles = compile(ctx, run, name, code).is_ok();
    if !compiles {
        run.modules().set_prefix(name, 0);
    }
    compiles
}

/// Runs a CommonJS module, and gives what it returns.
fn execute<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    function: &Function<'js>,
    module: &Object<'js>,
) -> rquickjs::Result<Value<'js>> {
    let local_require = {
        let run = Rc::clone(run);
        let importer = name.to_owned();
        move |ctx: Ctx<'js>, specifier: Value<'js>| require(&ctx, &run, &importer, &specifier)
    };
    let local_require = Function::new(ctx.clone(), local_require)?.with_name("require")?;
    set_properties(ctx, run, &local_require, Some(name))?;
    let property = Property::from(local_require.clone())
        .writable()
        .configurable();
    module.prop("require", property)?;
    let folder = Path::new(name).parent().and_then(Path::to_str);
    let exports: Value<'js> = module.get("exports")?;
    let this = This(exports.clone());
    let arguments = (this, exports, local_require, module.clone(), name, folder);
    match function.call::<_, Value<'js>>(arguments) {
        Ok(returned) => {
            module.set("loaded", true)?;
            Ok(returned)
        }
        Err(error) => {
            // A module that failed may be tried again.
            if error.is_exception() {
                let thrown = ctx.catch();
                cache(ctx, run)?.remove(name)?;
                return Err(ctx.throw(thrown));
            }
            Err(error)
        }
    }
}

/// What an ES module exports, once it is evaluated.
fn import_and_wait<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> rquickjs::Result<Value<'js>> {
    let promise = super::import(ctx, run, name)?;
    settle(ctx, run, name, &promise)?;
    match run.modules().is_source(name) {
        true => Ok(super::namespace(ctx, run, name)?.into_value()),
        false => super::evaluate::required(ctx, run, name),
    }
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
        Err(_) => {
            let modules = run.modules();
            let problems = super::load::json_problem(text).into_iter().collect();
            let shown = modules.display_name(name);
            let error = RuleError::from_problems(&shown, text, LineEnds::Plain, problems);
            Err(modules.throw_prepared(ctx, error))
        }
    }
}
