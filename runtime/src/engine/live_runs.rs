//! The runs of an engine that have not reported yet, and whether more may start.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_semaphore::RunId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::control::{Control, Stop};
use crate::live_facts::LiveRegion;
use crate::options::Origin;
use crate::run_data::RunData;

/// The runs that have been started and have not reported yet.
#[derive(Debug, Default)]
pub(crate) struct LiveRuns {
    runs: Mutex<Runs>,
    /// Rings when the last one has ended.
    idle: Notify,
}

#[derive(Debug, Default)]
struct Runs {
    live: HashMap<RunId, (u64, LiveRun)>,
    /// How many were started.
    started: u64,
    phase: Phase,
    /// How many the engine has cancelled because it ends.
    cancelled: usize,
}

/// Whether more runs may start. An engine only goes on from one to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// All may.
    #[default]
    Open,
    /// Only those that others start.
    Closing,
    /// Only those that others start for what must happen in the end.
    Ending,
}

/// A run cannot start, because the engine shuts down.
#[derive(Debug)]
pub(super) struct Closed;

/// A run that has not reported yet.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// struct Tenant(&'static str);
/// let engine = Engine::new();
/// let options = RunOptions::new().data(Tenant("acme"));
/// let run = engine.run(Script::javascript("endless", "while (true) {}"), options);
/// let live = &engine.live_runs()[0];
/// assert_eq!(&*live.name, "endless");
/// assert_eq!(live.data.get::<Tenant>().unwrap().0, "acme");
/// engine.cancel(live.id);
/// # run.wait();
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunInfo {
    /// The run's id.
    pub id: RunId,
    /// The run's name.
    pub name: Arc<str>,
    /// How long ago it was started.
    pub age: Duration,
    /// What its host [gave it along](crate::RunOptions::data), or the run that started it.
    pub data: RunData,
    /// The regions that it is in or waits for, the innermost last. What scripts take with `sem.take` is among them only if
    /// the run is [traced](crate::RunOptions::trace); the engine's semaphores show it always.
    pub regions: Vec<LiveRegion>,
    /// How much memory it uses, in bytes: its values, and what is kept for it. As of its last wait, or of some
    /// milliseconds ago if it computes.
    pub memory: usize,
}

#[derive(Debug)]
pub(super) struct LiveRun {
    pub(super) name: Arc<str>,
    pub(super) data: RunData,
    pub(super) control: Arc<Control>,
    pub(super) started: Instant,
}

impl Runs {
    fn stop_all(&self) {
        let controls = self.live.values().map(|(_, run)| &*run.control);
        Control::stop_all(controls, Stop::Cancelled);
    }
}

impl LiveRuns {
    /// Adds a run that comes from there.
    pub(super) fn insert(&self, id: RunId, run: LiveRun, origin: &Origin) -> Result<(), Closed> {
        let mut runs = self.runs.lock();
        if runs.phase != Phase::Open && origin.parent.is_none() {
            return Err(Closed);
        }
        if runs.phase == Phase::Ending && !origin.is_ending() {
            // The run that starts it has not noticed yet that it is cancelled itself.
            run.control.stop(Stop::Cancelled);
            runs.cancelled += 1;
        }
        runs.started += 1;
        let number = runs.started;
        runs.live.insert(id, (number, run));
        Ok(())
    }

    pub(super) fn remove(&self, id: RunId) {
        let mut runs = self.runs.lock();
        runs.live.remove(&id);
        if runs.live.is_empty() {
            self.idle.notify_waiters();
        }
    }

    /// Their ids and names, oldest first.
    pub(super) fn names(&self) -> Vec<(RunId, Arc<str>)> {
        let runs = self.runs.lock();
        let mut runs: Vec<_> = runs
            .live
            .iter()
            .map(|(id, (number, run))| (*number, *id, Arc::clone(&run.name)))
            .collect();
        runs.sort_unstable_by_key(|(number, _, _)| *number);
        runs.into_iter().map(|(_, id, name)| (id, name)).collect()
    }

    /// All of them, oldest first.
    pub(super) fn list(&self, now: Instant) -> Vec<RunInfo> {
        let runs = self.runs.lock();
        let mut live: Vec<_> = runs.live.iter().collect();
        live.sort_unstable_by_key(|(_, (number, _))| *number);
        let info = |(id, (_, run)): (&RunId, &(u64, LiveRun))| RunInfo {
            id: *id,
            name: Arc::clone(&run.name),
            age: now.saturating_duration_since(run.started),
            data: run.data.clone(),
            regions: run.control.facts.regions(),
            memory: run.control.facts.memory(),
        };
        live.into_iter().map(info).collect()
    }

    /// Cancels one; `false` if it is not among them.
    pub(super) fn cancel(&self, id: RunId) -> bool {
        let runs = self.runs.lock();
        let run = runs.live.get(&id);
        if let Some((_, run)) = run {
            run.control.stop(Stop::Cancelled);
        }
        run.is_some()
    }

    pub(super) fn cancel_all(&self) {
        self.runs.lock().stop_all();
    }

    /// From now on, the host starts no more runs.
    pub(super) fn close(&self) {
        let mut runs = self.runs.lock();
        runs.phase = runs.phase.max(Phase::Closing);
    }

    /// Cancels all, and those that they start from now on.
    pub(super) fn end(&self) {
        let mut runs = self.runs.lock();
        if runs.phase == Phase::Ending {
            return;
        }
        runs.phase = Phase::Ending;
        runs.cancelled = runs.live.len();
        runs.stop_all();
    }

    /// How many were cancelled because the engine ends.
    pub(super) fn cancelled(&self) -> usize {
        self.runs.lock().cancelled
    }

    /// Waits until there is none.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.runs.lock().live.is_empty() {
                return;
            }
            idle.await;
        }
    }
}
