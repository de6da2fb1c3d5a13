//! What a host adds to the JavaScript that rules see, with full access to the interpreter through [`crate::js`]: globals,
//! and modules. The standard library is made with them.
//!
//! [`HostModule`](crate::HostModule) is the easy way to a module: plain Rust functions.

use std::rc::Rc;

use rquickjs::{Ctx, Object};

use crate::run::Run;

/// Something that changes the global scope of every run before its script starts.
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
pub trait NativeModule: Send + Sync + 'static {
    /// The name that rules import, for instance `cla/sem`.
    fn name(&self) -> &str;

    /// Whether it is only for the [source modules](crate::EngineBuilder::source_module) of the engine, which import it by
    /// declaration. To rules there is no such module, and no error lists it.
    fn is_internal(&self) -> bool {
        false
    }

    /// Whether its functions `take(name, ..., fn)` and `region(name, ..., fn)` take a slot of the semaphore of that name around
    /// `fn`: [`Engine::check`](crate::Engine::check) and [`Engine::plan`](crate::Engine::plan) then look at where a script
    /// calls them.
    fn takes_slots(&self) -> bool {
        false
    }

    /// The module as TypeScript declarations, for [`Engine::declarations`](crate::Engine::declarations); `None` if they are
    /// given elsewhere, or nowhere.
    fn declarations(&self) -> Option<String> {
        None
    }

    /// Makes the exports. Called at the first import in a run, and only then.
    ///
    /// # Errors
    ///
    /// An error here is thrown by the import.
    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>>;
}
