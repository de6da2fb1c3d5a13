//! Values outside of a run, as data of Rust's.
//!
//! [`RuleValue`] describes by which rule a JavaScript value becomes one.

mod misfit;
pub(crate) mod passed;
mod serial;
mod tree;

use serde_json::Value as Json;

pub(crate) use misfit::Misfit;
pub(crate) use serial::{Source, ToValue, deserialize};
pub(crate) use tree::{ALLOCATION, Tree};

/// The most that a value may be nested, in levels of arrays and objects: as many as `serde_json` reads by default.
///
/// ```
/// use cla_runtime::value::MAX_DEPTH;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let nested = |depth: usize| {
///     let text = format!("let value = 1; for (let n = 0; n < {depth}; n++) value = [value]; value");
///     Engine::new().run(Script::javascript("nested", text), RunOptions::new()).wait().is_ok()
/// };
/// assert!(nested(MAX_DEPTH));
/// assert!(!nested(MAX_DEPTH + 1));
/// ```
pub const MAX_DEPTH: usize = 127;

/// What is wanted of what a rule returns; see [`RunOptions::wanted`](crate::RunOptions::wanted).
///
/// ```
/// use cla_runtime::value::Wanted;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let rule = Script::javascript("rule", "Array(1000).fill(7)");
/// let report = Engine::new().run(rule, RunOptions::new().wanted(Wanted::Nothing)).wait();
/// assert!(report.result.unwrap().is_null(), "nothing was converted");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: it is not converted, so it costs nothing and cannot fail.
    Nothing,
    /// JSON, in [`RunReport::result`](crate::RunReport::result).
    #[default]
    Json,
    /// A [`RuleValue`], in [`RunReport::value`](crate::RunReport::value).
    Value,
    /// A [`RuleValue`] that is an array: what the rule returns, and what its stash is in the end, without functions.
    ValueAndStash,
}

/// What a run returned, in the form that was wanted; nothing in the others.
#[derive(Debug, Default)]
pub(crate) struct Returned {
    pub(crate) json: Json,
    pub(crate) value: RuleValue,
}

/// Data for a run.
#[derive(Clone, Debug)]
pub(crate) enum Stash {
    Json(Json),
    Value(RuleValue),
}

impl Default for Stash {
    fn default() -> Self {
        Self::Json(Json::Null)
    }
}

/// A rule's value outside of its run: what JSON knows, and what JSON does not know.
///
/// One rule says what becomes of a JavaScript value, wherever it leaves a run: as the value of the run, as the stash or
/// the result of another rule, in the variables of a fork, as an argument of a host's function.
///
/// | JavaScript | `RuleValue` | JSON |
/// | --- | --- | --- |
/// | `null`, `undefined` | `Null`; a property that is `undefined` is left out | `null` |
/// | boolean, string | `Bool`, `String`; a surrogate without its other half becomes U+FFFD | the same |
/// | number | `Number` | a number; `null` for `NaN` and the infinities, which JSON does not have |
/// | `BigInt` | `BigInt` | the text of its digits, for a number of JSON may lose some |
/// | an object with a method `toJSON`, such as a `Date` | what that returns: a `Date` is its ISO text, an invalid one `null` | the same |
/// | array, `Set` | `Array`; what is missing in it is `Null` | an array |
/// | typed array of numbers that are no bytes | `Array` of its numbers | an array |
/// | `Uint8Array`, `Uint8ClampedArray`, `ArrayBuffer`, `DataView` | `Bytes` | an array of the bytes' numbers |
/// | `Map` | `Object` if all its keys are strings, else `Array` of `[key, value]` | an object or an array |
/// | `RegExp` | `String`: its text | a string |
/// | `Error` | `Object`: `name`, `message`, `cause` and `errors` if it has them, its own properties | an object |
/// | boxed number, string, boolean, `BigInt` | the value in the box | |
/// | any other object | `Object` of its own enumerable properties; getters and proxies run | an object |
///
/// What is no data is refused, with an error that names the path to it, such as `value.items[3].next`: a function, a symbol,
/// a promise, a weak collection, a value that contains itself, one that is nested more than [`MAX_DEPTH`] levels deep, and
/// one that needs more memory than the run has left. A part that is used in several places counts in each of them.
/// What a getter, a proxy or `toJSON` throws goes on to the caller. Two exceptions: a run whose whole value is a function or a symbol
/// has the value `null`, because many a rule ends with one by chance; and functions and symbols in a fork's variables stay behind.
///
/// In the other direction, `Bytes` become a `Uint8Array`, `BigInt` a `BigInt`, and the rest what `JSON.parse` gives.
///
/// ```
/// use cla_runtime::value::{RuleValue, Wanted};
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let rule = Script::javascript("rule", "({ bytes: new Uint8Array([1, 2]), large: 10n ** 20n })");
/// let options = RunOptions::new().wanted(Wanted::Value);
/// let report = Engine::new().run(rule, options).wait();
/// let RuleValue::Object(fields) = report.value else { panic!("it is an object") };
/// assert_eq!(fields[0], ("bytes".into(), RuleValue::Bytes(vec![1, 2])));
/// assert_eq!(fields[1], ("large".into(), RuleValue::BigInt("100000000000000000000".into())));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum RuleValue {
    /// `null` or `undefined`.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A number.
    Number(f64),
    /// The decimal digits of a `BigInt`, with a `-` before them if it is negative.
    BigInt(String),
    /// A string.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// An array.
    Array(Vec<RuleValue>),
    /// An object: its properties in their order. No key is in it twice.
    Object(Vec<(String, RuleValue)>),
    /// What is no data and is passed to a function of the host's: its number among all that the call passes. The engine uses
    /// it while it reads the arguments; no host gets one.
    #[doc(hidden)]
    Passed(usize),
}

impl RuleValue {
    /// As JSON; what JSON does not know becomes what the table above says.
    #[must_use]
    pub fn into_json(self) -> Json {
        match self {
            Self::Null | Self::Passed(_) => Json::Null,
            Self::Bool(value) => value.into(),
            Self::Number(value) => json_number(value),
            Self::BigInt(text) | Self::String(text) => text.into(),
            Self::Bytes(bytes) => bytes.into(),
            Self::Array(items) => items.into_iter().map(Self::into_json).collect(),
            Self::Object(entries) => {
                let entries = entries.into_iter();
                entries
                    .map(|(key, value)| (key, value.into_json()))
                    .collect()
            }
        }
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let mut weight = 0;
        let mut left = vec![self];
        while let Some(value) = left.pop() {
            weight += size_of::<Self>();
            match value {
                Self::BigInt(text) | Self::String(text) => weight += text.len(),
                Self::Bytes(bytes) => weight += bytes.len(),
                Self::Array(items) => left.extend(items),
                Self::Object(entries) => left.extend(entries.iter().map(|(key, value)| {
                    weight += size_of::<String>() + key.len();
                    value
                })),
                _ => {}
            }
        }
        weight
    }
}

impl From<RuleValue> for Json {
    fn from(value: RuleValue) -> Self {
        value.into_json()
    }
}

impl PartialEq<Json> for RuleValue {
    fn eq(&self, other: &Json) -> bool {
        self.clone().into_json() == *other
    }
}

/// A number as JSON: an integer where it is one that fits 64 bits.
fn json_number(number: f64) -> Json {
    const UNSIGNED: f64 = 18_446_744_073_709_551_616.0; // 2^64
    const SIGNED: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if number.fract() == 0.0 && (0.0..UNSIGNED).contains(&number) {
        (number as u64).into()
    } else if number.fract() == 0.0 && (-SIGNED..0.0).contains(&number) {
        (number as i64).into()
    } else {
        // `null` for what JSON does not have.
        number.into()
    }
}
