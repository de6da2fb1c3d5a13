//! Which pattern fits the fields that were asked for.
//!
//! A *skeleton* is a set of fields, each with its length. Each pattern of a locale belongs to one. What was asked for is a
//! skeleton as well; the pattern whose skeleton is nearest is taken. Fields that it has in another length are written in the
//! one that was asked for. If no pattern has all fields, one for the date and one for the time are joined, and what these
//! still lack is appended. The distances are those of ICU, so that the same pattern is found as elsewhere.

use super::fields::{DateOptions, HourCycle, Numeric, Size, Style, Text, ZoneName};
use super::pattern::{self, Item};
use crate::data::LocaleData;

/// What a field is about, in the order of ICU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Era,
    Year,
    Month,
    Weekday,
    Day,
    DayPeriod,
    Hour,
    Minute,
    Second,
    Fraction,
    Zone,
}

const FIELDS: usize = 11;

/// Names in CLDR: of what is appended, and of the field.
const APPENDED: [(&str, &str); FIELDS] = [
    ("Era", "era"),
    ("Year", "year"),
    ("Month", "month"),
    ("Day-Of-Week", "weekday"),
    ("Day", "day"),
    ("DayPeriod", "dayperiod"),
    ("Hour", "hour"),
    ("Minute", "minute"),
    ("Second", "second"),
    ("*", "second"),
    ("Timezone", "zone"),
];

type Mask = u16;

const fn bit(field: Field) -> Mask {
    1 << field as Mask
}

const DATE: Mask = bit(Field::DayPeriod) - 1;
const TIME: Mask = !DATE;

// How different two ways to write a field are. Numbers are positive, names negative.
const NUMERIC: i32 = 0x100;
const DELTA: i32 = 0x10;
const NARROW: i32 = -0x101;
const SHORTER: i32 = -0x102;
const SHORT: i32 = -0x103;
const LONG: i32 = -0x104;
/// The pattern has a field that was not asked for.
const EXTRA: i32 = 0x10000;
/// The pattern lacks a field.
const MISSING: i32 = 0x1000;

/// What a letter stands for, and how it is written.
fn kind(letter: char, count: usize) -> Option<(Field, i32)> {
    let named = |delta: i32| match count {
        6 => SHORTER - delta,
        5 => NARROW - delta,
        4 => LONG - delta,
        _ => SHORT - delta,
    };
    let number = |delta: i32| NUMERIC + delta + count as i32;
    Some(match letter {
        'G' => (Field::Era, named(0)),
        'y' => (Field::Year, number(0)),
        'u' => (Field::Year, number(2 * DELTA)),
        'M' if count <= 2 => (Field::Month, number(0)),
        'M' => (Field::Month, named(0)),
        'L' if count <= 2 => (Field::Month, number(DELTA)),
        'L' => (Field::Month, named(DELTA)),
        'E' => (Field::Weekday, named(0)),
        'c' if count <= 2 => (Field::Weekday, number(2 * DELTA)),
        'c' => (Field::Weekday, named(2 * DELTA)),
        'e' if count <= 2 => (Field::Weekday, number(DELTA)),
        'e' => (Field::Weekday, named(DELTA)),
        'd' => (Field::Day, number(0)),
        'a' => (Field::DayPeriod, named(0)),
        'b' => (Field::DayPeriod, named(DELTA)),
        'B' => (Field::DayPeriod, named(3 * DELTA)),
        'H' => (Field::Hour, number(10 * DELTA)),
        'k' => (Field::Hour, number(11 * DELTA)),
        'h' => (Field::Hour, number(0)),
        'K' => (Field::Hour, number(DELTA)),
        'm' => (Field::Minute, number(0)),
        's' => (Field::Second, number(0)),
        'S' => (Field::Fraction, number(0)),
        'v' => (Field::Zone, named(2 * DELTA)),
        'z' => (Field::Zone, named(0)),
        'O' => (Field::Zone, named(DELTA)),
        _ => return None,
    })
}

/// A set of fields with their lengths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Skeleton {
    letters: [Option<(char, usize)>; FIELDS],
    kinds: [i32; FIELDS],
}

impl Skeleton {
    /// That of a pattern, or of what was asked for in the same letters; `None` if there is a field that is not asked for here.
    pub(super) fn of(items: &[Item]) -> Option<Self> {
        let mut skeleton = Self::default();
        for item in items {
            if let Item::Field(letter, count) = item {
                skeleton.set(*letter, *count)?;
            }
        }
        let has = |field: Field| skeleton.letters[field as usize].is_some();
        if has(Field::Minute) && has(Field::Fraction) && !has(Field::Second) {
            skeleton.set('s', 1)?;
        }
        if let Some((hour, _)) = skeleton.letters[Field::Hour as usize] {
            let period = Field::DayPeriod as usize;
            if !matches!(hour, 'h' | 'K') {
                skeleton.letters[period] = None;
                skeleton.kinds[period] = 0;
            } else if skeleton.letters[period].is_none() {
                skeleton.set('a', 1)?;
            }
        }
        Some(skeleton)
    }

    fn set(&mut self, letter: char, count: usize) -> Option<()> {
        let (field, kind) = kind(letter, count)?;
        self.letters[field as usize] = Some((letter, count));
        self.kinds[field as usize] = kind;
        Some(())
    }

    fn mask(&self) -> Mask {
        let set = self
            .kinds
            .iter()
            .enumerate()
            .filter(|(_, kind)| **kind != 0);
        set.map(|(at, _)| 1 << at).sum()
    }

    /// Whether it has fields of a date.
    pub(super) fn has_date(&self) -> bool {
        self.mask() & DATE != 0
    }

    /// Whether it has fields of a time.
    pub(super) fn has_time(&self) -> bool {
        self.mask() & TIME != 0
    }

    /// Whether its hours are counted twice a day.
    pub(super) fn is_half(&self) -> bool {
        matches!(self.letters[Field::Hour as usize], Some(('h' | 'K', _)))
    }

    /// How far another one with the same fields is; `None` if it has other fields, or writes as a number what this one names.
    pub(super) fn same_fields(&self, other: &Self) -> Option<i32> {
        if self.mask() != other.mask() {
            return None;
        }
        let both = self.kinds.iter().zip(&other.kinds);
        let mut distance = 0;
        for (one, two) in both {
            if (*one > 0) != (*two > 0) {
                return None;
            }
            distance += (one - two).abs();
        }
        Some(distance)
    }

    /// Writes the fields of a pattern, which is for `stated`, in the lengths of this one.
    pub(super) fn fit(&self, items: &mut [Item], stated: &Self) {
        for item in items {
            let Item::Field(letter, count) = item else {
                continue;
            };
            let Some((field, _)) = kind(*letter, *count) else {
                continue;
            };
            let at = field as usize;
            if let (Some((_, wanted)), Some((_, stated))) = (self.letters[at], stated.letters[at])
                && wanted != stated
                && !matches!(field, Field::Minute | Field::Second | Field::DayPeriod)
            {
                *count = wanted;
            }
        }
    }

    /// How far another one is from the fields of `mask`, with which of these it lacks, and whether it has others.
    fn distance(&self, mask: Mask, other: &Self) -> (i32, Mask, bool) {
        let (mut distance, mut missing, mut has_more) = (0, 0, false);
        for at in 0..FIELDS {
            let wanted = if mask & (1 << at) == 0 {
                0
            } else {
                self.kinds[at]
            };
            let found = other.kinds[at];
            if wanted == found {
                continue;
            }
            if wanted == 0 {
                distance += EXTRA;
                has_more = true;
            } else if found == 0 {
                distance += MISSING;
                missing |= 1 << at;
            } else {
                distance += (wanted - found).abs();
            }
        }
        (distance, missing, has_more)
    }
}

/// A pattern with its skeleton.
struct Known {
    skeleton: Skeleton,
    pattern: Vec<Item>,
    /// Whether the locale itself says that the pattern is for this skeleton.
    is_stated: bool,
}

/// The patterns of a locale.
struct Patterns<'a> {
    locale: &'a LocaleData,
    known: Vec<Known>,
    wanted: Skeleton,
    point: &'a str,
}

/// What was found for some fields.
struct Found<'a> {
    pattern: &'a [Item],
    stated: Option<&'a Skeleton>,
    missing: Mask,
    has_more: bool,
}

impl<'a> Patterns<'a> {
    fn new(locale: &'a LocaleData, point: &'a str, wanted: Skeleton) -> Self {
        let dates = &locale.dates;
        let mut known: Vec<Known> = Vec::new();
        for (skeleton, text) in &dates.available {
            if let Some(skeleton) = Skeleton::of(&pattern::parse(skeleton)) {
                let pattern = pattern::parse(text);
                known.push(Known {
                    skeleton,
                    pattern,
                    is_stated: true,
                });
            }
        }
        let single = ["G", "y", "M", "E", "d", "a", "H", "m", "s", "S", "v"];
        let usual = dates.date.iter().chain(&dates.time).map(String::as_str);
        for text in usual.chain(single) {
            let pattern = pattern::parse(text);
            let Some(skeleton) = Skeleton::of(&pattern) else {
                continue;
            };
            if known.iter().all(|other| other.skeleton != skeleton) {
                known.push(Known {
                    skeleton,
                    pattern,
                    is_stated: false,
                });
            }
        }
        Self {
            locale,
            known,
            wanted,
            point,
        }
    }

    /// The pattern that is nearest to these of the wanted fields.
    fn nearest(&self, mask: Mask) -> Found<'_> {
        let mut best: Option<(i32, Found<'_>)> = None;
        for known in &self.known {
            let (distance, missing, has_more) = self.wanted.distance(mask, &known.skeleton);
            if best.as_ref().is_none_or(|(least, _)| distance < *least) {
                let found = Found {
                    pattern: &known.pattern,
                    stated: known.is_stated.then_some(&known.skeleton),
                    missing,
                    has_more,
                };
                best = Some((distance, found));
            }
        }
        best.map_or(
            Found {
                pattern: &[],
                stated: None,
                missing: 0,
                has_more: false,
            },
            |(_, found)| found,
        )
    }

    /// A pattern with its fields in the lengths that were asked for.
    fn adjusted(
        &self,
        pattern: &[Item],
        stated: Option<&Skeleton>,
        adds_fraction: bool,
    ) -> Vec<Item> {
        let mut adjusted = Vec::new();
        for item in pattern {
            let Item::Field(letter, count) = item else {
                adjusted.push(item.clone());
                continue;
            };
            let Some((field, found)) = kind(*letter, *count) else {
                adjusted.push(item.clone());
                continue;
            };
            let at = field as usize;
            if adds_fraction && field == Field::Second {
                adjusted.push(item.clone());
                if let Some((letter, count)) = self.wanted.letters[Field::Fraction as usize] {
                    adjusted.push(Item::Text(self.point.to_owned()));
                    adjusted.push(Item::Field(letter, count));
                }
                continue;
            }
            let Some((wanted_letter, wanted_count)) = self.wanted.letters[at] else {
                adjusted.push(item.clone());
                continue;
            };
            let wanted_count = match wanted_letter {
                'E' => wanted_count.max(3),
                _ => wanted_count,
            };
            let mut length = wanted_count;
            if matches!(field, Field::Minute | Field::Second) {
                length = *count;
            } else if let Some(stated) = stated
                && !matches!(wanted_letter, 'c' | 'e')
            {
                let stated_count = stated.letters[at].map_or(0, |(_, count)| count);
                if stated_count == wanted_count || (found > 0) != (self.wanted.kinds[at] > 0) {
                    length = *count;
                }
            }
            let keeps = matches!(
                field,
                Field::Hour | Field::Month | Field::Weekday | Field::Year
            );
            let letter = if keeps { *letter } else { wanted_letter };
            let letter = if letter == 'E' && length < 3 {
                'e'
            } else {
                letter
            };
            adjusted.push(Item::Field(letter, length));
        }
        adjusted
    }

    /// The pattern for these of the wanted fields, with what the nearest one lacks appended.
    fn appended(&self, mask: Mask) -> Vec<Item> {
        const SECONDS: Mask = bit(Field::Second) | bit(Field::Fraction);
        if mask == 0 {
            return Vec::new();
        }
        let found = self.nearest(mask);
        let mut result = self.adjusted(found.pattern, found.stated, false);
        let mut missing = found.missing;
        while missing != 0 {
            if missing & SECONDS == bit(Field::Fraction) && mask & SECONDS == SECONDS {
                result = self.adjusted(&result, found.stated, true);
                missing &= !bit(Field::Fraction);
                continue;
            }
            let more = self.nearest(missing);
            let addition = self.adjusted(more.pattern, more.stated, false);
            let added = missing & !more.missing;
            if added == 0 {
                break;
            }
            missing = more.missing;
            let top = (Mask::BITS - 1 - added.leading_zeros()) as usize;
            let (name, title) = APPENDED[top.min(FIELDS - 1)];
            let join = self.locale.dates.append.get(name);
            let join = join.map_or("{0} {1}", String::as_str);
            let title = self.locale.fields.titles.get(title);
            let title = title.map_or("", String::as_str);
            let title = pattern::write(&[Item::Text(title.to_owned())]);
            result = joined(join, &result, &addition, &title);
        }
        result
    }

    /// The best pattern for all wanted fields.
    fn best(&self) -> Vec<Item> {
        let mask = self.wanted.mask();
        let found = self.nearest(mask);
        if found.missing == 0 && !found.has_more {
            return self.adjusted(found.pattern, found.stated, false);
        }
        let date = self.appended(mask & DATE);
        let time = self.appended(mask & TIME);
        if date.is_empty() {
            return time;
        }
        if time.is_empty() {
            return date;
        }
        let length =
            |field: Field| self.wanted.letters[field as usize].map_or(0, |(_, count)| count);
        let style = match length(Field::Month) {
            4 if length(Field::Weekday) > 0 => 0,
            4 => 1,
            3 => 2,
            _ => 3,
        };
        joined(&self.locale.dates.joined_at[style], &time, &date, "")
    }
}

/// Brings two patterns and a name into a pattern with holes.
fn joined(join: &str, first: &[Item], second: &[Item], name: &str) -> Vec<Item> {
    let text = join
        .replace("{0}", &pattern::write(first))
        .replace("{1}", &pattern::write(second))
        .replace("{2}", name);
    pattern::parse(&text)
}

/// The letters of what was asked for.
pub(super) fn letters(options: &DateOptions) -> Vec<Item> {
    let text = |text: Text| match text {
        Text::Narrow => 5,
        Text::Short => 3,
        Text::Long => 4,
    };
    let number = |number: Numeric| match number {
        Numeric::Numeric => 1,
        Numeric::TwoDigit => 2,
    };
    let mut items = Vec::new();
    let mut add =
        |letter, count: Option<usize>| items.extend(count.map(|count| Item::Field(letter, count)));
    add('E', options.weekday.map(text));
    add('G', options.era.map(text));
    add('y', options.year.map(number));
    add(
        'M',
        options.month.map(|month| match month {
            Size::Number(size) => number(size),
            Size::Name(size) => text(size),
        }),
    );
    add('d', options.day.map(number));
    let hour = options.hour_cycle.unwrap_or(HourCycle::H23);
    add(hour.letter(), options.hour.map(number));
    if options.hour.is_none() || hour.is_half() {
        let period = options.day_period.map(text);
        add('B', period.map(|count| if count == 3 { 1 } else { count }));
    }
    add('m', options.minute.map(number));
    add('s', options.second.map(number));
    add(
        'S',
        (options.fraction > 0).then_some(usize::from(options.fraction)),
    );
    match options.zone_name {
        Some(ZoneName::Short) => add('z', Some(1)),
        Some(ZoneName::Long) => add('z', Some(4)),
        Some(ZoneName::ShortOffset) => add('O', Some(1)),
        Some(ZoneName::LongOffset) => add('O', Some(4)),
        Some(ZoneName::ShortGeneric) => add('v', Some(1)),
        Some(ZoneName::LongGeneric) => add('v', Some(4)),
        None => {}
    }
    items
}

/// Counts hours in another way.
pub(super) fn recount(items: &mut [Item], cycle: HourCycle) {
    for item in items {
        if let Item::Field(letter @ ('h' | 'H' | 'k' | 'K'), _) = item {
            *letter = cycle.letter();
        }
    }
}

/// The pattern for a date's and a time's usual form.
fn styled(locale: &LocaleData, point: &str, options: &DateOptions) -> Vec<Item> {
    let dates = &locale.dates;
    let at = |style: Style| style as usize;
    let date = options
        .date
        .map(|style| pattern::parse(&dates.date[at(style)]));
    let time = options
        .time
        .map(|style| pattern::parse(&dates.time[at(style)]));
    let mut items = match (date, time, options.date) {
        (Some(date), Some(time), Some(style)) => {
            joined(&dates.joined_at[at(style)], &time, &date, "")
        }
        (date, time, _) => date.or(time).unwrap_or_default(),
    };
    let hour = items.iter().find_map(|item| match item {
        Item::Field(letter @ ('h' | 'H' | 'k' | 'K'), _) => Some(*letter),
        _ => None,
    });
    if let (Some(cycle), Some(hour)) = (options.hour_cycle, hour)
        && hour != cycle.letter()
    {
        let fields = items
            .iter()
            .filter(|item| !matches!(item, Item::Text(_) | Item::Field('a' | 'b' | 'B', _)));
        let mut wanted: Vec<Item> = fields.cloned().collect();
        recount(&mut wanted, cycle);
        if let Some(wanted) = Skeleton::of(&wanted) {
            items = Patterns::new(locale, point, wanted).best();
            recount(&mut items, cycle);
        }
    }
    items
}

/// The pattern for what was asked for. `point` stands before a fraction.
pub(super) fn choose(locale: &LocaleData, point: &str, options: &DateOptions) -> Vec<Item> {
    if options.date.is_some() || options.time.is_some() {
        return styled(locale, point, options);
    }
    let Some(wanted) = Skeleton::of(&letters(options)) else {
        return Vec::new();
    };
    let mut items = Patterns::new(locale, point, wanted).best();
    if let Some(cycle) = options.hour_cycle {
        recount(&mut items, cycle);
    }
    items
}
