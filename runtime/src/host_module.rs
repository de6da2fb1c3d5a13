//! Modules of plain Rust functions, which a host gives to its rules.
//!
//! [`HostModule`] is the sum of its parts, each in a file of its own: what a function learns about its caller ([`call`]) and
//! what it throws ([`error`]), its [`arguments`], bytes, callbacks and objects among them ([`bytes`], [`callback`], [`instance`]), how it becomes one
//! of JavaScript's ([`function`]), streams ([`stream`]) and classes ([`class`]), and how all this is described to editors
//! ([`described`], [`signature`], [`declarations`]).

mod arguments;
mod bytes;
mod call;
mod callback;
mod class;
mod declarations;
mod described;
mod error;
mod function;
mod instance;
mod signature;
mod stream;

use std::fmt::Display;
use std::future::Future;
use std::rc::Rc;

use futures_util::{Stream, StreamExt};
use rquickjs::{Ctx, Object};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::bytes::Bytes;
pub use self::call::Call;
pub use self::callback::Callback;
use self::class::ClassParts;
pub use self::class::HostClass;
use self::described::Described;
pub use self::error::HostError;
use self::function::{Body, Installed};
pub use self::instance::Instance;
use crate::native::NativeModule;
use crate::run::Run;

/// A module of plain Rust functions.
///
/// Arguments arrive as one tuple; what the rule leaves out is `null`, so an [`Option`] makes an argument optional. What
/// becomes of each JavaScript value is in the table of [`RuleValue`](crate::value::RuleValue): a `Uint8Array`, for instance, is read
/// by a `Vec<u8>` or as [`Bytes`]. A function of the rule's is read by a [`Callback`], an object of one of the module's classes by an
/// [`Instance`]; both may also be parts of arguments. What does not fit is a `TypeError` that
/// names function and argument. Results are converted back; what a type writes as bytes becomes a `Uint8Array`. A panic ends
/// the run, and nothing in the rule can catch it.
///
/// There are three kinds of functions: those that return at once, those that block the rule, and those that return a promise.
/// Each has a short form whose `Err` is thrown as an `Error` with its text as the message, and one that gets the [`Call`] and
/// throws a [`HostError`].
///
/// | | short | with the call |
/// | --- | --- | --- |
/// | returns at once | [`function`](Self::function) | [`function_with`](Self::function_with) |
/// | blocks the rule, no thread | [`blocking_function`](Self::blocking_function) | [`blocking_function_with`](Self::blocking_function_with) |
/// | returns a promise | [`async_function`](Self::async_function) | [`async_function_with`](Self::async_function_with) |
///
/// Beside them are async iterators ([`stream`](Self::stream)) and classes ([`class`](Self::class), and
/// [`error_class`](Self::error_class) for errors).
///
/// ```
/// use std::convert::Infallible;
/// use std::time::Duration;
/// use cla_runtime::{Engine, HostModule, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let orders = HostModule::new("app/orders")
///     .function("total", |(price, count): (f64, Option<u32>)| {
///         Ok::<_, Infallible>(price * f64::from(count.unwrap_or(1)))
///     })
///     .blocking_function("fetch", |(id,): (u64,)| async move {
///         tokio::time::sleep(Duration::from_millis(1)).await; // the rule blocks, its thread does not
///         if id == 0 { Err("no such order") } else { Ok(format!("order {id}")) }
///     });
/// let engine = Engine::builder().module(orders).build();
/// let script = Script::javascript("rule", "
///     import { total, fetch } from 'app/orders';
///     export default [total(2.5, 4), fetch(7)];
/// ");
/// let report = engine.run(script, RunOptions::new()).await;
/// assert_eq!(report.result.unwrap(), serde_json::json!([10, "order 7"]));
/// # }
/// ```
///
/// What several functions share is captured by them, in an [`Arc`](std::sync::Arc):
///
/// ```
/// # use std::sync::Arc;
/// # use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
/// # use cla_runtime::host::HostError;
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let hits = Arc::new(AtomicU64::new(0));
/// let read = Arc::clone(&hits);
/// let counter = HostModule::new("app/hits")
///     .function("hit", move |(): ()| Ok::<_, HostError>(hits.fetch_add(1, Relaxed)))
///     .function("count", move |(): ()| Ok::<_, HostError>(read.load(Relaxed)));
/// let rule = "const { hit, count } = require('app/hits'); hit(); hit(); count()";
/// let engine = Engine::builder().module(counter).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), 2);
/// ```
pub struct HostModule {
    name: String,
    functions: Vec<Described>,
    classes: Vec<ClassParts>,
    /// Classes of errors.
    error_classes: Vec<String>,
}

impl HostModule {
    /// An empty module that rules import as `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            functions: Vec::new(),
            classes: Vec::new(),
            error_classes: Vec::new(),
        }
    }

    /// Adds a function that returns at once.
    #[must_use]
    pub fn function<A, R, E, F>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Result<R, E> + Send + Sync + 'static,
    {
        let body = Body::sync(move |_, arguments: A| in_words(function(arguments)));
        self.with::<A>(name, body)
    }

    /// Adds a function that blocks the rule, but no thread, until its future is done.
    ///
    /// The future runs on the rule's worker thread, inside a tokio runtime with timers and I/O.
    /// When the run is stopped, the future is dropped.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cla_runtime::{Engine, HostModule, RunOptions, Script};
    ///
    /// let module = HostModule::new("app/db").blocking_function("find", |(id,): (u32,)| async move {
    ///     tokio::time::sleep(Duration::from_millis(5)).await;
    ///     Ok::<_, String>(format!("row {id}"))
    /// });
    /// let engine = Engine::builder().module(module).build();
    /// // The rule has the value at once, and its worker thread runs others meanwhile.
    /// let rule = Script::javascript("rule", "import { find } from 'app/db'; export default find(7).toUpperCase()");
    /// assert_eq!(engine.run(rule, RunOptions::new()).wait().result.unwrap(), "ROW 7");
    /// ```
    #[must_use]
    pub fn blocking_function<A, R, E, F, Fut>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + 'static,
    {
        let body = Body::blocking(move |_, arguments: A| {
            let future = function(arguments);
            async move { in_words(future.await) }
        });
        self.with::<A>(name, body)
    }

    /// Adds a function that returns a promise of what its future gives.
    ///
    /// The run does not end before the future is done. When the run is stopped, the future is dropped.
    ///
    /// ```
    /// use cla_runtime::{Engine, HostModule, RunOptions, Script};
    ///
    /// let module = HostModule::new("app/db")
    ///     .async_function("find", |(id,): (u32,)| async move { Ok::<_, String>(10 * id) });
    /// let engine = Engine::builder().module(module).build();
    /// let text = "import { find } from 'app/db'; export default await Promise.all([find(1), find(2)])";
    /// let report = engine.run(Script::javascript("rule", text), RunOptions::new()).wait();
    /// assert_eq!(report.result.unwrap(), serde_json::json!([10, 20]));
    /// ```
    #[must_use]
    pub fn async_function<A, R, E, F, Fut>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + 'static,
    {
        let body = Body::promise(move |_, arguments: A| {
            let future = function(arguments);
            async move { in_words(future.await) }
        });
        self.with::<A>(name, body)
    }

    /// Adds a function that returns at once. It learns which run calls it, and throws a [`HostError`].
    ///
    /// ```
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/greet")
    ///     .function_with("greet", |call: &Call, (name,): (String,)| {
    ///         if name.is_empty() {
    ///             return Err(HostError::new("nobody to greet").class("RangeError"));
    ///         }
    ///         Ok(format!("{} greets {name}", call.run_name()))
    ///     });
    /// let engine = Engine::builder().module(module).build();
    /// let rule = Script::javascript("rule", "require('app/greet').greet('Ada')");
    /// let report = engine.run(rule, RunOptions::new()).wait();
    /// assert_eq!(report.result.unwrap(), "rule greets Ada");
    /// ```
    #[must_use]
    pub fn function_with<A, R, F>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&Call, A) -> Result<R, HostError> + Send + Sync + 'static,
    {
        self.with::<A>(name, Body::sync(function))
    }

    /// Adds a function that blocks the rule, as [`blocking_function`](Self::blocking_function) does. It learns which run
    /// calls it, and throws a [`HostError`].
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/jobs")
    ///     .blocking_function_with("wait", |call: Call, (ms,): (u64,)| async move {
    ///         tokio::time::sleep(Duration::from_millis(ms)).await;
    ///         Ok(format!("{} waited", call.run_name()))
    ///     });
    /// let engine = Engine::builder().module(module).build();
    /// let rule = Script::javascript("rule", "require('app/jobs').wait(1)");
    /// let report = engine.run(rule, RunOptions::new()).wait();
    /// assert_eq!(report.result.unwrap(), "rule waited");
    /// ```
    #[must_use]
    pub fn blocking_function_with<A, R, F, Fut>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        self.with::<A>(name, Body::blocking(function))
    }

    /// Adds a function that returns a promise, as [`async_function`](Self::async_function) does. It learns which run calls it,
    /// and throws a [`HostError`]: an uncaught one shows the place of the `await`.
    ///
    /// ```
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/jobs")
    ///     .async_function_with("start", |_call: Call, (name,): (String,)| async move {
    ///         Err::<(), _>(HostError::new(format!("there is no job {name}")).code("E_JOB"))
    ///     });
    /// let engine = Engine::builder().module(module).build();
    /// let rule = "const { start } = require('app/jobs');\nawait start('nightly');";
    /// let error = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait().result.unwrap_err();
    /// assert_eq!(error.location.unwrap().line, 2);
    /// ```
    #[must_use]
    pub fn async_function_with<A, R, F, Fut>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        self.with::<A>(name, Body::promise(function))
    }

    /// Adds a function that returns an async iterator of what a stream gives. The stream is dropped when the loop over it
    /// ends, early or not, and with the run. Its first error ends it.
    ///
    /// ```
    /// # use futures_util::{StreamExt, stream};
    /// # use cla_runtime::host::{Call, HostError};
    /// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
    /// let module = HostModule::new("app/numbers")
    ///     .stream("from", |_call, (first,): (u32,)| stream::iter(first..).map(Ok::<_, HostError>));
    /// let rule = "
    ///     import { from } from 'app/numbers';
    ///     const seen = [];
    ///     for await (const n of from(7)) { seen.push(n); if (n > 8) break; }
    ///     export default seen;";
    /// let engine = Engine::builder().module(module).build();
    /// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
    /// assert_eq!(report.result.unwrap(), serde_json::json!([7, 8, 9]));
    /// ```
    #[must_use]
    pub fn stream<A, R, E, F, S>(self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Into<HostError>,
        F: Fn(Call, A) -> S + Send + Sync + 'static,
        S: Stream<Item = Result<R, E>> + 'static,
    {
        let body = Body::stream(move |call, arguments: A| {
            function(call, arguments).map(|item| item.map_err(Into::into))
        });
        self.with::<A>(name, body)
    }

    /// Adds a class. `describe` gives it a constructor, methods and getters; [`HostClass`] has an example.
    #[must_use]
    pub fn class<T: 'static>(
        mut self,
        name: impl Into<String>,
        describe: impl FnOnce(HostClass<T>) -> HostClass<T>,
    ) -> Self {
        let class = describe(HostClass::new(name.into()));
        self.classes.push(class.parts);
        self
    }

    /// Adds a class of errors, which is derived from `Error`: functions throw errors of it with [`HostError::class`], and
    /// rules with `new`, whose second argument may have `code`, `details` and `cause`.
    ///
    /// ```
    /// use cla_runtime::host::HostError;
    /// use cla_runtime::{Engine, HostModule, RunOptions, Script};
    ///
    /// let module = HostModule::new("app/db")
    ///     .error_class("RowError")
    ///     .function_with("find", |_call, (id,): (u32,)| {
    ///         Err::<(), _>(HostError::new(format!("there is no row {id}")).class("RowError"))
    ///     });
    /// let engine = Engine::builder().module(module).build();
    /// let text = "import { find, RowError } from 'app/db';
    /// let caught; try { find(7) } catch (error) { caught = error instanceof RowError }
    /// export default caught";
    /// assert_eq!(engine.run(Script::javascript("rule", text), RunOptions::new()).wait().result.unwrap(), true);
    /// ```
    #[must_use]
    pub fn error_class(mut self, name: impl Into<String>) -> Self {
        self.error_classes.push(name.into());
        self
    }

    /// The types of the function that was added last, for [`declarations`](Self::declarations):
    /// `(id: number, name?: string): Promise<string>`.
    #[must_use]
    pub fn types(mut self, types: impl Into<String>) -> Self {
        if let Some(function) = self.functions.last_mut() {
            function.types = Some(types.into());
        }
        self
    }

    fn with<A: DeserializeOwned>(mut self, name: impl Into<String>, body: Body) -> Self {
        self.functions.push(Described::new::<A>(name.into(), body));
        self
    }
}

/// The result of a function that has no class of errors.
fn in_words<R, E: Display>(result: Result<R, E>) -> Result<R, HostError> {
    result.map_err(|error| HostError::new(error.to_string()))
}

impl std::fmt::Debug for HostModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|function| &function.name)
            .collect();
        let classes: Vec<_> = self.classes.iter().map(|class| &class.name).collect();
        f.debug_struct("HostModule")
            .field("name", &self.name)
            .field("functions", &functions)
            .field("classes", &classes)
            .field("error_classes", &self.error_classes)
            .finish()
    }
}

impl NativeModule for HostModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn declarations(&self) -> Option<String> {
        Some(HostModule::declarations(self))
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        let installed = Installed::new(run);
        for class in &self.error_classes {
            exports.set(class.as_str(), installed.errors.add(ctx, run, class)?)?;
        }
        for class in &self.classes {
            exports.set(class.name.as_str(), class.install(ctx, &installed)?)?;
        }
        for function in &self.functions {
            let name = function.name.as_str();
            let made = installed.bind(ctx, name, &function.body, |_, _| Ok(None))?;
            exports.set(name, made)?;
        }
        Ok(exports)
    }
}
