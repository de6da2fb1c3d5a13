//! What rules find when they start: the modules `cla/sem`, `cla/stash`, `cla/http`, `cla/fs`, `cla/util`,
//! `cla/log`, `cla/config` and `cla/process`, those written in TypeScript (`cla/web`, `cla/t`, `cla/task`, `cla/time-span`, `cla/namespace`,
//! `cla/resilience`, `cla/serde`, `cla/event-bus`, `cla/redis`, `cla/semaphore`, `cla/path`, `cla/shell`), and the globals `cla`, `print`,
//! `console`, `structuredClone`, `URL`, `URLSearchParams`, `TextEncoder`, `TextDecoder` and `PermissionError`; `fetch`, `crypto`, signals,
//! events, streams, blobs and forms; and Node's names: `process`, `Buffer`, and the modules `node:fs`, `node:path` and others.
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
//! [`TYPES`] are the type declarations that editors and `tsc` want; [`Engine::declarations`](cla_runtime::Engine::declarations)
//! has those of the modules that were installed, and of the host's own. [`inspect()`] shows a value as Node's
//! `util.inspect` does, [`to_yaml`] as YAML, [`table`] as a table; [`members`] tells what can follow a dot.
//!
//! # Features
//!
//! All are on by default. Without one, rules do not find what it brings, and its dependencies are not built.
//!
//! | feature | what it brings | without it |
//! | --- | --- | --- |
//! | `http` | the module `cla/http` | no HTTP client, no TLS |
//! | `intl` | the global `Intl`, and methods such as `toLocaleString` that go by a locale | dates and numbers as the interpreter writes them, in no locale |
//! | `redis` | stores on a Redis server; with `typescript`, `cla/redis`, `cla/event-bus/redis` and `cla/semaphore/redis` | no Redis client |
//! | `typescript` | the modules that are written in TypeScript, and [`cla-runtime`'s feature](cla_runtime#features) | no parser of TypeScript |
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
// Some of what the library has within serves the modules in TypeScript alone.
#![cfg_attr(not(feature = "typescript"), allow(dead_code))]

mod base64;
mod call;
mod cla;
mod clone;
mod command;
mod config;
mod console;
mod cpu;
mod csv;
mod declarations;
mod digest;
mod duration;
mod environment;
mod filters;
mod format;
mod fs;
mod globals;
mod hints;
#[cfg(feature = "http")]
mod http;
mod ini;
mod input;
mod inspect;
mod install;
#[doc(hidden)]
pub mod internal;
#[cfg(feature = "intl")]
mod intl;
mod intrinsics;
mod json;
mod lazy;
mod log;
mod members;
mod modules;
mod node;
mod options;
#[cfg(feature = "typescript")]
mod path;
mod permitted;
mod process;
mod properties;
#[cfg(all(feature = "redis", feature = "typescript"))]
mod redis;
mod sem;
#[cfg(feature = "typescript")]
mod semaphore;
mod shell;
mod signal;
mod sprintf;
mod stash;
mod state;
mod statements;
#[cfg(feature = "typescript")]
mod task;
mod text;
mod throw;
mod toml;
mod util;
mod vars;
mod weak;
mod web;
mod xml;
mod yaml;

pub use console::table;
pub use declarations::TYPES;
pub use input::Input;
pub use inspect::{InspectOptions, MAX_DEPTH, MAX_OUTPUT, inspect};
pub use install::{UnknownModule, aliases, install, install_only, modules};
pub use members::{Member, members};
pub use yaml::to_yaml;
