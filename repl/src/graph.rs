//! `cla graph`: draws rulebooks, with the semaphores that they take and the rules that they call. Runs nothing.

mod build;
mod mermaid;
mod svg;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cla_runtime::RunOptions;
use serde::Serialize;

use crate::permissions::PermissionArgs;
use crate::run::stash;

/// Draw rulebooks: their ops, branches, loops and forks, the semaphores that they hold, and the rules that they call
///
/// Prints Mermaid, which the pages of code forges and many editors show as a picture. A rule that is called is drawn too, once.
/// Of a script, only the semaphores are known that it takes by name.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The rules
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to draw
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Mermaid, conflicts_with = "json")]
    format: Format,
    /// Print a JSON object for programs: files, groups, nodes and edges
    #[arg(long)]
    json: bool,
    /// Draw what rulebooks have under `on` for this event, instead of their `do`
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    /// Fill in what is known: as `cla run --stash` takes it
    #[arg(long, value_name = "KEY=VALUE|@FILE|-", value_parser = stash::Entry::parse)]
    stash: Vec<stash::Entry>,
    #[command(flatten)]
    permissions: PermissionArgs,
}

/// How a graph is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Text, of which others draw a picture
    Mermaid,
    /// A picture
    Svg,
}

const AFTER_HELP: &str = "\
Examples:
  cla graph deploy.yml
  cla graph deploy.yml --event pushed
  cla graph --format svg deploy.yml > deploy.svg
  cla graph --stash env=prod deploy.yml      with `${env}` filled in
  cla graph --json deploy.yml | jq '.nodes[] | select(.kind == \"semaphore\").label[0]'

Exit code:
  0    all rules are drawn
  1    a rule has errors, or cannot be drawn
  2    wrong usage
  141  the reader of the output is gone";

/// What is drawn.
#[derive(Debug, Default, Serialize)]
struct Graph {
    /// The rules, those that are called included.
    files: Vec<File>,
    /// Parts of rules in which a semaphore is held.
    groups: Vec<Group>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// A rule.
#[derive(Debug, Serialize)]
struct File {
    title: String,
    event: Option<String>,
    /// The node at which it begins.
    start: usize,
}

/// Ops around which a semaphore is held.
#[derive(Debug, Serialize)]
struct Group {
    title: String,
    file: usize,
    /// The group around it.
    group: Option<usize>,
}

#[derive(Debug, Serialize)]
struct Node {
    kind: NodeKind,
    /// Lines.
    label: Vec<String>,
    /// The rule in which it stands, of an op; and its line there, from 1.
    file: Option<usize>,
    line: Option<u32>,
    group: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum NodeKind {
    Start,
    Op,
    Condition,
    Loop,
    Call,
    Join,
    Semaphore,
}

/// From one node to another one, by their places in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Edge {
    from: usize,
    to: usize,
    kind: EdgeKind,
    label: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum EdgeKind {
    /// One after the other.
    Next,
    /// Beside each other from here.
    Fork,
    /// An error leads here.
    Error,
    /// It holds this semaphore.
    Holds,
    /// It calls this rule.
    Calls,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let stash = match stash::stash(args.stash.clone(), None) {
        Ok(stash) => stash,
        Err(problem) => crate::exit::wrong_usage::<Args>("graph", &problem),
    };
    let granted = match args.permissions.grant(Path::new(".")) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let engine = crate::check::engine(&granted);
    let options = RunOptions::new().stash(stash);
    let built = crate::event_loop::event_loop().map(|runtime| {
        let built = build::build(&engine, &args.files, args.event.as_deref(), &options);
        runtime.block_on(built)
    });
    let (graph, problems) = match built {
        Ok(built) => built,
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    for problem in &problems {
        anstream::eprint!("{}", problem.render(true));
    }
    if graph.files.is_empty() {
        return ExitCode::from(crate::exit::FAILED);
    }
    let text = match (args.json, args.format) {
        (true, _) => serde_json::to_string(&graph).map(|text| text + "\n"),
        (false, Format::Mermaid) => Ok(mermaid::draw(&graph)),
        (false, Format::Svg) => match svg::draw(&graph) {
            Ok(picture) => Ok(picture),
            Err(problem) => {
                crate::exit::report(&problem);
                return ExitCode::from(crate::exit::FAILED);
            }
        },
    };
    let written = text
        .map_err(std::io::Error::from)
        .and_then(|text| anstream::stdout().write_all(text.as_bytes()));
    match crate::exit::written(written) {
        0 if !problems.is_empty() => ExitCode::from(crate::exit::FAILED),
        code => ExitCode::from(code),
    }
}
