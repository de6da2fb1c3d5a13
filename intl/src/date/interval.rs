//! From one moment to another: what both have in common is written once, where the locale has a pattern for that.

use super::DateFormat;
use super::pattern::{self, Item};
use super::skeleton::{Skeleton, letters};
use crate::part::{Part, push};
use crate::zone::Moment;

/// What a part belongs to.
const SHARED: &str = "shared";
const START: &str = "startRange";
const END: &str = "endRange";

/// Writes a range.
pub(super) fn write(format: &DateFormat, start: i64, end: i64) -> Vec<(Part, &'static str)> {
    let single = format.format(start);
    if single == format.format(end) {
        return single.into_iter().map(|part| (part, SHARED)).collect();
    }
    let from = format.zone.at(start);
    let to = format.zone.at(end);
    if let Some(largest) = difference(&from, &to)
        && let Some(items) = pattern_for(format, largest)
    {
        return by_pattern(format, &items, start, end);
    }
    let mut parts = Vec::new();
    for piece in crate::number::split(&format.locale.dates.interval_fallback) {
        match piece {
            crate::number::Piece::Text(text) => parts.push((Part::new("literal", text), SHARED)),
            crate::number::Piece::Hole(0) => {
                parts.extend(format.format(start).into_iter().map(|part| (part, START)));
            }
            crate::number::Piece::Hole(_) => {
                parts.extend(format.format(end).into_iter().map(|part| (part, END)));
            }
        }
    }
    parts
}

/// The letter of the largest field that differs; `None` for what no pattern of a range tells apart.
fn difference(from: &Moment, to: &Moment) -> Option<char> {
    let era = |moment: &Moment| moment.year > 0;
    let half = |moment: &Moment| moment.hour / 12;
    if era(from) != era(to) {
        Some('G')
    } else if from.year != to.year {
        Some('y')
    } else if from.month != to.month {
        Some('M')
    } else if from.day != to.day {
        Some('d')
    } else if half(from) != half(to) {
        Some('a')
    } else if from.hour != to.hour {
        Some('h')
    } else if from.minute != to.minute {
        Some('m')
    } else {
        None
    }
}

/// The locale's pattern for a range in which this is the largest field that differs.
fn pattern_for(format: &DateFormat, largest: char) -> Option<Vec<Item>> {
    let options = &format.options;
    let dates = &format.locale.dates;
    let wanted = if options.date.is_some() || options.time.is_some() {
        Skeleton::of(&format.items)?
    } else {
        Skeleton::of(&letters(options))?
    };
    let has_date = wanted.has_date();
    let has_time = wanted.has_time();
    if has_date && has_time {
        return None;
    }
    let is_half = wanted.is_half();
    let key = match largest {
        'a' | 'h' if !is_half => "H",
        'a' => "a",
        'h' => "h",
        'm' => "m",
        'd' => "d",
        'M' => "M",
        'y' => "y",
        _ => "G",
    };
    let known = dates.interval.iter().filter_map(|(text, patterns)| {
        let skeleton = Skeleton::of(&pattern::parse(text))?;
        let distance = wanted.same_fields(&skeleton)?;
        Some((distance, skeleton, patterns))
    });
    let (_, stated, patterns) = known.min_by_key(|(distance, ..)| *distance)?;
    let pattern = patterns.get(key).or_else(|| match key {
        "a" => patterns.get("h"),
        _ => None,
    })?;
    let mut items = pattern::parse(pattern);
    wanted.fit(&mut items, &stated);
    if let Some(cycle) = options.hour_cycle {
        super::skeleton::recount(&mut items, cycle);
    }
    Some(items)
}

/// Writes both moments by one pattern: from the second time that a field occurs on, it is about the end.
fn by_pattern(
    format: &DateFormat,
    items: &[Item],
    start: i64,
    end: i64,
) -> Vec<(Part, &'static str)> {
    let mut seen: Vec<char> = Vec::new();
    let same = |letter: char| match letter {
        'L' => 'M',
        'c' | 'e' => 'E',
        'K' | 'k' | 'H' => 'h',
        'b' | 'B' => 'a',
        letter => letter,
    };
    let second = items.iter().position(|item| match item {
        Item::Field(letter, _) => {
            let is_second = seen.contains(&same(*letter));
            seen.push(same(*letter));
            is_second
        }
        Item::Text(_) => false,
    });
    let second = second.unwrap_or(items.len());
    let (first, last) = items.split_at(second);
    let of = |items: &[Item]| -> Vec<char> {
        let fields = items.iter().filter_map(|item| match item {
            Item::Field(letter, _) => Some(same(*letter)),
            Item::Text(_) => None,
        });
        fields.collect()
    };
    let (in_first, in_last) = (of(first), of(last));
    let mut parts: Vec<(Part, &'static str)> = Vec::new();
    let mut add = |items: &[Item], moment: i64, others: &[char], source: &'static str| {
        for item in items {
            let is_shared = match item {
                Item::Text(_) => true,
                Item::Field(letter, _) => !others.contains(&same(*letter)),
            };
            let mut written = Vec::new();
            for part in format.write(std::slice::from_ref(item), moment) {
                push(&mut written, part.kind, &part.text);
            }
            let source = if is_shared { SHARED } else { source };
            parts.extend(written.into_iter().map(|part| (part, source)));
        }
    };
    add(first, start, &in_last, START);
    add(last, end, &in_first, END);
    between(&mut parts);
    parts
}

/// Text between two fields of one moment belongs to that moment.
fn between(parts: &mut [(Part, &'static str)]) {
    for source in [START, END] {
        let mut own = parts
            .iter()
            .enumerate()
            .filter(|(_, part)| part.1 == source);
        let first = own.next().map(|(at, _)| at);
        let last = own.next_back().map(|(at, _)| at);
        if let (Some(first), Some(last)) = (first, last) {
            for part in &mut parts[first..=last] {
                if part.0.kind == "literal" {
                    part.1 = source;
                }
            }
        }
    }
}
