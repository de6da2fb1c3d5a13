//! Values: of data and templates, into variables, out of promises.

use std::time::Duration;

use cla_runtime::OutputStream;
use cla_runtime::internal::resolve;
use cla_runtime::js::{self, Object, Value};

use super::super::book::{Condition, Data};
use super::super::data::Format;
use super::super::scope::{Scope, shown};
use super::{Abort, OpResult, Runner};

impl<'js> Runner<'_, 'js> {
    pub(crate) fn undefined(&self) -> Value<'js> {
        Value::new_undefined(self.ctx.clone())
    }

    /// An object without properties.
    pub(crate) fn object(&self) -> js::Result<Object<'js>> {
        Object::new(self.ctx.clone())
    }

    pub(crate) fn value(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        self.evaluate(scope.data(data))
    }

    pub(crate) fn text(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, String> {
        let value = self.value(data, scope)?;
        // Long texts are copied several times, and each copy is one step.
        self.checkpoint()?;
        let text = self.js(shown(&value))?;
        self.checkpoint()?;
        Ok(text)
    }

    pub(crate) fn holds(&self, condition: &Condition, scope: &Scope<'js>) -> OpResult<'js, bool> {
        let value = match condition {
            Condition::Code(code) => self.evaluate(scope.code(code))?,
            Condition::Data(data) => self.value(data, scope)?,
        };
        Ok(self.js(value.get::<js::Coerced<bool>>())?.0)
    }

    pub(crate) fn duration(&self, data: &Data, scope: &Scope<'js>) -> OpResult<'js, Duration> {
        let value = self.value(data, scope)?;
        let read = match value.as_number() {
            Some(seconds) => cla_runtime::duration::from_seconds(seconds),
            None => cla_runtime::duration::parse(&self.js(shown(&value))?),
        };
        read.map_err(|problem| self.throw(&format!("the duration must {problem}")))
    }

    /// The format of that name; `otherwise` if there is no name.
    pub(crate) fn format(
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
            .ok_or_else(|| self.throw(&format!("the format is json, yaml or text, not {name:?}")))
    }

    /// Sets a variable, or a part of one: `a.b[0]`.
    pub(crate) fn assign(
        &self,
        path: &str,
        value: Value<'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js> {
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
    pub(crate) fn evaluate(&self, value: js::Result<Value<'js>>) -> OpResult<'js, Value<'js>> {
        let value = self.js(value)?;
        resolve(&self.ctx, self.run, value).map_err(|failure| self.abort(failure))
    }

    /// Blocks the run until the future is done.
    pub(crate) fn wait<F: Future>(&self, future: F) -> OpResult<'js, F::Output> {
        self.js(self.run.block_on(&self.ctx, future))
    }

    /// Writes a line to the run's output.
    pub(crate) fn print(&self, stream: OutputStream, mut line: String) -> OpResult<'js> {
        line.push('\n');
        self.js(self.run.write(&self.ctx, stream, &line))
    }

    /// A loop without anything to wait for lets others have their turn.
    pub(crate) fn checkpoint(&self) -> OpResult<'js> {
        if self.run.on_interrupt() {
            return Err(Abort::Stopped);
        }
        Ok(())
    }
}
