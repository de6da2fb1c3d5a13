//! What is known of each locale, from `data/locales.bin`. `data/bake.mjs` makes that file, and describes it.

use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::sync::{Arc, OnceLock};

use flate2::read::DeflateDecoder;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Error;

/// The file.
static FILE: &[u8] = include_bytes!("../data/locales.bin");

/// How many locales are kept unpacked.
const MOST_KEPT: usize = 32;

/// The version of CLDR that the file was made of.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
pub const CLDR_VERSION: &str = "48.2.0";

/// Where what is.
#[derive(Deserialize)]
pub(crate) struct Index {
    /// The version of CLDR that the file was made of.
    #[cfg(test)]
    cldr: String,
    /// Each locale, with the one from which it differs.
    pub(crate) locales: BTreeMap<String, Option<String>>,
    /// Locales that differ in nothing from the one above them: `de-DE`.
    pub(crate) defaults: Vec<String>,
    blocks: HashMap<String, (usize, usize)>,
}

/// What does not depend on a language.
#[derive(Deserialize)]
pub(crate) struct World {
    /// The metazones of each zone.
    pub(crate) zone: HashMap<String, Vec<UseOfMetazone>>,
    /// Other names of zones.
    pub(crate) alias: HashMap<String, String>,
    /// How hours are written in each region: the usual way, and the others.
    pub(crate) hours: HashMap<String, (String, String)>,
    /// The parts of the day in each language: name, first hour, hour after the last.
    pub(crate) periods: HashMap<String, Vec<Vec<Value>>>,
    /// How many digits follow the point in each currency.
    pub(crate) fractions: HashMap<String, u8>,
    /// The symbols of numbering systems in locales that say nothing of them.
    pub(crate) symbols: HashMap<String, Symbols>,
    /// The currencies in use.
    pub(crate) currencies: Vec<String>,
    /// The digits of each numbering system.
    pub(crate) digits: BTreeMap<String, String>,
    /// The usual calendar of regions where that is not the Gregorian one.
    pub(crate) calendars: HashMap<String, String>,
    /// The first day of the week in each region.
    pub(crate) first: HashMap<String, String>,
    pub(crate) weekend: Weekend,
    /// How many days of the first week of a year are in that year, in each region.
    pub(crate) minimal: HashMap<String, String>,
}

/// The name of a metazone, and from when to when a zone belongs to it, in minutes since 1970.
pub(crate) type UseOfMetazone = (String, Option<i64>, Option<i64>);

/// The days on which each region does not work.
#[derive(Deserialize)]
pub(crate) struct Weekend {
    pub(crate) start: HashMap<String, String>,
    pub(crate) end: HashMap<String, String>,
}

/// What is known of one locale.
#[derive(Deserialize)]
pub(crate) struct LocaleData {
    pub(crate) dates: Dates,
    pub(crate) fields: Fields,
    pub(crate) zones: Zones,
    pub(crate) numbers: Numbers,
    /// For each width the units, each with a pattern for each plural category.
    pub(crate) units: HashMap<String, HashMap<String, Value>>,
    /// Kind and width of a list, with the patterns for its start, middle, end, and for two.
    pub(crate) lists: HashMap<String, [String; 4]>,
}

/// Names in two contexts.
#[derive(Deserialize)]
pub(crate) struct Names<T> {
    pub(crate) format: Widths<T>,
    #[serde(rename = "stand-alone")]
    pub(crate) alone: Widths<T>,
}

/// Names in several widths.
#[derive(Deserialize)]
pub(crate) struct Widths<T> {
    pub(crate) abbreviated: Option<T>,
    pub(crate) wide: Option<T>,
    pub(crate) narrow: Option<T>,
    pub(crate) short: Option<T>,
}

#[derive(Deserialize)]
pub(crate) struct Dates {
    pub(crate) months: Names<Vec<String>>,
    pub(crate) days: Names<Vec<String>>,
    pub(crate) periods: Names<HashMap<String, String>>,
    /// Long, short and narrow: before and after the first year.
    pub(crate) eras: [[String; 2]; 3],
    /// Patterns from full to short.
    pub(crate) date: [String; 4],
    pub(crate) time: [String; 4],
    /// Patterns for a date and a time together.
    pub(crate) joined_at: [String; 4],
    /// Patterns by skeleton.
    pub(crate) available: BTreeMap<String, String>,
    pub(crate) append: HashMap<String, String>,
    /// For each skeleton, patterns by the largest field that differs.
    pub(crate) interval: BTreeMap<String, HashMap<String, String>>,
    pub(crate) interval_fallback: String,
}

#[derive(Deserialize)]
pub(crate) struct Fields {
    /// Long, short and narrow for each unit.
    pub(crate) relative: HashMap<String, [RelativeField; 3]>,
    /// What the fields of a date are called.
    pub(crate) titles: HashMap<String, String>,
}

#[derive(Deserialize)]
pub(crate) struct RelativeField {
    /// Words for near ones: `-1` is "yesterday".
    pub(crate) near: HashMap<String, String>,
    pub(crate) future: HashMap<String, String>,
    pub(crate) past: HashMap<String, String>,
}

#[derive(Deserialize)]
pub(crate) struct Zones {
    pub(crate) hour: String,
    pub(crate) gmt: String,
    pub(crate) zone: HashMap<String, ZoneNames>,
    pub(crate) metazone: HashMap<String, ZoneNames>,
}

#[derive(Deserialize)]
pub(crate) struct ZoneNames {
    pub(crate) long: Option<ZoneWidth>,
    pub(crate) short: Option<ZoneWidth>,
}

#[derive(Deserialize)]
pub(crate) struct ZoneWidth {
    pub(crate) generic: Option<String>,
    pub(crate) standard: Option<String>,
    pub(crate) daylight: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Numbers {
    pub(crate) default: String,
    pub(crate) native: String,
    /// How many digits stand before the first separator of groups.
    pub(crate) grouping: u8,
    pub(crate) systems: BTreeMap<String, NumberSystem>,
    pub(crate) currencies: HashMap<String, HashMap<String, String>>,
}

#[derive(Deserialize)]
pub(crate) struct NumberSystem {
    pub(crate) symbols: Symbols,
    pub(crate) decimal: String,
    pub(crate) percent: String,
    pub(crate) currency: String,
    pub(crate) accounting: String,
    pub(crate) compact_long: HashMap<String, String>,
    pub(crate) compact_short: HashMap<String, String>,
    pub(crate) compact_currency: HashMap<String, String>,
    /// How a number and the name of its currency are joined, by plural category.
    pub(crate) named: HashMap<String, String>,
    /// What stands between a number and the letters of a currency before and after it.
    pub(crate) spacing: [Option<String>; 2],
    pub(crate) misc: HashMap<String, String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Symbols {
    pub(crate) decimal: String,
    pub(crate) group: String,
    pub(crate) percent_sign: String,
    pub(crate) plus_sign: String,
    pub(crate) minus_sign: String,
    pub(crate) exponential: String,
    pub(crate) infinity: String,
    pub(crate) nan: String,
    #[serde(default)]
    pub(crate) currency_decimal: Option<String>,
    #[serde(default)]
    pub(crate) currency_group: Option<String>,
}

fn damaged(error: impl Into<Cause>) -> Error {
    Error::Damaged(error.into().0)
}

/// Why the file cannot be read.
struct Cause(String);

impl From<&str> for Cause {
    fn from(cause: &str) -> Self {
        Self(cause.to_owned())
    }
}

impl From<std::io::Error> for Cause {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Cause {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

fn unpack(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut unpacked = Vec::new();
    let read = DeflateDecoder::new(bytes).read_to_end(&mut unpacked);
    read.map(|_| unpacked).map_err(damaged)
}

/// The index, and where the blocks begin.
fn head() -> Result<&'static (Index, usize), Error> {
    static HEAD: OnceLock<Result<(Index, usize), Error>> = OnceLock::new();
    let read = || {
        let (length, rest) = FILE
            .split_first_chunk::<4>()
            .ok_or_else(|| damaged("too short"))?;
        let length = u32::from_le_bytes(*length) as usize;
        let packed = rest.get(..length).ok_or_else(|| damaged("too short"))?;
        let index: Index = serde_json::from_slice(&unpack(packed)?).map_err(damaged)?;
        Ok((index, 4 + length))
    };
    HEAD.get_or_init(read).as_ref().map_err(Clone::clone)
}

/// What is in the file.
pub(crate) fn index() -> Result<&'static Index, Error> {
    head().map(|(index, _)| index)
}

fn block(name: &str) -> Result<Vec<u8>, Error> {
    let (index, start) = head()?;
    let (offset, length) = index
        .blocks
        .get(name)
        .ok_or_else(|| damaged("no such block"))?;
    let packed = FILE.get(start + offset..start + offset + length);
    unpack(packed.ok_or_else(|| damaged("too short"))?)
}

/// What does not depend on a language.
pub(crate) fn world() -> Result<&'static World, Error> {
    static WORLD: OnceLock<Result<World, Error>> = OnceLock::new();
    let read = || serde_json::from_slice(&block("world")?).map_err(damaged);
    WORLD.get_or_init(read).as_ref().map_err(Clone::clone)
}

/// What is known of a locale that the index has.
pub(crate) fn locale(tag: &str) -> Result<Arc<LocaleData>, Error> {
    static KEPT: Mutex<Vec<(String, Arc<LocaleData>)>> = Mutex::new(Vec::new());
    let known = |kept: &[(String, Arc<LocaleData>)]| {
        let mut all = kept.iter();
        all.find(|(name, _)| name == tag)
            .map(|(_, known)| Arc::clone(known))
    };
    if let Some(known) = known(&KEPT.lock()) {
        return Ok(known);
    }
    let read = Arc::new(read_locale(tag)?);
    let mut kept = KEPT.lock();
    if let Some(known) = known(&kept) {
        return Ok(known);
    }
    if kept.len() >= MOST_KEPT {
        kept.remove(0);
    }
    kept.push((tag.to_owned(), Arc::clone(&read)));
    Ok(read)
}

fn read_locale(tag: &str) -> Result<LocaleData, Error> {
    let index = index()?;
    let mut chain = vec![tag];
    while let Some(Some(parent)) = chain.last().and_then(|last| index.locales.get(*last)) {
        chain.push(parent);
    }
    let root = chain.last().copied().unwrap_or(tag);
    let bytes = block(root)?;
    let written: HashMap<&str, &RawValue> = serde_json::from_slice(&bytes).map_err(damaged)?;
    let mut whole = Value::Null;
    for name in chain.iter().rev() {
        let text = written.get(name).ok_or_else(|| damaged("no such locale"))?;
        merge(
            &mut whole,
            serde_json::from_str(text.get()).map_err(damaged)?,
        );
    }
    serde_json::from_value(whole).map_err(damaged)
}

/// Brings the differences of a child into what its parent has.
fn merge(parent: &mut Value, child: Value) {
    match (parent, child) {
        (Value::Object(parent), Value::Object(child)) => {
            for (key, value) in child {
                if value.is_null() {
                    parent.remove(&key);
                } else {
                    merge(parent.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (parent, child) => *parent = child,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_locale_of_the_file_can_be_read() {
        let index = super::index().unwrap();
        assert_eq!(index.cldr, super::CLDR_VERSION);
        for tag in index.locales.keys() {
            super::locale(tag).unwrap_or_else(|error| panic!("{tag}: {error}"));
        }
        assert!(index.locales.len() > 350);
        super::world().unwrap();
    }
}
