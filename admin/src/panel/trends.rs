//! How many were busy and waiting in the last minutes, by semaphore: [`Trends`], for the small lines in the explorer.
//!
//! It learns from events, so it knows nothing of the time before the service started. It is bounded: old points go, and of
//! more than [`MOST`] semaphores only those that changed in the last minutes are kept.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use cla_runtime::semaphore::{Event, EventKind, SemaphoreView};
use maud::{Markup, html};
use parking_lot::Mutex;

/// A step of a line, in seconds: shorter peaks still show, as a step has its highest counts.
const STEP: u64 = 5;

/// The steps of a line: five minutes.
const STEPS: u64 = 60;

/// Semaphores that are remembered at once.
const MOST: usize = 10_000;

/// The height of a line, in the units of its drawing; a step is one unit wide.
const HEIGHT: u32 = 20;

/// The lines of all semaphores.
pub(crate) struct Trends {
    lines: Mutex<HashMap<String, VecDeque<Point>>>,
    /// The step in which it began to learn.
    began: u64,
}

/// The counts of one step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    busy: u32,
    waiting: u32,
}

/// A step in which something changed.
#[derive(Clone, Copy, Debug)]
struct Point {
    step: u64,
    /// The highest counts of the step.
    most: Counts,
    /// The counts at its end, which go on until the next point.
    last: Counts,
}

impl Default for Trends {
    fn default() -> Self {
        Self::beginning(step())
    }
}

impl Trends {
    fn beginning(step: u64) -> Self {
        Self {
            lines: Mutex::default(),
            began: step,
        }
    }

    /// Something happened to a semaphore.
    pub(crate) fn observe(&self, event: &Event) {
        self.note(event, step());
    }

    fn note(&self, event: &Event, step: u64) {
        let name = event.semaphore.as_str();
        let lines = &mut *self.lines.lock();
        if event.kind == EventKind::Forgotten {
            lines.remove(name);
            return;
        }
        if !lines.contains_key(name) {
            if lines.len() >= MOST {
                lines.retain(|_, points| points.back().is_some_and(|last| !is_old(last, step)));
            }
            if lines.len() >= MOST {
                return;
            }
            lines.insert(name.to_owned(), VecDeque::new());
        }
        let Some(points) = lines.get_mut(name) else {
            return;
        };
        let counts = Counts {
            busy: u32::try_from(event.busy).unwrap_or(u32::MAX),
            waiting: u32::try_from(event.waiting).unwrap_or(u32::MAX),
        };
        match points.back_mut().filter(|last| last.step >= step) {
            Some(last) => {
                last.most = last.most.max(counts);
                last.last = counts;
            }
            None => {
                let before = points.back().map(|last| last.last).unwrap_or_default();
                points.push_back(Point {
                    step,
                    most: before.max(counts),
                    last: counts,
                });
            }
        }
        // One old point stays: its counts are those at the start of the line.
        while points.get(1).is_some_and(|second| is_old(second, step)) {
            points.pop_front();
        }
    }

    /// The line of a semaphore, up to now.
    pub(super) fn draw(&self, view: &SemaphoreView) -> Markup {
        let counts = self.counts(view, step());
        let most = counts.iter().map(|counts| counts.busy.max(counts.waiting));
        let most = most.max().unwrap_or_default();
        let label = format!(
            "the last 5 minutes: at most {} busy, {} waiting",
            counts.iter().map(|counts| counts.busy).max().unwrap_or(0),
            counts
                .iter()
                .map(|counts| counts.waiting)
                .max()
                .unwrap_or(0),
        );
        let busy = path(counts.iter().map(|counts| counts.busy), most);
        let waiting = path(counts.iter().map(|counts| counts.waiting), most);
        html! {
            svg.trend viewBox=(format!("0 0 {STEPS} {HEIGHT}")) preserveAspectRatio="none" role="img" aria-label=(label) {
                path.of-busy d=(busy) {}
                path.of-waiting d=(waiting) {}
            }
        }
    }

    /// The counts of each step, the oldest first. The present counts are known best.
    fn counts(&self, view: &SemaphoreView, now: u64) -> Vec<Counts> {
        let current = Counts {
            busy: u32::try_from(view.busy).unwrap_or(u32::MAX),
            waiting: u32::try_from(view.waiting).unwrap_or(u32::MAX),
        };
        let lines = self.lines.lock();
        let Some(points) = lines.get(view.name.as_str()) else {
            // It has not changed since the service started.
            let known = |step| {
                if step >= self.began {
                    current
                } else {
                    Counts::default()
                }
            };
            return (now.saturating_sub(STEPS - 1)..=now).map(known).collect();
        };
        let mut carried = Counts::default();
        let mut points = points.iter().peekable();
        let mut counts: Vec<_> = (now.saturating_sub(STEPS - 1)..=now)
            .map(|step| {
                let mut most = carried;
                while let Some(point) = points.next_if(|point| point.step <= step) {
                    carried = point.last;
                    most = if point.step == step {
                        point.most
                    } else {
                        carried
                    };
                }
                most
            })
            .collect();
        if let Some(last) = counts.last_mut() {
            *last = last.max(current);
        }
        counts
    }
}

impl Counts {
    fn max(self, other: Self) -> Self {
        Self {
            busy: self.busy.max(other.busy),
            waiting: self.waiting.max(other.waiting),
        }
    }
}

fn is_old(point: &Point, step: u64) -> bool {
    point.step + STEPS <= step
}

fn step() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs() / STEP
}

/// The area under a line of steps; nothing, where all are 0.
fn path(counts: impl Iterator<Item = u32>, most: u32) -> String {
    let height = |count: u32| {
        let part = u64::from(count) * u64::from(HEIGHT) / u64::from(most.max(1));
        u64::from(HEIGHT) - part
    };
    let mut path = format!("M0 {HEIGHT}");
    let mut at = u64::from(HEIGHT);
    let mut steps = 0;
    for count in counts {
        let y = height(count);
        if at != y {
            // Writing to a text does not fail.
            let _ = write!(path, "H{steps}V{y}");
            at = y;
        }
        steps += 1;
    }
    let _ = write!(path, "H{steps}V{HEIGHT}Z");
    path
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that cannot go on should stop

    use cla_runtime::semaphore::{SemaphoreName, Slots};

    use super::*;

    fn event(busy: usize, waiting: usize) -> Event {
        let event = serde_json::json!({
            "kind": "queued", "semaphore": "x", "request": null, "who": null, "run": null,
            "busy": busy, "waiting": waiting, "slots": 1, "at": 0.0,
        });
        serde_json::from_value(event).unwrap()
    }

    fn view(busy: usize, waiting: usize) -> SemaphoreView {
        SemaphoreView {
            name: SemaphoreName::new("x").unwrap(),
            slots: Slots::ONE,
            pinned: false,
            busy,
            waiting,
            requests: Vec::new(),
        }
    }

    #[test]
    fn a_line_has_the_highest_counts_of_each_step_and_carries_them_on() {
        let trends = Trends::beginning(100);
        trends.note(&event(1, 0), 100);
        trends.note(&event(1, 4), 110);
        trends.note(&event(1, 2), 110);
        let counts = trends.counts(&view(1, 2), 112);
        let waiting: Vec<_> = counts.iter().map(|counts| counts.waiting).collect();
        assert_eq!(waiting[waiting.len() - 4..], [0, 4, 2, 2]);
        assert_eq!(counts.len(), 60);
        assert_eq!(counts.iter().filter(|counts| counts.busy == 1).count(), 13);

        // Old points are dropped, and the counts of the last of them go on.
        trends.note(&event(0, 0), 500);
        let counts = trends.counts(&view(0, 0), 500);
        assert_eq!((counts[0].waiting, counts[59].waiting), (2, 2));
        assert_eq!(trends.counts(&view(0, 0), 501)[59], Counts::default());
    }

    #[test]
    fn lines_are_drawn_by_steps() {
        assert_eq!(path([0, 2, 2, 1].into_iter(), 2), "M0 20H1V0H3V10H4V20Z");
        assert_eq!(path([1].into_iter(), 1), "M0 20H0V0H1V20Z");
        assert_eq!(path([0].into_iter(), 0), "M0 20H1V20Z");
    }
}
