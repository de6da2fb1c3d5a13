//! The engine of `cla`: JavaScript rules that simply block, at the price of async.
//!
//! # Four nouns
//!
//! An [`Engine`] runs [`Script`]s. [`Engine::run`] returns a [`RunHandle`], a future of the
//! [`RunReport`] that tells what the rule returned or threw, and what it waited for and took.
//! Nothing here blocks the host's threads.
//!
//! A run goes on when its handle is dropped, unless the host [wants it cancelled](RunHandle::cancel_on_drop). The report
//! gives the value as a [type of the host's](RunReport::value). [`Engine::shutdown`] ends all runs in good order.
//!
//! ```
//! use std::time::Duration;
//! use cla_runtime::{Engine, RunOptions, Script};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), cla_runtime::RuleError> {
//! let engine = Engine::new();
//! let script = Script::typescript("double", "export default (stash: {n: number}) => 2 * stash.n");
//! let options = RunOptions::new().stash(serde_json::json!({"n": 21}));
//! let doubled: u32 = engine.run(script, options).cancel_on_drop().await.value()?;
//! assert_eq!(doubled, 42);
//! engine.shutdown(Duration::from_secs(5)).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Blocking without threads
//!
//! Each run is an *isolate*, a QuickJS runtime of its own, on a *fiber*, a small stack of its own.
//! When a host function must wait, the fiber suspends and its worker thread runs others. Ten
//! thousand rules can wait on a handful of threads. Code that computes for long gives way every few
//! milliseconds, so no timer starves.
//!
//! # Limits hold
//!
//! [`Limits`] bound memory, stack and time of each run. Exceeding one fails that run alone. A run shares its memory and its
//! time with all that it starts.
//!
//! # Time can be injected
//!
//! With a [`TestClock`](clock::TestClock), sleeps, timers, dates, semaphores and time limits of rules follow a clock that a test
//! moves: an hour passes in a millisecond, the same way each time. The module [`clock`] has an example.
//!
//! # What a host sees
//!
//! [`Engine::check`] finds what is wrong with a rule, [`Engine::plan`] says what it would do, and neither runs it.
//! [`EngineBuilder::on_event`] tells of starts, waits, slots, limits and ends; subscribers of `tracing` hear of the same
//! ([`observe`]). [`Engine::live_runs`] shows the runs that go on, with their regions and memory. [`Output::log`] takes what
//! rules log as records. Reports, errors, findings and plans serialize, and are read back.
//!
//! # Your own functions
//!
//! [`HostModule`] gives rules plain Rust functions, with arguments and results converted by serde; a function may ask which
//! run calls it and what that run may ([`Call`](host::Call)), throw errors that rules tell apart ([`HostError`](host::HostError)),
//! take [`Bytes`](host::Bytes) and keep functions of the rule ([`Callback`](host::Callback)). The module may have classes
//! ([`HostClass`](host::HostClass)) and streams, too. What belongs to modules is in [`host`].
//! [`NativeModule`](host::NativeModule) and [`Extension`](host::Extension) give full access to the interpreter; [`js`] is
//! the binding.
//! [`EngineBuilder::source_module`] adds modules that are themselves written in TypeScript,
//! [`EngineBuilder::loader`] modules from elsewhere than files, [`EngineBuilder::alias`] other names for built-in modules.
//!
//! An engine has JavaScript and TypeScript, timers, `import` and `require`, and nothing else. Modules for rules, and further
//! languages, are crates of their own, which a host adds with [`EngineBuilder::with`].
//!
//! [Limits](pages::limits), [what is a boundary](pages::trust) and [values that leave a run](pages::values) have pages of their own.
//!
//! # Features
//!
//! | feature | what it brings | without it |
//! | --- | --- | --- |
//! | `typescript` (default) | rules and modules in TypeScript; what is known of a text before it is compiled | the crate `oxc` is not built |
//! | `packages` (default) | packages in `node_modules`, `paths` of a `tsconfig.json`, source maps | the crate `oxc_resolver` is not built |
//!
//! Without `typescript`, a `.ts` file is an error that names the feature. JavaScript runs as before, with these differences: a
//! text that does not compile has one syntax error, the interpreter's own; and a [`Session`] takes each input as a script,
//! so that a `const` of one input cannot be declared again by a later one, and imports are `await import()`.
//!
//! Stores are features of [`cla_semaphore`]: `sqlite` and `redis`, both off by default. A host that wants one adds
//! that crate with its feature.

// Time goes through the clock of the run; see clippy.toml.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod blocking;
mod builtins;
pub mod check;
pub mod clock;
mod concurrency;
mod config;
mod control;
mod convert;
mod date;
mod dependents;
pub mod duration;
pub mod engine;
pub mod error;
mod evaluation;
mod event_loop;
mod event_source;
mod family;
mod forked;
pub mod handle;
mod hints;
pub mod host;
mod host_module;
mod inspection;
mod isolate;
mod library;
pub mod limits;
mod line_ends;
mod live_facts;
mod main_script;
mod memory_reservation;
mod modules;
mod native;
mod nearest;
pub mod observe;
mod options;
pub mod output;
pub mod pages;
pub mod permissions;
mod permit_table;
pub mod plan;
pub mod profile;
mod profile_span;
mod program;
mod region;
mod region_span;
pub mod report;
mod run;
mod run_data;
mod run_span;
mod script;
mod script_check;
mod seconds;
pub mod secrets;
pub mod session;
mod slot_guard;
#[doc(hidden)]
pub mod slot_options;
mod slot_watch;
mod sys;
mod text;
mod thread_time;
mod ticker;
mod timers;
pub mod trace;
#[cfg_attr(not(feature = "typescript"), path = "typescript/absent.rs")]
mod typescript;
pub mod value;
mod waiting;

pub use cla_semaphore as semaphore;
pub use rquickjs as js;

#[doc(inline)]
pub use engine::{Engine, EngineBuilder};
#[doc(inline)]
pub use error::RuleError;
#[doc(inline)]
pub use handle::RunHandle;
pub use host_module::HostModule;
#[doc(inline)]
pub use limits::Limits;
pub use options::RunOptions;
#[doc(inline)]
pub use output::Output;
#[doc(inline)]
pub use permissions::Permissions;
#[doc(inline)]
pub use report::RunReport;
pub use script::Script;
#[doc(inline)]
pub use session::Session;

/// What only the other crates of this workspace use. It may change at any time.
#[doc(hidden)]
pub mod internal {
    pub use crate::blocking::blocking;
    pub use crate::check::checker::{Checker, Spot, Subject, pointing};
    pub use crate::check::slots::{CalledRule, HeldSlot, SlotSummary, TakenSlot, follow_calls};
    pub use crate::concurrency::{Cancel, GiveWay, enter_key, replaced, replaced_by};
    pub use crate::dependents::{DEPENDENTS_VARIABLE, inherited_dependents, write_dependents};
    pub use crate::error::source::{
        Awaiting, Declaration, DeclarationKind, Sources, SyntaxProblem,
    };
    pub use crate::error::suspect::{Origin, Step, Suspect, WrittenText};
    pub use crate::evaluation::{Evaluated, Failure, failure, resolve};
    pub use crate::event_source::{EventSource, SourceEvent, Subscription};
    pub use crate::library::LibraryScript;
    pub use crate::line_ends::LineEnds;
    pub use crate::memory_reservation::MemoryReservation;
    pub use crate::modules::read::{ReadError, read_anywhere};
    pub use crate::modules::{
        Kind, ModuleCache, ModuleSettings, ResolveError, Resolved, import, namespace, problems,
        require,
    };
    pub use crate::nearest::nearest;
    pub use crate::permissions::entry::{Entry, EntryFacts, EntryKind, LastLink};
    pub use crate::permit_table::{HeldPermit, LostSlot, PermitFacts, PermitTable, Usage};
    pub use crate::profile_span::ProfileSpan;
    pub use crate::program::{Language, Program, SourceText};
    pub use crate::region::{SemaphoreSpec, enter};
    pub use crate::region_span::RegionSpan;
    pub use crate::run::{Rooted, contain_panic, run_of, state_of};
    pub use crate::script_check::{
        Surroundings, called_slots, check_part, check_script, has_global, slots_of_script,
    };
    pub use crate::slot_guard::SlotGuard;
    pub use crate::sys::guarded::{LocaleMethod, LocaleMethods};
    pub use crate::sys::host_object::{HostObject, HostValues};
    pub use crate::sys::late_globals::LateGlobals;
    pub use crate::sys::overflow::report_stack_overflow;
    pub use crate::sys::quickjs::{
        Compiled, StringIdentity, TopLevel, bytes_of, compile_script, compile_script_at,
        error_without_place, fill_view, fulfils_promise, mark_handled, promise_then, view_bytes,
        view_part, with_view,
    };
    pub use crate::text::{escaped_text, exact_text, text};
    pub use crate::typescript::facts::{Call, Named, NamedExport, Take, Undeclared};
    #[cfg(feature = "typescript")]
    pub use crate::typescript::input::{InputState, input_state, tidy};
    pub use crate::typescript::lock_order::lock_order;
    pub use crate::typescript::references::references;
    pub use crate::typescript::suspects::suspects;
    pub use crate::typescript::undeclared::undeclared;
    pub use crate::typescript::{PositionMap, Shape, Stripped, exports, strip};
}
