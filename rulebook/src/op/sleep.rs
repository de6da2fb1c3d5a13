//! `sleep`: a pause in which others go on.

use cla_runtime::js::Value;

use crate::schema::parts::{OpSchema, reference};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static SLEEP: Description = Description {
    name: "sleep",
    about: "Waits for this long; others go on.",
    example: "- sleep: 250ms",
    companions: &[],
    schema: || OpSchema::new(reference("duration")),
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Sleep(parser.duration(written.argument))))
}

#[derive(Debug)]
struct Sleep(Data);

impl Action for Sleep {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let pause = runner.duration(&self.0, scope)?;
        runner.sleep(pause)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
