//! What `process.js` needs of Rust.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Array, Ctx, Function, Object, Value};
use cla_runtime::output::OutputStream;

use crate::environment::{TITLE, architecture, environment, system};
use crate::input;
use crate::state::State;
use crate::throw::{error, string_argument};

/// The version of Node whose interfaces these are: from this one on, `require` gives ES modules.
const NODE_VERSION: &str = "22.12.0";

/// Adds what `process.js` is given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("facts", Function::new(ctx.clone(), facts))?;
    define(
        "environment",
        Function::new(ctx.clone(), |ctx: Ctx<'js>| {
            let state = State::of(&ctx)?;
            environment(&ctx, state.run())
        }),
    )?;
    define("exit", Function::new(ctx.clone(), exit))?;
    define("setExitCode", Function::new(ctx.clone(), set_exit_code))?;
    define("write", Function::new(ctx.clone(), write))?;
    define(
        "currentFolder",
        Function::new(ctx.clone(), current_folder)?.with_name("cwd"),
    )?;
    define("memory", Function::new(ctx.clone(), memory))?;
    let this = Rc::clone(run);
    let at_end =
        move |ctx: Ctx<'js>, function: Function<'js>| this.at_end(this.keep(&ctx, function));
    define("atEnd", Function::new(ctx.clone(), at_end))?;
    define("readInput", Function::new(ctx.clone(), read_input))
}

/// `facts()`: what does not change.
fn facts(ctx: Ctx<'_>) -> js::Result<Object<'_>> {
    let state = State::of(&ctx)?;
    let run = state.run();
    let facts = Object::new(ctx.clone())?;
    facts.set("title", TITLE)?;
    facts.set("isTyped", input::is_terminal(run))?;
    facts.set("pid", std::process::id())?;
    #[cfg(unix)]
    facts.set("ppid", nix::unistd::getppid().as_raw())?;
    #[cfg(not(unix))]
    facts.set("ppid", 0)?;
    facts.set("arch", architecture(std::env::consts::ARCH))?;
    facts.set("platform", system(std::env::consts::OS))?;
    facts.set("version", format!("v{NODE_VERSION}"))?;
    let versions = Object::new(ctx.clone())?;
    versions.set("node", NODE_VERSION)?;
    versions.set("cla", env!("CARGO_PKG_VERSION"))?;
    facts.set("versions", versions)?;
    let argv = Array::new(ctx.clone())?;
    argv.set(0, TITLE)?;
    argv.set(1, run.script_path())?;
    for (at, argument) in run.arguments().iter().enumerate() {
        argv.set(at + 2, argument.as_str())?;
    }
    facts.set("argv", argv)?;
    Ok(facts)
}

/// `exit(code)`.
fn exit(ctx: Ctx<'_>, code: f64) -> js::Result<()> {
    let state = State::of(&ctx)?;
    Err(state.run().exit(&ctx, code as i32))
}

/// `setExitCode(code)`.
fn set_exit_code(ctx: Ctx<'_>, code: f64) -> js::Result<()> {
    State::of(&ctx)?.run().set_exit_code(Some(code as i32));
    Ok(())
}

/// `write(number, text)`: to the standard output (1) or the standard error (2).
fn write<'js>(ctx: Ctx<'js>, number: i32, text: Value<'js>) -> js::Result<()> {
    let stream = match number {
        2 => OutputStream::Stderr,
        _ => OutputStream::Stdout,
    };
    let text = string_argument(&ctx, "process.stdout.write: the text", &text)?;
    State::of(&ctx)?.write(&ctx, stream, &text)
}

/// `currentFolder()`.
fn current_folder(ctx: Ctx<'_>) -> js::Result<String> {
    let folder = std::env::current_dir()
        .map_err(|problem| error(&ctx, format_args!("process.cwd: {problem}")))?;
    Ok(folder.to_string_lossy().into_owned())
}

/// `memory()`: what the run takes, and its limit.
fn memory(ctx: Ctx<'_>) -> js::Result<Object<'_>> {
    let state = State::of(&ctx)?;
    let run = state.run();
    let limit = run.limits().memory;
    let used = limit.saturating_sub(run.memory_left());
    let memory = Object::new(ctx)?;
    memory.set("rss", used as f64)?;
    memory.set("heapTotal", limit as f64)?;
    memory.set("heapUsed", used as f64)?;
    memory.set("external", 0)?;
    memory.set("arrayBuffers", 0)?;
    Ok(memory)
}

/// `readInput()`: a promise of the next bytes of the standard input; of `null` at its end.
fn read_input(ctx: Ctx<'_>) -> js::Result<Value<'_>> {
    let state = State::of(&ctx)?;
    input::next_piece(&ctx, state.run())
}
