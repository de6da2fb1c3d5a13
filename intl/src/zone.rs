//! Time zones, and what a moment is there.

use jiff::Timestamp;
use jiff::tz::{self, TimeZone};

use crate::error::Error;

/// Names that all mean universal time.
const UNIVERSAL: &[&str] = &[
    "utc",
    "gmt",
    "etc/utc",
    "etc/gmt",
    "etc/uct",
    "uct",
    "zulu",
    "etc/zulu",
    "universal",
    "etc/universal",
    "etc/greenwich",
    "greenwich",
    "gmt0",
    "gmt+0",
    "gmt-0",
    "etc/gmt0",
    "etc/gmt+0",
    "etc/gmt-0",
];

/// What lies in the folder of zones and is none.
const NO_ZONES: &[&str] = &["localtime", "posixrules", "factory"];

/// The longest name of a zone, in bytes.
const LONGEST: usize = 64;

const SECOND: i64 = 1000;
const DAY: i64 = 24 * 3600 * SECOND;

/// After so many years of the Gregorian calendar its days of the week repeat.
const CYCLE: i64 = 146_097 * DAY;

/// A time zone.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// What summer times are like in a zone.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daylight {
    /// It has its summer time.
    On,
    /// It has summer times, and none now.
    Off,
    /// It has none for a year.
    None,
}

/// A moment as clocks and calendars show it.
///
/// See [`NumberFormat`](crate::number::NumberFormat) for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds since 1970 in universal time.
    pub since_1970: i64,
    /// The year, where 0 is the one before 1.
    pub year: i64,
    /// From 1 to 12.
    pub month: u8,
    /// From 1 to 31.
    pub day: u8,
    /// From 0, which is Sunday, to 6.
    pub weekday: u8,
    /// From 0 to 23.
    pub hour: u8,
    /// From 0 to 59.
    pub minute: u8,
    /// From 0 to 59.
    pub second: u8,
    /// From 0 to 999.
    pub millisecond: u16,
    /// How far the clock is ahead of universal time, in seconds.
    pub offset: i32,
}

impl Zone {
    /// The zone of that name, such as `Europe/Berlin`, `UTC` or `+05:30`; upper and lower case do not matter.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownZone`].
    pub fn named(name: &str) -> Result<Self, Error> {
        let unknown = || Error::UnknownZone(name.chars().take(100).collect());
        if let Some((name, seconds)) = offset(name) {
            let zone = tz::Offset::from_seconds(seconds).map_err(|_| unknown())?;
            let zone = TimeZone::fixed(zone);
            return Ok(Self { name, zone });
        }
        let lower = name.to_ascii_lowercase();
        if UNIVERSAL.contains(&lower.as_str()) {
            return Ok(Self::universal());
        }
        let is_fit = name.len() <= LONGEST
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/_+-".contains(&byte))
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && !lower.starts_with("posix/")
            && !lower.starts_with("right/")
            && !NO_ZONES.contains(&lower.as_str());
        if !is_fit {
            return Err(unknown());
        }
        let zone = tz::db().get(name).map_err(|_| unknown())?;
        let name = zone.iana_name().unwrap_or(name).to_owned();
        Ok(Self { name, zone })
    }

    /// Universal time.
    #[must_use]
    pub fn universal() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// The zone of this machine, by the variable `TZ` or its settings.
    #[must_use]
    pub fn system() -> Self {
        let zone = TimeZone::system();
        match zone.iana_name() {
            Some(name) if UNIVERSAL.contains(&name.to_ascii_lowercase().as_str()) => {
                Self::universal()
            }
            Some(name) => Self {
                name: name.to_owned(),
                zone,
            },
            None => match zone.to_fixed_offset() {
                Ok(fixed) if fixed.seconds() != 0 => Self {
                    name: offset_name(fixed.seconds()),
                    zone,
                },
                Ok(_) => Self::universal(),
                // A rule such as `CET-1CEST`: its clock is right, and it has no name.
                Err(_) => Self {
                    name: "Etc/Unknown".to_owned(),
                    zone,
                },
            },
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The names of all zones, sorted.
    #[must_use]
    pub fn all() -> Vec<String> {
        let all = tz::db().available();
        let names = all.map(|name| name.as_str().to_owned());
        let fit = names.filter(|name| {
            let areas = [
                "Africa/",
                "America/",
                "Antarctica/",
                "Arctic/",
                "Asia/",
                "Atlantic/",
                "Australia/",
                "Europe/",
                "Indian/",
                "Pacific/",
            ];
            areas.iter().any(|area| name.starts_with(area)) || name == "UTC"
        });
        let mut names: Vec<String> = fit.collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// How far its clocks are ahead of universal time, in seconds.
    fn offset_at(&self, since_1970: i64) -> i32 {
        self.zone.to_offset(timestamp(since_1970)).seconds()
    }

    /// Whether its clocks are ahead of what they show for the rest of the year.
    #[must_use]
    pub fn daylight(&self, since_1970: i64) -> Daylight {
        let now = timestamp(since_1970);
        let info = self.zone.to_offset_info(now);
        let (offset, is_dst) = (info.offset(), info.dst().is_dst());
        // In a few zones, such as Dublin's, it is the winter that the rules call daylight saving time.
        let near =
            |time: Timestamp| (time.as_second() - now.as_second()).unsigned_abs() < 400 * 24 * 3600;
        // What the clocks showed is looked at first: they may be moved for another reason afterwards.
        let before = self.zone.preceding(now).take(2);
        let after = self.zone.following(now).take(2);
        let before = before.filter(|other| near(other.timestamp()));
        let after = after.filter(|other| near(other.timestamp()));
        let other = before
            .chain(after)
            .find(|other| other.dst().is_dst() != is_dst);
        match other {
            Some(other) if offset > other.offset() => Daylight::On,
            Some(_) => Daylight::Off,
            None if is_dst => Daylight::On,
            None => Daylight::None,
        }
    }

    /// What a moment is there.
    #[must_use]
    pub fn at(&self, since_1970: i64) -> Moment {
        let offset = self.offset_at(since_1970);
        let local = since_1970 + i64::from(offset) * SECOND;
        let (days, rest) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let seconds = rest / SECOND;
        Moment {
            since_1970,
            year,
            month,
            day,
            // The first day of 1970 was a Thursday.
            weekday: (days + 4).rem_euclid(7) as u8,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            millisecond: (rest % SECOND) as u16,
            offset,
        }
    }
}

/// A moment whose clocks show the same, in the years that are known.
fn timestamp(since_1970: i64) -> Timestamp {
    /// The end of the year 9000.
    const LATE: i64 = 221_877_532_800 * SECOND;
    let mut moment = since_1970;
    if moment > LATE {
        moment = LATE - CYCLE + (moment - LATE).rem_euclid(CYCLE);
    }
    match Timestamp::from_millisecond(moment) {
        Ok(moment) => moment,
        Err(_) => Timestamp::MIN,
    }
}

/// The date of a day, counted from the first of 1970.
fn civil(days: i64) -> (i64, u8, u8) {
    // Years begin in March here, so that the day that may be missing is their last.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// Reads `+05:30`, `-0330` or `+05`.
fn offset(name: &str) -> Option<(String, i32)> {
    let (sign, rest) = match name.as_bytes().first()? {
        b'+' => (1, &name[1..]),
        b'-' => (-1, &name[1..]),
        _ => return None,
    };
    if !rest
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b':')
    {
        return None;
    }
    let (hours, minutes) = match (rest.len(), rest.split_once(':')) {
        (2, None) => (rest, "00"),
        (4, None) => rest.split_at(2),
        (5, Some((hours, minutes))) if hours.len() == 2 => (hours, minutes),
        _ => return None,
    };
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = sign * (hours * 3600 + minutes * 60);
    Some((offset_name(seconds), seconds))
}

fn offset_name(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.unsigned_abs() / 60;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::{Daylight, Zone};

    fn at(zone: &str, seconds: i64) -> (i64, u8, u8, u8, u8, i32) {
        let moment = Zone::named(zone).unwrap().at(seconds * 1000);
        (
            moment.year,
            moment.month,
            moment.day,
            moment.hour,
            moment.minute,
            moment.offset,
        )
    }

    #[test]
    fn clocks_change_on_both_sides() {
        assert_eq!(
            at("Europe/Berlin", 1_774_745_999),
            (2026, 3, 29, 1, 59, 3600)
        );
        assert_eq!(
            at("Europe/Berlin", 1_774_746_000),
            (2026, 3, 29, 3, 0, 7200)
        );
        assert_eq!(at("asia/kathmandu", 0), (1970, 1, 1, 5, 30, 19_800));
        assert_eq!(
            at("Asia/Kathmandu", 1_774_746_000),
            (2026, 3, 29, 6, 45, 20_700)
        );
        assert_eq!(at("-0330", 0), (1969, 12, 31, 20, 30, -12_600));
    }

    #[test]
    fn dates_go_beyond_the_years_of_clocks() {
        let utc = Zone::universal();
        let last = utc.at(8_640_000_000_000_000);
        assert_eq!((last.year, last.month, last.day), (275_760, 9, 13));
        let first = utc.at(-8_640_000_000_000_000);
        assert_eq!(
            (first.year, first.month, first.day, first.weekday),
            (-271_821, 4, 20, 2)
        );
        let berlin = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(berlin.at(8_640_000_000_000_000).offset, 7200);
        assert!(berlin.at(-8_640_000_000_000_000).offset < 3600);
    }

    #[test]
    fn dublin_has_its_daylight_saving_time_in_summer() {
        let (winter, summer) = (1_768_000_000_000, 1_783_000_000_000);
        for zone in ["Europe/Dublin", "Europe/London", "America/New_York"] {
            let zone = Zone::named(zone).unwrap();
            assert_eq!(zone.daylight(winter), Daylight::Off);
            assert_eq!(zone.daylight(summer), Daylight::On);
        }
        let of = |zone: &str| Zone::named(zone).unwrap().daylight(winter);
        assert_eq!(of("Australia/Sydney"), Daylight::On);
        assert_eq!(of("Asia/Tokyo"), Daylight::None);
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for name in [
            "",
            "Mars/Olympus",
            "+24:00",
            "+1",
            "+01:60",
            "../etc/passwd",
            "posix/UTC",
            "localtime",
            &"a".repeat(1 << 20),
        ] {
            assert!(Zone::named(name).is_err(), "{name:.20}");
        }
        assert_eq!(Zone::named("etc/gmt").unwrap().name(), "UTC");
        assert_eq!(Zone::named("europe/kyiv").unwrap().name(), "Europe/Kyiv");
    }
}
