//! `http`: a request to a web server.

use cla_runtime::js::{Object, Value};
use cla_stdlib::internal::http::{AUTH, BODIES, METHODS, MOST_REDIRECTS, OPTIONS, READ_AS};
use serde_json::{Map, json};

use crate::data;
use crate::schema::parts::{OpSchema, TEMPLATE, any, described, reference, short};
use crate::template::Template;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written, literal,
};
use crate::yaml::{Node, Yaml};

pub(super) static HTTP: Description = Description {
    name: "http",
    about: "Asks a web server, and gives its answer: status, ok, headers, body, data (if that is JSON). One that is no success \
             fails the op, unless the result is assigned.",
    example: "- page = http: https://example.com/\n- http: {url: 'https://example.com/api', method: POST, json: {n: 1}}",
    companions: &[],
    schema: || {
        let auth = AUTH.map(|part| (part.to_owned(), json!({"type": "string"})));
        let auth = Map::from_iter(auth);
        let entries = |about: &str| {
            json!({
                "description": about,
                "type": ["object", "string"],
                "pattern": TEMPLATE,
                "additionalProperties": {
                    "type": ["string", "number", "boolean", "array"],
                    "items": {"type": ["string", "number", "boolean"]},
                },
            })
        };
        OpSchema::new(short(
            &["string"],
            json!({
                "url": described("The address.", json!({"type": "string"})),
                "method": {
                    "description": "What the server is asked to do.",
                    "default": "GET",
                    "anyOf": [
                        {"enum": METHODS},
                        {"type": "string", "pattern": format!("^[A-Za-z0-9-]+$|{TEMPLATE}")},
                    ],
                },
                "headers": entries("Headers and their values."),
                "query": entries("What is added to the address after the `?`."),
                "body": described("What is sent: a text as it is, anything else as JSON.", any()),
                "json": described("A value that is sent as JSON.", any()),
                "form": entries("Fields that are sent as those of a form."),
                "timeout": described("How long the answer may take.", reference("limit")),
                "redirects": {
                    "description": "How many redirections are followed.",
                    "type": ["integer", "string"],
                    "minimum": 0,
                    "maximum": MOST_REDIRECTS,
                    "pattern": TEMPLATE,
                },
                "auth": {
                    "description": "Who asks: a `user` with a `password`, or a `bearer` token.",
                    "type": ["object", "string"],
                    "properties": auth,
                    "additionalProperties": false,
                    "pattern": TEMPLATE,
                    "if": {"type": "object"},
                    "then": {"oneOf": [{"required": ["user"]}, {"required": ["bearer"]}]},
                },
                "maxBody": {
                    "description": "The most bytes of an answer that are taken.",
                    "type": ["integer", "string"],
                    "minimum": 0,
                    "pattern": TEMPLATE,
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
        known_url(parser, argument, &url);
        return Some(Box::new(Http(Data::Map(vec![(literal("url"), url)]))));
    };
    for (key, node) in options {
        if !OPTIONS.contains(&key.text.as_str()) {
            parser.unknown_key(key, "http", &OPTIONS);
        } else {
            known_option(parser, &key.text, node);
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

/// Notes what no run accepts of an option.
fn known_option(parser: &mut dyn Parser, name: &str, node: &Node) {
    if name == "timeout" {
        parser.limit(node);
        return;
    }
    let value = parser.data(node);
    let text = match &value {
        Data::Text(template) => match template.literal() {
            Some(text) => Some(text),
            // What a template makes of it, only a run knows.
            None => return,
        },
        _ => None,
    };
    let number = node.number().filter(|number| number.fract() == 0.0);
    let is_plain = |data: &Data| matches!(data, Data::Text(_) | Data::Number(_) | Data::Bool(_));
    let is_value = |data: &Data| match data {
        Data::List(items) => items.iter().all(is_plain),
        other => is_plain(other),
    };
    let problem = match name {
        "url" => {
            parser.required(node, "url", Some(value.clone()));
            return known_url(parser, node, &value);
        }
        "method" => {
            let is_method = |text: &str| {
                !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            };
            (!text.is_some_and(is_method)).then_some("a method such as GET or POST")
        }
        "headers" | "query" | "form" => {
            let fits = matches!(&value, Data::Map(entries) if entries.iter().all(|(_, value)| is_value(value)));
            (!fits).then_some("a map of names and values")
        }
        "redirects" => {
            let most = MOST_REDIRECTS as f64;
            let fits = number.is_some_and(|number| (0.0..=most).contains(&number));
            (!fits).then_some("a whole number from 0 to 20")
        }
        "maxBody" => {
            (!number.is_some_and(|number| number >= 0.0)).then_some("a whole number of bytes")
        }
        "auth" => {
            let is_known = |(name, _): &(_, _)| {
                let name: &Template = name;
                name.literal().is_none_or(|name| AUTH.contains(&name))
            };
            let has = |entries: &[(Template, Data)], wanted: &str| {
                entries
                    .iter()
                    .any(|(name, _)| name.literal() == Some(wanted))
            };
            let fits = matches!(&value, Data::Map(entries) if entries.iter().all(is_known)
                && has(entries, "user") != has(entries, "bearer"));
            (!fits).then_some("a map with `user` and `password`, or with `bearer`")
        }
        "as" => {
            let fits = text.is_some_and(|text| READ_AS.contains(&text));
            (!fits).then_some("auto, text, json or bytes")
        }
        _ => None,
    };
    if let Some(what) = problem {
        parser.problem(node.at, format!("`{name}` must be {what}"));
    }
}

/// Notes that a text is no URL with its host.
fn known_url(parser: &mut dyn Parser, node: &Node, url: &Data) {
    if let Data::Number(_) | Data::Bool(_) = url {
        parser.problem(node.at, "the url must be a text");
    }
    let Data::Text(template) = url else { return };
    // What a template makes of the rest, only a run knows.
    let Some(text) = template.literal() else {
        return;
    };
    let scheme = text.trim_start().split_once("://");
    let is_web = scheme.is_some_and(|(scheme, host)| {
        ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) && !host.is_empty()
    });
    if !is_web && !text.trim().is_empty() {
        let message = format!("the url must be an http or https URL with its host, not {text:?}");
        parser.problem(node.at, message);
    }
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
