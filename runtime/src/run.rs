//! A run from the inside: what host functions reach while a rule executes.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, Owner, Permit, Request, RunId, Semaphores};
use futures_util::future::{Either, LocalBoxFuture, select};
use rquickjs::{Ctx, Exception, Function, JsLifetime, Object, Persistent};

use crate::control::{Control, Stop, Stopped};
use crate::engine::{Engine, RunHandle, RunOptions, RunReport};
use crate::error::{Location, RuleError};
use crate::event_loop::EventLoop;
use crate::ledger::{Account, Ledger};
use crate::limits::Limits;
use crate::modules::{ModuleCache, Resolved};
use crate::output::{Output, OutputStream};
use crate::rule::{self, ServiceNameError};
use crate::script::Script;
use crate::sys::fiber;
use crate::sys::memory::MemoryGauge;
use crate::sys::quickjs::throw_uncatchable;
use crate::trace::{MOST_REGIONS, RegionRecord, Trace};

/// How long runs that compute may keep their worker thread before everybody else gets a turn.
///
/// Another run's timer on the same thread is late by about this much, however many of them there are:
/// they share one slice.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// The least that a run gets of the slice, so that the switches do not cost more than the work.
const MIN_SLICE: Duration = Duration::from_millis(1);

thread_local! {
    /// How many runs of this worker have used up their slice and wait for the next.
    static COMPUTING: Cell<u32> = const { Cell::new(0) };
}

/// What a run may use of the slice now.
fn slice() -> Duration {
    (TIME_SLICE / (1 + COMPUTING.get())).max(MIN_SLICE)
}

/// A run, as host functions see it.
///
/// Extensions and native modules get it when they are installed into a run and keep a clone of the
/// [`Rc`] in their functions. It stays on the run's thread.
pub struct Run {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) stash: serde_json::Value,
    pub(crate) control: Arc<Control>,
    pub(crate) gauge: Rc<MemoryGauge>,
    pub(crate) deadline: Option<Instant>,
    /// When the interpreter first asked since the run was last suspended.
    slice_started: Cell<Option<Instant>>,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) event: Option<String>,
    spawner: Spawner,
    pub(crate) started: Instant,
    pub(crate) regions: RefCell<Vec<RegionRecord>>,
    /// When the innermost op of a rulebook that has a time limit is out of time.
    op_deadline: Cell<Option<Instant>>,
    /// What must be done in the end is being done.
    shield: Cell<Option<Shield>>,
    pub(crate) semaphores: Semaphores,
    pub(crate) owner: Owner,
    pub(crate) ledger: Ledger,
    /// What is to be waited for when all is given back.
    endings: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    pub(crate) event_loop: EventLoop,
    pub(crate) modules: ModuleCache,
    kept: RefCell<Vec<Weak<dyn Forget>>>,
    stash_object: RefCell<Option<Kept<Object<'static>>>>,
    /// By name, in the order in which they were registered.
    services: RefCell<Vec<(String, Kept<Function<'static>>)>>,
}

/// Everything that a [`Run`] is made of and that comes from outside.
pub(crate) struct RunParts {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) stash: serde_json::Value,
    pub(crate) control: Arc<Control>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) event: Option<String>,
    pub(crate) spawner: Spawner,
    pub(crate) started: Instant,
    pub(crate) semaphores: Semaphores,
    pub(crate) modules: ModuleCache,
}

/// Whatever but lack of memory stops a run that has this, it goes on for a while.
#[derive(Clone, Copy)]
struct Shield {
    grace: Duration,
    /// Until when, once it was stopped.
    until: Option<Instant>,
}

/// What a run needs to start others like itself.
pub(crate) struct Spawner {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) trace: Option<Arc<Trace>>,
    /// How many runs are above this one.
    pub(crate) depth: u32,
}

/// How long what must happen in the end (`finally`, waiting for cancelled forks) may take after a run was stopped.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How long stores of a run's own are waited for at its end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Runs that start runs, one below the other, are no more than these.
const MOST_GENERATIONS: u32 = 50;

impl Run {
    pub(crate) fn new(parts: RunParts) -> Rc<Self> {
        let owner = Owner::process(&*parts.name).with_run(parts.id);
        let gauge = MemoryGauge::new();
        Rc::new(Self {
            id: parts.id,
            name: parts.name,
            arguments: parts.arguments,
            stash: parts.stash,
            control: parts.control,
            gauge: Rc::clone(&gauge),
            deadline: parts.deadline,
            slice_started: Cell::default(),
            output: parts.output,
            event: parts.event,
            spawner: parts.spawner,
            started: parts.started,
            regions: RefCell::default(),
            op_deadline: Cell::default(),
            shield: Cell::default(),
            semaphores: parts.semaphores,
            owner,
            ledger: Ledger::new(Rc::clone(&gauge)),
            endings: RefCell::default(),
            event_loop: EventLoop::new(gauge),
            modules: parts.modules,
            kept: RefCell::default(),
            stash_object: RefCell::default(),
            services: RefCell::default(),
        })
    }

    /// The run's id, which semaphores show as the owner's.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// The run's name, for people: the rule's file name unless the host chose another.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the host passed as command line arguments.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// Writes to the run's output.
    pub fn write(&self, stream: OutputStream, text: &str) {
        self.output.write(stream, text);
    }

    /// The semaphores of the engine.
    pub fn semaphores(&self) -> &Semaphores {
        &self.semaphores
    }

    /// Who this run is to the semaphores.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// What this run has taken and holds.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The stash: the object that the host filled with data for this run and that the rule may
    /// change.
    pub fn stash<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        if let Some(kept) = &*self.stash_object.borrow() {
            return kept.get(ctx);
        }
        let value = ctx.json_parse(self.stash.to_string())?;
        let object = match value.into_object() {
            Some(object) => object,
            None => Object::new(ctx.clone())?,
        };
        *self.stash_object.borrow_mut() = Some(self.keep(ctx, object.clone()));
        Ok(object)
    }

    /// How many more bytes the rule's values may take before it exceeds its memory limit.
    ///
    /// A host function that is about to make something large can refuse in words that the rule can
    /// catch, where exceeding the limit would end the run.
    pub fn memory_left(&self) -> usize {
        self.gauge.left()
    }

    /// Blocks the rule, not its thread, until `future` is done.
    ///
    /// Other runs of the same worker go on in the meantime. A future that is ready at once costs
    /// one poll.
    ///
    /// # Errors
    ///
    /// When the run is stopped (cancelled, out of time), an exception that the rule cannot catch.
    /// Return it to QuickJS as it is. The future is dropped first.
    ///
    /// # Panics
    ///
    /// When called from outside of the run, for instance from a thread of the host's.
    pub fn block_on<F: Future>(&self, ctx: &Ctx<'_>, future: F) -> rquickjs::Result<F::Output> {
        match self.blocked(future) {
            Ok((output, waited)) => {
                if waited {
                    self.slice_started.set(None);
                }
                Ok(output)
            }
            Err(Stopped) => Err(self.throw_stopped(ctx)),
        }
    }

    /// Waits for the future until the run, or the op that is carried out, is stopped, and as long as it may go on then.
    fn blocked<F: Future>(&self, future: F) -> Result<(F::Output, bool), Stopped> {
        let (shield, deadline) = (self.shield.get(), self.op_deadline.get());
        if shield.is_none() && deadline.is_none() {
            return fiber::block_on(self.control.until_stopped(future));
        }
        let mut future = pin!(future);
        if shield.is_none_or(|shield| shield.until.is_none()) {
            let blocked = match deadline {
                None => fiber::block_on(self.control.until_stopped(future.as_mut())),
                Some(deadline) => {
                    let within = within(deadline, future.as_mut());
                    let done = fiber::block_on(self.control.until_stopped(within));
                    done.and_then(|(done, waited)| Ok((done?, waited)))
                }
            };
            if blocked.is_ok() || self.stopped() {
                return blocked;
            }
        }
        match self.shield.get().and_then(|shield| shield.until) {
            Some(until) => fiber::block_on(within(until, future)).map(|done| (done, true)),
            None => Err(Stopped),
        }
    }

    /// Takes a slot of a semaphore for this run, blocking the rule until it is its turn.
    ///
    /// Waiting time is put down to `account`. Giving the slot back is up to the caller; what
    /// outlives the call is entrusted to the run's [`Ledger`].
    ///
    /// # Errors
    ///
    /// The outer error is the one of [`Run::block_on`]; the inner one says why there is no permit.
    pub fn acquire(
        &self,
        ctx: &Ctx<'_>,
        account: &Account,
        request: Request,
    ) -> rquickjs::Result<Result<Permit, AcquireError>> {
        if self.stopped() {
            return Err(self.throw_stopped(ctx));
        }
        // A free slot needs no future, and the fiber need not be asked.
        let request = match account.semaphore.try_acquire_now(request) {
            Ok(permit) => {
                account.note_taken();
                return Ok(Ok(permit));
            }
            Err(request) => request,
        };
        let waiting_since = Cell::new(None);
        let acquire = account.semaphore.acquire(request);
        let acquire = Timed {
            future: acquire,
            since: &waiting_since,
        };
        let result = self.block_on(ctx, acquire);
        if let Some(since) = waiting_since.get() {
            account.note_waited(since.elapsed());
        }
        if let Ok(Ok(_)) = result {
            account.note_taken();
        }
        result
    }

    /// Counts `bytes` that the Rust side keeps on behalf of the rule against its memory limit, as long as the
    /// result lives. They are never refused, but a rule that piles them up runs into its limit.
    pub fn charge(&self, bytes: usize) -> Charge {
        self.gauge.charge(bytes);
        Charge {
            gauge: Rc::clone(&self.gauge),
            bytes,
        }
    }

    /// Notes a store of the run's own in which it may hold something: should the run get stuck beyond its limit, it is
    /// [given up](Semaphores::abandon) there, too.
    pub fn may_hold(&self, semaphores: &Semaphores) {
        self.control.may_hold(semaphores.clone());
    }

    /// Has `future` done after the run's end, when all permits are given back and its values are gone, and before its
    /// report is out: to tell a store of the run's own that nothing is held any more. It gets a few seconds at most.
    pub fn at_end(&self, future: impl Future<Output = ()> + 'static) {
        self.endings.borrow_mut().push(Box::pin(future));
    }

    /// Does what is to be done after the run's end.
    pub(crate) async fn end(&self) {
        let endings = self.endings.take();
        if !endings.is_empty() {
            // What takes longer is freed by its store by itself.
            let all = futures_util::future::join_all(endings);
            let _ = tokio::time::timeout(FAREWELL, all).await;
        }
    }

    /// Holds on to a JavaScript value, for as long as the result lives and the run lasts.
    ///
    /// Use this for values that a host function needs again, rather than to capture them in its
    /// closure: QuickJS cannot see through closures when it looks for garbage.
    pub fn keep<'js, T>(&self, ctx: &Ctx<'js>, value: T) -> Kept<T::Changed<'static>>
    where
        T: JsLifetime<'js>,
        T::Changed<'static>: Clone + 'static,
    {
        let cell = Rc::new(RefCell::new(Some(Persistent::save(ctx, value))));
        let mut kept = self.kept.borrow_mut();
        if kept.len() == kept.capacity() {
            // Entries that nobody uses any more make room, so that keeping values for ever does not
            // grow the list.
            kept.retain(|entry| entry.strong_count() > 0);
        }
        let entry: Weak<dyn Forget> = Rc::downgrade(&(cell.clone() as Rc<dyn Forget>));
        kept.push(entry);
        Kept(cell)
    }

    /// Lets go of every JavaScript value on the Rust side, so that the isolate can be freed.
    pub(crate) fn forget_values(&self) {
        for value in self.kept.borrow_mut().drain(..) {
            if let Some(value) = value.upgrade() {
                value.forget();
            }
        }
        self.event_loop.clear();
        self.modules.clear();
    }

    /// What QuickJS asks every few thousand steps: whether to stop. May let other runs go first.
    pub(crate) fn on_interrupt(&self) -> bool {
        if self.must_stop() {
            return true;
        }
        // The slice begins with the first question, not with the run: setting up is not the rule's
        // work, and a rule that goes straight to its semaphore keeps its place before later ones.
        let Some(started) = self.slice_started.get() else {
            self.slice_started.set(Some(Instant::now()));
            return false;
        };
        if started.elapsed() >= slice() {
            COMPUTING.set(COMPUTING.get() + 1);
            // `yield_now` rather than a bare self-wake: it lets the timers of other runs fire.
            fiber::block_on(tokio::task::yield_now());
            COMPUTING.set(COMPUTING.get() - 1);
            self.slice_started.set(Some(Instant::now()));
            return self.must_stop();
        }
        false
    }

    /// Asks whether the run may go on, and lets other runs go first if this one has kept its thread for long.
    ///
    /// A host function calls this at its start, and in each loop whose length a rule decides: every few thousand
    /// steps, or every 64 KiB of text. It costs about 50 ns.
    ///
    /// # Errors
    ///
    /// When the run is stopped (cancelled, out of time or memory), an exception that the rule cannot catch. Return it
    /// to QuickJS as it is.
    pub fn checkpoint(&self, ctx: &Ctx<'_>) -> rquickjs::Result<()> {
        if self.on_interrupt() {
            return Err(self.throw_stopped(ctx));
        }
        Ok(())
    }

    /// Looks at the limits, and says whether the run must end.
    pub(crate) fn must_stop(&self) -> bool {
        if self.gauge.exceeded() {
            self.control.stop(Stop::OutOfMemory);
        }
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            self.control.stop(Stop::TimedOut);
        }
        self.stopped()
    }

    /// Whether it is stopped, or an op of it is.
    pub(crate) fn stopped(&self) -> bool {
        let past = |at: Instant| Instant::now() >= at;
        let reason = self.control.reason();
        if reason.is_none()
            && !self.control.is_interrupted()
            && !self.op_deadline.get().is_some_and(past)
        {
            return false;
        }
        let Some(mut shield) = self.shield.get() else {
            return true;
        };
        let until = *shield
            .until
            .get_or_insert_with(|| Instant::now() + shield.grace);
        self.shield.set(Some(shield));
        past(until) || reason == Some(Stop::OutOfMemory)
    }

    /// When the innermost op that has a time limit is out of time.
    pub(crate) fn op_deadline(&self) -> Option<Instant> {
        self.op_deadline.get()
    }

    pub(crate) fn set_op_deadline(&self, deadline: Option<Instant>) {
        self.op_deadline.set(deadline);
    }

    /// Does what must be done although the run, or the op that is carried out, has been stopped or will be: it goes on for
    /// as long as `grace` after that.
    pub(crate) fn shielded<T>(&self, grace: Duration, work: impl FnOnce() -> T) -> T {
        if self.shield.get().is_some() {
            return work();
        }
        self.shield.set(Some(Shield { grace, until: None }));
        let done = work();
        self.shield.set(None);
        done
    }

    /// How much stack the run's calls may use, in bytes.
    pub(crate) fn stack_limit(&self) -> usize {
        self.spawner.limits.stack
    }

    /// After something has used too much memory and is gone: whether there is room again.
    pub(crate) fn recover_memory(&self) -> bool {
        let recovered = self.gauge.recover();
        if recovered {
            self.control.forget(Stop::OutOfMemory);
        }
        recovered && self.control.reason().is_none()
    }

    /// Whether the host asked for a trace of what this run waits for and holds.
    pub fn is_traced(&self) -> bool {
        self.spawner.trace.is_some()
    }

    /// Notes a stay in a region.
    pub(crate) fn note_region(&self, record: RegionRecord) {
        let mut regions = self.regions.borrow_mut();
        if regions.len() < MOST_REGIONS {
            regions.push(record);
        }
    }

    /// Registers a service of this run: a function that rulebooks call as an op, with what the op is given and the stash.
    /// One of the same name is replaced.
    ///
    /// # Errors
    ///
    /// If no op can have that name.
    pub fn register<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
        service: Function<'js>,
    ) -> Result<(), ServiceNameError> {
        rule::service_name(name)?;
        let service = self.keep(ctx, service);
        let mut services = self.services.borrow_mut();
        match services.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = service,
            None => services.push((name.to_owned(), service)),
        }
        Ok(())
    }

    /// The service of that name, if there is one.
    ///
    /// # Errors
    ///
    /// When the run is being taken down.
    pub fn service<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &str,
    ) -> rquickjs::Result<Option<Function<'js>>> {
        let services = self.services.borrow();
        let service = services.iter().find(|(known, _)| known == name);
        service.map(|(_, service)| service.get(ctx)).transpose()
    }

    /// The names of the services, in the order in which they were registered.
    pub fn services(&self) -> Vec<String> {
        let services = self.services.borrow();
        services.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Whether a text is a rulebook as it should be. `name` ends in `.yml`; what it imports is looked for beside the rule
    /// that was started.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn check_rulebook(&self, name: &str, text: &str) -> Result<(), RuleError> {
        rule::read(&self.modules, name, &text.into()).map(drop)
    }

    /// The folder of the rule that was started; `None` if it is a text that has none.
    pub fn folder(&self) -> Option<PathBuf> {
        self.modules.folder()
    }

    /// Where the rule's code, which calls the host function that is being executed, stands.
    pub fn caller(&self, ctx: &Ctx<'_>) -> Option<Location> {
        let here = Exception::from_message(ctx.clone(), "").ok()?;
        RuleError::from_js(ctx, here.as_value(), &self.modules).location
    }

    /// The file of another rule, as a rule names it: below the folders that this run may import from.
    ///
    /// A relative path begins at the folder of the file `from`; `""` stands for the rule that was started.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn rule_file(&self, from: &str, file: &str) -> Result<PathBuf, String> {
        let specifier = if file.starts_with(['.', '/']) {
            file.to_owned()
        } else {
            format!("./{file}")
        };
        match self.modules.resolve(from, &specifier) {
            Ok(Resolved::File(path)) => Ok(path),
            Ok(Resolved::BuiltIn(_)) => Err(format!("{file} is no file")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Runs another rule, with the output, limits and folders of this one, and blocks until it has ended. It is
    /// cancelled when this run is stopped.
    ///
    /// # Errors
    ///
    /// That of [`Run::block_on`]; an exception if rules call each other more than 50 levels deep. How the other rule
    /// ended is in its report.
    pub fn run_rule(
        &self,
        ctx: &Ctx<'_>,
        script: Script,
        options: RunOptions,
    ) -> rquickjs::Result<RunReport> {
        let handle = self
            .spawn(script, options, false)
            .map_err(|problem| Exception::throw_message(ctx, problem))?;
        let canceller = handle.canceller();
        let mut handle = pin!(handle);
        self.block_on(ctx, handle.as_mut()).inspect_err(|_| {
            canceller.cancel();
            // It gives back what it holds before this run goes on.
            self.shielded(GRACE, || {
                let _ = self.block_on(ctx, handle.as_mut());
            });
        })
    }

    /// Starts another run, with the output, limits and folders of this one.
    ///
    /// # Errors
    ///
    /// Runs that start runs go on for ever.
    pub(crate) fn spawn(
        &self,
        script: Script,
        options: RunOptions,
        detached: bool,
    ) -> Result<RunHandle, &'static str> {
        let Spawner {
            engine,
            limits,
            folders,
            trace,
            depth,
        } = &self.spawner;
        if *depth >= MOST_GENERATIONS {
            return Err("runs start each other more than 50 levels deep");
        }
        let mut options = options
            .limits(*limits)
            .output(Arc::clone(&self.output))
            .detached(detached)
            .parent(self.id, depth + 1);
        if let Some(trace) = trace {
            options = options.trace(Arc::clone(trace));
        }
        for folder in folders {
            options = options.allow_folder(folder);
        }
        Ok(engine.run(script, options))
    }

    pub(crate) fn throw_stopped(&self, ctx: &Ctx<'_>) -> rquickjs::Error {
        let message = match self.control.reason() {
            Some(Stop::TimedOut) => "the run is out of time",
            Some(Stop::OutOfMemory) => "the run is out of memory",
            None if self.control.is_interrupted() => "interrupted",
            Some(Stop::Cancelled) | None => "the run was cancelled",
        };
        throw_uncatchable(ctx, message)
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Run")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What becomes of the future until then.
async fn within<F: Future>(until: Instant, future: F) -> Result<F::Output, Stopped> {
    let future = pin!(future);
    let alarm = pin!(tokio::time::sleep_until(until.into()));
    match select(future, alarm).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(Stopped),
    }
}

pin_project_lite::pin_project! {
    /// Notes when a future was first pending.
    struct Timed<'a, F> {
        #[pin]
        future: F,
        since: &'a Cell<Option<Instant>>,
    }
}

impl<F: Future> Future for Timed<'_, F> {
    type Output = F::Output;

    fn poll(
        self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<F::Output> {
        let this = self.project();
        let poll = this.future.poll(cx);
        if poll.is_pending() && this.since.get().is_none() {
            this.since.set(Some(Instant::now()));
        }
        poll
    }
}

/// Memory that the Rust side keeps for a rule; see [`Run::charge`].
#[derive(Debug)]
pub struct Charge {
    gauge: Rc<MemoryGauge>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.gauge.refund(self.bytes);
    }
}

/// A JavaScript value that the Rust side holds on to; see [`Run::keep`].
#[derive(Debug)]
pub struct Kept<T>(Rc<RefCell<Option<Persistent<T>>>>);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Clone> Kept<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// After the run's end there is none.
    pub fn get<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<T::Changed<'js>>
    where
        T: JsLifetime<'static>,
    {
        match &*self.0.borrow() {
            Some(value) => value.clone().restore(ctx),
            None => Err(rquickjs::Error::Unknown),
        }
    }
}

/// Something that lets go of a JavaScript value.
trait Forget {
    fn forget(&self);
}

impl<T> Forget for RefCell<Option<Persistent<T>>> {
    fn forget(&self) {
        self.take();
    }
}
