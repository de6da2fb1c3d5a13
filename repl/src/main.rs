//! `cla`: runs automation rules from the command line.
//!
//! One file per subcommand: its arguments, and what it does. What the subcommands do is done by the
//! engine (`cla-runtime`) and the standard library (`cla-stdlib`); here they meet the terminal.

mod completions;
mod run;
mod types;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Runs automation rules whose semaphores protect scarce things.
#[derive(Debug, Parser)]
#[command(name = "cla", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Cli {
    #[command(flatten)]
    colour: colorchoice_clap::Color,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cla run deploy.js                run a rule
  cla run --copies 5 deploy.js     run it five times at once: they queue for what it takes
  cla types                        what rules can import, as TypeScript declarations
  cla run --help                   everything about running rules";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Types(types::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    cli.colour.write_global();
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Types(args) => types::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// The exit codes that mean the same in every subcommand; wrong usage is clap's 2.
mod exit {
    /// A rule failed, or the program could not do what it was asked.
    pub(crate) const FAILED: u8 = 1;
    /// Nobody reads the output any more: what a shell says of a program that SIGPIPE ended.
    pub(crate) const PIPE_CLOSED: u8 = 128 + 13;
}

/// Ends a subcommand that writes to standard output.
///
/// A reader that has gone away (`cla types | head`) is no error worth a message.
fn finish(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::from(exit::PIPE_CLOSED)
        }
        Err(error) => {
            report(&error);
            ExitCode::from(exit::FAILED)
        }
    }
}

/// Tells the user what went wrong, in the form that clap gives its errors too.
fn report(problem: &dyn std::fmt::Display) {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{style}error:{style:#} {problem}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
