//! `cargo xtask`: everything this repository can do to itself, with nothing but the Rust toolchain to start from.
//!
//! - `cargo xtask test` runs every check that a change must pass ([`mod@test`]).
//! - `cargo xtask types` runs the TypeScript compiler over the declarations and the examples ([`mod@types`]).
//! - `cargo xtask house` shows how the code is divided, and what breaks its order ([`mod@house`]).
//! - `cargo xtask gallery` compares the gallery of mistakes with what the program prints ([`mod@gallery`]).
//! - `cargo xtask bench` measures us beside our peers ([`mod@bench`]).
//! - `cargo xtask chaos` makes faults on purpose, and looks whether the promises hold ([`mod@chaos`]).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};

mod bench;
mod chaos;
mod features;
mod gallery;
mod house;
mod msrv;
mod process;
mod readme;
mod test;
mod tools;
mod types;

/// What this repository can do to itself.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check: format, lints, tests, docs, types, the README's own commands.
    Test(test::Args),
    /// Run the TypeScript compiler over the declarations, the examples and the type tests.
    Types(types::Args),
    /// Show how the code is divided into crates and files, and what breaks the order of docs/architecture.md.
    House(house::Args),
    /// Compare the gallery of mistakes in docs/errors/ with what the program prints, or write it anew.
    Gallery(gallery::Args),
    /// Measure us beside our peers and print one table of ratios. Never a test.
    Bench(bench::Args),
    /// Kill, stop and cut off processes and servers while they take slots, and look whether the promises hold.
    Chaos(chaos::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Task::Test(args) => test::run(&args),
        Task::Types(args) => types::run(&args),
        Task::House(args) => house::run(&args),
        Task::Gallery(args) => gallery::run(&args),
        Task::Bench(args) => bench::run(&args),
        Task::Chaos(args) => chaos::run(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The repository's root, where every command runs.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The cargo that started us, so that a `+toolchain` stays in force.
fn cargo() -> std::process::Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = std::process::Command::new(cargo);
    command.current_dir(root());
    command
}

/// Where cargo puts what it builds, wherever the user's configuration moved it.
fn target_dir() -> Result<PathBuf> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cannot run `cargo metadata`")?;
    ensure!(
        output.status.success(),
        "`cargo metadata` failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let target = metadata["target_directory"]
        .as_str()
        .context("`cargo metadata` named no target directory")?;
    Ok(PathBuf::from(target))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
