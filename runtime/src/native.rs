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
use rquickjs::{Ctx, Exception, Function, Object, Promise, Value};
use serde::Serialize;
use serde::de::value::SeqDeserializer;
use serde::de::{DeserializeOwned, Visitor};
use serde_json::Value as Json;

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

    /// Makes the exports. Called at the first import in a run, and only then.
    ///
    /// # Errors
    ///
    /// An error here is thrown by the import.
    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>>;
}

/// A module of plain Rust functions.
///
/// Arguments arrive as one tuple, converted from JSON; what the rule leaves out is `null`, so an
/// [`Option`] makes an argument optional. Results are converted to JSON. An `Err` is thrown as an
/// `Error` with its text as the message.
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
/// let script = Script::new("rule.mjs", "
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

type Outcome = Result<Json, String>;
type LocalFuture = Pin<Box<dyn Future<Output = Outcome>>>;

#[derive(Clone)]
enum Body {
    Sync(Arc<dyn Fn(Vec<Json>) -> Outcome + Send + Sync>),
    Blocking(Arc<dyn Fn(Vec<Json>) -> LocalFuture + Send + Sync>),
    Promise(Arc<dyn Fn(Vec<Json>) -> LocalFuture + Send + Sync>),
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
        let body = move |arguments| to_json(function(from_arguments(arguments)?));
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

fn boxed<A, R, E, F, Fut>(function: F) -> Arc<dyn Fn(Vec<Json>) -> LocalFuture + Send + Sync>
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
            Box::pin(async move { to_json(future.await) })
        }
        Err(message) => Box::pin(std::future::ready(Err(message))),
    })
}

fn to_json<R: Serialize, E: Display>(result: Result<R, E>) -> Outcome {
    let value = result.map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| format!("the result is no JSON: {error}"))
}

fn from_arguments<A: DeserializeOwned>(arguments: Vec<Json>) -> Result<A, String> {
    A::deserialize(Arguments(arguments)).map_err(|error| format!("unfit arguments: {error}"))
}

/// A call's arguments; a tuple that is longer than they are finds `null` in the missing places.
struct Arguments(Vec<Json>);

impl<'de> serde::Deserializer<'de> for Arguments {
    type Error = serde_json::Error;

    fn deserialize_tuple<V: Visitor<'de>>(
        mut self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.resize(length, Json::Null);
        visitor.visit_seq(SeqDeserializer::new(self.0.into_iter()))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_seq(SeqDeserializer::new(self.0.into_iter()))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

impl NativeModule for HostModule {
    fn name(&self) -> &str {
        &self.name
    }

    fn exports<'js>(&self, ctx: &Ctx<'js>, run: &Rc<Run>) -> rquickjs::Result<Object<'js>> {
        let exports = Object::new(ctx.clone())?;
        for (name, body) in &self.functions {
            let function = match body.clone() {
                Body::Sync(body) => Function::new(
                    ctx.clone(),
                    move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                        give(&ctx, body(arguments_to_json(&ctx, &arguments)?))
                    },
                ),
                Body::Blocking(body) => {
                    let run = Rc::clone(run);
                    Function::new(
                        ctx.clone(),
                        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                            let future = body(arguments_to_json(&ctx, &arguments)?);
                            give(&ctx, run.block_on(&ctx, future)?)
                        },
                    )
                }
                Body::Promise(body) => {
                    let run = Rc::clone(run);
                    Function::new(
                        ctx.clone(),
                        move |ctx: Ctx<'js>, arguments: Rest<Value<'js>>| {
                            let future = body(arguments_to_json(&ctx, &arguments)?);
                            run.promise(&ctx, future, give)
                        },
                    )
                }
            }?;
            exports.set(name, function.with_name(name)?)?;
        }
        Ok(exports)
    }
}

impl Run {
    /// Starts a host future and returns a promise of its result.
    ///
    /// The run does not end before the future is done. `convert` runs on the run's thread when it is;
    /// an exception that it throws rejects the promise.
    pub fn promise<'js, F, C>(
        &self,
        ctx: &Ctx<'js>,
        future: F,
        convert: C,
    ) -> rquickjs::Result<Promise<'js>>
    where
        F: Future + 'static,
        C: for<'a> FnOnce(&Ctx<'a>, F::Output) -> rquickjs::Result<Value<'a>> + 'static,
    {
        let (promise, resolve, reject) = ctx.promise()?;
        let resolve = self.keep(ctx, resolve);
        let reject = self.keep(ctx, reject);
        self.event_loop
            .start_future(future, move |ctx, output| match convert(ctx, output) {
                Ok(value) => resolve.get(ctx)?.call((value,)),
                Err(rquickjs::Error::Exception) => {
                    let reason = ctx.catch();
                    reject.get(ctx)?.call((reason,))
                }
                Err(error) => Err(error),
            });
        Ok(promise)
    }
}

/// A rule's value as JSON, by the rules of `JSON.stringify`; `undefined` becomes `null`.
pub fn value_to_json<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Json> {
    let Some(text) = ctx.json_stringify(value)? else {
        return Ok(Json::Null);
    };
    serde_json::from_str(&text.to_string()?).map_err(|error| {
        let message = format!("the value cannot be represented as JSON: {error}");
        Exception::throw_type(ctx, &message)
    })
}

/// JSON as a rule's value.
pub fn json_to_value<'js>(ctx: &Ctx<'js>, json: &Json) -> rquickjs::Result<Value<'js>> {
    ctx.json_parse(json.to_string())
}

fn arguments_to_json<'js>(
    ctx: &Ctx<'js>,
    arguments: &Rest<Value<'js>>,
) -> rquickjs::Result<Vec<Json>> {
    arguments
        .iter()
        .map(|value| value_to_json(ctx, value.clone()))
        .collect()
}

fn give<'js>(ctx: &Ctx<'js>, outcome: Outcome) -> rquickjs::Result<Value<'js>> {
    match outcome {
        Ok(json) => json_to_value(ctx, &json),
        Err(message) => Err(Exception::throw_message(ctx, &message)),
    }
}
