//! What only the other crates of this workspace use, for modules that behave like the ones here. It may change at any time.

use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx, Object};
use cla_runtime::semaphore::{AcquireError, SemaphoreName};

pub use crate::base64::encode as base64;
pub use crate::call::{Arg, define, named};
pub use crate::filters::filter;
pub use crate::fs::in_words as file_problem;
pub use crate::fs::{archive, contents, replace};
#[cfg(feature = "http")]
pub use crate::http::options as http;
pub use crate::json::with_quoted_integers;
pub use crate::options::{entries, unknown as unknown_option};
pub use crate::properties::load as load_properties;
pub use crate::stash::stash_of;
pub use crate::throw::{error, name_argument, quote, syntax_error, type_error, wrong};
pub use crate::yaml::{
    Scalar, is_as_written, resolve as resolve_scalar, resolve_core as resolve_core_scalar,
};

use crate::sem;

/// Adds `region(options, fn)` to the exports of a module: as `take`, with its place in the run's record.
///
/// # Errors
///
/// There is no memory for the function.
pub fn define_region<'js>(run: &Rc<Run>, exports: &Object<'js>) -> js::Result<()> {
    let semaphores = sem::Module::of(run);
    define(
        exports,
        "region",
        move |ctx: Ctx<'js>, options: Arg<'js>, function: Arg<'js>| {
            semaphores.region(&ctx, &options, &function)
        },
    )
}

/// A civil time, such as `2026-01-31 12:00:00`, in UTC: the seconds since 1970.
#[must_use]
pub fn civil_seconds(text: &str) -> Option<i64> {
    let time: jiff::civil::DateTime = text.parse().ok()?;
    let time = jiff::tz::TimeZone::UTC.to_timestamp(time).ok()?;
    Some(time.as_second())
}

/// Programs that are started.
pub mod command {
    pub use crate::command::{Command, Ended, Plan, Refusal, SHELL, Stage, Words, quote, text};
}

/// The error of `cla/sem` that says why there is no slot; `None` in a run without that module.
///
/// # Errors
///
/// There is no memory for it.
pub fn semaphore_error<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &SemaphoreName,
    error: &AcquireError,
) -> js::Result<Option<js::Value<'js>>> {
    match run.modules().has_built_in("cla/sem") {
        true => sem::Module::of(run).error(ctx, name, error).map(Some),
        false => Ok(None),
    }
}
