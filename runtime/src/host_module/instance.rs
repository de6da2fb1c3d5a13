//! An object of a class of the host's, as an argument of a function of the host's.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;

use serde::de::{Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::value::passed;

/// By this name of a type, the arguments of a call know that an [`Instance`] is wanted.
pub(super) const INSTANCE: &str = "$cla::Instance";

/// An object of a [`HostClass`](super::HostClass) as an argument: the Rust value in it. It may also be a part of an argument,
/// in a list or in a type that derives `Deserialize`.
///
/// It is the value itself and no copy: what a [`Cell`](std::cell::Cell) in it is set to, the rule's object has. An object of
/// another class is a `TypeError`.
///
/// ```
/// # use std::cell::Cell;
/// # use cla_runtime::host::{Call, HostClass, Instance};
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let counters = HostModule::new("app/counters")
///     .class("Counter", |class: HostClass<Cell<u32>>| {
///         class
///             .constructor(|_call, (start,): (u32,)| Ok(Cell::new(start)))
///             .getter("value", |counter| Ok(counter.get()))
///     })
///     .function_with("drain", |_call: &Call, (all,): (Vec<Instance<Cell<u32>>>,)| {
///         Ok(all.iter().map(|counter| counter.take()).sum::<u32>())
///     });
/// let rule = "
///     import { Counter, drain } from 'app/counters';
///     const counter = new Counter(40);
///     export default [drain([counter, new Counter(2)]), counter.value];";
/// let engine = Engine::builder().module(counters).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), serde_json::json!([42, 0]));
/// ```
pub struct Instance<T>(Rc<T>);

impl<T> Instance<T> {
    /// The value, which the rule's object shares.
    #[must_use]
    pub fn into_rc(self) -> Rc<T> {
        self.0
    }
}

impl<T> Clone for Instance<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Deref for Instance<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Instance<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instance").field(&self.0).finish()
    }
}

impl<'de, T: 'static> Deserialize<'de> for Instance<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T>(PhantomData<fn() -> T>);

        impl<'de, T: 'static> Visitor<'de> for Read<T> {
            type Value = Instance<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of the class that is wanted")
            }

            fn visit_unit<E: serde::de::Error>(self) -> Result<Instance<T>, E> {
                let Some(value) = passed::take() else {
                    return Err(E::invalid_type(Unexpected::Unit, &self));
                };
                let another = Unexpected::Other("one of another class");
                value
                    .downcast()
                    .map(Instance)
                    .map_err(|_| E::invalid_type(another, &self))
            }

            // Any other argument, so that the error says what it is.
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                other: D,
            ) -> Result<Instance<T>, D::Error> {
                other.deserialize_any(self)
            }
        }

        deserializer.deserialize_newtype_struct(INSTANCE, Read(PhantomData))
    }
}
