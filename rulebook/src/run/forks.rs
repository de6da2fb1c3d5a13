//! Ops in runs of their own, and their end.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::host::Run;
use cla_runtime::internal::{Evaluated, Program};
use cla_runtime::js::{Ctx, Value};
use cla_runtime::semaphore::Owner;
use cla_runtime::value::{RuleValue, Wanted};
use cla_runtime::{RunHandle, RunOptions, Script};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{BookRunner, Part, execute};
use crate::shown::shown;
use crate::tree::{Abort, Book, Data, Op, OpResult, Parallel, Runner, Scope, Span, Turns, Values};

/// A part of a rulebook that runs in a run of its own.
#[derive(Clone, Debug)]
pub(crate) struct Fork {
    /// The one in which the op stands.
    pub(crate) book: Arc<Book>,
    pub(crate) op: Arc<Op>,
    /// What the op is called where it was forked.
    pub(crate) label: String,
    /// What administrators see before that.
    pub(crate) path: Vec<String>,
    /// The rulebook that was started. Dropped last: see [`Book::family`].
    pub(crate) main: Arc<Book>,
}

impl Program for Fork {
    fn title(&self) -> &str {
        &self.main.title
    }

    fn name(&self) -> &str {
        &self.main.name
    }

    fn folder(&self) -> Option<PathBuf> {
        Path::new(&self.main.name).parent().map(PathBuf::from)
    }

    fn is_part(&self) -> bool {
        true
    }

    fn execute<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> Evaluated<'js, Value<'js>> {
        execute(ctx, run, &self.main, &Part::Fork(self))
    }
}

/// A fork that is to be joined.
pub(crate) struct Child {
    handle: RunHandle,
    label: String,
    span: Span,
    register: Option<String>,
}

impl<'js> BookRunner<'_, 'js> {
    /// The item of the loop around an op, `it`, if it says something in a few words: a text, a number, the key of an entry.
    fn item(&self, scope: &Scope<'js>) -> OpResult<'js, Option<String>> {
        const LONGEST: usize = 40;
        let mut item: Value<'js> = self.js(scope.vars.get("it"))?;
        if let Some(entry) = item.as_object().filter(|_| !item.is_array()) {
            item = self.js(entry.get("key"))?;
        }
        let text = match (item.as_string(), item.as_number()) {
            (Some(text), _) => self.js(text.to_string())?,
            (None, Some(number)) => number.to_string(),
            (None, None) => return Ok(None),
        };
        let is_short = text.chars().count() <= LONGEST && !text.contains('\n');
        Ok(is_short.then_some(text))
    }

    /// Starts the op in a run of its own, with a copy of the variables.
    pub(crate) fn fork(
        &self,
        op: &Arc<Op>,
        parallel: Parallel,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let label = match (&op.name, self.item(scope)?) {
            // Forks of one loop would look alike.
            (None, Some(item)) => Owner::shortened(format!("{} ({item})", self.label())),
            _ => self.label(),
        };
        let wanted = match &op.register {
            Some(_) if parallel == Parallel::Wait => Wanted::Value,
            _ => Wanted::Nothing,
        };
        let handle = self.spawn(op, &label, wanted, parallel, scope)?;
        if parallel == Parallel::Wait {
            let register = match &op.register {
                Some(register) => Some(self.text(&Data::Text(register.clone()), scope)?),
                None => None,
            };
            let child = Child {
                handle,
                label,
                span: Span {
                    book: Arc::clone(scope.book()),
                    at: op.at,
                },
                register,
            };
            if let Some(children) = self.forks.borrow_mut().last_mut() {
                children.push(child);
            }
        }
        Ok(self.undefined())
    }

    /// Starts a run of its own for the op, with a copy of the variables.
    fn spawn(
        &self,
        op: &Arc<Op>,
        label: &str,
        wanted: Wanted,
        parallel: Parallel,
        scope: &Scope<'js>,
    ) -> OpResult<'js, RunHandle> {
        let vars = scope.vars.clone().into_value();
        let stash = self.js(RuleValue::read_data(&self.ctx, "vars", vars))?;
        let own = self.path.borrow_mut().pop();
        let path = self.named_path();
        self.path.borrow_mut().extend(own);
        let fork = Fork {
            main: Arc::clone(self.main),
            book: Arc::clone(scope.book()),
            op: Arc::clone(op),
            label: label.to_owned(),
            path,
        };
        let name = format!("{} › {label}", self.run.name());
        let options = RunOptions::new()
            .name(name)
            .stash_value(stash)
            .wanted(wanted);
        self.run
            .spawn(Script::program(fork), options, parallel == Parallel::Leave)
            .map_err(|problem| self.throw(&problem))
    }

    /// The turns of a loop, each in a run of its own, and not too many at once. Gives their results in the order of the items.
    pub(crate) fn turns(
        &self,
        op: &Arc<Op>,
        turns: &Turns<'_, 'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Vec<Value<'js>>> {
        let wanted = match turns.wanted {
            true => Wanted::Value,
            false => Wanted::Nothing,
        };
        let mut results = vec![self.undefined(); turns.items.len()];
        let mut waiting = turns.items.iter().enumerate();
        let mut cancellers = Vec::new();
        let mut ids = Vec::new();
        let mut running = FuturesUnordered::new();
        let mut result = Ok(());
        loop {
            while result.is_ok() && running.len() < turns.most {
                let Some((nth, item)) = waiting.next() else {
                    break;
                };
                let started = self.start_turn(op, turns, item, wanted, scope);
                match started {
                    Ok((handle, label)) => {
                        cancellers.push(handle.canceller());
                        ids.push((nth, handle.id()));
                        running.push(async move { (nth, label, handle.await) });
                    }
                    Err(abort) => result = Err(abort),
                }
            }
            if result.is_err() || running.is_empty() {
                break;
            }
            // The loop goes on when one ends, and ends when all have.
            let _waiting = self
                .run
                .wait_for_runs(ids.iter().map(|(_, id)| *id).collect());
            result = self
                .wait_durably(running.next())
                .inspect(|ended| {
                    let ended = ended.as_ref().map(|(nth, ..)| *nth);
                    ids.retain(|(nth, _)| Some(*nth) != ended);
                })
                .and_then(|ended| match ended {
                    Some((nth, label, report)) => match report.result {
                        Ok(_) => {
                            if turns.wanted {
                                results[nth] = self.js(report.value.make(&self.ctx))?;
                            }
                            Ok(())
                        }
                        Err(error) => {
                            let message = format!("the turn {label:?} failed: {}", error.message);
                            Err(self.failed(self.throw(&message), error))
                        }
                    },
                    None => Ok(()),
                });
        }
        if !running.is_empty() {
            let until = self.run.grace_of_started();
            for canceller in cancellers {
                canceller.cancel_within(until);
            }
            self.run
                .shielded(|| while let Ok(Some(_)) = self.wait_durably(running.next()) {});
        }
        result.map(|()| results)
    }

    /// Starts one turn, which people know by its item.
    fn start_turn(
        &self,
        op: &Arc<Op>,
        turns: &Turns<'_, 'js>,
        item: &Value<'js>,
        wanted: Wanted,
        scope: &Scope<'js>,
    ) -> OpResult<'js, (RunHandle, String)> {
        self.js(scope.vars.set(turns.variable, item.clone()))?;
        let label = Owner::shortened(self.js(shown(item))?);
        let handle = self.spawn(op, &label, wanted, Parallel::Wait, scope)?;
        Ok((handle, label))
    }

    /// Joins what `work` forked. If `work` or one of the forks fails, the others are cancelled. In any case, all have ended when
    /// this returns.
    pub(crate) fn joining<T>(
        &self,
        scope: &Scope<'js>,
        work: impl FnOnce() -> OpResult<'js, T>,
    ) -> OpResult<'js, T> {
        self.forks.borrow_mut().push(Vec::new());
        let result = work();
        let children = self.forks.borrow_mut().pop().unwrap_or_default();
        if children.is_empty() {
            return result;
        }
        match result {
            Ok(value) => self.join(children, scope).map(|()| value),
            // These join them as an end does.
            Err(abort @ (Abort::Return(_) | Abort::Break | Abort::Continue)) => {
                self.join(children, scope)?;
                Err(abort)
            }
            Err(abort) => {
                self.cancel(children);
                Err(abort)
            }
        }
    }

    /// `wait_children`: all that were forked so far and not left.
    pub(crate) fn join_all(&self, scope: &Scope<'js>) -> OpResult<'js> {
        let mut children = Vec::new();
        for block in self.forks.borrow_mut().iter_mut() {
            children.append(block);
        }
        self.join(children, scope)
    }

    pub(crate) fn join(&self, children: Vec<Child>, scope: &Scope<'js>) -> OpResult<'js> {
        let ids = children.iter().map(|child| child.handle.id()).collect();
        let _waiting = self.run.wait_for_runs(ids);
        let cancellers: Vec<_> = children
            .iter()
            .map(|child| child.handle.canceller())
            .collect();
        let mut left: FuturesUnordered<_> =
            children
                .into_iter()
                .map(|child| async move {
                    (child.handle.await, child.label, child.span, child.register)
                })
                .collect();
        let mut result = Ok(());
        // In the order in which they end, so that a failure is noticed at once.
        while result.is_ok() && !left.is_empty() {
            result = self
                .wait_durably(left.next())
                .and_then(|ended| match ended {
                    Some((report, label, span, register)) => match report.result {
                        Ok(_) => register.map_or(Ok(()), |register| {
                            let value = self.js(report.value.make(&self.ctx))?;
                            self.assign(&register, value, scope)
                        }),
                        Err(error) => {
                            let message = format!("the fork {label:?} failed: {}", error.message);
                            Err(self.failed(self.throw_at(span, &message), error))
                        }
                    },
                    None => Ok(()),
                });
        }
        if !left.is_empty() {
            let until = self.run.grace_of_started();
            for canceller in cancellers {
                canceller.cancel_within(until);
            }
            self.run
                .shielded(|| while let Ok(Some(_)) = self.wait_durably(left.next()) {});
        }
        result
    }

    /// Cancels forks, and waits until they have given back all that they held.
    pub(crate) fn cancel(&self, children: Vec<Child>) {
        let ids = children.iter().map(|child| child.handle.id()).collect();
        let _waiting = self.run.wait_for_runs(ids);
        let until = self.run.grace_of_started();
        for child in &children {
            child.handle.canceller().cancel_within(until);
        }
        self.run.shielded(|| {
            for child in children {
                let _ = self.wait_durably(child.handle);
            }
        });
    }
}
