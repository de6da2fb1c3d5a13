//! What a host hears of its runs while they go on: [`EngineEvent`]s, for its metrics.
//!
//! [`EngineBuilder::on_event`](crate::EngineBuilder::on_event) has an example. The crate `tracing` hears of the same: a run
//! is a span `run` of the target `cla`, at the level `INFO`, with the fields `id`, `name`, `label`, `rule`; it is a child of
//! the span in which the host has started it, or of that of the run that started it. A region of a rulebook, or of
//! `rule.region`, is a span `region` in it, with `semaphore`, `who` and `line`. Waits, takes and releases are events of the
//! level `DEBUG`; how a run ended is one of `INFO` if it failed or was cancelled (of `ERROR` if that is the host's fault), and
//! of `DEBUG` otherwise: that a rule fails is no problem of its host. A run looks when it is started whether anything listens; with nothing that does,
//! all of this costs nothing worth mentioning.

use std::sync::Arc;
use std::time::Duration;

use cla_semaphore::{RunId, SemaphoreName, printable};

use crate::error::{ErrorKind, RuleError};
use crate::report::RunReport;
use crate::run_data::RunData;

/// The run that an [`EngineEvent`] is about.
///
/// See [`EngineEvent`] for an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ObservedRun {
    /// The run's id.
    pub id: RunId,
    /// The run's name.
    pub name: Arc<str>,
    /// The run that started it, if one did.
    pub parent: Option<RunId>,
    /// What its host [gave it along](crate::RunOptions::data), or the run that started it.
    pub data: RunData,
}

/// Something that happens to a run: see [`EngineBuilder::on_event`](crate::EngineBuilder::on_event).
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use cla_runtime::observe::EngineEvent;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let log: Arc<Mutex<Vec<String>>> = Arc::default();
/// let lines = Arc::clone(&log);
/// let engine = Engine::builder()
///     .on_event(move |event| match event {
///         EngineEvent::Taken { run, semaphore } => {
///             lines.lock().unwrap().push(format!("{} has {semaphore}", run.name));
///         }
///         EngineEvent::RunEnded { run, report } => {
///             lines.lock().unwrap().push(format!("{}: {}", run.name, report.status()));
///         }
///         _ => {}
///     })
///     .build();
/// let rule = "export const semaphore = 'db'; export default () => 1";
/// engine.run(Script::javascript("nightly", rule), RunOptions::new()).wait();
/// assert_eq!(*log.lock().unwrap(), ["nightly has db", "nightly: ok"]);
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum EngineEvent<'a> {
    /// A run starts to execute.
    RunStarted {
        /// The run.
        run: &'a ObservedRun,
    },
    /// A run that was started has ended. Its report goes out after this.
    RunEnded {
        /// The run.
        run: &'a ObservedRun,
        /// How it ended.
        report: &'a RunReport,
    },
    /// A run is not started: its engine shuts down or is full, or it was cancelled while it waited for its turn.
    RunRefused {
        /// The run.
        run: &'a ObservedRun,
        /// Why it is not started.
        report: &'a RunReport,
    },
    /// A run waits for a slot.
    WaitStarted {
        /// The run.
        run: &'a ObservedRun,
        /// The semaphore.
        semaphore: &'a SemaphoreName,
    },
    /// A run does not wait for that slot any more: it has the slot, or it gave up.
    WaitEnded {
        /// The run.
        run: &'a ObservedRun,
        /// The semaphore.
        semaphore: &'a SemaphoreName,
        /// How long it waited.
        waited: Duration,
    },
    /// A run has taken a slot.
    Taken {
        /// The run.
        run: &'a ObservedRun,
        /// The semaphore.
        semaphore: &'a SemaphoreName,
    },
    /// A run has given a slot back, or lost it.
    Released {
        /// The run.
        run: &'a ObservedRun,
        /// The semaphore.
        semaphore: &'a SemaphoreName,
        /// How long it held the slot.
        held: Duration,
    },
    /// A run wanted more than it may have. Most limits end the run; some throw an error in it.
    LimitHit {
        /// The run.
        run: &'a ObservedRun,
        /// Which limit.
        limit: HitLimit,
    },
}

/// A limit that a run wanted to exceed.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use std::time::Duration;
/// use cla_runtime::observe::{EngineEvent, HitLimit};
/// use cla_runtime::{Engine, Limits, RunOptions, Script};
///
/// let hit: Arc<Mutex<Option<HitLimit>>> = Arc::default();
/// let noted = Arc::clone(&hit);
/// let engine = Engine::builder()
///     .limits(Limits::default().timeout(Duration::from_millis(20)))
///     .on_event(move |event| {
///         if let EngineEvent::LimitHit { limit, .. } = event {
///             *noted.lock().unwrap() = Some(*limit);
///         }
///     })
///     .build();
/// engine.run(Script::javascript("for ever", "while (true) {}"), RunOptions::new()).wait();
/// assert_eq!(hit.lock().unwrap().map(HitLimit::name), Some("time"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HitLimit {
    /// [`Limits::timeout`](crate::Limits::timeout).
    Time,
    /// [`Limits::memory`](crate::Limits::memory).
    Memory,
    /// [`Limits::stack`](crate::Limits::stack).
    Stack,
    /// [`Limits::output`](crate::Limits::output).
    Output,
    /// [`Limits::runs`](crate::Limits::runs).
    Runs,
    /// [`EngineBuilder::max_waiting`](crate::EngineBuilder::max_waiting).
    Waiting,
    /// [`Limits::regions`](crate::Limits::regions) or [`Limits::region_depth`](crate::Limits::region_depth).
    Regions,
}

impl HitLimit {
    /// Its name in a word, for metrics: `time`, `memory`, `stack`, `output`, `runs`, `waiting`,
    /// `regions`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Runs => "runs",
            Self::Waiting => "waiting",
            Self::Regions => "regions",
        }
    }

    /// The limit that ended a run.
    fn of(error: &RuleError) -> Option<Self> {
        match error.kind {
            ErrorKind::TimedOut => Some(Self::Time),
            ErrorKind::OutOfMemory => Some(Self::Memory),
            ErrorKind::StackOverflow => Some(Self::Stack),
            _ => None,
        }
    }
}

/// A host's function that hears of events.
pub(crate) type EventListener = Arc<dyn Fn(&EngineEvent<'_>) + Send + Sync>;

/// Who hears of one run. There is none for a run that nothing listens to.
pub(crate) struct Observation {
    run: ObservedRun,
    listener: Option<EventListener>,
    /// Whether `tracing` has a subscriber for it.
    traced: bool,
}

impl std::fmt::Debug for Observation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observation")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

// What is emitted here is out of the way of runs that nothing listens to.
impl Observation {
    pub(crate) fn of(
        run: ObservedRun,
        listener: Option<EventListener>,
        traced: bool,
    ) -> Option<Arc<Self>> {
        (listener.is_some() || traced).then(|| {
            Arc::new(Self {
                run,
                listener,
                traced,
            })
        })
    }

    fn tell(&self, event: &EngineEvent<'_>) {
        if let Some(listener) = &self.listener {
            listener(event);
        }
    }

    pub(crate) fn started(&self) {
        self.tell(&EngineEvent::RunStarted { run: &self.run });
    }

    /// The run that was started has ended. To be called once.
    pub(crate) fn ended(&self, report: &RunReport) {
        if self.traced {
            trace_end(report);
        }
        if let Err(error) = &report.result
            && let Some(limit) = HitLimit::of(error)
        {
            self.hits(limit);
        }
        let run = &self.run;
        self.tell(&EngineEvent::RunEnded { run, report });
    }

    pub(crate) fn refused(&self, report: &RunReport) {
        if self.traced {
            trace_end(report);
        }
        let run = &self.run;
        self.tell(&EngineEvent::RunRefused { run, report });
    }

    #[cold]
    pub(crate) fn waits(&self, semaphore: &SemaphoreName) {
        if self.traced {
            let semaphore = &*printable(semaphore.as_str());
            tracing::debug!(target: "cla", semaphore, "waits for a slot");
        }
        let run = &self.run;
        self.tell(&EngineEvent::WaitStarted { run, semaphore });
    }

    #[cold]
    pub(crate) fn waited(&self, semaphore: &SemaphoreName, waited: Duration) {
        if self.traced {
            let semaphore = &*printable(semaphore.as_str());
            tracing::debug!(target: "cla", semaphore, ?waited, "does not wait any more");
        }
        let run = &self.run;
        self.tell(&EngineEvent::WaitEnded {
            run,
            semaphore,
            waited,
        });
    }

    #[cold]
    pub(crate) fn taken(&self, semaphore: &SemaphoreName) {
        if self.traced {
            let semaphore = &*printable(semaphore.as_str());
            tracing::debug!(target: "cla", semaphore, "takes a slot");
        }
        let run = &self.run;
        self.tell(&EngineEvent::Taken { run, semaphore });
    }

    #[cold]
    pub(crate) fn released(&self, semaphore: &SemaphoreName, held: Duration) {
        if self.traced {
            let semaphore = &*printable(semaphore.as_str());
            tracing::debug!(target: "cla", semaphore, ?held, "gives a slot back");
        }
        let run = &self.run;
        self.tell(&EngineEvent::Released {
            run,
            semaphore,
            held,
        });
    }

    #[cold]
    pub(crate) fn hits(&self, limit: HitLimit) {
        if self.traced {
            tracing::info!(target: "cla", limit = limit.name(), "hits a limit");
        }
        let run = &self.run;
        self.tell(&EngineEvent::LimitHit { run, limit });
    }
}

/// A run that nothing observes was ended by a fault of its host. A subscriber that hears of errors only has no spans of
/// runs, and hears of this.
pub(crate) fn trace_fault(report: &RunReport) {
    if let Err(error) = &report.result
        && error.kind == ErrorKind::Panic
    {
        let name = &*printable(&report.name);
        tracing::error!(target: "cla", name, %error, "the run failed");
    }
}

/// The end of a run, as an event in its span.
fn trace_end(report: &RunReport) {
    let (status, ran, waited) = (report.status(), report.ran, report.waited);
    let Err(error) = &report.result else {
        tracing::debug!(target: "cla", status, ?ran, ?waited, "the run has ended");
        return;
    };
    match error.kind {
        ErrorKind::Cancelled => {
            tracing::info!(target: "cla", status, ?ran, ?waited, %error, "the run was cancelled");
        }
        ErrorKind::Panic => {
            tracing::error!(target: "cla", status, ?ran, ?waited, %error, "the run failed");
        }
        _ => tracing::info!(target: "cla", status, ?ran, ?waited, %error, "the run failed"),
    }
}
