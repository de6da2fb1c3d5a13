//! Where a rule's `print`, `console` and log lines go.

use std::io::Write;

/// The two streams a rule writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OutputStream {
    /// What the rule says: `print`, `console.log`, ...
    Stdout,
    /// What it warns of: `console.error`, `console.warn`, ...
    Stderr,
}

/// Receives what a run writes.
///
/// Called on the engine's worker threads, so an implementation that blocks holds up every run of
/// that worker: hand the text on and return.
pub trait Output: Send + Sync + 'static {
    /// Takes `text`, which is one or more whole lines, each with its line feed, unless the rule
    /// asked for less (`cla.printf` without a line feed).
    fn write(&self, stream: OutputStream, text: &str);
}

/// Writes to the process's own standard streams; what cannot be written is dropped.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessOutput;

impl Output for ProcessOutput {
    fn write(&self, stream: OutputStream, text: &str) {
        // A rule cannot do anything about a closed pipe; the host decides what that means to it.
        let _ = match stream {
            OutputStream::Stdout => std::io::stdout().lock().write_all(text.as_bytes()),
            OutputStream::Stderr => std::io::stderr().lock().write_all(text.as_bytes()),
        };
    }
}
