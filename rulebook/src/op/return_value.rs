//! `return`: the end of a function, a fork or a rulebook.

use cla_runtime::js::Value;

use super::{Action, Description, Written};
use crate::book::{Data, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{Abort, OpResult, Runner};
use crate::schema::{OpSchema, any};
use crate::scope::Scope;

pub(super) static RETURN: Description = Description {
    name: "return",
    about: "Ends the function, the fork or the rulebook, with this value.",
    example: "- return: {cost: '${cost}'}",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Return(parser.data(written.argument))))
}

#[derive(Debug)]
struct Return(Data);

impl Action for Return {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        Err(Abort::Return(runner.value(&self.0, scope)?))
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
