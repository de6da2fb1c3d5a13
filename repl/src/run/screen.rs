//! The two standard streams and the status line, behind one lock, so that their lines do not mix.
//!
//! Nothing here blocks: what the readers do not take at once waits in a queue (see [`QueuedOutput`]).

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use cla_runtime::Output;
use cla_runtime::output::{OutputStream, QueuedOutput};
use parking_lot::Mutex;

use crate::waiting::{ERASE, truncated};

/// The width of a terminal that does not say its width, in columns.
const WIDTH: usize = 80;

/// How long the end of the program waits for a reader that takes nothing; then the rest is dropped.
const PATIENCE: Duration = Duration::from_millis(800);

/// Where everything that the program says goes.
pub(super) struct Screen {
    queue: Arc<QueuedOutput>,
    state: Mutex<State>,
    status_possible: bool,
}

#[derive(Default)]
struct State {
    /// The status line, as it stands on the terminal now.
    status: Option<String>,
    /// Whether the last thing on standard output was not a whole line.
    within_line: bool,
}

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            queue: crate::out::queue(),
            state: Mutex::default(),
            status_possible: crate::waiting::is_seen(),
        }
    }

    /// Whether a status line would be seen.
    pub(super) fn has_status(&self) -> bool {
        self.status_possible
    }

    /// Writes `text` as it is, and at once if the reader takes it.
    pub(super) fn write(&self, stream: OutputStream, text: &str) {
        let mut state = self.state.lock();
        if state.status.is_some() {
            self.to_stderr(ERASE);
        }
        self.queue.write(stream, text);
        if stream == OutputStream::Stdout {
            state.within_line = !text.ends_with('\n');
        }
        if let Some(status) = &state.status {
            self.to_stderr(status);
        }
    }

    /// The queue before the streams.
    pub(super) fn queue(&self) -> &QueuedOutput {
        &self.queue
    }

    /// Drops what is not written yet if the reader has taken nothing for a while. Says whether there is nothing left.
    pub(super) fn give_up_if_stalled(&self) -> bool {
        match self.queue.stalled() {
            None => true,
            Some(stalled) if stalled < PATIENCE => false,
            Some(_) => {
                self.queue.abandon();
                true
            }
        }
    }

    /// Writes whole lines to standard error, on lines of their own also when a rule that shares the
    /// terminal left one unfinished.
    pub(super) fn complain(&self, text: &str) {
        let within_line = {
            let mut state = self.state.lock();
            std::mem::take(&mut state.within_line)
        };
        if within_line && io::stdout().is_terminal() && io::stderr().is_terminal() {
            self.write(OutputStream::Stderr, "\n");
        }
        self.write(OutputStream::Stderr, text);
    }

    /// Shows `text` as the status line, until [`Screen::clear_status`].
    pub(super) fn show_status(&self, text: &str) {
        // The reader is slow, so this status is skipped.
        if self.queue.backlog() > 0 {
            return;
        }
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        let columns = terminal_size::terminal_size_of(io::stderr())
            .map_or(WIDTH, |(width, _)| usize::from(width.0));
        // A line that fills the last column would wrap in some terminals.
        let line = truncated(text, columns.saturating_sub(1));
        self.to_stderr(&format!("{ERASE}{line}"));
        state.status = Some(line.to_owned());
    }

    /// Removes the status line, if there is one.
    pub(super) fn clear_status(&self) {
        if self.state.lock().status.take().is_some() {
            self.to_stderr(ERASE);
        }
    }

    /// Why standard output failed, if it did.
    pub(super) fn lost(&self) -> Option<Arc<io::Error>> {
        self.queue.failure(OutputStream::Stdout)
    }

    /// Ends when standard output fails.
    pub(super) async fn until_lost(&self) {
        self.queue.until_failed(OutputStream::Stdout).await;
    }

    fn to_stderr(&self, text: &str) {
        self.queue.write(OutputStream::Stderr, text);
    }
}

#[cfg(test)]
mod tests {
    use super::truncated;

    #[test]
    fn a_status_line_is_cut_where_the_terminal_ends() {
        assert_eq!(truncated("3 running", 20), "3 running");
        assert_eq!(truncated("3 running", 3), "3 r");
        assert_eq!(truncated("語語語", 5), "語語");
        assert_eq!(truncated("é", 0), "");
    }
}
