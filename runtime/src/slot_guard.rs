//! A slot that is held around work: taken before it, given back after it, however the work ends.
//!
//! `sem.take`, regions of rulebooks, rules with a tag and `runOrFail` all do this. What differs is how they ask for the
//! slot, what the work is, and how they word an error; that stays with them.

use std::future::Future;
use std::rc::Rc;

use cla_semaphore::{AcquireError, Permit, Request};
use rquickjs::Ctx;

use crate::permit_table::{HeldPermit, LostSlot, Usage};
use crate::region_span::RegionSpan;
use crate::run::Run;
use crate::trace::RegionOutcome;

/// A slot that a run holds while it works.
///
/// [`leave`](Self::leave) gives the slot back. A guard that is dropped instead gives it back too, unless the slot is
/// [registered](Self::register): then the run gives it back at its end.
#[must_use = "the slot is given back when the guard is dropped"]
#[derive(Debug)]
pub struct SlotGuard {
    run: Rc<Run>,
    held: Rc<HeldPermit>,
    span: Option<RegionSpan>,
}

impl SlotGuard {
    /// Waits for a slot. The wait and the stay are noted in `span`, if there is one.
    ///
    /// # Errors
    ///
    /// The outer error is that of [`Run::acquire`]; the inner one says why there is no slot.
    #[inline]
    pub fn enter(
        ctx: &Ctx<'_>,
        run: &Rc<Run>,
        usage: &Rc<Usage>,
        request: Request,
        span: Option<RegionSpan>,
    ) -> rquickjs::Result<Result<Self, AcquireError>> {
        let permit = match run.acquire(ctx, usage, request)? {
            Ok(permit) => permit,
            Err(error) => {
                if let Some(span) = span {
                    span.refuse(&error);
                }
                return Ok(Err(error));
            }
        };
        let mut guard = Self::of(run, Rc::clone(usage), permit);
        if let Some(mut span) = span {
            span.admit(guard.held.with(Permit::granted).unwrap_or_default());
            guard.span = Some(span);
        }
        Ok(Ok(guard))
    }

    /// Waits for a slot as [`enter`](Self::enter) does, unless `ended` is ready first: then there is `None`.
    ///
    /// # Errors
    ///
    /// As of [`enter`](Self::enter).
    pub fn enter_unless(
        ctx: &Ctx<'_>,
        run: &Rc<Run>,
        usage: &Rc<Usage>,
        request: Request,
        span: Option<RegionSpan>,
        ended: impl Future<Output = ()>,
    ) -> rquickjs::Result<Option<Result<Self, AcquireError>>> {
        let permit = match run.acquire_unless(ctx, usage, request, ended)? {
            Some(Ok(permit)) => permit,
            Some(Err(error)) => {
                if let Some(span) = span {
                    span.refuse(&error);
                }
                return Ok(Some(Err(error)));
            }
            None => return Ok(None),
        };
        let mut guard = Self::of(run, Rc::clone(usage), permit);
        if let Some(mut span) = span {
            span.admit(guard.held.with(Permit::granted).unwrap_or_default());
            guard.span = Some(span);
        }
        Ok(Some(Ok(guard)))
    }

    /// Holds a slot that was taken already.
    #[inline]
    pub fn of(run: &Rc<Run>, usage: Rc<Usage>, permit: Permit) -> Self {
        Self {
            held: run.permits().hold(permit, usage),
            run: Rc::clone(run),
            span: None,
        }
    }

    /// The permit, as the work may see it.
    #[inline]
    pub fn permit(&self) -> &Rc<HeldPermit> {
        &self.held
    }

    /// Whether how the work ends is noted in a span.
    #[inline]
    pub fn is_traced(&self) -> bool {
        self.span.is_some()
    }

    /// Makes the run give the slot back at its end. Needed where the guard may outlive the call that made it.
    pub fn register(&self) {
        self.run.permits().register(&self.held);
    }

    /// The stay goes on although the call that made it returns.
    pub fn detach(&self) {
        if let Some(span) = &self.span {
            span.detach();
        }
    }

    /// Gives the slot back. If the slot was lost by accident while the work relied on it, says so.
    #[inline]
    pub fn leave(self, outcome: RegionOutcome) -> Option<LostSlot> {
        let Self { run, held, span } = self;
        if let Some(span) = span {
            span.leave(outcome);
        }
        run.permits().close(held)
    }

    /// Does the work, then gives the slot back. Work that succeeded without its slot has failed: `lost` makes its error.
    ///
    /// # Errors
    ///
    /// That of the work, or that of `lost`.
    pub fn around<T, E>(
        self,
        work: impl FnOnce() -> Result<T, E>,
        outcome: impl FnOnce(&Result<T, E>) -> RegionOutcome,
        lost: impl FnOnce(&LostSlot) -> E,
    ) -> Result<T, E> {
        let result = work();
        let outcome = outcome(&result);
        match self.leave(outcome) {
            Some(slot) if outcome == RegionOutcome::Done => Err(lost(&slot)),
            _ => result,
        }
    }
}
