//! Signals to abort, as native functions see them: how a call takes one, and how it ends with it.
//!
//! An `AbortSignal` is JavaScript (`web/events.js`); its *core* is what Rust looks at. While a rule blocks, none of its own
//! code can abort anything, but the time of `AbortSignal.timeout` runs out all the same: so a core knows until when.
//!
//! A function with an option `signal` does this:
//!
//! 1. [`Signal::read`] takes the option.
//! 2. [`Signal::check`] throws the signal's reason if it is aborted already.
//! 3. It waits for [`Signal::unless`] of its future, whether it blocks or gives a promise. `None` means that the signal came
//!    first, and the future was dropped: then it throws what [`Signal::throw`] gives.

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;

use cla_runtime::internal::{HostObject, Rooted};
use cla_runtime::js::{self, Ctx, Error, Function, Object, Value};
use futures_util::future::{Either, select};

use crate::state::State;
use crate::throw::wrong;
use crate::web::abort::Core;
use crate::web::events::EVENTS;

/// A signal that a call was given.
#[derive(Clone)]
pub(crate) struct Signal {
    core: Rc<Core>,
    object: Rooted<Object<'static>>,
}

impl Signal {
    /// The signal that an option has; `None` if it is left out. `what` names the option.
    ///
    /// # Errors
    ///
    /// A `TypeError`: it is no `AbortSignal`.
    pub(crate) fn read<'js>(
        ctx: &Ctx<'js>,
        what: &str,
        value: &Value<'js>,
    ) -> js::Result<Option<Self>> {
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        if let Some(object) = value.as_object()
            && let Some(core) = Self::core(ctx, value)?
        {
            let object = State::of(ctx)?.run().keep(ctx, object.clone());
            return Ok(Some(Self { core, object }));
        }
        Err(wrong(ctx, what, "an AbortSignal", value))
    }

    fn core<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<Option<Rc<Core>>> {
        // Where the classes were never loaded, nothing is an instance of them.
        let Some(events) = EVENTS.loaded(ctx)? else {
            return Ok(None);
        };
        let core_of: Function<'js> = events.get("coreOf")?;
        let core: Value<'js> = core_of.call((value.clone(),))?;
        Ok(HostObject::<Rc<Core>>::with(&core, Rc::clone))
    }

    /// Whether the call may begin.
    ///
    /// # Errors
    ///
    /// The signal's reason, if it is aborted or its time is up.
    pub(crate) fn check(&self, ctx: &Ctx<'_>) -> js::Result<()> {
        if self.core.has_ended() || self.core.is_due() {
            return Err(self.throw(ctx));
        }
        Ok(())
    }

    /// Done when the signal is aborted, or its time is up.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + use<> {
        Rc::clone(&self.core).wait()
    }

    /// What comes of a future, unless the signal comes first; then the future is dropped.
    pub(crate) fn unless<F: Future>(
        signal: Option<&Self>,
        future: F,
    ) -> impl Future<Output = Option<F::Output>> + use<F> {
        let core = signal.map(|signal| Rc::clone(&signal.core));
        async move {
            let Some(core) = core else {
                return Some(future.await);
            };
            match select(pin!(core.wait()), pin!(future)).await {
                Either::Left(((), _)) => None,
                Either::Right((output, _)) => Some(output),
            }
        }
    }

    /// Throws the signal's reason. One whose time is up is aborted by this.
    pub(crate) fn throw(&self, ctx: &Ctx<'_>) -> Error {
        let reason = || {
            let signal = self.object.get(ctx)?;
            let events = EVENTS.load(ctx)?;
            let expire: Function<'_> = events.get("expire")?;
            expire.call::<_, ()>((signal.clone(),))?;
            let reason: Function<'_> = events.get("reasonOf")?;
            reason.call::<_, Value<'_>>((signal,))
        };
        match reason() {
            Ok(reason) => ctx.throw(reason),
            Err(error) => error,
        }
    }
}
