//! `cla.config` and `cla/config`: the settings that the host gives its rules; in the program, those under `[config]` in `cla.toml`.
//!
//! They are read, and never changed: each call makes a copy of what it is asked for.

#![allow(
    clippy::needless_pass_by_value,
    reason = "rquickjs hands functions their arguments by value"
)]

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run, json_to_value};
use cla_runtime::js::{self, Ctx, Object, Value};
use serde_json::Value as Json;

use crate::call::{Arg, define};
use crate::stash::path;
use crate::state::State;
use crate::throw::name_argument;

/// What a key may begin with in `cla/config`, as in programs for Clarive.
const PREFIX: &str = "config.";

/// The module.
pub(crate) struct Config;

impl NativeModule for Config {
    fn name(&self) -> &str {
        "cla/config"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        define(
            &exports,
            "get",
            |ctx: Ctx<'js>, path: Arg<'js>, otherwise: Arg<'js>| {
                get(&ctx, "config.get", &path, otherwise.0)
            },
        )?;
        define(&exports, "has", |ctx: Ctx<'js>, path: Arg<'js>| {
            let state = State::of(&ctx)?;
            let path = name_argument(&ctx, "config.has: path", &path)?;
            let found = prefixed(&ctx, "config.has", state.run(), &path)?;
            Ok::<_, js::Error>(found.is_some())
        })?;
        define(&exports, "all", |ctx: Ctx<'js>| all(&ctx))?;
        Ok(exports)
    }
}

/// The global `cla.config`: all settings, or what is at a path.
pub(crate) fn config<'js>(
    ctx: Ctx<'js>,
    path: Arg<'js>,
    otherwise: Arg<'js>,
) -> js::Result<Value<'js>> {
    const WHAT: &str = "cla.config";
    let Some(path) = path.given() else {
        return all(&ctx);
    };
    let path = name_argument(&ctx, "cla.config: path", path)?;
    let state = State::of(&ctx)?;
    match find(&ctx, WHAT, state.run(), &path)? {
        Some(found) => json_to_value(&ctx, found),
        None => Ok(otherwise.0),
    }
}

/// The global `cla.configTable`.
pub(crate) fn config_table<'js>(
    ctx: Ctx<'js>,
    path: Arg<'js>,
    otherwise: Arg<'js>,
) -> js::Result<Value<'js>> {
    get(&ctx, "cla.configTable", &path, otherwise.0)
}

fn get<'js>(
    ctx: &Ctx<'js>,
    what: &str,
    path: &Value<'js>,
    otherwise: Value<'js>,
) -> js::Result<Value<'js>> {
    let path = name_argument(ctx, &format!("{what}: path"), path)?;
    let state = State::of(ctx)?;
    match prefixed(ctx, what, state.run(), &path)? {
        Some(found) => json_to_value(ctx, found),
        None => Ok(otherwise),
    }
}

fn all<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    match State::of(ctx)?.run().config() {
        Some(config) => json_to_value(ctx, config),
        None => Ok(Object::new(ctx.clone())?.into_value()),
    }
}

/// What is at a path, or at the rest of one that begins with `config.`.
fn prefixed<'r>(
    ctx: &Ctx<'_>,
    what: &str,
    run: &'r Run,
    path: &str,
) -> js::Result<Option<&'r Json>> {
    if let Some(found) = find(ctx, what, run, path)? {
        return Ok(Some(found));
    }
    match path.strip_prefix(PREFIX) {
        Some(rest) => find(ctx, what, run, rest),
        None => Ok(None),
    }
}

/// What is at a path: `deploy.host`, `hosts.0`, or a JSON pointer such as `/deploy/host`.
fn find<'r>(ctx: &Ctx<'_>, what: &str, run: &'r Run, path: &str) -> js::Result<Option<&'r Json>> {
    let parts = path::parts(ctx, what, path)?;
    let Some(config) = run.config() else {
        return Ok(None);
    };
    if path.starts_with('/') {
        return Ok(parts.iter().try_fold(config, |value, part| at(value, part)));
    }
    Ok(way(config, path))
}

/// What a way with dots leads to. A key may have dots itself, and then is the rest of the way.
fn way<'r>(config: &'r Json, path: &str) -> Option<&'r Json> {
    let (mut value, mut rest) = (config, path);
    loop {
        if let Some(found) = at(value, rest) {
            return Some(found);
        }
        let (first, after) = rest.split_once('.')?;
        value = at(value, first)?;
        rest = after;
    }
}

fn at<'r>(value: &'r Json, part: &str) -> Option<&'r Json> {
    match value {
        Json::Object(entries) => entries.get(part),
        Json::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::way;

    #[test]
    fn a_way_leads_through_objects_lists_and_keys_with_dots() {
        let config = json!({
            "a": {"b": [10, {"c": "deep"}], "x.y": 1, "x": {"y": 2, "z": 3}},
            "web1.example.com": true,
            "hosts": {"web1.example.com": {"port": 22}, "web1": 5},
        });
        let cases: [(&str, Value); 8] = [
            ("a.b.0", json!(10)),
            ("a.b.1.c", json!("deep")),
            ("a.x.y", json!(1)),
            ("a.x.z", json!(3)),
            ("web1.example.com", json!(true)),
            ("hosts.web1.example.com", json!({"port": 22})),
            ("a.b.2", Value::Null),
            ("a.b.c.d", Value::Null),
        ];
        for (path, expected) in cases {
            let found = way(&config, path).cloned().unwrap_or_default();
            assert_eq!(found, expected, "{path}");
        }
    }
}
