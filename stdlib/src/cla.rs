//! The global `cla`.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Constructor, Ctx, FromJs, IntoJs, Null, Object, Value};
use cla_runtime::output::OutputStream;

use crate::call::{Arg, named};
use crate::intrinsics::Intrinsic;
use crate::sprintf;
use crate::state::State;
use crate::text::{coerce, within_memory};
use crate::throw::{string_argument, wrong};
use crate::{config, filters, stash, vars, yaml};

/// Makes the object.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    let cla = Object::new(ctx.clone())?;
    cla.set("stash", named(ctx, "stash", stash::stash)?)?;
    cla.set("parseVars", named(ctx, "parseVars", parse_vars)?)?;
    cla.set("printf", named(ctx, "printf", printf)?)?;
    cla.set("sprintf", named(ctx, "sprintf", sprintf)?)?;
    cla.set("dump", named(ctx, "dump", dump)?)?;
    cla.set("secret", named(ctx, "secret", secret)?)?;
    cla.set("config", named(ctx, "config", config::config)?)?;
    cla.set(
        "configTable",
        named(ctx, "configTable", config::config_table)?,
    )?;
    cla.set("regex", named(ctx, "regex", regex)?)?;
    cla.set("loc", named(ctx, "loc", loc)?)?;
    cla.set("lastError", named(ctx, "lastError", last_error)?)?;
    cla.set("filter", named(ctx, "filter", filters::add)?)?;
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

/// A regular expression of a text.
fn regex<'js>(ctx: Ctx<'js>, pattern: Arg<'js>, flags: Arg<'js>) -> js::Result<Value<'js>> {
    let pattern = string_argument(&ctx, "cla.regex: pattern", &pattern)?;
    let flags = match flags.given() {
        Some(flags) => string_argument(&ctx, "cla.regex: flags", flags)?,
        None => String::new(),
    };
    let class = State::of(&ctx)?.intrinsics(&ctx)?.get(Intrinsic::RegExp)?;
    Constructor::from_js(&ctx, class)?.construct((pattern, flags))
}

/// A text in a language: `%1`, `%2`, ... are the values.
fn loc<'js>(
    ctx: Ctx<'js>,
    language: Arg<'js>,
    text: Arg<'js>,
    values: Rest<Value<'js>>,
) -> js::Result<String> {
    let language = string_argument(&ctx, "cla.loc: language", &language)?;
    let text = string_argument(&ctx, "cla.loc: text", &text)?;
    let state = State::of(&ctx)?;
    let translated = state.run().config().and_then(|config| {
        let texts = config.get("loc")?.get(&language)?;
        texts.get(&text)?.as_str()
    });
    let mut rest = translated.unwrap_or(text.as_str());
    let mut filled = String::with_capacity(rest.len());
    while let Some(at) = rest.find('%') {
        let (before, hole) = rest.split_at(at);
        filled.push_str(before);
        let digits = hole[1..].bytes().take_while(u8::is_ascii_digit).count();
        let number = hole[1..=digits].parse::<usize>().ok();
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        match value {
            Some(value) => filled.push_str(&coerce(&ctx, value)?),
            None => filled.push_str(&hole[..=digits]),
        }
        rest = &hole[1 + digits..];
        state.step(&ctx)?;
        within_memory(&ctx, "the text", filled.len())?;
    }
    filled.push_str(rest);
    Ok(filled)
}
