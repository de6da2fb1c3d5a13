//! A run that was started, as its host sees it: a future of its report, which can also cancel it.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Instant;

use cla_semaphore::RunId;
use tokio::sync::oneshot;

use crate::clock::HostWait;
use crate::control::{Control, Stop};
use crate::error::RuleError;
use crate::family::Room;
use crate::forked::HomeProcess;
use crate::report::RunReport;

/// A report that is on its way, and the room that its value takes until it is looked at.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) report: RunReport,
    #[expect(dead_code, reason = "its end is what it is for")]
    pub(crate) room: Option<Room>,
}

/// A run that was started: a future of its [`RunReport`].
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let engine = Engine::new();
/// let run = engine.run(Script::javascript("endless", "while (true) {}"), RunOptions::new());
/// assert_eq!(run.name(), "endless");
/// run.cancel();
/// assert_eq!(run.wait().status(), "cancelled"); // async code awaits it instead
/// ```
#[must_use = "dropping the handle lets the run go on; await it to see how it ends"]
pub struct RunHandle {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) control: Arc<Control>,
    pub(crate) receiver: oneshot::Receiver<Sent>,
    pub(crate) started: Instant,
    home: HomeProcess,
    /// Cancels the run when the handle is dropped, if the host wants that.
    guard: Option<CancelGuard>,
    /// The host waits here, as a test clock sees it.
    host: HostWait,
}

impl RunHandle {
    pub(crate) fn new(
        (id, name): (RunId, Arc<str>),
        control: Arc<Control>,
        receiver: oneshot::Receiver<Sent>,
        started: Instant,
        host: HostWait,
    ) -> Self {
        Self {
            id,
            name,
            control,
            receiver,
            started,
            home: HomeProcess::here(),
            guard: None,
            host,
        }
    }

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
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let engine = Engine::new();
    /// let text = "for (;;) { try { for (;;); } catch {} }";
    /// let run = engine.run(Script::javascript("stubborn", text), RunOptions::new());
    /// run.cancel();
    /// assert_eq!(run.wait().status(), "cancelled");
    /// ```
    pub fn cancel(&self) {
        self.control.stop(Stop::Cancelled);
    }

    /// From now on, dropping the handle before the run has ended cancels the run: for a request whose client may hang up.
    ///
    /// It is cancelled as by [`cancel`](Self::cancel), without waiting for its end. A handle that has given its report, or
    /// is being waited for by [`wait`](Self::wait), cancels nothing.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::new();
    /// let script = Script::javascript("for ever", "while (true) {}");
    /// let handle = engine.run(script, RunOptions::new()).cancel_on_drop();
    /// // The client hangs up: the code that serves it drops the future.
    /// let served = tokio::time::timeout(Duration::from_millis(10), handle).await;
    /// assert!(served.is_err());
    /// engine.idle().await;
    /// # }
    /// ```
    pub fn cancel_on_drop(mut self) -> Self {
        self.guard = Some(CancelGuard(Some(Arc::clone(&self.control))));
        self
    }

    pub(crate) fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Something that can cancel the run after the handle has been given away or awaited.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let run = Engine::new().run(Script::javascript("for ever", "while (true) {}"), RunOptions::new());
    /// let canceller = run.canceller();
    /// std::thread::spawn(move || canceller.cancel());
    /// assert_eq!(run.wait().status(), "cancelled");
    /// ```
    pub fn canceller(&self) -> RunCanceller {
        RunCanceller(Arc::clone(&self.control))
    }

    /// Waits for the report on a plain thread.
    ///
    /// # Panics
    ///
    /// Inside an async runtime, where blocking would stall it; await the handle there.
    pub fn wait(mut self) -> RunReport {
        if let Some(sent) = self.sent_elsewhere() {
            return sent;
        }
        if self.host.is_seen() {
            return on_this_thread(self);
        }
        let (id, name) = (self.id, self.name);
        let report = self.receiver.blocking_recv().map_or_else(
            |_| {
                let ran = self.control.since(self.started);
                RunReport::lost(id, &name, ran, RunReport::THREAD_ENDED)
            },
            |sent| sent.report,
        );
        if let Some(guard) = self.guard {
            guard.disarm();
        }
        report
    }
}

impl RunHandle {
    /// In a fork of the process in which the run was started, nothing sends its report: gives what is known.
    fn sent_elsewhere(&mut self) -> Option<RunReport> {
        if !self.home.is_elsewhere() {
            return None;
        }
        if let Some(guard) = self.guard.take() {
            guard.disarm();
        }
        let problem = self.home.problem().unwrap_or(RunReport::THREAD_ENDED);
        let error = Err(RuleError::forked(problem));
        let ran = self.control.since(self.started);
        Some(RunReport::without_facts(self.id, &self.name, ran, error))
    }
}

/// Polls a run's handle on a thread that sleeps in between.
fn on_this_thread(mut handle: RunHandle) -> RunReport {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(report) = Pin::new(&mut handle).poll(&mut cx) {
            return report;
        }
        std::thread::park();
    }
}

impl Future for RunHandle {
    type Output = RunReport;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<RunReport> {
        if let Some(report) = self.sent_elsewhere() {
            return Poll::Ready(report);
        }
        let this = &mut *self;
        let sent = this
            .host
            .poll(cx, |cx| Pin::new(&mut this.receiver).poll(cx));
        sent.map(|sent| {
            if let Some(guard) = self.guard.take() {
                guard.disarm();
            }
            sent.map_or_else(
                |_| {
                    let ran = self.control.since(self.started);
                    RunReport::lost(self.id, &self.name, ran, RunReport::THREAD_ENDED)
                },
                |sent| sent.report,
            )
        })
    }
}

impl fmt::Debug for RunHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunHandle")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Cancels a run when it is dropped.
#[derive(Debug)]
struct CancelGuard(Option<Arc<Control>>);

impl CancelGuard {
    /// The run has ended.
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelGuard {
    fn drop(&mut self) {
        if let Some(control) = &self.0 {
            control.stop(Stop::Cancelled);
        }
    }
}

/// Cancels a run; see [`RunHandle::canceller`].
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let run = Engine::new().run(Script::javascript("endless", "while (true) {}"), RunOptions::new());
/// let canceller = run.canceller();
/// std::thread::spawn(move || canceller.cancel());
/// assert_eq!(run.wait().status(), "cancelled");
/// ```
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
