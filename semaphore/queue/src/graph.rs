//! Which run waits for which, and whether any of them can go on: the pure part of deadlock detection, which
//! every store feeds with what it knows. It does no I/O and takes no lock.

use crate::deadlock::DeadlockLink;
use crate::id::RunId;
use crate::name::SemaphoreName;
use crate::slots::Slots;

/// Who holds what and waits for what, at one moment. Holders name what they wait for by its place here.
///
/// ```
/// use cla_queue::graph::{Graph, Holder, Node, needed};
/// use cla_queue::id::RunId;
/// use cla_queue::name::SemaphoreName;
/// use cla_queue::slots::Slots;
///
/// let runs = [RunId::unique(), RunId::unique()];
/// // Each run holds one semaphore and waits for that of the other.
/// let node = |name, run: usize| {
///     let holder = Holder { run: runs[run], who: format!("run {run}"), waits_for: Some(1 - run) };
///     Node { name, needed: needed(Slots::ONE, 1), holders: vec![holder] }
/// };
/// let graph = Graph::new(vec![node(SemaphoreName::new("a")?, 0), node(SemaphoreName::new("b")?, 1)]);
/// let cycle = graph.cycle(1, runs[0], "run 0").expect("neither can go on");
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
    /// The semaphore it waits for; `None` if it can surely go on.
    pub waits_for: Option<usize>,
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
        holder.waits_for.is_none_or(|target| self.moves_on[target])
    }

    /// The shortest cycle that begins with `run` waiting for the semaphore `here` and comes back to
    /// `run`, all of whose members are stuck.
    #[must_use]
    pub fn cycle(&self, here: usize, run: RunId, who: &str) -> Option<Vec<DeadlockLink>> {
        if self.moves_on[here] {
            return None;
        }
        // Breadth first; how each semaphore was reached: from which, and by which of its holders.
        let mut reached: Vec<Option<(usize, usize)>> = vec![None; self.semaphores.len()];
        let mut frontier = std::collections::VecDeque::from([here]);
        while let Some(at) = frontier.pop_front() {
            for (nth, holder) in self.semaphores[at].holders.iter().enumerate() {
                let Some(target) = holder.waits_for.filter(|_| !self.goes_on(holder)) else {
                    continue;
                };
                if holder.run == run {
                    return Some(self.links(here, at, &reached, run, who));
                }
                if target != here && reached[target].is_none() {
                    reached[target] = Some((at, nth));
                    frontier.push_back(target);
                }
            }
        }
        None
    }

    /// Follows `reached` back from the semaphore `at`, which `run` holds, to `here`, for which it waits.
    fn links(
        &self,
        here: usize,
        at: usize,
        reached: &[Option<(usize, usize)>],
        run: RunId,
        who: &str,
    ) -> Vec<DeadlockLink> {
        let name = |at: usize| self.semaphores[at].name.clone();
        let mut others = Vec::new();
        let mut step = at;
        while step != here {
            let Some((from, nth)) = reached[step] else {
                unreachable!("every semaphore on the way was reached from `here`")
            };
            let holder = &self.semaphores[from].holders[nth];
            others.push(DeadlockLink {
                run: holder.run,
                who: holder.who.clone(),
                holds: name(from),
                waits_for: name(step),
            });
            step = from;
        }
        let first = DeadlockLink {
            run,
            who: who.to_owned(),
            holds: name(at),
            waits_for: name(here),
        };
        std::iter::once(first)
            .chain(others.into_iter().rev())
            .collect()
    }
}
