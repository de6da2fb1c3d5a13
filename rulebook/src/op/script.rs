//! `js`: JavaScript with the variables of the rulebook.

use cla_runtime::js::Value;
use serde_json::json;

use super::{Action, Description, Written};
use crate::book::Op;
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner, first_line};
use crate::run::{OpResult, Runner};
use crate::schema::OpSchema;
use crate::scope::Scope;
use crate::template::Code;
use crate::yaml::Yaml;

pub(super) static JS: Description = Description {
    name: "js",
    about: "JavaScript, with the variables of the rulebook; what it assigns to without declaring it is a variable.",
    example: "- js: |\n    const sem = require(\"cla/sem\");\n    slots = sem.show(\"printers\").slots;",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "string"})),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    match &written.argument.value {
        Yaml::Text(code) => Some(Box::new(Script(parser.code(code)))),
        other => {
            let message = format!("js is JavaScript, not {}", other.kind());
            parser.problem(written.argument.at, message);
            None
        }
    }
}

/// JavaScript; what stands after `js` or `do`, or is all of a block.
#[derive(Debug)]
pub(crate) struct Script(pub(crate) Code);

impl Action for Script {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.evaluate(scope.code(&self.0))
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.code(&self.0);
    }

    fn plan<'a>(&'a self, _: &mut Planner<'a>) -> Planned {
        Planned::what(first_line(&self.0.text))
    }
}
