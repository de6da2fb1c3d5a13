//! What goes on in a run beside the code that is being called: promises of host futures, events from outside, timers. And
//! how all that is driven until the run may end.
//!
//! A run ends when nothing is pending any more, and the sources that it listens to have brought what happened until then.
//! While it waits for the next one, its fiber is suspended.

use std::future::Future;
use std::time::Duration;

use rquickjs::promise::PromiseState;
use rquickjs::{Ctx, Function, Promise, Value};

use super::Run;
use super::unwinding::throw_aborted;
use crate::clock::Wait;
use crate::event_source::{EventSource, Subscription};
use crate::sys::quickjs::has_jobs;

/// How many events and results of host futures that are there may come between two timers that are due.
const MOST_BETWEEN_TIMERS: u32 = 64;

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

impl Run {
    /// Whether async code of this run waits for its turn: for a promise, a timer or a host future. While the run blocks, none of
    /// it goes on.
    pub fn has_async_code(&self, ctx: &Ctx<'_>) -> bool {
        has_jobs(ctx) || self.event_loop.has_pending()
    }

    /// Calls a function as soon as nothing else of the run is to be done, as `setImmediate` does.
    pub fn soon<'js>(&self, ctx: &Ctx<'js>, function: Function<'js>) {
        let now = Duration::ZERO;
        self.event_loop
            .start_timer(ctx, function, now, false, Vec::new());
    }

    /// Says whether the run must not end before a timer, by the id that `setTimeout` gave. At first it must not.
    pub fn hold_timer(&self, id: u32, holds: bool) {
        self.event_loop.hold_timer(id, holds);
    }

    /// Begins the time of a timer anew; `false` if it has come, or was cleared.
    pub fn restart_timer(&self, id: u32, delay: Duration) -> bool {
        self.event_loop.restart_timer(id, delay)
    }

    /// Starts a host future and returns a promise of its result.
    ///
    /// The run does not end before the future is done. `convert` runs on the run's thread when it is;
    /// an exception that it throws rejects the promise.
    pub fn promise<'js, F, C>(
        &self,
        ctx: &Ctx<'js>,
        future: F,
        convert: C,
    ) -> rquickjs::Result<Promise<'js>>
    where
        F: Future + 'static,
        C: for<'a> FnOnce(&Ctx<'a>, F::Output) -> rquickjs::Result<Value<'a>> + 'static,
    {
        self.promise_of(ctx, Wait::Outside, future, convert)
    }

    /// As [`promise`](Self::promise), of what only the clock, a semaphore whose time is that of the clock, or another run of the
    /// engine brings: see [`block_durably`](Self::block_durably).
    ///
    /// # Errors
    ///
    /// As [`promise`](Self::promise).
    pub fn promise_durably<'js, F, C>(
        &self,
        ctx: &Ctx<'js>,
        future: F,
        convert: C,
    ) -> rquickjs::Result<Promise<'js>>
    where
        F: Future + 'static,
        C: for<'a> FnOnce(&Ctx<'a>, F::Output) -> rquickjs::Result<Value<'a>> + 'static,
    {
        self.promise_of(ctx, Wait::Durable, future, convert)
    }

    fn promise_of<'js, F, C>(
        &self,
        ctx: &Ctx<'js>,
        wait: Wait,
        future: F,
        convert: C,
    ) -> rquickjs::Result<Promise<'js>>
    where
        F: Future + 'static,
        C: for<'a> FnOnce(&Ctx<'a>, F::Output) -> rquickjs::Result<Value<'a>> + 'static,
    {
        let (promise, resolve, reject) = ctx.promise()?;
        let resolve = self.keep(ctx, resolve);
        let reject = self.keep(ctx, reject);
        let future = self.event_loop.abortable(future);
        self.event_loop
            .start_future(wait, future, move |ctx, output| {
                let converted = match output {
                    Some(output) => convert(ctx, output),
                    None => Err(throw_aborted(ctx)),
                };
                match converted {
                    Ok(value) => resolve.get(ctx)?.call((value,)),
                    Err(rquickjs::Error::Exception) => {
                        let reason = ctx.catch();
                        reject.get(ctx)?.call((reason,))
                    }
                    Err(error) => Err(error),
                }
            });
        Ok(promise)
    }

    /// Reports an exception that no code of the rule's can catch, as one of a timer's callback: it fails the run.
    #[doc(hidden)]
    pub fn report_uncaught<'js>(&self, ctx: &Ctx<'js>, value: Value<'js>) {
        self.event_loop.report_uncaught(ctx, value);
    }

    /// Calls `deliver` for each event of `source`, on the run's thread and while the rule waits for something: never
    /// within its synchronous code or a call that blocks. An exception that it throws fails the run.
    ///
    /// The source does not keep the run from ending, as a pending [`Run::promise`] would; but a rule that awaits a
    /// promise waits for as long as there is a source that may settle it. What had happened when the run could end is
    /// delivered before it does.
    pub fn listen<S, D>(&self, source: S, deliver: D) -> Subscription
    where
        S: EventSource,
        D: for<'js> Fn(&Ctx<'js>, S::Event) -> rquickjs::Result<()> + 'static,
    {
        self.event_loop.sources.add(&self.gauge, source, deliver)
    }

    /// Ends the promise jobs that are pending, and those that they make: each fails as soon as its function begins.
    ///
    /// For a session that was interrupted, whose jobs may make new ones for ever.
    pub(crate) fn end_jobs(&self, ctx: &Ctx<'_>) {
        /// More than any script makes that does not do so for ever.
        const MOST: u32 = 1_000_000;
        for _ in 0..MOST {
            self.gauge.pulse().expire();
            if !ctx.execute_pending_job() {
                return;
            }
        }
    }

    /// Runs what is pending until `promise` is settled, or, without one, until nothing is left.
    pub(crate) fn drive<'js>(&self, ctx: &Ctx<'js>, promise: Option<&Promise<'js>>) -> Ended<'js> {
        let pending = &self.event_loop;
        let mut before_next_timer = 0;
        loop {
            // Waits that end at once, as those of timers that set new ones, let nobody else go on while a stopped run is left.
            if self.is_unwinding() {
                self.give_way();
            }
            // Jobs first: a timer's callback may not run between a promise and its reactions.
            let mut in_jobs = false;
            while !in_jobs && ctx.execute_pending_job() {
                in_jobs = self.stopped();
            }
            if self.must_stop() {
                if !self.begin_unwinding() {
                    return Ended::Stopped;
                }
                if in_jobs {
                    self.end_a_job(ctx);
                }
            }
            if self.abort_pending(ctx) {
                continue;
            }
            // A job may have caught a panic.
            if self.find_panic(ctx) {
                return Ended::Stopped;
            }
            if let Some(value) = pending.take_uncaught(ctx)
                && !self.is_unwinding()
            {
                return Ended::Uncaught(value);
            }
            if promise.is_some_and(|promise| promise.state() != PromiseState::Pending) {
                return Ended::Settled;
            }
            // Timers that are always due, as those of a rule that looks again and again, hold up nothing else.
            if before_next_timer == 0 && self.run_next_timer(ctx) {
                before_next_timer = MOST_BETWEEN_TIMERS;
                pending.sources.note_work();
                continue;
            }
            pending.poll_started();
            let due = pending.next_due();
            let may_end = match self.is_unwinding() {
                true => pending.allows_stopped_end(),
                false => pending.allows_end(promise.is_some()),
            };
            if !pending.has_holding_timer() && may_end {
                return Ended::Idle;
            }
            // A host's future may panic, or what becomes of its output.
            match self.contain(|| {
                self.waiting_for(Wait::EventLoop, || {
                    self.block_on(ctx, pending.next_completion(due))
                })
            }) {
                Ok(Ok(Some(completion))) => {
                    before_next_timer = before_next_timer.saturating_sub(1);
                    match self.contain(|| completion(ctx)) {
                        Ok(Ok(())) => {}
                        Ok(Err(_)) => {
                            let value = ctx.catch();
                            pending.report_uncaught(ctx, value);
                        }
                        Err(_) => return Ended::Stopped,
                    }
                }
                Ok(Ok(None)) => before_next_timer = 0,
                Ok(Err(_)) => {
                    ctx.catch();
                    if !self.is_unwinding() || self.stopped() {
                        return Ended::Stopped;
                    }
                }
                Err(_) => return Ended::Stopped,
            }
        }
    }

    /// Calls the callback of a timer that is due; `false` when none is.
    fn run_next_timer(&self, ctx: &Ctx<'_>) -> bool {
        let Some(timer) = self.event_loop.take_due_timer() else {
            return false;
        };
        let id = timer.id();
        // A panic of a function that the callback calls comes out of rquickjs here.
        let Ok(called) = self.contain(|| timer.call(ctx)) else {
            return true;
        };
        if called.is_err() {
            let value = ctx.catch();
            if self.control.is_interrupted() {
                // An interval whose callback had to be stopped would keep the session from everything else again.
                self.event_loop.clear_timer(id);
            }
            self.event_loop.report_uncaught(ctx, value);
        }
        true
    }
}
