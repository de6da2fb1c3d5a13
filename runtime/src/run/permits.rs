//! Taking slots, and what is to be done for the stores when the run ends.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, NamedRun, Permit, Request, RunId, Semaphore, Semaphores};
use futures_util::future::{Either, LocalBoxFuture, join, select};
use rquickjs::{Ctx, Exception};

use super::Run;
use crate::clock::Clock;
use crate::dependents::{InLine, Waiting, write_dependents};
use crate::memory_reservation::MemoryReservation;
use crate::observe::HitLimit;
use crate::output::OutputStream;
use crate::permit_table::Usage;
use crate::trace::{MOST_REGIONS, RegionRecord};
use crate::waiting::WaitingPlace;

/// What a run that is in line is to those who begin to wait for it, in bytes.
const LINE_BYTES: usize = 256;

/// So long a run waits for a semaphore that it holds itself until it says so.
const UNTIL_WARNED: Duration = Duration::from_secs(1);

/// How long stores of a run's own are waited for at its end.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// What is done after the end has so long, also when nothing of the grace is left.
const LEAST_EXIT_TIMEOUT: Duration = Duration::from_secs(1);

/// To remove what a run has made on this machine takes so long at most, however short its grace was: nobody else would
/// remove it.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(20);

impl Run {
    /// Takes a slot of a semaphore for this run, blocking the rule until it is its turn.
    ///
    /// Waiting time is put down to `usage`. Giving the slot back is up to the caller; what
    /// outlives the call is registered to the run's permit table.
    ///
    /// # Errors
    ///
    /// The outer error is the one of [`Run::block_on`]; the inner one says why there is no permit.
    pub fn acquire(
        &self,
        ctx: &Ctx<'_>,
        usage: &Usage,
        request: Request,
    ) -> rquickjs::Result<Result<Permit, AcquireError>> {
        if self.stopped() {
            return Err(self.throw_stopped(ctx));
        }
        self.enter_region(ctx, usage)?;
        // A free slot needs no future, and the fiber need not be asked.
        let request = match usage.semaphore.try_acquire_now(request) {
            Ok(permit) => {
                usage.note_taken();
                return Ok(Ok(permit));
            }
            Err(request) => request,
        };
        let _place = self.waiting_place(ctx)?;
        let (request, _line) = self.join_line(&usage.semaphore, request);
        let waiting_since = Cell::new(None);
        let acquire = usage.semaphore.acquire().with(request);
        let acquire = Timed {
            future: acquire,
            since: &waiting_since,
            usage,
            clock: self.clock(),
        };
        let result = self.block_durably(ctx, self.warned_of_own_slot(usage, acquire));
        if let Some(since) = waiting_since.get() {
            usage.note_waited(self.now().saturating_duration_since(since));
        }
        if let Ok(Ok(_)) = result {
            usage.note_taken();
        }
        result
    }

    /// Takes a slot as [`acquire`](Self::acquire) does, unless `ended` is ready first: then the request leaves the line,
    /// and there is `None`.
    ///
    /// # Errors
    ///
    /// As of [`acquire`](Self::acquire).
    pub fn acquire_unless(
        &self,
        ctx: &Ctx<'_>,
        usage: &Usage,
        request: Request,
        ended: impl Future<Output = ()>,
    ) -> rquickjs::Result<Option<Result<Permit, AcquireError>>> {
        if self.stopped() {
            return Err(self.throw_stopped(ctx));
        }
        self.enter_region(ctx, usage)?;
        let request = match usage.semaphore.try_acquire_now(request) {
            Ok(permit) => {
                usage.note_taken();
                return Ok(Some(Ok(permit)));
            }
            Err(request) => request,
        };
        let _place = self.waiting_place(ctx)?;
        let (request, _line) = self.join_line(&usage.semaphore, request);
        let waiting_since = Cell::new(None);
        let acquire = async {
            let acquire = pin!(Timed {
                future: async { usage.semaphore.acquire().with(request).await },
                since: &waiting_since,
                usage,
                clock: self.clock(),
            });
            match select(acquire, pin!(ended)).await {
                Either::Left((outcome, _)) => Some(outcome),
                Either::Right(((), _)) => None,
            }
        };
        let result = self.block_durably(ctx, self.warned_of_own_slot(usage, acquire));
        if let Some(since) = waiting_since.get() {
            usage.note_waited(self.now().saturating_duration_since(since));
        }
        if let Ok(Some(Ok(_))) = result {
            usage.note_taken();
        }
        result
    }

    /// The wait of this run for a slot. If it holds one of this semaphore by a slot id, it warns once that it does: others may
    /// release that by the id, so the wait is no deadlock, but as a rule nobody does.
    async fn warned_of_own_slot<F: Future>(&self, usage: &Usage, wait: F) -> F::Output {
        if self.warned_of_own_slot.get() || !self.permits.holds_by_slot_id(usage) {
            return wait.await;
        }
        let wait = pin!(wait);
        // How long people wait who look at it.
        #[expect(clippy::disallowed_methods, reason = "see above")]
        let soon = pin!(tokio::time::sleep(UNTIL_WARNED));
        match select(wait, soon).await {
            Either::Left((done, _)) => done,
            Either::Right(((), wait)) => {
                self.warned_of_own_slot.set(true);
                let name = usage.semaphore.name();
                let warning = format!(
                    "warning: {} waits for a slot of semaphore \"{name}\", of which it holds one itself by a slot id (as an \
                     object of cla/semaphore does): unless that one is released from outside, it waits for ever\n",
                    self.name
                );
                // A run that may write no more goes without.
                let _ = self.write_waiting(OutputStream::Stderr, &warning).await;
                wait.await
            }
        }
    }

    /// The request with those whom it holds up while it waits, and what makes it known to those who begin to wait for this
    /// run meanwhile.
    fn join_line(
        &self,
        semaphore: &Semaphore,
        mut request: Request,
    ) -> (Request, Option<(InLine<'_>, MemoryReservation)>) {
        // One with a time limit closes no cycle.
        if request.get_timeout().is_some() {
            return (request, None);
        }
        let dependents = self.family.dependents();
        let (chain, line) = match self.depth {
            // No run has started it, so none waits for its end.
            0 => (dependents.of(self.id), None),
            _ => {
                let (chain, line) = dependents.join_line(self.id, semaphore);
                let bytes = chain
                    .iter()
                    .map(|run| size_of::<NamedRun>() + run.who.len());
                let reservation = self.count_memory(LINE_BYTES + bytes.sum::<usize>());
                (chain, Some((line, reservation)))
            }
        };
        if !chain.is_empty()
            && let Some(owner) = request.take_owner()
        {
            request = request.owner(owner.with_dependents(chain));
        }
        (request, line)
    }

    /// Notes that this run waits for the end of these, which it has started, until what is returned is dropped. A request
    /// of one of them, or of what they wait for, that could only be served if this run went on is a deadlock.
    #[doc(hidden)]
    pub fn wait_for_runs(&self, runs: Vec<RunId>) -> Waiting<'_> {
        self.family.dependents().wait_for(&self.named_run(), runs)
    }

    /// What [`DEPENDENTS_VARIABLE`](crate::internal::DEPENDENTS_VARIABLE) is for a command that this run starts: this run and
    /// those who wait for it. `None` if none of them can hold what the command may ask for.
    #[doc(hidden)]
    pub fn dependents_of_command(&self) -> Option<String> {
        let above = self.family.dependents().of(self.id);
        if above.is_empty() && !self.permits.may_hold() {
            return None;
        }
        let mut chain = vec![self.named_run()];
        chain.extend(above);
        for run in &mut chain {
            run.who = self.secrets.mask(&run.who).into_owned();
        }
        Some(write_dependents(&chain))
    }

    fn named_run(&self) -> NamedRun {
        NamedRun {
            run: self.id,
            who: self.name.to_string(),
        }
    }

    /// Counts a region that is about to be entered. [`acquire`](Self::acquire) does so by itself.
    ///
    /// # Errors
    ///
    /// A `RangeError`: the run may not enter one more.
    #[doc(hidden)]
    #[inline]
    pub fn enter_region(&self, ctx: &Ctx<'_>, usage: &Usage) -> rquickjs::Result<()> {
        usage
            .enter_region()
            .map_err(|problem| Exception::throw_range(ctx, &problem))
    }

    /// A place among the requests of the engine's runs that may wait at once.
    ///
    /// # Errors
    ///
    /// A `RangeError`: there is none.
    #[doc(hidden)]
    pub fn waiting_place(&self, ctx: &Ctx<'_>) -> rquickjs::Result<WaitingPlace> {
        self.waiting.enter().ok_or_else(|| {
            self.note_limit(HitLimit::Waiting);
            let most = self.waiting.most();
            let message = format!(
                "{most} requests of this engine wait for slots already, which is all that may"
            );
            Exception::throw_range(ctx, &message)
        })
    }

    /// Notes a store of the run's own in which it may hold something: should the run get stuck beyond its limit, it is
    /// [given up](Semaphores::abandon) there, too.
    pub fn may_hold(&self, semaphores: &Semaphores) {
        self.control.may_hold(semaphores.clone());
    }

    /// Has `future` done after the run's end, when all permits are given back and its values are gone, and before its
    /// report is out: to tell a store of the run's own that nothing is held any more. It gets a few seconds at most.
    pub fn on_exit(&self, future: impl Future<Output = ()> + 'static) {
        self.exits.borrow_mut().push(Box::pin(future));
    }

    /// Has `future` done as [`on_exit`](Self::on_exit) has, but it gets the time it needs: to remove what the run has made
    /// on this machine. It should end by itself.
    #[doc(hidden)]
    pub fn clean_up(&self, future: impl Future<Output = ()> + 'static) {
        self.cleanups.borrow_mut().push(Box::pin(future));
    }

    /// Has `future` done when the run's program has ended, before its permits are given back: to end what works with that
    /// which they protect. If the run was stopped, it has what is left of its grace.
    #[doc(hidden)]
    pub fn before_release(&self, future: impl Future<Output = ()> + 'static) {
        self.before_release.borrow_mut().push(Box::pin(future));
    }

    /// Does what is to be done before the permits are given back. To be called on the run's fiber.
    pub(crate) fn prepare_release(&self) {
        let endings = self.before_release.take();
        // While a panic unwinds the fiber, it cannot give way to others.
        if !endings.is_empty() && !std::thread::panicking() {
            self.shielded(|| self.wait(futures_util::future::join_all(endings)));
        }
    }

    /// Does what is to be done after the run's end.
    pub(crate) async fn end(&self) {
        let (endings, cleanups) = (self.exits.take(), self.cleanups.take());
        if endings.is_empty() && cleanups.is_empty() {
            return;
        }
        // What takes longer is freed by its store by itself.
        let left = self.grace_end().map_or(EXIT_TIMEOUT, |end| {
            let left = end.saturating_duration_since(self.now());
            left.clamp(LEAST_EXIT_TIMEOUT, EXIT_TIMEOUT)
        });
        // Both work in the time of the machine.
        let endings = within_machine_time(left, endings);
        join(endings, within_machine_time(CLEANUP_TIMEOUT, cleanups)).await;
    }

    /// Whether the host asked for a trace of what this run waits for and holds.
    pub fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    /// Notes a stay in a region.
    pub(crate) fn note_region(&self, mut record: RegionRecord) {
        self.secrets.mask_region(&mut record);
        if let Some(trace) = &self.trace {
            trace.left(self.id, &record);
        }
        let mut regions = self.regions.borrow_mut();
        if regions.len() < MOST_REGIONS {
            // For good: they are part of the report.
            self.gauge
                .count_memory(size_of::<RegionRecord>() + record.who.len());
            regions.push(record);
        }
    }
}

/// Has all of them done at once, and forgets them when the time is over.
async fn within_machine_time(time: Duration, all: Vec<LocalBoxFuture<'static, ()>>) {
    if all.is_empty() {
        return;
    }
    let all = futures_util::future::join_all(all);
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of the machine is meant"
    )]
    let _ = tokio::time::timeout(time, all).await;
}

pin_project_lite::pin_project! {
    /// Notes when a future was first pending.
    struct Timed<'a, F> {
        #[pin]
        future: F,
        since: &'a Cell<Option<Instant>>,
        usage: &'a Usage,
        clock: &'a Clock,
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = F::Output;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        let this = self.project();
        let poll = this.future.poll(cx);
        if poll.is_pending() && this.since.get().is_none() {
            this.since.set(Some(this.clock.now()));
            this.usage.note_waits();
        }
        poll
    }
}
