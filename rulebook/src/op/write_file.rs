//! `write_file`: a text, or a value in some format, into a file.

use std::path::PathBuf;

use cla_runtime::js::Value;
use cla_stdlib::internal::{contents, file_problem};
use serde_json::json;

use crate::data::{self, Format};
use crate::schema::parts::{OpSchema, any, described, map, reference};
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};

pub(super) static WRITE_FILE: Description = Description {
    name: "write_file",
    about: "Writes `data` or a `text` to a file. It is made if need be, with the folders above it.",
    example: "- write_file: {path: config.json, data: {port: 80}}\n- write_file: {path: log.txt, text: \"done\\n\", append: true}",
    companions: &[],
    schema: || {
        let mut schema = map(
            json!({
                "path": described("The file.", reference("text")),
                "file": described("The file: as `path`.", reference("text")),
                "text": described("What is written, as it is.", any()),
                "body": described("What is written, as it is: as `text`.", any()),
                "data": described("A value, which is written in the `format`.", any()),
                "format": described(
                    "What data is written in. Without it, the file's name decides.",
                    reference("format"),
                ),
                "append": {
                    "description": "Whether what is in the file stays there.",
                    "type": "boolean",
                    "default": false,
                },
            }),
            &[],
        );
        schema["allOf"] = json!([
            {"oneOf": [{"required": ["path"]}, {"required": ["file"]}]},
            {"oneOf": [{"required": ["text"]}, {"required": ["body"]}, {"required": ["data"]}]},
        ]);
        OpSchema::new(schema)
    },
    read: Some(read),
};

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let names = ["path", "file", "text", "body", "data", "format", "append"];
    let [path, file, text, body, data, format, append] = parser.parts(argument, "path", names);
    let path = parser.either(argument, [("path", path), ("file", file)]);
    let text = parser.either(argument, [("text", text), ("body", body)]);
    parser.known_format(argument, format.as_ref());
    if text.is_some() == data.is_some() {
        parser.problem(argument.at, "write_file has a `text`, or `data`");
        return None;
    }
    Some(Box::new(WriteFile {
        path: parser.required(argument, "path", path)?,
        value: text.or(data).unwrap_or(Data::Null),
        format,
        append: match append {
            None | Some(Data::Bool(false)) => false,
            Some(Data::Bool(true)) => true,
            Some(_) => {
                parser.problem(argument.at, "append is true or false");
                false
            }
        },
    }))
}

#[derive(Debug)]
struct WriteFile {
    path: Data,
    value: Data,
    format: Option<Data>,
    append: bool,
}

impl Action for WriteFile {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let path = runner.text(&self.path, scope)?;
        let value = runner.value(&self.value, scope)?;
        let format = runner.format(self.format.as_ref(), Format::of(&path), scope)?;
        // A text is written as it is; the file's name does not matter.
        let format = match value.is_string() {
            true => Format::Text,
            false => format,
        };
        let text = runner.js(data::write(runner.ctx(), runner.run(), value, format))?;
        let _reservation = runner.run().count_memory(text.len());
        let written = runner.wait(contents::write_text_with_folders(
            runner.run().permissions().clone(),
            PathBuf::from(path.as_str()),
            text,
            contents::Writing::new(self.append),
        ))?;
        runner
            .js(runner.run().permitted_file(runner.ctx(), written))?
            .map_err(|error| runner.throw(&format!("{path}: {}", file_problem(&error, true))))?;
        Ok(runner.undefined())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([Some(&self.path), Some(&self.value), self.format.as_ref()]);
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(planner.parts([Some(&self.path), Some(&self.value), None]))
    }
}
