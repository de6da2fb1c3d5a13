//! Runs the real program, and waits for what it says and how it ends.
#![allow(dead_code, unreachable_pub)] // each test program uses its own part of this
#![allow(clippy::unwrap_used)] // a test that cannot go on panics

#[cfg(unix)]
pub mod browser;
pub mod http;
#[cfg(unix)]
pub mod screen;
#[cfg(unix)]
pub mod terminal;

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// One test waits for a minute; a program that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A folder with rules, and the program started in it.
pub struct Folder(tempfile::TempDir);

/// A rule that holds the only slot of `slot` until there is a semaphore `stop`.
pub const HOLD: (&str, &str) = (
    "hold.js",
    "const sem = require('cla/sem'), util = require('cla/util');
     sem.take('slot', () => {
         print('in');
         while (!sem.show('stop')) util.sleep(0.02);
     });
     print('out')",
);

/// A rule that takes a slot of `slot`, and says how.
pub const QUEUE: (&str, &str) = (
    "queue.js",
    "require('cla/sem').take('slot', (permit) => print(permit.granted ? 'granted' : 'in', permit.token))",
);

/// How `queue.js` was let in, `in` or `granted`, and its fencing token.
pub fn let_in(ended: &Ended) -> (&str, u64) {
    let (how, token) = ended.printed().trim_end().split_once(' ').unwrap();
    (how, token.parse().unwrap())
}

/// How the program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// The program while it runs.
pub struct Running {
    pub child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    stderr: Option<BufReader<ChildStderr>>,
}

impl Folder {
    /// A folder with these files: name and text.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Where the program started here keeps what is its own, and looks for its user's configuration.
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The program with these arguments, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command(self.path(), &self.home(), arguments)
    }

    /// Runs the program to its end.
    pub fn cla(&self, arguments: &[&str]) -> Ended {
        Running::start(self.command(arguments)).end()
    }

    /// Starts the program.
    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }

    /// Starts the rule `hold.js`, and waits until it has the slot.
    pub fn hold(&self) -> Running {
        let mut holder = self.start(&["run", "hold.js"]);
        assert_eq!(holder.stdout_line(), "in\n");
        holder
    }

    /// Lets `hold.js` go on.
    pub fn stop_holding(&self) {
        self.cla(&["sem", "slots", "stop", "1"]).printed();
    }

    /// The semaphore `name` as `cla sem show --json` prints it; null if it is not there.
    pub fn semaphore(&self, name: &str) -> Value {
        let ended = self.cla(&["sem", "list", "--json"]);
        let list: Value = serde_json::from_str(ended.printed()).unwrap();
        let mut all = list.as_array().unwrap().iter();
        all.find(|semaphore| semaphore["name"] == name)
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until `count` requests stand in line for `slot`; gives the semaphore as it is then.
    #[track_caller]
    pub fn until_waiting(&self, count: usize) -> Value {
        self.until("slot", |semaphore| semaphore["waiting"] == count)
    }

    /// Waits until the store knows the process.
    #[track_caller]
    pub fn until_known(&self, pid: u32) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let ended = self.cla(&["doctor", "--json"]);
            let found: Value = serde_json::from_str(ended.printed()).unwrap();
            let mut clients = found["clients"].as_array().unwrap().iter();
            if clients.any(|client| client["pid"] == pid) {
                return;
            }
            assert!(Instant::now() < deadline, "it stays unknown: {found}");
        }
    }

    /// Waits until the semaphore is as it should be.
    #[track_caller]
    pub fn until(&self, name: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let semaphore = self.semaphore(name);
            if is_so(&semaphore) {
                return semaphore;
            }
            assert!(Instant::now() < deadline, "it stays so: {semaphore}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The program, to be started in `folder`, for a user whose own folder is `home`: no test meets the
/// semaphores of another, or of whoever runs the tests.
pub fn command(folder: &Path, home: &Path, arguments: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cla"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env_remove("CLICOLOR_FORCE")
        .env_remove("CLA_STORE")
        .env("CLA_HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// The folder with the examples.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

impl Running {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        Self {
            stdout: child.stdout.take().map(BufReader::new),
            stderr: child.stderr.take().map(BufReader::new),
            child,
        }
    }

    /// Sends the program a signal.
    #[cfg(unix)]
    pub fn send(&self, signal: nix::sys::signal::Signal) {
        let program = nix::unistd::Pid::from_raw(self.child.id().cast_signed());
        nix::sys::signal::kill(program, signal).expect("the program is there");
    }

    /// Gives the program its standard input, all of it.
    pub fn feed(&mut self, text: &str) {
        self.child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    /// The next line on standard output.
    pub fn stdout_line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// Waits for something on standard output, and reads no more than a little of it.
    pub fn begins_to_print(&mut self) {
        let text = self.stdout.as_mut().unwrap().fill_buf().unwrap();
        assert!(!text.is_empty(), "it printed nothing");
    }

    /// The next line on standard error.
    pub fn stderr_line(&mut self) -> String {
        let mut line = String::new();
        self.stderr.as_mut().unwrap().read_line(&mut line).unwrap();
        line
    }

    /// Stops reading standard output: the pipe breaks.
    pub fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// What is left on standard error, when the program has ended.
    pub fn rest_of_stderr(&mut self) -> String {
        let mut text = String::new();
        self.stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        text
    }

    /// Waits for the end, without reading what is left.
    pub fn exit_code(&mut self) -> Option<i32> {
        self.wait()
    }

    /// Reads the rest and waits for the end.
    pub fn end(mut self) -> Ended {
        let stdout = self.stdout.take().map(rest);
        let stderr = self.stderr.take().map(rest);
        let code = self.wait();
        let text = |thread: Option<thread::JoinHandle<String>>| {
            thread.map_or_else(String::new, |thread| thread.join().unwrap())
        };
        Ended {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("the program did not end");
            }
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind; one that passed has nothing to leave.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn rest(mut reader: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    })
}

impl Ended {
    /// What was printed by a program that must have succeeded.
    #[track_caller]
    pub fn printed(&self) -> &str {
        assert_eq!(self.code, Some(0), "{self:?}");
        &self.stdout
    }

    /// The lines on standard output that begin with `name` in brackets, without it.
    pub fn lines_of<'a>(&'a self, name: &str) -> Vec<&'a str> {
        let prefix = format!("[{name}] ");
        self.stdout
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect()
    }
}
