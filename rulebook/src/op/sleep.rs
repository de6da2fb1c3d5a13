//! `sleep`: a pause in which others go on.

use cla_runtime::js::Value;

use super::{Action, Description, Written};
use crate::book::{Data, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::{OpSchema, reference};
use crate::scope::Scope;

pub(super) static SLEEP: Description = Description {
    name: "sleep",
    about: "Waits for this long; others go on.",
    example: "- sleep: 250ms",
    companions: &[],
    schema: || OpSchema::new(reference("duration")),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(Sleep(parser.duration(written.argument))))
}

#[derive(Debug)]
struct Sleep(Data);

impl Action for Sleep {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let pause = runner.duration(&self.0, scope)?;
        runner.wait(tokio::time::sleep(pause))?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
