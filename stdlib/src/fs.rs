//! The module `cla/fs`: files and folders.
//!
//! Each function exists twice: `fs.readFile` blocks the rule, `fs.promises.readFile` gives a promise. A call is read in whole
//! on the run's thread (`calls`), and becomes [`Work`] for a thread that may wait: so a slow disk, a network file system or a
//! named pipe holds up no other run. What the work gives (`answer`) becomes a value on the run's thread again.
//!
//! Every path is permitted, or not, where it is used: see `Permissions::entry` and `Permissions::open` of the runtime.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{MemoryReservation, Rooted, blocking};
use cla_runtime::js::function::Constructor;
use cla_runtime::js::{self, Ctx, Function, Object, Value};

use self::answer::{Answer, Asked};
use self::arguments::Call;
use self::calls::ReadCall;
pub use self::failure::in_words;
use self::failure::{Failure, Named};
use self::handle::Place;
use self::job::{Budget, Job};
use self::temporary::Temporaries;
use crate::state::note_error;

mod answer;
pub mod archive;
mod arguments;
mod calls;
pub mod contents;
mod failure;
mod folders;
mod handle;
mod job;
mod methods;
pub mod replace;
mod temporary;
mod transfer;
mod watch;

/// The module.
pub(crate) struct Fs;

impl NativeModule for Fs {
    fn name(&self) -> &str {
        "cla/fs"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let shapes = Shapes::make(ctx, run)?;
        let module = Rc::new(Module {
            run: Rc::clone(run),
            shapes,
            budget: Budget::default(),
            open: Rc::default(),
            temporaries: OnceCell::new(),
        });
        let exports = Object::new(ctx.clone())?;
        let promises = Object::new(ctx.clone())?;
        for &(name, call) in calls::ALL {
            module.define(&exports, name, Manner::Blocking, call)?;
            module.define(&promises, name, Manner::Promise, call)?;
        }
        for (prototype, manner) in [
            (module.shapes.file.get(ctx)?, Manner::Blocking),
            (module.shapes.async_file.get(ctx)?, Manner::Promise),
        ] {
            methods::define(&module, &prototype, manner)?;
        }
        watch::define(&module, &module.shapes.watcher.get(ctx)?)?;
        calls::define_iterate(&module, &exports)?;
        module.define(&exports, "watch", Manner::Blocking, calls::watch)?;
        exports.set("promises", promises)?;
        exports.set("FileError", module.shapes.error.get(ctx)?)?;
        Ok(exports)
    }
}

/// What is written in JavaScript, in one run.
struct Shapes {
    error: Rooted<Constructor<'static>>,
    /// Prototypes.
    facts: Rooted<Object<'static>>,
    entry: Rooted<Object<'static>>,
    file: Rooted<Object<'static>>,
    async_file: Rooted<Object<'static>>,
    watcher: Rooted<Object<'static>>,
}

impl Shapes {
    fn make(ctx: &Ctx<'_>, run: &Run) -> js::Result<Self> {
        let mut options = js::context::EvalOptions::default();
        options.filename = Some("cla/fs".into());
        options.backtrace_barrier = true;
        let shapes: Object<'_> = ctx.eval_with_options(include_str!("fs/shapes.js"), options)?;
        let prototype = |name: &str| {
            let prototype: Object<'_> = shapes.get(name)?;
            js::Result::Ok(run.keep(ctx, prototype))
        };
        let error: Constructor<'_> = shapes.get("FileError")?;
        Ok(Self {
            error: run.keep(ctx, error),
            facts: prototype("facts")?,
            entry: prototype("entry")?,
            file: prototype("file")?,
            async_file: prototype("asyncFile")?,
            watcher: prototype("watcher")?,
        })
    }
}

/// The module in one run.
struct Module {
    run: Rc<Run>,
    shapes: Shapes,
    budget: Budget,
    /// How many files are open.
    open: Rc<Cell<usize>>,
    temporaries: OnceCell<Temporaries>,
}

/// How a call gives its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// The rule is blocked until it is there.
    Blocking,
    /// As a promise.
    Promise,
}

/// What a call asks for.
enum Step {
    /// It is there already.
    Done(Answer),
    Work(Work),
}

type Performing = dyn FnOnce(&Job) -> Result<Answer, Failure> + Send;

/// What is done on a thread that may wait.
struct Work {
    call: Named,
    /// An open file's place, if the call opens one.
    place: Option<Place>,
    /// What it takes with it counts as the run's memory.
    reservation: Option<MemoryReservation>,
    perform: Box<Performing>,
}

impl Step {
    /// As long as it is under way, this counts as the run's memory.
    fn counting(self, reservation: MemoryReservation) -> Self {
        match self {
            Self::Work(work) => Self::Work(Work {
                reservation: Some(reservation),
                ..work
            }),
            done @ Self::Done(_) => done,
        }
    }

    /// It opens a file, which has this place.
    fn with_place(self, place: Place) -> Self {
        match self {
            Self::Work(work) => Self::Work(Work {
                place: Some(place),
                ..work
            }),
            done @ Self::Done(_) => done,
        }
    }
}

impl Module {
    /// Adds a function.
    fn define<'js>(
        self: &Rc<Self>,
        object: &Object<'js>,
        name: &'static str,
        manner: Manner,
        read: ReadCall,
    ) -> js::Result<()> {
        let this = Rc::clone(self);
        crate::call::method(object, name, move |params| {
            let step = read(&Call {
                module: &this,
                function: name,
                params,
            });
            this.noted(params.ctx(), this.perform(params.ctx(), manner, step))
        })
    }

    /// What is thrown is noted for `cla.lastError()`.
    fn noted<'js>(&self, ctx: &Ctx<'js>, result: js::Result<Value<'js>>) -> js::Result<Value<'js>> {
        match result {
            Err(error) if error.is_exception() => {
                let thrown = ctx.catch();
                if !thrown.is_uncatchable_error() {
                    note_error(ctx, &thrown);
                }
                Err(ctx.throw(thrown))
            }
            other => other,
        }
    }

    /// Does what a call asks for.
    fn perform<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        manner: Manner,
        step: js::Result<Step>,
    ) -> js::Result<Value<'js>> {
        let is_async = manner == Manner::Promise;
        let work = match step {
            Ok(Step::Work(work)) => work,
            Ok(Step::Done(answer)) => {
                let value = self.value(ctx, answer, Asked { opened: None })?;
                return match is_async {
                    false => Ok(value),
                    true => settled(ctx, Ok(value)),
                };
            }
            // Arguments that do not fit reject the promise, as in any `async` function.
            Err(error) if is_async && error.is_exception() => {
                let thrown = ctx.catch();
                if thrown.is_uncatchable_error() {
                    return Err(ctx.throw(thrown));
                }
                return settled(ctx, Err(thrown));
            }
            Err(error) => return Err(error),
        };
        let Work {
            call,
            place,
            reservation,
            perform,
        } = work;
        let opened = place.map(|place| (call.path.clone(), place, is_async));
        let asked = Asked { opened };
        // What is read becomes a value of the run's beside it.
        let most = self.run.memory_left() / 3;
        let (job, wanted) = Job::new(self.run.permissions(), &self.budget, most);
        let future = async move {
            let _wanted = wanted;
            let done = blocking(move || perform(&job)).await;
            done.unwrap_or_else(|error| Err(Failure::of(error, "thread")))
        };
        match manner {
            Manner::Blocking => {
                let outcome = self.run.block_on(ctx, future)?;
                self.give(ctx, &call, outcome, asked)
            }
            Manner::Promise => {
                let this = Rc::clone(self);
                let promise = self.run.promise(ctx, future, move |ctx, outcome| {
                    drop(reservation);
                    this.give(ctx, &call, outcome, asked)
                })?;
                Ok(promise.into_value())
            }
        }
    }

    fn give<'js>(
        &self,
        ctx: &Ctx<'js>,
        call: &Named,
        outcome: Result<Answer, Failure>,
        asked: Asked,
    ) -> js::Result<Value<'js>> {
        match outcome {
            Ok(answer) => self.value(ctx, answer, asked),
            Err(failure) => Err(self.throw(ctx, call, failure)),
        }
    }

    fn throw(&self, ctx: &Ctx<'_>, call: &Named, failure: Failure) -> js::Error {
        match self.shapes.error.get(ctx) {
            Ok(class) => failure.throw(ctx, &self.run, &class, call),
            Err(error) => error,
        }
    }

    /// What the run has made for a while.
    fn temporaries(&self) -> &Temporaries {
        self.temporaries
            .get_or_init(|| Temporaries::of(&self.run, &self.budget))
    }
}

/// A promise of what is there already.
fn settled<'js>(ctx: &Ctx<'js>, outcome: Result<Value<'js>, Value<'js>>) -> js::Result<Value<'js>> {
    let (promise, resolve, reject) = ctx.promise()?;
    let (settle, value): (Function<'js>, _) = match outcome {
        Ok(value) => (resolve, value),
        Err(reason) => (reject, reason),
    };
    settle.call::<_, ()>((value,))?;
    Ok(promise.into_value())
}
