//! What does not depend on a language.

use crate::data::{index, world};
use crate::error::Error;
use crate::locale::Tag;

/// The numbering systems whose digits are known, in the order of their names.
///
/// # Errors
///
/// [`Error::Damaged`].
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn numbering_systems() -> Result<impl Iterator<Item = &'static str>, Error> {
    Ok(world()?.digits.keys().map(String::as_str))
}

/// The currencies in use, in the order of their codes.
///
/// # Errors
///
/// [`Error::Damaged`].
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn currencies() -> Result<&'static [String], Error> {
    Ok(&world()?.currencies)
}

/// All locales of which something is known, in the order of their names.
///
/// # Errors
///
/// [`Error::Damaged`].
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn locales() -> Result<Vec<String>, Error> {
    let index = index()?;
    let mut all: Vec<String> = index
        .locales
        .keys()
        .chain(&index.defaults)
        .cloned()
        .collect();
    all.sort_unstable();
    Ok(all)
}

/// The usual calendar of a locale.
///
/// # Errors
///
/// [`Error::Damaged`].
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn calendar(tag: &Tag) -> Result<String, Error> {
    let region = tag.likely_region().unwrap_or_default();
    let found = world()?.calendars.get(&region);
    Ok(found.map_or_else(|| "gregory".to_owned(), Clone::clone))
}

/// The weeks of a region; 1 is Monday.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    /// The first day.
    pub first: u8,
    /// The first and the last day on which people do not work.
    pub weekend: (u8, u8),
    /// How many days of the first week of a year are in that year, at least.
    pub minimal: u8,
}

/// The weeks of a locale's region.
///
/// # Errors
///
/// [`Error::Damaged`].
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub fn week(tag: &Tag) -> Result<Week, Error> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let world = world()?;
    let region = tag.likely_region().unwrap_or_default();
    let of = |table: &std::collections::HashMap<String, String>| {
        let found = table.get(&region).or_else(|| table.get("001"));
        found.cloned().unwrap_or_default()
    };
    let day = |table| {
        let name = of(table);
        let place = DAYS.iter().position(|day| *day == name);
        place.map_or(1, |place| place as u8 + 1)
    };
    Ok(Week {
        first: day(&world.first),
        weekend: (day(&world.weekend.start), day(&world.weekend.end)),
        minimal: of(&world.minimal).parse().unwrap_or(1),
    })
}
