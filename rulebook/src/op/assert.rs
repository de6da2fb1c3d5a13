//! `assert`: an error unless a condition holds.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Condition, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope,
    Values, Walk, Written, first_line,
};

pub(super) static ASSERT: Description = Description {
    name: "assert",
    about: "Fails unless the condition holds: JavaScript, or a value. `message` says what is wrong then.",
    example: "- assert: free > 1\n  message: only ${free} GB are free",
    companions: &["message"],
    schema: || OpSchema::new(any()).with(json!({})).assigned(any()),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let text = match &written.argument.value {
        crate::yaml::Yaml::Text(text) => first_line(&text.text),
        _ => "the value".to_owned(),
    };
    Some(Box::new(Assert {
        condition: parser.condition(written.argument),
        text,
        message: (written.beside)("message").map(|node| parser.data(node)),
    }))
}

#[derive(Debug)]
struct Assert {
    condition: Condition,
    /// The condition as it is written.
    text: String,
    message: Option<Data>,
}

impl Action for Assert {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        if runner.holds(&self.condition, scope)? {
            return Ok(runner.undefined());
        }
        let message = match &self.message {
            Some(message) => runner.text(message, scope)?,
            None => format!("this does not hold: {}", self.text),
        };
        Err(runner.throw(&message))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.condition(&self.condition);
        if let Some(message) = &self.message {
            walk.data(message);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.condition(&self.condition))
    }
}
