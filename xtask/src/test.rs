//! `cargo xtask test`: every check that a change must pass, one step after the other.
//!
//! A step is silent unless it fails; then all that it printed is shown. The last line counts the tests.

pub(crate) mod programs;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::process::{Log, seconds};
use crate::{cargo, features, house, msrv, readme, root, target_dir, tools, types};

/// No step takes longer, not even on two cores with nothing built: what does hangs.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(40 * 60);

/// The npm package that the tests of `cla/serde` compare with.
const SUPERJSON: &str = "stdlib/tests/superjson";

/// The npm packages that rules import in tests.
pub(crate) const PACKAGES: &str = "stdlib/tests/packages";

/// The npm package that looks for faults of pages that keep people out.
const AXE: &str = "repl/tests/axe";

/// The npm package that signs people in, for the tests of that.
const OIDC: &str = "repl/tests/oidc";

/// The Python package that compares the HTTP interface with its description.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// What `cargo xtask test` takes as arguments.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask test                         every step, up to the first that fails
  cargo xtask test --keep-going            every step, even after a failure
  cargo xtask test --only fmt,clippy       these steps
  cargo xtask test --only readme -v        one step, its output as it comes
  cargo xtask test --list                  what the steps are

The step `readme` reads README.md and docs/**/*.md:
  ```console            `$ ` lines are run in the repository's root, `cla` being the one just built;
                        the lines below each must be what it prints. A command must succeed, unless
                        `$ echo $?` follows it.
  ```console no-run     shown, not run
  ```js examples/a.js   must stand in that file, line by line
In what a command prints, `...` stands for any lines, or for any text within a line, and a number
with a unit (0.2 s, 12 ms, 40 %) for any number with that unit.")]
pub(crate) struct Args {
    /// Run these steps and no others.
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step_names())]
    only: Vec<String>,
    /// Go on after a step that failed.
    #[arg(long)]
    keep_going: bool,
    /// Show what the steps print as they run.
    #[arg(long, short)]
    verbose: bool,
    /// List the steps and stop.
    #[arg(long)]
    list: bool,
}

impl Args {
    /// The arguments that run one step.
    pub(crate) fn only(step: &str, verbose: bool) -> Self {
        Self {
            only: vec![step.to_owned()],
            keep_going: false,
            verbose,
            list: false,
        }
    }
}

fn step_names() -> clap::builder::PossibleValuesParser {
    STEPS
        .iter()
        .map(|step| step.name)
        .collect::<Vec<_>>()
        .into()
}

/// What a step that passed has to say.
pub(crate) struct Outcome {
    /// A few words for the step's line; may be empty.
    pub(crate) said: String,
    /// How many tests it ran.
    pub(crate) passed: usize,
}

impl Outcome {
    pub(crate) fn quiet() -> Self {
        Self {
            said: String::new(),
            passed: 0,
        }
    }
}

struct Step {
    name: &'static str,
    about: &'static str,
    check: fn(&mut Log) -> Result<Outcome>,
}

/// Cheapest first, so that most mistakes show within seconds. Clippy goes before the tests because it does not
/// generate code, and what it compiles for the dependencies serves `doc` as well.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        about: "cargo fmt: the code is formatted",
        check: fmt,
    },
    Step {
        name: "house",
        about: "the crates, files and public names keep their order",
        check: house::check,
    },
    Step {
        name: "msrv",
        about: "no dependency needs a newer Rust than Cargo.toml states, and this is that Rust",
        check: msrv::check,
    },
    Step {
        name: "clippy",
        about: "cargo clippy: no warning in any crate, test, example or fuzz target",
        check: clippy,
    },
    Step {
        name: "types",
        about: "tsc: declarations, examples and type tests agree",
        check: types::check,
    },
    Step {
        name: "test",
        about: "cargo test: unit, integration and documentation tests of every crate",
        check: cargo_test,
    },
    Step {
        name: "features",
        about: "the crates build and run without TypeScript, HTTP, Redis and SQLite",
        check: features::check,
    },
    Step {
        name: "doc",
        about: "cargo doc: the documentation builds without a warning",
        check: doc,
    },
    Step {
        name: "readme",
        about: "the commands and excerpts in README.md and docs/ are true",
        check: readme::check,
    },
];

/// Runs the steps that `args` asks for.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        for step in STEPS {
            println!("{:<8} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let wanted: Vec<&Step> = STEPS
        .iter()
        .filter(|step| args.only.is_empty() || args.only.iter().any(|name| name == step.name))
        .collect();
    let logs = target_dir()?.join("xtask");
    let started = Instant::now();
    let mut passed = 0;
    let mut failed = Vec::new();
    for (index, step) in wanted.iter().enumerate() {
        let label = format!("[{}/{}] {:<8}", index + 1, wanted.len(), step.name);
        match run_step(step, &label, &logs, args.verbose)? {
            Some(count) => passed += count,
            None => failed.push(step.name),
        }
        if !failed.is_empty() && !args.keep_going {
            break;
        }
    }

    let time = seconds(started.elapsed());
    println!();
    if failed.is_empty() {
        println!("every step passed in {time}");
        if passed > 0 {
            println!("{passed} passed, 0 failed");
        }
        return Ok(ExitCode::SUCCESS);
    }
    println!("failed after {time}: {}", failed.join(", "));
    println!("run it alone: cargo xtask test --only {}", failed.join(","));
    Ok(ExitCode::FAILURE)
}

/// Runs one step and reports on it. Returns how many tests passed, or nothing if the step failed.
fn run_step(step: &Step, label: &str, logs: &Path, verbose: bool) -> Result<Option<usize>> {
    let mut log = Log::create(&logs.join(format!("{}.log", step.name)), label, verbose)?;
    let started = Instant::now();
    let done = (step.check)(&mut log);
    let time = seconds(started.elapsed());
    match done {
        Ok(outcome) => {
            let line = format!("{label} ok      {time:>12}   {}", outcome.said);
            println!("{}", line.trim_end());
            Ok(Some(outcome.passed))
        }
        Err(error) => {
            println!("{label} FAILED  {time:>12}   {}\n", step.about);
            if !verbose {
                print!("{}", log.text());
            }
            println!("\n{} failed: {error:#}", step.name);
            Ok(None)
        }
    }
}

fn fmt(log: &mut Log) -> Result<Outcome> {
    tools::need_component("fmt", "rustfmt", log)?;
    log.run(cargo().args(["fmt", "--all", "--check"]), STEP_LIMIT)?;
    let fuzz = ["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"];
    log.run(cargo().args(fuzz), STEP_LIMIT)?;
    Ok(Outcome::quiet())
}

fn clippy(log: &mut Log) -> Result<Outcome> {
    tools::need_component("clippy", "clippy", log)?;
    log.run(
        cargo()
            .args(["clippy", "--workspace", "--all-targets", "--locked"])
            .args(["--", "-D", "warnings"]),
        STEP_LIMIT,
    )?;
    // A workspace of its own. Without its default features, it needs no C++ compiler.
    log.run(
        cargo()
            .args(["clippy", "--manifest-path", "fuzz/Cargo.toml", "--locked"])
            .args(["--no-default-features", "--target-dir"])
            .arg(target_dir()?)
            .args(["--", "-D", "warnings"]),
        STEP_LIMIT,
    )?;
    Ok(Outcome::quiet())
}

fn cargo_test(log: &mut Log) -> Result<Outcome> {
    tools::need_redis(log)?;
    tools::need(&[&tools::OPENSSL, &tools::FAKETIME], log)?;
    tools::need(&[&tools::CHROMIUM, &tools::CHROMEDRIVER], log)?;
    if cfg!(target_os = "linux") {
        // Without root neither this nor the tests that need it can be had: those say that they were not run.
        let _ = tools::need(&[&tools::BINDFS], log);
    }
    for relative in [&tools::VALKEY, &tools::KEYDB] {
        tools::want(relative, log);
    }
    tools::npm_ci(&root().join(SUPERJSON), log)?;
    tools::npm_ci(&root().join(PACKAGES), log)?;
    tools::npm_ci(&root().join(AXE), log)?;
    tools::npm_ci(&root().join(OIDC), log)?;
    tools::venv(&target_dir()?.join("schemathesis"), SCHEMATHESIS, log)?;
    let programs = programs::build(log, STEP_LIMIT)?;
    let programs = programs::run(&programs, log);
    let examples = log.run(
        cargo().args(["test", "--workspace", "--locked", "--no-fail-fast", "--doc"]),
        STEP_LIMIT,
    );
    let ran = programs.and(examples);
    let text = log.text();
    let counts = Counts::read(&text);
    if let Err(error) = ran {
        let Counts { passed, failed, .. } = counts;
        // Again at the end: what failed stands somewhere in thousands of lines.
        bail!(
            "{error:#}; {passed} passed, {failed} failed\n\n{}",
            failures(&text)
        );
    }
    ensure!(counts.passed > 0, "cargo test ran no test");
    Ok(Outcome {
        said: match not_run(&text) {
            0 => format!("{} tests, {} ignored", counts.passed, counts.ignored),
            not_run => format!(
                "{} tests, {} ignored; {not_run} of them NOT RUN, see the log",
                counts.passed, counts.ignored
            ),
        },
        passed: counts.passed,
    })
}

/// How many tests said that they cannot be run here: they need root, a mount or a program that is not to be had.
fn not_run(text: &str) -> usize {
    text.matches("NOT RUN: ").count()
}

fn doc(log: &mut Log) -> Result<Outcome> {
    log.run(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        STEP_LIMIT,
    )?;
    Ok(Outcome::quiet())
}

/// What all the test programs of one `cargo test` did.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    failed: usize,
    ignored: usize,
}

impl Counts {
    /// Adds up the lines like `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; ...`.
    pub(crate) fn read(output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            let Some((_, result)) = line
                .split_once("test result: ")
                .and_then(|(_, rest)| rest.split_once(". "))
            else {
                continue;
            };
            for part in result.split("; ") {
                let Some((number, what)) = part.split_once(' ') else {
                    continue;
                };
                let number = number.parse().unwrap_or(0);
                match what {
                    "passed" => counts.passed += number,
                    "failed" => counts.failed += number,
                    "ignored" => counts.ignored += number,
                    _ => {}
                }
            }
        }
        counts
    }
}

/// What the test programs of one `cargo test` said of the tests that failed: their names, their messages.
fn failures(output: &str) -> String {
    /// More would hide what comes first.
    const MOST: usize = 400;
    let mut lines = Vec::new();
    let (mut program, mut is_failure) = ("", false);
    for line in output.lines() {
        if let Some((_, path)) = line.split_once("Running ") {
            program = path.trim();
        }
        // The standard harness shows each failed test in a section, and ends with their names. A case of the hostile
        // scripts is a line and what is indented below it.
        let begins = line.starts_with("---- ") || line.starts_with("BROKEN ");
        let ends = ["failures:", "test result: ", "| "]
            .iter()
            .any(|end| line.starts_with(end));
        is_failure = begins || (is_failure && !ends);
        if begins {
            lines.push(format!("in {program}"));
        }
        if is_failure {
            lines.push(line.to_owned());
        }
    }
    lines.truncate(MOST);
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_said_again_with_the_program_that_it_failed_in() {
        let output = "\
     Running tests/a.rs (target/debug/deps/a-1)
test one ... FAILED
failures:

---- one stdout ----
thread 'one' panicked at a.rs:1:
left is not right

failures:
    one

test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
     Running hostile/main.rs (target/debug/deps/hostile-1)
BROKEN run loops/a (no report)
         it did not end

| host | family |
test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(
            failures(output),
            "\
in tests/a.rs (target/debug/deps/a-1)
---- one stdout ----
thread 'one' panicked at a.rs:1:
left is not right

in hostile/main.rs (target/debug/deps/hostile-1)
BROKEN run loops/a (no report)
         it did not end
"
        );
    }

    #[test]
    fn the_results_of_all_test_programs_add_up() {
        let output = "\
running 3 tests
test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests cla_semaphore
test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(
            Counts::read(output),
            Counts {
                passed: 5,
                failed: 1,
                ignored: 1
            }
        );
    }
}
