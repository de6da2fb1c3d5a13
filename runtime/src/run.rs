//! A run from the inside: what host functions reach while a rule executes.
//!
//! [`Run`] is the sum of its parts, each in a file of its own: until when it may go on ([`time`]), how it takes turns
//! with others ([`slices`]) and waits ([`blocking`]), its memory ([`memory`]), its slots ([`permits`]), the values that Rust
//! holds for it ([`roots`]), what it may ([`permitted`]), panics of the host ([`panics`]), what is pending ([`pending`]), its output ([`writer`]), how it ends itself ([`ending`]) and
//! leaves its code when it is stopped ([`unwinding`]), and what the layers above keep on it ([`layers`]).

mod blocking;
mod ending;
mod layers;
mod memory;
mod panics;
mod pending;
mod permits;
mod permitted;
mod roots;
mod slices;
mod time;
mod unwinding;
mod writer;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_semaphore::{Owner, RunId, Semaphores};
use futures_util::future::LocalBoxFuture;
use rquickjs::Object;

use self::ending::Ending;
pub(crate) use self::layers::Layers;
use self::panics::Panics;
pub use self::panics::contain_panic;
pub(crate) use self::panics::panic_message;
pub(crate) use self::pending::Ended;
use self::roots::Roots;
pub use self::roots::{Rooted, run_of, state_of};
use self::slices::Slices;
pub(crate) use self::slices::slice;
pub(crate) use self::time::TimeLimits;
use self::unwinding::Unwinding;
use self::writer::Writer;
use crate::clock::{Activity, Clock};
use crate::control::Control;
use crate::event_loop::EventLoop;
use crate::family::{Family, Seat};
use crate::limits::Limits;
use crate::memory_reservation::MemoryReservation;
use crate::observe::{HitLimit, Observation};
use crate::output::Output;
use crate::permissions::{Permission, Permissions};
use crate::permit_table::PermitTable;
use crate::profile::Profiling;
use crate::run_data::RunData;
use crate::run_span::RunSpans;
use crate::secrets::Secrets;
use crate::slot_watch::SlotWatch;
use crate::sys::memory::MemoryGauge;
use crate::trace::{RegionRecord, Trace};
use crate::value::Stash;
use crate::waiting::WaitingBound;

/// A run, as host functions see it.
///
/// Extensions and native modules get it when they are installed into a run and keep a clone of the
/// [`Rc`] in their functions. It stays on the run's thread.
///
/// ```
/// use std::rc::Rc;
/// use cla_runtime::host::{Extension, Run};
/// use cla_runtime::js::{self, Ctx};
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// struct Who;
/// impl Extension for Who {
///     fn install<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<()> {
///         ctx.globals().set("WHO", run.name())
///     }
/// }
/// let engine = Engine::builder().extension(Who).build();
/// let report = engine.run(Script::javascript("nightly", "WHO"), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), "nightly");
/// ```
pub struct Run {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) event: Option<String>,
    pub(crate) started: Instant,
    clock: Clock,
    /// What a test clock knows of it.
    pub(crate) activity: Option<Arc<Activity>>,
    pub(crate) owner: Owner,
    pub(crate) family: Arc<Family>,
    pub(crate) limits: Limits,
    /// Folders that it may import from, beside its own.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) profiling: Option<Profiling>,
    /// How many runs are above it.
    pub(crate) depth: u32,
    pub(crate) control: Arc<Control>,
    pub(crate) time: TimeLimits,
    slices: Slices,
    pub(crate) gauge: Rc<MemoryGauge>,
    /// Below this address of its stack, no more calls of the interpreter's should nest.
    stack_floor: Cell<usize>,
    panics: Panics,
    pub(crate) roots: Roots,
    /// Our own functions in place of the interpreter's; see [`builtins`](crate::builtins).
    pub(crate) builtins: RefCell<Option<Rooted<Object<'static>>>>,
    pub(crate) semaphores: Semaphores,
    permissions: Permissions,
    pub(crate) data: RunData,
    pub(crate) environment: Option<Arc<[(String, String)]>>,
    pub(crate) config: Option<Arc<serde_json::Value>>,
    pub(crate) secrets: Secrets,
    pub(crate) waiting: WaitingBound,
    /// Who hears of it; `None` if nothing listens.
    pub(crate) observation: Option<Arc<Observation>>,
    pub(crate) spans: Option<Rc<RunSpans>>,
    pub(crate) permits: PermitTable,
    /// It has said that it waits for a semaphore that it holds itself.
    warned_of_own_slot: Cell<bool>,
    pub(crate) regions: RefCell<Vec<RegionRecord>>,
    /// What is to be waited for when all is given back.
    exits: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    cleanups: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    /// What is to be waited for before all is given back.
    before_release: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    ending: Ending,
    unwinding: Unwinding,
    pub(crate) event_loop: EventLoop,
    writer: Writer,
    layers: Layers,
}

/// Everything that a [`Run`] is made of and that comes from outside.
pub(crate) struct RunParts {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) stash: Stash,
    /// What the stash counts for, in bytes.
    pub(crate) stash_bytes: usize,
    pub(crate) control: Arc<Control>,
    pub(crate) seat: Seat,
    pub(crate) deadline: Option<Instant>,
    pub(crate) last: Option<Instant>,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) event: Option<String>,
    pub(crate) limits: Limits,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) profiling: Option<Profiling>,
    pub(crate) depth: u32,
    pub(crate) started: Instant,
    pub(crate) clock: Clock,
    pub(crate) activity: Option<Arc<Activity>>,
    pub(crate) semaphores: Semaphores,
    pub(crate) permissions: Permissions,
    pub(crate) data: RunData,
    pub(crate) environment: Option<Arc<[(String, String)]>>,
    pub(crate) config: Option<Arc<serde_json::Value>>,
    pub(crate) secrets: Secrets,
    pub(crate) waiting: WaitingBound,
    pub(crate) observation: Option<Arc<Observation>>,
    pub(crate) spans: Option<Rc<RunSpans>>,
    pub(crate) layers: Layers,
}

impl Run {
    pub(crate) fn new(parts: RunParts) -> Rc<Self> {
        let owner = Owner::process(&*parts.name).with_run(parts.id);
        let family = Arc::clone(parts.seat.family());
        let watch = SlotWatch::of(
            parts.observation.as_ref(),
            &family,
            &parts.limits,
            parts.control.clock(),
        );
        let gauge = MemoryGauge::new(parts.seat);
        let stash_reservation = MemoryReservation::new(&gauge, parts.stash_bytes);
        Rc::new(Self {
            id: parts.id,
            name: parts.name,
            arguments: parts.arguments,
            event: parts.event,
            started: parts.started,
            clock: parts.clock.clone(),
            activity: parts.activity.clone(),
            owner,
            family,
            control: parts.control,
            time: TimeLimits::new(parts.deadline, parts.last),
            slices: Slices::default(),
            gauge: Rc::clone(&gauge),
            stack_floor: Cell::default(),
            panics: Panics::default(),
            roots: Roots::new(parts.stash, stash_reservation),
            builtins: RefCell::default(),
            semaphores: parts.semaphores,
            permissions: parts.permissions,
            data: parts.data,
            environment: parts.environment,
            config: parts.config,
            secrets: parts.secrets,
            waiting: parts.waiting,
            permits: PermitTable::new(Rc::clone(&gauge), watch),
            warned_of_own_slot: Cell::default(),
            observation: parts.observation,
            spans: parts.spans,
            regions: RefCell::default(),
            exits: RefCell::default(),
            cleanups: RefCell::default(),
            before_release: RefCell::default(),
            ending: Ending::default(),
            unwinding: Unwinding::default(),
            event_loop: EventLoop::new(gauge, parts.clock.clone(), parts.activity),
            limits: parts.limits,
            folders: parts.folders,
            trace: parts.trace,
            profiling: parts.profiling,
            depth: parts.depth,
            writer: Writer::new(parts.output),
            layers: parts.layers,
        })
    }

    /// The run's id, which semaphores show as the owner's.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The run's name, for people: the rule's file name unless the host chose another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the host passed as command line arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// What the host [gave this run along](crate::RunOptions::data), of this type. Rules do not see it.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.data.get()
    }

    /// The secrets that this run may read, and that are masked wherever text leaves it.
    pub fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The settings of this run: see [`RunOptions::config`](crate::RunOptions::config).
    pub fn config(&self) -> Option<&serde_json::Value> {
        self.config.as_deref()
    }

    /// The variables of the environment that this run sees: those that its host gave it, or else those of the process that
    /// it is permitted to see. What is hidden from rules, such as the password of a store, is masked in them.
    #[doc(hidden)]
    pub fn visible_environment(&self) -> Vec<(String, String)> {
        if let Some(given) = &self.environment {
            return given.to_vec();
        }
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            let is_permitted = self.permissions.env(&name).is_ok();
            is_permitted.then(|| {
                let value = self
                    .secrets
                    .without_hidden(value.to_string_lossy().into_owned());
                (name, value)
            })
        });
        variables.collect()
    }

    /// Whether this run sees the process's environment, all of it.
    #[doc(hidden)]
    pub fn sees_process_environment(&self) -> bool {
        self.environment.is_none() && self.permissions.is_all(Permission::Env)
    }

    /// Whether its host gave this run an environment of its own.
    #[doc(hidden)]
    pub fn has_own_environment(&self) -> bool {
        self.environment.is_some()
    }

    /// The time that this run sees: what tells the time or sleeps for a rule uses it, so that tests can move it.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Now, by the clock of the run.
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    /// When it was started, by the clock of the run.
    pub fn began(&self) -> Instant {
        self.started
    }

    /// How long ago it was started.
    pub fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.started)
    }

    /// The semaphores of the engine.
    pub fn semaphores(&self) -> &Semaphores {
        &self.semaphores
    }

    /// Who this run is to the semaphores.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What this run has taken and holds.
    pub fn permits(&self) -> &PermitTable {
        &self.permits
    }

    /// The run wanted more than it may have.
    pub(crate) fn note_limit(&self, limit: HitLimit) {
        if let Some(observation) = &self.observation {
            observation.hits(limit);
        }
    }

    /// The limits of this run.
    #[doc(hidden)]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
