//! `cla/path/native`: what `cla/path` (`modules/path.ts`) cannot know by itself.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, Ctx, Object};

use crate::call::{Arg, define};
use crate::throw::{error, string_argument};

/// The module.
pub(crate) struct Native;

impl NativeModule for Native {
    fn name(&self) -> &str {
        "cla/path/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        define(&exports, "currentFolder", |ctx: Ctx<'js>| {
            let folder = std::env::current_dir()
                .map_err(|problem| error(&ctx, format_args!("path.resolve: {problem}")))?;
            js::Result::Ok(folder.to_string_lossy().into_owned())
        })?;
        define(
            &exports,
            "matches",
            |ctx: Ctx<'js>, pattern: Arg<'js>, path: Arg<'js>| {
                let pattern = string_argument(&ctx, "path.matchesGlob: pattern", &pattern)?;
                let path = string_argument(&ctx, "path.matchesGlob: path", &path)?;
                js::Result::Ok(fast_glob::glob_match(&pattern, &path))
            },
        )?;
        Ok(exports)
    }
}
