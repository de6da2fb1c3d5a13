//! What runs ops, as an op sees it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::RuleError;
use cla_runtime::host::Run;
use cla_runtime::internal::{Failure, failure, resolve};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Object, Value};
use cla_runtime::output::OutputStream;

use super::{Abort, Block, Book, Callee, Condition, Data, Op, OpResult, Scope};
use crate::data::{FORMATS, Format};
use crate::shown::shown;
use crate::template::{Code, Piece};

/// Turns of a loop that run beside each other.
pub(crate) struct Turns<'a, 'js> {
    pub(crate) items: Vec<Value<'js>>,
    /// The variable that has the item.
    pub(crate) variable: &'a str,
    /// How many run at once.
    pub(crate) most: usize,
    /// Whether their results are wanted.
    pub(crate) wanted: bool,
}

/// Runs the parts of an op, on the fiber of its run.
pub(crate) trait Runner<'js> {
    fn ctx(&self) -> &Ctx<'js>;

    fn run(&self) -> &Rc<Run>;

    /// The variables of whoever called the function that is carried out.
    fn caller(&self) -> Option<Object<'js>>;

    /// Ops one after the other; joins what they forked.
    fn block(&self, block: &Block, scope: &Scope<'js>) -> OpResult<'js, Value<'js>>;

    /// Ops one after the other; what they fork is joined by the block around.
    fn ops(&self, block: &Block, scope: &Scope<'js>) -> OpResult<'js, Value<'js>>;

    /// A function of a rulebook or a module, or a service.
    fn call(
        &self,
        callee: &Callee,
        arguments: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>>;

    /// Calls a service, or what a module exports.
    fn serve(
        &self,
        name: &str,
        argument: Value<'js>,
        vars: Object<'js>,
        book: &Arc<Book>,
    ) -> OpResult<'js, Value<'js>>;

    /// `wait_children`: all that were forked so far and not left.
    fn join_all(&self, scope: &Scope<'js>) -> OpResult<'js>;

    /// The turns of a loop, each in a run of its own. Gives their results in the order of the items.
    fn turns(
        &self,
        op: &Arc<Op>,
        turns: &Turns<'_, 'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Vec<Value<'js>>>;

    /// Fails the current op.
    fn throw(&self, message: &str) -> Abort<'js>;

    /// Ends the current op with what JavaScript threw, or with the run.
    fn abort(&self, failure: Failure<'js>) -> Abort<'js>;
}

/// Values: of data and templates, into variables, out of promises. All that run ops can do this.
pub(crate) trait Values<'js>: Runner<'js> {
    /// What JavaScript, or the interpreter, gave; what it threw ends the op.
    fn js<T>(&self, result: js::Result<T>) -> OpResult<'js, T> {
        result.map_err(|error| self.abort(failure(self.ctx(), self.run(), &error)))
    }

    fn undefined(&self) -> Value<'js> {
        Value::new_undefined(self.ctx().clone())
    }

    /// An object without properties.
    fn object(&self) -> js::Result<Object<'js>> {
        Object::new(self.ctx().clone())
    }

    fn value(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        self.evaluated(scope.data(data), scope)
    }

    /// The value of a part of a template.
    fn piece(&self, piece: &Piece, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        self.evaluated(scope.piece(piece), scope)
    }

    /// What is thrown because another run failed. What catches it knows a semaphore's error by its name.
    fn failed(&self, mut abort: Abort<'js>, error: RuleError) -> Abort<'js> {
        if let Abort::Thrown(thrown) = &mut abort {
            if error.name.starts_with("Semaphore")
                && let Some(object) = thrown.value.as_object()
            {
                let name = Property::from(error.name.as_str())
                    .writable()
                    .configurable();
                let named = object.prop("name", name);
                if let Err(error) = self.js(named) {
                    return error;
                }
            }
            thrown.cause = Some(Box::new(error));
        }
        abort
    }

    /// The value of JavaScript.
    fn code(&self, code: &Code, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        self.evaluated(scope.code(code), scope)
    }

    /// A value of a template; what went wrong points at the hole.
    fn evaluated(
        &self,
        value: js::Result<Value<'js>>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        self.evaluate(value).map_err(|mut abort| {
            if let Some(at) = scope.take_failed_at()
                && let Abort::Thrown(thrown) = &mut abort
            {
                thrown.span.at = at;
                thrown.span.book = Arc::clone(scope.book());
            }
            abort
        })
    }

    fn text(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, String> {
        let value = self.value(data, scope)?;
        // Long texts are copied several times, and each copy is one step.
        self.checkpoint()?;
        let text = self.js(shown(&value))?;
        self.checkpoint()?;
        Ok(text)
    }

    fn holds(&self, condition: &Condition, scope: &Scope<'js>) -> OpResult<'js, bool> {
        let value = match condition {
            Condition::Code(code) => self.code(code, scope)?,
            Condition::Data(data) => self.value(data, scope)?,
        };
        if value.is_string() {
            let text = self.js(shown(&value))?;
            if means_no(&text) {
                let message = format!(
                    "the condition is the text {text:?}, which would count as true: give it true or false, or compare it, \
                     as in: flag === \"yes\""
                );
                let mut abort = self.throw(&message);
                if let (Abort::Thrown(thrown), Some(at)) = (&mut abort, condition.place()) {
                    thrown.span.at = at;
                }
                return Err(abort);
            }
        }
        Ok(self.js(value.get::<js::Coerced<bool>>())?.0)
    }

    fn duration(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, Duration> {
        let value = self.value(data, scope)?;
        let read = match value.as_number() {
            Some(seconds) => cla_runtime::duration::from_seconds(seconds),
            None => cla_runtime::duration::parse(&self.js(shown(&value))?),
        };
        read.map_err(|problem| self.throw(&format!("the duration must {problem}")))
    }

    /// The format of that name; `otherwise` if there is no name.
    fn format(
        &self,
        format: Option<&Data>,
        otherwise: Format,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Format> {
        let Some(format) = format else {
            return Ok(otherwise);
        };
        let name = self.text(format, scope)?;
        Format::named(&name)
            .ok_or_else(|| self.throw(&format!("the format is {FORMATS}, not {name:?}")))
    }

    /// Sets a variable, or a part of one: `a.b[0]`.
    fn assign(&self, path: &str, value: Value<'js>, scope: &Scope<'js>) -> OpResult<'js> {
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
                    let inner = self.js(Object::new(self.ctx().clone()))?;
                    self.js(object.set(key, inner.clone()))?;
                    inner
                }
            };
        }
        self.js(object.set(last.trim_end_matches(']'), value))
    }

    /// A value that JavaScript gave; awaited if it is a promise.
    fn evaluate(&self, value: js::Result<Value<'js>>) -> OpResult<'js, Value<'js>> {
        let value = self.js(value)?;
        resolve(self.ctx(), self.run(), value).map_err(|failure| self.abort(failure))
    }

    /// Blocks the run until the future is done.
    fn wait<F: Future>(&self, future: F) -> OpResult<'js, F::Output> {
        self.js(self.run().block_on(self.ctx(), future))
    }

    /// Blocks the run until the future is done that only the clock or another run can bring.
    fn wait_durably<F: Future>(&self, future: F) -> OpResult<'js, F::Output> {
        self.js(self.run().block_durably(self.ctx(), future))
    }

    /// Blocks the run for as long as that.
    fn sleep(&self, duration: Duration) -> OpResult<'js> {
        self.js(self.run().sleep(self.ctx(), duration))
    }

    /// Writes a line to the run's output.
    fn print(&self, stream: OutputStream, mut line: String) -> OpResult<'js> {
        line.push('\n');
        self.js(self.run().write(self.ctx(), stream, &line))
    }

    /// A loop without anything to wait for lets others have their turn.
    fn checkpoint(&self) -> OpResult<'js> {
        if self.run().on_interrupt() {
            return Err(Abort::Stopped);
        }
        Ok(())
    }
}

impl<'js, R: Runner<'js> + ?Sized> Values<'js> for R {}

/// Whether people mean `false` by a text, which to JavaScript is true as any other.
fn means_no(text: &str) -> bool {
    ["no", "off", "false", "n", "0"]
        .iter()
        .any(|no| text.trim().eq_ignore_ascii_case(no))
}
