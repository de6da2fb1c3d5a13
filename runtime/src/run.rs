//! A run from the inside: what host functions reach while a rule executes.
//!
//! [`Run`] is the sum of its parts, each in a file of its own: until when it may go on ([`time`]), how it takes turns
//! with others ([`slices`]) and waits ([`blocking`]), its memory ([`memory`]), its slots ([`permits`]), the values that Rust
//! holds for it ([`roots`]), what it may ([`permitted`]), panics of the host ([`panics`]), its output ([`writer`]), and the runs that it starts
//! ([`spawning`]).

mod blocking;
mod memory;
mod panics;
mod permits;
mod permitted;
mod roots;
mod slices;
mod spawning;
mod time;
mod writer;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use cla_semaphore::{Owner, RunId, Semaphores};
use futures_util::future::LocalBoxFuture;
use rquickjs::{Ctx, Exception, Object};

pub use self::memory::MemoryReservation;
use self::panics::Panics;
pub use self::panics::contain_panic;
use self::roots::Roots;
pub use self::roots::{Rooted, run_of, state_of};
use self::slices::Slices;
pub(crate) use self::slices::slice;
pub(crate) use self::spawning::Spawner;
pub(crate) use self::time::TimeLimits;
use self::writer::Writer;
use crate::control::Control;
use crate::error::{Location, RuleError};
use crate::event_loop::EventLoop;
use crate::family::{Family, Seat};
use crate::limits::Limits;
use crate::modules::ModuleCache;
use crate::output::Output;
use crate::permissions::Permissions;
use crate::permit_table::PermitTable;
use crate::sys::memory::MemoryGauge;
use crate::trace::RegionRecord;
use crate::value::Stash;

/// A run, as host functions see it.
///
/// Extensions and native modules get it when they are installed into a run and keep a clone of the
/// [`Rc`] in their functions. It stays on the run's thread.
pub struct Run {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) event: Option<String>,
    pub(crate) started: Instant,
    pub(crate) owner: Owner,
    pub(crate) family: Arc<Family>,
    pub(crate) control: Arc<Control>,
    pub(crate) time: TimeLimits,
    slices: Slices,
    pub(crate) gauge: Rc<MemoryGauge>,
    /// Below this address of its stack, no more calls of the interpreter's should nest.
    stack_floor: Cell<usize>,
    panics: Panics,
    roots: Roots,
    /// Our own functions in place of the interpreter's; see [`builtins`](crate::builtins).
    pub(crate) builtins: RefCell<Option<Rooted<Object<'static>>>>,
    pub(crate) semaphores: Semaphores,
    permissions: Permissions,
    pub(crate) permits: PermitTable,
    pub(crate) regions: RefCell<Vec<RegionRecord>>,
    /// What is to be waited for when all is given back.
    exits: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    pub(crate) event_loop: EventLoop,
    pub(crate) modules: ModuleCache,
    writer: Writer,
    spawner: Spawner,
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
    pub(crate) spawner: Spawner,
    pub(crate) started: Instant,
    pub(crate) semaphores: Semaphores,
    pub(crate) permissions: Permissions,
    pub(crate) modules: ModuleCache,
}

impl Run {
    pub(crate) fn new(parts: RunParts) -> Rc<Self> {
        let owner = Owner::process(&*parts.name).with_run(parts.id);
        let family = Arc::clone(parts.seat.family());
        let gauge = MemoryGauge::new(parts.seat);
        let stash_reservation = MemoryReservation::new(&gauge, parts.stash_bytes);
        Rc::new(Self {
            id: parts.id,
            name: parts.name,
            arguments: parts.arguments,
            event: parts.event,
            started: parts.started,
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
            permits: PermitTable::new(Rc::clone(&gauge)),
            regions: RefCell::default(),
            exits: RefCell::default(),
            event_loop: EventLoop::new(gauge),
            modules: parts.modules,
            writer: Writer::new(parts.output),
            spawner: parts.spawner,
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

    /// The modules that this run can import.
    #[doc(hidden)]
    pub fn modules(&self) -> &ModuleCache {
        &self.modules
    }

    /// The limits of this run.
    #[doc(hidden)]
    pub fn limits(&self) -> &Limits {
        &self.spawner.limits
    }

    /// The folder of the rule that was started; `None` if it is a text that has none.
    pub fn folder(&self) -> Option<PathBuf> {
        self.modules.folder()
    }

    /// Where the rule's code, which calls the host function that is being executed, stands.
    pub fn caller(&self, ctx: &Ctx<'_>) -> Option<Location> {
        let here = Exception::from_message(ctx.clone(), "").ok()?;
        RuleError::from_js(ctx, here.as_value(), &self.modules).location
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
