//! After `fork()`: the child process has none of the threads that an engine needs, so nothing in it would ever go on.
//!
//! A process is known by its id. That is asked for when an engine is made and when a run is started, which costs a call of
//! the system each; a handler that runs at each fork would need code that is not safe.

use std::sync::OnceLock;

/// The process in which the threads of this crate were started first: some, such as the clock's, serve all engines.
static THREADS: OnceLock<u32> = OnceLock::new();

/// The process in which something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HomeProcess(u32);

impl HomeProcess {
    /// This one.
    pub(crate) fn here() -> Self {
        Self(std::process::id())
    }

    /// Whether this process is another one: a fork of the one in which it was made.
    pub(crate) fn is_elsewhere(self) -> bool {
        self != Self::here()
    }

    /// Why what was made here cannot be used in this process; `None` if it can.
    pub(crate) fn problem(self) -> Option<&'static str> {
        let here = std::process::id();
        if self.0 != here {
            return Some(
                "this process is a fork of the one in which the engine was made, and the engine's threads are not in it: \
                 make the engine after fork()",
            );
        }
        let threads = THREADS.get()?;
        (*threads != here).then_some(
            "this process is a fork of one in which rules have run, and the threads that all engines share are not in it: \
             fork before the first rule runs, or start a program anew",
        )
    }
}

/// Notes that threads are started in this process.
pub(crate) fn note_threads() {
    THREADS.get_or_init(std::process::id);
}
