//! `matrix`: something for each combination of values.

use cla_runtime::js::{Object, Value};
use serde_json::{Value as Json, json};

use super::turns::Body;
use crate::schema::parts::{OpSchema, TEMPLATE, described, reference};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static MATRIX: Description = Description {
    name: "matrix",
    about: "Does something for each combination of the values of several lists: `it` has one of each. `parallel: N` lets so \
            many turns run beside each other.",
    example: "- matrix: {os: [linux, mac], node: [20, 22]}\n  parallel: 2\n  do:\n    - echo: ${it.os} with node ${it.node}",
    companions: &["do"],
    schema: || {
        OpSchema::new(described(
            "Names, and for each a list of values.",
            json!({
                "type": ["object", "string"],
                "pattern": TEMPLATE,
                "minProperties": 1,
                "additionalProperties": {"type": ["array", "string"], "pattern": TEMPLATE},
            }),
        ))
        .with(json!({"required": ["do"], "properties": {"do": reference("block")}}))
    },
    read: Some(read),
};

/// The most combinations of one matrix.
const MOST: usize = 10_000;

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let Some(body) = (written.beside)("do") else {
        parser.problem(written.key.at, "a matrix has a `do`");
        return None;
    };
    let lists = parser.data(written.argument);
    let is_fitting = match &lists {
        Data::Map(entries) => {
            !entries.is_empty()
                && entries
                    .iter()
                    .all(|(_, list)| matches!(list, Data::List(_)) || is_open(list))
        }
        other => is_open(other),
    };
    if !is_fitting {
        let message = "a matrix is a map of names and lists: {os: [linux, mac], node: [20, 22]}";
        parser.problem(written.argument.at, message);
    }
    let parallel = (written.beside)("parallel").filter(|node| node.number().is_some());
    Some(Box::new(Matrix {
        lists,
        body: Body::read(parser, "it".to_owned(), body, parallel),
    }))
}

/// Whether a template makes it.
fn is_open(data: &Data) -> bool {
    matches!(data, Data::Text(template) if template.literal().is_none())
}

#[derive(Debug)]
struct Matrix {
    lists: Data,
    body: Body,
}

impl Matrix {
    /// One object for each combination; the last list turns fastest.
    fn combinations<'js>(
        &self,
        runner: &dyn Runner<'js>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Vec<Value<'js>>> {
        let lists = runner.value(&self.lists, scope)?;
        let Some(lists) = lists.as_object().filter(|lists| !lists.is_array()) else {
            return Err(runner.throw("a matrix is a map of names and lists"));
        };
        let mut all: Vec<Vec<(String, Value<'js>)>> = vec![Vec::new()];
        for entry in lists.props::<String, Value<'js>>() {
            let (name, list) = runner.js(entry)?;
            let Some(list) = list.as_array() else {
                let message = format!("the matrix wants a list of values for {name}");
                return Err(runner.throw(&message));
            };
            if all.len() * list.len() > MOST {
                let message = format!("a matrix has at most {MOST} combinations");
                return Err(runner.throw(&message));
            }
            let mut longer = Vec::new();
            for combination in &all {
                for value in list.iter::<Value<'js>>() {
                    let mut combination = combination.clone();
                    combination.push((name.clone(), runner.js(value)?));
                    longer.push(combination);
                }
                runner.checkpoint()?;
            }
            all = longer;
        }
        let made = all.into_iter().map(|combination| {
            let object: Object<'js> = runner.object()?;
            for (name, value) in combination {
                object.set(name, value)?;
            }
            Ok(object.into_value())
        });
        runner.js(made.collect())
    }
}

/// The combinations of lists that are known before a run.
fn known_combinations(lists: Json) -> Option<Vec<Json>> {
    let Json::Object(lists) = lists else {
        return None;
    };
    let mut all = vec![serde_json::Map::new()];
    for (name, list) in lists {
        let Json::Array(list) = list else {
            return None;
        };
        if all.len() * list.len() > MOST {
            return None;
        }
        let longer = all.iter().flat_map(|combination| {
            list.iter().map(|value| {
                let mut combination = combination.clone();
                combination.insert(name.clone(), value.clone());
                combination
            })
        });
        all = longer.collect();
    }
    Some(all.into_iter().map(Json::Object).collect())
}

impl Action for Matrix {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let items = self.combinations(runner, scope)?;
        self.body.run_beside(runner, op, scope, items)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.sets_variable(&self.body.variable);
        walk.data(&self.lists);
        self.body.check(walk);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let items = planner.known(&self.lists).and_then(known_combinations);
        let what = format!("{}{}", planner.text(&self.lists), self.body.at_once());
        let blocks = planner.turns(&self.body.variable, items, &self.body.block);
        Planned::blocks(what, blocks)
    }
}
