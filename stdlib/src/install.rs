//! What of the library an engine gets: all of it, or a part.

use std::collections::BTreeSet;

use cla_runtime::EngineBuilder;

use crate::declarations::TYPES;
use crate::globals::Globals;
use crate::hints::HINTS;
use crate::modules::{self as sources, SOURCES};
use crate::{base64, config, csv, digest, fs, log, node, process, sem, stash, util};

/// How a module is added.
type Add = fn(EngineBuilder) -> EngineBuilder;

/// The modules that are written in Rust.
const NATIVE: &[(&str, Add)] = &[
    ("cla/sem", |builder| builder.module(sem::Sem)),
    ("cla/stash", |builder| builder.module(stash::Stash)),
    #[cfg(feature = "http")]
    ("cla/http", |builder| builder.module(crate::http::Http)),
    ("cla/fs", |builder| builder.module(fs::Fs)),
    ("cla/base64", |builder| builder.module(base64::Base64)),
    ("cla/digest", |builder| builder.module(digest::Hashes)),
    ("cla/csv", |builder| builder.module(csv::Csv)),
    ("cla/config", |builder| builder.module(config::Config)),
    ("cla/util", |builder| builder.module(util::Util)),
    ("cla/log", |builder| builder.module(log::Log)),
    ("cla/process", |builder| builder.module(process::Process)),
];

/// What the modules in TypeScript are made with. Rules cannot import these.
const INTERNAL: &[(&str, Add)] = &[
    #[cfg(feature = "typescript")]
    ("cla/path/native", |builder| {
        builder.module(crate::path::Native)
    }),
    #[cfg(feature = "typescript")]
    ("cla/shell/native", |builder| {
        builder.module(crate::shell::Native)
    }),
    #[cfg(feature = "typescript")]
    ("cla/semaphore/native", |builder| {
        builder.module(crate::semaphore::Native)
    }),
    #[cfg(feature = "typescript")]
    ("cla/task/native", |builder| {
        builder.module(crate::task::Native)
    }),
    #[cfg(all(feature = "redis", feature = "typescript"))]
    ("cla/redis/native", |builder| {
        builder.module(crate::redis::Redis)
    }),
];

/// Adds the whole library to an engine; to be used with [`EngineBuilder::with`].
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::builder().with(cla_stdlib::install).build();
/// let rule = "import sem from 'cla/sem'; export default sem.take('db', () => new URL('http://db1/x').host)";
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), "db1");
/// ```
pub fn install(builder: EngineBuilder) -> EngineBuilder {
    let builder = builder.extension(Globals);
    let builder = declare(builder, |_| true);
    NATIVE
        .iter()
        .chain(INTERNAL)
        .fold(builder, |builder, (_, add)| add(builder))
        .with(sources::install)
        .with(node::install)
}

/// The names of the modules that [`install`] adds.
///
/// ```
/// assert!(cla_stdlib::modules().any(|name| name == "cla/sem"));
/// assert!(cla_stdlib::modules().all(|name| cla_stdlib::install_only([name]).is_ok()));
/// ```
pub fn modules() -> impl Iterator<Item = &'static str> {
    let native = NATIVE.iter().map(|(name, _)| *name);
    let sources = SOURCES.iter().map(|(name, _)| *name);
    native.chain(sources).chain(node::names())
}

/// The other names of modules that [`install`] adds, each with the module's own name.
///
/// ```
/// for (alias, module) in cla_stdlib::aliases() {
///     assert!(cla_stdlib::modules().any(|name| name == module), "{alias} is another name of {module}");
/// }
/// ```
pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    sources::aliases().chain(node::aliases())
}

/// There is no such module to install.
///
/// ```
/// let Err(error) = cla_stdlib::install_only(["cla/semm"]) else { panic!("there is no such module") };
/// assert_eq!(error.name, "cla/semm");
/// assert!(error.to_string().ends_with("did you mean \"cla/sem\"?"), "{error}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the standard library has no module {name:?}{}", self.hint())]
pub struct UnknownModule {
    /// The name that was given.
    pub name: String,
}

impl UnknownModule {
    fn hint(&self) -> String {
        cla_runtime::internal::nearest(&self.name, modules())
            .map_or_else(String::new, |name| format!("; did you mean {name:?}?"))
    }
}

/// Adds the globals and these modules to an engine, with the modules of the library that they are made with, and their other
/// names; to be used with [`EngineBuilder::with`].
///
/// This is about what rules find, and not about what they may: see [`Permissions`](cla_runtime::Permissions) for that.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_stdlib::UnknownModule> {
/// let engine = Engine::builder().with(cla_stdlib::install_only(["cla/sem", "cla/util"])?).build();
/// let rule = Script::javascript("rule", "require('cla/sem').take('db', () => 1)");
/// assert_eq!(engine.run(rule, RunOptions::new()).await.result.unwrap(), 1);
/// let rule = Script::javascript("rule", "require('cla/http')");
/// assert!(engine.run(rule, RunOptions::new()).await.result.is_err());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// [`UnknownModule`]: a name is not one of [`modules()`].
pub fn install_only<'a>(
    names: impl IntoIterator<Item = &'a str>,
) -> Result<impl FnOnce(EngineBuilder) -> EngineBuilder, UnknownModule> {
    let mut wanted = BTreeSet::new();
    let mut left: Vec<&str> = Vec::new();
    for name in names {
        let Some(known) = modules().find(|known| *known == name) else {
            let name = name.to_owned();
            return Err(UnknownModule { name });
        };
        left.push(known);
    }
    while let Some(name) = left.pop() {
        if wanted.insert(name)
            && let Some((_, text)) = SOURCES.iter().find(|(source, _)| *source == name)
        {
            left.extend(imports(text));
        }
    }
    Ok(move |builder: EngineBuilder| {
        let builder = builder.extension(Globals);
        let declared = declared(&wanted);
        let builder = declare(builder, |file| declared.contains(file));
        let builder = wanted
            .iter()
            .fold(builder, |builder, name| add(builder, name));
        let aliases = aliases().filter(|(_, to)| wanted.contains(to));
        aliases.fold(builder, |builder, (from, to)| builder.alias(from, to))
    })
}

/// Adds the declarations in these files.
fn declare(builder: EngineBuilder, is_wanted: impl Fn(&str) -> bool) -> EngineBuilder {
    let builder = builder.hints(HINTS.iter().copied());
    let wanted = TYPES.iter().filter(|(file, _)| is_wanted(file));
    wanted.fold(builder, |builder, (file, text)| builder.types(*file, *text))
}

/// The files that declare these modules and the globals, with those whose types they name.
fn declared(modules: &BTreeSet<&str>) -> BTreeSet<&'static str> {
    let file_of = |module: &str| {
        if module.starts_with("node:") {
            return Some("node.d.ts");
        }
        let stem = module.strip_prefix("cla/")?.replace('/', "-");
        let mut files = TYPES.iter().map(|(file, _)| *file);
        files.find(|file| file.strip_suffix(".d.ts") == Some(stem.as_str()))
    };
    let mut files = BTreeSet::new();
    let of_modules = modules.iter().filter_map(|module| file_of(module));
    let mut left: Vec<&str> = of_modules
        .chain(["globals.d.ts", "globals-web.d.ts"])
        .collect();
    while let Some(file) = left.pop() {
        if file == "node.d.ts" {
            // They name each other, and the web's names.
            left.extend(["node-fs.d.ts", "node-aliases.d.ts", "web.d.ts"]);
        }
        if files.insert(file)
            && let Some((_, text)) = TYPES.iter().find(|(known, _)| *known == file)
        {
            let named = text.split(['"', '\'']).filter_map(file_of);
            left.extend(named);
        }
    }
    files
}

/// The modules that a source of the library needs at run time.
fn imports(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split(';').filter_map(|declaration| {
        let from = declaration.rfind("from \"")?;
        let name = declaration[from..].split('"').nth(1)?;
        let is_type = declaration.contains("import type") || declaration.contains("export type");
        (!is_type && name.starts_with("cla/")).then_some(name)
    })
}

/// Adds the module of this name, one of the library's own internal ones included.
fn add(builder: EngineBuilder, name: &str) -> EngineBuilder {
    let mut native = NATIVE.iter().chain(INTERNAL);
    match native.find(|(known, _)| *known == name) {
        Some((_, add)) => add(builder),
        None => node::add(sources::add(builder, name), name),
    }
}

#[cfg(test)]
mod tests {
    use cla_runtime::Engine;

    #[test]
    fn an_engine_declares_what_was_installed_and_whose_types_that_names() {
        let part = super::install_only(["cla/sem"]).expect("it is there");
        let engine = Engine::builder().with(part).build();
        let declarations = engine.declarations();
        let files: Vec<_> = declarations.iter().map(|(file, _)| file.as_str()).collect();
        assert_eq!(files, ["globals.d.ts", "globals-web.d.ts", "sem.d.ts"]);

        let engine = Engine::builder().with(super::install).build();
        assert_eq!(engine.declarations().len(), crate::TYPES.len());
    }

    #[cfg(feature = "typescript")]
    #[test]
    fn declarations_come_with_those_that_they_import() {
        let part = super::install_only(["cla/event-bus"]).expect("it is there");
        let engine = Engine::builder().with(part).build();
        let declarations = engine.declarations();
        let has = |file: &str| declarations.iter().any(|(known, _)| known == file);
        assert!(has("event-bus.d.ts") && has("namespace.d.ts") && has("task.d.ts"));
        assert!(!has("sem.d.ts") && !has("aliases.d.ts"));
    }
}
