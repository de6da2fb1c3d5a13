//! The types of a function's parameters as TypeScript writes them, found out from the Rust type of its arguments.
//!
//! A type that serde can read is asked to read itself from [`Probe`], which notes what it asks for and answers with a value
//! that is as good as empty. What cannot be found out is `any`.

use std::rc::Rc;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::callback::{CALLBACK, Callback};
use super::instance::INSTANCE;
use crate::value::{Misfit, passed};

/// So deep are types looked at. One may contain itself.
const MOST_DEPTH: u32 = 6;

/// The parameters of a function.
#[derive(Clone, Copy)]
pub(super) struct Signature(fn() -> String);

impl Signature {
    pub(super) fn of<A: DeserializeOwned>() -> Self {
        Self(parameters::<A>)
    }

    /// The parameters, in brackets: `(argument1: string, argument2?: number)`.
    pub(super) fn parameters(self) -> String {
        (self.0)()
    }
}

fn parameters<A: DeserializeOwned>() -> String {
    let mut found = Vec::new();
    let mut is_list = false;
    // That it ends with an error only means that not all is known.
    let _ = A::deserialize(Parameters {
        found: &mut found,
        is_list: &mut is_list,
    });
    if is_list {
        return "(...parameters: any[])".to_owned();
    }
    // Only the last ones can be left out.
    let required = found.iter().rposition(|kind| !kind.is_optional);
    let required = required.map_or(0, |at| at + 1);
    let parameters: Vec<_> = found
        .iter()
        .enumerate()
        .map(|(at, kind)| {
            let (number, text) = (at + 1, &kind.text);
            match (kind.is_optional, at < required) {
                (true, true) => format!("argument{number}: {text} | null | undefined"),
                (true, false) => format!("argument{number}?: {text} | null"),
                (false, _) => format!("argument{number}: {text}"),
            }
        })
        .collect();
    format!("({})", parameters.join(", "))
}

/// The type of a value.
#[derive(Clone)]
struct Kind {
    text: String,
    is_optional: bool,
}

impl Default for Kind {
    fn default() -> Self {
        let text = "any".to_owned();
        Self {
            text,
            is_optional: false,
        }
    }
}

impl Kind {
    fn or_null(&self) -> String {
        match self.is_optional {
            true => format!("{} | null", self.text),
            false => self.text.clone(),
        }
    }

    fn property(&self, name: &str) -> String {
        let name = property_name(name);
        match self.is_optional {
            true => format!("{name}?: {} | null", self.text),
            false => format!("{name}: {}", self.text),
        }
    }
}

/// A property's name in a type.
pub(super) fn property_name(name: &str) -> String {
    match is_identifier(name) {
        true => name.to_owned(),
        false => quoted(name),
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// A text as JavaScript writes it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn unknown() -> Misfit {
    Misfit::says("is of a type that is not known")
}

/// The arguments of a function.
struct Parameters<'a> {
    found: &'a mut Vec<Kind>,
    is_list: &'a mut bool,
}

impl<'de> serde::Deserializer<'de> for Parameters<'_> {
    type Error = Misfit;

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.found.resize_with(length, Kind::default);
        visitor.visit_seq(Elements {
            kinds: self.found.iter_mut(),
            depth: 0,
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Misfit> {
        *self.is_list = true;
        Err(unknown())
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit_struct newtype_struct seq tuple_struct map struct enum identifier ignored_any
    }
}

/// Values, each of a type that is to be found out.
struct Elements<'a> {
    kinds: std::slice::IterMut<'a, Kind>,
    depth: u32,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Misfit;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        let depth = self.depth;
        let kind = self.kinds.next();
        kind.map(|kind| seed.deserialize(Probe { kind, depth }))
            .transpose()
    }
}

/// Properties: their names are known, or it is one of any name.
struct Properties<'a> {
    names: std::slice::Iter<'static, &'static str>,
    kinds: std::slice::IterMut<'a, Kind>,
    depth: u32,
}

impl<'de> MapAccess<'de> for Properties<'_> {
    type Error = Misfit;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Misfit> {
        let name = self.names.next();
        let name = name.map(|name| -> StrDeserializer<'_, Misfit> { name.into_deserializer() });
        name.map(|name| seed.deserialize(name)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Misfit> {
        let depth = self.depth;
        let kind = self.kinds.next().ok_or_else(unknown)?;
        seed.deserialize(Probe { kind, depth })
    }
}

/// What a type reads itself from; it notes what the type asks for.
struct Probe<'a> {
    kind: &'a mut Kind,
    depth: u32,
}

impl Probe<'_> {
    fn is(&mut self, text: &str) {
        text.clone_into(&mut self.kind.text);
    }

    fn tuple<'de, V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        if self.depth >= MOST_DEPTH {
            return Err(unknown());
        }
        let mut kinds = vec![Kind::default(); length];
        let made = visitor.visit_seq(Elements {
            kinds: kinds.iter_mut(),
            depth: self.depth + 1,
        });
        let kinds: Vec<_> = kinds.iter().map(Kind::or_null).collect();
        self.kind.text = format!("[{}]", kinds.join(", "));
        made
    }
}

/// What is noted for types that are one value, and the value that they get.
macro_rules! simple {
    ($($method:ident $text:literal $visit:ident($value:expr);)*) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Misfit> {
            self.is($text);
            visitor.$visit($value)
        })*
    };
}

impl<'de> serde::Deserializer<'de> for Probe<'_> {
    type Error = Misfit;

    // One, as zero is refused by types of numbers that are not zero.
    simple! {
        deserialize_bool "boolean" visit_bool(false);
        deserialize_i8 "number" visit_u64(1);
        deserialize_i16 "number" visit_u64(1);
        deserialize_i32 "number" visit_u64(1);
        deserialize_i64 "number | bigint" visit_u64(1);
        deserialize_i128 "number | bigint" visit_u64(1);
        deserialize_u8 "number" visit_u64(1);
        deserialize_u16 "number" visit_u64(1);
        deserialize_u32 "number" visit_u64(1);
        deserialize_u64 "number | bigint" visit_u64(1);
        deserialize_u128 "number | bigint" visit_u64(1);
        deserialize_f32 "number" visit_f64(1.0);
        deserialize_f64 "number" visit_f64(1.0);
        deserialize_char "string" visit_char('a');
        deserialize_str "string" visit_str("");
        deserialize_string "string" visit_str("");
        deserialize_bytes "Uint8Array" visit_bytes(&[]);
        deserialize_byte_buf "Uint8Array" visit_byte_buf(Vec::new());
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        self.kind.is_optional = true;
        if self.depth >= MOST_DEPTH {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Misfit> {
        self.is("null");
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        mut self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if name == CALLBACK {
            self.is("(...parameters: any[]) => any");
            return passed::hand_over(Rc::new(Callback::detached()), visitor);
        }
        if name == INSTANCE {
            // There is none to hand over.
            return Err(unknown());
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let mut kinds = [Kind::default()];
        let length = usize::from(self.depth < MOST_DEPTH);
        let made = visitor.visit_seq(Elements {
            kinds: kinds[..length].iter_mut(),
            depth: self.depth + 1,
        });
        self.kind.text = format!("Array<{}>", kinds[0].or_null());
        made
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        self.tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        let mut kinds = [Kind::default()];
        let names: &'static [&'static str] = match self.depth < MOST_DEPTH {
            true => &["name"],
            false => &[],
        };
        let made = visitor.visit_map(Properties {
            names: names.iter(),
            kinds: kinds.iter_mut(),
            depth: self.depth + 1,
        });
        self.kind.text = format!("Record<string, {}>", kinds[0].or_null());
        made
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        if self.depth >= MOST_DEPTH {
            return Err(unknown());
        }
        let mut kinds = vec![Kind::default(); fields.len()];
        let made = visitor.visit_map(Properties {
            names: fields.iter(),
            kinds: kinds.iter_mut(),
            depth: self.depth + 1,
        });
        let fields: Vec<_> = fields.iter().zip(&kinds).collect();
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, kind)| kind.property(name))
            .collect();
        self.kind.text = format!("{{ {} }}", fields.join("; "));
        made
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        // Only the first variant can be looked at, so the others may have content or not.
        let mut kinds: Vec<_> = variants.iter().map(|name| quoted(name)).collect();
        kinds.push("Record<string, any>".to_owned());
        self.kind.text = kinds.join(" | ");
        visitor.visit_enum(First {
            variants,
            depth: self.depth + 1,
        })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str("")
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_unit()
    }
}

/// The first variant of an enum.
struct First {
    variants: &'static [&'static str],
    depth: u32,
}

impl<'de> EnumAccess<'de> for First {
    type Error = Misfit;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Misfit> {
        let name = self.variants.first().ok_or_else(unknown)?;
        let name: StrDeserializer<'_, Misfit> = name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for First {
    type Error = Misfit;

    fn unit_variant(self) -> Result<(), Misfit> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Misfit> {
        if self.depth >= MOST_DEPTH {
            return Err(unknown());
        }
        seed.deserialize(Probe {
            kind: &mut Kind::default(),
            depth: self.depth,
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Misfit> {
        let probe = Probe {
            kind: &mut Kind::default(),
            depth: self.depth,
        };
        probe.tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        let probe = Probe {
            kind: &mut Kind::default(),
            depth: self.depth,
        };
        serde::Deserializer::deserialize_struct(probe, "", fields, visitor)
    }
}
