//! One run's interpreter: created, fed, driven until nothing is pending, and taken down.
//!
//! Everything here executes on the run's fiber.

use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::This;
use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Context, Ctx, Function, Module, Object, Runtime, Value};

use crate::builtins;
use crate::control::Stop;
use crate::convert::{self, Functions, Unfit};
use crate::date;
use crate::error::{ErrorKind, RuleError};
use crate::evaluation::{Evaluated, Failure, failure, uncaught};
use crate::limits::Limits;
use crate::main_script::MainScript;
use crate::modules::read::{ReadError, read_main};
use crate::modules::{self, ModuleSettings, QuickJsLoader};
use crate::native::Extension;
use crate::profile_span::ProfileSpan;
use crate::program::{Program, SourceText};
use crate::run::{Ended, Run, contain_panic};
use crate::script::{Script, Source, TextLanguage};
use crate::sys::countdown::Countdown;
use crate::sys::memory::CountingAllocator;
use crate::sys::owner::set_owner;
use crate::sys::quickjs::ContextOf;
use crate::sys::teardown;

use crate::timers;
use crate::value::{Returned, RuleValue, Wanted};

/// Stack that host functions may use below QuickJS's own limit, in bytes.
///
/// QuickJS checks its limit at every call into a script; a host function that such a call leads to
/// runs on what is left. Ours follow nested data with lists rather than calls. The deepest is what a host's type does to
/// read an argument as deep as [`MAX_DEPTH`](crate::value::MAX_DEPTH), with up to 2 KiB per level; without optimization, frames
/// are several times as large.
const HOST_STACK: usize = match cfg!(debug_assertions) {
    true => 1024 * 1024,
    false => 512 * 1024,
};

/// How much stack a fiber needs so that a script may use `limits.stack` of it.
pub(crate) fn fiber_stack(limits: &Limits) -> usize {
    limits.stack + HOST_STACK
}

/// Runs `script` from start to end, and gives its value or why there is none.
///
/// When this returns, the run holds no permit and no place in a queue.
///
/// The functions from here to the script lie on the stack of every run that waits. So they are small: what they do before
/// and after is done in functions of its own, and errors are boxed.
pub(crate) fn execute(
    extensions: &[Arc<dyn Extension>],
    run: &Rc<Run>,
    script: Script,
    wanted: Wanted,
    limits: &Limits,
) -> Result<Returned, Box<RuleError>> {
    let result = execute_to_the_end(extensions, run, script, wanted, limits);
    if run.control.reason() == Some(Stop::Exited) {
        // What is still to be done is done as after any end of a program.
        run.control.forget(Stop::Exited);
        if run.exit_code() == Some(0) {
            return Ok(Returned::default());
        }
    }
    result
}

#[inline(never)]
fn execute_to_the_end(
    extensions: &[Arc<dyn Extension>],
    run: &Rc<Run>,
    script: Script,
    wanted: Wanted,
    limits: &Limits,
) -> Result<Returned, Box<RuleError>> {
    let (isolate, program) = set_up(extensions, run, script, limits)?;
    // However the run ends, also by a panic, what it holds is given back: before the isolate is taken
    // down, which takes a while if its heap is large.
    let _release = ReleaseAll(run);
    let measured = match program.is_part() {
        false => ProfileSpan::rule(run, program.title()),
        true => None,
    };
    isolate.context.with(|ctx| {
        let result = program
            .execute(&ctx, run)
            .and_then(|value| settle(&ctx, run, value, wanted));
        let result = match run.is_unwinding() {
            true => Err(unwound(&ctx, run, result)),
            false => result,
        };
        run.has_left();
        if let Some(measured) = measured {
            measured.end(result.is_err());
        }
        result.map_err(|failure| explain_boxed(&ctx, run, failure, limits))
    })
}

#[inline(never)]
fn set_up(
    extensions: &[Arc<dyn Extension>],
    run: &Rc<Run>,
    script: Script,
    limits: &Limits,
) -> Result<(Isolate, Arc<dyn Program>), Box<RuleError>> {
    if let Some(stop) = run.control.reason() {
        return Err(Box::new(stop_error(stop, run, limits)));
    }
    let has_free_name = script.has_free_name();
    let program = load(script.source, run, limits)?;
    let isolate = Isolate::new(extensions, run, limits)
        .map_err(|error| RuleError::internal(&format!("cannot set up the isolate: {error}")))?;
    run.modules().set_main(program.name(), program.folder());
    if has_free_name {
        run.modules().main_has_free_name();
    }
    Ok((isolate, program))
}

/// The code of a run that was stopped has come to its end, one way or the other; what was awaited beside it has its turn to
/// be left, too.
#[cold]
#[inline(never)]
fn unwound<'js, T>(ctx: &Ctx<'js>, run: &Rc<Run>, result: Evaluated<'js, T>) -> Failure<'js> {
    drop(result);
    let _ = run.drive(ctx, None);
    Failure::Stopped
}

#[cold]
#[inline(never)]
fn explain_boxed<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    failure: Failure<'js>,
    limits: &Limits,
) -> Box<RuleError> {
    Box::new(explain(ctx, run, failure, limits))
}

struct ReleaseAll<'a>(&'a Rc<Run>);

impl Drop for ReleaseAll<'_> {
    fn drop(&mut self) {
        self.0.prepare_release();
        self.0.permits.release_all(|| _ = self.0.give_way());
    }
}

/// A QuickJS runtime with one context.
struct Isolate {
    run: Rc<Run>,
    /// Dropped before its runtime, see `drop`.
    context: ManuallyDrop<Context>,
    runtime: ManuallyDrop<Runtime>,
}

impl Drop for Isolate {
    fn drop(&mut self) {
        let run = &self.run;
        // QuickJS is less careful where a script is stopped, and where it gets no memory.
        let is_doubtful = run.gauge.has_refused() || run.must_stop() || run.is_unwinding();
        if is_doubtful {
            teardown::end_jobs(&self.runtime, &run.gauge, || _ = run.give_way());
        }
        // The context is about to be freed, and with it what the clock writes into.
        run.gauge.pulse().set_countdown(None);
        run.gauge.refuse_nothing();
        run.forget_values();
        run.modules().clear();
        teardown::free(
            &mut self.context,
            &mut self.runtime,
            &run.gauge,
            is_doubtful,
            || _ = run.give_way(),
        );
    }
}

impl Isolate {
    fn new(
        extensions: &[Arc<dyn Extension>],
        run: &Rc<Run>,
        limits: &Limits,
    ) -> rquickjs::Result<Self> {
        let runtime = Runtime::new_with_alloc(CountingAllocator::new(Rc::clone(&run.gauge)))?;
        runtime.set_max_stack_size(limits.stack);
        run.set_stack_floor(limits.stack);
        let context = Context::full(&runtime)?;
        let isolate = Self {
            run: Rc::clone(run),
            context: ManuallyDrop::new(context),
            runtime: ManuallyDrop::new(runtime),
        };
        isolate.context.with(|ctx| {
            // Without guards, long built-in functions are only bounded by the clock; a test tells.
            builtins::install(&ctx, run)?;
            set_owner(&ctx, run);
            mend_stack_trace_limit(&ctx, run)?;
            timers::install(&ctx, run)?;
            date::install(&ctx, run)?;
            modules::install(&ctx, run)?;
            for extension in extensions {
                extension.install(&ctx, run)?;
            }
            rquickjs::Result::Ok(())
        })?;
        let runtime = &isolate.runtime;
        let loader = || {
            Contained(QuickJsLoader {
                run: Rc::clone(run),
            })
        };
        runtime.set_loader(loader(), loader());
        let tracker = Rc::clone(run);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx, promise, reason, handled| {
                tracker
                    .event_loop
                    .track_rejection(&ctx, promise, reason, handled);
            },
        )));
        let interrupted = Rc::clone(run);
        let pulse = run.gauge.pulse();
        isolate
            .context
            .with(|ctx| pulse.set_countdown(Countdown::of(&ctx)));
        isolate.context.with(|ctx| run.gauge.set_runtime(&ctx));
        let attending = Rc::downgrade(run);
        run.gauge
            .set_attendant(move || attending.upgrade().is_none_or(|run| run.on_allocation()));
        let context = isolate.context.with(|ctx| ContextOf::new(&ctx));
        runtime.set_interrupt_handler(Some(Box::new(move || {
            let must_end = interrupted.on_interrupt();
            context.with(|ctx| interrupted.ends_code(ctx, must_end) || interrupted.find_panic(ctx))
        })));
        // Last, because QuickJS does not check every allocation while it sets up a context.
        run.gauge.set_limit(limits.memory);
        Ok(isolate)
    }
}

/// Lets `Error.stackTraceLimit` be set to numbers only, as which alone it means something: QuickJS loses the value before,
/// and an object that is lost is found by an assertion that ends the process.
fn mend_stack_trace_limit<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()> {
    const NAME: &str = "stackTraceLimit";
    let globals = ctx.globals();
    let error: Object<'js> = globals.get("Error")?;
    let describe: Function<'js> = globals
        .get::<_, Object<'js>>("Object")?
        .get("getOwnPropertyDescriptor")?;
    let descriptor: Object<'js> = describe.call((error.clone(), NAME))?;
    let hook: Object<'js> = describe.call((error.clone(), "prepareStackTrace"))?;
    run.keep_stack_hook(ctx, hook.get("get")?, hook.get("set")?);
    let original: Function<'js> = descriptor.get("set")?;
    let original = run.keep(ctx, original);
    let set = move |ctx: Ctx<'js>, this: This<Value<'js>>, limit: Value<'js>| {
        if limit.is_number() {
            original.get(&ctx)?.call::<_, ()>((this, limit))?;
        }
        rquickjs::Result::Ok(())
    };
    descriptor.set("set", Function::new(ctx.clone(), set)?)?;
    let define: Function<'js> = globals
        .get::<_, Object<'js>>("Object")?
        .get("defineProperty")?;
    define.call((error, NAME, descriptor))
}

/// Reads what is to run, and makes a program of it.
pub(crate) fn load(
    source: Source,
    run: &Run,
    limits: &Limits,
) -> Result<Arc<dyn Program>, RuleError> {
    let mut language = TextLanguage::ByName;
    let source = match source {
        Source::Program(program) => return Ok(program),
        Source::Text {
            name,
            text,
            language: said,
            folder,
        } => {
            language = said;
            let folder = match folder {
                Some(folder) => Some(folder.canonicalize().map_err(|error| {
                    RuleError::load(
                        format!("cannot open folder {}: {error}", folder.display()),
                        None,
                    )
                })?),
                None => None,
            };
            SourceText {
                name: name.as_ref().to_owned(),
                text,
                folder,
            }
        }
        Source::File(path) => {
            let cannot_read = |reason: &dyn std::fmt::Display| {
                let near = modules::beside(&path).map(|near| format!("did you mean {near}?"));
                RuleError::load(format!("cannot read {}: {reason}", path.display()), near)
            };
            let text = read_main(&path, run, limits.memory).map_err(|error| match error {
                ReadError::Stopped => {
                    stop_error(run.control.reason().unwrap_or(Stop::Cancelled), run, limits)
                }
                error => cannot_read(&error),
            })?;
            run.modules().count_memory(run, &text);
            let full = path.canonicalize().map_err(|error| cannot_read(&error))?;
            let Some(name) = full.to_str() else {
                return Err(cannot_read(&"the path is not valid UTF-8"));
            };
            SourceText {
                name: name.to_owned(),
                text,
                folder: full.parent().map(PathBuf::from),
            }
        }
        Source::Read { name, text } => {
            run.modules().count_memory(run, &text);
            let folder = Path::new(name.as_ref()).parent().map(PathBuf::from);
            SourceText {
                name: name.as_ref().to_owned(),
                text,
                folder,
            }
        }
    };
    let settings = &run.modules().settings;
    let registered = match &language {
        TextLanguage::ByName => settings.language(&source.name),
        TextLanguage::Registered(extension) => match settings.language_of(extension) {
            None => return Err(no_language(&source.name, extension, settings)),
            known => known,
        },
        TextLanguage::JavaScript | TextLanguage::TypeScript => None,
    };
    Ok(match registered {
        Some(language) => language.program(source, run.event.clone()),
        None => Arc::new(MainScript { source, language }),
    })
}

/// The engine does not have the language of a text.
fn no_language(name: &str, language: &str, settings: &ModuleSettings) -> RuleError {
    let others = settings.languages.iter();
    let others: String = others
        .flat_map(|language| language.extensions())
        .map(|extension| format!(", {extension}"))
        .collect();
    let help = format!(
        "it has JavaScript and TypeScript{others}; the crate that brings a language adds it to the engine's builder"
    );
    let message = format!("cannot run {name}: the engine has no language {language:?}");
    RuleError::load(message, Some(help))
}

/// A loader in whose frames no panic gets as far as QuickJS, which could not go on with it.
struct Contained<L>(L);

impl<L: Resolver> Resolver for Contained<L> {
    fn resolve<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        base: &str,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<String> {
        contain_panic(ctx, || self.0.resolve(ctx, base, name, attributes))
    }
}

impl<L: Loader> Loader for Contained<L> {
    fn load<'js>(
        &mut self,
        ctx: &Ctx<'js>,
        name: &str,
        attributes: Option<ImportAttributes<'js>>,
    ) -> rquickjs::Result<Module<'js, Declared>> {
        contain_panic(ctx, || self.0.load(ctx, name, attributes))
    }
}

/// Lets everything that is still pending happen, then gives the value in the form that is wanted.
#[inline(never)]
fn settle<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    value: Value<'js>,
    wanted: Wanted,
) -> Evaluated<'js, Returned> {
    drive_to_the_end(ctx, run)?;
    run.has_left();
    let mut returned = Returned::default();
    let functions = Functions::NullOnTop;
    let read = match wanted {
        Wanted::Nothing => Ok(()),
        Wanted::Json => convert::json(ctx, "value", value, functions).map(|read| {
            returned.json = read.tree;
        }),
        Wanted::Value => convert::value(ctx, "value", value, functions).map(|read| {
            returned.value = read.tree;
        }),
        Wanted::ValueAndStash => convert::value(ctx, "value", value, functions).and_then(|value| {
            let stash = run.stash(ctx)?.into_value();
            let stash = convert::value(ctx, "stash", stash, Functions::LeftOut)?;
            returned.value = RuleValue::Array(vec![value.tree, stash.tree]);
            Ok(())
        }),
    };
    if run.must_stop() || run.find_panic(ctx) {
        return Err(Failure::Stopped);
    }
    match read {
        Ok(()) => Ok(returned),
        Err(Unfit::TooLarge(message)) => Err(RuleError::value_too_large(message).into()),
        Err(unfit) => Err(failure(ctx, run, &unfit.throw(ctx))),
    }
}

/// Lets the run go on until nothing is pending any more, and calls what is to be called then.
fn drive_to_the_end<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, ()> {
    let drive = || match run.drive(ctx, None) {
        Ended::Idle | Ended::Settled => Ok(()),
        Ended::Stopped => Err(Failure::Stopped),
        Ended::Uncaught(value) => Err(uncaught(ctx, run, value)),
    };
    drive()?;
    if run.is_unwinding() {
        return Err(Failure::Stopped);
    }
    for is_last in [false, true] {
        let words = run.last_words(ctx).and_then(|words| match words {
            Some(words) => words.call::<_, ()>((is_last,)).map(|()| true),
            None => Ok(false),
        });
        if words.map_err(|error| failure(ctx, run, &error))? && !is_last {
            drive()?;
        }
    }
    Ok(())
}

/// Makes the error that is reported.
pub(crate) fn explain<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    failure: Failure<'js>,
    limits: &Limits,
) -> RuleError {
    match failure {
        Failure::Stopped => {
            stop_error(run.control.reason().unwrap_or(Stop::Cancelled), run, limits)
        }
        Failure::Error(mut error) => {
            add_hint(run, &mut error);
            *error
        }
        Failure::Thrown(value) => {
            let mut error = RuleError::from_js(ctx, &value, run.modules());
            add_hint(run, &mut error);
            if error.kind == ErrorKind::StackOverflow {
                return RuleError::stack_overflow(limits.stack).at_place_of(error);
            }
            if error.is_failed_import() {
                error.kind = ErrorKind::Load;
                if error.snippet.is_none()
                    && let Some(import) = run.modules().failed_import()
                {
                    return error.located(run.modules(), &import.file, import.at, import.length);
                }
            }
            error
        }
    }
}

/// Says what was probably meant by what is not there.
fn add_hint(run: &Run, error: &mut RuleError) {
    let modules = run.modules();
    if error.name == "ReferenceError" {
        let file = error.location.as_ref().map(|at| at.file.as_str());
        let file = file.unwrap_or_default();
        let text = modules.text_of_shown(file);
        let hint = modules.hint(&error.message, file, text.as_deref());
        // What has exactly that name was meant more probably than what has nearly that name.
        let is_guess = |hint: &String| hint.starts_with("did you mean ");
        if error.help.is_none() || hint.as_ref().is_some_and(|hint| !is_guess(hint)) {
            error.help = hint.or(error.help.take());
        }
    } else if error.help.is_none() && error.name == "TypeError" && is_missing(&error.message) {
        let line = error.snippet.as_ref().map(|snippet| snippet.text.as_str());
        error.help = line.and_then(|line| modules.settings.hint_for_line(line));
    }
}

/// Whether a message of the interpreter says that something was used which is not there.
fn is_missing(message: &str) -> bool {
    message.ends_with("not a function")
        || message.ends_with("not a constructor")
        || message.ends_with("of undefined")
        || message.ends_with("is undefined")
}

pub(crate) fn stop_error(stop: Stop, run: &Run, limits: &Limits) -> RuleError {
    match stop {
        Stop::Cancelled => RuleError::cancelled(),
        Stop::TimedOut => RuleError::timed_out(limits.timeout.unwrap_or_default()),
        Stop::OutOfMemory if run.gauge.crowded() => RuleError::family_out_of_memory(limits.memory),
        Stop::OutOfMemory => RuleError::out_of_memory(limits.memory),
        Stop::Panicked => RuleError::panic(&run.panic_message()),
        Stop::Exited => RuleError::exited(run.exit_code().unwrap_or_default()),
    }
}
