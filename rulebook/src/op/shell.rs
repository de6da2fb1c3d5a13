//! `shell`: commands of the shell, or a program.
//!
//! A value in a command is data, whatever stands in it: it is quoted for the place where it stands. Where no quoting would
//! keep it from being run, the rulebook is refused before anything runs. See [`Words`].

mod planned;

use std::collections::VecDeque;
use std::path::PathBuf;

use cla_runtime::internal::Failure;
use cla_runtime::js::{Array, Exception, Value};
use cla_runtime::output::OutputStream;
use cla_stdlib::internal::command::{
    self, Command, Ended, Plan, Refusal, SHELL as SH, Stage, Words,
};
use serde_json::json;

use crate::filter::words;
use crate::schema::parts::{OpSchema, TEMPLATE, described, map, reference};
use crate::shown::shown;
use crate::template::{Hole, Piece};
use crate::tree::{
    Abort, Action, Data, Description, OnError, Op, OpResult, Parser, Planned, Planner, Runner,
    Scope, Values, Walk, Written,
};
use crate::yaml::{Node, Place, Text, Yaml};

/// How many values of a list a command may have: systems take commands of some 128 KiB, and a word has a character and a space.
const MOST_WORDS: usize = 65_536;

pub(super) static SHELL: Description = Description {
    name: "shell",
    about: "Runs a command of the shell, or several, one after the other; or with `run` a program without a shell. A value \
            in a command is one word, or part of one, whatever it contains. A command that fails makes the op fail, unless \
            its result is assigned: that has `rc`, `output` and `error`.",
    example: "- shell: make all\n- found = shell: grep banana fruits.txt\n- echo: ${found.rc}\n- shell: {run: [tar, czf, '${file}', src], cwd: /srv, timeout: 5m}",
    companions: &[],
    schema: || {
        let mut schema = map(
            json!({
                "cmd": described("A command of the shell, or several.", json!({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1})),
                "run": described("A program and its arguments, without a shell.", json!({"type": ["string", "array"], "minItems": 1})),
                "args": described("What the command finds as $1, $2, ...; behind `run`, more arguments.", json!({"type": ["string", "array"]})),
                "env": described("Variables that it sees; what is null is taken away.", json!({"type": ["object", "string", "null"], "pattern": TEMPLATE})),
                "cwd": described("The folder in which it runs.", json!({"type": "string"})),
                "stdin": {"description": "What it reads."},
                "shell": {
                    "description": "The shell that runs the command.",
                    "enum": SHELLS,
                    "default": SH,
                },
                "pipe_out": {
                    "description": "Whether what it writes is printed as well when the result is assigned.",
                    "type": "boolean",
                    "default": false,
                },
                "timeout": described("After this time it must end.", reference("limit")),
                "grace": described("How long it has to end then. Default: 5 seconds.", reference("duration")),
            }),
            &[],
        );
        schema["oneOf"] = json!([{"required": ["cmd"]}, {"required": ["run"]}]);
        OpSchema::new(json!({
            "type": ["string", "array", "object"],
            "items": {"type": "string"},
            "minItems": 1,
            "if": {"type": "object"},
            "then": schema,
        }))
    },
    read: Some(read),
};

const KEYS: [&str; 10] = [
    "cmd", "run", "args", "env", "cwd", "stdin", "shell", "pipe_out", "timeout", "grace",
];

/// The shells whose grammar [`Words`] knows.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh"];

/// How much of what a command writes is kept for the error of one that fails, in bytes.
const TAIL: usize = 64 << 10;

/// The most that is kept of what a command writes that is printed as well, in bytes.
const MOST_KEPT: usize = 16 << 20;

fn read(parser: &mut dyn Parser, written: &Written<'_, '_>) -> Option<Box<dyn Action>> {
    let argument = written.argument;
    match &argument.value {
        Yaml::Text(text) => Some(command(parser, text)),
        Yaml::List(_) => {
            let commands = commands(parser, argument);
            Some(Box::new(Shell {
                commands,
                ..Shell::default()
            }))
        }
        Yaml::Map(entries) => read_map(parser, argument, entries),
        other => {
            let message = format!("shell is a command, not {}", other.kind());
            parser.problem(argument.at, message);
            None
        }
    }
}

/// A command as an op of its own.
pub(super) fn command(parser: &mut dyn Parser, text: &Text) -> Box<dyn Action> {
    // A prompt may stand before it, as in `$ make`. A blank in its place keeps all that follows where it is.
    let command = match text.text.starts_with("$ ") {
        true => {
            let mut command = text.clone();
            command.text.replace_range(..1, " ");
            CommandText::read(parser, &command)
        }
        false => CommandText::read(parser, text),
    };
    Box::new(Shell {
        commands: vec![command],
        ..Shell::default()
    })
}

fn commands(parser: &mut dyn Parser, node: &Node) -> Vec<CommandText> {
    let items = match &node.value {
        Yaml::List(items) if !items.is_empty() => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut commands = Vec::new();
    for item in items {
        match &item.value {
            Yaml::Text(text) => commands.push(CommandText::read(parser, text)),
            other => {
                let message = format!("a command is a text, not {}", other.kind());
                let help = "a program with its arguments is {run: [program, argument, ...]}";
                parser.note_with_help(item.at, message, help.to_owned());
            }
        }
    }
    commands
}

fn read_map(
    parser: &mut dyn Parser,
    argument: &Node,
    entries: &[(Text, Node)],
) -> Option<Box<dyn Action>> {
    let mut shell = Shell::default();
    for (key, node) in entries {
        match key.text.as_str() {
            "cmd" => shell.commands = commands(parser, node),
            "run" => {
                let data = parser.data(node);
                let is_name = |data: &Data| match data {
                    Data::Text(template) => template.literal() != Some(""),
                    Data::List(_) | Data::Map(_) | Data::Null => false,
                    Data::Bool(_) | Data::Number(_) => true,
                };
                let is_fitting = match &data {
                    // A list within it may give the program, too.
                    Data::List(items) => items
                        .first()
                        .is_some_and(|first| matches!(first, Data::List(_)) || is_name(first)),
                    Data::Text(_) => is_name(&data),
                    _ => false,
                };
                if !is_fitting {
                    let message = "run is a program with its arguments: [program, argument, ...]";
                    parser.problem(node.at, message);
                }
                shell.program = Some(data);
            }
            "args" => {
                let data = parser.data(node);
                if !matches!(data, Data::List(_) | Data::Text(_)) {
                    parser.problem(node.at, "args is a list of texts");
                }
                shell.arguments = Some(data);
            }
            "env" => {
                let data = parser.data(node);
                let is_open = matches!(&data, Data::Text(text) if text.literal().is_none());
                if !is_open && !matches!(data, Data::Map(_) | Data::Null) {
                    parser.problem(node.at, "env is a map of names and values");
                }
                shell.environment = Some(data);
            }
            "cwd" => {
                let data = parser.data(node);
                if !matches!(data, Data::Text(_)) {
                    parser.problem(node.at, "cwd is a folder, a text");
                }
                shell.folder = Some(data);
            }
            "stdin" => shell.input = Some(parser.data(node)),
            "shell" => match &node.value {
                Yaml::Text(name) if SHELLS.contains(&name.text.as_str()) => {
                    shell.shell = Some(name.text.clone());
                }
                _ => {
                    let message = format!("shell is one of {}", SHELLS.join(", "));
                    let help = "another program is {run: [program, argument, ...]}";
                    parser.note_with_help(node.at, message, help.to_owned());
                }
            },
            "pipe_out" => match &node.value {
                Yaml::Bool(shows) => shell.shows = *shows,
                _ => parser.problem(node.at, "pipe_out is true or false"),
            },
            "timeout" => shell.timeout = Some(parser.limit(node)),
            "grace" => shell.grace = Some(parser.duration(node)),
            "host" => {
                let message = "shell runs on this machine, and has no `host`".to_owned();
                let help = "for another one: {run: [ssh, HOST, COMMAND]}, where ${x|quote} is one word for the shell over there";
                parser.note_with_help(key.at, message, help.to_owned());
            }
            _ => parser.unknown_key(key, "shell", &KEYS),
        }
    }
    match (shell.commands.is_empty(), &shell.program) {
        (false, None) | (true, Some(_)) => {}
        (false, Some(_)) => {
            let message = "a shell has `cmd` or `run`, not both";
            parser.problem(argument.at, message);
        }
        // What is wrong with `cmd` was said.
        (true, None) if entries.iter().any(|(key, _)| key.text == "cmd") => {}
        (true, None) => parser.problem(argument.at, "a shell has `cmd` or `run`"),
    }
    Some(Box::new(shell))
}

/// A command with holes.
#[derive(Debug)]
struct CommandText {
    /// All of it.
    text: Data,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Value {
        piece: Piece,
        at: Place,
        manner: Manner,
    },
}

/// How a value gets into a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Quoted for its place.
    Quoted,
    /// Also for a second shell, if one reads it: `${x|quote}`.
    QuotedTwice,
    /// As it is: `${x|raw}`.
    Raw,
}

impl CommandText {
    /// Reads a command, and notes where no value may stand.
    fn read(parser: &mut dyn Parser, text: &Text) -> Self {
        let template = parser.template(text);
        let mut words = Words::new();
        let mut parts = Vec::new();
        for piece in &template.pieces {
            let (at, (piece, manner)) = match piece {
                Piece::Literal(literal) => {
                    words.read(literal);
                    parts.push(Part::Text(literal.clone()));
                    continue;
                }
                Piece::Code(code) => (code.at, (piece.clone(), Manner::Quoted)),
                Piece::Path(hole) => (hole.path.at, split(hole)),
            };
            if manner != Manner::Raw {
                if let Some(refusal) = words.refusal(manner == Manner::QuotedTwice) {
                    let help = safe_way(&refusal, &piece);
                    let message = format!("no value may stand {}", refusal.place);
                    parser.note_with_help(at, message, help);
                }
                words.unknown_value();
            }
            parts.push(Part::Value { piece, at, manner });
        }
        Self {
            text: Data::Text(template),
            parts,
        }
    }

    /// The command with its values.
    fn fill<'js>(&self, runner: &dyn Runner<'js>, scope: &Scope<'js>) -> OpResult<'js, String> {
        let mut reader = Words::new();
        let mut command = String::new();
        for part in &self.parts {
            let (piece, at, manner) = match part {
                Part::Text(text) => {
                    reader.read(text);
                    command.push_str(text);
                    continue;
                }
                Part::Value { piece, at, manner } => (piece, *at, *manner),
            };
            let value = runner.piece(piece, scope)?;
            // Long texts are copied several times, and each copy is one step.
            runner.checkpoint()?;
            let refused = |message: String| {
                let mut abort = runner.throw(&message);
                if let Abort::Thrown(thrown) = &mut abort {
                    thrown.span.at = at;
                }
                abort
            };
            if manner == Manner::Raw {
                let text = runner.js(shown(&value))?;
                reader.read(&text);
                command.push_str(&text);
                continue;
            }
            let many = value.as_array().map_or(1, Array::len);
            if many > MOST_WORDS {
                let message = format!(
                    "the list has {many} values, and a command may have {MOST_WORDS} of them; give it by stdin"
                );
                return Err(refused(message));
            }
            let texts = runner.js(words(&value))?;
            if texts.iter().any(|text| text.contains('\0')) {
                let message = "the value has a zero character, which no command can have";
                return Err(refused(message.to_owned()));
            }
            let twice = manner == Manner::QuotedTwice;
            // What stands before it may have come from other values.
            let inserted = match reader.refusal(twice) {
                Some(refusal) => Err(refusal),
                None => reader.value(&texts, twice),
            };
            match inserted {
                Ok(text) => command.push_str(&text),
                Err(refusal) => {
                    let message = format!("no value may stand {}", refusal.place);
                    return Err(refused(message));
                }
            }
            runner.checkpoint()?;
        }
        Ok(command)
    }
}

/// The value of a hole without the filter that says how it gets into the command.
fn split(hole: &Hole) -> (Piece, Manner) {
    let manner = match hole.filters.last().map(|filter| filter.name.as_str()) {
        Some("raw") => Manner::Raw,
        Some("quote") => Manner::QuotedTwice,
        _ => Manner::Quoted,
    };
    let mut hole = hole.clone();
    if manner != Manner::Quoted {
        hole.filters.pop();
    }
    (Piece::Path(hole), manner)
}

/// What to write instead of a value that may not stand where it stands.
fn safe_way(refusal: &Refusal, piece: &Piece) -> String {
    let (value, quoted) = match piece {
        Piece::Path(hole) => (
            format!("${{{}}}", hole.written),
            format!("${{{}|quote}}", hole.written),
        ),
        Piece::Code(code) => (format!("{{{{ {} }}}}", code.text), String::new()),
        Piece::Literal(_) => (String::new(), String::new()),
    };
    let mut ways = Vec::new();
    if refusal.is_for_second_shell && !quoted.is_empty() {
        ways.push(format!(
            "write {quoted}, which is one word for that shell too"
        ));
    }
    if refusal.place.contains("here-document") {
        ways.push("write {cmd: ..., stdin: the text with its values}".to_owned());
    }
    ways.push(format!(
        "give the command a variable: {{cmd: ..., env: {{NAME: '{value}'}}}}"
    ));
    ways.push(format!(
        "or run a program without a shell: {{run: [program, '{value}']}}"
    ));
    ways.join("; ")
}

/// Commands, or a program, and how they are run.
#[derive(Debug, Default)]
pub(super) struct Shell {
    /// One after the other.
    commands: Vec<CommandText>,
    /// In place of commands: a program and its arguments.
    program: Option<Data>,
    arguments: Option<Data>,
    environment: Option<Data>,
    folder: Option<Data>,
    input: Option<Data>,
    shell: Option<String>,
    /// Whether what is kept is printed as well.
    shows: bool,
    timeout: Option<Data>,
    grace: Option<Data>,
}

/// What commands wrote, and how the last one ended.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) code: i32,
    pub(super) output: Vec<u8>,
    pub(super) error: Vec<u8>,
}

impl Shell {
    /// The texts of a list, in which lists are several of them.
    fn texts<'js>(
        &self,
        runner: &dyn Runner<'js>,
        data: &Data,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Vec<String>> {
        let value = runner.value(data, scope)?;
        let Some(items) = value.as_array() else {
            return runner.js(words(&value));
        };
        let mut texts = Vec::new();
        for item in items.iter::<Value<'js>>() {
            texts.extend(runner.js(words(&runner.js(item)?))?);
        }
        Ok(texts)
    }

    /// A program, and the command as people see it.
    fn stage<'js>(
        &self,
        runner: &dyn Runner<'js>,
        command: Option<&CommandText>,
        scope: &Scope<'js>,
    ) -> OpResult<'js, (Stage, String)> {
        let mut arguments = Vec::new();
        let program;
        let shown_command;
        match command {
            Some(command) => {
                let text = command.fill(runner, scope)?;
                shown_command = text.trim().to_owned();
                program = self.shell.as_deref().unwrap_or(SH).to_owned();
                arguments.push(
                    if cfg!(windows) && program == SH {
                        "/C"
                    } else {
                        "-c"
                    }
                    .to_owned(),
                );
                arguments.push(text);
                if let Some(given) = &self.arguments {
                    // What comes first is the name of the script.
                    arguments.push(program.clone());
                    arguments.extend(self.texts(runner, given, scope)?);
                }
            }
            None => {
                let mut all = match &self.program {
                    Some(data) => self.texts(runner, data, scope)?,
                    None => Vec::new(),
                };
                if let Some(given) = &self.arguments {
                    all.extend(self.texts(runner, given, scope)?);
                }
                let mut all = VecDeque::from(all);
                program = all.pop_front().unwrap_or_default();
                if program.is_empty() {
                    return Err(runner.throw("the program to run has no name"));
                }
                let quoted = std::iter::once(&program).chain(&all);
                shown_command = quoted
                    .map(|word| command::quote(word))
                    .collect::<Vec<_>>()
                    .join(" ");
                arguments.extend(all);
            }
        }
        if std::iter::once(&program)
            .chain(&arguments)
            .any(|text| text.contains('\0'))
        {
            return Err(runner.throw("a zero character can be in no argument of a program"));
        }
        let run = runner.run();
        let permitted = run.permitted(runner.ctx(), run.permissions().run(&program));
        let mut stage = Stage {
            program: runner.js(permitted)?,
            arguments,
            ..Stage::default()
        };
        if let Some(folder) = &self.folder {
            stage.folder = Some(PathBuf::from(runner.text(folder, scope)?));
        }
        if let Some(environment) = &self.environment {
            let value = runner.value(environment, scope)?;
            match value.as_object() {
                Some(map) if !map.is_array() => {
                    for entry in map.props::<String, Value<'js>>() {
                        let (name, value) = runner.js(entry)?;
                        if name.is_empty() || name.contains(['=', '\0']) {
                            let message = format!("{name:?} is no name of a variable");
                            return Err(runner.throw(&message));
                        }
                        let text = match value.is_null() {
                            true => None,
                            false => Some(runner.js(shown(&value))?),
                        };
                        if text.as_ref().is_some_and(|text| text.contains('\0')) {
                            let message = format!("the variable {name} has a zero character");
                            return Err(runner.throw(&message));
                        }
                        stage.environment.push((name, text));
                    }
                }
                _ if value.is_null() => {}
                _ => return Err(runner.throw("env is a map of names and values")),
            }
        }
        Ok((stage, shown_command))
    }

    fn one<'js>(
        &self,
        runner: &dyn Runner<'js>,
        command: Option<&CommandText>,
        (is_assigned, takes_failure): (bool, bool),
        outcome: &mut Outcome,
        scope: &Scope<'js>,
    ) -> OpResult<'js> {
        let (stage, command) = self.stage(runner, command, scope)?;
        let mut plan = Plan::new(vec![stage]);
        if !is_assigned || self.shows {
            plan = plan.shown();
        }
        if let Some(input) = &self.input {
            plan.input = runner.text(input, scope)?.into_bytes();
        }
        if let Some(limit) = &self.timeout {
            plan.timeout = Some(runner.duration(limit, scope)?);
        }
        let limit = plan.timeout;
        if let Some(grace) = &self.grace {
            plan.grace = runner.duration(grace, scope)?;
        }
        let run = runner.run();
        let cannot = |error: &dyn std::fmt::Display| {
            runner.throw(&format!("the command cannot be run: {error}"))
        };
        let started = Command::start(run, plan).map_err(|error| cannot(&error))?;
        let most = if is_assigned { MOST_KEPT } else { TAIL };
        let mut seen = Outcome::default();
        let ended = {
            let finished = started.finished_seen(run, |which, piece| {
                let kept = match which {
                    OutputStream::Stdout => &mut seen.output,
                    OutputStream::Stderr => &mut seen.error,
                };
                kept.extend_from_slice(piece);
                let too_many = kept.len().saturating_sub(most);
                kept.drain(..too_many);
            });
            runner.wait(finished)
        };
        let ended = match ended {
            Ok(ended) => ended.map_err(|problem| cannot(&problem))?,
            Err(stopped) => {
                started.end_with(run);
                return Err(stopped);
            }
        };
        if is_assigned && !self.shows {
            seen.output = started.written(OutputStream::Stdout);
            seen.error = started.written(OutputStream::Stderr);
        }
        outcome.output.append(&mut seen.output);
        outcome.error.append(&mut seen.error);
        outcome.code = ended.code;
        let why = match (ended.timed_out, limit) {
            (true, Some(limit)) => format!("the command did not end within {limit:?}"),
            _ if takes_failure || ended.code == 0 => return Ok(()),
            _ => format!("the command exited with {}", ended.code),
        };
        Err(failed(
            runner,
            &format!("{why}: {command}"),
            &ended,
            outcome,
            &command,
        ))
    }
}

/// The error of a command that failed: `rc`, `output`, `stderr` and `command` tell how.
pub(super) fn failed<'js>(
    runner: &dyn Runner<'js>,
    message: &str,
    ended: &Ended,
    outcome: &Outcome,
    command: &str,
) -> Abort<'js> {
    let made = || {
        let error = Exception::from_message(runner.ctx().clone(), message)?;
        let object = error.as_object();
        object.set("name", "ShellError")?;
        object.set("rc", ended.code)?;
        object.set("output", written(&outcome.output))?;
        object.set("stderr", written(&outcome.error))?;
        object.set("timedOut", ended.timed_out)?;
        object.set("command", command)?;
        Ok(error.into_value())
    };
    match runner.js(made()) {
        Ok(error) => runner.abort(Failure::Thrown(error)),
        Err(abort) => abort,
    }
}

pub(super) fn written(bytes: &[u8]) -> String {
    let mut text = command::text(bytes.to_vec());
    text.truncate(text.trim_end_matches('\n').len());
    text
}

impl Action for Shell {
    fn run<'js>(
        &self,
        runner: &dyn Runner<'js>,
        op: &Op,
        scope: &Scope<'js>,
    ) -> OpResult<'js, Value<'js>> {
        // What is tried again must fail to be.
        let is_assigned = op.register.is_some();
        let takes_failure = is_assigned && !matches!(op.on_error, OnError::Retry { .. });
        let mut outcome = Outcome::default();
        if self.program.is_some() {
            self.one(
                runner,
                None,
                (is_assigned, takes_failure),
                &mut outcome,
                scope,
            )?;
        }
        for command in &self.commands {
            self.one(
                runner,
                Some(command),
                (is_assigned, takes_failure),
                &mut outcome,
                scope,
            )?;
            if outcome.code != 0 {
                break;
            }
        }
        let result = runner.js(runner.object())?;
        runner.js(result.set("rc", outcome.code))?;
        // What was shown and is not assigned, nobody reads.
        let (output, error) = match is_assigned {
            true => (written(&outcome.output), written(&outcome.error)),
            false => (String::new(), String::new()),
        };
        runner.js(result.set("output", output))?;
        runner.js(result.set("error", error))?;
        Ok(result.into_value())
    }

    fn check<'a>(&'a self, walk: &mut dyn Walk<'a>, _: &'a Op) {
        for command in &self.commands {
            walk.data(&command.text);
            for part in &command.parts {
                if let Part::Value {
                    at,
                    manner: Manner::Raw,
                    ..
                } = part
                {
                    let message =
                        "this value becomes a part of the command as it is, and can run anything";
                    let help = "without |raw it is one word; a list is several words";
                    walk.warns(*at, "Raw", message.to_owned(), help.to_owned());
                }
            }
        }
        let parts = [
            &self.program,
            &self.arguments,
            &self.environment,
            &self.folder,
            &self.input,
            &self.timeout,
            &self.grace,
        ];
        for part in parts.into_iter().flatten() {
            walk.data(part);
        }
    }

    fn plan<'a>(&'a self, planner: &mut dyn Planner<'a>) -> Planned {
        Planned::what(self.planned(planner).join("; "))
    }
}
