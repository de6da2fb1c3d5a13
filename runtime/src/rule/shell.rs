//! Shell commands: started in a process group of their own, read while they run, and killed with whoever started them.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use crate::output::OutputStream;
use crate::run::Run;

/// What a command left running in the background may go on writing; nobody reads that any longer than this after
/// the command itself has ended.
const LINGER: Duration = Duration::from_millis(250);

/// The most that is kept of what a command writes, in bytes, of each stream.
const MOST_KEPT: usize = 16 << 20;

/// How a command ended.
pub(super) struct Ended {
    /// Its exit code; 128 + N if signal N ended it.
    pub(super) code: i32,
    pub(super) output: String,
    pub(super) error: String,
}

/// Runs a command of the shell. What it writes is kept; or goes, line by line, to the output of the run `stream`.
/// While that has no room, the command is not read, so that it waits too.
///
/// Dropping the future kills the command and all that it started.
///
/// # Errors
///
/// There is no shell, or the command writes more than can be kept.
pub(super) async fn run(command: &str, stream: Option<&Run>) -> io::Result<Ended> {
    let mut shell = if cfg!(windows) {
        let mut shell = Command::new("cmd");
        shell.args(["/C", command]);
        shell
    } else {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]);
        shell
    };
    shell
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    #[cfg(unix)]
    shell.process_group(0);
    let mut group = Group(shell.spawn()?);
    let (stdout, stderr) = (group.0.stdout.take(), group.0.stderr.take());
    let mut kept = (String::new(), String::new());
    let status = {
        let reading = async {
            tokio::try_join!(
                read(stdout, OutputStream::Stdout, stream, &mut kept.0),
                read(stderr, OutputStream::Stderr, stream, &mut kept.1),
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
        if !read_all && let Ok(done) = tokio::time::timeout(LINGER, &mut reading).await {
            done?;
        }
        status
    };
    Ok(Ended {
        code: code(status),
        output: kept.0,
        error: kept.1,
    })
}

async fn read(
    from: Option<impl AsyncRead + Unpin>,
    which: OutputStream,
    stream: Option<&Run>,
    kept: &mut String,
) -> io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await? > 0 {
        let text = String::from_utf8_lossy(&line);
        match stream {
            Some(run) => run.write_waiting(which, &text).await,
            None if kept.len() + text.len() <= MOST_KEPT => kept.push_str(&text),
            None => {
                let message = format!("the command writes more than {MOST_KEPT} bytes");
                return Err(io::Error::other(message));
            }
        }
        line.clear();
    }
    Ok(())
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
