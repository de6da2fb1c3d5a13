//! Lengths of time as rules write them: `2.5` seconds, `"250ms"`, `"1h30m"`.

use std::time::Duration;

use cla_runtime::duration::{from_seconds, parse};
use cla_runtime::js::{self, Ctx, Value};

use crate::text::text;
use crate::throw::{describe, quote, type_error, wrong};

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
    if let Some(seconds) = value.as_number() {
        return from_seconds(seconds).map_err(|problem| {
            type_error(
                ctx,
                format_args!("{what} must {problem}, not {}", describe(value)),
            )
        });
    }
    let Some(string) = value.as_string() else {
        let expected = "a number or a duration such as \"250ms\"";
        return Err(wrong(ctx, what, expected, value));
    };
    let string = text(string)?;
    parse(&string).map_err(|problem| {
        type_error(
            ctx,
            format_args!("{what} must {problem}, not {}", quote(&string)),
        )
    })
}
