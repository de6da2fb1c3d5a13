//! How a run ended, for programs: one JSON object per line.

use cla_runtime::semaphore::RunId;
use cla_runtime::{ErrorKind, OtherSemaphores, RegionRecord, RuleError, RunReport, TakenSemaphore};
use serde::Serialize;
use serde_json::Value;

/// What `--json` prints of one run.
#[derive(Serialize)]
struct Object<'a> {
    id: RunId,
    name: &'a str,
    file: &'a str,
    status: &'static str,
    value: Option<&'a Value>,
    error: Option<&'a RuleError>,
    waited: f64,
    ran: f64,
    semaphores: &'a [TakenSemaphore],
    regions: &'a [RegionRecord],
    /// Only when there were too many semaphores to list.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<&'a OtherSemaphores>,
    peak_memory: usize,
}

/// The report as one line of JSON.
pub(super) fn json(file: &str, report: &RunReport) -> String {
    let object = Object {
        id: report.id,
        name: &report.name,
        file,
        status: status(report),
        value: report.result.as_ref().ok(),
        error: report.result.as_ref().err(),
        waited: report.waited.as_secs_f64(),
        ran: report.ran.as_secs_f64(),
        semaphores: &report.semaphores,
        regions: &report.regions,
        others: Some(&report.others).filter(|others| others.count > 0),
        peak_memory: report.peak_memory,
    };
    match serde_json::to_string(&object) {
        Ok(line) => line + "\n",
        // Every field is text, a number, or JSON already.
        Err(error) => unreachable!("a report that is no JSON: {error}"),
    }
}

/// The outcome in a word. Failing by itself is `failed`, whatever the reason; `error.kind` has it.
fn status(report: &RunReport) -> &'static str {
    match &report.result {
        Ok(_) => "ok",
        Err(error) => match error.kind {
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::TimedOut => "timed_out",
            ErrorKind::OutOfMemory => "out_of_memory",
            ErrorKind::StackOverflow => "stack_overflow",
            _ => "failed",
        },
    }
}
