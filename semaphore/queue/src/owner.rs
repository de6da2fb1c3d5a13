//! Who asks: [`Owner`], and the runs that wait for it: [`NamedRun`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::id::RunId;

/// Who asks for a slot, as administrators see it: the run, a text such as the rule and its op, the
/// host and the process.
///
/// Cheap to clone: all clones share one allocation, so make one per run and reuse it.
///
/// ```
/// use cla_semaphore::{Owner, RunId};
///
/// let owner = Owner::process("deploy.js").with_run(RunId::unique());
/// assert_eq!(owner.who(), "deploy.js");
/// assert_eq!(owner.pid(), Some(std::process::id()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Owner(Arc<Fields>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Fields {
    run: Option<RunId>,
    who: String,
    host: Option<Arc<str>>,
    pid: Option<u32>,
    dependents: Option<Arc<[NamedRun]>>,
}

/// A run, and what administrators know it as.
///
/// See [`Owner::with_dependents`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct NamedRun {
    /// The run.
    pub run: RunId,
    /// What administrators know it as; at most [`Owner::MAX_CHARS`] characters are of use.
    pub who: String,
}

impl Owner {
    /// How much of `who`, and of a host's name, is kept, in characters. Of a longer text the middle gives way to `…`, so
    /// that the rule at its start and the op at its end are still there.
    pub const MAX_CHARS: usize = 256;

    /// An owner of which only `who` is known.
    #[must_use]
    pub fn new(who: impl Into<String>) -> Self {
        Self(Arc::new(Fields {
            who: Self::shortened(who.into()),
            ..Fields::default()
        }))
    }

    /// An owner in this process: fills in the host's name and the process id.
    #[must_use]
    pub fn process(who: impl Into<String>) -> Self {
        Self(Arc::new(Fields {
            run: None,
            who: Self::shortened(who.into()),
            host: this_host(),
            pid: Some(std::process::id()),
            dependents: None,
        }))
    }

    /// The same owner, asking for the run `run`. Only owners with a run take part in deadlock
    /// detection.
    #[must_use]
    pub fn with_run(mut self, run: RunId) -> Self {
        Arc::make_mut(&mut self.0).run = Some(run);
        self
    }

    /// The same owner, whose run holds up these runs while it waits: they wait for its end. The nearest comes first: the one
    /// that waits for this run, then the one that waits for that, and so on.
    ///
    /// A run that starts another one and waits for it can release nothing meanwhile. So a wait of the started one for a
    /// slot that a dependent holds could never end, and is a [`DeadlockError`](crate::deadlock::DeadlockError). Runs that
    /// begin to wait later are told with `Semaphores::note_dependents`.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// use cla_semaphore::{AcquireError, NamedRun, Owner, RunId, Semaphores};
    ///
    /// let db = Semaphores::memory().get("db")?;
    /// let parent = NamedRun { run: RunId::unique(), who: "deploy.yml".to_owned() };
    /// let _held = db.acquire().owner(Owner::new(&*parent.who).with_run(parent.run)).await?;
    ///
    /// // It calls another rule and waits for it. That one asks for what its caller holds.
    /// let child = Owner::new("backup.yml").with_run(RunId::unique()).with_dependents([parent.clone()]);
    /// let Err(AcquireError::Deadlock(error)) = db.acquire().owner(child).await else {
    ///     panic!("the caller would never release it")
    /// };
    /// assert_eq!(error.cycle()[0].run, parent.run);
    /// assert_eq!(error.cycle()[0].through[0].who, "backup.yml");
    /// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_dependents(mut self, dependents: impl Into<Arc<[NamedRun]>>) -> Self {
        let dependents = dependents.into();
        Arc::make_mut(&mut self.0).dependents = Some(dependents).filter(|runs| !runs.is_empty());
        self
    }

    /// The same owner, described as being in the process `pid` of `host`.
    #[must_use]
    pub fn with_process(mut self, host: impl Into<Arc<str>>, pid: u32) -> Self {
        let fields = Arc::make_mut(&mut self.0);
        let host = host.into();
        fields.host = Some(if host.len() > Self::MAX_CHARS {
            Self::shortened(host.as_ref().to_owned()).into()
        } else {
            host
        });
        fields.pid = Some(pid);
        self
    }

    /// A text as it is kept: as it is, or its start and its end if it has more than [`Owner::MAX_CHARS`] characters.
    #[must_use]
    pub fn shortened(text: String) -> String {
        // No text has more characters than bytes.
        if text.len() <= Self::MAX_CHARS {
            return text;
        }
        let half = Self::MAX_CHARS / 2;
        let mut from_the_end = text.char_indices().rev();
        let Some((tail, _)) = from_the_end.nth(half - 1) else {
            return text;
        };
        // If no more is left in front of the tail than the other half, all fits.
        let is_long = from_the_end.nth(half).is_some();
        match text.char_indices().nth(half - 1) {
            // A copy, so that the long text's memory is free.
            Some((head, _)) if is_long => format!("{}…{}", &text[..head], &text[tail..]),
            _ => text,
        }
    }

    /// The run on whose behalf the slot is asked for.
    #[inline]
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        self.0.run
    }

    /// The runs that wait for the end of its run, the nearest first.
    #[must_use]
    pub fn dependents(&self) -> &[NamedRun] {
        self.0.dependents.as_deref().unwrap_or_default()
    }

    /// As [`dependents`](Self::dependents), to be kept.
    #[doc(hidden)]
    #[must_use]
    pub fn shared_dependents(&self) -> Option<&Arc<[NamedRun]>> {
        self.0.dependents.as_ref()
    }

    /// Rule and op, `REPL`, or whatever an administrator should read.
    #[inline]
    #[must_use]
    pub fn who(&self) -> &str {
        &self.0.who
    }

    /// The machine it runs on.
    #[inline]
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The process it runs in.
    #[inline]
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.0.pid
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The name of this machine, looked up once.
#[doc(hidden)]
#[must_use]
pub fn this_host() -> Option<Arc<str>> {
    static HOST: OnceLock<Option<Arc<str>>> = OnceLock::new();
    HOST.get_or_init(|| {
        // std has no call for it: the kernel's file on Linux, the shell's variable elsewhere.
        std::fs::read_to_string("/proc/sys/kernel/hostname")
            .ok()
            .or_else(|| std::env::var("HOSTNAME").ok())
            .or_else(|| std::env::var("COMPUTERNAME").ok())
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .map(Arc::from)
    })
    .clone()
}

#[cfg(test)]
mod tests {
    use super::Owner;

    #[test]
    fn a_long_text_is_cut_in_the_middle_and_a_short_one_is_not() {
        for unit in ["w", "ü", "信", "\u{1f6a6}"] {
            for count in [0, 1, 255, 256] {
                let text = unit.repeat(count);
                assert_eq!(Owner::new(&*text).who(), text);
            }
            for count in [257, 258, 300, 1_000_000] {
                let text = format!("deploy.js {} line 3", unit.repeat(count));
                for owner in [Owner::new(&*text), Owner::process(&*text)] {
                    let who = owner.who();
                    assert_eq!(who.chars().count(), Owner::MAX_CHARS);
                    assert!(
                        who.starts_with("deploy.js ") && who.ends_with(" line 3"),
                        "{who}"
                    );
                    assert!(who.contains('…'));
                }
                let host = Owner::new("x").with_process(&*text, 1);
                assert!(
                    host.host()
                        .is_some_and(|host| host.chars().count() == Owner::MAX_CHARS)
                );
            }
        }
    }
}
