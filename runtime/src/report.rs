//! How a run ended, for programs: one JSON object.

use cla_semaphore::RunId;
use serde::Serialize;
use serde_json::Value;

use crate::engine::{OtherSemaphores, RunReport, TakenSemaphore};
use crate::error::{ErrorKind, RuleError};
use crate::trace::RegionRecord;

/// What `cla run --json` prints of one run, and what a service says of it.
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

impl RunReport {
    /// The outcome in a word: `ok`, `failed`, `cancelled`, `timed_out`, `out_of_memory` or `stack_overflow`. A rule that
    /// fails by itself is `failed`, whatever the reason; the error's kind has it.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.result {
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

    /// The report as a JSON object in one line: id, name, file, status, value, error, waited and ran (seconds),
    /// semaphores, regions, peak_memory (bytes). `file` is what the one who asked for the run calls its file.
    #[must_use]
    pub fn to_json(&self, file: &str) -> String {
        let object = Object {
            id: self.id,
            name: &self.name,
            file,
            status: self.status(),
            value: self.result.as_ref().ok(),
            error: self.result.as_ref().err(),
            waited: self.waited.as_secs_f64(),
            ran: self.ran.as_secs_f64(),
            semaphores: &self.semaphores,
            regions: &self.regions,
            others: Some(&self.others).filter(|others| others.count > 0),
            peak_memory: self.peak_memory,
        };
        match serde_json::to_string(&object) {
            Ok(object) => object,
            // Every field is text, a number, or JSON already.
            Err(error) => unreachable!("a report that is no JSON: {error}"),
        }
    }
}
