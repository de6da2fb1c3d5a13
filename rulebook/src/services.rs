//! The services of a run: functions that JavaScript registers, and that rulebooks call as ops.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{MemoryReservation, Rooted};
use cla_runtime::js::{self, Ctx, Function};

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
    _reservation: MemoryReservation,
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

    /// Registers a service: a function that rulebooks call as an op, with what the op is given and the stash. A service of
    /// the same name is replaced. Whether an op can have that name is for the caller to check.
    pub(crate) fn register<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        name: &str,
        function: Function<'js>,
    ) {
        let function = run.keep(ctx, function);
        let mut list = self.0.borrow_mut();
        if let Some(at) = list.places.get(name).copied() {
            list.services[at].function = function;
            return;
        }
        let name: Rc<str> = name.into();
        let at = list.services.len();
        list.places.insert(Rc::clone(&name), at);
        list.services.push(Service {
            _reservation: run.count_memory(SERVICE_BYTES + name.len()),
            name,
            function,
        });
    }

    /// The service of that name, if there is one.
    ///
    /// # Errors
    ///
    /// The run is being taken down.
    pub(crate) fn get<'js>(&self, ctx: &Ctx<'js>, name: &str) -> js::Result<Option<Function<'js>>> {
        let list = self.0.borrow();
        let at = list.places.get(name);
        at.map(|at| list.services[*at].function.get(ctx))
            .transpose()
    }

    /// The names of the services, in the order in which they were registered.
    pub(crate) fn names(&self) -> Vec<String> {
        let list = self.0.borrow();
        let names = list.services.iter().map(|service| &*service.name);
        names.map(str::to_owned).collect()
    }
}
