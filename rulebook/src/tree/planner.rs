//! What an op would do, for people, and how it finds out.

use cla_runtime::plan::{PlannedBlock, PlannedCall, PlannedOp};
use serde_json::Value as Json;

use super::{Block, Callee, Condition, Data};
use crate::template::{Piece, Template};

/// What an op says of itself for a plan.
#[derive(Default)]
pub(crate) struct Planned {
    /// What it is given, in short.
    pub(crate) what: Option<String>,
    /// What it carries out in its turn.
    pub(crate) blocks: Vec<PlannedBlock>,
    /// The rule that it calls.
    pub(crate) call: Option<PlannedCall>,
}

impl Planned {
    /// An op without blocks.
    pub(crate) fn what(what: String) -> Self {
        Self {
            what: Some(what),
            ..Self::default()
        }
    }

    /// An op with a block.
    pub(crate) fn block(ops: Vec<PlannedOp>) -> Self {
        let mut planned = Self::default();
        planned.add(None, ops);
        planned
    }

    /// An op with the turns of a loop.
    pub(crate) fn blocks(what: String, blocks: Vec<PlannedBlock>) -> Self {
        Self {
            what: Some(what),
            blocks,
            call: None,
        }
    }

    /// Adds a block.
    pub(crate) fn add(&mut self, label: Option<&str>, ops: Vec<PlannedOp>) {
        let label = label.map(str::to_owned);
        self.blocks.push(PlannedBlock::new(label, ops));
    }
}

/// Says what the parts of an op would do, as far as that is known before a run.
pub(crate) trait Planner<'a> {
    fn block(&mut self, block: &'a Block) -> Vec<PlannedOp>;

    /// The ops of a def. `None` if what is called is none.
    fn call(&mut self, callee: &'a Callee, arguments: &Data) -> Option<PlannedBlock>;

    /// The ops of another rulebook that is called. `None` if what is called is none, or not known.
    fn call_rule(
        &mut self,
        file: &Data,
        event: Option<&Data>,
        stash: Option<&Data>,
    ) -> Option<PlannedBlock>;

    /// The ops of a loop: those of each turn, if it is known what they are for.
    fn turns(
        &mut self,
        variable: &str,
        items: Option<Vec<Json>>,
        block: &'a Block,
    ) -> Vec<PlannedBlock>;

    /// The value of data in which everything is known.
    fn known(&self, data: &Data) -> Option<Json>;

    /// The value of a part of a template, if it is known.
    fn known_piece(&self, piece: &Piece) -> Option<Json>;

    fn condition(&self, condition: &Condition) -> String;

    fn text(&self, data: &Data) -> String;

    fn template(&self, template: &Template) -> String;
}

impl dyn Planner<'_> + '_ {
    pub(crate) fn parts(&self, parts: [Option<&Data>; 3]) -> String {
        let parts = parts.into_iter().flatten().map(|part| self.text(part));
        parts.collect::<Vec<_>>().join(" ")
    }
}

/// The first line of code that has one, and whether more follows.
pub(crate) fn first_line(code: &str) -> String {
    let mut lines = code.lines().filter(|line| !line.trim().is_empty());
    let first = lines.next().unwrap_or_default().trim();
    if lines.next().is_some() {
        format!("{first} ...")
    } else {
        first.to_owned()
    }
}
