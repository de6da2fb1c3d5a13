//! A slot id in the hands of a rule: what is held by it, and how a slot is asked for by it.

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::task::Poll;

use cla_runtime::host::Run;
use cla_runtime::internal::{HeldPermit, MemoryReservation, SlotGuard, Usage};
use cla_runtime::js::{self, Ctx, Function, IntoJs, Object, Value};
use cla_runtime::semaphore::{
    AcquireError, Permit, RefreshError, ReleaseError, Request, Semaphore, SlotId, Slots, Ttl,
};
use cla_runtime::trace::RegionOutcome;
use futures_util::future::{AbortHandle, Either, abortable};

use super::arguments::{milliseconds, ttl};
use super::run::Tasks;
use super::settle::{poll_now, settle};
use super::state::state_object;
use super::store::Store;
use super::this;
use crate::call::{argument, method};
use crate::sem;
use crate::throw::wrong;

/// What the Rust side keeps for a slot id that a rule has in its hands, in bytes.
pub(super) const SLOT_BYTES: usize = 512;

/// What the run holds by one slot id.
pub(super) struct HeldSlot {
    pub(super) id: SlotId,
    pub(super) usage: Rc<Usage>,
    pub(super) permit: RefCell<Option<Rc<HeldPermit>>>,
}

impl HeldSlot {
    #[inline]
    pub(super) fn semaphore(&self) -> &Semaphore {
        &self.usage.semaphore
    }

    pub(super) fn is_lost(&self) -> bool {
        let permit = self.permit.borrow();
        let lost = permit.as_ref().and_then(|held| held.with(Permit::is_lost));
        lost != Some(false)
    }

    /// Keeps what the store gave.
    pub(super) fn admit(&self, run: &Run, permit: Permit) {
        self.usage.note_taken();
        let before = self.permit.borrow_mut().take();
        if let Some(before) = before.and_then(|held| run.permits().take_permit(&held))
            && before.id() == permit.id()
        {
            // The slot is held already, and one permit is enough to give it back.
            before.leave();
        }
        let held = run.permits().hold(permit, Rc::clone(&self.usage));
        held.has_slot_id();
        run.permits().register(&held);
        *self.permit.borrow_mut() = Some(held);
    }

    pub(super) fn take_permit(&self, run: &Run) -> Option<Permit> {
        let held = self.permit.borrow_mut().take()?;
        run.permits().take_permit(&held)
    }

    pub(super) fn give_back(&self, run: &Run) {
        drop(self.take_permit(run));
    }
}

/// A slot id in the rule's hands, and how to ask for a slot by it.
pub(super) struct Slot {
    pub(super) held: Rc<HeldSlot>,
    pub(super) slots: Slots,
    pub(super) ttl: Cell<Option<Ttl>>,
    pub(super) _charge: MemoryReservation,
    pub(super) store: Rc<Store>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if Rc::strong_count(&self.held) == 1 {
            self.store.leave(&self.held);
        }
    }
}

impl Slot {
    #[inline]
    pub(super) fn run(&self) -> &Rc<Run> {
        &self.store.run
    }

    #[inline]
    fn request(&self) -> Request {
        let request = Request::new()
            .owner(self.run().owner().clone())
            .slots(self.slots)
            .slot(self.held.id.clone());
        match self.ttl.get() {
            Some(ttl) => request.ttl(ttl),
            None => request,
        }
    }

    /// `slot.acquire()`: whether a slot is held now.
    pub(super) fn acquire<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        self.run().enter_region(ctx, &self.held.usage)?;
        let request = match self.held.semaphore().try_acquire_now(self.request()) {
            Ok(permit) => {
                self.held.admit(self.run(), permit);
                return true.into_js(ctx);
            }
            Err(request) => request,
        };
        let slot = Rc::clone(&self);
        let acquire = async move {
            slot.held
                .semaphore()
                .acquire()
                .with(request)
                .if_free()
                .await
        };
        settle(
            ctx,
            &Rc::clone(self.run()),
            self,
            acquire,
            |ctx, slot, outcome| match outcome {
                Ok(Some(permit)) => {
                    slot.held.admit(slot.run(), permit);
                    true.into_js(ctx)
                }
                Ok(None) => false.into_js(ctx),
                Err(error) => Err(slot.failed(ctx, &error)),
            },
        )
    }

    /// Takes a slot for work that begins now, if that needs no waiting and the id holds none.
    #[inline]
    pub(super) fn take_now(&self) -> Option<SlotGuard> {
        // A limit on regions throws its error on the other way.
        if self.held.permit.borrow().is_some() || self.held.usage.is_bounded() {
            return None;
        }
        let permit = self.held.semaphore().try_acquire_now(self.request()).ok()?;
        self.held.usage.note_taken();
        let guard = SlotGuard::of(self.run(), Rc::clone(&self.held.usage), permit);
        *self.held.permit.borrow_mut() = Some(Rc::clone(guard.permit()));
        Some(guard)
    }

    /// The work is done. It may have released the slot, and have acquired one anew.
    #[inline]
    pub(super) fn give_back_now(&self, guard: SlotGuard, outcome: RegionOutcome) {
        if self.is_held_by(&guard) {
            *self.held.permit.borrow_mut() = None;
        }
        // A slot that was lost meanwhile is no error here: only `releaseOrFail` reports that.
        let _ = guard.leave(outcome);
    }

    /// The work goes on: what it holds by this id is released when it ends, or with the run.
    pub(super) fn register_now(&self, guard: &SlotGuard) {
        if self.is_held_by(guard) {
            guard.permit().has_slot_id();
            guard.register();
        }
    }

    /// Whether the id holds the slot of this guard. The work may have released it, and have acquired another.
    #[inline]
    fn is_held_by(&self, guard: &SlotGuard) -> bool {
        let permit = self.held.permit.borrow();
        permit
            .as_ref()
            .is_some_and(|now| Rc::ptr_eq(now, guard.permit()))
    }

    /// `slot.acquireBlocking(ms)`: `true`, or a promise and the function that gives up.
    pub(super) fn acquire_blocking<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        time: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let time = milliseconds(ctx, "acquireBlocking: time", time)?;
        self.run().enter_region(ctx, &self.held.usage)?;
        let request = self.request().timeout(time);
        let request = match self.held.semaphore().try_acquire_now(request) {
            Ok(permit) => {
                self.held.admit(self.run(), permit);
                return true.into_js(ctx);
            }
            Err(request) => request,
        };
        let place = self.run().waiting_place(ctx)?;
        let slot = Rc::clone(&self);
        // Dropping the request leaves the line.
        let (acquire, handle) = abortable(async move {
            let _place = place;
            let acquire = slot.held.semaphore().acquire().with(request);
            slot.held.usage.observed_wait(acquire).await
        });
        // In line before those who ask after this.
        let mut acquire = Box::pin(acquire);
        let acquire = match poll_now(acquire.as_mut()) {
            Poll::Ready(Ok(Ok(permit))) => {
                self.held.admit(self.run(), permit);
                return true.into_js(ctx);
            }
            Poll::Ready(refused) => Either::Left(std::future::ready(refused)),
            Poll::Pending => Either::Right(acquire),
        };
        let slot = Rc::clone(&self);
        let promise = self
            .run()
            .promise_durably(ctx, acquire, move |ctx, outcome| {
                let admitted = match outcome {
                    Ok(Ok(permit)) => {
                        slot.held.admit(slot.run(), permit);
                        true
                    }
                    Ok(Err(AcquireError::TimedOut { .. })) => false,
                    Ok(Err(error)) => {
                        let name = slot.held.semaphore().name();
                        return Err(sem::Module::of(slot.run()).refused_later(ctx, name, &error));
                    }
                    // There is no listener any more.
                    Err(_) => false,
                };
                admitted.into_js(ctx)
            })?;
        let give_up = Function::new(ctx.clone(), move || AbortHandle::abort(&handle))?;
        vec![promise.into_value(), give_up.into_value()].into_js(ctx)
    }

    /// `slot.release()`: whether a slot was held.
    pub(super) fn release<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let permit = self.held.take_permit(self.run());
        let slot = Rc::clone(&self);
        let release = async move {
            if let Some(permit) = permit {
                match permit.release().await {
                    Ok(()) => return Ok(true),
                    Err(ReleaseError::Store(error)) => return Err(error),
                    // Since it was lost, others may have acquired a slot by the same id.
                    Err(_) => {}
                }
            }
            slot.held.semaphore().release_slot(&slot.held.id).await
        };
        settle(
            ctx,
            &Rc::clone(self.run()),
            self,
            release,
            |ctx, slot, outcome| match outcome {
                Ok(released) => released.into_js(ctx),
                Err(error) => Err(slot.failed(ctx, &error)),
            },
        )
    }

    /// `slot.refresh(ms)`: whether the deadline was moved.
    pub(super) fn refresh<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        time: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "refresh: ttl";
        let Some(ttl) = ttl(ctx, WHAT, time)? else {
            return Err(wrong(ctx, WHAT, "a length of time", time));
        };
        let slot = Rc::clone(&self);
        let refresh = async move {
            let semaphore = slot.held.semaphore();
            let refreshed = semaphore.refresh_slot(&slot.held.id, ttl).await;
            (ttl, refreshed)
        };
        settle(
            ctx,
            &Rc::clone(self.run()),
            self,
            refresh,
            |ctx, slot, (ttl, outcome)| match outcome {
                Ok(()) => {
                    slot.ttl.set(Some(ttl));
                    true.into_js(ctx)
                }
                Err(RefreshError::Store(error)) => Err(slot.failed(ctx, &error)),
                Err(_) => false.into_js(ctx),
            },
        )
    }

    /// `slot.state()`: see `native.d.ts`.
    pub(super) fn state<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let slot = Rc::clone(&self);
        let look = async move { slot.held.semaphore().slot_state(&slot.held.id).await };
        settle(
            ctx,
            &Rc::clone(self.run()),
            self,
            look,
            |ctx, slot, outcome| match outcome {
                Ok(state) => state_object(ctx, &state),
                Err(error) => Err(slot.failed(ctx, &error)),
            },
        )
    }

    pub(super) fn failed(&self, ctx: &Ctx<'_>, error: &impl Display) -> js::Error {
        self.store.failed(ctx, self.held.semaphore().name(), error)
    }
}

pub(super) fn slot_prototype<'js>(ctx: &Ctx<'js>, tasks: &Rc<Tasks>) -> js::Result<Object<'js>> {
    let prototype = Object::new(ctx.clone())?;
    method(&prototype, "acquire", |params| {
        this::<Slot>(params)?.acquire(params.ctx())
    })?;
    let tasks = Rc::clone(tasks);
    method(&prototype, "task", move |params| {
        tasks.task(this::<Slot>(params)?, params)
    })?;
    method(&prototype, "acquireBlocking", |params| {
        this::<Slot>(params)?.acquire_blocking(params.ctx(), &argument(params, 0))
    })?;
    method(&prototype, "release", |params| {
        this::<Slot>(params)?.release(params.ctx())
    })?;
    method(&prototype, "refresh", |params| {
        this::<Slot>(params)?.refresh(params.ctx(), &argument(params, 0))
    })?;
    method(&prototype, "state", |params| {
        this::<Slot>(params)?.state(params.ctx())
    })?;
    Ok(prototype)
}
