//! (to come)
use cla_runtime::js::{self, Ctx, Object};

pub(super) fn natives<'js>(_ctx: &Ctx<'js>, _natives: &Object<'js>) -> js::Result<()> {
    Ok(())
}
