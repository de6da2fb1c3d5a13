//! Which form of a word goes with a number.

use fixed_decimal::Decimal;
use icu_plurals::{
    PluralCategory, PluralOperands, PluralRuleType, PluralRules, PluralRulesOptions,
};

use crate::error::Error;
use crate::locale::Tag;

/// What numbers are for.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// To count: 1 day, 2 days.
    #[default]
    Cardinal,
    /// To order: 1st, 2nd.
    Ordinal,
}

/// A form of a word.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// For nothing.
    Zero,
    /// For one, in most languages.
    One,
    /// For two.
    Two,
    /// For few.
    Few,
    /// For many.
    Many,
    /// For all the rest.
    Other,
}

impl Category {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::One => "one",
            Self::Two => "two",
            Self::Few => "few",
            Self::Many => "many",
            Self::Other => "other",
        }
    }
}

impl From<PluralCategory> for Category {
    fn from(category: PluralCategory) -> Self {
        match category {
            PluralCategory::Zero => Self::Zero,
            PluralCategory::One => Self::One,
            PluralCategory::Two => Self::Two,
            PluralCategory::Few => Self::Few,
            PluralCategory::Many => Self::Many,
            PluralCategory::Other => Self::Other,
        }
    }
}

/// The rules of a language.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Debug)]
pub struct Plurals(PluralRules);

impl Plurals {
    /// The rules of a language.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`].
    pub fn new(tag: &Tag, kind: Kind) -> Result<Self, Error> {
        let kind = match kind {
            Kind::Cardinal => PluralRuleType::Cardinal,
            Kind::Ordinal => PluralRuleType::Ordinal,
        };
        let options = PluralRulesOptions::default().with_type(kind);
        let rules = PluralRules::try_new(tag.icu().into(), options);
        rules
            .map(Self)
            .map_err(|_| Error::UnknownLocale(tag.base()))
    }

    /// The form that goes with a number that is written so, and stands for that times a power of ten.
    pub(crate) fn category(&self, written: &Decimal, power: i16) -> Category {
        let mut whole = written.clone();
        whole.multiply_pow10(power);
        self.0.category_for(PluralOperands::from(&whole)).into()
    }

    /// The forms that the language has.
    #[must_use]
    pub fn categories(&self) -> Vec<Category> {
        let has: Vec<Category> = self.0.categories().map(Category::from).collect();
        let order = [
            Category::Few,
            Category::Many,
            Category::One,
            Category::Two,
            Category::Zero,
            Category::Other,
        ];
        order.into_iter().filter(|one| has.contains(one)).collect()
    }
}
