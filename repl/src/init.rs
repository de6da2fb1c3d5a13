//! `cla init`: starts a folder with a rule, a rulebook, a test, settings, and what editors need.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use crate::types;

/// Start a folder: a rule, a rulebook, a test, settings, and what editors need
///
/// It has deploy.ts, deploy.test.ts, nightly.yml, cla.toml, README.md, .gitignore, the folder types/ with a tsconfig.json
/// that extends it, and .vscode/. What is there is never changed: if a file is in the way, nothing is written.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The folder, which is created if need be
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// Overwrite what is in the way
    #[arg(long)]
    force: bool,
    /// Print what was written, as one JSON object: folder, written, unchanged
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  cla init                       start in the current folder
  cla init rules                 start in rules/
  cla init rules --force         write all files anew
  cla init rules --json | jq -r '.written[]'

Exit code:
  0    all files are there
  1    something is in the way, or cannot be written
  2    wrong usage";

/// The files that are the same for everybody.
const FILES: &[(&str, &str)] = &[
    ("deploy.ts", include_str!("init/deploy.ts")),
    ("deploy.test.ts", include_str!("init/deploy.test.ts")),
    ("nightly.yml", include_str!("init/nightly.yml")),
    ("cla.toml", include_str!("init/cla.toml")),
    ("README.md", include_str!("init/README.md")),
    (".gitignore", include_str!("init/gitignore")),
    (".vscode/settings.json", include_str!("init/settings.json")),
    (
        ".vscode/extensions.json",
        include_str!("init/extensions.json"),
    ),
];

/// Where the declarations go.
const TYPES: &str = "types";

pub(crate) fn run(args: &Args) -> ExitCode {
    match start(args) {
        Ok(code) => code,
        Err(error) => {
            crate::exit::report(&error);
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// How a file is, before anything is written.
enum State {
    Missing,
    Same,
    Other,
}

fn start(args: &Args) -> io::Result<ExitCode> {
    let (mut missing, mut same, mut other) = (Vec::new(), Vec::new(), Vec::new());
    let files = files()?;
    for (name, text) in &files {
        match state(&args.folder.join(name), text)? {
            State::Missing => missing.push((name, text)),
            State::Same => same.push(name),
            State::Other => other.push((name, text)),
        }
    }
    if !other.is_empty() && !args.force {
        let names: Vec<&str> = other.iter().map(|(name, _)| name.as_str()).collect();
        let problem = format!(
            "in the way in {}: {}; nothing was written. Give another folder, or --force to overwrite",
            args.folder.display(),
            names.join(", ")
        );
        crate::exit::report(&problem);
        return Ok(ExitCode::from(crate::exit::FAILED));
    }
    for (name, text) in &missing {
        write(&args.folder.join(name), text, true)?;
    }
    for (name, text) in &other {
        write(&args.folder.join(name), text, false)?;
    }
    let written: Vec<&String> = missing
        .iter()
        .chain(&other)
        .map(|(name, _)| *name)
        .collect();
    let text = match args.json {
        true => {
            let folder = args.folder.display().to_string();
            json!({ "folder": folder, "written": written, "unchanged": same }).to_string() + "\n"
        }
        false => said(&args.folder, &written),
    };
    let mut out = anstream::stdout().lock();
    Ok(crate::exit::finish(
        out.write_all(text.as_bytes()).and_then(|()| out.flush()),
    ))
}

/// All files of a new folder: names and texts.
fn files() -> io::Result<Vec<(String, String)>> {
    let own = FILES
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let mut files: Vec<(String, String)> = own.collect();
    files.push(("tsconfig.json".to_owned(), types::root_config(TYPES)));
    for (name, text) in types::files(false)? {
        files.push((format!("{TYPES}/{name}"), text));
    }
    Ok(files)
}

fn state(path: &Path, text: &str) -> io::Result<State> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(State::Missing),
        Err(error) => Err(problem(path, &error)),
        Ok(facts) if !facts.is_file() => Ok(State::Other),
        Ok(_) => match fs::read(path) {
            Ok(there) if there == text.as_bytes() => Ok(State::Same),
            Ok(_) => Ok(State::Other),
            Err(error) => Err(problem(path, &error)),
        },
    }
}

/// Writes a file; a new one must not have come into being meanwhile.
fn write(path: &Path, text: &str, is_new: bool) -> io::Result<()> {
    let write = || {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.write(true);
        match is_new {
            true => options.create_new(true),
            false => options.create(true).truncate(true),
        };
        options.open(path)?.write_all(text.as_bytes())
    };
    write().map_err(|error| problem(path, &error))
}

fn problem(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(
        error.kind(),
        format!("cannot write {}: {error}", path.display()),
    )
}

fn said(folder: &Path, written: &[&String]) -> String {
    if written.is_empty() {
        return "all files are there already\n".to_owned();
    }
    let is_type = |name: &str| name.starts_with("types/");
    let mut text = String::new();
    for name in written.iter().filter(|name| !is_type(name)) {
        text.push_str(&format!("wrote {}\n", folder.join(name).display()));
    }
    let types = written.iter().filter(|name| is_type(name)).count();
    if types > 0 {
        let folder = folder.join(TYPES);
        text.push_str(&format!("wrote {types} files in {}\n", folder.display()));
    }
    text.push_str("\nNext:\n");
    if folder != Path::new(".") {
        text.push_str(&format!("  cd {}\n", folder.display()));
    }
    text.push_str(
        "  cla run deploy.ts --stash version=1.2\n  cla run nightly.yml\n  cla run deploy.test.ts\n",
    );
    text
}
