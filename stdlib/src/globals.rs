//! The globals.

use std::rc::Rc;

use cla_runtime::host::{Extension, Run};
use cla_runtime::js::{self, Ctx};

use crate::{call, cla, console, format, lazy, state, web};

/// The globals.
pub(crate) struct Globals;

impl Extension for Globals {
    fn install<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<()> {
        state::State::create(ctx, run)?;
        web::part::CLONING.get_or_init(|| crate::clone::structured_clone);
        #[cfg(feature = "intl")]
        crate::intl::install(run);
        ctx.globals().prop(
            "print",
            js::object::Property::from(call::named(ctx, "print", format::print)?)
                .writable()
                .configurable(),
        )?;
        // Made anew when a rule first names them.
        ctx.globals().remove("WeakRef")?;
        ctx.globals().remove("performance")?;
        web::late::LATE.install(ctx)?;
        for (name, build) in lazy::NAMES.iter().zip(BUILDS) {
            lazy::define(ctx, name, build)?;
        }
        Ok(())
    }
}

/// How they are made, in the same order.
const BUILDS: [lazy::Build; 2] = [cla::build, console::build];
