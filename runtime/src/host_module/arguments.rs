//! The arguments of a call, and how they become a tuple of the host's types. An error names the function and the argument.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use rquickjs::function::Rest;
use rquickjs::{Ctx, Value};
use serde::de::{DeserializeOwned, DeserializeSeed, SeqAccess, Visitor};

use super::callback::{self, CALLBACK, Callback};
use super::error::HostError;
use crate::convert::{self, Functions, function_in_words};
use crate::memory_reservation::MemoryReservation;
use crate::run::Run;
use crate::value::{Misfit, RuleValue, Source};

/// What a call passes to a function of the host's.
pub(super) struct Input {
    /// As errors name it: `total`, `Counter.add`.
    function: Arc<str>,
    /// The object whose method is called.
    pub(super) this: Option<Rc<dyn Any>>,
    arguments: Vec<Argument>,
}

enum Argument {
    Value(RuleValue),
    Function(PassedFunction),
}

/// A function that is passed, and what an error calls it.
struct PassedFunction {
    callback: Callback,
    words: String,
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
        for (index, argument) in arguments.0.into_iter().enumerate() {
            if let Some(passed) = argument.as_function() {
                values.push(Argument::Function(PassedFunction {
                    callback: Callback::new(ctx, run, passed.clone()),
                    words: function_in_words(passed),
                }));
                continue;
            }
            let what = format!("{function}: argument {}", index + 1);
            let read = convert::value(ctx, &what, argument, Functions::Refused);
            let read = read.map_err(|unfit| unfit.throw(ctx))?;
            values.push(Argument::Value(read.tree));
            reservations.extend(read.reservations);
        }
        let input = Self {
            function: Arc::clone(function),
            this: None,
            arguments: values,
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
        let arguments = Arguments(self.arguments);
        let read = A::deserialize(arguments);
        read.map_err(|misfit| HostError::new(misfit.of(&function)).class("TypeError"))
    }
}

/// The arguments, in front of a type that is read of them.
struct Arguments(Vec<Argument>);

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
    arguments: std::vec::IntoIter<Argument>,
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
            None => (Argument::Value(RuleValue::Null), true),
        };
        seed.deserialize(argument).map(Some).map_err(|misfit| {
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

impl PassedFunction {
    /// It is passed where data are wanted.
    fn refuse(&self) -> Misfit {
        Misfit::says(format!("{}, which is no data", self.words))
    }
}

/// Every kind of type but functions, and what may be one, is read from the argument's value.
macro_rules! values {
    ($($method:ident($($name:ident: $kind:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, Misfit> {
            match self {
                Self::Value(value) => Source(value).$method($($name,)* visitor),
                Self::Function(function) => Err(function.refuse()),
            }
        })*
    };
}

impl<'de> serde::Deserializer<'de> for Argument {
    type Error = Misfit;

    values! {
        deserialize_any() deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_i128() deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64() deserialize_char() deserialize_str() deserialize_string()
        deserialize_bytes() deserialize_byte_buf() deserialize_unit() deserialize_unit_struct(name: &'static str)
        deserialize_seq() deserialize_tuple(length: usize)
        deserialize_tuple_struct(name: &'static str, length: usize) deserialize_map()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str]) deserialize_identifier()
        deserialize_ignored_any()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self {
            Self::Value(RuleValue::Null) => visitor.visit_none(),
            argument => visitor.visit_some(argument),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        match self {
            Self::Function(function) if name == CALLBACK => {
                callback::pass(function.callback, visitor)
            }
            argument => visitor.visit_newtype_struct(argument),
        }
    }
}
