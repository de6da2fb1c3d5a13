//! What rules find when they start: the modules `cla/sem`, `cla/stash`, `cla/http`, `cla/util`,
//! `cla/log` and `cla/process`, those written in TypeScript (`cla/task`, `cla/time-span`, `cla/namespace`,
//! `cla/resilience`, `cla/serde`, `cla/event-bus`, `cla/redis`, `cla/semaphore`), and the globals `cla`, `print`,
//! `console`, `structuredClone`, `URL`, `URLSearchParams`, `TextEncoder`, `TextDecoder` and `PermissionError`; `fetch`, `crypto`, signals,
//! events, streams, blobs and forms.
//!
//! # For hosts
//!
//! [`install`] adds all of it to an engine:
//!
//! ```
//! use cla_runtime::{Engine, RunOptions, Script};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let engine = Engine::builder().with(cla_stdlib::install).build();
//! let script = Script::javascript("rule", "
//!     const util = require('cla/util');
//!     util.sleep('10ms'); // blocks the rule, and no thread
//!     util.unaccent('résumé');
//! ");
//! let report = engine.run(script, RunOptions::new()).await;
//! assert_eq!(report.result.unwrap(), "resume");
//! # }
//! ```
//!
//! Those in TypeScript also go by the names that they have in the library `@daiso-tech/core`, so that programs move over
//! by copy and paste; [`EngineBuilder::without_aliases`](cla_runtime::EngineBuilder::without_aliases) switches that off, [`aliases`] lists them.
//!
//! [`TYPES`] are the type declarations that editors and `tsc` want. [`inspect()`] shows a value as Node's
//! `util.inspect` does, [`to_yaml`] as YAML, [`table`] as a table; [`members`] tells what can follow a dot.
//!
//! # What it costs
//!
//! A run that uses none of it pays a few kilobytes: globals are built when they are first read, modules
//! when they are first imported.
//!
//! # What holds for every function
//!
//! Unfit arguments are a `TypeError` that names function and argument. No input crashes the process or
//! overflows its stack: nesting is followed with lists rather than calls, up to a depth that each module
//! states, and results have a size that they may not exceed. Work that depends on the size of its input
//! lets other runs of the thread go on in between.

// Time goes through the clock of the run; see clippy.toml.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod call;
mod cla;
mod clone;
mod console;
mod cpu;
mod duration;
mod format;
mod globals;
mod http;
mod inspect;
mod install;
#[doc(hidden)]
pub mod internal;
mod intrinsics;
mod json;
mod lazy;
mod log;
mod members;
mod modules;
mod options;
mod permitted;
mod process;
mod redis;
mod sem;
mod semaphore;
mod signal;
mod sprintf;
mod stash;
mod state;
mod task;
mod text;
mod throw;
mod util;
mod vars;
mod weak;
mod web;
mod yaml;

pub use console::table;
pub use inspect::{InspectOptions, MAX_DEPTH, MAX_OUTPUT, inspect};
pub use install::{UnknownModule, aliases, install, install_only, modules};
pub use members::{Member, members};
pub use yaml::to_yaml;

/// The type declarations, by file name.
pub const TYPES: &[(&str, &str)] = &[
    ("globals.d.ts", include_str!("globals.d.ts")),
    ("web.d.ts", include_str!("web.d.ts")),
    ("http.d.ts", include_str!("http.d.ts")),
    ("log.d.ts", include_str!("log.d.ts")),
    ("process.d.ts", include_str!("process.d.ts")),
    ("sem.d.ts", include_str!("sem.d.ts")),
    ("stash.d.ts", include_str!("stash.d.ts")),
    ("util.d.ts", include_str!("util.d.ts")),
    (
        "time-span.d.ts",
        include_str!("modules/declarations/time-span.d.ts"),
    ),
    ("task.d.ts", include_str!("modules/declarations/task.d.ts")),
    (
        "namespace.d.ts",
        include_str!("modules/declarations/namespace.d.ts"),
    ),
    (
        "resilience.d.ts",
        include_str!("modules/declarations/resilience.d.ts"),
    ),
    (
        "serde.d.ts",
        include_str!("modules/declarations/serde.d.ts"),
    ),
    (
        "serde-super-json.d.ts",
        include_str!("modules/declarations/serde/super-json.d.ts"),
    ),
    (
        "event-bus.d.ts",
        include_str!("modules/declarations/event-bus.d.ts"),
    ),
    (
        "event-bus-memory.d.ts",
        include_str!("modules/declarations/event-bus/memory.d.ts"),
    ),
    (
        "event-bus-no-op.d.ts",
        include_str!("modules/declarations/event-bus/no-op.d.ts"),
    ),
    (
        "semaphore.d.ts",
        include_str!("modules/declarations/semaphore.d.ts"),
    ),
    (
        "semaphore-contracts.d.ts",
        include_str!("modules/declarations/semaphore/contracts.d.ts"),
    ),
    (
        "semaphore-memory.d.ts",
        include_str!("modules/declarations/semaphore/memory.d.ts"),
    ),
    (
        "semaphore-no-op.d.ts",
        include_str!("modules/declarations/semaphore/no-op.d.ts"),
    ),
    (
        "semaphore-redis.d.ts",
        include_str!("modules/declarations/semaphore/redis.d.ts"),
    ),
    (
        "semaphore-sqlite.d.ts",
        include_str!("modules/declarations/semaphore/sqlite.d.ts"),
    ),
    (
        "semaphore-store.d.ts",
        include_str!("modules/declarations/semaphore/store.d.ts"),
    ),
    (
        "event-bus-redis.d.ts",
        include_str!("modules/declarations/event-bus/redis.d.ts"),
    ),
    (
        "redis.d.ts",
        include_str!("modules/declarations/redis.d.ts"),
    ),
    (
        "aliases.d.ts",
        include_str!("modules/declarations/aliases.d.ts"),
    ),
];
