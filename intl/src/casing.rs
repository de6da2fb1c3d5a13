//! Upper and lower case as a language has them.

use icu_casemap::CaseMapperBorrowed;

use crate::locale::Tag;

/// Languages whose letters change otherwise than everywhere else.
const OWN_WAYS: &[&str] = &["tr", "az", "lt", "el", "hy"];

/// Whether the language changes letters otherwise than others do.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn has_own_way(tag: &Tag) -> bool {
    OWN_WAYS.contains(&tag.language().as_str())
}

/// A text in upper case.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn upper(tag: &Tag, text: &str) -> String {
    CaseMapperBorrowed::new()
        .uppercase_to_string(text, tag.id())
        .into_owned()
}

/// A text in lower case.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn lower(tag: &Tag, text: &str) -> String {
    CaseMapperBorrowed::new()
        .lowercase_to_string(text, tag.id())
        .into_owned()
}
