//! `if`, with `elsif` and `else`: beside it, or as the ops that follow.

use cla_runtime::js::Value;
use serde_json::json;

use crate::schema::parts::{OpSchema, any, reference};
use crate::tree::{
    Action, Block, Condition, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope,
    Values, Walk, Written,
};
use crate::yaml::Yaml;

pub(super) static IF: Description = Description {
    name: "if",
    about: "Does what stands in `then` if the condition holds: JavaScript, or a value.",
    example: "- if: branch === \"main\"\n  then:\n    - echo: building\n  elsif:\n    - {if: draft, then: [echo: it is a draft]}\n  else:\n    - echo: nothing to do",
    companions: &["then", "elsif", "else"],
    schema: || OpSchema::new(any()).with(json!({"required": ["then"]})),
    read: Some(read),
};

pub(super) static ELSIF: Description = Description {
    name: "elsif",
    about: "Another condition: beside an `if` with its own `then`, or as the op that follows.",
    example: "- if: n > 1\n  then: [echo: many]\n- elsif: n === 1\n  then: [echo: one]",
    companions: &["then"],
    schema: || {
        OpSchema::new(any()).with(json!({
            "if": {"required": ["if"]},
            "then": {"properties": {"elsif": {
                "type": ["array", "object"],
                "items": {"type": "object", "allOf": [reference("branch")]},
                "allOf": [reference("branch")],
            }}},
            "else": {"required": ["then"], "propertyNames": {"enum": ["elsif", "then"]}},
        }))
    },
    read: None,
};

pub(super) static ELSE: Description = Description {
    name: "else",
    about: "What is done if no condition held: beside an `if`, or as the op that follows.",
    example: "- if: n > 1\n  then: [echo: many]\n  else: [echo: one]",
    companions: &[],
    schema: || {
        OpSchema::new(reference("block"))
            .with(json!({"if": {"not": {"required": ["if"]}}, "then": {"maxProperties": 1}}))
    },
    read: None,
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let (key, argument) = (written.key, written.argument);
    let Some(then) = (written.beside)("then") else {
        let help = match (written.beside)("do") {
            Some(_) => "write `then` in place of `do`",
            None => "what is done stands below `then:`, beside the `if`",
        };
        parser.note_with_help(key.at, "an if has a `then`".to_owned(), help.to_owned());
        return None;
    };
    let mut branches = vec![(parser.condition(argument), parser.block(then))];
    if let Some(node) = (written.beside)("elsif") {
        let items = match &node.value {
            Yaml::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for item in items {
            let Yaml::Map(parts) = &item.value else {
                parser.problem(item.at, "an elsif is {if: condition, then: ops}");
                continue;
            };
            for (key, _) in parts {
                if !["if", "then"].contains(&key.text.as_str()) {
                    parser.unknown_key(key, "an elsif", &["if", "then"]);
                }
            }
            let part = |name: &str| parts.iter().find(|(key, _)| key.text == name);
            match (part("if"), part("then")) {
                (Some((_, condition)), Some((_, then))) => {
                    let branch = (parser.condition(condition), parser.block(then));
                    branches.push(branch);
                }
                _ => parser.problem(item.at, "an elsif is {if: condition, then: ops}"),
            }
        }
    }
    let otherwise = (written.beside)("else").map(|node| parser.block(node));
    Some(Box::new(If {
        branches,
        otherwise,
    }))
}

/// Conditions, and what is done for the first that holds.
#[derive(Debug)]
struct If {
    branches: Vec<(Condition, Block)>,
    otherwise: Option<Block>,
}

impl Action for If {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        for (condition, block) in &self.branches {
            if runner.holds(condition, scope)? {
                return runner.ops(block, scope);
            }
        }
        match &self.otherwise {
            Some(block) => runner.ops(block, scope),
            None => Ok(runner.undefined()),
        }
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        for (condition, block) in &self.branches {
            walk.condition(condition);
            walk.block(block);
        }
        if let Some(block) = &self.otherwise {
            walk.block(block);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let mut planned = Planned::default();
        for (condition, block) in &self.branches {
            let condition = planner.condition(condition);
            let label = match planned.what {
                None => "then".to_owned(),
                Some(_) => format!("elsif {condition}"),
            };
            planned.what.get_or_insert(condition);
            planned.add(Some(&label), planner.block(block));
        }
        if let Some(block) = &self.otherwise {
            planned.add(Some("else"), planner.block(block));
        }
        planned
    }

    fn add_branch(&mut self, condition: Option<Condition>, body: Block) -> bool {
        if self.otherwise.is_some() {
            return false;
        }
        match condition {
            Some(condition) => self.branches.push((condition, body)),
            None => self.otherwise = Some(body),
        }
        true
    }
}
