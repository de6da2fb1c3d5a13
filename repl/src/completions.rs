//! `cla completions`: scripts that let a shell complete the command line.

use std::io::{self, Write};
use std::process::ExitCode;

use clap_complete::Shell;

/// Print a script that lets your shell complete `cla`
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  cla completions bash > ~/.local/share/bash-completion/completions/cla
  cla completions zsh > \"${fpath[1]}/_cla\"
  cla completions fish > ~/.config/fish/completions/cla.fish";

/// Prints the script for `command`, the whole program.
pub(crate) fn run(args: &Args, mut command: clap::Command) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "cla", &mut script);
    crate::exit::finish(io::stdout().write_all(&script))
}
