//! The arguments of a call, and how they become a tuple of the host's types. An error names the function and the argument.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::Rest;
use rquickjs::{Ctx, Object, Value};
use serde::de::{DeserializeOwned, DeserializeSeed, SeqAccess, Visitor};

use super::callback::{CALLBACK, Callback};
use super::class;
use super::error::HostError;
use super::instance::INSTANCE;
use crate::convert::{self, function_in_words};
use crate::memory_reservation::MemoryReservation;
use crate::run::Run;
use crate::value::passed::{self, Passed};
use crate::value::{Misfit, RuleValue, Source};

/// What a call passes to a function of the host's.
pub(super) struct Input {
    /// As errors name it: `total`, `Counter.add`.
    function: Arc<str>,
    /// The object whose method is called.
    pub(super) this: Option<Rc<dyn Any>>,
    arguments: Vec<RuleValue>,
    /// The functions and the objects of classes among them.
    passed: Vec<Passed>,
}

impl Input {
    /// Reads the arguments of a call. They count as the run's memory as long as the second part lives.
    pub(super) fn read<'js>(
        ctx: &Ctx<'js>,
        run: &Rc<Run>,
        function: &Arc<str>,
        arguments: Rest<Value<'js>>,
    ) -> rquickjs::Result<(Self, Vec<MemoryReservation>)> {
        let (mut values, mut reservations) = (Vec::with_capacity(arguments.len()), Vec::new());
        let mut passed = Vec::new();
        let mut keep = |object: &Object<'js>| {
            passed.push(keep(ctx, run, object)?);
            Some(passed.len() - 1)
        };
        for (index, argument) in arguments.0.into_iter().enumerate() {
            let what = format!("{function}: argument {}", index + 1);
            let read = convert::value_keeping(ctx, &what, argument, &mut keep);
            let read = read.map_err(|unfit| unfit.throw(ctx))?;
            values.push(read.tree);
            reservations.extend(read.reservations);
        }
        let input = Self {
            function: Arc::clone(function),
            this: None,
            arguments: values,
            passed,
        };
        Ok((input, reservations))
    }

    /// The arguments as a tuple; what is missing is `null`.
    ///
    /// # Errors
    ///
    /// A `TypeError` for the rule.
    pub(super) fn arguments<A: DeserializeOwned>(self) -> Result<A, HostError> {
        let function = self.function;
        let _list = passed::lend(self.passed);
        let read = A::deserialize(Arguments(self.arguments));
        read.map_err(|misfit| HostError::new(misfit.of(&function)).class("TypeError"))
    }
}

/// The arguments, in front of a type that is read of them.
struct Arguments(Vec<RuleValue>);

impl Arguments {
    fn visit<'de, V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(Given {
            arguments: self.0.into_iter(),
            next: 0,
            length,
        })
    }
}

impl<'de> serde::Deserializer<'de> for Arguments {
    type Error = Misfit;

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.visit(length, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let length = self.0.len();
        self.visit(length, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

/// The arguments, one after the other.
struct Given {
    arguments: std::vec::IntoIter<RuleValue>,
    next: usize,
    /// How many are wanted.
    length: usize,
}

impl<'de> SeqAccess<'de> for Given {
    type Error = Misfit;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        if self.next == self.length {
            return Ok(None);
        }
        self.next += 1;
        let (argument, is_missing) = match self.arguments.next() {
            Some(argument) => (argument, false),
            None => (RuleValue::Null, true),
        };
        seed.deserialize(Source(argument))
            .map(Some)
            .map_err(|misfit| {
                let subject = format!("argument {}", self.next);
                let sentence = match is_missing {
                    true => misfit.of_missing(&subject),
                    false => misfit.of(&subject),
                };
                Misfit::about(sentence)
            })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.length - self.next)
    }
}

/// What is passed as it is, and not as data.
fn keep<'js>(ctx: &Ctx<'js>, run: &Rc<Run>, object: &Object<'js>) -> Option<Passed> {
    if let Some(function) = object.as_function() {
        return Some(Passed {
            newtype: CALLBACK,
            value: Rc::new(Callback::new(ctx, run, function.clone())),
            words: format!("{}, which is no data", function_in_words(object)),
        });
    }
    Some(Passed {
        newtype: INSTANCE,
        value: class::carried(object)?,
        words: "is an object of a class of the host's, which is no data".to_owned(),
    })
}
