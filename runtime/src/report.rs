//! How a run ended: for hosts, and as one JSON object for programs.

mod json;

use std::time::Duration;

use cla_semaphore::{RunId, SemaphoreName};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{ErrorKind, RuleError};
use crate::profile::ProfiledPlace;
use crate::run_data::RunData;
use crate::secrets::Secrets;
use crate::trace::{RegionRecord, TracedRun};
use crate::value::{RuleValue, deserialize};

/// How a run ended.
///
/// It serializes as `cla run --json` prints it: an object with the fields `id`, `name`, `status`, `value`, `error`, `waited`
/// and `ran` (seconds), `semaphores`, `regions`, `forks` and `peak_memory` (bytes). Fields may be added; none changes its
/// meaning.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, RunReport, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), serde_json::Error> {
/// let report = Engine::new().run(Script::javascript("sum", "1 + 2"), RunOptions::new()).await;
/// let json = serde_json::to_value(&report)?;
/// assert_eq!((&json["name"], &json["status"], &json["value"]), (&"sum".into(), &"ok".into(), &3.into()));
/// let read: RunReport = serde_json::from_value(json)?;
/// assert_eq!(read.result.unwrap(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// The run's id.
    pub id: RunId,
    /// The run's name.
    pub name: String,
    /// What the rule returned, as JSON, or why it failed. `null` if the caller [wanted](crate::RunOptions::wanted) it in another
    /// form or not at all.
    ///
    /// What becomes of each JavaScript value is in the table of [`RuleValue`]. A value that is no data, such as one that
    /// contains itself, is a failure of the run: an error of the kind [`Exception`](crate::error::ErrorKind::Exception) whose
    /// message names the path to it. One that does not fit the run's memory limit has the kind
    /// [`OutOfMemory`](crate::error::ErrorKind::OutOfMemory).
    pub result: Result<serde_json::Value, RuleError>,
    /// What the rule returned, with what JSON does not know, if the caller [wanted](crate::RunOptions::wanted) it in this form.
    pub value: RuleValue,
    /// Time spent waiting for semaphores.
    pub waited: Duration,
    /// Time from start to end, without `waited`.
    pub ran: Duration,
    /// What it took, by semaphore, in alphabetical order: of more than about a thousand, the last.
    pub semaphores: Vec<TakenSemaphore>,
    /// The semaphored regions it was in, in the order in which it left them: of more than 10,000, the first. What scripts
    /// take with `sem.take` is among them only if the run is traced, and in `semaphores` always.
    pub regions: Vec<RegionRecord>,
    /// What it took of semaphores that are not listed because there were too many.
    pub others: OtherSemaphores,
    /// The most memory that the run took at once, in bytes: its values, and what was kept for it. If it started others,
    /// theirs is part of it; it is then known to an eighth.
    pub peak_memory: usize,
    /// With what the rule said that the program that runs it is to exit: `process.exit(code)`, `process.exitCode`.
    pub exit_code: Option<i32>,
    /// What the host [gave it along](crate::RunOptions::data).
    pub data: RunData,
    /// All that it started, in the order in which that began, and what each waited for and held: forks of rulebooks, other
    /// rules, and what these started in turn. `began` and `ended` count from the start of this run. Only if the run is
    /// [traced](crate::RunOptions::trace), and without what still went on when it ended: forks that are left alone.
    pub forks: Vec<TracedRun>,
    /// Where its time went, and that of all that it started; only if the host [asked for it](crate::RunOptions::profile).
    pub profile: Option<Vec<ProfiledPlace>>,
}

/// What a run took of one semaphore.
///
/// ```
/// fn show(report: &cla_runtime::RunReport) {
///     for taken in &report.semaphores {
///         println!("{}: {} times, waited {:?}, held {:?}", taken.name, taken.taken, taken.waited, taken.held);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TakenSemaphore {
    /// The semaphore.
    pub name: SemaphoreName,
    /// How many times a slot was taken.
    pub taken: u64,
    /// Time spent waiting for a slot, summed.
    #[serde(with = "crate::seconds")]
    pub waited: Duration,
    /// Time that a slot was held, summed.
    #[serde(with = "crate::seconds")]
    pub held: Duration,
}

/// What a run took of semaphores that its report does not list.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let rule = "export const semaphore = 'x'; export default () => 1";
/// let report = Engine::new().run(Script::javascript("rule", rule), RunOptions::new()).wait();
/// assert_eq!(report.semaphores.len(), 1);
/// assert_eq!(report.others.count, 0, "all that it took are listed");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OtherSemaphores {
    /// How many there were; one that was used again after a while counts again.
    pub count: u64,
    /// How many times a slot was taken.
    pub taken: u64,
    /// Time spent waiting for a slot, summed.
    #[serde(with = "crate::seconds")]
    pub waited: Duration,
    /// Time that a slot was held, summed.
    #[serde(with = "crate::seconds")]
    pub held: Duration,
}

impl RunReport {
    /// Whether the rule did not fail.
    pub fn is_ok(&self) -> bool {
        self.result.is_ok()
    }

    /// What the rule returned, as a type of the host's.
    ///
    /// Of a run whose value was [wanted](crate::RunOptions::wanted) as a [`RuleValue`], bytes are read by a `Vec<u8>`; in JSON
    /// they are numbers. Of one whose value was not wanted at all it is `null`.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize)]
    /// struct Deployed { target: String, seconds: f64 }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), cla_runtime::RuleError> {
    /// let script = Script::javascript("deploy", "({target: 'prod', seconds: 1.5})");
    /// let report = Engine::new().run(script, RunOptions::new()).await;
    /// let deployed: Deployed = report.value()?;
    /// assert_eq!((deployed.target.as_str(), deployed.seconds), ("prod", 1.5));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// That of the run, if it failed. An error of the kind [`Exception`](crate::error::ErrorKind::Exception) and the name
    /// `UnexpectedValue` if the value does not have the form of `T`.
    pub fn value<T: DeserializeOwned>(&self) -> Result<T, RuleError> {
        let json = self.result.as_ref().map_err(Clone::clone)?;
        let value = match &self.value {
            RuleValue::Null => T::deserialize(json).map_err(|error| error.to_string()),
            value => deserialize(value.clone()).map_err(|error| error.to_string()),
        };
        value.map_err(|problem| RuleError::unexpected_value(&self.name, &problem))
    }

    /// Why there is no other report.
    pub(crate) const THREAD_ENDED: &'static str = "the run's worker thread ended";

    /// The report of a run that never began, or whose worker thread is gone.
    pub(crate) fn lost(id: RunId, name: &str, ran: Duration, why: &str) -> Self {
        Self::without_facts(id, name, ran, Err(RuleError::internal(why)))
    }

    /// The report of a run of which nothing more is known.
    /// Masks the secrets of the run in what it returned or threw.
    pub(crate) fn mask(&mut self, secrets: &Secrets) {
        if secrets.is_empty() {
            return;
        }
        match &mut self.result {
            Ok(json) => secrets.mask_json(json),
            Err(error) => secrets.mask_error(error),
        }
        secrets.mask_value(&mut self.value);
    }

    pub(crate) fn without_facts(
        id: RunId,
        name: &str,
        ran: Duration,
        result: Result<serde_json::Value, RuleError>,
    ) -> Self {
        Self {
            id,
            name: name.to_owned(),
            result,
            value: RuleValue::Null,
            waited: Duration::ZERO,
            ran,
            semaphores: Vec::new(),
            regions: Vec::new(),
            others: OtherSemaphores::default(),
            peak_memory: 0,
            exit_code: None,
            data: RunData::default(),
            forks: Vec::new(),
            profile: None,
        }
    }
}

impl RunReport {
    /// The outcome in a word: `ok`, `failed`, `cancelled`, `timed_out`, `out_of_memory` or `stack_overflow`. A rule that
    /// fails by itself is `failed`, whatever the reason; the error's kind has it.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let status = |text: &str| {
    ///     Engine::new().run(Script::javascript("rule", text), RunOptions::new()).wait().status()
    /// };
    /// assert_eq!((status("1 + 2"), status("throw 1")), ("ok", "failed"));
    /// ```
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
}
