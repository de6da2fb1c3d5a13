//! Who asks: [`Owner`].

use std::fmt;
use std::sync::{Arc, OnceLock};

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
}

impl Owner {
    /// An owner of which only `who` is known.
    #[must_use]
    pub fn new(who: impl Into<String>) -> Self {
        Self(Arc::new(Fields {
            who: who.into(),
            ..Fields::default()
        }))
    }

    /// An owner in this process: fills in the host's name and the process id.
    #[must_use]
    pub fn process(who: impl Into<String>) -> Self {
        Self(Arc::new(Fields {
            run: None,
            who: who.into(),
            host: this_host(),
            pid: Some(std::process::id()),
        }))
    }

    /// The same owner, asking for the run `run`. Only owners with a run take part in deadlock
    /// detection.
    #[must_use]
    pub fn with_run(mut self, run: RunId) -> Self {
        Arc::make_mut(&mut self.0).run = Some(run);
        self
    }

    /// The same owner, described as being in the process `pid` of `host`.
    #[must_use]
    pub fn with_process(mut self, host: impl Into<Arc<str>>, pid: u32) -> Self {
        let fields = Arc::make_mut(&mut self.0);
        fields.host = Some(host.into());
        fields.pid = Some(pid);
        self
    }

    /// The run on whose behalf the slot is asked for.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        self.0.run
    }

    /// Rule and op, `REPL`, or whatever an administrator should read.
    #[must_use]
    pub fn who(&self) -> &str {
        &self.0.who
    }

    /// The machine it runs on.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// The process it runs in.
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
pub(crate) fn this_host() -> Option<Arc<str>> {
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
