//! Walks through a rulebook's ops, on the fiber of its run.
//!
//! An op takes its semaphore, then its time limit begins, then it does its work; whatever ends it, the slot is given back
//! and its forks are cancelled before anybody hears of it. What went wrong is a JavaScript value, so that `catch` and
//! scripts see the same; where it went wrong is kept beside it.

use std::cell::RefCell;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};
use rquickjs::{Ctx, Exception, Object, Value};

use super::Fork;
use super::book::{Action, Block, Book, Condition, Data, Items, OnError, Op, Parallel, Region};
use super::data::{self, Format};
use super::region::{self, Tag};
use super::scope::{BookSources, Evaluator, SCOPE_FILE, Scope};
use super::shell;
use super::yaml::Place;
use crate::engine::{RunHandle, RunOptions};
use crate::error::{ErrorKind, Frame, Location, RuleError};
use crate::isolate::{Evaluated, Failure, failure, resolve};
use crate::modules::Resolved;
use crate::native::{json_to_value, value_to_json};
use crate::output::OutputStream;
use crate::run::Run;
use crate::script::Script;
use crate::trace::RegionOutcome;

/// How long what must run in the end (`finally`, waiting for cancelled forks) may take after the run was stopped.
const GRACE: Duration = Duration::from_secs(10);

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
    book: &Arc<Book>,
    part: &Part<'_>,
) -> Evaluated<'js, Value<'js>> {
    let evaluator = Evaluator::new(ctx, book).map_err(|error| failure(ctx, run, &error))?;
    let runner = Runner {
        ctx: ctx.clone(),
        run,
        book,
        evaluator,
        path: RefCell::default(),
        forks: RefCell::default(),
        top: stack_pointer(),
        prefix: match part {
            Part::Section(_) => Vec::new(),
            Part::Fork(fork) => fork.path.clone(),
        },
    };
    runner.whole(part).or_else(|abort| match abort {
        Abort::Return(value) => Ok(value),
        Abort::Stopped => Err(Failure::Stopped),
        Abort::Thrown(thrown) => Err(runner.explain(*thrown)),
    })
}

/// About where the stack is now.
#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// Why an op ends before its end.
enum Abort<'js> {
    /// `return`: the def, or the whole, ends with this value.
    Return(Value<'js>),
    Thrown(Box<Thrown<'js>>),
    /// The run is stopped, or an op around this one is out of time.
    Stopped,
}

type Ran<'js, T = ()> = Result<T, Abort<'js>>;

struct Thrown<'js> {
    value: Value<'js>,
    at: Place,
    /// The ops around it, outermost first.
    path: Vec<Step>,
    /// The error of a fork.
    cause: Option<Box<RuleError>>,
}

/// An op that is being carried out.
#[derive(Clone)]
struct Step {
    label: String,
    /// Whether administrators see it: it has a name, or is a def.
    named: bool,
    at: Place,
}

/// A fork that is to be joined.
struct Child {
    handle: RunHandle,
    label: String,
    at: Place,
    register: Option<String>,
}

struct Runner<'a, 'js> {
    ctx: Ctx<'js>,
    run: &'a Rc<Run>,
    book: &'a Arc<Book>,
    evaluator: Evaluator<'js>,
    path: RefCell<Vec<Step>>,
    /// Those that are to be joined, by the blocks that do it, innermost last.
    forks: RefCell<Vec<Vec<Child>>>,
    /// Where the stack was in the beginning.
    top: usize,
    /// The path of the op that forked this run.
    prefix: Vec<String>,
}

impl<'js> Runner<'_, 'js> {
    fn whole(&self, part: &Part<'_>) -> Ran<'js, Value<'js>> {
        let vars = self.js(self.run.stash(&self.ctx))?;
        let scope = self.js(self.evaluator.scope(vars))?;
        let block = match part {
            Part::Fork(fork) => {
                let step = Step {
                    label: fork.label.clone(),
                    named: true,
                    at: fork.op.at,
                };
                self.path.borrow_mut().push(step);
                let result = self.joining(&scope, || self.op_here(&fork.op, &scope));
                self.path.borrow_mut().pop();
                return result;
            }
            Part::Section(Some(event)) => self.book.on.iter().find(|(on, _)| on == event),
            Part::Section(None) => None,
        };
        let block = match (part, block, &self.book.body) {
            (_, Some((_, block)), _) | (Part::Section(None), None, Some(block)) => block,
            (Part::Section(Some(event)), ..) => {
                let known: Vec<&str> = self.book.on.iter().map(|(on, _)| on.as_str()).collect();
                let message = match known.as_slice() {
                    [] => format!("{} has no `on`, so no event {event:?}", self.book.title),
                    known => format!(
                        "{} has no event {event:?}; it has {}",
                        self.book.title,
                        known.join(", ")
                    ),
                };
                return Err(self.throw(&message));
            }
            _ => {
                let message = format!("{} has no `do`; run it with an event", self.book.title);
                return Err(self.throw(&message));
            }
        };
        // What the stash brings along outranks what the rulebook says.
        for (name, data) in &self.book.vars {
            let name = self.text(&Data::Text(name.clone()), &scope)?;
            if !self.js(scope.vars.contains_key(name.as_str()))? {
                let value = self.value(data, &scope)?;
                self.js(scope.vars.set(name, value))?;
            }
        }
        self.block(block, &scope)
    }

    // ---- ops

    /// Ops one after the other; joins what they forked.
    fn block(&self, block: &Block, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        self.joining(scope, || self.ops(block, scope))
    }

    /// Ops one after the other; what they fork is joined by the block around.
    fn ops(&self, block: &Block, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let mut value = self.undefined();
        for op in block.iter() {
            value = self.op(op, scope)?;
        }
        Ok(value)
    }

    fn op(&self, op: &Arc<Op>, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        // QuickJS looks only when JavaScript is called, and needs the rest for that.
        if self.top.abs_diff(stack_pointer()) > self.run.stack_limit() / 4 * 3 {
            let message = "ops nest too deep for the run's stack: is there a def that calls itself without end?";
            return Err(self.throw(message));
        }
        let label = match &op.name {
            Some(name) => self.placed(op.at, || self.text(&Data::Text(name.clone()), scope))?,
            None => op.kind.clone(),
        };
        let named = op.name.is_some() || matches!(op.action, Action::Call { .. });
        let at = op.at;
        self.path.borrow_mut().push(Step { label, named, at });
        let result = self.placed(at, || {
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

    /// The op in this run, with all that it carries but `when` and `parallel`.
    fn op_here(&self, op: &Arc<Op>, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
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
                        self.wait(tokio::time::sleep(pause))?;
                    }
                    pause = pause.mul_f64(backoff).min(Duration::from_secs(24 * 3600));
                }
                Err(Abort::Thrown(_)) if matches!(op.on_error, OnError::Ignore) => {
                    return Ok(self.undefined());
                }
                other => break other?,
            }
        };
        if let Some(register) = &op.register
            // A fork has copies of the variables; its value goes where it was forked.
            && op.parallel.is_none()
        {
            let register = self.text(&Data::Text(register.clone()), scope)?;
            self.assign(&register, value.clone(), scope)?;
        }
        Ok(value)
    }

    fn attempt(&self, op: &Arc<Op>, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let carries =
            op.semaphore.is_some() || op.timeout.is_some() || !matches!(op.on_error, OnError::Fail);
        let work = || {
            let timed = || match &op.timeout {
                Some(limit) => self.limited(op, limit, scope),
                None => self.action(op, scope),
            };
            // Before the slot is given back, all that relied on it has ended.
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
        work: impl FnOnce() -> Ran<'js, T>,
    ) -> Ran<'js, T> {
        let mut wanted = serde_json::Map::new();
        let key = self.text(&region.key, scope)?;
        wanted.insert("key".to_owned(), key.into());
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
        let refuse = |problem: &str| self.throw_at(region.at, problem);
        let tag = Tag::read(&wanted.into()).map_err(|problem| refuse(&problem))?;
        let (who, line) = (self.owner(region.at), region.at.line);
        let inside = self
            .js(region::enter(&self.ctx, self.run, &tag, who, line))?
            .map_err(|error| refuse(&error.to_string()))?;
        let result = work();
        let outcome = match &result {
            Ok(_) | Err(Abort::Return(_)) => RegionOutcome::Done,
            Err(Abort::Thrown(_)) => RegionOutcome::Failed,
            Err(Abort::Stopped) => RegionOutcome::Stopped,
        };
        match inside.leave(self.run, outcome) {
            Some(lost) if outcome == RegionOutcome::Done => Err(refuse(&lost)),
            _ => result,
        }
    }

    /// The op within its time limit.
    fn limited(&self, op: &Arc<Op>, limit: &Data, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let limit = self.duration(limit, scope)?;
        let outer = self.run.op_deadline();
        let own = Instant::now().checked_add(limit);
        let deadline = [outer, own].into_iter().flatten().min();
        self.run.set_op_deadline(deadline);
        let result = self.joining(scope, || self.action(op, scope));
        self.run.set_op_deadline(outer);
        // If anything else has stopped the run, or the op around this one is out of time too, that counts.
        if matches!(result, Err(Abort::Stopped)) && !self.run.must_stop() {
            let message = format!("{} took longer than its {limit:?}", self.here());
            return Err(self.throw(&message));
        }
        result
    }

    fn action(&self, op: &Arc<Op>, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        if self.run.must_stop() {
            return Err(Abort::Stopped);
        }
        match &op.action {
            Action::Block(block) => return self.block(block, scope),
            Action::Script(code) => return self.evaluate(self.evaluator.code(code, scope)),
            Action::Set(values) => {
                for (name, data) in values {
                    let name = self.text(&Data::Text(name.clone()), scope)?;
                    let value = self.value(data, scope)?;
                    self.assign(&name, value, scope)?;
                }
            }
            Action::If {
                branches,
                otherwise,
            } => {
                for (condition, block) in branches {
                    if self.holds(condition, scope)? {
                        return self.ops(block, scope);
                    }
                }
                if let Some(block) = otherwise {
                    return self.ops(block, scope);
                }
            }
            Action::ForEach {
                variable,
                list,
                body,
            } => self.for_each(variable, list, body, scope)?,
            Action::While { condition, body } => {
                while self.holds(condition, scope)? {
                    self.ops(body, scope)?;
                    self.breathe()?;
                }
            }
            Action::Try {
                body,
                catch,
                finally,
            } => return self.try_catch(body, catch.as_ref(), finally.as_ref(), scope),
            Action::Fail(data) => {
                let message = self.text(data, scope)?;
                return Err(self.throw(&message));
            }
            Action::Return(data) => return Err(Abort::Return(self.value(data, scope)?)),
            Action::Call { def, arguments } => return self.call(def, arguments, scope),
            Action::WaitChildren => self.join_all(scope)?,
            Action::Echo(data) => {
                let text = self.text(data, scope)?;
                self.run.write(OutputStream::Stdout, &format!("{text}\n"));
            }
            Action::Log(data) => {
                let text = self.text(data, scope)?;
                self.run.write(OutputStream::Stderr, &format!("{text}\n"));
            }
            Action::Dump(data) => {
                let value = self.value(data, scope)?;
                let text = self.ctx.json_stringify_replacer_space(value, (), 2);
                let text = match self.js(text)? {
                    Some(text) => self.js(text.to_string())?,
                    None => "undefined".to_owned(),
                };
                self.run.write(OutputStream::Stdout, &format!("{text}\n"));
            }
            Action::Sleep(data) => {
                let pause = self.duration(data, scope)?;
                self.wait(tokio::time::sleep(pause))?;
            }
            Action::Shell(data) => return self.shell(op, data, scope),
            Action::Parse { text, format } => {
                let text = self.text(text, scope)?;
                // All JSON is YAML.
                let format = self.format(format.as_ref(), Format::Yaml, scope)?;
                return self.js(data::read(&self.ctx, self.run, &text, format, "the text"));
            }
            Action::ReadFile { path, format } => {
                let path = self.text(path, scope)?;
                let format = self.format(format.as_ref(), Format::of(&path), scope)?;
                let text = self.file(&path, |path| std::fs::read_to_string(path))?;
                return self.js(data::read(&self.ctx, self.run, &text, format, &path));
            }
            Action::WriteFile {
                path,
                value,
                format,
                append,
            } => {
                let path = self.text(path, scope)?;
                let value = self.value(value, scope)?;
                let format = self.format(format.as_ref(), Format::of(&path), scope)?;
                // A text is written as it is, whatever the file is called.
                let format = if value.is_string() {
                    Format::Text
                } else {
                    format
                };
                let text = self.js(data::write(&self.ctx, self.run, value, format))?;
                let append = *append;
                self.file(&path, move |path| {
                    let mut options = std::fs::OpenOptions::new();
                    options.create(true).write(true);
                    options.append(append).truncate(!append);
                    options.open(path)?.write_all(text.as_bytes())
                })?;
            }
            Action::Rule { file, stash, event } => {
                return self.rule(file, stash.as_ref(), event.as_ref(), scope);
            }
        }
        Ok(self.undefined())
    }

    fn for_each(&self, variable: &str, list: &Items, body: &Block, scope: &Scope<'js>) -> Ran<'js> {
        let list = match list {
            Items::Code(code) => self.evaluate(self.evaluator.code(code, scope))?,
            Items::Data(data) => self.value(data, scope)?,
        };
        let Some(object) = list.as_object().filter(|_| !list.is_function()) else {
            if list.is_null() || list.is_undefined() {
                return Ok(());
            }
            return Err(self.throw("a foreach goes through a list or a map; this is neither"));
        };
        if let Some(items) = list.as_array() {
            // It may change underway.
            let mut index = 0;
            while index < items.len() {
                let item = self.js(items.get::<Value<'js>>(index))?;
                self.js(scope.vars.set(variable, item))?;
                self.ops(body, scope)?;
                self.breathe()?;
                index += 1;
            }
            return Ok(());
        }
        for entry in object.props::<String, Value<'js>>() {
            let (key, value) = self.js(entry)?;
            let item = self.js(Object::new(self.ctx.clone()))?;
            self.js(item.set("key", key))?;
            self.js(item.set("value", value))?;
            self.js(scope.vars.set(variable, item))?;
            self.ops(body, scope)?;
            self.breathe()?;
        }
        Ok(())
    }

    fn try_catch(
        &self,
        body: &Block,
        catch: Option<&Block>,
        finally: Option<&Block>,
        scope: &Scope<'js>,
    ) -> Ran<'js, Value<'js>> {
        let mut result = self.block(body, scope);
        if let (Err(Abort::Thrown(thrown)), Some(catch)) = (&result, catch) {
            let error = thrown.value.clone();
            let message = match error.as_object() {
                Some(object) => object.get::<_, Value<'js>>("message"),
                None => Ok(error.clone()),
            };
            result = self
                .js(message)
                .and_then(|message| {
                    self.assign("error_message", message, scope)?;
                    self.assign("error", error, scope)
                })
                .and_then(|()| self.block(catch, scope));
        }
        if let Some(finally) = finally {
            let done = self.run.shielded(GRACE, || self.block(finally, scope));
            // What made the op end counts more than what goes wrong here.
            if !matches!(result, Err(Abort::Stopped)) {
                done?;
            }
        }
        result
    }

    fn call(&self, def: &str, arguments: &Data, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let Some(def) = self.book.defs.get(def) else {
            return Err(self.throw(&format!("there is no def {def:?}")));
        };
        let given = self.value(arguments, scope)?;
        let vars = match given.into_object() {
            Some(object) => object,
            None => self.js(Object::new(self.ctx.clone()))?,
        };
        // Nothing of the caller's but what it gives.
        let inner = self.js(self.evaluator.scope(vars))?;
        for argument in &def.arguments {
            let missing = !self.js(inner.vars.contains_key(argument.name.as_str()))?;
            if missing && let Some(default) = &argument.default {
                let value = self.value(default, &inner)?;
                self.js(inner.vars.set(argument.name.as_str(), value))?;
            }
        }
        match self.block(&def.body, &inner) {
            Err(Abort::Return(value)) => Ok(value),
            other => other,
        }
    }

    fn shell(&self, op: &Op, data: &Data, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let command = self.text(data, scope)?;
        let write = |stream: OutputStream, text: &str| self.run.write(stream, text);
        let assigned = op.register.is_some();
        let stream: Option<shell::Writer<'_>> = if assigned { None } else { Some(&write) };
        let ended = self
            .wait(shell::run(&command, stream))?
            .map_err(|error| self.throw(&format!("the command cannot be run: {error}")))?;
        if !assigned && ended.code != 0 {
            let message = format!("the command exited with {}: {}", ended.code, command.trim());
            return Err(self.throw(&message));
        }
        let result = self.js(Object::new(self.ctx.clone()))?;
        self.js(result.set("rc", ended.code))?;
        self.js(result.set("output", ended.output.trim_end_matches('\n')))?;
        self.js(result.set("error", ended.error.trim_end_matches('\n')))?;
        Ok(result.into_value())
    }

    fn format(
        &self,
        format: Option<&Data>,
        otherwise: Format,
        scope: &Scope<'js>,
    ) -> Ran<'js, Format> {
        let Some(format) = format else {
            return Ok(otherwise);
        };
        let name = self.text(format, scope)?;
        Format::named(&name)
            .ok_or_else(|| self.throw(&format!("the format is json, yaml or text, not {name:?}")))
    }

    /// Does something to a file, on a thread that may block.
    fn file<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path) -> std::io::Result<T> + Send + 'static,
    ) -> Ran<'js, T> {
        let owned = PathBuf::from(path);
        let done = self.wait(tokio::task::spawn_blocking(move || work(&owned)))?;
        let done = done.unwrap_or_else(|error| Err(std::io::Error::other(error)));
        done.map_err(|error| self.throw(&format!("{path}: {error}")))
    }

    /// Runs another rule, and gives what it returns.
    fn rule(
        &self,
        file: &Data,
        stash: Option<&Data>,
        event: Option<&Data>,
        scope: &Scope<'js>,
    ) -> Ran<'js, Value<'js>> {
        let file = self.text(file, scope)?;
        let specifier = if file.starts_with(['.', '/']) {
            file.clone()
        } else {
            format!("./{file}")
        };
        let path = match self.run.modules.resolve("", &specifier) {
            Ok(Resolved::File(path)) => path,
            Ok(Resolved::Native(_)) => return Err(self.throw(&format!("{file} is no file"))),
            Err(error) => return Err(self.throw(&error.to_string())),
        };
        let stash = match stash {
            Some(stash) => {
                let value = self.value(stash, scope)?;
                self.js(value_to_json(&self.ctx, value))?
            }
            None => serde_json::Value::Null,
        };
        let name = format!("{} › {file}", self.run.name());
        let mut options = RunOptions::new().name(name).stash(stash);
        if let Some(event) = event {
            options = options.event(self.text(event, scope)?);
        }
        let script = Script::file(path);
        let handle = self
            .run
            .spawn(script, options, false)
            .map_err(|problem| self.throw(problem))?;
        let canceller = handle.canceller();
        let mut handle = std::pin::pin!(handle);
        let report = self.wait(handle.as_mut()).inspect_err(|_| {
            canceller.cancel();
            self.run.shielded(GRACE, || {
                let _ = self.wait(handle.as_mut());
            });
        })?;
        match report.result {
            Ok(value) => self.js(json_to_value(&self.ctx, &value)),
            Err(error) => {
                let mut abort = self.throw(&format!("{file} failed: {}", error.message));
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.cause = Some(Box::new(error));
                }
                Err(abort)
            }
        }
    }

    // ---- forks

    /// Starts the op in a run of its own, with a copy of the variables.
    fn fork(&self, op: &Arc<Op>, parallel: Parallel, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        let stash = self.js(value_to_json(&self.ctx, scope.vars.clone().into_value()))?;
        let label = self.label();
        let own = self.path.borrow_mut().pop();
        let path = self.named_path();
        self.path.borrow_mut().extend(own);
        let fork = Fork {
            book: Arc::clone(self.book),
            op: Arc::clone(op),
            label: label.clone(),
            path,
        };
        let name = format!("{} › {label}", self.run.name());
        let options = RunOptions::new().name(name).stash(stash);
        let handle = self
            .run
            .spawn(Script::fork(fork), options, parallel == Parallel::Leave)
            .map_err(|problem| self.throw(problem))?;
        if parallel == Parallel::Wait {
            let register = match &op.register {
                Some(register) => Some(self.text(&Data::Text(register.clone()), scope)?),
                None => None,
            };
            let child = Child {
                handle,
                label,
                at: op.at,
                register,
            };
            if let Some(children) = self.forks.borrow_mut().last_mut() {
                children.push(child);
            }
        }
        Ok(self.undefined())
    }

    /// Joins what `work` forked. If it fails, or one of the forks does, the others are cancelled; in any case, all have
    /// ended when this returns.
    fn joining<T>(&self, scope: &Scope<'js>, work: impl FnOnce() -> Ran<'js, T>) -> Ran<'js, T> {
        self.forks.borrow_mut().push(Vec::new());
        let result = work();
        let children = self.forks.borrow_mut().pop().unwrap_or_default();
        if children.is_empty() {
            return result;
        }
        match result {
            Ok(value) => self.join(children, scope).map(|()| value),
            // A `return` joins them as an end does.
            Err(Abort::Return(value)) => {
                self.join(children, scope)?;
                Err(Abort::Return(value))
            }
            Err(abort) => {
                self.cancel(children);
                Err(abort)
            }
        }
    }

    /// `wait_children`: all that were forked so far and not left.
    fn join_all(&self, scope: &Scope<'js>) -> Ran<'js> {
        let mut children = Vec::new();
        for block in self.forks.borrow_mut().iter_mut() {
            children.append(block);
        }
        self.join(children, scope)
    }

    fn join(&self, children: Vec<Child>, scope: &Scope<'js>) -> Ran<'js> {
        let cancellers: Vec<_> = children
            .iter()
            .map(|child| child.handle.canceller())
            .collect();
        let mut left: FuturesUnordered<_> = children
            .into_iter()
            .map(|child| async move { (child.handle.await, child.label, child.at, child.register) })
            .collect();
        let mut result = Ok(());
        // In the order in which they end, so that a failure is not noticed late.
        while result.is_ok() && !left.is_empty() {
            result = self.wait(left.next()).and_then(|ended| match ended {
                Some((report, label, at, register)) => match report.result {
                    Ok(value) => register.map_or(Ok(()), |register| {
                        let value = self.js(json_to_value(&self.ctx, &value))?;
                        self.assign(&register, value, scope)
                    }),
                    Err(error) => {
                        let message = format!("the fork {label:?} failed: {}", error.message);
                        let mut abort = self.throw_at(at, &message);
                        if let Abort::Thrown(thrown) = &mut abort {
                            thrown.cause = Some(Box::new(error));
                        }
                        Err(abort)
                    }
                },
                None => Ok(()),
            });
        }
        if !left.is_empty() {
            for canceller in cancellers {
                canceller.cancel();
            }
            self.run
                .shielded(GRACE, || while let Ok(Some(_)) = self.wait(left.next()) {});
        }
        result
    }

    /// Cancels forks, and waits until they have given back all that they held.
    fn cancel(&self, children: Vec<Child>) {
        for child in &children {
            child.handle.cancel();
        }
        self.run.shielded(GRACE, || {
            for child in children {
                let _ = self.wait(child.handle);
            }
        });
    }

    // ---- values

    fn undefined(&self) -> Value<'js> {
        Value::new_undefined(self.ctx.clone())
    }

    fn value(&self, data: &Data, scope: &Scope<'js>) -> Ran<'js, Value<'js>> {
        self.evaluate(self.evaluator.data(data, scope))
    }

    fn text(&self, data: &Data, scope: &Scope<'js>) -> Ran<'js, String> {
        let value = self.value(data, scope)?;
        self.js(self.evaluator.shown(&value))
    }

    fn holds(&self, condition: &Condition, scope: &Scope<'js>) -> Ran<'js, bool> {
        let value = match condition {
            Condition::Code(code) => self.evaluate(self.evaluator.code(code, scope))?,
            Condition::Data(data) => self.value(data, scope)?,
        };
        Ok(self.js(value.get::<rquickjs::Coerced<bool>>())?.0)
    }

    fn duration(&self, data: &Data, scope: &Scope<'js>) -> Ran<'js, Duration> {
        let value = self.value(data, scope)?;
        let read = match value.as_number() {
            Some(seconds) => crate::duration::from_seconds(seconds),
            None => crate::duration::parse(&self.js(self.evaluator.shown(&value))?),
        };
        read.map_err(|problem| self.throw(&format!("the duration must {problem}")))
    }

    /// Sets a variable, or a part of one: `a.b[0]`.
    fn assign(&self, path: &str, value: Value<'js>, scope: &Scope<'js>) -> Ran<'js> {
        let mut keys: Vec<&str> = path.split(['.', '[']).collect();
        let Some(last) = keys.pop() else {
            return Ok(());
        };
        let mut object = scope.vars.clone();
        for key in keys {
            let key = key.trim_end_matches(']');
            let inner = self.js(object.get::<_, Value<'js>>(key))?;
            object = match inner.into_object() {
                Some(inner) => inner,
                None => {
                    let inner = self.js(Object::new(self.ctx.clone()))?;
                    self.js(object.set(key, inner.clone()))?;
                    inner
                }
            };
        }
        self.js(object.set(last.trim_end_matches(']'), value))
    }

    /// A value that JavaScript gave; awaited if it is a promise.
    fn evaluate(&self, value: rquickjs::Result<Value<'js>>) -> Ran<'js, Value<'js>> {
        let value = self.js(value)?;
        resolve(&self.ctx, self.run, value).map_err(|failure| self.abort(failure))
    }

    /// Blocks the run until the future is done.
    fn wait<F: Future>(&self, future: F) -> Ran<'js, F::Output> {
        self.js(self.run.block_on(&self.ctx, future))
    }

    /// A loop without anything to wait for lets others have their turn.
    fn breathe(&self) -> Ran<'js> {
        if self.run.on_interrupt() {
            return Err(Abort::Stopped);
        }
        Ok(())
    }

    // ---- errors

    fn js<T>(&self, result: rquickjs::Result<T>) -> Ran<'js, T> {
        result.map_err(|error| self.abort(failure(&self.ctx, self.run, &error)))
    }

    fn abort(&self, failure: Failure<'js>) -> Abort<'js> {
        match failure {
            Failure::Stopped => Abort::Stopped,
            Failure::Thrown(value) => self.thrown(value, self.current()),
            Failure::Error(error) => {
                let mut abort = self.throw(&error.message);
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.cause = Some(error);
                }
                abort
            }
        }
    }

    fn thrown(&self, value: Value<'js>, at: Place) -> Abort<'js> {
        Abort::Thrown(Box::new(Thrown {
            value,
            at,
            path: self.path.borrow().clone(),
            cause: None,
        }))
    }

    /// Fails the current op.
    fn throw(&self, message: &str) -> Abort<'js> {
        self.throw_at(self.current(), message)
    }

    fn throw_at(&self, at: Place, message: &str) -> Abort<'js> {
        match Exception::from_message(self.ctx.clone(), message) {
            Ok(error) => self.thrown(error.into_value(), at),
            Err(error) => self.abort(failure(&self.ctx, self.run, &error)),
        }
    }

    /// Where the op that is carried out stands.
    fn current(&self) -> Place {
        self.path
            .borrow()
            .last()
            .map_or_else(Place::default, |step| step.at)
    }

    /// Marks what goes wrong before an op is on the path with its place.
    fn placed<T>(&self, at: Place, work: impl FnOnce() -> Ran<'js, T>) -> Ran<'js, T> {
        work().map_err(|mut abort| {
            if let Abort::Thrown(thrown) = &mut abort
                && thrown.at == Place::default()
            {
                thrown.at = at;
            }
            abort
        })
    }

    fn label(&self) -> String {
        self.path
            .borrow()
            .last()
            .map_or_else(String::new, |step| step.label.clone())
    }

    fn here(&self) -> String {
        let label = self.label();
        if label.is_empty() {
            "the op".to_owned()
        } else {
            label
        }
    }

    /// The names on the way to the current op.
    fn named_path(&self) -> Vec<String> {
        let path = self.path.borrow();
        let named = path.iter().filter(|step| step.named);
        let own = named.map(|step| step.label.clone());
        self.prefix.iter().cloned().chain(own).collect()
    }

    /// `deploy.yml › build › migrate, line 12`
    fn owner(&self, at: Place) -> String {
        let mut owner = self.book.title.clone();
        for name in self.named_path() {
            owner.push_str(" › ");
            owner.push_str(&name);
        }
        format!("{owner}, line {}", at.line)
    }

    /// The error that is reported: it points at the op, unless it points into the JavaScript of one, and tells the way
    /// there.
    fn explain(&self, thrown: Thrown<'js>) -> Failure<'js> {
        let sources = BookSources {
            modules: &self.run.modules,
            book: self.book,
        };
        let mut error = RuleError::from_js(&self.ctx, &thrown.value, &sources);
        if error.kind == ErrorKind::StackOverflow {
            return Failure::Thrown(thrown.value);
        }
        let file = crate::error::Sources::display_name(&sources, &self.book.name);
        let place = |at: Place| Location {
            file: file.clone(),
            line: at.line,
            column: at.column,
        };
        let in_book = error
            .location
            .as_ref()
            .is_some_and(|location| location.file == file);
        if !in_book && thrown.at != Place::default() {
            let at = (thrown.at.line, thrown.at.column);
            let length = thrown.at.length as usize;
            error = error.located(&sources, &self.book.name, at, length);
        }
        // The wrappers around the rulebook's JavaScript are nobody's functions.
        error
            .frames
            .retain(|frame| match frame.location.file.as_str() {
                SCOPE_FILE => false,
                other => other != file || frame.function.is_some(),
            });
        for step in thrown.path.iter().rev() {
            error.frames.push(Frame {
                function: Some(step.label.clone()),
                location: place(step.at),
            });
        }
        if error.cause.is_none() {
            error.cause = thrown.cause;
        }
        Failure::Error(Box::new(error))
    }
}
