//! A run that was started, as its host sees it: a future of its report, which can also cancel it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use cla_semaphore::RunId;
use tokio::sync::oneshot;

use crate::control::{Control, Stop};
use crate::family::Room;
use crate::report::RunReport;

/// A report that is on its way, and the room that its value takes until it is looked at.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) report: RunReport,
    #[expect(dead_code, reason = "its end is what it is for")]
    pub(crate) room: Option<Room>,
}

/// A run that was started: a future of its [`RunReport`].
#[derive(Debug)]
#[must_use = "dropping the handle lets the run go on; await it to see how it ends"]
pub struct RunHandle {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) control: Arc<Control>,
    pub(crate) receiver: oneshot::Receiver<Sent>,
    pub(crate) started: Instant,
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

/// Cancels a run; see [`RunHandle::canceller`].
#[derive(Clone, Debug)]
pub struct RunCanceller(Arc<Control>);

impl RunCanceller {
    /// As [`RunCanceller::cancel`], by a run that is stopped itself: what must happen in the end has until then.
    #[doc(hidden)]
    pub fn cancel_within(&self, until: Option<Instant>) {
        self.0.stop_within(Stop::Cancelled, until);
    }
}

impl RunCanceller {
    /// See [`RunHandle::cancel`].
    pub fn cancel(&self) {
        self.0.stop(Stop::Cancelled);
    }
}
