//! A wait that could never end: [`DeadlockError`].

use std::fmt;
use std::sync::Arc;

use crate::id::RunId;
use crate::name::SemaphoreName;

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

/// One run of a deadlock's cycle: it holds what the run before it waits for.
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
}

impl DeadlockError {
    /// A deadlock of these runs, beginning with the one that gets the error; each holds what the one before waits
    /// for, and the first holds what the last waits for.
    ///
    /// # Panics
    /// When `cycle` is empty: no run waits for another.
    #[must_use]
    pub fn new(cycle: impl Into<Arc<[DeadlockLink]>>) -> Self {
        let cycle = cycle.into();
        assert!(!cycle.is_empty(), "a cycle has at least one run");
        Self { cycle }
    }

    /// The cycle, beginning with the run that gets the error.
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
        if let [
            DeadlockLink {
                run, who, holds, ..
            },
        ] = &*self.cycle
        {
            let who = crate::printable(who);
            return write!(
                f,
                "Semaphore deadlock: {who} (run {run}) waits for semaphore \"{holds}\", whose slot it \
                 holds itself, so the wait could never end; \
                 do not take it again inside, or give it more slots",
            );
        }
        f.write_str("Semaphore deadlock: ")?;
        for (nth, link) in self.cycle.iter().enumerate() {
            let DeadlockLink {
                run,
                who,
                holds,
                waits_for,
            } = link;
            let comma = if nth > 0 { ", " } else { "" };
            let who = crate::printable(who);
            write!(
                f,
                "{comma}{who} (run {run}) holds \"{holds}\" and waits for \"{waits_for}\"",
            )?;
        }
        f.write_str(
            ", so none of them could ever go on; take these semaphores in the same order everywhere, \
             or give the wait a timeout",
        )
    }
}

impl std::error::Error for DeadlockError {}
