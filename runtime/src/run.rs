//! A run from the inside: what host functions reach while a rule executes.

use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cla_semaphore::{AcquireError, Owner, Permit, Request, RunId, Semaphores};
use futures_util::future::{Either, LocalBoxFuture, select};
use rquickjs::{Ctx, Exception, Function, JsLifetime, Object, Persistent, Value};

use crate::control::{Control, GRACE, Stop, Stopped};
use crate::engine::{Engine, Origin, RunHandle, RunOptions, RunReport};
use crate::error::{Location, RuleError};
use crate::event_loop::EventLoop;
use crate::family::{Family, Seat};
use crate::limits::Limits;
use crate::modules::{ModuleCache, Resolved};
use crate::output::{self, Output, OutputStream, OutputWait};
use crate::permit_table::{PermitTable, Usage};
use crate::script::Script;
use crate::sys::fiber;
use crate::sys::memory::MemoryGauge;
use crate::sys::quickjs::{has_exception, throw_uncatchable};
use crate::sys::values::run_of;
use crate::trace::{MOST_REGIONS, RegionRecord, Trace};
use crate::value::{self, Stash};
use crate::worker::panic_message;

/// How long runs that compute may keep their worker thread before everybody else gets a turn.
///
/// Another run's timer on the same thread is late by about this much, however many of them there are:
/// they share one slice.
const TIME_SLICE: Duration = Duration::from_millis(5);

/// A run that must stop and is still in the same built-in function after this gets no large block of memory any more,
/// which ends most such functions ...
const REFUSE_LARGE_AFTER: Duration = Duration::from_millis(10);

/// ... and after this, one request fails, of whatever size; and again after each such span.
const REFUSE_ONE_AFTER: Duration = Duration::from_millis(30);

/// The least that a run gets of the slice, so that the switches do not cost more than the work.
const MIN_SLICE: Duration = Duration::from_millis(1);

thread_local! {
    /// How many runs of this worker have used up their slice and wait for the next.
    static COMPUTING: Cell<u32> = const { Cell::new(0) };
}

/// What a run may use of the slice now.
pub(crate) fn slice() -> Duration {
    (TIME_SLICE / (1 + COMPUTING.get())).max(MIN_SLICE)
}

/// Whether a run has waited, or given way, since it was started.
#[derive(Clone, Copy, Default)]
enum Begun {
    #[default]
    No,
    /// It was asked whether it may go on when its thread had computed so long, if the system tells.
    At(Option<Duration>),
    Yes,
}

/// How long this thread has computed, if the system tells.
#[cfg(unix)]
fn thread_time() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    Some(time.into())
}

#[cfg(not(unix))]
fn thread_time() -> Option<Duration> {
    None
}

/// A run, as host functions see it.
///
/// Extensions and native modules get it when they are installed into a run and keep a clone of the
/// [`Rc`] in their functions. It stays on the run's thread.
pub struct Run {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    /// What the host gave, until it is made an object.
    stash: Cell<Option<(Stash, MemoryReservation)>>,
    pub(crate) control: Arc<Control>,
    /// What a panic of the host's code said.
    panic: RefCell<Option<String>>,
    /// A panic that a script has caught is looked for.
    probing: Cell<bool>,
    /// Throws then, so that the panic goes on.
    thrower: RefCell<Option<Rooted<Function<'static>>>>,
    pub(crate) gauge: Rc<MemoryGauge>,
    pub(crate) family: Arc<Family>,
    pub(crate) deadline: Option<Instant>,
    /// When it must have ended, with what must happen in the end.
    last: Option<Instant>,
    /// When the interpreter first asked since the run was last suspended.
    slice_started: Cell<Option<Instant>>,
    /// Until the run waits, or gives way, for the first time: how much its thread had computed when it was first asked.
    begun: Cell<Begun>,
    /// Since when the run must stop, as its requests for memory know while the interpreter does not ask.
    unanswered: Cell<Option<Instant>>,
    pub(crate) output: Arc<dyn Output>,
    /// How much the output had been given when this run last wrote to it, by stream.
    written: [Cell<u64>; 2],
    pub(crate) event: Option<String>,
    spawner: Spawner,
    pub(crate) started: Instant,
    pub(crate) regions: RefCell<Vec<RegionRecord>>,
    /// When the innermost part of the program that has a time limit of its own is out of time.
    inner_deadline: Cell<Option<Instant>>,
    /// After the run was stopped, its output had no room for a while: it is not waited for again.
    output_given_up: Cell<bool>,
    /// What must be done in the end is being done.
    shield: Cell<Option<Shield>>,
    pub(crate) semaphores: Semaphores,
    pub(crate) owner: Owner,
    pub(crate) permits: PermitTable,
    /// What is to be waited for when all is given back.
    endings: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
    pub(crate) event_loop: EventLoop,
    pub(crate) modules: ModuleCache,
    kept: RefCell<Vec<Weak<dyn Forget>>>,
    stash_object: RefCell<Option<Rooted<Object<'static>>>>,
    /// Our own functions in place of the interpreter's; see [`builtins`](crate::builtins).
    pub(crate) builtins: RefCell<Option<Rooted<Object<'static>>>>,
    /// Below this address of its stack, no more calls of the interpreter's should nest.
    stack_floor: Cell<usize>,
    /// What modules and languages keep for this run, one value of each type.
    states: RefCell<Vec<(TypeId, Rc<dyn Any>)>>,
}

/// What a value that the Rust side holds on to counts for, in bytes: its cell, and its place in the list of them.
const KEPT_BYTES: usize = 96;

/// Everything that a [`Run`] is made of and that comes from outside.
pub(crate) struct RunParts {
    pub(crate) id: RunId,
    pub(crate) name: Arc<str>,
    pub(crate) arguments: Vec<String>,
    pub(crate) stash: Stash,
    /// What the stash counts for, in bytes.
    pub(crate) stash_bytes: usize,
    pub(crate) control: Arc<Control>,
    pub(crate) seat: Seat,
    pub(crate) deadline: Option<Instant>,
    pub(crate) last: Option<Instant>,
    pub(crate) output: Arc<dyn Output>,
    pub(crate) event: Option<String>,
    pub(crate) spawner: Spawner,
    pub(crate) started: Instant,
    pub(crate) semaphores: Semaphores,
    pub(crate) modules: ModuleCache,
}

/// A run that has this goes on for a while after it was stopped, unless it has no memory left.
#[derive(Clone, Copy)]
struct Shield {
    /// When the time limit around it ends. Time limits within it count as always.
    inner_deadline: Option<Instant>,
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

/// How long stores of a run's own are waited for at its end.
const EXIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs that start runs, one below the other, are no more than these.
const MOST_GENERATIONS: u32 = 50;

impl Run {
    pub(crate) fn new(parts: RunParts) -> Rc<Self> {
        let owner = Owner::process(&*parts.name).with_run(parts.id);
        let family = Arc::clone(parts.seat.family());
        let gauge = MemoryGauge::new(parts.seat);
        let stash_charge = MemoryReservation::new(&gauge, parts.stash_bytes);
        Rc::new(Self {
            id: parts.id,
            name: parts.name,
            arguments: parts.arguments,
            stash: Cell::new(Some((parts.stash, stash_charge))),
            control: parts.control,
            panic: RefCell::default(),
            probing: Cell::default(),
            thrower: RefCell::default(),
            gauge: Rc::clone(&gauge),
            family,
            deadline: parts.deadline,
            last: parts.last,
            slice_started: Cell::default(),
            begun: Cell::default(),
            unanswered: Cell::default(),
            output: parts.output,
            written: Default::default(),
            event: parts.event,
            spawner: parts.spawner,
            started: parts.started,
            regions: RefCell::default(),
            inner_deadline: Cell::default(),
            output_given_up: Cell::default(),
            shield: Cell::default(),
            semaphores: parts.semaphores,
            owner,
            permits: PermitTable::new(Rc::clone(&gauge)),
            endings: RefCell::default(),
            event_loop: EventLoop::new(gauge),
            modules: parts.modules,
            kept: RefCell::default(),
            stash_object: RefCell::default(),
            builtins: RefCell::default(),
            stack_floor: Cell::default(),
            states: RefCell::default(),
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

    /// Writes to the run's output; blocks the rule, not its thread, while that has no room.
    ///
    /// A long text goes there in pieces. In what must be done in the end although the run was stopped, an output that
    /// takes nothing more is waited for only briefly, once: the text is then dropped.
    ///
    /// # Errors
    ///
    /// That of [`Run::block_on`].
    pub fn write(&self, ctx: &Ctx<'_>, stream: OutputStream, text: &str) -> rquickjs::Result<()> {
        let mut rest = text;
        loop {
            self.checkpoint(ctx)?;
            if let Some(room) = self.output.ready(stream)
                && !self.block_on(ctx, self.gets(room))?
            {
                return Ok(());
            }
            let (piece, left) = output::piece(rest);
            self.hand_on(stream, piece);
            if left.is_empty() {
                return Ok(());
            }
            rest = left;
        }
    }

    /// Writes to the run's output from a future that the run waits for.
    #[doc(hidden)]
    pub async fn write_waiting(&self, stream: OutputStream, text: &str) {
        // There may be room for all that a fast command writes, so that nothing else would ever wait.
        if self.gauge.pulse().is_due() {
            self.gauge.pulse().note_asked();
            tokio::task::yield_now().await;
        }
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(room) = self.output.ready(stream)
                && !self.gets(room).await
            {
                return;
            }
            let (piece, left) = output::piece(rest);
            self.hand_on(stream, piece);
            rest = left;
        }
    }

    fn hand_on(&self, stream: OutputStream, text: &str) {
        self.output.write(stream, text);
        self.written[stream.index()].set(self.output.given(stream));
    }

    /// What there is to wait for until the output has written what this run gave it.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = OutputWait<'_>> {
        let streams = OutputStream::ALL.into_iter();
        streams.filter_map(|stream| {
            self.output
                .flushed(stream, self.written[stream.index()].get())
        })
    }

    /// Waits for room in the output; `false` if that is given up, because it is the end of a run that was stopped.
    async fn gets(&self, room: OutputWait<'_>) -> bool {
        if self.shield.get().is_none() {
            room.await;
            return true;
        }
        if self.output_given_up.get() {
            return false;
        }
        let patience = async {
            // It is looked at whenever this is polled, which it is when the run is stopped.
            poll_fn(|_| match self.stopped_from_outside() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            })
            .await;
            tokio::time::sleep(output::PATIENCE).await;
        };
        let patience = pin!(patience);
        let got = matches!(select(room, patience).await, Either::Left(_));
        self.output_given_up.set(!got);
        got
    }

    /// Whether the run was stopped, or a time limit within it has passed, shielded or not.
    fn stopped_from_outside(&self) -> bool {
        let late = |at: Instant| Instant::now() >= at;
        self.control.reason().is_some()
            || self.control.is_interrupted()
            || self.inner_deadline.get().is_some_and(late)
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
    pub fn permits(&self) -> &PermitTable {
        &self.permits
    }

    /// The stash: the object that the host filled with data for this run and that the rule may
    /// change.
    pub fn stash<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        if let Some(kept) = &*self.stash_object.borrow() {
            return kept.get(ctx);
        }
        let value = match self.stash.take() {
            Some((Stash::Json(json), _)) => value::from_json(ctx, &json)?,
            Some((Stash::Value(value), _charge)) => value::from_value(ctx, value)?,
            None => Value::new_undefined(ctx.clone()),
        };
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
                    self.begun.set(Begun::Yes);
                }
                Ok(output)
            }
            Err(Stopped) => Err(self.throw_stopped(ctx)),
        }
    }

    /// Blocks like [`block_on`](Self::block_on); `None` when the run is stopped.
    #[doc(hidden)]
    pub fn wait<F: Future>(&self, future: F) -> Option<F::Output> {
        let (output, waited) = self.blocked(future).ok()?;
        if waited {
            self.slice_started.set(None);
            self.begun.set(Begun::Yes);
        }
        Some(output)
    }

    /// Waits for the future until the run, or its innermost time limit, ends the wait, and through the grace after that.
    fn blocked<F: Future>(&self, future: F) -> Result<(F::Output, bool), Stopped> {
        if self.gauge.exceeded() {
            // It would keep what it has for as long as it waits.
            self.control.stop(Stop::OutOfMemory);
        }
        self.gauge.trim();
        let shielded = self.shield.get().is_some();
        if !shielded && self.inner_deadline.get().is_none() {
            return fiber::block_on(self.control.until_stopped(future));
        }
        let mut future = pin!(future);
        if !shielded || !self.is_halted() {
            let blocked = match self.wait_end() {
                None => fiber::block_on(self.control.until_stopped(future.as_mut())),
                Some(until) => {
                    let within = within(until, future.as_mut());
                    let done = fiber::block_on(self.control.until_stopped(within));
                    done.and_then(|(done, waited)| Ok((done?, waited)))
                }
            };
            if blocked.is_ok() || self.stopped() {
                return blocked;
            }
        }
        // It is stopped, and what must happen in the end goes on for a while.
        match self.wait_end() {
            Some(until) if !self.has_no_grace() => {
                fiber::block_on(within(until, future)).map(|done| (done, true))
            }
            _ => Err(Stopped),
        }
    }

    /// When a wait must end at the latest, as far as that is known.
    fn wait_end(&self) -> Option<Instant> {
        let grace = self.shield.get().and_then(|_| self.grace_end());
        [self.inner_deadline.get(), grace]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes a slot of a semaphore for this run, blocking the rule until it is its turn.
    ///
    /// Waiting time is put down to `usage`. Giving the slot back is up to the caller; what
    /// outlives the call is registered to the run's [`PermitTable`].
    ///
    /// # Errors
    ///
    /// The outer error is the one of [`Run::block_on`]; the inner one says why there is no permit.
    pub fn acquire(
        &self,
        ctx: &Ctx<'_>,
        usage: &Usage,
        request: Request,
    ) -> rquickjs::Result<Result<Permit, AcquireError>> {
        if self.stopped() {
            return Err(self.throw_stopped(ctx));
        }
        // A free slot needs no future, and the fiber need not be asked.
        let request = match usage.semaphore.try_acquire_now(request) {
            Ok(permit) => {
                usage.note_taken();
                return Ok(Ok(permit));
            }
            Err(request) => request,
        };
        let waiting_since = Cell::new(None);
        let acquire = usage.semaphore.acquire(request);
        let acquire = Timed {
            future: acquire,
            since: &waiting_since,
        };
        let result = self.block_on(ctx, acquire);
        if let Some(since) = waiting_since.get() {
            usage.note_waited(since.elapsed());
        }
        if let Ok(Ok(_)) = result {
            usage.note_taken();
        }
        result
    }

    /// Counts `bytes` that the Rust side keeps on behalf of the rule against its memory limit, as long as the
    /// result lives. They are never refused, but a rule that piles them up runs into its limit.
    pub fn count_memory(&self, bytes: usize) -> MemoryReservation {
        MemoryReservation::new(&self.gauge, bytes)
    }

    /// Counts `bytes` as [`Run::count_memory`] does, if there is room for them.
    ///
    /// A host function calls this before it makes something whose size a rule decides. `what` names that in the message.
    ///
    /// # Errors
    ///
    /// A `RangeError` that the rule can catch, if they are more than what is left of its memory limit.
    pub fn reserve(
        &self,
        ctx: &Ctx<'_>,
        what: &str,
        bytes: usize,
    ) -> rquickjs::Result<MemoryReservation> {
        let left = self.memory_left();
        if bytes > left {
            let message = format!(
                "{what} would take about {bytes} bytes; {left} are left of the run's memory limit"
            );
            return Err(Exception::throw_range(ctx, &message));
        }
        Ok(self.count_memory(bytes))
    }

    /// Notes a store of the run's own in which it may hold something: should the run get stuck beyond its limit, it is
    /// [given up](Semaphores::abandon) there, too.
    pub fn may_hold(&self, semaphores: &Semaphores) {
        self.control.may_hold(semaphores.clone());
    }

    /// Has `future` done after the run's end, when all permits are given back and its values are gone, and before its
    /// report is out: to tell a store of the run's own that nothing is held any more. It gets a few seconds at most.
    pub fn on_exit(&self, future: impl Future<Output = ()> + 'static) {
        self.endings.borrow_mut().push(Box::pin(future));
    }

    /// Does what is to be done after the run's end.
    pub(crate) async fn end(&self) {
        let endings = self.endings.take();
        if !endings.is_empty() {
            // What takes longer is freed by its store by itself.
            let all = futures_util::future::join_all(endings);
            let farewell = Instant::now() + EXIT_TIMEOUT;
            let until = self.grace_end().map_or(farewell, |end| end.min(farewell));
            let _ = tokio::time::timeout_at(until.into(), all).await;
        }
    }

    /// Holds on to a JavaScript value, for as long as the result lives and the run lasts.
    ///
    /// Use this for values that a host function needs again, rather than to capture them in its
    /// closure: QuickJS cannot see through closures when it looks for garbage.
    pub fn keep<'js, T>(&self, ctx: &Ctx<'js>, value: T) -> Rooted<T::Changed<'static>>
    where
        T: JsLifetime<'js>,
        T::Changed<'static>: Clone + 'static,
    {
        let cell = Rc::new(RootedValue {
            value: RefCell::new(Some(Persistent::save(ctx, value))),
            _charge: self.count_memory(KEPT_BYTES),
        });
        let mut kept = self.kept.borrow_mut();
        if kept.len() == kept.capacity() {
            // Entries that nobody uses any more make room, so that keeping values for ever does not
            // grow the list.
            kept.retain(|entry| entry.strong_count() > 0);
        }
        let entry: Weak<dyn Forget> = Rc::downgrade(&(cell.clone() as Rc<dyn Forget>));
        kept.push(entry);
        Rooted(cell)
    }

    /// Lets go of every JavaScript value on the Rust side, so that the isolate can be freed.
    pub(crate) fn forget_values(&self) {
        // A state may hold on to the run itself, which would never be freed.
        let states = self.states.take();
        drop(states);
        let kept = self.kept.take();
        for value in kept {
            if let Some(value) = value.upgrade() {
                value.forget();
            }
        }
        self.event_loop.clear(|| _ = self.give_way());
        self.modules.clear();
    }

    /// What QuickJS asks every few thousand steps, or when the clock says so: whether to stop. May let other runs go
    /// first.
    #[doc(hidden)]
    pub fn on_interrupt(&self) -> bool {
        self.gauge.pulse().note_asked();
        self.gauge.refuse_large(false);
        self.gauge.allow_collection();
        self.unanswered.set(None);
        let ends = self.must_stop() || (self.give_way() && self.must_stop());
        if ends {
            // Built-in functions such as `Promise.all` make a rejection of the stop, and the script would go on.
            self.gauge.pulse().expire();
        }
        ends
    }

    /// What the allocator asks when the clock says so: whether the run may have more memory. May let other runs go first.
    ///
    /// Inside a long built-in function nothing else asks. A function that gets no memory throws, and then the
    /// interpreter asks. Requests are refused one at a time: what it needs to unwind, it gets.
    pub(crate) fn on_allocation(&self) -> bool {
        if !fiber::is_running() {
            return true;
        }
        self.gauge.pulse().note_asked();
        self.give_way();
        if !self.must_stop() {
            self.unanswered.set(None);
            return true;
        }
        let since = self.unanswered.get().unwrap_or_else(Instant::now);
        self.unanswered.set(Some(since));
        self.gauge
            .refuse_large(since.elapsed() >= REFUSE_LARGE_AFTER);
        if since.elapsed() >= REFUSE_ONE_AFTER {
            self.unanswered.set(Some(Instant::now()));
            return false;
        }
        true
    }

    /// Lets other runs go first if this one has kept its thread for a slice; says whether it did.
    ///
    /// For the run's own fiber, whatever it does there: also while it ends and is taken down.
    pub(crate) fn give_way(&self) -> bool {
        // What unwinds is an affair of the thread: no other run may go on meanwhile.
        if std::thread::panicking() {
            return false;
        }
        // The slice begins with the first question, not with the run: setting up is not the rule's
        // work, and a rule that goes straight to its semaphore keeps its place before later ones.
        let Some(started) = self.slice_started.get() else {
            self.slice_started.set(Some(Instant::now()));
            if let Begun::No = self.begun.get() {
                self.begun.set(Begun::At(thread_time()));
            }
            return false;
        };
        if started.elapsed() >= slice() {
            // Time in which other processes had the processor does not count here: runs that go straight to a semaphore
            // come there in the order in which they were started, also on a machine that is busy.
            if let Begun::At(Some(then)) = self.begun.get()
                && thread_time().is_some_and(|now| now.saturating_sub(then) < TIME_SLICE)
            {
                return false;
            }
            self.begun.set(Begun::Yes);
            COMPUTING.set(COMPUTING.get() + 1);
            // `yield_now` rather than a bare self-wake: it lets the timers of other runs fire.
            fiber::block_on(tokio::task::yield_now());
            COMPUTING.set(COMPUTING.get() - 1);
            self.slice_started.set(Some(Instant::now()));
            return true;
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
        if self.on_interrupt() || self.find_panic(ctx) {
            return Err(self.throw_stopped(ctx));
        }
        Ok(())
    }

    /// Whether the run must end, for work that cannot be left by an exception at once: it lets other runs go first as
    /// [`Run::checkpoint`] does, which throws the reason later.
    pub fn must_end(&self) -> bool {
        self.on_interrupt()
    }

    /// Whether code of the host's has panicked and a `catch` of the script's has held it. The run is stopped then.
    ///
    /// rquickjs keeps a panic while QuickJS unwinds, and goes on with it at the next exception that passes through one of
    /// its own functions. A script that catches what looks like an exception to it would go on for ever. So this throws.
    pub(crate) fn find_panic(&self, ctx: &Ctx<'_>) -> bool {
        // An exception is on its way to one of those functions; and the throw may ask itself whether to stop.
        if has_exception(ctx) || self.probing.get() {
            return false;
        }
        let Some(thrower) = self.thrower.borrow().clone() else {
            return false;
        };
        self.probing.set(true);
        let found = catch_unwind(AssertUnwindSafe(|| {
            let thrown = thrower
                .get(ctx)
                .and_then(|thrower| thrower.call::<_, ()>(()));
            debug_assert!(thrown.is_err());
        }));
        self.probing.set(false);
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
        *self.thrower.borrow_mut() = Some(self.keep(ctx, thrower));
    }

    /// Whether the thrower is to throw.
    pub(crate) fn is_probing(&self) -> bool {
        self.probing.get()
    }

    /// Code of the host's has panicked: that ends the run, and nothing in it can catch it.
    fn note_panic(&self, panic: &(dyn Any + Send)) {
        let message = panic_message(panic).to_owned();
        self.panic.borrow_mut().get_or_insert(message);
        self.control.stop(Stop::Panicked);
    }

    /// What the first panic said.
    pub(crate) fn panic_message(&self) -> String {
        self.panic.borrow().clone().unwrap_or_default()
    }

    /// Does something that may panic, outside of QuickJS's own frames.
    pub(crate) fn contain<T>(&self, work: impl FnOnce() -> T) -> Result<T, Stopped> {
        catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
            self.note_panic(&*panic);
            Stopped
        })
    }

    /// Looks at the limits, and says whether the run must end.
    #[doc(hidden)]
    pub fn must_stop(&self) -> bool {
        if self.gauge.exceeded() {
            self.control.stop(Stop::OutOfMemory);
        }
        self.gauge.trim();
        if self
            .deadline
            .is_some_and(|deadline| Instant::now() >= deadline)
        {
            self.stop_at_deadline();
        }
        self.stopped()
    }

    /// It is out of time.
    pub(crate) fn stop_at_deadline(&self) {
        if self.control.reason().is_none() {
            // Without a limit of time it was started by a run that was stopped, to end what must be ended.
            let reason = match self.spawner.limits.timeout {
                Some(_) => Stop::TimedOut,
                None => Stop::Cancelled,
            };
            self.control.stop_within(reason, self.last);
        }
    }

    /// Whether the run, or its innermost time limit, has ended.
    pub(crate) fn stopped(&self) -> bool {
        let past = |at: Instant| Instant::now() >= at;
        if self.inner_deadline.get().is_some_and(past) {
            return true;
        }
        if self.shield.get().is_none() {
            return self.is_halted();
        }
        self.has_no_grace() || self.grace_end().is_some_and(past)
    }

    /// Whether it was stopped by something that not even what must happen in the end outlasts.
    fn has_no_grace(&self) -> bool {
        let reason = self.control.reason();
        matches!(reason, Some(Stop::OutOfMemory | Stop::Panicked))
    }

    /// Whether the run as a whole is to end, shielded or not.
    fn is_halted(&self) -> bool {
        self.control.reason().is_some() || self.control.is_interrupted()
    }

    /// When what must happen in the end must be done, as far as that is known: there is one grace for all of it, from the
    /// moment when the run, or the time limit around it, ended.
    fn grace_end(&self) -> Option<Instant> {
        let inner_deadline = self.shield.get().and_then(|shield| shield.inner_deadline);
        let inner = inner_deadline.and_then(|deadline| deadline.checked_add(GRACE));
        let ends = [inner, self.control.until(), self.last];
        ends.into_iter().flatten().min()
    }

    /// When what this run cancels now must have ended, if this run is stopped itself.
    #[doc(hidden)]
    pub fn grace_of_started(&self) -> Option<Instant> {
        let past = self.inner_deadline.get().filter(|at| Instant::now() >= *at);
        let inner = past.and_then(|deadline| deadline.checked_add(GRACE));
        [inner, self.grace_end()].into_iter().flatten().min()
    }

    /// The limits of time for what this run starts now: when it is out of time, and when it must have ended.
    fn times_of_started(&self) -> (Option<Instant>, Option<Instant>) {
        let end = self.grace_end();
        let inner_deadline = self.shield.get().and_then(|shield| shield.inner_deadline);
        if self.is_halted() || inner_deadline.is_some_and(|at| Instant::now() >= at) {
            // It belongs to what must happen in the end, and has no grace of its own.
            return (end, end);
        }
        (self.deadline, end)
    }

    /// When the innermost time limit within the run ends.
    #[doc(hidden)]
    pub fn inner_deadline(&self) -> Option<Instant> {
        self.inner_deadline.get()
    }

    /// Sets when the innermost time limit ends. The caller sets the one before again.
    #[doc(hidden)]
    pub fn set_inner_deadline(&self, deadline: Option<Instant>) {
        self.inner_deadline.set(deadline);
    }

    /// Does what must be done although the run, or a time limit within it, has ended or will end: it goes on for as long as
    /// [`GRACE`] after that. Several share that time, one in the other or one after the other.
    #[doc(hidden)]
    pub fn shielded<T>(&self, work: impl FnOnce() -> T) -> T {
        let (around, deadline) = (self.shield.get(), self.inner_deadline.take());
        let deadlines = [around.and_then(|shield| shield.inner_deadline), deadline];
        let inner_deadline = deadlines.into_iter().flatten().min();
        self.shield.set(Some(Shield { inner_deadline }));
        let done = work();
        self.shield.set(around);
        self.inner_deadline.set(deadline);
        done
    }

    /// See [`Run::set_stack_floor`].
    pub(crate) fn stack_floor(&self) -> usize {
        self.stack_floor.get()
    }

    /// Notes, from the fiber, that its calls may use `limit` bytes of stack from here on.
    pub(crate) fn set_stack_floor(&self, limit: usize) {
        let here = 0u8;
        self.stack_floor
            .set((&raw const here as usize).saturating_sub(limit));
    }

    /// How much stack the run's calls may use, in bytes.
    #[doc(hidden)]
    pub fn stack_limit(&self) -> usize {
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
        if let Some(trace) = &self.spawner.trace {
            trace.left(self.id, &record);
        }
        let mut regions = self.regions.borrow_mut();
        if regions.len() < MOST_REGIONS {
            // For good: they are part of the report.
            self.gauge
                .count_memory(size_of::<RegionRecord>() + record.who.len());
            regions.push(record);
        }
    }

    /// The value of type `T` that a module or a language keeps for this run, if there is one.
    ///
    /// States are dropped at the run's end, before its isolate is freed.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn state<T: 'static>(&self) -> Option<Rc<T>> {
        let wanted = TypeId::of::<T>();
        // There are a handful, so a list is faster than a map.
        let states = self.states.borrow();
        let (_, state) = states.iter().find(|(id, _)| *id == wanted)?;
        Rc::clone(state).downcast().ok()
    }

    /// Keeps a value for this run, in place of one of the same type.
    #[doc(hidden)]
    pub fn set_state<T: 'static>(&self, state: Rc<T>) {
        let id = TypeId::of::<T>();
        let replaced = {
            let mut states = self.states.borrow_mut();
            let at = states.iter().position(|(known, _)| *known == id);
            let replaced = at.map(|at| states.swap_remove(at));
            states.push((id, state));
            replaced
        };
        // Not while the list is borrowed: what is dropped may look at it.
        drop(replaced);
    }

    /// The modules that this run can import.
    #[doc(hidden)]
    pub fn modules(&self) -> &ModuleCache {
        &self.modules
    }

    /// The limits of this run.
    #[doc(hidden)]
    pub fn limits(&self) -> &Limits {
        &self.spawner.limits
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

    /// Another rule, as a rule names its file: one below the folders that this run may import from. It is read here, so
    /// that what was allowed is what runs.
    ///
    /// A relative path begins at the folder of the file `from`; `""` stands for the rule that was started. Blocks the
    /// rule, not its thread, if the file is large.
    ///
    /// # Errors
    ///
    /// Says why there is none.
    pub fn rule_file(&self, from: &str, file: &str) -> Result<Script, String> {
        let specifier = if file.starts_with(['.', '/']) {
            file.to_owned()
        } else {
            format!("./{file}")
        };
        let path = match self.modules.resolve(from, &specifier) {
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::BuiltIn(_)) => return Err(format!("{file} is no file")),
            Err(error) => return Err(error.to_string()),
        };
        let Some(name) = path.to_str() else {
            return Err(format!("the path {} is not valid UTF-8", path.display()));
        };
        let text = self.modules.read(name, Some(self))?;
        Ok(Script::read(name, text))
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
            .map_err(|problem| Exception::throw_message(ctx, &problem))?;
        let canceller = handle.canceller();
        let mut handle = pin!(handle);
        let report = self.block_on(ctx, handle.as_mut()).inspect_err(|_| {
            canceller.cancel_within(self.grace_of_started());
            // It gives back what it holds before this run goes on.
            self.shielded(|| {
                let _ = self.block_on(ctx, handle.as_mut());
            });
        })?;
        if let Err(error) = &report.result
            && error.kind == crate::ErrorKind::TimedOut
        {
            // Both have one limit of time, so this run may be out of it as well: then it ends, whichever was seen first.
            self.checkpoint(ctx)?;
        }
        Ok(report)
    }

    /// Starts another run, with the output and folders of this one. Both share one limit of memory and one of time.
    ///
    /// # Errors
    ///
    /// Runs that start runs go on for ever, too many live, or there is no memory for one more.
    #[doc(hidden)]
    pub fn spawn(
        &self,
        script: Script,
        options: RunOptions,
        detached: bool,
    ) -> Result<RunHandle, String> {
        let Spawner {
            engine,
            limits,
            folders,
            trace,
            depth,
        } = &self.spawner;
        if *depth >= MOST_GENERATIONS {
            return Err("runs start each other more than 50 levels deep".to_owned());
        }
        let stash_bytes = options.stash_bytes();
        let seat = self.family.seat(stash_bytes);
        let (deadline, last) = self.times_of_started();
        let origin = Origin {
            seat: seat.map_err(|full| full.to_string())?,
            stash_bytes,
            parent: Some(self.id),
            depth: depth + 1,
            deadline,
            last,
        };
        let mut options = options
            .limits(*limits)
            .output(Arc::clone(&self.output))
            .detached(detached);
        if let Some(trace) = trace {
            options = options.trace(Arc::clone(trace));
        }
        for folder in folders {
            options = options.allow_folder(folder);
        }
        Ok(engine.start(script, options, origin))
    }

    pub(crate) fn throw_stopped(&self, ctx: &Ctx<'_>) -> rquickjs::Error {
        let message = match self.control.reason() {
            Some(Stop::TimedOut) => "the run is out of time",
            Some(Stop::OutOfMemory) => "the run is out of memory",
            Some(Stop::Panicked) => "the program that runs the rule failed",
            None if self.control.is_interrupted() => "interrupted",
            Some(Stop::Cancelled) | None => "the run was cancelled",
        };
        throw_uncatchable(ctx, message)
    }
}

/// The value of type `T` that a module or a language keeps for the run whose isolate this is.
#[inline]
pub fn state_of<T: 'static>(ctx: &Ctx<'_>) -> Option<Rc<T>> {
    run_of(ctx)?.state()
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

/// Memory that the Rust side keeps for a rule; see [`Run::count_memory`].
#[derive(Debug)]
pub struct MemoryReservation {
    gauge: Rc<MemoryGauge>,
    bytes: usize,
}

impl MemoryReservation {
    pub(crate) fn new(gauge: &Rc<MemoryGauge>, bytes: usize) -> Self {
        gauge.count_memory(bytes);
        Self {
            gauge: Rc::clone(gauge),
            bytes,
        }
    }

    /// From now on it counts for so many bytes.
    pub fn resize(&mut self, bytes: usize) {
        self.gauge.count_memory(bytes);
        self.gauge.refund(self.bytes);
        self.bytes = bytes;
    }
}

impl Drop for MemoryReservation {
    fn drop(&mut self) {
        self.gauge.refund(self.bytes);
    }
}

/// A JavaScript value that the Rust side holds on to; see [`Run::keep`].
#[derive(Debug)]
pub struct Rooted<T>(Rc<RootedValue<T>>);

/// Where a kept value is.
#[derive(Debug)]
struct RootedValue<T> {
    /// `None` after the run's end.
    value: RefCell<Option<Persistent<T>>>,
    _charge: MemoryReservation,
}

impl<T> Clone for Rooted<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T: Clone> Rooted<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// After the run's end there is none.
    pub fn get<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<T::Changed<'js>>
    where
        T: JsLifetime<'static>,
    {
        match &*self.0.value.borrow() {
            Some(value) => value.clone().restore(ctx),
            None => Err(rquickjs::Error::Unknown),
        }
    }
}

/// Something that lets go of a JavaScript value.
trait Forget {
    fn forget(&self);
}

impl<T> Forget for RootedValue<T> {
    fn forget(&self) {
        self.value.take();
    }
}
