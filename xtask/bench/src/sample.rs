//! How a number is taken: enough of them, and the middle one.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

/// How often each waiter comes back to the end of the line, so that the line keeps its length while we measure.
pub(crate) const ROUNDS: u32 = 40;

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Measure for a shorter time, less exactly.
    pub(crate) quick: bool,
}

impl Effort {
    /// How often to repeat something in one batch, given the full number.
    pub(crate) fn times(self, full: u32) -> u32 {
        if self.quick { (full / 4).max(1) } else { full }
    }

    /// Nanoseconds per operation of `batch`, which does `operations` of them.
    ///
    /// The best of a few medians: the median drops the batches that the machine disturbed, the minimum the times in
    /// which it was busy with something else all along.
    pub(crate) fn nanoseconds(
        self,
        operations: u32,
        mut batch: impl FnMut() -> Result<()>,
    ) -> Result<f64> {
        let (groups, batches) = if self.quick { (2, 5) } else { (4, 9) };
        batch()?; // warm
        let mut best = f64::INFINITY;
        for _ in 0..groups {
            let mut times = Vec::with_capacity(batches);
            for _ in 0..batches {
                let started = Instant::now();
                batch()?;
                times.push(started.elapsed().as_nanos() as f64 / f64::from(operations));
            }
            times.sort_by(f64::total_cmp);
            best = best.min(times[times.len() / 2]);
        }
        Ok(best)
    }
}

/// The bytes of this process that are in memory now.
pub(crate) fn resident_bytes() -> Result<f64> {
    resident_bytes_of(std::process::id())
}

/// The bytes of a process that are in memory now.
pub(crate) fn resident_bytes_of(process: u32) -> Result<f64> {
    // `ps` says it on Linux and macOS alike, in KiB.
    let output = Command::new("ps")
        .args(["-o", "rss=", "-p", &process.to_string()])
        .output()
        .context("cannot run ps")?;
    let kib: f64 = String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .context("ps printed no number")?;
    Ok(kib * 1024.0)
}
