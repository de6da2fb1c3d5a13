//! What `child_process.js` needs of Rust: the commands of `cla/shell`.

use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::js::{self, Ctx, Function, Object, Value};

use crate::shell;
use crate::state::State;

/// Adds what `child_process.js` is given.
pub(super) fn natives<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, natives: &Object<'js>) -> js::Result<()> {
    let start: Value<'js> = shell::Native.exports(ctx, run)?.get("start")?;
    natives.set("start", start)?;
    natives.set("visible", Function::new(ctx.clone(), visible)?)
}

/// `visible()`: the variables of the environment that the rule sees, each with its value.
fn visible(ctx: Ctx<'_>) -> js::Result<Vec<Vec<String>>> {
    let variables = State::of(&ctx)?.run().visible_environment();
    Ok(variables
        .into_iter()
        .map(|(name, value)| vec![name, value])
        .collect())
}
