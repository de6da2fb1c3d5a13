//! Blocking: a host function waits for a future, and the run's fiber is suspended meanwhile.

use std::future::Future;
use std::pin::pin;
use std::time::Instant;

use futures_util::future::{Either, select};
use rquickjs::Ctx;

use super::Run;
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
        match self.blocked(future) {
            Ok((output, waited)) => {
                if waited {
                    self.slices.end();
                }
                Ok(output)
            }
            Err(Stopped) => Err(self.throw_stopped(ctx)),
        }
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
        if !shielded && self.time.inner_deadline.get().is_none() {
            return fiber::block_on(self.control.until_stopped(future));
        }
        let mut future = pin!(future);
        if !shielded || !self.is_halted() {
            let blocked = match self.wait_end() {
                None => fiber::block_on(self.control.until_stopped(future.as_mut())),
                Some(until) => {
                    let within = within(until, future.as_mut());
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
                fiber::block_on(within(until, future)).map(|done| (done, true))
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
async fn within<F: Future>(until: Instant, future: F) -> Result<F::Output, Stopped> {
    let future = pin!(future);
    let alarm = pin!(tokio::time::sleep_until(until.into()));
    match select(future, alarm).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Stopped),
    }
}
