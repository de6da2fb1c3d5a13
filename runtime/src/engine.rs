//! The engine: worker threads that run rules.

mod admission;
mod declarations;
mod inspect;
mod live_runs;
mod settings;
mod spawning;
mod start_order;
mod watch;
mod worker;

use std::any::Any;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use cla_semaphore::{Owner, RunId, Semaphores};
use futures_util::future::{Either, select};
use tokio::sync::oneshot;

use self::admission::Admission;
pub use self::admission::WhenFull;
pub use self::live_runs::RunInfo;
use self::live_runs::{LiveRun, LiveRuns};
use self::settings::EngineSettings;
use self::watch::UnresponsiveListener;
pub use self::watch::UnresponsiveRun;
use self::worker::{Job, Worker};
use crate::clock::{Clock, HostWait, Seat};
use crate::config::overlaid;
use crate::control::Control;
use crate::error::RuleError;
use crate::family::Family;
use crate::forked::HomeProcess;
use crate::handle::{RunHandle, Sent};
use crate::limits::Limits;
pub use crate::live_facts::LiveRegion;
use crate::modules::{BuiltIn, ModuleLoader, ModuleSettings};
use crate::native::{Extension, NativeModule};
use crate::observe::{EngineEvent, EventListener, Observation, ObservedRun};
use crate::options::{Origin, RunOptions};
use crate::output::ProcessOutput;
use crate::permissions::Permissions;
use crate::program::Language;
use crate::report::RunReport;
use crate::run_span::{RunSpan, within};
use crate::script::Script;
use crate::waiting::WaitingBound;

/// Why an engine whose semaphores do not follow its test clock runs nothing.
const UNFIT_STORE: &str = "the engine has a test clock, which its semaphores do not follow: stores that processes share \
    have the time of their machine; leave the semaphores out, or give it those of TestClock::semaphores()";

/// Runs rules, any number at once, on a few threads.
///
/// An engine is cheap to clone; all clones are the same engine. Its worker threads start when they
/// are first needed, and end when the last clone is gone and the last run is done.
///
/// Threads do not survive `fork()`, so an engine cannot be used in a child process of the one in which it was made: there,
/// each run fails at once, with an error of the kind [`Refused`](crate::error::ErrorKind::Refused) that says so, and no run
/// of the parent's is waited for. A process that forks makes its engines in the children, and runs no rule before.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let engine = Engine::new();
/// let report = engine.run(Script::javascript("sum", "1 + 2"), RunOptions::new()).await;
/// assert_eq!(report.result.unwrap(), 3);
/// # }
/// ```
#[derive(Clone)]
pub struct Engine {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<EngineSettings>,
    workers: Arc<[Worker]>,
    live: Arc<LiveRuns>,
    home: HomeProcess,
}

/// Configures an [`Engine`].
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::{Engine, Limits, Permissions};
/// use cla_runtime::engine::WhenFull;
///
/// let engine = Engine::builder()
///     .workers(1)
///     .limits(Limits::default().timeout(Duration::from_secs(10)))
///     .max_runs(100, WhenFull::Wait)
///     .permissions(Permissions::none())
///     .build();
/// assert!(engine.runs().is_empty());
/// ```
#[must_use]
pub struct EngineBuilder {
    workers: Option<usize>,
    workers_of: Option<Arc<[Worker]>>,
    limits: Limits,
    clock: Clock,
    semaphores: Option<Semaphores>,
    permissions: Permissions,
    environment: Option<Arc<[(String, String)]>>,
    config: Option<Arc<serde_json::Value>>,
    admission: Admission,
    waiting: WaitingBound,
    modules: ModuleSettings,
    extensions: Vec<Arc<dyn Extension>>,
    unresponsive: Option<UnresponsiveListener>,
    events: Option<EventListener>,
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
            workers_of: None,
            limits: Limits::default(),
            clock: Clock::system(),
            semaphores: None,
            permissions: Permissions::default(),
            environment: None,
            config: None,
            admission: Admission::default(),
            waiting: WaitingBound::default(),
            modules: ModuleSettings::default(),
            extensions: Vec::new(),
            unresponsive: None,
            events: None,
        }
    }

    /// Starts a run and returns at once.
    ///
    /// The handle is a future of the run's report, and can cancel it. Dropping the handle lets the
    /// run go on.
    ///
    /// With a [test clock](crate::clock) it returns when the run waits for the first time.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::new();
    /// let twice = "export default (stash) => 2 * stash.n";
    /// let options = RunOptions::new().stash(serde_json::json!({"n": 21}));
    /// // An async program awaits the handle; a plain thread waits.
    /// let report = engine.run(Script::javascript("twice", twice), options).wait();
    /// assert_eq!(report.result.unwrap(), 42);
    /// ```
    pub fn run(&self, script: Script, options: RunOptions) -> RunHandle {
        // With a test clock, what was set off before this goes on first, and the run until it waits: so the host and its runs
        // never race.
        self.clock().rest();
        let limits = options.limits.unwrap_or(self.shared.settings.limits);
        let seat = Family::first_waited_for(&limits, Arc::clone(&options.waited_for_by));
        let handle = self.start(script, options, Origin::of_host(seat));
        self.clock().rest();
        handle
    }

    /// Starts a run for the host or another run.
    pub(crate) fn start(&self, script: Script, options: RunOptions, origin: Origin) -> RunHandle {
        let id = RunId::unique();
        let settings = &self.shared.settings;
        let clock = &settings.clock;
        let grace = options.limits.unwrap_or(settings.limits).grace;
        let control = Arc::new(Control::new(clock, grace));
        let mut name = options.name.unwrap_or_else(|| Arc::from(script.name()));
        if name.len() > Owner::MAX_CHARS {
            name = Owner::shortened(name.as_ref().to_owned()).into();
        }
        // Before any lock, which a thread that is not here may hold.
        if let Some(problem) = self.shared.home.problem() {
            let error = Err(RuleError::forked(problem));
            let report = RunReport::without_facts(id, &name, Duration::ZERO, error);
            let (sender, receiver) = oneshot::channel();
            let host = HostWait::default();
            let handle = RunHandle::new((id, name), control, receiver, clock.now(), host);
            // The handle is here, so it gets the report.
            let _ = sender.send(Sent { report, room: None });
            return handle;
        }
        let permissions = self.shared.settings.permissions.clone();
        let permissions = match &options.permissions {
            Some(less) => permissions.and(less),
            None => permissions,
        };
        let span = match origin.inspects {
            false => RunSpan::begin(id, &name, script.name(), &options.data),
            true => None,
        };
        let listener = self.shared.settings.events.as_ref();
        let observation = match &span {
            None if listener.is_none() || origin.inspects => None,
            _ => {
                let run = ObservedRun {
                    id,
                    name: Arc::clone(&name),
                    parent: origin.parent,
                    data: options.data.clone(),
                };
                Observation::of(run, listener.cloned(), span.is_some())
            }
        };
        let (sender, receiver) = oneshot::channel();
        let started = clock.now();
        if let Some(trace) = &options.trace {
            trace.follow(clock);
        }
        let live = LiveRun {
            name: Arc::clone(&name),
            data: options.data.clone(),
            control: Arc::clone(&control),
            started,
        };
        // A run that waits for another one is seen by the clock itself.
        let host = match origin.parent {
            None => HostWait::new(clock),
            Some(_) => HostWait::default(),
        };
        let handle = RunHandle::new(
            (id, Arc::clone(&name)),
            Arc::clone(&control),
            receiver,
            started,
            host,
        );
        let refused = if settings.unfit_store {
            Err(RuleError::refused(UNFIT_STORE))
        } else {
            let live = self.shared.live.insert(id, live, &origin);
            live.map_err(|_| RuleError::engine_closed())
        };
        if let Err(error) = refused {
            let report = RunReport::without_facts(id, &name, Duration::ZERO, Err(error));
            if let Some(observation) = observation {
                within(span.as_ref(), || observation.refused(&report));
            }
            // The handle is here, so it gets the report.
            let _ = sender.send(Sent { report, room: None });
            return handle;
        }
        // What another run starts has the place of that one.
        let entering = match origin.parent {
            None if !origin.inspects => self.shared.settings.admission.join(&options.data),
            _ => None,
        };
        let seat = Seat::new(clock);
        // What another run starts has the settings of that one.
        let config = match (origin.parent, &settings.config, options.config) {
            (Some(_), _, config) | (None, None, config) => config,
            (None, engine, None) => engine.clone(),
            (None, engine, Some(config)) => overlaid(engine.as_ref(), Arc::unwrap_or_clone(config)),
        };
        let job = Job {
            activity: seat.as_ref().map(|seat| Arc::clone(seat.activity())),
            seat,
            id,
            entering,
            name,
            script,
            limits: options.limits.unwrap_or(self.shared.settings.limits),
            stash: options.stash,
            wanted: options.wanted,
            arguments: options.arguments,
            output: options.output.unwrap_or_else(|| Arc::new(ProcessOutput)),
            folders: options.folders,
            permissions,
            data: options.data,
            secrets: options.secrets,
            environment: options
                .environment
                .or_else(|| self.shared.settings.environment.clone()),
            config,
            control,
            report: sender,
            settings: Arc::clone(&self.shared.settings),
            live: Arc::clone(&self.shared.live),
            event: options.event,
            detached: options.detached,
            trace: options.trace,
            profile: options.profile,
            origin,
            engine: self.clone(),
            span,
            observation,
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

    /// The time that rules of this engine see.
    pub fn clock(&self) -> &Clock {
        &self.shared.settings.clock
    }

    /// What rules of this engine may reach outside of it.
    pub fn permissions(&self) -> &Permissions {
        &self.shared.settings.permissions
    }

    /// The ids and names of the runs that have not reported yet, oldest first.
    pub fn runs(&self) -> Vec<(RunId, Arc<str>)> {
        if self.shared.home.is_elsewhere() {
            return Vec::new();
        }
        self.shared.live.names()
    }

    /// The runs that have not reported yet, oldest first, with what their host gave them along, the regions that they are in
    /// and their memory.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::new();
    /// let rule = "export const semaphore = 'db'; export default () => { for (;;); }";
    /// let run = engine.run(Script::javascript("rule", rule), RunOptions::new());
    /// while engine.live_runs()[0].regions.is_empty() {
    ///     tokio::task::yield_now().await;
    /// }
    /// assert_eq!(engine.live_runs()[0].regions[0].semaphore.as_str(), "db");
    /// run.cancel();
    /// # }
    /// ```
    pub fn live_runs(&self) -> Vec<RunInfo> {
        if self.shared.home.is_elsewhere() {
            return Vec::new();
        }
        self.shared.live.list(self.clock().now())
    }

    /// Cancels a run by its id; `false` if it is not running (any more).
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::new();
    /// let run = engine.run(Script::javascript("for ever", "while (true) {}"), RunOptions::new());
    /// let (id, name) = engine.runs().remove(0);
    /// assert_eq!((id, &*name), (run.id(), "for ever"));
    /// assert!(engine.cancel(id));
    /// assert_eq!(run.wait().status(), "cancelled");
    /// assert!(!engine.cancel(id), "it runs no more");
    /// ```
    pub fn cancel(&self, id: RunId) -> bool {
        self.shared.live.cancel(id)
    }

    /// Waits until no run is left, those included that other runs started and did not wait for.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::new();
    /// drop(engine.run(Script::javascript("sum", "1 + 2"), RunOptions::new()));
    /// engine.idle().await;
    /// assert!(engine.runs().is_empty());
    /// # }
    /// ```
    pub async fn idle(&self) {
        if self.shared.home.is_elsewhere() {
            return;
        }
        let idle = self.shared.live.idle();
        HostWait::new(self.clock()).wait(idle).await;
    }

    /// Shuts the engine down: starts no more runs, waits up to `grace` for those that go on, cancels the others, and waits
    /// until they have ended and what they held is free. Says how many it had to cancel; 0 is a clean end.
    ///
    /// A run that is asked for meanwhile is not started: its report says so, as an error of the kind
    /// [`Cancelled`](crate::error::ErrorKind::Cancelled). Runs may start others until they are cancelled. Cancelled runs have ten
    /// seconds for what must happen in the end (`finally`), so this takes some seconds longer than `grace` at most.
    ///
    /// With a [test clock](crate::clock), all of this time is the clock's. It needs no runtime of tokio's. When the future is dropped, the engine stays closed and the runs go on.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::new();
    /// let quick = engine.run(Script::javascript("quick", "1 + 2"), RunOptions::new());
    /// let endless = engine.run(Script::javascript("endless", "while (true) {}"), RunOptions::new());
    /// let cancelled = engine.shutdown(Duration::from_millis(200)).await;
    /// assert_eq!(cancelled, 1);
    /// assert!(quick.await.is_ok() && !endless.await.is_ok());
    /// let late = engine.run(Script::javascript("late", "1"), RunOptions::new()).await;
    /// assert_eq!(late.status(), "cancelled");
    /// # }
    /// ```
    pub async fn shutdown(&self, grace: Duration) -> usize {
        if self.shared.home.is_elsewhere() {
            return 0;
        }
        let live = &self.shared.live;
        live.close();
        if self.clock().as_test().is_some() {
            let ended = pin!(live.idle());
            let grace = pin!(self.clock().sleep(grace));
            let host = HostWait::new(self.clock());
            if let Either::Right(((), ended)) = host.wait(select(ended, grace)).await {
                live.end();
                HostWait::new(self.clock()).wait(ended).await;
            }
            return live.cancelled();
        }
        // Dropped when this is over, which ends the thread that waits for the grace's end.
        let _over = end_after(live, grace);
        live.idle().await;
        live.cancelled()
    }

    /// Cancels every run.
    pub fn cancel_all(&self) {
        self.shared.live.cancel_all();
    }
}

/// Cancels what goes on after `grace`, unless the result is dropped before. The host may have no timers, so a thread waits.
fn end_after(live: &Arc<LiveRuns>, grace: Duration) -> Option<mpsc::Sender<()>> {
    let (over, is_over) = mpsc::channel();
    let waiting = Arc::clone(live);
    let started = std::thread::Builder::new()
        .name("cla-shutdown".to_owned())
        .spawn(move || {
            if is_over.recv_timeout(grace) == Err(mpsc::RecvTimeoutError::Timeout) {
                waiting.end();
            }
        });
    match started {
        Ok(_) => Some(over),
        // Without a thread there is no grace, but an end.
        Err(_) => {
            live.end();
            None
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
    /// How many threads run rules (default: one per processor; one with a [test clock](crate::clock); at least 1).
    ///
    /// Blocked rules need no thread, so more than processors makes nothing faster.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count.max(1));
        self
    }

    /// Runs rules on the threads of another engine, so that an engine for each tenant costs no threads. The threads end when
    /// no engine uses them any more. [`EngineBuilder::workers`] then means nothing.
    ///
    /// ```
    /// use cla_runtime::{Engine, Permissions, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::builder().workers(2).build();
    /// let tenant = Engine::builder().workers_of(&engine).permissions(Permissions::none()).build();
    /// drop(engine);
    /// let report = tenant.run(Script::javascript("rule", "1 + 2"), RunOptions::new()).await;
    /// assert_eq!(report.result.unwrap(), 3);
    /// # }
    /// ```
    pub fn workers_of(mut self, engine: &Engine) -> Self {
        self.workers_of = Some(Arc::clone(&engine.shared.workers));
        self
    }

    /// The limits of runs that set none of their own.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The time that rules see (default: that of the machine): for tests, in which an hour passes in a millisecond. The module
    /// [`clock`](crate::clock) says what follows it.
    ///
    /// With a [`TestClock`](crate::clock::TestClock), semaphores that are given to the engine must be
    /// [of this clock](crate::clock::TestClock::semaphores): a run of any others is refused.
    ///
    /// ```
    /// use cla_runtime::clock::TestClock;
    /// use cla_runtime::error::ErrorKind;
    /// use cla_runtime::semaphore::Semaphores;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let clock = TestClock::auto();
    /// let engine = Engine::builder().clock(&clock).build();
    /// let rule = Script::javascript("rule", "new Date().toISOString()");
    /// assert_eq!(engine.run(rule.clone(), RunOptions::new()).wait().result.unwrap(), "2000-01-01T00:00:00.000Z");
    ///
    /// let others = Engine::builder().clock(&clock).semaphores(Semaphores::memory()).build();
    /// let error = others.run(rule, RunOptions::new()).wait().result.unwrap_err();
    /// assert_eq!(error.kind, ErrorKind::Refused);
    /// ```
    pub fn clock(mut self, clock: impl Into<Clock>) -> Self {
        self.clock = clock.into();
        self
    }

    /// The semaphores that rules share (default: a memory store of this engine's own).
    ///
    /// ```
    /// use cla_runtime::semaphore::Semaphores;
    /// use cla_runtime::trace::RegionOutcome;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let semaphores = Semaphores::memory();
    /// let engine = Engine::builder().semaphores(semaphores.clone()).build();
    /// // The host holds the slot that the rule wants.
    /// let permit = semaphores.get("db")?.acquire().blocking()?;
    /// let rule = "export const semaphore = {key: 'db', timeout: '10ms'}; export default () => 1";
    /// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
    /// assert_eq!(report.regions[0].outcome, RegionOutcome::TimedOut);
    /// drop(permit);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// The environment of runs, in place of the process's: see [`RunOptions::environment`].
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        self.environment = Some(
            variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        );
        self
    }

    /// Settings, which rules read with `cla.config`: a JSON object. See [`RunOptions::config`], which adds those of one run.
    /// What is given by a second call lies over the first.
    pub fn config(mut self, config: serde_json::Value) -> Self {
        self.config = overlaid(self.config.as_ref(), config);
        self
    }

    /// How many runs the host may have at once, at least 1 (default: no bound). Runs that others start do not count: they
    /// have [a bound of their own](Limits::runs).
    ///
    /// ```
    /// use cla_runtime::engine::WhenFull;
    /// use cla_runtime::error::ErrorKind;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::builder().max_runs(1, WhenFull::Refuse).build();
    /// let long = engine.run(Script::javascript("long", "for (;;);"), RunOptions::new());
    /// let second = engine.run(Script::javascript("second", "1"), RunOptions::new()).await;
    /// assert_eq!(second.result.unwrap_err().kind, ErrorKind::Refused);
    /// long.cancel();
    /// # }
    /// ```
    pub fn max_runs(mut self, count: u32, when_full: WhenFull) -> Self {
        self.admission.bound_all(count, when_full);
        self
    }

    /// How many runs with the same key the host may have at once, at least 1 (default: no bound). The key is made of the
    /// [data](RunOptions::data) of a run; one that has no data of this type is not counted.
    ///
    /// ```
    /// use cla_runtime::engine::WhenFull;
    /// use cla_runtime::Engine;
    ///
    /// struct Tenant(String);
    /// let two_for_each = |tenant: &Tenant| tenant.0.clone();
    /// let engine = Engine::builder().max_runs_by(two_for_each, 2, WhenFull::Wait).build();
    /// # let _ = engine;
    /// ```
    pub fn max_runs_by<T: Any + Send + Sync>(
        mut self,
        key: impl Fn(&T) -> String + Send + Sync + 'static,
        count: u32,
        when_full: WhenFull,
    ) -> Self {
        self.admission.bound_each(key, count, when_full);
        self
    }

    /// How many requests of all runs together may wait for slots at once (default: no bound). One more throws a `RangeError`.
    pub fn max_waiting(mut self, count: usize) -> Self {
        self.waiting = WaitingBound::new(count);
        self
    }

    /// Adds a built-in module; one of the same name replaces the earlier one.
    ///
    /// ```
    /// use cla_runtime::{Engine, HostModule, RunOptions, Script};
    ///
    /// let prices = HostModule::new("app/prices")
    ///     .function("gross", |(net,): (f64,)| Ok::<_, String>(net * 1.25));
    /// let engine = Engine::builder().module(prices).build();
    /// let rule = Script::javascript("rule", "import { gross } from 'app/prices'; export default gross(8)");
    /// assert_eq!(engine.run(rule, RunOptions::new()).wait().result.unwrap(), 10);
    /// ```
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
    /// Without the feature `typescript`, the text must be JavaScript.
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
    /// let script = Script::javascript("rule", "import { gross } from '@app/prices'; export default gross(8)");
    /// let report = engine.run(script, RunOptions::new()).await;
    /// assert_eq!(report.result.unwrap(), 10);
    /// # }
    /// ```
    pub fn source_module(mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let (name, text) = (name.into(), text.into());
        self.modules.add(BuiltIn::Source { name, text });
        self
    }

    /// Lets modules come from elsewhere than files; [`ModuleLoader`] has an example. It replaces an earlier one.
    pub fn loader(mut self, loader: impl ModuleLoader) -> Self {
        self.modules.loader = Some(Arc::new(loader));
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

    /// Says that there is no module `name`, which rules may expect, and what they can use instead: the end of a sentence for
    /// the error of its import. A module or an alias of that name comes first.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::builder().left_out("app/mail", "app/notify sends messages").build();
    /// let report = engine.run(Script::javascript("rule", "require('app/mail')"), RunOptions::new()).wait();
    /// assert!(report.result.unwrap_err().message.ends_with("'app/mail' here: app/notify sends messages"));
    /// ```
    pub fn left_out(mut self, name: impl Into<String>, instead: impl Into<String>) -> Self {
        self.modules.left_out.insert(name.into(), instead.into());
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

    /// Makes scripts and CommonJS modules strict, as ES modules always are: giving a value to a name that is declared nowhere
    /// is an error then, rather than a new global. Packages stay as their authors wrote them.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::builder().strict(true).build();
    /// let report = engine.run(Script::javascript("rule", "totl = 1"), RunOptions::new()).wait();
    /// assert_eq!(report.result.unwrap_err().name, "ReferenceError");
    /// ```
    pub fn strict(mut self, strict: bool) -> Self {
        self.modules.strict = strict;
        self
    }

    /// Lets every rule import files below `folder`, besides those below its own.
    ///
    /// A folder that does not exist allows nothing.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let (shared, rules) = (tempfile::tempdir()?, tempfile::tempdir()?);
    /// let two = shared.path().canonicalize()?.join("two.js");
    /// std::fs::write(&two, "export const two = 2;")?;
    /// let text = format!("import {{ two }} from '{}'; export default two;", two.display());
    /// let script = Script::javascript("rule", text).in_folder(rules.path());
    /// assert!(!Engine::new().run(script.clone(), RunOptions::new()).wait().is_ok());
    /// let engine = Engine::builder().allow_folder(shared.path()).build();
    /// assert_eq!(engine.run(script, RunOptions::new()).wait().result?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::builder()
    ///     .on_unresponsive(|run| eprintln!("{} has not answered for {:?}", run.name, run.silent))
    ///     .build();
    /// // A loop of the rule's own gives way, so it is not reported.
    /// let text = "for (let n = 0; n < 1_000_000; n++);";
    /// assert!(engine.run(Script::javascript("loop", text), RunOptions::new()).wait().is_ok());
    /// ```
    pub fn on_unresponsive(
        mut self,
        listener: impl Fn(&UnresponsiveRun) + Send + Sync + 'static,
    ) -> Self {
        self.unresponsive = Some(Arc::new(listener));
        self
    }

    /// Calls `listener` with what happens to the engine's runs: starts and ends, waits, slots and for how long they were
    /// held, limits. For the host's metrics; the engine knows no library for them.
    ///
    /// It is called on the engine's threads, in the middle of what it hears of: it must return at once, and neither block
    /// nor panic. Another call replaces the listener.
    ///
    /// Text for Prometheus, in some lines:
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use std::sync::{Arc, Mutex};
    /// use cla_runtime::observe::EngineEvent;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let counts: Arc<Mutex<BTreeMap<String, f64>>> = Arc::default();
    /// let counted = Arc::clone(&counts);
    /// let engine = Engine::builder()
    ///     .on_event(move |event| {
    ///         let add = |name: String, value| *counted.lock().unwrap().entry(name).or_default() += value;
    ///         match event {
    ///             EngineEvent::RunStarted { .. } => add("rules_running".to_owned(), 1.0),
    ///             EngineEvent::RunEnded { report, .. } => {
    ///                 add("rules_running".to_owned(), -1.0);
    ///                 add(format!("rules_total{{status=\"{}\"}}", report.status()), 1.0);
    ///             }
    ///             EngineEvent::Released { semaphore, held, .. } => {
    ///                 add(format!("slot_seconds_total{{semaphore={:?}}}", semaphore.as_str()), held.as_secs_f64());
    ///             }
    ///             EngineEvent::LimitHit { limit, .. } => add(format!("limits_total{{limit=\"{}\"}}", limit.name()), 1.0),
    ///             _ => {}
    ///         }
    ///     })
    ///     .build();
    /// engine.run(Script::javascript("rule", "1 + 2"), RunOptions::new()).await;
    /// let text: String = counts.lock().unwrap().iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    /// assert_eq!(text, "rules_running 0\nrules_total{status=\"ok\"} 1\n");
    /// # }
    /// ```
    pub fn on_event(mut self, listener: impl Fn(&EngineEvent<'_>) + Send + Sync + 'static) -> Self {
        self.events = Some(Arc::new(listener));
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
        let test = self.clock.as_test();
        let semaphores = self.semaphores.unwrap_or_else(|| self.clock.semaphores());
        let settings = EngineSettings {
            limits: self.limits,
            unfit_store: test.is_some_and(|clock| !clock.drives(&semaphores)),
            clock: self.clock,
            semaphores,
            permissions: self.permissions,
            environment: self.environment,
            config: self.config,
            admission: Arc::new(self.admission),
            waiting: self.waiting,
            modules: Arc::new(self.modules),
            extensions: self.extensions,
            unresponsive: self.unresponsive,
            events: self.events,
        };
        let count = self.workers.unwrap_or_else(|| {
            // Runs on one thread take the same course each time.
            if settings.clock.as_test().is_some() {
                return 1;
            }
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        // For each worker there is a spare one, which is only started while all others are stuck.
        let workers = self.workers_of.unwrap_or_else(|| {
            let workers = (0..2 * count).map(|index| Worker::new(index, index >= count));
            workers.collect()
        });
        Engine {
            shared: Arc::new(Shared {
                settings: Arc::new(settings),
                workers,
                live: Arc::default(),
                home: HomeProcess::here(),
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
