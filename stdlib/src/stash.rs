//! `cla/stash`: the data that the host gave the run, and what the rule put there.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

pub(crate) mod path;

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Ctx, Object, Value};

use crate::call::{Arg, define};
use crate::state::State;
use crate::throw::name_argument;

/// The module.
pub(crate) struct Stash;

impl NativeModule for Stash {
    fn name(&self) -> &str {
        "cla/stash"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        define(
            &exports,
            "get",
            |ctx: Ctx<'js>, path: Arg<'js>, otherwise: Arg<'js>| {
                let found = get(&ctx, "stash.get", &path)?;
                Ok::<_, js::Error>(found.unwrap_or_else(|| otherwise.clone()))
            },
        )?;
        define(
            &exports,
            "set",
            |ctx: Ctx<'js>, path: Arg<'js>, value: Arg<'js>| {
                set(&ctx, "stash.set", &path, value.clone())
            },
        )?;
        define(&exports, "has", |ctx: Ctx<'js>, path: Arg<'js>| {
            Ok::<_, js::Error>(get(&ctx, "stash.has", &path)?.is_some())
        })?;
        define(&exports, "remove", |ctx: Ctx<'js>, path: Arg<'js>| {
            let (state, parts) = at(&ctx, "stash.remove", &path)?;
            let root = state.run().stash(&ctx)?;
            let intrinsics = state.intrinsics(&ctx)?;
            path::remove(&ctx, &intrinsics, "stash.remove", root.as_value(), &parts)
        })?;
        define(&exports, "all", |ctx: Ctx<'js>| {
            State::of(&ctx)?.run().stash(&ctx)
        })?;
        Ok(exports)
    }
}

/// The global `cla.stash`: all of it, what is at a path, or a value put there.
pub(crate) fn stash<'js>(ctx: Ctx<'js>, arguments: Rest<Value<'js>>) -> js::Result<Value<'js>> {
    const WHAT: &str = "cla.stash";
    let Some(path) = arguments.first() else {
        return Ok(State::of(&ctx)?.run().stash(&ctx)?.into_value());
    };
    match arguments.get(1) {
        Some(value) => set(&ctx, WHAT, path, value.clone()),
        None => {
            let found = get(&ctx, WHAT, path)?;
            Ok(found.unwrap_or_else(|| Value::new_undefined(ctx.clone())))
        }
    }
}

/// The parts of a path, and the state whose stash it leads into.
fn at<'js>(ctx: &Ctx<'js>, what: &str, path: &Value<'js>) -> js::Result<(Rc<State>, Vec<String>)> {
    let path = name_argument(ctx, &format!("{what}: path"), path)?;
    Ok((State::of(ctx)?, path::parts(ctx, what, &path)?))
}

fn get<'js>(ctx: &Ctx<'js>, what: &str, path: &Value<'js>) -> js::Result<Option<Value<'js>>> {
    let (state, parts) = at(ctx, what, path)?;
    let root = state.run().stash(ctx)?;
    path::get(&state.intrinsics(ctx)?, root.as_value(), &parts)
}

fn set<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    path: &Value<'js>,
    value: Value<'js>,
) -> js::Result<Value<'js>> {
    let (state, parts) = at(ctx, what, path)?;
    let root = state.run().stash(ctx)?;
    let intrinsics = state.intrinsics(ctx)?;
    path::set(ctx, &intrinsics, what, &root, &parts, value.clone())?;
    Ok(value)
}
