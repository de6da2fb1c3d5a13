//! Why a run failed, as the author of the rule needs to see it: what, where, and what to do.
//!
//! A [`RuleError`] is plain data without ties to the engine, so that it outlives its run, crosses threads and
//! serializes. It holds the one line of source that it points at, not the file.

mod members;
mod outcome;
mod place;
mod read;
mod render;
pub(crate) mod source;
pub(crate) mod suspect;

use std::fmt;
use std::time::Duration;

use codespan_reporting::diagnostic::Severity;
use serde::{Deserialize, Serialize};

pub(crate) use outcome::MODULE_NOT_FOUND;

use self::source::{Sources, SyntaxProblem};
use crate::line_ends::LineEnds;

/// Longest message kept, in characters; enough for any sentence, too little to flood a log.
const MESSAGE_MAX: usize = 4_000;

/// What kind of failure ended a run.
///
/// ```
/// use std::time::Duration;
/// use cla_runtime::error::ErrorKind;
/// use cla_runtime::{Engine, Limits, RunOptions, Script};
///
/// let options = RunOptions::new().limits(Limits::default().timeout(Duration::from_millis(20)));
/// let report = Engine::new().run(Script::javascript("rule", "while (true) {}"), options).wait();
/// assert_eq!(report.result.unwrap_err().kind, ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The rule threw something and did not catch it, or a promise was rejected unhandled.
    Exception,
    /// The rule, or a module that it imports, is not valid JavaScript or TypeScript.
    Syntax,
    /// A file could not be found, read or resolved.
    Load,
    /// Someone cancelled the run.
    Cancelled,
    /// The rule ended its run itself with an exit code other than 0: `process.exit(2)`. The code is in the
    /// [report](crate::RunReport::exit_code), and the field `code` of the error's details.
    Exited,
    /// The run exceeded its time limit.
    TimedOut,
    /// The run exceeded its memory limit.
    OutOfMemory,
    /// The run's calls nested deeper than its stack.
    StackOverflow,
    /// The engine runs as many rules as it may: see [`EngineBuilder::max_runs`](crate::EngineBuilder::max_runs). Or it cannot
    /// run any, because this process is a fork of the one in which it was made.
    Refused,
    /// The host's code failed; no fault of the rule.
    Panic,
}

/// A place in a source file as its author wrote it: in TypeScript, not in what it was translated to.
///
/// See [`RuleError`] for an example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Location {
    /// The file, as shown to people.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
}

/// `file:line:column`.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column } = self;
        write!(f, "{}:{line}:{column}", cla_semaphore::printable(file))
    }
}

/// One call on the stack when the error was made, innermost first.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let text = "function connect() {\n  throw new Error('no db1');\n}\nconnect();";
/// let report = Engine::new().run(Script::javascript("rule", text), RunOptions::new()).wait();
/// let frames = report.result.unwrap_err().frames;
/// assert_eq!((frames[0].function.as_deref(), frames[0].location.line), (Some("connect"), 2));
/// assert_eq!(frames[1].location.line, 4);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Frame {
    /// The function's name; `None` for code outside functions and for functions without a name.
    pub function: Option<String>,
    /// Where it was, as in [`Location`].
    #[serde(flatten)]
    pub location: Location,
}

/// The source line that an error points at.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let text = "const a = 1;\n  throw new Error('no db1');";
/// let report = Engine::new().run(Script::javascript("rule", text), RunOptions::new()).wait();
/// let snippet = report.result.unwrap_err().snippet.expect("the place is known");
/// assert!(snippet.text.contains("throw new Error('no db1');"));
/// assert!(snippet.column >= 1 && snippet.length >= 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Snippet {
    /// The line; a long one is cut around the interesting part, with `…` where it was cut.
    pub text: String,
    /// Where in `text` to point, from 1, in characters.
    pub column: u32,
    /// How many characters to underline, at least 1.
    pub length: u32,
}

/// Why a run failed. `Display` gives one line; [`render`](Self::render) shows the source, the stack and the causes.
///
/// ```
/// use cla_runtime::error::ErrorKind;
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// let rule = Script::javascript("rule", "const host = 'db1';\nthrow new RangeError(`no ${host}`);");
/// let error = Engine::new().run(rule, RunOptions::new()).wait().result.unwrap_err();
/// assert_eq!((error.kind, error.name.as_str()), (ErrorKind::Exception, "RangeError"));
/// assert_eq!(error.message, "no db1");
/// let at = error.location.as_ref().unwrap();
/// assert_eq!((at.file.as_str(), at.line), ("rule", 2));
/// assert!(error.render(false).contains("throw new RangeError"));
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleError {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// The error's class, such as `TypeError`; `uncaught` if what was thrown is no error.
    pub name: String,
    /// The error's message, at most 4,000 characters of it.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where it happened: the innermost place within the rule's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The stack, innermost first; the engine records at most 64 frames.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frames: Vec<Frame>,
    /// The source line at `location`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Snippet>,
    /// The error's `cause`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Box<RuleError>>,
    /// The first 16 errors of an `AggregateError`, or the further syntax errors of a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RuleError>,
    /// The error's own enumerable properties, or what was thrown if it is no error; shortened where large.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub details: serde_json::Value,
}

impl RuleError {
    /// Adds a call to the stack, outside of those that are there.
    #[doc(hidden)]
    pub fn add_frame(&mut self, function: String, file: String, line: u32, column: u32) {
        self.frames.push(Frame {
            function: Some(function),
            location: Location { file, line, column },
        });
    }

    /// Reads what a script threw. The rule's code may run (getters), under the run's own limits; what that
    /// throws is swallowed, and at most 32 errors are read along `cause` and `errors`.
    #[doc(hidden)]
    pub fn from_js<'js>(
        ctx: &rquickjs::Ctx<'js>,
        value: &rquickjs::Value<'js>,
        sources: &dyn Sources,
    ) -> Self {
        read::Reader::new(ctx, sources).read(value)
    }

    /// Reads like [`from_js`](Self::from_js), and no source is parsed for it: lines are right, and columns nearly.
    pub(crate) fn roughly_from_js<'js>(
        ctx: &rquickjs::Ctx<'js>,
        value: &rquickjs::Value<'js>,
        sources: &dyn Sources,
    ) -> Self {
        read::Reader::new(ctx, sources).roughly().read(value)
    }

    /// An error for a file that is not valid: the first problem, with the others in `errors`. `file` is the name shown to
    /// people.
    #[doc(hidden)]
    #[must_use]
    pub fn from_problems(
        file: &str,
        text: &str,
        ends: LineEnds,
        problems: Vec<SyntaxProblem>,
    ) -> Self {
        let lines = place::Lines::of(text.into(), ends);
        let mut errors = problems
            .into_iter()
            .map(|problem| {
                let mut error = Self::new(ErrorKind::Syntax, "SyntaxError", problem.message);
                error.help = problem.help;
                error.location = Some(Location {
                    file: file.to_owned(),
                    line: problem.line,
                    column: problem.column,
                });
                error.snippet = lines.line(problem.line).map(|line| {
                    let start = problem.column as usize - 1;
                    place::snippet(line, start..start + problem.length as usize)
                });
                error
            })
            .collect::<Vec<_>>()
            .into_iter();
        let mut first = errors.next().unwrap_or_else(|| {
            Self::new(
                ErrorKind::Syntax,
                "SyntaxError",
                format!("{file} is not valid TypeScript"),
            )
        });
        first.errors = errors.collect();
        first
    }

    /// What a session evaluated was interrupted.
    pub(crate) fn interrupted() -> Self {
        Self::new(ErrorKind::Cancelled, "Interrupted", "interrupted")
    }

    /// The run was cancelled from outside.
    pub(crate) fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "Cancelled", "the run was cancelled")
    }

    /// Another run took the place of the run.
    pub(crate) fn replaced(message: String) -> Self {
        Self::new(ErrorKind::Cancelled, "Replaced", message)
    }

    /// The rule ended itself.
    pub(crate) fn exited(code: i32) -> Self {
        let message = format!("the rule ended itself with the exit code {code}");
        let mut error = Self::new(ErrorKind::Exited, "Exit", message);
        error.details = serde_json::json!({ "code": code });
        error
    }

    /// The run did not start, because its engine shuts down.
    pub(crate) fn engine_closed() -> Self {
        Self::new(
            ErrorKind::Cancelled,
            "Cancelled",
            "the engine is shutting down, so it starts no more runs",
        )
    }

    /// The run did not start, because as many run as may.
    pub(crate) fn refused(message: &str) -> Self {
        Self::new(ErrorKind::Refused, "Refused", message)
    }

    /// The run did not start, because this process cannot run it.
    pub(crate) fn forked(message: &str) -> Self {
        Self::new(ErrorKind::Refused, "Forked", message)
    }

    /// The run took longer than `limit`.
    pub(crate) fn timed_out(limit: Duration) -> Self {
        Self::new(
            ErrorKind::TimedOut,
            "TimedOut",
            format!(
                "the rule took longer than its {limit:?}; let it do less, or raise the run's time limit"
            ),
        )
    }

    /// The run should have ended, and its thread still computes.
    pub(crate) fn unresponsive(mut self) -> Self {
        self.message.push_str(
            "; it is still inside a built-in function that cannot be stopped, so what it held was given up",
        );
        self
    }

    /// The run needed more than `limit` bytes of memory.
    pub(crate) fn out_of_memory(limit: usize) -> Self {
        Self::new(
            ErrorKind::OutOfMemory,
            "OutOfMemory",
            format!(
                "the rule used more than its {} of memory; let it keep less, or raise the run's memory limit",
                bytes(limit)
            ),
        )
    }

    /// The run and those that it shares `limit` bytes of memory with needed more than that together.
    pub(crate) fn family_out_of_memory(limit: usize) -> Self {
        Self::new(
            ErrorKind::OutOfMemory,
            "OutOfMemory",
            format!(
                "the rule and those that started it, or that it started, used more than their {} of memory together; \
                 start fewer at once, let them keep less, or raise the run's memory limit",
                bytes(limit)
            ),
        )
    }

    /// The run's calls needed more than `limit` bytes of stack.
    pub(crate) fn stack_overflow(limit: usize) -> Self {
        Self::new(
            ErrorKind::StackOverflow,
            "StackOverflow",
            format!(
                "the rule's calls nest deeper than its {} of stack; look for a function that calls itself \
                 without end, or raise the run's stack limit",
                bytes(limit)
            ),
        )
    }

    /// A file could not be found, read or resolved.
    #[doc(hidden)]
    pub fn load(message: impl Into<String>, help: Option<String>) -> Self {
        let mut error = Self::new(ErrorKind::Load, "LoadError", message);
        error.help = help;
        error
    }

    /// What a run returned has another form than its host expects.
    pub(crate) fn unexpected_value(run: &str, problem: &str) -> Self {
        Self::new(
            ErrorKind::Exception,
            "UnexpectedValue",
            format!("what {run} returned is not what its caller expects: {problem}"),
        )
    }

    /// A function of the host panicked.
    pub(crate) fn panic(message: &str) -> Self {
        let mut error = Self::new(
            ErrorKind::Panic,
            "Panic",
            format!("the program that runs the rule failed: {message}"),
        );
        error.help =
            Some("this is a fault of that program, not of the rule: please report it".to_owned());
        error
    }

    /// Says that this error, which has no place of its own, happened where `other` did.
    #[must_use]
    pub(crate) fn at_place_of(mut self, other: Self) -> Self {
        self.location = other.location;
        self.frames = other.frames;
        self.snippet = other.snippet;
        self
    }

    pub(crate) fn new(kind: ErrorKind, name: &str, message: impl Into<String>) -> Self {
        Self {
            kind,
            name: shorten(name, 200),
            message: shorten(&message.into(), MESSAGE_MAX),
            help: None,
            location: None,
            frames: Vec::new(),
            snippet: None,
            cause: None,
            errors: Vec::new(),
            details: serde_json::Value::Null,
        }
    }

    /// Shows the error with its source line, its stack and its causes, in lines that end with `\n`.
    /// With `colour`, ANSI escape sequences colour it; nothing that the rule wrote can add others.
    ///
    /// ```
    /// use cla_runtime::{Engine, RunOptions, Script};
    ///
    /// let report = Engine::new().run(Script::javascript("rule", "1 +"), RunOptions::new()).wait();
    /// let error = report.result.unwrap_err();
    /// assert!(error.to_string().starts_with("rule:1:"), "{error}");
    /// // With the line of the source, and a mark under the place.
    /// assert!(error.render(false).lines().count() > 1);
    /// ```
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        render::render(self, Severity::Error, colour)
    }

    /// The same, as a warning: it has not happened.
    #[must_use]
    #[doc(hidden)]
    pub fn render_warning(&self, colour: bool) -> String {
        render::render(self, Severity::Warning, colour)
    }
}

impl RuleError {
    /// The error's class and message in one line, without its place: `TypeError: not a function`.
    #[must_use]
    pub fn summary(&self) -> String {
        let one_line = |text: &str| {
            cla_semaphore::printable(&text.replace(['\n', '\r', '\t'], " ")).into_owned()
        };
        match (self.name.as_str(), self.message.as_str()) {
            (name, "") => one_line(name),
            (name, message) => format!("{}: {}", one_line(name), one_line(message)),
        }
    }
}

/// One line: the place, the class and the message. With `{:#}`, the source line, the stack and the causes as well, as
/// [`RuleError::render`] has them.
///
/// ```
/// use cla_runtime::{Engine, RunOptions, Script};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let script = Script::javascript("rule", "\nlet n = 1;\nn();");
/// let error = Engine::new().run(script, RunOptions::new()).await.result.unwrap_err();
/// assert_eq!(error.to_string(), "rule:3:1: TypeError: n is not a function");
/// assert!(format!("{error:#}").contains("3 │ n();"));
/// # }
/// ```
impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return f.write_str(self.render(false).trim_end());
        }
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.summary())
    }
}

impl std::error::Error for RuleError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

/// The first `max` characters, saying how many more there were.
fn shorten(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} more characters)", &text[..end])
        }
    }
}

/// `67108864` as `64 MiB`.
pub(crate) fn bytes(count: usize) -> String {
    match count {
        _ if count >= 1 << 20 && count.is_multiple_of(1 << 20) => format!("{} MiB", count >> 20),
        _ if count >= 1 << 10 && count.is_multiple_of(1 << 10) => format!("{} KiB", count >> 10),
        _ => format!("{count} bytes"),
    }
}

#[cfg(test)]
mod tests;
