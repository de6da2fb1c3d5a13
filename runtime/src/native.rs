//! What a host adds to the JavaScript that rules see: globals, and modules of its own.
//!
//! [`HostModule`] is the easy way: plain Rust functions, with arguments and results that `serde`
//! converts. [`NativeModule`] and [`Extension`] give full access to the interpreter through
//! [`crate::js`]; the standard library is made with them.

use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::Rest;
use rquickjs::{Ctx, Exception, Function, Object, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::convert::{self, Functions};
use crate::memory_reservation::MemoryReservation;
use crate::run::{Run, contain_panic};
use crate::value::{RuleValue, ToValue, from_values};

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

    /// Makes the exports. Called at the first import in a run, and only then.
    ///
    /// # Errors
    ///
    /// An error here is thrown by the import.
    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>>;
}

/// A module of plain Rust functions.
///
/// Arguments arrive as one tuple; what the rule leaves out is `null`, so an [`Option`] makes an argument optional. What
/// becomes of each JavaScript value is in the table of [`RuleValue`]: a `Uint8Array`, for instance, is read by a
/// `Vec<u8>`. Results are converted back; what a type writes as bytes becomes a `Uint8Array`. An `Err` is thrown as an
/// `Error` with its text as the message. A panic ends the run, and nothing in the rule can catch it.
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
pub struct HostModule {
    name: String,
    functions: Vec<(String, Body)>,
}

type Outcome = Result<RuleValue, String>;
type LocalFuture = Pin<Box<dyn Future<Output = Outcome>>>;

#[derive(Clone)]
enum Body {
    Sync(Arc<dyn Fn(Vec<RuleValue>) -> Outcome + Send + Sync>),
    Blocking(Arc<dyn Fn(Vec<RuleValue>) -> LocalFuture + Send + Sync>),
    Promise(Arc<dyn Fn(Vec<RuleValue>) -> LocalFuture + Send + Sync>),
}

impl HostModule {
    /// An empty module that rules import as `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            functions: Vec::new(),
        }
    }

    /// Adds a function that returns at once.
    #[must_use]
    pub fn function<A, R, E, F>(mut self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Result<R, E> + Send + Sync + 'static,
    {
        let body = move |arguments| to_value(function(from_arguments(arguments)?));
        self.functions
            .push((name.into(), Body::Sync(Arc::new(body))));
        self
    }

    /// Adds a function that blocks the rule, but no thread, until its future is done.
    ///
    /// The future runs on the rule's worker thread, inside a tokio runtime with timers and I/O.
    /// When the run is stopped, the future is dropped.
    #[must_use]
    pub fn blocking_function<A, R, E, F, Fut>(
        mut self,
        name: impl Into<String>,
        function: F,
    ) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + 'static,
    {
        let body = boxed(function);
        self.functions.push((name.into(), Body::Blocking(body)));
        self
    }

    /// Adds a function that returns a promise of what its future gives.
    ///
    /// The run does not end before the future is done.
    #[must_use]
    pub fn async_function<A, R, E, F, Fut>(mut self, name: impl Into<String>, function: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        E: Display,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, E>> + 'static,
    {
        let body = boxed(function);
        self.functions.push((name.into(), Body::Promise(body)));
        self
    }
}

impl std::fmt::Debug for HostModule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let functions: Vec<_> = self.functions.iter().map(|(name, _)| name).collect();
        f.debug_struct("HostModule")
            .field("name", &self.name)
            .field("functions", &functions)
            .finish()
    }
}

fn boxed<A, R, E, F, Fut>(function: F) -> Arc<dyn Fn(Vec<RuleValue>) -> LocalFuture + Send + Sync>
where
    A: DeserializeOwned,
    R: Serialize,
    E: Display,
    F: Fn(A) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + 'static,
{
    Arc::new(move |arguments| match from_arguments(arguments) {
        Ok(arguments) => {
            let future = function(arguments);
            Box::pin(async move { to_value(future.await) })
        }
        Err(message) => Box::pin(std::future::ready(Err(message))),
    })
}

fn to_value<R: Serialize, E: Display>(result: Result<R, E>) -> Outcome {
    let value = result.map_err(|error| error.to_string())?;
    value
        .serialize(ToValue)
        .map_err(|error| format!("the result is no value: {error}"))
}

fn from_arguments<A: DeserializeOwned>(arguments: Vec<RuleValue>) -> Result<A, String> {
    from_values(arguments).map_err(|error| format!("unfit arguments: {error}"))
}

impl NativeModule for HostModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        for (name, body) in &self.functions {
            let function = match body.clone() {
                Body::Sync(body) => {
                    let name = name.clone();
                    Function::new(
                        ctx.clone(),
                        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                            contain_panic(&ctx, || {
                                let (arguments, reservations) = read(&ctx, &name, arguments)?;
                                let outcome = body(arguments);
                                drop(reservations);
                                give(&ctx, outcome)
                            })
                        },
                    )
                }
                Body::Blocking(body) => {
                    let (run, name) = (Rc::clone(run), name.clone());
                    Function::new(
                        ctx.clone(),
                        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                            contain_panic(&ctx, || {
                                let (arguments, reservations) = read(&ctx, &name, arguments)?;
                                let outcome = run.block_on(&ctx, body(arguments))?;
                                drop(reservations);
                                give(&ctx, outcome)
                            })
                        },
                    )
                }
                Body::Promise(body) => {
                    let (run, name) = (Rc::clone(run), name.clone());
                    Function::new(
                        ctx.clone(),
                        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                            contain_panic(&ctx, || {
                                let (arguments, reservations) = read(&ctx, &name, arguments)?;
                                let future = body(arguments);
                                let future = async move {
                                    let outcome = future.await;
                                    drop(reservations);
                                    outcome
                                };
                                run.promise(&ctx, future, give)
                            })
                        },
                    )
                }
            }?;
            exports.set(name, function.with_name(name)?)?;
        }
        Ok(exports)
    }
}

/// The arguments of a call, which count as the run's memory as long as the second part lives.
fn read<'js>(
    ctx: &Ctx<'js>,
    function: &str,
    arguments: Rest<Value<'js>>,
) -> rquickjs::Result<(Vec<RuleValue>, Vec<MemoryReservation>)> {
    let (mut values, mut reservations) = (Vec::with_capacity(arguments.len()), Vec::new());
    for (index, argument) in arguments.0.into_iter().enumerate() {
        let what = format!("{function}: argument {}", index + 1);
        let read = convert::value(ctx, &what, argument, Functions::Refused);
        let read = read.map_err(|unfit| unfit.throw(ctx))?;
        values.push(read.tree);
        reservations.extend(read.reservations);
    }
    Ok((values, reservations))
}

fn give<'js>(ctx: &Ctx<'js>, outcome: Outcome) -> rquickjs::Result<Value<'js>> {
    match outcome {
        Ok(value) => value.make(ctx),
        Err(message) => Err(Exception::throw_message(ctx, &message)),
    }
}
