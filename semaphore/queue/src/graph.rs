//! Which run waits for which, and whether any of them can go on: the pure part of deadlock detection, which
//! every store feeds with what it knows. It does no I/O and takes no lock.

use crate::deadlock::DeadlockLink;
use crate::id::RunId;
use crate::name::SemaphoreName;
use crate::owner::NamedRun;
use crate::slots::Slots;

/// Who holds what and waits for what, at one moment. Holders name what they wait for by its place here.
///
/// ```
/// use cla_queue::graph::{Asker, Graph, Holder, Node, Wait, needed};
/// use cla_queue::id::RunId;
/// use cla_queue::name::SemaphoreName;
/// use cla_queue::slots::Slots;
///
/// let runs = [RunId::unique(), RunId::unique()];
/// // Each run holds one semaphore and waits for that of the other.
/// let node = |name, run: usize| {
///     let waits_for = vec![Wait { at: 1 - run, through: Vec::new() }];
///     let holder = Holder { run: runs[run], who: format!("run {run}"), waits_for };
///     Node { name, needed: needed(Slots::ONE, 1), holders: vec![holder] }
/// };
/// let graph = Graph::new(vec![node(SemaphoreName::new("a")?, 0), node(SemaphoreName::new("b")?, 1)]);
/// let asker = Asker { run: runs[0], who: "run 0", dependents: &[] };
/// let cycle = graph.cycle(1, &asker).expect("neither can go on");
/// assert_eq!(cycle.len(), 2);
/// assert_eq!((cycle[0].who.as_str(), cycle[0].holds.as_str()), ("run 0", "a"));
/// assert_eq!(cycle[0].waits_for.as_str(), "b");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Graph {
    semaphores: Vec<Node>,
    /// Whether the line of each can move on.
    moves_on: Vec<bool>,
}

/// One semaphore.
///
/// See [`Graph`] for an example.
#[derive(Debug)]
pub struct Node {
    /// What it is called.
    pub name: SemaphoreName,
    /// How many of those who hold slots must go on before the first in line can have one.
    pub needed: usize,
    /// Those who hold slots.
    pub holders: Vec<Holder>,
}

/// One holder of a slot.
///
/// See [`Graph`] for an example.
#[derive(Debug)]
pub struct Holder {
    /// Its run; meaningless if it can surely go on.
    pub run: RunId,
    /// What administrators know it as.
    pub who: String,
    /// What keeps it from going on; it does only when none of it does. Nothing if it can surely go on. A run that waits
    /// itself has one; one that waits for other runs has those of each of them.
    pub waits_for: Vec<Wait>,
}

/// A place in the line of a semaphore that holds a run up.
///
/// See [`Graph`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The semaphore.
    pub at: usize,
    /// The runs from the one for which the run waits to the one that is in the line; none if that is the run itself.
    pub through: Vec<NamedRun>,
}

/// A run that is in the line of a semaphore, and may be part of a cycle.
///
/// See [`Graph`] for an example.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The run.
    pub run: RunId,
    /// What administrators know it as.
    pub who: &'a str,
    /// The runs that wait for its end, the nearest first.
    pub dependents: &'a [NamedRun],
}

impl Asker<'_> {
    /// Whether a holder is held up by this wait: its name, and the runs between it and the line.
    fn holds_up(&self, holder: &Holder) -> Option<(String, Vec<NamedRun>)> {
        if holder.run == self.run {
            return Some((self.who.to_owned(), Vec::new()));
        }
        let at = self.dependents.iter().position(|it| it.run == holder.run)?;
        let through = through(&self.dependents[..at], self.run, self.who);
        Some((holder.who.clone(), through))
    }
}

/// The runs through which one waits: those `between` it and the run in the line (the nearest to the latter first), and that
/// run.
///
/// ```
/// use cla_queue::graph::through;
/// use cla_queue::id::RunId;
///
/// let through = through(&[], RunId::unique(), "child.yml");
/// assert_eq!(through[0].who, "child.yml");
/// ```
#[must_use]
pub fn through(between: &[NamedRun], run: RunId, who: &str) -> Vec<NamedRun> {
    let last = NamedRun {
        run,
        who: who.to_owned(),
    };
    between.iter().rev().cloned().chain([last]).collect()
}

/// How many holders must go on before the first in line can have a slot.
///
/// ```
/// use cla_queue::graph::needed;
/// use cla_queue::slots::Slots;
///
/// assert_eq!(needed(Slots::ONE, 1), 1);
/// // An administrator has lowered the slots from 3 to 1 while three were busy.
/// assert_eq!(needed(Slots::ONE, 3), 3);
/// assert_eq!(needed(Slots::Limited(3), 2), 0, "one is free");
/// ```
#[must_use]
pub fn needed(slots: Slots, busy: usize) -> usize {
    match slots {
        // Locked by an administrator: the key is not among the holders.
        Slots::Limited(0) | Slots::Unlimited => 0,
        Slots::Limited(slots) => (busy + 1).saturating_sub(slots as usize),
    }
}

impl Graph {
    /// Finds out who can go on.
    #[must_use]
    pub fn new(semaphores: Vec<Node>) -> Self {
        let mut graph = Self {
            moves_on: vec![false; semaphores.len()],
            semaphores,
        };
        graph.find_out_who_moves_on();
        graph
    }

    /// The least fixed point: begins empty and adds all who must be able to go on.
    fn find_out_who_moves_on(&mut self) {
        loop {
            let found = self.semaphores.iter().enumerate().position(|(at, node)| {
                let free = node.holders.iter().filter(|holder| self.goes_on(holder));
                !self.moves_on[at] && free.take(node.needed).count() == node.needed
            });
            match found {
                Some(at) => self.moves_on[at] = true,
                None => return,
            }
        }
    }

    fn goes_on(&self, holder: &Holder) -> bool {
        holder.waits_for.iter().all(|wait| self.moves_on[wait.at])
    }

    /// The shortest cycle that begins with the asker, or a run that waits for it, waiting for the semaphore `here`, and
    /// comes back to that run, all of whose members are stuck.
    #[must_use]
    pub fn cycle(&self, here: usize, asker: &Asker<'_>) -> Option<Vec<DeadlockLink>> {
        if self.moves_on[here] {
            return None;
        }
        // Breadth first; how each semaphore was reached: from which, by which of its holders, and which wait of that.
        let mut reached: Vec<Option<(usize, usize, usize)>> = vec![None; self.semaphores.len()];
        let mut frontier = std::collections::VecDeque::from([here]);
        while let Some(at) = frontier.pop_front() {
            for (nth, holder) in self.semaphores[at].holders.iter().enumerate() {
                if self.goes_on(holder) {
                    continue;
                }
                if let Some((who, through)) = asker.holds_up(holder) {
                    let first = DeadlockLink {
                        run: holder.run,
                        who,
                        holds: self.semaphores[at].name.clone(),
                        waits_for: self.semaphores[here].name.clone(),
                        through,
                    };
                    return Some(self.links(here, at, &reached, first));
                }
                for (of_it, wait) in holder.waits_for.iter().enumerate() {
                    if !self.moves_on[wait.at] && wait.at != here && reached[wait.at].is_none() {
                        reached[wait.at] = Some((at, nth, of_it));
                        frontier.push_back(wait.at);
                    }
                }
            }
        }
        None
    }

    /// Follows `reached` back from the semaphore `at`, of which the run of `first` has a slot, to `here`, for which it waits.
    fn links(
        &self,
        here: usize,
        at: usize,
        reached: &[Option<(usize, usize, usize)>],
        first: DeadlockLink,
    ) -> Vec<DeadlockLink> {
        let name = |at: usize| self.semaphores[at].name.clone();
        let mut others = Vec::new();
        let mut step = at;
        while step != here {
            let Some((from, nth, of_it)) = reached[step] else {
                unreachable!("every semaphore on the way was reached from `here`")
            };
            let holder = &self.semaphores[from].holders[nth];
            others.push(DeadlockLink {
                run: holder.run,
                who: holder.who.clone(),
                holds: name(from),
                waits_for: name(step),
                through: holder.waits_for[of_it].through.clone(),
            });
            step = from;
        }
        std::iter::once(first)
            .chain(others.into_iter().rev())
            .collect()
    }
}

#[cfg(test)]
mod model;
