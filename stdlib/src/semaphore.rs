//! `cla/semaphore/native`: slots by their ids, on which `cla/semaphore` is written (`modules/semaphore`).
//!
//! What it gives is a value where the store answers at once, as the one in memory does, and a promise otherwise. The
//! run owns what is taken: the permit table gives it back at its end, whoever has the slot's id by then.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cla_runtime::js::function::Params;
use cla_runtime::js::{self, Array, Ctx, Function, IntoJs, Object, Value};
use cla_runtime::semaphore::provider::StateKind;
use cla_runtime::semaphore::{
    AcquireError, AdminError, Permit, RefreshError, ReleaseError, Request, RequestView, Semaphore,
    SemaphoreName, SemaphoreView, Semaphores, SlotId, SlotState, Slots, Status, Ttl,
};
use cla_runtime::{
    HeldPermit, HostObject, MemoryReservation, NativeModule, RegionOutcome, Rooted, Run, SlotGuard,
    Usage,
};
use futures_util::future::{AbortHandle, Either, abortable};

use crate::call::{Arg, argument, define, method};
use crate::sem;
use crate::throw::{name_argument, string_argument, type_error, wrong};

use self::run::Tasks;

mod run;

/// The module.
pub(crate) struct Native;

impl NativeModule for Native {
    fn name(&self) -> &str {
        "cla/semaphore/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let module = Rc::new(Module {
            run: Rc::clone(run),
            shared: RefCell::default(),
            store: OnceCell::new(),
            slot: OnceCell::new(),
            tasks: Rc::default(),
        });
        let exports = Object::new(ctx.clone())?;
        let this = Rc::clone(&module);
        define(&exports, "own", move |ctx: Ctx<'js>| this.own(&ctx))?;
        let this = Rc::clone(&module);
        define(&exports, "memory", move |ctx: Ctx<'js>| this.memory(&ctx))?;
        let this = Rc::clone(&module);
        define(
            &exports,
            "runTasks",
            move |ctx: Ctx<'js>, prototype: Object<'js>, promise: Function<'js>| {
                this.tasks.equip(&ctx, &this.run, prototype, promise)
            },
        )?;
        method(&exports, "parts", run::parts)?;
        define(
            &exports,
            "stateType",
            |holds: bool, taken: usize, full: bool| StateKind::of(holds, taken, full).as_str(),
        )?;
        define(&exports, "newId", || uuid::Uuid::new_v4().to_string())?;
        method(&exports, "check", |params| {
            let (ctx, [name, id, limit, ttl]) =
                (params.ctx(), [0, 1, 2, 3].map(|at| argument(params, at)));
            Asked::read(ctx, &name, &id, &limit, &ttl)?;
            Ok(Value::new_undefined(ctx.clone()))
        })?;
        method(&exports, "checkTtl", |params| {
            let (ctx, what) = (params.ctx(), argument(params, 0));
            let what = string_argument(ctx, "checkTtl", &what)?;
            ttl(ctx, &what, &argument(params, 1))?;
            Ok(Value::new_undefined(ctx.clone()))
        })?;
        define(
            &exports,
            "connect",
            move |ctx: Ctx<'js>, what: Arg<'js>, url: Arg<'js>| module.connect(&ctx, &what, &url),
        )?;
        Ok(exports)
    }
}

/// What the Rust side keeps for a slot id that a rule has in its hands, in bytes.
const SLOT_BYTES: usize = 512;

/// What the Rust side keeps for a store, in bytes.
const STORE_BYTES: usize = 2048;

/// How many slots may be held that no semaphore of the rule's stands for before it is seen which of them expired.
const FEW: usize = 64;

/// How many stores that others share, each with a thread and descriptors of its own, a run may open ...
const MOST_STORES: usize = 64;
/// ... and all runs of a process together.
const MOST_STORES_OF_ALL: usize = 512;

/// How many there are.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// One of the stores that may be open in the process.
struct Open;

impl Open {
    fn one() -> Option<Self> {
        let more = |open: usize| (open < MOST_STORES_OF_ALL).then_some(open + 1);
        let counted = STORES.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.is_ok().then_some(Self)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        STORES.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The URL as all do who mean the same file. (A file that is not there yet is the same by its text.)
fn one_way_to_say_it(url: String) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => match std::fs::canonicalize(path) {
            Ok(path) => format!("sqlite:{}", path.display()),
            Err(_) => url,
        },
        None => url,
    }
}

/// The module in one run.
struct Module {
    run: Rc<Run>,
    /// Stores that others have as well, by URL; the run's own by none. A run opens each once.
    shared: RefCell<HashMap<String, Rc<Store>>>,
    store: OnceCell<Rooted<Object<'static>>>,
    slot: OnceCell<Rooted<Object<'static>>>,
    tasks: Rc<Tasks>,
}

impl Module {
    /// The store of the run.
    fn own<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let store = match self.shared.borrow_mut().entry(String::new()) {
            Entry::Occupied(entry) => Rc::clone(entry.get()),
            Entry::Vacant(entry) => {
                let semaphores = self.run.semaphores().clone();
                let store = Store::new(&self.run, semaphores, Kind::Own);
                Rc::clone(entry.insert(store))
            }
        };
        self.store_object(ctx, store)
    }

    /// A new store, for whoever has this object.
    fn memory<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let store = Store::new(&self.run, Semaphores::memory(), Kind::Private);
        self.store_object(ctx, store)
    }

    /// The store that a URL names.
    fn connect<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        what: &Value<'js>,
        url: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let what = string_argument(ctx, "connect", what)?;
        let url = name_argument(ctx, &what, url)?;
        let url = one_way_to_say_it(url);
        let store = self.shared.borrow().get(&url).map(Rc::clone);
        let store = match store {
            Some(store) => store,
            None => {
                let others = || {
                    self.shared
                        .borrow()
                        .keys()
                        .filter(|url| !url.is_empty())
                        .count()
                };
                if others() >= MOST_STORES {
                    let message = format!("{what}: a run opens at most {MOST_STORES} stores");
                    return Err(js::Exception::throw_range(ctx, &message));
                }
                let Some(open) = Open::one() else {
                    let message = format!(
                        "{what}: the runs of this process have {MOST_STORES_OF_ALL} stores open, which is all they may"
                    );
                    return Err(js::Exception::throw_range(ctx, &message));
                };
                let semaphores = Semaphores::connect(&url)
                    .map_err(|error| type_error(ctx, format_args!("{what}: {error}")))?;
                self.run.may_hold(&semaphores);
                let store = Store::new(&self.run, semaphores.clone(), Kind::Elsewhere);
                self.run.on_exit(async move {
                    // A store that cannot be told finds out by itself.
                    let _ = semaphores.close().await;
                    drop(open);
                });
                self.shared.borrow_mut().insert(url, Rc::clone(&store));
                store
            }
        };
        self.store_object(ctx, store)
    }

    fn store_object<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        store: Rc<Store>,
    ) -> js::Result<Value<'js>> {
        let prototype = match self.store.get() {
            Some(kept) => kept.get(ctx)?,
            None => {
                let prototype = Object::new(ctx.clone())?;
                let module = Rc::clone(self);
                method(&prototype, "slot", move |params| {
                    module.slot_of(this::<Store>(params)?, params)
                })?;
                method(&prototype, "forceReleaseAll", |params| {
                    this::<Store>(params)?.force_release_all(params.ctx(), &argument(params, 0))
                })?;
                method(&prototype, "state", |params| {
                    this::<Store>(params)?.state(params.ctx(), &argument(params, 0))
                })?;
                let _ = self.store.set(self.run.keep(ctx, prototype.clone()));
                prototype
            }
        };
        HostObject::create(store, prototype)
    }

    /// `store.slot(name, id, limit, ttl)`.
    fn slot_of<'js>(&self, store: Rc<Store>, params: &Params<'_, 'js>) -> js::Result<Value<'js>> {
        let ctx = params.ctx();
        let [name, id, limit, ttl] = [0, 1, 2, 3].map(|at| argument(params, at));
        let Asked {
            name,
            id,
            slots,
            ttl,
        } = Asked::read(ctx, &name, &id, &limit, &ttl)?;
        let held = store.held_slot(&name, &id);
        let slot = Rc::new(Slot {
            held,
            slots,
            ttl: Cell::new(ttl),
            _charge: self.run.count_memory(SLOT_BYTES),
            store,
        });
        let prototype = match self.slot.get() {
            Some(kept) => kept.get(ctx)?,
            None => {
                let prototype = slot_prototype(ctx, &self.tasks)?;
                let _ = self.slot.set(self.run.keep(ctx, prototype.clone()));
                prototype
            }
        };
        HostObject::create(slot, prototype)
    }
}

/// What a semaphore is created with.
struct Asked {
    name: SemaphoreName,
    id: SlotId,
    slots: Slots,
    ttl: Option<Ttl>,
}

impl Asked {
    fn read<'js>(
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        id: &Value<'js>,
        limit: &Value<'js>,
        lifetime: &Value<'js>,
    ) -> js::Result<Self> {
        const WHAT: &str = "SemaphoreProvider.create";
        let name = semaphore_name(ctx, WHAT, name)?;
        let id = name_argument(ctx, &format!("{WHAT}: slotId"), id)?;
        let id =
            SlotId::new(id).map_err(|error| type_error(ctx, format_args!("{WHAT}: {error}")))?;
        Ok(Self {
            name,
            id,
            slots: slots(ctx, &format!("{WHAT}: limit"), limit)?,
            ttl: ttl(ctx, &format!("{WHAT}: ttl"), lifetime)?,
        })
    }
}

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The run's: its report lists what is taken of it.
    Own,
    /// Another one that others share.
    Elsewhere,
    /// In memory, for the rule alone: with it, everything in it is gone.
    Private,
}

/// A store, as one run sees it.
struct Store {
    run: Rc<Run>,
    semaphores: Semaphores,
    kind: Kind,
    /// Every slot id that the rule has in its hands or holds a slot by.
    known: RefCell<HashMap<Key, Weak<HeldSlot>>>,
    /// Slots that are held while the rule has no semaphore that stands for them; it may get one again.
    left: RefCell<HashMap<Key, Rc<HeldSlot>>>,
    /// At how many of those to look which expired.
    many: Cell<usize>,
    _charge: MemoryReservation,
}

type Key = (SemaphoreName, SlotId);

impl Store {
    fn new(run: &Rc<Run>, semaphores: Semaphores, kind: Kind) -> Rc<Self> {
        Rc::new(Self {
            run: Rc::clone(run),
            semaphores,
            kind,
            known: RefCell::default(),
            left: RefCell::default(),
            many: Cell::new(FEW),
            _charge: run.count_memory(STORE_BYTES),
        })
    }

    /// The one of this id: all semaphores of the rule's with the same id share it.
    fn held_slot(&self, name: &SemaphoreName, id: &SlotId) -> Rc<HeldSlot> {
        let key = (name.clone(), id.clone());
        let left = self.left.borrow_mut().remove(&key);
        let known = || self.known.borrow().get(&key).and_then(Weak::upgrade);
        if let Some(held) = left.or_else(known) {
            return held;
        }
        let permits = self.run.permits();
        let usage = match self.kind {
            Kind::Own => permits.usage(&self.semaphores, name),
            Kind::Elsewhere | Kind::Private => {
                permits.account_elsewhere(self.semaphores.semaphore(name))
            }
        };
        let held = Rc::new(HeldSlot {
            id: id.clone(),
            usage,
            permit: RefCell::default(),
        });
        self.known.borrow_mut().insert(key, Rc::downgrade(&held));
        held
    }

    /// `store.forceReleaseAll(name)`: whether any slot was held.
    fn force_release_all<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let name = semaphore_name(ctx, "forceReleaseAll", name)?;
        let semaphores = crate::sem::Module::of(ctx, &self.run).acting(&self.semaphores);
        let release = async move {
            let released = semaphores.force_release(&name).await;
            (name, released)
        };
        let run = Rc::clone(&self.run);
        settle(
            ctx,
            &run,
            self,
            release,
            |ctx, store, (name, outcome)| match outcome {
                Ok(released) => (released > 0).into_js(ctx),
                Err(AdminError::UnknownSemaphore { .. }) => false.into_js(ctx),
                Err(error) => Err(store.failed(ctx, &name, &error)),
            },
        )
    }

    /// `store.state(name)`: see `native.d.ts`.
    fn state<'js>(self: Rc<Self>, ctx: &Ctx<'js>, name: &Value<'js>) -> js::Result<Value<'js>> {
        let name = semaphore_name(ctx, "getState", name)?;
        let semaphores = self.semaphores.clone();
        let show = async move {
            let view = semaphores.show(&name).await;
            (name, view)
        };
        let run = Rc::clone(&self.run);
        settle(
            ctx,
            &run,
            self,
            show,
            |ctx, store, (name, outcome)| match outcome {
                Ok(view) => taken_slots(ctx, view.as_ref()),
                Err(error) => Err(store.failed(ctx, &name, &error)),
            },
        )
    }

    /// Throws what is wrong with the store.
    fn failed(&self, ctx: &Ctx<'_>, name: &SemaphoreName, error: &impl Display) -> js::Error {
        sem::Module::of(ctx, &self.run).failed_later(ctx, name, error)
    }

    /// The rule has nothing any more that stands for this slot.
    fn leave(&self, held: &Rc<HeldSlot>) {
        let key = (held.semaphore().name().clone(), held.id.clone());
        if held.permit.borrow().is_some() {
            let mut left = self.left.borrow_mut();
            left.insert(key, Rc::clone(held));
            if left.len() > self.many.get() {
                left.retain(|key, held| {
                    let lost = held.is_lost();
                    if lost {
                        held.give_back(&self.run);
                        self.known.borrow_mut().remove(key);
                    }
                    !lost
                });
                self.many.set(FEW.max(2 * left.len()));
            }
            return;
        }
        self.known.borrow_mut().remove(&key);
        if self.kind == Kind::Private {
            // Not while anybody is busy or waits, and then that is right.
            self.semaphores.let_go(&key.0);
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.kind == Kind::Private {
            for held in self.left.take().into_values() {
                held.give_back(&self.run);
            }
        }
    }
}

/// What the run holds by one slot id.
struct HeldSlot {
    id: SlotId,
    usage: Rc<Usage>,
    permit: RefCell<Option<Rc<HeldPermit>>>,
}

impl HeldSlot {
    fn semaphore(&self) -> &Semaphore {
        &self.usage.semaphore
    }

    fn is_lost(&self) -> bool {
        let permit = self.permit.borrow();
        let lost = permit.as_ref().and_then(|held| held.with(Permit::is_lost));
        lost != Some(false)
    }

    /// Keeps what the store gave.
    fn admit(&self, run: &Run, permit: Permit) {
        self.usage.note_taken();
        let before = self.permit.borrow_mut().take();
        if let Some(before) = before.and_then(|held| run.permits().take_permit(&held))
            && before.id() == permit.id()
        {
            // The slot is held already, and one permit is enough to give it back.
            before.leave();
        }
        let held = run.permits().hold(permit, Rc::clone(&self.usage));
        run.permits().register(&held);
        *self.permit.borrow_mut() = Some(held);
    }

    fn take_permit(&self, run: &Run) -> Option<Permit> {
        let held = self.permit.borrow_mut().take()?;
        run.permits().take_permit(&held)
    }

    fn give_back(&self, run: &Run) {
        drop(self.take_permit(run));
    }
}

/// A slot id in the rule's hands, and how to ask for a slot by it.
struct Slot {
    held: Rc<HeldSlot>,
    slots: Slots,
    ttl: Cell<Option<Ttl>>,
    _charge: MemoryReservation,
    store: Rc<Store>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if Rc::strong_count(&self.held) == 1 {
            self.store.leave(&self.held);
        }
    }
}

impl Slot {
    fn run(&self) -> &Rc<Run> {
        &self.store.run
    }

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
    fn acquire<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let request = match self.held.semaphore().try_acquire_now(self.request()) {
            Ok(permit) => {
                self.held.admit(self.run(), permit);
                return true.into_js(ctx);
            }
            Err(request) => request,
        };
        let slot = Rc::clone(&self);
        let acquire = async move { slot.held.semaphore().try_acquire(request).await };
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
    fn take_now(&self) -> Option<SlotGuard> {
        if self.held.permit.borrow().is_some() {
            return None;
        }
        let permit = self.held.semaphore().try_acquire_now(self.request()).ok()?;
        self.held.usage.note_taken();
        let guard = SlotGuard::of(self.run(), Rc::clone(&self.held.usage), permit);
        *self.held.permit.borrow_mut() = Some(Rc::clone(guard.permit()));
        Some(guard)
    }

    /// The work is done. It may have released the slot, and have acquired one anew.
    fn give_back_now(&self, guard: SlotGuard, outcome: RegionOutcome) {
        if self.is_held_by(&guard) {
            *self.held.permit.borrow_mut() = None;
        }
        // A slot that was lost meanwhile is no error here: only `releaseOrFail` reports that.
        let _ = guard.leave(outcome);
    }

    /// The work goes on: what it holds by this id is released when it ends, or with the run.
    fn register_now(&self, guard: &SlotGuard) {
        if self.is_held_by(guard) {
            guard.register();
        }
    }

    /// Whether the id holds the slot of this guard. The work may have released it, and have acquired another.
    fn is_held_by(&self, guard: &SlotGuard) -> bool {
        let permit = self.held.permit.borrow();
        permit
            .as_ref()
            .is_some_and(|now| Rc::ptr_eq(now, guard.permit()))
    }

    /// `slot.acquireBlocking(ms)`: `true`, or a promise and the function that gives up.
    fn acquire_blocking<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        time: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let time = milliseconds(ctx, "acquireBlocking: time", time)?;
        let request = self.request().timeout(time);
        let request = match self.held.semaphore().try_acquire_now(request) {
            Ok(permit) => {
                self.held.admit(self.run(), permit);
                return true.into_js(ctx);
            }
            Err(request) => request,
        };
        let slot = Rc::clone(&self);
        // Dropping the request leaves the line.
        let (acquire, handle) =
            abortable(async move { slot.held.semaphore().acquire(request).await });
        // In line before whoever asks after this.
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
        let promise = self.run().promise(ctx, acquire, move |ctx, outcome| {
            let admitted = match outcome {
                Ok(Ok(permit)) => {
                    slot.held.admit(slot.run(), permit);
                    true
                }
                Ok(Err(AcquireError::TimedOut { .. })) => false,
                Ok(Err(error)) => {
                    let name = slot.held.semaphore().name();
                    return Err(sem::Module::of(ctx, slot.run()).refused_later(ctx, name, &error));
                }
                // Nobody listens any more.
                Err(_) => false,
            };
            admitted.into_js(ctx)
        })?;
        let give_up = Function::new(ctx.clone(), move || AbortHandle::abort(&handle))?;
        vec![promise.into_value(), give_up.into_value()].into_js(ctx)
    }

    /// `slot.release()`: whether a slot was held.
    fn release<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
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
    fn refresh<'js>(self: Rc<Self>, ctx: &Ctx<'js>, time: &Value<'js>) -> js::Result<Value<'js>> {
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
    fn state<'js>(self: Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
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

    fn failed(&self, ctx: &Ctx<'_>, error: &impl Display) -> js::Error {
        self.store.failed(ctx, self.held.semaphore().name(), error)
    }
}

/// What comes of a future, at once if it is ready, and a promise if not; `on` is what it is for.
fn settle<'js, T, F, C>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    on: Rc<T>,
    future: F,
    convert: C,
) -> js::Result<Value<'js>>
where
    T: 'static,
    F: Future + 'static,
    C: for<'a> FnOnce(&Ctx<'a>, &T, F::Output) -> js::Result<Value<'a>> + 'static,
{
    let mut future = Box::pin(future);
    match poll_now(future.as_mut()) {
        Poll::Ready(output) => match convert(ctx, &on, output) {
            // Thrown, it would have the place of the library's call.
            Err(js::Error::Exception) => {
                let (promise, _, reject) = ctx.promise()?;
                reject.call::<_, ()>((ctx.catch(),))?;
                Ok(promise.into_value())
            }
            converted => converted,
        },
        Poll::Pending => {
            let promise = run.promise(ctx, future, move |ctx, output| convert(ctx, &on, output))?;
            Ok(promise.into_value())
        }
    }
}

/// What comes of a future at once. It is polled again by whoever waits for it.
fn poll_now<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn slot_prototype<'js>(ctx: &Ctx<'js>, tasks: &Rc<Tasks>) -> js::Result<Object<'js>> {
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

fn state_object<'js>(ctx: &Ctx<'js>, state: &SlotState) -> js::Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("type", StateKind::from(state).as_str())?;
    if let Some(held) = &state.held {
        object.set("remaining", remaining(ctx, held.remaining))?;
    }
    object.set("limit", limit(state.slots))?;
    let taken: Vec<String> = state.taken.iter().map(ToString::to_string).collect();
    object.set("taken", taken)?;
    Ok(object.into_value())
}

/// The slots of a semaphore that are taken, or of one that nobody named yet.
fn taken_slots<'js>(ctx: &Ctx<'js>, view: Option<&SemaphoreView>) -> js::Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    let taken = Array::new(ctx.clone())?;
    let requests = view.map_or(&[][..], |view| &view.requests);
    let busy = |row: &&RequestView| row.status == Status::Busy && !row.granted;
    for (at, row) in requests.iter().filter(busy).enumerate() {
        let slot = Object::new(ctx.clone())?;
        let id = row.slot.as_ref().map(ToString::to_string);
        slot.set("id", id.unwrap_or_else(|| row.id.to_string()))?;
        slot.set("remaining", remaining(ctx, row.ttl_left()))?;
        taken.set(at, slot)?;
    }
    object.set("limit", limit(view.map_or(Slots::ONE, |view| view.slots)))?;
    object.set("taken", taken)?;
    Ok(object.into_value())
}

/// Milliseconds, or `null` for ever.
fn remaining<'js>(ctx: &Ctx<'js>, left: Option<Duration>) -> Value<'js> {
    match left {
        Some(left) => Value::new_number(ctx.clone(), (left.as_secs_f64() * 1000.0).ceil()),
        None => Value::new_null(ctx.clone()),
    }
}

fn limit(slots: Slots) -> f64 {
    match slots {
        Slots::Limited(slots) => f64::from(slots),
        Slots::Unlimited => f64::INFINITY,
    }
}

/// The Rust value that a method was called on.
fn this<T: 'static>(params: &Params<'_, '_>) -> js::Result<Rc<T>> {
    let this = params.this();
    HostObject::<Rc<T>>::with(&this, Rc::clone).ok_or_else(|| {
        type_error(
            params.ctx(),
            "this is not an object of cla/semaphore/native",
        )
    })
}

fn semaphore_name<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    name: &Value<'js>,
) -> js::Result<SemaphoreName> {
    SemaphoreName::new(name_argument(ctx, &format!("{function}: the key"), name)?)
        .map_err(|error| type_error(ctx, format_args!("{function}: {error}")))
}

/// A length of time in milliseconds; what is more than can be counted is for ever.
fn milliseconds<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Duration> {
    match value.as_number() {
        Some(number) if number >= 0.0 => {
            Ok(Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX))
        }
        _ => Err(wrong(
            ctx,
            what,
            "a number of milliseconds, 0 or more",
            value,
        )),
    }
}

fn ttl<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Option<Ttl>> {
    if value.is_null() {
        return Ok(None);
    }
    Ttl::new(milliseconds(ctx, what, value)?)
        .map(Some)
        .map_err(|error| type_error(ctx, format_args!("{what}: {error}")))
}

fn slots<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Slots> {
    match value.as_number() {
        Some(f64::INFINITY) => Ok(Slots::Unlimited),
        Some(number) if number >= 1.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX) => {
            Ok(Slots::Limited(number as u32))
        }
        _ => Err(wrong(ctx, what, "a whole number of slots from 1", value)),
    }
}
