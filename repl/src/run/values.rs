//! What users write as values of options: lengths of time, sizes, stores.

use std::fmt::Display;
use std::time::Duration;

use cla_runtime::semaphore::Semaphores;
use cla_runtime::{MAX_STACK, MIN_MEMORY, MIN_STACK};
use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;
use parse_size::Config;

/// The shortest time limit: timers of the engine count in milliseconds.
const MIN_TIMEOUT: Duration = Duration::from_millis(1);

/// The longest time limit: as far ahead as every system's clock can count.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The largest memory limit: more than any machine of today has.
const MAX_MEMORY: u64 = 1 << 46;

/// Reads `--timeout`: what rules write too (`250ms`, `1h30m`), or a plain number of seconds.
pub(super) fn timeout(text: &str) -> Result<Duration, String> {
    const RANGE: &str = "a time limit is from 1ms to 365d";
    let text = text.trim();
    let duration = match text.parse() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).map_err(|_| RANGE.to_owned())?,
        Err(_) => length_of_time(text)
            .ok_or("write it as in 30s, 5m, 1h30m, 250ms, or as a number of seconds")?,
    };
    if (MIN_TIMEOUT..=MAX_TIMEOUT).contains(&duration) {
        Ok(duration)
    } else {
        Err(RANGE.to_owned())
    }
}

/// A duration with units; `None` also for months and years, whose length varies.
fn length_of_time(text: &str) -> Option<Duration> {
    let span = SpanParser::new().parse_span(text).ok()?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return None;
    }
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    // Only a negative one does not fit; it is out of range like 0 is.
    Some(Duration::try_from(duration).unwrap_or_default())
}

/// Reads `--memory`.
pub(super) fn memory(text: &str) -> Result<usize, String> {
    let largest = usize::try_from(MAX_MEMORY).unwrap_or(usize::MAX);
    size(text, "memory", MIN_MEMORY, largest)
}

/// Reads `--stack`.
pub(super) fn stack(text: &str) -> Result<usize, String> {
    size(text, "stack", MIN_STACK, MAX_STACK)
}

fn size(text: &str, what: &str, smallest: usize, largest: usize) -> Result<usize, String> {
    let bytes = Config::new()
        .with_binary()
        .parse_size(text)
        .map_err(|_| "write it as in 512K, 64M or 1GiB".to_owned())?;
    usize::try_from(bytes)
        .ok()
        .filter(|bytes| (smallest..=largest).contains(bytes))
        .ok_or_else(|| {
            format!(
                "a {what} limit is from {} to {}",
                InWords(smallest),
                InWords(largest)
            )
        })
}

/// A size that is a power of 1024 times a small number, as the ends of all ranges are.
struct InWords(usize);

impl Display for InWords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mut size, mut unit) = (self.0, 0);
        let units = ["B", "KiB", "MiB", "GiB", "TiB"];
        while size.is_multiple_of(1024) && unit + 1 < units.len() {
            size /= 1024;
            unit += 1;
        }
        write!(f, "{size} {}", units[unit])
    }
}

/// Where the semaphores are, as `--store` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreUrl {
    /// In this process.
    Memory,
}

impl StoreUrl {
    pub(super) fn open(self) -> Semaphores {
        match self {
            Self::Memory => Semaphores::memory(),
        }
    }
}

/// Reads `--store`.
pub(super) fn store(url: &str) -> Result<StoreUrl, &'static str> {
    match url {
        "memory:" => Ok(StoreUrl::Memory),
        _ => Err("this version has one store, memory:"),
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
                timeout(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn a_timeout_that_is_none_or_out_of_range_is_refused() {
        for text in ["", "soon", "5 parsecs", "1 month"] {
            assert!(timeout(text).unwrap_err().contains("250ms"), "{text}");
        }
        for text in [
            "0", "0s", "-1", "-5s", "inf", "NaN", "1e300", "366d", "10us",
        ] {
            assert!(timeout(text).unwrap_err().contains("365d"), "{text}");
        }
    }

    #[test]
    fn sizes_count_in_powers_of_1024() {
        assert_eq!(memory("64M"), Ok(64 << 20));
        assert_eq!(memory("64MB"), Ok(64 << 20));
        assert_eq!(memory("64MiB"), Ok(64 << 20));
        assert_eq!(memory("1.5g"), Ok(3 << 29));
        assert_eq!(memory("1048576"), Ok(1 << 20));
        assert_eq!(stack("512K"), Ok(512 << 10));
    }

    #[test]
    fn a_size_out_of_range_is_told_the_range() {
        assert_eq!(
            memory("512K").unwrap_err(),
            "a memory limit is from 1 MiB to 64 TiB"
        );
        assert_eq!(
            stack("17M").unwrap_err(),
            "a stack limit is from 64 KiB to 16 MiB"
        );
        assert!(memory("lots").unwrap_err().contains("64M"));
    }
}
