//! A run that evaluates one input after the other, and keeps what they declare: what a REPL is made of.
//!
//! Inputs come from outside, each with what is to be done with its value, and are carried out in the isolate, on the
//! run's fiber. In between, timers and promises go on. An interrupt ends what is being carried out; the session and its
//! variables stay.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use cla_semaphore::RunId;
use parking_lot::Mutex;
use rquickjs::object::Property;
use rquickjs::{Ctx, Value};
use tokio::sync::{mpsc, oneshot};

use crate::clock::HostWait;
use crate::control::{Control, Stop};
use crate::engine::Engine;
use crate::error::RuleError;
use crate::evaluation::{Evaluated, Failure, failure, resolve};
use crate::handle::RunHandle;
use crate::isolate::explain;
use crate::limits::Limits;
use crate::modules;
use crate::options::RunOptions;
use crate::program::{Program, SourceText};
use crate::report::RunReport;
use crate::run::Run;
use crate::script::Script;
use crate::sys::quickjs::{Compiled, TopLevel, compile_in_mode};

/// What is carried out in the isolate.
type Task = Box<dyn for<'js> FnOnce(&Ctx<'js>, &Rc<Run>, &Limits) + Send>;

/// Hears of what went wrong between inputs: a timer threw, a promise was rejected.
type Uncaught = Arc<dyn Fn(&RuleError) + Send + Sync>;

/// A run that evaluates one input after the other.
///
/// ```
/// use cla_runtime::host::value_to_json;
/// use cla_runtime::{Engine, RunOptions, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
/// session.evaluate("const a = 1", |_, _, _| ()).await.unwrap();
/// let value = session.evaluate("a + 1", |ctx, _, value| value_to_json(ctx, value)).await;
/// assert_eq!(value.unwrap().unwrap(), 2);
/// session.close().await;
/// # }
/// ```
pub struct Session {
    tasks: mpsc::UnboundedSender<Task>,
    control: Arc<Control>,
    handle: RunHandle,
    inputs: Cell<u32>,
}

/// What a session is started with.
#[derive(Clone)]
pub(crate) struct Main {
    /// Taken by the run.
    tasks: Arc<Mutex<Option<mpsc::UnboundedReceiver<Task>>>>,
    pub(crate) folder: Option<PathBuf>,
    uncaught: Uncaught,
}

impl std::fmt::Debug for Main {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Main")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Program for Main {
    fn title(&self) -> &str {
        "session"
    }

    fn name(&self) -> &str {
        "REPL"
    }

    fn folder(&self) -> Option<PathBuf> {
        self.folder.as_ref()?.canonicalize().ok()
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        serve(ctx, run, self, run.limits())
    }
}

impl Session {
    /// Starts a session. Its inputs may import files below `folder`. `uncaught` hears of what goes wrong between inputs.
    pub fn start(
        engine: &Engine,
        options: RunOptions,
        folder: Option<PathBuf>,
        uncaught: impl Fn(&RuleError) + Send + Sync + 'static,
    ) -> Self {
        let (tasks, receiver) = mpsc::unbounded_channel();
        let main = Main {
            tasks: Arc::new(Mutex::new(Some(receiver))),
            folder,
            uncaught: Arc::new(uncaught),
        };
        let handle = engine.run(Script::program(main), options);
        Self {
            tasks,
            control: handle.control(),
            handle,
            inputs: Cell::new(0),
        }
    }

    /// Evaluates JavaScript or TypeScript; `then` gets its value, in the isolate. What `then` makes of it is not masked:
    /// `run.secrets().mask(...)` does that.
    ///
    /// What it declares at its top level stays for the inputs that follow, and may be declared again. A promise is
    /// awaited. The global `_` is the value afterwards; `_error` what was thrown, if something was.
    ///
    /// # Errors
    ///
    /// What it throws, or that it was interrupted. In errors, the input is called `REPL1`, `REPL2`, ...
    pub fn evaluate<T: Send + 'static>(
        &self,
        code: &str,
        then: impl for<'js> FnOnce(&Ctx<'js>, &Rc<Run>, Value<'js>) -> T + Send + 'static,
    ) -> Answer<T> {
        self.control.resume();
        let name = self.next_name("");
        let code: Arc<str> = code.into();
        self.carry_out(Box::new(move |ctx, run| {
            let value = input(ctx, run, &name, &code)?;
            note(ctx, run, "_", &value)?;
            Ok(then(ctx, run, value))
        }))
    }

    /// Runs a text in another language that the engine knows; `then` gets its value, in the isolate. The extension, such
    /// as `.txt`, says which language it is.
    ///
    /// ```
    /// use cla_runtime::host::value_to_json;
    /// use cla_runtime::{Engine, RunOptions, Session};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cla_runtime::RuleError> {
    /// let engine = Engine::builder().with(cla_rulebook::install).build();
    /// let session = Session::start(&engine, RunOptions::new(), None, |_| {});
    /// let text = "do: [return: '{{ 1 + 2 }}']";
    /// let value = session.run_text(".yml", text, None, |ctx, _, value| value_to_json(ctx, value));
    /// assert_eq!(value.await?.unwrap(), 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`Session::evaluate`]; or no language has this extension.
    pub fn run_text<T: Send + 'static>(
        &self,
        extension: &str,
        text: &str,
        event: Option<&str>,
        then: impl for<'js> FnOnce(&Ctx<'js>, &Rc<Run>, Value<'js>) -> T + Send + 'static,
    ) -> Answer<T> {
        self.control.resume();
        let name = self.next_name(extension);
        let text: Arc<str> = text.into();
        let event = event.map(str::to_owned);
        self.carry_out(Box::new(move |ctx, run| {
            let Some(language) = run.modules().settings.language(&name) else {
                let message = format!("no language of this program has the extension of {name}");
                return Err(RuleError::load(message, None).into());
            };
            let folder = run.modules().folder();
            let source = SourceText { name, text, folder };
            let value = language.program(source, event).execute(ctx, run)?;
            note(ctx, run, "_", &value)?;
            Ok(then(ctx, run, value))
        }))
    }

    /// Does something in the isolate: looks at variables, for instance. It waits for what is being evaluated.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Session};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cla_runtime::RuleError> {
    /// let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
    /// session.evaluate("globalThis.count = 3", |_, _, _| ()).await?;
    /// assert_eq!(session.look(|ctx, _| ctx.globals().get::<_, i32>("count")).await?, 3);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// An exception that `look` leaves, or that it was interrupted.
    pub fn look<T: Send + 'static>(
        &self,
        look: impl for<'js> FnOnce(&Ctx<'js>, &Rc<Run>) -> rquickjs::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.carry_out(Box::new(move |ctx, run| {
            look(ctx, run).map_err(|error| failure(ctx, run, &error))
        }))
    }

    fn next_name(&self, extension: &str) -> String {
        let number = self.inputs.get() + 1;
        self.inputs.set(number);
        format!("REPL{number}{extension}")
    }

    fn carry_out<T: Send + 'static>(&self, work: Work<T>) -> Answer<T> {
        let (sender, receiver) = oneshot::channel();
        let task: Task = Box::new(move |ctx, run, limits| {
            // The answer may not be awaited; that is fine.
            let _ = sender.send(attempt(ctx, run, limits, work));
        });
        // If the session is over, the answer's sender is dropped with the task.
        let _ = self.tasks.send(task);
        self.control.clock().rest();
        Answer {
            receiver,
            host: HostWait::new(self.control.clock()),
        }
    }

    /// Ends what is being evaluated, or waits to be, a blocked call included; its future gives an error. Nothing in the
    /// input can catch it. The session goes on.
    pub fn interrupt(&self) {
        self.control.interrupt();
    }

    /// Something that can interrupt the session from anywhere.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::clone(&self.control))
    }

    /// The run's id, which semaphores show as the owner's.
    pub fn id(&self) -> RunId {
        self.handle.id()
    }

    /// Ends the session: gives back all that it holds, forgets its timers.
    pub async fn close(self) -> RunReport {
        drop(self.tasks);
        self.handle.await
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("handle", &self.handle)
            .field("inputs", &self.inputs)
            .finish_non_exhaustive()
    }
}

/// Interrupts a session; see [`Session::interrupter`].
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::{Engine, RunOptions, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
/// let endless = session.evaluate("while (true) {}", |_, _, _| ());
/// let interrupter = session.interrupter();
/// std::thread::spawn(move || {
///     std::thread::sleep(Duration::from_millis(50));
///     interrupter.interrupt();
/// });
/// assert!(endless.await.is_err());
/// session.evaluate("1 + 2", |_, _, _| ()).await?; // the session goes on
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Interrupter(Arc<Control>);

impl Interrupter {
    /// See [`Session::interrupt`].
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

/// What becomes of an input: a future of what was made of its value, or of why there is none.
///
/// See [`Session`] for an example.
#[derive(Debug)]
#[must_use = "await it to see what becomes of the input"]
pub struct Answer<T> {
    receiver: oneshot::Receiver<Result<T, RuleError>>,
    /// The host waits here, as a test clock sees it.
    host: HostWait,
}

impl<T> Future for Answer<T> {
    type Output = Result<T, RuleError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let answer = this
            .host
            .poll(cx, |cx| Pin::new(&mut this.receiver).poll(cx));
        answer.map(|answer| {
            answer
                .unwrap_or_else(|_| Err(RuleError::load("the session has ended".to_owned(), None)))
        })
    }
}

// ---- in the isolate

/// What is done for a caller outside of the isolate.
type Work<T> = Box<dyn for<'js> FnOnce(&Ctx<'js>, &Rc<Run>) -> Evaluated<'js, T> + Send>;

/// Carries out inputs until there are no more, or the run is stopped.
fn serve<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    main: &Main,
    limits: &Limits,
) -> Evaluated<'js, Value<'js>> {
    let undefined = || Value::new_undefined(ctx.clone());
    let Some(tasks) = main.tasks.lock().take() else {
        return Ok(undefined());
    };
    let tasks = Rc::new(RefCell::new(tasks));
    loop {
        let next: Rc<Cell<Option<Task>>> = Rc::default();
        let received = {
            let (tasks, next) = (Rc::clone(&tasks), Rc::clone(&next));
            run.promise(
                ctx,
                poll_fn(move |cx| tasks.borrow_mut().poll_recv(cx)),
                move |ctx, task| {
                    next.set(task);
                    Ok(Value::new_undefined(ctx.clone()))
                },
            )
        };
        let received = received.map_err(|error| failure(ctx, run, &error))?;
        // Timers and promises go on until the next input.
        loop {
            match resolve(ctx, run, received.clone().into_value()) {
                Ok(_) => break,
                Err(Failure::Stopped) if run.control.reason().is_none() => {
                    run.end_jobs(ctx);
                    run.control.resume();
                }
                Err(Failure::Stopped) if run.recover_memory() => {}
                Err(Failure::Stopped) => return Err(Failure::Stopped),
                Err(failure) => {
                    if let Failure::Thrown(value) = &failure {
                        let _ = note(ctx, run, "_error", value);
                    }
                    let mut error = explain(ctx, run, failure, limits);
                    run.secrets().mask_error(&mut error);
                    (main.uncaught)(&error);
                }
            }
        }
        let Some(task) = next.take() else {
            // What is still pending would keep the run from ending.
            run.event_loop.clear(|| _ = run.give_way());
            return Ok(undefined());
        };
        task(ctx, run, limits);
        if run.control.reason().is_some() {
            return Err(Failure::Stopped);
        }
    }
}

/// Does something for a caller outside of the isolate, and cleans up after it. All that it wrote is shown before its end is
/// known, and secrets are masked in its error.
fn attempt<T>(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    limits: &Limits,
    work: Work<T>,
) -> Result<T, RuleError> {
    let attempted = unmasked(ctx, run, limits, work);
    run.write_rest();
    attempted.map_err(|mut error| {
        run.secrets().mask_error(&mut error);
        error
    })
}

fn unmasked<T>(
    ctx: &Ctx<'_>,
    run: &Rc<Run>,
    limits: &Limits,
    work: Work<T>,
) -> Result<T, RuleError> {
    let before = run.permits().mark();
    let failure = match work(ctx, run) {
        Ok(value) => return Ok(value),
        Err(failure) => failure,
    };
    if let Failure::Thrown(value) = &failure {
        let _ = note(ctx, run, "_error", value);
    }
    let stopped = matches!(failure, Failure::Stopped);
    let mut error = explain(ctx, run, failure, limits);
    if stopped {
        // What the input took and had not given back is gone with it.
        run.permits().release_since(&before);
        ctx.run_gc();
        match run.control.reason() {
            None => {
                run.end_jobs(ctx);
                error = RuleError::interrupted();
            }
            Some(Stop::OutOfMemory) => drop(run.recover_memory()),
            Some(_) => {}
        }
    }
    run.control.resume();
    Err(error)
}

/// The value of an input.
fn input<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    name: &str,
    text: &Arc<str>,
) -> Evaluated<'js, Value<'js>> {
    let failed = |error: &rquickjs::Error| failure(ctx, run, error);
    let code = run.modules().prepare_input(name, text)?;
    modules::add_properties(ctx, run, text).map_err(|error| failed(&error))?;
    let is_strict = run.modules().settings.strict;
    let compile = |top_level| compile_in_mode(ctx, name, &code, top_level, is_strict);
    let error = match compile(TopLevel::Plain) {
        Ok(compiled) => {
            let value = compiled.run().map_err(|error| failed(&error))?;
            return resolve(ctx, run, value);
        }
        Err(error) => failed(&error),
    };
    if !code.contains("await") {
        return Err(error);
    }
    let promise = compile(TopLevel::Await).and_then(Compiled::run);
    let result = resolve(ctx, run, promise.map_err(|error| failed(&error))?)?;
    let value = match result.as_object() {
        Some(result) => result.get("value").map_err(|error| failed(&error))?,
        None => result,
    };
    resolve(ctx, run, value)
}

/// Keeps a value under a global name that does not show in lists; not if an input has declared that name, such as `_` for a
/// package.
fn note<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, name: &str, value: &Value<'js>) -> Evaluated<'js, ()> {
    let property = Property::from(value.clone()).writable().configurable();
    let Err(error) = ctx.globals().prop(name, property) else {
        return Ok(());
    };
    match failure(ctx, run, &error) {
        // What is declared cannot be defined anew.
        Failure::Thrown(_) => Ok(()),
        other => Err(other),
    }
}
