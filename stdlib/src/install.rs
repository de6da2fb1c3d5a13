//! What of the library an engine gets: all of it, or a part.

use std::collections::BTreeSet;

use cla_runtime::EngineBuilder;

use crate::globals::Globals;
use crate::modules::{self as sources, ALIASES, SOURCES};
use crate::{
    base64, csv, digest, fs, http, log, path, process, redis, sem, semaphore, shell, stash, task,
    util,
};

/// Adds the whole library to an engine; to be used with [`EngineBuilder::with`].
pub fn install(builder: EngineBuilder) -> EngineBuilder {
    builder
        .extension(Globals)
        .module(sem::Sem)
        .module(util::Util)
        .module(log::Log)
        .module(process::Process)
        .module(stash::Stash)
        .module(http::Http)
        .module(fs::Fs)
        .module(base64::Base64)
        .module(digest::Hashes)
        .module(csv::Csv)
        .module(semaphore::Native)
        .module(task::Native)
        .module(redis::Redis)
        .module(path::Native)
        .module(shell::Native)
        .with(sources::install)
}

/// The names of the modules that [`install`] adds.
pub fn modules() -> impl Iterator<Item = &'static str> {
    [
        "cla/sem",
        "cla/stash",
        "cla/http",
        "cla/fs",
        "cla/base64",
        "cla/digest",
        "cla/csv",
        "cla/util",
        "cla/log",
        "cla/process",
    ]
    .into_iter()
    .chain(SOURCES.iter().map(|(name, _)| *name))
}

/// The other names of modules that [`install`] adds, each with the module's own name.
pub fn aliases() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALIASES.iter().copied()
}

/// There is no such module to install.
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
        let builder = wanted
            .iter()
            .fold(builder, |builder, name| add(builder, name));
        let aliases = ALIASES.iter().filter(|(_, to)| wanted.contains(to));
        aliases.fold(builder, |builder, (from, to)| builder.alias(*from, *to))
    })
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
    match name {
        "cla/sem" => builder.module(sem::Sem),
        "cla/util" => builder.module(util::Util),
        "cla/log" => builder.module(log::Log),
        "cla/process" => builder.module(process::Process),
        "cla/stash" => builder.module(stash::Stash),
        "cla/http" => builder.module(http::Http),
        "cla/fs" => builder.module(fs::Fs),
        "cla/base64" => builder.module(base64::Base64),
        "cla/digest" => builder.module(digest::Hashes),
        "cla/csv" => builder.module(csv::Csv),
        "cla/semaphore/native" => builder.module(semaphore::Native),
        "cla/task/native" => builder.module(task::Native),
        "cla/redis/native" => builder.module(redis::Redis),
        "cla/path/native" => builder.module(path::Native),
        "cla/shell/native" => builder.module(shell::Native),
        _ => sources::add(builder, name),
    }
}
