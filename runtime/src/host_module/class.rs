//! A class whose objects carry a Rust value.

use std::any::Any;
use std::future::Future;
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::{Constructor, Rest, This};
use rquickjs::object::{AsProperty, Property, PropertyFlags};
use rquickjs::{Ctx, Exception, Function, Object, Value, qjs};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::arguments::Input;
use super::call::Call;
use super::described::Described;
use super::error::HostError;
use super::function::{Body, Installed};
use super::signature::Signature;
use crate::memory_reservation::MemoryReservation;
use crate::run::contain_panic;
use crate::sys::host_object::HostObject;

/// What an object counts for in the run's memory beside its value, in bytes.
const OBJECT_BYTES: usize = 128;

type Make = Arc<dyn Fn(&Call, Input) -> Result<Rc<dyn Any>, HostError> + Send + Sync>;

/// A class that a [`HostModule`](crate::HostModule) exports. Each object carries a `T`, which is dropped with it, at the
/// latest at the run's end.
///
/// It stays on the run's thread, so that a [`Cell`](std::cell::Cell) or a [`RefCell`](std::cell::RefCell) holds what
/// changes. Rules may derive classes from it.
///
/// ```
/// # use std::cell::Cell;
/// # use cla_runtime::host::{Call, HostClass, HostError};
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let counters = HostModule::new("app/counters").class("Counter", |class: HostClass<Cell<u32>>| {
///     class
///         .constructor(|_call: &Call, (start,): (Option<u32>,)| Ok(Cell::new(start.unwrap_or(0))))
///         .method("add", |counter, _call, (n,): (u32,)| {
///             counter.set(counter.get() + n);
///             Ok(())
///         })
///         .getter("value", |counter| Ok(counter.get()))
/// });
/// let rule = "
///     import { Counter } from 'app/counters';
///     const counter = new Counter(40);
///     counter.add(2);
///     export default counter.value;";
/// let engine = Engine::builder().module(counters).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), 42);
/// ```
pub struct HostClass<T> {
    pub(super) parts: ClassParts,
    /// Objects carry it, the class does not.
    carries: PhantomData<fn() -> T>,
}

/// A class, with the type of its objects' value erased.
pub(super) struct ClassParts {
    pub(super) name: String,
    make: Option<Make>,
    pub(super) constructor: Option<Signature>,
    pub(super) methods: Vec<Described>,
    pub(super) getters: Vec<Described>,
    /// Whether a value is one of this class.
    is_instance: fn(&dyn Any) -> bool,
    /// The size of a value, in bytes.
    size: usize,
}

impl<T: 'static> HostClass<T> {
    pub(super) fn new(name: String) -> Self {
        Self {
            parts: ClassParts {
                name,
                make: None,
                constructor: None,
                methods: Vec::new(),
                getters: Vec::new(),
                is_instance: |value| value.is::<T>(),
                size: size_of::<T>(),
            },
            carries: PhantomData,
        }
    }

    /// What `new` makes. Without a constructor, rules make no objects of the class.
    #[must_use]
    pub fn constructor<A, F>(mut self, constructor: F) -> Self
    where
        A: DeserializeOwned,
        F: Fn(&Call, A) -> Result<T, HostError> + Send + Sync + 'static,
    {
        self.parts.make = Some(Arc::new(move |call, input| {
            let made: Rc<dyn Any> = Rc::new(constructor(call, input.arguments()?)?);
            Ok(made)
        }));
        self.parts.constructor = Some(Signature::of::<A>());
        self
    }

    /// A method that returns at once.
    #[must_use]
    pub fn method<A, R, F>(self, name: impl Into<String>, method: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(&T, &Call, A) -> Result<R, HostError> + Send + Sync + 'static,
    {
        self.with::<A>(name.into(), Body::method(method))
    }

    /// A method that blocks the rule, but no thread, until its future is done.
    #[must_use]
    pub fn blocking_method<A, R, F, Fut>(self, name: impl Into<String>, method: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Rc<T>, Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        self.with::<A>(name.into(), Body::blocking_method(method))
    }

    /// A method that returns a promise of what its future gives.
    #[must_use]
    pub fn async_method<A, R, F, Fut>(self, name: impl Into<String>, method: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(Rc<T>, Call, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HostError>> + 'static,
    {
        self.with::<A>(name.into(), Body::promise_method(method))
    }

    /// A property that is read by a function.
    #[must_use]
    pub fn getter<R, F>(mut self, name: impl Into<String>, getter: F) -> Self
    where
        R: Serialize,
        F: Fn(&T) -> Result<R, HostError> + Send + Sync + 'static,
    {
        let body = Body::method(move |this: &T, _: &Call, (): ()| getter(this));
        self.parts
            .getters
            .push(Described::new::<()>(name.into(), body));
        self
    }

    fn with<A: DeserializeOwned>(mut self, name: String, body: Body) -> Self {
        self.parts.methods.push(Described::new::<A>(name, body));
        self
    }
}

impl<T> std::fmt::Debug for HostClass<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HostClass")
            .field("name", &self.parts.name)
            .finish_non_exhaustive()
    }
}

/// What an object carries.
struct Carried {
    value: Rc<dyn Any>,
    _reservation: MemoryReservation,
}

/// The value in an object of a class of the host's.
pub(super) fn carried(object: &Value<'_>) -> Option<Rc<dyn Any>> {
    HostObject::<Carried>::with(object, |carried| Rc::clone(&carried.value))
}

impl ClassParts {
    /// Makes the class in a run.
    pub(super) fn install<'js>(
        &self,
        ctx: &Ctx<'js>,
        installed: &Rc<Installed>,
    ) -> rquickjs::Result<Value<'js>> {
        let prototype = Object::new(ctx.clone())?;
        for method in &self.methods {
            let function = self.bind(ctx, installed, method)?;
            let property = Property::from(function).writable().configurable();
            prototype.prop(method.name.as_str(), property)?;
        }
        for getter in &self.getters {
            let function = self.bind(ctx, installed, getter)?;
            prototype.prop(getter.name.as_str(), Getter(function))?;
        }
        let (name, size) = (Arc::<str>::from(self.name.as_str()), self.size);
        let (make, installed) = (self.make.clone(), Rc::clone(installed));
        // Without `new`, there is no new target that says which prototype an object has.
        let construct = move |ctx: Ctx<'js>,
                              target: This<Value<'js>>,
                              arguments: Rest<Value<'js>>| {
            contain_panic(&ctx, || {
                let Some(prototype) = target.0.as_function().map(|target| target.get("prototype"))
                else {
                    let message = format!("{name} is a class: call it with new");
                    return Err(Exception::throw_type(&ctx, &message));
                };
                let Some(make) = &make else {
                    let message = format!("{name} cannot be made by rules");
                    return Err(Exception::throw_type(&ctx, &message));
                };
                let (input, reservations) = Input::read(&ctx, &installed.run, &name, arguments)?;
                let value = make(&installed.call, input);
                drop(reservations);
                let value = value.map_err(|error| installed.throw(&ctx, error))?;
                let reservation = installed.run.count_memory(OBJECT_BYTES + size);
                let carried = Carried {
                    value,
                    _reservation: reservation,
                };
                HostObject::create(carried, prototype?)
            })
        };
        let class = Constructor::new_prototype(ctx, prototype, construct)?;
        class.set_name(&self.name)?;
        Ok(class.into_inner().into_value())
    }

    fn bind<'js>(
        &self,
        ctx: &Ctx<'js>,
        installed: &Rc<Installed>,
        method: &Described,
    ) -> rquickjs::Result<Function<'js>> {
        let full = format!("{}.{}", self.name, method.name);
        let (is_instance, shown, class) = (self.is_instance, full.clone(), self.name.clone());
        let receiver = move |ctx: &Ctx<'_>, this: &Value<'_>| {
            let value = carried(this);
            match value.filter(|value| is_instance(&**value)) {
                Some(value) => Ok(Some(value)),
                None => {
                    let message = format!("{shown} is called on what is no {class}");
                    Err(Exception::throw_type(ctx, &message))
                }
            }
        };
        installed.bind(ctx, &full, &method.body, receiver)
    }
}

/// A property that a function reads. The closure of another function around it would hide it from QuickJS's garbage
/// collector, which then could free neither.
struct Getter<'js>(Function<'js>);

impl<'js> AsProperty<'js, ()> for Getter<'js> {
    fn config(
        self,
        ctx: &Ctx<'js>,
    ) -> rquickjs::Result<(PropertyFlags, Value<'js>, Value<'js>, Value<'js>)> {
        let flags =
            qjs::JS_PROP_HAS_GET | qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_HAS_CONFIGURABLE;
        let undefined = Value::new_undefined(ctx.clone());
        let getter = self.0.into_value();
        Ok((flags as PropertyFlags, undefined.clone(), getter, undefined))
    }
}
