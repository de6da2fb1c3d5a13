//! `cla/semaphore/native`: slots by their ids, on which `cla/semaphore` is written (`modules/semaphore`).
//!
//! What it gives is a value where the store answers at once, as the one in memory does, and a promise otherwise. The
//! run owns what is taken: the permit table gives it back at its end, no matter who has the slot's id by then.

mod arguments;
mod run;
mod settle;
mod slot;
mod state;
mod store;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{HostObject, Rooted};
use cla_runtime::js::function::Params;
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Function, Object, Value};
use cla_runtime::semaphore::provider::StateKind;
use cla_runtime::semaphore::{Semaphores, StoreUrl, StoreUrlError};

use self::arguments::{SlotArguments, ttl};
use self::run::Tasks;
use self::slot::{SLOT_BYTES, Slot, slot_prototype};
use self::store::{Kind, MOST_STORES, MOST_STORES_OF_ALL, Open, Store, canonical_url};
use crate::call::{Arg, argument, define, method};
use crate::permitted;
use crate::throw::{name_argument, string_argument, type_error};

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
        method(&exports, "show", show)?;
        define(
            &exports,
            "stateType",
            |holds: bool, taken: usize, full: bool| StateKind::of(holds, taken, full).as_str(),
        )?;
        define(&exports, "newId", || uuid::Uuid::new_v4().to_string())?;
        method(&exports, "check", |params| {
            let (ctx, [name, id, limit, ttl]) =
                (params.ctx(), [0, 1, 2, 3].map(|at| argument(params, at)));
            SlotArguments::read(ctx, &name, &id, &limit, &ttl)?;
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

/// `show(semaphore, key, id, ttl, core, value)`: what a new semaphore has. One call costs less than four descriptors.
fn show<'js>(params: &Params<'_, 'js>) -> js::Result<Value<'js>> {
    let semaphore = argument(params, 0);
    if let Some(semaphore) = semaphore.as_object() {
        for (name, at) in [("key", 1), ("id", 2), ("ttl", 3)] {
            let value = Property::from(argument(params, at));
            semaphore.prop(name, value.enumerable().configurable())?;
        }
        semaphore.prop(argument(params, 4), Property::from(argument(params, 5)))?;
    }
    Ok(Value::new_undefined(params.ctx().clone()))
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

    /// A new store, for the owner of this object.
    fn memory<'js>(self: &Rc<Self>, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let store = Store::new(&self.run, self.run.clock().semaphores(), Kind::Private);
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
        let url = canonical_url(url);
        let named: StoreUrl = url
            .parse()
            .map_err(|error: StoreUrlError| type_error(ctx, format_args!("{what}: {error}")))?;
        let named = permitted::store(ctx, &self.run, named)?;
        if self.run.clock().as_test().is_some() {
            let message = format!(
                "{what}: the run has a test clock, which no store that is opened by its URL follows: use the run's own store, or one in memory"
            );
            return Err(js::Exception::throw_message(ctx, &message));
        }
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
                let semaphores = Semaphores::open(&named)
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
        let SlotArguments {
            name,
            id,
            slots,
            ttl,
        } = SlotArguments::read(ctx, &name, &id, &limit, &ttl)?;
        let held = store.held_slot(ctx, &name, &id)?;
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
