//! Node's names: the modules `node:...`, and the globals `process` and `Buffer`.
//!
//! Each module is a script of the library (`node/*.js`), compiled once per process and run in an isolate when a rule first
//! names it. A script is a function of its *natives*, which are what JavaScript cannot do, or would do slowly. They reach the
//! outside through the modules `cla/...` and their permissions, and through nothing else.
//!
//! What is left out is in [`LEFT_OUT`], each with what to use instead.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

mod buffer;
mod child_process;
#[cfg(feature = "crypto")]
mod crypto;
mod files;
mod process;
mod system;
mod text;

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::EngineBuilder;
use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{LibraryScript, Rooted, require};
use cla_runtime::js::{self, Ctx, Function, IntoJs, Object, Value};

use crate::state::State;

/// Adds what a script is given, beside what each is given.
type Natives = for<'js> fn(&Ctx<'js>, &Rc<Run>, &Object<'js>) -> js::Result<()>;

/// One of Node's modules.
pub(crate) struct Module {
    /// Its name, with the prefix `node:`.
    pub(crate) name: &'static str,
    made: Made,
}

/// How a module's exports are made.
enum Made {
    /// By a script.
    Script(&'static LibraryScript, Natives),
    /// They are a member of another module's.
    Member(&'static str, &'static str),
    /// They are another module's.
    Same(&'static str),
}

/// A module that is `node/FILE.js`.
macro_rules! script {
    ($name:literal, $file:literal, $natives:expr) => {{
        static SCRIPT: LibraryScript = LibraryScript::new(
            concat!("cla:node/", $file),
            include_str!(concat!("node/", $file, ".js")),
        );
        Module {
            name: concat!("node:", $name),
            made: Made::Script(&SCRIPT, $natives),
        }
    }};
}

const fn member(name: &'static str, of: &'static str, member: &'static str) -> Module {
    let made = Made::Member(of, member);
    Module { name, made }
}

/// A script that is given nothing of its own.
fn nothing<'js>(_: &Ctx<'js>, _: &Rc<Run>, _: &Object<'js>) -> js::Result<()> {
    Ok(())
}

/// All of them.
static MODULES: &[Module] = &[
    script!("assert", "assert", nothing),
    member("node:assert/strict", "node:assert", "strict"),
    script!("async_hooks", "async_hooks", nothing),
    script!("buffer", "buffer", buffer::natives),
    script!("child_process", "child_process", child_process::natives),
    script!("console", "console", nothing),
    script!("constants", "constants", system::natives),
    #[cfg(feature = "crypto")]
    script!("crypto", "crypto", crypto::natives),
    script!("events", "events", nothing),
    script!("fs", "fs", files::natives),
    member("node:fs/promises", "node:fs", "promises"),
    script!("module", "module", module_natives),
    script!("os", "os", system::natives),
    #[cfg(feature = "typescript")]
    script!("path", "path", nothing),
    #[cfg(feature = "typescript")]
    member("node:path/posix", "node:path", "posix"),
    script!("perf_hooks", "perf_hooks", nothing),
    script!("process", "process", process::natives),
    script!("querystring", "querystring", nothing),
    script!("readline", "readline", nothing),
    member("node:readline/promises", "node:readline", "promises"),
    script!("stream", "stream", nothing),
    member("node:stream/promises", "node:stream", "promises"),
    script!("stream/consumers", "stream_consumers", nothing),
    script!("stream/web", "stream_web", nothing),
    script!("string_decoder", "string_decoder", nothing),
    script!("timers", "timers", system::timers),
    member("node:timers/promises", "node:timers", "promises"),
    script!("tty", "tty", nothing),
    script!("url", "url", nothing),
    script!("util", "util", text::natives),
    member("node:util/types", "node:util", "types"),
    Module {
        name: "node:sys",
        made: Made::Same("node:util"),
    },
];

/// What the scripts have in common. Rules cannot import these.
static INTERNAL: &[Module] = &[
    script!("internal/arguments", "arguments", nothing),
    script!("internal/comparisons", "comparisons", nothing),
    script!("internal/errors", "errors", text::shown),
    script!("internal/fs_streams", "fs_streams", nothing),
    script!("internal/stream_readable", "stream_readable", nothing),
    script!("internal/stream_writable", "stream_writable", nothing),
];

/// Those of Node's modules that there are not, without the prefix, each with the end of a sentence that says what to use
/// instead.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "cluster",
        "a run has one thread; cla run --copies and rulebooks run rules beside each other",
    ),
    (
        "dgram",
        "rules have no sockets; cla/http and fetch speak to servers",
    ),
    (
        "diagnostics_channel",
        "cla/log and console tell what happens",
    ),
    (
        "dns",
        "names are looked up when a connection is made; cla/http and fetch connect",
    ),
    (
        "dns/promises",
        "names are looked up when a connection is made; cla/http and fetch connect",
    ),
    ("domain", "try and catch hold errors, also around await"),
    ("http", "use fetch or cla/http"),
    ("http2", "use fetch or cla/http"),
    ("https", "use fetch or cla/http"),
    (
        "inspector",
        "rules have no debugger; console.trace shows where a rule is",
    ),
    (
        "inspector/promises",
        "rules have no debugger; console.trace shows where a rule is",
    ),
    ("net", "rules have no sockets; use fetch or cla/http"),
    ("path/win32", "paths are those of POSIX; use node:path"),
    ("repl", "cla repl is the prompt"),
    ("tls", "rules have no sockets; fetch and cla/http speak TLS"),
    ("trace_events", "cla run --trace writes a trace"),
    (
        "v8",
        "the interpreter is QuickJS; structuredClone copies values, process.memoryUsage() tells the memory",
    ),
    (
        "vm",
        "code from data is not for rules; import and require load files",
    ),
    ("wasi", "there is no WebAssembly"),
    (
        "worker_threads",
        "a run has one thread; cla run --copies and rulebooks run rules beside each other",
    ),
    ("zlib", "use CompressionStream and DecompressionStream"),
];

/// Those that Node knows with the prefix only, or of which there are packages by the plain name.
const LEFT_OUT_WITH_PREFIX: &[(&str, &str)] = &[
    ("punycode", "new URL() gives a host's ASCII form"),
    ("sea", "cla is one file already"),
    (
        "sqlite",
        "cla/semaphore/sqlite keeps semaphores; use a program such as sqlite3 for data",
    ),
    ("test", "cla test runs tests of rules"),
    ("test/reporters", "cla test runs tests of rules"),
];

/// The prefix of Node's modules.
const PREFIX: &str = "node:";

/// Their names, with the prefix.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name)
}

/// The names without the prefix, each with the module's own.
pub(crate) fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES
        .iter()
        .filter_map(|module| Some((module.name.strip_prefix(PREFIX)?, module.name)))
}

/// Adds the module of this name.
pub(crate) fn add(builder: EngineBuilder, name: &str) -> EngineBuilder {
    match MODULES.iter().find(|module| module.name == name) {
        Some(module) => builder.module(module),
        None => builder,
    }
}

/// Adds all of them to an engine, and says which there are not.
pub(crate) fn install(builder: EngineBuilder) -> EngineBuilder {
    let builder = MODULES
        .iter()
        .fold(builder, |builder, module| builder.module(module));
    let builder = aliases().fold(builder, |builder, (from, to)| builder.alias(from, to));
    let builder = LEFT_OUT.iter().fold(builder, |builder, (name, instead)| {
        builder
            .left_out(*name, *instead)
            .left_out(format!("{PREFIX}{name}"), *instead)
    });
    LEFT_OUT_WITH_PREFIX
        .iter()
        .fold(builder, |builder, (name, instead)| {
            builder.left_out(format!("{PREFIX}{name}"), *instead)
        })
}

impl NativeModule for &'static Module {
    fn name(&self) -> &str {
        self.name
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        load(ctx, self.name)
    }
}

/// The modules that a run has loaded, by their names.
#[derive(Default)]
struct Loaded(RefCell<Vec<(&'static str, Rooted<Object<'static>>)>>);

/// What a module exports, made if it was not.
pub(crate) fn load<'js>(ctx: &Ctx<'js>, name: &str) -> js::Result<Object<'js>> {
    let state = State::of(ctx)?;
    let run = state.run();
    let loaded: Rc<Loaded> = run.state().unwrap_or_else(|| {
        let loaded = Rc::new(Loaded::default());
        run.set_state(Rc::clone(&loaded));
        loaded
    });
    let known = loaded
        .0
        .borrow()
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, exports)| exports.get(ctx));
    if let Some(exports) = known {
        return exports;
    }
    let mut all = MODULES.iter().chain(INTERNAL);
    let module = all.find(|module| module.name == name);
    let module = module.ok_or(js::Error::Unknown)?;
    let exports: Object<'js> = match &module.made {
        Made::Member(of, member) => load(ctx, of)?.get(*member)?,
        Made::Same(of) => load(ctx, of)?,
        Made::Script(script, natives) => {
            let given = Object::new(ctx.clone())?;
            common(ctx, &given)?;
            natives(ctx, run, &given)?;
            let make: Function<'js> = script.run(ctx)?.get()?;
            make.call((given,))?
        }
    };
    let kept = run.keep(ctx, exports.clone());
    loaded.0.borrow_mut().push((module.name, kept));
    Ok(exports)
}

/// A module of Node's that the run has loaded already.
pub(crate) fn loaded<'js>(
    ctx: &Ctx<'js>,
    run: &Run,
    name: &str,
) -> js::Result<Option<Object<'js>>> {
    let Some(loaded) = run.state::<Loaded>() else {
        return Ok(None);
    };
    let loaded = loaded.0.borrow();
    let found = loaded.iter().find(|(known, _)| *known == name);
    found.map(|(_, exports)| exports.get(ctx)).transpose()
}

/// What every script is given.
fn common<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define(
        "load",
        Function::new(ctx.clone(), |ctx: Ctx<'js>, name: String| {
            load(&ctx, &format!("{PREFIX}{name}"))
        }),
    )?;
    define("module", Function::new(ctx.clone(), library_module))?;
    define(
        "report",
        Function::new(ctx.clone(), crate::web::part::report),
    )
}

/// `module(name)`: a module of the library's.
fn library_module<'js>(ctx: Ctx<'js>, name: String) -> js::Result<Value<'js>> {
    let state = State::of(&ctx)?;
    let run = state.run();
    if run.modules().has_built_in(&name) {
        return require(&ctx, run, "", &name.as_str().into_js(&ctx)?);
    }
    // A host that has installed a part of the library only.
    let module: &dyn NativeModule = match name.as_str() {
        "cla/fs" => &crate::fs::Fs,
        "cla/process" => &crate::process::Process,
        _ => return Err(js::Error::Unknown),
    };
    module.exports(&ctx, run).map(Object::into_value)
}

/// What `module.js` is given.
fn module_natives<'js>(ctx: &Ctx<'js>, _run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    let names: Vec<&str> = aliases().map(|(name, _)| name).collect();
    natives.set("names", names)?;
    let require_from = |ctx: Ctx<'js>, importer: String, specifier: Value<'js>| {
        let state = State::of(&ctx)?;
        require(&ctx, state.run(), &importer, &specifier)
    };
    natives.set("requireFrom", Function::new(ctx.clone(), require_from)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Write;

    use super::{LEFT_OUT, LEFT_OUT_WITH_PREFIX, aliases, names};

    /// The declarations of the names without the prefix.
    fn declarations() -> String {
        let mut text = String::from(
            "// Node's modules by their names without the prefix, and all of them as `require` gives them.\n",
        );
        for (from, to) in aliases() {
            write!(
                text,
                "\ndeclare module \"{from}\" {{\n  export * from \"{to}\";\n  export {{ default }} from \"{to}\";\n}}\n"
            )
            .expect("a String can be written to");
        }
        text.push_str("\ninterface ClaModules {\n");
        for (from, to) in aliases() {
            for name in [from, to] {
                writeln!(text, "  \"{name}\": typeof import(\"{to}\").default;")
                    .expect("a String can be written to");
            }
        }
        text + "}\n"
    }

    #[test]
    fn editors_know_every_name() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/node-aliases.d.ts");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let wanted = declarations();
        assert!(
            text == wanted,
            "{file} is not what the table says; it should be:\n{wanted}"
        );
    }

    #[test]
    fn no_module_is_both_there_and_left_out() {
        let there: BTreeSet<&str> = names().chain(aliases().map(|(name, _)| name)).collect();
        for (name, instead) in LEFT_OUT.iter().chain(LEFT_OUT_WITH_PREFIX) {
            assert!(!there.contains(name), "{name}");
            assert!(
                !instead.ends_with('.'),
                "{name}: it is the end of a sentence"
            );
        }
    }
}
