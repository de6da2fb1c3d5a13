//! `fail`: an error with a message.

use cla_runtime::internal::Failure;
use cla_runtime::js::Value;

use crate::schema::parts::{OpSchema, any};
use crate::shown::shown;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static FAIL: Description = Description {
    name: "fail",
    about: "Fails with this message, or with a map, which `catch` finds as it is in `error`.",
    example: "- when: free < 1\n  fail: the disk is full",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Fail(parser.data(written.argument))))
}

#[derive(Debug)]
struct Fail(Data);

impl Action for Fail {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let value = runner.value(&self.0, scope)?;
        // A map is thrown as it is, for who catches it.
        if value.is_object() && !value.is_array() {
            return Err(runner.abort(Failure::Thrown(value)));
        }
        let message = runner.js(shown(&value))?;
        Err(runner.throw(&message))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
