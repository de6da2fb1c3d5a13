//! `cla/reg`: services that a rule registers, to be launched by name; in rulebooks, each is an op.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::nearest;
use cla_runtime::js::{self, Ctx, Function, Object, Value};
use cla_stdlib::internal::{Arg, define, error, name_argument, quote, type_error, wrong};

use crate::service_name::service_name;
use crate::services::Services;

/// The module.
pub(crate) struct Reg;

impl NativeModule for Reg {
    fn name(&self) -> &str {
        "cla/reg"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let of = Rc::clone(run);
        define(
            &exports,
            "register",
            move |ctx: Ctx<'js>, name: Arg<'js>, service: Arg<'js>| {
                let name = name_argument(&ctx, "reg.register: the service's name", &name)?;
                let handler = handler(&ctx, &service)?;
                service_name(&name)
                    .map_err(|error| type_error(&ctx, format_args!("reg.register: {error}")))?;
                Services::of(&of).register(&ctx, &of, &name, handler);
                Ok::<_, js::Error>(())
            },
        )?;
        let of = Rc::clone(run);
        define(
            &exports,
            "launch",
            move |ctx: Ctx<'js>, name: Arg<'js>, config: Arg<'js>, stash: Arg<'js>| {
                let name = name_argument(&ctx, "reg.launch: the service's name", &name)?;
                let Some(service) = Services::of(&of).get(&ctx, &name)? else {
                    return Err(unknown(&ctx, &name, Services::of(&of).names()));
                };
                let stash = match stash.given() {
                    Some(stash) if stash.is_object() => stash.clone(),
                    Some(stash) => {
                        return Err(wrong(&ctx, "reg.launch: the stash", "an object", stash));
                    }
                    None => of.stash(&ctx)?.into_value(),
                };
                service.call::<_, Value<'js>>((config.clone(), stash))
            },
        )?;
        let of = Rc::clone(run);
        define(&exports, "has", move |ctx: Ctx<'js>, name: Arg<'js>| {
            let name = name_argument(&ctx, "reg.has: the service's name", &name)?;
            Ok::<_, js::Error>(Services::of(&of).get(&ctx, &name)?.is_some())
        })?;
        let of = Rc::clone(run);
        define(&exports, "names", move || Services::of(&of).names())?;
        Ok(exports)
    }
}

/// A service is a function, or an object with one.
fn handler<'js>(ctx: &Ctx<'js>, service: &Value<'js>) -> js::Result<Function<'js>> {
    if let Some(function) = service.as_function() {
        return Ok(function.clone());
    }
    if let Some(object) = service.as_object() {
        let handler: Value<'js> = object.get("handler")?;
        if let Some(function) = handler.as_function() {
            return Ok(function.clone());
        }
    }
    let expected = "a function, or an object with a function `handler`";
    Err(wrong(ctx, "reg.register: the service", expected, service))
}

/// How many services are searched for the one that was probably meant, and named.
const MOST_SHOWN: usize = 100;

fn unknown(ctx: &Ctx<'_>, name: &str, mut services: Vec<String>) -> js::Error {
    services.truncate(MOST_SHOWN);
    let hint = match nearest(name, services.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean {near}?"),
        None if services.is_empty() => "; none is registered".to_owned(),
        None => format!("; there are {}", services.join(", ")),
    };
    error(
        ctx,
        format_args!("reg.launch: there is no service {}{hint}", quote(name)),
    )
}
