//! What a JavaScript value can become, by one walk through it: a [`RuleValue`], or JSON.

use serde_json::Value as Json;

use super::{RuleValue, json_number};

/// What a JavaScript value can become.
pub(crate) trait Tree: Sized {
    /// Its object while it is being filled.
    type Fields: Default;
    /// Bytes per value in an array.
    const ITEM: usize;
    /// Bytes per value in an object, with its key but for the key's text.
    const ENTRY: usize;

    fn null() -> Self;
    fn bool(value: bool) -> Self;
    fn number(value: f64) -> Self;
    fn big_int(digits: String) -> Self;
    fn string(text: String) -> Self;
    /// How much memory that many bytes take.
    fn weight_of_bytes(length: usize) -> usize;
    fn bytes(bytes: &[u8]) -> Self;
    fn array(items: Vec<Self>) -> Self;
    fn insert(object: &mut Self::Fields, key: String, value: Self);
    fn object(object: Self::Fields) -> Self;
    /// What stands for a value that is [passed](super::passed), if that can be.
    fn passed(number: usize) -> Option<Self>;
}

impl Tree for RuleValue {
    type Fields = Vec<(String, RuleValue)>;
    const ITEM: usize = size_of::<Self>();
    // A list that grows has room for up to twice as many.
    const ENTRY: usize = 2 * size_of::<(String, Self)>() + ALLOCATION;

    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(value: f64) -> Self {
        Self::Number(value)
    }

    fn big_int(digits: String) -> Self {
        Self::BigInt(digits)
    }

    fn string(text: String) -> Self {
        Self::String(text)
    }

    fn weight_of_bytes(length: usize) -> usize {
        length
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn insert(object: &mut Self::Fields, key: String, value: Self) {
        object.push((key, value));
    }

    fn object(object: Self::Fields) -> Self {
        Self::Object(object)
    }

    fn passed(number: usize) -> Option<Self> {
        Some(Self::Passed(number))
    }
}

/// What an allocation takes besides its contents.
pub(crate) const ALLOCATION: usize = 16;

impl Tree for Json {
    type Fields = serde_json::Map<String, Json>;
    const ITEM: usize = size_of::<Self>();
    // With a hash and an index per entry, in lists that grow to twice their size.
    const ENTRY: usize = 2 * (size_of::<(u64, String, Self)>() + size_of::<usize>()) + ALLOCATION;

    fn null() -> Self {
        Self::Null
    }

    fn bool(value: bool) -> Self {
        Self::Bool(value)
    }

    fn number(value: f64) -> Self {
        json_number(value)
    }

    fn big_int(digits: String) -> Self {
        Self::String(digits)
    }

    fn string(text: String) -> Self {
        Self::String(text)
    }

    fn weight_of_bytes(length: usize) -> usize {
        length.saturating_mul(Self::ITEM)
    }

    fn bytes(bytes: &[u8]) -> Self {
        bytes.into()
    }

    fn array(items: Vec<Self>) -> Self {
        Self::Array(items)
    }

    fn insert(object: &mut Self::Fields, key: String, value: Self) {
        object.insert(key, value);
    }

    fn object(object: Self::Fields) -> Self {
        Self::Object(object)
    }

    fn passed(_number: usize) -> Option<Self> {
        None
    }
}
