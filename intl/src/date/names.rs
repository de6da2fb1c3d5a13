//! What the fields of a moment are called.

use super::DateFormat;
use super::pattern::Item;
use crate::data::{Names, Widths, ZoneNames, ZoneWidth, world};
use crate::part::{Part, push};
use crate::zone::{Daylight, Moment};

/// Writes a moment by a pattern.
pub(super) fn write(format: &DateFormat, items: &[Item], moment: &Moment) -> Vec<Part> {
    let mut parts = Vec::new();
    for item in items {
        match item {
            Item::Text(text) => push(&mut parts, "literal", text),
            Item::Field(letter, count) => {
                let (kind, text) = field(format, *letter, *count, moment);
                push(&mut parts, kind, &text);
            }
        }
    }
    parts
}

/// The width of a name that a number of letters stands for.
fn by_width<T>(widths: &Widths<T>, count: usize) -> Option<&T> {
    match count {
        4 => widths.wide.as_ref(),
        5 => widths.narrow.as_ref(),
        6 => widths.short.as_ref(),
        _ => widths.abbreviated.as_ref(),
    }
}

/// A name alone, or within a date.
fn name(names: &Names<Vec<String>>, is_alone: bool, count: usize, at: usize) -> String {
    let alone = if is_alone {
        by_width(&names.alone, count)
    } else {
        None
    };
    let found = alone.or_else(|| by_width(&names.format, count));
    found
        .and_then(|names| names.get(at))
        .cloned()
        .unwrap_or_default()
}

/// A field: what ECMA-402 calls it, and its text.
fn field(
    format: &DateFormat,
    letter: char,
    count: usize,
    moment: &Moment,
) -> (&'static str, String) {
    let dates = &format.locale.dates;
    let number = |value: i64, width: usize| format.numbers.padded(value, width);
    let month = usize::from(moment.month) - 1;
    let weekday = usize::from(moment.weekday);
    let hour = i64::from(moment.hour);
    match letter {
        'G' => {
            let width = match count {
                4 => 0,
                5 => 2,
                _ => 1,
            };
            let era = usize::from(moment.year > 0);
            ("era", dates.eras[width][era].clone())
        }
        'y' => {
            let year = if moment.year > 0 {
                moment.year
            } else {
                1 - moment.year
            };
            let year = if count == 2 { year % 100 } else { year };
            ("year", number(year, count))
        }
        'u' => ("year", number(moment.year, count)),
        'M' | 'L' if count <= 2 => ("month", number(i64::from(moment.month), count)),
        'M' | 'L' => ("month", name(&dates.months, letter == 'L', count, month)),
        'E' => ("weekday", name(&dates.days, false, count, weekday)),
        'c' | 'e' => (
            "weekday",
            name(&dates.days, letter == 'c', count.max(3), weekday),
        ),
        'd' => ("day", number(i64::from(moment.day), count)),
        'a' | 'b' | 'B' => ("dayPeriod", period(format, letter, count, moment)),
        'h' => ("hour", number((hour + 11) % 12 + 1, count)),
        'H' => ("hour", number(hour, count)),
        'k' => ("hour", number((hour + 23) % 24 + 1, count)),
        'K' => ("hour", number(hour % 12, count)),
        'm' => ("minute", number(i64::from(moment.minute), count)),
        's' => ("second", number(i64::from(moment.second), count)),
        'S' => {
            let mut fraction = format!("{:03}", moment.millisecond);
            fraction.truncate(count.min(3));
            ("fractionalSecond", format.numbers.localized(&fraction))
        }
        'z' => (
            "timeZoneName",
            zone(format, count == 4, Kind::Specific, moment),
        ),
        'v' => (
            "timeZoneName",
            zone(format, count == 4, Kind::Generic, moment),
        ),
        'O' => ("timeZoneName", offset(format, count == 4, moment)),
        _ => ("literal", String::new()),
    }
}

/// The part of the day.
fn period(format: &DateFormat, letter: char, count: usize, moment: &Moment) -> String {
    let periods = &format.locale.dates.periods;
    let count = if count <= 3 { 1 } else { count };
    let of = |names: &Widths<_>, key: &str| {
        let names: &std::collections::HashMap<String, String> = by_width(names, count)?;
        names.get(key).cloned()
    };
    // A part of the day that stands with no hour stands alone.
    let is_alone = letter == 'B' && format.options.hour.is_none() && format.options.time.is_none();
    let find = |key: &str| {
        let alone = if is_alone {
            of(&periods.alone, key)
        } else {
            None
        };
        alone.or_else(|| of(&periods.format, key))
    };
    let half = if moment.hour < 12 { "am" } else { "pm" };
    let found = match letter {
        'B' => flexible(format, moment).and_then(|name| find(&name)),
        'b' if moment.minute == 0 && moment.hour == 12 => find("noon"),
        'b' if moment.minute == 0 && moment.hour == 0 => find("midnight"),
        _ => None,
    };
    found.or_else(|| find(half)).unwrap_or_default()
}

/// What the language calls this part of the day.
fn flexible(format: &DateFormat, moment: &Moment) -> Option<String> {
    let world = world().ok()?;
    let rules = world.periods.get(&format.language)?;
    let hour = i64::from(moment.hour);
    let bounds = |rule: &[serde_json::Value]| {
        let name = rule.first()?.as_str()?.to_owned();
        Some((
            name,
            rule.get(1)?.as_i64()?,
            rule.get(2).and_then(serde_json::Value::as_i64),
        ))
    };
    let all: Vec<_> = rules.iter().filter_map(|rule| bounds(rule)).collect();
    let exact = all.iter().find(|(_, from, until)| {
        until.is_none() && *from == hour && moment.minute == 0 && moment.second == 0
    });
    let within = || {
        all.iter().find(|(_, from, until)| {
            until.is_some_and(|until| {
                if *from < until {
                    (*from..until).contains(&hour)
                } else {
                    hour >= *from || hour < until
                }
            })
        })
    };
    exact.or_else(within).map(|(name, ..)| name.clone())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Of summer or of winter.
    Specific,
    /// Of all the year.
    Generic,
}

/// The name of a time zone.
fn zone(format: &DateFormat, is_long: bool, kind: Kind, moment: &Moment) -> String {
    named_zone(format, is_long, kind, moment).unwrap_or_else(|| offset(format, is_long, moment))
}

fn named_zone(format: &DateFormat, is_long: bool, kind: Kind, moment: &Moment) -> Option<String> {
    let zones = &format.locale.zones;
    let world = world().ok()?;
    let name = match format.zone.name() {
        "UTC" => "Etc/UTC",
        name => world.alias.get(name).map_or(name, String::as_str),
    };
    let daylight = format.zone.daylight(moment.since_1970);
    let pick = |names: &ZoneNames| -> Option<String> {
        let width: &ZoneWidth = if is_long {
            names.long.as_ref()?
        } else {
            names.short.as_ref()?
        };
        let found = match (kind, daylight) {
            // Where clocks do not change, the name of all the year is that of the winter.
            (Kind::Generic, Daylight::None) => width.standard.as_ref().or(width.generic.as_ref()),
            (Kind::Generic, _) => width.generic.as_ref(),
            (Kind::Specific, Daylight::On) => width.daylight.as_ref(),
            (Kind::Specific, _) => width.standard.as_ref(),
        };
        found.cloned()
    };
    if kind == Kind::Specific
        && let Some(found) = zones.zone.get(name).and_then(pick)
    {
        return Some(found);
    }
    let minutes = moment.since_1970.div_euclid(60_000);
    let (metazone, ..) = world.zone.get(name)?.iter().find(|(_, from, until)| {
        from.is_none_or(|from| from <= minutes) && until.is_none_or(|until| minutes < until)
    })?;
    zones.metazone.get(metazone).and_then(pick)
}

/// How far a zone's clock is from universal time.
fn offset(format: &DateFormat, is_long: bool, moment: &Moment) -> String {
    let zones = &format.locale.zones;
    let (ahead, behind) = zones.hour.split_once(';').unwrap_or(("+HH:mm", "-HH:mm"));
    let pattern = if moment.offset < 0 { behind } else { ahead };
    let seconds = i64::from(moment.offset.unsigned_abs());
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let number = |value: i64, width: usize| format.numbers.padded(value, width);
    let (start, end) = pattern.split_once('H').unwrap_or((pattern, ""));
    let between: String = end
        .trim_start_matches('H')
        .chars()
        .take_while(|c| *c != 'm')
        .collect();
    let mut text = start.to_owned();
    text.push_str(&number(hours, if is_long { 2 } else { 1 }));
    if is_long || minutes != 0 || rest != 0 {
        text.push_str(&between);
        text.push_str(&number(minutes, 2));
    }
    if rest != 0 {
        text.push_str(&between);
        text.push_str(&number(rest, 2));
    }
    zones.gmt.replace("{0}", &text)
}
