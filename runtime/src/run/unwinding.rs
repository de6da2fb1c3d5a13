//! How a run that is stopped leaves its code: its `finally` blocks are executed, for as long as its grace lasts.
//!
//! The stop becomes an error that is thrown once: by the call that waits, or at the interpreter's next question, and as the
//! rejection of what the run awaits. It runs through `finally` as any error does. A `catch` may hold it, and the code goes on
//! then, but the run has ended all the same: its result is that it was stopped, and at the end of the grace it is stopped by
//! an error that nothing holds.

use std::cell::{Cell, RefCell};

use rquickjs::function::This;
use rquickjs::{Ctx, Exception, Function, Value};

use super::time::Shield;
use super::{Rooted, Run, run_of};
use crate::control::Stop;
use crate::sys::quickjs::{clear_uncatchable, has_exception, is_like};

/// What a run knows of how it leaves its code.
#[derive(Default)]
pub(super) struct Unwinding {
    /// Its program wants that.
    allowed: Cell<bool>,
    begun: Cell<bool>,
    /// The code that is executed is to have the error at the interpreter's next question.
    undelivered: Cell<bool>,
    /// What was pending when it began has been aborted.
    aborted: Cell<bool>,
    /// Reads and writes what is called for the text of an error's stack.
    stack_hook: RefCell<Option<StackHook>>,
}

/// The getter and the setter of `Error.prepareStackTrace`.
#[derive(Clone)]
struct StackHook {
    get: Rooted<Function<'static>>,
    set: Rooted<Function<'static>>,
}

impl Run {
    /// From now on, code that is left because the run is stopped executes its `finally` blocks.
    pub(crate) fn let_unwind(&self) {
        self.unwinding.allowed.set(true);
    }

    /// Its code has come to its end: what is still executed of the rule's, such as the getters of its value, is not left in that
    /// way.
    pub(crate) fn has_left(&self) {
        self.unwinding.allowed.set(false);
    }

    /// Keeps the getter and the setter of `Error.prepareStackTrace`.
    pub(crate) fn keep_stack_hook<'js>(
        &self,
        ctx: &Ctx<'js>,
        get: Function<'js>,
        set: Function<'js>,
    ) {
        let hook = StackHook {
            get: self.keep(ctx, get),
            set: self.keep(ctx, set),
        };
        *self.unwinding.stack_hook.borrow_mut() = Some(hook);
    }

    /// Whether it was stopped, and its code is being left.
    pub(crate) fn is_unwinding(&self) -> bool {
        self.unwinding.begun.get()
    }

    /// Begins to leave the code, if the run was stopped and that is possible; says whether it has begun now.
    #[cold]
    #[inline(never)]
    pub(crate) fn begin_unwinding(&self) -> bool {
        let reason = self.control.reason();
        let is_possible = self.unwinding.allowed.get()
            && !self.is_unwinding()
            && self.time.shield.get().is_none()
            && matches!(reason, Some(Stop::Cancelled | Stop::TimedOut))
            && !self.control.is_interrupted()
            && !self.limits.grace.is_zero();
        if !is_possible {
            return false;
        }
        let inner_deadline = self.time.inner_deadline.take();
        self.time.shield.set(Some(Shield { inner_deadline }));
        if self.stopped() {
            // Nothing of the grace is left.
            self.time.shield.set(None);
            return false;
        }
        self.unwinding.begun.set(true);
        true
    }

    /// The error that runs through the code: the result of a call that waited, or of what was awaited.
    #[cold]
    #[inline(never)]
    pub(super) fn throw_unwinding(&self, ctx: &Ctx<'_>) -> rquickjs::Error {
        let error = Exception::from_message(ctx.clone(), self.stop_message());
        match error.and_then(|error| self.named(error)) {
            Ok(error) => error.throw(),
            Err(error) => error,
        }
    }

    fn named<'js>(&self, error: Exception<'js>) -> rquickjs::Result<Exception<'js>> {
        error.as_object().set("name", self.stop_name())?;
        Ok(error)
    }

    fn stop_name(&self) -> &'static str {
        match self.control.reason() {
            Some(Stop::TimedOut) => "TimedOut",
            _ => "Cancelled",
        }
    }

    /// Whether the code that is being executed is to be stopped here; `must_end`: because the run must end. For the handler of
    /// QuickJS's interrupts.
    ///
    /// QuickJS stops code by an error that nothing can catch. It has no other way, but it makes the text of the error's stack
    /// before it looks whether the error can be caught, and for that it calls a function, if there is one. Ours makes the error
    /// one that can be caught.
    pub(crate) fn ends_code(&self, ctx: &Ctx<'_>, must_end: bool) -> bool {
        let unwinding = &self.unwinding;
        if must_end {
            if !self.begin_unwinding() {
                return true;
            }
            unwinding.undelivered.set(true);
        }
        if !unwinding.undelivered.get() {
            return false;
        }
        // An exception is on its way already; or a function that has waited is about to go on, and would be ended before its
        // `finally` could see it.
        if has_exception(ctx) || self.is_probing() || ctx.script_or_module_name(0).is_none() {
            self.gauge.pulse().expire();
            return false;
        }
        unwinding.undelivered.set(false);
        if self.soften_next_error(ctx).is_err() {
            drop(ctx.catch());
        }
        true
    }

    /// Lets the code of a job that makes new ones for ever have the error of the end.
    #[cold]
    #[inline(never)]
    pub(super) fn end_a_job(&self, ctx: &Ctx<'_>) {
        /// More than jobs wait in turn where each is one of many that go on for ever.
        const MOST: u32 = 10_000;
        self.unwinding.undelivered.set(true);
        for _ in 0..MOST {
            self.gauge.pulse().expire();
            if !ctx.execute_pending_job() || !self.unwinding.undelivered.get() {
                break;
            }
        }
        self.unwinding.undelivered.set(false);
    }

    #[cold]
    #[inline(never)]
    fn soften_next_error<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<()> {
        let Some(hook) = self.unwinding.stack_hook.borrow().clone() else {
            return Ok(());
        };
        let globals = ctx.globals();
        let before: Value<'js> = hook.get.get(ctx)?.call((This(globals.clone()),))?;
        let before = self.keep(ctx, before);
        let set = hook.set.clone();
        let (name, message) = (self.stop_name(), self.stop_message());
        let soften = move |ctx: Ctx<'js>, error: Value<'js>| {
            set.get(&ctx)?
                .call::<_, ()>((This(ctx.globals()), before.get(&ctx)?))?;
            clear_uncatchable(&ctx, &error);
            if let Some(error) = error.as_object() {
                error.set("name", name)?;
                error.set("message", message)?;
            }
            rquickjs::Result::Ok("")
        };
        let soften = Function::new(ctx.clone(), soften)?;
        hook.set.get(ctx)?.call((This(globals), soften))
    }

    /// Ends what was pending when the run began to leave its code; says whether it did so now.
    ///
    /// What the run awaits is rejected: the promises of host functions, and a promise whose `resolve` function is the callback
    /// of a timer. Other timers are forgotten.
    pub(crate) fn abort_pending(&self, ctx: &Ctx<'_>) -> bool {
        if !self.is_unwinding() || self.unwinding.aborted.replace(true) {
            return false;
        }
        let callbacks = self.event_loop.abort();
        if self.reject_timers(ctx, callbacks).is_err() {
            drop(ctx.catch());
        }
        true
    }

    #[cold]
    #[inline(never)]
    fn reject_timers(
        &self,
        ctx: &Ctx<'_>,
        callbacks: Vec<rquickjs::Persistent<Function<'static>>>,
    ) -> rquickjs::Result<()> {
        if callbacks.is_empty() {
            return Ok(());
        }
        let (_, sample, _) = ctx.promise()?;
        for callback in callbacks {
            let callback = callback.restore(ctx)?;
            if !is_like(callback.as_value(), sample.as_value()) {
                continue;
            }
            let (rejected, _, reject) = ctx.promise()?;
            self.throw_unwinding(ctx);
            reject.call::<_, ()>((ctx.catch(),))?;
            callback.call::<_, ()>((rejected,))?;
        }
        Ok(())
    }
}

/// Throws what rejects a promise of a host function whose run is being left.
pub(super) fn throw_aborted(ctx: &Ctx<'_>) -> rquickjs::Error {
    match run_of(ctx) {
        Some(run) => run.throw_unwinding(ctx),
        None => rquickjs::Error::Unknown,
    }
}
