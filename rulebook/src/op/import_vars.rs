//! `import_vars`: variables of the caller, in a function.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::{OpSchema, VARIABLE};
use crate::tree::{
    Action, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static IMPORT_VARS: Description = Description {
    name: "import_vars",
    about: "In a function of `def`: takes these variables over from where it was called. Without it, a function sees its \
            arguments and nothing else.",
    example: "def:\n  greet:\n    - import_vars: [who]\n    - echo: hello ${who}\ndo:\n  - who =: Anna\n  - greet:",
    companions: &[],
    schema: || {
        OpSchema::new(json!({
            "type": ["string", "array"],
            "pattern": VARIABLE,
            "items": {"type": "string", "pattern": VARIABLE},
            "minItems": 1,
        }))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    if !parser.is_in_def() {
        let message =
            "import_vars stands in a function of `def`; elsewhere all variables are there";
        parser.problem(written.key.at, message);
    }
    let argument = written.argument;
    let items = match &argument.value {
        Yaml::List(items) if !items.is_empty() => items.as_slice(),
        _ => std::slice::from_ref(argument),
    };
    let mut names = Vec::new();
    for item in items {
        match &item.value {
            Yaml::Text(name) => names.push(parser.variable(name)),
            _ => parser.problem(item.at, "import_vars is a name, or a list of names"),
        }
    }
    Some(Box::new(ImportVars(names)))
}

#[derive(Debug)]
struct ImportVars(Vec<String>);

impl Action for ImportVars {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let Some(caller) = runner.caller() else {
            let message = "import_vars finds no caller in a fork: put it before the fork";
            return Err(runner.throw(message));
        };
        for name in &self.0 {
            let value = runner.js(caller.get::<_, Value<'js>>(name.as_str()))?;
            if value.is_undefined() || value.is_function() {
                let message = format!("{name} is not set where this function was called");
                return Err(runner.throw(&message));
            }
            runner.js(scope.vars.set(name.as_str(), value))?;
        }
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        for name in &self.0 {
            walk.sets_variable(name);
        }
    }

    fn plan<'a>(&'a self, _: &mut dyn Planner<'a>) -> Planned {
        Planned::what(self.0.join(", "))
    }
}
