//! What users write as sizes of memory.

use std::fmt::Display;

use cla_runtime::limits::{MAX_STACK, MIN_MEMORY, MIN_STACK};
use parse_size::Config;

/// The largest memory limit: more than any machine of today has.
const MAX_MEMORY: u64 = 1 << 46;

/// Reads `--memory`.
pub(crate) fn memory(text: &str) -> Result<usize, String> {
    let largest = usize::try_from(MAX_MEMORY).unwrap_or(usize::MAX);
    size(text, "memory", MIN_MEMORY, largest)
}

/// Reads `--stack`.
pub(crate) fn stack(text: &str) -> Result<usize, String> {
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

/// A size, for people.
pub(crate) fn shown(bytes: usize) -> String {
    match bytes % 1024 {
        0 => InWords(bytes).to_string(),
        _ => format!("{bytes} bytes"),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_error_for_a_size_out_of_range_names_the_range() {
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
