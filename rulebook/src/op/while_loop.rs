//! `while`: ops for as long as a condition holds.

use cla_runtime::js::Value;
use serde_json::json;

use super::turns::turn;
use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Block, Condition, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope,
    Values, Walk, Written,
};

pub(super) static WHILE: Description = Description {
    name: "while",
    about: "Does something as long as the condition holds: JavaScript, or a value.",
    example: "- while: n < 3\n  do:\n    - do: n++",
    companions: &["do"],
    schema: || OpSchema::new(any()).with(json!({"required": ["do"]})),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let Some(body) = (written.beside)("do") else {
        parser.problem(written.key.at, "a while has a `do`");
        return None;
    };
    Some(Box::new(While {
        condition: parser.condition(written.argument),
        body: parser.turn(body),
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
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        while runner.holds(&self.condition, scope)? {
            if !turn(runner, &self.body, scope)? {
                break;
            }
            runner.checkpoint()?;
        }
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.condition(&self.condition);
        walk.block(&self.body);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::block(planner.block(&self.body));
        planned.what = Some(planner.condition(&self.condition));
        planned
    }
}
