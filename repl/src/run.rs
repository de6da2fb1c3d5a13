//! `cla run`: starts rules, all of them at once on one engine, and sees them to their end.

mod names;
mod output;
mod report;
mod screen;
mod signals;
mod stash;
mod status;
mod values;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::{
    Engine, ErrorKind, Limits, Output, OutputStream, RunHandle, RunOptions, RunReport, Script,
};
use clap::CommandFactory;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::output::{Colours, RunOutput};
use self::screen::Screen;
use self::signals::{Signal, Signals};
use self::values::StoreUrl;

/// The file name that means standard input.
const STDIN: &str = "-";

/// What the script on standard input is called where a file would have its name.
const STDIN_NAME: &str = "<stdin>";

/// Each run reserves a stack, and no system lets a process have many more of those.
const MAX_COPIES: i64 = 100_000;

/// More threads than the largest machines have processors.
const MAX_WORKERS: i64 = 1024;

/// Who waits for less than this does not wonder what is going on.
const STATUS_DELAY: Duration = Duration::from_secs(1);

/// How often the status line is brought up to date.
const STATUS_INTERVAL: Duration = Duration::from_millis(250);

/// Run rules: JavaScript or TypeScript files, all of them at once
///
/// Each file, and each copy of it, is a run of its own: it has its own memory, and shares nothing
/// with the others but the semaphores. Runs start, and so queue, in the order in which they are
/// named.
///
/// A rule may import files below its own folder and below the current one. What it returns (its
/// last expression or default export) is not printed unless --print or --json asks for it.
///
/// With several runs, every line of output begins with the name of its run.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The rules; `-` is a script on standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run every file this many times, at once
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=MAX_COPIES))]
    copies: u32,
    /// End a run that takes longer, waiting included: 250ms, 30s, 5m, 1h30m, or seconds
    #[arg(long, value_name = "DURATION", value_parser = values::timeout, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// End a run that uses more memory: 64M, 1GiB (powers of 1024)
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = values::memory)]
    memory: usize,
    /// How deep calls may nest, as bytes of stack: 512K, 4M
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = values::stack)]
    stack: usize,
    /// Data for the rules, in `cla.stash`: VALUE is JSON, or else text
    ///
    /// KEY is a name, or a JSON pointer such as /server/port. May be given many times.
    #[arg(long, value_name = "KEY=VALUE", value_parser = stash::Entry::parse)]
    stash: Vec<stash::Entry>,
    /// Where the semaphores are: `memory:` is inside of this process
    #[arg(long, value_name = "URL", env = "CLA_STORE", default_value = "memory:",
          value_parser = values::store)]
    store: StoreUrl,
    /// Threads that run rules
    ///
    /// One is enough for any number of rules that wait. More let rules that compute use more
    /// processors; the order in which runs start is then no longer certain.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MAX_WORKERS))]
    workers: u16,
    /// Print what each run returned, as a line of JSON
    #[arg(long, short, conflicts_with = "json")]
    print: bool,
    /// Print one JSON object per run as it ends; the rules' own output goes to standard error
    ///
    /// Its fields: id, name, file, status (ok, failed, cancelled, timed_out, out_of_memory,
    /// stack_overflow), value, error (null, or kind, name, message, location, ...), waited and ran
    /// (seconds), semaphores (name, taken, waited, held), peak_memory (bytes).
    #[arg(long)]
    json: bool,
    /// Arguments for the rules, in `args` of the module cla/process
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

const AFTER_HELP: &str = "\
Examples:
  cla run deploy.js
  cla run --copies 5 queue.js            five runs that queue for what they take
  cla run queue.js steer.js              two rules that share their semaphores
  cla run --timeout 30s --memory 64M untrusted.js
  cla run --stash user=root --stash /server/port=22 deploy.js
  echo 'print(1 + 2)' | cla run -
  cla run --json *.js | jq .status

Exit code:
  0    every run succeeded
  1    a run failed; its error is on standard error
  2    wrong usage
  130  interrupted by Ctrl-C: every run was cancelled and gave back what it held;
       a second Ctrl-C exits at once. 143 is the same by SIGTERM.
  141  whoever read the output is gone; every run was cancelled";

pub(crate) fn run(args: &Args) -> ExitCode {
    let stash = match stash::stash(args.stash.clone()) {
        Ok(stash) => stash,
        Err(problem) => wrong_usage(&problem),
    };
    let plan = match plan(args) {
        Ok(plan) => plan,
        Err(error) => {
            crate::report(&format_args!(
                "cannot read the script on standard input: {error}"
            ));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let signals = Signals::listen()?;
            let options = RunOptions::new()
                .stash(stash)
                .arguments(args.arguments.clone());
            let mut session = Session::new(args, plan.len());
            let live = session.start(plan, &options);
            session.attend(live, signals).await;
            io::Result::Ok(session.end())
        })
    });
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::report(&format_args!("cannot start: {error}"));
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// Ends the program for an argument that is wrong only together with others.
fn wrong_usage(problem: &str) -> ! {
    let mut command = crate::Cli::command();
    command.build();
    let error = match command.find_subcommand_mut("run") {
        Some(run) => run.error(clap::error::ErrorKind::ValueValidation, problem),
        None => command.error(clap::error::ErrorKind::ValueValidation, problem),
    };
    error.exit()
}

/// One of the runs that the command line asks for.
struct Planned {
    name: String,
    /// As the user wrote it.
    file: String,
    script: Script,
}

/// What is to run, in the order of the command line.
///
/// # Errors
///
/// Standard input is named, and cannot be read. A file is read by its run, whose failure it is.
fn plan(args: &Args) -> io::Result<Vec<Planned>> {
    let copies = args.copies as usize;
    let mut names = names::names(&args.files, copies).into_iter();
    let mut plan = Vec::with_capacity(names.len());
    let mut stdin = None;
    for file in &args.files {
        let script = if file == Path::new(STDIN) {
            let text = match &stdin {
                Some(text) => Arc::clone(text),
                None => Arc::clone(stdin.insert(io::read_to_string(io::stdin())?.into())),
            };
            Script::new(STDIN_NAME, text).in_folder(".")
        } else {
            Script::file(file)
        };
        let file = file.to_string_lossy();
        plan.extend(names.by_ref().take(copies).map(|name| Planned {
            name,
            file: file.clone().into_owned(),
            script: script.clone(),
        }));
    }
    Ok(plan)
}

/// A run that was started.
struct Started {
    file: String,
    output: Arc<RunOutput>,
}

/// The reports that are still to come.
type Live = FuturesUnordered<std::pin::Pin<Box<dyn Future<Output = (Started, RunReport)>>>>;

/// The runs of one command, from start to exit code.
struct Session {
    engine: Engine,
    screen: Arc<Screen>,
    colours: Colours,
    json: bool,
    print: bool,
    total: usize,
    done: usize,
    failed: usize,
    /// How many were cancelled: of those that failed.
    stopped: usize,
    /// Who asked for the end of all runs.
    signal: Option<Signal>,
}

impl Session {
    fn new(args: &Args, total: usize) -> Self {
        let mut limits = Limits::default().memory(args.memory).stack(args.stack);
        if let Some(timeout) = args.timeout {
            limits = limits.timeout(timeout);
        }
        let engine = Engine::builder()
            .workers(args.workers.into())
            .limits(limits)
            .semaphores(args.store.open())
            .allow_folder(".")
            .with(cla_stdlib::install)
            .build();
        Self {
            engine,
            screen: Arc::new(Screen::new()),
            colours: Colours::detect(),
            json: args.json,
            print: args.print,
            total,
            done: 0,
            failed: 0,
            stopped: 0,
            signal: None,
        }
    }

    /// Starts all runs.
    fn start(&self, plan: Vec<Planned>, options: &RunOptions) -> Live {
        let started = plan.into_iter().enumerate().map(|(index, planned)| {
            let output = Arc::new(self.output(&planned.name, index));
            let options = options
                .clone()
                .name(planned.name)
                .output(Arc::clone(&output) as Arc<dyn Output>);
            let handle: RunHandle = self.engine.run(planned.script, options);
            let file = planned.file;
            Box::pin(async move { (Started { file, output }, handle.await) }) as _
        });
        started.collect()
    }

    fn output(&self, name: &str, index: usize) -> RunOutput {
        let screen = Arc::clone(&self.screen);
        if self.total == 1 {
            RunOutput::plain(screen, self.json)
        } else {
            RunOutput::named(screen, self.json, name, index, self.colours)
        }
    }

    /// Looks after the runs until the last one has ended.
    async fn attend(&mut self, mut live: Live, mut signals: Signals) {
        let screen = Arc::clone(&self.screen);
        let with_status = self.total > 1 && !self.json && screen.has_status();
        let mut ticks = interval_at(Instant::now() + STATUS_DELAY, STATUS_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !live.is_empty() {
            tokio::select! {
                biased;
                signal = signals.next() => self.on_signal(signal),
                () = screen.until_lost() => self.engine.cancel_all(),
                Some((started, report)) = live.next() => self.conclude(&started, &report),
                _ = ticks.tick(), if with_status && self.signal.is_none() => self.show_status(live.len()).await,
            }
        }
        self.screen.clear_status();
    }

    /// The first signal cancels every run; the second ends the program, if it got this far.
    fn on_signal(&mut self, signal: Signal) {
        if self.signal.is_some() {
            std::process::exit(signal.exit_code().into());
        }
        self.signal = Some(signal);
        // Nothing may be left on the terminal if there is a second one.
        self.screen.clear_status();
        self.engine.cancel_all();
    }

    /// Says how a run ended.
    fn conclude(&mut self, run: &Started, report: &RunReport) {
        run.output.finish();
        self.done += 1;
        if self.json {
            let line = report::json(&run.file, report);
            self.screen.write(OutputStream::Stdout, &line);
        }
        match &report.result {
            Ok(value) if self.print => run.output.add(OutputStream::Stdout, &format!("{value}\n")),
            Ok(_) => {}
            Err(error) => {
                self.failed += 1;
                let stopped = error.kind == ErrorKind::Cancelled;
                self.stopped += usize::from(stopped);
                if !stopped && !self.json {
                    let text = error.render(self.colours.stderr);
                    let text = format!("{}\n", text.trim_end());
                    run.output.add(OutputStream::Stderr, &text);
                }
            }
        }
    }

    async fn show_status(&self, live: usize) {
        // The status line is no reason to fail when the store does not answer.
        let semaphores = self.engine.semaphores().list().await.unwrap_or_default();
        self.screen
            .show_status(&status::describe(live, self.done, &semaphores));
    }

    /// Says what is to be said about all runs together, and gives the exit code.
    fn end(&self) -> u8 {
        if let Some(signal) = self.signal {
            let runs = if self.stopped == 1 { "run" } else { "runs" };
            self.screen
                .complain(&format!("cancelled {} {runs}\n", self.stopped));
            return signal.exit_code();
        }
        match self.screen.lost() {
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => crate::exit::PIPE_CLOSED,
            Some(error) => {
                crate::report(&format_args!("cannot write to standard output: {error}"));
                crate::exit::FAILED
            }
            None if self.failed == 0 => 0,
            None => {
                if self.total > 1 && !self.json {
                    crate::report(&format_args!(
                        "{} of {} runs failed",
                        self.failed, self.total
                    ));
                }
                crate::exit::FAILED
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use cla_runtime::Limits;
    use clap::Parser;

    #[test]
    fn the_limits_that_help_shows_are_the_engines() {
        let crate::Cli {
            command: crate::Command::Run(args),
            ..
        } = crate::Cli::parse_from(["cla", "run", "a.js"])
        else {
            panic!("`cla run` is a run");
        };
        let limits = Limits::default();
        assert_eq!(args.memory, limits.memory);
        assert_eq!(args.stack, limits.stack);
        assert_eq!(args.timeout, limits.timeout);
    }
}
