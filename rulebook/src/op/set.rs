//! `set` and `var`: variables, or parts of them.

use cla_runtime::js::Value;
use serde_json::json;

use super::{Action, Description, Written};
use crate::book::{Data, Op};
use crate::check::Walk;
use crate::parse::Parser;
use crate::plan::{Planned, Planner};
use crate::run::{OpResult, Runner};
use crate::schema::OpSchema;
use crate::scope::Scope;
use crate::template::Template;

pub(super) static SET: Description = Description {
    name: "set",
    about: "Sets variables, or parts of them.",
    example: "- set: {env: prod, 'limits.memory': 32}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "object"})),
    read: Some(read),
};

pub(super) static VAR: Description = Description {
    name: "var",
    about: "Sets variables, or parts of them.",
    example: "- var: {env: prod}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "object"})),
    read: Some(read),
};

fn read(parser: &mut Parser<'_>, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    match parser.data(written.argument) {
        Data::Map(values) => Some(Box::new(Set(values))),
        _ => {
            let message = format!("{} is a map of names and values", written.key.text);
            parser.problem(written.argument.at, message);
            None
        }
    }
}

/// Names, and their values.
#[derive(Debug)]
pub(crate) struct Set(pub(crate) Vec<(Template, Data)>);

impl Action for Set {
    fn run<'js>(
        &self,
        runner: &Runner<'_, 'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        for (name, data) in &self.0 {
            let name = runner.text(&Data::Text(name.clone()), scope)?;
            let value = runner.value(data, scope)?;
            runner.assign(&name, value, scope)?;
        }
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut Walk<'a>, _: &'a Op) {
        for (name, data) in &self.0 {
            walk.sets(name);
            walk.data(data);
        }
    }

    fn plan<'a>(&'a self, planner: &mut Planner<'a>) -> Planned {
        let values = self.0.iter();
        let values = values
            .map(|(name, value)| format!("{} = {}", planner.template(name), planner.text(value)));
        Planned::what(values.collect::<Vec<_>>().join(", "))
    }
}
