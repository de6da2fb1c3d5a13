//! What is done about a run that does not answer: it is inside a built-in function that does not ask, and keeps its
//! worker from everything else.
//!
//! Nothing can end such a function from outside. But it must harm no other run: new runs go to other workers, the host
//! is informed, administrators see it at what the run holds ([`marks`]), and once the run is past its limit or was cancelled,
//! its report goes out and what it holds is given up, although its worker still computes. If the function ever ends, the
//! run ends with it.

#![expect(
    clippy::disallowed_methods,
    reason = "it guards the host, so it is in the time of the machine"
)]

mod marks;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cla_semaphore::{RunId, Semaphores};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use self::marks::Marks;
use super::live_runs::LiveRuns;
use crate::clock::{Activity, COUNTED_AFTER, Clock};
use crate::control::{Control, Stop};
use crate::error::RuleError;
use crate::handle::Sent;
use crate::limits::Limits;
use crate::observe::Observation;
use crate::report::RunReport;
use crate::run_span::{RunSpan, within};
use crate::ticker::Answerable;

/// How long past its limit a run that does not answer is waited for.
const LATE: Duration = Duration::from_secs(1);

/// A run that has been silent for so long is marked in the stores, where administrators see it. The host hears of it
/// earlier: that costs a call. A mark is a write and an event in every process that looks, and long built-in functions of
/// honest rules, such as parsing a large document, would set one off each time.
const MARKED_AFTER: Duration = Duration::from_secs(1);

/// How often it is marked again, in case that the store could not be reached, or lost what it knew.
const MARKED_AGAIN: Duration = Duration::from_secs(10);

/// A run that keeps its worker thread inside one built-in function; see
/// [`EngineBuilder::on_unresponsive`](crate::EngineBuilder::on_unresponsive).
///
/// See [`EngineBuilder::on_unresponsive`](crate::EngineBuilder::on_unresponsive) for an example.
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

/// A host's function that hears of runs that do not answer.
pub(crate) type UnresponsiveListener = Arc<dyn Fn(&UnresponsiveRun) + Send + Sync>;

/// The sender of a run's report; empty once it is sent.
pub(crate) type ReportSender = Arc<Mutex<Option<oneshot::Sender<Sent>>>>;

/// A run as the clock knows it.
pub(crate) struct Watched {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) control: Arc<Control>,
    pub(crate) limits: Limits,
    pub(crate) deadline: Option<Instant>,
    pub(crate) started: Instant,
    pub(crate) clock: Clock,
    pub(crate) activity: Option<Arc<Activity>>,
    pub(crate) semaphores: Semaphores,
    pub(crate) report: ReportSender,
    pub(crate) live: Arc<LiveRuns>,
    pub(crate) listener: Option<UnresponsiveListener>,
    /// The worker does not get new runs while this is set.
    pub(crate) worker_is_stuck: Arc<AtomicBool>,
    pub(crate) observation: Option<Arc<Observation>>,
    pub(crate) span: Option<RunSpan>,
    pub(crate) stage: Mutex<Stage>,
}

/// What was done so far about a run that does not answer.
#[derive(Default)]
pub(crate) struct Stage {
    informed: bool,
    /// Made when the run is marked for the first time, which nearly no run is.
    marks: Option<Arc<Marks>>,
    /// When it was marked last, while it is.
    marked: Option<Instant>,
    /// Since when it should have ended.
    late_since: Option<Instant>,
    given_up: bool,
}

impl Answerable for Watched {
    fn does_not_answer(&self, silent: Duration) {
        let mut stage = self.stage.lock();
        self.worker_is_stuck.store(true, Ordering::Relaxed);
        if let Some(activity) = &self.activity {
            activity.computes();
        }
        if !stage.informed {
            stage.informed = true;
            if let Some(listener) = &self.listener {
                listener(&UnresponsiveRun {
                    id: self.id,
                    name: Arc::clone(&self.name),
                    silent,
                });
            }
        }
        if silent >= MARKED_AFTER
            && stage
                .marked
                .is_none_or(|marked| marked.elapsed() >= MARKED_AGAIN)
        {
            let now = Instant::now();
            stage.marked = Some(now);
            // A machine that has just started may have no such time.
            let since = now.checked_sub(silent).unwrap_or(now);
            self.marks(&mut stage).set(Some(since));
        }
        if self
            .deadline
            .is_some_and(|deadline| self.now_for_limits(silent) >= deadline)
        {
            self.control.stop(Stop::TimedOut);
        }
        let Some(reason) = self.control.reason() else {
            stage.late_since = None;
            return;
        };
        let late = stage.late_since.get_or_insert_with(Instant::now).elapsed();
        if late >= LATE && !stage.given_up {
            stage.given_up = true;
            drop(stage);
            self.give_up(reason);
        }
    }

    fn answers(&self) {
        self.worker_is_stuck.store(false, Ordering::Relaxed);
        let mut stage = self.stage.lock();
        stage.informed = false;
        stage.late_since = None;
        if stage.marked.take().is_some() {
            self.marks(&mut stage).set(None);
        }
    }
}

impl Watched {
    /// Now, as its limit of time sees it: a test clock may stand still while the run is silent.
    fn now_for_limits(&self, silent: Duration) -> Instant {
        let now = self.clock.now();
        match &self.activity {
            Some(_) if silent >= COUNTED_AFTER => now + silent,
            _ => now,
        }
    }

    fn marks<'a>(&self, stage: &'a mut Stage) -> &'a Arc<Marks> {
        stage.marks.get_or_insert_with(|| {
            let (semaphores, control) = (self.semaphores.clone(), Arc::clone(&self.control));
            Marks::new(self.id, semaphores, control)
        })
    }

    /// Gives up what the run holds, and reports its end.
    fn give_up(&self, reason: Stop) {
        let report = Arc::clone(&self.report);
        let control = Arc::clone(&self.control);
        let error = match reason {
            Stop::Cancelled => RuleError::cancelled(),
            Stop::TimedOut => RuleError::timed_out(self.limits.timeout.unwrap_or_default()),
            Stop::OutOfMemory => RuleError::out_of_memory(self.limits.memory),
            Stop::Panicked => RuleError::panic("the run has not answered since"),
            Stop::Exited => RuleError::exited(1),
        };
        let ran = self.control.since(self.started);
        let report_of = |error| RunReport::without_facts(self.id, &self.name, ran, Err(error));
        let (semaphores, id) = (self.semaphores.clone(), self.id);
        let (live, report_to_send) = (Arc::clone(&self.live), report_of(error.unresponsive()));
        let (observation, span) = (self.observation.clone(), self.span.clone());
        let activity = self.activity.clone();
        // A store may be slow or away; the clock goes on.
        let work = move || {
            semaphores.abandon(id);
            control.abandon_elsewhere(id);
            let sender = report.lock().take();
            if let (Some(_), Some(observation)) = (&sender, &observation) {
                within(span.as_ref(), || observation.ended(&report_to_send));
            }
            live.remove(id);
            if let Some(sender) = sender {
                let _ = sender.send(Sent {
                    report: report_to_send,
                    room: None,
                });
            }
            if let Some(activity) = activity {
                activity.is_given_up();
            }
        };
        // Without a thread left, the run is only given up when its function ends.
        let _ = std::thread::Builder::new()
            .name("cla-give-up".to_owned())
            .spawn(work);
    }
}
