//! What a plain scalar of YAML means, for `cla/util` and for rulebooks alike: the core schema of YAML 1.2, but for numbers that
//! would not come back as they were written.
//!
//! A version `3.10`, a hash `61e9540`, an account `12345678901234567891`, a postcode `02142` look like numbers, and as numbers
//! they would be 3.1, Infinity, 12345678901234567000 and 2142. So what a rule would not print as it was written stays a
//! text. The tags `!!int` and `!!float` make a number of it.

/// What a plain scalar is besides a string.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
}

/// Resolves a plain scalar; `None` if it is a string, as a number is that would not be printed as it was written.
#[must_use]
pub fn resolve(text: &str) -> Option<Scalar> {
    resolve_core(text).filter(|scalar| match scalar {
        // `.inf` and `.nan` are words, and `1e400` is a number that is too large for a rule.
        Scalar::Number(number) if !number.is_finite() => {
            text.ends_with(|c: char| c.is_alphabetic())
        }
        Scalar::Number(number) => is_as_written(*number, text),
        Scalar::Null | Scalar::Bool(_) => true,
    })
}

/// Whether a rule would print this number as this text.
#[must_use]
pub fn is_as_written(number: f64, text: &str) -> bool {
    /// From here on, and below the other, JavaScript writes numbers with an exponent.
    const LARGE: f64 = 1e21;
    const SMALL: f64 = 1e-6;
    if number == 0.0 {
        // The one with a sign is written like this.
        return matches!(text, "0" | "-0.0");
    }
    let size = number.abs();
    let written = match (SMALL..LARGE).contains(&size) {
        true => number.to_string(),
        false => {
            let text = format!("{number:e}");
            if text.contains("e-") {
                text
            } else {
                text.replace('e', "e+")
            }
        }
    };
    written == text
}

/// Resolves a plain scalar by the core schema; `None` if it is a string.
#[must_use]
pub fn resolve_core(text: &str) -> Option<Scalar> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Scalar::Null),
        "true" | "True" | "TRUE" => return Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Scalar::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Number(f64::NAN)),
        _ => {}
    }
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(Scalar::Number(sign * f64::INFINITY));
    }
    for (prefix, base) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return based(digits, base).map(Scalar::Number);
        }
    }
    let regular = unsigned.contains(|digit: char| digit.is_ascii_digit())
        && unsigned.chars().all(|character| {
            character.is_ascii_digit() || matches!(character, '.' | 'e' | 'E' | '+' | '-')
        })
        && !unsigned.starts_with(['+', '-', 'e', 'E']);
    if !regular {
        return None;
    }
    unsigned
        .parse::<f64>()
        .ok()
        .map(|number| Scalar::Number(sign * number))
}

fn based(digits: &str, base: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |number, digit| {
        Some(number * f64::from(base) + f64::from(digit.to_digit(base)?))
    })
}

#[cfg(test)]
mod tests {
    use super::{Scalar, resolve, resolve_core};

    #[test]
    fn a_number_that_would_not_come_back_as_it_was_written_is_a_text() {
        for text in [
            "3.10",
            "1.0",
            "02142",
            "0644",
            "+5",
            "61e9540",
            "680841e1",
            "1e3",
            "12345678901234567891",
            "9007199254740993",
            "0x1F",
            "0o17",
            "1e400",
            "-1e400",
            "1.",
            ".5",
            "00",
            "-0",
            "0.0",
            "0.1000000000000000055511151231257827",
            "1000000000000000000000",
            "0.0000001",
        ] {
            assert_eq!(resolve(text), None, "{text}");
            assert!(
                matches!(resolve_core(text), Some(Scalar::Number(_))),
                "{text}"
            );
        }
        for (text, number) in [
            ("0", 0.0),
            ("-7", -7.0),
            ("3.25", 3.25),
            ("9007199254740992", 9_007_199_254_740_992.0),
            ("0.000001", 0.000_001),
            ("1e+21", 1e21),
            ("1.5e-7", 1.5e-7),
            ("100000000000000000000", 1e20),
        ] {
            assert_eq!(resolve(text), Some(Scalar::Number(number)), "{text}");
        }
    }

    #[test]
    fn a_sign_may_stand_before_any_way_to_write_infinity() {
        for (text, number) in [
            (".inf", f64::INFINITY),
            ("+.inf", f64::INFINITY),
            ("+.Inf", f64::INFINITY),
            ("+.INF", f64::INFINITY),
            ("-.Inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(resolve(text), Some(Scalar::Number(number)), "{text}");
        }
    }

    #[test]
    fn no_sign_stands_within_a_number_of_another_base() {
        for text in ["0x+1", "0x-1", "0o+7", "+0x1", "0x", "0o8"] {
            assert_eq!(resolve_core(text), None, "{text}");
        }
        assert_eq!(resolve_core("0x1F"), Some(Scalar::Number(31.0)));
    }
}
