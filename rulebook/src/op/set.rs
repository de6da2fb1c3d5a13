//! `set` and `var`: variables, or parts of them.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::OpSchema;
use crate::template::Template;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

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

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
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
pub(super) struct Set(pub(super) Vec<(Template, Data)>);

impl Action for Set {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
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

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        for (name, data) in &self.0 {
            walk.sets(name);
            walk.data(data);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let values = self.0.iter();
        let values = values
            .map(|(name, value)| format!("{} = {}", planner.template(name), planner.text(value)));
        Planned::what(values.collect::<Vec<_>>().join(", "))
    }
}
