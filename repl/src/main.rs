//! `cla`: runs automation rules from the command line.
//!
//! One file per subcommand: its arguments, and what it does. What the subcommands do is done by the
//! engine (`cla-runtime`) and the standard library (`cla-stdlib`); here they meet the terminal.

mod check;
mod completions;
mod doctor;
mod durations;
mod event_loop;
mod exit;
mod graph;
mod init;
mod out;
mod permissions;
mod render;
mod repl;
mod run;
mod secrets;
mod sem;
mod serve;
mod server;
mod signals;
mod store;
mod token;
mod types;
mod waiting;

use std::process::ExitCode;

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
  cla graph deploy.yml             draw a rulebook, with its semaphores
  cla repl                         try rules and steer semaphores at a prompt
  cla sem list                     who holds and who waits for what, in all terminals
  cla sem slots deploy-target 2    let two at once
  cla serve                        the same in a browser, live, and for programs over HTTP
  cla doctor                       where the semaphores are, and whether all is well there
  cla init                         start a folder with a rule, a rulebook and a test
  cla types                        what rules can import, as TypeScript declarations
  cla run --help                   everything about running rules";

#[derive(Debug, Subcommand)]
#[command(defer = true)]
enum Command {
    Run(run::Args),
    Repl(repl::Args),
    Check(check::Args),
    Graph(graph::Args),
    Sem(sem::Args),
    Serve(serve::Args),
    Token(token::Args),
    Doctor(doctor::Args),
    Init(init::Args),
    Types(types::Args),
    Completions(completions::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // If a rule gets past the checks of its stack, the crash report names it.
    cla_runtime::internal::report_stack_overflow();
    cli.colour.write_global();
    match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Repl(args) => repl::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Graph(args) => graph::run(&args),
        Command::Sem(args) => sem::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Token(args) => token::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::Init(args) => init::run(&args),
        Command::Types(args) => types::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
