//! Lists: "a, b, and c".

use std::sync::Arc;

use crate::data::{self, LocaleData};
use crate::error::Error;
use crate::locale::{Tag, lookup};
use crate::number::{Piece, split};
use crate::part::{Part, push};

/// What joins the elements.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// "and"
    #[default]
    And,
    /// "or"
    Or,
    /// Nothing: `1 h, 2 min`.
    Unit,
}

/// How long the words between them are.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// `a, b, and c`
    #[default]
    Long,
    /// `a, b, & c`
    Short,
    /// `a, b, c`
    Narrow,
}

/// Writes lists in one way.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone)]
pub struct ListFormat {
    locale: Arc<LocaleData>,
    language: String,
    kind: Kind,
    key: String,
    tag: String,
}

impl ListFormat {
    /// How lists are written in a locale.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`].
    pub fn new(tag: &Tag, kind: Kind, width: Width) -> Result<Self, Error> {
        let found = lookup(tag)?;
        let kinds = match kind {
            Kind::And => "standard",
            Kind::Or => "or",
            Kind::Unit => "unit",
        };
        let widths = match width {
            Width::Long => "",
            Width::Short => "-short",
            Width::Narrow => "-narrow",
        };
        Ok(Self {
            locale: data::locale(found.name)?,
            language: tag.language(),
            kind,
            key: format!("{kinds}{widths}"),
            tag: found.tag,
        })
    }

    /// The locale that was found, without extensions.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.tag
    }

    /// A list as text, in parts.
    #[must_use]
    pub fn format(&self, elements: &[String]) -> Vec<Part> {
        let Some([start, middle, end, two]) = self.locale.lists.get(&self.key) else {
            return Vec::new();
        };
        let element = |text: &String| vec![Part::new("element", text.clone())];
        match elements {
            [] => Vec::new(),
            [one] => element(one),
            [first, last] => join(&self.inflected(two, last), element(first), element(last)),
            [first, second, between @ .., last] => {
                let mut parts = join(start, element(first), element(second));
                for text in between {
                    parts = join(middle, parts, element(text));
                }
                join(&self.inflected(end, last), parts, element(last))
            }
        }
    }

    /// Some words change before some sounds.
    fn inflected(&self, pattern: &str, next: &str) -> String {
        let next = next.to_lowercase();
        let starts = |with: &[&str]| with.iter().any(|start| next.starts_with(start));
        match (self.language.as_str(), self.kind) {
            ("es", Kind::And)
                if starts(&["i"]) || (starts(&["hi"]) && !starts(&["hia", "hie"])) =>
            {
                pattern.replace(" y ", " e ")
            }
            ("es", Kind::Or)
                if starts(&["o", "ho", "8"]) || next == "11" || next.starts_with("11 ") =>
            {
                pattern.replace(" o ", " u ")
            }
            ("he", Kind::And) if !next.starts_with(|c| ('\u{590}'..='\u{5ff}').contains(&c)) => {
                pattern.replace(" \u{5d5}{1}", " \u{5d5}-{1}")
            }
            _ => pattern.to_owned(),
        }
    }
}

/// Brings two into a pattern.
fn join(pattern: &str, mut first: Vec<Part>, mut second: Vec<Part>) -> Vec<Part> {
    let mut parts = Vec::new();
    for piece in split(pattern) {
        match piece {
            Piece::Text(text) => push(&mut parts, "literal", text),
            // Nearly always this is the beginning: what was written so far is not copied.
            Piece::Hole(0) if parts.is_empty() => parts = std::mem::take(&mut first),
            Piece::Hole(0) => parts.append(&mut first),
            Piece::Hole(_) => parts.append(&mut second),
        }
    }
    parts
}
