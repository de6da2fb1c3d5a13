//! A worker: one thread on which the fibers of many runs take turns.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use cla_semaphore::{RunId, printable};
use futures_util::future::{Either, select};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::task::unconstrained;

use super::Engine;
use super::admission::{Entering, Full, Places};
use super::live_runs::LiveRuns;
use super::settings::EngineSettings;
use super::start_order::StartOrder;
use super::watch::Watched;
use crate::blocking::no_thread;
use crate::clock::{Activity, Clock, Seat, Tracked, Wait};
use crate::control::{Control, Stop, Stopped};
use crate::error::{ErrorKind, RuleError};
use crate::family::Room;
use crate::forked;
use crate::handle::Sent;
use crate::inspection::folder_of;
use crate::isolate::{execute, fiber_stack, stop_error};
use crate::limits::Limits;
use crate::modules::ModuleCache;
use crate::observe::{Observation, trace_fault};
use crate::options::{Origin, json_bytes};
use crate::output::{Output, OutputStream, OutputWait, PATIENCE};
use crate::permissions::Permissions;
use crate::profile::{ProfileOptions, Profiling};
use crate::report::{OtherSemaphores, RunReport, TakenSemaphore};
use crate::run::{Layers, Run, RunParts, panic_message};
use crate::run_data::RunData;
use crate::run_span::{RunSpan, RunSpans, within};
use crate::script::Script;
use crate::secrets::Secrets;
use crate::sys::fiber::Fiber;
use crate::ticker::{self, Lane, Pulse};
use crate::trace::Trace;
use crate::value::{Returned, RuleValue, Stash, Wanted};

/// A run that is to be started.
pub(crate) struct Job {
    /// Its place among the runs that a test clock knows.
    pub(crate) seat: Option<Seat>,
    pub(crate) activity: Option<Arc<Activity>>,
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) script: Script,
    pub(crate) limits: Limits,
    pub(crate) stash: Stash,
    /// What is wanted of what it returns.
    pub(crate) wanted: Wanted,
    pub(crate) arguments: Vec<String>,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) permissions: Permissions,
    pub(crate) data: RunData,
    /// Where its engine bounds how many run at once.
    pub(crate) entering: Option<Entering>,
    pub(crate) environment: Option<Arc<[(String, String)]>>,
    pub(crate) config: Option<Arc<serde_json::Value>>,
    pub(crate) secrets: Secrets,
    pub(crate) control: Arc<Control>,
    pub(crate) report: oneshot::Sender<Sent>,
    pub(crate) settings: Arc<EngineSettings>,
    pub(crate) live: Arc<LiveRuns>,
    /// The event that the rule shall handle.
    pub(crate) event: Option<String>,
    /// The report is not looked at: a failure is written to the run's own output.
    pub(crate) detached: bool,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) profile: Option<ProfileOptions>,
    pub(crate) origin: Origin,
    /// Starts what the run forks.
    pub(crate) engine: Engine,
    pub(crate) span: Option<RunSpan>,
    pub(crate) observation: Option<Arc<Observation>>,
}

impl Job {
    /// Tells who listens that it does not start.
    fn note_refused(&self, report: &RunReport) {
        if let Some(observation) = &self.observation {
            within(self.span.as_ref(), || observation.refused(report));
        }
    }
}

/// A thread of an engine. It starts with its first job, and ends when the engine is gone and its
/// last run is done.
pub(crate) struct Worker {
    index: usize,
    /// It only gets runs that no other worker can take.
    spare: bool,
    jobs: OnceLock<mpsc::UnboundedSender<Job>>,
    /// Held while the thread is being started: once, unless that fails.
    starting: Mutex<()>,
    load: Arc<AtomicUsize>,
    /// A run on it does not answer.
    stuck: Arc<AtomicBool>,
}

impl Worker {
    pub(crate) fn new(index: usize, spare: bool) -> Self {
        Self {
            index,
            spare,
            jobs: OnceLock::new(),
            starting: Mutex::new(()),
            load: Arc::default(),
            stuck: Arc::default(),
        }
    }

    /// How many runs are on this thread.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    pub(crate) fn is_spare(&self) -> bool {
        self.spare
    }

    /// Whether a run keeps this thread from all others, for longer than any run should.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Hands a job over. If the thread cannot be started, or has died, the job's report says so.
    pub(crate) fn send(&self, job: Job) {
        match self.jobs() {
            Ok(jobs) => {
                self.load.fetch_add(1, Ordering::Relaxed);
                if let Err(rejected) = jobs.send(job) {
                    self.load.fetch_sub(1, Ordering::Relaxed);
                    refuse(rejected.0, RunReport::THREAD_ENDED);
                }
            }
            Err(error) => refuse(job, &cannot_start(&error)),
        }
    }

    /// Where the jobs go. A thread that could not be started is tried again by the next job.
    fn jobs(&self) -> io::Result<&mpsc::UnboundedSender<Job>> {
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        let _starting = self.starting.lock();
        if let Some(jobs) = self.jobs.get() {
            return Ok(jobs);
        }
        forked::note_threads();
        let (sender, receiver) = mpsc::unbounded_channel();
        let (load, stuck) = (Arc::clone(&self.load), Arc::clone(&self.stuck));
        std::thread::Builder::new()
            .name(format!("cla-worker-{}", self.index))
            .spawn(move || work(receiver, &load, &stuck))
            .map_err(|error| no_thread(&error))?;
        Ok(self.jobs.get_or_init(|| sender))
    }
}

fn cannot_start(error: &io::Error) -> String {
    format!("the run cannot be started: {error}")
}

/// Ends a run that never began.
fn refuse(job: Job, why: &str) {
    let report = RunReport::lost(job.id, &job.name, Duration::ZERO, why);
    job.note_refused(&report);
    if job.detached
        && let Err(error) = &report.result
    {
        let text = format!("{}: {}", report.name, error.render(false));
        job.output.write(OutputStream::Stderr, &text);
    }
    job.live.remove(job.id);
    // The handle may be dropped; that is fine.
    let _ = job.report.send(Sent { report, room: None });
}

/// The event loop of a worker.
fn event_loop() -> io::Result<tokio::runtime::Runtime> {
    cla_semaphore::descriptors::for_an_event_loop()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

fn work(mut jobs: mpsc::UnboundedReceiver<Job>, load: &Arc<AtomicUsize>, stuck: &Arc<AtomicBool>) {
    let (runtime, first) = loop {
        let Some(job) = jobs.blocking_recv() else {
            return;
        };
        match event_loop() {
            Ok(runtime) => break (runtime, job),
            // There may be descriptors for the next one.
            Err(error) => {
                load.fetch_sub(1, Ordering::Relaxed);
                refuse(job, &cannot_start(&error));
            }
        }
    };
    let lane = Arc::new(Lane::default());
    // Without a clock, runs ask by counting steps alone.
    let _ = ticker::watch(&lane);
    let runs = tokio::task::LocalSet::new();
    runtime.block_on(async {
        runs.run_until(async {
            let starts = Rc::new(StartOrder::default());
            let mut next = Some(first);
            while let Some(mut job) = next {
                let (load, stuck, lane) = (Arc::clone(load), Arc::clone(stuck), Arc::clone(&lane));
                let seat = job.seat.take();
                let turn = starts.join(seat.is_none());
                let run = async move {
                    turn.await;
                    perform(job, &lane, stuck).await;
                    load.fetch_sub(1, Ordering::Relaxed);
                };
                match seat {
                    None => drop(tokio::task::spawn_local(run)),
                    // Unconstrained: a wait that tokio makes of its own accord is none for the clock.
                    Some(seat) => drop(tokio::task::spawn_local(unconstrained(Tracked::new(
                        seat, run,
                    )))),
                }
                next = jobs.recv().await;
            }
        })
        .await;
        // A suspended fiber must not be dropped: let every run come to its end.
        runs.await;
    });
}

/// Waits until the job may start, if its engine bounds how many do. Reports it if it may not.
async fn admitted(mut job: Job) -> Option<(Job, Option<Places>)> {
    let Some(entering) = job.entering.take() else {
        return Some((job, None));
    };
    let asked = job.settings.clock.now();
    let control = Arc::clone(&job.control);
    let entered = control.until_stopped(entering);
    let entered = match &job.activity {
        None => entered.await,
        Some(activity) => activity.during(Wait::Durable, entered).await,
    };
    let error = match entered {
        Ok((Ok(places), _)) => return Some((job, Some(places))),
        Ok((Err(Full(message)), _)) => RuleError::refused(&message),
        Err(Stopped) => RuleError::cancelled(),
    };
    let mut report = RunReport::without_facts(job.id, &job.name, control.since(asked), Err(error));
    report.data = job.data.clone();
    job.note_refused(&report);
    job.live.remove(job.id);
    // The handle may be dropped; that is fine.
    let _ = job.report.send(Sent { report, room: None });
    None
}

/// Runs one job from start to report.
async fn perform(job: Job, lane: &Arc<Lane<Watched>>, stuck: Arc<AtomicBool>) {
    let Some((job, places)) = admitted(job).await else {
        return;
    };
    if let Some(activity) = &job.activity {
        activity.waits(Wait::Outside);
    }
    let started = job.settings.clock.now();
    let limits = job.limits;
    let (span, observation) = (job.span, job.observation);
    if let Some(observation) = &observation {
        within(span.as_ref(), || observation.started());
    }
    let spans = span.clone().map(RunSpans::new);
    let folders = job.folders.clone();
    // The rule's own folder first: errors name that one.
    let mut roots: Vec<_> = folder_of(&job.script).into_iter().collect();
    roots.extend(job.folders);
    let origin = job.origin;
    let deadline = match origin.parent {
        // It has no clock of its own: its time is part of that of the run that started it.
        Some(_) => origin.deadline,
        // A limit beyond what the clock can express is none.
        None => limits.timeout.and_then(|limit| started.checked_add(limit)),
    };
    let own_end = deadline.and_then(|deadline| deadline.checked_add(limits.grace));
    let last = [own_end, origin.last].into_iter().flatten().min();
    let run = Run::new(RunParts {
        id: job.id,
        name: Arc::clone(&job.name),
        arguments: job.arguments,
        stash: job.stash,
        stash_bytes: origin.stash_bytes,
        control: Arc::clone(&job.control),
        seat: origin.seat,
        deadline,
        last,
        output: Arc::clone(&job.output),
        event: job.event,
        limits,
        folders,
        trace: job.trace.clone(),
        profiling: job.profile.map(Profiling::new),
        depth: origin.depth,
        started,
        clock: job.settings.clock.clone(),
        activity: job.activity.clone(),
        semaphores: job.settings.semaphores.clone(),
        permissions: job.permissions.clone(),
        data: job.data.clone(),
        environment: job.environment,
        config: job.config,
        secrets: job.secrets,
        waiting: job.settings.waiting.clone(),
        observation: observation.clone(),
        spans: spans.clone(),
        layers: Layers::default()
            .with(ModuleCache::permitted(
                Arc::clone(&job.settings.modules),
                roots,
                job.permissions,
            ))
            .with(job.engine),
    });
    run.modules().belong_to(&run);
    let report_sender = Arc::new(Mutex::new(Some(job.report)));
    let watched = Arc::new(Watched {
        id: job.id,
        name: Arc::clone(&job.name),
        control: Arc::clone(&job.control),
        limits,
        deadline: run.time.deadline,
        started,
        clock: job.settings.clock.clone(),
        activity: job.activity,
        semaphores: job.settings.semaphores.clone(),
        report: Arc::clone(&report_sender),
        live: Arc::clone(&job.live),
        listener: job.settings.unresponsive.clone(),
        worker_is_stuck: stuck,
        observation: observation.clone(),
        span: span.clone(),
        stage: Mutex::default(),
    });
    let fiber = {
        let run = Rc::clone(&run);
        let settings = Arc::clone(&job.settings);
        let script = job.script;
        let wanted = if job.detached {
            Wanted::Nothing
        } else {
            job.wanted
        };
        Fiber::new(Arc::clone(&job.name), fiber_stack(&limits), move || {
            // A panic in a host function is that run's failure, not the worker's.
            catch_unwind(AssertUnwindSafe(|| {
                execute(&settings.extensions, &run, script, wanted, &limits)
            }))
            .unwrap_or_else(|panic| Err(Box::new(RuleError::panic(panic_message(&*panic)))))
        })
    };
    let result = match fiber {
        Ok(fiber) => {
            let fiber = OnLane {
                lane: Arc::clone(lane),
                pulse: Arc::clone(run.gauge.pulse()),
                watched,
                spans,
                fiber,
            };
            until_done(fiber, &run).await
        }
        Err(error) => Err(Box::new(RuleError::internal(&format!(
            "cannot reserve a stack for the run: {error}; too many runs at once \
             (on Linux, raise vm.max_map_count)"
        )))),
    };
    run.end().await;
    let mut result = result;
    run.write_rest();
    for unwritten in run.unwritten() {
        result = wait_for_output(unwritten, &run, &limits, result).await;
    }
    // In a box, as it is waited below: what a run that waits takes is counted.
    let mut report = Box::new(report(&run, result.map_err(|error| *error)));
    // What goes to the run that started it stays inside.
    let stays_inside = origin.parent.is_some() && !job.detached;
    if !stays_inside {
        report.mask(&run.secrets);
    }
    // The listener of the engine hears of every run, and is outside.
    let shown = (stays_inside && !run.secrets.is_empty()).then(|| {
        let mut shown = report.clone();
        shown.mask(&run.secrets);
        shown
    });
    let deadline = run.time.deadline;
    // A fork of a loop has the item in its name.
    let traced_name = job
        .trace
        .as_ref()
        .map(|_| run.secrets.mask(&report.name).into_owned());
    // What it had is free before anybody hears of its end: the run that started it can start the next.
    run.gauge.close();
    let room = if origin.parent.is_some() && !job.detached {
        room_for_value(&run, &mut report, &limits)
    } else {
        None
    };
    drop(run);
    if let Some(trace) = &job.trace {
        let ids = (report.id, origin.parent);
        let times = (started, job.settings.clock.now());
        let name = traced_name.unwrap_or_default();
        trace.add(ids, &name, times, report.is_ok(), &report.regions);
        if origin.parent.is_none() {
            report.forks = trace.below(report.id);
        }
    }
    if job.detached
        && let Err(error) = &report.result
        && error.kind != ErrorKind::Cancelled
    {
        let text = format!("{}: {}", printable(&report.name), error.render(false));
        let has_room = match job.output.ready(OutputStream::Stderr) {
            Some(room) => {
                let clock = &job.settings.clock;
                let within = within_limits(room, &job.control, clock, deadline);
                within.await.is_ok()
            }
            None => true,
        };
        if has_room {
            job.output.write(OutputStream::Stderr, &text);
        }
    }
    drop(places);
    // It may have been reported already, if it did not answer; or nothing waits for the report.
    let sender = report_sender.lock().take();
    // Before the engine looks idle: who waits for that, or for the report, has heard of the end.
    match (&sender, &observation) {
        (Some(_), Some(observation)) => within(span.as_ref(), || {
            observation.ended(shown.as_deref().unwrap_or(&report));
        }),
        (Some(_), None) => trace_fault(shown.as_deref().unwrap_or(&report)),
        (None, _) => {}
    }
    job.live.remove(job.id);
    if let Some(sender) = sender {
        let _ = sender.send(Sent {
            report: *report,
            room,
        });
    }
}

/// A fiber, watched by the clock while it executes.
struct OnLane<T> {
    lane: Arc<Lane<Watched>>,
    pulse: Arc<Pulse>,
    watched: Arc<Watched>,
    spans: Option<Rc<RunSpans>>,
    fiber: Fiber<T>,
}

impl<T: 'static> Future for OnLane<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let this = &mut *self;
        let _entered = this.spans.as_ref().map(RunSpans::enter);
        this.lane.enter(&this.pulse, &this.watched);
        let polled = Pin::new(&mut this.fiber).poll(cx);
        this.lane.leave();
        polled
    }
}

impl<T> Drop for OnLane<T> {
    fn drop(&mut self) {
        self.lane.forget(&self.pulse);
    }
}

/// Reserves what the value of a run takes that another one has started, until that one looks at it.
fn room_for_value(run: &Run, report: &mut RunReport, limits: &Limits) -> Option<Room> {
    /// Less is part of what a run takes that is to be waited for, in bytes.
    const SMALL: usize = 4096;
    let bytes = match &report.result {
        Ok(value) => json_bytes(value) + report.value.weight(),
        Err(_) => 0,
    };
    if bytes <= SMALL {
        return None;
    }
    let room = run.family.room(bytes);
    if room.is_none() {
        report.value = RuleValue::Null;
        report.result = Err(RuleError::family_out_of_memory(limits.memory));
    }
    room
}

/// Polls the fiber to its end; stops the run at its deadline, even while it is blocked.
async fn until_done<T: 'static>(fiber: OnLane<T>, run: &Run) -> T {
    let mut fiber = pin!(fiber);
    if let Some(deadline) = run.time.deadline {
        let alarm = pin!(run.clock().sleep_until(deadline));
        match select(fiber.as_mut(), alarm).await {
            Either::Left((result, _)) => return result,
            Either::Right(((), _)) => run.stop_at_deadline(),
        }
    }
    fiber.await
}

/// Waits until the output has written what it was given, and gives the run's result: that it was stopped, if it was
/// meanwhile.
async fn wait_for_output(
    flushed: OutputWait<'_>,
    run: &Run,
    limits: &Limits,
    result: Result<Returned, Box<RuleError>>,
) -> Result<Returned, Box<RuleError>> {
    match within_limits(flushed, &run.control, run.clock(), run.time.deadline).await {
        Err(stop) if result.is_ok() => Err(Box::new(stop_error(stop, run, limits))),
        _ => result,
    }
}

/// Waits for an output until the run is stopped, or out of time; a moment at least. Gives what stopped it.
async fn within_limits(
    wait: OutputWait<'_>,
    control: &Control,
    clock: &Clock,
    deadline: Option<Instant>,
) -> Result<(), Stop> {
    let mut wait = pin!(wait);
    let until = async {
        match deadline {
            Some(deadline) => clock.sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    let stopped = {
        let until = pin!(until);
        match control.until_stopped(select(wait.as_mut(), until)).await {
            Ok((Either::Left(_), _)) => return Ok(()),
            Ok((Either::Right(_), _)) => Stop::TimedOut,
            Err(Stopped) => control.reason().unwrap_or(Stop::Cancelled),
        }
    };
    // A reader that is only slow gets what was written last.
    #[expect(
        clippy::disallowed_methods,
        reason = "readers take text in the time of the machine"
    )]
    tokio::time::timeout(PATIENCE, wait)
        .await
        .map_err(|_| stopped)
}

fn report(run: &Run, result: Result<Returned, RuleError>) -> RunReport {
    let (result, value) = match result {
        Ok(returned) => (Ok(returned.json), returned.value),
        Err(error) => (Err(error), RuleValue::Null),
    };
    let mut semaphores: Vec<_> = run
        .permits
        .usages()
        .iter()
        .map(|account| TakenSemaphore {
            name: account.semaphore.name().clone(),
            taken: account.taken(),
            waited: account.waited(),
            held: account.held(),
        })
        .collect();
    semaphores.sort_by(|a, b| a.name.as_str().cmp(b.name.as_str()));
    let others = run.permits.closed();
    let listed: Duration = semaphores.iter().map(|taken| taken.waited).sum();
    let waited = listed + others.waited;
    RunReport {
        id: run.id,
        name: run.name.to_string(),
        result,
        value,
        waited,
        ran: run.elapsed().saturating_sub(waited),
        semaphores,
        regions: run.regions.take(),
        others: OtherSemaphores {
            count: others.semaphores,
            taken: others.taken,
            waited: others.waited,
            held: others.held,
        },
        peak_memory: run.gauge.family_peak(),
        exit_code: run.exit_code(),
        data: run.data.clone(),
        forks: Vec::new(),
        profile: match (&run.profiling, run.depth) {
            (Some(profiling), 0) => Some(profiling.profile().places()),
            _ => None,
        },
    }
}
