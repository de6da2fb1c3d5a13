//! `cla check`: what is wrong with rules, found without running them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cla_runtime::check::{Finding, Severity};
use cla_runtime::{Engine, RunOptions, Script};

use crate::permissions::{Granted, PermissionArgs};

/// Check rules without running them: rulebooks, TypeScript and JavaScript
///
/// Finds what does not parse, imports that cannot be resolved and names that built-in modules do not export, unknown ops
/// and arguments, regions of a semaphore within themselves (a deadlock), variables that nothing sets, and semaphores that two rules take in opposite orders (a possible deadlock). In scripts,
/// `take` within `take` is checked where both name their semaphores.
///
/// What a rule may import, and what else it may, is what `cla run` with the same options and the same cla.toml lets it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The rules
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print a JSON array of what was found
    ///
    /// Each with severity (error or warning), name, message, help, location (file, line, column), snippet.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    permissions: PermissionArgs,
}

const AFTER_HELP: &str = "\
Examples:
  cla check deploy.yml
  cla check rules/*.yml rules/*.js
  cla check --allow-import=lib rules/*.js    as `cla run --allow-import=lib` runs them
  cla check --json rules/*.yml | jq '.[].message'

Exit code:
  0    nothing is wrong; there may be warnings
  1    something is wrong
  2    wrong usage
  141  the reader of the output is gone";

pub(crate) fn run(args: &Args) -> ExitCode {
    let scripts: Vec<Script> = args.files.iter().map(Script::file).collect();
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
        Ok(findings) => findings,
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
    let text = if args.json {
        serde_json::to_string(&findings).map(|text| text + "\n")
    } else {
        Ok(shown(&findings, args.files.len(), errors, warnings))
    };
    let written = text
        .map_err(std::io::Error::from)
        .and_then(|text| anstream::stdout().write_all(text.as_bytes()));
    match crate::exit::written(written) {
        0 if errors > 0 => ExitCode::from(crate::exit::FAILED),
        code => ExitCode::from(code),
    }
}

/// An engine with the modules and languages of `cla run`, whose rules may the same.
fn engine(granted: &Granted) -> Engine {
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
        text.push('\n');
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
