//! Runs of the rules of a folder: started over HTTP, watched, stopped, and remembered.

mod audit;
mod folder;
mod history;
mod output;
mod record;
mod snippets;

use std::collections::HashMap;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cla_rulebook::{Input, InputError, give_inputs};
use cla_runtime::handle::RunCanceller;
use cla_runtime::secrets::Secrets;
use cla_runtime::semaphore::{RunId, Semaphores};
use cla_runtime::trace::{RegionRecord, Trace};
use cla_runtime::{Engine, Limits, Output, RuleError, RunOptions, RunReport, Script};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

pub(crate) use self::audit::{ServiceAction, ServiceAuditEntry};
use self::folder::Folder;
pub(crate) use self::folder::RuleFile;
use self::history::History;
pub(crate) use self::history::Search;
pub(crate) use self::output::{Level, Lines, OutputLine, Tail};
pub(crate) use self::record::Record;
pub(crate) use self::snippets::is_snippet_name;
use crate::live::{Happened, Live};
use crate::metrics::Metrics;

/// The most runs at once that clients started.
const MOST: usize = 1000;

/// A value that a rule returns is remembered if it has at most so many bytes of JSON.
const LONGEST_VALUE: usize = 64 * 1024;

/// What is remembered of a run's report, at most, in bytes.
const LONGEST_REPORT: usize = 1 << 20;

/// How long the end waits for runs whose grace is over.
const AFTER_CANCEL: Duration = Duration::from_secs(10);

/// The rules that a service runs: an engine, and the folder that has them.
///
/// ```no_run
/// use cla_admin::{Admin, Rules};
/// use cla_runtime::Engine;
///
/// # async fn build() -> std::io::Result<()> {
/// let engine = Engine::builder().allow_folder("rules").build();
/// let rules = Rules::new(engine.clone(), "rules").history("runs.db");
/// let admin = Admin::builder(engine.semaphores().clone()).rules(rules).build()?;
/// # Ok(()) }
/// ```
#[must_use]
pub struct Rules {
    engine: Engine,
    folder: PathBuf,
    history: Option<PathBuf>,
    limits: Limits,
    secrets: Secrets,
    repl: Option<EngineFor>,
}

/// Makes the engine of a session from the semaphores that it steers.
pub(crate) type EngineFor = Box<dyn Fn(Semaphores) -> Engine + Send + Sync>;

impl Rules {
    /// The rules below this folder, run by this engine. Clients name them by their paths from the folder on, and reach no
    /// others; the engine says what a rule may import.
    pub fn new(engine: Engine, folder: impl Into<PathBuf>) -> Self {
        Self {
            engine,
            folder: folder.into(),
            history: None,
            limits: Limits::default(),
            secrets: Secrets::new(),
            repl: None,
        }
    }

    /// Limits of each run (default: [`Limits::default`]).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Secrets that each run may read, code at the panel too, and that are masked in all that the service shows and keeps
    /// (default: none). See [`Secrets`] for an example.
    pub fn secrets(mut self, secrets: Secrets) -> Self {
        self.secrets = secrets;
        self
    }

    /// The SQLite file that remembers the runs (default: they are remembered in memory). One service at a time uses it.
    pub fn history(mut self, file: impl Into<PathBuf>) -> Self {
        self.history = Some(file.into());
        self
    }

    /// Administrators may run code of their own at the panel (default: they may not).
    ///
    /// Each browser that does has a session with an engine of its own, which `engine` makes: its semaphores note who asks.
    pub fn repl(mut self, engine: impl Fn(Semaphores) -> Engine + Send + Sync + 'static) -> Self {
        self.repl = Some(Box::new(engine));
        self
    }

    /// What a REPL needs, if there is to be one.
    pub(crate) fn take_repl(&mut self) -> Option<ReplSettings> {
        Some(ReplSettings {
            engine_for: self.repl.take()?,
            folder: self.folder.clone(),
            limits: self.limits,
            secrets: self.secrets.clone(),
        })
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// What sessions of code are made of.
pub(crate) struct ReplSettings {
    pub(crate) engine_for: EngineFor,
    pub(crate) folder: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) secrets: Secrets,
}

/// The runs of one service.
pub(crate) struct Runs {
    engine: Engine,
    limits: Limits,
    secrets: Secrets,
    folder: Folder,
    history: History,
    live: Mutex<HashMap<RunId, Arc<Ongoing>>>,
    /// The keys by which clients name what they ask for, so that asking twice starts one run.
    keys: tokio::sync::Mutex<()>,
    events: Arc<Live>,
    metrics: Arc<Metrics>,
}

/// A run that goes on.
pub(crate) struct Ongoing {
    record: Record,
    output: Arc<Tail>,
    canceller: RunCanceller,
    trace: Arc<Trace>,
    ended: watch::Sender<bool>,
}

/// What a client asks for.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) rule: String,
    pub(crate) stash: serde_json::Value,
    pub(crate) event: Option<String>,
    pub(crate) timeout: Option<Duration>,
    /// Who asks.
    pub(crate) login: String,
    /// What the client calls this wish.
    pub(crate) key: Option<String>,
}

/// A run, as clients see it: while it goes on without a report.
#[derive(Debug, Serialize)]
pub(crate) struct RunView {
    #[serde(flatten)]
    pub(crate) record: Record,
    /// As `cla run --json` prints it; `null` while it goes on.
    pub(crate) report: Option<Box<RawValue>>,
}

/// Why a run was not started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    // The message reveals nothing of other folders.
    #[error(
        "there is no rule {rule:?} in the folder of this service; GET /api/v1/rules lists those there are"
    )]
    NoRule { rule: String },
    #[error("the rule {rule:?} cannot be read: {cause}")]
    Unreadable { rule: String, cause: io::Error },
    #[error("{0}")]
    Input(InputError),
    #[error("{MOST} runs go on, and no more are started at once")]
    TooMany,
    #[error("the key was used before, for another rule or with another stash")]
    KeyReused,
    #[error("the history of the runs cannot be used: {0}")]
    History(String),
}

impl Runs {
    pub(crate) fn new(
        rules: Rules,
        events: Arc<Live>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            folder: Folder::new(&rules.folder)?,
            history: History::open(rules.history.as_deref())?,
            engine: rules.engine,
            limits: rules.limits,
            secrets: rules.secrets,
            live: Mutex::default(),
            keys: tokio::sync::Mutex::default(),
            events,
            metrics,
        }))
    }

    /// What runs may read and the service does not show.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The rules that can be run.
    pub(crate) async fn rules(&self) -> io::Result<Vec<RuleFile>> {
        let folder = self.folder.clone();
        tokio::task::spawn_blocking(move || folder.rules())
            .await
            .map_err(io::Error::other)?
    }

    /// Starts a run, or gives the one that the same client has started with the same key.
    pub(crate) async fn start(self: &Arc<Self>, wish: Wish) -> Result<RunId, RunError> {
        let fingerprint = wish.fingerprint();
        let key = wish.key.clone().map(|key| format!("{}\n{key}", wish.login));
        // One at a time, so that two with the same key start one run.
        let _turn = match key {
            Some(_) => Some(self.keys.lock().await),
            None => None,
        };
        if let Some(key) = &key
            && let Some(found) = self.by_key(key).await?
        {
            return if found.fingerprint == fingerprint {
                Ok(found.id)
            } else {
                Err(RunError::KeyReused)
            };
        }
        if self.live.lock().len() >= MOST {
            return Err(RunError::TooMany);
        }
        let (script, inputs) = self.read(&wish.rule).await?;
        // The run reports what is wrong with the rulebook itself.
        if let (Ok(inputs), serde_json::Value::Object(stash)) = (inputs, &wish.stash) {
            let mut given = stash.clone();
            let inputs = give_inputs(&inputs, &mut given, wish.event.is_some());
            inputs.map_err(|mut error| {
                error.message = self.secrets.mask(&error.message).into_owned();
                RunError::Input(error)
            })?;
        }
        let output = Arc::new(Tail::new());
        let mut limits = self.limits;
        if let Some(timeout) = wish.timeout {
            limits.timeout = Some(limits.timeout.map_or(timeout, |limit| limit.min(timeout)));
        }
        let trace = Trace::start();
        let mut options = RunOptions::new()
            .name(wish.rule.as_str())
            .stash(wish.stash)
            .limits(limits)
            .secrets(self.secrets.clone())
            // So that its report has what it took by code, too.
            .trace(Arc::clone(&trace))
            .output(Arc::clone(&output) as Arc<dyn Output>);
        if let Some(event) = wish.event {
            options = options.event(event);
        }
        let handle = self.engine.run(script, options);
        let record = Record {
            id: handle.id(),
            rule: wish.rule,
            by: wish.login,
            status: "running".to_owned(),
            started_at: now(),
            ended_at: None,
            waited: None,
            ran: None,
            key,
            fingerprint,
        };
        let id = record.id;
        let live = Arc::new(Ongoing {
            record: record.clone(),
            output,
            canceller: handle.canceller(),
            trace,
            ended: watch::Sender::new(false),
        });
        self.live.lock().insert(id, Arc::clone(&live));
        self.events.push(Happened::Run(Box::new(record.clone())));
        self.history.begin(record);
        let runs = Arc::clone(self);
        tokio::spawn(async move {
            let report = handle.await;
            runs.conclude(&live, &report);
        });
        Ok(id)
    }

    /// What a rule of the folder is to be given.
    pub(crate) async fn inputs(&self, rule: &str) -> Result<Vec<Input>, RunError> {
        let (_, inputs) = self.read(rule).await?;
        inputs.map_err(|error| RunError::Unreadable {
            rule: rule.to_owned(),
            cause: io::Error::other(error.message),
        })
    }

    /// Reads a rule of the folder, and what it is to be given.
    async fn read(&self, rule: &str) -> Result<(Script, Result<Vec<Input>, RuleError>), RunError> {
        let no_rule = || RunError::NoRule {
            rule: rule.to_owned(),
        };
        // Nothing else is even looked at. A link that leads out of the folder is found when it is opened.
        let mut parts = Path::new(rule).components();
        if rule.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
            return Err(no_rule());
        }
        let (folder, path) = (self.folder.path().to_owned(), rule.to_owned());
        let read = move || {
            let script = Script::below(folder, path)?;
            let inputs = cla_rulebook::inputs(&script);
            Ok((script, inputs))
        };
        let read = tokio::task::spawn_blocking(read).await;
        let read = read.map_err(io::Error::other).and_then(|read| read);
        read.map_err(|cause| match cause.kind() {
            io::ErrorKind::Other | io::ErrorKind::OutOfMemory => RunError::Unreadable {
                rule: rule.to_owned(),
                cause,
            },
            _ => no_rule(),
        })
    }

    fn conclude(&self, live: &Ongoing, report: &RunReport) {
        let record = Record {
            status: report.status().to_owned(),
            ended_at: Some(now()),
            waited: Some(report.waited.as_secs_f64()),
            ran: Some(report.ran.as_secs_f64()),
            ..live.record.clone()
        };
        let took = report.waited + report.ran;
        self.metrics.ended(&record.rule, &record.status, took);
        live.output.finish();
        let text = shortened(report, &record.rule);
        self.history
            .end(record.clone(), text, live.output.lines(0, usize::MAX));
        // From now on the history has the run.
        self.live.lock().remove(&record.id);
        self.events.push(Happened::Run(Box::new(record)));
        live.ended.send_replace(true);
    }

    async fn by_key(&self, key: &str) -> Result<Option<Record>, RunError> {
        {
            let live = self.live.lock();
            let mut live = live.values();
            if let Some(found) = live.find(|live| live.record.key.as_deref() == Some(key)) {
                return Ok(Some(found.record.clone()));
            }
        }
        self.history.by_key(key.to_owned()).await
    }

    /// Waits until a run has ended, at most so long.
    pub(crate) async fn ended(&self, id: RunId, within: Duration) {
        let live = self.live.lock().get(&id).cloned();
        if let Some(live) = live {
            let mut ended = live.ended.subscribe();
            // The sender is in `live`. A wait that takes too long is no error.
            let _ = tokio::time::timeout(within, ended.wait_for(|ended| *ended)).await;
        }
    }

    /// One run.
    pub(crate) async fn show(&self, id: RunId) -> Result<Option<RunView>, RunError> {
        if let Some(live) = self.live.lock().get(&id) {
            return Ok(Some(RunView {
                record: live.record.clone(),
                report: None,
            }));
        }
        self.history.show(id).await
    }

    /// The runs, the newest first, and how many there are.
    pub(crate) async fn list(&self, search: Search) -> Result<(usize, Vec<Record>), RunError> {
        self.history.list(search).await
    }

    /// The output after this line; `None` if there is no such run.
    pub(crate) async fn output(
        &self,
        id: RunId,
        after: u64,
        most: usize,
    ) -> Result<Option<Lines>, RunError> {
        if let Some(live) = self.live.lock().get(&id) {
            return Ok(Some(live.output.lines(after, most)));
        }
        let lines = self.history.output(id).await?;
        Ok(lines.map(|lines| lines.after(after, most)))
    }

    /// Stops a run; `false` if it does not go on.
    pub(crate) fn stop(&self, id: RunId) -> bool {
        let live = self.live.lock();
        let live = live.get(&id);
        if let Some(live) = live {
            live.canceller.cancel();
        }
        live.is_some()
    }

    /// Whether this run goes on here.
    pub(crate) fn goes_on(&self, id: RunId) -> bool {
        self.live.lock().contains_key(&id)
    }

    /// The regions that a run that goes on here has left so far: the last of many.
    pub(crate) fn regions(&self, id: RunId) -> Vec<RegionRecord> {
        let live = self.live.lock().get(&id).cloned();
        live.map(|live| live.trace.recent(id)).unwrap_or_default()
    }

    /// How many go on.
    pub(crate) fn count(&self) -> usize {
        self.live.lock().len()
    }

    /// The end: runs get this long, and are then cancelled. Nothing is started meanwhile.
    pub(crate) async fn drain(&self, grace: Duration) {
        if tokio::time::timeout(grace, self.engine.idle())
            .await
            .is_err()
        {
            tracing::warn!(runs = self.count(), "runs are cancelled");
            self.engine.cancel_all();
            let most = self.limits.grace.saturating_add(AFTER_CANCEL);
            let ended = tokio::time::timeout(most, self.engine.idle()).await;
            if ended.is_err() {
                tracing::error!("runs do not end");
            }
        }
        // Their reports are written down by tasks of their own.
        let concluded = async {
            while self.count() > 0 {
                let live = self.live.lock().values().next().cloned();
                if let Some(live) = live {
                    let _ = live.ended.subscribe().wait_for(|ended| *ended).await;
                }
            }
        };
        let _ = tokio::time::timeout(AFTER_CANCEL, concluded).await;
        self.history.flush().await;
    }
}

impl Wish {
    /// Distinguishes this request from another one with the same key.
    fn fingerprint(&self) -> String {
        let text = format!("{}\n{:?}\n{}", self.rule, self.event, self.stash);
        crate::auth::fingerprint(&text)
    }
}

/// The report, without what is too long to be remembered.
fn shortened(report: &RunReport, rule: &str) -> String {
    let text = report.to_json(rule);
    if text.len() <= LONGEST_VALUE {
        return text;
    }
    let mut short = report.clone();
    if let Ok(value) = &mut short.result
        && value.to_string().len() > LONGEST_VALUE
    {
        *value = serde_json::Value::Null;
    }
    let text = short.to_json(rule);
    if text.len() <= LONGEST_REPORT {
        return text;
    }
    short.regions.truncate(1000);
    short.semaphores.truncate(100);
    short.forks.truncate(500);
    for fork in &mut short.forks {
        fork.regions.truncate(3);
    }
    let text = short.to_json(rule);
    if text.len() <= LONGEST_REPORT {
        return text;
    }
    // An error of many long causes.
    "null".to_owned()
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
