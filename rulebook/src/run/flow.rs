//! Loops and `try`.

use cla_runtime::js::{Object, Value};

use super::super::book::{Block, Items};
use super::super::scope::Scope;
use super::{Abort, OpResult, Runner};

impl<'js> Runner<'_, 'js> {
    pub(super) fn for_each(
        &self,
        variable: &str,
        list: &Items,
        body: &Block,
        scope: &Scope<'js>,
    ) -> OpResult<'js> {
        let list = match list {
            Items::Code(code) => self.evaluate(scope.code(code))?,
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
                self.checkpoint()?;
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
            self.checkpoint()?;
        }
        Ok(())
    }

    pub(super) fn try_catch(
        &self,
        body: &Block,
        catch: Option<&Block>,
        finally: Option<&Block>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
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
            let done = self.run.shielded(|| self.block(finally, scope));
            // What made the op end counts more than what goes wrong here.
            if !matches!(result, Err(Abort::Stopped)) {
                done?;
            }
        }
        result
    }
}
