//! `return`: the end of a function, a fork or a rulebook.

use cla_runtime::js::Value;

use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Abort, Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope,
    Values, Walk, Written,
};

pub(super) static RETURN: Description = Description {
    name: "return",
    about: "Ends the function, the fork or the rulebook, with this value.",
    example: "- return: {cost: '${cost}'}",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Return(parser.data(written.argument))))
}

#[derive(Debug)]
struct Return(Data);

impl Action for Return {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        Err(Abort::Return(runner.value(&self.0, scope)?))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
