//! `cargo xtask chaos`: faults on purpose, for as long as one likes. What is done, and what is looked at: `tests/chaos`.

use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::Log;
use crate::test::programs::Program;
use crate::{cargo, root, target_dir, tools};

/// A cold build of all tests.
const BUILD_LIMIT: Duration = Duration::from_secs(45 * 60);

/// The arguments of `cargo xtask chaos`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask chaos                                   a file and a Redis server, a minute each
  cargo xtask chaos --store sqlite --minutes 60       an hour of one store
  cargo xtask chaos --store redis-kept --seed 4711    the same faults once more

It ends with exit code 1 when a promise was broken, and says which. The same seed gives the same faults in the same order;
what the processes are doing just then is another matter each time.")]
pub(crate) struct Args {
    /// Which store: `sqlite`, `redis` (keeps nothing), `redis-kept` (writes all to disk), `redis-sentinel`, `all`.
    #[arg(long, default_value = "all")]
    store: String,
    /// How long, for each store.
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// From which the faults follow. One by chance unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Show what the build prints.
    #[arg(long, short)]
    verbose: bool,
}

/// `cargo xtask chaos`.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut log = Log::create(
        &target_dir()?.join("xtask/chaos.log"),
        "building",
        args.verbose,
    )?;
    if args.store != "sqlite" {
        tools::need_redis(&mut log)?;
    }
    let mut build = cargo();
    build.args([
        "test",
        "--workspace",
        "--locked",
        "--no-run",
        "--test",
        "chaos",
    ]);
    build.arg("--message-format=json-render-diagnostics");
    eprintln!("building the processes; the first time takes some minutes");
    let built = log.capture(&mut build, BUILD_LIMIT)?;
    let program = built.printed.lines().find_map(Program::read);
    let program = program.context("cargo did not build tests/chaos; see target/xtask/chaos.log")?;
    let mut command = Command::new(program.file());
    command.current_dir(root()).args(["--store", &args.store]);
    command.args(["--minutes", &args.minutes.to_string()]);
    if let Some(seed) = args.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    let status = command.status().context("cannot run it")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
