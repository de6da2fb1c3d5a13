//! The parts of the web's names that are JavaScript: each is loaded when a rule first names something of it, and then kept.
//!
//! A part is a function of its *natives*, which are what JavaScript cannot do, or cannot do safely once a rule has changed
//! the built-in classes. It gives an object with its classes, and what other parts and Rust need of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::OnceLock;

use cla_runtime::internal::{LibraryScript, Rooted, mark_handled, state_of};
use cla_runtime::js::atom::PredefinedAtom;
use cla_runtime::js::function::{Rest, This};
use cla_runtime::js::object::Property;
use cla_runtime::js::{self, Ctx, Exception, Function, Object, Promise, Symbol, Value};

use crate::call::Arg;
use crate::state::State;
use crate::throw::error_of;

/// `structuredClone(value, options)`.
pub(crate) type Cloning = for<'js> fn(Ctx<'js>, Arg<'js>, Arg<'js>) -> js::Result<Value<'js>>;

/// How values are copied. It is put here with the globals, as what copies values knows the parts.
pub(crate) static CLONING: OnceLock<Cloning> = OnceLock::new();

/// A part.
pub(crate) struct Part {
    /// Its code.
    script: LibraryScript,
    /// Adds what it is given, beside what each is given.
    natives: for<'js> fn(&Ctx<'js>, &Object<'js>) -> js::Result<()>,
}

impl Part {
    pub(crate) const fn new(
        file: &'static str,
        source: &'static str,
        natives: for<'js> fn(&Ctx<'js>, &Object<'js>) -> js::Result<()>,
    ) -> Self {
        Self {
            script: LibraryScript::new(file, source),
            natives,
        }
    }

    /// The part, if the run has loaded it.
    pub(crate) fn loaded<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Option<Object<'js>>> {
        let Some(parts) = state_of::<Parts>(ctx) else {
            return Ok(None);
        };
        let parts = parts.0.borrow();
        let part = parts.iter().find(|(file, _)| *file == self.script.file);
        part.map(|(_, part)| part.get(ctx)).transpose()
    }

    /// The part, loaded if it was not.
    pub(crate) fn load<'js>(&self, ctx: &Ctx<'js>) -> js::Result<Object<'js>> {
        if let Some(part) = self.loaded(ctx)? {
            return Ok(part);
        }
        let natives = Object::new(ctx.clone())?;
        common(ctx, &natives)?;
        (self.natives)(ctx, &natives)?;
        let make: Function<'js> = self.script.run(ctx)?.get()?;
        let part: Object<'js> = make.call((natives,))?;
        let state = State::of(ctx)?;
        let run = state.run();
        let parts = run.state().unwrap_or_else(|| {
            let parts = Rc::new(Parts::default());
            run.set_state(Rc::clone(&parts));
            parts
        });
        let kept = run.keep(ctx, part.clone());
        parts.0.borrow_mut().push((self.script.file, kept));
        Ok(part)
    }
}

/// The parts that a run has loaded, by their files.
#[derive(Default)]
struct Parts(RefCell<Vec<(&'static str, Rooted<Object<'static>>)>>);

/// What every part is given.
fn common<'js>(ctx: &Ctx<'js>, natives: &Object<'js>) -> js::Result<()> {
    let define = |name: &str, function: js::Result<Function<'js>>| natives.set(name, function?);
    define("apply", Function::new(ctx.clone(), apply))?;
    define("tag", Function::new(ctx.clone(), tag))?;
    define("report", Function::new(ctx.clone(), report))?;
    define("domException", Function::new(ctx.clone(), dom_exception))?;
    define("failure", Function::new(ctx.clone(), failure))?;
    define("deferred", Function::new(ctx.clone(), deferred))?;
    define("handled", Function::new(ctx.clone(), handled))?;
    natives.set("iterator", Symbol::iterator(ctx.clone()))?;
    natives.set("asyncIterator", Symbol::async_iterator(ctx.clone()))
}

/// `apply(function, this, ...values)`.
fn apply<'js>(
    function: Function<'js>,
    this: Value<'js>,
    values: Rest<Value<'js>>,
) -> js::Result<Value<'js>> {
    function.call((This(this), values))
}

/// `tag(Class, name)`: what `Object.prototype.toString` says of its instances.
fn tag<'js>(class: Object<'js>, name: String) -> js::Result<()> {
    let prototype: Object<'js> = class.get("prototype")?;
    let tag = PredefinedAtom::SymbolToStringTag;
    prototype.prop(tag, Property::from(name).configurable())
}

/// `report(error)`: nothing will catch it, and the run fails.
pub(crate) fn report<'js>(ctx: Ctx<'js>, error: Value<'js>) -> js::Result<()> {
    State::of(&ctx)?.run().report_uncaught(&ctx, error);
    Ok(())
}

/// `domException(message, name)`.
fn dom_exception<'js>(ctx: Ctx<'js>, message: String, name: String) -> Value<'js> {
    let _ = Exception::throw_dom(&ctx, &name, &message);
    ctx.catch()
}

/// `failure(class, message)`: an error for a promise, which has the place of the `await` that it ends.
fn failure<'js>(ctx: Ctx<'js>, class: String, message: String) -> js::Result<Value<'js>> {
    error_of(&ctx, &class, &message)
}

/// `deferred()`: a promise, and what settles it.
fn deferred<'js>(ctx: Ctx<'js>) -> js::Result<Object<'js>> {
    let (promise, resolve, reject) = ctx.promise()?;
    let deferred = Object::new(ctx)?;
    deferred.set("promise", promise)?;
    deferred.set("resolve", resolve)?;
    deferred.set("reject", reject)?;
    Ok(deferred)
}

/// `handled(promise)`: that it is rejected fails no run.
fn handled<'js>(promise: Promise<'js>) -> Promise<'js> {
    mark_handled(&promise);
    promise
}
