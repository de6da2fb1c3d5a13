//! `fail`: an error with a message.

use cla_runtime::js::Value;

use super::{Action, Description, Written};
use crate::book::{Data, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::{OpSchema, any};
use crate::scope::Scope;

pub(super) static FAIL: Description = Description {
    name: "fail",
    about: "Fails with this message.",
    example: "- when: free < 1\n  fail: the disk is full",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Fail(parser.data(written.argument))))
}

#[derive(Debug)]
struct Fail(Data);

impl Action for Fail {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let message = runner.text(&self.0, scope)?;
        Err(runner.throw(&message))
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
