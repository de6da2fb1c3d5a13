//! `js`: JavaScript with the variables of the rulebook.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::OpSchema;
use crate::template::Code;
use crate::tree::{
    Action, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written, first_line,
};
use crate::yaml::Yaml;

pub(super) static JS: Description = Description {
    name: "js",
    about: "JavaScript, with the variables of the rulebook; what it assigns to without declaring it is a variable.",
    example: "- js: |\n    const sem = require(\"cla/sem\");\n    slots = sem.show(\"printers\").slots;",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "string"})),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
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
pub(super) struct Script(pub(super) Code);

impl Action for Script {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.code(&self.0, scope)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.code(&self.0);
    }

    fn plan<'a>(&'a self, _: &mut dyn Planner<'a>) -> Planned {
        Planned::what(first_line(&self.0.text))
    }
}
