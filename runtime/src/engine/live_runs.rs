//! The runs of an engine that have not reported yet.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use cla_semaphore::RunId;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::control::{Control, Stop};

/// The runs that have been started and have not reported yet.
#[derive(Debug, Default)]
pub(crate) struct LiveRuns {
    runs: Mutex<HashMap<RunId, LiveRun>>,
    /// Rings when the last one has ended.
    idle: Notify,
}

#[derive(Debug)]
pub(super) struct LiveRun {
    pub(super) name: Arc<str>,
    pub(super) control: Arc<Control>,
    pub(super) started: Instant,
}

impl LiveRuns {
    pub(super) fn insert(&self, id: RunId, run: LiveRun) {
        self.runs.lock().insert(id, run);
    }

    pub(super) fn remove(&self, id: RunId) {
        let mut runs = self.runs.lock();
        runs.remove(&id);
        if runs.is_empty() {
            self.idle.notify_waiters();
        }
    }

    /// Their ids and names, oldest first.
    pub(super) fn names(&self) -> Vec<(RunId, Arc<str>)> {
        let live = self.runs.lock();
        let mut runs: Vec<_> = live
            .iter()
            .map(|(id, run)| (run.started, *id, Arc::clone(&run.name)))
            .collect();
        runs.sort_by_key(|(started, _, _)| *started);
        runs.into_iter().map(|(_, id, name)| (id, name)).collect()
    }

    /// Cancels one; `false` if it is not among them.
    pub(super) fn cancel(&self, id: RunId) -> bool {
        let live = self.runs.lock();
        let run = live.get(&id);
        if let Some(run) = run {
            run.control.stop(Stop::Cancelled);
        }
        run.is_some()
    }

    pub(super) fn cancel_all(&self) {
        for run in self.runs.lock().values() {
            run.control.stop(Stop::Cancelled);
        }
    }

    /// Waits until there is none.
    pub(super) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.runs.lock().is_empty() {
                return;
            }
            idle.await;
        }
    }
}
