//! Rulebooks: rules as trees of ops, written in YAML. Any op can hold a semaphore.
//!
//! # For hosts
//!
//! [`install`] teaches an engine rulebooks. Ops that speak HTTP or read YAML use the standard library, so install that too:
//!
//! ```
//! use cla_rulebook::RulebookScript;
//! use cla_runtime::{Engine, RunOptions, Script};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let engine = Engine::builder()
//!     .with(cla_stdlib::install)
//!     .with(cla_rulebook::install)
//!     .build();
//! let script = Script::rulebook("three", "do: [{semaphore: db, do: [return: '{{ 1 + 2 }}']}]");
//! let report = engine.run(script, RunOptions::new()).await;
//! assert_eq!(report.result.unwrap(), 3);
//! # }
//! ```
//!
//! [`check`] finds mistakes without running anything, [`plan`] says what a rulebook would do, [`inputs`] what it wants to
//! be given; [`Engine::check`](cla_runtime::Engine::check) and [`Engine::plan`](cla_runtime::Engine::plan) do so with what
//! an engine knows. [`TYPES`] and [`rulebook_schema`] are for editors.
//!
//! # Features
//!
//! All are on by default, and have their names from [`cla_stdlib`](cla_stdlib#features): `http` for the op `http`, `redis`,
//! and `typescript`. Without `typescript`, [`check`] and imports of JavaScript modules find mistakes only when they run.
//!
//! # How it works
//!
//! `yaml` reads a document with the place of every part, `parse` makes a `tree` of ops of it and finds all mistakes, `run`
//! executes the tree on a run's fiber. JavaScript in a rulebook is evaluated in the run's isolate, with the variables in
//! `scope`. A fork is a run of its own.

// Time goes through the clock of the run; see clippy.toml.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod check;
mod data;
mod extension;
mod filter;
mod inputs;
mod modules;
mod op;
mod parse;
mod plan;
mod program;
mod run;
mod schema;
mod script;
mod service_name;
mod services;
mod shown;
mod template;
mod tree;
mod yaml;

use std::sync::Arc;

use cla_runtime::EngineBuilder;

pub use check::{check, check_text};
pub use cla_runtime::check::{Finding, Severity};
pub use cla_runtime::plan::{
    Plan, PlannedBlock, PlannedCall, PlannedConcurrency, PlannedFork, PlannedImport, PlannedOp,
    PlannedSemaphore,
};
pub use inputs::{Input, InputError, InputKind, give_inputs, inputs, rulebook_inputs};
pub use modules::TYPES;
pub use plan::plan;
pub use schema::rulebook_schema;
pub use script::RulebookScript;
pub use service_name::ServiceNameError;

/// Adds rulebooks to an engine: the language, for files that end in `.yml` or `.yaml`, and the modules `cla/rule` and
/// `cla/reg`. To be used with [`EngineBuilder::with`].
///
/// ```
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// let script = Script::rulebook("greet", "do: [return: 'hello ${name}']");
/// let options = RunOptions::new().stash(serde_json::json!({"name": "Anna"}));
/// assert_eq!(engine.run(script, options).wait().result.unwrap(), "hello Anna");
/// ```
pub fn install(builder: EngineBuilder) -> EngineBuilder {
    let builder = builder
        .language(Arc::new(program::Rulebooks))
        .module(modules::Reg)
        .module(modules::Rule);
    TYPES
        .iter()
        .fold(builder, |builder, (file, text)| builder.types(*file, *text))
}

/// The names of the modules that [`install`] adds.
///
/// ```
/// assert!(cla_rulebook::modules().eq(["cla/rule", "cla/reg"]));
/// ```
pub fn modules() -> impl Iterator<Item = &'static str> {
    ["cla/rule", "cla/reg"].into_iter()
}
