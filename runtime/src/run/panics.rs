//! Panics of the host's code end the run, although JavaScript may catch what looks like an exception to it.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rquickjs::{Ctx, Function};

use super::{Rooted, Run, run_of};
use crate::control::{Stop, Stopped};
use crate::sys::quickjs::has_exception;

/// What a run knows of panics.
#[derive(Default)]
pub(super) struct Panics {
    /// What the first panic of the host's code said.
    message: RefCell<Option<String>>,
    /// A panic that a script has caught is looked for.
    probing: Cell<bool>,
    /// Throws then, so that the panic goes on.
    thrower: RefCell<Option<Rooted<Function<'static>>>>,
}

impl Run {
    /// Whether code of the host's has panicked and a `catch` of the script's has held it. The run is stopped then.
    ///
    /// rquickjs keeps a panic while QuickJS unwinds, and goes on with it at the next exception that passes through one of
    /// its own functions. A script that catches what looks like an exception to it would go on for ever. So this throws.
    pub(crate) fn find_panic(&self, ctx: &Ctx<'_>) -> bool {
        // An exception is on its way to one of those functions; and the throw may ask itself whether to stop.
        if has_exception(ctx) || self.panics.probing.get() {
            return false;
        }
        let Some(thrower) = self.panics.thrower.borrow().clone() else {
            return false;
        };
        self.panics.probing.set(true);
        let found = catch_unwind(AssertUnwindSafe(|| {
            let thrown = thrower
                .get(ctx)
                .and_then(|thrower| thrower.call::<_, ()>(()));
            debug_assert!(thrown.is_err());
        }));
        self.panics.probing.set(false);
        ctx.catch();
        match found {
            Ok(()) => false,
            Err(panic) => {
                self.note_panic(&*panic);
                true
            }
        }
    }

    /// A function that [throws](Self::is_probing) while it is called by [`Run::find_panic`].
    pub(crate) fn set_thrower<'js>(&self, ctx: &Ctx<'js>, thrower: Function<'js>) {
        *self.panics.thrower.borrow_mut() = Some(self.keep(ctx, thrower));
    }

    /// Whether the thrower is to throw.
    pub(crate) fn is_probing(&self) -> bool {
        self.panics.probing.get()
    }

    /// Code of the host's has panicked: that ends the run, and nothing in it can catch it.
    fn note_panic(&self, panic: &(dyn Any + Send)) {
        let message = panic_message(panic).to_owned();
        self.panics.message.borrow_mut().get_or_insert(message);
        self.control.stop(Stop::Panicked);
    }

    /// What the first panic said.
    pub(crate) fn panic_message(&self) -> String {
        self.panics.message.borrow().clone().unwrap_or_default()
    }

    /// Does something that may panic, outside of QuickJS's own frames.
    pub(crate) fn contain<T>(&self, work: impl FnOnce() -> T) -> Result<T, Stopped> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
            self.note_panic(&*panic);
            Stopped
        })
    }
}

/// Calls a host function's body so that its panic ends the run at once: a `catch` or `finally` in JavaScript would
/// hold the panic of a function that is not called in this way for a moment, until the interpreter asks next.
///
/// # Errors
///
/// That of `body`; when it has panicked, an exception that the rule cannot catch.
pub fn contain_panic<T>(
    ctx: &Ctx<'_>,
    body: impl FnOnce() -> rquickjs::Result<T>,
) -> rquickjs::Result<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(panic) => match run_of(ctx) {
            Some(run) => {
                run.note_panic(&*panic);
                Err(run.throw_stopped(ctx))
            }
            None => resume_unwind(panic),
        },
    }
}

/// What a panic says.
pub(crate) fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
