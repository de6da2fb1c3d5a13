//! `set` and `var`: variables, or parts of them.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::OpSchema;
use crate::template::{Template, is_path};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static SET: Description = Description {
    name: "set",
    about: "Sets variables, or parts of them. {var: NAME, value: VALUE} sets one whose name a value may be.",
    example: "- set: {env: prod, 'limits.memory': 32}\n- set: {var: '${env}_url', value: http://localhost}",
    companions: &[],
    schema: || OpSchema::new(json!({"type": "object"})),
    read: Some(read_set),
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

/// `set: {var: NAME, value: VALUE}` is one variable, and any other map is as many as it has entries.
fn read_set(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let Yaml::Map(entries) = &written.argument.value else {
        return read(parser, written);
    };
    let part = |name: &str| entries.iter().find(|(key, _)| key.text == name);
    let (Some((_, name)), Some((_, value)), 2) = (part("var"), part("value"), entries.len()) else {
        return read(parser, written);
    };
    let Yaml::Text(text) = &name.value else {
        parser.problem(name.at, "var is the name of a variable");
        return None;
    };
    let variable = parser.template(text);
    if variable.literal().is_some_and(|name| !is_path(name)) {
        parser.problem(name.at, format!("{:?} names no variable", text.text));
    }
    Some(Box::new(Set(vec![(variable, parser.data(value))])))
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
