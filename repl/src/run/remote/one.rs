//! One run on a server: started, followed to its end, and stopped if it is to end before.

use std::time::{Duration, Instant};

use cla_runtime::output::OutputStream;
use cla_runtime::semaphore::{RunId, printable_lines};
use cla_runtime::{Output as _, RuleError};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::Args;
use super::super::output::RunOutput;
use crate::server::{Client, Refusal};

/// How often to ask the server for the output of a run.
const LOOK: Duration = Duration::from_millis(100);

/// Up to so many runs are asked for that often. With more, each is asked for less often.
const OFTEN: usize = 10;

/// For how long a server that does not answer is asked again: it, or the network, may be restarting.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run, as the server shows it.
#[derive(Deserialize)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) status: String,
    ended_at: Option<f64>,
    pub(super) report: Option<Box<RawValue>>,
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

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Failed,
    Cancelled,
}

/// Starts a run. If the answer is lost, a second question with the same key gets the same run.
pub(super) async fn start(
    client: &Client,
    args: &Args,
    rule: &str,
    stash: &Value,
) -> Result<Run, Refusal> {
    let mut body = json!({"rule": rule, "stash": stash, "key": RunId::unique().to_string()});
    if let Some(event) = &args.event {
        body["event"] = json!(event);
    }
    if let Some(timeout) = args.timeout {
        body["timeout"] = json!(timeout.as_secs_f64());
    }
    client.post(&["runs"], &body, Duration::ZERO).await
}

/// Shows what a run says until it has ended. When `stop` becomes true, it is stopped, and its end is waited for.
/// `live` is how many runs are followed at once.
pub(super) async fn follow(
    client: &Client,
    id: RunId,
    output: &RunOutput,
    mut stop: watch::Receiver<bool>,
    live: watch::Receiver<usize>,
) -> Result<Run, Refusal> {
    let id = id.to_string();
    let (mut after, mut is_stopped) = (0_u64, false);
    loop {
        if !is_stopped && *stop.borrow_and_update() {
            is_stopped = true;
            let ask = async || {
                let path = ["runs", &id, "stop"];
                client
                    .post::<Value>(&path, &json!({}), Duration::ZERO)
                    .await
            };
            // A run that has ended meanwhile needs no stop.
            let _ = patiently(ask).await;
        }
        let lines = patiently(async || {
            let query = [("after", after.to_string())];
            client.get::<Lines>(&["runs", &id, "output"], &query).await
        });
        let lines = lines.await?;
        if lines.dropped > 0 && after == 0 {
            let warning = format!("the first {} lines are gone\n", lines.dropped);
            output.add(OutputStream::Stderr, &warning);
        }
        after = lines.next;
        for line in &lines.lines {
            show(output, line);
        }
        if !lines.lines.is_empty() {
            continue;
        }
        if lines.ended {
            let run = patiently(async || client.get::<Run>(&["runs", &id], &[]).await).await?;
            if run.ended_at.is_some() {
                return Ok(run);
            }
        }
        let often = u32::try_from(live.borrow().div_ceil(OFTEN)).unwrap_or(u32::MAX);
        tokio::select! {
            () = tokio::time::sleep(LOOK.saturating_mul(often.max(1))) => {}
            Ok(()) = stop.changed(), if !is_stopped => {}
        }
    }
}

/// Asks again while the server does not answer, for a while.
pub(super) async fn patiently<T>(ask: impl AsyncFn() -> Result<T, Refusal>) -> Result<T, Refusal> {
    let began = Instant::now();
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
fn show(output: &RunOutput, line: &Line) {
    let stream = match line.level.as_str() {
        "out" => OutputStream::Stdout,
        _ => OutputStream::Stderr,
    };
    let coloured = crate::out::is_coloured(stream);
    let text = format!("{}\n", line.text);
    output.write(stream, &crate::out::plain(&text, coloured));
}

/// Shows how a run ended, but for its report as JSON. If it is to be `quiet`, a run that was cancelled is passed over.
pub(super) fn conclude(
    args: &Args,
    rule: &str,
    run: &Run,
    output: &RunOutput,
    quiet: bool,
) -> Outcome {
    let outcome = match run.status.as_str() {
        "ok" => Outcome::Ok,
        "cancelled" => Outcome::Cancelled,
        _ => Outcome::Failed,
    };
    let text = run.report.as_ref().map_or("null", |report| report.get());
    let report: Option<Report<'_>> = serde_json::from_str(text).ok().flatten();
    match &report {
        None => {
            let (rule, status) = (printable_lines(rule), printable_lines(&run.status));
            let problem = format!("the run of {rule} ended without a report: {status}");
            output.add(OutputStream::Stderr, &super::reported(&problem));
        }
        Some(_) if args.json || (quiet && outcome == Outcome::Cancelled) => {}
        Some(Report {
            error: Some(error), ..
        }) => {
            let coloured = crate::out::is_coloured(OutputStream::Stderr);
            let text = format!("{}\n", error.render(coloured).trim_end());
            output.add(OutputStream::Stderr, &text);
        }
        Some(Report {
            value: Some(value), ..
        }) if args.print => output.add(OutputStream::Stdout, &format!("{}\n", value.get())),
        Some(_) => {}
    }
    outcome
}
