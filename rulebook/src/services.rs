//! The services of a run: functions that JavaScript registers, and that rulebooks call as ops.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cla_runtime::Run;
use cla_runtime::internal::{MemoryReservation, Rooted};
use cla_runtime::js::{self, Ctx, Function};

use crate::parse;

/// The longest name of a service, in bytes of UTF-8.
const MOST_SERVICE_NAME: usize = 255;

/// Why a service cannot have a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceNameError {
    /// Ops are called by words.
    #[error(
        "{0:?} is no name for a service: it consists of letters, digits, `_` and `-`, with dots in between"
    )]
    NoWord(String),
    /// Such a name helps no reader, and every message that lists the services would hold it.
    #[error("the name of a service is {bytes} bytes long: shorten it to at most {most}", most = MOST_SERVICE_NAME)]
    TooLong {
        /// Its length in bytes of UTF-8.
        bytes: usize,
    },
    /// It could never be called.
    #[error("a service cannot be called {0:?}: that is an op's")]
    Op(String),
}

/// Whether rulebooks can call something by this name.
///
/// # Errors
///
/// Says why not.
fn service_name(name: &str) -> Result<(), ServiceNameError> {
    if name.len() > MOST_SERVICE_NAME {
        return Err(ServiceNameError::TooLong { bytes: name.len() });
    }
    let word = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    };
    if !name.split('.').all(word) {
        return Err(ServiceNameError::NoWord(name.to_owned()));
    }
    if parse::is_taken(name) {
        return Err(ServiceNameError::Op(name.to_owned()));
    }
    Ok(())
}

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
    /// the same name is replaced.
    ///
    /// # Errors
    ///
    /// No op can have that name.
    pub(crate) fn register<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        name: &str,
        function: Function<'js>,
    ) -> Result<(), ServiceNameError> {
        service_name(name)?;
        let function = run.keep(ctx, function);
        let mut list = self.0.borrow_mut();
        if let Some(at) = list.places.get(name).copied() {
            list.services[at].function = function;
            return Ok(());
        }
        let name: Rc<str> = name.into();
        let at = list.services.len();
        list.places.insert(Rc::clone(&name), at);
        list.services.push(Service {
            _reservation: run.count_memory(SERVICE_BYTES + name.len()),
            name,
            function,
        });
        Ok(())
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
