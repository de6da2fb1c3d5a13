//! The graph against a simulation that is too simple to be wrong: runs that can go on do so and give back what they hold,
//! lines move on, until nothing changes any more.

use proptest::prelude::*;

use super::*;

/// How many semaphores and runs there are: few, so that they meet.
const SEMAPHORES: usize = 3;
const RUNS: usize = 6;

/// What a run does.
#[derive(Clone, Debug, PartialEq)]
enum Does {
    Work,
    /// It is in the line of a semaphore.
    Line(usize),
    /// It waits for the end of all these.
    Join(Vec<usize>),
}

/// Who holds what and does what.
#[derive(Clone, Debug)]
struct World {
    slots: Vec<usize>,
    /// The runs that hold slots of each semaphore.
    held: Vec<Vec<usize>>,
    does: Vec<Does>,
}

impl World {
    /// Who waits for the end of a run.
    fn parent(&self, run: usize) -> Option<usize> {
        (0..RUNS).find(
            |parent| matches!(&self.does[*parent], Does::Join(children) if children.contains(&run)),
        )
    }

    /// Those who wait for the end of a run, the nearest first.
    fn dependents(&self, run: usize) -> Vec<usize> {
        std::iter::successors(self.parent(run), |above| self.parent(*above)).collect()
    }

    /// The runs that never end.
    fn stuck(mut self) -> Vec<usize> {
        let mut ended = [false; RUNS];
        loop {
            let next = (0..RUNS).find(|run| {
                !ended[*run]
                    && match &self.does[*run] {
                        Does::Work => true,
                        Does::Line(at) => self.held[*at].len() < self.slots[*at],
                        Does::Join(children) => children.iter().all(|child| ended[*child]),
                    }
            });
            let Some(run) = next else { break };
            ended[run] = true;
            for holders in &mut self.held {
                holders.retain(|holder| *holder != run);
            }
        }
        (0..RUNS).filter(|run| !ended[*run]).collect()
    }
}

fn id(run: usize) -> RunId {
    RunId::from_u128(run as u128 + 1)
}

fn named(run: usize) -> NamedRun {
    NamedRun {
        run: id(run),
        who: format!("run {run}"),
    }
}

/// The graph of a world, as a store would make it.
fn graph(world: &World) -> Graph {
    let waits = |run: usize| -> Vec<Wait> {
        (0..RUNS)
            .filter_map(|waiter| {
                let Does::Line(at) = world.does[waiter] else {
                    return None;
                };
                if waiter == run {
                    return Some(Wait {
                        at,
                        through: Vec::new(),
                    });
                }
                let above = world.dependents(waiter);
                let nth = above.iter().position(|above| *above == run)?;
                let between: Vec<NamedRun> = above[..nth].iter().map(|run| named(*run)).collect();
                let through = through(&between, id(waiter), &format!("run {waiter}"));
                Some(Wait { at, through })
            })
            .collect()
    };
    let node = |at: usize| Node {
        name: SemaphoreName::new(format!("s{at}")).unwrap(),
        needed: needed(Slots::Limited(world.slots[at] as u32), world.held[at].len()),
        holders: world.held[at]
            .iter()
            .map(|run| Holder {
                run: id(*run),
                who: format!("run {run}"),
                waits_for: waits(*run),
            })
            .collect(),
    };
    Graph::new((0..SEMAPHORES).map(node).collect())
}

fn cycle_of(graph: &Graph, world: &World, run: usize) -> Option<Vec<DeadlockLink>> {
    let Does::Line(here) = world.does[run] else {
        return None;
    };
    let dependents: Vec<NamedRun> = world.dependents(run).into_iter().map(named).collect();
    let who = format!("run {run}");
    let asker = Asker {
        run: id(run),
        who: &who,
        dependents: &dependents,
    };
    graph.cycle(here, &asker)
}

/// A forest of runs: each may wait for some of those with a higher number, and a run has one who waits for it.
fn world() -> impl Strategy<Value = World> {
    let slots = prop::collection::vec(1..3_usize, SEMAPHORES);
    let held = prop::collection::vec((0..SEMAPHORES, 0..RUNS), 0..6);
    let does = prop::collection::vec((0..3_u8, 0..SEMAPHORES), RUNS);
    let parents = prop::collection::vec(
        prop::option::weighted(0.6, any::<prop::sample::Index>()),
        RUNS,
    );
    (slots, held, does, parents).prop_map(|(slots, taken, does, parents)| {
        let mut does: Vec<Does> = does
            .into_iter()
            .map(|(what, at)| match what {
                0 => Does::Work,
                _ => Does::Line(at),
            })
            .collect();
        for (run, parent) in parents.iter().enumerate().skip(1) {
            let Some(parent) = parent.map(|parent| parent.index(run)) else {
                continue;
            };
            match &mut does[parent] {
                Does::Join(children) => children.push(run),
                other => *other = Does::Join(vec![run]),
            }
        }
        let mut held = vec![Vec::new(); SEMAPHORES];
        for (at, run) in taken {
            if held[at].len() < slots[at] {
                held[at].push(run);
            }
        }
        // The one free slot goes to the first in line, so no slot is free while a run waits.
        for (run, does) in does.iter_mut().enumerate() {
            if let Does::Line(at) = *does
                && held[at].len() < slots[at]
            {
                held[at].push(run);
                *does = Does::Work;
            }
        }
        World { slots, held, does }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    /// No hang is missed: where a run never ends, at least one that waits is in a cycle. And no run is refused that could
    /// go on.
    #[test]
    fn a_cycle_is_found_if_and_only_if_runs_are_stuck(world in world()) {
        let graph = graph(&world);
        let stuck = world.clone().stuck();
        let in_cycles: Vec<usize> =
            (0..RUNS).filter(|run| cycle_of(&graph, &world, *run).is_some()).collect();
        prop_assert_eq!(in_cycles.is_empty(), stuck.is_empty(), "{:?} of {:?}", in_cycles, stuck);
        for run in in_cycles {
            prop_assert!(stuck.contains(&run));
        }
    }

    /// A cycle says the truth: each run holds what the one before waits for, and waits through the runs that are named.
    #[test]
    fn every_link_of_a_cycle_is_so(world in world()) {
        let graph = graph(&world);
        for run in 0..RUNS {
            let Some(cycle) = cycle_of(&graph, &world, run) else { continue };
            for (nth, link) in cycle.iter().enumerate() {
                let next = &cycle[(nth + 1) % cycle.len()];
                prop_assert_eq!(&link.waits_for, &next.holds);
                let holder = link.run.as_u128() as usize - 1;
                let at = (0..SEMAPHORES).find(|at| format!("s{at}") == link.holds.as_str()).unwrap();
                prop_assert!(world.held[at].contains(&holder));
                let mut above = holder;
                for below in &link.through {
                    let below = below.run.as_u128() as usize - 1;
                    prop_assert_eq!(world.parent(below), Some(above));
                    above = below;
                }
                let target = (0..SEMAPHORES).find(|at| format!("s{at}") == link.waits_for.as_str());
                prop_assert_eq!(world.does[above].clone(), Does::Line(target.unwrap()));
            }
            let first = cycle[0].through.last().map_or(cycle[0].run, |last| last.run);
            prop_assert_eq!(first, id(run), "it begins with the run that gets the error");
        }
    }
}
