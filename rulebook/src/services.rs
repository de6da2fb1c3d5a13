//! The services of a run: functions that JavaScript registers, and that rulebooks call as ops.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{MemoryReservation, Rooted};
use cla_runtime::js::{self, Ctx, Function, Object, Value};
use cla_stdlib::internal::stash_of;

/// What a service counts for beside its name and its function, in bytes.
const SERVICE_BYTES: usize = 128;

/// The services that a run has registered.
#[derive(Default)]
pub(crate) struct Services(RefCell<List>);

#[derive(Default)]
struct List {
    services: Vec<Service>,
    /// Where each name is in the list.
    places: HashMap<Rc<str>, usize>,
}

struct Service {
    name: Rc<str>,
    function: Rooted<Function<'static>>,
    form: Form,
    _reservation: MemoryReservation,
}

/// How a service was registered, which decides what it is called with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As a function: it gets what it is launched with, and the stash.
    Function,
    /// As an object with a handler: that gets a context, whose `stash` is a function, and what it is launched with.
    Handler,
}

/// What can be called for an op.
pub(crate) struct Callable<'js> {
    pub(crate) function: Function<'js>,
    pub(crate) form: Form,
}

impl<'js> Callable<'js> {
    /// Calls it.
    ///
    /// # Errors
    ///
    /// What it throws.
    pub(crate) fn call(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        config: Value<'js>,
        stash: Object<'js>,
    ) -> js::Result<Value<'js>> {
        match self.form {
            Form::Function => self.function.call((config, stash)),
            Form::Handler => {
                let context = Object::new(ctx.clone())?;
                context.set("stash", stash_of(ctx, run, stash)?)?;
                self.function.call((context, config))
            }
        }
    }
}

impl Services {
    /// The services of a run.
    pub(crate) fn of(run: &Run) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let services = Rc::<Self>::default();
            run.set_state(Rc::clone(&services));
            services
        })
    }

    /// Registers a service: a function that rulebooks call as an op. A service of the same name is replaced. Whether an op can have that name is for the caller to check.
    pub(crate) fn register<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        name: &str,
        service: Callable<'js>,
    ) {
        let form = service.form;
        let function = run.keep(ctx, service.function);
        let mut list = self.0.borrow_mut();
        if let Some(at) = list.places.get(name).copied() {
            let known = &mut list.services[at];
            (known.function, known.form) = (function, form);
            return;
        }
        let name: Rc<str> = name.into();
        let at = list.services.len();
        list.places.insert(Rc::clone(&name), at);
        list.services.push(Service {
            _reservation: run.count_memory(SERVICE_BYTES + name.len()),
            name,
            function,
            form,
        });
    }

    /// The service of that name, if there is one.
    ///
    /// # Errors
    ///
    /// The run is being taken down.
    pub(crate) fn get<'js>(&self, ctx: &Ctx<'js>, name: &str) -> js::Result<Option<Callable<'js>>> {
        let list = self.0.borrow();
        let service = list.places.get(name).map(|at| &list.services[*at]);
        service
            .map(|service| {
                Ok(Callable {
                    function: service.function.get(ctx)?,
                    form: service.form,
                })
            })
            .transpose()
    }

    /// The names of the services, in the order in which they were registered.
    pub(crate) fn names(&self) -> Vec<String> {
        let list = self.0.borrow();
        let names = list.services.iter().map(|service| &*service.name);
        names.map(str::to_owned).collect()
    }
}
