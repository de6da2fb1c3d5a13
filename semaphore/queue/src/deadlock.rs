//! A wait that could never end: [`DeadlockError`].

use std::fmt;
use std::sync::Arc;

use crate::id::RunId;
use crate::name::SemaphoreName;
use crate::owner::NamedRun;

/// A wait that could never have ended, because those who hold the slots wait, directly or through
/// others, for the one who asks.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use cla_semaphore::{AcquireError, Owner, RunId, Semaphores};
///
/// let db = Semaphores::memory().get("db")?;
/// let me = Owner::new("nested.js").with_run(RunId::unique());
/// let _held = db.acquire().owner(me.clone()).await?;
/// let Err(AcquireError::Deadlock(error)) = db.acquire().owner(me).await else {
///     panic!("it waits for itself")
/// };
/// assert_eq!(error.cycle()[0].who, "nested.js");
/// assert_eq!(error.semaphore().as_str(), "db");
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlockError {
    cycle: Arc<[DeadlockLink]>,
}

/// One run of a deadlock's cycle: it holds what the run before it waits for. It waits itself, or waits for another run that
/// does: see [`through`](Self::through).
///
/// See [`DeadlockError`] for an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadlockLink {
    /// The run.
    pub run: RunId,
    /// What administrators know it as.
    pub who: String,
    /// The semaphore of which it holds a slot.
    pub holds: SemaphoreName,
    /// The semaphore for which it waits.
    pub waits_for: SemaphoreName,
    /// The runs through which it waits: it waits for the end of the first, that for the end of the next, and the last is in
    /// the line of the semaphore. None if it is in that line itself.
    pub through: Vec<NamedRun>,
}

impl DeadlockLink {
    /// Whether it is the run itself that is in the line, and not one for which it waits.
    fn waits_itself(&self) -> bool {
        self.through.is_empty()
    }
}

impl fmt::Display for DeadlockLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = crate::printable(&self.who);
        write!(f, "{who} (run {}) holds \"{}\" and", self.run, self.holds)?;
        for NamedRun { run, who } in &self.through {
            let who = crate::printable(who);
            write!(f, " waits for {who} (run {run}), which")?;
        }
        write!(f, " waits for \"{}\"", self.waits_for)
    }
}

impl DeadlockError {
    /// A deadlock of these runs, beginning with the one that gets the error, or that waits for the one that gets it; each
    /// holds what the one before waits for, and the first holds what the last waits for.
    ///
    /// # Panics
    /// When `cycle` is empty: no run waits for another.
    #[must_use]
    pub fn new(cycle: impl Into<Arc<[DeadlockLink]>>) -> Self {
        let cycle = cycle.into();
        assert!(!cycle.is_empty(), "a cycle has at least one run");
        Self { cycle }
    }

    /// The cycle, beginning with the run that gets the error, or that waits [through](DeadlockLink::through) it.
    #[must_use]
    pub fn cycle(&self) -> &[DeadlockLink] {
        &self.cycle
    }

    /// The semaphore that the run which gets the error asked for.
    #[must_use]
    pub fn semaphore(&self) -> &SemaphoreName {
        &self.cycle[0].waits_for
    }
}

impl fmt::Display for DeadlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Semaphore deadlock: ")?;
        if let [link] = &*self.cycle {
            return if link.waits_itself() {
                let who = crate::printable(&link.who);
                write!(
                    f,
                    "{who} (run {}) waits for semaphore \"{}\", whose slot it holds itself, so the wait could never \
                     end; do not take it again inside, or give it more slots",
                    link.run, link.holds,
                )
            } else {
                write!(
                    f,
                    "{link}, so the wait could never end; take it in only one of these runs, or give it more slots",
                )
            };
        }
        for (nth, link) in self.cycle.iter().enumerate() {
            let comma = if nth > 0 { ", " } else { "" };
            write!(f, "{comma}{link}")?;
        }
        f.write_str(
            ", so none of them could ever go on; take these semaphores in the same order everywhere, \
             or give the wait a timeout",
        )
    }
}

impl std::error::Error for DeadlockError {}
