//! Bytes as arguments and results.

use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes, which are a `Uint8Array` to rules.
///
/// As an argument it takes a `Uint8Array`, an `ArrayBuffer` or a `DataView`, and an array of bytes' numbers. They are copied
/// once on their way in and out, and never become text. A plain `Vec<u8>` also takes bytes as an argument, but is an array
/// of numbers as a result.
///
/// ```
/// # use cla_runtime::host::{Bytes, Call, HostError};
/// # use cla_runtime::{Engine, HostModule, RunOptions, Script};
/// let zip = HostModule::new("app/zip")
///     .function_with("reverse", |_call: &Call, (bytes,): (Bytes,)| -> Result<Bytes, HostError> {
///         Ok(bytes.iter().rev().copied().collect::<Vec<u8>>().into())
///     });
/// let rule = "
///     const turned = require('app/zip').reverse(new Uint8Array([1, 2, 3]));
///     [turned instanceof Uint8Array, ...turned]";
/// let engine = Engine::builder().module(zip).build();
/// let report = engine.run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.result.unwrap(), serde_json::json!([true, 3, 2, 1]));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The bytes.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Bytes> for Vec<u8> {
    fn from(bytes: Bytes) -> Self {
        bytes.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl DerefMut for Bytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Bytes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes (a Uint8Array)")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = items.next_element()? {
                    bytes.push(byte);
                }
                Ok(Bytes(bytes))
            }
        }

        deserializer.deserialize_byte_buf(Read)
    }
}
