//! A program at a terminal of its own: what it writes can be read, and keys can be typed.
//!
//! This is the terminal alone. What a test makes of the bytes (a text, a screen, a prompt) is its own.

#![allow(clippy::unwrap_used)] // a test that cannot go on should stop

use std::io::{self, Read, Write};
use std::process::Command;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use portable_pty::{
    Child, CommandBuilder, ExitStatus, MasterPty, PtySize, SlavePty, native_pty_system,
};

/// How many pieces of output wait to be read. A program that writes more has to wait, as at a slow terminal.
const PIECES: usize = 1 << 14;

/// A terminal, and the program that was started at it. Dropped, it ends the program.
pub struct Pty {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Box<dyn Write + Send>,
    written: Receiver<Vec<u8>>,
    master: Box<dyn MasterPty + Send>,
    /// Keeps the terminal when the program has gone.
    slave: Option<Box<dyn SlavePty + Send>>,
    /// How the terminal was set before the program was there.
    modes: String,
}

impl Pty {
    /// Starts a program in its folder; standard input, output and error are the terminal. The output ends with the program.
    ///
    /// # Panics
    ///
    /// If the machine has no terminal or no such program.
    #[must_use]
    pub fn start(command: &Command, columns: u16, rows: u16) -> Self {
        let mut pty = Self::start_and_stay(command, columns, rows);
        pty.slave = None;
        pty
    }

    /// Starts a program as [`start`](Self::start) does. The terminal stays when the program has gone, so that its modes
    /// can be looked at.
    ///
    /// # Panics
    ///
    /// If the machine has no terminal or no such program.
    #[must_use]
    pub fn start_and_stay(command: &Command, columns: u16, rows: u16) -> Self {
        let pair = native_pty_system().openpty(size(columns, rows)).unwrap();
        let mut builder = CommandBuilder::new(command.get_program());
        builder.args(command.get_args());
        builder.cwd(command.get_current_dir().unwrap());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => builder.env(name, value),
                None => builder.env_remove(name),
            }
        }
        let modes = modes(&*pair.master);
        let child = pair.slave.spawn_command(builder).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, written) = mpsc::sync_channel(PIECES);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            // A terminal says by an error that its last program has gone.
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
            master: pair.master,
            slave: Some(pair.slave),
            modes,
        }
    }

    /// The program's process id.
    ///
    /// # Panics
    ///
    /// If the program has ended and was waited for.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Types the text.
    ///
    /// # Errors
    ///
    /// The program has gone, and its terminal with it.
    pub fn types(&mut self, text: &str) -> io::Result<()> {
        self.keyboard.write_all(text.as_bytes())?;
        self.keyboard.flush()
    }

    /// What the program writes next.
    ///
    /// # Errors
    ///
    /// Nothing was written in time, or the program has gone.
    pub fn next(&self, timeout: Duration) -> Result<Vec<u8>, RecvTimeoutError> {
        self.written.recv_timeout(timeout)
    }

    /// How the program ended, if it has.
    ///
    /// # Panics
    ///
    /// If it cannot be waited for.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Gives the terminal another size.
    ///
    /// # Panics
    ///
    /// If the terminal has gone.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.master.resize(size(columns, rows)).unwrap();
    }

    /// Whether lines are edited, keys echoed, Ctrl-C a signal, and so on, as before the program was there.
    #[must_use]
    pub fn is_as_before(&self) -> bool {
        modes(&*self.master) == self.modes
    }
}

impl Drop for Pty {
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

fn modes(terminal: &dyn MasterPty) -> String {
    let modes = terminal.get_termios().unwrap();
    format!(
        "{:?} {:?} {:?}",
        modes.input_flags, modes.output_flags, modes.local_flags
    )
}
