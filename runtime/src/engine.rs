//! The engine: worker threads that run rules.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_semaphore::{Owner, RunId, Semaphores};
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::control::{Control, Stop};
use crate::family::Family;
use crate::handle::RunHandle;
use crate::limits::Limits;
use crate::modules::{BuiltIn, ModuleSettings};
use crate::native::{Extension, NativeModule};
use crate::options::{Origin, RunOptions};
use crate::output::ProcessOutput;
use crate::permissions::Permissions;
use crate::program::Language;
use crate::script::Script;
use crate::watch::UnresponsiveListener;
use crate::worker::{Job, Worker};

/// Runs rules, any number at once, on a few threads.
///
/// An engine is cheap to clone; all clones are the same engine. Its worker threads start when they
/// are first needed, and end when the last clone is gone and the last run is done.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = Engine::new();
/// let report = engine.run(Script::new("sum.js", "1 + 2"), RunOptions::new()).await;
/// assert_eq!(report.result.unwrap(), 3);
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<EngineSettings>,
    workers: Vec<Worker>,
    live: Arc<LiveRuns>,
}

/// What an engine was built with.
pub(crate) struct EngineSettings {
    pub(crate) limits: Limits,
    pub(crate) semaphores: Semaphores,
    pub(crate) permissions: Permissions,
    pub(crate) modules: Arc<ModuleSettings>,
    pub(crate) extensions: Vec<Arc<dyn Extension>>,
    pub(crate) unresponsive: Option<UnresponsiveListener>,
}

/// The runs that have been started and have not reported yet.
#[derive(Debug, Default)]
pub(crate) struct LiveRuns {
    runs: Mutex<HashMap<RunId, LiveRun>>,
    /// Rings when the last one has ended.
    idle: Notify,
}

#[derive(Debug)]
struct LiveRun {
    name: Arc<str>,
    control: Arc<Control>,
    started: Instant,
}

impl LiveRuns {
    fn insert(&self, id: RunId, run: LiveRun) {
        self.runs.lock().insert(id, run);
    }

    pub(crate) fn remove(&self, id: RunId) {
        let mut runs = self.runs.lock();
        runs.remove(&id);
        if runs.is_empty() {
            self.idle.notify_waiters();
        }
    }
}

/// Configures an [`Engine`].
#[must_use]
pub struct EngineBuilder {
    workers: Option<usize>,
    limits: Limits,
    semaphores: Option<Semaphores>,
    permissions: Permissions,
    modules: ModuleSettings,
    extensions: Vec<Arc<dyn Extension>>,
    unresponsive: Option<UnresponsiveListener>,
}

impl Engine {
    /// An engine with the default settings and no modules but the rule's own files.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts to configure an engine.
    pub fn builder() -> EngineBuilder {
        EngineBuilder {
            workers: None,
            limits: Limits::default(),
            semaphores: None,
            permissions: Permissions::default(),
            modules: ModuleSettings::default(),
            extensions: Vec::new(),
            unresponsive: None,
        }
    }

    /// Starts a run and returns at once.
    ///
    /// The handle is a future of the run's report, and can cancel it. Dropping the handle lets the
    /// run go on.
    pub fn run(&self, script: Script, options: RunOptions) -> RunHandle {
        let limits = options.limits.unwrap_or(self.shared.settings.limits);
        let origin = Origin {
            seat: Family::first(&limits),
            stash_bytes: 0,
            parent: None,
            depth: 0,
            deadline: None,
            last: None,
        };
        self.start(script, options, origin)
    }

    /// Starts a run for the host or another run.
    pub(crate) fn start(&self, script: Script, options: RunOptions, origin: Origin) -> RunHandle {
        let id = RunId::unique();
        let control = Arc::new(Control::default());
        let mut name = options.name.unwrap_or_else(|| Arc::from(script.name()));
        if name.len() > Owner::MAX_CHARS {
            name = Owner::shortened(name.as_ref().to_owned()).into();
        }
        let permissions = self.shared.settings.permissions.clone();
        let permissions = match &options.permissions {
            Some(less) => permissions.and(less),
            None => permissions,
        };
        let (sender, receiver) = oneshot::channel();
        let started = Instant::now();
        let live = LiveRun {
            name: Arc::clone(&name),
            control: Arc::clone(&control),
            started,
        };
        self.shared.live.insert(id, live);
        let handle = RunHandle {
            id,
            name: Arc::clone(&name),
            control: Arc::clone(&control),
            receiver,
            started,
        };
        let job = Job {
            id,
            name,
            script,
            limits: options.limits.unwrap_or(self.shared.settings.limits),
            stash: options.stash,
            wanted: options.wanted,
            arguments: options.arguments,
            output: options.output.unwrap_or_else(|| Arc::new(ProcessOutput)),
            folders: options.folders,
            permissions,
            control,
            report: sender,
            settings: Arc::clone(&self.shared.settings),
            live: Arc::clone(&self.shared.live),
            event: options.event,
            detached: options.detached,
            trace: options.trace,
            origin,
            engine: self.clone(),
        };
        // The least busy worker, so that a few long CPU-bound rules do not gather on one thread; one whose run does not
        // answer comes last.
        let worker = self
            .shared
            .workers
            .iter()
            .min_by_key(|worker| (worker.is_stuck(), worker.is_spare(), worker.load()));
        if let Some(worker) = worker {
            worker.send(job);
        }
        handle
    }

    /// The engine's semaphores.
    pub fn semaphores(&self) -> &Semaphores {
        &self.shared.settings.semaphores
    }

    /// What rules of this engine may reach outside of it.
    pub fn permissions(&self) -> &Permissions {
        &self.shared.settings.permissions
    }

    /// The ids and names of the runs that have not reported yet, oldest first.
    pub fn runs(&self) -> Vec<(RunId, Arc<str>)> {
        let live = self.shared.live.runs.lock();
        let mut runs: Vec<_> = live
            .iter()
            .map(|(id, run)| (run.started, *id, Arc::clone(&run.name)))
            .collect();
        runs.sort_by_key(|(started, _, _)| *started);
        runs.into_iter().map(|(_, id, name)| (id, name)).collect()
    }

    /// Cancels a run by its id; `false` if it is not running (any more).
    pub fn cancel(&self, id: RunId) -> bool {
        let live = self.shared.live.runs.lock();
        let run = live.get(&id);
        if let Some(run) = run {
            run.control.stop(Stop::Cancelled);
        }
        run.is_some()
    }

    /// Waits until no run is left, those included that other runs started and did not wait for.
    pub async fn idle(&self) {
        loop {
            let idle = self.shared.live.idle.notified();
            if self.shared.live.runs.lock().is_empty() {
                return;
            }
            idle.await;
        }
    }

    /// Cancels every run.
    pub fn cancel_all(&self) {
        for run in self.shared.live.runs.lock().values() {
            run.control.stop(Stop::Cancelled);
        }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("workers", &(self.shared.workers.len() / 2))
            .field("runs", &self.runs().len())
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// How many threads run rules (default: one per processor; at least 1).
    ///
    /// Blocked rules need no thread, so more than processors makes nothing faster.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count.max(1));
        self
    }

    /// The limits of runs that set none of their own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The semaphores that rules share (default: a memory store of this engine's own).
    pub fn semaphores(mut self, semaphores: Semaphores) -> Self {
        self.semaphores = Some(semaphores);
        self
    }

    /// What rules may reach outside of the engine (default: [`Permissions::default`], which is to take semaphores and nothing
    /// else).
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = permissions;
        self
    }

    /// Adds a built-in module; one of the same name replaces the earlier one.
    pub fn module(mut self, module: impl NativeModule) -> Self {
        self.modules.add(BuiltIn::Native(Arc::new(module)));
        self
    }

    /// Adds a built-in module that is itself written in TypeScript or JavaScript; one of the same name replaces the
    /// earlier one.
    ///
    /// The text is an ECMAScript module. It can import other built-in modules by their names, and no files. It is
    /// compiled when a run first imports it, once for the whole engine; that import fails if the module is wrong.
    /// Stack traces show its places as `name:line:column`, while an error's own place is where the rule called it.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::builder()
    ///     .source_module("app/prices", "export const gross = (net: number): number => net * 1.25;")
    ///     .alias("@app/prices", "app/prices")
    ///     .build();
    /// let script = Script::new("rule.mjs", "import { gross } from '@app/prices'; export default gross(8)");
    /// let report = engine.run(script, RunOptions::new()).await;
    /// assert_eq!(report.result.unwrap(), 10);
    /// # }
    /// ```
    pub fn source_module(mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (name.into(), text.into());
        self.modules.add(BuiltIn::Source { name, text });
        self
    }

    /// Gives the built-in module `to` another name, by which it can be imported as well.
    ///
    /// An alias of the same name replaces the earlier one. A module whose own name is `from` comes first; an alias
    /// of something that is no module's own name means nothing. Errors that list modules leave aliases out.
    pub fn alias(mut self, from: impl Into<String>, to: impl Into<String>) -> Self {
        self.modules.aliases.insert(from.into(), to.into());
        self
    }

    /// Forgets every alias that was added so far, such as those of the standard library.
    pub fn without_aliases(mut self) -> Self {
        self.modules.aliases.clear();
        self
    }

    /// Adds globals.
    pub fn extension(mut self, extension: impl Extension) -> Self {
        self.extensions.push(Arc::new(extension));
        self
    }

    /// Lets every rule import files below `folder`, besides those below its own.
    ///
    /// A folder that does not exist allows nothing.
    pub fn allow_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        if let Ok(folder) = folder.into().canonicalize() {
            self.modules.folders.push(folder);
        }
        self
    }

    /// Adds a language for rules, in place of those that have one of its extensions.
    #[doc(hidden)]
    pub fn language(mut self, language: Arc<dyn Language>) -> Self {
        let extensions = language.extensions();
        self.modules.languages.retain(|other| {
            let mut others = other.extensions().iter();
            !others.any(|extension| extensions.contains(extension))
        });
        self.modules.languages.push(language);
        self
    }

    /// Calls `listener` when a run keeps its worker thread inside one built-in function for longer than a tenth of a
    /// second, so that the other runs of that thread stand still.
    ///
    /// The engine starts no new run on that thread meanwhile. When such a run is past its time limit or is cancelled,
    /// it gets one second; then its report is sent and what it holds is given up, although its thread still computes.
    /// The listener is called once for each such stay, on a thread of the engine's own, and must return at once.
    pub fn on_unresponsive(
        mut self,
        listener: impl Fn(&UnresponsiveRun) + Send + Sync + 'static,
    ) -> Self {
        self.unresponsive = Some(Arc::new(listener));
        self
    }

    /// Applies a function to the builder: how crates such as the standard library add all of theirs.
    ///
    /// ```
    /// use cla_runtime::{Engine, EngineBuilder};
    ///
    /// fn two_workers(builder: EngineBuilder) -> EngineBuilder {
    ///     builder.workers(2)
    /// }
    /// let engine = Engine::builder().with(two_workers).build();
    /// ```
    pub fn with(self, configure: impl FnOnce(Self) -> Self) -> Self {
        configure(self)
    }

    /// Makes the engine.
    pub fn build(self) -> Engine {
        let settings = EngineSettings {
            limits: self.limits,
            semaphores: self.semaphores.unwrap_or_else(Semaphores::memory),
            permissions: self.permissions,
            modules: Arc::new(self.modules),
            extensions: self.extensions,
            unresponsive: self.unresponsive,
        };
        let count = self.workers.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        // For each worker there is a spare one, which is only started while all others are stuck.
        let workers = (0..2 * count).map(|index| Worker::new(index, index >= count));
        let workers = workers.collect();
        Engine {
            shared: Arc::new(Shared {
                settings: Arc::new(settings),
                workers,
                live: Arc::default(),
            }),
        }
    }
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("workers", &self.workers)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A run that keeps its worker thread inside one built-in function; see [`EngineBuilder::on_unresponsive`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnresponsiveRun {
    /// The run's id.
    pub id: RunId,
    /// The run's name.
    pub name: Arc<str>,
    /// How long it has not answered so far.
    pub silent: Duration,
}
