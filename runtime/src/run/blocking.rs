//! Blocking: a host function waits for a future, and the run's fiber is suspended meanwhile.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use rquickjs::Ctx;

use super::Run;
use crate::clock::{Clock, Wait};
use crate::control::{Stop, Stopped};
use crate::sys::fiber;

impl Run {
    /// Blocks the rule, not its thread, until `future` is done.
    ///
    /// Other runs of the same worker go on in the meantime. A future that is ready at once costs
    /// one poll.
    ///
    /// # Errors
    ///
    /// When the run is stopped (cancelled, out of time), an exception that the rule cannot catch.
    /// Return it to QuickJS as it is. The future is dropped first.
    ///
    /// # Panics
    ///
    /// When called from outside of the run, for instance from a thread of the host's.
    pub fn block_on<F: Future>(&self, ctx: &Ctx<'_>, future: F) -> rquickjs::Result<F::Output> {
        self.wait(future).ok_or_else(|| self.throw_stopped(ctx))
    }

    /// Blocks like [`block_on`](Self::block_on), for what only the run's clock, a semaphore whose time is that of the clock, or
    /// another run of the engine can bring: a *durable* wait. While all runs are in such ones, a [test
    /// clock](crate::clock) may jump.
    ///
    /// # Errors
    ///
    /// As [`block_on`](Self::block_on).
    pub fn block_durably<F: Future>(
        &self,
        ctx: &Ctx<'_>,
        future: F,
    ) -> rquickjs::Result<F::Output> {
        self.waiting_for(Wait::Durable, || self.block_on(ctx, future))
    }

    /// Blocks the rule for as long as that, by the [clock](Self::clock) of the run.
    ///
    /// # Errors
    ///
    /// As [`block_on`](Self::block_on).
    pub fn sleep(&self, ctx: &Ctx<'_>, duration: Duration) -> rquickjs::Result<()> {
        self.block_durably(ctx, self.clock().sleep(duration))
    }

    /// Says what the run waits for within `work`.
    pub(crate) fn waiting_for<T>(&self, wait: Wait, work: impl FnOnce() -> T) -> T {
        let Some(activity) = &self.activity else {
            return work();
        };
        let before = activity.waits(wait);
        let done = work();
        activity.waits(before);
        done
    }

    /// Blocks like [`block_on`](Self::block_on); `None` when the run is stopped.
    #[doc(hidden)]
    pub fn wait<F: Future>(&self, future: F) -> Option<F::Output> {
        let (output, waited) = self.blocked(future).ok()?;
        if waited {
            self.slices.end();
        }
        Some(output)
    }

    /// Waits for the future until the run, or its innermost time limit, ends the wait, and through the grace after that.
    fn blocked<F: Future>(&self, future: F) -> Result<(F::Output, bool), Stopped> {
        if self.gauge.exceeded() {
            // It would keep what it has for as long as it waits.
            self.control.stop(Stop::OutOfMemory);
        }
        self.gauge.trim();
        self.control.facts.note_memory(self.gauge.used());
        let shielded = self.time.shield.get().is_some();
        let mut future = pin!(future);
        if !shielded && self.time.inner_deadline.get().is_none() {
            return fiber::block_on(self.control.until_stopped(future.as_mut()));
        }
        if !shielded || !self.is_halted() {
            let blocked = match self.wait_end() {
                None => fiber::block_on(self.control.until_stopped(future.as_mut())),
                Some(until) => {
                    let within = within(self.clock(), until, future.as_mut());
                    let done = fiber::block_on(self.control.until_stopped(within));
                    done.and_then(|(done, waited)| Ok((done?, waited)))
                }
            };
            if blocked.is_ok() || self.stopped() {
                return blocked;
            }
        }
        // It is stopped, and what must happen in the end goes on for a while.
        match self.wait_end() {
            Some(until) if !self.has_no_grace() => {
                // What is ready at once has let nobody else go on, and so ends no slice.
                let mut waited = false;
                let mut within = pin!(within(self.clock(), until, future));
                let done = fiber::block_on(poll_fn(|cx| {
                    let poll = within.as_mut().poll(cx);
                    waited |= poll.is_pending();
                    poll
                }));
                done.map(|done| (done, waited))
            }
            _ => Err(Stopped),
        }
    }

    /// When a wait must end at the latest, as far as that is known.
    fn wait_end(&self) -> Option<Instant> {
        let grace = self.time.shield.get().and_then(|_| self.grace_end());
        [self.time.inner_deadline.get(), grace]
            .into_iter()
            .flatten()
            .min()
    }
}

/// What becomes of the future until then.
async fn within<F: Future>(clock: &Clock, until: Instant, future: F) -> Result<F::Output, Stopped> {
    let future = pin!(future);
    let alarm = pin!(clock.sleep_until(until));
    match select(future, alarm).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Stopped),
    }
}
