//! What a run may use.

use std::time::Duration;

/// The smallest memory limit: an empty isolate needs a sixth of it.
///
/// ```
/// use cla_runtime::Limits;
/// use cla_runtime::limits::MIN_MEMORY;
///
/// assert_eq!(Limits::default().memory(1).memory, MIN_MEMORY);
/// ```
pub const MIN_MEMORY: usize = 1024 * 1024;
/// The smallest stack limit, in bytes.
///
/// See [`MAX_STACK`] for an example.
pub const MIN_STACK: usize = 64 * 1024;
/// The largest stack limit, in bytes: the most that QuickJS takes.
///
/// ```
/// use cla_runtime::Limits;
/// use cla_runtime::limits::{MAX_STACK, MIN_STACK};
///
/// assert_eq!(Limits::default().stack(1).stack, MIN_STACK);
/// assert_eq!(Limits::default().stack(usize::MAX).stack, MAX_STACK);
/// ```
pub const MAX_STACK: usize = 16 * 1024 * 1024;

/// How long what must happen in the end may take, if nothing else is said: see [`Limits::grace`].
///
/// ```
/// use cla_runtime::Limits;
/// use cla_runtime::limits::GRACE;
///
/// assert_eq!(Limits::default().grace, GRACE);
/// ```
pub const GRACE: Duration = Duration::from_secs(10);

/// Limits of one run. A run that exceeds one fails; the others and the process go on.
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::Limits;
///
/// let limits = Limits::default()
///     .memory(64 * 1024 * 1024)
///     .timeout(Duration::from_secs(30));
/// assert_eq!(limits.memory, 64 * 1024 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of memory that the run's values, and what is kept for it, may take (default 256 MiB, at least
    /// [`MIN_MEMORY`]). A run shares it with all that it starts (children, forks, what these start in turn): it is one
    /// budget for those that live at the same time.
    pub memory: usize,
    /// Bytes of stack that nested calls may take (default 1 MiB, from [`MIN_STACK`] to
    /// [`MAX_STACK`]). It is reserved per run, and committed as far as calls nest.
    pub stack: usize,
    /// Time from start to end by the [clock](crate::clock) of the engine, waiting included (default none). What the run starts has what is left of it,
    /// and is stopped when it is over, also if the run itself has ended before.
    pub timeout: Option<Duration>,
    /// How long what must happen in the end may take once the run was stopped, by its time limit or by whoever cancelled it
    /// (default [`GRACE`]): `finally` blocks, and waiting for what it has started. With all that it starts, together. With
    /// 0, nothing of the rule's runs any more.
    pub grace: Duration,
    /// How many runs that it started, directly or through others, may live at once (default 10,000). Each also takes
    /// about 200 KB of `memory`.
    pub runs: usize,
    /// How many bytes of output the run may write, with all that it starts (default: any number). More throws a `RangeError`.
    pub output: Option<u64>,
    /// How many regions the run may enter from start to end, with all that it starts (default: any number). Whatever takes a
    /// slot enters a region: `sem.take`, `sem.acquire`, an op with a semaphore. One more throws a `RangeError`.
    pub regions: Option<u64>,
    /// In how many regions the run may be at once (default: any number): those of which it holds the slot, and those that
    /// it waits for. One more throws a `RangeError`.
    pub region_depth: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 * 1024 * 1024,
            stack: 1024 * 1024,
            timeout: None,
            grace: GRACE,
            runs: 10_000,
            output: None,
            regions: None,
            region_depth: None,
        }
    }
}

impl Limits {
    /// Sets the memory limit in bytes; less than [`MIN_MEMORY`] is raised to it.
    ///
    /// ```
    /// use cla_runtime::error::ErrorKind;
    /// use cla_runtime::{Engine, Limits, RunOptions, Script};
    ///
    /// let limits = Limits::default().memory(8 * 1024 * 1024);
    /// let script = Script::javascript("greedy", "const all = []; for (;;) all.push('x'.repeat(100_000));");
    /// let report = Engine::new().run(script, RunOptions::new().limits(limits)).wait();
    /// assert_eq!(report.result.unwrap_err().kind, ErrorKind::OutOfMemory);
    /// ```
    #[must_use]
    pub fn memory(mut self, bytes: usize) -> Self {
        self.memory = bytes.max(MIN_MEMORY);
        self
    }

    /// Sets the stack limit in bytes, brought into the range [`MIN_STACK`] to [`MAX_STACK`].
    #[must_use]
    pub fn stack(mut self, bytes: usize) -> Self {
        self.stack = bytes.clamp(MIN_STACK, MAX_STACK);
        self
    }

    /// Sets the time limit.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cla_runtime::{Engine, Limits, RunOptions, Script};
    ///
    /// let limits = Limits::default().timeout(Duration::from_millis(20));
    /// let script = Script::javascript("for ever", "while (true) {}");
    /// let report = Engine::new().run(script, RunOptions::new().limits(limits)).wait();
    /// assert_eq!(report.status(), "timed_out");
    /// ```
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sets how long what must happen in the end may take.
    ///
    /// ```
    /// use std::time::Duration;
    /// use cla_runtime::{Engine, Limits, RunOptions, Script};
    ///
    /// let limits = Limits::default().timeout(Duration::from_millis(20)).grace(Duration::from_secs(1));
    /// let text = "try { for (;;); } finally { for (;;); }";
    /// let report = Engine::new().run(Script::javascript("stubborn", text), RunOptions::new().limits(limits)).wait();
    /// assert_eq!(report.status(), "timed_out");
    /// ```
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Sets how many bytes of output the run may write, with all that it starts.
    #[must_use]
    pub fn output(mut self, bytes: u64) -> Self {
        self.output = Some(bytes);
        self
    }

    /// Sets how many regions the run may enter from start to end, with all that it starts.
    ///
    /// ```
    /// use cla_runtime::{Engine, Limits, RunOptions, Script};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let limits = Limits::default().regions(10).region_depth(2);
    /// let rule = Script::javascript("rule", "export const semaphore = 'x'; export default () => 1");
    /// let report = Engine::new().run(rule, RunOptions::new().limits(limits)).await;
    /// assert_eq!(report.result.unwrap(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn regions(mut self, count: u64) -> Self {
        self.regions = Some(count);
        self
    }

    /// Sets in how many regions the run may be at once.
    #[must_use]
    pub fn region_depth(mut self, count: u32) -> Self {
        self.region_depth = Some(count);
        self
    }

    /// Sets how many runs that it started, directly or through others, may live at once.
    #[must_use]
    pub fn runs(mut self, count: usize) -> Self {
        self.runs = count;
        self
    }
}
