//! How the program ends, and what it says when something is wrong: the same in every subcommand.

use std::fmt::Display;
use std::process::ExitCode;

use cla_runtime::semaphore::printable_lines;
use clap::error::ErrorKind;

/// A rule failed, or the program could not do what it was asked.
pub(crate) const FAILED: u8 = 1;
/// The request was understood, but cannot be fulfilled in this form. Also clap's code for wrong usage.
pub(crate) const USAGE: u8 = 2;
/// Waited as long as it was allowed to: `EX_TEMPFAIL`, try again later.
pub(crate) const TIMED_OUT: u8 = 75;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 128 + 2;
/// The reader of the output has gone: the code that a shell gives to a program that SIGPIPE ended.
pub(crate) const PIPE_CLOSED: u8 = 128 + 13;

/// Ends a subcommand that writes to standard output.
///
/// A reader that has gone away (`cla types | head`) is no error worth a message.
pub(crate) fn finish(result: std::io::Result<()>) -> ExitCode {
    ExitCode::from(written(result))
}

/// The exit code of a subcommand that has only its standard output left to write.
pub(crate) fn written(result: std::io::Result<()>) -> u8 {
    match result {
        Ok(()) => 0,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => PIPE_CLOSED,
        Err(error) => {
            report(&error);
            FAILED
        }
    }
}

/// Says what went wrong, in the form that clap gives its errors too.
pub(crate) fn report(problem: &dyn Display) {
    anstream::eprint!("{}", reported(problem));
}

/// What [`report`] prints.
pub(crate) fn reported(problem: &dyn Display) -> String {
    let style = anstyle::AnsiColor::Red.on_default().bold();
    let problem = problem.to_string();
    format!("{style}error:{style:#} {}\n", printable_lines(&problem))
}

/// Reports a problem that does not end the program.
pub(crate) fn warn(problem: &dyn Display) {
    anstream::eprint!("{}", warned(problem));
}

/// What [`warn`] prints.
pub(crate) fn warned(problem: &dyn Display) -> String {
    let style = anstyle::AnsiColor::Yellow.on_default().bold();
    let problem = problem.to_string();
    format!("{style}warning:{style:#} {}\n", printable_lines(&problem))
}

/// Ends the program for an argument of `subcommand`, which takes `A`, that is wrong only together with others.
pub(crate) fn wrong_usage<A: clap::Args>(subcommand: &'static str, problem: &dyn Display) -> ! {
    let command = clap::Command::new(subcommand).bin_name(format!("cla {subcommand}"));
    let error = A::augment_args(command).error(ErrorKind::ValueValidation, problem);
    error.exit()
}
