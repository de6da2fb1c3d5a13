//! Times from now: "in 3 days", "yesterday".

use crate::data::RelativeField;
use crate::error::Error;
use crate::locale::Tag;
use crate::number::{NumberFormat, NumberOptions, Piece, Quantity, split};
use crate::part::{Part, push};

/// How long the words are.
///
/// See [`NumberFormat`] for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// `in 3 months`
    #[default]
    Long,
    /// `in 3 mo.`
    Short,
    /// `in 3mo`
    Narrow,
}

/// The units of time, by their names.
///
/// See [`NumberFormat`] for an example.
pub const UNITS: [&str; 8] = [
    "second", "minute", "hour", "day", "week", "month", "quarter", "year",
];

/// Writes times from now in one way.
///
/// See [`NumberFormat`] for an example.
#[derive(Clone)]
pub struct RelativeFormat {
    numbers: NumberFormat,
    width: Width,
    has_words: bool,
}

impl RelativeFormat {
    /// How times from now are written in a locale; with words such as "yesterday" if `has_words`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`].
    pub fn new(
        tag: &Tag,
        width: Width,
        has_words: bool,
        numbering: Option<String>,
    ) -> Result<Self, Error> {
        let options = NumberOptions {
            numbering,
            ..NumberOptions::default()
        };
        Ok(Self {
            numbers: NumberFormat::new(tag, options)?,
            width,
            has_words,
        })
    }

    /// How its numbers are written.
    #[must_use]
    pub fn numbers(&self) -> &NumberFormat {
        &self.numbers
    }

    /// So many units from now, in parts, each with whether it is part of the number; negative ones are in the past. `None` for
    /// what is not one of [`UNITS`].
    #[must_use]
    pub fn format(&self, value: f64, unit: &str) -> Option<Vec<(Part, bool)>> {
        let field: &RelativeField =
            &self.numbers.locale.fields.relative.get(unit)?[self.width as usize];
        let is_past = value.is_sign_negative();
        if self.has_words && value.fract() == 0.0 && value.abs() <= 2.0 {
            let near = if value == 0.0 && is_past {
                "0".to_owned()
            } else {
                (value as i8).to_string()
            };
            if let Some(word) = field.near.get(&near) {
                return Some(vec![(Part::new("literal", word.clone()), false)]);
            }
        }
        let quantity = Quantity::from(value.abs());
        let category = match &quantity {
            Quantity::Finite(decimal) => {
                let mut written = decimal.clone();
                self.numbers.round(&mut written);
                self.numbers.plurals.category(&written, 0).name()
            }
            _ => "other",
        };
        let patterns = if is_past { &field.past } else { &field.future };
        let pattern = patterns.get(category).or_else(|| patterns.get("other"))?;
        let mut parts = Vec::new();
        for piece in split(pattern) {
            match piece {
                Piece::Text(text) => {
                    let mut literal = Vec::new();
                    push(&mut literal, "literal", text);
                    parts.extend(literal.into_iter().map(|part| (part, false)));
                }
                Piece::Hole(_) => {
                    let number = self.numbers.format(&quantity);
                    parts.extend(number.into_iter().map(|part| (part, true)));
                }
            }
        }
        Some(parts)
    }
}
