//! The global `cla`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Ctx, IntoJs, Null, Object, Value};
use cla_runtime::output::OutputStream;

use crate::call::{Arg, named};
use crate::sprintf;
use crate::state::State;
use crate::throw::{string_argument, wrong};
use crate::{stash, vars, yaml};

/// Makes the object.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    let cla = Object::new(ctx.clone())?;
    cla.set("stash", named(ctx, "stash", stash::stash)?)?;
    cla.set("parseVars", named(ctx, "parseVars", parse_vars)?)?;
    cla.set("printf", named(ctx, "printf", printf)?)?;
    cla.set("sprintf", named(ctx, "sprintf", sprintf)?)?;
    cla.set("dump", named(ctx, "dump", dump)?)?;
    cla.set("secret", named(ctx, "secret", secret)?)?;
    cla.set("lastError", named(ctx, "lastError", last_error)?)?;
    Ok(cla.into_value())
}

fn parse_vars<'js>(ctx: Ctx<'js>, value: Arg<'js>, vars: Arg<'js>) -> js::Result<Value<'js>> {
    const WHAT: &str = "cla.parseVars";
    let vars = match vars.given() {
        Some(vars) if vars.is_object() => vars.clone(),
        Some(vars) => return Err(wrong(&ctx, "cla.parseVars: vars", "an object", vars)),
        None => State::of(&ctx)?.run().stash(&ctx)?.into_value(),
    };
    vars::parse_vars(&ctx, WHAT, &value, &vars)
}

fn sprintf<'js>(ctx: Ctx<'js>, format: Arg<'js>, values: Rest<Value<'js>>) -> js::Result<String> {
    let format = string_argument(&ctx, "cla.sprintf: format", &format)?;
    sprintf::sprintf(&ctx, "cla.sprintf", &format, &values)
}

fn printf<'js>(ctx: Ctx<'js>, format: Arg<'js>, values: Rest<Value<'js>>) -> js::Result<()> {
    let format = string_argument(&ctx, "cla.printf: format", &format)?;
    let text = sprintf::sprintf(&ctx, "cla.printf", &format, &values)?;
    State::of(&ctx)?.write(&ctx, OutputStream::Stdout, &text)
}

fn dump<'js>(ctx: Ctx<'js>, value: Arg<'js>) -> js::Result<()> {
    let text = yaml::dump(&ctx, &value, "cla.dump")?;
    State::of(&ctx)?.write(&ctx, OutputStream::Stdout, &text)
}

fn secret<'js>(ctx: Ctx<'js>, name: Arg<'js>) -> js::Result<String> {
    let name = string_argument(&ctx, "cla.secret: the name", &name)?;
    Ok(State::of(&ctx)?.run().secret(&ctx, &name)?.to_owned())
}

fn last_error(ctx: Ctx<'_>) -> js::Result<Value<'_>> {
    match State::of(&ctx)?.last_error() {
        Some(message) => message.into_js(&ctx),
        None => Null.into_js(&ctx),
    }
}
