//! What a run still has to do after its script was read, beside promise jobs: timers, host futures and event sources.
//!
//! This is the list of it, and what comes next. [`Run::drive`](crate::host::Run::drive) does it.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rquickjs::function::Args;
use rquickjs::{Ctx, Function, Persistent, Value};

use crate::clock::{Activity, Clock, OutsideFuture, Wait};
use crate::event_source::{Completion, EventSources};
use crate::memory_reservation::MemoryReservation;
use crate::sys::memory::MemoryGauge;

/// A timer's delay is at most this long, as in browsers: 2^31 - 1 milliseconds, some 25 days.
pub(crate) const MAX_DELAY: Duration = Duration::from_millis(i32::MAX as u64);

/// An interval fires at most once per millisecond.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// What a timer counts for against the run's memory limit, in bytes: its entry in the queue and in
/// the table, with room to grow.
const TIMER_BYTES: usize = 256;

/// What a pending host future counts for beside its own size, in bytes: its box, its place among the others, and what the
/// system keeps for it.
const FUTURE_BYTES: usize = 256;

/// What a rejected promise without a handler counts for, in bytes: two values, with room to grow.
const REJECTED_BYTES: usize = 128;

/// What is pending in a run.
pub(crate) struct EventLoop {
    clock: Clock,
    activity: Option<Arc<Activity>>,
    gauge: Rc<MemoryGauge>,
    timers: RefCell<Timers>,
    futures: RefCell<FuturesUnordered<Pin<Box<dyn Future<Output = Completion>>>>>,
    /// Futures that were started while the ones above were being polled.
    started: RefCell<Vec<Pin<Box<dyn Future<Output = Completion>>>>>,
    /// The result of one of them, which waits for events that were there before it.
    finished: RefCell<Option<Completion>>,
    pub(crate) sources: EventSources,
    /// How many times what was pending has been aborted.
    aborts: Rc<Cell<u32>>,
    rejected: RefCell<Vec<Rejected>>,
    uncaught: RefCell<Option<Persistent<Value<'static>>>>,
}

/// A promise that was rejected while it had no handler.
struct Rejected {
    promise: Persistent<Value<'static>>,
    reason: Persistent<Value<'static>>,
    _charge: MemoryReservation,
}

#[derive(Default)]
struct Timers {
    next_id: u32,
    /// Due times in order; an entry whose id is gone, or whose turn has moved, is stale.
    queue: BinaryHeap<Reverse<(Instant, u64, u32)>>,
    turns: u64,
    live: HashMap<u32, Timer>,
    /// How many of them let the run end.
    loose: usize,
}

struct Timer {
    /// Which entry of the queue is the current one.
    turn: u64,
    callback: Persistent<Function<'static>>,
    arguments: Vec<Persistent<Value<'static>>>,
    interval: Option<Duration>,
    /// The run does not end before it.
    holds: bool,
    _charge: MemoryReservation,
}

impl EventLoop {
    pub(crate) fn new(
        gauge: Rc<MemoryGauge>,
        clock: Clock,
        activity: Option<Arc<Activity>>,
    ) -> Self {
        Self {
            clock,
            activity,
            gauge,
            timers: RefCell::default(),
            futures: RefCell::default(),
            started: RefCell::default(),
            finished: RefCell::default(),
            sources: EventSources::default(),
            aborts: Rc::default(),
            rejected: RefCell::default(),
            uncaught: RefCell::default(),
        }
    }

    /// Registers a timer; returns its id, which is never 0.
    pub(crate) fn start_timer<'js>(
        &self,
        ctx: &Ctx<'js>,
        callback: Function<'js>,
        delay: Duration,
        repeat: bool,
        arguments: Vec<Value<'js>>,
    ) -> u32 {
        let delay = delay.min(MAX_DELAY);
        let kept = arguments.len() * size_of::<Persistent<Value<'static>>>();
        let count_memory = MemoryReservation::new(&self.gauge, TIMER_BYTES + kept);
        let mut timers = self.timers.borrow_mut();
        timers.next_id = timers.next_id.wrapping_add(1).max(1);
        let id = timers.next_id;
        let turn = timers.schedule(id, self.clock.now() + delay);
        timers.live.insert(
            id,
            Timer {
                turn,
                callback: Persistent::save(ctx, callback),
                arguments: arguments
                    .into_iter()
                    .map(|value| Persistent::save(ctx, value))
                    .collect(),
                interval: repeat.then(|| delay.max(MIN_INTERVAL)),
                holds: true,
                _charge: count_memory,
            },
        );
        id
    }

    /// Forgets a timer; unknown ids are fine.
    pub(crate) fn clear_timer(&self, id: u32) {
        let mut timers = self.timers.borrow_mut();
        drop(timers.remove(id));
        timers.compact();
    }

    /// Says whether the run must not end before a timer, as it must not at first; unknown ids are fine.
    pub(crate) fn hold_timer(&self, id: u32, holds: bool) {
        let mut timers = self.timers.borrow_mut();
        let Some(timer) = timers.live.get_mut(&id) else {
            return;
        };
        match (std::mem::replace(&mut timer.holds, holds), holds) {
            (true, false) => timers.loose += 1,
            (false, true) => timers.loose -= 1,
            _ => {}
        }
    }

    /// Begins the time of a timer anew; `false` if there is none of this id any more.
    pub(crate) fn restart_timer(&self, id: u32, delay: Duration) -> bool {
        let mut timers = self.timers.borrow_mut();
        if !timers.live.contains_key(&id) {
            return false;
        }
        let turn = timers.schedule(id, self.clock.now() + delay.min(MAX_DELAY));
        if let Some(timer) = timers.live.get_mut(&id) {
            timer.turn = turn;
        }
        timers.compact();
        true
    }

    /// Adds a host future; the run does not end before it is done. What it waits for: see [`Wait`].
    pub(crate) fn start_future<F, R>(&self, wait: Wait, future: F, complete: R)
    where
        F: Future + 'static,
        R: for<'js> FnOnce(&Ctx<'js>, F::Output) -> rquickjs::Result<()> + 'static,
    {
        let bytes = FUTURE_BYTES + size_of::<F>() + size_of::<R>();
        let count_memory = MemoryReservation::new(&self.gauge, bytes);
        let outside = self.activity.as_ref().filter(|_| wait == Wait::Outside);
        let outside = outside.map(OutsideFuture::new);
        self.started.borrow_mut().push(Box::pin(async move {
            let output = future.await;
            drop(outside);
            drop(count_memory);
            let completion: Completion = Box::new(move |ctx| complete(ctx, output));
            completion
        }));
    }

    /// Notes an exception that no code can catch; the first one ends the run.
    pub(crate) fn report_uncaught<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>) {
        let mut uncaught = self.uncaught.borrow_mut();
        if uncaught.is_none() {
            *uncaught = Some(Persistent::save(ctx, value));
        }
    }

    /// Follows which rejected promises have no handler.
    pub(crate) fn track_rejection<'js>(
        &self,
        ctx: &Ctx<'js>,
        promise: Value<'js>,
        reason: Value<'js>,
        handled: bool,
    ) {
        let mut rejected = self.rejected.borrow_mut();
        if handled {
            let promise = Persistent::save(ctx, promise);
            // Nearly always it is the last one.
            if let Some(at) = rejected.iter().rposition(|entry| entry.promise == promise) {
                rejected.remove(at);
            }
        } else {
            rejected.push(Rejected {
                promise: Persistent::save(ctx, promise),
                reason: Persistent::save(ctx, reason),
                _charge: MemoryReservation::new(&self.gauge, REJECTED_BYTES),
            });
        }
    }

    /// A future that gives nothing once what is pending now was aborted.
    pub(crate) fn abortable<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let aborts = Rc::clone(&self.aborts);
        let begun = aborts.get();
        async move {
            let mut future = pin!(future);
            poll_fn(|cx| match aborts.get() == begun {
                true => future.as_mut().poll(cx).map(Some),
                false => Poll::Ready(None),
            })
            .await
        }
    }

    /// Lets every [abortable](Self::abortable) future that is pending end, and gives the callbacks of the timers, which are
    /// forgotten.
    pub(crate) fn abort(&self) -> Vec<Persistent<Function<'static>>> {
        self.aborts.set(self.aborts.get().wrapping_add(1));
        // What is put in is polled again.
        let futures = std::mem::take(&mut *self.futures.borrow_mut());
        self.futures.borrow_mut().extend(futures);
        let mut timers = self.timers.borrow_mut();
        timers.queue.clear();
        let live = std::mem::take(&mut timers.live);
        live.into_values().map(|timer| timer.callback).collect()
    }

    /// Drops everything that is pending, and calls `between` again and again meanwhile.
    pub(crate) fn clear(&self, mut between: impl FnMut()) {
        let Timers { queue, live, .. } = std::mem::take(&mut *self.timers.borrow_mut());
        drop(queue);
        let futures = std::mem::take(&mut *self.futures.borrow_mut());
        let started = std::mem::take(&mut *self.started.borrow_mut());
        drop_in_pieces(live.into_values(), &mut between);
        drop_in_pieces(futures.into_iter(), &mut between);
        drop_in_pieces(started.into_iter(), &mut between);
        self.finished.take();
        self.sources.clear();
        drop_in_pieces(self.rejected.take().into_iter(), &mut between);
        self.uncaught.borrow_mut().take();
    }

    /// Takes a timer that is due, if there is one.
    pub(crate) fn take_due_timer(&self) -> Option<DueTimer> {
        self.timers.borrow_mut().take_due(self.clock.now())
    }

    /// When the next timer is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.timers.borrow_mut().next_due()
    }

    /// Whether there is a timer before which the run must not end.
    pub(crate) fn has_holding_timer(&self) -> bool {
        let timers = self.timers.borrow();
        timers.live.len() > timers.loose
    }

    /// Lets futures that were started meanwhile be polled with the others.
    pub(crate) fn poll_started(&self) {
        self.futures
            .borrow_mut()
            .extend(self.started.borrow_mut().drain(..));
    }

    /// Whether a timer or a host future is pending.
    pub(crate) fn has_pending(&self) -> bool {
        !self.timers.borrow().live.is_empty()
            || !self.futures.borrow().is_empty()
            || !self.started.borrow().is_empty()
            || self.finished.borrow().is_some()
    }

    /// Whether nothing is pending but timers. `awaited`: the run waits for a promise.
    pub(crate) fn allows_end(&self, awaited: bool) -> bool {
        self.futures.borrow().is_empty()
            && self.finished.borrow().is_none()
            && self.sources.allow_end(awaited)
    }

    /// Whether nothing is pending but timers that a run which is stopped waits for: events are of no use to it any more.
    pub(crate) fn allows_stopped_end(&self) -> bool {
        self.futures.borrow().is_empty() && self.finished.borrow().is_none()
    }

    /// Waits for an event or for a host future to finish, or until the next timer is due.
    ///
    /// Events come first: what a future did to bring one about has its effect before the future's own result is known.
    pub(crate) async fn next_completion(&self, due: Option<Instant>) -> Option<Completion> {
        let mut timer = pin!(async {
            match due {
                Some(due) if due <= self.clock.now() => {}
                Some(due) => self.clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|cx| {
            let mut finished = self.finished.borrow_mut();
            if finished.is_none()
                && let Poll::Ready(completion) = self.futures.borrow_mut().poll_next_unpin(cx)
            {
                *finished = completion;
            }
            if self.sources.take_turn(finished.is_some())
                && let Poll::Ready(event) = self.sources.poll(cx)
            {
                return Poll::Ready(event);
            }
            if let Some(completion) = finished.take() {
                self.sources.note_work();
                return Poll::Ready(Some(completion));
            }
            timer.as_mut().poll(cx).map(|()| None)
        })
        .await
    }

    /// The exception that nothing has caught, or the reason of a rejection that nothing has handled.
    pub(crate) fn take_uncaught<'js>(&self, ctx: &Ctx<'js>) -> Option<Value<'js>> {
        let uncaught = self.uncaught.take().or_else(|| {
            let rejected = self.rejected.take();
            rejected.into_iter().next().map(|first| first.reason)
        });
        uncaught.and_then(|value| value.restore(ctx).ok())
    }
}

/// A timer whose time has come.
pub(crate) struct DueTimer {
    id: u32,
    callback: Persistent<Function<'static>>,
    arguments: Vec<Persistent<Value<'static>>>,
}

impl DueTimer {
    /// Its id, by which it is cleared.
    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    /// Calls its callback.
    pub(crate) fn call(self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        let mut list = Args::new(ctx.clone(), self.arguments.len());
        for argument in self.arguments {
            list.push_arg(argument.restore(ctx)?)?;
        }
        self.callback.restore(ctx)?.call_arg(list)
    }
}

/// Drops each of the items, calling `between` now and then.
fn drop_in_pieces<T>(items: impl Iterator<Item = T>, mut between: impl FnMut()) {
    const PIECE: usize = 256;
    for (index, item) in items.enumerate() {
        drop(item);
        if index % PIECE == PIECE - 1 {
            between();
        }
    }
}

impl Timers {
    fn schedule(&mut self, id: u32, due: Instant) -> u64 {
        self.turns += 1;
        self.queue.push(Reverse((due, self.turns, id)));
        self.turns
    }

    fn remove(&mut self, id: u32) -> Option<Timer> {
        let timer = self.live.remove(&id)?;
        self.loose -= usize::from(!timer.holds);
        Some(timer)
    }

    fn is_current(&self, turn: u64, id: u32) -> bool {
        self.live.get(&id).is_some_and(|timer| timer.turn == turn)
    }

    /// Drops stale entries once they are the majority, so that a rule which sets and clears timers
    /// for ever keeps its memory.
    fn compact(&mut self) {
        if self.queue.len() > 64 && self.queue.len() > 2 * self.live.len() {
            let queue = std::mem::take(&mut self.queue);
            self.queue = queue
                .into_iter()
                .filter(|Reverse((_, turn, id))| self.is_current(*turn, *id))
                .collect();
        }
    }

    fn next_due(&mut self) -> Option<Instant> {
        while let Some(Reverse((due, turn, id))) = self.queue.peek().copied() {
            if self.is_current(turn, id) {
                return Some(due);
            }
            self.queue.pop();
        }
        None
    }

    fn take_due(&mut self, now: Instant) -> Option<DueTimer> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse((due, _, id)) = self.queue.pop()?;
        let interval = self.live.get(&id)?.interval;
        match interval {
            None => self.remove(id).map(|timer| DueTimer {
                id,
                callback: timer.callback,
                arguments: timer.arguments,
            }),
            Some(interval) => {
                // An interval that fell behind skips the beats it missed.
                let turn = self.schedule(id, (due + interval).max(now));
                let timer = self.live.get_mut(&id)?;
                timer.turn = turn;
                Some(DueTimer {
                    id,
                    callback: timer.callback.clone(),
                    arguments: timer.arguments.clone(),
                })
            }
        }
    }
}
