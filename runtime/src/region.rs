//! A semaphored region: how it is asked for, entered and left. Notes what became of it.

use std::rc::Rc;
use std::time::Duration;

use cla_semaphore::{AcquireError, Owner, Request, SemaphoreName, Slots, Ttl};
use rquickjs::Ctx;
use serde_json::Value as Json;

use crate::duration;
use crate::permit_table::HeldPermit;
use crate::run::Run;
use crate::trace::{RegionOutcome, RegionSpan};

/// What a rule says of the semaphore that it wants to hold.
#[derive(Clone, Debug)]
pub struct SemaphoreSpec {
    name: SemaphoreName,
    slots: Option<Slots>,
    timeout: Option<Duration>,
    ttl: Option<Ttl>,
    priority: Option<i32>,
}

impl SemaphoreSpec {
    /// Reads a name, or `{key, slots, timeout, ttl, priority}`.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub fn read(json: &Json) -> Result<Self, String> {
        let named = |name: &str| SemaphoreName::new(name).map_err(|error| error.to_string());
        let map = match json {
            Json::String(name) => {
                return Ok(Self {
                    name: named(name)?,
                    slots: None,
                    timeout: None,
                    ttl: None,
                    priority: None,
                });
            }
            Json::Object(map) => map,
            _ => return Err("a semaphore is a name, or a map with `key`".to_owned()),
        };
        let key = map.get("key").and_then(Json::as_str);
        let key = key.ok_or("a semaphore's `key` is its name, a text")?;
        let mut spec = Self::read(&Json::String(key.to_owned()))?;
        for (part, value) in map {
            match part.as_str() {
                "key" => {}
                "slots" => {
                    let text = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    spec.slots = Some(text.parse().map_err(|error| format!("{error}"))?);
                }
                "timeout" => spec.timeout = Some(length(part, value)?),
                "ttl" => {
                    let ttl = Ttl::new(length(part, value)?);
                    spec.ttl = Some(ttl.map_err(|error| error.to_string())?);
                }
                "priority" => {
                    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                    spec.priority = Some(number.ok_or("the priority must be a whole number")?);
                }
                other => {
                    return Err(format!(
                        "a semaphore has no {other:?}; it has key, slots, timeout, ttl, priority"
                    ));
                }
            }
        }
        Ok(spec)
    }
}

fn length(part: &str, value: &Json) -> Result<Duration, String> {
    let read = match value {
        Json::Number(seconds) => duration::from_seconds(seconds.as_f64().unwrap_or(f64::NAN)),
        Json::String(text) => duration::parse(text),
        _ => Err("be a duration such as 30s"),
    };
    read.map_err(|problem| format!("the {part} must {problem}"))
}

/// A region that was entered. Should the run end in the middle of it, its permit table gives the slot back.
pub struct HeldRegion {
    held: Rc<HeldPermit>,
    span: RegionSpan,
}

/// Enters a region: waits for its turn.
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
) -> rquickjs::Result<Result<HeldRegion, AcquireError>> {
    let mut request = Request::new().owner(Owner::process(who).with_run(run.id()));
    if let Some(slots) = spec.slots {
        request = request.slots(slots);
    }
    if let Some(timeout) = spec.timeout {
        request = request.timeout(timeout);
    }
    if let Some(ttl) = spec.ttl {
        request = request.ttl(ttl);
    }
    if let Some(priority) = spec.priority {
        request = request.priority(priority);
    }
    let usage = run.permits().usage(run.semaphores(), &spec.name);
    let mut span = RegionSpan::begin(run, &spec.name, who, line);
    match run.acquire(ctx, &usage, request)? {
        Ok(permit) => {
            span.admit(permit.granted());
            let held = run.permits().hold(permit, usage);
            run.permits().register(&held);
            Ok(Ok(HeldRegion { held, span }))
        }
        Err(error) => {
            span.refuse(&error);
            Ok(Err(error))
        }
    }
}

impl HeldRegion {
    /// Gives the slot back. If the slot had been lost meanwhile, returns the message for the rule that relied on it.
    pub fn leave(self, run: &Run, outcome: RegionOutcome) -> Option<String> {
        let Self { held, span } = self;
        span.leave(outcome);
        let usage = Rc::clone(held.usage());
        run.permits()
            .close(held)
            .then(|| cla_semaphore::lost_message(usage.semaphore.name()))
    }
}
