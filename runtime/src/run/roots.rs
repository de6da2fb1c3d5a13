//! JavaScript values, and states of modules, that the Rust side holds on to for as long as the run lasts.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use rquickjs::{Ctx, JsLifetime, Object, Persistent};

use super::Run;
use crate::memory_reservation::MemoryReservation;
use crate::sys::owner::owner_of;
use crate::value::Stash;

/// What a value that the Rust side holds on to counts for, in bytes: its cell, and its place in the list of them.
const KEPT_BYTES: usize = 96;

/// What is held for a run.
pub(crate) struct Roots {
    values: RefCell<Vec<Weak<dyn Forget>>>,
    /// What modules and languages keep for this run, one value of each type.
    states: RefCell<Vec<(TypeId, Rc<dyn Any>)>>,
    /// What the host gave, until it is made an object; see [`Run::stash`].
    pub(crate) stash: Cell<Option<(Stash, MemoryReservation)>>,
    pub(crate) stash_object: RefCell<Option<Rooted<Object<'static>>>>,
}

impl Roots {
    pub(super) fn new(stash: Stash, reservation: MemoryReservation) -> Self {
        Self {
            values: RefCell::default(),
            states: RefCell::default(),
            stash: Cell::new(Some((stash, reservation))),
            stash_object: RefCell::default(),
        }
    }
}

impl Run {
    /// Holds on to a JavaScript value, for as long as the result lives and the run lasts.
    ///
    /// Use this for values that a host function needs again, rather than to capture them in its
    /// closure: QuickJS cannot see through closures when it looks for garbage.
    pub fn keep<'js, T>(&self, ctx: &Ctx<'js>, value: T) -> Rooted<T::Changed<'static>>
    where
        T: JsLifetime<'js>,
        T::Changed<'static>: Clone + 'static,
    {
        let cell = Rc::new(RootedValue {
            value: RefCell::new(Some(Persistent::save(ctx, value))),
            _charge: self.count_memory(KEPT_BYTES),
        });
        let mut kept = self.roots.values.borrow_mut();
        if kept.len() == kept.capacity() {
            // Entries that are not in use any more make room, so that keeping values for ever does not
            // grow the list.
            kept.retain(|entry| entry.strong_count() > 0);
        }
        let entry: Weak<dyn Forget> = Rc::downgrade(&(cell.clone() as Rc<dyn Forget>));
        kept.push(entry);
        Rooted(cell)
    }

    /// Lets go of every JavaScript value on the Rust side, so that the isolate can be freed.
    pub(crate) fn forget_values(&self) {
        self.control.end();
        // A state may hold on to the run itself, which would never be freed.
        let states = self.roots.states.take();
        drop(states);
        let kept = self.roots.values.take();
        for value in kept {
            if let Some(value) = value.upgrade() {
                value.forget();
            }
        }
        self.event_loop.clear(|| _ = self.give_way());
    }

    /// The value of type `T` that a module or a language keeps for this run, if there is one.
    ///
    /// States are dropped at the run's end, before its isolate is freed.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn state<T: 'static>(&self) -> Option<Rc<T>> {
        let wanted = TypeId::of::<T>();
        // There are a handful, so a list is faster than a map.
        let states = self.roots.states.borrow();
        let (_, state) = states.iter().find(|(id, _)| *id == wanted)?;
        Rc::clone(state).downcast().ok()
    }

    /// Keeps a value for this run, in place of one of the same type.
    #[doc(hidden)]
    pub fn set_state<T: 'static>(&self, state: Rc<T>) {
        let id = TypeId::of::<T>();
        let replaced = {
            let mut states = self.roots.states.borrow_mut();
            let at = states.iter().position(|(known, _)| *known == id);
            let replaced = at.map(|at| states.swap_remove(at));
            states.push((id, state));
            replaced
        };
        // Not while the list is borrowed: what is dropped may look at it.
        drop(replaced);
    }
}

/// The value of type `T` that a module or a language keeps for the run whose isolate this is.
#[inline]
pub fn state_of<T: 'static>(ctx: &Ctx<'_>) -> Option<Rc<T>> {
    run_of(ctx)?.state()
}

/// The run whose isolate this is.
#[inline]
pub fn run_of(ctx: &Ctx<'_>) -> Option<Rc<Run>> {
    owner_of(ctx)
}

/// A JavaScript value that the Rust side holds on to; see [`Run::keep`].
#[derive(Debug)]
pub struct Rooted<T>(Rc<RootedValue<T>>);

/// Where a kept value is.
#[derive(Debug)]
struct RootedValue<T> {
    /// `None` after the run's end.
    value: RefCell<Option<Persistent<T>>>,
    _charge: MemoryReservation,
}

impl<T> Clone for Rooted<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Clone> Rooted<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// After the run's end there is none.
    pub fn get<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<T::Changed<'js>>
    where
        T: JsLifetime<'static>,
    {
        match &*self.0.value.borrow() {
            Some(value) => value.clone().restore(ctx),
            None => Err(rquickjs::Error::Unknown),
        }
    }
}

/// Something that lets go of a JavaScript value.
trait Forget {
    fn forget(&self);
}

impl<T> Forget for RootedValue<T> {
    fn forget(&self) {
        self.value.take();
    }
}
