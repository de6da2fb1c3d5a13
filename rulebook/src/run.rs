//! Walks through a rulebook's ops, on the fiber of its run.
//!
//! An op takes its semaphore, then its time limit begins, then it does its work. When it ends, for any reason, the slot is
//! given back and its forks are cancelled before its result is known. What went wrong is a JavaScript value, so that `catch` and
//! scripts see the same; where it went wrong is kept beside it.

mod calls;
mod concurrency;
mod errors;
mod forks;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::RuleError;
use cla_runtime::host::{Run, json_to_value, value_to_json};
use cla_runtime::internal::{self, Evaluated, Failure, ProfileSpan, SemaphoreSpec};
use cla_runtime::js::{self, Ctx, Object, Value};
use cla_runtime::semaphore::{Owner, SemaphoreName};
use cla_runtime::trace::RegionOutcome;
use cla_stdlib::internal::semaphore_error;

use self::forks::Child;
pub(crate) use self::forks::Fork;
use crate::inputs;
use crate::tree::{
    Abort, Block, Book, Callee, Data, Evaluator, OnError, Op, OpResult, Region, Runner, Scope,
    Span, Step, Turns, Values,
};

/// What of a rulebook is to run.
pub(crate) enum Part<'a> {
    /// `do`, or what is under `on` for an event.
    Section(Option<&'a str>),
    Fork(&'a Fork),
}

/// Runs a rulebook, or a part of it, and gives what it returns.
pub(crate) fn execute<'js>(
    ctx: &Ctx<'js>,
    run: &Rc<Run>,
    main: &Arc<Book>,
    part: &Part<'_>,
) -> Evaluated<'js, Value<'js>> {
    let runner = BookRunner {
        ctx: ctx.clone(),
        run,
        main,
        evaluators: RefCell::default(),
        path: RefCell::default(),
        forks: RefCell::default(),
        callers: RefCell::default(),
        replaced: RefCell::default(),
        top: stack_pointer(),
        prefix: match part {
            Part::Section(_) => Vec::new(),
            Part::Fork(fork) => fork.path.clone(),
        },
    };
    runner.whole(part).or_else(|abort| match abort {
        Abort::Return(value) => Ok(value),
        // Where they stand in no loop, the parser refuses them.
        Abort::Break | Abort::Continue => Ok(runner.undefined()),
        Abort::Stopped => match runner.replaced.take() {
            Some(error) => Err(Failure::Error(Box::new(error))),
            None => Err(Failure::Stopped),
        },
        Abort::Thrown(thrown) => Err(runner.explain(*thrown)),
    })
}

/// How a stay in a region ended in which this was done.
fn outcome_of<T>(result: &OpResult<'_, T>) -> RegionOutcome {
    match result {
        Ok(_) | Err(Abort::Return(_) | Abort::Break | Abort::Continue) => RegionOutcome::Done,
        Err(Abort::Thrown(_)) => RegionOutcome::Failed,
        Err(Abort::Stopped) => RegionOutcome::Stopped,
    }
}

/// About where the stack is now.
#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

pub(crate) struct BookRunner<'a, 'js> {
    pub(crate) ctx: Ctx<'js>,
    pub(crate) run: &'a Rc<Run>,
    /// The rulebook that was started.
    main: &'a Arc<Book>,
    /// The evaluators of the rulebooks whose ops were carried out, by the rulebooks' names.
    evaluators: RefCell<HashMap<String, Rc<Evaluator<'js>>>>,
    path: RefCell<Vec<Step>>,
    /// The forks to join, by the blocks that join them, innermost last.
    forks: RefCell<Vec<Vec<Child>>>,
    /// The variables of those who called the functions that are carried out, innermost last.
    callers: RefCell<Vec<Object<'js>>>,
    /// Why it is stopped, if another run took its place.
    replaced: RefCell<Option<RuleError>>,
    /// Where the stack was in the beginning.
    top: usize,
    /// The path of the op that forked this run.
    prefix: Vec<String>,
}

impl<'js> BookRunner<'_, 'js> {
    fn whole(&self, part: &Part<'_>) -> OpResult<'js, Value<'js>> {
        let vars = self.js(self.run.stash(&self.ctx))?;
        let block = match part {
            Part::Fork(fork) => {
                if fork.book.uses_filters {
                    // A fork has not imported anything yet.
                    self.import(&fork.book)?;
                }
                let scope = self.scope(&fork.book, vars)?;
                let step = Step {
                    label: fork.label.clone(),
                    named: true,
                    span: Span {
                        book: Arc::clone(&fork.book),
                        at: fork.op.at,
                    },
                };
                self.path.borrow_mut().push(step);
                let result = self.joining(&scope, || self.op_here(&fork.op, &scope));
                self.path.borrow_mut().pop();
                return result;
            }
            Part::Section(Some(event)) => self.main.on.iter().find(|(on, _)| on == event),
            Part::Section(None) => None,
        };
        let block = match (part, block, &self.main.body) {
            (_, Some((_, block)), _) | (Part::Section(None), None, Some(block)) => block,
            (Part::Section(Some(event)), ..) => {
                let known: Vec<&str> = self.main.on.iter().map(|(on, _)| on.as_str()).collect();
                let message = match known.as_slice() {
                    [] => format!("{} has no `on`, so no event {event:?}", self.main.title),
                    known => format!(
                        "{} has no event {event:?}; it has {}",
                        self.main.title,
                        known.join(", ")
                    ),
                };
                return Err(self.throw(&message));
            }
            _ => {
                let message = format!("{} has no `do`; run it with an event", self.main.title);
                return Err(self.throw(&message));
            }
        };
        self.give_inputs(&vars, matches!(part, Part::Section(Some(_))))?;
        self.read_secrets(&vars)?;
        self.import(self.main)?;
        // The stash counts more than `vars`.
        let scope = self.scope(self.main, vars)?;
        for (name, data) in &self.main.vars {
            let name = self.text(&Data::Text(name.clone()), &scope)?;
            if !self.js(scope.vars.contains_key(name.as_str()))? {
                let value = self.value(data, &scope)?;
                self.js(scope.vars.set(name, value))?;
            }
        }
        match &self.main.concurrency {
            Some(concurrency) => {
                self.one_at_a_time(concurrency, &scope, || self.block(block, &scope))
            }
            None => self.block(block, &scope),
        }
    }

    /// Makes variables of the secrets that the rulebook names.
    fn read_secrets(&self, vars: &Object<'js>) -> OpResult<'js> {
        for (at, name) in &self.main.secrets {
            // An error can show the source of a rulebook only if it has a scope.
            self.scope(self.main, vars.clone())?;
            if self.js(vars.contains_key(name.as_str()))? {
                let span = Span {
                    book: Arc::clone(self.main),
                    at: *at,
                };
                // As a variable of the stash, its value would be shown.
                let message = format!("{name} is a secret here: give it by --secret {name}");
                return Err(self.throw_at(span, &message));
            }
            let secret = self.placed(*at, || self.js(self.run.secret(&self.ctx, name)))?;
            self.js(vars.set(name.as_str(), secret))?;
        }
        Ok(())
    }

    /// Checks what the rulebook is given, and gives the inputs that it is not given their defaults.
    fn give_inputs(&self, vars: &Object<'js>, is_event: bool) -> OpResult<'js> {
        let declared = &self.main.inputs;
        if declared.is_empty() {
            return Ok(());
        }
        let mut stash = serde_json::Map::new();
        for name in self.js(vars.keys::<String>().collect::<js::Result<Vec<_>>>())? {
            let is_input = declared.iter().any(|input| input.name == name);
            // Of other variables only the names matter.
            let value = match is_input {
                true => {
                    let value = self.js(vars.get(name.as_str()))?;
                    self.js(value_to_json(&self.ctx, value))?
                }
                false => serde_json::Value::Null,
            };
            stash.insert(name, value);
        }
        let given: HashSet<String> = stash.keys().cloned().collect();
        if let Err(error) = inputs::give_inputs(declared, &mut stash, is_event) {
            // An error can show the source of a rulebook only if it has a scope.
            self.scope(self.main, vars.clone())?;
            let span = Span {
                book: Arc::clone(self.main),
                at: error.at,
            };
            return Err(self.throw_at(span, &error.message));
        }
        for input in declared.iter().filter(|input| !given.contains(&input.name)) {
            let value = stash.remove(&input.name).unwrap_or_default();
            let value = self.js(json_to_value(&self.ctx, &value))?;
            self.js(vars.set(input.name.as_str(), value))?;
        }
        Ok(())
    }

    fn op(&self, op: &Arc<Op>, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        // QuickJS checks its stack only when JavaScript is called, and needs the last quarter for that.
        if self.top.abs_diff(stack_pointer()) > self.run.stack_limit() / 4 * 3 {
            let message = "ops nest too deep for the run's stack: is there a def that calls itself without end?";
            return Err(self.throw(message));
        }
        let label = match &op.name {
            Some(name) => self.placed(op.at, || self.text(&Data::Text(name.clone()), scope))?,
            None => op.kind.clone(),
        };
        let label = Owner::shortened(label);
        let named = op.name.is_some() || op.action.is_named();
        let span = Span {
            book: Arc::clone(scope.book()),
            at: op.at,
        };
        self.path.borrow_mut().push(Step { label, named, span });
        let result = self.placed(op.at, || {
            if let Some(when) = &op.when
                && !self.holds(when, scope)?
            {
                return Ok(self.undefined());
            }
            match op.parallel {
                Some(parallel) => self.fork(op, parallel, scope),
                None => self.op_here(op, scope),
            }
        });
        self.path.borrow_mut().pop();
        result
    }

    /// The op in this run, with all that it carries but `when` and `parallel`; measured, if somebody wants to know.
    fn op_here(&self, op: &Arc<Op>, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        let what = || op.shown();
        let measured = ProfileSpan::op(self.run, what, &scope.book().title, op.at.line);
        let mut ignored = false;
        let result = self.op_retried(op, scope, &mut ignored);
        if let Some(measured) = measured {
            let failed = matches!(result, Err(Abort::Thrown(_) | Abort::Stopped));
            measured.end(failed || ignored);
        }
        result
    }

    /// `ignored`: whether it failed, and that is of no account.
    fn op_retried(
        &self,
        op: &Arc<Op>,
        scope: &Scope<'js>,
        ignored: &mut bool,
    ) -> OpResult<'js, Value<'js>> {
        let (times, delay, backoff) = match &op.on_error {
            OnError::Retry {
                times,
                delay,
                backoff,
            } => (*times, delay.as_ref(), *backoff),
            _ => (0, None, 1.0),
        };
        let mut pause = match delay {
            Some(delay) => self.duration(delay, scope)?,
            None => Duration::ZERO,
        };
        let mut attempt = 0;
        let value = loop {
            match self.attempt(op, scope) {
                Err(Abort::Thrown(_)) if attempt < times => {
                    attempt += 1;
                    if !pause.is_zero() {
                        self.sleep(pause)?;
                    }
                    pause = pause.mul_f64(backoff).min(Duration::from_secs(24 * 3600));
                }
                Err(Abort::Thrown(_)) if matches!(op.on_error, OnError::Ignore) => {
                    *ignored = true;
                    return Ok(self.undefined());
                }
                other => break other?,
            }
        };
        if let Some(register) = &op.register
            // A fork has copies of the variables; the block that joins it sets the variable.
            && op.parallel.is_none()
        {
            let register = self.text(&Data::Text(register.clone()), scope)?;
            self.assign(&register, value.clone(), scope)?;
        }
        Ok(value)
    }

    fn attempt(&self, op: &Arc<Op>, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        let carries =
            op.semaphore.is_some() || op.timeout.is_some() || !matches!(op.on_error, OnError::Fail);
        let work = || {
            let timed = || match &op.timeout {
                Some(limit) => self.limited(op, limit, scope),
                None => self.action(op, scope),
            };
            // All forks that relied on the slot end before it is given back.
            if carries {
                self.joining(scope, timed)
            } else {
                timed()
            }
        };
        match &op.semaphore {
            Some(region) => self.region(region, scope, work),
            None => work(),
        }
    }

    /// Holds a semaphore around `work`.
    fn region<T>(
        &self,
        region: &Region,
        scope: &Scope<'js>,
        work: impl FnOnce() -> OpResult<'js, T>,
    ) -> OpResult<'js, T> {
        let mut wanted = serde_json::Map::new();
        let key = self.text(&region.key, scope)?;
        wanted.insert("key".to_owned(), key.clone().into());
        for (name, part) in [
            ("slots", &region.slots),
            ("timeout", &region.timeout),
            ("ttl", &region.ttl),
            ("priority", &region.priority),
        ] {
            if let Some(part) = part {
                let value = self.value(part, scope)?;
                let value = self.js(value_to_json(&self.ctx, value))?;
                wanted.insert(name.to_owned(), value);
            }
        }
        let refuse = |problem: &str| {
            let span = Span {
                book: Arc::clone(scope.book()),
                at: region.at,
            };
            self.throw_at(span, problem)
        };
        let spec = SemaphoreSpec::read(&wanted.into()).map_err(|problem| refuse(&problem))?;
        let (who, line) = (self.owner(scope, region.at), region.at.line);
        let inside = self
            .js(internal::enter(&self.ctx, self.run, &spec, &who, line))?
            .map_err(|error| {
                let mut abort = refuse(&error.to_string());
                // What catches it knows it by its class, as with `sem.take`.
                if let Abort::Thrown(thrown) = &mut abort
                    && let Ok(name) = SemaphoreName::new(&key)
                    && let Ok(Some(value)) = semaphore_error(&self.ctx, self.run, &name, &error)
                {
                    thrown.value = value;
                }
                abort
            })?;
        inside.around(work, outcome_of, |lost| refuse(&lost.to_string()))
    }

    /// The op within its time limit.
    fn limited(&self, op: &Arc<Op>, limit: &Data, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        let limit = self.duration(limit, scope)?;
        let outer = self.run.inner_deadline();
        let own = self.run.clock().now().checked_add(limit);
        let deadline = [outer, own].into_iter().flatten().min();
        self.run.set_inner_deadline(deadline);
        let result = self.joining(scope, || self.action(op, scope));
        self.run.set_inner_deadline(outer);
        // If the run was stopped, or an op around this one is out of time too, that error counts.
        if matches!(result, Err(Abort::Stopped)) && !self.run.must_stop() {
            let message = format!("{} took longer than its {limit:?}", self.here());
            return Err(self.throw(&message));
        }
        result
    }

    fn action(&self, op: &Arc<Op>, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        if self.run.must_stop() {
            return Err(Abort::Stopped);
        }
        op.action.run(self, op, scope)
    }
}

/// What ops see of the runner.
impl<'js> Runner<'js> for BookRunner<'_, 'js> {
    fn ctx(&self) -> &Ctx<'js> {
        &self.ctx
    }

    fn run(&self) -> &Rc<Run> {
        self.run
    }

    fn caller(&self) -> Option<Object<'js>> {
        self.callers.borrow().last().cloned()
    }

    fn block(&self, block: &Block, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        self.joining(scope, || self.ops(block, scope))
    }

    fn ops(&self, block: &Block, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        let mut value = self.undefined();
        for op in block.iter() {
            value = self.op(op, scope)?;
        }
        Ok(value)
    }

    fn call(
        &self,
        callee: &Callee,
        arguments: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        self.call(callee, arguments, scope)
    }

    fn serve(
        &self,
        name: &str,
        argument: Value<'js>,
        vars: Object<'js>,
        book: &Arc<Book>,
    ) -> OpResult<'js, Value<'js>> {
        self.serve(name, argument, vars, book)
    }

    fn join_all(&self, scope: &Scope<'js>) -> OpResult<'js> {
        self.join_all(scope)
    }

    fn turns(
        &self,
        op: &Arc<Op>,
        turns: &Turns<'_, 'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Vec<Value<'js>>> {
        self.turns(op, turns, scope)
    }

    fn throw(&self, message: &str) -> Abort<'js> {
        self.throw_at(self.span(), message)
    }

    fn abort(&self, failure: Failure<'js>) -> Abort<'js> {
        self.abort(failure)
    }
}
