//! Which ES modules of a run import which, and how far each of them is. Knows no interpreter.
//!
//! QuickJS evaluates a module and what it imports in one go, and ends the process when a module that is being
//! evaluated is to be linked once more. So the modules are evaluated one by one, in the order of the language, and it is
//! known at any time which one is running: see [`units`](Graph::units).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How far a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is known, and was not evaluated.
    Idle,
    /// It is being evaluated: its code is somewhere on the stack, or it waits for one of its circle.
    Running,
    /// It was evaluated, if only to its first `await`.
    Done,
    /// It cannot be loaded or linked.
    Failed,
}

#[derive(Debug)]
struct Node {
    name: Arc<str>,
    imports: Vec<usize>,
    stage: Stage,
}

/// The ES modules of a run.
#[derive(Debug, Default)]
pub(super) struct Graph {
    ids: HashMap<Arc<str>, usize>,
    nodes: Vec<Node>,
}

impl Graph {
    fn id(&mut self, name: &str) -> usize {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let name: Arc<str> = name.into();
        self.nodes.push(Node {
            name: Arc::clone(&name),
            imports: Vec::new(),
            stage: Stage::Idle,
        });
        self.ids.insert(name, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    /// Notes that `importer` imports `imported`.
    pub(super) fn import(&mut self, importer: &str, imported: &str) {
        let (from, to) = (self.id(importer), self.id(imported));
        let imports = &mut self.nodes[from].imports;
        if !imports.contains(&to) {
            imports.push(to);
        }
    }

    pub(super) fn stage(&self, name: &str) -> Option<Stage> {
        Some(self.nodes[*self.ids.get(name)?].stage)
    }

    pub(super) fn has_imports(&self, name: &str) -> bool {
        let id = self.ids.get(name);
        id.is_some_and(|id| !self.nodes[*id].imports.is_empty())
    }

    pub(super) fn set(&mut self, name: &str, stage: Stage) {
        let id = self.id(name);
        self.nodes[id].stage = stage;
    }

    /// The way from `root` to a module at this stage, both included, if `root` leads to one.
    pub(super) fn way_to(&self, root: &str, stage: Stage) -> Option<Vec<Arc<str>>> {
        let root = *self.ids.get(root)?;
        let mut seen = HashSet::from([root]);
        // Each with the number of its imports that were looked at.
        let mut way = vec![(root, 0)];
        while let Some((node, next)) = way.last_mut() {
            let here = &self.nodes[*node];
            if here.stage == stage {
                let names = way.iter().map(|(node, _)| &self.nodes[*node].name);
                return Some(names.map(Arc::clone).collect());
            }
            // What was evaluated imports nothing that is not at least running, and then it is running itself.
            let imported = match here.stage {
                Stage::Done => None,
                _ => here.imports.get(*next).copied(),
            };
            *next += 1;
            match imported {
                Some(imported) if seen.insert(imported) => way.push((imported, 0)),
                Some(_) => {}
                None => {
                    way.pop();
                }
            }
        }
        None
    }

    /// What is to be evaluated for `root`, in this order: modules, or several that import each other in a circle, of
    /// which the first leads to the others. What was evaluated before is left out.
    pub(super) fn units(&self, root: &str) -> Vec<Vec<Arc<str>>> {
        /// A module, in Tarjan's algorithm.
        #[derive(Clone, Copy)]
        struct Visit {
            index: usize,
            /// The earliest one on the stack that it leads to.
            low: usize,
            on_stack: bool,
        }
        let Some(root) = self.ids.get(root).copied() else {
            return Vec::new();
        };
        let mut visits: HashMap<usize, Visit> = HashMap::new();
        let mut stack = Vec::new();
        let mut units = Vec::new();
        let mut way = vec![(root, 0)];
        while let Some((node, next)) = way.last_mut() {
            let (node, at) = (*node, *next);
            *next += 1;
            if at == 0 {
                let index = visits.len();
                visits.insert(
                    node,
                    Visit {
                        index,
                        low: index,
                        on_stack: true,
                    },
                );
                stack.push(node);
            }
            if let Some(imported) = self.nodes[node].imports.get(at).copied() {
                match visits.get(&imported).copied() {
                    None if self.nodes[imported].stage == Stage::Done => {}
                    None => way.push((imported, 0)),
                    Some(other) if other.on_stack => lower(&mut visits, node, other.index),
                    Some(_) => {}
                }
                continue;
            }
            way.pop();
            let Some(visit) = visits.get(&node).copied() else {
                continue;
            };
            if let Some((parent, _)) = way.last() {
                lower(&mut visits, *parent, visit.low);
            }
            if visit.low == visit.index {
                let from = stack.iter().rposition(|other| *other == node).unwrap_or(0);
                let unit = stack.split_off(from);
                for member in &unit {
                    if let Some(visit) = visits.get_mut(member) {
                        visit.on_stack = false;
                    }
                }
                let names = unit.iter().map(|member| &self.nodes[*member].name);
                units.push(names.map(Arc::clone).collect());
            }
        }
        return units;

        fn lower(visits: &mut HashMap<usize, Visit>, node: usize, to: usize) {
            if let Some(visit) = visits.get_mut(&node) {
                visit.low = visit.low.min(to);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Graph, Stage};

    fn graph(imports: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in imports {
            graph.import(from, to);
        }
        graph
    }

    fn units(graph: &Graph, root: &str) -> String {
        let units = graph.units(root).into_iter().map(|unit| unit.join("+"));
        units.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_imported_comes_first_in_the_order_of_the_imports() {
        let graph = graph(&[
            ("main", "a"),
            ("main", "b"),
            ("a", "c"),
            ("b", "c"),
            ("b", "a"),
        ]);
        assert_eq!(units(&graph, "main"), "c a b main");
        assert_eq!(units(&graph, "a"), "c a");
        assert_eq!(units(&graph, "nothing"), "");
    }

    #[test]
    fn a_circle_is_one_unit_and_begins_where_it_is_entered() {
        let graph = graph(&[
            ("main", "a"),
            ("a", "b"),
            ("b", "c"),
            ("c", "a"),
            ("c", "d"),
            ("b", "b"),
        ]);
        assert_eq!(units(&graph, "main"), "d a+b+c main");
        assert_eq!(units(&graph, "b"), "d b+c+a");
    }

    #[test]
    fn what_was_evaluated_is_not_evaluated_again() {
        let mut graph = graph(&[("main", "a"), ("a", "b"), ("main", "c")]);
        graph.set("b", Stage::Done);
        assert_eq!(units(&graph, "main"), "a c main");
        graph.set("a", Stage::Done);
        assert_eq!(units(&graph, "main"), "c main");
    }

    #[test]
    fn the_way_to_what_is_running_is_found() {
        let mut graph = graph(&[("x", "y"), ("y", "z"), ("x", "w"), ("w", "y"), ("y", "x")]);
        assert_eq!(graph.way_to("x", Stage::Running), None);
        graph.set("z", Stage::Running);
        let way = graph.way_to("w", Stage::Running).unwrap();
        assert_eq!(way.join(" "), "w y z");
        graph.set("y", Stage::Done);
        assert_eq!(graph.way_to("w", Stage::Running), None);
        assert_eq!(graph.way_to("x", Stage::Failed), None);
    }

    #[test]
    fn a_long_chain_needs_no_stack() {
        let mut graph = Graph::default();
        for n in 0..100_000 {
            graph.import(&n.to_string(), &(n + 1).to_string());
        }
        assert_eq!(graph.units("0").len(), 100_001);
        graph.set("100000", Stage::Failed);
        let way = graph.way_to("0", Stage::Failed).unwrap();
        assert_eq!(way.len(), 100_001);
    }
}
