//! `cla/sem`: semaphores for rules, and for the scripts with which administrators steer them.
//!
//! `take` is the heart of the product, and its fast path is kept short: a free slot is taken without
//! an allocation for the name, the request's options or the way through the fiber.

mod commands;
mod errors;
mod later;
mod permit;
mod request;

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use cla_runtime::host::{NativeModule, Run};
use cla_runtime::internal::{RegionSpan, Rooted, SlotGuard, StringIdentity, Usage, promise_then};
use cla_runtime::js::class::Class;
use cla_runtime::js::function::{Opt, Params, RustFunction};
use cla_runtime::js::object::Accessor;
use cla_runtime::js::{self, Ctx, Function, Object, Promise, Value};
use cla_runtime::semaphore::{Actor, Owner, Permit};
use cla_runtime::trace::RegionOutcome;

use self::commands::Command;
use self::errors::ErrorClass;
use self::permit::Permits;
use self::request::{Wanted, semaphore_name};
use crate::call::{Arg, define};
use crate::statements::{self, Statements};
use crate::throw::{name_argument, wrong};

/// The module.
pub(crate) struct Sem;

impl NativeModule for Sem {
    fn name(&self) -> &str {
        "cla/sem"
    }

    fn takes_slots(&self) -> bool {
        true
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let module = Module::of(run);
        let exports = Object::new(ctx.clone())?;
        // The arguments as they come: `take` is called often enough for every conversion to count.
        let this = Rc::clone(&module);
        let take = RustFunction(Box::new(move |arguments: Params<'_, 'js>| {
            this.take(&arguments)
        }));
        let take: Function<'js> = Class::instance(ctx.clone(), take)?.into_value().get()?;
        let take = take.with_name("take")?.with_length(2)?;
        exports.set("take", take.clone())?;
        let this = Rc::clone(&module);
        define(
            &exports,
            "acquire",
            move |ctx: Ctx<'js>, name: Arg<'js>, options: Arg<'js>| {
                this.acquire(&ctx, &name, &options)
            },
        )?;
        let acquire: Object<'js> = exports.get("acquire")?;
        later::add(&module, take.as_inner(), &acquire)?;
        for command in Command::ALL {
            let this = Rc::clone(&module);
            define(
                &exports,
                command.name(),
                move |ctx: Ctx<'js>, first: Arg<'js>, second: Arg<'js>| {
                    this.administer(&ctx, command, &first, &second)
                },
            )?;
        }
        for class in ErrorClass::ALL {
            let this = Rc::clone(&module);
            let get = move |ctx: Ctx<'js>| this.error_class(&ctx, class);
            exports.prop(
                class.name(),
                Accessor::from(get).enumerable().configurable(),
            )?;
        }
        Ok(exports)
    }
}

/// The module in one run.
pub(crate) struct Module {
    run: Rc<Run>,
    /// What permits are made of, from the first one on.
    permits: RefCell<Option<Permits>>,
    /// The error classes, made when the first one is needed.
    errors: RefCell<Option<Rooted<Object<'static>>>>,
    /// The semaphore that was asked for last, so that a loop over one name need not look it up.
    last: RefCell<Option<Last>>,
    /// How many slots are held until a promise is settled.
    awaited: Cell<usize>,
    /// Who gives the commands of the rule.
    actor: OnceCell<Actor>,
    /// Looked at whenever a slot is given back.
    statements: Statements,
}

impl Module {
    /// The one of this run, so that its error classes are the same wherever they are thrown.
    pub(crate) fn of(run: &Rc<Run>) -> Rc<Self> {
        run.state().unwrap_or_else(|| {
            let module = Rc::new(Self::new(run));
            run.set_state(Rc::clone(&module));
            module
        })
    }

    fn new(run: &Rc<Run>) -> Self {
        Self {
            run: Rc::clone(run),
            permits: RefCell::default(),
            errors: RefCell::default(),
            last: RefCell::default(),
            awaited: Cell::new(0),
            actor: OnceCell::new(),
            statements: OnceCell::new(),
        }
    }

    /// Lets `finish` run the statements that have not run yet: it is called with what a function returned, and says whether
    /// that is a command, which it has run, too.
    pub(crate) fn set_statements<'js>(&self, ctx: &Ctx<'js>, finish: Function<'js>) {
        let set = self.statements.set(self.run.keep(ctx, finish));
        debug_assert!(set.is_ok(), "a run has one module of commands");
    }

    /// `take(name, fn)` and `take(name, options, fn)`.
    fn take<'js>(self: &Rc<Self>, arguments: &Params<'_, 'js>) -> js::Result<Value<'js>> {
        let ctx = arguments.ctx();
        let undefined = || Value::new_undefined(ctx.clone());
        let name = arguments.arg(0).unwrap_or_else(undefined);
        let usage = self.usage(ctx, "sem.take", &name)?;
        let function = arguments.arg(if arguments.len() > 2 { 2 } else { 1 });
        let Some(function) = function.as_ref().and_then(Value::as_function) else {
            let what = "sem.take: the last argument";
            let function = function.unwrap_or_else(undefined);
            return Err(wrong(
                ctx,
                what,
                "the function that needs the semaphore",
                &function,
            ));
        };
        let wanted = if arguments.len() > 2 {
            self.request(ctx, "sem.take", &arguments.arg(1).unwrap_or_else(undefined))?
        } else {
            self.any_slot().into()
        };
        let span = self.run.is_traced().then(|| {
            let place = self.run.caller(ctx);
            let file = place.as_ref().map(|place| place.file.as_str());
            let line = place.as_ref().map_or(1, |place| place.line);
            let who = format!("{}, line {line}", self.run.name());
            RegionSpan::begin(&self.run, usage.semaphore.name(), &who, (file, line))
        });
        self.hold_around(ctx, &usage, wanted, function, span)
    }

    /// Takes a slot, calls the function with the permit, gives the slot back; notes it in the span, if there is one.
    fn hold_around<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        usage: &Rc<Usage>,
        wanted: Wanted,
        function: &Function<'js>,
        span: Option<RegionSpan>,
    ) -> js::Result<Value<'js>> {
        let Wanted { request, signal } = wanted;
        let entered = match signal {
            None => SlotGuard::enter(ctx, &self.run, usage, request, span)?,
            Some(signal) => {
                signal.check(ctx)?;
                let ended = signal.ended();
                match SlotGuard::enter_unless(ctx, &self.run, usage, request, span, ended)? {
                    Some(entered) => entered,
                    None => return Err(signal.throw(ctx)),
                }
            }
        };
        let guard = match entered {
            Ok(guard) => guard,
            Err(error) => {
                return Err(self.refused(ctx, "sem.take", usage.semaphore.name(), &error));
            }
        };
        let argument = self.permit_object(ctx, guard.permit())?;
        let mut result = function.call::<_, Value<'js>>((argument,));
        let mut promise = None;
        match &result {
            Ok(value) => {
                // What its commands change is what the slot protects.
                let followed = match statements::finish(ctx, &self.statements, value) {
                    Ok(true) => Ok(None),
                    Ok(false) => statements::promise_of(ctx, value),
                    Err(error) => Err(error),
                };
                match followed {
                    Ok(followed) => promise = followed,
                    Err(error) => result = Err(error),
                }
            }
            Err(_) => statements::finish_after_error(ctx, &self.statements),
        }
        if let Some(promise) = promise {
            return self.until_settled(ctx, guard, &promise);
        }
        let outcome = match &result {
            Ok(_) => RegionOutcome::Done,
            // Only a span needs to know how the call failed.
            Err(_) if guard.is_traced() => failed_or_stopped(ctx),
            Err(_) => RegionOutcome::Failed,
        };
        match guard.leave(outcome) {
            Some(lost) if result.is_ok() => Err(self.lost(ctx, &lost)),
            _ => result,
        }
    }

    /// Holds the slot until the promise is settled; gives a promise of the same outcome.
    fn until_settled<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        guard: SlotGuard,
        promise: &Promise<'js>,
    ) -> js::Result<Value<'js>> {
        // Should the run end first, its permit table gives the slot back.
        guard.register();
        guard.detach();
        let guard = Rc::new(Cell::new(Some(guard)));
        self.awaited.set(self.awaited.get() + 1);
        let leave = |outcome| {
            let (guard, module) = (Rc::clone(&guard), Rc::clone(self));
            move || {
                let guard = guard.take()?;
                module.awaited.set(module.awaited.get() - 1);
                guard.leave(outcome)
            }
        };
        let fulfilled = {
            let leave = leave(RegionOutcome::Done);
            let module = Rc::clone(self);
            move |ctx: Ctx<'js>, value: Opt<Value<'js>>| {
                let nothing = Value::new_undefined(ctx.clone());
                let finished = statements::finish(&ctx, &module.statements, &nothing);
                match (leave(), finished) {
                    (_, Err(error)) => Err(error),
                    (Some(lost), Ok(_)) => Err(module.lost(&ctx, &lost)),
                    (None, Ok(_)) => Ok(value.0),
                }
            }
        };
        let rejected = {
            let leave = leave(RegionOutcome::Failed);
            move |ctx: Ctx<'js>, reason: Opt<Value<'js>>| {
                leave();
                let reason = reason
                    .0
                    .unwrap_or_else(|| Value::new_undefined(ctx.clone()));
                Err::<(), _>(ctx.throw(reason))
            }
        };
        let followed = || {
            promise_then(
                promise,
                &Function::new(ctx.clone(), fulfilled)?,
                &Function::new(ctx.clone(), rejected)?,
            )
        };
        // A promise that cannot be followed, such as for a lack of memory, keeps no slot.
        let stopped = leave(RegionOutcome::Stopped);
        followed().inspect_err(|_| _ = stopped())
    }

    /// `region(options, fn)`: as `take`, with its place in the run's record.
    pub(crate) fn region<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        options: &Value<'js>,
        function: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "rule.region";
        let (key, label, mut wanted) = match options.as_object() {
            Some(object) => (
                object.get("key")?,
                object.get::<_, Value<'js>>("name")?,
                self.request_beside(ctx, WHAT, options, &["key", "name"])?,
            ),
            None => (
                options.clone(),
                Value::new_undefined(ctx.clone()),
                self.any_slot().into(),
            ),
        };
        let usage = self.usage(ctx, WHAT, &key)?;
        let Some(function) = function.as_function() else {
            let what = "rule.region: the last argument";
            let expected = "the function that needs the semaphore";
            return Err(wrong(ctx, what, expected, function));
        };
        let mut who = self.run.name().to_owned();
        if !label.is_undefined() {
            who.push_str(" › ");
            who.push_str(&name_argument(ctx, "rule.region: option name", &label)?);
        }
        let place = self.run.caller(ctx);
        let file = place.as_ref().map(|place| place.file.as_str());
        let line = place.as_ref().map_or(1, |place| place.line);
        who.push_str(&format!(", line {line}"));
        let owner = Owner::process(who.as_str()).with_run(self.run.id());
        let name = usage.semaphore.name();
        let span = RegionSpan::begin(&self.run, name, &who, (file, line));
        wanted.request = wanted.request.owner(owner);
        self.hold_around(ctx, &usage, wanted, function, Some(span))
    }

    /// `acquire(name, options)`: a permit that the rule gives back itself.
    fn acquire<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        options: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let usage = self.usage(ctx, "sem.acquire", name)?;
        let wanted = self.request(ctx, "sem.acquire", options)?;
        let permit = self.admit(ctx, &usage, wanted)?;
        let held = self.run.permits().hold(permit, usage);
        self.run.permits().register(&held);
        self.permit_object(ctx, &held)
    }

    /// Waits for a slot; what goes wrong is thrown as one of the error classes.
    fn admit(&self, ctx: &Ctx<'_>, usage: &Usage, wanted: Wanted) -> js::Result<Permit> {
        let Wanted { request, signal } = wanted;
        let admitted = match signal {
            None => self.run.acquire(ctx, usage, request)?,
            Some(signal) => {
                signal.check(ctx)?;
                let ended = signal.ended();
                match self.run.acquire_unless(ctx, usage, request, ended)? {
                    Some(admitted) => admitted,
                    None => return Err(signal.throw(ctx)),
                }
            }
        };
        admitted.map_err(|error| self.refused(ctx, "sem.acquire", usage.semaphore.name(), &error))
    }

    /// The usage of the semaphore that `name` names.
    fn usage<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &str,
        name: &Value<'js>,
    ) -> js::Result<Rc<Usage>> {
        let identity = StringIdentity::of(name);
        if let Some(last) = &*self.last.borrow()
            && identity == Some(last.identity)
        {
            return Ok(Rc::clone(&last.usage));
        }
        let semaphore = semaphore_name(ctx, function, name)?;
        let usage = self.run.usage(ctx, &semaphore)?;
        *self.last.borrow_mut() = identity.map(|identity| Last {
            identity,
            _name: self.run.keep(ctx, name.clone()),
            usage: Rc::clone(&usage),
        });
        Ok(usage)
    }
}

/// How a call that threw has ended. What no `catch` can hold stops the run.
fn failed_or_stopped(ctx: &Ctx<'_>) -> RegionOutcome {
    let thrown = ctx.catch();
    let outcome = if thrown.is_uncatchable_error() {
        RegionOutcome::Stopped
    } else {
        RegionOutcome::Failed
    };
    ctx.throw(thrown);
    outcome
}

/// The semaphore that was asked for last.
struct Last {
    /// The very string that named it.
    identity: StringIdentity,
    /// Keeps that string, so that no other gets its identity.
    _name: Rooted<Value<'static>>,
    usage: Rc<Usage>,
}
