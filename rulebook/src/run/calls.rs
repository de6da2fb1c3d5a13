//! Calls: of a rulebook's functions, of what modules export, of registered services, of other rules.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

use cla_runtime::internal::{import, namespace};
use cla_runtime::js::{self, Object, Value};
use cla_runtime::semaphore::Owner;

use super::BookRunner;
use crate::services::{Callable, Form, Services};
use crate::tree::{
    Abort, Book, Callee, Data, Evaluator, Imported, Module, OpResult, Runner, Scope, Span, Values,
};

/// How many services are searched for the one that was probably meant, and named.
const MOST_SHOWN: usize = 100;

impl<'js> BookRunner<'_, 'js> {
    /// What an op of `book` sees.
    pub(crate) fn scope(&self, book: &Arc<Book>, vars: Object<'js>) -> OpResult<'js, Scope<'js>> {
        let known = self.evaluators.borrow().get(&book.name).cloned();
        let evaluator = match known {
            Some(evaluator) => evaluator,
            None => {
                let evaluator = Rc::new(self.js(Evaluator::new(&self.ctx, book))?);
                let mut evaluators = self.evaluators.borrow_mut();
                evaluators.insert(book.name.clone(), Rc::clone(&evaluator));
                evaluator
            }
        };
        self.js(Scope::new(&evaluator, vars))
    }

    pub(crate) fn call(
        &self,
        callee: &Callee,
        arguments: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        match callee {
            Callee::Def(name) => self.def(scope.book(), name, arguments, scope),
            Callee::Imported { book, def } => self.def(book, def, arguments, scope),
            Callee::Export { module, export } => {
                let exports = self.exports(module)?;
                let function = self.js(exports.get::<_, Value<'js>>(export.as_str()))?;
                let Some(function) = function.as_function() else {
                    let message = format!("{export} of {} is no function", module.shown);
                    return Err(self.throw(&message));
                };
                let argument = self.value(arguments, scope)?;
                self.evaluate(function.call((argument, scope.vars.clone())))
            }
            Callee::Service(name) => {
                let argument = self.value(arguments, scope)?;
                self.serve(name, argument, scope.vars.clone(), scope.book())
            }
        }
    }

    /// A function of the rulebook `book`.
    fn def(
        &self,
        book: &Arc<Book>,
        name: &str,
        arguments: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let Some(def) = book.defs.get(name) else {
            return Err(self.throw(&format!("there is no def {name:?}")));
        };
        let given = self.value(arguments, scope)?;
        let vars = match given.into_object() {
            Some(object) => object,
            None => self.js(Object::new(self.ctx.clone()))?,
        };
        // A def sees nothing of its caller but the arguments.
        let inner = self.scope(book, vars)?;
        for argument in &def.arguments {
            let missing = !self.js(inner.vars.contains_key(argument.name.as_str()))?;
            if missing && let Some(default) = &argument.default {
                let value = self.value(default, &inner)?;
                self.js(inner.vars.set(argument.name.as_str(), value))?;
            }
        }
        self.callers.borrow_mut().push(scope.vars.clone());
        let done = self.block(&def.body, &inner);
        self.callers.borrow_mut().pop();
        let value = match done {
            Err(Abort::Return(value)) => value,
            other => other?,
        };
        self.keeps_promise(name, &def.returning, &value)?;
        Ok(value)
    }

    /// Fails unless a function returned what it promises.
    fn keeps_promise(&self, name: &str, returning: &[String], value: &Value<'js>) -> OpResult<'js> {
        let object = value.as_object().filter(|_| !value.is_array());
        for promised in returning {
            let has = match object {
                Some(object) => self.js(object.contains_key(promised.as_str()))?,
                None => false,
            };
            if !has {
                let message = format!(
                    "{name:?} promises to return {promised:?}, and did not: return a map with {}",
                    returning.join(", ")
                );
                return Err(self.throw(&message));
            }
        }
        Ok(())
    }

    // ---- modules and services

    /// Evaluates the modules that this rulebook and its imported rulebooks import. Then checks that the ops that only a run
    /// knows exist.
    pub(crate) fn import(&self, book: &Arc<Book>) -> OpResult<'js> {
        let mut books = vec![Arc::clone(book)];
        let mut seen = HashSet::new();
        while let Some(book) = books.pop() {
            if !seen.insert(book.name.clone()) {
                continue;
            }
            for import in &book.imports {
                match &import.what {
                    Imported::Book(other) => books.push(Arc::clone(other)),
                    Imported::Module(module) => drop(self.exports(module)?),
                    Imported::Programs(_) => {}
                }
            }
            if book.registers {
                continue;
            }
            for (at, name) in &book.services {
                if self.find(name, &book)?.is_none() {
                    let span = Span {
                        book: Arc::clone(&book),
                        at: *at,
                    };
                    return Err(self.throw_at(span, &self.unknown(name)));
                }
            }
        }
        Ok(())
    }

    /// What a module exports, once it is evaluated.
    fn exports(&self, module: &Module) -> OpResult<'js, Object<'js>> {
        let promise = import(&self.ctx, self.run, &module.name);
        self.evaluate(promise.map(js::Promise::into_value))?;
        self.js(namespace(&self.ctx, self.run, &module.name))
    }

    /// Calls a service, or what a module exports.
    pub(crate) fn serve(
        &self,
        name: &str,
        argument: Value<'js>,
        vars: Object<'js>,
        book: &Arc<Book>,
    ) -> OpResult<'js, Value<'js>> {
        let mut function = self.find(name, book)?;
        if function.is_none() {
            // A fork has not imported anything yet.
            self.import(book)?;
            function = self.find(name, book)?;
        }
        match function {
            Some(function) => self.evaluate(function.call(&self.ctx, self.run, argument, vars)),
            None => Err(self.throw(&self.unknown(name))),
        }
    }

    /// A registered service, or an export of an imported module that does not say what it exports.
    fn find(&self, name: &str, book: &Arc<Book>) -> OpResult<'js, Option<Callable<'js>>> {
        if let Some(service) = self.js(Services::of(self.run).get(&self.ctx, name))? {
            return Ok(Some(service));
        }
        for import in &book.imports {
            let Imported::Module(module) = &import.what else {
                continue;
            };
            let export = match &import.prefix {
                Some(prefix) => name.strip_prefix(&format!("{prefix}.")),
                None => Some(name),
            };
            if let (None, Some(export)) = (&module.exports, export) {
                let exports = self.exports(module)?;
                let found = self.js(exports.get::<_, Value<'js>>(export))?;
                if let Some(function) = found.into_function() {
                    let form = Form::Function;
                    return Ok(Some(Callable { function, form }));
                }
            }
        }
        Ok(None)
    }

    fn unknown(&self, name: &str) -> String {
        let mut services = Services::of(self.run).names();
        services.truncate(MOST_SHOWN);
        let hint = match (self.main.table).nearest(name, services.iter().map(String::as_str)) {
            Some(near) => format!("; did you mean {near}?"),
            None if services.is_empty() => String::new(),
            None => format!("; there are {}", services.join(", ")),
        };
        let name = Owner::shortened(name.to_owned());
        format!("there is no op {name:?}, and no service of that name{hint}")
    }
}
