//! Between the values of an isolate and data of Rust's: by one rule for all of them, which [`RuleValue`] describes.
//!
//! [`read`] walks through a JavaScript value, [`build`] makes one. Both follow nested values with a list and not with
//! calls, ask the run whether it may go on, and count what they make as the run's memory. [`unfit`] words the errors.

mod build;
mod read;
mod unfit;

use rquickjs::{Ctx, Object, Value};
use serde_json::Value as Json;

use self::build::{from_json, from_value};
pub(crate) use self::read::{Functions, json, value, value_keeping};
pub(crate) use self::unfit::{Unfit, function_in_words};
use crate::run::Run;
use crate::value::{RuleValue, Stash};

/// A rule's value as JSON, by the table of [`RuleValue`].
///
/// It takes no more time and memory than the run has left.
///
/// See [`Session`](crate::Session) for an example.
///
/// # Errors
///
/// An exception: a `TypeError` that names the path to what is no data, a `RangeError` if the value needs more memory than
/// the run has left, what a getter, a proxy or `toJSON` throws; when the run is stopped, one that the rule cannot catch.
pub fn value_to_json<'js>(ctx: &Ctx<'js>, value: Value<'js>) -> rquickjs::Result<Json> {
    match read::json(ctx, "value", value, Functions::Refused) {
        Ok(read) => Ok(read.tree),
        Err(unfit) => Err(unfit.throw(ctx)),
    }
}

/// JSON as a rule's value: what `JSON.parse` gives.
///
/// ```
/// use cla_runtime::host::{json_to_value, value_to_json};
/// use cla_runtime::{Engine, RunOptions, Session};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let session = Session::start(&Engine::new(), RunOptions::new(), None, |_| {});
/// let given = serde_json::json!({"hosts": ["db1", "db2"]});
/// session.look(move |ctx, _| ctx.globals().set("given", json_to_value(ctx, &given)?)).await?;
/// let count = session.evaluate("given.hosts.length", |ctx, _, value| value_to_json(ctx, value));
/// assert_eq!(count.await?.unwrap(), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// An exception that the rule cannot catch when the run is stopped, or has no memory left.
pub fn json_to_value<'js>(ctx: &Ctx<'js>, json: &Json) -> rquickjs::Result<Value<'js>> {
    from_json(ctx, json)
}

impl RuleValue {
    /// Reads a rule's value. `what` names it in errors, as the start of a path.
    ///
    /// # Errors
    ///
    /// As of [`value_to_json`].
    pub fn read<'js>(ctx: &Ctx<'js>, what: &str, value: Value<'js>) -> rquickjs::Result<Self> {
        match read::value(ctx, what, value, Functions::Refused) {
            Ok(read) => Ok(read.tree),
            Err(unfit) => Err(unfit.throw(ctx)),
        }
    }

    /// Reads a rule's value of which functions and symbols stay behind.
    #[doc(hidden)]
    pub fn read_data<'js>(ctx: &Ctx<'js>, what: &str, value: Value<'js>) -> rquickjs::Result<Self> {
        match read::value(ctx, what, value, Functions::LeftOut) {
            Ok(read) => Ok(read.tree),
            Err(unfit) => Err(unfit.throw(ctx)),
        }
    }

    /// Makes it a rule's value.
    ///
    /// # Errors
    ///
    /// As of [`json_to_value`].
    pub fn make<'js>(self, ctx: &Ctx<'js>) -> rquickjs::Result<Value<'js>> {
        from_value(ctx, self)
    }
}

impl Run {
    /// The stash: the object that the host filled with data for this run and that the rule may
    /// change.
    pub fn stash<'js>(&self, ctx: &Ctx<'js>) -> rquickjs::Result<Object<'js>> {
        if let Some(kept) = &*self.roots.stash_object.borrow() {
            return kept.get(ctx);
        }
        let value = match self.roots.stash.take() {
            Some((Stash::Json(json), _)) => from_json(ctx, &json)?,
            Some((Stash::Value(value), _charge)) => from_value(ctx, value)?,
            None => Value::new_undefined(ctx.clone()),
        };
        let object = match value.into_object() {
            Some(object) => object,
            None => Object::new(ctx.clone())?,
        };
        *self.roots.stash_object.borrow_mut() = Some(self.keep(ctx, object.clone()));
        Ok(object)
    }
}
