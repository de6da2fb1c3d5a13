//! `cla run --server`: runs rules of the folder of a `cla serve` on that server, and shows their output here.
//!
//! They are started in the order of the command line, one after the other, so they queue in this order; then all of them
//! are followed at once. An end that is asked for here (Ctrl-C, a reader of the output that is gone) stops all of them there.

mod one;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::Limits;
use cla_runtime::output::OutputStream;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use self::one::{Outcome, Run, conclude, follow, patiently, start};
use super::output::{Colours, RunOutput};
use super::screen::Screen;
use super::{Args, names, status};
use crate::server::{Client, Refusal};
use crate::signals::{Signal, Signals};

/// How often the status line is brought up to date, and how long nothing needs one.
const STATUS: Duration = Duration::from_millis(500);

/// A run that is to be started, or goes on.
struct Planned<'a> {
    rule: &'a str,
    output: Arc<RunOutput>,
}

/// The runs of one command.
struct Session<'a> {
    args: &'a Args,
    client: &'a Client,
    screen: Arc<Screen>,
    total: usize,
    done: usize,
    failed: usize,
    /// How many were cancelled: of those that failed.
    cancelled: usize,
    /// What has asked for the end of all runs.
    signal: Option<Signal>,
    stop: watch::Sender<bool>,
    live: watch::Sender<usize>,
}

/// Runs the rules there. Their output is printed as it comes.
pub(super) fn run(args: &Args, stash: &Value, client: &Client) -> ExitCode {
    let rules = match unsupported(args) {
        Ok(rules) => rules,
        Err(problem) => crate::exit::wrong_usage::<Args>("run", &problem),
    };
    let runtime = crate::event_loop::event_loop();
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let mut session = Session::new(args, client, rules.len() * args.copies as usize);
            session.attend(&rules, stash, &mut signals).await;
            let code = session.end();
            let written = crate::out::written().await;
            std::io::Result::Ok(match written {
                Ok(()) => code,
                _ if session.signal.is_some() => code,
                failed => crate::exit::written(failed),
            })
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

/// The rules, if nothing is asked for that only a run in this process has.
fn unsupported(args: &Args) -> Result<Vec<&str>, String> {
    // The server has limits of its own for all runs. What is given as it is by default changes nothing.
    let usual = Limits::default();
    let wrong = [
        (args.store.is_given(), "--store"),
        (args.memory != usual.memory, "--memory"),
        (args.stack != usual.stack, "--stack"),
        (args.grace != usual.grace, "--grace"),
        (args.workers != 1, "--workers"),
        (args.dry_run, "--dry-run"),
        (args.timeline, "--timeline"),
        (args.trace.is_some(), "--trace"),
        (args.profile, "--profile"),
        (args.flamegraph.is_some(), "--flamegraph"),
        (!args.arguments.is_empty(), "arguments"),
    ];
    if let Some((_, what)) = wrong.into_iter().find(|(is_given, _)| *is_given) {
        return Err(format!("a run on a server has no {what}"));
    }
    let rules = args.files.iter().map(|file| match file.to_str() {
        Some("-") => Err("a server runs the rules of its folder, not standard input".to_owned()),
        Some(rule) => Ok(rule),
        None => Err("the rule's name is no valid Unicode".to_owned()),
    });
    rules.collect()
}

impl<'a> Session<'a> {
    fn new(args: &'a Args, client: &'a Client, total: usize) -> Self {
        Self {
            args,
            client,
            screen: Arc::new(Screen::new()),
            total,
            done: 0,
            failed: 0,
            cancelled: 0,
            signal: None,
            stop: watch::Sender::new(false),
            live: watch::Sender::new(0),
        }
    }

    /// What is to run, in the order of the command line.
    fn plan(&self, rules: &[&'a str]) -> Vec<Planned<'a>> {
        let copies = self.args.copies as usize;
        let names = names::names_elsewhere(rules, copies);
        let rules = rules
            .iter()
            .flat_map(|rule| std::iter::repeat_n(*rule, copies));
        let planned = rules.zip(names).enumerate().map(|(index, (rule, name))| {
            let screen = Arc::clone(&self.screen);
            let output = if self.total == 1 {
                RunOutput::plain(screen, self.args.json)
            } else {
                RunOutput::named(screen, self.args.json, &name, index, Colours::detect())
            };
            let output = Arc::new(output);
            Planned { rule, output }
        });
        planned.collect()
    }

    /// Starts all runs, and looks after them until the last one has ended.
    async fn attend(&mut self, rules: &[&'a str], stash: &Value, signals: &mut Signals) {
        let (args, client) = (self.args, self.client);
        let mut waiting = self.plan(rules).into_iter();
        let mut starting = None;
        let mut is_first = true;
        let mut live = FuturesUnordered::new();
        let screen = Arc::clone(&self.screen);
        let with_status = self.total > 1 && !args.json && screen.has_status();
        let mut ticks = interval_at(Instant::now() + STATUS * 2, STATUS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_ending = *self.stop.borrow();
            if starting.is_none()
                && !is_ending
                && let Some(planned) = waiting.next()
            {
                let is_known = !std::mem::take(&mut is_first);
                starting = Some(Box::pin(async move {
                    let ask = async || start(client, args, planned.rule, stash).await;
                    // A server that answered before may be restarting.
                    let started = match is_known {
                        true => patiently(ask).await,
                        false => ask().await,
                    };
                    (planned, started)
                }));
            }
            if starting.is_none() && live.is_empty() {
                break;
            }
            let start = async {
                match &mut starting {
                    Some(starting) => starting.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                // A run that is being started is stopped as soon as it is known. A second signal ends the program at once.
                signal = signals.next() => {
                    self.signal = self.signal.or(Some(signal));
                    self.screen.clear_status();
                    self.stop.send_replace(true);
                }
                () = screen.until_lost(), if !is_ending => {
                    self.stop.send_replace(true);
                }
                (planned, started) = start => {
                    starting = None;
                    match started {
                        Ok(run) => {
                            let (stop, count) = (self.stop.subscribe(), self.live.subscribe());
                            live.push(async move {
                                let ended = follow(client, run.id, &planned.output, stop, count);
                                let ended = ended.await;
                                (planned, ended)
                            });
                        }
                        Err(refusal) => {
                            // The server will not answer for the other runs either.
                            if matches!(refusal, Refusal::Unreachable(_)) {
                                let others = waiting.by_ref().count();
                                (self.done, self.failed) = (self.done + others, self.failed + others);
                            }
                            self.refused(&planned, &refusal);
                        }
                    }
                }
                Some((planned, ended)) = live.next(), if !live.is_empty() => match ended {
                    Ok(run) => self.ended(&planned, &run),
                    Err(refusal) => self.refused(&planned, &refusal),
                },
                _ = ticks.tick(), if with_status && !is_ending => {
                    self.screen.show_status(&status::describe(live.len(), self.done, &[]));
                }
            }
            self.live.send_replace(live.len());
        }
        self.screen.clear_status();
    }

    /// Shows how a run ended.
    fn ended(&mut self, planned: &Planned<'_>, run: &Run) {
        planned.output.finish();
        self.done += 1;
        if self.args.json
            && let Some(report) = &run.report
        {
            let line = format!("{}\n", report.get());
            self.screen.write(OutputStream::Stdout, &line);
        }
        // For runs that were stopped from here, the last line says enough.
        let is_quiet = *self.stop.borrow();
        let outcome = conclude(self.args, planned.rule, run, &planned.output, is_quiet);
        self.failed += usize::from(outcome != Outcome::Ok);
        self.cancelled += usize::from(outcome == Outcome::Cancelled);
    }

    /// The server does not start a run, or no longer answers for it.
    fn refused(&mut self, planned: &Planned<'_>, refusal: &Refusal) {
        planned.output.finish();
        self.done += 1;
        self.failed += 1;
        let url = self.client.url();
        let problem = match refusal {
            Refusal::Unreachable(cause) => format!(
                "the server {url} cannot be reached: {cause}; check that `cla serve` runs there and that the address is right"
            ),
            Refusal::Problem { .. } => format!("the server {url}: {refusal}"),
        };
        planned
            .output
            .add(OutputStream::Stderr, &reported(&problem));
    }

    /// Says what is to be said about all runs together, and gives the exit code.
    fn end(&self) -> u8 {
        if let Some(signal) = self.signal {
            let runs = if self.cancelled == 1 { "run" } else { "runs" };
            let text = format!("cancelled {} {runs}\n", self.cancelled);
            self.screen.complain(&text);
            return signal.exit_code();
        }
        if self.failed == 0 {
            return 0;
        }
        if self.total > 1 && !self.args.json {
            let problem = format!("{} of {} runs failed", self.failed, self.total);
            self.screen.complain(&reported(&problem));
        }
        crate::exit::FAILED
    }
}

/// A problem as the user sees it, in colours if they are wanted.
fn reported(problem: &dyn std::fmt::Display) -> String {
    let coloured = crate::out::is_coloured(OutputStream::Stderr);
    crate::out::plain(&crate::exit::reported(problem), coloured).into_owned()
}
