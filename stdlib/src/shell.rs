//! `cla/shell/native`: what `cla/shell` (`modules/shell.ts`) starts commands with.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{HostObject, ProfileSpan, Rooted, bytes_of};
use cla_runtime::js::function::This;
use cla_runtime::js::object::{Accessor, Property};
use cla_runtime::js::{
    self, Array, ArrayBuffer, Ctx, Function, IntoJs, Null, Object, TypedArray, Value,
};
use cla_runtime::output::OutputStream;
use cla_runtime::profile::ProfiledKind;

use crate::call::{Arg, named};
use crate::command::{self, Command, Ended, GRACE, Keeping, Plan, Refusal, Stage, Words};
use crate::duration::duration;
use crate::options::entries;
use crate::sem;
use crate::throw::{error, name_argument, string_argument, type_error, wrong};

/// The module.
pub(crate) struct Native;

impl NativeModule for Native {
    fn name(&self) -> &str {
        "cla/shell/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let prototype = run.keep(ctx, prototype(ctx, run)?);
        let settled = Rc::clone(run);
        let run = Rc::clone(run);
        let start = move |ctx: Ctx<'js>, plan: Object<'js>| start(&ctx, &run, &prototype, &plan);
        exports.set("start", named(ctx, "start", start)?)?;
        let settling = move |ctx: Ctx<'js>, finish: Function<'js>| {
            sem::Module::of(&settled).set_statements(&ctx, finish);
        };
        exports.set("settling", named(ctx, "settling", settling)?)?;
        exports.set(
            "quote",
            named(ctx, "quote", |text: String| command::quote(&text))?,
        )?;
        exports.set("command", named(ctx, "command", command_of)?)?;
        Ok(exports)
    }
}

/// A command of a template: its own texts, with the values between them. A value is an array of words, or a text that is a
/// part of the command as it is.
#[expect(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]
fn command_of<'js>(ctx: Ctx<'js>, texts: Array<'js>, values: Array<'js>) -> js::Result<String> {
    // Which programs run a text is up to the rule: it may have quoted its value for that.
    let mut words = Words::new().without_programs();
    let mut command = String::new();
    let refused = |refusal: Refusal| {
        type_error(
            &ctx,
            format_args!("$: no value may stand {}", refusal.place),
        )
    };
    for (nth, text) in texts.iter::<String>().enumerate() {
        let text = text?;
        words.read(&text);
        command.push_str(&text);
        if nth >= values.len() {
            continue;
        }
        let value: Value<'js> = values.get(nth)?;
        match value.as_array() {
            Some(list) => {
                if let Some(refusal) = words.refusal(false) {
                    return Err(refused(refusal));
                }
                let list = list.iter::<String>().collect::<js::Result<Vec<_>>>()?;
                command.push_str(&words.value(&list, false).map_err(refused)?);
            }
            None => {
                let raw: String = value.get()?;
                words.read(&raw);
                command.push_str(&raw);
            }
        }
    }
    Ok(command)
}

fn start<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    prototype: &Rooted<Object<'static>>,
    given: &Object<'js>,
) -> js::Result<Value<'js>> {
    let what: String = given.get("what")?;
    let stages: Array<'js> = given.get("stages")?;
    let mut read = Vec::new();
    for stage in stages.iter::<Object<'js>>() {
        read.push(stage_of(ctx, run, &what, &stage?)?);
    }
    let mut plan = Plan::new(read);
    let stdin: Value<'js> = given.get("stdin")?;
    plan.input = match (stdin.is_undefined(), stdin.is_string()) {
        (true, _) => Vec::new(),
        (_, true) => string_argument(ctx, &format!("{what}: stdin"), &stdin)?.into_bytes(),
        _ => bytes_of(&stdin)?.ok_or_else(|| {
            wrong(
                ctx,
                &format!("{what}: stdin"),
                "a string or a Uint8Array",
                &stdin,
            )
        })?,
    };
    let time = |name: &str| -> js::Result<Option<Duration>> {
        let value: Value<'js> = given.get(name)?;
        match value.is_undefined() {
            true => Ok(None),
            false => duration(ctx, &value, &format!("{what}: {name}")).map(Some),
        }
    };
    plan.timeout = time("timeout")?;
    plan.grace = time("grace")?.unwrap_or(GRACE);
    match given.get::<_, String>("output")?.as_str() {
        "show" => plan = plan.shown(),
        "lines" => (plan.output, plan.error) = (Keeping::Handed, Keeping::Tail),
        "pieces" => (plan.output, plan.error) = (Keeping::Handed, Keeping::Handed),
        _ => {}
    }
    let program = plan.stages.first().map(|stage| stage.program.clone());
    let measured = ProfileSpan::beside(run, ctx, ProfiledKind::Command, "shell", || {
        let stage = plan.stages.first();
        stage.map_or_else(String::new, Stage::title)
    });
    let command = Command::start(run, plan).map_err(|problem| {
        let program = program.unwrap_or_default();
        let shown = program.display();
        let text = problem.to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        let message = match problem.kind() {
            std::io::ErrorKind::NotFound if problem.raw_os_error().is_some() => {
                format!("there is no program {shown}")
            }
            _ => format!("{shown} cannot be started: {text}"),
        };
        with_code(ctx, &message, &problem)
    })?;
    command.measure(measured);
    HostObject::create(command, prototype.get(ctx)?)
}

/// The error of a program that did not start, with Node's name of why as its `code`.
fn with_code(ctx: &Ctx<'_>, message: &str, problem: &std::io::Error) -> js::Error {
    let code = match problem.kind() {
        std::io::ErrorKind::NotFound => "ENOENT",
        std::io::ErrorKind::PermissionDenied => "EACCES",
        std::io::ErrorKind::ArgumentListTooLong => "E2BIG",
        _ => "EAGAIN",
    };
    let thrown = js::Exception::from_message(ctx.clone(), message);
    let thrown = thrown.and_then(|thrown| {
        thrown.as_object().set("code", code)?;
        Ok(thrown.into_value())
    });
    match thrown {
        Ok(thrown) => ctx.throw(thrown),
        Err(error) => error,
    }
}

/// A program, if the run may start it.
fn stage_of<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    what: &str,
    given: &Object<'js>,
) -> js::Result<Stage> {
    let text = |name: &str, value: &Value<'js>| -> js::Result<String> {
        let text = name_argument(ctx, &format!("{what}: {name}"), value)?;
        match text.contains('\0') {
            false => Ok(text),
            true => Err(type_error(
                ctx,
                format_args!("{what}: {name} must not have a zero character"),
            )),
        }
    };
    let permitted = |program: &str| run.permitted(ctx, run.permissions().run(program));
    let command: Value<'js> = given.get("command")?;
    let mut stage = match command.is_undefined() {
        false => Stage::of_shell(permitted(command::SHELL)?, text("the command", &command)?),
        true => {
            let program = text("program", &given.get("program")?)?;
            if program.is_empty() {
                return Err(type_error(
                    ctx,
                    format_args!("{what}: program must not be empty"),
                ));
            }
            Stage {
                program: permitted(&program)?,
                ..Stage::default()
            }
        }
    };
    let arguments: Value<'js> = given.get("args")?;
    if !arguments.is_undefined() {
        let Some(array) = arguments.as_array() else {
            return Err(wrong(ctx, &format!("{what}: args"), "an array", &arguments));
        };
        for argument in array.iter::<Value<'js>>() {
            stage.arguments.push(text("an argument", &argument?)?);
        }
    }
    let folder: Value<'js> = given.get("cwd")?;
    if !folder.is_undefined() {
        stage.folder = Some(PathBuf::from(text("cwd", &folder)?));
    }
    let variables: Value<'js> = given.get("env")?;
    if !variables.is_undefined() {
        let Some(object) = variables.as_object() else {
            return Err(wrong(ctx, &format!("{what}: env"), "an object", &variables));
        };
        for entry in entries(object) {
            let (name, value) = entry?;
            if name.is_empty() || name.contains(['=', '\0']) {
                return Err(type_error(
                    ctx,
                    format_args!("{what}: env: {name:?} is no name of a variable"),
                ));
            }
            let value = match value.is_null() {
                true => None,
                false => Some(text(&format!("env.{name}"), &value)?),
            };
            stage.environment.push((name, value));
        }
    }
    Ok(stage)
}

/// What started commands are to `shell.ts`.
fn prototype<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
    let prototype = Object::new(ctx.clone())?;
    let method = |name: &str, function: Function<'js>| {
        prototype.prop(name, Property::from(function).writable().configurable())
    };
    let this_run = Rc::clone(run);
    let wait = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let command = of(&ctx, &this.0)?;
        match this_run.block_on(&ctx, command.finished(&this_run)) {
            Ok(ended) => described(&ctx, ended),
            Err(stopped) => {
                // What it works with may be what a semaphore of the run protects.
                command.end_with(&this_run);
                Err(stopped)
            }
        }
    };
    method("wait", named(ctx, "wait", wait)?)?;
    let this_run = Rc::clone(run);
    let ended = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let (command, run) = (of(&ctx, &this.0)?, Rc::clone(&this_run));
        let finished = async move { command.finished(&run).await };
        this_run.promise(&ctx, finished, described)
    };
    method("ended", named(ctx, "ended", ended)?)?;
    let this_run = Rc::clone(run);
    let line = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let command = of(&ctx, &this.0)?;
        match this_run.block_on(&ctx, command.next_line()) {
            Ok(line) => line_value(&ctx, line),
            Err(stopped) => {
                command.end_with(&this_run);
                Err(stopped)
            }
        }
    };
    method("line", named(ctx, "line", line)?)?;
    let this_run = Rc::clone(run);
    let next_line = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let command = of(&ctx, &this.0)?;
        let next = async move { command.next_line().await };
        this_run.promise(&ctx, next, line_value)
    };
    method("nextLine", named(ctx, "nextLine", next_line)?)?;
    let this_run = Rc::clone(run);
    let text = move |ctx: Ctx<'js>, this: This<Value<'js>>, which: String| {
        let which = match which.as_str() {
            "error" => OutputStream::Stderr,
            _ => OutputStream::Stdout,
        };
        let text = command::text(of(&ctx, &this.0)?.written(which));
        let size = text.len() * if text.is_ascii() { 1 } else { 4 };
        let _reservation = this_run.reserve(&ctx, "the output", size)?;
        text.into_js(&ctx)
    };
    method("text", named(ctx, "text", text)?)?;
    let this_run = Rc::clone(run);
    let bytes = move |ctx: Ctx<'js>, this: This<Value<'js>>, which: js::function::Opt<String>| {
        let which = match which.0.as_deref() {
            Some("error") => OutputStream::Stderr,
            _ => OutputStream::Stdout,
        };
        let bytes = of(&ctx, &this.0)?.written(which);
        let _reservation = this_run.reserve(&ctx, "the output", bytes.len())?;
        let buffer = ArrayBuffer::new_copy(ctx, &bytes)?;
        TypedArray::<u8>::from_arraybuffer(buffer).map(TypedArray::into_value)
    };
    method("bytes", named(ctx, "bytes", bytes)?)?;
    let this_run = Rc::clone(run);
    let next_piece = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
        let command = of(&ctx, &this.0)?;
        let next = async move { command.next_piece().await };
        this_run.promise(&ctx, next, piece_value)
    };
    method("nextPiece", named(ctx, "nextPiece", next_piece)?)?;
    let kill = |ctx: Ctx<'js>, this: This<Value<'js>>, signal: Arg<'js>| {
        let command = of(&ctx, &this.0)?;
        let Some(signal) = signal.given() else {
            command.end();
            return Ok(());
        };
        let name = string_argument(&ctx, "kill: signal", signal)?;
        match command.signal(&name) {
            true => Ok(()),
            false => Err(wrong(
                &ctx,
                "kill: signal",
                "the name of a signal, such as \"SIGHUP\"",
                signal,
            )),
        }
    };
    method("kill", named(ctx, "kill", kill)?)?;
    let pid = |ctx: Ctx<'js>, this: This<Value<'js>>| js::Result::Ok(of(&ctx, &this.0)?.pid());
    prototype.prop("pid", Accessor::from(pid).configurable())?;
    Ok(prototype)
}

fn of(ctx: &Ctx<'_>, this: &Value<'_>) -> js::Result<Rc<Command>> {
    let command = HostObject::<Rc<Command>>::with(this, Rc::clone);
    command.ok_or_else(|| type_error(ctx, "this is no command that was started"))
}

fn described<'js>(ctx: &Ctx<'js>, ended: Result<Ended, String>) -> js::Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    let (ended, problem) = match ended {
        Ok(ended) => (ended, None),
        Err(problem) => (Ended::default(), Some(problem)),
    };
    object.set("rc", ended.code)?;
    object.set("signal", signal_name(ended.signal))?;
    object.set("timedOut", ended.timed_out)?;
    object.set("problem", problem)?;
    Ok(object.into_value())
}

fn signal_name(number: i32) -> String {
    #[cfg(unix)]
    if let Ok(signal) = nix::sys::signal::Signal::try_from(number) {
        return signal.as_str().to_owned();
    }
    match number {
        0 => String::new(),
        number => number.to_string(),
    }
}

/// A piece of what a command writes, and to which stream; `null` at the end.
fn piece_value<'js>(
    ctx: &Ctx<'js>,
    piece: Option<(OutputStream, Vec<u8>)>,
) -> js::Result<Value<'js>> {
    let Some((which, bytes)) = piece else {
        return Null.into_js(ctx);
    };
    let object = Object::new(ctx.clone())?;
    object.set("isError", which == OutputStream::Stderr)?;
    object.set("bytes", TypedArray::<u8>::new_copy(ctx.clone(), bytes)?)?;
    Ok(object.into_value())
}

fn line_value<'js>(ctx: &Ctx<'js>, line: Result<Option<String>, String>) -> js::Result<Value<'js>> {
    match line {
        Ok(Some(line)) => line.into_js(ctx),
        Ok(None) => Null.into_js(ctx),
        Err(problem) => Err(error(ctx, problem)),
    }
}
