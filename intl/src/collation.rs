//! The order of texts, as people expect it in their language.

use std::borrow::Cow;
use std::cmp::Ordering;

use icu_collator::options::{AlternateHandling, CaseLevel, CollatorOptions, Strength as Level};
use icu_collator::preferences::{CollationCaseFirst, CollationNumericOrdering};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

use crate::error::Error;
use crate::locale::{Tag, lookup};

/// How many marks may follow each other on one letter: as many as Unicode's stream-safe texts have (UAX #15).
const MARKS: usize = 30;
/// Before this character there are no marks.
const FIRST_MARK: char = '\u{300}';

/// Which differences count.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// Those of letters: `a` is not `b`.
    Base,
    /// Those of accents, too: `a` is not `á`.
    Accent,
    /// Those of letters and of case: `a` is not `A`.
    Case,
    /// All.
    #[default]
    Variant,
}

/// Which case comes first.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseFirst {
    /// As the locale has it.
    #[default]
    Off,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
}

/// What can be chosen.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollationOptions {
    /// Which differences count.
    pub strength: Strength,
    /// Whether punctuation counts for nothing.
    pub ignores_punctuation: bool,
    /// Whether `2` comes before `10`.
    pub is_numeric: bool,
    /// Which case comes first.
    pub case_first: CaseFirst,
}

/// Compares texts in one way.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Debug)]
pub struct Collation(CollatorBorrowed<'static>);

impl Collation {
    /// The order of texts in a locale.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`].
    pub fn new(tag: &Tag, options: &CollationOptions) -> Result<Self, Error> {
        lookup(tag)?;
        let mut preferences = CollatorPreferences::from(tag.without_extensions().icu());
        preferences.numeric_ordering = options.is_numeric.then_some(CollationNumericOrdering::True);
        preferences.case_first = match options.case_first {
            CaseFirst::Off => None,
            CaseFirst::Upper => Some(CollationCaseFirst::Upper),
            CaseFirst::Lower => Some(CollationCaseFirst::Lower),
        };
        let mut chosen = CollatorOptions::default();
        let (level, case) = match options.strength {
            Strength::Base => (Level::Primary, CaseLevel::Off),
            Strength::Accent => (Level::Secondary, CaseLevel::Off),
            Strength::Case => (Level::Primary, CaseLevel::On),
            Strength::Variant => (Level::Tertiary, CaseLevel::Off),
        };
        chosen.strength = Some(level);
        chosen.case_level = Some(case);
        chosen.alternate_handling = Some(if options.ignores_punctuation {
            AlternateHandling::Shifted
        } else {
            AlternateHandling::NonIgnorable
        });
        let collator = Collator::try_new(preferences, chosen);
        collator
            .map(Self)
            .map_err(|error| Error::Damaged(error.to_string()))
    }

    /// Which of two texts comes first.
    #[must_use]
    pub fn compare(&self, first: &str, second: &str) -> Ordering {
        self.0.compare(&stream_safe(first), &stream_safe(second))
    }
}

/// A text that means the same, without the long rows of marks for which the collator needs time by their square.
fn stream_safe(text: &str) -> Cow<'_, str> {
    let mut marks = 0;
    let is_safe = text.is_ascii()
        || text.chars().all(|c| {
            let is_mark = c >= FIRST_MARK && canonical_combining_class(c) != 0;
            marks = if is_mark { marks + 1 } else { 0 };
            marks <= MARKS
        });
    match is_safe {
        true => Cow::Borrowed(text),
        false => Cow::Owned(text.nfd().stream_safe().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_marks_on_one_letter_take_no_longer_than_other_text() {
        let collation = Collation::new(&Tag::parse("en").unwrap(), &CollationOptions::default());
        let collation = collation.unwrap();
        let many = |pair: &str| format!("a{}", pair.repeat(1 << 18));
        let (one, other) = (many("\u{301}\u{316}"), many("\u{316}\u{301}"));
        assert_eq!(collation.compare(&one, &other), Ordering::Equal);
        assert_eq!(collation.compare("a", &other), Ordering::Less);
        assert_eq!(collation.compare("b", &one), Ordering::Greater);
    }
}
