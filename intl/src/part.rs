//! Text in parts, each with its kind.

/// A part of a text, such as the fraction of a number.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What ECMA-402 calls it: `"integer"`, `"literal"`, `"month"`.
    pub kind: &'static str,
    /// Its text.
    pub text: String,
}

impl Part {
    /// A part.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { kind, text }
    }
}

/// Adds text that belongs to no field to parts; joins it with text of the same kind.
pub(crate) fn push(parts: &mut Vec<Part>, kind: &'static str, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(last) if last.kind == kind && kind == "literal" => last.text.push_str(text),
        _ => parts.push(Part::new(kind, text)),
    }
}

/// The text of parts.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn text_of(parts: &[Part]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect()
}
