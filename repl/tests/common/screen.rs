//! A terminal that understands escape sequences, and the program at it: tests read what a user would see.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};

use super::Folder;

/// No test needs a tenth of this; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal that understands escape sequences, and the program that was started at it.
pub struct Screen {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    written: Receiver<Vec<u8>>,
    pub parser: vt100::Parser,
    master: Box<dyn MasterPty + Send>,
    /// Keeps the terminal when the program has gone.
    _slave: Box<dyn SlavePty + Send>,
    modes: String,
}

impl Screen {
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.cwd(command.get_current_dir().unwrap());
        builder.env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(builder).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, written) = mpsc::channel();
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            child,
            keyboard: pair.master.take_writer().unwrap(),
            written,
            parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
            master: pair.master,
            _slave: pair.slave,
            modes,
        }
    }

    /// `cla sem top` in this folder, when it shows what there is.
    pub fn top(folder: &Folder) -> Self {
        let mut screen = Self::start(&folder.command(&["sem", "top"]), 120, 24);
        screen.shows("● live");
        screen
    }

    pub fn types(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.parser
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn send(&self, signal: Signal) {
        let id = self.child.process_id().unwrap().cast_signed();
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
            match self.written.recv_timeout(left) {
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
            if let Some(status) = self.child.try_wait().unwrap() {
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
        while modes(&*self.master) != self.modes {
            assert!(Instant::now() < deadline, "it is not cooked again");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; one that passed has nothing to leave.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols: columns,
        ..PtySize::default()
    }
}

fn nonzero(number: u16) -> NonZeroU16 {
    NonZeroU16::new(number).unwrap()
}

/// Whether lines are edited, keys echoed, Ctrl-C a signal, and so on.
fn modes(terminal: &dyn MasterPty) -> String {
    let modes = terminal.get_termios().unwrap();
    format!(
        "{:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.local_flags
    )
}
