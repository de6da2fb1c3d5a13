//! What a host adds to the JavaScript that rules see, with full access to the interpreter through [`crate::js`]: globals,
//! and modules. The standard library is made with them.
//!
//! [`HostModule`](crate::HostModule) is the easy way to a module: plain Rust functions.

use std::rc::Rc;

use rquickjs::{Ctx, Object};

use crate::run::Run;

/// Something that changes the global scope of every run before its script starts.
///
/// ```
/// use std::rc::Rc;
/// use cla_runtime::host::{Extension, Run};
/// use cla_runtime::js::{self, Ctx};
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// struct Version;
/// impl Extension for Version {
///     fn install<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<()> {
///         ctx.globals().set("VERSION", 3)
///     }
/// }
/// let engine = Engine::builder().extension(Version).build();
/// let report = engine.run(Script::javascript("rule", "VERSION + 1"), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), 4);
/// ```
pub trait Extension: Send + Sync + 'static {
    /// Installs globals into the isolate of `run`.
    ///
    /// This is on the path of every start: define what is cheap, and leave the rest to getters.
    ///
    /// # Errors
    ///
    /// An error here fails the run before its script starts.
    fn install<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<()>;
}

/// A built-in module: what `import` and `require()` give for its name.
///
/// ```
/// use std::rc::Rc;
/// use cla_runtime::host::{NativeModule, Run};
/// use cla_runtime::js::{self, Ctx, Function, Object};
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// struct Numbers;
/// impl NativeModule for Numbers {
///     fn name(&self) -> &str {
///         "app/numbers"
///     }
///     fn exports<'js>(&self, ctx: &Ctx<'js>, _run: &Rc<Run>) -> js::Result<Object<'js>> {
///         let exports = Object::new(ctx.clone())?;
///         exports.set("twice", Function::new(ctx.clone(), |n: f64| 2.0 * n)?)?;
///         Ok(exports)
///     }
/// }
/// let engine = Engine::builder().module(Numbers).build();
/// let rule = Script::javascript("rule", "require('app/numbers').twice(21)");
/// assert_eq!(engine.run(rule, RunOptions::new()).wait().result.unwrap(), 42);
/// ```
pub trait NativeModule: Send + Sync + 'static {
    /// The name that rules import, for instance `cla/sem`.
    fn name(&self) -> &str;

    /// Whether it is only for the [source modules](crate::EngineBuilder::source_module) of the engine, which import it by
    /// declaration. To rules there is no such module, and no error lists it.
    fn is_internal(&self) -> bool {
        false
    }

    /// The module as TypeScript declarations, for [`Engine::declarations`](crate::Engine::declarations); `None` if they are
    /// given elsewhere, or nowhere.
    fn declarations(&self) -> Option<String> {
        None
    }

    /// Whether its functions `take(name, ..., fn)` and `region(name, ..., fn)` take a slot of the semaphore of that name around
    /// `fn`: [`Engine::check`](crate::Engine::check) and [`Engine::plan`](crate::Engine::plan) then look at where a script
    /// calls them.
    fn takes_slots(&self) -> bool {
        false
    }

    /// Makes the exports. Called at the first import in a run, and only then.
    ///
    /// # Errors
    ///
    /// An error here is thrown by the import.
    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>>;
}
