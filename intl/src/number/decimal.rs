//! The values of numbers, and how they are rounded.

use fixed_decimal::{
    Decimal, FloatPrecision, RoundingIncrement, Sign, SignedRoundingMode, UnsignedRoundingMode,
};

use super::options::{Digits, NumberOptions, Priority, Rounding};

/// A number, with all the digits that were given.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq)]
pub enum Quantity {
    /// Not a number.
    NaN,
    /// Infinity, and whether it is negative.
    Infinity(bool),
    /// A decimal number; zero may be negative.
    Finite(Decimal),
}

impl From<f64> for Quantity {
    fn from(number: f64) -> Self {
        if number.is_nan() {
            return Self::NaN;
        }
        match Decimal::try_from_f64(number, FloatPrecision::RoundTrip) {
            Ok(decimal) => Self::Finite(decimal),
            Err(_) => Self::Infinity(number.is_sign_negative()),
        }
    }
}

impl Quantity {
    /// A number in decimal notation, such as `-1.50e3`; `None` for other texts, and for numbers with more than some 30,000 digits.
    #[must_use]
    pub fn from_decimal(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::Finite)
    }

    /// A sign that it has, negative zero included.
    pub(crate) fn is_negative(&self) -> bool {
        match self {
            Self::NaN => false,
            Self::Infinity(is_negative) => *is_negative,
            Self::Finite(decimal) => decimal.sign() == Sign::Negative,
        }
    }
}

/// Rounds a number, and pads it with zeros, as its format wants.
pub(crate) fn round(decimal: &mut Decimal, options: &NumberOptions) {
    let least = match options.digits {
        Digits::Fraction(least, most) => {
            round_at(decimal, -most, options);
            -least
        }
        Digits::Significant(least, most) => significant(decimal, least, most, options),
        Digits::Both {
            fraction,
            significant: (least, most),
            priority,
        } => {
            let first = decimal.absolute.nonzero_magnitude_start();
            let by_significant = first + 1 - most;
            let by_fraction = -fraction.1;
            let takes_significant = match priority {
                Priority::MorePrecision => by_significant <= by_fraction,
                Priority::LessPrecision => by_significant > by_fraction,
            };
            if takes_significant {
                significant(decimal, least, most, options)
            } else {
                round_at(decimal, by_fraction, options);
                -fraction.0
            }
        }
    };
    decimal.absolute.trim_end();
    decimal.absolute.pad_end(least.min(0));
    if options.strips_zeros && decimal.absolute.nonzero_magnitude_end() >= 0 {
        decimal.absolute.trim_end();
    }
    decimal.absolute.trim_start();
    decimal
        .absolute
        .pad_start(i16::from(options.integer_digits));
}

/// Rounds to digits that count; gives the place up to which zeros are written.
fn significant(decimal: &mut Decimal, least: i16, most: i16, options: &NumberOptions) -> i16 {
    let first = decimal.absolute.nonzero_magnitude_start();
    round_at(decimal, first + 1 - most, options);
    // 9.99 may have become 10.0.
    let first = if decimal.absolute.is_zero() {
        0
    } else {
        decimal.absolute.nonzero_magnitude_start()
    };
    first + 1 - least
}

/// Rounds at a place: 0 is the last digit before the point.
fn round_at(decimal: &mut Decimal, place: i16, options: &NumberOptions) {
    let unsigned = |mode| SignedRoundingMode::Unsigned(mode);
    let mode = match options.rounding {
        Rounding::Ceil => SignedRoundingMode::Ceil,
        Rounding::Floor => SignedRoundingMode::Floor,
        Rounding::Expand => unsigned(UnsignedRoundingMode::Expand),
        Rounding::Trunc => unsigned(UnsignedRoundingMode::Trunc),
        Rounding::HalfCeil => SignedRoundingMode::HalfCeil,
        Rounding::HalfFloor => SignedRoundingMode::HalfFloor,
        Rounding::HalfExpand => unsigned(UnsignedRoundingMode::HalfExpand),
        Rounding::HalfTrunc => unsigned(UnsignedRoundingMode::HalfTrunc),
        Rounding::HalfEven => unsigned(UnsignedRoundingMode::HalfEven),
    };
    // An increment of 50 is one of 5 a place before.
    let mut increment = options.increment;
    let mut place = place;
    while increment.is_multiple_of(10) && increment > 0 {
        increment /= 10;
        place += 1;
    }
    let increment = match increment {
        2 => RoundingIncrement::MultiplesOf2,
        5 => RoundingIncrement::MultiplesOf5,
        25 => RoundingIncrement::MultiplesOf25,
        _ => RoundingIncrement::MultiplesOf1,
    };
    decimal.round_with_mode_and_increment(place, mode, increment);
}
