//! `foreach`: something for each item of a list, or entry of a map.

use cla_runtime::js::{Type, Value};
use serde_json::{Value as Json, json};

use super::turns::Body;
use crate::schema::parts::{OpSchema, VARIABLE, described, reference};
use crate::template::Code;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written, first_line,
};
use crate::yaml::{Node, Yaml};

pub(super) static FOREACH: Description = Description {
    name: "foreach",
    about: "Does something for each item of a list, `it`, or entry of a map, `it.key` and `it.value`. A text is \
            JavaScript that gives the list. With `parallel: N`, so many turns run beside each other, each as a fork; what \
            each gives is in a list, in the order of the items.",
    example: "- foreach: [web1, web2]\n  do:\n    - echo: ${it}\n- foreach: {var: host, in: hosts, parallel: 2, do: [echo: '${host}']}",
    companions: &["do"],
    schema: || {
        OpSchema::new(json!({
            "type": LISTS,
            "if": {"type": "object", "required": ["in"]},
            "then": {"properties": each(), "additionalProperties": false},
        }))
        .with(json!({
            "if": {"not": {"properties": {
                "foreach": {"type": "object", "required": ["in", "do"]},
            }}},
            "then": {"required": ["do"]},
        }))
        .assigned(json!({
            "type": "object",
            "required": ["in", "do"],
            "properties": each(),
            "additionalProperties": false,
        }))
    },
    read: Some(read),
};

/// What a list may be written as.
const LISTS: [&str; 4] = ["array", "object", "string", "null"];

/// What a `foreach` with `in` has.
fn each() -> Json {
    json!({
        "var": {
            "description": "The variable that holds the item.",
            "type": "string",
            "pattern": VARIABLE,
            "default": "it",
        },
        "in": {"description": "A list, a map, or JavaScript that gives one.", "type": LISTS},
        "do": described("What is done for each.", reference("block")),
        "parallel": {
            "description": "How many turns run beside each other.",
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
        },
    })
}

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let parts = match &written.argument.value {
        Yaml::Map(parts) if parts.iter().any(|(key, _)| key.text == "in") => Some(parts),
        _ => None,
    };
    let beside = (written.beside)("parallel").filter(|node| node.number().is_some());
    let Some(parts) = parts else {
        let Some(body) = (written.beside)("do") else {
            parser.problem(written.key.at, "a foreach has a `do`");
            return None;
        };
        let list = items(parser, written.argument);
        let body = Body::read(parser, "it".to_owned(), body, beside);
        return Some(Box::new(ForEach { list, body }));
    };
    let (mut variable, mut list, mut body) = ("it".to_owned(), None, None);
    let mut parallel = beside;
    for (key, node) in parts {
        match key.text.as_str() {
            "var" => match &node.value {
                Yaml::Text(name) => variable = parser.variable(name),
                _ => parser.problem(node.at, "var names a variable"),
            },
            "in" => list = Some(items(parser, node)),
            "do" => body = Some(node),
            "parallel" => parallel = Some(node),
            _ => parser.unknown_key(key, "a foreach", &["var", "in", "do", "parallel"]),
        }
    }
    let body = body.or_else(|| (written.beside)("do"));
    match (list, body) {
        (Some(list), Some(body)) => {
            let body = Body::read(parser, variable, body, parallel);
            Some(Box::new(ForEach { list, body }))
        }
        _ => {
            parser.problem(written.key.at, "a foreach has a `do`");
            None
        }
    }
}

/// A list, a map, or a text that says where one is.
fn items(parser: &mut dyn Parser, node: &Node) -> Items {
    match &node.value {
        Yaml::Text(text) => {
            let template = parser.template(text);
            if template.literal().is_some() {
                return Items::Code(parser.code(text));
            }
            if template.pieces.len() > 1 {
                let message = "this is a text with values in it, and no list".to_owned();
                let help = "the list is JavaScript, in which variables go by their names: hosts.concat(more)";
                parser.note_with_help(node.at, message, help.to_owned());
            }
            Items::Data(Data::Text(template))
        }
        Yaml::Number(_) | Yaml::Bool(_) => {
            refuse(parser, node);
            Items::Data(Data::Null)
        }
        _ => Items::Data(parser.data(node)),
    }
}

fn refuse(parser: &mut dyn Parser, node: &Node) {
    let message = format!(
        "a foreach goes through a list or a map, and not {}",
        node.value.kind()
    );
    parser.problem(node.at, message);
}

#[derive(Debug)]
struct ForEach {
    list: Items,
    body: Body,
}

/// What the loop goes through.
#[derive(Debug)]
enum Items {
    Code(Code),
    Data(Data),
}

impl Action for ForEach {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let list = match &self.list {
            Items::Code(code) => runner.code(code, scope)?,
            Items::Data(data) => runner.value(data, scope)?,
        };
        let Some(object) = list.as_object().filter(|_| !list.is_function()) else {
            if list.is_null() || list.is_undefined() {
                return Ok(runner.undefined());
            }
            let what = match list.type_of() {
                Type::String => "a text: a list is written [a, b]",
                Type::Int | Type::Float => "a number",
                Type::Bool => "true or false",
                _ => "neither",
            };
            let message = format!("a foreach goes through a list or a map, and this is {what}");
            return Err(runner.throw(&message));
        };
        if let Some(items) = list.as_array() {
            if self.body.is_parallel() {
                let items = items.iter::<Value<'js>>();
                let items = runner.js(items.collect::<cla_runtime::js::Result<Vec<_>>>())?;
                return self.body.run_beside(runner, op, scope, items);
            }
            // The list may change meanwhile.
            let mut index = 0;
            return self.body.run(runner, scope, || {
                if index >= items.len() {
                    return Ok(None);
                }
                index += 1;
                runner.js(items.get::<Value<'js>>(index - 1)).map(Some)
            });
        }
        let mut entries = object.props::<String, Value<'js>>();
        let mut next = || {
            let Some(entry) = entries.next() else {
                return Ok(None);
            };
            let (key, value) = runner.js(entry)?;
            let item = runner.js(runner.object())?;
            runner.js(item.set("key", key))?;
            runner.js(item.set("value", value))?;
            Ok(Some(item.into_value()))
        };
        if self.body.is_parallel() {
            let mut items = Vec::new();
            while let Some(item) = next()? {
                items.push(item);
            }
            return self.body.run_beside(runner, op, scope, items);
        }
        self.body.run(runner, scope, next)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.sets_variable(&self.body.variable);
        match &self.list {
            Items::Code(code) => walk.code(code),
            Items::Data(data) => walk.data(data),
        }
        self.body.check(walk);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let list = match &self.list {
            Items::Code(code) => first_line(&code.text),
            Items::Data(data) => planner.text(data),
        };
        let known = match &self.list {
            Items::Code(_) => None,
            Items::Data(data) => planner.known(data),
        };
        let items = match known {
            Some(Json::Array(items)) => Some(items),
            Some(Json::Object(map)) => Some(
                map.into_iter()
                    .map(|(key, value)| json!({"key": key, "value": value}))
                    .collect(),
            ),
            Some(Json::Null) => Some(Vec::new()),
            _ => None,
        };
        let what = format!("{} in {list}{}", self.body.variable, self.body.at_once());
        let blocks = planner.turns(&self.body.variable, items, &self.body.block);
        Planned::blocks(what, blocks)
    }
}
