//! What a run still has to do after its script was read: promise jobs, timers, and host futures.
//!
//! A run ends when none of these is left, and the sources that it listens to have brought what happened until then.
//! While it waits for the next one, its fiber is suspended.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rquickjs::function::{Args, Opt, Rest};
use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Exception, Function, Persistent, Promise, Value};

use crate::event_source::EventSources;
use crate::memory_reservation::MemoryReservation;
use crate::run::Run;
use crate::sys::memory::MemoryGauge;

/// A timer's delay is at most this long, as in browsers: 2^31 - 1 milliseconds, some 25 days.
const MAX_DELAY: Duration = Duration::from_millis(i32::MAX as u64);

/// An interval fires at most once per millisecond.
const MIN_INTERVAL: Duration = Duration::from_millis(1);

/// How many events and results of host futures that are there may come between two timers that are due.
const MOST_BETWEEN_TIMERS: u32 = 64;

/// What a timer counts for against the run's memory limit, in bytes: its entry in the queue and in
/// the table, with room to grow.
const TIMER_BYTES: usize = 256;

/// What a pending host future counts for beside its own size, in bytes: its box, its place among the others, and what the
/// system keeps for it.
const FUTURE_BYTES: usize = 256;

/// What a rejected promise without a handler counts for, in bytes: two values, with room to grow.
const REJECTED_BYTES: usize = 128;

/// What a finished host future does with its result, or a source with its event, inside the isolate.
pub(crate) type Completion = Box<dyn for<'js> FnOnce(&Ctx<'js>) -> rquickjs::Result<()>>;

pub(crate) struct EventLoop {
    gauge: Rc<MemoryGauge>,
    timers: RefCell<Timers>,
    futures: RefCell<FuturesUnordered<Pin<Box<dyn Future<Output = Completion>>>>>,
    /// Futures that were started while the ones above were being polled.
    started: RefCell<Vec<Pin<Box<dyn Future<Output = Completion>>>>>,
    /// The result of one of them, which waits for events that were there before it.
    finished: RefCell<Option<Completion>>,
    pub(crate) sources: EventSources,
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
}

struct Timer {
    /// Which entry of the queue is the current one.
    turn: u64,
    callback: Persistent<Function<'static>>,
    arguments: Vec<Persistent<Value<'static>>>,
    interval: Option<Duration>,
    _charge: MemoryReservation,
}

/// Why driving the event loop ended.
#[derive(Debug)]
pub(crate) enum Ended<'js> {
    /// The promise it was driven for is settled.
    Settled,
    /// Nothing is pending any more that could go on or, if there is a promise, settle it.
    Idle,
    /// The run was stopped.
    Stopped,
    /// An exception that was not caught, or a rejection that was not handled.
    Uncaught(Value<'js>),
}

impl EventLoop {
    pub(crate) fn new(gauge: Rc<MemoryGauge>) -> Self {
        Self {
            gauge,
            timers: RefCell::default(),
            futures: RefCell::default(),
            started: RefCell::default(),
            finished: RefCell::default(),
            sources: EventSources::default(),
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
        let turn = timers.schedule(id, Instant::now() + delay);
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
                _charge: count_memory,
            },
        );
        id
    }

    /// Forgets a timer; unknown ids are fine.
    pub(crate) fn clear_timer(&self, id: u32) {
        let mut timers = self.timers.borrow_mut();
        timers.live.remove(&id);
        timers.compact();
    }

    /// Adds a host future; the run does not end before it is done.
    pub(crate) fn start_future<F, R>(&self, future: F, complete: R)
    where
        F: Future + 'static,
        R: for<'js> FnOnce(&Ctx<'js>, F::Output) -> rquickjs::Result<()> + 'static,
    {
        let bytes = FUTURE_BYTES + size_of::<F>() + size_of::<R>();
        let count_memory = MemoryReservation::new(&self.gauge, bytes);
        self.started.borrow_mut().push(Box::pin(async move {
            let output = future.await;
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

    /// Ends the promise jobs that are pending, and those that they make: each fails as soon as its function begins.
    ///
    /// For a session that was interrupted, whose jobs may make new ones for ever.
    pub(crate) fn end_jobs(&self, run: &Run, ctx: &Ctx<'_>) {
        /// More than any script makes that does not do so for ever.
        const MOST: u32 = 1_000_000;
        for _ in 0..MOST {
            run.gauge.pulse().expire();
            if !ctx.execute_pending_job() {
                return;
            }
        }
    }

    /// Runs what is pending until `promise` is settled, or, without one, until nothing is left.
    pub(crate) fn drive<'js>(
        &self,
        run: &Run,
        ctx: &Ctx<'js>,
        promise: Option<&Promise<'js>>,
    ) -> Ended<'js> {
        let mut before_next_timer = 0;
        loop {
            // Jobs first: a timer's callback may not run between a promise and its reactions.
            while ctx.execute_pending_job() {
                if run.stopped() {
                    return Ended::Stopped;
                }
            }
            if run.must_stop() {
                return Ended::Stopped;
            }
            // A job may have caught a panic.
            if run.find_panic(ctx) {
                return Ended::Stopped;
            }
            if let Some(value) = self.take_uncaught(ctx) {
                return Ended::Uncaught(value);
            }
            if promise.is_some_and(|promise| promise.state() != PromiseState::Pending) {
                return Ended::Settled;
            }
            // Timers that are always due, as those of a rule that looks again and again, hold up nothing else.
            if before_next_timer == 0 && self.run_next_timer(run, ctx) {
                before_next_timer = MOST_BETWEEN_TIMERS;
                self.sources.note_work();
                continue;
            }
            self.futures
                .borrow_mut()
                .extend(self.started.borrow_mut().drain(..));
            let due = self.timers.borrow_mut().next_due();
            if due.is_none()
                && self.futures.borrow().is_empty()
                && self.finished.borrow().is_none()
                && self.sources.allow_end(promise.is_some())
            {
                return Ended::Idle;
            }
            // A host's future may panic, or what becomes of its output.
            match run.contain(|| run.block_on(ctx, self.next_completion(due))) {
                Ok(Ok(Some(completion))) => {
                    before_next_timer = before_next_timer.saturating_sub(1);
                    match run.contain(|| completion(ctx)) {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => {
                            let value = ctx.catch();
                            self.report_uncaught(ctx, value);
                        }
                        Err(_) => return Ended::Stopped,
                    }
                }
                Ok(Ok(None)) => before_next_timer = 0,
                Ok(Err(_)) => {
                    ctx.catch();
                    return Ended::Stopped;
                }
                Err(_) => return Ended::Stopped,
            }
        }
    }

    /// Waits for an event or for a host future to finish, or until the next timer is due.
    ///
    /// Events come first: what a future did to bring one about has its effect before the future's own result is known.
    async fn next_completion(&self, due: Option<Instant>) -> Option<Completion> {
        let mut timer = pin!(async {
            match due {
                Some(due) if due <= Instant::now() => {}
                Some(due) => tokio::time::sleep_until(due.into()).await,
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

    /// Calls the callback of a timer that is due; `false` when none is.
    fn run_next_timer(&self, run: &Run, ctx: &Ctx<'_>) -> bool {
        let due = self.timers.borrow_mut().take_due(Instant::now());
        let Some(DueTimer {
            id,
            callback,
            arguments,
        }) = due
        else {
            return false;
        };
        // A panic of a function that the callback calls comes out of rquickjs here.
        let Ok(called) = run.contain(|| call_timer(ctx, callback, arguments)) else {
            return true;
        };
        if called.is_err() {
            let value = ctx.catch();
            if run.control.is_interrupted() {
                // An interval whose callback had to be stopped would keep the session from everything else again.
                self.timers.borrow_mut().live.remove(&id);
            }
            self.report_uncaught(ctx, value);
        }
        true
    }

    fn take_uncaught<'js>(&self, ctx: &Ctx<'js>) -> Option<Value<'js>> {
        let uncaught = self.uncaught.take().or_else(|| {
            let rejected = self.rejected.take();
            rejected.into_iter().next().map(|first| first.reason)
        });
        uncaught.and_then(|value| value.restore(ctx).ok())
    }
}

/// A timer whose time has come.
struct DueTimer {
    id: u32,
    callback: Persistent<Function<'static>>,
    arguments: Vec<Persistent<Value<'static>>>,
}

fn call_timer(
    ctx: &Ctx<'_>,
    callback: Persistent<Function<'static>>,
    arguments: Vec<Persistent<Value<'static>>>,
) -> rquickjs::Result<()> {
    let mut list = Args::new(ctx.clone(), arguments.len());
    for argument in arguments {
        list.push_arg(argument.restore(ctx)?)?;
    }
    callback.restore(ctx)?.call_arg(list)
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
            None => self.live.remove(&id).map(|timer| DueTimer {
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

/// Installs `setTimeout` and its family, and `queueMicrotask`.
pub(crate) fn install<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()> {
    let globals = ctx.globals();
    for (name, repeat) in [("setTimeout", false), ("setInterval", true)] {
        let run = Rc::clone(run);
        let start = move |ctx: Ctx<'js>,
                          callback: Value<'js>,
                          delay: Opt<Value<'js>>,
                          arguments: Rest<Value<'js>>| {
            let callback = callback_of(&ctx, name, callback)?;
            let delay = delay.0.map_or(Duration::ZERO, |delay| delay_of(&delay));
            let id = run
                .event_loop
                .start_timer(&ctx, callback, delay, repeat, arguments.0);
            rquickjs::Result::Ok(id)
        };
        globals.set(name, Function::new(ctx.clone(), start)?.with_name(name)?)?;
    }
    let start_immediate = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, callback: Value<'js>, arguments: Rest<Value<'js>>| {
            let callback = callback_of(&ctx, "setImmediate", callback)?;
            let id = run
                .event_loop
                .start_timer(&ctx, callback, Duration::ZERO, false, arguments.0);
            rquickjs::Result::Ok(id)
        }
    };
    let name = "setImmediate";
    globals.set(
        name,
        Function::new(ctx.clone(), start_immediate)?.with_name(name)?,
    )?;
    let clear = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, id: Opt<Value<'js>>| {
            // One more function for this would cost each run its memory.
            if run.is_probing() {
                return Err(ctx.throw(Value::new_int(ctx.clone(), 0)));
            }
            if let Some(id) = id.0.and_then(|id| id.as_number()) {
                // Ids are whole numbers from 1 to 2^32 - 1; the cast makes 0 of anything less.
                run.event_loop.clear_timer(id as u32);
            }
            Ok(())
        }
    };
    // One function serves the three names, as it does in browsers.
    let clear = Function::new(ctx.clone(), clear)?.with_name("clearTimeout")?;
    run.set_thrower(ctx, clear.clone());
    for name in ["clearTimeout", "clearInterval", "clearImmediate"] {
        globals.set(name, clear.clone())?;
    }
    let queue = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, callback: Value<'js>| {
            let callback = callback_of(&ctx, "queueMicrotask", callback)?;
            let run = Rc::clone(&run);
            // QuickJS would swallow what the callback throws; this reports it.
            let job = Function::new(
                ctx.clone(),
                move |ctx: Ctx<'js>, callback: Function<'js>| {
                    if callback.call::<_, Value<'js>>(()).is_err() {
                        let value = ctx.catch();
                        run.event_loop.report_uncaught(&ctx, value);
                    }
                },
            )?;
            job.defer((callback,))
        }
    };
    let name = "queueMicrotask";
    globals.set(name, Function::new(ctx.clone(), queue)?.with_name(name)?)
}

fn callback_of<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    callback: Value<'js>,
) -> rquickjs::Result<Function<'js>> {
    callback.try_into_function().map_err(|other| {
        let message = format!(
            "{name}: the callback must be a function, not {}",
            other.type_name()
        );
        Exception::throw_type(ctx, &message)
    })
}

/// A delay in milliseconds, as `setTimeout` takes it; what is not a positive number counts as 0.
fn delay_of(value: &Value<'_>) -> Duration {
    let milliseconds = value.as_number().unwrap_or(0.0);
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or(if milliseconds > 0.0 {
        MAX_DELAY
    } else {
        Duration::ZERO
    })
}
