//! What runs waited for and held, as it happened: each run's own record, and one that several runs share.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, RunId, SemaphoreName};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize, Serializer};

use crate::clock::Clock;

/// A run that enters more regions than this does not record the rest.
pub(crate) const MOST_REGIONS: usize = 10_000;

/// So many runs are in a trace, the first that ended; and so many of their regions.
const MOST_TRACED: usize = 100_000;

/// So many regions that were left last are known while runs go on.
const MOST_RECENT: usize = 200;

/// One stay in a semaphored region, or an attempt to get into it.
///
/// See [`Trace`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegionRecord {
    /// The semaphore.
    pub semaphore: SemaphoreName,
    /// The rule and the part of it, as administrators see them.
    pub who: String,
    /// The line of its source, from 1.
    pub line: u32,
    /// When it asked, from the start of the run.
    #[serde(with = "crate::seconds")]
    pub asked: Duration,
    /// How long it waited.
    #[serde(with = "crate::seconds")]
    pub waited: Duration,
    /// How long it held the slot.
    #[serde(with = "crate::seconds")]
    pub held: Duration,
    /// Whether an administrator let it through.
    pub granted: bool,
    /// How it ended.
    pub outcome: RegionOutcome,
}

/// How a stay in a region ended.
///
/// ```
/// use cla_runtime::trace::RegionOutcome;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let rule = "export const semaphore = 'x'; export default () => { throw new Error('no disk') }";
/// let report = Engine::new().run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.regions[0].outcome, RegionOutcome::Failed);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegionOutcome {
    /// What was to be done there was done.
    Done,
    /// What was to be done there failed.
    Failed,
    /// The run was stopped, or a time limit around the region had passed.
    Stopped,
    /// An administrator cancelled the wait.
    Cancelled,
    /// The wait took longer than its timeout.
    TimedOut,
    /// The wait could never have ended.
    Deadlock,
    /// The store could not be asked.
    Refused,
}

impl From<&AcquireError> for RegionOutcome {
    fn from(error: &AcquireError) -> Self {
        match error {
            AcquireError::Cancelled { .. } => Self::Cancelled,
            AcquireError::TimedOut { .. } => Self::TimedOut,
            AcquireError::Deadlock(_) => Self::Deadlock,
            _ => Self::Refused,
        }
    }
}

/// One run in a [`Trace`].
///
/// See [`Trace`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TracedRun {
    /// The run.
    pub id: RunId,
    /// Its name, for people.
    pub name: String,
    /// The run that forked it.
    pub parent: Option<RunId>,
    /// When it began, from the start of the trace.
    #[serde(with = "crate::seconds")]
    pub began: Duration,
    /// When it ended, from the start of the trace.
    #[serde(with = "crate::seconds")]
    pub ended: Duration,
    /// Whether it did not fail.
    pub ok: bool,
    /// The regions it was in, in the order in which it left them; at most 10,000.
    pub regions: Vec<RegionRecord>,
}

/// Collects what several runs, and all that they fork, wait for and hold: of the first 100,000 runs that end, and of their
/// first 100,000 regions.
///
/// ```
/// use cla_runtime::trace::Trace;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let trace = Trace::start();
/// let rule = Script::javascript("rule", "export const semaphore = 'x'; export default () => 1");
/// Engine::new().run(rule, RunOptions::new().trace(trace.clone())).await;
/// let runs = trace.runs();
/// assert_eq!(runs[0].regions[0].semaphore.as_str(), "x");
/// # }
/// ```
///
/// It serializes as the list of its [runs](Trace::runs), which is read as a `Vec<TracedRun>`.
#[derive(Debug)]
pub struct Trace {
    start: Instant,
    /// When the first run started, by the test clock of its engine: such a clock has times of its own.
    test_start: OnceLock<Instant>,
    runs: Mutex<TracedRuns>,
    /// The regions that were left last, the oldest first.
    recent: Mutex<VecDeque<(RunId, RegionRecord)>>,
    /// How many more regions there is room for.
    room: AtomicUsize,
}

#[derive(Debug, Default)]
struct TracedRuns {
    /// In the order in which they ended.
    all: Vec<TracedRun>,
    /// By a run, where those are that it started.
    started: HashMap<RunId, Vec<usize>>,
}

impl Trace {
    /// Starts to collect.
    #[must_use]
    pub fn start() -> Arc<Self> {
        Arc::new(Self {
            start: Clock::system().now(),
            test_start: OnceLock::new(),
            runs: Mutex::default(),
            recent: Mutex::default(),
            room: AtomicUsize::new(MOST_TRACED),
        })
    }

    /// The runs that have ended, in the order in which they began.
    #[must_use]
    pub fn runs(&self) -> Vec<TracedRun> {
        let mut runs = self.runs.lock().all.clone();
        runs.sort_by_key(|run| run.began);
        runs
    }

    /// The runs that this one started, and those that they started in turn, as far as they have ended, in the order in which
    /// they began. Their times count from the start of this run.
    pub(crate) fn below(&self, run: RunId) -> Vec<TracedRun> {
        let runs = self.runs.lock();
        let Some(top) = runs.all.iter().rev().find(|traced| traced.id == run) else {
            return Vec::new();
        };
        let (mut below, mut above) = (Vec::new(), vec![run]);
        while let Some(run) = above.pop() {
            for traced in runs.started.get(&run).into_iter().flatten() {
                let mut traced = runs.all[*traced].clone();
                above.push(traced.id);
                traced.began = traced.began.saturating_sub(top.began);
                traced.ended = traced.ended.saturating_sub(top.began);
                below.push(traced);
            }
        }
        below.sort_by_key(|run| run.began);
        below
    }

    /// The regions that a run has left so far, also while it goes on, in the order in which it left them: of all that are
    /// traced together, the last 200.
    ///
    /// ```
    /// use cla_runtime::trace::Trace;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let trace = Trace::start();
    /// let rule = Script::javascript("rule", "export const semaphore = 'x'; export default () => 1");
    /// let report = Engine::new().run(rule, RunOptions::new().trace(trace.clone())).wait();
    /// assert_eq!(trace.recent(report.id)[0].semaphore.as_str(), "x");
    /// ```
    #[must_use]
    pub fn recent(&self, run: RunId) -> Vec<RegionRecord> {
        let recent = self.recent.lock();
        let own = recent.iter().filter(|(id, _)| *id == run);
        own.map(|(_, record)| record.clone()).collect()
    }

    /// A run of an engine with this clock starts.
    pub(crate) fn follow(&self, clock: &Clock) {
        if clock.as_test().is_some() {
            self.test_start.get_or_init(|| clock.now());
        }
    }

    pub(crate) fn left(&self, run: RunId, record: &RegionRecord) {
        let mut recent = self.recent.lock();
        if recent.len() >= MOST_RECENT {
            recent.pop_front();
        }
        recent.push_back((run, record.clone()));
    }

    pub(crate) fn add(
        &self,
        (id, parent): (RunId, Option<RunId>),
        name: &str,
        (began, ended): (Instant, Instant),
        ok: bool,
        regions: &[RegionRecord],
    ) {
        let mut runs = self.runs.lock();
        if runs.all.len() >= MOST_TRACED {
            return;
        }
        // Only changed under the lock.
        let room = self.room.load(Ordering::Relaxed);
        let regions = &regions[..regions.len().min(room)];
        self.room.store(room - regions.len(), Ordering::Relaxed);
        let start = *self.test_start.get().unwrap_or(&self.start);
        let nth = runs.all.len();
        if let Some(parent) = parent {
            runs.started.entry(parent).or_default().push(nth);
        }
        runs.all.push(TracedRun {
            id,
            name: name.to_owned(),
            parent,
            began: began.saturating_duration_since(start),
            ended: ended.saturating_duration_since(start),
            ok,
            regions: regions.to_vec(),
        });
    }
}

impl Serialize for Trace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.runs().serialize(serializer)
    }
}
