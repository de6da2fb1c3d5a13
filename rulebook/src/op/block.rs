//! `do`: ops one after the other.

use cla_runtime::js::Value;

use super::script::Script;
use crate::schema::parts::{OpSchema, reference};
use crate::tree::{
    Action, Block, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static DO: Description = Description {
    name: "do",
    about: "Ops as one; or a text, which is JavaScript.",
    example: "- semaphore: prod-db\n  do:\n    - echo: it is my turn\n- do: count = 1",
    companions: &[],
    schema: || OpSchema::new(reference("block")),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let action: Box<dyn Action> = match &written.argument.value {
        Yaml::Text(code) => Box::new(Script(parser.code(code))),
        _ => Box::new(Do(parser.block(written.argument))),
    };
    Some(action)
}

#[derive(Debug)]
pub(super) struct Do(pub(super) Block);

impl Action for Do {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.block(&self.0, scope)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.block(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::block(planner.block(&self.0))
    }
}
