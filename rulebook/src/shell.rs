//! Shell commands: started in a process group of their own, read while they run, and killed with the op that started them.

use std::cell::Cell;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use cla_runtime::host::Run;
use cla_runtime::internal::MemoryReservation;
use cla_runtime::output::OutputStream;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// What a command left running in the background may go on writing; that is read no longer than this after
/// the command itself has ended.
const LINGER: Duration = Duration::from_millis(250);

/// The most that is kept of what a command writes, in bytes.
const MOST_KEPT: usize = 16 << 20;

/// The longest command, in bytes: what Linux takes as one argument. Elsewhere the system may say no to less.
const MOST_OF_A_COMMAND: usize = (128 << 10) - 1;

/// A line that is longer, in bytes, is handed on in pieces of this size.
const MOST_OF_A_LINE: usize = 64 << 10;

/// How much is read at once, in bytes.
const CHUNK: usize = 16 << 10;

/// The shell. Who may start it may start everything.
pub(super) const PROGRAM: &str = if cfg!(windows) { "cmd" } else { "sh" };

/// How a command ended.
pub(super) struct Ended {
    /// Its exit code; 128 + N if signal N ended it.
    pub(super) code: i32,
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs a command of the shell for a run. What it writes is kept, as far as the run's memory allows; or, if it `streams`,
/// goes to the run's output, line by line. While that has no room, the command is not read, so that it waits too.
///
/// Dropping the future kills the command and all that it started.
///
/// # Errors
///
/// There is no shell, or the command writes more than can be kept: then it is killed.
pub(super) async fn run(
    run: &Run,
    program: &Path,
    command: &str,
    streams: bool,
) -> io::Result<Ended> {
    if command.len() > MOST_OF_A_COMMAND {
        let message = format!(
            "it has {} bytes, and the system takes {MOST_OF_A_COMMAND}; write what is long to a file",
            command.len()
        );
        return Err(io::Error::new(io::ErrorKind::ArgumentListTooLong, message));
    }
    let mut shell = Command::new(program);
    shell.args([if cfg!(windows) { "/C" } else { "-c" }, command]);
    see_only_permitted(&mut shell, run);
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    shell.process_group(0);
    let mut group = Group(shell.spawn()?);
    let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
    let store = Store {
        run,
        size: Cell::new(0),
        streams,
    };
    let mut kept = (Captured::default(), Captured::default());
    let status = {
        let reading = async {
            tokio::try_join!(
                read(stdout, OutputStream::Stdout, &store, &mut kept.0),
                read(stderr, OutputStream::Stderr, &store, &mut kept.1),
            )
        };
        let mut reading = std::pin::pin!(reading);
        let mut read_all = false;
        let status = loop {
            tokio::select! {
                status = group.0.wait() => break status?,
                done = &mut reading, if !read_all => {
                    done?;
                    read_all = true;
                }
            }
        };
        #[expect(
            clippy::disallowed_methods,
            reason = "commands run in the time of the machine"
        )]
        if !read_all && let Ok(done) = tokio::time::timeout(LINGER, &mut reading).await {
            done?;
        }
        status
    };
    Ok(Ended {
        code: code(status),
        output: text(kept.0.bytes),
        error: text(kept.1.bytes),
    })
}

/// A command sees of the environment what its rule sees; and `PATH`, or it would find no program.
fn see_only_permitted(command: &mut Command, run: &Run) {
    if run.sees_process_environment() {
        return;
    }
    command.env_clear();
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command.envs(run.visible_environment());
}

/// Where what a command writes goes.
struct Store<'a> {
    run: &'a Run,
    /// What is kept of both streams, in bytes.
    size: Cell<usize>,
    streams: bool,
}

/// What is kept of a stream.
#[derive(Default)]
struct Captured {
    bytes: Vec<u8>,
    _reservations: Vec<MemoryReservation>,
}

impl Store<'_> {
    async fn write(&self, which: OutputStream, line: &[u8]) -> io::Result<()> {
        let text = String::from_utf8_lossy(line);
        let written = self.run.write_waiting(which, &text).await;
        written.map_err(io::Error::other)
    }

    fn keep(&self, kept: &mut Captured, chunk: &[u8]) -> io::Result<()> {
        let size = self.size.get() + chunk.len();
        self.size.set(size);
        // The run is given a copy as a string, whose characters may take two bytes each.
        if size > MOST_KEPT || size.saturating_mul(2) > self.run.memory_left() {
            let most = if size > MOST_KEPT {
                format!("{MOST_KEPT} bytes")
            } else {
                "the run's memory can hold".to_owned()
            };
            let message = format!("the command writes more than {most}");
            return Err(io::Error::other(message));
        }
        kept.bytes.extend_from_slice(chunk);
        kept._reservations.push(self.run.count_memory(chunk.len()));
        Ok(())
    }
}

async fn read(
    from: Option<impl AsyncRead + Unpin>,
    which: OutputStream,
    store: &Store<'_>,
    kept: &mut Captured,
) -> io::Result<()> {
    let Some(mut from) = from else { return Ok(()) };
    let mut chunk = vec![0; CHUNK];
    let mut line: Vec<u8> = Vec::new();
    loop {
        let count = from.read(&mut chunk).await?;
        if !store.streams {
            if count == 0 {
                return Ok(());
            }
            store.keep(kept, &chunk[..count])?;
            continue;
        }
        if count == 0 {
            if !line.is_empty() {
                store.write(which, &line).await?;
            }
            return Ok(());
        }
        for part in chunk[..count].split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                store.write(which, &line).await?;
                line.clear();
            } else if line.len() >= MOST_OF_A_LINE {
                let rest = line.split_off(whole_characters(&line));
                store.write(which, &line).await?;
                line = rest;
            }
        }
    }
}

/// How much of this is no beginning of a character whose end is still to come, in bytes.
fn whole_characters(bytes: &[u8]) -> usize {
    // A character begins within the last four bytes, or it is none.
    let from = bytes.len().saturating_sub(4);
    let begins = |byte: &u8| *byte & 0b1100_0000 != 0b1000_0000;
    let Some(last) = bytes[from..].iter().rposition(begins) else {
        return bytes.len();
    };
    match std::str::from_utf8(&bytes[from + last..]) {
        Err(error) if error.error_len().is_none() && from + last > 0 => from + last,
        _ => bytes.len(),
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn code(status: std::process::ExitStatus) -> i32 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return 128 + signal;
    }
    status.code().unwrap_or(1)
}

/// A command with all that it started. Killed when dropped, unless it has ended by itself: then what it left in the
/// background lives on.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        // There is none once it was waited for.
        if let Some(id) = self.0.id() {
            let group = nix::unistd::Pid::from_raw(id.cast_signed());
            // It may have ended at this moment.
            let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        }
    }
}
