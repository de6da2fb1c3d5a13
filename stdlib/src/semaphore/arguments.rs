//! What `cla/semaphore` hands down, read and checked.

use std::time::Duration;

use cla_runtime::js::{self, Ctx, Value};
use cla_runtime::semaphore::{SemaphoreName, SlotId, Slots, Ttl};

use crate::throw::{name_argument, type_error, wrong};

/// What a semaphore is created with.
pub(super) struct SlotArguments {
    pub(super) name: SemaphoreName,
    pub(super) id: SlotId,
    pub(super) slots: Slots,
    pub(super) ttl: Option<Ttl>,
}

impl SlotArguments {
    pub(super) fn read<'js>(
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        id: &Value<'js>,
        limit: &Value<'js>,
        lifetime: &Value<'js>,
    ) -> js::Result<Self> {
        const WHAT: &str = "SemaphoreProvider.create";
        let name = semaphore_name(ctx, WHAT, name)?;
        let id = name_argument(ctx, &format!("{WHAT}: slotId"), id)?;
        let id =
            SlotId::new(id).map_err(|error| type_error(ctx, format_args!("{WHAT}: {error}")))?;
        Ok(Self {
            name,
            id,
            slots: slots(ctx, &format!("{WHAT}: limit"), limit)?,
            ttl: ttl(ctx, &format!("{WHAT}: ttl"), lifetime)?,
        })
    }
}

pub(super) fn semaphore_name<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    name: &Value<'js>,
) -> js::Result<SemaphoreName> {
    SemaphoreName::new(name_argument(ctx, &format!("{function}: the key"), name)?)
        .map_err(|error| type_error(ctx, format_args!("{function}: {error}")))
}

/// A length of time in milliseconds; what is more than can be counted is for ever.
pub(super) fn milliseconds<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    value: &Value<'js>,
) -> js::Result<Duration> {
    match value.as_number() {
        Some(number) if number >= 0.0 => {
            Ok(Duration::try_from_secs_f64(number / 1000.0).unwrap_or(Duration::MAX))
        }
        _ => Err(wrong(
            ctx,
            what,
            "a number of milliseconds, 0 or more",
            value,
        )),
    }
}

pub(super) fn ttl<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Option<Ttl>> {
    if value.is_null() {
        return Ok(None);
    }
    Ttl::new(milliseconds(ctx, what, value)?)
        .map(Some)
        .map_err(|error| type_error(ctx, format_args!("{what}: {error}")))
}

fn slots<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Slots> {
    match value.as_number() {
        Some(f64::INFINITY) => Ok(Slots::Unlimited),
        Some(number) if number >= 1.0 && number.fract() == 0.0 && number <= f64::from(u32::MAX) => {
            Ok(Slots::Limited(number as u32))
        }
        _ => Err(wrong(ctx, what, "a whole number of slots from 1", value)),
    }
}
