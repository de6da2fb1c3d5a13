//! `while`: ops for as long as a condition holds.

use cla_runtime::js::Value;
use serde_json::json;

use super::{Action, Description, Written};
use crate::book::{Block, Condition, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::{OpSchema, any};
use crate::scope::Scope;

pub(super) static WHILE: Description = Description {
    name: "while",
    about: "Does something as long as the condition holds: JavaScript, or a value.",
    example: "- while: n < 3\n  do:\n    - do: n++",
    companions: &["do"],
    schema: || OpSchema::new(any()).with(json!({"required": ["do"]})),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let Some(body) = (written.beside)("do") else {
        parser.problem(written.key.at, "a while has a `do`");
        return None;
    };
    Some(Box::new(While {
        condition: parser.condition(written.argument),
        body: parser.block(body),
    }))
}

#[derive(Debug)]
struct While {
    condition: Condition,
    body: Block,
}

impl Action for While {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        while runner.holds(&self.condition, scope)? {
            runner.ops(&self.body, scope)?;
            runner.checkpoint()?;
        }
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.condition(&self.condition);
        walk.block(&self.body);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        let mut planned = Planned::block(planner.block(&self.body));
        planned.what = Some(planner.condition(&self.condition));
        planned
    }
}
