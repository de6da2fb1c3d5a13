//! A terminal that understands escape sequences, and the program at it: tests read what a user would see.

use std::num::NonZeroU16;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use cla_tests::pty::Pty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Folder;

/// No test needs a tenth of this; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal that understands escape sequences, and the program that was started at it.
pub struct Screen {
    pty: Pty,
    pub parser: vt100::Parser,
}

impl Screen {
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let mut at_terminal = Command::new(command.get_program());
        at_terminal.args(command.get_args());
        at_terminal.current_dir(command.get_current_dir().unwrap());
        at_terminal.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => at_terminal.env(name, value),
                None => at_terminal.env_remove(name),
            };
        }
        Self {
            pty: Pty::start_and_stay(&at_terminal, columns, rows),
            parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
        }
    }

    /// `cla sem top` in this folder, when it shows what there is.
    pub fn top(folder: &Folder) -> Self {
        let mut screen = Self::start(&folder.command(&["sem", "top"]), 120, 24);
        screen.shows("● live");
        screen
    }

    pub fn types(&mut self, keys: &str) {
        self.pty.types(keys).unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
        self.pty.resize(columns, rows);
    }

    pub fn send(&self, signal: Signal) {
        let id = self.pty.id().cast_signed();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    pub fn text(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub fn until(&mut self, what: &str, is_so: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self.parser.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.pty.next(left) {
                Ok(bytes) => self.parser.process(&bytes),
                Err(error) => panic!("not {what} ({error}):\n{}", self.text()),
            }
        }
    }

    /// Waits until the text is to be read somewhere.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the text is not to be read any more.
    #[track_caller]
    pub fn hides(&mut self, text: &str) {
        let what = format!("without {text}");
        self.until(&what, |screen| !screen.contents().contains(text));
    }

    /// Waits until one line has all of these.
    #[track_caller]
    pub fn shows_line(&mut self, parts: &[&str]) {
        self.until(&format!("{parts:?} in one line"), |screen| {
            let contents = screen.contents();
            let mut lines = contents.lines();
            lines.any(|line| parts.iter().all(|part| line.contains(part)))
        });
    }

    /// Waits for the program's end, and until the terminal is as it was before; gives the exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.pty.ended() {
                break status;
            }
            assert!(Instant::now() < deadline, "it goes on:\n{}", self.text());
            thread::sleep(Duration::from_millis(2));
        };
        self.is_given_back();
        status.exit_code()
    }

    /// Waits until the terminal is as it was.
    #[track_caller]
    pub fn is_given_back(&mut self) {
        self.until("given back", |screen| {
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        });
        let deadline = Instant::now() + PATIENCE;
        while !self.pty.is_as_before() {
            assert!(Instant::now() < deadline, "it is not cooked again");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}
