//! The built-in functions that are guarded, as a table: where each is, and what is to be looked at before a call of it.
//!
//! [`natives`](super::natives) puts the guards in place. Which functions they are, and what happens where one would take
//! long, is decided above, in [`builtins`](crate::builtins).

use std::ffi::CStr;

use rquickjs::{Ctx, Result, Value};

use crate::run::Run;

/// So many indices are gone through in next to no time, whatever each of them costs.
pub(crate) const SHORT: i64 = 1024;

/// So many are gone through in a few milliseconds if the elements are looked for in the usual prototypes.
pub(crate) const MEDIUM: i64 = 64 * 1024;

/// Texts of this length on average are compared quickly, in units of UTF-16.
pub(crate) const SHORT_TEXTS: i64 = 256;

/// A pattern of less is searched for quickly, place by place.
pub(crate) const LONG_PATTERN: i64 = 64;

/// A text of so many characters is normalized quickly, whatever it holds.
pub(crate) const QUICKLY_NORMALIZED: i64 = 4096;

/// How many numbers of a typed array are sorted at once.
pub(crate) const MOST_SORTED: i64 = 4 * 1024 * 1024;

/// How many elements an iterator's `drop` may skip.
pub(crate) const MOST_DROPPED: i64 = 10_000_000;

/// Where a guarded function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Array,
    BigInt,
    Date,
    Number,
    String,
    StringItself,
    TypedArray,
    Iterator,
    IteratorHelper,
}

/// What a guarded function does, and so what is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Goes through all indices of `this`. The name is that of our own.
    Array(&'static str),
    /// Goes through all indices of `this`, and compares what is there.
    Sort(&'static str),
    Concat,
    /// Goes through the elements of elements.
    Flat(&'static str),
    /// Searches for a text.
    Search,
    /// Searches for a text, and makes a new one. The name is that of our own.
    Replace(&'static str),
    Normalize,
    Raw,
    SortNumbers,
    Drop,
    Next,
    /// Goes by a locale.
    Locale(LocaleMethod),
    /// Goes through all indices of `this`, and hands its arguments on to the elements' own methods.
    LocaleList,
}

/// A method that goes by a locale, if something is there that knows locales: see [`LocaleMethods`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocaleMethod {
    /// `Date.prototype.toLocaleString`
    Date,
    /// `Date.prototype.toLocaleDateString`
    DateOnly,
    /// `Date.prototype.toLocaleTimeString`
    TimeOnly,
    /// `Number.prototype.toLocaleString`
    Number,
    /// `BigInt.prototype.toLocaleString`
    BigInt,
    /// `String.prototype.localeCompare`
    Compare,
    /// `String.prototype.toLocaleUpperCase`
    Upper,
    /// `String.prototype.toLocaleLowerCase`
    Lower,
}

/// What does the work of these methods in a run that keeps one: with the method, what it is called on, and its arguments.
#[derive(Debug)]
pub struct LocaleMethods(
    pub for<'js> fn(&Ctx<'js>, LocaleMethod, Value<'js>, Vec<Value<'js>>) -> Result<Value<'js>>,
);

/// A guarded function.
pub(crate) struct Guarded {
    pub(crate) holder: Holder,
    pub(crate) name: &'static CStr,
    /// Its property `length`.
    pub(crate) length: u8,
    pub(crate) call: Call,
}

/// A line of the table.
pub(crate) const fn guarded(
    holder: Holder,
    name: &'static CStr,
    length: u8,
    call: Call,
) -> Guarded {
    Guarded {
        holder,
        name,
        length,
        call,
    }
}

/// What a guarded function comes to.
pub(crate) enum Instead<'js> {
    /// Call the interpreter's own function after all.
    Native,
    /// It is done, and this is what it gives.
    Value(Value<'js>),
}

/// Decides about a call of the function at that place of the table, which is not harmless at first sight.
pub(crate) type Decide =
    for<'js> fn(&Ctx<'js>, &Run, usize, Value<'js>, Vec<Value<'js>>) -> Result<Instead<'js>>;

/// The table, and who decides.
pub(crate) struct Guards {
    pub(crate) functions: &'static [Guarded],
    pub(crate) decide: Decide,
}
