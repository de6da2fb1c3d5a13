//! Says in the stores that a run does not answer, or answers again, in this order, without holding up the caller.

use std::sync::Arc;
use std::time::Instant;

use cla_semaphore::{RunId, Semaphores};
use parking_lot::Mutex;

use crate::control::Control;

/// The marks of one run.
pub(super) struct Marks {
    run: RunId,
    semaphores: Semaphores,
    control: Arc<Control>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is to be said next. A later mark replaces one that is not said yet.
    next: Option<Option<Instant>>,
    /// A thread says what is to be said. There is at most one, so that nothing overtakes.
    working: bool,
}

impl Marks {
    pub(super) fn new(run: RunId, semaphores: Semaphores, control: Arc<Control>) -> Arc<Self> {
        Arc::new(Self {
            run,
            semaphores,
            control,
            state: Mutex::default(),
        })
    }

    /// The run does not answer since then, or answers again.
    pub(super) fn set(self: &Arc<Self>, since: Option<Instant>) {
        let mut state = self.state.lock();
        state.next = Some(since);
        if state.working {
            return;
        }
        let marks = Arc::clone(self);
        // A store may be slow, and the one in memory goes through all its semaphores; the caller is the clock, or a worker.
        let started = std::thread::Builder::new()
            .name("cla-mark".to_owned())
            .spawn(move || marks.work());
        // Without a thread left, it is said with the next mark; the end of the run takes all marks with it.
        state.working = started.is_ok();
    }

    fn work(&self) {
        while let Some(since) = self.next() {
            self.semaphores.mark_unresponsive(self.run, since);
            self.control.mark_elsewhere(self.run, since);
        }
    }

    fn next(&self) -> Option<Option<Instant>> {
        let mut state = self.state.lock();
        let next = state.next.take();
        state.working = next.is_some();
        next
    }
}
