//! The type tests: the real TypeScript compiler over what we ship to rule authors.
//!
//! It reads `stdlib/src/**/*.d.ts`, every rule in `examples/`, and `tests/types/*.ts`, where a line that must not
//! compile follows a `// @ts-expect-error`. `tests/types/package.json` pins the compiler.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::Log;
use crate::test::{self, Outcome};
use crate::{root, tools};

/// The folder with the compiler's configuration and the tests.
const FOLDER: &str = "tests/types";

/// The compiler needs a second or two.
const LIMIT: Duration = Duration::from_secs(300);

/// What `cargo xtask types` is told.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask types             check declarations, examples and type tests
  cargo xtask types --verbose   show what the compiler and npm print")]
pub(crate) struct Args {
    /// Show what the compiler and npm print as they run.
    #[arg(long, short)]
    verbose: bool,
}

/// `cargo xtask types`: the step `types` of `cargo xtask test`, alone.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    test::run(&test::Args::only("types", args.verbose))
}

/// Checks all there is to check; the outcome counts the files.
pub(crate) fn check(log: &mut Log) -> Result<Outcome> {
    let folder = root().join(FOLDER);
    tools::npm_ci(&folder, log)?;
    log.run(&mut compiler(&[]), LIMIT)?;

    let listed = log.capture(&mut compiler(&["--listFilesOnly"]), LIMIT)?;
    let root = root().canonicalize()?;
    let files: Vec<String> = listed
        .printed
        .lines()
        .filter_map(|line| ours(line, &root))
        .collect();
    let among = |start: &str| files.iter().filter(|file| file.starts_with(start)).count();
    let (declared, examples, tests) = (among("stdlib/"), among("examples/"), among("tests/"));
    ensure!(declared > 0, "no declaration in stdlib/src was checked");
    ensure!(examples > 0, "no rule in examples/ was checked");
    ensure!(tests > 0, "no type test in {FOLDER} was checked");
    Ok(Outcome {
        said: format!("{declared} declarations, {examples} examples, {tests} type tests"),
        passed: declared + examples + tests,
    })
}

fn compiler(arguments: &[&str]) -> Command {
    let mut tsc = tools::NODE.command();
    tsc.current_dir(root())
        .arg(format!("{FOLDER}/node_modules/typescript/bin/tsc"))
        .args(["--project", FOLDER])
        .args(arguments);
    tsc
}

/// A file that the compiler lists, relative to the repository, unless it is the compiler's own.
fn ours(line: &str, root: &Path) -> Option<String> {
    let path = Path::new(line.trim()).canonicalize().ok()?;
    let path = path.strip_prefix(root).ok()?.to_string_lossy();
    (!path.contains("node_modules")).then(|| path.replace('\\', "/"))
}
