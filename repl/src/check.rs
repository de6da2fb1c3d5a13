//! `cla check`: what is wrong with rules, found without running them.

pub(crate) mod files;
mod formats;

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cla_runtime::check::{Finding, Severity};
use cla_runtime::{Engine, RunOptions, Script};

use crate::permissions::{Granted, PermissionArgs};

/// Check rules without running them: rulebooks, TypeScript and JavaScript
///
/// Finds what does not parse, imports that cannot be resolved and names that built-in modules do not export, unknown ops
/// and arguments, regions of a semaphore within themselves, also through rules that are called (a deadlock), variables that
/// nothing sets, and semaphores that two rules take in opposite orders (a possible deadlock). In scripts, `take` within
/// `take` is checked where both name their semaphores, and what is probably not meant is told: `=` in a condition, code that
/// never runs, names that nothing reads, promises that nothing awaits, members that our modules do not have.
///
/// Of a folder, all scripts in it are checked, and YAML that looks like a rulebook; not what is hidden, and not
/// node_modules.
///
/// Each finding breaks a rule, which has a page in docs/check/. A comment `cla-ignore: RULE` in the line, or alone in the line
/// before, takes the finding away.
///
/// What a rule may import, and what else it may, is what `cla run` with the same options and the same cla.toml lets it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The rules, or folders with rules
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a JSON array of what was found; the same as --format json
    ///
    /// Each with severity (error or warning), rule, name, message, help, location (file, line, column), snippet.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How to print what was found
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    permissions: PermissionArgs,
}

/// How findings are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people, with the lines of the source
    Text,
    /// A JSON array
    Json,
    /// Annotations, for a workflow of GitHub
    Github,
    /// SARIF 2.1.0
    Sarif,
}

const AFTER_HELP: &str = "\
Examples:
  cla check deploy.yml
  cla check rules
  cla check --format sarif rules > cla.sarif
  cla check --allow-import=lib rules         as `cla run --allow-import=lib` runs them
  cla check --json rules/*.yml | jq '.[].message'

Exit code:
  0    nothing is wrong; there may be warnings
  1    something is wrong
  2    wrong usage
  141  the reader of the output is gone";

pub(crate) fn run(args: &Args) -> ExitCode {
    let files = match files::expanded(&args.files) {
        Ok(files) => files,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let scripts: Vec<Script> = files.iter().map(Script::file).collect();
    let granted = match args.permissions.grant(Path::new(".")) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let engine = engine(&granted);
    let findings = crate::event_loop::event_loop()
        .map(|runtime| runtime.block_on(engine.check_all(&scripts, RunOptions::new())));
    let findings = match findings {
        Ok(findings) => each_once(findings),
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let of = |severity| {
        let found = findings
            .iter()
            .filter(move |found| found.severity == severity);
        found.count()
    };
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let format = if args.json { Format::Json } else { args.format };
    let text = match format {
        Format::Json => serde_json::to_string(&findings).map(|text| text + "\n"),
        Format::Sarif => {
            serde_json::to_string_pretty(&formats::sarif(&findings)).map(|text| text + "\n")
        }
        Format::Github => Ok(formats::github(&findings)),
        Format::Text => Ok(shown(&findings, files.len(), errors, warnings)),
    };
    let written = text
        .map_err(std::io::Error::from)
        .and_then(|text| anstream::stdout().write_all(text.as_bytes()));
    match crate::exit::written(written) {
        0 if errors > 0 => ExitCode::from(crate::exit::FAILED),
        code => ExitCode::from(code),
    }
}

/// A file that another one imports may be checked by itself, too.
fn each_once(mut findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen = HashSet::new();
    findings.retain(|finding| {
        let Some(at) = &finding.error.location else {
            return true;
        };
        let file = PathBuf::from(&at.file);
        let file = file.canonicalize().unwrap_or(file);
        let message = finding.error.message.clone();
        seen.insert((file, at.line, at.column, message))
    });
    findings
}

/// An engine with the modules and languages of `cla run`, whose rules may the same.
pub(crate) fn engine(granted: &Granted) -> Engine {
    let mut engine = Engine::builder()
        .workers(1)
        .permissions(granted.permissions.clone())
        .strict(granted.strict);
    if granted.imports_current_folder {
        engine = engine.allow_folder(".");
    }
    engine
        .with(cla_stdlib::install)
        .with(cla_rulebook::install)
        .build()
}

fn shown(findings: &[Finding], files: usize, errors: usize, warnings: usize) -> String {
    let mut text = String::new();
    for finding in findings {
        // The stream takes the colours away where they are not wanted.
        text.push_str(&finding.render(true));
        // Below the other remarks, which stand behind the number of the line.
        let line = finding.error.location.as_ref().map_or(0, |at| at.line);
        let width = line.to_string().len() + 1;
        text.push_str(&format!("{:width$}= rule: {}\n\n", "", finding.rule));
    }
    let counted = |count: usize, noun: &str| {
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {noun}{plural}")
    };
    text.push_str(&format!(
        "{} checked: {}, {}\n",
        counted(files, "rule"),
        counted(errors, "error"),
        counted(warnings, "warning")
    ));
    text
}
