//! What the standard library knows about a run, reachable from any of its functions.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use cla_runtime::js::{self, Array, Ctx, Function, Object, Value};
use cla_runtime::{Kept, OutputStream, Run};

use crate::console::ConsoleState;
use crate::intrinsics::{self, Intrinsics};
use crate::throw;

/// How long a host function works before it lets other runs of its thread go on.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// How many steps pass between two looks at the clock.
const STEPS_PER_LOOK: u32 = 64;

thread_local! {
    /// The states of the runs on this thread, by the address of their context, which is unique while
    /// it lives. A run never changes its thread.
    static STATES: RefCell<HashMap<usize, Weak<State>>> = RefCell::default();
}

/// One run's state.
pub(crate) struct State {
    run: Rc<Run>,
    /// The key in [`STATES`].
    context: usize,
    intrinsics: Kept<Array<'static>>,
    /// A function that owns this state: the isolate keeps the state alive, and frees it with itself.
    anchor: OnceCell<Kept<Function<'static>>>,
    last_error: RefCell<Option<String>>,
    pub(crate) console: ConsoleState,
    /// What `web.js` gave when it was first needed.
    pub(crate) web: OnceCell<Kept<Object<'static>>>,
    /// What `cla/sem` and `cla/rule` share.
    pub(crate) sem: OnceCell<Rc<crate::sem::Module>>,
    slice_started: Cell<Instant>,
    steps: Cell<u32>,
}

impl State {
    /// Makes the state of a run whose isolate was just created.
    pub(crate) fn create(ctx: &Ctx<'_>, run: &Rc<Run>) -> js::Result<()> {
        let state = Rc::new(Self {
            run: Rc::clone(run),
            context: address(ctx),
            intrinsics: intrinsics::keep(ctx, run)?,
            anchor: OnceCell::new(),
            last_error: RefCell::default(),
            console: ConsoleState::default(),
            web: OnceCell::new(),
            sem: OnceCell::new(),
            slice_started: Cell::new(Instant::now()),
            steps: Cell::new(0),
        });
        STATES.with_borrow_mut(|states| states.insert(state.context, Rc::downgrade(&state)));
        let owner = Rc::clone(&state);
        let function = Function::new(ctx.clone(), move || {
            let _ = &owner;
        })?;
        // The only write, so it cannot fail.
        let _ = state.anchor.set(run.keep(ctx, function));
        Ok(())
    }

    /// The state of the run that `ctx` belongs to.
    ///
    /// # Errors
    ///
    /// When the library was not installed into this run.
    pub(crate) fn of(ctx: &Ctx<'_>) -> js::Result<Rc<Self>> {
        STATES
            .with_borrow(|states| states.get(&address(ctx)).and_then(Weak::upgrade))
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

    /// To be called once per step of work whose length depends on its input: now and then it lets
    /// other runs go on.
    ///
    /// # Errors
    ///
    /// When the run is stopped, the uncatchable exception of [`Run::block_on`].
    pub(crate) fn step(&self, ctx: &Ctx<'_>) -> js::Result<()> {
        let steps = self.steps.get() + 1;
        self.steps.set(steps % STEPS_PER_LOOK);
        if steps < STEPS_PER_LOOK || self.slice_started.get().elapsed() < TIME_SLICE {
            return Ok(());
        }
        self.run.block_on(ctx, tokio::task::yield_now())?;
        self.slice_started.set(Instant::now());
        Ok(())
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

impl Drop for State {
    fn drop(&mut self) {
        STATES.with_borrow_mut(|states| states.remove(&self.context));
    }
}

fn address(ctx: &Ctx<'_>) -> usize {
    ctx.as_raw().as_ptr() as usize
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
