//! Which runs of a family wait for the end of which: edges of the wait-for graph that no store knows by itself.
//!
//! A run that waits for another one releases nothing meanwhile. So a request of the other one tells its store whom it holds
//! up (see [`Owner::with_dependents`](cla_semaphore::Owner::with_dependents)), and where a run begins to wait for one that
//! is in line already, the store is told then. Both happen under one lock, so whichever comes second sees the other.
//!
//! A run never stops waiting for one that goes on: it cancels it first, and waits for its end.

use std::collections::HashMap;
use std::sync::Arc;

use cla_semaphore::{NamedRun, Owner, RunId, Semaphore};
use parking_lot::Mutex;

/// The edges of one family.
#[derive(Debug, Default)]
pub(crate) struct Dependents {
    edges: Mutex<Edges>,
    /// Those outside of this process that wait for it, the nearest first.
    around: Arc<[NamedRun]>,
}

#[derive(Debug, Default)]
struct Edges {
    /// By a run, the one that waits for its end.
    waiting: HashMap<RunId, NamedRun>,
    /// The runs that may wait for a slot, and of what: only those that another run has started.
    in_line: HashMap<RunId, Vec<Semaphore>>,
}

impl Edges {
    /// Those who wait for the end of `run`, the nearest first.
    fn chain(&self, run: RunId, around: &[NamedRun]) -> Vec<NamedRun> {
        let inside =
            std::iter::successors(self.waiting.get(&run), |above| self.waiting.get(&above.run));
        inside.chain(around).cloned().collect()
    }
}

impl Dependents {
    /// Those of a family whose process is waited for by these, the nearest first.
    pub(crate) fn around(around: Arc<[NamedRun]>) -> Self {
        Self {
            edges: Mutex::default(),
            around,
        }
    }

    /// Those who wait for the end of `run` now, the nearest first.
    pub(crate) fn of(&self, run: RunId) -> Vec<NamedRun> {
        self.edges.lock().chain(run, &self.around)
    }

    /// A run that another one has started is about to wait for a slot. Gives those whom that holds up.
    pub(crate) fn join_line(
        &self,
        run: RunId,
        semaphore: &Semaphore,
    ) -> (Vec<NamedRun>, InLine<'_>) {
        let mut edges = self.edges.lock();
        let waits = edges.in_line.entry(run).or_default();
        waits.push(semaphore.clone());
        let in_line = InLine {
            dependents: self,
            run,
        };
        (edges.chain(run, &self.around), in_line)
    }

    /// `waiting` waits for the end of these `runs` from now on, until this is dropped.
    pub(crate) fn wait_for(&self, waiting: &NamedRun, runs: Vec<RunId>) -> Waiting<'_> {
        let mut edges = self.edges.lock();
        for run in &runs {
            edges.waiting.insert(*run, waiting.clone());
        }
        // By the run that waits for them directly: many forks of one run share what is noted.
        let mut chains: HashMap<RunId, Arc<[NamedRun]>> = HashMap::new();
        // Told under the lock: of two that begin to wait at once, the second tells the stores of both.
        for (run, semaphores) in &edges.in_line {
            let Some(above) = edges.waiting.get(run) else {
                continue;
            };
            let chain = chains
                .entry(above.run)
                .or_insert_with(|| edges.chain(*run, &self.around).into());
            if chain.iter().any(|above| above.run == waiting.run) {
                for semaphore in semaphores {
                    semaphore.note_dependents(*run, chain);
                }
            }
        }
        drop(edges);
        Waiting {
            dependents: self,
            runs,
        }
    }
}

/// A run that may wait for a slot. Dropped, it does not any more.
#[derive(Debug)]
pub(crate) struct InLine<'a> {
    dependents: &'a Dependents,
    run: RunId,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        let mut edges = self.dependents.edges.lock();
        if let Some(waits) = edges.in_line.get_mut(&self.run) {
            // Waits of one run nest.
            waits.pop();
            if waits.is_empty() {
                edges.in_line.remove(&self.run);
            }
        }
    }
}

/// A run waits for others. Dropped, it does not any more.
#[derive(Debug)]
#[must_use = "the run waits for the others as long as this lives"]
pub(crate) struct Waiting<'a> {
    dependents: &'a Dependents,
    runs: Vec<RunId>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut edges = self.dependents.edges.lock();
        for run in &self.runs {
            edges.waiting.remove(run);
        }
    }
}

/// The variable of the environment by which a program knows who waits for its end. It only helps to find cycles: whoever
/// sets it to something else has more of its own waits refused, or a hang that nobody sees.
pub const DEPENDENTS_VARIABLE: &str = "CLA_DEPENDENTS";

/// How many are passed on at most: more than runs can be above each other within a process.
const MOST_PASSED_ON: usize = 100;

/// The value of [`DEPENDENTS_VARIABLE`] for a program that these wait for, the nearest first: JSON. It has their ids and
/// names, and nothing of what they hold.
#[must_use]
pub fn write_dependents(runs: &[NamedRun]) -> String {
    let runs = &runs[..runs.len().min(MOST_PASSED_ON)];
    // JSON can express all of it, so this does not fail.
    serde_json::to_string(runs).unwrap_or_default()
}

/// Those who wait for this program, the nearest first; none if the variable is not set, or has something else.
#[must_use]
pub fn inherited_dependents() -> Vec<NamedRun> {
    let text = std::env::var(DEPENDENTS_VARIABLE);
    text.map_or_else(|_| Vec::new(), |text| read_dependents(&text))
}

fn read_dependents(text: &str) -> Vec<NamedRun> {
    let runs: Vec<NamedRun> = serde_json::from_str(text).unwrap_or_default();
    let runs = runs.into_iter().take(MOST_PASSED_ON);
    let runs = runs.map(|NamedRun { run, who }| NamedRun {
        run,
        who: Owner::shortened(who),
    });
    runs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(who: &str) -> NamedRun {
        NamedRun {
            run: RunId::unique(),
            who: who.to_owned(),
        }
    }

    #[test]
    fn who_waits_is_known_in_order_and_only_as_long_as_it_does() {
        let [top, middle, low, outer] = ["top", "middle", "low", "outer"].map(named);
        let dependents = Dependents::around([outer.clone()].into());
        assert_eq!(dependents.of(low.run), std::slice::from_ref(&outer));
        let first = dependents.wait_for(&top, vec![middle.run]);
        let second = dependents.wait_for(&middle, vec![low.run, RunId::unique()]);
        assert_eq!(
            dependents.of(low.run),
            [middle.clone(), top.clone(), outer.clone()]
        );
        drop(first);
        assert_eq!(dependents.of(low.run), [middle, outer.clone()]);
        drop(second);
        assert_eq!(dependents.of(low.run), [outer]);
    }

    #[test]
    fn what_is_inherited_is_read_as_it_was_written_and_anything_else_is_nothing() {
        let chain = [named("a \"quoted\" name"), named("low")];
        assert_eq!(read_dependents(&write_dependents(&chain)), chain);
        for odd in [
            "",
            "1",
            "[1]",
            "{}",
            r#"[{"run": "x", "who": "y"}]"#,
            "\u{0}",
        ] {
            assert_eq!(read_dependents(odd), [], "{odd}");
        }
        let many: Vec<NamedRun> = (0..1000).map(|_| named(&"x".repeat(5000))).collect();
        let read = read_dependents(&serde_json::to_string(&many).unwrap());
        assert_eq!(read.len(), MOST_PASSED_ON);
        assert!(
            read.iter()
                .all(|it| it.who.chars().count() == Owner::MAX_CHARS)
        );
    }
}
