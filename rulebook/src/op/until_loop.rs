//! `until`: ops until a condition holds.

use cla_runtime::js::Value;
use serde_json::json;

use super::turns::turn;
use crate::schema::parts::{OpSchema, any};
use crate::tree::{
    Action, Block, Condition, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner,
    Scope, Values, Walk, Written,
};

pub(super) static UNTIL: Description = Description {
    name: "until",
    about: "Does something until the condition holds: JavaScript, or a value. It is looked at after each turn; `every` is \
            the pause between two.",
    example: "- timeout: 5m\n  until: up.rc === 0\n  every: 5s\n  do:\n    - up = shell: curl -fs http://localhost/health",
    companions: &["do", "every"],
    schema: || OpSchema::new(any()).with(json!({"required": ["do"]})),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let Some(body) = (written.beside)("do") else {
        parser.problem(written.key.at, "an until has a `do`");
        return None;
    };
    Some(Box::new(Until {
        condition: parser.condition(written.argument),
        pause: (written.beside)("every").map(|node| parser.duration(node)),
        body: parser.turn(body),
    }))
}

#[derive(Debug)]
struct Until {
    condition: Condition,
    pause: Option<Data>,
    body: Block,
}

impl Action for Until {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let mut is_first = true;
        loop {
            // What the condition looks at, the first turn may set.
            if !is_first && runner.holds(&self.condition, scope)? {
                return Ok(runner.undefined());
            }
            if let Some(pause) = self.pause.as_ref().filter(|_| !is_first) {
                let pause = runner.duration(pause, scope)?;
                runner.sleep(pause)?;
            }
            is_first = false;
            if !turn(runner, &self.body, scope)? {
                return Ok(runner.undefined());
            }
            runner.checkpoint()?;
        }
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.block(&self.body);
        walk.condition(&self.condition);
        if let Some(pause) = &self.pause {
            walk.data(pause);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::block(planner.block(&self.body));
        planned.what = Some(planner.condition(&self.condition));
        planned
    }
}
