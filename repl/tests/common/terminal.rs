//! The program at a terminal of its own, as a user sees it.

use std::process::Command;
use std::thread;
use std::time::Instant;

use cla_tests::pty::Pty;

use super::PATIENCE;

/// A terminal of 100 columns, and the program that was started at it.
pub struct Terminal {
    pty: Pty,
    seen: String,
}

impl Terminal {
    /// Starts the program; standard input, output and error are the terminal.
    pub fn start(command: &Command) -> Self {
        Self {
            pty: Pty::start(command, 100, 24),
            seen: String::new(),
        }
    }

    pub fn id(&self) -> u32 {
        self.pty.id()
    }

    /// Types the text.
    pub fn types(&mut self, text: &str) {
        self.pty.types(text).unwrap();
    }

    /// Waits until `text` is to be read.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pty.next(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(error) => panic!("{text:?} does not appear ({error}): {}", self.seen),
            }
        }
    }

    /// Waits for the end; gives the exit code and all that was to be read.
    pub fn end(mut self) -> (u32, String) {
        let deadline = Instant::now() + PATIENCE;
        // The terminal is read to its end first: a program may wait for that.
        while let Ok(bytes) = self
            .pty
            .next(deadline.saturating_duration_since(Instant::now()))
        {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let status = loop {
            if let Some(status) = self.pty.ended() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end: {}", self.seen);
            thread::yield_now();
        };
        (status.exit_code(), std::mem::take(&mut self.seen))
    }
}
