//! `parse`: a text as a value.

use cla_runtime::js::Value;
use serde_json::json;

use crate::data::{self, Format};
use crate::schema::parts::{OpSchema, described, reference, short};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static PARSE: Description = Description {
    name: "parse",
    about: "Gives the value that a text holds, in YAML or JSON unless `format` says otherwise.",
    example: "- config = parse: '{\"port\": 80}'\n- same = parse: {text: 'port: 80', format: yaml}",
    companions: &[],
    schema: || {
        OpSchema::new(short(
            &["string", "number", "boolean"],
            json!({
                "text": described("The text.", reference("text")),
                "format": described("What it is written in.", reference("format")),
            }),
            &["text"],
        ))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let [text, format] = parser.parts(written.argument, "text", ["text", "format"]);
    parser.known_format(written.argument, format.as_ref());
    Some(Box::new(Parse {
        text: parser.required(written.argument, "text", text)?,
        format,
    }))
}

#[derive(Debug)]
struct Parse {
    text: Data,
    format: Option<Data>,
}

impl Action for Parse {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let text = runner.text(&self.text, scope)?;
        // All JSON is YAML.
        let format = runner.format(self.format.as_ref(), Format::Yaml, scope)?;
        runner.js(data::read(
            runner.ctx(),
            runner.run(),
            &text,
            format,
            "the text",
        ))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.text), self.format.as_ref(), None]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.text), self.format.as_ref(), None]))
    }
}
