//! The errors of `cla/sem`, as classes that rules can catch by.

use cla_runtime::internal::LostSlot;
use cla_runtime::js::function::Constructor;
use cla_runtime::js::{self, Ctx, Object, Value};
use cla_runtime::semaphore::{AcquireError, SemaphoreName};

use super::Module;
use crate::state::note_error;
use crate::throw::placeless;

impl Module {
    /// Throws why there is no slot. `function` is what the rule called, or has in its place: `sem.take`.
    pub(super) fn refused(
        &self,
        ctx: &Ctx<'_>,
        function: &str,
        name: &SemaphoreName,
        error: &AcquireError,
    ) -> js::Error {
        let class = ErrorClass::of(error);
        let message = format!("{error}{}", self.advice(ctx, function, error));
        self.throw(ctx, class, &message, Some(name.as_str()))
    }

    /// The error that says why there is no slot.
    pub(crate) fn error<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &SemaphoreName,
        error: &AcquireError,
    ) -> js::Result<Value<'js>> {
        let class = self.error_class(ctx, ErrorClass::of(error))?;
        let message = error.to_string();
        class.construct((message, name.as_str()))
    }

    /// Throws why there is no slot to the waiter of a promise: see [`placeless`].
    pub(crate) fn refused_later(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        error: &AcquireError,
    ) -> js::Error {
        self.throw_later(ctx, ErrorClass::of(error), name, &error.to_string())
    }

    /// The same for what is wrong with a semaphore's store.
    pub(crate) fn failed_later(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        error: &impl std::fmt::Display,
    ) -> js::Error {
        self.throw_later(ctx, ErrorClass::Any, name, &error.to_string())
    }

    fn throw_later<'js>(
        &self,
        ctx: &Ctx<'js>,
        class: ErrorClass,
        name: &SemaphoreName,
        message: &str,
    ) -> js::Error {
        let make = || {
            let class = self.error_class(ctx, class)?;
            let error = placeless(ctx, &class, message)?;
            if let Some(object) = error.as_object() {
                object.set("semaphore", name.as_str())?;
            }
            js::Result::Ok(error)
        };
        match make() {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
    }

    /// The slot was lost by accident while a rule relied on it.
    pub(super) fn lost(&self, ctx: &Ctx<'_>, slot: &LostSlot) -> js::Error {
        let semaphore = slot.semaphore().as_str();
        self.throw(ctx, ErrorClass::Lost, &slot.to_string(), Some(semaphore))
    }

    /// Throws an instance of one of the error classes.
    pub(super) fn throw(
        &self,
        ctx: &Ctx<'_>,
        class: ErrorClass,
        message: &str,
        semaphore: Option<&str>,
    ) -> js::Error {
        let error = self
            .error_class(ctx, class)
            .and_then(|class| class.construct::<_, Value<'_>>((message, semaphore)));
        match error {
            Ok(error) => {
                note_error(ctx, &error);
                ctx.throw(error)
            }
            Err(error) => error,
        }
    }

    /// One of the error classes. All are made together, at the first call.
    pub(super) fn error_class<'js>(
        &self,
        ctx: &Ctx<'js>,
        class: ErrorClass,
    ) -> js::Result<Constructor<'js>> {
        let known = self.errors.borrow().clone();
        let classes = match known {
            Some(classes) => classes.get(ctx)?,
            None => {
                let mut options = js::context::EvalOptions::default();
                options.filename = Some("cla/sem".into());
                options.backtrace_barrier = true;
                let classes: Object<'js> = ctx.eval_with_options(ERROR_CLASSES, options)?;
                *self.errors.borrow_mut() = Some(self.run.keep(ctx, classes.clone()));
                classes
            }
        };
        classes.get(class.name())
    }
}

/// The error classes, as JavaScript would write them.
const ERROR_CLASSES: &str = "(() => {
    class SemaphoreError extends Error {
        constructor(message, semaphore) {
            super(message);
            if (semaphore !== undefined) this.semaphore = semaphore;
        }
    }
    class SemaphoreCancelError extends SemaphoreError {}
    class SemaphoreTimeoutError extends SemaphoreError {}
    class SemaphoreDeadlockError extends SemaphoreError {}
    class SemaphoreLostError extends SemaphoreError {}
    const classes = {
        SemaphoreError, SemaphoreCancelError, SemaphoreTimeoutError, SemaphoreDeadlockError, SemaphoreLostError
    };
    for (const [name, value] of Object.entries(classes)) {
        Object.defineProperty(value.prototype, 'name', { value: name, writable: true, configurable: true });
    }
    return classes;
})()";

#[derive(Clone, Copy, Debug)]
pub(super) enum ErrorClass {
    Any,
    Cancel,
    Timeout,
    Deadlock,
    Lost,
}

impl ErrorClass {
    pub(super) fn of(error: &AcquireError) -> Self {
        match error {
            AcquireError::Cancelled { .. } => Self::Cancel,
            AcquireError::TimedOut { .. } => Self::Timeout,
            AcquireError::Deadlock(_) => Self::Deadlock,
            _ => Self::Any,
        }
    }

    pub(super) const ALL: [Self; 5] = [
        Self::Any,
        Self::Cancel,
        Self::Timeout,
        Self::Deadlock,
        Self::Lost,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "SemaphoreError",
            Self::Cancel => "SemaphoreCancelError",
            Self::Timeout => "SemaphoreTimeoutError",
            Self::Deadlock => "SemaphoreDeadlockError",
            Self::Lost => "SemaphoreLostError",
        }
    }
}
