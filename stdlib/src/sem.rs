//! `cla/sem`: semaphores for rules, and for the scripts with which administrators steer them.
//!
//! `take` is the heart of the product, and its fast path is kept short: a free slot is taken without
//! an allocation for the name, the request's options or the way through the fiber.

use std::cell::{Cell, OnceCell, RefCell};
use std::future::Future;
use std::rc::Rc;

use cla_runtime::js::class::Class;
use cla_runtime::js::function::{Constructor, Opt, Params, RustFunction, This};
use cla_runtime::js::object::{Accessor, Property};
use cla_runtime::js::{self, Ctx, Function, IntoJs, Object, Promise, Value};
use cla_runtime::semaphore::{
    AcquireError, Actor, AdminError, AuditQuery, HistoryQuery, Owner, Permit, Request, RequestId,
    SemaphoreName, Semaphores, Slots, Ttl,
};
use cla_runtime::{
    HeldPermit, HostObject, NativeModule, RegionOutcome, RegionSpan, Rooted, Run, StringIdentity,
    Usage,
};

use crate::call::{Arg, define};
use crate::duration::duration;
use crate::options::{self, entries};
use crate::state::{State, note_error};
use crate::throw::{name_argument, placeless, type_error, wrong};

/// The module.
pub(crate) struct Sem;

impl NativeModule for Sem {
    fn name(&self) -> &str {
        "cla/sem"
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
        let module = Module::of(ctx, run);
        let exports = Object::new(ctx.clone())?;
        // The arguments as they come: `take` is called often enough for every conversion to count.
        let this = Rc::clone(&module);
        let take = RustFunction(Box::new(move |arguments: Params<'_, 'js>| {
            this.take(&arguments)
        }));
        let take: Function<'js> = Class::instance(ctx.clone(), take)?.into_value().get()?;
        exports.set("take", take.with_name("take")?.with_length(2)?)?;
        let this = Rc::clone(&module);
        define(
            &exports,
            "acquire",
            move |ctx: Ctx<'js>, name: Arg<'js>, options: Arg<'js>| {
                this.acquire(&ctx, &name, &options)
            },
        )?;
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
    /// Who gives the commands of the rule.
    actor: OnceCell<Actor>,
}

impl Module {
    /// The one of this run, so that its error classes are the same wherever they are thrown.
    pub(crate) fn of(ctx: &Ctx<'_>, run: &Rc<Run>) -> Rc<Self> {
        match State::of(ctx) {
            Ok(state) => Rc::clone(state.sem.get_or_init(|| Rc::new(Self::new(run)))),
            Err(_) => Rc::new(Self::new(run)),
        }
    }

    fn new(run: &Rc<Run>) -> Self {
        Self {
            run: Rc::clone(run),
            permits: RefCell::default(),
            errors: RefCell::default(),
            last: RefCell::default(),
            actor: OnceCell::new(),
        }
    }

    /// Semaphores for commands: they are the rule's, unless its host said whose they are.
    pub(crate) fn acting(&self, semaphores: &Semaphores) -> Semaphores {
        if semaphores.actor().is_some() {
            return semaphores.clone();
        }
        // One for all commands of the run: audits keep it with every entry.
        let actor = self
            .actor
            .get_or_init(|| Actor::process(format!("rule {}", self.run.name())));
        semaphores.acting_as(actor.clone())
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
        let request = if arguments.len() > 2 {
            self.request(ctx, "sem.take", &arguments.arg(1).unwrap_or_else(undefined))?
        } else {
            self.any_slot()
        };
        if self.run.is_traced() {
            let line = self.run.caller(ctx).map_or(1, |place| place.line);
            let who = format!("{}, line {line}", self.run.name());
            let span = RegionSpan::begin(&self.run, usage.semaphore.name(), &who, line);
            return self.traced(ctx, usage, request, function, span);
        }
        let permit = self.admit(ctx, &usage, request)?;
        let held = self.run.permits().hold(permit, usage);
        let argument = self.permit_object(ctx, &held)?;
        // An early return drops the permit, which gives the slot back as well.
        let result = function.call::<_, Value<'js>>((argument,));
        if let Ok(value) = &result
            && let Some(promise) = value.as_promise()
        {
            // A promise that cannot be followed (its `then` throws) keeps no slot.
            return self
                .until_settled(ctx, &held, promise, None)
                .inspect_err(|_| {
                    let _ = self.run.permits().close(Rc::clone(&held));
                });
        }
        let usage = Rc::clone(held.usage());
        if self.run.permits().close(held) && result.is_ok() {
            return Err(self.lost(ctx, usage.semaphore.name()));
        }
        result
    }

    /// Holds the slot until the promise is settled; gives a promise of the same outcome.
    fn until_settled<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        held: &Rc<HeldPermit>,
        promise: &Promise<'js>,
        span: Option<RegionSpan>,
    ) -> js::Result<Value<'js>> {
        // Should the run end first, its permit table gives the slot back.
        self.run.permits().register(held);
        let span = Rc::new(Cell::new(span));
        let give_back = |outcome| {
            let (run, held, span) = (Rc::clone(&self.run), Rc::clone(held), Rc::clone(&span));
            // Whether it had been lost by accident.
            move || {
                if let Some(span) = span.take() {
                    span.leave(outcome);
                }
                let permit = run.permits().take_permit(&held);
                permit.is_some_and(|permit| permit.lease_passed())
            }
        };
        let fulfilled = {
            let give_back = give_back(RegionOutcome::Done);
            let (module, usage) = (Rc::clone(self), Rc::clone(held.usage()));
            move |ctx: Ctx<'js>, value: Opt<Value<'js>>| {
                if give_back() {
                    return Err(module.lost(&ctx, usage.semaphore.name()));
                }
                Ok(value.0)
            }
        };
        let rejected = {
            let give_back = give_back(RegionOutcome::Failed);
            move |ctx: Ctx<'js>, reason: Opt<Value<'js>>| {
                give_back();
                let reason = reason
                    .0
                    .unwrap_or_else(|| Value::new_undefined(ctx.clone()));
                Err::<(), _>(ctx.throw(reason))
            }
        };
        promise.then()?.call((
            This(promise.clone()),
            Function::new(ctx.clone(), fulfilled)?,
            Function::new(ctx.clone(), rejected)?,
        ))
    }

    /// `region(options, fn)`: as `take`, with its place in the run's record.
    pub(crate) fn region<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        options: &Value<'js>,
        function: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        const WHAT: &str = "rule.region";
        let (key, label, request) = match options.as_object() {
            Some(object) => (
                object.get("key")?,
                object.get::<_, Value<'js>>("name")?,
                self.request_beside(ctx, WHAT, options, &["key", "name"])?,
            ),
            None => (
                options.clone(),
                Value::new_undefined(ctx.clone()),
                self.any_slot(),
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
        let line = self.run.caller(ctx).map_or(1, |place| place.line);
        who.push_str(&format!(", line {line}"));
        let owner = Owner::process(who.as_str()).with_run(self.run.id());
        let span = RegionSpan::begin(&self.run, usage.semaphore.name(), &who, line);
        self.traced(ctx, usage, request.owner(owner), function, span)
    }

    /// Takes a slot, calls the function, gives the slot back; notes the span.
    fn traced<'js>(
        self: &Rc<Self>,
        ctx: &Ctx<'js>,
        usage: Rc<Usage>,
        request: Request,
        function: &Function<'js>,
        mut span: RegionSpan,
    ) -> js::Result<Value<'js>> {
        let semaphore = usage.semaphore.name().clone();
        let permit = match self.run.acquire(ctx, &usage, request)? {
            Ok(permit) => permit,
            Err(error) => {
                span.refuse(&error);
                return Err(self.refused(ctx, &semaphore, &error));
            }
        };
        span.admit(permit.granted());
        let held = self.run.permits().hold(permit, usage);
        let argument = self.permit_object(ctx, &held)?;
        let result = function.call::<_, Value<'js>>((argument,));
        match &result {
            Ok(value) => {
                if let Some(promise) = value.as_promise() {
                    let settled = self.until_settled(ctx, &held, promise, Some(span));
                    return settled.inspect_err(|_| {
                        let _ = self.run.permits().close(Rc::clone(&held));
                    });
                }
                span.leave(RegionOutcome::Done);
            }
            Err(_) => {
                let thrown = ctx.catch();
                // What nobody can catch stops the run; the span ends as stopped.
                if !thrown.is_uncatchable_error() {
                    span.leave(RegionOutcome::Failed);
                }
                ctx.throw(thrown);
            }
        }
        if self.run.permits().close(held) && result.is_ok() {
            return Err(self.lost(ctx, &semaphore));
        }
        result
    }

    /// `acquire(name, options)`: a permit that the rule gives back itself.
    fn acquire<'js>(
        &self,
        ctx: &Ctx<'js>,
        name: &Value<'js>,
        options: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let usage = self.usage(ctx, "sem.acquire", name)?;
        let request = self.request(ctx, "sem.acquire", options)?;
        let permit = self.admit(ctx, &usage, request)?;
        let held = self.run.permits().hold(permit, usage);
        self.run.permits().register(&held);
        self.permit_object(ctx, &held)
    }

    /// The JavaScript side of a permit.
    fn permit_object<'js>(&self, ctx: &Ctx<'js>, held: &Rc<HeldPermit>) -> js::Result<Value<'js>> {
        if let Some(permits) = &*self.permits.borrow() {
            return HostObject::create(Some(Rc::clone(held)), permits.prototype.get(ctx)?);
        }
        let prototype = permit_prototype(ctx, &self.run)?;
        let layout = HostObject::create(None::<Rc<HeldPermit>>, prototype.clone())?;
        *self.permits.borrow_mut() = Some(Permits {
            prototype: self.run.keep(ctx, prototype.clone()),
            _layout: self.run.keep(ctx, layout),
        });
        HostObject::create(Some(Rc::clone(held)), prototype)
    }

    /// Waits for a slot; what goes wrong is thrown as one of the error classes.
    fn admit(&self, ctx: &Ctx<'_>, usage: &Usage, request: Request) -> js::Result<Permit> {
        match self.run.acquire(ctx, usage, request)? {
            Ok(permit) => Ok(permit),
            Err(error) => Err(self.refused(ctx, usage.semaphore.name(), &error)),
        }
    }

    /// Throws why there is no slot.
    fn refused(&self, ctx: &Ctx<'_>, name: &SemaphoreName, error: &AcquireError) -> js::Error {
        let class = ErrorClass::of(error);
        self.throw(ctx, class, &error.to_string(), Some(name.as_str()))
    }

    /// Throws why there is no slot to whoever waits for a promise: see [`placeless`].
    pub(crate) fn refused_later(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        error: &AcquireError,
    ) -> js::Error {
        self.throw_later(ctx, ErrorClass::of(error), name, &error.to_string())
    }

    /// The same for what is wrong with a semaphore's store.
    pub(crate) fn failed_later(
        &self,
        ctx: &Ctx<'_>,
        name: &SemaphoreName,
        error: &impl std::fmt::Display,
    ) -> js::Error {
        self.throw_later(ctx, ErrorClass::Any, name, &error.to_string())
    }

    fn throw_later<'js>(
        &self,
        ctx: &Ctx<'js>,
        class: ErrorClass,
        name: &SemaphoreName,
        message: &str,
    ) -> js::Error {
        let make = || {
            let class = self.error_class(ctx, class)?;
            let error = placeless(ctx, &class, message)?;
            if let Some(object) = error.as_object() {
                object.set("semaphore", name.as_str())?;
            }
            js::Result::Ok(error)
        };
        match make() {
            Ok(error) => ctx.throw(error),
            Err(error) => error,
        }
    }

    /// The slot was lost by accident while a rule relied on it.
    fn lost(&self, ctx: &Ctx<'_>, name: &SemaphoreName) -> js::Error {
        let message = cla_runtime::semaphore::lost_message(name);
        self.throw(ctx, ErrorClass::Lost, &message, Some(name.as_str()))
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
        let usage = self.run.permits().usage(self.run.semaphores(), &semaphore);
        *self.last.borrow_mut() = identity.map(|identity| Last {
            identity,
            _name: self.run.keep(ctx, name.clone()),
            usage: Rc::clone(&usage),
        });
        Ok(usage)
    }

    /// The request of a rule that has no wishes.
    fn any_slot(&self) -> Request {
        Request::new().owner(self.run.owner().clone())
    }

    /// The request that `options` describe.
    fn request<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &str,
        options: &Value<'js>,
    ) -> js::Result<Request> {
        self.request_beside(ctx, function, options, &[])
    }

    /// The request that `options` describe, among others that are `beside` the point.
    fn request_beside<'js>(
        &self,
        ctx: &Ctx<'js>,
        function: &str,
        options: &Value<'js>,
        beside: &[&str],
    ) -> js::Result<Request> {
        let mut request = self.any_slot();
        if options.is_undefined() || options.is_null() {
            return Ok(request);
        }
        let Some(options) = options.as_object().filter(|_| !options.is_function()) else {
            let what = format!("{function}: options");
            let expected = "an object such as { timeout: \"5s\" }";
            return Err(wrong(ctx, &what, expected, options));
        };
        for entry in entries(options) {
            let (key, value) = entry?;
            let what = format!("{function}: option {key}");
            request = match key.as_str() {
                "slots" => request.slots(slots(ctx, &what, &value)?),
                "timeout" => request.timeout(duration(ctx, &value, &what)?),
                "ttl" if value.is_null() => request,
                "ttl" => request.ttl(ttl(ctx, &what, &value)?),
                "priority" => request.priority(priority(ctx, &what, &value)?),
                "who" => {
                    let who = name_argument(ctx, &what, &value)?;
                    request.owner(Owner::process(who).with_run(self.run.id()))
                }
                key if beside.contains(&key) => request,
                _ => return Err(unknown_option(ctx, function, &key)),
            };
        }
        Ok(request)
    }

    /// One of the administrators' functions.
    fn administer<'js>(
        &self,
        ctx: &Ctx<'js>,
        command: Command,
        first: &Value<'js>,
        second: &Value<'js>,
    ) -> js::Result<Value<'js>> {
        let function = command.name();
        let semaphores = self.acting(self.run.semaphores());
        let undefined = Value::new_undefined(ctx.clone());
        if let Command::List = command {
            let list = self.wait(ctx, None, async { Ok(semaphores.list().await?) })?;
            let rows: usize = list.iter().map(|view| 1 + view.requests.len()).sum();
            let _charge = self.run.reserve(
                ctx,
                "the list of semaphores",
                rows.saturating_mul(ROW_BYTES),
            )?;
            let views = js::Array::new(ctx.clone())?;
            // One by one: there may be very many of them.
            for (at, view) in list.iter().enumerate() {
                self.run.checkpoint(ctx)?;
                views.set(at, to_js(ctx, view)?)?;
            }
            return Ok(views.into_value());
        }
        if let Command::Audit = command {
            let query = audit_query(ctx, first)?;
            let entries = self.wait(ctx, None, async { Ok(semaphores.audit(query).await?) })?;
            return self.rows(ctx, "the audit of semaphores", &entries);
        }
        if let Command::Grant | Command::Cancel | Command::Move = command {
            let place = match command {
                Command::Move => Some(place(ctx, second)?),
                _ => None,
            };
            let id = request_id(ctx, function, first)?;
            self.wait(ctx, None, async {
                let id = match id.parse::<RequestId>() {
                    Ok(id) => id,
                    Err(_) => semaphores.find(&id).await?,
                };
                match (command, place) {
                    (Command::Grant, _) => semaphores.grant(id).await,
                    (_, Some(place)) => semaphores.move_to(id, place).await,
                    _ => semaphores.cancel(id).await,
                }
            })?;
            return Ok(undefined);
        }
        let name = semaphore_name(ctx, &format!("sem.{function}"), first)?;
        let subject = Some(name.as_str());
        match command {
            Command::Show => {
                let view = self.wait(ctx, subject, async { Ok(semaphores.show(&name).await?) })?;
                match view {
                    Some(view) => to_js(ctx, &view),
                    None => Ok(Value::new_null(ctx.clone())),
                }
            }
            Command::History => {
                let query = history_query(ctx, second)?;
                let ended = self.wait(ctx, subject, async {
                    Ok(semaphores.history(&name, query).await?)
                })?;
                self.rows(ctx, "the history of a semaphore", &ended)
            }
            Command::Slots => {
                let number = wanted_slots(ctx, second)?;
                self.wait(ctx, subject, async {
                    match number {
                        Some(slots) => semaphores.set_slots(&name, slots).await,
                        None => semaphores.unpin(&name).await,
                    }
                })?;
                Ok(undefined)
            }
            Command::Purge => {
                let count = self.wait(ctx, subject, semaphores.purge(&name))?;
                (count as f64).into_js(ctx)
            }
            _ => {
                let count = self.wait(ctx, subject, semaphores.force_release(&name))?;
                (count as f64).into_js(ctx)
            }
        }
    }

    /// A list of rows as an array. One by one: there may be very many of them.
    fn rows<'js>(
        &self,
        ctx: &Ctx<'js>,
        what: &'static str,
        rows: &[impl serde::Serialize],
    ) -> js::Result<Value<'js>> {
        let bytes = rows.len().saturating_mul(ROW_BYTES);
        let _charge = self.run.reserve(ctx, what, bytes)?;
        let array = js::Array::new(ctx.clone())?;
        for (at, row) in rows.iter().enumerate() {
            self.run.checkpoint(ctx)?;
            array.set(at, to_js(ctx, row)?)?;
        }
        Ok(array.into_value())
    }

    /// Waits for the store to carry out a command; its refusal is thrown as a `SemaphoreError`.
    fn wait<T>(
        &self,
        ctx: &Ctx<'_>,
        semaphore: Option<&str>,
        command: impl Future<Output = Result<T, AdminError>>,
    ) -> js::Result<T> {
        self.run
            .block_on(ctx, command)?
            .map_err(|error| self.throw(ctx, ErrorClass::Any, &error.to_string(), semaphore))
    }

    /// Throws an instance of one of the error classes.
    fn throw(
        &self,
        ctx: &Ctx<'_>,
        class: ErrorClass,
        message: &str,
        semaphore: Option<&str>,
    ) -> js::Error {
        let error = self
            .error_class(ctx, class)
            .and_then(|class| class.construct::<_, Value<'_>>((message, semaphore)));
        match error {
            Ok(error) => {
                note_error(ctx, &error);
                ctx.throw(error)
            }
            Err(error) => error,
        }
    }

    /// One of the error classes. All are made together, at the first call.
    fn error_class<'js>(&self, ctx: &Ctx<'js>, class: ErrorClass) -> js::Result<Constructor<'js>> {
        let known = self.errors.borrow().clone();
        let classes = match known {
            Some(classes) => classes.get(ctx)?,
            None => {
                let mut options = js::context::EvalOptions::default();
                options.filename = Some("cla/sem".into());
                options.backtrace_barrier = true;
                let classes: Object<'js> = ctx.eval_with_options(ERROR_CLASSES, options)?;
                *self.errors.borrow_mut() = Some(self.run.keep(ctx, classes.clone()));
                classes
            }
        };
        classes.get(class.name())
    }
}

/// The semaphore that was asked for last.
struct Last {
    /// The very string that named it.
    identity: StringIdentity,
    /// Keeps that string, so that no other gets its identity.
    _name: Rooted<Value<'static>>,
    usage: Rc<Usage>,
}

/// What permits are made of.
struct Permits {
    prototype: Rooted<Object<'static>>,
    /// A permit of nothing, which lives as long as the module. QuickJS forgets the layout of objects
    /// of which there are none, and would work it out anew for the next one.
    _layout: Rooted<Value<'static>>,
}

/// The error classes, as JavaScript would write them.
const ERROR_CLASSES: &str = "(() => {
    class SemaphoreError extends Error {
        constructor(message, semaphore) {
            super(message);
            if (semaphore !== undefined) this.semaphore = semaphore;
        }
    }
    class SemaphoreCancelError extends SemaphoreError {}
    class SemaphoreTimeoutError extends SemaphoreError {}
    class SemaphoreDeadlockError extends SemaphoreError {}
    class SemaphoreLostError extends SemaphoreError {}
    const classes = {
        SemaphoreError, SemaphoreCancelError, SemaphoreTimeoutError, SemaphoreDeadlockError, SemaphoreLostError
    };
    for (const [name, value] of Object.entries(classes)) {
        Object.defineProperty(value.prototype, 'name', { value: name, writable: true, configurable: true });
    }
    return classes;
})()";

#[derive(Clone, Copy, Debug)]
enum ErrorClass {
    Any,
    Cancel,
    Timeout,
    Deadlock,
    Lost,
}

impl ErrorClass {
    fn of(error: &AcquireError) -> Self {
        match error {
            AcquireError::Cancelled { .. } => Self::Cancel,
            AcquireError::TimedOut { .. } => Self::Timeout,
            AcquireError::Deadlock(_) => Self::Deadlock,
            _ => Self::Any,
        }
    }

    const ALL: [Self; 5] = [
        Self::Any,
        Self::Cancel,
        Self::Timeout,
        Self::Deadlock,
        Self::Lost,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Any => "SemaphoreError",
            Self::Cancel => "SemaphoreCancelError",
            Self::Timeout => "SemaphoreTimeoutError",
            Self::Deadlock => "SemaphoreDeadlockError",
            Self::Lost => "SemaphoreLostError",
        }
    }
}

/// What a semaphore or a request takes in a list, in bytes.
const ROW_BYTES: usize = 1024;

/// The functions with which administrators look and steer.
#[derive(Clone, Copy, Debug)]
enum Command {
    List,
    Show,
    Slots,
    Grant,
    Cancel,
    Move,
    Purge,
    ForceRelease,
    Audit,
    History,
}

impl Command {
    const ALL: [Self; 10] = [
        Self::List,
        Self::Show,
        Self::Slots,
        Self::Grant,
        Self::Cancel,
        Self::Move,
        Self::Purge,
        Self::ForceRelease,
        Self::Audit,
        Self::History,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Slots => "slots",
            Self::Grant => "grant",
            Self::Cancel => "cancel",
            Self::Move => "move",
            Self::Purge => "purge",
            Self::ForceRelease => "forceReleaseAll",
            Self::Audit => "audit",
            Self::History => "history",
        }
    }
}

/// The prototype of the permits that `take` and `acquire` give.
fn permit_prototype<'js>(ctx: &Ctx<'js>, run: &Rc<Run>) -> js::Result<Object<'js>> {
    let prototype = Object::new(ctx.clone())?;
    for fact in Fact::ALL {
        let get = move |ctx: Ctx<'js>, this: This<Value<'js>>| {
            let held = held(&ctx, fact.name(), &this.0)?;
            fact.of(&ctx, &held)
        };
        prototype.prop(fact.name(), Accessor::from(get).enumerable().configurable())?;
    }
    let release = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, this: This<Value<'js>>| {
            let held = held(&ctx, "release", &this.0)?;
            let Some(permit) = run.permits().take_permit(&held) else {
                return Ok(false);
            };
            let released = run.block_on(&ctx, permit.release())?;
            js::Result::Ok(released.is_ok())
        }
    };
    let refresh = {
        let run = Rc::clone(run);
        move |ctx: Ctx<'js>, this: This<Value<'js>>, new_ttl: Arg<'js>| {
            let held = held(&ctx, "refresh", &this.0)?;
            let new_ttl = ttl(&ctx, "permit.refresh: ttl", &new_ttl)?;
            let refreshed = held.with(|permit| run.block_on(&ctx, permit.refresh(new_ttl)));
            match refreshed {
                None => Ok(false),
                Some(refreshed) => js::Result::Ok(refreshed?.is_ok()),
            }
        }
    };
    let methods = [
        ("release", Function::new(ctx.clone(), release)?),
        ("refresh", Function::new(ctx.clone(), refresh)?),
    ];
    for (name, method) in methods {
        let property = Property::from(method.with_name(name)?)
            .writable()
            .configurable();
        prototype.prop(name, property)?;
    }
    let tag = js::atom::PredefinedAtom::SymbolToStringTag;
    prototype.prop(tag, Property::from("SemaphorePermit").configurable())?;
    Ok(prototype)
}

/// The permit inside `this`.
fn held(ctx: &Ctx<'_>, member: &str, this: &Value<'_>) -> js::Result<Rc<HeldPermit>> {
    HostObject::<Option<Rc<HeldPermit>>>::with(this, Option::clone)
        .flatten()
        .ok_or_else(|| {
            type_error(
                ctx,
                format_args!("permit.{member}: this is not a semaphore's permit"),
            )
        })
}

/// What a rule reads from a permit.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Name,
    Id,
    Token,
    Waited,
    Granted,
    Held,
    Lost,
}

impl Fact {
    const ALL: [Self; 7] = [
        Self::Name,
        Self::Id,
        Self::Token,
        Self::Waited,
        Self::Granted,
        Self::Held,
        Self::Lost,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Id => "id",
            Self::Token => "token",
            Self::Waited => "waited",
            Self::Granted => "granted",
            Self::Held => "held",
            Self::Lost => "lost",
        }
    }

    fn of<'js>(self, ctx: &Ctx<'js>, held: &HeldPermit) -> js::Result<Value<'js>> {
        let Some(facts) = held.facts() else {
            return Ok(Value::new_undefined(ctx.clone())); // it was kept for whoever can ask: us
        };
        match self {
            Self::Name => held.usage().semaphore.name().as_str().into_js(ctx),
            Self::Id => facts.id.to_string().into_js(ctx),
            // Exact up to 2^53: a million permits a second for 285 years.
            Self::Token => (facts.token as f64).into_js(ctx),
            Self::Waited => facts.waited.as_secs_f64().into_js(ctx),
            Self::Granted => facts.granted.into_js(ctx),
            Self::Held => facts.held.into_js(ctx),
            Self::Lost => facts.lost.into_js(ctx),
        }
    }
}

fn to_js<'js>(ctx: &Ctx<'js>, view: &impl serde::Serialize) -> js::Result<Value<'js>> {
    match serde_json::to_value(view) {
        Ok(json) => cla_runtime::json_to_value(ctx, &json),
        Err(error) => Err(crate::throw::error(ctx, error)),
    }
}

/// The options of `audit`.
fn audit_query<'js>(ctx: &Ctx<'js>, options: &Value<'js>) -> js::Result<AuditQuery> {
    const FUNCTION: &str = "sem.audit";
    let mut query = AuditQuery::new();
    for (key, value) in named_options(ctx, FUNCTION, options)? {
        let what = format!("{FUNCTION}: option {key}");
        query = match key.as_str() {
            "semaphore" => query.semaphore(semaphore_name(ctx, &what, &value)?),
            "since" => query.since(duration(ctx, &value, &what)?),
            "limit" => query.limit(limit(ctx, &what, &value)?),
            _ => {
                let known = ["semaphore", "since", "limit"];
                return Err(options::unknown(ctx, FUNCTION, &key, &known, &[]));
            }
        };
    }
    Ok(query)
}

/// The options of `history`.
fn history_query<'js>(ctx: &Ctx<'js>, options: &Value<'js>) -> js::Result<HistoryQuery> {
    const FUNCTION: &str = "sem.history";
    let mut query = HistoryQuery::new();
    for (key, value) in named_options(ctx, FUNCTION, options)? {
        let what = format!("{FUNCTION}: option {key}");
        query = match key.as_str() {
            "since" => query.since(duration(ctx, &value, &what)?),
            "limit" => query.limit(limit(ctx, &what, &value)?),
            _ => {
                return Err(options::unknown(
                    ctx,
                    FUNCTION,
                    &key,
                    &["since", "limit"],
                    &[],
                ));
            }
        };
    }
    Ok(query)
}

/// The properties of an object of options, which may be left out.
fn named_options<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    given: &Value<'js>,
) -> js::Result<Vec<(String, Value<'js>)>> {
    if given.is_undefined() {
        return Ok(Vec::new());
    }
    match given.as_object() {
        Some(object) => entries(object).collect(),
        None => {
            let what = format!("{function}: the options");
            Err(wrong(ctx, &what, "an object", given))
        }
    }
}

/// How many rows, at most.
fn limit<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<usize> {
    match value.as_number() {
        Some(number) if number >= 0.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err(wrong(ctx, what, "a whole number from 0", value)),
    }
}

fn semaphore_name<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    name: &Value<'js>,
) -> js::Result<SemaphoreName> {
    let what = format!("{function}: the semaphore's name");
    SemaphoreName::new(name_argument(ctx, &what, name)?)
        .map_err(|error| type_error(ctx, format_args!("{function}: {error}")))
}

fn request_id<'js>(ctx: &Ctx<'js>, function: &str, id: &Value<'js>) -> js::Result<String> {
    name_argument(ctx, &format!("sem.{function}: the request's id"), id)
}

fn place<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<usize> {
    match value.as_number() {
        // Beyond the end of the line means its end; the cast saturates.
        Some(number) if number >= 1.0 && number.fract() == 0.0 => Ok(number as usize),
        _ => Err(wrong(
            ctx,
            "sem.move: the place",
            "a whole number from 1 (next)",
            value,
        )),
    }
}

const SLOTS: &str = "a whole number of slots from 0, or \"unlimited\"";

fn slots<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Slots> {
    let slots = if let Some(number) = value.as_number() {
        if number == f64::INFINITY {
            Some(Slots::Unlimited)
        } else if number.fract() == 0.0 && number.abs() < 9e15 {
            Slots::try_from(number as i64).ok()
        } else {
            None
        }
    } else if let Some(text) = value.as_string() {
        text.to_string()?.parse().ok()
    } else {
        None
    };
    slots.ok_or_else(|| wrong(ctx, what, SLOTS, value))
}

/// What `sem.slots(name, n)` asks for; `None` is back to what the code declares.
fn wanted_slots<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> js::Result<Option<Slots>> {
    if let Some(text) = value.as_string()
        && text.to_string()? == "default"
    {
        return Ok(None);
    }
    slots(ctx, "sem.slots: the number of slots", value).map(Some)
}

fn ttl<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<Ttl> {
    let duration = duration(ctx, value, what)?;
    Ttl::new(duration).map_err(|error| type_error(ctx, format_args!("{what}: {error}")))
}

fn priority<'js>(ctx: &Ctx<'js>, what: &str, value: &Value<'js>) -> js::Result<i32> {
    value
        .as_number()
        .filter(|number| number.fract() == 0.0 && number.abs() <= f64::from(i32::MAX))
        .map(|number| number as i32)
        .ok_or_else(|| wrong(ctx, what, "a whole number (higher goes first)", value))
}

fn unknown_option(ctx: &Ctx<'_>, function: &str, key: &str) -> js::Error {
    const OPTIONS: [&str; 5] = ["slots", "timeout", "ttl", "priority", "who"];
    options::unknown(ctx, function, key, &OPTIONS, &[("limit", "slots")])
}
