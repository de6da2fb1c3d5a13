//! `wait_children`: the end of all forks that are waited for.

use cla_runtime::js::Value;

use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static WAIT_CHILDREN: Description = Description {
    name: "wait_children",
    about: "Waits for everything that was forked so far with `parallel: wait`. Takes nothing.",
    example: "- parallel: wait\n  sleep: 1s\n- wait_children:",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(_: &mut dyn Parser, _: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(WaitChildren))
}

#[derive(Debug)]
struct WaitChildren;

impl Action for WaitChildren {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.join_all(scope)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, _: &mut dyn Walk<'a>, _: &'a Op) {}

    fn plan<'a>(&'a self, _: &mut dyn Planner<'a>) -> Planned {
        Planned::default()
    }
}
