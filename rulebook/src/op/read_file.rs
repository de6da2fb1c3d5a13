//! `read_file`: what a file holds.

use std::path::PathBuf;

use cla_runtime::js::Value;
use cla_stdlib::internal::{contents, file_problem};
use serde_json::json;

use crate::data::{self, Format};
use crate::schema::parts::{OpSchema, described, reference, short};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static READ_FILE: Description = Description {
    name: "read_file",
    about: "Gives what a file holds: a value if its name ends in .json, .yml or .yaml, or else a text.",
    example: "- config = read_file: config.yml\n- text = read_file: {path: config.yml, format: text}",
    companions: &[],
    schema: || {
        OpSchema::new(short(
            &["string", "number", "boolean"],
            json!({
                "path": described("The file.", reference("text")),
                "format": described(
                    "What it is written in. Without it, the file's name decides.",
                    reference("format"),
                ),
            }),
            &["path"],
        ))
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let [path, format] = parser.parts(written.argument, "path", ["path", "format"]);
    parser.known_format(written.argument, format.as_ref());
    Some(Box::new(ReadFile {
        path: parser.required(written.argument, "path", path)?,
        format,
    }))
}

#[derive(Debug)]
struct ReadFile {
    path: Data,
    format: Option<Data>,
}

impl Action for ReadFile {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let path = runner.text(&self.path, scope)?;
        let format = runner.format(self.format.as_ref(), Format::of(&path), scope)?;
        // As far as the run's memory allows: with the text as a string, and what that says.
        let most = runner.run().memory_left() / 3;
        let text = runner.wait(contents::read_text(
            runner.run().permissions().clone(),
            PathBuf::from(path.as_str()),
            most,
        ))?;
        let text = runner
            .js(runner.run().permitted_file(runner.ctx(), text))?
            .map_err(|error| runner.throw(&format!("{path}: {}", file_problem(&error, false))))?;
        let _reservation = runner.run().count_memory(text.len());
        runner.js(data::read(
            runner.ctx(),
            runner.run(),
            &text,
            format,
            None,
            &path,
        ))
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.path), self.format.as_ref(), None]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.path), self.format.as_ref(), None]))
    }
}
