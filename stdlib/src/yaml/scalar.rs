//! What a plain scalar of YAML means: the core schema of YAML 1.2, for `cla/util` and for rulebooks alike.

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

/// Resolves a plain scalar by the core schema; `None` if it is a string.
#[must_use]
pub fn resolve(text: &str) -> Option<Scalar> {
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
    use super::{Scalar, resolve};

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
            assert_eq!(resolve(text), None, "{text}");
        }
        assert_eq!(resolve("0x1F"), Some(Scalar::Number(31.0)));
    }
}
