//! Where a rule's `print`, `console` and log lines go.
//!
//! An [`Output`] takes text and returns. One whose reader may be slow says so by [`Output::ready`]: a run that has more to
//! say than fits is suspended until there is room, as in any wait, and its neighbours go on. [`QueuedOutput`] makes such
//! an output of any writer that blocks.

mod direct;
mod queue;

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use queue::QueuedOutput;

use crate::value::RuleValue;

/// The two streams a rule writes to.
///
/// ```
/// use cla_runtime::output::OutputStream;
///
/// let streams = OutputStream::ALL;
/// assert_eq!(streams, [OutputStream::Stdout, OutputStream::Stderr]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// What the rule says: `print`, `console.log`, ...
    Stdout,
    /// What it warns of: `console.error`, `console.warn`, ...
    Stderr,
}

impl OutputStream {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    pub(crate) fn index(self) -> usize {
        match self {
            Self::Stdout => 0,
            Self::Stderr => 1,
        }
    }
}

/// How much a line of a rule's log matters, as its function in `cla/log` says.
///
/// ```
/// use cla_runtime::output::LogLevel;
///
/// assert!(LogLevel::Warn > LogLevel::Info, "a host can drop what matters less");
/// assert_eq!(LogLevel::Warn.name(), "warn");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// What helps to find a mistake.
    Debug,
    /// What is good to know.
    Info,
    /// What may need a look.
    Warn,
    /// What went wrong.
    Error,
    /// What the rule cannot go on after.
    Fatal,
}

impl LogLevel {
    /// Its name: `debug`, `info`, `warn`, `error`, `fatal`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

/// Something that a rule logs.
///
/// See [`Output::log`] for an example.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogRecord {
    /// How much it matters.
    pub level: LogLevel,
    /// What the rule says. It may have any character; escape it before it goes to a terminal.
    pub message: String,
    /// What is to be dumped with it: usually an object, whose properties are the fields; `Null` if nothing is.
    pub fields: RuleValue,
}

impl LogRecord {
    /// A record.
    #[must_use]
    pub fn new(level: LogLevel, message: impl Into<String>, fields: RuleValue) -> Self {
        Self {
            level,
            message: message.into(),
            fields,
        }
    }
}

/// A future of an [`Output`] that has room again, or has written what it was given.
///
/// ```
/// use std::sync::Arc;
/// use cla_runtime::Output;
/// use cla_runtime::output::{OutputStream, OutputWait};
/// use tokio::sync::Semaphore;
///
/// /// Takes as many writes as there are permits, until others add some.
/// struct Bounded(Arc<Semaphore>);
/// impl Output for Bounded {
///     fn write(&self, _: OutputStream, text: &str) {
///         if let Ok(permit) = self.0.try_acquire() {
///             permit.forget();
///         }
///         print!("{text}");
///     }
///     fn ready(&self, _: OutputStream) -> Option<OutputWait<'_>> {
///         let has_room = self.0.available_permits() > 0;
///         (!has_room).then(|| Box::pin(async { drop(self.0.acquire().await) }) as OutputWait<'_>)
///     }
/// }
/// let output = Bounded(Arc::new(Semaphore::new(1)));
/// assert!(output.ready(OutputStream::Stdout).is_none());
/// output.write(OutputStream::Stdout, "first\n");
/// assert!(output.ready(OutputStream::Stdout).is_some(), "the next one waits");
/// ```
pub type OutputWait<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// Longer texts reach an output in pieces of at most this many bytes, cut at the ends of lines where there are any.
const PIECE: usize = 64 * 1024;

/// How long the end of a run that was stopped waits for an output that takes no more.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// Receives what a run writes.
///
/// Called on the engine's worker threads, so a `write` that blocks holds up every run of that worker: hand the text on
/// and return. An output that cannot take any amount of text says when it has room, with `ready`; [`QueuedOutput`] does
/// this for any writer that blocks.
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use cla_rulebook::RulebookScript;
/// use cla_runtime::output::OutputStream;
/// use cla_runtime::{Engine, Output, RunOptions, Script};
///
/// #[derive(Default)]
/// struct Lines(Mutex<Vec<String>>);
/// impl Output for Lines {
///     fn write(&self, _: OutputStream, text: &str) {
///         self.0.lock().unwrap().extend(text.lines().map(str::to_owned));
///     }
/// }
/// let lines = Arc::new(Lines::default());
/// let engine = Engine::builder().with(cla_rulebook::install).build();
/// let script = Script::rulebook("hello", "do: [echo: hello, echo: again]");
/// engine.run(script, RunOptions::new().output(lines.clone())).wait().result?;
/// assert_eq!(*lines.0.lock().unwrap(), ["hello", "again"]);
/// # Ok::<(), cla_runtime::RuleError>(())
/// ```
pub trait Output: Send + Sync + 'static {
    /// Takes `text`, which is one or more whole lines, each with its line feed, unless the rule
    /// asked for less (`cla.printf` without a line feed) or for more than 64 KiB at once: that comes in pieces.
    fn write(&self, stream: OutputStream, text: &str);

    /// Whether what rules log comes as records, to [`log`](Self::log). By default it does not, and is written as lines of
    /// text, like the rest of the output.
    fn takes_records(&self) -> bool {
        false
    }

    /// Takes what a rule logs with `cla/log`: a level, a message, and fields. Called only if this output
    /// [takes records](Self::takes_records), when it is [ready](Self::ready) for the standard error.
    ///
    /// ```
    /// use cla_runtime::Output;
    /// use cla_runtime::output::{LogRecord, OutputStream};
    ///
    /// struct Lines;
    ///
    /// impl Output for Lines {
    ///     fn write(&self, _: OutputStream, text: &str) {
    ///         print!("{text}");
    ///     }
    ///
    ///     fn takes_records(&self) -> bool {
    ///         true
    ///     }
    ///
    ///     fn log(&self, record: &LogRecord) {
    ///         let fields = record.fields.clone().into_json();
    ///         println!("{}", serde_json::json!({
    ///             "level": record.level.name(), "message": record.message, "fields": fields,
    ///         }));
    ///     }
    /// }
    /// ```
    fn log(&self, record: &LogRecord) {
        self.write(OutputStream::Stderr, &format!("{}\n", record.message));
    }

    /// What a run waits for before it writes to `stream`; `None` if that takes text now, which is the default.
    ///
    /// While a run waits, its time limit, cancellation and interrupts reach it, and other runs of its worker go on. Dropping
    /// the future gives up the wait.
    fn ready(&self, stream: OutputStream) -> Option<OutputWait<'_>> {
        let _ = stream;
        None
    }

    /// How much it was given for `stream` up to now, in a measure of its own; for [`flushed`](Self::flushed).
    fn given(&self, stream: OutputStream) -> u64 {
        let _ = stream;
        0
    }

    /// What the end of a run waits for before its report is out: that what had been given for `stream` at its last
    /// write is where it belongs. `None` if it is, which is the default.
    fn flushed(&self, stream: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        let _ = (stream, given);
        None
    }
}

/// Writes to the process's own standard streams; what cannot be written is dropped.
///
/// A run waits for a slow reader without holding up its neighbours. What is written does not pass through the buffer of
/// [`std::io::stdout`]: a host that writes less than a line there flushes it before it starts a run.
///
/// ```
/// use std::sync::Arc;
/// use cla_runtime::output::ProcessOutput;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// // What a run has that is given no output.
/// let options = RunOptions::new().output(Arc::new(ProcessOutput));
/// assert!(Engine::new().run(Script::javascript("sum", "1 + 2"), options).wait().is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessOutput;

/// One for the process: two queues before one stream would mix up its lines.
fn process() -> &'static Arc<QueuedOutput> {
    static PROCESS: OnceLock<Arc<QueuedOutput>> = OnceLock::new();
    PROCESS.get_or_init(|| Arc::new(QueuedOutput::standard_streams()))
}

impl ProcessOutput {
    /// The queue before the process's standard streams.
    pub fn queue() -> Arc<QueuedOutput> {
        Arc::clone(process())
    }
}

impl Output for ProcessOutput {
    fn write(&self, stream: OutputStream, text: &str) {
        process().write(stream, text);
    }

    fn ready(&self, stream: OutputStream) -> Option<OutputWait<'_>> {
        process().ready(stream)
    }

    fn given(&self, stream: OutputStream) -> u64 {
        process().given(stream)
    }

    fn flushed(&self, stream: OutputStream, given: u64) -> Option<OutputWait<'_>> {
        process().flushed(stream, given)
    }
}

/// As much of `text` as is written at once, and the rest.
pub(crate) fn piece(text: &str) -> (&str, &str) {
    if text.len() <= PIECE {
        return (text, "");
    }
    let end = text.floor_char_boundary(PIECE);
    let end = text[..end].rfind('\n').map_or(end, |at| at + 1);
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::{PIECE, piece};

    #[test]
    fn a_long_text_is_cut_where_a_line_ends_and_never_within_a_character() {
        assert_eq!(piece("a\nb"), ("a\nb", ""));
        let lines = "語語\n".repeat(PIECE);
        let (first, rest) = piece(&lines);
        assert!(first.len() <= PIECE && first.ends_with('\n'));
        assert_eq!(first.len() + rest.len(), lines.len());
        let line = "語".repeat(PIECE);
        let (first, rest) = piece(&line);
        assert!(first.len() <= PIECE && first.len() > PIECE - 4);
        assert_eq!(first.len() + rest.len(), line.len());
    }
}
