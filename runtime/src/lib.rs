//! The engine of `cla`: JavaScript rules that simply block, at the price of async.
//!
//! # Four nouns
//!
//! An [`Engine`] runs [`Script`]s. [`Engine::run`] returns a [`RunHandle`], a future of the
//! [`RunReport`] that tells what the rule returned or threw, and what it waited for and took.
//! Nothing here blocks the host's threads.
//!
//! # Blocking without threads
//!
//! Each run is an *isolate*, a QuickJS runtime of its own, on a *fiber*, a small stack of its own.
//! When a host function must wait, the fiber suspends and its worker thread runs others. Ten
//! thousand rules can wait on a handful of threads. Code that computes for long gives way every few
//! milliseconds, so nobody's timers starve.
//!
//! # Limits hold
//!
//! [`Limits`] bound memory, stack and time of each run. Exceeding one fails that run alone. A run shares its memory and its
//! time with all that it starts.
//!
//! # Your own functions
//!
//! [`HostModule`] gives rules plain Rust functions, with arguments and results converted by serde.
//! [`NativeModule`] and [`Extension`] give full access to the interpreter; [`js`] is the binding.
//! [`EngineBuilder::source_module`] adds modules that are themselves written in TypeScript,
//! [`EngineBuilder::alias`] other names for built-in modules.
//!
//! The standard library (`cla/sem`, `cla/util`, ...) is the crate `cla-stdlib`; an engine without it
//! has the language, timers, `import` and `require`, and nothing else.

mod blocking;
mod builtins;
mod control;
pub mod duration;
mod engine;
mod error;
mod event_loop;
mod event_source;
mod family;
mod files;
mod isolate;
mod limits;
mod modules;
mod native;
mod nearest;
mod output;
mod permit_table;
mod report;
mod rule;
mod run;
mod script;
mod session;
mod slot_guard;
#[doc(hidden)]
pub mod slot_options;
mod start_order;
mod sys;
mod text;
mod ticker;
mod trace;
mod typescript;
mod value;
mod watch;
mod worker;

pub use cla_semaphore as semaphore;
pub use rquickjs as js;

pub use engine::{
    Engine, EngineBuilder, OtherSemaphores, RunCanceller, RunHandle, RunOptions, RunReport,
    TakenSemaphore, UnresponsiveRun,
};
pub use error::{ErrorKind, Frame, Location, RuleError, Snippet};
pub use event_source::{EventSource, SourceEvent, Subscription};
pub use limits::{Limits, MAX_STACK, MIN_MEMORY, MIN_STACK};
pub use native::{Extension, HostModule, NativeModule, json_to_value, value_to_json};
pub use nearest::nearest;
pub use output::{Output, OutputStream, OutputWait, ProcessOutput, QueuedOutput};
pub use permit_table::{HeldPermit, PermitFacts, PermitTable, Usage};
pub use rule::{
    Finding, Input, InputError, InputKind, Plan, PlannedBlock, PlannedOp, PlannedSemaphore,
    ServiceNameError, Severity, check, check_text, give_inputs, plan, rulebook_inputs,
    rulebook_schema,
};
pub use run::{MemoryReservation, Rooted, Run, contain_panic};
pub use script::Script;
pub use session::{Answer, Interrupter, Session};
pub use slot_guard::{LostSlot, SlotGuard};
pub use sys::host_object::{HostObject, HostValues};
pub use sys::overflow::report_stack_overflow;
pub use sys::quickjs::{StringIdentity, bytes_of, error_without_place, fulfils_promise};
pub use text::{escaped_text, exact_text};
pub use trace::{RegionOutcome, RegionRecord, RegionSpan, Trace, TracedRun};
pub use typescript::input::{InputState, input_state, tidy};
pub use value::{MAX_DEPTH, RuleValue, Wanted};
