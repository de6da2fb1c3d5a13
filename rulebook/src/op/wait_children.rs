//! `wait_children`: the end of all forks that are waited for.

use cla_runtime::js::Value;

use super::{Action, Description, Written};
use crate::book::Op;
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::{OpSchema, any};
use crate::scope::Scope;

pub(super) static WAIT_CHILDREN: Description = Description {
    name: "wait_children",
    about: "Waits for everything that was forked so far with `parallel: wait`. Takes nothing.",
    example: "- parallel: wait\n  sleep: 1s\n- wait_children:",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

fn read(_: &mut Parser<'_>, _: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    Some(Box::new(WaitChildren))
}

#[derive(Debug)]
struct WaitChildren;

impl Action for WaitChildren {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        runner.join_all(scope)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, _: &mut Walk<'a>, _: &'a Op) {}

    fn plan<'a>(&'a self, _: &mut Planner<'a>) -> Planned {
        Planned::default()
    }
}
