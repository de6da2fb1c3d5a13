//! A call: of a function of a rulebook, of what a module exports, or of a service.

use crate::tree::{Action, Callee, Data, Op, OpResult, Planned, Planner, Runner, Scope, Walk};
use cla_runtime::js::Value;

/// What is called, and with what.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) callee: Callee,
    pub(super) arguments: Data,
}

impl Action for Call {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.call(&self.callee, &self.arguments, scope)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, op: &'a Op) {
        walk.data(&self.arguments);
        walk.call(&self.callee, op.at);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::default();
        let block = planner.call(&self.callee, &self.arguments);
        planned.blocks.extend(block);
        let text = planner.text(&self.arguments);
        planned.what = Some(text).filter(|text| text != "{}" && text != "null");
        planned
    }

    fn is_named(&self) -> bool {
        true
    }
}
