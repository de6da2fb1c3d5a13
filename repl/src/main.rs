//! `cla`: runs automation rules from the command line.
//!
//! One file per subcommand: its arguments, and what it does. What the subcommands do is done by the
//! engine (`cla-runtime`) and the standard library (`cla-stdlib`); here they meet the terminal.

mod check;
mod completions;
mod doctor;
mod durations;
mod out;
mod render;
mod repl;
mod run;
mod sem;
mod serve;
mod server;
mod signals;
mod store;
mod token;
mod types;

use std::fmt::Display;
use std::process::ExitCode;

use cla_runtime::semaphore::printable_lines;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};

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
  cla repl                         try rules and steer semaphores at a prompt
  cla sem list                     who holds and who waits for what, in all terminals
  cla sem slots deploy-target 2    let two at once
  cla serve                        the same in a browser, live, and for programs over HTTP
  cla doctor                       where the semaphores are, and whether all is well there
  cla types                        what rules can import, as TypeScript declarations
  cla run --help                   everything about running rules";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Repl(repl::Args),
    Check(check::Args),
    Sem(sem::Args),
    Serve(serve::Args),
    Token(token::Args),
    Doctor(doctor::Args),
    Types(types::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Should a rule find a way past the checks of its stack, say which one.
    cla_runtime::report_stack_overflow();
    cli.colour.write_global();
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Repl(args) => repl::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Sem(args) => sem::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Types(args) => types::run(&args),
        Command::Completions(args) => completions::run(&args),
    }
}

/// An event loop for a command.
///
/// # Errors
/// There are no descriptors for it.
pub(crate) fn event_loop() -> std::io::Result<tokio::runtime::Runtime> {
    cla_runtime::semaphore::descriptors::for_an_event_loop()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// The exit codes that mean the same in every subcommand; wrong usage is clap's 2.
mod exit {
    /// A rule failed, or the program could not do what it was asked.
    pub(crate) const FAILED: u8 = 1;
    /// What was asked for was understood, and is not to be had as it was asked for.
    pub(crate) const USAGE: u8 = 2;
    /// Waited as long as it was allowed to: `EX_TEMPFAIL`, try again later.
    pub(crate) const TIMED_OUT: u8 = 75;
    /// Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 128 + 2;
    /// Nobody reads the output any more: what a shell says of a program that SIGPIPE ended.
    pub(crate) const PIPE_CLOSED: u8 = 128 + 13;
}

/// Ends a subcommand that writes to standard output.
///
/// A reader that has gone away (`cla types | head`) is no error worth a message.
fn finish(result: std::io::Result<()>) -> ExitCode {
    ExitCode::from(written(result))
}

/// The exit code of a subcommand that did all but write to standard output.
fn written(result: std::io::Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => exit::PIPE_CLOSED,
        Err(error) => {
            report(&error);
            exit::FAILED
        }
    }
}

/// Tells the user what went wrong, in the form that clap gives its errors too.
fn report(problem: &dyn Display) {
    anstream::eprint!("{}", reported(problem));
}

/// What [`report`] prints.
fn reported(problem: &dyn Display) -> String {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let problem = problem.to_string();
    format!("{style}error:{style:#} {}\n", printable_lines(&problem))
}

/// Tells the user what is not as it should be, although the program goes on.
fn warn(problem: &dyn Display) {
    anstream::eprint!("{}", warned(problem));
}

/// What [`warn`] prints.
fn warned(problem: &dyn Display) -> String {
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    let problem = problem.to_string();
    format!("{style}warning:{style:#} {}\n", printable_lines(&problem))
}

/// Ends the program for an argument of `subcommand` that is wrong only together with others.
fn wrong_usage(subcommand: &str, problem: &dyn Display) -> ! {
    let mut command = Cli::command();
    command.build();
    let error = match command.find_subcommand_mut(subcommand) {
        Some(found) => found.error(ErrorKind::ValueValidation, problem),
        None => command.error(ErrorKind::ValueValidation, problem),
    };
    error.exit()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
