//! `cla run`: starts rules, all of them at once on one engine, and sees them to their end.

mod dry;
mod explain;
mod lanes;
mod names;
mod output;
mod plan;
mod profile;
mod remote;
mod screen;
mod session;
mod settings;
pub(crate) mod sizes;
pub(crate) mod stash;
mod status;
mod timeline;
pub(crate) mod trace;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::RunOptions;
use cla_runtime::internal::inherited_dependents;
use cla_runtime::output::OutputStream;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::Semaphores;
use cla_runtime::trace::{Trace, TracedRun};
use cla_runtime::value::Wanted;

use self::session::Session;
use self::settings::ByFolder;
use crate::permissions::{Granted, PermissionArgs};
use crate::secrets::SecretArgs;
use crate::server::ServerArgs;
use crate::signals::Signals;
use crate::store::StoreArgs;

/// The most copies of a file: each run reserves a stack, and no system lets a process have many more of those.
const MAX_COPIES: i64 = 100_000;

/// The most threads: more than the largest machines have processors.
const MAX_WORKERS: i64 = 1024;

/// Run rules: JavaScript or TypeScript files, or YAML rulebooks, all of them at once
///
/// Each file, and each copy of it, is a run of its own: it has its own memory, and shares nothing
/// with the others but the semaphores. Runs start, and so queue, in the order in which they are
/// named.
///
/// A rule may what you may, until an option --allow-..., --deny-... or --sandbox, or `[permissions]` in cla.toml, says
/// what it may. It imports files below its own folder and below the current one. What it returns (its
/// last expression or default export) is not printed unless --print or --json asks for it.
///
/// With several runs, every line of output begins with the name of its run.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Args {
    /// The rules; `-` is one on standard input
    #[arg(required_unless_present = "arguments", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The language of the rule on standard input: js, unless it can be nothing but a rulebook
    #[arg(long, value_name = "LANG", value_enum)]
    lang: Option<plan::Lang>,
    /// Run every file this many times, at once
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=MAX_COPIES))]
    copies: u32,
    /// End a run that takes longer, waiting included: 250ms, 30s, 5m, 1h30m, or seconds
    #[arg(long, value_name = "DURATION", value_parser = crate::durations::limit, allow_negative_numbers = true)]
    timeout: Option<Duration>,
    /// How long a run may go on in its `finally` blocks after its end was asked for, or its time is over
    ///
    /// That is for a run with all that it started. With 0, nothing of a rule is executed any more.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = crate::durations::patience, allow_negative_numbers = true)]
    grace: Duration,
    /// End a run that uses more memory: 64M, 1GiB (powers of 1024)
    ///
    /// It is one limit for a run with all that it starts: forks, and other rules.
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = sizes::memory)]
    memory: usize,
    /// How deep calls may nest, as bytes of stack: 512K, 4M
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = sizes::stack)]
    stack: usize,
    /// Data for the rules, in `cla.stash`: VALUE is JSON, or else text, as a version such as 1.10 is
    ///
    /// KEY is a name, or a JSON pointer such as /server/port. @FILE is a file with a JSON object, - is one on standard input.
    /// May be given many times; of two values for one place, the later counts.
    #[arg(long, value_name = "KEY=VALUE|@FILE|-", value_parser = stash::Entry::parse)]
    stash: Vec<stash::Entry>,
    /// Run what rulebooks have under `on` for this event, with --stash as its data, instead of their `do`
    ///
    /// A JavaScript rule must export it in `on`; then it runs as always.
    #[arg(long, value_name = "NAME")]
    event: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    permissions: PermissionArgs,
    #[command(flatten)]
    secrets: SecretArgs,
    #[command(flatten)]
    server: ServerArgs,
    /// Threads that run rules
    ///
    /// One is enough for any number of rules that wait. More let rules that compute use more
    /// processors; the order in which runs start is then no longer certain.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=MAX_WORKERS))]
    workers: u16,
    /// Do not say at a terminal, after a second, what the runs wait for
    #[arg(long, short)]
    quiet: bool,
    /// Print what each run returned, as a line of JSON
    #[arg(long, short, conflicts_with = "json")]
    print: bool,
    /// Print one JSON object per run as it ends; the rules' own output goes to standard error
    ///
    /// Its fields: id, name, file, status (ok, failed, cancelled, timed_out, out_of_memory,
    /// stack_overflow), value, error (null, or kind, name, message, location, ...), waited and ran
    /// (seconds), semaphores (name, taken, waited, held), regions (semaphore, who, line, asked, waited, held,
    /// granted, outcome), forks (what it started: id, name, parent, began, ended, ok, regions), profile (with --profile),
    /// peak_memory (bytes), exit_code (if the rule said one).
    #[arg(long)]
    json: bool,
    /// Show what rulebooks would do, and the semaphores that they would take, and do nothing
    ///
    /// Fills in what --stash says. With --json: an array with an object per rule.
    #[arg(long, conflicts_with_all = ["copies", "print", "timeline", "trace", "profile", "flamegraph"])]
    dry_run: bool,
    /// Show what the rules may reach, within which limits, and who says so, and do nothing
    ///
    /// With --json: an object.
    #[arg(long, conflicts_with_all = ["copies", "print", "timeline", "trace", "profile", "flamegraph", "dry_run"])]
    explain: bool,
    /// Draw what the runs and their forks waited for and held, at the end: what rulebooks tag, and what scripts `take`
    #[arg(long)]
    timeline: bool,
    /// Write the same to a file: .svg is a picture, anything else the Chrome trace format
    ///
    /// Perfetto (ui.perfetto.dev), Speedscope and chrome://tracing open it.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print on standard error, at the end, where the time of the runs and their forks went
    ///
    /// For each op and region of a rulebook, and for each `sem.take`, command and request of a script: how often, in total,
    /// without what is within it (own), the waits for slots, and the average, shortest and longest time. What took most time of
    /// its own is first. With --json, it is in each report.
    #[arg(long)]
    profile: bool,
    /// Write the same to a file, as a flame graph: .svg is a picture, anything else folded stacks in microseconds
    #[arg(long, value_name = "FILE")]
    flamegraph: Option<PathBuf>,
    /// Arguments for the rules, in `args` of the module cla/process
    ///
    /// Without a FILE, the first one is the rule: `#!/usr/bin/env -S cla run --` in a rule's first line makes it a program
    /// that gets all that is behind its name.
    #[arg(last = true, value_name = "ARG")]
    arguments: Vec<String>,
}

const AFTER_HELP: &str = "\
Examples:
  cla run deploy.js
  cla run --copies 5 queue.js            five runs that queue for what they take
  cla run deploy.yml                     a rulebook's `do`
  cla run deploy.yml --event pushed --stash branch=main
  cla run deploy.yml --event pushed --stash @event.json --stash dry=true
  curl -s https://example.com/event | cla run deploy.yml --stash -
  cla run --dry-run deploy.yml           what it would do, and which semaphores it would take
  cla run --timeline fan-out.yml         who waited, and who held what, at the end
  cla run --profile deploy.yml           where the time went, op by op, at the end
  cla run queue.js steer.js              two rules that share their semaphores
  cla run --timeout 30s --memory 64M deploy.js
  cla run --stash user=root --stash /server/port=22 deploy.js
  echo 'print(1 + 2)' | cla run -
  echo 'do: [echo: hi]' | cla run -      a rulebook, recognised by its text; or with --lang yaml
  cla run deploy.js -- --dry staging     arguments for the rule
  cla run --server https://cla.example.com --token-file token nightly.yml report.js
                                         rules of the folder that a `cla serve` serves
  cla run --sandbox untrusted.js         take semaphores, and reach nothing else
  cla run --allow-read=data --allow-net=api.example.com:443 report.js
  cla run --explain report.js            what it may reach
  cla run --secret TOKEN push.js         cla.secret('TOKEN') is the variable TOKEN, and never shown
  cla run --json *.js | jq .status

Exit code:
  0    every run succeeded
  1    a run failed; its error is on standard error
  2    wrong usage, which includes CLA_STORE and cla.toml
  N    what a single rule says with process.exit(N) or process.exitCode
  130  interrupted by Ctrl-C: every run was cancelled, executed its `finally` blocks within
       --grace, and gave back what it held; a second Ctrl-C exits at once. 143 is the same
       by SIGTERM.
  141  the reader of the output is gone; every run was cancelled";

pub(crate) fn run(args: &Args) -> ExitCode {
    if args.files.is_empty() {
        let mut args = args.clone();
        args.files.push(args.arguments.remove(0).into());
        return run(&args);
    }
    let reads_rule = args.files.iter().any(|file| file == Path::new(plan::STDIN));
    if args.lang.is_some() && !reads_rule {
        let problem = "--lang says the language of standard input, which no FILE is: the end of a file's name says its own";
        crate::exit::wrong_usage::<Args>("run", &problem)
    }
    let stdin_is = reads_rule.then_some("the rule");
    let stash = match stash::stash(args.stash.clone(), stdin_is) {
        Ok(stash) => stash,
        Err(problem) => crate::exit::wrong_usage::<Args>("run", &problem),
    };
    match args.server.connect() {
        Ok(None) => {}
        Ok(Some(_)) if args.permissions.is_given() || args.explain => {
            let problem = "with --server, the service says what rules may";
            crate::exit::wrong_usage::<Args>("run", &problem)
        }
        Ok(Some(_)) if args.secrets.are_given() => {
            let problem = "with --server, secrets cannot be given: the service has its own";
            crate::exit::wrong_usage::<Args>("run", &problem)
        }
        Ok(Some(client)) => return remote::run(args, &stash, &client),
        Err(problem) => crate::exit::wrong_usage::<Args>("run", &problem),
    }
    let opened = args
        .store
        .choose()
        .and_then(|choice| choice.open().map(|semaphores| (choice.url, semaphores)));
    let (store, semaphores) = match opened {
        Ok(opened) => opened,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let granted = match args.permissions.grant(Path::new(".")) {
        Ok(granted) => granted,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    let here = Path::new(".");
    let secrets = match args.secrets.of_rules(here, &args.permissions, &store) {
        Ok(secrets) => secrets,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    if args.explain {
        return crate::exit::finish(explain::print(args, &granted, &store, &secrets));
    }
    let settings = match settings::Settings::read(&args.files) {
        Ok(settings) => settings,
        Err(problem) => {
            crate::exit::report(&problem);
            return ExitCode::from(crate::exit::USAGE);
        }
    };
    if args.dry_run {
        return dry_run(args, &stash, &settings, &semaphores, &granted, secrets);
    }
    let plan = match plan::plan(&args.files, args.copies as usize, args.lang) {
        Ok(plan) => plan,
        Err(error) => {
            crate::exit::report(&format_args!(
                "cannot read the script on standard input: {error}"
            ));
            return ExitCode::from(crate::exit::FAILED);
        }
    };
    let runtime = crate::event_loop::event_loop();
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let mut signals = Signals::listen()?;
            // A value that is not shown need not be converted.
            let wanted = if args.json || args.print {
                Wanted::Json
            } else {
                Wanted::Nothing
            };
            let mut options = RunOptions::new()
                .stash(stash)
                .wanted(wanted)
                .secrets(secrets)
                .waited_for_by(inherited_dependents())
                .arguments(args.arguments.clone());
            if let Some(event) = &args.event {
                options = options.event(event.as_str());
            }
            // Several would take from each other what they read.
            if plan.len() == 1 && !reads_rule && !stash::reads_stdin(&args.stash) {
                options = options.data(cla_stdlib::Input::of_process());
            }
            // A report of a run that is traced has its forks.
            let traced = args.timeline || args.trace.is_some() || args.json;
            let trace = traced.then(Trace::start);
            if let Some(trace) = &trace {
                options = options.trace(Arc::clone(trace));
            }
            let mut session = Session::new(args, plan.len(), semaphores.clone(), &granted);
            let cautions = session.caution(&store, &semaphores);
            let live = session.start(plan, &ByFolder::new(&options, settings));
            session.attend(live, &mut signals).await;
            crate::store::close(&semaphores).await;
            cautions.said().await;
            session.drain(&mut signals, 0).await;
            let mut code = session.end();
            if let Some(trace) = trace {
                code = show(args, &session, &trace.runs()).max(code);
            }
            code = show_profile(args, &session).max(code);
            io::Result::Ok(session.drain(&mut signals, code).await)
        })
    });
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// Shows what would be done.
fn dry_run(
    args: &Args,
    stash: &serde_json::Value,
    settings: &settings::Settings,
    semaphores: &Semaphores,
    granted: &Granted,
    secrets: Secrets,
) -> ExitCode {
    let runtime = crate::event_loop::event_loop();
    let shown = runtime.map(|runtime| {
        runtime.block_on(async {
            let engine = session::engine(args, semaphores.clone(), granted);
            let mut options = RunOptions::new().stash(stash.clone()).secrets(secrets);
            if let Some(event) = &args.event {
                options = options.event(event.as_str());
            }
            let options = ByFolder::new(&options, settings.clone());
            let code = dry::run(&engine, &args.files, args.lang, &options, args.json).await;
            crate::store::close(semaphores).await;
            code
        })
    });
    match shown {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            crate::exit::report(&format_args!("cannot start: {error}"));
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// Shows what the runs waited for and held, as the user asked. Gives an exit code.
fn show(args: &Args, session: &Session, runs: &[TracedRun]) -> u8 {
    let mut code = 0;
    if args.timeline {
        // With --json, standard output is for programs.
        let width = if args.json {
            terminal_size::terminal_size_of(io::stderr())
        } else {
            terminal_size::terminal_size_of(io::stdout())
        };
        let width = width.map_or(timeline::WIDTH, |(width, _)| usize::from(width.0));
        let lines = timeline::lines(runs, width);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let stream = if args.json {
            OutputStream::Stderr
        } else {
            OutputStream::Stdout
        };
        session.show(stream, &text);
    }
    if let Some(file) = &args.trace {
        let text = if is_picture(file) {
            trace::svg(runs)
        } else {
            trace::chrome(runs)
        };
        code = write(session, file, &text).max(code);
    }
    code
}

/// Shows where the time of the runs went, as the user asked. Gives an exit code.
fn show_profile(args: &Args, session: &Session) -> u8 {
    let profiles = session.profiles();
    if args.profile && !args.json {
        let places = profile::merged(profiles.iter().map(|profile| profile.places()));
        let width = terminal_size::terminal_size_of(io::stderr());
        let width = width.map(|(width, _)| usize::from(width.0));
        let lines = profile::lines(&places, width);
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        session.show(OutputStream::Stderr, &text);
    }
    let Some(file) = &args.flamegraph else {
        return 0;
    };
    let stacks: Vec<_> = profiles
        .iter()
        .flat_map(|profile| profile.stacks())
        .collect();
    let text = match is_picture(file) {
        true => profile::svg(&stacks),
        false => profile::folded(&stacks),
    };
    write(session, file, &text)
}

fn is_picture(file: &Path) -> bool {
    file.extension().is_some_and(|kind| kind == "svg")
}

/// Writes what was asked for. Gives an exit code.
fn write(session: &Session, file: &Path, text: &str) -> u8 {
    match std::fs::write(file, text) {
        Ok(()) => 0,
        Err(error) => {
            session.report(&format_args!("cannot write {}: {error}", file.display()));
            crate::exit::FAILED
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
        assert_eq!(args.grace, limits.grace);
    }
}
