//! `parse` and `parse_file`: what a text or a file holds, as a value.

use std::path::PathBuf;

use cla_runtime::js::{Object, Value};
use cla_stdlib::internal::contents;
use serde_json::json;

use crate::data::{self, Format};
use crate::schema::parts::{OpSchema, TEMPLATE, described, reference, short};
use crate::template::Template;
use crate::tree::{
    Action, Data, Description, Op, OpResult, Parser, Planned, Planner, Runner, Scope, Values, Walk,
    Written,
};
use crate::yaml::{Node, Yaml};

pub(super) static PARSE: Description = Description {
    name: "parse",
    about: "Gives the value that a text or a file holds: a text in YAML or JSON, unless `format` says otherwise; a file in \
            the format that its name ends in.",
    example: "- config = parse: '{\"port\": 80}'\n- same = parse: {text: 'port: 80', format: yaml}\n- hosts = parse: {file: hosts.csv}",
    companions: &[],
    schema: || {
        schema(&[
            ("text", "The text."),
            ("body", "The text."),
            ("file", "The file."),
        ])
    },
    read: Some(read_text),
};

pub(super) static PARSE_FILE: Description = Description {
    name: "parse_file",
    about: "Gives the value that a file holds, in the format that its name ends in, unless `format` says otherwise.",
    example: "- hosts = parse_file: hosts.ini\n- rows = parse_file: {file: list.txt, format: csv, options: {separator: ';'}}",
    companions: &[],
    schema: || schema(&[("file", "The file."), ("path", "The file.")]),
    read: Some(read_file),
};

/// The schema of an op that reads one of these.
fn schema(sources: &[(&str, &str)]) -> OpSchema {
    let mut parts = json!({
        "format": described("What it is written in.", reference("format")),
        "type": described("What it is written in: as `format`.", reference("format")),
        "options": {
            "description": "For csv `header` and `separator`; for xml `root`, `lists`, `attributes`, `nodes`.",
            "type": ["object", "string", "null"],
            "pattern": TEMPLATE,
        },
        "returning": described("The variable that gets the value.", json!({"type": "string"})),
    });
    for (name, about) in sources {
        parts[*name] = described(about, reference("text"));
    }
    let mut schema = short(&["string", "number", "boolean"], parts, &[]);
    let one = sources.iter().map(|(name, _)| json!({"required": [name]}));
    schema["if"] = json!({"type": "object"});
    schema["then"] = json!({"oneOf": one.collect::<Vec<_>>()});
    OpSchema::new(schema)
}

fn read_text(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let names = [
        "text",
        "file",
        "body",
        "format",
        "type",
        "options",
        "returning",
    ];
    let [text, file, body, format, kind, options, _] = parser.parts(argument, "text", names);
    let text = parser.either(argument, [("text", text), ("body", body)]);
    let source = match (text, file) {
        (Some(_), Some(_)) => {
            parser.problem(argument.at, "parse has a `text` or a `file`, not both");
            return None;
        }
        (None, Some(file)) => Source::File(parser.required(argument, "file", Some(file))?),
        (text, None) => Source::Text(parser.required(argument, "text", text)?),
    };
    parse(parser, argument, source, [format, kind, options])
}

fn read_file(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    let names = ["file", "path", "format", "type", "options", "returning"];
    let [file, path, format, kind, options, _] = parser.parts(argument, "file", names);
    let file = parser.either(argument, [("file", file), ("path", path)]);
    let source = Source::File(parser.required(argument, "file", file)?);
    parse(parser, argument, source, [format, kind, options])
}

fn parse(
    parser: &mut dyn Parser,
    argument: &Node,
    source: Source,
    [format, kind, options]: [Option<Data>; 3],
) -> Option<Box<dyn Action>> {
    let format = parser.either(argument, [("format", format), ("type", kind)]);
    parser.known_format(argument, format.as_ref());
    let options = options.filter(|options| !matches!(options, Data::Null));
    let op = Parse {
        source,
        format,
        options,
        returning: parser.returning(argument),
    };
    op.check_options(parser, argument);
    Some(Box::new(op))
}

/// Where the text comes from.
#[derive(Debug)]
enum Source {
    Text(Data),
    File(Data),
}

impl Source {
    fn data(&self) -> &Data {
        match self {
            Self::Text(data) | Self::File(data) => data,
        }
    }
}

#[derive(Debug)]
struct Parse {
    source: Source,
    format: Option<Data>,
    options: Option<Data>,
    /// The variable that gets the value.
    returning: Option<Template>,
}

impl Parse {
    /// The format, where nothing says it.
    fn default_format(&self, source: &str) -> Format {
        match self.source {
            // All JSON is YAML.
            Source::Text(_) => Format::Yaml,
            Source::File(_) => Format::by_extension(source),
        }
    }

    /// Notes options that the format does not have, as far as it is known.
    fn check_options(&self, parser: &mut dyn Parser, argument: &Node) {
        let Yaml::Map(parts) = &argument.value else {
            return;
        };
        let Some((_, node)) = parts.iter().find(|(key, _)| key.text == "options") else {
            return;
        };
        let literal = |data: &Data| match data {
            Data::Text(template) => template.literal().map(str::to_owned),
            _ => None,
        };
        let format = match &self.format {
            Some(format) => literal(format).and_then(|name| Format::named(&name)),
            None => literal(self.source.data()).map(|source| self.default_format(&source)),
        };
        match (&node.value, format) {
            (Yaml::Map(options), Some(format)) => {
                for (key, _) in options {
                    if !format.options().contains(&key.text.as_str()) {
                        match format.options() {
                            [] => parser.problem(key.at, "this format has no options"),
                            known => parser.unknown_key(key, "this format", known),
                        }
                    }
                }
            }
            (Yaml::Map(_) | Yaml::Null, _) => {}
            (Yaml::Text(_), _) if self.options.as_ref().is_some_and(has_holes) => {}
            _ => parser.problem(node.at, "options is a map of names and values"),
        }
    }

    /// The options for a format.
    fn options<'js>(
        &self,
        runner: &dyn Runner<'js>,
        format: Format,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Option<Object<'js>>> {
        let Some(options) = &self.options else {
            return Ok(None);
        };
        let value = runner.value(options, scope)?;
        let Some(options) = value.into_object().filter(|options| !options.is_array()) else {
            return Err(runner.throw("options is a map of names and values"));
        };
        for name in options.keys::<String>() {
            let name = runner.js(name)?;
            if !format.options().contains(&name.as_str()) {
                let message = match format.options() {
                    [] => "this format has no options".to_owned(),
                    known => format!(
                        "this format has no option {name:?}, but {}",
                        known.join(", ")
                    ),
                };
                return Err(runner.throw(&message));
            }
        }
        Ok(Some(options))
    }
}

fn has_holes(data: &Data) -> bool {
    matches!(data, Data::Text(template) if template.literal().is_none())
}

impl Action for Parse {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        _: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        let source = runner.text(self.source.data(), scope)?;
        let format = runner.format(self.format.as_ref(), self.default_format(&source), scope)?;
        let options = self.options(runner, format, scope)?;
        let (run, ctx) = (runner.run(), runner.ctx());
        let value = match self.source {
            Source::Text(_) => {
                runner.js(data::read(ctx, run, &source, format, options, "the text"))?
            }
            Source::File(_) => {
                // With the text as a string, and what that says.
                let most = run.memory_left() / 3;
                let text = runner.wait(contents::read_text(
                    run.permissions().clone(),
                    PathBuf::from(source.as_str()),
                    most,
                ))?;
                let text = runner
                    .js(run.permitted_file(ctx, text))?
                    .map_err(|error| runner.throw(&format!("{source}: {error}")))?;
                let _reservation = run.count_memory(text.len());
                runner.js(data::read(ctx, run, &text, format, options, &source))?
            }
        };
        if let Some(variable) = &self.returning {
            let variable = runner.text(&Data::Text(variable.clone()), scope)?;
            runner.assign(&variable, value.clone(), scope)?;
        }
        Ok(value)
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        walk.parts([
            Some(self.source.data()),
            self.format.as_ref(),
            self.options.as_ref(),
        ]);
        if let Some(variable) = &self.returning {
            walk.sets(variable);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        let parts = [Some(self.source.data()), self.format.as_ref(), None];
        Planned::what(planner.parts(parts))
    }
}
