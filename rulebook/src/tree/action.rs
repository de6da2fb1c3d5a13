//! What each op can do.

use std::fmt;

use cla_runtime::js::Value;

use super::{Block, Condition, Op, OpResult, Planned, Planner, Runner, Scope, Walk};

/// What an op does, ready to be done. How it is read is in its [`Description`](super::Description).
pub(crate) trait Action: fmt::Debug + Send + Sync {
    /// Does it, and gives its result.
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>>;

    /// Walks through all that it has in it.
    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, op: &'a Op);

    /// Says what it would do.
    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned;

    /// Whether people see it by its own name, as they do with a function.
    fn is_named(&self) -> bool {
        false
    }

    /// Adds a branch that follows as an op of its own: an `elsif`, or without a condition an `else`. `false` if none may
    /// follow this op.
    fn add_branch(&mut self, condition: Option<Condition>, body: Block) -> bool {
        drop((condition, body));
        false
    }
}
