//! The tasks of `runOrFail`: acquire, work, release, at the price of one call where nothing has to be waited for.
//!
//! In TypeScript they are tasks like others, whose prototype is `RunTask.prototype`; here is their method `then`, which
//! `await` calls. Without it, such a task would be three promises and a dozen calls.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::{HostValues, Rooted, SlotGuard, fulfils_promise};
use cla_runtime::js::function::{Params, This};
use cla_runtime::js::{self, Ctx, Function, IntoJs, Object, Value};
use cla_runtime::trace::RegionOutcome;

use super::slot::Slot;
use crate::call::{argument, method};
use crate::throw::type_error;

/// What the tasks of a run have in common: what TypeScript gave for them.
#[derive(Default)]
pub(super) struct Tasks(OnceCell<Common>);

struct Common {
    prototype: Rooted<Object<'static>>,
    /// Makes a promise of `(work, semaphore, value)`: see `runTasks` in `native.d.ts`.
    promise: Rooted<Function<'static>>,
    /// What those get who do not look at it: `await` does not.
    ignored: Rooted<Value<'static>>,
    /// An object of this prototype: while there is one, QuickJS need not lay out the next anew.
    _layout: Rooted<Object<'static>>,
}

/// How far a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Fresh,
    Running,
    /// The work is being done, and somebody waits for a promise of it.
    Awaited,
    /// It is done, with a value that is no promise.
    Done,
    /// There is a promise of it.
    Promised,
}

/// What a task is made of. Its values: see [`WORK`] and the others.
type Task<'js> = HostValues<'js, State, 4>;

struct State {
    slot: Rc<Slot>,
    tasks: Rc<Tasks>,
    phase: Cell<Phase>,
}

const WORK: usize = 0;
const SEMAPHORE: usize = 1;
/// The value or the promise.
const OUTCOME: usize = 2;
/// What fulfils the promise, while the phase is [`Phase::Awaited`].
const FULFIL: usize = 3;

impl Tasks {
    /// `runTasks(prototype, promise)`: what there is of them in TypeScript.
    pub(super) fn equip<'js>(
        &self,
        ctx: &Ctx<'js>,
        run: &Run,
        prototype: Object<'js>,
        promise: Function<'js>,
    ) -> js::Result<()> {
        method(&prototype, "then", then)?;
        let ignored: Function<'js> = ctx.eval("(() => Promise.resolve())")?;
        let ignored: Value<'js> = ignored.call(())?;
        let layout = Object::new(ctx.clone())?;
        layout.set_prototype(Some(&prototype))?;
        let _ = self.0.set(Common {
            _layout: run.keep(ctx, layout),
            prototype: run.keep(ctx, prototype),
            promise: run.keep(ctx, promise),
            ignored: run.keep(ctx, ignored),
        });
        Ok(())
    }

    fn common(&self, ctx: &Ctx<'_>) -> js::Result<&Common> {
        self.0
            .get()
            .ok_or_else(|| type_error(ctx, "there are no tasks of runOrFail yet"))
    }

    /// `slot.task(work, semaphore)`.
    pub(super) fn task<'js>(
        self: &Rc<Self>,
        slot: Rc<Slot>,
        params: &Params<'_, 'js>,
    ) -> js::Result<Value<'js>> {
        let ctx = params.ctx();
        let undefined = || Value::new_undefined(ctx.clone());
        let values = [
            argument(params, 0),
            argument(params, 1),
            undefined(),
            undefined(),
        ];
        let state = State {
            slot,
            tasks: Rc::clone(self),
            phase: Cell::new(Phase::Fresh),
        };
        HostValues::create(state, values, self.common(ctx)?.prototype.get(ctx)?)
    }
}

/// `parts(task)`: its work and its semaphore.
pub(super) fn parts<'js>(params: &Params<'_, 'js>) -> js::Result<Value<'js>> {
    on(params, &argument(params, 0), |task| {
        vec![task.value(WORK), task.value(SEMAPHORE)].into_js(params.ctx())
    })
}

/// `task.then(onfulfilled, onrejected)`.
fn then<'js>(params: &Params<'_, 'js>) -> js::Result<Value<'js>> {
    let ctx = params.ctx();
    let callbacks = (argument(params, 0), argument(params, 1));
    on(params, &params.this(), |task| {
        let State { slot, phase, .. } = &task.host;
        if phase.get() == Phase::Fresh
            && let Some(work) = task.value(WORK).as_function()
            && fulfils_promise(ctx, &callbacks.0)?
            && let Some(guard) = slot.take_now()
        {
            phase.set(Phase::Running);
            let result = work.call::<_, Value<'js>>(());
            return task.conclude(ctx, guard, result, callbacks);
        }
        let promise = match phase.get() {
            Phase::Fresh => {
                // Should the work wait for this very task, it finds it running.
                let promise = task.wait(ctx)?;
                let begun = task.promise(ctx, task.value(WORK), task.value(SEMAPHORE), None)?;
                task.fulfil(begun)?;
                promise
            }
            Phase::Done => {
                let undefined = Value::new_undefined(ctx.clone());
                let value = task.value(OUTCOME);
                let promise = task.promise(ctx, undefined.clone(), undefined, Some(value))?;
                task.set(OUTCOME, promise.clone());
                phase.set(Phase::Promised);
                promise
            }
            Phase::Running => task.wait(ctx)?,
            Phase::Awaited | Phase::Promised => task.value(OUTCOME),
        };
        call_then(&promise, callbacks)
    })
}

/// What `then` is given.
type Callbacks<'js> = (Value<'js>, Value<'js>);

/// What the library calls on a task.
trait RunTask<'js> {
    fn value(&self, at: usize) -> Value<'js>;
    fn set(&self, at: usize, value: Value<'js>);
    /// The work has returned or thrown, and `await` waits for it.
    fn conclude(
        &self,
        ctx: &Ctx<'js>,
        guard: SlotGuard,
        result: js::Result<Value<'js>>,
        callbacks: Callbacks<'js>,
    ) -> js::Result<Value<'js>>;
    /// The task has this outcome, a promise.
    fn settle(&self, promise: Value<'js>) -> js::Result<()>;
    /// A promise of what is to come.
    fn wait(&self, ctx: &Ctx<'js>) -> js::Result<Value<'js>>;
    /// It came.
    fn fulfil(&self, outcome: Value<'js>) -> js::Result<()>;
    /// What TypeScript makes of it: see [`Common::promise`].
    fn promise(
        &self,
        ctx: &Ctx<'js>,
        work: Value<'js>,
        semaphore: Value<'js>,
        value: Option<Value<'js>>,
    ) -> js::Result<Value<'js>>;
}

impl<'js> RunTask<'js> for Task<'js> {
    fn value(&self, at: usize) -> Value<'js> {
        self.values.borrow()[at].clone()
    }

    fn set(&self, at: usize, value: Value<'js>) {
        let before = std::mem::replace(&mut self.values.borrow_mut()[at], value);
        // Freeing a value may run code that looks at the others.
        drop(before);
    }

    fn conclude(
        &self,
        ctx: &Ctx<'js>,
        guard: SlotGuard,
        result: js::Result<Value<'js>>,
        callbacks: Callbacks<'js>,
    ) -> js::Result<Value<'js>> {
        let State { slot, phase, tasks } = &self.host;
        let result = result.and_then(|value| Ok((is_promise_like(&value)?, value)));
        match result {
            Ok((false, value)) => {
                slot.give_back_now(guard, RegionOutcome::Done);
                if phase.get() == Phase::Awaited {
                    self.fulfil(value.clone())?;
                } else {
                    self.set(OUTCOME, value.clone());
                    phase.set(Phase::Done);
                }
                if let Some(onfulfilled) = callbacks.0.as_function() {
                    onfulfilled.call::<_, ()>((value,))?;
                }
                tasks.common(ctx)?.ignored.get(ctx)
            }
            Ok((true, begun)) => {
                slot.register_now(&guard);
                drop(guard);
                let undefined = Value::new_undefined(ctx.clone());
                let promise = self.promise(ctx, undefined, self.value(SEMAPHORE), Some(begun))?;
                self.settle(promise.clone())?;
                call_then(&promise, callbacks)
            }
            Err(error) => {
                slot.give_back_now(guard, RegionOutcome::Failed);
                if !error.is_exception() {
                    return Err(error);
                }
                let thrown = ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(ctx.throw(thrown));
                }
                let (promise, _, reject) = ctx.promise()?;
                reject.call::<_, ()>((thrown,))?;
                let promise = promise.into_value();
                self.settle(promise.clone())?;
                call_then(&promise, callbacks)
            }
        }
    }

    fn settle(&self, promise: Value<'js>) -> js::Result<()> {
        if self.host.phase.get() == Phase::Awaited {
            return self.fulfil(promise);
        }
        self.set(OUTCOME, promise);
        self.host.phase.set(Phase::Promised);
        Ok(())
    }

    fn wait(&self, ctx: &Ctx<'js>) -> js::Result<Value<'js>> {
        let (promise, resolve, _) = ctx.promise()?;
        let promise = promise.into_value();
        self.set(OUTCOME, promise.clone());
        self.set(FULFIL, resolve.into_value());
        self.host.phase.set(Phase::Awaited);
        Ok(promise)
    }

    fn fulfil(&self, outcome: Value<'js>) -> js::Result<()> {
        let fulfil = self.value(FULFIL);
        self.host.phase.set(Phase::Promised);
        self.set(FULFIL, Value::new_undefined(fulfil.ctx().clone()));
        match fulfil.as_function() {
            Some(fulfil) => fulfil.call((outcome,)),
            None => Ok(()),
        }
    }

    fn promise(
        &self,
        ctx: &Ctx<'js>,
        work: Value<'js>,
        semaphore: Value<'js>,
        value: Option<Value<'js>>,
    ) -> js::Result<Value<'js>> {
        let make = self.host.tasks.common(ctx)?.promise.get(ctx)?;
        let value = value.unwrap_or_else(|| Value::new_undefined(ctx.clone()));
        make.call((work, semaphore, value))
    }
}

fn call_then<'js>(promise: &Value<'js>, callbacks: Callbacks<'js>) -> js::Result<Value<'js>> {
    let Some(object) = promise.as_object() else {
        return Ok(promise.clone());
    };
    let then: Function<'js> = object.get("then")?;
    then.call((This(promise.clone()), callbacks.0, callbacks.1))
}

/// Goes on with the task that `value` is.
fn on<'js, R>(
    params: &Params<'_, 'js>,
    value: &Value<'js>,
    go_on: impl FnOnce(&Task<'js>) -> js::Result<R>,
) -> js::Result<R> {
    Task::with(value, go_on).unwrap_or_else(|| {
        Err(type_error(
            params.ctx(),
            "then: this is not a task of runOrFail",
        ))
    })
}

/// Whether a value can be awaited.
fn is_promise_like(value: &Value<'_>) -> js::Result<bool> {
    match value.as_object() {
        Some(_) if value.is_promise() => Ok(true),
        Some(object) => Ok(object.get::<_, Value<'_>>("then")?.is_function()),
        None => Ok(false),
    }
}
