//! `break` and `continue`: the end of a loop, and of one of its turns.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::OpSchema;
use crate::tree::{
    Abort, Action, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static BREAK: Description = Description {
    name: "break",
    about: "Ends the loop around it. Takes nothing.",
    example: "- foreach: [1, 2, 3]\n  do:\n    - {when: it > 1, break: }\n    - echo: ${it}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "null"})),
    read: Some(|parser, written| read(parser, written, Loop::Break)),
};

pub(super) static CONTINUE: Description = Description {
    name: "continue",
    about: "Goes on with the next turn of the loop around it. Takes nothing.",
    example: "- foreach: [1, 2, 3]\n  do:\n    - {when: it === 2, continue: }\n    - echo: ${it}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "null"})),
    read: Some(|parser, written| read(parser, written, Loop::Continue)),
};

/// Where it goes on.
#[derive(Clone, Copy, Debug)]
enum Loop {
    /// Behind the loop.
    Break,
    /// At its next turn.
    Continue,
}

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>, what: Loop) -> Option<Box<dyn Action>> {
    let name = &written.key.text;
    if !matches!(written.argument.value, Yaml::Null) {
        let message = format!("{name} takes nothing: it ends the innermost loop or its turn");
        parser.problem(written.argument.at, message);
    }
    if !parser.is_in_loop() {
        let message = format!("{name} stands in no loop; a fork is no part of the loop around it");
        parser.problem(written.key.at, message);
    }
    Some(Box::new(what))
}

impl Action for Loop {
    fn run<'js>(&self, _: &dyn Runner<'js>, _: &Op, _: &Scope<'js>) -> OpResult<'js, Value<'js>> {
        Err(match self {
            Self::Break => Abort::Break,
            Self::Continue => Abort::Continue,
        })
    }

    fn check<'a>(&'a self, _: &mut dyn Walk<'a>, _: &'a Op) {}

    fn plan<'a>(&'a self, _: &mut dyn Planner<'a>) -> Planned {
        Planned::default()
    }
}
