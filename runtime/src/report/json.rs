//! A report as JSON: one shape for `cla run --json`, for a service, and for a host that serializes it.
//!
//! | field | what it is |
//! | --- | --- |
//! | `id`, `name` | the run's |
//! | `file` | what the one who asked for the run calls its file; only in [`RunReport::to_json`] |
//! | `status` | the outcome in a word, see [`RunReport::status`] |
//! | `value` | what the rule returned, or `null` |
//! | `error` | a [`RuleError`], or `null` |
//! | `waited`, `ran` | seconds |
//! | `semaphores` | a list of [`TakenSemaphore`] |
//! | `regions` | a list of [`RegionRecord`] |
//! | `forks` | a list of [`TracedRun`]; empty if the run is not traced |
//! | `profile` | a list of [`ProfiledPlace`]; only if the run is profiled |
//! | `others` | an [`OtherSemaphores`]; only if there were too many semaphores to list |
//! | `peak_memory` | bytes |
//! | `exit_code` | with what the rule said that its program is to exit; only if it did |
//!
//! Fields are added in the future; none is removed or changes its meaning.

use std::time::Duration;

use cla_semaphore::RunId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{OtherSemaphores, RunReport, TakenSemaphore};
use crate::error::RuleError;
use crate::profile::ProfiledPlace;
use crate::run_data::RunData;
use crate::trace::{RegionRecord, TracedRun};
use crate::value::RuleValue;

#[derive(Serialize)]
struct Written<'a> {
    id: RunId,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    status: &'static str,
    value: Returned<'a>,
    error: Option<&'a RuleError>,
    #[serde(with = "crate::seconds")]
    waited: Duration,
    #[serde(with = "crate::seconds")]
    ran: Duration,
    semaphores: &'a [TakenSemaphore],
    regions: &'a [RegionRecord],
    forks: &'a [TracedRun],
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a [ProfiledPlace]>,
    /// Only when there were too many semaphores to list.
    #[serde(skip_serializing_if = "Option::is_none")]
    others: Option<&'a OtherSemaphores>,
    peak_memory: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
}

/// What the rule returned, in the form in which it was wanted.
#[derive(Serialize)]
#[serde(untagged)]
enum Returned<'a> {
    Nothing,
    Json(&'a Value),
    Value(&'a RuleValue),
}

impl<'a> Written<'a> {
    fn of(report: &'a RunReport, file: Option<&'a str>) -> Self {
        Self {
            id: report.id,
            name: &report.name,
            file,
            status: report.status(),
            value: match (&report.result, &report.value) {
                (Err(_), _) => Returned::Nothing,
                (Ok(json), RuleValue::Null) => Returned::Json(json),
                (Ok(_), value) => Returned::Value(value),
            },
            error: report.result.as_ref().err(),
            waited: report.waited,
            ran: report.ran,
            semaphores: &report.semaphores,
            regions: &report.regions,
            forks: &report.forks,
            profile: report.profile.as_deref(),
            others: Some(&report.others).filter(|others| others.count > 0),
            peak_memory: report.peak_memory,
            exit_code: report.exit_code,
        }
    }
}

/// `status` is not read: the error says it.
#[derive(Deserialize)]
struct Read {
    id: RunId,
    name: String,
    #[serde(default)]
    value: Value,
    #[serde(default)]
    error: Option<RuleError>,
    #[serde(with = "crate::seconds")]
    waited: Duration,
    #[serde(with = "crate::seconds")]
    ran: Duration,
    #[serde(default)]
    semaphores: Vec<TakenSemaphore>,
    #[serde(default)]
    regions: Vec<RegionRecord>,
    #[serde(default)]
    forks: Vec<TracedRun>,
    #[serde(default)]
    profile: Option<Vec<ProfiledPlace>>,
    #[serde(default)]
    others: OtherSemaphores,
    #[serde(default)]
    peak_memory: usize,
    #[serde(default)]
    exit_code: Option<i32>,
}

/// The report as an object with the fields id, name, status, value, error, waited and ran (seconds), semaphores, regions,
/// forks and peak_memory (bytes): as `cla run --json` prints it. The [data](RunReport::data) that the host gave the run along is
/// not part of it.
impl Serialize for RunReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written::of(self, None).serialize(serializer)
    }
}

/// Reads what its `Serialize` and [`RunReport::to_json`] write. The value is JSON then, and there is no
/// [data](RunReport::data).
impl<'de> Deserialize<'de> for RunReport {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::deserialize(deserializer)?;
        Ok(Self {
            id: read.id,
            name: read.name,
            result: match read.error {
                None => Ok(read.value),
                Some(error) => Err(error),
            },
            value: RuleValue::Null,
            waited: read.waited,
            ran: read.ran,
            semaphores: read.semaphores,
            regions: read.regions,
            forks: read.forks,
            profile: read.profile,
            others: read.others,
            peak_memory: read.peak_memory,
            exit_code: read.exit_code,
            data: RunData::default(),
        })
    }
}

impl RunReport {
    /// The report as a JSON object in one line: as its `Serialize` writes it, and `file`, which is what the one who asked for
    /// the run calls its file.
    #[must_use]
    pub fn to_json(&self, file: &str) -> String {
        match serde_json::to_string(&Written::of(self, Some(file))) {
            Ok(object) => object,
            // Every field is text, a number, or JSON already.
            Err(error) => unreachable!("a report that is no JSON: {error}"),
        }
    }
}
