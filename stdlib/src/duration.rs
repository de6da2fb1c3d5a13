//! Lengths of time as rules write them: `2.5` seconds, `"250ms"`, `"1h30m"`.

use std::time::Duration;

use cla_runtime::js::{self, Ctx, Value};
use cla_runtime::slot_options::length;

use crate::options::{option_value, unfit};

/// Reads a duration: a number of seconds, or a string such as `"250ms"`, `"5m"`, `"1h30m"`, `"2 days"`.
///
/// A day has 24 hours and a week seven days; months and years have no fixed length and are refused.
///
/// # Errors
///
/// A `TypeError` that begins with `what`, for instance `util.sleep: seconds`.
pub(crate) fn duration<'js>(
    ctx: &Ctx<'js>,
    value: &Value<'js>,
    what: &str,
) -> js::Result<Duration> {
    length(&option_value(value)?).map_err(|misfit| unfit(ctx, what, misfit, value))
}
