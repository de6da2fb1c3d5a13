//! A call: of a function of a rulebook, of what a module exports, or of a service.

use cla_runtime::js::Value;

use super::Action;
use crate::book::{Callee, Data, Op};
use crate::check::Walk;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::scope::Scope;

/// What is called, and with what.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) callee: Callee,
    pub(crate) arguments: Data,
}

impl Action for Call {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.call(&self.callee, &self.arguments, scope)
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, op: &'a Op) {
        walk.data(&self.arguments);
        walk.call(&self.callee, op.at);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        let mut planned = Planned::default();
        if let Some(ops) = planner.call(&self.callee, &self.arguments) {
            planned.add(None, ops);
        }
        let text = planner.text(&self.arguments);
        planned.what = Some(text).filter(|text| text != "{}" && text != "null");
        planned
    }

    fn is_named(&self) -> bool {
        true
    }
}
