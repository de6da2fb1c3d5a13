//! A semaphored region: how it is asked for, entered and left. Notes what became of it.

use std::rc::Rc;
use std::time::Duration;

use cla_semaphore::{AcquireError, Owner, Request, SemaphoreName, Slots, Ttl};
use rquickjs::Ctx;
use serde_json::Value as Json;

use crate::duration;
use crate::ledger::HeldPermit;
use crate::run::Run;
use crate::trace::{RegionOutcome, Stay};

/// What a rule says of the semaphore that it wants to hold.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    pub(super) name: SemaphoreName,
    slots: Option<Slots>,
    timeout: Option<Duration>,
    ttl: Option<Ttl>,
    priority: Option<i32>,
}

impl Tag {
    /// Reads a name, or `{key, slots, timeout, ttl, priority}`.
    ///
    /// # Errors
    ///
    /// Says what is wrong.
    pub(crate) fn read(json: &Json) -> Result<Self, String> {
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
        let mut tag = Self::read(&Json::String(key.to_owned()))?;
        for (part, value) in map {
            match part.as_str() {
                "key" => {}
                "slots" => {
                    let text = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    tag.slots = Some(text.parse().map_err(|error| format!("{error}"))?);
                }
                "timeout" => tag.timeout = Some(length(part, value)?),
                "ttl" => {
                    let ttl = Ttl::new(length(part, value)?);
                    tag.ttl = Some(ttl.map_err(|error| error.to_string())?);
                }
                "priority" => {
                    let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
                    tag.priority = Some(number.ok_or("the priority must be a whole number")?);
                }
                other => {
                    return Err(format!(
                        "a semaphore has no {other:?}; it has key, slots, timeout, ttl, priority"
                    ));
                }
            }
        }
        Ok(tag)
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

/// A region that was entered. Should the run end in the middle of it, its ledger gives the slot back.
pub(crate) struct Inside {
    held: Rc<HeldPermit>,
    stay: Stay,
}

/// Enters a region: waits for its turn.
///
/// # Errors
///
/// The outer error is that of [`Run::acquire`]; the inner one says why there is no slot.
pub(crate) fn enter(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    tag: &Tag,
    who: &str,
    line: u32,
) -> rquickjs::Result<Result<Inside, AcquireError>> {
    let mut request = Request::new().owner(Owner::process(who).with_run(run.id()));
    if let Some(slots) = tag.slots {
        request = request.slots(slots);
    }
    if let Some(timeout) = tag.timeout {
        request = request.timeout(timeout);
    }
    if let Some(ttl) = tag.ttl {
        request = request.ttl(ttl);
    }
    if let Some(priority) = tag.priority {
        request = request.priority(priority);
    }
    let account = run.ledger().account(run.semaphores(), &tag.name);
    let mut stay = Stay::begin(run, &tag.name, who, line);
    match run.acquire(ctx, &account, request)? {
        Ok(permit) => {
            stay.admit(permit.granted());
            let held = run.ledger().hold(permit, account);
            run.ledger().entrust(&held);
            Ok(Ok(Inside { held, stay }))
        }
        Err(error) => {
            stay.refuse(&error);
            Ok(Err(error))
        }
    }
}

impl Inside {
    /// Gives the slot back. If that had been lost by accident, gives the message that whoever relied on it should
    /// get.
    pub(crate) fn leave(self, run: &Run, outcome: RegionOutcome) -> Option<String> {
        let Self { held, stay } = self;
        stay.leave(outcome);
        let account = Rc::clone(held.account());
        run.ledger()
            .close(held)
            .then(|| cla_semaphore::lost_message(account.semaphore.name()))
    }
}
