//! What can be chosen about numbers, in the words of ECMA-402.

use crate::data::world;

/// What a number stands for.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// A number.
    #[default]
    Decimal,
    /// A hundred times as many hundredths.
    Percent,
    /// An amount of money.
    Currency {
        /// Its code: `"EUR"`.
        code: String,
        /// How the currency is written.
        display: CurrencyDisplay,
        /// Whether negative amounts are written as accountants do.
        is_accounting: bool,
    },
    /// An amount of something.
    Unit {
        /// The unit: `"kilometer-per-hour"`.
        unit: String,
        /// How it is written.
        display: UnitDisplay,
    },
}

/// How a currency is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CurrencyDisplay {
    /// `US$`
    #[default]
    Symbol,
    /// `$`
    NarrowSymbol,
    /// `USD`
    Code,
    /// `US dollars`
    Name,
}

/// How a unit is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnitDisplay {
    /// `16 kilometers`
    Long,
    /// `16 km`
    #[default]
    Short,
    /// `16km`
    Narrow,
}

impl UnitDisplay {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
            Self::Narrow => "narrow",
        }
    }
}

/// How the size of a number is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Notation {
    /// With all its digits.
    #[default]
    Standard,
    /// `1.2E3`
    Scientific,
    /// Scientific, with exponents that are a multiple of three.
    Engineering,
    /// `1.2K`
    Compact(CompactDisplay),
}

/// How a compact number is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CompactDisplay {
    /// `1.2K`
    #[default]
    Short,
    /// `1.2 thousand`
    Long,
}

/// When digits are written in groups.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// As the locale does.
    #[default]
    Auto,
    /// Always.
    Always,
    /// If the first group has two digits or more.
    Min2,
    /// Never.
    Never,
}

/// When a sign is written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignDisplay {
    /// For negative numbers, zero included.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
    /// For all but zero.
    ExceptZero,
    /// For negative numbers, without zero.
    Negative,
}

/// Which digits are written.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// So many after the point: at least, at most.
    Fraction(i16, i16),
    /// So many that count: at least, at most.
    Significant(i16, i16),
    /// Both, and one of them prevails.
    Both {
        /// After the point: at least, at most.
        fraction: (i16, i16),
        /// That count: at least, at most.
        significant: (i16, i16),
        /// Which one prevails.
        priority: Priority,
    },
}

/// Which of two ways to round prevails.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The one that gives more digits.
    MorePrecision,
    /// The one that gives fewer.
    LessPrecision,
}

/// To which side a number is rounded.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounding {
    /// Up.
    Ceil,
    /// Down.
    Floor,
    /// Away from zero.
    Expand,
    /// Towards zero.
    Trunc,
    /// To the nearest, else up.
    HalfCeil,
    /// To the nearest, else down.
    HalfFloor,
    /// To the nearest, else away from zero.
    #[default]
    HalfExpand,
    /// To the nearest, else towards zero.
    HalfTrunc,
    /// To the nearest, else to the even digit.
    HalfEven,
}

/// What can be chosen.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberOptions {
    /// What the number stands for.
    pub style: Style,
    /// How its size is written.
    pub notation: Notation,
    /// How many digits stand before the point at least.
    pub integer_digits: u8,
    /// Which digits are written.
    pub digits: Digits,
    /// To which side it is rounded.
    pub rounding: Rounding,
    /// The last digits are a multiple of this.
    pub increment: u16,
    /// Whether a fraction of zeros is left out.
    pub strips_zeros: bool,
    /// When digits are written in groups.
    pub grouping: Grouping,
    /// When a sign is written.
    pub sign: SignDisplay,
    /// The numbering system: `"arab"`.
    pub numbering: Option<String>,
}

impl Default for NumberOptions {
    fn default() -> Self {
        Self {
            style: Style::default(),
            notation: Notation::default(),
            integer_digits: 1,
            digits: Digits::Fraction(0, 3),
            rounding: Rounding::default(),
            increment: 1,
            strips_zeros: false,
            grouping: Grouping::default(),
            sign: SignDisplay::default(),
            numbering: None,
        }
    }
}

/// How many digits follow the point in amounts of a currency.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[must_use]
pub fn currency_digits(code: &str) -> u8 {
    let known = world().ok().and_then(|world| world.fractions.get(code));
    known.copied().unwrap_or(2)
}
