//! Globals that cost next to nothing until a rule uses them.
//!
//! Ten thousand rules may wait at once, and few of them need `console`. So a global starts as a getter that
//! builds the real thing, puts it in its own place as a plain property, and is never seen again.

use cla_runtime::js::function::Rest;
use cla_runtime::js::object::{AsProperty, Property, PropertyFlags};
use cla_runtime::js::{self, Ctx, Function, Value, qjs};

/// The globals that are made when they are first read, and that the global object has from the start. The web's and
/// Node's names are not even there before: see [`late`](crate::web::late).
pub(crate) const NAMES: &[&str] = &["cla", "console"];

/// Makes the value of a global.
pub(crate) type Build = for<'js> fn(&Ctx<'js>) -> js::Result<Value<'js>>;

/// Defines the global `name`, to be made by `build` when it is first read.
///
/// Assigning to it, or declaring a variable of that name, replaces it unbuilt.
pub(crate) fn define(ctx: &Ctx<'_>, name: &'static str, build: Build) -> js::Result<()> {
    let accessor = Function::new(ctx.clone(), move |ctx, assigned| {
        access(&ctx, name, build, assigned)
    })?;
    ctx.globals().prop(name, Accessor(accessor))
}

fn access<'js>(
    ctx: &Ctx<'js>,
    name: &str,
    build: Build,
    assigned: Rest<Value<'js>>,
) -> js::Result<Value<'js>> {
    // A setter is called with one argument, a getter with none.
    let value = match assigned.0.into_iter().next() {
        Some(value) => value,
        None => build(ctx)?,
    };
    let property = Property::from(value.clone()).writable().configurable();
    ctx.globals().prop(name, property)?;
    Ok(value)
}

/// A configurable property whose getter and setter are one function: half the memory of two.
struct Accessor<'js>(Function<'js>);

impl<'js> AsProperty<'js, ()> for Accessor<'js> {
    fn config(
        self,
        ctx: &Ctx<'js>,
    ) -> js::Result<(PropertyFlags, Value<'js>, Value<'js>, Value<'js>)> {
        let flags = qjs::JS_PROP_HAS_GET
            | qjs::JS_PROP_HAS_SET
            | qjs::JS_PROP_CONFIGURABLE
            | qjs::JS_PROP_HAS_CONFIGURABLE
            | qjs::JS_PROP_HAS_ENUMERABLE;
        let function = self.0.into_value();
        let undefined = Value::new_undefined(ctx.clone());
        Ok((
            flags as PropertyFlags,
            undefined,
            function.clone(),
            function,
        ))
    }
}
