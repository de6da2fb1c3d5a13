//! How one run differs from the others, and where it comes from.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use cla_semaphore::{NamedRun, RunId};

use crate::config::overlaid;
use crate::family::Seat;
use crate::limits::Limits;
use crate::output::Output;
use crate::permissions::Permissions;
use crate::profile::{Profile, ProfileOptions};
use crate::run_data::{Label, RunData};
use crate::secrets::Secrets;
use crate::trace::Trace;
use crate::value::{RuleValue, Stash, Wanted};

/// How one run differs from the others.
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::{Engine, Limits, RunOptions, Script};
///
/// let options = RunOptions::new()
///     .name("nightly report")
///     .limits(Limits::default().timeout(Duration::from_secs(5)))
///     .stash(serde_json::json!({ "n": 20 }));
/// let report = Engine::new().run(Script::javascript("rule", "export default ({ n }) => n + 1"), options).wait();
/// assert_eq!(report.result.unwrap(), 21);
/// assert_eq!(report.name, "nightly report");
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct RunOptions {
    pub(crate) name: Option<Arc<str>>,
    pub(crate) limits: Option<Limits>,
    pub(crate) stash: Stash,
    pub(crate) wanted: Wanted,
    pub(crate) arguments: Vec<String>,
    pub(crate) output: Option<Arc<dyn Output>>,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) permissions: Option<Permissions>,
    pub(crate) data: RunData,
    pub(crate) environment: Option<Arc<[(String, String)]>>,
    pub(crate) config: Option<Arc<serde_json::Value>>,
    pub(crate) secrets: Secrets,
    pub(crate) event: Option<String>,
    pub(crate) detached: bool,
    pub(crate) trace: Option<Arc<Trace>>,
    pub(crate) profile: Option<ProfileOptions>,
    pub(crate) waited_for_by: Arc<[NamedRun]>,
}

/// Where a run comes from, and what it shares with those above it.
pub(crate) struct Origin {
    pub(crate) seat: Seat,
    /// What the stash counts for, in bytes.
    pub(crate) stash_bytes: usize,
    /// The run that starts it.
    pub(crate) parent: Option<RunId>,
    /// How many runs are above it.
    pub(crate) depth: u32,
    /// When the run that starts it is out of time.
    pub(crate) deadline: Option<Instant>,
    /// When that must have ended, with what must happen in the end.
    pub(crate) last: Option<Instant>,
    /// It only looks at a rule, and executes nothing.
    pub(crate) inspects: bool,
}

impl Origin {
    /// That of a run that the host starts.
    pub(crate) fn of_host(seat: Seat) -> Self {
        Self {
            seat,
            stash_bytes: 0,
            parent: None,
            depth: 0,
            deadline: None,
            last: None,
            inspects: false,
        }
    }

    /// Whether the run that starts it is stopped, and this belongs to what must happen in the end: it has no time limit of
    /// its own then, but the end of that grace.
    pub(crate) fn is_ending(&self) -> bool {
        self.parent.is_some() && self.deadline.is_some() && self.deadline == self.last
    }
}

impl RunOptions {
    /// The defaults: the script's own name, the engine's limits, an empty stash, the process's
    /// standard output.
    pub fn new() -> Self {
        Self::default()
    }

    /// The run's name, for people: it is shown as the owner of what the run takes. Of one that has more than 256 characters,
    /// the start and the end are kept.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Runs elsewhere that wait for the end of this one, the nearest first: a rule in another process that started this
    /// program, say. While they wait they release nothing, so a wait of this run, or of a run that it starts, for a slot that
    /// one of them holds is a `SemaphoreDeadlockError`. What other runs start has those who wait for them by itself.
    ///
    /// ```
    /// use cla_runtime::semaphore::{NamedRun, Owner, RunId};
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let engine = Engine::new();
    /// let above = NamedRun { run: RunId::unique(), who: "make".to_owned() };
    /// let db = engine.semaphores().get("db").unwrap();
    /// let _held = db.acquire().owner(Owner::new("make").with_run(above.run)).await.unwrap();
    ///
    /// let rule = Script::javascript("rule", "export const semaphore = 'db'; export default () => 1");
    /// let report = engine.run(rule, RunOptions::new().waited_for_by([above])).await;
    /// assert!(report.result.unwrap_err().message.contains("Semaphore deadlock"));
    /// # }
    /// ```
    pub fn waited_for_by(mut self, runs: impl Into<Arc<[NamedRun]>>) -> Self {
        self.waited_for_by = runs.into();
        self
    }

    /// Limits of this run, instead of the engine's.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Data for the rule: a JSON object. A default export that is a function gets it as its
    /// argument. Anything but an object counts as an empty one.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let options = RunOptions::new().stash(serde_json::json!({"host": "db1"}));
    /// let rule = Script::javascript("rule", "export default ({ host }) => `${host}.example.com`");
    /// let report = Engine::new().run(rule, options).wait();
    /// assert_eq!(report.result.unwrap(), "db1.example.com");
    /// ```
    pub fn stash(mut self, stash: serde_json::Value) -> Self {
        self.stash = Stash::Json(stash);
        self
    }

    /// Data for the rule, with what JSON does not know, such as bytes; as [`RunOptions::stash`] otherwise.
    pub fn stash_value(mut self, stash: RuleValue) -> Self {
        self.stash = Stash::Value(stash);
        self
    }

    /// What is wanted of what the rule returns (default: [`Wanted::Json`]).
    ///
    /// A caller that does not look at it says [`Wanted::Nothing`]: then it is not converted, which takes time and memory
    /// and can fail.
    ///
    /// ```
    /// use cla_runtime::value::Wanted;
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// // What contains itself is no data. That does not matter if nobody wants it.
    /// let rule = Script::javascript("rule", "const node = {}; node.next = node; node");
    /// let engine = Engine::new();
    /// assert!(!engine.run(rule.clone(), RunOptions::new()).wait().is_ok());
    /// assert!(engine.run(rule, RunOptions::new().wanted(Wanted::Nothing)).wait().is_ok());
    /// ```
    pub fn wanted(mut self, wanted: Wanted) -> Self {
        self.wanted = wanted;
        self
    }

    /// Command line arguments for the rule.
    pub fn arguments(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments = arguments.into_iter().collect();
        self
    }

    /// Where the rule's output goes (default: [`ProcessOutput`](crate::output::ProcessOutput)).
    pub fn output(mut self, output: Arc<dyn Output>) -> Self {
        self.output = Some(output);
        self
    }

    /// Runs the rule for this event. A JavaScript rule runs as always, but must export the event in `on`, or else the run
    /// fails; what other languages do is up to them. The stash is the event's data.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let text = "export const on = 'deployed'; export default ({ target }) => target";
    /// let rule = Script::javascript("rule", text);
    /// let options = |event: &str| RunOptions::new().event(event).stash(serde_json::json!({"target": "prod"}));
    /// let engine = Engine::new();
    /// assert_eq!(engine.run(rule.clone(), options("deployed")).wait().result.unwrap(), "prod");
    /// assert!(!engine.run(rule, options("removed")).wait().is_ok());
    /// ```
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Adds what the run, and all that it forks, waits for and holds to a trace.
    pub fn trace(mut self, trace: Arc<Trace>) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Adds where the time of the run goes, and of all that it starts, to a profile. Its report has the
    /// [places](crate::RunReport::profile) of the profile, too.
    ///
    /// ```
    /// use cla_runtime::profile::{Profile, ProfiledKind};
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let profile = Profile::start();
    /// let options = RunOptions::new().profile(profile.clone());
    /// let report = Engine::new().run(Script::javascript("rule", "1 + 2"), options).wait();
    /// let places = report.profile.unwrap();
    /// assert_eq!((places[0].kind, places[0].what.as_str()), (ProfiledKind::Rule, "rule"));
    /// assert_eq!(places, profile.places());
    /// ```
    pub fn profile(self, profile: Arc<Profile>) -> Self {
        self.profiled(Some(ProfileOptions {
            profile,
            around: None,
        }))
    }

    /// What is measured of a run that another one starts.
    pub(crate) fn profiled(mut self, profile: Option<ProfileOptions>) -> Self {
        self.profile = profile;
        self
    }

    /// About how many bytes the stash takes.
    pub(crate) fn stash_bytes(&self) -> usize {
        match &self.stash {
            Stash::Json(json) => json_bytes(json),
            Stash::Value(value) => value.weight(),
        }
    }

    /// Data, environment, settings and secrets of the run that starts this one.
    pub(crate) fn inherited(
        mut self,
        data: RunData,
        environment: Option<Arc<[(String, String)]>>,
        config: Option<Arc<serde_json::Value>>,
        secrets: Secrets,
    ) -> Self {
        self.data = data;
        self.secrets = secrets;
        self.environment = environment;
        self.config = config;
        self
    }

    /// The report is not looked at.
    pub(crate) fn detached(mut self, detached: bool) -> Self {
        self.detached = detached;
        self
    }

    /// Gives the run a value of the host's along, such as whose run it is: see [`RunData`]. Rules do not see it.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// struct Tenant(u32);
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let options = RunOptions::new().data(Tenant(7));
    /// let report = Engine::new().run(Script::javascript("rule", "1"), options).await;
    /// assert_eq!(report.data.get::<Tenant>().unwrap().0, 7);
    /// # }
    /// ```
    pub fn data<T: Any + Send + Sync>(mut self, data: T) -> Self {
        self.data.insert(data);
        self
    }

    /// Values that the run may read by their names, and that are masked wherever text leaves it: see [`Secrets`]. What it
    /// starts has the same.
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// A short text that says to people and metrics whose run it is, such as a tenant's name: spans of `tracing` have it, and
    /// [`RunData::label`]. What the run starts has the same. Rules do not see it.
    pub fn label(mut self, label: impl Into<Arc<str>>) -> Self {
        self.data.insert(Label(label.into()));
        self
    }

    /// The environment of the run, in place of the process's: what `cla/process` has in `env`, and what commands get. The
    /// permission to see variables is for the process's; these are given.
    pub fn environment<N: Into<String>, V: Into<String>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let variables = variables.into_iter();
        self.environment = Some(
            variables
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        );
        self
    }

    /// Settings, which the rule reads with `cla.config`: a JSON object. They lie over those of the
    /// [engine](crate::EngineBuilder::config), and over what was given here before: of two objects at one place both count,
    /// anything else takes the place of what was there. What the run starts has the same. Anything but an object changes nothing.
    ///
    /// They are for all to read; what must not be seen belongs into [`RunOptions::secrets`].
    pub fn config(mut self, config: serde_json::Value) -> Self {
        self.config = overlaid(self.config.as_ref(), config);
        self
    }

    /// What this run may of what its engine may (default: all of that). What is permitted here and not by the engine stays
    /// forbidden.
    ///
    /// ```
    /// use cla_runtime::{Engine, Permissions, RunOptions, Script};
    ///
    /// let rule = Script::javascript("rule", "export const semaphore = 'db'; export default () => 1");
    /// let engine = Engine::new();
    /// assert!(engine.run(rule.clone(), RunOptions::new()).wait().is_ok());
    /// let options = RunOptions::new().permissions(Permissions::none());
    /// let error = engine.run(rule, options).wait().result.unwrap_err();
    /// assert_eq!(error.name, "PermissionError");
    /// ```
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions = Some(match self.permissions {
            Some(before) => before.and(&permissions),
            None => permissions,
        });
        self
    }

    /// Lets this run import files below `folder`, besides those below the rule's own.
    pub fn allow_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        if let Ok(folder) = folder.into().canonicalize() {
            self.folders.push(folder);
        }
        self
    }
}

impl std::fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunOptions")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

/// About how many bytes a JSON value takes in memory.
pub(crate) fn json_bytes(value: &serde_json::Value) -> usize {
    /// A key of a map with its place in a node of the tree.
    const KEY: usize = 64;
    let mut bytes = 0;
    let mut left = vec![value];
    while let Some(value) = left.pop() {
        bytes += size_of::<serde_json::Value>();
        match value {
            serde_json::Value::String(text) => bytes += text.capacity(),
            serde_json::Value::Array(items) => left.extend(items),
            serde_json::Value::Object(map) => {
                bytes += map.keys().map(|key| key.len() + KEY).sum::<usize>();
                left.extend(map.values());
            }
            _ => {}
        }
    }
    bytes
}
