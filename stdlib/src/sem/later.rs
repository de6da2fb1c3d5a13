//! `sem.take.async` and `sem.acquire.async`: they wait without blocking the run, so that its other async code goes on.

use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use cla_runtime::internal::{SlotGuard, Usage};
use cla_runtime::js::{self, Ctx, Error, Object, Value};
use cla_runtime::semaphore::{AcquireError, Permit};
use cla_runtime::trace::RegionOutcome;
use futures_util::future::Either;

use super::Module;
use super::request::Wanted;
use crate::call::{Arg, define, poll_now, rejected};
use crate::signal::Signal;
use crate::statements;
use crate::throw::wrong;

/// A wait without a time limit is given this one: 30 years.
///
/// A run that waits without blocking can still release what it holds, so its wait is no deadlock. For the stores, a wait
/// with a time limit is none.
const PATIENCE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Adds `take.async` and `acquire.async`.
pub(super) fn add<'js>(
    module: &Rc<Module>,
    take: &Object<'js>,
    acquire: &Object<'js>,
) -> js::Result<()> {
    let this = Rc::clone(module);
    define(
        take,
        "async",
        move |ctx: Ctx<'js>, name: Arg<'js>, second: Arg<'js>, third: Arg<'js>| {
            this.take_later(&ctx, &name, &second, &third)
        },
    )?;
    let this = Rc::clone(module);
    define(
        acquire,
        "async",
        move |ctx: Ctx<'js>, name: Arg<'js>, options: Arg<'js>| {
            this.acquire_later(&ctx, &name, &options)
        },
    )
}

impl Module {
    /// `take.async(name, fn)` and `take.async(name, options, fn)`.
    fn take_later<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        second: &Arg<'js>,
        third: &Arg<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "sem.take.async";
        let usage = self.usage(ctx, WHAT, name)?;
        let (wanted, function) = match third.given() {
            Some(function) => (self.request(ctx, WHAT, second)?, function),
            None => (self.any_slot().into(), &second.0),
        };
        let Some(function) = function.as_function() else {
            let what = "sem.take.async: the last argument";
            let expected = "the function that needs the semaphore";
            return Err(wrong(ctx, what, expected, function));
        };
        let function = self.run.keep(ctx, function.clone());
        let (module, holder) = (Rc::clone(self), Rc::clone(&usage));
        self.later(ctx, &usage, wanted, move |ctx, permit| {
            let guard = SlotGuard::of(&module.run, holder, permit);
            let argument = module.permit_object(ctx, guard.permit())?;
            let mut result = function.get(ctx)?.call::<_, Value<'_>>((argument,));
            if let Ok(value) = &result {
                match statements::promise_of(ctx, value) {
                    Ok(Some(promise)) => return module.until_settled(ctx, guard, &promise),
                    Ok(None) => {
                        if let Err(error) = statements::finish(ctx, &module.statements, value) {
                            result = Err(error);
                        }
                    }
                    Err(error) => result = Err(error),
                }
            }
            let outcome = match &result {
                Ok(_) => RegionOutcome::Done,
                Err(_) => RegionOutcome::Failed,
            };
            match guard.leave(outcome) {
                Some(lost) if result.is_ok() => Err(module.lost(ctx, &lost)),
                _ => result,
            }
        })
    }

    /// `acquire.async(name, options)`.
    fn acquire_later<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        options: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "sem.acquire.async";
        let usage = self.usage(ctx, WHAT, name)?;
        let wanted = self.request(ctx, WHAT, options)?;
        let (module, holder) = (Rc::clone(self), Rc::clone(&usage));
        self.later(ctx, &usage, wanted, move |ctx, permit| {
            let held = module.run.permits().hold(permit, holder);
            module.run.permits().register(&held);
            module.permit_object(ctx, &held)
        })
    }

    /// A promise of what `admitted` makes of a permit.
    fn later<'js, F>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        usage: &Rc<Usage>,
        wanted: Wanted,
        admitted: F,
    ) -> js::Result<Value<'js>>
    where
        F: for<'a> FnOnce(&Ctx<'a>, Permit) -> js::Result<Value<'a>> + 'static,
    {
        let Wanted { request, signal } = wanted;
        if let Some(signal) = &signal
            && let Err(error) = signal.check(ctx)
        {
            return rejected(ctx, error);
        }
        self.run.enter_region(ctx, usage)?;
        let request = match usage.semaphore.try_acquire_now(request) {
            Ok(permit) => {
                usage.note_taken();
                return match admitted(ctx, permit) {
                    Ok(value) => resolved(ctx, value),
                    Err(error) => rejected(ctx, error),
                };
            }
            Err(request) => request,
        };
        let has_limit = request.get_timeout().is_some();
        let request = match has_limit {
            true => request,
            false => request.timeout(PATIENCE),
        };
        let place = self.run.waiting_place(ctx)?;
        let waiting = Rc::clone(usage);
        let acquire = async move {
            let _place = place;
            let acquire = waiting.semaphore.acquire().with(request);
            waiting.observed_wait(acquire).await
        };
        // In line before those who ask after this.
        let mut acquire = Box::pin(Signal::unless(signal.as_ref(), acquire));
        let acquire = match poll_now(acquire.as_mut()) {
            Poll::Ready(outcome) => Either::Left(std::future::ready(outcome)),
            Poll::Pending => Either::Right(acquire),
        };
        let (module, usage) = (Rc::clone(self), Rc::clone(usage));
        let promise = self
            .run
            .promise_durably(ctx, acquire, move |ctx, outcome| match (outcome, signal) {
                (Some(Ok(permit)), _) => {
                    usage.note_taken();
                    admitted(ctx, permit)
                }
                (Some(Err(error)), _) => {
                    Err(module.refused_later(ctx, usage.semaphore.name(), &error))
                }
                (None, Some(signal)) => Err(signal.throw(ctx)),
                (None, None) => Err(Error::Unknown),
            })?;
        Ok(promise.into_value())
    }

    /// What a rule can do about a run that waits for itself, added to the message of an error. `function` is what it called.
    pub(super) fn advice(&self, ctx: &Ctx<'_>, function: &str, error: &AcquireError) -> String {
        let is_deadlock = matches!(error, AcquireError::Deadlock(_));
        // Without any, waiting without blocking would last for ever.
        if is_deadlock && (self.awaited.get() > 0 || self.run.has_async_code(ctx)) {
            format!(
                "; if other async code of this rule gives a slot back, {function}.async waits for that without blocking it"
            )
        } else {
            String::new()
        }
    }
}

fn resolved<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> js::Result<Value<'js>> {
    let (promise, resolve, _) = ctx.promise()?;
    resolve.call::<_, ()>((value,))?;
    Ok(promise.into_value())
}
