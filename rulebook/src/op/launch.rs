//! `launch`: a service, by a name that may be known only when it runs.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::{OpSchema, any, described, short};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static LAUNCH: Description = Description {
    name: "launch",
    about: "Calls a service that a module has registered with cla/reg, by its name, and gives what it returns.",
    example: "- launch: mailer\n- launch: {service: mailer, config: {to: ops}}",
    companions: &[],
    schema: || {
        OpSchema::new(short(
            &["string"],
            json!({
                "service": described("The service's name.", json!({"type": "string"})),
                "config": described("What the service is given.", any()),
                "stash": described("What it gets as the stash, instead of the variables.", any()),
            }),
            &["service"],
        ))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    if matches!(written.argument.value, Yaml::Number(_) | Yaml::Bool(_)) {
        parser.problem(
            written.argument.at,
            "launch takes the name of a service, or a map",
        );
    }
    let names = ["service", "config", "stash"];
    let [service, config, stash] = parser.parts(written.argument, "service", names);
    if let Some(Data::Number(_) | Data::Bool(_)) = &service {
        let message = "the `service` of this op must be a text";
        parser.problem(written.argument.at, message);
    }
    Some(Box::new(Launch {
        service: parser.required(written.argument, "service", service)?,
        config,
        stash,
    }))
}

#[derive(Debug)]
struct Launch {
    service: Data,
    config: Option<Data>,
    stash: Option<Data>,
}

impl Action for Launch {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let name = runner.text(&self.service, scope)?;
        let config = match &self.config {
            Some(config) => runner.value(config, scope)?,
            None => runner.undefined(),
        };
        let vars = match &self.stash {
            Some(stash) => match runner.value(stash, scope)?.into_object() {
                Some(stash) => stash,
                None => return Err(runner.throw("the stash of a launch is a map")),
            },
            None => scope.vars.clone(),
        };
        runner.serve(&name, config, vars, scope.book())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, op: &'a Op) {
        walk.launches(&self.service, op.at);
        walk.parts([
            Some(&self.service),
            self.config.as_ref(),
            self.stash.as_ref(),
        ]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.service), self.config.as_ref(), None]))
    }
}
