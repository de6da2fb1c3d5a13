//! Lengths of time as rules write them: `2.5` seconds, `"250ms"`, `"1h30m"`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// The longest duration that a rule may name: a hundred years of 365 days.
///
/// No rule waits longer, and no clock overflows when this is added to it.
const MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A number of seconds as a duration, from 0 to a hundred years.
///
/// # Errors
///
/// What it must be instead, to follow the word "must".
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::duration::from_seconds;
///
/// assert_eq!(from_seconds(2.5), Ok(Duration::from_millis(2500)));
/// assert_eq!(from_seconds(-1.0), Err("not be negative"));
/// ```
pub fn from_seconds(seconds: f64) -> Result<Duration, &'static str> {
    if !seconds.is_finite() {
        return Err("be a finite number of seconds");
    }
    if seconds < 0.0 {
        return Err("not be negative");
    }
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|duration| *duration <= MAX)
        .ok_or("be at most a hundred years")
}

/// Reads a duration with units: `250ms`, `5m`, `1h30m`, `2 days`; at most a hundred years.
///
/// A day has 24 hours and a week seven days; months and years have no fixed length and are refused.
///
/// # Errors
///
/// What it must be instead, to follow the word "must".
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::duration::parse;
///
/// assert_eq!(parse("1h30m"), Ok(Duration::from_secs(5400)));
/// assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
/// assert!(parse("10").is_err(), "it has no unit");
/// ```
pub fn parse(string: &str) -> Result<Duration, &'static str> {
    const UNFIT: &str =
        "be a number of seconds or a duration such as \"250ms\", \"5m\" or \"1h30m\"";
    let string = string.trim();
    if string.parse::<f64>().is_ok() {
        return Err("have a unit (as in \"10s\") or be a number");
    }
    let span = SpanParser::new().parse_span(string).map_err(|_| UNFIT)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err("not count in months or years, whose length varies");
    }
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| UNFIT)?;
    if duration.is_negative() {
        return Err("not be negative");
    }
    Duration::try_from(duration)
        .ok()
        .filter(|duration| *duration <= MAX)
        .ok_or("be at most a hundred years")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numbers_of_seconds() {
        assert_eq!(from_seconds(0.0), Ok(Duration::ZERO));
        assert_eq!(from_seconds(0.25), Ok(Duration::from_millis(250)));
        assert_eq!(from_seconds(-0.0), Ok(Duration::ZERO));
        for nonsense in [
            -1.0,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e308,
            1e10,
        ] {
            assert!(from_seconds(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn reads_durations() {
        let cases = [
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("1.5s", 1_500),
            ("2 days", 172_800_000),
            ("1w", 604_800_000),
            (" 10s ", 10_000),
            ("0s", 0),
        ];
        for (string, milliseconds) in cases {
            assert_eq!(
                parse(string),
                Ok(Duration::from_millis(milliseconds)),
                "{string}"
            );
        }
    }

    #[test]
    fn refuses_nonsense() {
        for string in [
            "",
            "10",
            "1e3",
            "inf",
            "-5s",
            "5s ago",
            "soon",
            "1 month",
            "1y",
            "999999999w",
            "5 5s",
        ] {
            assert!(parse(string).is_err(), "{string}");
        }
    }
}
