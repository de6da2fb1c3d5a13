//! What runs waited for and held, as lanes: what a chart draws, whether it is text or a picture.

use std::time::Duration;

use cla_runtime::semaphore::SemaphoreName;
use cla_runtime::trace::{RegionOutcome, RegionRecord, TracedRun};

/// A row of a chart: one run and one semaphore that it used. A run that used several has a row for each, so that a wait
/// shows while another slot is held.
pub(super) struct Lane<'a> {
    /// The run.
    pub(super) run: &'a TracedRun,
    /// Whether this is the run's first lane, which bears its name.
    pub(super) is_first: bool,
    /// What the run used in this lane; nothing if it used no semaphore at all.
    pub(super) semaphore: Option<&'a SemaphoreName>,
    /// The run's stays in this lane, in the order in which it asked.
    pub(super) regions: Vec<&'a RegionRecord>,
}

/// The lanes of all runs, those of one run together, its semaphores in the order in which it first asked for them.
pub(super) fn lanes(runs: &[TracedRun]) -> Vec<Lane<'_>> {
    let mut lanes = Vec::new();
    for run in runs {
        let mut regions: Vec<&RegionRecord> = run.regions.iter().collect();
        regions.sort_by_key(|region| region.asked);
        let first = lanes.len();
        for region in regions {
            let known = lanes[first..]
                .iter_mut()
                .find(|lane: &&mut Lane<'_>| lane.semaphore == Some(&region.semaphore));
            match known {
                Some(lane) => lane.regions.push(region),
                None => lanes.push(Lane {
                    run,
                    is_first: lanes.len() == first,
                    semaphore: Some(&region.semaphore),
                    regions: vec![region],
                }),
            }
        }
        if lanes.len() == first {
            lanes.push(Lane {
                run,
                is_first: true,
                semaphore: None,
                regions: Vec::new(),
            });
        }
    }
    lanes
}

/// Whether a stay ended otherwise than it should.
pub(super) fn has_failed(region: &RegionRecord) -> bool {
    region.outcome != RegionOutcome::Done
}

/// Whether a stay got its slot.
pub(super) fn was_admitted(region: &RegionRecord) -> bool {
    match region.outcome {
        RegionOutcome::Done | RegionOutcome::Failed => true,
        _ => region.held > Duration::ZERO,
    }
}

/// Up to so many moments for an axis, evenly spread, at round times.
pub(super) fn ticks(end: Duration, most: u32) -> Vec<Duration> {
    /// Beyond a few seconds, time is counted in sixties.
    const LONG: [u64; 9] = [30, 60, 120, 300, 600, 1800, 3600, 7200, 21_600];
    let smallest = end / most.max(1);
    if smallest.is_zero() {
        return vec![Duration::ZERO];
    }
    let power = 10_u64.pow(smallest.as_nanos().ilog10());
    let step = [1, 2, 5, 10]
        .map(|factor| Duration::from_nanos(factor * power))
        .into_iter()
        .filter(|step| step.as_secs() <= 20)
        .chain(LONG.map(Duration::from_secs))
        .find(|step| *step >= smallest)
        .unwrap_or(smallest);
    let count = u32::try_from(end.as_nanos() / step.as_nanos()).unwrap_or(most);
    (0..=count).map(|nth| step * nth).collect()
}

/// A moment of an axis whose marks are `step` apart.
pub(super) fn moment(time: Duration, step: Duration) -> String {
    let micros = step.as_micros();
    if time.is_zero() {
        "0".to_owned()
    } else if micros < 1_000 {
        format!("{} µs", time.as_micros())
    } else if micros < 1_000_000 && time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else if !micros.is_multiple_of(1_000_000) {
        format!("{:.1} s", time.as_secs_f64())
    } else if step.as_secs().is_multiple_of(60) {
        format!("{} min", time.as_secs() / 60)
    } else {
        format!("{} s", time.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(end: Duration, most: u32) -> Vec<String> {
        let ticks = ticks(end, most);
        let step = ticks.get(1).copied().unwrap_or(end);
        ticks.iter().map(|tick| moment(*tick, step)).collect()
    }

    #[test]
    fn an_axis_has_round_moments() {
        let millis = Duration::from_millis;
        assert_eq!(shown(millis(1038), 5), ["0", "500 ms", "1.0 s"]);
        assert_eq!(
            shown(millis(95), 5),
            ["0", "20 ms", "40 ms", "60 ms", "80 ms"]
        );
        assert_eq!(shown(millis(10), 2), ["0", "5 ms", "10 ms"]);
        assert_eq!(
            shown(Duration::from_secs(300), 5),
            ["0", "1 min", "2 min", "3 min", "4 min", "5 min"]
        );
        assert_eq!(
            shown(Duration::from_micros(700), 4),
            ["0", "200 µs", "400 µs", "600 µs"]
        );
        assert_eq!(shown(Duration::ZERO, 4), ["0"]);
    }
}
