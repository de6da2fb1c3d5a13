//! How a number becomes text.

use std::collections::HashMap;

use fixed_decimal::Decimal;

use super::NumberFormat;
use super::affix::{Affixes, Pattern, Token};
use super::decimal::{Quantity, round};
use super::options::{
    CompactDisplay, CurrencyDisplay, Grouping, Notation, NumberOptions, SignDisplay, Style,
    UnitDisplay,
};
use crate::data::NumberSystem;
use crate::part::{Part, push};
use crate::plural::Category;

/// The largest power of ten that has a word of its own.
const LARGEST_COMPACT: i16 = 14;

/// A number without what stands beside it.
struct Body {
    parts: Vec<Part>,
    /// Which form of a word goes with it.
    category: Category,
    /// The pattern that its size calls for.
    compact: Option<Pattern>,
}

/// Writes a number.
pub(super) fn write(format: &NumberFormat, value: &Quantity) -> Vec<Part> {
    let mut value = value.clone();
    if let (Style::Percent, Quantity::Finite(decimal)) = (&format.options.style, &mut value) {
        decimal.multiply_pow10(2);
    }
    let (body, is_zero) = match &value {
        Quantity::NaN => (special("nan", &format.symbols.nan), false),
        Quantity::Infinity(_) => (special("infinity", &format.symbols.infinity), false),
        Quantity::Finite(decimal) => finite(format, decimal),
    };
    let sign = sign(format.options.sign, &value, is_zero);
    beside(format, body, sign)
}

fn special(kind: &'static str, text: &str) -> Body {
    Body {
        parts: vec![Part::new(kind, text)],
        category: Category::Other,
        compact: None,
    }
}

/// The sign that is written.
fn sign(display: SignDisplay, value: &Quantity, is_zero: bool) -> Option<Token> {
    let is_negative = value.is_negative();
    let is_nan = *value == Quantity::NaN;
    match display {
        SignDisplay::Never => None,
        SignDisplay::Auto => is_negative.then_some(Token::Minus),
        SignDisplay::Negative => (is_negative && !is_zero).then_some(Token::Minus),
        SignDisplay::Always if is_negative => Some(Token::Minus),
        SignDisplay::Always => Some(Token::Plus),
        SignDisplay::ExceptZero if is_zero || is_nan => None,
        SignDisplay::ExceptZero if is_negative => Some(Token::Minus),
        SignDisplay::ExceptZero => Some(Token::Plus),
    }
}

/// The digits of a number, and whether all that are written are zeros.
fn finite(format: &NumberFormat, decimal: &Decimal) -> (Body, bool) {
    let options = &format.options;
    let mut mantissa = decimal.clone();
    let mut exponent = None;
    let mut power = 0;
    match options.notation {
        Notation::Standard => round(&mut mantissa, options),
        Notation::Scientific | Notation::Engineering => {
            let of = |magnitude: i16| match options.notation {
                Notation::Engineering => magnitude.div_euclid(3) * 3,
                _ => magnitude,
            };
            let scaled = rescaled(decimal, options, of);
            mantissa = scaled.0;
            exponent = Some(scaled.1);
        }
        Notation::Compact(display) => {
            let of = |magnitude: i16| shift(format, display, magnitude);
            let scaled = rescaled(decimal, options, of);
            mantissa = scaled.0;
            power = scaled.1;
        }
    }
    let category = format.plurals.category(&mantissa, power);
    let compact = match options.notation {
        Notation::Compact(display) if power > 0 => {
            compact_pattern(format, display, &mantissa, power)
        }
        _ => None,
    };
    let mut parts = match &compact {
        // "mille": a word alone.
        Some(pattern) if pattern.zeros == 0 => Vec::new(),
        _ => digits(format, &mantissa),
    };
    if let Some(exponent) = exponent {
        let symbols = &format.symbols;
        push(&mut parts, "exponentSeparator", &symbols.exponential);
        if exponent < 0 {
            push(&mut parts, "exponentMinusSign", &symbols.minus_sign);
        }
        let text = format.localized(&exponent.unsigned_abs().to_string());
        push(&mut parts, "exponentInteger", &text);
    }
    let is_zero = mantissa.absolute.is_zero();
    let body = Body {
        parts,
        category,
        compact,
    };
    (body, is_zero)
}

/// A number divided by a power of ten that depends on its size, and rounded; and that power.
fn rescaled(decimal: &Decimal, options: &NumberOptions, of: impl Fn(i16) -> i16) -> (Decimal, i16) {
    if decimal.absolute.is_zero() {
        let mut zero = decimal.clone();
        round(&mut zero, options);
        return (zero, 0);
    }
    let mut magnitude = decimal.absolute.nonzero_magnitude_start();
    loop {
        let power = of(magnitude);
        let mut mantissa = decimal.clone();
        mantissa.multiply_pow10(-power);
        round(&mut mantissa, options);
        // 999,999 is rounded to a million.
        let grown = !mantissa.absolute.is_zero()
            && mantissa.absolute.nonzero_magnitude_start() + power > magnitude;
        if !grown {
            return (mantissa, power);
        }
        magnitude += 1;
        if of(magnitude) == power {
            return (mantissa, power);
        }
    }
}

/// The patterns for numbers of some size.
fn compact_patterns(format: &NumberFormat, display: CompactDisplay) -> &HashMap<String, String> {
    fn of<'a>(
        format: &NumberFormat,
        display: CompactDisplay,
        system: &'a NumberSystem,
    ) -> &'a HashMap<String, String> {
        match (&format.options.style, display) {
            (Style::Currency { display, .. }, _) if *display != CurrencyDisplay::Name => {
                &system.compact_currency
            }
            (_, CompactDisplay::Short) => &system.compact_short,
            (_, CompactDisplay::Long) => &system.compact_long,
        }
    }
    let own = of(format, display, format.system());
    match format.locale.numbers.systems.get("latn") {
        Some(latin) if own.is_empty() => of(format, display, latin),
        _ => own,
    }
}

fn compact_key(power: i16, category: &str) -> String {
    format!("1{}-count-{category}", "0".repeat(power.max(0) as usize))
}

/// By which power of ten a number of this size is divided.
fn shift(format: &NumberFormat, display: CompactDisplay, magnitude: i16) -> i16 {
    let size = magnitude.min(LARGEST_COMPACT);
    let patterns = compact_patterns(format, display);
    let Some(pattern) = patterns.get(&compact_key(size, "other")) else {
        return 0;
    };
    let pattern = Pattern::parse(pattern);
    if pattern.positive == (vec![], vec![]) {
        return 0;
    }
    size + 1 - pattern.zeros as i16
}

/// The pattern for a number that was divided by that power of ten.
fn compact_pattern(
    format: &NumberFormat,
    display: CompactDisplay,
    mantissa: &Decimal,
    power: i16,
) -> Option<Pattern> {
    let patterns = compact_patterns(format, display);
    let size = (mantissa.absolute.nonzero_magnitude_start() + power).min(LARGEST_COMPACT);
    // The word goes with the number before it, and not with what both mean.
    let category = format.plurals.category(mantissa, 0);
    let one = (mantissa.absolute.to_string() == "1").then_some("1");
    let known = one.into_iter().chain([category.name(), "other"]);
    let mut known = known.filter_map(|category| patterns.get(&compact_key(size, category)));
    let pattern = Pattern::parse(known.next()?);
    (pattern.positive != (vec![], vec![])).then_some(pattern)
}

/// The digits with their groups and the sign before the fraction.
fn digits(format: &NumberFormat, decimal: &Decimal) -> Vec<Part> {
    let system = format.system();
    let options = &format.options;
    let is_currency = matches!(options.style, Style::Currency { .. });
    let written = decimal.absolute.to_string();
    let (whole, fraction) = match written.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (written.as_str(), None),
    };
    let pattern = match &options.style {
        Style::Currency { display, .. } if *display != CurrencyDisplay::Name => &system.currency,
        Style::Percent => &system.percent,
        _ => &system.decimal,
    };
    let (last, before) = Pattern::parse(pattern).groups;
    let least = match options.grouping {
        Grouping::Always => 1,
        Grouping::Min2 => usize::from(format.locale.numbers.grouping.max(2)),
        _ => usize::from(format.locale.numbers.grouping),
    };
    let has_groups = options.grouping != Grouping::Never
        && last > 0
        && whole.len() >= last + least
        && matches!(options.notation, Notation::Standard | Notation::Compact(_));
    let symbol = |own: &Option<String>, usual: &String| match own {
        Some(own) if is_currency => own.clone(),
        _ => usual.clone(),
    };
    let mut parts = Vec::new();
    if has_groups {
        let group = symbol(&format.symbols.currency_group, &format.symbols.group);
        let mut ends = vec![whole.len()];
        let mut end = whole.len() - last;
        while end > 0 {
            ends.push(end);
            end = end.saturating_sub(before);
        }
        let mut start = 0;
        for (at, end) in ends.iter().rev().enumerate() {
            if at > 0 {
                parts.push(Part::new("group", group.clone()));
            }
            parts.push(Part::new("integer", format.localized(&whole[start..*end])));
            start = *end;
        }
    } else {
        parts.push(Part::new("integer", format.localized(whole)));
    }
    if let Some(fraction) = fraction {
        let point = symbol(&format.symbols.currency_decimal, &format.symbols.decimal);
        parts.push(Part::new("decimal", point));
        parts.push(Part::new("fraction", format.localized(fraction)));
    }
    parts
}

/// Puts what belongs there beside the digits.
fn beside(format: &NumberFormat, body: Body, sign: Option<Token>) -> Vec<Part> {
    let system = format.system();
    let compact = body.compact.as_ref();
    match &format.options.style {
        Style::Decimal => {
            let pattern = Pattern::parse(&system.decimal);
            let words = compact.unwrap_or(&pattern);
            around(
                format,
                &words.affixes(sign),
                compact.is_some(),
                body.parts,
                "",
            )
        }
        Style::Percent => {
            let pattern = Pattern::parse(&system.percent);
            let inner = match compact {
                Some(compact) => around(format, &compact.positive, true, body.parts, ""),
                None => body.parts,
            };
            around(format, &pattern.affixes(sign), false, inner, "")
        }
        Style::Currency {
            code,
            display,
            is_accounting,
        } => {
            if *display == CurrencyDisplay::Name {
                return named_currency(format, code, body, sign);
            }
            let pattern = if *is_accounting {
                &system.accounting
            } else {
                &system.currency
            };
            let pattern = Pattern::parse(pattern);
            let symbol = currency_symbol(format, code, *display);
            // Accountants have no words for sizes of their own.
            let words = compact.filter(|_| !*is_accounting || sign != Some(Token::Minus));
            let is_compact = compact.is_some();
            match words.or(compact) {
                Some(words) => around(
                    format,
                    &words.affixes(sign),
                    is_compact,
                    body.parts,
                    &symbol,
                ),
                None => around(format, &pattern.affixes(sign), false, body.parts, &symbol),
            }
        }
        // A sign for this unit stands in every locale's patterns.
        Style::Unit { unit, display } if unit == "percent" && *display != UnitDisplay::Long => {
            let pattern = Pattern::parse(&system.percent);
            let inner = match compact {
                Some(compact) => around(format, &compact.positive, true, body.parts, ""),
                None => body.parts,
            };
            around(format, &pattern.affixes(sign), false, inner, "")
        }
        Style::Unit { unit, display } => {
            let pattern = Pattern::parse(&system.decimal);
            let words = compact.unwrap_or(&pattern);
            let inner = around(
                format,
                &words.affixes(sign),
                compact.is_some(),
                body.parts,
                "",
            );
            with_unit(format, unit, *display, body.category, inner)
        }
    }
}

/// The digits between their affixes.
fn around(
    format: &NumberFormat,
    (before, after): &Affixes,
    is_compact: bool,
    digits: Vec<Part>,
    currency: &str,
) -> Vec<Part> {
    let system = format.system();
    let symbols = &format.symbols;
    let mut parts = Vec::new();
    let write = |parts: &mut Vec<Part>, token: &Token| match token {
        Token::Minus => push(parts, "minusSign", &symbols.minus_sign),
        Token::Plus => push(parts, "plusSign", &symbols.plus_sign),
        Token::Percent => push(parts, "percentSign", &symbols.percent_sign),
        Token::Currency => push(parts, "currency", currency),
        Token::Text(text) if is_compact => worded(parts, "compact", text),
        Token::Text(text) => push(parts, "literal", text),
    };
    for token in before {
        write(&mut parts, token);
    }
    let touches =
        |side: Option<char>| side.is_some_and(|side| !is_symbol(side) && !side.is_whitespace());
    let starts_with_digit = digits.first().is_some_and(|part| part.kind == "integer");
    if before.last() == Some(&Token::Currency)
        && touches(currency.chars().last())
        && starts_with_digit
    {
        push(
            &mut parts,
            "literal",
            system.spacing[1].as_deref().unwrap_or("\u{a0}"),
        );
    }
    parts.extend(digits);
    if after.first() == Some(&Token::Currency) && touches(currency.chars().next()) {
        push(
            &mut parts,
            "literal",
            system.spacing[0].as_deref().unwrap_or("\u{a0}"),
        );
    }
    for token in after {
        write(&mut parts, token);
    }
    parts
}

/// Whether a character is a symbol by Unicode, such as that of a currency.
fn is_symbol(character: char) -> bool {
    matches!(
        character,
        '$' | '+' | '<'..='>' | '^' | '`' | '|' | '~' | '¢'..='©' | '¬' | '®'..='±' | '´' | '¸' | '×' | '÷'
            | '\u{58f}' | '\u{60b}' | '\u{7fe}' | '\u{7ff}' | '\u{9f2}' | '\u{9f3}' | '\u{9fb}' | '\u{af1}' | '\u{bf9}'
            | '\u{e3f}' | '\u{17db}' | '\u{20a0}'..='\u{20cf}' | '\u{2100}'..='\u{2bff}' | '\u{a838}' | '\u{fdfc}'
            | '\u{fe69}' | '\u{ff04}' | '\u{ffe0}' | '\u{ffe1}' | '\u{ffe5}' | '\u{ffe6}'
    )
}

/// Text of which the blanks at its ends are literal, and the rest is of a kind.
fn worded(parts: &mut Vec<Part>, kind: &'static str, text: &str) {
    let is_blank = |c: char| c.is_whitespace() || c == '\u{200f}' || c == '\u{200e}';
    let inner = text.trim_matches(is_blank);
    if inner.is_empty() {
        push(parts, "literal", text);
        return;
    }
    let start = text.len() - text.trim_start_matches(is_blank).len();
    push(parts, "literal", &text[..start]);
    push(parts, kind, inner);
    push(parts, "literal", &text[start + inner.len()..]);
}

/// How a currency is written beside its amount.
fn currency_symbol(format: &NumberFormat, code: &str, display: CurrencyDisplay) -> String {
    let known = format.locale.numbers.currencies.get(code);
    let of = |key: &str| known.and_then(|names| names.get(key)).cloned();
    let found = match display {
        CurrencyDisplay::Symbol => of("s"),
        CurrencyDisplay::NarrowSymbol => of("n").or_else(|| of("s")),
        CurrencyDisplay::Code | CurrencyDisplay::Name => None,
    };
    found.unwrap_or_else(|| code.to_owned())
}

/// A number and the name of its currency.
fn named_currency(format: &NumberFormat, code: &str, body: Body, sign: Option<Token>) -> Vec<Part> {
    let system = format.system();
    let pattern = Pattern::parse(&system.decimal);
    let words = body.compact.as_ref().unwrap_or(&pattern);
    let inner = around(
        format,
        &words.affixes(sign),
        body.compact.is_some(),
        body.parts,
        "",
    );
    let category = body.category.name();
    let known = format.locale.numbers.currencies.get(code);
    let of = |key: &str| known.and_then(|names| names.get(key)).cloned();
    let name = of(category).or_else(|| of("other"));
    let name = name.unwrap_or_else(|| code.to_owned());
    let joined = [category, "other"]
        .into_iter()
        .find_map(|key| system.named.get(key));
    let joined = joined.map_or("{0} {1}", String::as_str);
    let mut parts = Vec::new();
    let mut inner = Some(inner);
    for piece in split(joined) {
        match piece {
            Piece::Text(text) => push(&mut parts, "literal", text),
            Piece::Hole(0) => parts.extend(inner.take().unwrap_or_default()),
            Piece::Hole(_) => push(&mut parts, "currency", &name),
        }
    }
    parts
}

/// A piece of a pattern with numbered holes.
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Hole(u8),
}

/// The pieces of a pattern such as `{0} and {1}`.
pub(crate) fn split(pattern: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find('{') {
        let hole = rest
            .as_bytes()
            .get(at + 1)
            .copied()
            .filter(u8::is_ascii_digit);
        let (Some(digit), Some(b'}')) = (hole, rest.as_bytes().get(at + 2)) else {
            break;
        };
        if at > 0 {
            pieces.push(Piece::Text(&rest[..at]));
        }
        pieces.push(Piece::Hole(digit - b'0'));
        rest = &rest[at + 3..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// A number and its unit.
fn with_unit(
    format: &NumberFormat,
    unit: &str,
    display: UnitDisplay,
    category: Category,
    number: Vec<Part>,
) -> Vec<Part> {
    let Some(units) = format.locale.units.get(display.name()) else {
        return number;
    };
    let pattern = |unit: &str, key: &str| units.get(unit)?.get(key)?.as_str().map(str::to_owned);
    let by_category =
        |unit: &str| pattern(unit, category.name()).or_else(|| pattern(unit, "other"));
    let whole = by_category(unit).or_else(|| {
        let (of, per) = unit.split_once("-per-")?;
        let of = by_category(of)?;
        if let Some(per) = pattern(per, "per") {
            return Some(per.replace("{0}", &of));
        }
        let one = pattern(per, "one").or_else(|| pattern(per, "other"))?;
        let one = one.replace("{0}", "");
        let joined = units.get("per")?.as_str()?;
        Some(joined.replace("{0}", &of).replace("{1}", one.trim()))
    });
    let whole = whole.unwrap_or_else(|| "{0}".to_owned());
    let kind = if unit == "percent" {
        "percentSign"
    } else {
        "unit"
    };
    let mut parts = Vec::new();
    let mut number = Some(number);
    for piece in split(&whole) {
        match piece {
            Piece::Text(text) => worded(&mut parts, kind, text),
            Piece::Hole(_) => parts.extend(number.take().unwrap_or_default()),
        }
    }
    parts
}
