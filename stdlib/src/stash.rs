//! `cla/stash`: the data that the host gave the run, and what the rule put there.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

pub(crate) mod path;

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::function::Rest;
use cla_runtime::js::{self, Ctx, Function, Object, Value};

use crate::call::{Arg, define, named};
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
    let root = State::of(&ctx)?.run().stash(&ctx)?;
    access(&ctx, "cla.stash", &root, &arguments)
}

/// A function that does with `root` what `cla.stash` does with the stash of the run.
///
/// # Errors
///
/// There is no memory for it.
pub fn stash_of<'js>(ctx: &Ctx<'js>, run: &Run, root: Object<'js>) -> js::Result<Function<'js>> {
    let root = run.keep(ctx, root);
    named(
        ctx,
        "stash",
        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
            access(&ctx, "stash", &root.get(&ctx)?, &arguments)
        },
    )
}

fn access<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    root: &Object<'js>,
    arguments: &[Value<'js>],
) -> js::Result<Value<'js>> {
    let Some(path) = arguments.first() else {
        return Ok(root.clone().into_value());
    };
    match arguments.get(1) {
        Some(value) => set_in(ctx, what, root, path, value.clone()),
        None => {
            let found = get_in(ctx, what, root, path)?;
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
    get_in(ctx, what, &State::of(ctx)?.run().stash(ctx)?, path)
}

fn get_in<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    root: &Object<'js>,
    path: &Value<'js>,
) -> js::Result<Option<Value<'js>>> {
    let (state, parts) = at(ctx, what, path)?;
    path::get(&state.intrinsics(ctx)?, root.as_value(), &parts)
}

fn set<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    path: &Value<'js>,
    value: Value<'js>,
) -> js::Result<Value<'js>> {
    set_in(ctx, what, &State::of(ctx)?.run().stash(ctx)?, path, value)
}

fn set_in<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    root: &Object<'js>,
    path: &Value<'js>,
    value: Value<'js>,
) -> js::Result<Value<'js>> {
    let (state, parts) = at(ctx, what, path)?;
    let intrinsics = state.intrinsics(ctx)?;
    path::set(ctx, &intrinsics, what, root, &parts, value.clone())?;
    Ok(value)
}
