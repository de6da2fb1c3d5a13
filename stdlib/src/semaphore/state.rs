//! How a semaphore is at the moment, as objects for JavaScript.

use std::time::Duration;

use cla_runtime::js::{self, Array, Ctx, Object, Value};
use cla_runtime::semaphore::provider::StateKind;
use cla_runtime::semaphore::{RequestView, SemaphoreView, SlotState, Slots, Status};

pub(super) fn state_object<'js>(ctx: &Ctx<'js>, state: &SlotState) -> js::Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("type", StateKind::from(state).as_str())?;
    if let Some(held) = &state.held {
        object.set("remaining", remaining(ctx, held.remaining))?;
    }
    object.set("limit", limit(state.slots))?;
    let taken: Vec<String> = state.taken.iter().map(ToString::to_string).collect();
    object.set("taken", taken)?;
    Ok(object.into_value())
}

/// The slots of a semaphore that are taken, or of one that was never named.
pub(super) fn taken_slots<'js>(
    ctx: &Ctx<'js>,
    view: Option<&SemaphoreView>,
) -> js::Result<Value<'js>> {
    let object = Object::new(ctx.clone())?;
    let taken = Array::new(ctx.clone())?;
    let requests = view.map_or(&[][..], |view| &view.requests);
    let busy = |row: &&RequestView| row.status == Status::Busy && !row.granted;
    for (at, row) in requests.iter().filter(busy).enumerate() {
        let slot = Object::new(ctx.clone())?;
        let id = row.slot.as_ref().map(ToString::to_string);
        slot.set("id", id.unwrap_or_else(|| row.id.to_string()))?;
        slot.set("remaining", remaining(ctx, row.ttl_left()))?;
        taken.set(at, slot)?;
    }
    object.set("limit", limit(view.map_or(Slots::ONE, |view| view.slots)))?;
    object.set("taken", taken)?;
    Ok(object.into_value())
}

/// Milliseconds, or `null` for ever.
fn remaining<'js>(ctx: &Ctx<'js>, left: Option<Duration>) -> Value<'js> {
    match left {
        Some(left) => Value::new_number(ctx.clone(), (left.as_secs_f64() * 1000.0).ceil()),
        None => Value::new_null(ctx.clone()),
    }
}

fn limit(slots: Slots) -> f64 {
    match slots {
        Slots::Limited(slots) => f64::from(slots),
        Slots::Unlimited => f64::INFINITY,
    }
}
