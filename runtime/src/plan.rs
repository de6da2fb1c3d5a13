//! What a rule would do, known without running it: see [`Engine::plan`](crate::Engine::plan).

use serde::{Deserialize, Serialize};

/// What a rule would do, as far as that is known before it runs.
///
/// Of a rulebook, that is a tree of ops. `${name}` is filled in where the stash or the rulebook's `vars` say what it is and
/// nothing changes it on the way; everything else is known only when it runs, and stands there as it was written. Of a
/// script, it is what it imports, the semaphore that it exports and those that it takes by name: only running it shows
/// the rest.
///
/// See [`Engine::plan`](crate::Engine::plan) for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The rule, as it was named.
    pub file: String,
    /// The event whose ops these are; `None` for what runs without an event.
    pub event: Option<String>,
    /// The ops, in order. `None` for a script.
    pub ops: Option<Vec<PlannedOp>>,
    /// The semaphores that are taken, in the order in which that first happens, each once. Of a script, those that it
    /// names as a literal, in the order of its text.
    pub semaphores: Vec<PlannedSemaphore>,
    /// The modules that are imported by the rule itself, in the order of its text.
    #[serde(default)]
    pub imports: Vec<PlannedImport>,
    /// What makes runs of it go one after the other, if anything does.
    #[serde(default)]
    pub concurrency: Option<PlannedConcurrency>,
}

impl Plan {
    /// A plan in which nothing is known but the name.
    #[must_use]
    pub fn of(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            event: None,
            ops: None,
            semaphores: Vec::new(),
            imports: Vec::new(),
            concurrency: None,
        }
    }
}

/// What makes runs go one after the other.
///
/// See [`Engine::plan`](crate::Engine::plan) for plans.
///
/// ```
/// use cla_rulebook::plan;
///
/// let text = "{concurrency: {key: 'deploy-${env}', cancel: waiting}, do: []}";
/// let plan = plan("deploy.yml", text, None, &serde_json::json!({"env": "prod"}))?;
/// let concurrency = plan.concurrency.expect("it has a key");
/// assert_eq!(concurrency.semaphore.name, "concurrency:deploy-prod");
/// assert_eq!(concurrency.cancel, "waiting");
/// # Ok::<(), cla_runtime::RuleError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedConcurrency {
    /// What they hold: `concurrency:` and the key.
    pub semaphore: PlannedSemaphore,
    /// Whose place a newcomer takes: `none`, `waiting`, `running`.
    pub cancel: String,
}

impl PlannedConcurrency {
    /// Runs hold this semaphore, and a newcomer takes the place of whom `cancel` says.
    #[must_use]
    pub fn new(semaphore: PlannedSemaphore, cancel: impl Into<String>) -> Self {
        Self {
            semaphore,
            cancel: cancel.into(),
        }
    }
}

/// One op of a [`Plan`].
///
/// ```
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::plan::PlannedFork;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cla_runtime::RuleError> {
/// let text = "do:
///   - if: 'env == \"prod\"'
///     then:
///       - shell: make deploy
///         semaphore: {key: deploy, slots: 2}
///         parallel: wait
/// ";
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// let plan = engine.plan(&Script::rulebook("deploy", text), RunOptions::new()).await?;
/// let ops = plan.ops.expect("a rulebook has ops");
/// assert_eq!((ops[0].op.as_str(), ops[0].line), ("if", 2));
/// let deploy = &ops[0].blocks[0].ops[0];
/// assert_eq!((deploy.op.as_str(), deploy.parallel), ("shell", Some(PlannedFork::Wait)));
/// let semaphore = deploy.semaphore.as_ref().expect("it has one");
/// assert_eq!((semaphore.name.as_str(), semaphore.slots.as_deref()), ("deploy", Some("2")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedOp {
    /// The line of its file, from 1.
    pub line: u32,
    /// `echo`, `if`, the name of a def.
    pub op: String,
    /// What its author called it.
    pub name: Option<String>,
    /// What it is given, in short: a text, a condition, a list.
    pub what: Option<String>,
    /// What it holds while it and its children run.
    pub semaphore: Option<PlannedSemaphore>,
    /// How long it may take.
    pub timeout: Option<String>,
    /// Whether it is forked, and how.
    pub parallel: Option<PlannedFork>,
    /// What a failure does, if it does not simply fail.
    pub on_error: Option<String>,
    /// Without this, nothing is done.
    pub when: Option<String>,
    /// Where the result goes.
    pub register: Option<String>,
    /// What it carries out in its turn.
    pub blocks: Vec<PlannedBlock>,
    /// The rule that it calls, and waits for.
    #[serde(default)]
    pub call: Option<PlannedCall>,
}

impl PlannedOp {
    /// An op at this line, of which nothing else is known.
    #[must_use]
    pub fn new(line: u32, op: impl Into<String>) -> Self {
        Self {
            line,
            op: op.into(),
            name: None,
            what: None,
            semaphore: None,
            timeout: None,
            parallel: None,
            on_error: None,
            when: None,
            register: None,
            blocks: Vec::new(),
            call: None,
        }
    }
}

/// A rule that an op calls.
///
/// See [`PlannedOp`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedCall {
    /// Its file, seen from the folder of the rule that calls it, as far as it is known.
    pub file: String,
    /// The event that it is to handle, if any.
    pub event: Option<String>,
    /// Whether both are known: nothing in them depends on the run.
    pub known: bool,
}

impl PlannedCall {
    /// A call of this file, of which no more is known.
    #[must_use]
    pub fn new(file: impl Into<String>, known: bool) -> Self {
        Self {
            file: file.into(),
            event: None,
            known,
        }
    }
}

/// How an op is forked.
///
/// See [`PlannedOp`] for an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlannedFork {
    /// The block around it waits for it.
    Wait,
    /// It is left alone.
    Leave,
}

/// Ops within an op.
///
/// See [`PlannedOp`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedBlock {
    /// `then`, `else`, `catch`; `None` if it is the only one.
    pub label: Option<String>,
    /// The ops, in order.
    pub ops: Vec<PlannedOp>,
}

impl PlannedBlock {
    /// These ops, under this label.
    #[must_use]
    pub fn new(label: Option<String>, ops: Vec<PlannedOp>) -> Self {
        Self { label, ops }
    }
}

/// A semaphore that a rule takes.
///
/// See [`PlannedOp`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedSemaphore {
    /// Its name, as far as it is known.
    pub name: String,
    /// How many slots the rule declares.
    pub slots: Option<String>,
    /// How long it is waited for at most.
    pub timeout: Option<String>,
    /// After how long the slot is free by itself.
    pub ttl: Option<String>,
    /// Whether the name was known: nothing in it depends on the run.
    pub known: bool,
}

impl PlannedSemaphore {
    /// A semaphore of which no more is declared than its name.
    #[must_use]
    pub fn new(name: impl Into<String>, known: bool) -> Self {
        Self {
            name: name.into(),
            slots: None,
            timeout: None,
            ttl: None,
            known,
        }
    }
}

/// A module that a rule imports.
///
/// See [`Engine::plan`](crate::Engine::plan) for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PlannedImport {
    /// As the rule names it.
    pub specifier: String,
    /// What that means: the name of a built-in module, or of one of the host's loader, or the path of a file. `None` if it
    /// cannot be imported.
    pub module: Option<String>,
    /// The line of the import, from 1.
    pub line: u32,
}

impl PlannedImport {
    /// An import at this line.
    #[must_use]
    pub fn new(specifier: impl Into<String>, module: Option<String>, line: u32) -> Self {
        Self {
            specifier: specifier.into(),
            module,
            line,
        }
    }
}
