//! `echo`, `print` and `log`: a line of output.

use cla_runtime::OutputStream;
use cla_runtime::js::Value;

use super::{Action, Description, Written};
use crate::book::{Data, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::{OpSchema, any};
use crate::scope::Scope;

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

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stdout, line)))
}

fn read_log(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stderr, line)))
}

#[derive(Debug)]
struct Print(OutputStream, Data);

impl Action for Print {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let text = runner.text(&self.1, scope)?;
        runner.print(self.0, text)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.data(&self.1);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.1))
    }
}
