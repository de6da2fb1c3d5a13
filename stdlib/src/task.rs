//! `cla/task/native`: what `cla/task` (`modules/task.ts`) cannot know by itself.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::fulfils_promise;
use cla_runtime::js::{self, Ctx, IntoJs, Object};

use crate::call::{argument, method};
use crate::throw::placeless;

/// The module.
pub(crate) struct Native;

impl NativeModule for Native {
    fn name(&self) -> &str {
        "cla/task/native"
    }

    fn is_internal(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        method(&exports, "isAwaiting", |params| {
            let ctx = params.ctx();
            fulfils_promise(ctx, &argument(params, 0))?.into_js(ctx)
        })?;
        method(&exports, "placeless", |params| {
            let ctx = params.ctx();
            let class = argument(params, 0).get::<Object<'js>>()?;
            placeless(ctx, &class, &argument(params, 1).get::<String>()?)
        })?;
        Ok(exports)
    }
}
