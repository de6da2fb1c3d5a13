//! `WeakRef`: what one leads to is kept until the code that made it, or asked for it, is through.
//!
//! QuickJS frees an object with its last reference, so that `new WeakRef({}).deref()` would be `undefined` at once. The
//! language says that it is not before the job has ended, and programs rely on that.

use std::cell::RefCell;
use std::rc::Rc;

use cla_runtime::internal::{LibraryScript, Rooted};
use cla_runtime::js::{self, Ctx, Function, Value};

use crate::intrinsics::Intrinsic;
use crate::state::State;

static SCRIPT: LibraryScript = LibraryScript::new("cla:weak", include_str!("weak.js"));

/// What the running job has asked for.
#[derive(Default)]
struct Kept(RefCell<Vec<Rooted<Value<'static>>>>);

/// Makes the class in place of the interpreter's own.
pub(crate) fn build<'js>(ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
    let state = State::of(ctx)?;
    let prototype: Value<'js> = state.intrinsics(ctx)?.get(Intrinsic::WeakRefPrototype)?;
    let kept = Rc::new(Kept::default());
    let keep = Function::new(ctx.clone(), move |ctx: Ctx<'js>, target: Value<'js>| {
        let run = Rc::clone(State::of(&ctx)?.run());
        let mut list = kept.0.borrow_mut();
        if list.is_empty() {
            let kept = Rc::clone(&kept);
            // The event loop comes to this when all jobs are through.
            run.promise(&ctx, std::future::ready(()), move |ctx, ()| {
                let list = kept.0.take();
                drop(list);
                Ok(Value::new_undefined(ctx.clone()))
            })?;
        }
        list.push(run.keep(&ctx, target));
        js::Result::Ok(())
    })?;
    let make: Function<'js> = SCRIPT.run(ctx)?.get()?;
    make.call((prototype, keep))
}
