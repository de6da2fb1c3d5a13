//! What a rule asks for: the semaphore's name and the options of a request.

use cla_runtime::js::{self, Ctx, Value};
use cla_runtime::semaphore::{Owner, Request, SemaphoreName, Slots, Ttl};
use cla_runtime::slot_options::{self, SlotOptions};

use super::Module;
use crate::options::{self, entries, option_value, unfit};
use crate::signal::Signal;
use crate::throw::{name_argument, type_error, wrong};

/// What a rule asks for.
pub(super) struct Wanted {
    pub(super) request: Request,
    /// What ends the wait, if the rule said so.
    pub(super) signal: Option<Signal>,
}

impl From<Request> for Wanted {
    fn from(request: Request) -> Self {
        Self {
            request,
            signal: None,
        }
    }
}

impl Module {
    /// The request of a rule that has no wishes.
    pub(super) fn any_slot(&self) -> Request {
        Request::new().owner(self.run.owner().clone())
    }

    /// The request that `options` describe.
    pub(super) fn request<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &str,
        options: &Value<'js>,
    ) -> js::Result<Wanted> {
        self.request_beside(ctx, function, options, &[])
    }

    /// The request that `options` describe, among others that are `beside` the point.
    pub(super) fn request_beside<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &str,
        options: &Value<'js>,
        beside: &[&str],
    ) -> js::Result<Wanted> {
        let mut request = self.any_slot();
        if options.is_undefined() || options.is_null() {
            return Ok(request.into());
        }
        let Some(options) = options.as_object().filter(|_| !options.is_function()) else {
            let what = format!("{function}: options");
            let expected = "an object such as { timeout: \"5s\" }";
            return Err(wrong(ctx, &what, expected, options));
        };
        let mut signal = None;
        let mut wanted = SlotOptions::default();
        for entry in entries(options) {
            let (key, value) = entry?;
            let what = format!("{function}: option {key}");
            match key.as_str() {
                "ttl" if value.is_null() => {}
                "who" => {
                    let who = name_argument(ctx, &what, &value)?;
                    request = request.owner(
                        Owner::process(self.run.secrets().mask(&who)).with_run(self.run.id()),
                    );
                }
                "signal" => signal = Signal::read(ctx, &what, &value)?,
                key if beside.contains(&key) => {}
                key => {
                    let known = wanted.set(key, &option_value(&value)?);
                    if !known.map_err(|misfit| unfit(ctx, &what, misfit, &value))? {
                        return Err(unknown_option(ctx, function, key));
                    }
                }
            }
        }
        let request = wanted.apply(request);
        Ok(Wanted { request, signal })
    }
}

pub(super) fn semaphore_name<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    name: &Value<'js>,
) -> js::Result<SemaphoreName> {
    let what = format!("{function}: the semaphore's name");
    SemaphoreName::new(name_argument(ctx, &what, name)?)
        .map_err(|error| type_error(ctx, format_args!("{function}: {error}")))
}

pub(super) fn slots<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Slots> {
    slot_options::slots(&option_value(value)?).map_err(|misfit| unfit(ctx, what, misfit, value))
}

pub(super) fn ttl<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Ttl> {
    slot_options::ttl(&option_value(value)?).map_err(|misfit| unfit(ctx, what, misfit, value))
}

fn unknown_option(ctx: &Ctx<'_>, function: &str, key: &str) -> js::Error {
    let [slots, timeout, ttl, priority] = SlotOptions::NAMES;
    let known = [slots, timeout, ttl, priority, "who", "signal"];
    options::unknown(ctx, function, key, &known, &[("limit", "slots")])
}
