//! Lengths of time: how users write them, and how they read them.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// The shortest time limit: timers of the engine count in milliseconds.
const MIN_LIMIT: Duration = Duration::from_millis(1);

/// The longest time limit: as far ahead as every system's clock can count.
const MAX_LIMIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads a time limit: what rules write too (`250ms`, `1h30m`), or a plain number of seconds.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    within(MIN_LIMIT, text, "a time limit is from 1ms to 365d")
}

/// Reads how long to wait: a time limit, or 0 for not at all.
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    within(Duration::ZERO, text, "a time to wait is from 0 to 365d")
}

/// Reads how long ago something may have been: as a time limit.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    within(MIN_LIMIT, text, "an age is from 1ms to 365d")
}

fn within(shortest: Duration, text: &str, range: &str) -> Result<Duration, String> {
    let text = text.trim();
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| range.to_owned())?,
        Err(_) => length_of_time(text)
            .ok_or("write it as in 30s, 5m, 1h30m, 250ms, or as a number of seconds")?
            .ok_or_else(|| range.to_owned())?,
    };
    if (shortest..=MAX_LIMIT).contains(&duration) {
        Ok(duration)
    } else {
        Err(range.to_owned())
    }
}

/// A duration with units, `Some(None)` if it is negative; `None` also for months and years, whose
/// length varies.
fn length_of_time(text: &str) -> Option<Option<Duration>> {
    let span = SpanParser::new().parse_span(text).ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(Duration::try_from(duration).ok())
}

/// A number of seconds in words that fit into a column: `0.3s`, `42s`, `1m 05s`, `2h 03m`, `3d 04h`.
pub(crate) fn short(seconds: f64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    // A time is negative if the clock was set back. It counts as 0.
    let seconds = seconds.max(0.0);
    if seconds < 9.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    if whole < MINUTE {
        format!("{whole}s")
    } else if whole < HOUR {
        format!("{}m {:02}s", whole / MINUTE, whole % MINUTE)
    } else if whole < DAY {
        format!("{}h {:02}m", whole / HOUR, whole % HOUR / MINUTE)
    } else {
        format!("{}d {:02}h", whole / DAY, whole % DAY / HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_duration_or_a_number_of_seconds() {
        for (text, milliseconds) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("2 days", 172_800_000),
            ("0.25", 250),
            ("30", 30_000),
        ] {
            assert_eq!(
                limit(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_timeout_that_is_none_or_out_of_range_is_refused() {
        for text in ["", "soon", "5 parsecs", "1 month"] {
            assert!(limit(text).unwrap_err().contains("250ms"), "{text}");
        }
        for text in [
            "0", "0s", "-1", "-5s", "inf", "NaN", "1e300", "366d", "10us",
        ] {
            assert!(limit(text).unwrap_err().contains("365d"), "{text}");
        }
    }

    #[test]
    fn patience_may_be_none_at_all() {
        assert_eq!(patience("0"), Ok(Duration::ZERO));
        assert_eq!(patience("0s"), Ok(Duration::ZERO));
        assert_eq!(patience("1m"), Ok(Duration::from_secs(60)));
        assert!(patience("-1").unwrap_err().contains("from 0"));
        assert!(patience("-1s").unwrap_err().contains("from 0"));
        assert!(patience("soon").unwrap_err().contains("250ms"));
    }

    #[test]
    fn a_duration_is_shown_in_its_two_largest_units() {
        for (seconds, words) in [
            (-1.0, "0.0s"),
            (0.04, "0.0s"),
            (0.25, "0.2s"),
            (9.94, "9.9s"),
            (9.96, "10s"),
            (59.4, "59s"),
            (59.6, "1m 00s"),
            (65.0, "1m 05s"),
            (3599.6, "1h 00m"),
            (7380.0, "2h 03m"),
            (273_600.0, "3d 04h"),
        ] {
            assert_eq!(short(seconds), words);
        }
    }
}
