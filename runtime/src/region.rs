//! A semaphored region: how it is asked for and entered.

use std::rc::Rc;

use cla_semaphore::{AcquireError, Owner, Request, SemaphoreName};
use rquickjs::Ctx;
use serde_json::Value as Json;

use crate::region_span::RegionSpan;
use crate::run::Run;
use crate::slot_guard::SlotGuard;
use crate::slot_options::{OptionValue, SlotOptions};

/// What a rule says of the semaphore that it wants to hold.
#[derive(Clone, Debug)]
pub struct SemaphoreSpec {
    name: SemaphoreName,
    options: SlotOptions,
}

impl SemaphoreSpec {
    /// The semaphore.
    #[must_use]
    pub fn name(&self) -> &SemaphoreName {
        &self.name
    }

    pub(crate) fn request(&self, owner: Owner) -> Request {
        self.options.apply(Request::new().owner(owner))
    }

    /// Reads a name, or `{key, slots, timeout, ttl, priority}`.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub fn read(json: &Json) -> Result<Self, String> {
        let spec = |name: &str| match SemaphoreName::new(name) {
            Ok(name) => Ok(Self {
                name,
                options: SlotOptions::default(),
            }),
            Err(error) => Err(error.to_string()),
        };
        let map = match json {
            Json::String(name) => return spec(name),
            Json::Object(map) => map,
            _ => return Err("a semaphore is a name, or a map with `key`".to_owned()),
        };
        let key = map.get("key").and_then(Json::as_str);
        let mut spec = spec(key.ok_or("a semaphore's `key` is its name, a text")?)?;
        for (part, value) in map.iter().filter(|(part, _)| *part != "key") {
            let known = spec.options.set(part, &option_value(value));
            if !known.map_err(|misfit| misfit.message(part))? {
                let names = SlotOptions::NAMES.join(", ");
                return Err(format!("a semaphore has no {part:?}; it has key, {names}"));
            }
        }
        Ok(spec)
    }
}

fn option_value(value: &Json) -> OptionValue<'_> {
    match value {
        Json::Number(number) => OptionValue::Number(number.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => OptionValue::Text(text.into()),
        _ => OptionValue::Other,
    }
}

/// Enters a region: waits for its turn. Should the run end in the middle of it, its permit table gives the slot back.
///
/// # Errors
///
/// The outer error is that of [`Run::acquire`]; the inner one says why there is no slot.
pub fn enter(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    spec: &SemaphoreSpec,
    who: &str,
    line: u32,
) -> rquickjs::Result<Result<SlotGuard, AcquireError>> {
    let who = &*run.secrets().mask(who);
    let request = spec.request(Owner::process(who).with_run(run.id()));
    let usage = run.usage(ctx, &spec.name)?;
    let span = RegionSpan::begin_of_op(run, &spec.name, who, line);
    let entered = SlotGuard::enter(ctx, run, &usage, request, Some(span))?;
    Ok(entered.inspect(SlotGuard::register))
}
