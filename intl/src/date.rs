//! Dates and times.
//!
//! Which pattern fits the fields that were asked for is found as UTS 35 has it (`skeleton.rs`): the locale has patterns for
//! many sets of fields; the nearest is taken, its fields are written in the lengths that were asked for, and what it lacks is
//! appended.

mod fields;
mod interval;
mod names;
mod pattern;
mod skeleton;

use std::sync::Arc;

pub use fields::{DateOptions, DayPeriod, HourCycle, Numeric, Size, Style, Text, ZoneName};

use crate::data::{self, LocaleData};
use crate::error::Error;
use crate::locale::{Tag, lookup};
use crate::number::{Grouping, NumberFormat, NumberOptions};
use crate::part::{Part, text_of};
use crate::zone::Zone;
use pattern::Item;

/// Writes dates and times in one way.
///
/// See [`NumberFormat`] for an example.
#[derive(Clone)]
pub struct DateFormat {
    locale: Arc<LocaleData>,
    language: String,
    numbers: NumberFormat,
    zone: Zone,
    options: DateOptions,
    items: Vec<Item>,
    tag: String,
}

impl DateFormat {
    /// How dates are written in a locale, in the Gregorian calendar.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLocale`]; [`Error::UnknownCalendar`]: the locale's usual calendar is another one, and its tag does not ask
    /// for the Gregorian one by `-u-ca-gregory`.
    pub fn new(tag: &Tag, zone: Zone, options: DateOptions) -> Result<Self, Error> {
        let found = lookup(tag)?;
        check_calendar(tag, options.calendar.as_deref())?;
        let locale = data::locale(found.name)?;
        let numbers = NumberOptions {
            grouping: Grouping::Never,
            numbering: options.numbering.clone(),
            ..NumberOptions::default()
        };
        let numbers = NumberFormat::new(tag, numbers)?;
        let items = skeleton::choose(&locale, numbers.decimal_sign(), &options);
        Ok(Self {
            items,
            locale,
            language: tag.language(),
            numbers,
            zone,
            options,
            tag: found.tag,
        })
    }

    /// The locale that was found, without extensions.
    #[must_use]
    pub fn locale(&self) -> &str {
        &self.tag
    }

    /// The numbering system.
    #[must_use]
    pub fn numbering(&self) -> &str {
        self.numbers.numbering()
    }

    /// Its time zone.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// A moment, in milliseconds since 1970, as text, in parts.
    #[must_use]
    pub fn format(&self, since_1970: i64) -> Vec<Part> {
        self.write(&self.items, since_1970)
    }

    /// From one moment to another, in parts; each part with what it belongs to.
    #[must_use]
    pub fn format_range(&self, start: i64, end: i64) -> Vec<(Part, &'static str)> {
        interval::write(self, start, end)
    }

    fn write(&self, items: &[Item], since_1970: i64) -> Vec<Part> {
        let moment = self.zone.at(since_1970);
        names::write(self, items, &moment)
    }

    /// The fields of the pattern, each with how it is written: `("month", "long")`.
    #[must_use]
    pub fn resolved(&self) -> Vec<(&'static str, &'static str)> {
        pattern::resolved(&self.items)
    }

    /// How it counts hours, if it writes them.
    #[must_use]
    pub fn hour_cycle(&self) -> Option<&'static str> {
        self.items.iter().find_map(|item| match item {
            Item::Field('h', _) => Some("h12"),
            Item::Field('H', _) => Some("h23"),
            Item::Field('K', _) => Some("h11"),
            Item::Field('k', _) => Some("h24"),
            _ => None,
        })
    }

    /// The text of a moment.
    #[must_use]
    pub fn text(&self, since_1970: i64) -> String {
        // Programs compare these texts with an ordinary space; browsers and Node write one for their sake.
        text_of(&self.format(since_1970)).replace('\u{202f}', " ")
    }
}

/// Refuses a calendar that is not known.
fn check_calendar(tag: &Tag, option: Option<&str>) -> Result<(), Error> {
    let is_known = |calendar: &str| matches!(calendar, "gregory" | "iso8601");
    let unknown = |calendar: &str| {
        Err(Error::UnknownCalendar {
            locale: tag.base(),
            calendar: calendar.chars().take(100).collect(),
        })
    };
    let asked = option.map(str::to_owned).or_else(|| tag.keyword("ca"));
    if let Some(asked) = asked {
        return if is_known(&asked) {
            Ok(())
        } else {
            unknown(&asked)
        };
    }
    let region = tag.likely_region().unwrap_or_default();
    match data::world()?.calendars.get(&region) {
        Some(calendar) => unknown(calendar),
        None => Ok(()),
    }
}
