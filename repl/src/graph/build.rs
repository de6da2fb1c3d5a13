//! From plans to a graph.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use cla_runtime::plan::{Plan, PlannedBlock, PlannedFork, PlannedOp, PlannedSemaphore};
use cla_runtime::{Engine, RuleError, RunOptions, Script};

use super::{Edge, EdgeKind, File, Graph, Group, Node, NodeKind};
use crate::render::{Span, cut};

/// The longest line of a label; the rest is cut off.
const MOST_TEXT: usize = 40;

/// The graph of rules, and of those that they call; and why some of them are not in it.
pub(super) async fn build(
    engine: &Engine,
    files: &[PathBuf],
    event: Option<&str>,
    options: &RunOptions,
) -> (Graph, Vec<RuleError>) {
    let mut builder = Builder::default();
    let mut problems = Vec::new();
    let event = event.map(str::to_owned);
    let mut left: VecDeque<(PathBuf, Option<String>, Option<usize>)> = files
        .iter()
        .map(|file| (file.clone(), event.clone(), None))
        .collect();
    // Each rule once, whatever calls it.
    let mut known: HashMap<(PathBuf, Option<String>), usize> = HashMap::new();
    while let Some((file, event, caller)) = left.pop_front() {
        let key = (file.canonicalize().unwrap_or(file.clone()), event.clone());
        let start = match known.get(&key) {
            Some(start) => *start,
            None => {
                // What a rule is called with is known only when it runs.
                let mut options = match caller {
                    None => options.clone(),
                    Some(_) => RunOptions::new(),
                };
                if let Some(event) = &event {
                    options = options.event(event.as_str());
                }
                let plan = match engine.plan(&Script::file(&file), options).await {
                    Ok(plan) => plan,
                    Err(error) => {
                        problems.push(error);
                        continue;
                    }
                };
                let (start, calls) = builder.rule(&file, &plan);
                known.insert(key, start);
                let folder = file.parent().unwrap_or(Path::new("")).to_owned();
                left.extend(
                    calls
                        .into_iter()
                        .map(|(called, event, from)| (folder.join(called), event, Some(from))),
                );
                start
            }
        };
        if let Some(from) = caller {
            builder.edge(from, start, EdgeKind::Calls, Some("calls"));
        }
    }
    (builder.graph, problems)
}

/// A rule that is called: its file, the event, and the node that calls it.
type Call = (String, Option<String>, usize);

/// Where the next op goes on from.
type Ends = Vec<(usize, EdgeKind, Option<String>)>;

#[derive(Default)]
struct Builder {
    graph: Graph,
    semaphores: HashMap<String, usize>,
    calls: Vec<Call>,
    /// The forks to join, by the blocks that join them, innermost last.
    forks: Vec<Ends>,
    /// Where `break` and `continue` stand, by the loops around.
    loops: Vec<(Ends, Ends)>,
    /// Where `return` stands, by the functions and forks around.
    returns: Vec<Ends>,
    file: usize,
    group: Option<usize>,
}

impl Builder {
    /// Draws a rule. Gives its first node, and what it calls.
    fn rule(&mut self, file: &Path, plan: &Plan) -> (usize, Vec<Call>) {
        let title = file.display().to_string();
        self.file = self.graph.files.len();
        self.group = None;
        let name = file.file_name().unwrap_or(file.as_os_str());
        let mut label = vec![name.to_string_lossy().into_owned()];
        label.extend(plan.event.as_ref().map(|event| format!("event {event}")));
        let start = self.graph.nodes.len();
        self.graph.files.push(File {
            title,
            event: plan.event.clone(),
            start,
        });
        self.node(NodeKind::Start, label, None);
        if let Some(concurrency) = &plan.concurrency {
            self.holds(start, &concurrency.semaphore);
        }
        match &plan.ops {
            Some(ops) => {
                let ends = vec![(start, EdgeKind::Next, None)];
                self.joining(ends, |this, ends| this.block(ops, ends));
            }
            None => {
                for semaphore in &plan.semaphores {
                    self.holds(start, semaphore);
                }
            }
        }
        (start, std::mem::take(&mut self.calls))
    }

    fn node(&mut self, kind: NodeKind, label: Vec<String>, line: Option<u32>) -> usize {
        let is_op = kind != NodeKind::Semaphore;
        self.graph.nodes.push(Node {
            kind,
            label: label.into_iter().map(|line| short(&line)).collect(),
            file: is_op.then_some(self.file),
            line,
            group: self.group.filter(|_| is_op),
        });
        self.graph.nodes.len() - 1
    }

    fn edge(&mut self, from: usize, to: usize, kind: EdgeKind, label: Option<&str>) {
        let label = label.map(short);
        let edge = Edge {
            from,
            to,
            kind,
            label,
        };
        if !self.graph.edges.contains(&edge) {
            self.graph.edges.push(edge);
        }
    }

    fn connect(&mut self, ends: &Ends, to: usize) {
        for (from, kind, label) in ends {
            self.edge(*from, to, *kind, label.as_deref());
        }
    }

    fn holds(&mut self, node: usize, semaphore: &PlannedSemaphore) {
        let known = self.semaphores.get(&semaphore.name).copied();
        let at = known.unwrap_or_else(|| {
            let at = self.node(NodeKind::Semaphore, vec![semaphore.name.clone()], None);
            self.semaphores.insert(semaphore.name.clone(), at);
            at
        });
        let label = &mut self.graph.nodes[at].label;
        if let (1, Some(slots)) = (label.len(), &semaphore.slots) {
            label.push(slots_of(slots));
        }
        self.edge(node, at, EdgeKind::Holds, Some("holds"));
    }

    fn block(&mut self, ops: &[PlannedOp], mut ends: Ends) -> Ends {
        for op in ops {
            ends = self.op(op, ends);
        }
        ends
    }

    /// Ops whose forks end with them.
    fn joining(&mut self, ends: Ends, work: impl FnOnce(&mut Self, Ends) -> Ends) -> Ends {
        self.forks.push(Ends::new());
        let ends = work(self, ends);
        let forks = self.forks.pop().unwrap_or_default();
        self.join(ends, &forks)
    }

    /// Ops in which a `return` leads to their end.
    fn returning(&mut self, work: impl FnOnce(&mut Self) -> Ends) -> Ends {
        self.returns.push(Ends::new());
        let mut ends = work(self);
        ends.extend(self.returns.pop().unwrap_or_default());
        ends
    }

    fn join(&mut self, ends: Ends, forks: &Ends) -> Ends {
        if forks.is_empty() {
            return ends;
        }
        let join = self.node(NodeKind::Join, vec!["join".to_owned()], None);
        self.connect(&ends, join);
        self.connect(forks, join);
        next(join)
    }

    fn op(&mut self, op: &PlannedOp, ends: Ends) -> Ends {
        match op.parallel {
            None => self.op_here(op, ends),
            Some(parallel) => {
                let label = match parallel {
                    PlannedFork::Leave => "fork, left alone",
                    _ => "fork",
                };
                let forked = ends
                    .iter()
                    .map(|(from, _, before)| {
                        let label = match before {
                            Some(before) => format!("{before}: {label}"),
                            None => label.to_owned(),
                        };
                        (*from, EdgeKind::Fork, Some(label))
                    })
                    .collect();
                // What is forked leads out of no loop.
                let loops = std::mem::take(&mut self.loops);
                let after = self.joining(forked, |this, ends| {
                    this.returning(|this| this.op_here(op, ends))
                });
                self.loops = loops;
                if let (PlannedFork::Wait, Some(block)) = (parallel, self.forks.last_mut()) {
                    block.extend(after);
                }
                ends
            }
        }
    }

    fn op_here(&mut self, op: &PlannedOp, ends: Ends) -> Ends {
        if op.op == "wait_children" {
            let mut forks = Ends::new();
            for block in &mut self.forks {
                forks.append(block);
            }
            return self.join(ends, &forks);
        }
        let is_plain = op.op == "do"
            && op.name.is_none()
            && op.semaphore.is_none()
            && op.when.is_none()
            && op.timeout.is_none()
            && op.on_error.is_none()
            && op.parallel.is_none();
        if is_plain {
            return self.joining(ends, |this, ends| this.blocks(op, None, ends));
        }
        let around = self.group;
        if let (Some(semaphore), false) = (&op.semaphore, op.blocks.is_empty()) {
            let mut title = format!("holds {}", semaphore.name);
            if let Some(slots) = &semaphore.slots {
                title.push_str(&format!(" ({})", slots_of(slots)));
            }
            self.graph.groups.push(Group {
                title: short(&title),
                file: self.file,
                group: around,
            });
            self.group = Some(self.graph.groups.len() - 1);
        }
        let kind = match op.op.as_str() {
            "if" => NodeKind::Condition,
            "foreach" | "while" | "until" | "matrix" => NodeKind::Loop,
            "call" => NodeKind::Call,
            _ => NodeKind::Op,
        };
        let node = self.node(kind, label(op), Some(op.line));
        self.connect(&ends, node);
        if let Some(semaphore) = &op.semaphore {
            self.holds(node, semaphore);
        }
        if let Some(retry) = op.on_error.as_ref().filter(|what| *what != "ignore") {
            self.edge(node, node, EdgeKind::Error, Some(retry));
        }
        if let Some(call) = &op.call
            && call.known
        {
            self.calls
                .push((call.file.clone(), call.event.clone(), node));
        }
        let before = ends;
        let joins = op.semaphore.is_some() || op.timeout.is_some() || op.on_error.is_some();
        let ends = match (joins, kind) {
            (true, _) | (false, NodeKind::Op) => {
                self.joining(next(node), |this, _| this.within(op, kind, node))
            }
            (false, _) => self.within(op, kind, node),
        };
        self.group = around;
        match (ends.is_empty(), &op.when, op.on_error.as_deref()) {
            (true, Some(_), _) => before,
            (true, None, Some("ignore")) => next(node),
            _ => ends,
        }
    }

    /// What is within an op that has a node; gives where it goes on.
    fn within(&mut self, op: &PlannedOp, kind: NodeKind, node: usize) -> Ends {
        match (kind, op.op.as_str()) {
            (NodeKind::Condition, _) => {
                let mut after = Ends::new();
                let mut has_else = false;
                for PlannedBlock { label, ops, .. } in &op.blocks {
                    has_else |= label.as_deref() == Some("else");
                    let begin = vec![(node, EdgeKind::Next, label.clone())];
                    after.extend(self.block(ops, begin));
                }
                if !has_else {
                    after.push((node, EdgeKind::Next, Some("else".to_owned())));
                }
                after
            }
            (NodeKind::Loop, _) => {
                self.loops.push((Ends::new(), Ends::new()));
                let mut back = Ends::new();
                for PlannedBlock { label, ops, .. } in &op.blocks {
                    let label = label.clone().unwrap_or_else(|| "each".to_owned());
                    let begin = vec![(node, EdgeKind::Next, Some(label))];
                    back.extend(self.block(ops, begin));
                }
                let (breaks, continues) = self.loops.pop().unwrap_or_default();
                back.extend(continues);
                for (from, kind, _) in back {
                    if from != node {
                        self.edge(from, node, kind, Some("next"));
                    }
                }
                let mut after = vec![(node, EdgeKind::Next, Some("done".to_owned()))];
                after.extend(breaks);
                after
            }
            // What it calls is drawn by itself.
            (NodeKind::Call, _) if op.call.as_ref().is_some_and(|call| call.known) => next(node),
            (_, "fail") => Ends::new(),
            (_, "return") => {
                if let Some(returns) = self.returns.last_mut() {
                    returns.extend(next(node));
                }
                Ends::new()
            }
            (_, "break") => {
                if let Some((breaks, _)) = self.loops.last_mut() {
                    breaks.extend(next(node));
                }
                Ends::new()
            }
            (_, "continue") => {
                if let Some((_, continues)) = self.loops.last_mut() {
                    continues.extend(next(node));
                }
                Ends::new()
            }
            (_, "do" | "try") => self.blocks(op, Some(node), next(node)),
            // A function.
            _ => self.returning(|this| this.blocks(op, Some(node), next(node))),
        }
    }

    /// The blocks of an op one after the other: those that an error leads to begin at `node`.
    fn blocks(&mut self, op: &PlannedOp, node: Option<usize>, ends: Ends) -> Ends {
        let mut ends = ends;
        for PlannedBlock { label, ops, .. } in &op.blocks {
            match (label.as_deref(), node) {
                (Some("catch"), Some(node)) => {
                    let begin = vec![(node, EdgeKind::Error, Some("error".to_owned()))];
                    let caught = self.block(ops, begin);
                    ends.extend(caught);
                }
                (Some(label), _) => {
                    if let (true, Some(node)) = (ends.is_empty(), node) {
                        ends = vec![(node, EdgeKind::Error, None)];
                    }
                    for (_, _, known) in &mut ends {
                        known.get_or_insert_with(|| label.to_owned());
                    }
                    ends = self.block(ops, ends);
                }
                (None, _) => ends = self.block(ops, ends),
            }
        }
        ends
    }
}

fn next(node: usize) -> Ends {
    vec![(node, EdgeKind::Next, None)]
}

fn slots_of(slots: &str) -> String {
    match slots {
        "1" => "1 slot".to_owned(),
        slots => format!("{slots} slots"),
    }
}

fn label(op: &PlannedOp) -> Vec<String> {
    let mut first = match &op.name {
        Some(name) if op.op == "do" => name.clone(),
        Some(name) => format!("{name}: {}", op.op),
        None => op.op.clone(),
    };
    if let Some(what) = &op.what {
        first.push_str(&format!(" {what}"));
    }
    let mut lines = vec![first];
    lines.extend(op.when.as_ref().map(|when| format!("when {when}")));
    lines.extend(op.timeout.as_ref().map(|limit| format!("at most {limit}")));
    if op.on_error.as_deref() == Some("ignore") {
        lines.push("errors are ignored".to_owned());
    }
    lines
}

/// A text in one line, and not too long.
fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cut(&Span::plain(text), MOST_TEXT).text
}
