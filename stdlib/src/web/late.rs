//! The web's names that are made when a rule first names one: see [`LateGlobals`].

use cla_runtime::internal::LateGlobals;
use cla_runtime::js::{self, Ctx, Value};

use super::part::Part;

/// All of them.
pub(crate) static LATE: LateGlobals = LateGlobals {
    names: NAMES,
    build,
};

/// The names, those of each part together.
pub(crate) const NAMES: &[&str] = &[
    "AbortController",
    "AbortSignal",
    "CustomEvent",
    "ErrorEvent",
    "Event",
    "EventTarget",
    "reportError",
];

fn build<'js>(ctx: &Ctx<'js>, name: &'static str) -> js::Result<Value<'js>> {
    part(name).load(ctx)?.get(name)
}

fn part(name: &str) -> Part {
    match name {
        _ => Part::Events,
    }
}
