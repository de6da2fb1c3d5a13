//! `echo`, `print` and `log`: a line of output.

use cla_runtime::js::Value;
use cla_runtime::output::OutputStream;

use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static ECHO: Description = Description {
    name: "echo",
    about: "Prints a line.",
    example: "- echo: deploying ${app} to ${env}",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

pub(super) static PRINT: Description = Description {
    name: "print",
    about: "Prints a line: as `echo`.",
    example: "- print: hello",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

pub(super) static LOG: Description = Description {
    name: "log",
    about: "Prints a line to standard error.",
    example: "- log: 3 hosts left",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read_log),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stdout, line)))
}

fn read_log(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stderr, line)))
}

#[derive(Debug)]
struct Print(OutputStream, Data);

impl Action for Print {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let text = runner.text(&self.1, scope)?;
        runner.print(self.0, text)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.1);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.1))
    }
}
