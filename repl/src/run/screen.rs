//! The two standard streams, and the status line, with one hand on all of them so that nothing tears.

use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use cla_runtime::OutputStream;
use parking_lot::Mutex;
use tokio::sync::Notify;
use unicode_width::UnicodeWidthChar;

/// The terminal's width if it does not tell, in columns.
const WIDTH: usize = 80;

/// Back to the first column, and erase what stands in the line.
const ERASE: &str = "\r\x1b[K";

/// Where everything that the program says goes.
pub(super) struct Screen {
    state: Mutex<State>,
    status_possible: bool,
    /// Why standard output cannot be written to (any more).
    lost: OnceLock<io::Error>,
    on_lost: Notify,
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
        let plain = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        Self {
            state: Mutex::default(),
            status_possible: io::stderr().is_terminal() && !plain,
            lost: OnceLock::new(),
            on_lost: Notify::new(),
        }
    }

    /// Whether a status line would be seen.
    pub(super) fn has_status(&self) -> bool {
        self.status_possible
    }

    /// Writes `text` as it is, and at once.
    ///
    /// Blocks while the reader is slower than the rules: that is how they learn to wait for it.
    pub(super) fn write(&self, stream: OutputStream, text: &str) {
        let mut state = self.state.lock();
        if state.status.is_some() {
            to_stderr(ERASE);
        }
        match stream {
            OutputStream::Stdout => self.to_stdout(&mut state, text),
            OutputStream::Stderr => to_stderr(text),
        }
        if let Some(status) = &state.status {
            to_stderr(status);
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
        // Somebody is writing, maybe to a reader that is slow: the next status will do.
        let Some(mut state) = self.state.try_lock() else {
            return;
        };
        let columns = terminal_size::terminal_size_of(io::stderr())
            .map_or(WIDTH, |(width, _)| usize::from(width.0));
        // A line that fills the last column would wrap in some terminals.
        let line = truncated(text, columns.saturating_sub(1));
        to_stderr(&format!("{ERASE}{line}"));
        state.status = Some(line.to_owned());
    }

    /// Removes the status line, if there is one and nobody is in the middle of writing.
    pub(super) fn clear_status(&self) {
        if let Some(mut state) = self.state.try_lock()
            && state.status.take().is_some()
        {
            to_stderr(ERASE);
        }
    }

    /// Why standard output failed, if it did.
    pub(super) fn lost(&self) -> Option<&io::Error> {
        self.lost.get()
    }

    /// Ends when standard output fails.
    pub(super) async fn until_lost(&self) {
        self.on_lost.notified().await;
    }

    fn to_stdout(&self, state: &mut State, text: &str) {
        if self.lost.get().is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        // Flushed, because a rule may ask for less than a line, and who reads must not wait for it.
        if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush())
            && self.lost.set(error).is_ok()
        {
            self.on_lost.notify_one();
        }
        state.within_line = !text.ends_with('\n');
    }
}

/// What cannot be said on standard error cannot be said at all.
fn to_stderr(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// As much of `text` as fits into `columns`.
fn truncated(text: &str, columns: usize) -> &str {
    let mut used = 0;
    for (at, character) in text.char_indices() {
        used += character.width().unwrap_or(0);
        if used > columns {
            return &text[..at];
        }
    }
    text
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
