//! A Rust value inside a JavaScript object.

use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result, Value};

/// A JavaScript object that carries a Rust value, which lives until the object is collected.
///
/// The value holds no JavaScript values of its own ([`Kept`](crate::Kept) ones are fine), so there
/// is nothing for QuickJS's garbage collector to see in it. Its methods live on the prototype that
/// [`HostObject::create`] is given.
pub struct HostObject<T: 'static>(pub T);

// SAFETY: `T: 'static` has no `'js` lifetime in it, so changing that lifetime changes nothing.
unsafe impl<'js, T: 'static> JsLifetime<'js> for HostObject<T> {
    type Changed<'to> = HostObject<T>;
}

impl<'js, T: 'static> Trace<'js> for HostObject<T> {
    fn trace<'a>(&self, _tracer: Tracer<'a, 'js>) {}
}

impl<'js, T: 'static> JsClass<'js> for HostObject<T> {
    const NAME: &'static str = "HostObject";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

impl<T: 'static> HostObject<T> {
    /// Makes an object with the given prototype.
    pub fn create<'js>(value: T, prototype: Object<'js>) -> Result<Value<'js>> {
        Class::instance_proto(Self(value), prototype).map(Class::into_value)
    }

    /// Calls `look` with the value inside `object`; `None` if it is some other object.
    pub fn with<R>(object: &Value<'_>, look: impl FnOnce(&T) -> R) -> Option<R> {
        let class = Class::<Self>::from_object(object.as_object()?)?;
        let value = class.try_borrow().ok()?;
        Some(look(&value.0))
    }
}
