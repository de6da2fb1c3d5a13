//! `cla run --server`: a rule of the folder that a `cla serve` serves, run there, seen from here.

use std::process::ExitCode;
use std::time::Duration;

use cla_runtime::semaphore::{RunId, printable_lines};
use cla_runtime::{Limits, Output as _, OutputStream, RuleError};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Args;
use crate::server::{Client, Refusal};
use crate::signals::{Signal, Signals};

/// So often the server is asked what the run has said.
const LOOK: Duration = Duration::from_millis(100);

/// How long a server that does not answer is asked again: it may be restarting, or the network is.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run, as the server shows it.
#[derive(Deserialize)]
struct Run {
    id: RunId,
    status: String,
    ended_at: Option<f64>,
    report: Option<Box<RawValue>>,
}

/// What a run has said.
#[derive(Deserialize)]
struct Lines {
    lines: Vec<Line>,
    dropped: u64,
    next: u64,
    ended: bool,
}

#[derive(Deserialize)]
struct Line {
    level: String,
    text: String,
}

/// What is shown of a report.
#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    value: Option<&'a RawValue>,
    error: Option<RuleError>,
}

/// Why there is no end to tell of.
enum Trouble {
    Refused(Refusal),
    Interrupted(Signal),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Runs the rule there. Its output is printed as it comes.
pub(super) fn run(args: &Args, stash: &Value, client: &Client) -> ExitCode {
    let rule = match unsupported(args) {
        Ok(rule) => rule,
        Err(problem) => crate::wrong_usage("run", &problem),
    };
    let runtime = crate::event_loop();
    let ended = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let mut signals = Signals::listen()?;
            let ended = follow(args, rule, stash, client, &mut signals).await;
            let written = crate::out::written().await;
            Ok(match (ended, written) {
                (Ok(code), Ok(())) => code,
                (Ok(_), failed) => crate::written(failed),
                (Err(Trouble::Interrupted(signal)), _) => signal.exit_code(),
                (Err(Trouble::Refused(refusal)), _) => {
                    complain(client, &refusal);
                    crate::exit::FAILED
                }
            })
        })
    });
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            let error: std::io::Error = error;
            crate::report(&format_args!("cannot start: {error}"));
            ExitCode::from(crate::exit::FAILED)
        }
    }
}

/// The rule, if nothing is asked for that only a run in this process has.
fn unsupported(args: &Args) -> Result<&str, String> {
    // The server has limits of its own for all runs. What is given as it is by default changes nothing.
    let usual = Limits::default();
    let wrong = [
        (args.store.is_given(), "--store"),
        (args.copies != 1, "--copies"),
        (args.memory != usual.memory, "--memory"),
        (args.stack != usual.stack, "--stack"),
        (args.workers != 1, "--workers"),
        (args.dry_run, "--dry-run"),
        (args.timeline, "--timeline"),
        (args.trace.is_some(), "--trace"),
        (!args.arguments.is_empty(), "arguments"),
    ];
    if let Some((_, what)) = wrong.into_iter().find(|(is_given, _)| *is_given) {
        return Err(format!("a run on a server has no {what}"));
    }
    let [file] = &args.files[..] else {
        return Err("a server runs one rule at a time: name one".to_owned());
    };
    match file.to_str() {
        Some("-") => Err("a server runs the rules of its folder, not standard input".to_owned()),
        Some(rule) => Ok(rule),
        None => Err("the rule's name is no valid Unicode".to_owned()),
    }
}

async fn follow(
    args: &Args,
    rule: &str,
    stash: &Value,
    client: &Client,
    signals: &mut Signals,
) -> Result<u8, Trouble> {
    let run = tokio::select! {
        biased;
        signal = signals.next() => return Err(Trouble::Interrupted(signal)),
        run = start(args, rule, stash, client) => run?,
    };
    let id = run.id.to_string();
    let mut after = 0;
    let mut stopped = None;
    loop {
        let look = async {
            let lines = patiently(async || {
                let query = [("after", after_text(after))];
                client.get::<Lines>(&["runs", &id, "output"], &query).await
            });
            let lines = lines.await?;
            let run = if lines.ended && lines.lines.is_empty() {
                let run = patiently(async || client.get::<Run>(&["runs", &id], &[]).await).await?;
                Some(run).filter(|run| run.ended_at.is_some())
            } else {
                None
            };
            Ok::<_, Refusal>((lines, run))
        };
        let (lines, run) = tokio::select! {
            biased;
            signal = signals.next() => {
                let path = ["runs", &id, "stop"];
                // One that has ended meanwhile needs no stop.
                let _ = client.post::<Value>(&path, &json!({}), Duration::ZERO).await;
                stopped = Some(signal);
                continue;
            }
            looked = look => looked?,
        };
        if lines.dropped > 0 && after == 0 {
            crate::warn(&format_args!("the first {} lines are gone", lines.dropped));
        }
        after = lines.next;
        for line in &lines.lines {
            show(args, line);
        }
        if let Some(run) = run {
            let code = conclude(args, rule, &run);
            return Ok(stopped.map_or(code, Signal::exit_code));
        }
        if lines.lines.is_empty() {
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn after_text(after: u64) -> String {
    after.to_string()
}

/// Starts the run. Should the answer be lost, the key gets the same run.
async fn start(args: &Args, rule: &str, stash: &Value, client: &Client) -> Result<Run, Refusal> {
    let mut body = json!({"rule": rule, "stash": stash, "key": RunId::unique().to_string()});
    if let Some(event) = &args.event {
        body["event"] = json!(event);
    }
    if let Some(timeout) = args.timeout {
        body["timeout"] = json!(timeout.as_secs_f64());
    }
    client.post(&["runs"], &body, Duration::ZERO).await
}

/// Asks again while the server does not answer, for a while.
async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let began = std::time::Instant::now();
    loop {
        match ask().await {
            Err(Refusal::Unreachable(_)) if began.elapsed() < PATIENCE => {
                tokio::time::sleep(LOOK * 5).await;
            }
            answered => return answered,
        }
    }
}

/// Prints a line where the run would have printed it here.
fn show(args: &Args, line: &Line) {
    // With --json, standard output is for programs.
    let stream = if line.level == "out" && !args.json {
        OutputStream::Stdout
    } else {
        OutputStream::Stderr
    };
    print(stream, &line.text);
}

fn print(stream: OutputStream, text: &str) {
    let coloured = crate::out::is_coloured(stream);
    let text = format!("{text}\n");
    crate::out::queue().write(stream, &crate::out::plain(&text, coloured));
}

/// Says how the run ended.
fn conclude(args: &Args, rule: &str, run: &Run) -> u8 {
    let text = run.report.as_ref().map_or("null", |report| report.get());
    if args.json && run.report.is_some() {
        print(OutputStream::Stdout, text);
    }
    let report: Option<Report<'_>> = serde_json::from_str(text).ok().flatten();
    if let Some(report) = &report
        && !args.json
    {
        match (&report.error, report.value) {
            (Some(error), _) => {
                let coloured = crate::out::is_coloured(OutputStream::Stderr);
                let text = error.render(coloured);
                print(OutputStream::Stderr, text.trim_end());
            }
            (None, Some(value)) if args.print => print(OutputStream::Stdout, value.get()),
            (None, _) => {}
        }
    }
    if report.is_none() {
        crate::report(&format_args!(
            "the run of {} ended without a report: {}",
            printable_lines(rule),
            printable_lines(&run.status)
        ));
    }
    match run.status.as_str() {
        "ok" => 0,
        _ => crate::exit::FAILED,
    }
}

fn complain(client: &Client, refusal: &Refusal) {
    let url = client.url();
    match refusal {
        Refusal::Unreachable(cause) => crate::report(&format_args!(
            "the server {url} cannot be reached: {cause}; check that `cla serve` runs there and that the address is right"
        )),
        Refusal::Problem { .. } => crate::report(&format_args!("the server {url}: {refusal}")),
    }
}
