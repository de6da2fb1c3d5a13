//! `echo`, `print` and `log`: a line of output.

use cla_runtime::js::Value;
use cla_runtime::output::OutputStream;
use serde_json::json;

use crate::data::library;
use crate::schema::parts::{OpSchema, TEMPLATE, any, described, map};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::Yaml;

pub(super) static ECHO: Description = Description {
    name: "echo",
    about: "Prints a line.",
    example: "- echo: deploying ${app} to ${env}",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

pub(super) static PRINT: Description = Description {
    name: "print",
    about: "Prints a line: as `echo`.",
    example: "- print: hello",
    companions: &[],
    schema: || OpSchema::new(any()),
    read: Some(read),
};

pub(super) static LOG: Description = Description {
    name: "log",
    about: "Prints a line to standard error. A map with `msg` is a record: with the time, a `level`, and `data`.",
    example: "- log: 3 hosts left\n- log: {msg: no space is left, level: error, data: {host: web1}}",
    companions: &[],
    schema: || {
        OpSchema::new(json!({
            "if": {"type": "object", "required": ["msg"]},
            "then": map(
                json!({
                    "msg": described("The line.", any()),
                    "level": {
                        "description": "How grave it is.",
                        "anyOf": [{"enum": LEVELS}, {"type": "string", "pattern": TEMPLATE}],
                        "default": "info",
                    },
                    "data": described("A value that is written below.", any()),
                }),
                &["msg"],
            ),
        }))
    },
    read: Some(read_log),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stdout, line)))
}

/// How grave a record can be.
const LEVELS: [&str; 5] = ["debug", "info", "warn", "warning", "error"];

fn read_log(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    if let Yaml::Map(entries) = &written.argument.value
        && entries.iter().any(|(key, _)| key.text == "msg")
    {
        let [msg, level, data] = parser.parts(written.argument, "msg", ["msg", "level", "data"]);
        let known = match &level {
            Some(Data::Text(template)) => template.literal(),
            _ => None,
        };
        let is_known = match (&level, known) {
            (None | Some(Data::Text(_)), None) => true,
            (_, Some(name)) => LEVELS.contains(&name),
            _ => false,
        };
        if !is_known {
            let message = format!("the level is one of {}", LEVELS.join(", "));
            parser.problem(written.argument.at, message);
        }
        let msg = msg.unwrap_or(Data::Null);
        return Some(Box::new(Record { msg, level, data }));
    }
    let line = parser.data(written.argument);
    Some(Box::new(Print(OutputStream::Stderr, line)))
}

/// A line of the log, as `cla/log` writes it.
#[derive(Debug)]
struct Record {
    msg: Data,
    level: Option<Data>,
    data: Option<Data>,
}

impl Action for Record {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let level = match &self.level {
            Some(level) => runner.text(level, scope)?,
            None => "info".to_owned(),
        };
        if !LEVELS.contains(&level.as_str()) {
            let message = format!("the level is one of {}, not {level:?}", LEVELS.join(", "));
            return Err(runner.throw(&message));
        }
        let name = match level.as_str() {
            "warning" => "warn",
            level => level,
        };
        let message = runner.text(&self.msg, scope)?;
        let data = match &self.data {
            Some(data) => runner.value(data, scope)?,
            None => runner.undefined(),
        };
        let log = runner.js(library(runner.ctx(), runner.run(), "cla/log", name))?;
        runner.js(log.call::<_, ()>((message, data)))?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.msg), self.level.as_ref(), self.data.as_ref()]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.msg), self.level.as_ref(), None]))
    }
}

#[derive(Debug)]
struct Print(OutputStream, Data);

impl Action for Print {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let text = runner.text(&self.1, scope)?;
        runner.print(self.0, text)?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.data(&self.1);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.text(&self.1))
    }
}
