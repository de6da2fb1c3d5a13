//! The engine: worker threads that run rules.

use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cla_semaphore::{Owner, RunId, SemaphoreName, Semaphores};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, oneshot};

use crate::control::{Control, Stop};
use crate::error::RuleError;
use crate::family::{Family, Room, Seat};
use crate::limits::Limits;
use crate::modules::{BuiltIn, ModuleSettings};
use crate::native::{Extension, NativeModule};
use crate::output::{Output, ProcessOutput};
use crate::program::Language;
use crate::script::Script;
use crate::trace::{RegionRecord, Trace};
use crate::value::{RuleValue, Stash, Wanted};
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

/// How one run differs from the others.
#[derive(Clone, Default)]
#[must_use]
pub struct RunOptions {
    name: Option<Arc<str>>,
    limits: Option<Limits>,
    stash: Stash,
    wanted: Wanted,
    arguments: Vec<String>,
    output: Option<Arc<dyn Output>>,
    folders: Vec<PathBuf>,
    event: Option<String>,
    detached: bool,
    trace: Option<Arc<Trace>>,
}

/// Where a run comes from, and what it shares with those above it.
pub(crate) struct Origin {
    pub(crate) seat: Seat,
    /// What the stash counts for, in bytes.
    pub(crate) stash_bytes: usize,
    /// The run that starts it.
    pub(crate) parent: Option<RunId>,
    /// How many runs are above it.
    pub(crate) depth: u32,
    /// When the run that starts it is out of time.
    pub(crate) deadline: Option<Instant>,
    /// When that must have ended, with what must happen in the end.
    pub(crate) last: Option<Instant>,
}

impl RunOptions {
    /// The defaults: the script's own name, the engine's limits, an empty stash, the process's
    /// standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// The run's name, for people: it is shown as the owner of what the run takes. Of one that has more than 256 characters,
    /// the start and the end are kept.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Limits of this run, instead of the engine's.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Data for the rule: a JSON object. A default export that is a function gets it as its
    /// argument. Anything but an object counts as an empty one.
    pub fn stash(mut self, stash: serde_json::Value) -> Self {
        self.stash = Stash::Json(stash);
        self
    }

    /// Data for the rule, with what JSON does not know, such as bytes; as [`RunOptions::stash`] otherwise.
    pub fn stash_value(mut self, stash: RuleValue) -> Self {
        self.stash = Stash::Value(stash);
        self
    }

    /// What is wanted of what the rule returns (default: [`Wanted::Json`]).
    ///
    /// A caller that does not look at it says [`Wanted::Nothing`]: then it is not converted, which takes time and memory
    /// and can fail.
    pub fn wanted(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Command line arguments for the rule.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments = arguments.into_iter().collect();
        self
    }

    /// Where the rule's output goes (default: [`ProcessOutput`]).
    pub fn output(mut self, output: Arc<dyn Output>) -> Self {
        self.output = Some(output);
        self
    }

    /// Runs the rule for this event. A JavaScript rule runs as always, but must export the event in `on`, or else the run
    /// fails; what other languages do is up to them. The stash is the event's data.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Adds what the run, and all that it forks, waits for and holds to a trace.
    pub fn trace(mut self, trace: Arc<Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// About how many bytes the stash takes.
    pub(crate) fn stash_bytes(&self) -> usize {
        match &self.stash {
            Stash::Json(json) => json_bytes(json),
            Stash::Value(value) => value.weight(),
        }
    }

    /// The report is not looked at.
    pub(crate) fn detached(mut self, detached: bool) -> Self {
        self.detached = detached;
        self
    }

    /// Lets this run import files below `folder`, besides those below the rule's own.
    pub fn allow_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        if let Ok(folder) = folder.into().canonicalize() {
            self.folders.push(folder);
        }
        self
    }
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .field("stash", &self.stash)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A report that is on its way, and the room that its value takes until it is looked at.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) report: RunReport,
    #[expect(dead_code, reason = "its end is what it is for")]
    pub(crate) room: Option<Room>,
}

/// About how many bytes a JSON value takes in memory.
pub(crate) fn json_bytes(value: &serde_json::Value) -> usize {
    /// A key of a map with its place in a node of the tree.
    const KEY: usize = 64;
    let mut bytes = 0;
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        bytes += size_of::<serde_json::Value>();
        match value {
            serde_json::Value::String(text) => bytes += text.capacity(),
            serde_json::Value::Array(items) => left.extend(items),
            serde_json::Value::Object(map) => {
                bytes += map.keys().map(|key| key.len() + KEY).sum::<usize>();
                left.extend(map.values());
            }
            _ => {}
        }
    }
    bytes
}

/// A run that was started: a future of its [`RunReport`].
#[derive(Debug)]
#[must_use = "dropping the handle lets the run go on; await it to see how it ends"]
pub struct RunHandle {
    id: RunId,
    name: Arc<str>,
    control: Arc<Control>,
    receiver: oneshot::Receiver<Sent>,
    started: Instant,
}

impl RunHandle {
    /// The run's id, as semaphores show it.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The run's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Stops the run: a blocking call in it fails at once, running code within a few milliseconds,
    /// and nothing in the rule can catch it. The report follows when everything it held is free.
    pub fn cancel(&self) {
        self.control.stop(Stop::Cancelled);
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Something that can cancel the run after the handle has been given away or awaited.
    pub fn canceller(&self) -> RunCanceller {
        RunCanceller(Arc::clone(&self.control))
    }

    /// Waits for the report on a plain thread.
    ///
    /// # Panics
    ///
    /// Inside an async runtime, where blocking would stall it; await the handle there.
    pub fn wait(self) -> RunReport {
        let (id, name, started) = (self.id, self.name, self.started);
        self.receiver.blocking_recv().map_or_else(
            |_| RunReport::lost(id, &name, started, RunReport::THREAD_ENDED),
            |sent| sent.report,
        )
    }
}

impl Future for RunHandle {
    type Output = RunReport;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RunReport> {
        Pin::new(&mut self.receiver).poll(cx).map(|sent| {
            sent.map_or_else(
                |_| RunReport::lost(self.id, &self.name, self.started, RunReport::THREAD_ENDED),
                |sent| sent.report,
            )
        })
    }
}

impl RunCanceller {
    /// As [`RunCanceller::cancel`], by a run that is stopped itself: what must happen in the end has until then.
    #[doc(hidden)]
    pub fn cancel_within(&self, until: Option<Instant>) {
        self.0.stop_within(Stop::Cancelled, until);
    }
}

/// Cancels a run; see [`RunHandle::canceller`].
#[derive(Clone, Debug)]
pub struct RunCanceller(Arc<Control>);

impl RunCanceller {
    /// See [`RunHandle::cancel`].
    pub fn cancel(&self) {
        self.0.stop(Stop::Cancelled);
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

/// How a run ended.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// The run's id.
    pub id: RunId,
    /// The run's name.
    pub name: String,
    /// What the rule returned, as JSON, or why it failed. `null` if the caller [wanted](RunOptions::wanted) it in another
    /// form or not at all.
    ///
    /// What becomes of each JavaScript value is in the table of [`RuleValue`]. A value that is no data, such as one that
    /// contains itself, is a failure of the run: an error of the kind [`Exception`](crate::ErrorKind::Exception) whose
    /// message names the path to it. One that does not fit the run's memory limit has the kind
    /// [`OutOfMemory`](crate::ErrorKind::OutOfMemory).
    pub result: Result<serde_json::Value, RuleError>,
    /// What the rule returned, with what JSON does not know, if the caller [wanted](RunOptions::wanted) it in this form.
    pub value: RuleValue,
    /// Time spent waiting for semaphores.
    pub waited: Duration,
    /// Time from start to end, without `waited`.
    pub ran: Duration,
    /// What it took, by semaphore, in alphabetical order: of more than about a thousand, the last.
    pub semaphores: Vec<TakenSemaphore>,
    /// The semaphored regions it was in, in the order in which it left them: of more than 10,000, the first. What scripts
    /// take with `sem.take` is among them only if the run is traced, and in `semaphores` always.
    pub regions: Vec<RegionRecord>,
    /// What it took of semaphores that are not listed because there were too many.
    pub others: OtherSemaphores,
    /// The most memory that the run took at once, in bytes: its values, and what was kept for it. If it started others,
    /// theirs is part of it; it is then known to an eighth.
    pub peak_memory: usize,
}

/// What a run took of one semaphore.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct TakenSemaphore {
    /// The semaphore.
    pub name: SemaphoreName,
    /// How many times a slot was taken.
    pub taken: u64,
    /// Time spent waiting for a slot, summed.
    #[serde(serialize_with = "seconds")]
    pub waited: Duration,
    /// Time that a slot was held, summed.
    #[serde(serialize_with = "seconds")]
    pub held: Duration,
}

/// What a run took of semaphores that its report does not list.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct OtherSemaphores {
    /// How many there were; one that was used again after a while counts again.
    pub count: u64,
    /// How many times a slot was taken.
    pub taken: u64,
    /// Time spent waiting for a slot, summed.
    #[serde(serialize_with = "seconds")]
    pub waited: Duration,
    /// Time that a slot was held, summed.
    #[serde(serialize_with = "seconds")]
    pub held: Duration,
}

fn seconds<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

impl RunReport {
    /// Whether the rule did not fail.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// Why there is no other report.
    pub(crate) const THREAD_ENDED: &'static str = "the run's worker thread ended";

    /// The report of a run that never began, or whose worker thread is gone.
    pub(crate) fn lost(id: RunId, name: &str, started: Instant, why: &str) -> Self {
        Self::without_facts(id, name, started, Err(RuleError::internal(why)))
    }

    /// The report of a run of which nothing more is known.
    pub(crate) fn without_facts(
        id: RunId,
        name: &str,
        started: Instant,
        result: Result<serde_json::Value, RuleError>,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            result,
            value: RuleValue::Null,
            waited: Duration::ZERO,
            ran: started.elapsed(),
            semaphores: Vec::new(),
            regions: Vec::new(),
            others: OtherSemaphores::default(),
            peak_memory: 0,
        }
    }
}
