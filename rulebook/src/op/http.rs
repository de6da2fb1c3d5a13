//! `http`: a request to a web server.

use cla_runtime::js::{Object, Value};
use cla_stdlib::internal::http::{AUTH, BODIES, METHODS, MOST_REDIRECTS, OPTIONS, READ_AS};
use serde_json::{Map, json};

use crate::data;
use crate::schema::parts::{OpSchema, TEMPLATE, any, described, reference, short};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written, literal,
};
use crate::yaml::Yaml;

pub(super) static HTTP: Description = Description {
    name: "http",
    about: "Asks a web server, and gives its answer: status, ok, headers, body, data (if that is JSON). One that is no success \
             fails the op, unless the result is assigned.",
    example: "- page = http: https://example.com/\n- http: {url: 'https://example.com/api', method: POST, json: {n: 1}}",
    companions: &[],
    schema: || {
        let auth = AUTH.map(|part| (part.to_owned(), json!({"type": "string"})));
        let auth = Map::from_iter(auth);
        let entries = |about: &str| json!({"description": about, "type": ["object", "string"]});
        OpSchema::new(short(
            &["string"],
            json!({
                "url": described("The address.", json!({"type": "string"})),
                "method": {
                    "description": "What the server is asked to do.",
                    "default": "GET",
                    "anyOf": [
                        {"enum": METHODS},
                        {"type": "string"},
                    ],
                },
                "headers": entries("Headers and their values."),
                "query": entries("What is added to the address after the `?`."),
                "body": described("What is sent: a text as it is, anything else as JSON.", any()),
                "json": described("A value that is sent as JSON.", any()),
                "form": entries("Fields that are sent as those of a form."),
                "timeout": described("How long the answer may take.", reference("duration")),
                "redirects": {
                    "description": "How many redirections are followed.",
                    "type": ["integer", "string"],
                    "minimum": 0,
                    "maximum": MOST_REDIRECTS,
                },
                "auth": {
                    "description": "Who asks: a `user` with a `password`, or a `bearer` token.",
                    "type": ["object", "string"],
                    "properties": auth,
                    "additionalProperties": false,
                    "oneOf": [{"required": ["user"]}, {"required": ["bearer"]}],
                },
                "maxBody": {
                    "description": "The most bytes of an answer that are taken.",
                    "type": ["integer", "string"],
                    "minimum": 0,
                },
                "as": {
                    "description": "What the answer's body is given as; `auto` goes by its content type.",
                    "default": "auto",
                    "anyOf": [
                        {"enum": READ_AS},
                        {"type": "string", "pattern": TEMPLATE},
                    ],
                },
            }),
            &["url"],
        ))
    },
    read: Some(read),
};

/// The options of a request, or its URL alone.
fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    if matches!(
        written.argument.value,
        Yaml::Number(_) | Yaml::Bool(_) | Yaml::List(_)
    ) {
        parser.problem(written.argument.at, "http takes a URL, or a map");
    }
    let argument = written.argument;
    let Yaml::Map(options) = &argument.value else {
        let url = parser.data(argument);
        let url = parser.required(argument, "url", Some(url))?;
        return Some(Box::new(Http(Data::Map(vec![(literal("url"), url)]))));
    };
    for (key, node) in options {
        if !OPTIONS.contains(&key.text.as_str()) {
            parser.unknown_key(key, "http", &OPTIONS);
        } else if key.text == "timeout" {
            parser.duration(node);
        }
    }
    let mut bodies = options
        .iter()
        .filter(|(key, _)| BODIES.contains(&key.text.as_str()));
    if let Some((key, _)) = bodies.nth(1) {
        parser.problem(key.at, "a request has one of `body`, `json` and `form`");
    }
    if !options.iter().any(|(key, _)| key.text == "url") {
        parser.problem(argument.at, "this op needs a `url`");
        return None;
    }
    Some(Box::new(Http(parser.data(argument))))
}

#[derive(Debug)]
struct Http(Data);

impl Action for Http {
    /// A request; gives the answer. An answer that is no success fails the op unless it is assigned.
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let request = runner.value(&self.0, scope)?;
        let send = runner.js(data::library(
            runner.ctx(),
            runner.run(),
            "cla/http",
            "request",
        ))?;
        let answer = runner.js(send.call::<_, Object<'js>>((request,)))?;
        let ok: bool = runner.js(answer.get("ok"))?;
        if op.register.is_none() && !ok {
            let status: u16 = runner.js(answer.get("status"))?;
            let url: String = runner.js(answer.get("url"))?;
            let message = format!("{url} answered {status}; assign the answer to look at it");
            return Err(runner.throw(&message));
        }
        Ok(answer.into_value())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.0);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.0))
    }
}
