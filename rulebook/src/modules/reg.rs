//! `cla/reg`: services that a rule registers, to be launched by name; in rulebooks, each is an op.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::nearest;
use cla_runtime::js::{self, Ctx, Filter, Object, Value};
use cla_stdlib::internal::{Arg, define, error, name_argument, quote, type_error, wrong};

use crate::service_name::service_name;
use crate::services::{Callable, Form, Services};

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
                let (config, inner) = match service.form {
                    Form::Function => (config.clone(), None),
                    Form::Handler => parts(&config)?,
                };
                let stash = match stash.given().or(inner.as_ref()) {
                    Some(stash) => match stash.as_object() {
                        Some(stash) => stash.clone(),
                        None => {
                            return Err(wrong(&ctx, "reg.launch: the stash", "an object", stash));
                        }
                    },
                    None => of.stash(&ctx)?,
                };
                service.call(&ctx, &of, config, stash)
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

/// What may stand around what a service with a handler is launched with.
const AROUND: [&str; 4] = ["config", "name", "stash", "dataKey"];

/// What a service with a handler is launched with, and its stash: as they are, or `{ config, stash }`.
fn parts<'js>(given: &Value<'js>) -> js::Result<(Value<'js>, Option<Value<'js>>)> {
    let as_it_is = || (given.clone(), None);
    let Some(object) = given.as_object().filter(|_| !given.is_array()) else {
        return Ok(as_it_is());
    };
    let mut has_config = false;
    for key in object
        .own_keys::<String>(Filter::default())
        .take(AROUND.len() + 1)
    {
        let key = key?;
        if !AROUND.contains(&key.as_str()) {
            return Ok(as_it_is());
        }
        has_config |= key == "config";
    }
    if !has_config {
        return Ok(as_it_is());
    }
    let stash: Value<'js> = object.get("stash")?;
    let stash = Some(stash).filter(|stash| !stash.is_undefined() && !stash.is_null());
    Ok((object.get("config")?, stash))
}

/// A service is a function, or an object with one.
fn handler<'js>(ctx: &Ctx<'js>, service: &Value<'js>) -> js::Result<Callable<'js>> {
    if let Some(function) = service.as_function() {
        return Ok(Callable {
            function: function.clone(),
            form: Form::Function,
        });
    }
    if let Some(object) = service.as_object() {
        let handler: Value<'js> = object.get("handler")?;
        if let Some(function) = handler.as_function() {
            return Ok(Callable {
                function: function.clone(),
                form: Form::Handler,
            });
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
