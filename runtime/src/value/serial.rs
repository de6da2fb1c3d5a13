//! Between a [`RuleValue`] and types that `serde` knows: how arguments and results of a host's functions are converted.

use serde::de::value::SeqDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::ser::{self, Serialize};

use super::RuleValue;
use super::misfit::Misfit;
use super::passed;

/// A value as a type of the host's.
pub(crate) fn deserialize<T: DeserializeOwned>(value: RuleValue) -> Result<T, Misfit> {
    T::deserialize(Source(value))
}

/// A value that is read.
pub(crate) struct Source(pub(crate) RuleValue);

impl<'de> serde::Deserializer<'de> for Source {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            RuleValue::Null => visitor.visit_unit(),
            RuleValue::Bool(value) => visitor.visit_bool(value),
            RuleValue::Number(number) => match super::json_number(number) {
                serde_json::Value::Number(number) => {
                    if let Some(number) = number.as_u64() {
                        visitor.visit_u64(number)
                    } else if let Some(number) = number.as_i64() {
                        visitor.visit_i64(number)
                    } else {
                        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                    }
                }
                // NaN and the infinities, which a Rust number can be.
                _ => visitor.visit_f64(number),
            },
            RuleValue::BigInt(digits) => visitor.visit_string(digits),
            RuleValue::String(text) => visitor.visit_string(text),
            RuleValue::Bytes(bytes) => visitor.visit_seq(SeqDeserializer::new(bytes.into_iter())),
            RuleValue::Array(items) => {
                let mut items = Items {
                    items: items.into_iter(),
                    next: 0,
                };
                let value = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(value)
            }
            RuleValue::Object(entries) => visitor.visit_map(Entries {
                entries: entries.into_iter(),
                open: None,
            }),
            RuleValue::Passed(number) => Err(Misfit::says(passed::words(number))),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            RuleValue::Bytes(bytes) => visitor.visit_byte_buf(bytes),
            other => Source(other).deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            RuleValue::Null => visitor.visit_none(),
            value => visitor.visit_some(Source(value)),
        }
    }

    // A number of any size, `NaN` included, and a `BigInt` that fits.
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match self.0 {
            RuleValue::Number(number) => visitor.visit_f64(number),
            other => Source(other).deserialize_i128(visitor),
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        match &self.0 {
            RuleValue::BigInt(digits) => {
                if let Ok(number) = digits.parse() {
                    visitor.visit_u64(number)
                } else if let Ok(number) = digits.parse() {
                    visitor.visit_i64(number)
                } else if let Ok(number) = digits.parse() {
                    visitor.visit_i128(number)
                } else {
                    self.deserialize_any(visitor)
                }
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.deserialize_i128(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if let RuleValue::Passed(number) = self.0
            && let Some(value) = passed::value_for(number, name)
        {
            return passed::hand_over(value, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let (variant, content) = match self.0 {
            RuleValue::Object(entries) if entries.len() == 1 => {
                let mut entries = entries.into_iter();
                match entries.next() {
                    Some((variant, content)) => (RuleValue::String(variant), Some(content)),
                    None => (RuleValue::Null, None),
                }
            }
            other => (other, None),
        };
        visitor.visit_enum(Variant { variant, content })
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 u8 u16 f32 char str string
        unit unit_struct seq tuple tuple_struct map struct identifier
    }
}

/// The items of an array that is read. An error of one of them names its place.
struct Items {
    items: std::vec::IntoIter<RuleValue>,
    next: usize,
}

impl Items {
    fn end(self) -> Result<(), Misfit> {
        match self.items.len() {
            0 => Ok(()),
            more => {
                let length = self.next + more;
                let read = self.next;
                Err(Misfit::must(
                    &format!("an array of {read}"),
                    &format!("an array of {length}"),
                ))
            }
        }
    }
}

impl<'de> SeqAccess<'de> for Items {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.next;
        self.next += 1;
        let value = seed.deserialize(Source(item));
        value.map(Some).map_err(|misfit| misfit.at_index(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The properties of an object that is read. An error of one of them names it.
struct Entries {
    entries: std::vec::IntoIter<(String, RuleValue)>,
    /// The property whose key was read.
    open: Option<(String, RuleValue)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        let read = seed.deserialize(Key(&key))?;
        self.open = Some((key, value));
        Ok(Some(read))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let (key, value) = self.open.take().unwrap_or_default();
        let value = seed.deserialize(Source(value));
        value.map_err(|misfit| misfit.at_key(&key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A property's name that is read.
struct Key<'a>(&'a str);

impl<'de> serde::Deserializer<'de> for Key<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let variant = RuleValue::String(self.0.to_owned());
        visitor.visit_enum(Variant {
            variant,
            content: None,
        })
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// A value of an enum: the name of its variant, and what is in it.
struct Variant {
    variant: RuleValue,
    content: Option<RuleValue>,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Misfit;
    type Variant = Content;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content), Misfit> {
        let variant = seed.deserialize(Source(self.variant))?;
        Ok((variant, Content(self.content)))
    }
}

struct Content(Option<RuleValue>);

impl Content {
    fn given(self, expected: &str) -> Result<RuleValue, Misfit> {
        self.0.ok_or_else(|| {
            Misfit::must(
                &format!("an object with one property that has {expected}"),
                "a string",
            )
        })
    }
}

impl<'de> VariantAccess<'de> for Content {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        match self.0 {
            None | Some(RuleValue::Null) => Ok(()),
            Some(_) => Err(Misfit::says("is a variant without content")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        seed.deserialize(Source(self.given("content")?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Misfit> {
        serde::Deserializer::deserialize_any(Source(self.given("an array")?), visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        serde::Deserializer::deserialize_any(Source(self.given("properties")?), visitor)
    }
}

impl Serialize for RuleValue {
    fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::Passed(_) => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => super::json_number(*number).serialize(serializer),
            Self::BigInt(text) | Self::String(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(entries) => {
                serializer.collect_map(entries.iter().map(|(key, value)| (key, value)))
            }
        }
    }
}

// ---- results

/// Makes a [`RuleValue`] of what `serde` can write: as `serde_json` does, but for bytes.
pub(crate) struct ToValue;

/// An array or an object that is being written, and the variant that it is of.
pub(crate) struct Parts {
    variant: Option<&'static str>,
    items: Vec<RuleValue>,
    entries: Vec<(String, RuleValue)>,
    key: Option<String>,
}

impl Parts {
    fn of(variant: Option<&'static str>, length: Option<usize>) -> Self {
        // What a type says of its length is a hint.
        const MOST: usize = 4096;
        Self {
            variant,
            items: Vec::with_capacity(length.unwrap_or(0).min(MOST)),
            entries: Vec::new(),
            key: None,
        }
    }

    fn array(self) -> RuleValue {
        tagged(self.variant, RuleValue::Array(self.items))
    }

    fn object(self) -> RuleValue {
        tagged(self.variant, RuleValue::Object(self.entries))
    }

    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        self.items.push(value.serialize(ToValue)?);
        Ok(())
    }

    fn entry<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), Misfit> {
        let value = value.serialize(ToValue)?;
        self.entries.push((key, value));
        Ok(())
    }
}

fn tagged(variant: Option<&'static str>, value: RuleValue) -> RuleValue {
    match variant {
        Some(variant) => RuleValue::Object(vec![(variant.to_owned(), value)]),
        None => value,
    }
}

impl ser::Serializer for ToValue {
    type Ok = RuleValue;
    type Error = Misfit;
    type SerializeSeq = Parts;
    type SerializeTuple = Parts;
    type SerializeTupleStruct = Parts;
    type SerializeTupleVariant = Parts;
    type SerializeMap = Parts;
    type SerializeStruct = Parts;
    type SerializeStructVariant = Parts;

    fn serialize_bool(self, value: bool) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    fn serialize_i16(self, value: i16) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    fn serialize_i32(self, value: i32) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    // Larger ones lose digits, as they do when JSON is parsed.
    fn serialize_i64(self, value: i64) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value as f64))
    }

    fn serialize_i128(self, value: i128) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value as f64))
    }

    fn serialize_u8(self, value: u8) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    fn serialize_u16(self, value: u16) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    fn serialize_u32(self, value: u32) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value.into()))
    }

    fn serialize_u64(self, value: u64) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value as f64))
    }

    fn serialize_u128(self, value: u128) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Number(value as f64))
    }

    fn serialize_f32(self, value: f32) -> Result<RuleValue, Misfit> {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Result<RuleValue, Misfit> {
        // As JSON, which hosts' types are written for.
        Ok(if value.is_finite() {
            RuleValue::Number(value)
        } else {
            RuleValue::Null
        })
    }

    fn serialize_char(self, value: char) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::String(value.to_string()))
    }

    fn serialize_str(self, value: &str) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::String(value.to_owned()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Bytes(value.to_vec()))
    }

    fn serialize_none(self) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<RuleValue, Misfit> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<RuleValue, Misfit> {
        Ok(RuleValue::Null)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<RuleValue, Misfit> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<RuleValue, Misfit> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<RuleValue, Misfit> {
        Ok(tagged(Some(variant), value.serialize(self)?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Parts, Misfit> {
        Ok(Parts::of(None, length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Parts, Misfit> {
        Ok(Parts::of(None, Some(length)))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Parts, Misfit> {
        Ok(Parts::of(None, Some(length)))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Parts, Misfit> {
        Ok(Parts::of(Some(variant), Some(length)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Parts, Misfit> {
        Ok(Parts::of(None, None))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Parts, Misfit> {
        Ok(Parts::of(None, None))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Parts, Misfit> {
        Ok(Parts::of(Some(variant), None))
    }
}

macro_rules! sequences {
    ($($kind:ident $push:ident),*) => {
        $(impl ser::$kind for Parts {
            type Ok = RuleValue;
            type Error = Misfit;

            fn $push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
                self.item(value)
            }

            fn end(self) -> Result<RuleValue, Misfit> {
                Ok(self.array())
            }
        })*
    };
}

sequences! {
    SerializeSeq serialize_element, SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field
}

macro_rules! structs {
    ($($kind:ident),*) => {
        $(impl ser::$kind for Parts {
            type Ok = RuleValue;
            type Error = Misfit;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), Misfit> {
                self.entry(key.to_owned(), value)
            }

            fn end(self) -> Result<RuleValue, Misfit> {
                Ok(self.object())
            }
        })*
    };
}

structs! { SerializeStruct, SerializeStructVariant }

impl ser::SerializeMap for Parts {
    type Ok = RuleValue;
    type Error = Misfit;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Misfit> {
        // All digits of a number count.
        self.key = match serde_json::to_value(key) {
            Ok(serde_json::Value::String(key)) => Some(key),
            Ok(serde_json::Value::Number(key)) => Some(key.to_string()),
            Ok(serde_json::Value::Bool(key)) => Some(key.to_string()),
            _ => return Err(Misfit::says("has a key that is no string")),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Misfit> {
        let key = self.key.take().unwrap_or_default();
        self.entry(key, value)
    }

    fn end(self) -> Result<RuleValue, Misfit> {
        Ok(self.object())
    }
}
