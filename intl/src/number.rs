//! Numbers: how many digits, in which groups, with which signs and words around them.

mod affix;
mod decimal;
mod options;
mod write;

use std::rc::Rc;
use std::sync::Arc;

pub use decimal::Quantity;
pub use options::{
    CompactDisplay, CurrencyDisplay, Digits, Grouping, Notation, NumberOptions, Priority, Rounding,
    SignDisplay, Style, UnitDisplay, currency_digits,
};
pub(crate) use write::{Piece, split};

use crate::data::{self, LocaleData, NumberSystem, Symbols};
use crate::error::Error;
use crate::locale::{Tag, lookup};
use crate::part::Part;
use crate::plural::{Category, Plurals};

/// Writes numbers in one way.
///
/// ```
/// use cla_intl::number::{NumberFormat, NumberOptions};
/// use cla_intl::{Tag, text_of};
///
/// let german = Tag::parse("de").unwrap();
/// let format = NumberFormat::new(&german, NumberOptions::default()).unwrap();
/// assert_eq!(text_of(&format.format(&1234.5.into())), "1.234,5");
/// ```
#[derive(Clone)]
pub struct NumberFormat {
    pub(crate) locale: Arc<LocaleData>,
    pub(crate) plurals: Rc<Plurals>,
    options: NumberOptions,
    /// The digits from 0 to 9.
    digits: [char; 10],
    /// Symbols and patterns.
    system: String,
    symbols: Symbols,
    numbering: String,
    tag: String,
}

impl NumberFormat {
    /// How numbers are written in a locale. The numbering system is the option's, the tag's extension `nu`, or the usual one.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`], [`Error::UnknownUnit`].
    pub fn new(tag: &Tag, options: NumberOptions) -> Result<Self, Error> {
        let found = lookup(tag)?;
        let locale = data::locale(found.name)?;
        let world = data::world()?;
        let asked = [options.numbering.clone(), tag.keyword("nu")];
        let known = |name: &String| world.digits.contains_key(name);
        let native = |name: String| match name.as_str() {
            "native" => locale.numbers.native.clone(),
            _ => name,
        };
        let asked = asked.into_iter().flatten().map(native).find(known);
        let numbering = asked.unwrap_or_else(|| locale.numbers.default.clone());
        let system = if locale.numbers.systems.contains_key(&numbering) {
            numbering.clone()
        } else {
            "latn".to_owned()
        };
        let symbols = match world.symbols.get(&numbering) {
            Some(symbols) if system != numbering => symbols.clone(),
            _ => locale.numbers.systems[&system].symbols.clone(),
        };
        let written = world
            .digits
            .get(&numbering)
            .map_or("0123456789", String::as_str);
        let mut digits = ['0'; 10];
        for (place, digit) in digits.iter_mut().zip(written.chars()) {
            *place = digit;
        }
        let format = Self {
            plurals: Rc::new(Plurals::new(tag, crate::plural::Kind::Cardinal)?),
            locale,
            options,
            digits,
            system,
            symbols,
            numbering,
            tag: found.tag,
        };
        if let Style::Unit { unit, display } = &format.options.style {
            format.check_unit(unit, *display)?;
        }
        Ok(format)
    }

    /// The locale that was found, without extensions.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.tag
    }

    /// The numbering system.
    #[must_use]
    pub fn numbering(&self) -> &str {
        &self.numbering
    }

    /// Its options.
    #[must_use]
    pub fn options(&self) -> &NumberOptions {
        &self.options
    }

    /// A number as text, in parts.
    #[must_use]
    pub fn format(&self, value: &Quantity) -> Vec<Part> {
        write::write(self, value)
    }

    /// Two numbers as a range, in parts; each part with what it belongs to.
    #[must_use]
    pub fn format_range(&self, start: &Quantity, end: &Quantity) -> Vec<(Part, &'static str)> {
        let (start, end) = (self.format(start), self.format(end));
        let misc = &self.system().misc;
        if start == end {
            let sign = misc.get("approximately").map_or("~{0}", String::as_str);
            let sign = sign.replace("{0}", "");
            let sign = Part::new("approximatelySign", sign);
            return [sign]
                .into_iter()
                .chain(start)
                .map(|part| (part, "shared"))
                .collect();
        }
        let pattern = misc.get("range").map_or("{0}–{1}", String::as_str);
        let between = pattern.replace("{0}", "").replace("{1}", "");
        // Signs and words beside the dash would be read as part of it.
        let plain = |part: &Part| matches!(part.kind, "integer" | "group" | "decimal" | "fraction");
        let is_plain = start.iter().chain(&end).all(plain);
        let between = if is_plain || between.contains(' ') {
            between
        } else {
            format!(" {between} ")
        };
        let mut parts: Vec<_> = start.into_iter().map(|part| (part, "startRange")).collect();
        parts.push((Part::new("literal", between), "shared"));
        parts.extend(end.into_iter().map(|part| (part, "endRange")));
        parts
    }

    /// The form of a word that goes with a number as this format writes it.
    #[must_use]
    pub fn select(&self, rules: &Plurals, value: &Quantity) -> Category {
        match value {
            Quantity::Finite(decimal) => {
                let mut written = decimal.clone();
                self.round(&mut written);
                rules.category(&written, 0)
            }
            _ => Category::Other,
        }
    }

    /// Rounds a number as it would be written.
    pub(crate) fn round(&self, value: &mut fixed_decimal::Decimal) {
        decimal::round(value, &self.options);
    }

    fn system(&self) -> &NumberSystem {
        // It was looked up when the format was made, and every locale has `latn`.
        &self.locale.numbers.systems[&self.system]
    }

    /// A whole number in the locale's digits, padded with zeros, in no groups.
    pub(crate) fn padded(&self, value: i64, width: usize) -> String {
        self.localized(&format!("{value:0width$}"))
    }

    /// Replaces the digits of a text by the locale's.
    pub(crate) fn localized(&self, text: &str) -> String {
        if self.digits[0] == '0' {
            return text.to_owned();
        }
        let digit = |c: char| {
            c.to_digit(10)
                .map_or(c, |digit| self.digits[digit as usize])
        };
        text.chars().map(digit).collect()
    }

    /// What stands before a fraction.
    pub(crate) fn decimal_sign(&self) -> &str {
        &self.symbols.decimal
    }

    fn check_unit(&self, unit: &str, display: UnitDisplay) -> Result<(), Error> {
        let unknown = || Error::UnknownUnit(unit.chars().take(100).collect());
        let units = self.locale.units.get(display.name()).ok_or_else(unknown)?;
        if units.contains_key(unit) {
            return Ok(());
        }
        match unit.split_once("-per-") {
            Some((of, per)) if units.contains_key(of) && units.contains_key(per) => Ok(()),
            _ => Err(unknown()),
        }
    }
}
