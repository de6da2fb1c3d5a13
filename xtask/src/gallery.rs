//! `cargo xtask gallery`: the pages of `docs/errors/`, which show what is printed for each mistake of the gallery.
//!
//! The work is done by the test `gallery` of the program (`repl/tests/gallery.rs`), which is a part of `cargo xtask test`.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cargo;

/// The arguments of `cargo xtask gallery`.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  cargo xtask gallery             build the program, and compare the pages with what it prints
  cargo xtask gallery --write     write the pages anew")]
pub(crate) struct Args {
    /// Write the pages anew.
    #[arg(long)]
    write: bool,
}

/// Runs the test, as `cargo test` does.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut test = cargo();
    test.args(["test", "--workspace", "--locked", "--test", "gallery"]);
    if args.write {
        test.args(["--", "--write"]);
    }
    let status = test.status().context("cannot run `cargo test`")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
