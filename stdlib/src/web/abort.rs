//! The part of an `AbortSignal` that Rust looks at: whether it is aborted, and until when it is not.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use cla_runtime::clock::{Clock, Sleep};
use cla_runtime::host::Run;
use cla_runtime::internal::{EventSource, SourceEvent, Subscription};
use cla_runtime::js::{self, Ctx};
use futures_util::future::select;
use tokio::sync::Notify;

/// What waits with a signal looks at.
pub(crate) struct Core {
    clock: Clock,
    ended: Cell<bool>,
    due: Cell<Option<Instant>>,
    bell: Notify,
    /// What fires it when its time is up.
    alarm: RefCell<Option<Subscription>>,
}

impl Core {
    /// One of a run with this clock.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            ended: Cell::default(),
            due: Cell::default(),
            bell: Notify::new(),
            alarm: RefCell::default(),
        }
    }

    /// The signal is aborted.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        self.bell.notify_waiters();
        let alarm = self.alarm.take();
        drop(alarm);
    }

    /// Whether it is aborted.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Whether its time is up.
    pub(crate) fn is_due(&self) -> bool {
        self.due.get().is_some_and(|due| due <= self.clock.now())
    }

    /// Its time is up no later than the other's.
    pub(crate) fn due_with(&self, other: &Self) {
        let both = [self.due.get(), other.due.get()];
        self.due.set(both.into_iter().flatten().min());
    }

    /// Its time is up then; `fire` is called when the run's event loop comes to it.
    pub(crate) fn due_at<F>(self: &Rc<Self>, run: &Run, due: Instant, fire: F)
    where
        F: for<'js> Fn(&Ctx<'js>) -> js::Result<()> + 'static,
    {
        self.due.set(Some(due));
        let alarm = Alarm {
            sleep: Box::pin(self.clock.sleep_until(due)),
            has_rung: false,
            asked: 0,
        };
        let alarm = run.listen(alarm, move |ctx, ()| fire(ctx));
        *self.alarm.borrow_mut() = Some(alarm);
    }

    /// Done when the signal is aborted, or its time is up.
    pub(crate) async fn wait(self: Rc<Self>) {
        let mut rung = pin!(self.bell.notified());
        rung.as_mut().enable();
        if self.ended.get() {
            return;
        }
        match self.due.get() {
            Some(due) => {
                let due = pin!(self.clock.sleep_until(due));
                select(rung, due).await;
            }
            None => rung.await,
        }
    }
}

/// Rings once. It keeps no run from ending, unlike a timer.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
    has_rung: bool,
    asked: u32,
}

impl EventSource for Alarm {
    type Event = ();

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<SourceEvent<()>>> {
        if self.has_rung {
            return Poll::Ready(None);
        }
        if self.sleep.as_mut().poll(cx).is_ready() {
            self.has_rung = true;
            return Poll::Ready(Some(SourceEvent::Event(())));
        }
        if self.asked > 0 {
            self.asked -= 1;
            return Poll::Ready(Some(SourceEvent::UpToDate));
        }
        Poll::Pending
    }

    fn ask(&mut self) {
        self.asked += 1;
    }
}
