//! `cla.filter`: filters that a rule adds to those of rulebooks, `${name|filter}`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{MemoryReservation, Rooted};
use cla_runtime::js::{self, Ctx, Function};

use crate::call::Arg;
use crate::state::State;
use crate::throw::{name_argument, type_error, wrong};

/// What a filter counts for beside its name and its function, in bytes.
const FILTER_BYTES: usize = 128;

/// How many filters a run may add.
const MOST: usize = 1_000;

/// The filters that a run has added.
#[derive(Default)]
struct Filters(RefCell<HashMap<String, Filter>>);

struct Filter {
    function: Rooted<Function<'static>>,
    _reservation: MemoryReservation,
}

impl Filters {
    fn of(run: &Run) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let filters = Rc::<Self>::default();
            run.set_state(Rc::clone(&filters));
            filters
        })
    }
}

/// Adds one. One of the same name is replaced.
pub(crate) fn add<'js>(ctx: Ctx<'js>, name: Arg<'js>, function: Arg<'js>) -> js::Result<()> {
    let name = name_argument(&ctx, "cla.filter: name", &name)?;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_word) || name.len() > 100 {
        let message = "cla.filter: name must be 1 to 100 letters, digits and _";
        return Err(type_error(&ctx, message));
    }
    let Some(given) = function.as_function() else {
        return Err(wrong(&ctx, "cla.filter: fn", "a function", &function));
    };
    let state = State::of(&ctx)?;
    let run = state.run();
    let filters = Filters::of(run);
    let filter = Filter {
        function: run.keep(&ctx, given.clone()),
        _reservation: run.count_memory(FILTER_BYTES + name.len()),
    };
    let mut filters = filters.0.borrow_mut();
    if filters.len() >= MOST && !filters.contains_key(&name) {
        let message = format!("cla.filter: a run may add {MOST} filters");
        return Err(type_error(&ctx, message));
    }
    filters.insert(name, filter);
    Ok(())
}

/// The filter of that name that the run has added.
///
/// # Errors
///
/// The run is being taken down.
pub fn filter<'js>(ctx: &Ctx<'js>, name: &str) -> js::Result<Option<Function<'js>>> {
    let Ok(state) = State::of(ctx) else {
        // Without the library, there is none.
        ctx.catch();
        return Ok(None);
    };
    let filters = Filters::of(state.run());
    let filters = filters.0.borrow();
    let found = filters.get(name);
    found.map(|filter| filter.function.get(ctx)).transpose()
}
