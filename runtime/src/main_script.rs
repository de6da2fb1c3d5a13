//! JavaScript or TypeScript that is run: a script, an ES module or a CommonJS module.
//!
//! The functions from here to the script lie on the stack of every run that waits, so they are small.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::{Ctx, Exception, Function, Value};

use crate::check::checker::{Checker, Subject};
use crate::check::slots::SlotSummary;
use crate::convert::value_to_json;
use crate::error::{RuleError, source::Sources};
use crate::evaluation::{Evaluated, Failure, failure, resolve};
use crate::line_ends::LineEnds;
use crate::modules::cache::Goal;
use crate::modules::{self, Kind, LoadedSource, ModuleCache, Resolved};
use crate::plan::{Plan, PlannedImport, PlannedSemaphore};
use crate::program::{Program, SourceText};
use crate::region::{self, SemaphoreSpec};
use crate::run::Run;
use crate::script::TextLanguage;
use crate::script_check::{Surroundings, check_script, slots_of_script};
use crate::sys::quickjs::{Compiled, TopLevel, compile_in_mode};
use crate::trace::RegionOutcome;
use crate::typescript::jsx_problem;
use crate::typescript::lock_order::lock_order;
use crate::typescript::references::references;

/// JavaScript or TypeScript that is run.
#[derive(Debug)]
pub(crate) struct MainScript {
    pub(crate) source: SourceText,
    pub(crate) language: TextLanguage,
}

impl Program for MainScript {
    fn title(&self) -> &str {
        self.source.title()
    }

    fn name(&self) -> &str {
        &self.source.name
    }

    fn folder(&self) -> Option<PathBuf> {
        self.source.folder.clone()
    }

    /// Its value is the last expression of a script, or the default export of a module. A promise is awaited.
    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        let prepared =
            prepare(ctx, run, self).map_err(|failure| explained(ctx, run, self, failure))?;
        run.let_unwind();
        match prepared {
            Prepared::Script(script) => {
                let last = run_script(ctx, run, script)?;
                script_value(ctx, run, self.name(), last)
            }
            Prepared::AsyncScript(script) => {
                let last = run_async_script(ctx, run, script)?;
                script_value(ctx, run, self.name(), last)
            }
            Prepared::Module(name) => {
                import_main(ctx, run, name).map_err(|failure| explained(ctx, run, self, failure))
            }
            Prepared::CommonJs(name) => {
                require_main(ctx, run, name).map_err(|failure| explained(ctx, run, self, failure))
            }
        }
    }

    fn check(&self, ctx: &Ctx<'_>, run: &Rc<Run>, shown: &str, checker: &mut Checker) {
        let modules = run.modules();
        let subject = Subject {
            name: shown,
            text: &self.source.text,
            ends: LineEnds::Script,
        };
        let nth = checker.begin(Some(subject));
        let around = Surroundings {
            modules: Some(modules),
            takes_slots: modules.may_take_slots(&self.source.text),
            run: Some((ctx, run)),
        };
        check_script(
            checker,
            nth,
            subject,
            modules.kind(&self.source.name),
            around,
        );
    }

    fn slots(&self, run: &Rc<Run>) -> Option<SlotSummary> {
        let text = &self.source.text;
        Some(slots_of_script(text, run.modules().may_take_slots(text)))
    }

    fn plan(
        &self,
        _: &Ctx<'_>,
        run: &Rc<Run>,
        shown: &str,
        _: &serde_json::Value,
    ) -> Result<Plan, RuleError> {
        let mut plan = Plan::of(shown);
        plan.event = run.event.clone();
        let text = &self.source.text;
        for take in lock_order(text, run.modules().may_take_slots(text)).0 {
            if plan
                .semaphores
                .iter()
                .any(|known| known.name == take.semaphore)
            {
                continue;
            }
            plan.semaphores
                .push(PlannedSemaphore::new(take.semaphore, true));
        }
        plan.imports = imports(run.modules(), &self.source.text);
        Ok(plan)
    }
}

/// A failure to compile a text, in better words where they are known.
#[cold]
#[inline(never)]
fn explained<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    main: &MainScript,
    failure: Failure<'js>,
) -> Failure<'js> {
    let Failure::Thrown(thrown) = &failure else {
        return failure;
    };
    let text = &main.source.text;
    let is_without_place = || {
        let error = thrown.as_exception();
        error.is_some_and(|error| error.stack().is_none_or(|stack| stack.is_empty()))
    };
    let problem = jsx_problem(text).or_else(|| match is_without_place() {
        true => modules::pattern_problem(ctx, text),
        false => None,
    });
    match problem {
        Some(problem) => {
            let name = run.modules().display_name(&main.source.name);
            RuleError::from_problems(&name, text, LineEnds::Script, vec![problem]).into()
        }
        None => failure,
    }
}

/// What the main script imports.
fn imports(modules: &ModuleCache, text: &str) -> Vec<PlannedImport> {
    let mut imports: Vec<PlannedImport> = Vec::new();
    for named in references(text) {
        if imports
            .iter()
            .any(|known| known.specifier == named.specifier)
        {
            continue;
        }
        let module = match modules.resolve("", &named.specifier) {
            Ok(Resolved::BuiltIn(name)) => Some(name),
            Ok(Resolved::File(path)) => path.to_str().map(|path| modules.display_name(path)),
            Err(_) => None,
        };
        imports.push(PlannedImport::new(named.specifier, module, named.at.0));
    }
    imports
}

/// A main script, ready to be run.
enum Prepared<'m, 'js> {
    Script(Compiled<'js>),
    /// A script with `await` at its top level.
    AsyncScript(Compiled<'js>),
    Module(&'m str),
    CommonJs(&'m str),
}

#[inline(never)]
fn prepare<'m, 'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    main: &'m MainScript,
) -> Evaluated<'js, Prepared<'m, 'js>> {
    let (name, text) = (&main.source.name, Arc::clone(&main.source.text));
    let modules = run.modules();
    let source = match main.language {
        TextLanguage::JavaScript => modules.prepare_as(name, text, false),
        TextLanguage::TypeScript => modules.prepare_as(name, text, true),
        TextLanguage::ByName | TextLanguage::Registered(_) => modules.prepare(name, text),
    };
    let source = source.map_err(Failure::from)?;
    modules::add_properties(ctx, run, &source.text).map_err(|error| failure(ctx, run, &error))?;
    match modules.kind(name) {
        Kind::Module => Ok(Prepared::Module(name)),
        Kind::CommonJs => {
            no_events(run, name)?;
            Ok(Prepared::CommonJs(name))
        }
        Kind::Json => Err(RuleError::load(format!("{name} is JSON, not a rule"), None).into()),
        Kind::Either => prepare_either(ctx, run, name, &source),
    }
}

/// Refuses an event that a rule without exports cannot have.
fn no_events(run: &Run, name: &str) -> Result<(), RuleError> {
    let Some(event) = &run.event else {
        return Ok(());
    };
    let shown = run.modules().display_name(name);
    let message = format!("{shown} exports no `on`, so it has no event {event:?}");
    Err(RuleError::load(message, None))
}

/// Compiles a text that may be a script or a module as the one that it is.
///
/// QuickJS has the last word: what is no valid script may be one with `await` at its top level,
/// or a module.
fn prepare_either<'m, 'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &'m str,
    source: &LoadedSource,
) -> Evaluated<'js, Prepared<'m, 'js>> {
    let code = source.code();
    // Most scripts need not be looked at.
    let declares = match modules::may_be_module(&code) {
        true => run
            .modules()
            .shape(name, source)
            .map(|shape| shape.declares),
        false => Some(false),
    };
    if declares.unwrap_or_else(|| modules::looks_like_module(&source.text)) {
        return Ok(Prepared::Module(name));
    }
    no_events(run, name)?;
    modules::install_names(ctx, run, &code).map_err(|error| failure(ctx, run, &error))?;
    let error = match compile(ctx, run, name, &code, Goal::Script) {
        Ok(script) => return Ok(Prepared::Script(script)),
        Err(error) => failure(ctx, run, &error),
    };
    // A script that returns is the body of a CommonJS module.
    if code.contains("return") && !matches!(error, Failure::Stopped) {
        match modules::compiles_as_commonjs(ctx, run, name, &code) {
            true => {
                run.modules().main_is_commonjs();
                return Ok(Prepared::CommonJs(name));
            }
            false => drop(ctx.catch()),
        }
    }
    if code.contains("await") {
        match compile(ctx, run, name, &code, Goal::AsyncScript) {
            Ok(script) => return Ok(Prepared::AsyncScript(script)),
            Err(_) => drop(ctx.catch()),
        }
    }
    // It is too intricate to be looked at, and may have a declaration that does not start its line.
    let words = code.contains("export") || code.contains("import");
    if declares.is_none() && words && !matches!(error, Failure::Stopped) {
        return Ok(Prepared::Module(name));
    }
    Err(error)
}

#[inline(never)]
fn run_script<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    script: Compiled<'js>,
) -> Evaluated<'js, Value<'js>> {
    run.modules().main_is_script();
    match script.run() {
        Ok(value) => resolve(ctx, run, value),
        Err(error) => Err(failure(ctx, run, &error)),
    }
}

/// The value of a script that came to its end: what it has exported, or else its last expression.
fn script_value<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    last: Value<'js>,
) -> Evaluated<'js, Value<'js>> {
    match modules::exported(ctx, run, name).map_err(|error| failure(ctx, run, &error))? {
        Some(exports) => call_if_function(ctx, run, exports),
        None => Ok(last),
    }
}

#[inline(never)]
fn run_async_script<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    script: Compiled<'js>,
) -> Evaluated<'js, Value<'js>> {
    let result = run_script(ctx, run, script)?;
    let value = result
        .as_object()
        .map_or(Ok(result.clone()), |result| result.get("value"));
    let value = value.map_err(|error| failure(ctx, run, &error))?;
    resolve(ctx, run, value)
}

/// Runs the main script as a CommonJS module; exports that are a function get the stash.
#[inline(never)]
fn require_main<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> Evaluated<'js, Value<'js>> {
    let exports = modules::run_main(ctx, run, name).map_err(|error| failure(ctx, run, &error))?;
    call_if_function(ctx, run, exports)
}

/// Compiles a script, or finds it compiled.
fn compile<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
    code: &Arc<str>,
    goal: Goal,
) -> rquickjs::Result<Compiled<'js>> {
    let cache = &run.modules().settings.code;
    if let Some(bytecode) = cache.bytecode(goal, name, code) {
        return Compiled::from_bytecode(ctx, &bytecode);
    }
    let top_level = match goal {
        Goal::AsyncScript => TopLevel::Await,
        _ => TopLevel::Plain,
    };
    let is_strict = run.modules().settings.strict;
    let compiled = compile_in_mode(ctx, name, code, top_level, is_strict)?;
    cache.store(goal, name, code, compiled.bytecode()?);
    Ok(compiled)
}

/// Evaluates the main script as a module; a default export that is a function gets the stash.
#[inline(never)]
fn import_main<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str) -> Evaluated<'js, Value<'js>> {
    let promise = modules::import(ctx, run, name).map_err(|error| failure(ctx, run, &error))?;
    resolve(ctx, run, promise.into_value())?;
    let namespace =
        modules::namespace(ctx, run, name).map_err(|error| failure(ctx, run, &error))?;
    let export = |name: &str| {
        namespace
            .get::<_, Value<'js>>(name)
            .map_err(|error| failure(ctx, run, &error))
    };
    if let Some(event) = &run.event {
        let on = value_to_json(ctx, export("on")?).map_err(|error| failure(ctx, run, &error))?;
        let events = match on {
            serde_json::Value::Array(events) => events,
            one => vec![one],
        };
        if !events.iter().any(|on| on.as_str() == Some(event)) {
            let shown = run.modules().display_name(name);
            let message = format!("{shown} does not export {event:?} in `on`");
            return Err(RuleError::load(message, None).into());
        }
    }
    let (default, semaphore) = (export("default")?, export("semaphore")?);
    if semaphore.is_undefined() || semaphore.is_null() {
        return call_if_function(ctx, run, default);
    }
    tagged(ctx, run, name, semaphore, || {
        call_if_function(ctx, run, default)
    })
}

/// Holds the semaphore that a rule exports while its default export runs.
fn tagged<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    semaphore: Value<'js>,
    work: impl FnOnce() -> Evaluated<'js, Value<'js>>,
) -> Evaluated<'js, Value<'js>> {
    let thrown = |message: &str| match Exception::from_message(ctx.clone(), message) {
        Ok(error) => Failure::Thrown(error.into_value()),
        Err(error) => failure(ctx, run, &error),
    };
    let json = value_to_json(ctx, semaphore).map_err(|error| failure(ctx, run, &error))?;
    let spec = SemaphoreSpec::read(&json).map_err(|problem| {
        thrown(&format!(
            "the export `semaphore` is not as it should be: {problem}"
        ))
    })?;
    let line = run.modules().text(name).and_then(|text| {
        let mut lines = text.lines();
        lines.position(|line| line.contains("export") && line.contains("semaphore"))
    });
    let line = line.map_or(1, |line| line as u32 + 1);
    let who = format!("{}, line {line}", run.name());
    let inside = region::enter(ctx, run, &spec, &who, line)
        .map_err(|error| failure(ctx, run, &error))?
        .map_err(|error| thrown(&error.to_string()))?;
    let outcome = |result: &Evaluated<'js, Value<'js>>| match result {
        Ok(_) => RegionOutcome::Done,
        Err(Failure::Stopped) => RegionOutcome::Stopped,
        Err(_) => RegionOutcome::Failed,
    };
    inside.around(work, outcome, |lost| thrown(&lost.to_string()))
}

fn call_if_function<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    value: Value<'js>,
) -> Evaluated<'js, Value<'js>> {
    // A class is a function that cannot be called; it is a value like any other.
    let Some(function) = value.as_function().filter(|function| !is_class(function)) else {
        return resolve(ctx, run, value);
    };
    let value = run
        .stash(ctx)
        .and_then(|stash| function.call((stash,)))
        .map_err(|error| failure(ctx, run, &error))?;
    resolve(ctx, run, value)
}

fn is_class(function: &Function<'_>) -> bool {
    // A class's text starts with the keyword; QuickJS has no other way to tell.
    function.is_constructor()
        && function
            .get::<_, Function<'_>>("toString")
            .and_then(|to_string| {
                to_string.call::<_, String>((rquickjs::function::This(function.clone()),))
            })
            .is_ok_and(|text| text.starts_with("class"))
}
