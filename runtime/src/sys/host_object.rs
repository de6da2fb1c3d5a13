//! A Rust value inside a JavaScript object.

use std::cell::RefCell;

use rquickjs::class::{JsClass, Readable, Trace, Tracer};
use rquickjs::function::Constructor;
use rquickjs::{Class, Ctx, JsLifetime, Object, Result, Value};

/// A JavaScript object that carries a Rust value, which lives until the object is collected.
///
/// The value holds no JavaScript values of its own ([`Rooted`](crate::internal::Rooted) ones are fine), so there
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

/// A JavaScript object that carries a Rust value and `N` JavaScript values, which QuickJS's garbage collector sees.
pub struct HostValues<'js, T: 'static, const N: usize> {
    /// The Rust value.
    pub host: T,
    /// The JavaScript values.
    pub values: RefCell<[Value<'js>; N]>,
}

// SAFETY: `T: 'static` has no `'js` lifetime in it, and the values have no other.
unsafe impl<'js, T: 'static, const N: usize> JsLifetime<'js> for HostValues<'js, T, N> {
    type Changed<'to> = HostValues<'to, T, N>;
}

impl<'js, T: 'static, const N: usize> Trace<'js> for HostValues<'js, T, N> {
    fn trace<'a>(&self, tracer: Tracer<'a, 'js>) {
        // Nothing runs while a borrow lasts: see `HostValues::values`.
        if let Ok(values) = self.values.try_borrow() {
            for value in &*values {
                value.trace(tracer);
            }
        }
    }
}

impl<'js, T: 'static, const N: usize> JsClass<'js> for HostValues<'js, T, N> {
    const NAME: &'static str = "HostValues";
    type Mutable = Readable;

    fn constructor(_ctx: &Ctx<'js>) -> Result<Option<Constructor<'js>>> {
        Ok(None)
    }
}

impl<'js, T: 'static, const N: usize> HostValues<'js, T, N> {
    /// Makes an object with the given prototype.
    pub fn create(host: T, values: [Value<'js>; N], prototype: Object<'js>) -> Result<Value<'js>> {
        let values = RefCell::new(values);
        Class::instance_proto(Self { host, values }, prototype).map(Class::into_value)
    }

    /// Calls `look` with what is inside `object`; `None` if it is some other object.
    ///
    /// While `look` has the values borrowed, it must not call into QuickJS: what it allocates may have the garbage
    /// collector run, which must see them.
    pub fn with<R>(object: &Value<'js>, look: impl FnOnce(&Self) -> R) -> Option<R> {
        let class = Class::<Self>::from_object(object.as_object()?)?;
        let this = class.try_borrow().ok()?;
        Some(look(&this))
    }
}
