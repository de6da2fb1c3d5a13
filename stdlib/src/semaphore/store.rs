//! A store of semaphores, as one run sees it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt::Display;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicUsize, Ordering};

use cla_runtime::host::Run;
use cla_runtime::internal::MemoryReservation;
use cla_runtime::js::{self, Ctx, IntoJs, Value};
use cla_runtime::semaphore::{AdminError, SemaphoreName, Semaphores, SlotId};

use super::arguments::semaphore_name;
use super::settle::settle;
use super::slot::HeldSlot;
use super::state::taken_slots;
use crate::sem;

/// What the Rust side keeps for a store, in bytes.
const STORE_BYTES: usize = 2048;

/// How many slots may be held that no semaphore of the rule's stands for before it is seen which of them expired.
const FEW: usize = 64;

/// How many stores that others share, each with a thread and descriptors of its own, a run may open ...
pub(super) const MOST_STORES: usize = 64;
/// ... and all runs of a process together.
pub(super) const MOST_STORES_OF_ALL: usize = 512;

/// How many there are.
static STORES: AtomicUsize = AtomicUsize::new(0);

/// One of the stores that may be open in the process.
pub(super) struct Open;

impl Open {
    pub(super) fn one() -> Option<Self> {
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
pub(super) fn canonical_url(url: String) -> String {
    match url.strip_prefix("sqlite:") {
        Some(path) => match std::fs::canonicalize(path) {
            Ok(path) => format!("sqlite:{}", path.display()),
            Err(_) => url,
        },
        None => url,
    }
}

/// Whose store it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The run's: its report lists what is taken of it.
    Own,
    /// Another one that others share.
    Elsewhere,
    /// In memory, for the rule alone: with it, everything in it is gone.
    Private,
}

/// A store, as one run sees it.
pub(super) struct Store {
    pub(super) run: Rc<Run>,
    pub(super) semaphores: Semaphores,
    pub(super) kind: Kind,
    /// Every slot id that the rule has in its hands or holds a slot by.
    pub(super) known: RefCell<HashMap<Key, Weak<HeldSlot>>>,
    /// Slots that are held while the rule has no semaphore that stands for them; it may get one again.
    pub(super) left: RefCell<HashMap<Key, Rc<HeldSlot>>>,
    /// At how many of those to look which expired.
    pub(super) many: Cell<usize>,
    pub(super) _charge: MemoryReservation,
}

type Key = (SemaphoreName, SlotId);

impl Store {
    pub(super) fn new(run: &Rc<Run>, semaphores: Semaphores, kind: Kind) -> Rc<Self> {
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
    ///
    /// # Errors
    ///
    /// A `PermissionError`.
    pub(super) fn held_slot(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        id: &SlotId,
    ) -> js::Result<Rc<HeldSlot>> {
        let key = (name.clone(), id.clone());
        let left = self.left.borrow_mut().remove(&key);
        let known = || self.known.borrow().get(&key).and_then(Weak::upgrade);
        if let Some(held) = left.or_else(known) {
            return Ok(held);
        }
        let usage = match self.kind {
            Kind::Own => self.run.usage(ctx, name)?,
            Kind::Elsewhere | Kind::Private => self
                .run
                .permits()
                .account_elsewhere(self.semaphores.semaphore(name)),
        };
        let held = Rc::new(HeldSlot {
            id: id.clone(),
            usage,
            permit: RefCell::default(),
        });
        self.known.borrow_mut().insert(key, Rc::downgrade(&held));
        Ok(held)
    }

    /// `store.forceReleaseAll(name)`: whether any slot was held.
    pub(super) fn force_release_all<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let name = semaphore_name(ctx, "forceReleaseAll", name)?;
        if self.kind == Kind::Own {
            let permissions = self.run.permissions();
            self.run.permitted(ctx, permissions.steer(name.as_str()))?;
        }
        let semaphores = crate::sem::Module::of(&self.run).acting(&self.semaphores);
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
    pub(super) fn state<'js>(
        self: Rc<Self>,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let name = semaphore_name(ctx, "getState", name)?;
        if self.kind == Kind::Own {
            let permissions = self.run.permissions();
            self.run.permitted(ctx, permissions.store(name.as_str()))?;
        }
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
    pub(super) fn failed(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        error: &impl Display,
    ) -> js::Error {
        sem::Module::of(&self.run).failed_later(ctx, name, error)
    }

    /// The rule has nothing any more that stands for this slot.
    pub(super) fn leave(&self, held: &Rc<HeldSlot>) {
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
