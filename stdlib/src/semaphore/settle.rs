//! What a store answers: a value where it is there at once, a promise otherwise.

use std::future::Future;
use std::rc::Rc;
use std::task::Poll;

use cla_runtime::host::Run;
use cla_runtime::js::{self, Ctx, Value};

pub(super) use crate::call::poll_now;

/// What comes of a future, at once if it is ready, and a promise if not; `on` is what it is for.
pub(super) fn settle<'js, T, F, C>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    on: Rc<T>,
    future: F,
    convert: C,
) -> js::Result<Value<'js>>
where
    T: 'static,
    F: Future + 'static,
    C: for<'a> FnOnce(&Ctx<'a>, &T, F::Output) -> js::Result<Value<'a>> + 'static,
{
    let mut future = Box::pin(future);
    match poll_now(future.as_mut()) {
        Poll::Ready(output) => match convert(ctx, &on, output) {
            // Thrown, it would have the place of the library's call.
            Err(js::Error::Exception) => {
                let (promise, _, reject) = ctx.promise()?;
                reject.call::<_, ()>((ctx.catch(),))?;
                Ok(promise.into_value())
            }
            converted => converted,
        },
        Poll::Pending => {
            let promise = run.promise(ctx, future, move |ctx, output| convert(ctx, &on, output))?;
            Ok(promise.into_value())
        }
    }
}
