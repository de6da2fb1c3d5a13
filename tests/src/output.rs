//! Where the output of a run goes in a test: [`Printed`], [`Discarded`].

use std::sync::{Mutex, MutexGuard};

use cla_runtime::Output;
use cla_runtime::output::OutputStream;

use crate::redis::eventually;

/// Keeps all that is written.
#[derive(Debug, Default)]
pub struct Printed(Mutex<Vec<(OutputStream, String)>>);

impl Printed {
    /// What was written to both streams, in order.
    pub fn text(&self) -> String {
        self.collect(|_| true)
    }

    /// What was written to the standard output.
    pub fn stdout(&self) -> String {
        self.collect(|stream| stream == OutputStream::Stdout)
    }

    /// What was written to the standard error.
    pub fn stderr(&self) -> String {
        self.collect(|stream| stream == OutputStream::Stderr)
    }

    /// The lines of both streams, in order.
    pub fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    /// How many lines have `text` in them.
    pub fn count(&self, text: &str) -> usize {
        let lines = self.lines();
        lines.iter().filter(|line| line.contains(text)).count()
    }

    /// The lines of both streams since the last call, in order.
    pub fn take_lines(&self) -> Vec<String> {
        let written = std::mem::take(&mut *self.written());
        let lines = written.iter().flat_map(|(_, text)| text.lines());
        lines.map(str::to_owned).collect()
    }

    /// Waits until `text` was written.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn wait_for(&self, text: &str) {
        eventually(&format!("it prints {text}"), || self.text().contains(text));
    }

    fn written(&self) -> MutexGuard<'_, Vec<(OutputStream, String)>> {
        self.0.lock().expect("no test panics while it writes")
    }

    fn collect(&self, wanted: impl Fn(OutputStream) -> bool) -> String {
        let written = self.written();
        let wanted = written.iter().filter(|(stream, _)| wanted(*stream));
        wanted.map(|(_, text)| text.as_str()).collect()
    }
}

impl Output for Printed {
    fn write(&self, stream: OutputStream, text: &str) {
        self.written().push((stream, text.to_owned()));
    }
}

/// Keeps nothing.
#[derive(Debug)]
pub struct Discarded;

impl Output for Discarded {
    fn write(&self, _: OutputStream, _: &str) {}
}
