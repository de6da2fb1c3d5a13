//! What the standard library knows about a run, reachable from any of its functions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cla_runtime::host::Run;
use cla_runtime::internal::Rooted;
use cla_runtime::internal::state_of;
use cla_runtime::js::{self, Array, Ctx, Value};
use cla_runtime::output::OutputStream;

use crate::console::labels::ConsoleState;
use crate::intrinsics::{self, Intrinsics};
use crate::throw;

/// How many steps pass between two questions whether the run may go on.
const STEPS_PER_QUESTION: u32 = 64;

/// How many bytes of text count as a step.
const BYTES_PER_STEP: usize = 4096;

/// One run's state.
pub(crate) struct State {
    run: Rc<Run>,
    intrinsics: Rooted<Array<'static>>,
    last_error: RefCell<Option<String>>,
    pub(crate) console: ConsoleState,
    steps: Cell<u32>,
}

impl State {
    /// Makes the state of a run whose isolate was just created.
    pub(crate) fn create(ctx: &Ctx<'_>, run: &Rc<Run>) -> js::Result<()> {
        let state = Rc::new(Self {
            run: Rc::clone(run),
            intrinsics: intrinsics::keep(ctx, run)?,
            last_error: RefCell::default(),
            console: ConsoleState::default(),
            steps: Cell::new(0),
        });
        run.set_state(state);
        Ok(())
    }

    /// The state of the run that `ctx` belongs to.
    ///
    /// # Errors
    ///
    /// When the library was not installed into this run.
    pub(crate) fn of(ctx: &Ctx<'_>) -> js::Result<Rc<Self>> {
        state_of(ctx)
            .ok_or_else(|| throw::error(ctx, "the standard library is not installed in this run"))
    }

    /// The run.
    pub(crate) fn run(&self) -> &Rc<Run> {
        &self.run
    }

    /// The interpreter's own functions, as they were before the rule ran.
    pub(crate) fn intrinsics<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Intrinsics<'js>> {
        Ok(Intrinsics::new(self.intrinsics.get(ctx)?))
    }

    /// Writes to the run's output; blocks the rule while that has no room.
    ///
    /// # Errors
    ///
    /// When the run is stopped, the uncatchable exception of [`Run::block_on`].
    pub(crate) fn write(&self, ctx: &Ctx<'_>, stream: OutputStream, text: &str) -> js::Result<()> {
        self.run.write(ctx, stream, text)
    }

    /// To be called at the start of work whose length depends on its input: asks whether the run may go on, and lets
    /// others go first.
    ///
    /// # Errors
    ///
    /// That of [`Run::checkpoint`].
    pub(crate) fn pause(&self, ctx: &Ctx<'_>) -> js::Result<()> {
        self.run.checkpoint(ctx)
    }

    /// To be called once per step of such work.
    ///
    /// # Errors
    ///
    /// That of [`Run::checkpoint`].
    pub(crate) fn step(&self, ctx: &Ctx<'_>) -> js::Result<()> {
        self.steps(ctx, 1)
    }

    /// To be called once per piece of text of that many bytes.
    ///
    /// # Errors
    ///
    /// That of [`Run::checkpoint`].
    pub(crate) fn wrote(&self, ctx: &Ctx<'_>, bytes: usize) -> js::Result<()> {
        let steps = u32::try_from(bytes / BYTES_PER_STEP).unwrap_or(u32::MAX);
        self.steps(ctx, steps.saturating_add(1))
    }

    /// What an iterator gives, a step each.
    ///
    /// # Errors
    ///
    /// That of [`Run::checkpoint`], and those of the iterator.
    pub(crate) fn collect<T>(
        &self,
        ctx: &Ctx<'_>,
        values: impl Iterator<Item = js::Result<T>>,
    ) -> js::Result<Vec<T>> {
        let mut collected = Vec::new();
        for value in values {
            self.step(ctx)?;
            collected.push(value?);
        }
        Ok(collected)
    }

    fn steps(&self, ctx: &Ctx<'_>, more: u32) -> js::Result<()> {
        let steps = self.steps.get().saturating_add(more);
        if steps < STEPS_PER_QUESTION {
            self.steps.set(steps);
            return Ok(());
        }
        self.steps.set(0);
        self.run.checkpoint(ctx)
    }

    /// What `cla.lastError()` gives.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last_error.borrow().clone()
    }

    /// Notes what a function of the library threw.
    pub(crate) fn note_error(&self, message: String) {
        *self.last_error.borrow_mut() = Some(message);
    }
}

/// Notes the error that a function of a `cla/*` module is about to throw, for `cla.lastError()`.
///
/// Functions that are defined with [`crate::call::define`] do so by themselves.
pub(crate) fn note_error<'js>(ctx: &Ctx<'js>, thrown: &Value<'js>) {
    if let Ok(state) = State::of(ctx)
        && let Ok(intrinsics) = state.intrinsics(ctx)
        && let Ok(message) = intrinsics.message_of(thrown)
    {
        state.note_error(message);
    }
}
